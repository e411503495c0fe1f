//! Which piece of a network a connection comes from, without saying where that is.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kedergi_detector::Neighbourhood;
use kedergi_wire::Digest;

use crate::keys::{NoRandomness, random};

const DAY_S: i64 = 24 * 60 * 60;

/// Names neighbourhoods by a keyed hash. The key is nowhere but in memory and new each day (UTC) and after a restart, so that
/// nobody who has the hashes can try out addresses, and a line is not followed from one day to the next.
pub(crate) struct Neighbourhoods(Mutex<Key>);

struct Key {
    day: i64,
    secret: [u8; 32],
}

impl Neighbourhoods {
    pub(crate) fn new(now: Timestamp) -> Result<Self, NoRandomness> {
        Ok(Self(Mutex::new(Key { day: day(now), secret: random()? })))
    }

    /// The name of an address' neighbourhood, today.
    pub(super) fn of(&self, address: IpAddr, now: Timestamp) -> Neighbourhood {
        let mut key = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if key.day != day(now) {
            // Without randomness the old key is better than one that can be guessed.
            if let Ok(secret) = random() {
                *key = Key { day: day(now), secret };
            }
        }
        let hash = Digest::of(&[&key.secret, piece(address.to_canonical()).as_slice()].concat());
        let [a, b, c, d, e, f, g, h, ..] = hash.0;
        Neighbourhood(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

fn day(now: Timestamp) -> i64 {
    now.as_second().div_euclid(DAY_S)
}

/// The part of an address that neighbours share: a /24, of IPv6 a /48. Addresses that nobody has on the internet are machines of a
/// laboratory or a replay, each of which stands for a household of its own.
fn piece(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_private() => v4.octets().to_vec(),
        IpAddr::V4(v4) => v4.octets()[..3].to_vec(),
        IpAddr::V6(v6) => v6.octets()[..6].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 / DAY_S * DAY_S + second).unwrap()
    }

    #[test]
    fn neighbours_share_a_name_for_a_day() {
        let names = Neighbourhoods::new(at(0)).unwrap();
        let name = |address: &str, second| names.of(address.parse().unwrap(), at(second));
        let first = name("192.0.2.1", 0);
        assert_eq!(first, name("192.0.2.254", DAY_S - 1));
        assert_eq!(first, name("::ffff:192.0.2.9", 0));
        assert_ne!(first, name("198.51.100.1", 0));
        assert_eq!(name("2001:db8:1:2::3", 0), name("2001:db8:1:ffff::", 0));
        assert_ne!(name("2001:db8:1::", 0), name("2001:db8:2::", 0));
        assert_ne!(name("127.91.98.1", 0), name("127.91.98.2", 0), "households of a replay");
        assert_ne!(first, name("192.0.2.1", DAY_S), "another day, another key");
    }

    #[test]
    fn another_collector_has_other_names() {
        let name = || Neighbourhoods::new(at(0)).unwrap().of("192.0.2.1".parse().unwrap(), at(0));
        assert_ne!(name(), name());
    }
}
