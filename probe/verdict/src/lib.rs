//! What one measurement means, against a control. Pure: data in, data out.
//!
//! [`judge`] reads one report and, where there is one, the control's entry for the same target, and returns one
//! [`Verdict`]: an outcome, the rule that fired and the observations it rests on. The rules are a table ([`rules`]) that
//! `README.md` beside this package prints.

#![warn(missing_docs)]

mod outcome;
mod rule;

pub use outcome::{DnsManner, Evidence, How, HttpManner, Outcome, TcpManner, TlsManner, Verdict, Why};
pub use rule::RuleId;
