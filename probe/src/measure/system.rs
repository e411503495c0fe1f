//! The system's resolvers. Their addresses point at the volunteer's home or provider: they are asked, never recorded.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use kedergi_verdict::is_bogon;
use kedergi_wire::SystemResolver;

/// Resolvers asked at most: the second when the first is silent, as the system itself would.
const RESOLVERS: usize = 2;

/// The resolvers named in `resolv_conf`, in its order. Without any it is the one on this machine, as resolv.conf(5) has it.
pub(crate) fn resolvers(resolv_conf: &Path) -> Vec<SocketAddr> {
    let bytes = fs::read(resolv_conf).unwrap_or_else(|error| {
        tracing::warn!(%error, "the file of the system's resolver (key resolv_conf) cannot be read");
        Vec::new()
    });
    let named: Vec<SocketAddr> = parse(&bytes).into_iter().take(RESOLVERS).collect();
    if named.is_empty() { vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))] } else { named }
}

fn parse(bytes: &[u8]) -> Vec<SocketAddr> {
    let (config, _) = resolv_conf::Config::parse_with_errors(bytes);
    config.nameservers.iter().map(|server| SocketAddr::new(IpAddr::from(server), 53)).collect()
}

/// What kind of resolver it is.
pub(crate) fn class(resolver: SocketAddr) -> SystemResolver {
    if is_bogon(resolver.ip()) { SystemResolver::Local } else { SystemResolver::Remote }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_nameservers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resolv.conf");
        fs::write(
            &path,
            "# home\nsearch lan\nnameserver 192.168.1.1\nbroken\nnameserver 2620:fe::fe\nnameserver 9.9.9.9\n",
        )
        .unwrap();
        let found = resolvers(&path);
        assert_eq!(found, ["192.168.1.1:53".parse().unwrap(), "[2620:fe::fe]:53".parse().unwrap()]);
        assert_eq!(class(found[0]), SystemResolver::Local);
        assert_eq!(class(found[1]), SystemResolver::Remote);
    }

    #[test]
    fn without_a_file_it_is_this_machine() {
        assert_eq!(resolvers(Path::new("no/such/file")), ["127.0.0.1:53".parse().unwrap()]);
    }
}
