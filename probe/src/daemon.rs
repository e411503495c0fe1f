//! The daemon: measures the collector's targets again and again and delivers what it saw.
//!
//! One owner holds all state. It waits for an input in one place ([`Daemon::select`]) and changes state in another
//! ([`Daemon::apply`]), which never waits. What takes time (a run, an upload, a heartbeat) is a task of which there is at most
//! one each, and whose result is the next input. What to do is decided by `schedule`, `outbox` and `pulse`, which are pure.

mod act;
mod error;
mod take;

pub use crate::enroll::enroll;
pub use crate::status::status;
pub(crate) use error::Cause;
pub use error::Error;

use std::collections::BTreeSet;
use std::fs::File;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{BatchId, ControlSnapshot, Report, TargetBundle, TargetUrl, Vantage};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use crate::config::is_loopback;
use crate::identity::{DataDir, Enrolment};
use crate::outbox::Outbox;
use crate::pulse::Pulse;
use crate::schedule::Schedule;
use crate::spool::{Kept, Spool};
use crate::state::Life;
use crate::upload::{Courier, Delivery, News, Trouble};
use crate::{Config, Measurer, bundle, measure_run};

/// Name and version, as collectors are told.
pub(crate) const SOFTWARE: &str = concat!("kedergi-probe ", env!("CARGO_PKG_VERSION"));
/// Longest sleep: a clock that was set, or a machine that slept, is noticed within it.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_mins(1);

/// Measures and delivers until SIGTERM or SIGINT. The volunteer must have agreed and the probe be enrolled.
pub async fn run(config: Config) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Cause::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Cause::Signals)?;
    let tools = Arc::new(Measurer::new(&config).map_err(Cause::Trust)?);
    let daemon = Daemon::open(config, Box::new(move |run| run.measure(Arc::clone(&tools)).boxed_local()))?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(daemon.run_until(stop).await?)
}

/// One run to measure.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) targets: Vec<TargetUrl>,
    /// What the control saw of them.
    pub(crate) control: Option<ControlSnapshot>,
    /// Those among them that are compared with a control host even if they do not seem slow.
    pub(crate) compared: BTreeSet<TargetUrl>,
    pub(crate) vantage: Vantage,
    pub(crate) clock_offset_ms: Option<i64>,
    pub(crate) first_sequence: u64,
}

impl Run {
    async fn measure(self, tools: Arc<Measurer>) -> Vec<Report> {
        let Self { targets, control, compared, vantage, clock_offset_ms, first_sequence } = self;
        measure_run(&tools, &targets, control.as_ref(), &compared, vantage, clock_offset_ms, first_sequence).await
    }
}

/// Begins a run. The daemon does not know how: its tests measure nothing.
pub(crate) type Measure = Box<dyn Fn(Run) -> LocalBoxFuture<'static, Vec<Report>>>;

/// What the daemon waits for.
enum Input {
    /// A run is over.
    Measured(Vec<Report>),
    /// A collector answered to a batch, or did not.
    Delivered(Delivery),
    /// A collector answered to a heartbeat, or did not.
    Heard(Result<News, Trouble>),
    /// It is time to do something.
    Clock,
}

/// A probe at work.
pub(crate) struct Daemon {
    config: Config,
    key: SigningKey,
    enrolment: Enrolment,
    /// In order of preference.
    collectors: Vec<Url>,
    courier: Courier,
    measure: Measure,
    spool: Spool,
    bundle: Option<TargetBundle>,
    /// The bundle's targets that the volunteer lets it measure.
    wanted: Vec<TargetUrl>,
    schedule: Schedule,
    outbox: Outbox,
    pulse: Pulse,
    rng: SmallRng,
    measuring: Option<LocalBoxFuture<'static, Vec<Report>>>,
    sending: Option<LocalBoxFuture<'static, Delivery>>,
    /// The collector and the batch that `sending` is about.
    offered: Option<(usize, BatchId)>,
    beating: Option<LocalBoxFuture<'static, Result<News, Trouble>>>,
    /// The collector that `beating` is about.
    addressed: usize,
    wake: Timestamp,
    life: Life,
    written: Life,
    /// Held as long as the daemon lives: two on one directory would number their reports alike.
    _lock: File,
}

impl Daemon {
    /// Takes up where the last one stopped.
    pub(crate) fn open(config: Config, measure: Measure) -> Result<Self, Cause> {
        let (dir, now) = (DataDir::at(&config.data_dir), Timestamp::now());
        let enrolment = dir.enrolment()?.ok_or(Cause::NotEnrolled)?;
        let key = dir.key()?.ok_or(Cause::NotEnrolled)?;
        if !enrolment.consent_is_current() {
            return Err(Cause::ConsentOutdated);
        }
        let lock = dir.lock()?;
        let spool = Spool::open(&dir.spool(), config.spool_bytes)?;
        let bundle = cached_bundle(&spool, &enrolment)?;
        let life: Life = spool.kept_json(Kept::Life)?.unwrap_or_default();
        let collectors = enrolment.collectors(&config.collectors);
        collectors.iter().for_each(warn_of_plain_http);
        Ok(Self {
            courier: Courier::new(config.extra_roots.as_deref())?,
            wanted: bundle
                .as_ref()
                .map(|bundle| bundle::wanted(bundle, &config.skip_categories, config.metered))
                .unwrap_or_default(),
            schedule: Schedule::new(config.interval_s, life.next_round, now),
            outbox: Outbox::new(collectors.len(), config.upload_bytes_per_day),
            pulse: Pulse::new(collectors.len()),
            rng: SmallRng::seed_from_u64(getrandom::u64().map_err(Cause::Random)?),
            measuring: None,
            sending: None,
            offered: None,
            beating: None,
            addressed: 0,
            wake: now,
            written: life.clone(),
            life,
            config,
            key,
            enrolment,
            collectors,
            measure,
            spool,
            bundle,
            _lock: lock,
        })
    }

    /// Works until `stop` is ready, then finishes cleanly.
    pub(crate) async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), Cause> {
        tokio::pin!(stop);
        loop {
            let input = tokio::select! {
                biased;
                () = &mut stop => break,
                input = self.select() => input,
            };
            self.apply(input)?;
        }
        self.finish()
    }

    /// Waits for the next input and does nothing else, so it may be dropped at any moment.
    async fn select(&mut self) -> Input {
        let left = self.wake.duration_since(Timestamp::now()).clamp(SignedDuration::ZERO, LONGEST_SLEEP);
        tokio::select! {
            reports = finished(&mut self.measuring) => Input::Measured(reports),
            delivery = finished(&mut self.sending) => Input::Delivered(delivery),
            news = finished(&mut self.beating) => Input::Heard(news),
            () = tokio::time::sleep(Duration::try_from(left).unwrap_or_default()) => Input::Clock,
        }
    }

    /// Takes an input in and starts what follows from it.
    fn apply(&mut self, input: Input) -> Result<(), Cause> {
        let now = Timestamp::now();
        match input {
            Input::Measured(reports) => {
                self.measuring = None;
                self.measured(&reports, now)?;
            }
            Input::Delivered(delivery) => {
                self.sending = None;
                self.delivered(&delivery, now)?;
            }
            Input::Heard(news) => {
                self.beating = None;
                self.heard(news, now)?;
            }
            Input::Clock => {}
        }
        self.proceed(now)
    }

    /// Stops what is under way. A run is stored only if it is over: before that its reports lack what it says of the line. A
    /// batch being sent stays in the spool and is sent again; the collector recognises it.
    fn finish(mut self) -> Result<(), Cause> {
        if let Some(reports) = self.measuring.take().and_then(FutureExt::now_or_never) {
            self.measured(&reports, Timestamp::now())?;
        }
        tracing::info!("stopped; what was measured is on disk");
        Ok(())
    }
}

/// The envelopes are signed but not secret.
pub(crate) fn warn_of_plain_http(collector: &Url) {
    if collector.scheme() == "http" && !is_loopback(collector) {
        tracing::warn!(
            "a collector is reached over http: others on the line can read what this probe sends; use https"
        );
    }
}

fn cached_bundle(spool: &Spool, enrolment: &Enrolment) -> Result<Option<TargetBundle>, Cause> {
    let kept = spool.kept(Kept::Bundle)?;
    // Another key's after a new enrolment, or another version's after an update: as if there were none.
    Ok(kept.and_then(|bytes| bundle::open(&bytes, enrolment.collector_key, None).ok()))
}

/// What a future comes to, or nothing ever if there is none.
async fn finished<T>(work: &mut Option<LocalBoxFuture<'static, T>>) -> T {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
