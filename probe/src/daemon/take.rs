//! What comes in: finished runs, collectors' answers to batches and to heartbeats.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kedergi_verdict::{control_entry, judge};
use kedergi_wire::{Report, Role};

use super::{Cause, Daemon};
use crate::outbox::{Answer, Fate, day};
use crate::pulse::Heard;
use crate::spool::{Judged, Kept};
use crate::state::Facts;
use crate::upload::{Bundle, Delivery, News, Trouble};
use crate::{bundle, bytes_received};

impl Daemon {
    /// A run is over: judge it and put it on disk.
    pub(super) fn measured(&mut self, reports: &[Report], now: Timestamp) -> Result<(), Cause> {
        let judged: Vec<Judged> = reports.iter().map(|report| self.judged(report)).collect();
        self.spool.store(reports, &judged, bytes_received(reports), now)?;
        let mut words = BTreeMap::<&str, usize>::new();
        for judged in &judged {
            *words.entry(judged.verdict.outcome.word()).or_default() += 1;
        }
        tracing::info!("a run is over: {} targets, {words:?}", reports.len());
        Ok(())
    }

    /// As the collector will judge it: against the control, and a control against itself.
    fn judged(&self, report: &Report) -> Judged {
        let own = (self.enrolment.role == Role::Control).then(|| control_entry(report));
        let control = self.bundle.as_ref().and_then(|bundle| bundle.control.entry(&report.target));
        let verdict = judge(report, own.as_ref().or(control));
        Judged { target: report.target.clone(), at: report.started, verdict }
    }

    /// A collector answered to a batch, or did not.
    pub(super) fn delivered(&mut self, delivery: &Delivery, now: Timestamp) -> Result<(), Cause> {
        let Some((collector, batch)) = self.offered.take() else { return Ok(()) };
        self.spool.add_traffic(day(now), delivery.sent, 0)?;
        let dice = self.dice();
        match self.outbox.answered(collector, &delivery.answer, now, dice) {
            Fate::Delete => self.spool.acknowledged(batch)?,
            Fate::SetAside(problem) => {
                tracing::warn!("a collector refused a batch for good ({problem}); it is set aside");
                self.spool.set_aside(batch, &problem)?;
            }
            Fate::Keep => {}
        }
        if delivery.answer == Answer::Acknowledged {
            self.met(collector, now);
        }
        Ok(())
    }

    fn met(&mut self, collector: usize, now: Timestamp) {
        self.life.last_contact = Some(now);
        self.life.collector = self.collectors.get(collector).cloned();
    }

    /// A collector answered to a heartbeat, or did not.
    pub(super) fn heard(&mut self, news: Result<News, Trouble>, now: Timestamp) -> Result<(), Cause> {
        let collector = self.addressed;
        let heard = match news {
            Ok(news) => {
                self.met(collector, now);
                self.outbox.set_bar(collector, None);
                self.news(news, now)?
            }
            Err(trouble) => self.trouble(collector, &trouble),
        };
        let dice = self.dice();
        self.pulse.heard(collector, heard, now, dice);
        Ok(())
    }

    fn trouble(&mut self, collector: usize, trouble: &Trouble) -> Heard {
        tracing::info!("no answer to a heartbeat: {}", trouble.in_brief());
        let Some(bar) = trouble.bar() else { return Heard::Nothing(trouble.retry_after()) };
        self.outbox.set_bar(collector, Some(bar));
        Heard::Unwelcome
    }

    fn news(&mut self, news: News, now: Timestamp) -> Result<Heard, Cause> {
        self.life.facts = Some(Facts::from_agenda(&news.agenda, news.received));
        let heard = match news.bundle {
            Bundle::Held => Heard::News,
            Bundle::NotYet => Heard::NoList,
            Bundle::New(bytes) => self.take_bundle(&bytes, now)?,
        };
        self.schedule.retest(news.agenda.retest);
        Ok(heard)
    }

    fn take_bundle(&mut self, bytes: &[u8], now: Timestamp) -> Result<Heard, Cause> {
        let held = self.bundle.as_ref().map(|bundle| bundle.version);
        self.spool.add_traffic(day(now), 0, bytes.len().try_into().unwrap_or(u64::MAX))?;
        match bundle::open(bytes, self.enrolment.collector_key, held) {
            Ok(bundle) => {
                tracing::info!("target list version {}: {} targets", bundle.version, bundle.targets.len());
                self.wanted = bundle::wanted(&bundle, &self.config.skip_categories, self.config.metered);
                self.spool.keep(Kept::Bundle, bytes)?;
                self.spool.forget_other_verdicts(&self.wanted)?;
                self.bundle = Some(bundle);
                Ok(Heard::News)
            }
            Err(error) => {
                tracing::warn!("{error}; it is not taken");
                Ok(Heard::BadList)
            }
        }
    }
}
