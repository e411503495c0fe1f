use kedergi_detector::Neighbourhood;
use kedergi_wire::{Batch, BatchId, Envelope, Kind, ProbeId, Report, ReportRef};
use rusqlite::{Row, params};

use crate::columns::{country, from_json, network, role, text, timestamp};
use crate::error::Result;
use crate::{Fact, Facts, Provenance, StoreError};

const COLUMNS: &str = "fact.cursor, batch.id AS batch_id, fact.place, probe.id AS probe_id, fact.role, fact.sequence,
     fact.at, fact.target, fact.service, fact.network, fact.country, fact.verdict,
     fact.enrolled, fact.software, fact.list, neighbourhood.value AS neighbourhood
     FROM fact JOIN batch ON batch.number = fact.batch JOIN probe ON probe.number = fact.probe
     LEFT JOIN neighbourhood ON neighbourhood.fact = fact.cursor";

impl Facts {
    /// Up to `limit` facts behind `cursor` in the order they were stored, each with its own cursor. From 0: all.
    pub fn scan_after(&self, cursor: i64, limit: usize) -> Result<Vec<(i64, Fact)>> {
        let sql = format!("SELECT {COLUMNS} WHERE fact.cursor > ? ORDER BY fact.cursor LIMIT ?");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut select = self.connection.prepare_cached(&sql)?;
        select.query_and_then(params![cursor, limit], |row| Ok((row.get("cursor")?, fact(row)?)))?.collect()
    }

    /// The last `count` facts in the order they were stored.
    pub fn latest(&self, count: usize) -> Result<Vec<Fact>> {
        let last: i64 = self.connection.query_row("SELECT ifnull(max(cursor), 0) FROM fact", [], |row| row.get(0))?;
        let facts = self.scan_after(last.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)), count)?;
        Ok(facts.into_iter().map(|(_, fact)| fact).collect())
    }

    /// The fact about a report together with the report, decoded from its batch.
    pub fn report(&self, report: ReportRef) -> Result<Option<(Fact, Report)>> {
        let sql = format!("SELECT {COLUMNS} WHERE batch.id = ? AND fact.place = ?");
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query_and_then(params![report.batch.0, report.index], fact)?;
        let Some(fact) = rows.next().transpose()? else { return Ok(None) };
        Ok(Some((fact, self.decode(report)?)))
    }

    fn decode(&self, report: ReportRef) -> Result<Report> {
        let mut select = self.connection.prepare_cached("SELECT bytes FROM batch WHERE id = ?")?;
        let bytes: Vec<u8> = select.query_row([report.batch.0], |row| row.get(0))?;
        let batch: Batch = Envelope::parse(&bytes)
            .and_then(|envelope| envelope.decode(Kind::Batch))
            .map_err(|e| StoreError::corrupt("batch")(&e))?;
        let place = usize::from(report.index);
        batch.reports.into_iter().nth(place).ok_or_else(|| StoreError::corrupt("batch")(&"it has fewer reports"))
    }
}

fn fact(row: &Row<'_>) -> Result<Fact> {
    Ok(Fact {
        report: ReportRef { batch: BatchId(row.get("batch_id")?), index: row.get("place")? },
        probe: ProbeId(row.get("probe_id")?),
        role: role(&row.get::<_, String>("role")?)?,
        sequence: row.get::<_, i64>("sequence")?.cast_unsigned(),
        at: timestamp(row.get("at")?)?,
        target: text(row, "target")?,
        service: text(row, "service")?,
        network: network(row, "network")?,
        country: country(row, "country")?,
        provenance: provenance(row)?,
        verdict: from_json("verdict", &row.get::<_, String>("verdict")?)?,
    })
}

fn provenance(row: &Row<'_>) -> Result<Provenance> {
    let enrolled: Option<i64> = row.get("enrolled")?;
    let neighbourhood: Option<i64> = row.get("neighbourhood")?;
    Ok(Provenance {
        neighbourhood: neighbourhood.map(|value| Neighbourhood(value.cast_unsigned())),
        enrolled: enrolled.map(timestamp).transpose()?,
        software: row.get("software")?,
        list: row.get("list")?,
    })
}
