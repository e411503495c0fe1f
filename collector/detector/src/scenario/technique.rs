//! What can be in the way.

use kedergi_verdict::{DnsManner, How, HttpManner, TcpManner, TlsManner};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// What is in the way: layer and manner of a block, such as `tls-timeout`, or `throttle-policed`, `down`, `silence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Technique {
    /// A block.
    Block(How),
    /// Something that slows bytes down.
    Throttle(Throttle),
    /// The service is out of order for the whole world.
    Down,
    /// The service is slow for the whole world.
    Slow,
    /// The network is off: its probes report nothing.
    Silence,
}

/// What is slowed down, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Throttle {
    /// Bytes under the service's name: what exceeds a rate is dropped.
    Policed,
    /// Bytes under the service's name: what exceeds a rate waits in a queue.
    Shaped,
    /// Handshakes under the service's name.
    Handshake,
}

impl Throttle {
    const ALL: [Self; 3] = [Self::Policed, Self::Shaped, Self::Handshake];

    fn word(self) -> &'static str {
        match self {
            Self::Policed => "policed",
            Self::Shaped => "shaped",
            Self::Handshake => "handshake",
        }
    }
}

impl Technique {
    /// Every technique.
    pub fn all() -> impl Iterator<Item = Self> {
        let dns = DnsManner::ALL.iter().copied().map(How::Dns);
        let tcp = TcpManner::ALL.iter().copied().map(How::Tcp);
        let tls = TlsManner::ALL.iter().copied().map(How::Tls);
        let http = HttpManner::ALL.iter().copied().map(How::Http);
        dns.chain(tcp).chain(tls).chain(http).map(Self::Block).chain(Throttle::ALL.map(Self::Throttle)).chain([
            Self::Down,
            Self::Slow,
            Self::Silence,
        ])
    }

    /// The word for it.
    pub fn word(self) -> String {
        match self {
            Self::Block(how) => format!("{}-{}", how.layer(), how.manner()),
            Self::Throttle(how) => format!("throttle-{}", how.word()),
            Self::Down => "down".to_owned(),
            Self::Slow => "slow".to_owned(),
            Self::Silence => "silence".to_owned(),
        }
    }

    /// Whether it meets everybody in the world, controls included.
    pub(crate) fn is_worldwide(self) -> bool {
        match self {
            Self::Down | Self::Slow => true,
            Self::Block(_) | Self::Throttle(_) | Self::Silence => false,
        }
    }

    /// Whether it is somebody's doing that an event should tell of.
    pub(crate) fn is_interference(self) -> bool {
        match self {
            Self::Block(_) | Self::Throttle(_) => true,
            Self::Down | Self::Slow | Self::Silence => false,
        }
    }

    /// Whether a target that is fetched with or without encryption can be met with it.
    pub(crate) fn fits(self, https: bool) -> bool {
        match self {
            Self::Block(How::Tls(_) | How::Quic(_)) | Self::Throttle(_) => https,
            // Encryption keeps strangers from answering in the site's place.
            Self::Block(How::Http(HttpManner::BlockPage | HttpManner::Different)) => !https,
            Self::Block(How::Dns(_) | How::Tcp(_) | How::Http(HttpManner::Reset | HttpManner::Timeout)) => true,
            Self::Down | Self::Slow | Self::Silence => true,
        }
    }
}

impl<'de> Deserialize<'de> for Technique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::all().find(|technique| technique.word() == word).ok_or_else(|| {
            let words: Vec<_> = Self::all().map(Self::word).collect();
            D::Error::custom(format!("{word:?} is no technique; there are {}", words.join(", ")))
        })
    }
}
