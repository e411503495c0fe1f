//! The closed vocabulary of verdicts.

use std::fmt;

use kedergi_wire::{Altered, Layer};
use serde::{Deserialize, Serialize};

use crate::RuleId;

/// What a report means. Contradictory states cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The target answered.
    Reachable,
    /// Somebody on the way keeps the target from being reached.
    Blocked {
        /// On which layer, and how.
        how: How,
    },
    /// The target answers, but something on the way slows it down.
    Throttled,
    /// The target is out of order for everybody, the control included.
    Down,
    /// The report does not tell.
    Inconclusive {
        /// Why not.
        why: Why,
    },
}

impl Outcome {
    /// The outcome's word, one of five.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Blocked { .. } => "blocked",
            Self::Throttled => "throttled",
            Self::Down => "down",
            Self::Inconclusive { .. } => "inconclusive",
        }
    }

    /// How it is blocked, if it is.
    pub fn how(self) -> Option<How> {
        match self {
            Self::Blocked { how } => Some(how),
            Self::Reachable | Self::Throttled | Self::Down | Self::Inconclusive { .. } => None,
        }
    }

    /// Why there is no verdict, if there is none.
    pub fn why(self) -> Option<Why> {
        match self {
            Self::Inconclusive { why } => Some(why),
            Self::Reachable | Self::Blocked { .. } | Self::Throttled | Self::Down => None,
        }
    }
}

impl fmt::Display for Outcome {
    /// The word, and how or why: `blocked tls reset`, `inconclusive no-connectivity`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked { how } => write!(f, "{} {how}", self.word()),
            Self::Inconclusive { why } => write!(f, "{} {why}", self.word()),
            Self::Reachable | Self::Throttled | Self::Down => f.write_str(self.word()),
        }
    }
}

/// Layer and manner of a block: `{"layer": "tls", "manner": "reset"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "layer", content = "manner")]
pub enum How {
    /// The name is answered for falsely or not at all.
    Dns(DnsManner),
    /// The address cannot be connected to.
    Tcp(TcpManner),
    /// The handshake is broken or taken over.
    Tls(TlsManner),
    /// The page is replaced or broken off.
    Http(HttpManner),
    /// HTTP/3 is kept from passing. The same target may well be reached over TCP.
    Quic(QuicManner),
}

impl How {
    /// The layer.
    pub fn layer(self) -> Layer {
        match self {
            Self::Dns(_) => Layer::Dns,
            Self::Tcp(_) => Layer::Tcp,
            Self::Tls(_) => Layer::Tls,
            Self::Http(_) => Layer::Http,
            Self::Quic(_) => Layer::Quic,
        }
    }

    /// The manner, in the words of the methodology.
    pub fn manner(self) -> &'static str {
        match self {
            Self::Dns(manner) => manner.as_str(),
            Self::Tcp(manner) => manner.as_str(),
            Self::Tls(manner) => manner.as_str(),
            Self::Http(manner) => manner.as_str(),
            Self::Quic(manner) => manner.as_str(),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.layer(), self.manner())
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How name resolution is interfered with.
    DnsManner {
        /// The resolver says that the name does not exist.
        NxDomain = "nxdomain",
        /// The resolver names an address that is not the site's.
        WrongAddress = "wrong-address",
        /// The resolver names an address that can be nobody's site: loopback, private, reserved.
        Bogon = "bogon",
        /// Somebody on the path answers before the resolver does.
        Injected = "injected",
        /// The resolver is silent on this name, or answers without an address.
        NoAnswer = "no-answer",
        /// The resolver answers other names and refuses or fails on this one.
        Refused = "refused",
    }
}

words! {
    /// How connecting is interfered with.
    TcpManner {
        /// Nothing comes back.
        Timeout = "timeout",
        /// The first packet is answered with a reset.
        Refused = "refused",
        /// The connection is reset while it is being made.
        Reset = "reset",
        /// A router says that the address cannot be reached.
        Unreachable = "unreachable",
    }
}

words! {
    /// How the handshake is interfered with.
    TlsManner {
        /// A reset answers the name.
        Reset = "reset",
        /// Silence answers the name.
        Timeout = "timeout",
        /// The stream is ended.
        Closed = "closed",
        /// A TLS alert that the site does not send.
        Alert = "alert",
        /// Somebody else's certificate.
        Intercepted = "intercepted",
    }
}

words! {
    /// How the exchange of pages is interfered with.
    HttpManner {
        /// A page that says that the site is blocked.
        BlockPage = "block-page",
        /// A reset answers the request.
        Reset = "reset",
        /// Silence answers the request.
        Timeout = "timeout",
        /// Another page than the site's.
        Different = "different",
    }
}

words! {
    /// How HTTP/3 is interfered with.
    QuicManner {
        /// Silence answers the first packet, which holds the name.
        Timeout = "timeout",
    }
}

words! {
    /// What a block reacts to, as experiments told.
    Trigger {
        /// The target's name: other names pass at its address, and at another address its name does not.
        Name = "name",
        /// The target's address: no name passes there, and elsewhere its name does.
        Address = "address",
        /// The name and the address, each by itself.
        Either = "either",
        /// Only the two together: somebody looks at both, or the site itself does it.
        NameAtAddress = "name-at-address",
    }
}

words! {
    /// Why there is no verdict.
    Why {
        /// Nobody outside answered anything during the run: the line is cut, for everything.
        NoConnectivity = "no-connectivity",
        /// The target failed and no control says how it should look.
        NoControl = "no-control",
        /// The system's resolver answers nobody about anything.
        ResolverDead = "resolver-dead",
        /// A log-in page answers in place of everybody.
        CaptivePortal = "captive-portal",
        /// The failure is the probe's own.
        OwnMachine = "own-machine",
        /// Signs contradict each other, or are too weak to accuse anybody.
        Ambiguous = "ambiguous",
    }
}

/// An outcome, the rule that led to it and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the report means.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The rule that fired.
    pub rule: RuleId,
    /// [`crate::RULES_VERSION`] when it was judged.
    pub rules_version: u16,
    /// Ways that somebody keeps closed beside what the outcome tells: the target may be reached another way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hindered: Vec<How>,
    /// What keeps HTTP/3 from passing reacts to, where that is hindered and an experiment told: silence under this name alone, or
    /// whatever this address is asked for while others answer. `None` where no target of the run answers: then it is the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quic_trigger: Option<Trigger>,
    /// What the block reacts to, where it was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// The experiments that `trigger` rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<Altered>,
    /// How slow the target was beside what it was compared with, where the server does not explain it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// How slow a target was beside what it was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pace {
    /// 1000 * log10 of how many times as long the target took for a byte, or for a handshake: 0 is no difference, 903 eight
    /// times slower.
    pub slowness: i32,
    /// How it was slowed down, where the bytes tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// The pairs that say so; `None` of what was judged before this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// Pairs that alter the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Compared {
    /// What they alter.
    pub altered: Altered,
    /// How many of them tell anything.
    pub pairs: u8,
}

impl Pace {
    /// Whether it is slow enough, three times, to have others look, though not to accuse anybody: what the rules on pairs test
    /// against no difference.
    pub fn seems_slow(&self) -> bool {
        self.slowness >= 500
    }

    /// Whether it seems slow after so many pairs that it is unlikely by chance: one look of others, of which many end after a
    /// single odd pair, does not outweigh that.
    pub fn is_likely_slow(&self) -> bool {
        self.seems_slow() && self.compared.is_some_and(|compared| compared.pairs >= 3)
    }
}

/// How bytes are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// What exceeds a rate is dropped: the first bytes come at once.
    Policed,
    /// What exceeds a rate waits in a queue: the bytes come at an even pace.
    Shaped,
}

/// One thing a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Place of the observation in the report, from 0; `None` where it is the control's or the line's.
    pub observation: Option<u16>,
    /// Place of the step among the report's trials, from 0, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<u16>,
    /// What it shows, as a sentence for a reader who knows no protocols by heart. It names no probe and no volunteer.
    pub says: String,
}
