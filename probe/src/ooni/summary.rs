//! Our verdict in OONI's words: `accessible` and `blocking`, and what these cannot say.

use kedergi_verdict::{How, HttpManner, Outcome, Verdict, Why};
use kedergi_wire::Line;
use serde::{Serialize, Serializer};

/// Whether the site could be had, and what kept it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// `None` where the measurement does not tell.
    accessible: Option<bool>,
    blocking: Option<Blocking>,
}

/// What kept the site away; [`Blocking::No`] is written `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blocking {
    No,
    Dns,
    TcpIp,
    HttpFailure,
    HttpDiff,
}

impl Serialize for Blocking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Dns => serializer.serialize_str("dns"),
            Self::TcpIp => serializer.serialize_str("tcp_ip"),
            Self::HttpFailure => serializer.serialize_str("http-failure"),
            Self::HttpDiff => serializer.serialize_str("http-diff"),
        }
    }
}

/// The verdict in OONI's two words.
pub(super) fn summary(outcome: Outcome) -> Summary {
    let (accessible, blocking) = match outcome {
        // They have no word for slow: the page came.
        Outcome::Reachable | Outcome::Throttled => (Some(true), Some(Blocking::No)),
        Outcome::Blocked { how } => (Some(false), Some(kind(how))),
        Outcome::Down => (Some(false), Some(Blocking::No)),
        // A line that is cut altogether is a finding. As `null` it would be thrown away as a failed measurement.
        Outcome::Inconclusive { why: Why::NoConnectivity } => (Some(false), Some(Blocking::No)),
        Outcome::Inconclusive { .. } => (None, None),
    };
    Summary { accessible, blocking }
}

fn kind(how: How) -> Blocking {
    match how {
        How::Dns(_) => Blocking::Dns,
        How::Tcp(_) => Blocking::TcpIp,
        How::Tls(_) | How::Quic(_) | How::Http(HttpManner::Reset | HttpManner::Timeout) => Blocking::HttpFailure,
        How::Http(HttpManner::BlockPage | HttpManner::Different) => Blocking::HttpDiff,
    }
}

/// Whether the line's resolver told the truth about an address, as far as the verdict says.
pub(super) fn dns_consistency(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Blocked { how: How::Dns(_) } => Some("inconsistent"),
        Outcome::Blocked { how: How::Tcp(_) | How::Tls(_) | How::Http(_) | How::Quic(_) }
        | Outcome::Reachable
        | Outcome::Throttled
        | Outcome::Down => Some("consistent"),
        Outcome::Inconclusive { .. } => None,
    }
}

/// The verdict itself, in our words.
#[derive(Debug, Serialize)]
pub(super) struct Own<'a> {
    outcome: &'static str,
    how: Option<How>,
    why: Option<Why>,
    rule: &'a str,
    rules_version: u16,
    #[serde(skip_serializing_if = "<[How]>::is_empty")]
    hindered: &'a [How],
    /// How the line was during the run: who judges again needs it.
    line: Line,
}

impl<'a> Own<'a> {
    pub(super) fn of(verdict: &'a Verdict, line: Line) -> Self {
        Self {
            outcome: verdict.outcome.word(),
            how: verdict.outcome.how(),
            why: verdict.outcome.why(),
            rule: verdict.rule.as_str(),
            rules_version: verdict.rules_version,
            hindered: &verdict.hindered,
            line,
        }
    }
}
