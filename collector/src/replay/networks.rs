//! Which addresses of loopback stand for which network.

use std::net::{IpAddr, Ipv4Addr};

use kedergi_wire::Asn;

/// The table from which the bundled network database is made.
const TABLE: &str = include_str!("../../data/networks.tsv");

/// The address from which probe number `place` of a network acts; `None` where the table has no slice of loopback for the
/// network, or the slice has no such address.
pub(crate) fn loopback_for(network: Asn, place: u32) -> Option<IpAddr> {
    let slice = TABLE.lines().filter_map(entry).find(|&(_, asn)| asn == network)?.0;
    let last = u8::try_from(place).ok()?.checked_add(1).filter(|&last| last < u8::MAX)?;
    let [a, b, c, _] = slice.octets();
    Some(Ipv4Addr::new(a, b, c, last).into())
}

/// A line of the table, if it is a slice of loopback.
fn entry(line: &str) -> Option<(Ipv4Addr, Asn)> {
    let mut fields = line.split('\t');
    let slice: Ipv4Addr = fields.next()?.strip_suffix("/24")?.parse().ok()?;
    let asn = Asn::new(fields.next()?.parse().ok()?)?;
    slice.is_loopback().then_some((slice, asn))
}

#[cfg(test)]
mod tests {
    use kedergi_detector::Scenario;

    use super::*;
    use crate::asn::Networks;

    #[test]
    fn each_probe_has_an_address_in_its_network() {
        let address = |asn, place| loopback_for(Asn::new(asn).unwrap(), place);
        assert_eq!(address(9198, 0), "127.91.98.1".parse().ok());
        assert_eq!(address(206_026, 253), "127.206.26.254".parse().ok());
        assert_eq!(address(206_026, 254), None);
        assert_eq!(address(64_501, 0), None, "the lab's networks are not on loopback");
        assert_eq!(address(1, 0), None);
    }

    #[test]
    fn every_bundled_history_can_be_played_through_the_front_door() {
        for id in Scenario::bundled_ids() {
            let scenario = Scenario::bundled(id).unwrap();
            for network in &scenario.networks {
                let address = loopback_for(network.asn, network.probes - 1);
                let origin = address.map(|address| Networks::open([]).unwrap().origin(address));
                let there = origin.map(|origin| (origin.network, origin.country));
                assert_eq!(there, Some((Some(network.asn), Some(scenario.country))), "{id}");
            }
        }
    }
}
