//! The configuration: one TOML file, strict. What is not written has a default that works.

mod keys;

use std::env;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use kedergi_wire::{Asn, Category, CountryCode};
use serde::{Deserialize, Deserializer, Serialize};
use toml::de::DeTable;
use url::Url;

use crate::measure::RESOLVERS;
use keys::{KEYS, check_keys, line_of};

/// What a probe is told to do. `Config::default()` is what an empty file means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the probe keeps its key, its spool and what it last heard from a collector.
    pub data_dir: PathBuf,
    /// Collectors, the preferred one first.
    pub collectors: Vec<Url>,
    /// Seconds from the start of one run to the start of the next.
    pub interval_s: u32,
    /// Kinds of targets that this probe does not measure.
    pub skip_categories: Vec<Category>,
    /// Whether bytes on this line are paid for: then only the light set of the list is measured.
    pub metered: bool,
    /// PEM file of roots to trust beside the bundled ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_roots: Option<PathBuf>,
    /// Resolvers asked over UDP in the clear, beside the system's.
    #[serde(deserialize_with = "public_resolvers")]
    pub public_resolvers: Vec<SocketAddr>,
    /// Resolvers asked over HTTPS.
    pub doh_resolvers: Vec<DohResolver>,
    /// Hosts that answer to every name: what obstacles react to is tried there. None: it is not tried.
    pub control_hosts: Vec<ControlHost>,
    /// Where the system's resolver is read from.
    pub resolv_conf: PathBuf,
    /// Bytes sent to collectors per day at most.
    pub upload_bytes_per_day: u64,
    /// Bytes received by measurements per day at most.
    pub download_bytes_per_day: u64,
    /// Targets measured at the same time at most.
    pub concurrency: usize,
    /// Bytes of reports kept on disk until a collector took them; beyond it the oldest go.
    pub spool_bytes: u64,
    /// The autonomous system this probe stands in, if the volunteer wants to say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Asn>,
    /// The country this probe stands in, if the volunteer wants to say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
}

/// A resolver asked over HTTPS (RFC 8484).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawDohResolver")]
pub struct DohResolver {
    /// Where the questions go, such as `https://dns.example/dns-query`.
    pub url: Url,
    /// The address to connect to, so that no other resolver is needed to find this one.
    pub bootstrap: SocketAddr,
}

/// A host at a trusted place that answers TLS and HTTP whatever name it is asked for, under a certificate of its own, and has
/// 65,536 bytes that nothing can make fewer at `/bytes/65536`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlHost {
    /// Its own name.
    pub name: String,
    /// Where it listens.
    #[serde(deserialize_with = "control_address")]
    pub address: SocketAddr,
}

fn control_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    address(&String::deserialize(deserializer)?, 443).map_err(serde::de::Error::custom)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDohResolver {
    url: Url,
    bootstrap: String,
}

impl TryFrom<RawDohResolver> for DohResolver {
    type Error = String;

    fn try_from(raw: RawDohResolver) -> Result<Self, String> {
        if raw.url.scheme() != "https" || raw.url.host_str().is_none() {
            return Err(format!("{} is not an https URL", raw.url));
        }
        let bootstrap = address(&raw.bootstrap, raw.url.port().unwrap_or(443))?;
        Ok(Self { url: raw.url, bootstrap })
    }
}

/// An address with a port, or without one and with the default.
fn address(text: &str, port: u16) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)))
        .map_err(|_| format!("{text:?} is not an IP address, with or without a port"))
}

fn public_resolvers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| address(text, 53).map_err(serde::de::Error::custom)).collect()
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has a key that does not exist.
    #[error("{}, line {line}: there is no key {key:?}{}", path.display(), hint(nearest.as_deref()))]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// Line of the key, from 1.
        line: usize,
        /// The key as written.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// The file is not TOML, or a value is not of its kind.
    #[error("{}, line {line}: {message}", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value that no probe can work with.
    #[error("{}: {key} {message}", path.display())]
    Range {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What is wrong with its value.
        message: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| format!("; there are {}", KEYS.join(", ")), |key| format!(", did you mean {key:?}?"))
}

impl Default for Config {
    fn default() -> Self {
        let doh = |url: &str, ip: [u8; 4]| DohResolver {
            #[expect(clippy::unwrap_used, reason = "constant text; a test reads the default")]
            url: url.parse().unwrap(),
            bootstrap: SocketAddr::from((ip, 443)),
        };
        Self {
            data_dir: state_dir(),
            collectors: Vec::new(),
            interval_s: 600,
            skip_categories: Vec::new(),
            metered: false,
            extra_roots: None,
            public_resolvers: vec![
                SocketAddr::from((Ipv4Addr::new(9, 9, 9, 9), 53)),
                SocketAddr::from((Ipv4Addr::new(1, 1, 1, 1), 53)),
            ],
            doh_resolvers: vec![
                doh("https://dns.quad9.net/dns-query", [9, 9, 9, 9]),
                doh("https://cloudflare-dns.com/dns-query", [1, 1, 1, 1]),
            ],
            control_hosts: Vec::new(),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            upload_bytes_per_day: 20_000_000,
            // 40 targets at 64 KB, six times an hour, stay below it.
            download_bytes_per_day: 500_000_000,
            // Of forty targets a quarter may be silent: they wait side by side.
            concurrency: 16,
            spool_bytes: 32_000_000,
            network: None,
            country: None,
        }
    }
}

/// Where the service manager says that state belongs; without one, where the desktop does.
fn state_dir() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(list) = set("STATE_DIRECTORY") {
        // systemd separates several with colons; the first is the probe's.
        let first = list.to_string_lossy().split(':').next().map(PathBuf::from);
        return first.unwrap_or(list);
    }
    let base = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    base.unwrap_or_else(|| PathBuf::from("/var/lib")).join("kedergi-probe")
}

/// The user's file, then the system's: the first that exists is read where none is named.
fn usual_places() -> impl Iterator<Item = PathBuf> {
    let home = env::var_os("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    let user = home.map(|dir| dir.join("kedergi/probe.toml"));
    user.into_iter().chain([PathBuf::from("/etc/kedergi/probe.toml")])
}

impl Config {
    /// Reads `path`, or without one the first of the usual places that exists, or the defaults.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path.map(Path::to_owned).or_else(|| usual_places().find(|place| place.is_file())) else {
            return Ok(Self::default());
        };
        let text = fs::read_to_string(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(&text, &path)
    }

    /// Reads a configuration from text; `path` is for the messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let wrong = |error: &toml::de::Error| ConfigError::Value {
            path: path.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        let table = DeTable::parse(text).map_err(|error| wrong(&error))?;
        check_keys(table.get_ref(), text, path)?;
        let config: Self = toml::from_str(text).map_err(|error| wrong(&error))?;
        config.check_ranges(path)?;
        Ok(config)
    }

    fn check_ranges(&self, path: &Path) -> Result<(), ConfigError> {
        let wrong =
            |key, message: &str| Err(ConfigError::Range { path: path.to_owned(), key, message: message.to_owned() });
        if self.concurrency == 0 {
            return wrong("concurrency", "is 0; nothing would ever be measured, write 1 or more");
        }
        if self.interval_s == 0 {
            return wrong("interval_s", "is 0; write the seconds between two runs");
        }
        if let Some(url) = self.collectors.iter().find(|url| !matches!(url.scheme(), "http" | "https")) {
            return wrong("collectors", &format!("holds {url}, which is neither http nor https"));
        }
        Ok(())
    }

    /// What is valid but probably not meant, as sentences for the volunteer.
    pub fn check(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn_if = |condition: bool, text: &str| {
            if condition {
                warnings.push(text.to_owned());
            }
        };
        warn_if(
            self.collectors.is_empty(),
            "collectors is empty: reports have one way only, to the collector this probe is enrolled with",
        );
        warn_if(
            self.collectors.iter().any(|url| url.scheme() == "http" && !is_loopback(url)),
            "a collector is reached over http: others on the line can read that this is a probe; use https",
        );
        warn_if(
            self.interval_s < 60,
            "interval_s is below 60: such a rhythm stands out on the line and loads the sites",
        );
        warn_if(self.interval_s > 24 * 3600, "interval_s is above a day: short blockings will be missed");
        warn_if(
            self.concurrency > 64,
            "concurrency is above 64: a home router may drop connections, which looks like blocking",
        );
        warn_if(
            self.doh_resolvers.is_empty(),
            "doh_resolvers is empty: forged DNS answers are harder to tell from true ones",
        );
        warn_if(
            self.public_resolvers.is_empty() && self.doh_resolvers.is_empty(),
            "no resolver outside is named: a cut line cannot be told from blocked sites",
        );
        warn_if(
            self.public_resolvers.len() > RESOLVERS || self.doh_resolvers.len() > RESOLVERS,
            "more than 4 resolvers of a kind are named: only the first 4 are asked",
        );
        warn_if(
            self.spool_bytes < 1_000_000,
            "spool_bytes is below 1 MB: reports are lost within hours without a collector",
        );
        warn_if(
            self.download_bytes_per_day < 1_000_000,
            "download_bytes_per_day is below 1 MB: hardly anything is measured",
        );
        warn_if(self.upload_bytes_per_day < 100_000, "upload_bytes_per_day is below 100 KB: reports will pile up");
        warn_if(self.data_dir.is_relative(), "data_dir is relative: it depends on where the probe is started");
        warn_if(
            self.extra_roots.is_some(),
            "extra_roots is set: certificates from those roots count as valid, an interception by their owner is not seen",
        );
        warnings
    }
}

/// Whether a URL leads to this very machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
