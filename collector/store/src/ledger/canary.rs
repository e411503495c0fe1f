use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, ProbeId, TargetUrl};
use rusqlite::{Transaction, TransactionBehavior, params};

use crate::Ledger;
use crate::columns::{micros, network_number};
use crate::error::Result;

/// What was said longer ago does not count any more.
const MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What others on a network said of a target counts as said at the same time.
const AT_ONCE: SignedDuration = SignedDuration::from_hours(1);
/// So many others must have reached what one calls blocked.
const OTHERS: u32 = 2;
/// Lies on so many days, because anything may happen to a line on one.
const DAYS: u32 = 2;
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// What a probe said of a target whose true state is known.
#[derive(Debug, Clone)]
pub struct CanaryAnswer {
    /// Who.
    pub probe: ProbeId,
    /// Of what.
    pub target: TargetUrl,
    /// From which network.
    pub network: Option<Asn>,
    /// When it was measured.
    pub at: Timestamp,
    /// What it said.
    pub said: Said,
    /// Whether the target answers every probe, or none.
    pub answers: bool,
}

/// The two things that can be true or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// That it was reached.
    Reached,
    /// That somebody keeps it closed.
    Blocked,
}

impl Ledger {
    /// Keeps an answer; what is older than a week is forgotten. Whether it is a lie: what answers no probe cannot be reached. What
    /// answers every probe may be blocked all the same, but hardly so for one where, within the hour, at least two others on its network reached
    /// it and nobody else found it blocked.
    pub fn answer_canary(&mut self, answer: &CanaryAnswer) -> Result<bool> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let lied = match (answer.answers, answer.said) {
            (false, Said::Reached) => true,
            (true, Said::Blocked) => is_alone(&tx, answer)?,
            (true, Said::Reached) | (false, Said::Blocked) => false,
        };
        tx.execute("DELETE FROM canary WHERE at < ?", [micros(answer.at - MEMORY)])?;
        tx.execute(
            "INSERT INTO canary (probe, target, network, at, said, lied) VALUES (?, ?, ?, ?, ?, ?)",
            params![
                answer.probe.0,
                answer.target.as_str(),
                network_number(answer.network),
                micros(answer.at),
                word(answer.said),
                lied
            ],
        )?;
        tx.commit()?;
        Ok(lied)
    }

    /// Whether a probe lied on two days or more of the last seven.
    pub fn is_distrusted(&self, probe: ProbeId, now: Timestamp) -> Result<bool> {
        let mut select = self
            .connection
            .prepare_cached("SELECT count(DISTINCT at / ?) FROM canary WHERE probe = ? AND at >= ? AND lied = 1")?;
        let since = micros(now - MEMORY);
        let days: u32 = select.query_row(params![DAY_MICROS, probe.0, since], |row| row.get(0))?;
        Ok(days >= DAYS)
    }

    /// How many probes are distrusted now.
    pub fn distrusted(&self, now: Timestamp) -> Result<u32> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM canary WHERE at >= ? AND lied = 1
                   GROUP BY probe HAVING count(DISTINCT at / ?) >= ?)";
        Ok(self.connection.query_row(sql, params![micros(now - MEMORY), DAY_MICROS, DAYS], |row| row.get(0))?)
    }
}

/// Whether enough others on the network say the contrary, and nobody the same.
fn is_alone(tx: &Transaction<'_>, answer: &CanaryAnswer) -> Result<bool> {
    let others = |said| -> Result<u32> {
        let sql = "SELECT count(DISTINCT probe) FROM canary
                   WHERE target = ? AND network = ? AND said = ? AND probe <> ? AND at BETWEEN ? AND ?";
        let values = params![
            answer.target.as_str(),
            network_number(answer.network),
            word(said),
            answer.probe.0,
            micros(answer.at - AT_ONCE),
            micros(answer.at + AT_ONCE),
        ];
        Ok(tx.query_row(sql, values, |row| row.get(0))?)
    };
    Ok(others(Said::Reached)? >= OTHERS && others(Said::Blocked)? == 0)
}

fn word(said: Said) -> &'static str {
    match said {
        Said::Reached => "reached",
        Said::Blocked => "blocked",
    }
}
