//! Whose network a router stands in, by a database that the user has.

use std::net::IpAddr;
use std::path::Path;

use kedergi_wire::Asn;
use maxminddb::Reader;
use serde::Deserialize;

use crate::command::Failed;

/// A database of networks in MMDB form.
pub(crate) struct Networks(Reader<Vec<u8>>);

/// What is read of a record, in the shape of the common databases.
#[derive(Deserialize)]
struct Record {
    autonomous_system_number: Option<u32>,
}

impl Networks {
    pub(crate) fn open(path: &Path) -> Result<Self, Failed> {
        let wrong = |error| Failed::config(format!("{}: no network database in MMDB form: {error}", path.display()));
        Reader::open_readfile(path).map(Self).map_err(wrong)
    }

    /// The network that announces the address. A record that cannot be read is as good as none.
    pub(crate) fn of(&self, address: IpAddr) -> Option<Asn> {
        let record: Option<Record> = self.0.lookup(address).ok()?.decode().ok()?;
        record?.autonomous_system_number.and_then(Asn::new)
    }
}

#[cfg(test)]
mod tests {
    use mmdb_writer::{Value, Writer};

    use super::*;

    #[test]
    fn the_common_shape_is_read() {
        let mut writer = Writer::builder("Networks").build();
        let record = Value::map([("autonomous_system_number", Value::from(64_501_u32))]);
        writer.insert_value("10.1.0.0/16".parse::<mmdb_writer::ipnet::IpNet>().unwrap(), record).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), writer.to_bytes().unwrap()).unwrap();
        let networks = Networks::open(file.path()).unwrap();
        assert_eq!(networks.of("10.1.0.254".parse().unwrap()), Asn::new(64_501));
        assert_eq!(networks.of("10.2.0.254".parse().unwrap()), None);
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let failed = Networks::open(Path::new("nowhere.mmdb")).err().unwrap();
        assert_eq!(failed.code, 3);
        assert!(failed.message.starts_with("nowhere.mmdb: "), "{}", failed.message);
    }
}
