//! Who this probe is: its key, and what it was enrolled for. Two files in the data directory, readable by their owner only.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use kedergi_wire::{CONSENT_VERSION, ProbeId, Role};
use serde::{Deserialize, Serialize};
use url::Url;

const KEY: &str = "key";
const ENROLMENT: &str = "enrolment.json";
const LOCK: &str = "lock";
/// `status` touches the lock for an instant; that must not keep a daemon from starting.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// A file or the directory cannot be read or written.
    #[error("{action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// A file has other contents than it should.
    #[error("{} is damaged ({why}); restore it from a copy, or delete it and enrol again", path.display())]
    Damaged { path: PathBuf, why: String },
    /// Another process works with the directory.
    #[error("another kedergi-probe is working with {}; stop it first", path.display())]
    InUse { path: PathBuf },
    /// The system has no randomness to make a key from.
    #[error("the system gives no random numbers to make a key from: {0}")]
    Random(getrandom::Error),
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IdentityError {
    move |source| IdentityError::File { action, path: path.to_owned(), source }
}

/// What this probe was enrolled for, and what the volunteer agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enrolment {
    /// The collector it was enrolled with.
    pub(crate) collector: Url,
    /// The key that collector signs target lists with, pinned.
    pub(crate) collector_key: ProbeId,
    /// What the probe is trusted with.
    pub(crate) role: Role,
    /// Version of the text the volunteer agreed to.
    pub(crate) consent: u16,
    /// When.
    pub(crate) agreed: Timestamp,
}

impl Enrolment {
    /// Whether the volunteer agreed to the text of this version of the software.
    pub(crate) fn consent_is_current(&self) -> bool {
        self.consent == CONSENT_VERSION
    }

    /// The collectors to turn to: the configuration's in its order, then the one enrolled with.
    pub(crate) fn collectors(&self, configured: &[Url]) -> Vec<Url> {
        let mut all = configured.to_vec();
        if !all.contains(&self.collector) {
            all.push(self.collector.clone());
        }
        all
    }
}

/// The directory in which a probe keeps what it must not forget.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// An existing directory or none; nothing is made.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the directory where it is missing. Only its owner may look inside: it names what was measured.
    pub(crate) fn make(path: &Path) -> Result<Self, IdentityError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path).map_err(file_error("cannot make", path))?;
        let closed = fs::Permissions::from_mode(0o700);
        fs::set_permissions(path, closed).map_err(file_error("cannot close to others", path))?;
        Ok(Self(path.to_owned()))
    }

    /// Where the spool is.
    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("spool.db")
    }

    /// Keeps other processes from working with the directory while the file lives.
    pub(crate) fn lock(&self) -> Result<File, IdentityError> {
        let path = self.0.join(LOCK);
        let file = private().create(true).truncate(false).open(&path).map_err(file_error("cannot open", &path))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(source)) => return Err(file_error("cannot lock", &path)(source)),
            }
        }
        Err(IdentityError::InUse { path: self.0.clone() })
    }

    /// Whether another process works with the directory.
    pub(crate) fn is_locked(&self) -> bool {
        let tried = File::open(self.0.join(LOCK)).map(|file| file.try_lock_shared());
        matches!(tried, Ok(Err(TryLockError::WouldBlock)))
    }

    /// The key, if one was made.
    pub(crate) fn key(&self) -> Result<Option<SigningKey>, IdentityError> {
        let path = self.0.join(KEY);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let damaged = |_| IdentityError::Damaged { path, why: format!("{} bytes instead of 32", bytes.len()) };
        let seed: [u8; 32] = bytes.as_slice().try_into().map_err(damaged)?;
        Ok(Some(SigningKey::from_bytes(&seed)))
    }

    /// The key; made and on disk when this returns, so that no collector ever knows a key that was lost.
    pub(crate) fn key_or_make(&self) -> Result<SigningKey, IdentityError> {
        if let Some(key) = self.key()? {
            return Ok(key);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(IdentityError::Random)?;
        self.write(KEY, &seed)?;
        Ok(SigningKey::from_bytes(&seed))
    }

    /// The enrolment, if there was one.
    pub(crate) fn enrolment(&self) -> Result<Option<Enrolment>, IdentityError> {
        let path = self.0.join(ENROLMENT);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        let damaged = |error: serde_json::Error| IdentityError::Damaged { path, why: error.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// Records an enrolment.
    pub(crate) fn record(&self, enrolment: &Enrolment) -> Result<(), IdentityError> {
        let path = self.0.join(ENROLMENT);
        let text = serde_json::to_vec_pretty(enrolment)
            .map_err(|error| IdentityError::Damaged { path, why: error.to_string() })?;
        self.write(ENROLMENT, &text)
    }

    /// Writes a file beside the old one, then puts it in its place: a crash leaves the old or the new, never a half.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), IdentityError> {
        let (path, draft) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let written = private().create(true).truncate(true).open(&draft).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(&self.0)?.sync_all()
        });
        written.map_err(file_error("cannot write", &path))
    }
}

/// How files here are opened for writing: their owner's only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, IdentityError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error("cannot read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::make(&home.path().join("a/probe")).unwrap();
        assert!(dir.key().unwrap().is_none());
        let key = dir.key_or_make().unwrap();
        assert_eq!(dir.key_or_make().unwrap().to_bytes(), key.to_bytes());
        assert_eq!((mode(&dir.0), mode(&dir.0.join(KEY))), (0o700, 0o600));
    }

    #[test]
    fn a_directory_open_to_others_is_closed() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        DataDir::make(home.path()).unwrap();
        assert_eq!(mode(home.path()), 0o700);
    }

    #[test]
    fn an_enrolment_survives_its_file() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::make(home.path()).unwrap();
        assert_eq!(dir.enrolment().unwrap(), None);
        let enrolment = Enrolment {
            collector: "https://collector.example".parse().unwrap(),
            collector_key: ProbeId([7; 32]),
            role: Role::Probe,
            consent: CONSENT_VERSION,
            agreed: Timestamp::UNIX_EPOCH,
        };
        dir.record(&enrolment).unwrap();
        assert_eq!(dir.enrolment().unwrap(), Some(enrolment.clone()));
        assert!(enrolment.consent_is_current());
        assert_eq!(mode(&home.path().join(ENROLMENT)), 0o600);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::make(home.path()).unwrap();
        fs::write(home.path().join(KEY), b"short").unwrap();
        assert!(dir.key().unwrap_err().to_string().contains("is damaged (5 bytes instead of 32)"));
        fs::write(home.path().join(ENROLMENT), b"{}").unwrap();
        assert!(dir.enrolment().unwrap_err().to_string().contains("missing field"));
    }

    #[test]
    fn two_processes_do_not_share_a_directory() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::make(home.path()).unwrap();
        let held = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(IdentityError::InUse { .. })) && dir.is_locked());
        drop(held);
        assert!(!dir.is_locked());
        assert!(dir.lock().is_ok());
    }
}
