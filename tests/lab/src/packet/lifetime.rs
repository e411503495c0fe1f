//! How many routers a packet may still pass, and what is said when it may pass none.

use std::net::IpAddr;

use super::complain;

/// Takes one from the routers that a packet may pass, as each router does. `false`: it may not pass this one. What is no
/// IP packet passes as it is.
pub fn age(bytes: &mut [u8]) -> bool {
    let (at, is_v4) = match bytes.first().map(|byte| byte >> 4) {
        Some(4) => (8, true),
        Some(6) => (7, false),
        _ => return true,
    };
    let Some(left) = bytes.get_mut(at) else { return true };
    if *left <= 1 {
        return false;
    }
    *left -= 1;
    if is_v4 && let Some(Ok(sum)) = bytes.get(10..12).map(<[u8; 2]>::try_from) {
        // The field is the high byte of its word, so the complement of the sum grows by 0x100 (RFC 1624).
        let (sum, carried) = u16::from_be_bytes(sum).overflowing_add(0x100);
        let sum = sum + u16::from(carried);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    true
}

/// What `router` tells the sender of a packet that may pass no more routers.
pub fn expired(router: IpAddr, sender: IpAddr, packet: &[u8]) -> Option<Vec<u8>> {
    // RFC 792: type 11, code 0; RFC 4443: type 3, code 0.
    complain(router, sender, packet, (11, 0), (3, 0))
}

#[cfg(test)]
mod tests {
    use etherparse::Ipv4HeaderSlice;
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{datagram, endpoints};

    fn some(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
        datagram(from.parse().unwrap(), to.parse().unwrap(), payload).unwrap()
    }

    #[test]
    fn the_last_router_says_so() {
        for (from, to, router, field) in [
            ("10.1.0.11:9", "45.80.10.10:9", "10.1.0.1", 8),
            ("[2a0e:97c0:1::b]:9", "[2a0e:8f00::10]:9", "2a0e:97c0:1::1", 7),
        ] {
            let mut packet = some(from, to, b"x");
            let passed = (0..100).take_while(|_| age(&mut packet)).count();
            assert_eq!((passed, packet[field]), (63, 1));
            let (router, (sender, _)) = (router.parse().unwrap(), endpoints(&packet).unwrap());
            let told = expired(router, sender, &packet).unwrap();
            assert_eq!(endpoints(&told), Some((router, sender)));
            assert!(told.ends_with(&packet));
        }
    }

    proptest! {
        #[test]
        fn checksums_stay_true(payload in proptest::collection::vec(any::<u8>(), 0..200), times in 1usize..63) {
            let mut packet = some("10.1.0.11:9", "45.80.10.10:9", &payload);
            (0..times).for_each(|_| assert!(age(&mut packet)));
            let header = Ipv4HeaderSlice::from_slice(&packet).unwrap();
            prop_assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = age(&mut bytes);
        }
    }
}
