use jiff::Timestamp;
use kedergi_detector::{Change, Event, EventId};
use kedergi_wire::CountryCode;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::alerts::insert_alert;
use crate::columns::{from_json, micros, timestamp, to_json};
use crate::error::Result;
use crate::{Ledger, NewAlert};

/// How far detection has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detection {
    /// The last fact taken into account; 0 for none.
    pub cursor: i64,
    /// The detector, as JSON; `None` before the first fact.
    pub state: Option<String>,
}

impl Ledger {
    /// How far detection has come.
    pub fn detection(&self) -> Result<Detection> {
        let sql = "SELECT cursor, state FROM detection";
        let stored = self
            .connection
            .query_row(sql, [], |row| Ok(Detection { cursor: row.get("cursor")?, state: Some(row.get("state")?) }));
        Ok(stored.optional()?.unwrap_or_default())
    }

    /// The last fact that detection took into account; 0 for none. Cheaper than [`Ledger::detection`].
    pub fn detection_cursor(&self) -> Result<i64> {
        let stored = self.connection.query_row("SELECT cursor FROM detection", [], |row| row.get(0));
        Ok(stored.optional()?.unwrap_or_default())
    }

    /// Moves detection on: the cursor, the detector, what became known and the alerts about it, all or nothing. An
    /// alert whose id is known is not taken a second time.
    pub fn commit_detection(
        &mut self,
        cursor: i64,
        state: &str,
        changes: &[Change],
        alerts: &[NewAlert],
    ) -> Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.prepare_cached(
            "INSERT INTO detection (row, cursor, state) VALUES (0, ?1, ?2)
             ON CONFLICT (row) DO UPDATE SET cursor = ?1, state = ?2",
        )?
        .execute(params![cursor, state])?;
        for change in changes {
            write_change(&tx, change)?;
        }
        for alert in alerts {
            insert_alert(&tx, alert)?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Events, those that began last first. Retracted ones are left out.
    pub fn events(&self, country: Option<CountryCode>, limit: u32) -> Result<Vec<Event>> {
        let mut select = self.connection.prepare_cached(
            "SELECT body FROM event WHERE retracted = 0 AND ifnull(country = ?1, 1) ORDER BY onset DESC, id LIMIT ?2",
        )?;
        let rows = select.query_and_then(params![country.map(String::from), limit], |row| {
            from_json("event", &row.get::<_, String>(0)?)
        })?;
        rows.collect()
    }

    /// One event; `None` if there is none of that name, or it was retracted.
    pub fn event(&self, id: &EventId) -> Result<Option<Event>> {
        let mut select = self.connection.prepare_cached("SELECT body FROM event WHERE id = ? AND retracted = 0")?;
        let body: Option<String> = select.query_row([&id.0], |row| row.get(0)).optional()?;
        body.map(|body| from_json("event", &body)).transpose()
    }

    /// What became known of an event, in order, each with the moment (event time) at which the measurements told it: of
    /// late ones, the moment of those that had come before. The history of a retracted event can be told too.
    pub fn history(&self, id: &EventId) -> Result<Vec<(Timestamp, Change)>> {
        let mut select =
            self.connection.prepare_cached("SELECT at, change FROM history WHERE event = ? ORDER BY number")?;
        let rows = select.query_and_then([&id.0], |row| {
            Ok((timestamp(row.get("at")?)?, from_json("change", &row.get::<_, String>("change")?)?))
        })?;
        let mut known = Timestamp::MIN;
        let in_order = rows.map(|row| {
            row.map(|(at, change)| {
                known = known.max(at);
                (known, change)
            })
        });
        in_order.collect()
    }
}

fn write_change(tx: &Transaction<'_>, change: &Change) -> Result<()> {
    let event = change.event();
    let onset = event.onset().map_or(0, |onset| micros(onset.latest));
    tx.prepare_cached(
        "INSERT INTO event (id, country, onset, retracted, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET country = ?2, onset = ?3, retracted = ?4, body = ?5",
    )?
    .execute(params![
        event.id.0,
        String::from(event.country),
        onset,
        matches!(change, Change::Retracted(_)),
        to_json("event", event)?,
    ])?;
    tx.prepare_cached("INSERT INTO history (event, at, change) VALUES (?, ?, ?)")?.execute(params![
        event.id.0,
        micros(told(event)),
        to_json("change", change)?,
    ])?;
    Ok(())
}

/// When the measurements sufficed for what the event says now: the latest confirmation or all-clear in its scope.
fn told(event: &Event) -> Timestamp {
    let moments = event.scope.iter().flat_map(|affected| [Some(affected.told()), affected.cleared]);
    moments.flatten().max().unwrap_or_default()
}
