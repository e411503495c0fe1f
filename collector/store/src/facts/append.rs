use kedergi_detector::Neighbourhood;
use kedergi_verdict::Outcome;
use kedergi_wire::Role;
use rusqlite::{Transaction, TransactionBehavior, params};

use crate::columns::{micros, network_number, role_word, to_json};
use crate::error::Result;
use crate::{Appended, Fact, Facts, Provenance, StoredBatch};

const MINUTE: i64 = 60_000_000;

impl Facts {
    /// Stores a batch whole or not at all; when this returns it has reached the disk.
    ///
    /// A batch that is known is not stored again. Nor is a fact whose probe has used its sequence number before: a
    /// probe that lost an acknowledgement may pack the same reports into another batch.
    pub fn append(&mut self, batch: &StoredBatch<'_>) -> Result<Appended> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let probe = probe_number(&tx, batch)?;
        let added = tx
            .prepare_cached("INSERT INTO batch (id, probe, bytes) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")?
            .execute(params![batch.id.0, probe, batch.bytes])?;
        if added == 0 {
            return Ok(Appended::Duplicate);
        }
        let number = tx.last_insert_rowid();
        for fact in &batch.facts {
            if insert_fact(&tx, number, probe, fact)? {
                count(&tx, probe, fact)?;
            }
        }
        insert_controls(&tx, batch)?;
        tx.commit()?;
        Ok(Appended::New)
    }
}

impl Facts {
    /// Forgets from which pieces of networks the facts up to `cursor` came.
    pub fn forget_neighbourhoods(&mut self, cursor: i64) -> Result<()> {
        self.connection.prepare_cached("DELETE FROM neighbourhood WHERE fact <= ?")?.execute([cursor])?;
        Ok(())
    }
}

fn probe_number(tx: &Transaction<'_>, batch: &StoredBatch<'_>) -> Result<i64> {
    tx.prepare_cached("INSERT INTO probe (id) VALUES (?) ON CONFLICT (id) DO NOTHING")?.execute([batch.probe.0])?;
    let mut select = tx.prepare_cached("SELECT number FROM probe WHERE id = ?")?;
    Ok(select.query_row([batch.probe.0], |row| row.get(0))?)
}

fn insert_fact(tx: &Transaction<'_>, batch: i64, probe: i64, fact: &Fact) -> Result<bool> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO fact (batch, place, probe, role, sequence, at, target, service, network, country, verdict,
             enrolled, software, list)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (probe, sequence) DO NOTHING",
    )?;
    let Provenance { neighbourhood, enrolled, software, list } = fact.provenance;
    let added = insert.execute(params![
        batch,
        fact.report.index,
        probe,
        role_word(fact.role),
        fact.sequence.cast_signed(),
        micros(fact.at),
        fact.target.as_str(),
        fact.service.as_str(),
        network_number(fact.network),
        fact.country.map(String::from),
        to_json("verdict", &fact.verdict)?,
        enrolled.map(micros),
        software,
        list,
    ])?;
    if let (1, Some(Neighbourhood(value))) = (added, neighbourhood) {
        tx.prepare_cached("INSERT INTO neighbourhood (fact, value) VALUES (?, ?)")?
            .execute(params![tx.last_insert_rowid(), value.cast_signed()])?;
    }
    Ok(added == 1)
}

/// Controls are what others are compared with and never stand in a cell; a report from nowhere belongs to no cell.
fn count(tx: &Transaction<'_>, probe: i64, fact: &Fact) -> Result<()> {
    let (Role::Probe, Some(country)) = (fact.role, fact.country) else { return Ok(()) };
    let column = column(fact.verdict.outcome);
    let mut upsert = tx.prepare_cached(&format!(
        "INSERT INTO bucket (country, minute, service, network, probe, {column}) VALUES (?, ?, ?, ?, ?, 1)
         ON CONFLICT (country, minute, service, ifnull(network, 0), probe) DO UPDATE SET {column} = {column} + 1"
    ))?;
    let minute = micros(fact.at).div_euclid(MINUTE);
    let network = network_number(fact.network);
    upsert.execute(params![String::from(country), minute, fact.service.as_str(), network, probe])?;
    Ok(())
}

fn column(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reachable => "ok",
        Outcome::Blocked { .. } => "blocked",
        Outcome::Throttled => "throttled",
        Outcome::Down => "down",
        Outcome::Inconclusive { .. } => "inconclusive",
    }
}

fn insert_controls(tx: &Transaction<'_>, batch: &StoredBatch<'_>) -> Result<()> {
    let mut insert =
        tx.prepare_cached("INSERT INTO control (target, at, entry) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?;
    for entry in &batch.controls {
        insert.execute(params![entry.target.as_str(), micros(entry.at), to_json("control entry", entry)?])?;
    }
    Ok(())
}
