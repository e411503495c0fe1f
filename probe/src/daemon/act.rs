//! What follows from the state: heartbeats, uploads and runs are begun here, each where none is under way.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use kedergi_wire::{ControlSnapshot, Heartbeat, Instrument, Kind, Report, TargetUrl, list_digest, seal};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{Cause, Daemon, Run, SOFTWARE};
use crate::outbox::{Next, day};
use crate::pulse::Turn;
use crate::schedule::{Download, Due};
use crate::spool::Kept;
use crate::state;

/// The share of runs in which a target is drawn to be compared: most pages are too small to seem slow.
const BY_LOT: f64 = 0.25;

impl Daemon {
    /// Begins what is due and says when to look again.
    pub(super) fn proceed(&mut self, now: Timestamp) -> Result<(), Cause> {
        let waits = [self.beat(now)?, self.send(now)?, self.begin_run(now)?];
        // Where nothing waits for time alone, something under way will end.
        self.wake = waits.into_iter().flatten().min().unwrap_or(Timestamp::MAX);
        self.tell()
    }

    pub(super) fn dice(&mut self) -> f64 {
        self.rng.random()
    }

    /// A heartbeat, or when the next is due.
    fn beat(&mut self, now: Timestamp) -> Result<Option<Timestamp>, Cause> {
        if self.beating.is_some() {
            return Ok(None);
        }
        let (collector, wait_s) = match self.pulse.next(now) {
            Turn::Beat { collector, wait_s } => (collector, wait_s),
            Turn::Wait(until, _) => return Ok(Some(until)),
            Turn::Never => return Ok(None),
        };
        let Some(url) = self.collectors.get(collector).cloned() else { return Ok(None) };
        let heartbeat = self.heartbeat(now, wait_s)?;
        let envelope = seal(Kind::Heartbeat, &self.key, &heartbeat)?;
        let courier = self.courier.clone();
        self.addressed = collector;
        self.beating = Some(async move { courier.heartbeat(&url, &heartbeat, envelope).await }.boxed_local());
        Ok(None)
    }

    fn heartbeat(&self, now: Timestamp, wait_s: u16) -> Result<Heartbeat, Cause> {
        let counts = self.spool.counts()?;
        Ok(Heartbeat {
            sent: now,
            bundle: self.bundle.as_ref().map(|bundle| bundle.version),
            spooled: counts.unsealed + counts.sealed,
            dropped: counts.dropped,
            software: SOFTWARE.to_owned(),
            wait_s,
        })
    }

    /// An upload, or when the next may begin.
    fn send(&mut self, now: Timestamp) -> Result<Option<Timestamp>, Cause> {
        if self.sending.is_some() {
            return Ok(None);
        }
        let mut next = self.outbox.next(self.spool.waiting(now)?, now);
        while next == Next::Seal {
            self.spool.seal(&self.key)?;
            next = self.outbox.next(self.spool.waiting(now)?, now);
        }
        match next {
            Next::Send(collector) => {
                self.offer(collector)?;
                "sending reports"
            }
            Next::Wait(_, why) | Next::Idle(why) => why,
            Next::Seal => "sealing reports",
        }
        .clone_into(&mut self.life.delivering);
        Ok(next.deadline().map(|(until, _)| until))
    }

    fn offer(&mut self, collector: usize) -> Result<(), Cause> {
        let url = self.collectors.get(collector).cloned();
        let (Some(url), Some(batch)) = (url, self.spool.oldest_batch()?) else { return Ok(()) };
        let courier = self.courier.clone();
        self.offered = Some((collector, batch.id));
        self.sending = Some(async move { courier.deliver(&url, batch).await }.boxed_local());
        Ok(())
    }

    /// A run, or when the next is due.
    fn begin_run(&mut self, now: Timestamp) -> Result<Option<Timestamp>, Cause> {
        if self.measuring.is_some() {
            return Ok(None);
        }
        if let Some(bar) = self.outbox.stopped() {
            // Measuring is a risk to the volunteer; nobody would get anything for it.
            bar.says().clone_into(&mut self.life.measuring);
            return Ok(None);
        }
        let (_, today) = self.spool.traffic(day(now))?;
        let download = Download { today, budget: self.config.download_bytes_per_day };
        let asked = self.schedule.retests().clone();
        let due = self.schedule.next(&self.wanted, download, now, &mut self.rng);
        self.life.next_round = Some(self.schedule.next_round());
        let deadline = due.deadline().map(|(until, _)| until);
        match due {
            Due::Measure(targets) => {
                self.life.last_run = Some((now, targets.len()));
                let compared = self.pick_compared(&targets, &asked, download);
                self.measuring = Some(self.start(targets, compared, now)?);
                "a run is under way"
            }
            Due::Wait(_, why) | Due::Nothing(why) => why,
        }
        .clone_into(&mut self.life.measuring);
        Ok(deadline)
    }

    /// What is compared with a control host however it seems: what was to be tested again, and now and then one target by lot,
    /// as long as bytes are not scarce today.
    fn pick_compared(
        &mut self,
        targets: &[TargetUrl],
        asked: &BTreeSet<TargetUrl>,
        download: Download,
    ) -> BTreeSet<TargetUrl> {
        if download.today > download.budget / 2 {
            return BTreeSet::new();
        }
        let again = targets.iter().filter(|target| asked.contains(*target));
        let by_lot = self.rng.random_bool(BY_LOT).then(|| targets.choose(&mut self.rng)).flatten();
        again.chain(by_lot).cloned().collect()
    }

    /// What the control saw of these targets.
    fn control_of(&self, targets: &[TargetUrl]) -> Option<ControlSnapshot> {
        let control = &self.bundle.as_ref()?.control;
        let entries = targets.iter().filter_map(|target| control.entry(target)).cloned().collect();
        Some(ControlSnapshot { made: control.made, entries })
    }

    fn start(
        &mut self,
        targets: Vec<TargetUrl>,
        compared: BTreeSet<TargetUrl>,
        now: Timestamp,
    ) -> Result<LocalBoxFuture<'static, Vec<Report>>, Cause> {
        let facts = self.life.facts.as_ref().filter(|facts| facts.is_fresh(now));
        let run = Run {
            vantage: state::vantage(facts, &self.config),
            clock_offset_ms: facts.map(|facts| facts.clock_offset_ms),
            first_sequence: self.spool.reserve(targets.len())?,
            control: self.control_of(&targets),
            compared,
            targets,
        };
        let instruments = self.instruments(&run.targets);
        let reports = (self.measure)(run);
        Ok(async move {
            let reports = reports.await;
            let with = |report: Report| Report { instrument: instruments.get(&report.target).cloned(), ..report };
            reports.into_iter().map(with).collect()
        }
        .boxed_local())
    }

    /// With what these are measured. The list is that of now: another may come while the run is under way.
    fn instruments(&self, targets: &[TargetUrl]) -> BTreeMap<TargetUrl, Instrument> {
        let listed = self.bundle.as_ref().map_or(&[][..], |bundle| bundle.targets.as_slice());
        let services: BTreeMap<_, _> = listed.iter().map(|target| (&target.url, &target.service)).collect();
        let with = |target: &TargetUrl| {
            let list = services.get(target).map(|service| list_digest(listed, service));
            (target.clone(), Instrument { software: SOFTWARE.to_owned(), list })
        };
        targets.iter().map(with).collect()
    }

    /// Writes down and logs how things are, where that changed. Reasons name neither target nor probe.
    fn tell(&mut self) -> Result<(), Cause> {
        if !self.life.differs(&self.written) {
            return Ok(());
        }
        if self.life.measuring != self.written.measuring {
            tracing::info!("measuring: {}", self.life.measuring);
        }
        if self.life.delivering != self.written.delivering {
            tracing::info!("delivering: {}", self.life.delivering);
        }
        self.spool.keep_json(Kept::Life, &self.life)?;
        self.written = self.life.clone();
        Ok(())
    }
}
