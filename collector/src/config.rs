//! The configuration: one TOML file, strict. What is not written has a default that works.

mod keys;
mod proxy;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use kedergi_wire::TargetUrl;
use serde::Deserialize;
use url::Url;

use crate::alerts::AlertSettings;

pub(crate) use proxy::Proxy;

/// Where a collector listens unless it is told otherwise.
pub(crate) const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7080);

/// What a collector is told to do. `Config::default()` is what an empty file means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Address and port to listen on.
    pub(crate) listen: SocketAddr,
    /// Where the collector keeps everything it knows.
    pub(crate) data_dir: PathBuf,
    /// The collector's own certificate. Without one it speaks plain HTTP, for a TLS proxy in front of it.
    pub(crate) tls: Option<TlsSettings>,
    /// Who may say in `X-Forwarded-For` where a connection really came from.
    pub(crate) trusted_proxies: Vec<Proxy>,
    /// MMDB file that tells the network (AS number) of an address, and perhaps its country.
    pub(crate) asn_database: Option<PathBuf>,
    /// MMDB file that tells the country of an address, where the other does not.
    pub(crate) country_database: Option<PathBuf>,
    /// The target list; without it the bundled one.
    pub(crate) targets: Option<PathBuf>,
    /// Where readers find the pages, for links in alerts.
    pub(crate) public_url: Option<Url>,
    /// Where `/metrics` is served instead of `listen`.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Where alerts go.
    pub(crate) alerts: AlertSettings,
    /// Targets of the list whose true state the operator knows.
    pub(crate) canaries: Vec<CanarySettings>,
}

/// A target that tells who makes reports up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanarySettings {
    /// Which target of the list.
    pub(crate) url: TargetUrl,
    /// Whether it answers every probe, or none.
    pub(crate) answers: bool,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSettings {
    /// PEM file: the certificate, then those that lead to its root.
    pub(crate) certificate: PathBuf,
    /// PEM file: the private key.
    pub(crate) key: PathBuf,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key that means nothing.
    #[error("{}:{line}: unknown key {key:?}{}", path.display(), keys::hint(*nearest, known))]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
        /// Every key that may stand there.
        known: &'static [&'static str],
    },
    /// Not TOML, or a value of the wrong kind.
    #[error("{}:{line}: {message}", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            data_dir: state_dir(),
            tls: None,
            trusted_proxies: Vec::new(),
            asn_database: None,
            country_database: None,
            targets: None,
            public_url: None,
            metrics_listen: None,
            alerts: AlertSettings::default(),
            canaries: Vec::new(),
        }
    }
}

/// Where the service manager says that state belongs; without one, where the desktop does.
fn state_dir() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(list) = set("STATE_DIRECTORY") {
        // systemd separates several with colons; the first is the collector's.
        let first = list.to_string_lossy().split(':').next().map(PathBuf::from);
        return first.unwrap_or(list);
    }
    let base = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    base.unwrap_or_else(|| PathBuf::from("/var/lib")).join("kedergi-collector")
}

impl Config {
    /// Reads `path`; without one, the embedded default.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Reads a configuration from text; `path` is for the messages.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        keys::check(text, path)?;
        toml::from_str(text).map_err(|error| keys::wrong_value(&error, text, path))
    }

    /// What is valid but probably not meant, as sentences for the operator. Files are only looked for.
    pub(crate) fn check(&self) -> Vec<String> {
        let open = !self.listen.ip().is_loopback();
        let cases = [
            (
                open && self.tls.is_none(),
                "listen is not a loopback address and there is no tls: whoever is on the line can read who takes part",
            ),
            (
                self.asn_database.is_none(),
                "asn_database is not set: the network of no real probe is known, and nothing it sends becomes an event",
            ),
            (
                open && self.metrics_listen.is_none(),
                "metrics_listen is not set: everybody who reaches listen can read /metrics",
            ),
            (
                self.trusted_proxies.iter().any(Proxy::is_everybody),
                "trusted_proxies holds a network of all addresses: every probe could name the network it comes from",
            ),
            (
                !self.alerts.stdout && self.alerts.webhooks.is_empty(),
                "alerts has neither stdout nor webhooks: nobody is told of an event",
            ),
            (self.data_dir.is_relative(), "data_dir is relative: it depends on where the collector is started"),
        ];
        let warnings = cases.iter().filter(|(applies, _)| *applies).map(|(_, text)| (*text).to_owned());
        warnings.chain(self.files().filter(|(_, path)| !path.exists()).map(missing)).collect()
    }

    fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let tls = self.tls.as_ref();
        let files = [
            ("tls.certificate", tls.map(|tls| &tls.certificate)),
            ("tls.key", tls.map(|tls| &tls.key)),
            ("asn_database", self.asn_database.as_ref()),
            ("country_database", self.country_database.as_ref()),
            ("targets", self.targets.as_ref()),
        ];
        files.into_iter().filter_map(|(key, path)| Some((key, path?.as_path())))
    }
}

fn missing((key, path): (&'static str, &Path)) -> String {
    format!("{key}: {} is not there; serve will not start without it", path.display())
}

#[cfg(test)]
mod tests;
