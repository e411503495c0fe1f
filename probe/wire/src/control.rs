//! What the world sees: the measure against which a probe's report is judged.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Digest, Failure, Layer, Page, TargetUrl, Verification, bounded, limits};

/// What control probes saw of the targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlSnapshot {
    /// When the snapshot was put together.
    pub made: Timestamp,
    /// At most one entry per target.
    #[serde(deserialize_with = "bounded::seq::<_, _, { limits::TARGETS }>")]
    pub entries: Vec<ControlEntry>,
}

impl ControlSnapshot {
    /// The entry for a target.
    pub fn entry(&self, target: &TargetUrl) -> Option<&ControlEntry> {
        self.entries.iter().find(|entry| entry.target == *target)
    }

    /// The targets that answered over HTTP/3.
    pub fn over_h3(&self) -> BTreeSet<TargetUrl> {
        self.entries.iter().filter(|entry| entry.h3 == Some(true)).map(|entry| entry.target.clone()).collect()
    }
}

/// What a probe at a trusted vantage saw of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlEntry {
    /// The target.
    pub target: TargetUrl,
    /// When the control measured it.
    pub at: Timestamp,
    /// Every address any resolver named, sorted.
    #[serde(deserialize_with = "bounded::seq::<_, _, { limits::ADDRESSES }>")]
    pub addresses: Vec<IpAddr>,
    /// The addresses that let themselves be connected to, sorted; empty where that is not known.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::seq::<_, _, { limits::ADDRESSES }>"
    )]
    pub connected: Vec<IpAddr>,
    /// The leaf certificate shown for the target's own URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Digest>,
    /// What the roots said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// As [`Tls::extra_root`](crate::Tls::extra_root), of that certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_root: Option<Digest>,
    /// The answer to the target's own URL (hop 0), redirect or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_page: Option<Page>,
    /// The answer at the end of the redirects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_page: Option<Page>,
    /// Whether the target answered over HTTP/3; `None` where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h3: Option<bool>,
    /// Milliseconds from start to the last answer.
    pub took_ms: u32,
    /// Milliseconds of the handshake at the target's own URL: the quickest that ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake_ms: Option<u32>,
    /// Milliseconds from the request for [`ControlEntry::first_page`] to its last byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_ms: Option<u32>,
    /// Whether the target could be reached.
    pub reached: Reached,
}

/// Whether a control reached the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reached {
    /// It got an answer from the target.
    Yes,
    /// It did not.
    No {
        /// Where it ended.
        layer: Layer,
        /// Why.
        failure: Failure,
    },
}

impl Reached {
    /// Whether it is [`Reached::Yes`].
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}
