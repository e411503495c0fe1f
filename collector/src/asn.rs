//! From an address to the network and country it belongs to. The address itself goes no further.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kedergi_detector::Neighbourhood;
use kedergi_wire::{Asn, CountryCode};
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

/// Networks of demo, lab and replay, made by `build.rs` from `data/networks.tsv`.
const BUNDLED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/networks.mmdb"));

/// Where a connection came from, as far as the databases tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) network: Option<Asn>,
    pub(crate) country: Option<CountryCode>,
    /// Which piece of the network, known only as long as today's key is.
    pub(crate) neighbourhood: Option<Neighbourhood>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: no network database in MMDB form: {source}", path.display())]
pub(crate) struct NetworksError {
    path: PathBuf,
    source: MaxMindDbError,
}

/// The databases, asked in order; each question is answered by the first that knows.
pub(crate) struct Networks {
    readers: Vec<Reader<Vec<u8>>>,
}

/// What is read of a record. It has the shape of the common databases of networks and of countries.
#[derive(Deserialize)]
struct Record<'a> {
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    country: Option<Country<'a>>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

impl Networks {
    /// Opens the databases of the configuration. With none, those networks are known that are nobody's: of demo and lab.
    pub(crate) fn open<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, NetworksError> {
        let open =
            |path: &Path| Reader::open_readfile(path).map_err(|source| NetworksError { path: path.to_owned(), source });
        let mut readers = paths.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        if readers.is_empty() {
            let bundled = Reader::from_source(BUNDLED.to_vec());
            readers.push(bundled.map_err(|source| NetworksError { path: "(bundled)".into(), source })?);
        }
        Ok(Self { readers })
    }

    /// Where an address belongs.
    pub(crate) fn origin(&self, address: IpAddr) -> Origin {
        let mut origin = Origin::default();
        for reader in &self.readers {
            let Some(record) = record(reader, address) else { continue };
            let country = record.country.and_then(|country| country.iso_code);
            origin.network = origin.network.or_else(|| record.autonomous_system_number.and_then(Asn::new));
            origin.country = origin.country.or_else(|| country.and_then(|code| code.parse().ok()));
        }
        origin
    }
}

/// A record that cannot be read is as good as none: the report is filed under an unknown network.
fn record(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<Record<'_>> {
    reader.lookup(address.to_canonical()).ok()?.decode().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_loopback_are_networks_and_loopback_is_not() {
        let networks = Networks::open([]).unwrap();
        let at = |address: &str| {
            let Origin { network, country, .. } = networks.origin(address.parse().unwrap());
            (network, country)
        };
        let kz = "KZ".parse().ok();
        assert_eq!(at("127.91.98.7"), (Asn::new(9198), kz));
        assert_eq!(at("::ffff:127.206.26.1"), (Asn::new(206_026), kz));
        assert_eq!(at("10.2.3.4"), (Asn::new(64_502), kz));
        assert_eq!(at("198.51.100.1"), (Asn::new(64_503), kz));
        assert_eq!(at("127.0.0.1"), (None, None));
        assert_eq!(at("2001:db8::1"), (None, None));
    }

    #[test]
    fn a_missing_database_is_named() {
        let error = Networks::open([Path::new("nowhere.mmdb")]).err().unwrap();
        assert!(error.to_string().starts_with("nowhere.mmdb: "), "{error}");
    }
}
