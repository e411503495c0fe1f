//! Whether what leaves this machine goes through a tunnel, such as a VPN's. Then a measurement says nothing of the provider.
//!
//! The kernel is asked which address it would send from, which costs no packet, and so which device the way out leads
//! through. That holds for policy routing too, which the route table alone does not show. A device is a tunnel's if it has no
//! link layer of its own or is a user-space program's, is no piece of hardware, and another device is there that can carry it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// Kinds of links (`ARPHRD_...` in Linux's `if_arp.h`) without a link layer: none (TUN, WireGuard), IP in IP over IPv4 and IPv6,
/// IPv6 in IPv4, GRE over IPv4 and IPv6. PPP is not among them: over it many a provider's own line runs.
const TUNNELS: [u16; 6] = [65534, 768, 769, 776, 778, 823];

/// A network device as far as it matters here.
#[derive(Debug, Clone, Default)]
struct Link {
    name: String,
    addresses: Vec<IpAddr>,
    loopback: bool,
    up: bool,
    tunnel: bool,
}

/// Whether the way to any of `outside` leads through a tunnel.
pub(crate) fn is_on_the_way_to(outside: impl Iterator<Item = IpAddr>) -> bool {
    let from: Vec<IpAddr> = outside.filter_map(sent_from).collect();
    leads_through_tunnel(&links(), &from)
}

fn leads_through_tunnel(links: &[Link], from: &[IpAddr]) -> bool {
    let carries = |link: &Link| link.up && !link.tunnel && !link.loopback && !link.addresses.is_empty();
    let used = |link: &Link| link.tunnel && link.addresses.iter().any(|address| from.contains(address));
    links.iter().any(carries) && links.iter().any(used)
}

/// The address that the kernel would send from. Connecting a UDP socket sends nothing.
fn sent_from(to: IpAddr) -> Option<IpAddr> {
    let any = if to.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // Any port: nothing goes there.
    socket.connect(SocketAddr::new(to, 443)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn links() -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for entry in getifaddrs().into_iter().flatten() {
        let known = links.iter().position(|link| link.name == entry.interface_name);
        let place = known.unwrap_or_else(|| {
            links.push(Link { name: entry.interface_name.clone(), ..Link::default() });
            links.len() - 1
        });
        let link = &mut links[place];
        link.loopback = entry.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        link.up = entry.flags.contains(InterfaceFlags::IFF_UP);
        link.tunnel = is_tunnel(&entry.interface_name);
        let Some(address) = entry.address else { continue };
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        link.addresses.extend(v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))));
    }
    links
}

/// A modem may have no link layer either, but it is a piece of hardware; a TAP device has one, but is a program's.
fn is_tunnel(name: &str) -> bool {
    let about = Path::new("/sys/class/net").join(name);
    let kind = fs::read_to_string(about.join("type")).ok().and_then(|kind| kind.trim().parse().ok());
    let is_kind = kind.map_or_else(|| has_no_layer(name), |kind: u16| TUNNELS.contains(&kind));
    !about.join("device").exists() && (is_kind || about.join("tun_flags").exists())
}

/// Where the file system of the machine does not tell of this network, as in a container of another: the C library names no
/// link address of a device that has none.
fn has_no_layer(name: &str) -> bool {
    let mut of_it = getifaddrs().into_iter().flatten().filter(|entry| entry.interface_name == name);
    !of_it.any(|entry| entry.address.is_some_and(|address| address.as_link_addr().is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, address: &str, tunnel: bool) -> Link {
        let addresses = vec![address.parse().unwrap()];
        Link { name: name.to_owned(), addresses, loopback: name == "lo", up: true, tunnel }
    }

    fn leads(links: &[Link], from: &str) -> bool {
        leads_through_tunnel(links, &[from.parse().unwrap()])
    }

    #[test]
    fn a_way_out_through_a_tunnel_is_noticed() {
        let home = [link("lo", "127.0.0.1", false), link("eth0", "192.168.1.7", false), link("wg0", "10.9.0.2", true)];
        assert!(leads(&home, "10.9.0.2"));
        assert!(!leads(&home, "192.168.1.7"), "a tunnel that is there and not used");
    }

    #[test]
    fn a_tunnel_needs_something_to_carry_it() {
        let only = [link("lo", "127.0.0.1", false), link("net0", "45.80.0.7", true)];
        assert!(!leads(&only, "45.80.0.7"));
        let mut down = [only[0].clone(), only[1].clone(), link("eth0", "192.168.1.7", false)];
        assert!(leads(&down, "45.80.0.7"));
        down[2].up = false;
        assert!(!leads(&down, "45.80.0.7"));
    }
}
