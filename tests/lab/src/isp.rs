//! The two ISPs of the lab.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedergi_wire::Asn;
use serde::{Deserialize, Serialize};

/// One of the two ISPs. A scene censors one and leaves the other alone, so that both are seen side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Isp {
    /// AS64501, 10.1.0.0/16.
    #[serde(rename = "isp-a")]
    A,
    /// AS64502, 10.2.0.0/16.
    #[serde(rename = "isp-b")]
    B,
}

impl Isp {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];
    /// The country both are in.
    pub const COUNTRY: &str = "KZ";

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "isp-a",
            Self::B => "isp-b",
        }
    }

    /// Its number on the internet.
    pub fn asn(self) -> Asn {
        let number = u32::from(self.number());
        #[expect(clippy::unwrap_used, reason = "64501 and 64502 are not 0, the one number that is refused")]
        Asn::new(64500 + number).unwrap()
    }

    fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
        }
    }

    /// The networks that its addresses are from.
    pub(crate) fn networks(self) -> [String; 2] {
        let number = self.number();
        [format!("10.{number}.0.0/16"), format!("2a0e:97c0:{number}::/48")]
    }

    /// Both addresses of its machine with this number.
    pub fn addresses(self, machine: u8) -> [IpAddr; 2] {
        let v4 = Ipv4Addr::new(10, self.number(), 0, machine);
        let v6 = Ipv6Addr::new(0x2a0e, 0x97c0, u16::from(self.number()), 0, 0, 0, 0, u16::from(machine));
        [v4.into(), v6.into()]
    }
}

impl fmt::Display for Isp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
