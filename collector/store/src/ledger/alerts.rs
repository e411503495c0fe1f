use jiff::Timestamp;
use kedergi_detector::EventId;
use rusqlite::{Transaction, params};

use crate::Ledger;
use crate::columns::micros;
use crate::error::Result;

/// An alert to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// Names the alert to receivers too, so that one sent twice is recognised.
    pub id: String,
    /// The event it is about.
    pub event: EventId,
    /// Where it goes.
    pub channel: String,
    /// What it says, ready to be sent.
    pub body: String,
    /// Not to be sent before.
    pub due: Timestamp,
}

/// An alert in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Its name.
    pub id: String,
    /// Where it goes.
    pub channel: String,
    /// What it says.
    pub body: String,
    /// How often it was tried in vain.
    pub attempts: u32,
}

impl Ledger {
    /// Up to `limit` alerts that are due, oldest first.
    pub fn due_alerts(&self, now: Timestamp, limit: u32) -> Result<Vec<AlertRow>> {
        let mut select = self.connection.prepare_cached(
            "SELECT id, channel, body, attempts FROM alert WHERE state = 'due' AND due <= ? ORDER BY due, rowid LIMIT ?",
        )?;
        let rows = select.query_and_then(params![micros(now), limit], |row| {
            Ok(AlertRow {
                id: row.get("id")?,
                channel: row.get("channel")?,
                body: row.get("body")?,
                attempts: row.get("attempts")?,
            })
        })?;
        rows.collect()
    }

    /// When the next alert is due; `None` if none waits.
    pub fn next_alert(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT min(due) FROM alert WHERE state = 'due'";
        let due: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
        due.map(crate::columns::timestamp).transpose()
    }

    /// The alert was delivered.
    pub fn alert_sent(&mut self, id: &str) -> Result<()> {
        self.connection.execute("UPDATE alert SET state = 'sent', error = NULL WHERE id = ?", [id])?;
        Ok(())
    }

    /// The alert was not delivered; it is to be tried again at `next`.
    pub fn alert_failed(&mut self, id: &str, next: Timestamp, error: &str) -> Result<()> {
        self.connection.execute(
            "UPDATE alert SET attempts = attempts + 1, due = ?, error = ? WHERE id = ? AND state = 'due'",
            params![micros(next), error, id],
        )?;
        Ok(())
    }

    /// The alert was not delivered and is not tried again.
    pub fn alert_gave_up(&mut self, id: &str, error: &str) -> Result<()> {
        self.connection.execute(
            "UPDATE alert SET attempts = attempts + 1, state = 'given-up', error = ? WHERE id = ? AND state = 'due'",
            params![error, id],
        )?;
        Ok(())
    }
}

pub(super) fn insert_alert(tx: &Transaction<'_>, alert: &NewAlert) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO alert (id, event, channel, body, due) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )?
    .execute(params![alert.id, alert.event.0, alert.channel, alert.body, micros(alert.due)])?;
    Ok(())
}
