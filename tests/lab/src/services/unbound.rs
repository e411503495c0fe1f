//! Unbound in its two parts: the resolver of an ISP, which may lie, and the public one outside, which knows the scene's
//! names and speaks DNS over HTTPS too.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use crate::authority::Certificate;
use crate::{Answer, Name, Rule, Site, SiteState};

/// Seconds that an ISP's resolver remembers an answer. Short, so that new rules show soon.
const REMEMBERED: u32 = 2;
/// Seconds that the lab's names say they hold.
const TTL: u32 = 60;
/// An address to which unbound sends nothing (it is its own), so that asking it fails at once.
const NOBODY: &str = "127.0.0.1@9";

/// What every unbound of the lab has in common: one thread, in the foreground, as whoever it is, for everybody.
fn base(folder: &Path, addresses: &[IpAddr]) -> String {
    let folder = folder.display();
    let mut text = format!(
        "server:\n  directory: \"{folder}\"\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  do-daemonize: no\n  \
         use-syslog: no\n  logfile: \"{folder}/unbound.log\"\n  verbosity: 1\n  num-threads: 1\n  \
         module-config: \"iterator\"\n  access-control: 0.0.0.0/0 allow\n  access-control: ::/0 allow\n"
    );
    for address in addresses {
        text += &format!("  interface: {address}@53\n");
    }
    text
}

/// The configuration of an ISP's resolver: it asks `upstream`, and lies where `rules` say so.
pub(crate) fn isp_resolver(folder: &Path, addresses: &[IpAddr], upstream: IpAddr, rules: &[Rule]) -> String {
    let mut text = base(folder, addresses);
    // After a cut it must try the way outside again soon, and not believe for minutes that nobody is there.
    text += &format!(
        "  cache-max-ttl: {REMEMBERED}\n  cache-max-negative-ttl: {REMEMBERED}\n  infra-host-ttl: {REMEMBERED}\n  \
         infra-keep-probing: yes\n  do-not-query-localhost: yes\n"
    );
    let lies = || rules.iter().filter_map(lie);
    for (name, answer, alone) in lies() {
        text += &local_zone(name, answer, alone);
    }
    for (name, ..) in lies().filter(|(_, answer, _)| **answer == Answer::Servfail) {
        text += &format!("forward-zone:\n  name: \"{name}.\"\n  forward-addr: {NOBODY}\n");
    }
    text + &format!("forward-zone:\n  name: \".\"\n  forward-addr: {upstream}\n")
}

fn lie(rule: &Rule) -> Option<(&Name, &Answer, bool)> {
    if let Rule::Resolver { name, answer, alone } = rule { Some((name, answer, *alone)) } else { None }
}

fn local_zone(name: &Name, answer: &Answer, alone: bool) -> String {
    let zone = |kind: &str| format!("  local-zone: \"{name}.\" {kind}\n");
    match answer {
        // Of a transparent zone only what stands in it is answered; the rest is asked for.
        Answer::Address(address) => {
            zone(if alone { "typetransparent" } else { "redirect" }) + &local_data(name, *address)
        }
        Answer::Alias(other) => zone("redirect") + &format!("  local-data: \"{name}. {TTL} IN CNAME {other}.\"\n"),
        Answer::Nxdomain => zone("always_nxdomain"),
        Answer::Nodata => zone("always_nodata"),
        Answer::Refused => zone("always_refuse"),
        Answer::Silent => zone("always_deny"),
        // Not a zone of its own: it is forwarded to nobody.
        Answer::Servfail => String::new(),
    }
}

fn local_data(name: &Name, address: IpAddr) -> String {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    format!("  local-data: \"{name}. {TTL} IN {kind} {address}\"\n")
}

/// The configuration of a portal's resolver: whatever name it is asked for, it names its own first address.
pub(crate) fn portal_resolver(folder: &Path, addresses: &[IpAddr]) -> String {
    let usable: Vec<IpAddr> =
        addresses.iter().copied().filter(|address| address.is_ipv4() || crate::host::has_ipv6()).collect();
    let own = addresses.first().map(|own| format!("  local-data: \". {TTL} IN A {own}\"\n")).unwrap_or_default();
    base(folder, &usable) + "  local-zone: \".\" redirect\n" + &own
}

/// The configuration of the public resolver: it knows the sites and the lab's own names and nothing else.
pub(crate) fn public_resolver(
    folder: &Path,
    addresses: &[IpAddr],
    sites: &[Site],
    own: &[(Name, Vec<IpAddr>)],
    certificate: &Certificate,
) -> String {
    let mut text = base(folder, addresses);
    for address in addresses {
        text += &format!("  interface: {address}@443\n");
    }
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "  https-port: 443\n  tls-service-key: \"{}\"\n  tls-service-pem: \"{}\"\n  local-zone: \".\" static\n",
        certificate.key.display(),
        certificate.certificate.display()
    );
    let sites = sites.iter().filter(|site| site.state != SiteState::Nameless);
    let sites = sites.map(|site| (site.name.clone(), site.named()));
    for (name, addresses) in sites.chain(own.iter().cloned()) {
        text.extend(addresses.iter().map(|address| local_data(&name, *address)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_lies_where_the_rules_say() {
        let rule = |name: &str, answer: &str| Rule::Resolver {
            name: name.parse().unwrap(),
            answer: answer.parse().unwrap(),
            alone: name.starts_with("half"),
        };
        let rules = [
            rule("forged.example", "45.80.66.66"),
            rule("half.example", "2a0e:8f00::66"),
            rule("alias.example", "cname block.example"),
            rule("gone.example", "nxdomain"),
            rule("broken.example", "servfail"),
            Rule::TlsClose { name: "path.example".parse().unwrap() },
        ];
        let text = isp_resolver(Path::new("/lab"), &[], "45.90.0.53".parse().unwrap(), &rules);
        assert!(text.contains(
            "local-zone: \"forged.example.\" redirect\n  local-data: \"forged.example. 60 IN A 45.80.66.66\"\n"
        ));
        assert!(text.contains(
            "local-zone: \"half.example.\" typetransparent\n  local-data: \"half.example. 60 IN AAAA 2a0e:8f00::66\"\n"
        ));
        assert!(text.contains("local-data: \"alias.example. 60 IN CNAME block.example.\"\n"));
        assert!(text.contains("local-zone: \"gone.example.\" always_nxdomain\n"));
        assert!(text.contains("name: \"broken.example.\"\n  forward-addr: 127.0.0.1@9\n"));
        assert!(!text.contains("path.example"));
    }
}
