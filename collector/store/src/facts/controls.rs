use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{ControlEntry, TargetUrl};
use rusqlite::{OptionalExtension, params};

use crate::Facts;
use crate::columns::{from_json, micros};
use crate::error::Result;

/// How far from a report in time a control may lie and still say how the target looked then.
pub const CONTROL_WINDOW: SignedDuration = SignedDuration::from_hours(6);

/// Jumps from target to target along the index, so that the cost grows with the targets and not with their history.
const LATEST: &str = "
    WITH RECURSIVE known (target) AS (
        SELECT min(target) FROM control
        UNION ALL
        SELECT (SELECT min(target) FROM control WHERE target > known.target) FROM known WHERE known.target IS NOT NULL
    )
    SELECT (SELECT entry FROM control WHERE control.target = known.target ORDER BY at DESC LIMIT 1)
    FROM known WHERE known.target IS NOT NULL";

const BEFORE: &str = "SELECT at, entry FROM control WHERE target = ?1 AND at <= ?2 ORDER BY at DESC LIMIT 1";
const AFTER: &str = "SELECT at, entry FROM control WHERE target = ?1 AND at > ?2 ORDER BY at LIMIT 1";

impl Facts {
    /// What controls saw last, one entry per target, sorted by target.
    pub fn latest_controls(&self) -> Result<Vec<ControlEntry>> {
        let mut select = self.connection.prepare_cached(LATEST)?;
        select.query_and_then([], |row| from_json("control entry", &row.get::<_, String>(0)?))?.collect()
    }

    /// What a control saw of a target nearest to `at`, not further than [`CONTROL_WINDOW`] from it. Time is that of the
    /// measurements: a report of 2019 is judged by a control of 2019.
    pub fn control_for(&self, target: &TargetUrl, at: Timestamp) -> Result<Option<ControlEntry>> {
        let at = micros(at);
        let neighbours = [self.neighbour(BEFORE, target, at)?, self.neighbour(AFTER, target, at)?];
        let nearest = neighbours.into_iter().flatten().min_by_key(|(there, _)| there.abs_diff(at));
        let window = CONTROL_WINDOW.as_micros().unsigned_abs();
        match nearest {
            Some((there, entry)) if u128::from(there.abs_diff(at)) <= window => {
                from_json("control entry", &entry).map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    fn neighbour(&self, sql: &str, target: &TargetUrl, at: i64) -> Result<Option<(i64, String)>> {
        let mut select = self.connection.prepare_cached(sql)?;
        Ok(select.query_row(params![target.as_str(), at], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }
}
