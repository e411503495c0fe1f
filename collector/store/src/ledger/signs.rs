use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, CountryCode, ProbeId};
use rusqlite::{TransactionBehavior, params};

use crate::columns::{country, micros, network, network_number, timestamp};
use crate::error::Result;
use crate::{Ledger, StoreError};

/// Detection is told of one sign in five minutes; the next poll but for a moment counts as after them.
const PACE: SignedDuration = SignedDuration::from_secs(270);

/// A probe was alive and reached the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOfLife {
    /// Which.
    pub probe: ProbeId,
    /// When.
    pub at: Timestamp,
    /// On which network.
    pub network: Asn,
    /// Where.
    pub country: CountryCode,
    /// When it enrolled, if nobody vouched for it.
    pub enrolled: Option<Timestamp>,
}

impl Ledger {
    /// Keeps a sign of life for detection, unless one of the last minutes was kept that came from the same network. Whether it did.
    pub fn sign(&mut self, sign: &SignOfLife) -> Result<bool> {
        let (at, network) = (micros(sign.at), network_number(Some(sign.network)));
        let since = micros(sign.at.saturating_sub(PACE).unwrap_or(Timestamp::MIN));
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // A time that has not come is one from before the clock was set.
        let news = tx
            .prepare_cached(
                "UPDATE probe SET told = ?1, told_network = ?2 WHERE id = ?3
                 AND (told IS NULL OR told <= ?4 OR told > ?1 OR told_network IS NOT ?2)",
            )?
            .execute(params![at, network, sign.probe.0, since])?;
        if news == 1 {
            tx.prepare_cached("INSERT INTO sign (probe, at, network, country, enrolled) VALUES (?, ?, ?, ?, ?)")?
                .execute(params![sign.probe.0, at, network, String::from(sign.country), sign.enrolled.map(micros)])?;
        }
        tx.commit()?;
        Ok(news == 1)
    }

    /// Up to `limit` signs of life behind `number`, in the order in which they came, each with its number.
    pub fn signs(&self, number: i64, limit: usize) -> Result<Vec<(i64, SignOfLife)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT number, probe, at, network, country, enrolled FROM sign WHERE number > ? ORDER BY number LIMIT ?",
        )?;
        let rows = select.query_and_then(params![number, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            let place = |what: &str| StoreError::corrupt("sign of life")(&what);
            let sign = SignOfLife {
                probe: ProbeId(row.get("probe")?),
                at: timestamp(row.get("at")?)?,
                network: network(row, "network")?.ok_or_else(|| place("it has no network"))?,
                country: country(row, "country")?.ok_or_else(|| place("it has no country"))?,
                enrolled: row.get::<_, Option<i64>>("enrolled")?.map(timestamp).transpose()?,
            };
            Ok((row.get("number")?, sign))
        })?;
        rows.collect()
    }

    /// Forgets signs of life up to `number`.
    pub fn forget_signs(&mut self, number: i64) -> Result<()> {
        self.connection.execute("DELETE FROM sign WHERE number <= ?", [number])?;
        Ok(())
    }
}
