//! What all routes and jobs share.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use kedergi_store::{Appended, Facts, Ledger, StoreError, StoredBatch, StoredBundle};
use kedergi_wire::TargetList;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;

use crate::asn::{Networks, NetworksError};
use crate::clock::Clock;
use crate::config::Config;
use crate::intake::{BundleError, Canaries, CanaryError, Neighbourhoods, Retests, first_bundle};
use crate::jobs::Heard;
use crate::keys::{KeyError, signing_key};
use crate::targets::{self, TargetListError};

/// Facts that are looked at after a start for what should be tested again.
const RECALLED: usize = 5000;

/// The collector, as routes and jobs see it. Cloning it copies a pointer.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Clock,
    targets: TargetList,
    canaries: Canaries,
    networks: Networks,
    neighbourhoods: Neighbourhoods,
    key: SigningKey,
    appender: Mutex<Facts>,
    reader: Mutex<Facts>,
    ledger: Mutex<Ledger>,
    appended: Notify,
    alerted: Notify,
    controls: Notify,
    bundle: watch::Sender<Arc<StoredBundle>>,
    retests: Retests,
    heard: Heard,
    closing: watch::Sender<bool>,
}

/// Why a collector cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{}: the data directory cannot be made: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Networks(#[from] NetworksError),
    #[error(transparent)]
    Targets(#[from] TargetListError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Canary(#[from] CanaryError),
}

/// Opens the ledger in a data directory, making both where they are missing.
pub(crate) fn open_ledger(data_dir: &Path) -> Result<Ledger, OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|source| OpenError::Folder { path: data_dir.to_owned(), source })?;
    Ok(Ledger::open(&ledger_path(data_dir))?)
}

/// The ledger's file in a data directory.
pub(crate) fn ledger_path(data_dir: &Path) -> PathBuf {
    data_dir.join("ledger.db")
}

impl App {
    /// Opens everything the configuration names, to go by this clock.
    pub(crate) fn open(config: Config, clock: Clock) -> Result<Self, OpenError> {
        let targets = targets::load(config.targets.as_deref())?;
        let canaries = Canaries::new(&config.canaries, &targets)?;
        let databases = [&config.asn_database, &config.country_database];
        let networks = Networks::open(databases.into_iter().flatten().map(PathBuf::as_path))?;
        let mut ledger = open_ledger(&config.data_dir)?;
        let facts = config.data_dir.join("facts.db");
        let appender = Facts::open(&facts)?;
        let key = signing_key(&mut ledger)?;
        let bundle = first_bundle(&mut ledger, &appender, &targets, &key, clock.now())?;
        let retests = Retests::default();
        retests.recall(&appender.latest(RECALLED)?, &targets, clock.now());
        Ok(Self(Arc::new(Inner {
            neighbourhoods: Neighbourhoods::new(clock.now()).map_err(KeyError::Random)?,
            config,
            clock,
            targets,
            canaries,
            networks,
            key,
            appender: Mutex::new(appender),
            reader: Mutex::new(Facts::open_to_read(&facts)?),
            ledger: Mutex::new(ledger),
            appended: Notify::new(),
            alerted: Notify::new(),
            controls: Notify::new(),
            bundle: watch::Sender::new(Arc::new(bundle)),
            retests,
            heard: Heard::default(),
            closing: watch::Sender::new(false),
        })))
    }

    /// The configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// The clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The target list.
    pub(crate) fn targets(&self) -> &TargetList {
        &self.0.targets
    }

    /// The targets whose true state is known.
    pub(crate) fn canaries(&self) -> &Canaries {
        &self.0.canaries
    }

    pub(crate) fn networks(&self) -> &Networks {
        &self.0.networks
    }

    pub(crate) fn neighbourhoods(&self) -> &Neighbourhoods {
        &self.0.neighbourhoods
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.0.key
    }

    /// Reads facts, on a thread that may wait for the disk. Reading waits for no append.
    pub(crate) async fn facts<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Facts) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(move |app| app.facts_now(read)).await
    }

    /// Reads or changes the ledger, on a thread that may wait for the disk.
    pub(crate) async fn ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(move |app| app.ledger_now(work)).await
    }

    /// Runs work that waits for the disk or keeps a core busy. A panic in it goes on in the caller.
    pub(crate) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let app = self.clone();
        match spawn_blocking(move || work(&app)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// As [`App::facts`], for callers that may wait themselves.
    pub(crate) fn facts_now<T>(&self, read: impl FnOnce(&Facts) -> T) -> T {
        read(&lock(&self.0.reader))
    }

    /// As [`App::ledger`], for callers that may wait themselves.
    pub(crate) fn ledger_now<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut lock(&self.0.ledger))
    }

    /// Stores a batch and wakes whoever waits for facts. For callers that may wait for the disk.
    pub(crate) fn append(&self, batch: &StoredBatch<'_>) -> Result<Appended, StoreError> {
        let appended = lock(&self.0.appender).append(batch)?;
        self.0.appended.notify_one();
        if !batch.controls.is_empty() {
            self.0.controls.notify_one();
        }
        Ok(appended)
    }

    /// Forgets from which neighbourhoods the facts came that detection has read for good.
    pub(crate) async fn forget_neighbourhoods(&self, cursor: i64) -> Result<(), StoreError> {
        self.blocking(move |app| lock(&app.0.appender).forget_neighbourhoods(cursor)).await
    }

    /// Woken after every append. One job waits for it; a wake-up that comes while it works is kept.
    pub(crate) fn appended(&self) -> &Notify {
        &self.0.appended
    }

    /// Woken when alerts were put into the outbox.
    pub(crate) fn alerted(&self) -> &Notify {
        &self.0.alerted
    }

    /// Woken when controls saw something.
    pub(crate) fn controls(&self) -> &Notify {
        &self.0.controls
    }

    /// The bundle in force.
    pub(crate) fn bundle(&self) -> &watch::Sender<Arc<StoredBundle>> {
        &self.0.bundle
    }

    /// What probes are asked to test again.
    pub(crate) fn retests(&self) -> &Retests {
        &self.0.retests
    }

    /// Which controls were heard lately.
    pub(crate) fn heard(&self) -> &Heard {
        &self.0.heard
    }

    /// Asks everybody who waits on [`App::closed`] to come to an end.
    pub(crate) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Returns once the collector is about to end.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.0.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

/// A panic under the lock rolled its transaction back, so what is behind the lock is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
