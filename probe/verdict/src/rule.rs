//! A rule, and the name of one.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::{Evidence, Outcome};

/// Name of a rule, such as `tls-reset`. A name is never given to another rule, so that an old verdict stays readable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub Cow<'static, str>);

impl RuleId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One row of the table by which reports are judged.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub id: RuleId,
    /// What a report means for which it is the first rule to fire.
    pub concludes: Outcome,
    /// When it fires, given that none before it did.
    pub when: &'static str,
    /// Where the reasoning comes from.
    pub source: &'static str,
    /// Looks for what the rule needs and returns what it found.
    pub(crate) look: fn(&Case<'_>) -> Option<Vec<Evidence>>,
}

impl Rule {
    /// The conclusion in words: `reachable`, `blocked: tls reset`, `inconclusive: no-control`.
    pub fn conclusion(&self) -> String {
        let word = self.concludes.word();
        match self.concludes {
            Outcome::Blocked { how } => format!("{word}: {how}"),
            Outcome::Inconclusive { why } => format!("{word}: {why}"),
            Outcome::Reachable | Outcome::Throttled | Outcome::Down => word.to_owned(),
        }
    }
}
