//! Who is where: the hosts that every lab has, with their names and addresses.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::network::Zone;
use crate::{Isp, Name, Scene, Site, SiteState};

/// Probes with each ISP.
pub const PROBES: u8 = 3;
/// The host of the control probe.
pub const CONTROL: &str = "control";
/// The host for a collector; nothing runs on it by itself.
pub const COLLECTOR: &str = "collector";
/// The control host: it answers to every name, under its own certificate.
pub const HELPER: &str = "helper";
/// Its name.
pub const HELPER_NAME: &str = "helper.lab.example";
/// The host of all sites on the free side.
pub const WEB: &str = "web";
/// The host of the public resolver, over UDP, TCP and HTTPS.
pub const DNS: &str = "dns";
/// Where the public resolver takes questions over HTTPS.
pub const DOH_URL: &str = "https://doh.lab.example/dns-query";
/// Names of the lab's own machines in DNS.
pub const OWN_NAMES: [&str; 3] = ["doh.lab.example", "collector.lab.example", HELPER_NAME];

const DNS_MACHINE: u8 = 53;
const HELPER_MACHINE: u8 = 30;
const INTERCEPTOR_MACHINE: u8 = 80;
const BORDER_ROUTER: u8 = 254;
const TRANSIT_ROUTER: u8 = 1;
const FIRST_PROBE: u8 = 11;
const FIRST_EXIT: u8 = 101;

/// A host to be made.
#[derive(Debug)]
pub(crate) struct HostPlan {
    pub(crate) name: String,
    pub(crate) zone: Zone,
    /// The IPv4 one first.
    pub(crate) addresses: Vec<IpAddr>,
    /// Addresses that it takes packets for without being their owner: only who is led to it by force meets it there.
    pub(crate) poses_as: Vec<IpAddr>,
    /// Its address on the line that carries its VPN, if it has one on.
    pub(crate) line: Option<IpAddr>,
}

/// Name of a probe's host; `number` counts from 1 to [`PROBES`].
pub fn probe(isp: Isp, number: u8) -> String {
    format!("{isp}-probe-{number}")
}

/// Name of an ISP's resolver.
pub fn resolver(isp: Isp) -> String {
    format!("{isp}-resolver")
}

/// Whether an address is an ISP's resolver's.
pub(crate) fn is_resolver(address: IpAddr) -> bool {
    Isp::ALL.iter().any(|isp| isp.addresses(DNS_MACHINE).contains(&address))
}

/// Name of the host of the sites that an ISP houses.
pub fn web(isp: Isp) -> String {
    format!("{isp}-web")
}

/// Name of the machine at which the connections end that an ISP intercepts.
pub fn interceptor(isp: Isp) -> String {
    format!("{isp}-interceptor")
}

/// Both addresses of a machine of the lab's on the free side.
fn free(machine: u8) -> [IpAddr; 2] {
    let v6 = Ipv6Addr::new(0x2a0e, 0x97c0, 0xf, 0, 0, 0, 0, u16::from(machine));
    [Ipv4Addr::new(45, 90, 0, machine).into(), v6.into()]
}

/// The public resolver's addresses.
pub(crate) fn public_resolver() -> [IpAddr; 2] {
    free(DNS_MACHINE)
}

/// Names and addresses that the public resolver knows beside the scene's sites.
pub(crate) fn own_names() -> Vec<(Name, Vec<IpAddr>)> {
    let machines = [DNS_MACHINE, 20, HELPER_MACHINE];
    let entries = OWN_NAMES.iter().zip(machines);
    entries.filter_map(|(name, machine)| Some((name.parse().ok()?, free(machine).to_vec()))).collect()
}

/// The router between a customer and the border: the first machine of the customer's network.
pub(crate) fn router(customer: IpAddr) -> IpAddr {
    match customer {
        IpAddr::V4(v4) => {
            let [first, second, third, _] = v4.octets();
            Ipv4Addr::new(first, second, third, 1).into()
        }
        IpAddr::V6(v6) => {
            let [network @ .., _] = v6.segments();
            let [a, b, c, d, e, f, g] = network;
            Ipv6Addr::new(a, b, c, d, e, f, g, 1).into()
        }
    }
}

/// The router of the kind `like` that stands at an ISP's border, behind the censor.
pub(crate) fn border(isp: Isp, like: IpAddr) -> IpAddr {
    of_kind(isp.addresses(BORDER_ROUTER), like)
}

/// The router of the kind `like` between the borders and the free side.
pub(crate) fn transit(like: IpAddr) -> IpAddr {
    of_kind(free(TRANSIT_ROUTER), like)
}

fn of_kind([v4, v6]: [IpAddr; 2], like: IpAddr) -> IpAddr {
    if like.is_ipv4() { v4 } else { v6 }
}

/// Whether an address cannot be a site's: one of the lab's machines', or one that no machine has.
pub(crate) fn is_reserved(address: IpAddr) -> bool {
    let no_machine = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    no_machine
        || match address {
            IpAddr::V4(v4) => {
                let [first, second, third, _] = v4.octets();
                v4.is_broadcast() || matches!((first, second, third), (10, 1 | 2, _) | (45, 90, 0))
            }
            IpAddr::V6(v6) => v6.segments()[..2] == [0x2a0e, 0x97c0],
        }
}

/// Every host of a scene's lab.
pub(crate) fn hosts(scene: &Scene) -> Vec<HostPlan> {
    let host = |name: &str, zone, addresses: &[IpAddr]| HostPlan {
        name: name.to_owned(),
        zone,
        addresses: addresses.to_vec(),
        poses_as: Vec::new(),
        line: None,
    };
    let mut hosts = vec![
        host(DNS, Zone::Free, &public_resolver()),
        host(CONTROL, Zone::Free, &free(10)),
        host(COLLECTOR, Zone::Free, &free(20)),
        host(HELPER, Zone::Free, &free(HELPER_MACHINE)),
        host(WEB, Zone::Free, &web_addresses(scene, None)),
    ];
    for isp in Isp::ALL {
        let zone = Zone::Isp(isp);
        hosts.push(host(&resolver(isp), zone, &isp.addresses(DNS_MACHINE)));
        hosts.push(host(&web(isp), zone, &web_addresses(scene, Some(isp))));
        let mut poses_as = addresses_of(&scene.sites.iter().collect::<Vec<_>>());
        poses_as.extend(public_resolver());
        hosts.push(HostPlan { poses_as, ..host(&interceptor(isp), zone, &isp.addresses(INTERCEPTOR_MACHINE)) });
        let probes = 1..=PROBES;
        hosts.extend(probes.map(|number| {
            let (name, own) = (probe(isp, number), isp.addresses(FIRST_PROBE + number - 1));
            if !scene.practice(isp).vpn {
                return host(&name, zone, &own);
            }
            let exit = free(FIRST_EXIT + PROBES * u8::from(isp == Isp::B) + number - 1);
            HostPlan { line: own.first().copied(), ..host(&name, Zone::Free, &exit) }
        }));
    }
    hosts
}

/// The addresses of all sites in one place whose machine runs.
fn web_addresses(scene: &Scene, place: Option<Isp>) -> Vec<IpAddr> {
    let running = scene.sites.iter().filter(|site| site.isp == place && site.state != SiteState::Absent);
    addresses_of(&running.collect::<Vec<_>>())
}

fn addresses_of(sites: &[&Site]) -> Vec<IpAddr> {
    let addresses: BTreeSet<IpAddr> = sites.iter().flat_map(|site| site.served_at()).collect();
    addresses.into_iter().collect()
}
