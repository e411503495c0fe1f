//! What a probe tries besides the plain course of a measurement, to find out what an obstacle reacts to.

use serde::{Deserialize, Serialize};

use crate::Observation;

/// What a trial alters, compared with the target's own course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Altered {
    /// The target's address, under a name that nobody minds.
    InnocentName,
    /// A control host's address, under the target's name.
    TargetNameElsewhere,
    /// A control host's address, under its own name: what the two others are compared with.
    ControlHost,
    /// The question for the target's name, put to a control host, which runs no resolver: who answers stands in between.
    NoResolver,
    /// The target's name and address, with a post-quantum key share: a ClientHello too large for one segment.
    LargeHello,
    /// The target's name and address, with an encrypted ClientHello offered.
    EncryptedHello,
    /// Nothing: what met only silence, once more at the end of the run.
    Nothing,
}

/// One step of a trial. Its observation is told like any other; the rules that read the plain course do not see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What was altered.
    pub altered: Altered,
    /// What was done and seen.
    #[serde(flatten)]
    pub seen: Observation,
}

/// As many bytes fetched twice, close in time and in random order: once as a reader fetches the target, once altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodputPair {
    /// What was altered for [`GoodputPair::control`].
    pub altered: Altered,
    /// As a reader fetches the target (or, where the control host serves both, under the target's name).
    pub target: Transfer,
    /// Altered.
    pub control: Transfer,
}

/// One fetch, timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Milliseconds from the start of the report to the start of the fetch.
    pub after_ms: u32,
    /// Milliseconds of the handshake; `None` where it did not end, or there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake_ms: Option<u32>,
    /// Bytes that came in answer to the request, with what wraps them; 0 where only the handshake was compared, or none came.
    pub bytes: u32,
    /// Milliseconds from the first of these bytes to the last, or to when more were given up.
    pub took_ms: u32,
    /// How many of them came within a quarter of a second from the first: a rate kept by dropping lets some through at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_bytes: Option<u32>,
}
