//! Makes the bundled network database from `data/networks.tsv`, in the form every reader of such databases knows.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{Value, Writer};

const SOURCE: &str = "data/networks.tsv";
/// Seconds since 1970 written into the database: the same source must give the same bytes.
const BUILT: Duration = Duration::from_secs(1_557_360_000);

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=build.rs");
    let mut writer = Writer::builder("Kedergi-Networks").build_epoch(SystemTime::UNIX_EPOCH + BUILT).build();
    for line in fs::read_to_string(SOURCE)?.lines().filter(|line| !line.starts_with('#')) {
        let (network, value) = entry(line).ok_or_else(|| format!("{SOURCE}: not network, number, country: {line}"))?;
        writer.insert_value(network, value)?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("networks.mmdb"), writer.to_bytes()?)?;
    Ok(())
}

/// One line as a record in the shape of the common databases of networks and of countries together.
fn entry(line: &str) -> Option<(IpNet, Value)> {
    let mut fields = line.split('\t');
    let (network, number, country) = (fields.next()?, fields.next()?, fields.next()?);
    let number: u32 = number.parse().ok()?;
    let country = Value::map([("iso_code", Value::from(country))]);
    let value = Value::map([("autonomous_system_number", Value::from(number)), ("country", country)]);
    Some((network.parse().ok()?, value))
}
