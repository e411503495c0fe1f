//! What one measurement means, against a control. Pure: data in, data out.
//!
//! [`judge`] reads one report and, where there is one, the control's entry for the same target, and returns one
//! [`Verdict`]: an outcome, the rule that fired and the observations it rests on. The rules are a table ([`rules`]) that
//! `README.md` beside this package prints.

#![warn(missing_docs)]

mod address;
mod case;
mod chain;
mod control;
mod crowded;
mod dns;
mod evidence;
#[cfg(test)]
mod example;
mod goodput;
mod hellos;
mod http;
mod identity;
mod judge;
mod line;
mod majority;
mod outcome;
mod page;
mod quic;
mod reach;
mod rule;
mod service;
mod strange;
mod table;
mod tcp;
mod throttle;
mod tls;
mod trigger;

pub use address::is_bogon;
pub use control::control_entry;
pub use crowded::is_host_late;
pub use goodput::{Weight, log_ratios, slowness, weigh};
pub use judge::judge;
pub use outcome::{
    Compared, DnsManner, Evidence, How, HttpManner, Outcome, Pace, QuicManner, Regime, TcpManner, TlsManner, Trigger,
    Verdict, Why,
};
pub use rule::{Rule, RuleId};
pub use service::{ServiceVerdict, judge_service};
pub use strange::strange_pages;
pub use table::{RULES_VERSION, rules};
