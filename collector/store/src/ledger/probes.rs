use jiff::Timestamp;
use kedergi_wire::{Asn, CountryCode, ProbeId, Role};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use crate::Ledger;
use crate::columns::{micros, network_number, role, role_word, timestamp};
use crate::error::Result;

/// An invitation to enroll.
#[derive(Debug, Clone, Copy)]
pub struct NewInvite {
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// What whoever uses it is trusted with.
    pub role: Role,
    /// How many probes may use it.
    pub uses: u32,
    /// After when it is worth nothing; `None` for never.
    pub expires: Option<Timestamp>,
    /// Whether those who use it are known people's: they are not taken for newcomers.
    pub vouched: bool,
}

/// What became of a request to enroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolled {
    /// The probe is known, with this role. Enrolling again changes nothing and uses nothing up.
    As(Role),
    /// There is no such invitation, or it is used up or expired.
    UnknownInvite,
    /// The probe was enrolled once and is revoked. No invitation brings it back.
    Revoked,
}

/// What is known of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeRow {
    /// What it is trusted with.
    pub role: Role,
    /// Whether its reports are no longer taken.
    pub revoked: bool,
    /// When it enrolled.
    pub enrolled: Timestamp,
    /// Whether whoever invited it vouched for it.
    pub vouched: bool,
}

impl Ledger {
    /// Keeps an invitation.
    pub fn add_invite(&mut self, invite: NewInvite) -> Result<()> {
        self.connection.execute(
            "INSERT INTO invite (code_hash, role, uses_left, expires, vouched) VALUES (?, ?, ?, ?, ?)",
            params![invite.code_hash, role_word(invite.role), invite.uses, invite.expires.map(micros), invite.vouched],
        )?;
        Ok(())
    }

    /// Enrolls a probe with an invitation, using it up once. A probe that is enrolled already keeps its role: it may have
    /// missed the first answer.
    pub fn enroll(&mut self, code_hash: [u8; 32], probe: ProbeId, consent: u16, now: Timestamp) -> Result<Enrolled> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match probe_row(&tx, probe)? {
            Some(row) if row.revoked => return Ok(Enrolled::Revoked),
            Some(row) => return Ok(Enrolled::As(row.role)),
            None => {}
        }
        let Some((invited, vouched)) = use_invite(&tx, code_hash, now)? else { return Ok(Enrolled::UnknownInvite) };
        tx.execute(
            "INSERT INTO probe (id, role, consent, enrolled, vouched) VALUES (?, ?, ?, ?, ?)",
            params![probe.0, role_word(invited), consent, micros(now), vouched],
        )?;
        tx.commit()?;
        Ok(Enrolled::As(invited))
    }

    /// What is known of a probe; `None` if it never enrolled.
    pub fn probe(&self, probe: ProbeId) -> Result<Option<ProbeRow>> {
        probe_row(&self.connection, probe)
    }

    /// Takes nothing more from a probe. `false` if it never enrolled.
    pub fn revoke(&mut self, probe: ProbeId) -> Result<bool> {
        Ok(self.connection.execute("UPDATE probe SET revoked = 1 WHERE id = ?", [probe.0])? == 1)
    }

    /// Notes that a probe is alive, and from where.
    pub fn heartbeat(
        &mut self,
        probe: ProbeId,
        network: Option<Asn>,
        country: Option<CountryCode>,
        now: Timestamp,
    ) -> Result<()> {
        self.connection
            .prepare_cached("UPDATE probe SET seen = ?, network = ?, country = ? WHERE id = ?")?
            .execute(params![micros(now), network_number(network), country.map(String::from), probe.0])?;
        Ok(())
    }

    /// Probes not revoked that gave a sign of life since `since`.
    pub fn alive(&self, since: Timestamp) -> Result<u32> {
        let sql = "SELECT count(*) FROM probe WHERE revoked = 0 AND seen >= ?";
        Ok(self.connection.query_row(sql, [micros(since)], |row| row.get(0))?)
    }
}

fn probe_row(connection: &rusqlite::Connection, probe: ProbeId) -> Result<Option<ProbeRow>> {
    let mut select = connection.prepare_cached("SELECT role, revoked, enrolled, vouched FROM probe WHERE id = ?")?;
    let mut rows = select.query_and_then([probe.0], |row| {
        Ok(ProbeRow {
            role: role(&row.get::<_, String>("role")?)?,
            revoked: row.get("revoked")?,
            enrolled: timestamp(row.get("enrolled")?)?,
            vouched: row.get("vouched")?,
        })
    })?;
    rows.next().transpose()
}

/// Takes one use off the invitation and returns its role, and whether somebody vouches for whoever uses it.
fn use_invite(tx: &Transaction<'_>, code_hash: [u8; 32], now: Timestamp) -> Result<Option<(Role, bool)>> {
    let found: Option<(String, bool)> = tx
        .query_row(
            "UPDATE invite SET uses_left = uses_left - 1
             WHERE code_hash = ? AND uses_left > 0 AND ifnull(expires > ?, 1) RETURNING role, vouched",
            params![code_hash, micros(now)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    found.map(|(word, vouched)| Ok((role(&word)?, vouched))).transpose()
}
