//! Addresses that can be nobody's site.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address and prefix length of the IPv4 ranges that no public site can have (IANA's special-purpose registry,
/// RFC 6890 and later).
const V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// The same within 2000::/3, the only part of IPv6 that is given out.
const V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// How a phone network without IPv4 writes an IPv4 address (RFC 6052).
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address can be nobody's site: loopback, private, link-local, shared (CGNAT), documentation, multicast,
/// reserved. A resolver that names one for a public site lies, and a probe never contacts one.
pub fn is_bogon(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => V4.iter().any(|&range| within_v4(v4, range)),
        IpAddr::V6(v6) if within_v6(v6, NAT64) => {
            let [.., a, b, c, d] = v6.octets();
            is_bogon(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(v6) => !within_v6(v6, GLOBAL_UNICAST) || V6.iter().any(|&range| within_v6(v6, range)),
    }
}

fn within_v4(address: Ipv4Addr, (first, prefix): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= prefix
}

fn within_v6(address: Ipv6Addr, (first, prefix): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bogon(text: &str) -> bool {
        is_bogon(text.parse().unwrap())
    }

    #[test]
    fn nobodys_addresses_are_bogons() {
        let v4 = "0.0.0.0 10.10.34.34 100.64.0.1 100.127.255.255 127.0.0.1 169.254.1.1 172.16.0.1 172.31.255.255 \
                  192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255";
        let v6 = ":: ::1 ::ffff:10.0.0.1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1 2001::1 2001:db8::1 3fff::1 100::1 \
                  64:ff9b::7f00:1";
        for text in v4.split_whitespace().chain(v6.split_whitespace()) {
            assert!(bogon(text), "{text}");
        }
    }

    #[test]
    fn sites_addresses_are_not() {
        let sites = "1.1.1.1 8.8.8.8 45.80.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.3.1 198.20.0.1 \
                     223.255.255.255 ::ffff:8.8.8.8 2001:4860:4860::8888 2a00:1450::1 2606:4700::1 64:ff9b::808:808";
        for text in sites.split_whitespace() {
            assert!(!bogon(text), "{text}");
        }
    }
}
