//! The internet of the lab: who is where, how long a packet travels, whose border it crosses. Pure: the fabric asks it what
//! is next for a packet and does it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::censor::{Censor, Decision, Direction};
use crate::packet::{age, endpoints, expired};
use crate::quality::Line;
use crate::{Isp, Quality, Rule, plan};

/// Between two machines in the same place: a rack, or an ISP and its customers.
pub const NEAR: Duration = Duration::from_millis(2);
/// Between a customer and the border of the ISP, where the censor sits.
pub const TO_BORDER: Duration = Duration::from_millis(5);
/// Between a border and the rest of the world. Longer than the way to the censor and back, so that what the censor injects
/// comes first.
pub const BEYOND: Duration = Duration::from_millis(20);

/// Where a host is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// With an ISP, behind its border.
    Isp(Isp),
    /// Outside, where nobody interferes.
    Free,
}

/// Number of a host, as the network was told.
pub type HostIndex = usize;

/// The next thing that happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hop {
    /// It leaves the ISP.
    Leaves(Isp),
    /// It enters the ISP.
    Enters(Isp),
    /// It is there.
    Arrives(HostIndex),
}

/// A packet on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// Time until the hop.
    pub after: Duration,
    /// The hop.
    pub hop: Hop,
    /// The packet.
    pub packet: Vec<u8>,
}

/// Who is where, and the censors between them.
#[derive(Debug, Default)]
pub struct Network {
    zones: Vec<Zone>,
    addresses: BTreeMap<IpAddr, HostIndex>,
    censors: BTreeMap<Isp, Censor>,
    lines: BTreeMap<Isp, Line>,
    /// To whom an ISP takes the connections that it intercepts.
    interceptors: BTreeMap<Isp, HostIndex>,
}

impl Network {
    /// Connects a host and says its number.
    pub fn connect(&mut self, zone: Zone, addresses: &[IpAddr]) -> HostIndex {
        let index = self.zones.len();
        self.zones.push(zone);
        self.addresses.extend(addresses.iter().map(|address| (*address, index)));
        index
    }

    /// Makes a host the one to which an ISP takes the connections that it intercepts.
    pub fn intercept_at(&mut self, isp: Isp, host: HostIndex) {
        self.interceptors.insert(isp, host);
    }

    /// Gives an ISP new rules; what its censor remembered of connections is forgotten.
    pub fn set_rules(&mut self, isp: Isp, rules: Vec<Rule>) {
        self.censors.insert(isp, Censor::new(rules));
    }

    /// Says how good an ISP's lines are: what becomes of every packet that a host of it sends or gets.
    pub fn set_quality(&mut self, isp: Isp, quality: Quality) {
        self.lines.insert(isp, Line::new(quality));
    }

    /// What is next for a packet that a host sent. `None`: it is lost in silence, because its address is nobody's or the line
    /// is bad. Between machines of the same place there is no router; else the first one is the ISP's for its customers, or the
    /// one of the free side.
    pub fn sent(&mut self, from: HostIndex, mut packet: Vec<u8>) -> Option<Moving> {
        let to = self.receiver(&packet)?;
        let (here, there) = (*self.zones.get(from)?, *self.zones.get(to)?);
        let late = self.carry(here)?;
        let (sender, _) = endpoints(&packet)?;
        let router = if here == Zone::Free { plan::transit(sender) } else { plan::router(sender) };
        if here != there && !age(&mut packet) {
            let packet = expired(router, sender, &packet)?;
            return Some(Moving { after: NEAR + late, hop: Hop::Arrives(self.receiver(&packet)?), packet });
        }
        Some(match (here, there) {
            _ if here == there => Moving { after: NEAR + late, hop: Hop::Arrives(to), packet },
            (Zone::Isp(isp), _) => Moving { after: TO_BORDER + late, hop: Hop::Leaves(isp), packet },
            (Zone::Free, _) => Self::beyond(to, there, packet),
        })
    }

    /// How much longer a packet takes on the line of a host in this zone, or `None` if it is lost there.
    fn carry(&mut self, zone: Zone) -> Option<Duration> {
        match zone {
            Zone::Isp(isp) => self.lines.get_mut(&isp).map_or(Some(Duration::ZERO), Line::carry),
            Zone::Free => Some(Duration::ZERO),
        }
    }

    /// What is next for a packet that reached a border at `now`; several things if the censor sends packets of its own. The
    /// censor sees also what the router behind it will not pass on.
    pub fn at_border(&mut self, isp: Isp, direction: Direction, packet: Vec<u8>, now: Instant) -> Vec<Moving> {
        let Decision { pass, divert, late, inject } = match self.censors.get_mut(&isp) {
            Some(censor) => censor.decide(&packet, direction, now),
            None => Decision::PASS,
        };
        if divert {
            let to = self.interceptors.get(&isp);
            return to.map(|host| Moving { after: NEAR, hop: Hop::Arrives(*host), packet }).into_iter().collect();
        }
        let own = pass.then_some((packet, late));
        let sent = inject.into_iter().map(|packet| (packet, Duration::ZERO)).chain(own);
        sent.filter_map(|(packet, late)| {
            let moving = self.onward(isp, packet)?;
            Some(Moving { after: moving.after + late, ..moving })
        })
        .collect()
    }

    /// Past the routers behind the censor: the border's, then the customer's or that of the free side.
    fn onward(&mut self, isp: Isp, mut packet: Vec<u8>) -> Option<Moving> {
        let (sender, receiver) = endpoints(&packet)?;
        let last = match self.zones.get(self.receiver(&packet)?)? {
            Zone::Isp(there) if *there == isp => plan::router(receiver),
            Zone::Isp(_) | Zone::Free => plan::transit(sender),
        };
        let refusing = [plan::border(isp, sender), last].into_iter().find(|_| !age(&mut packet));
        let packet = match refusing {
            Some(router) => expired(router, sender, &packet)?,
            None => packet,
        };
        let to = self.receiver(&packet)?;
        let there = *self.zones.get(to)?;
        Some(if there == Zone::Isp(isp) {
            Moving { after: TO_BORDER + self.carry(there)?, hop: Hop::Arrives(to), packet }
        } else {
            Self::beyond(to, there, packet)
        })
    }

    fn beyond(to: HostIndex, there: Zone, packet: Vec<u8>) -> Moving {
        let hop = match there {
            Zone::Isp(isp) => Hop::Enters(isp),
            Zone::Free => Hop::Arrives(to),
        };
        Moving { after: BEYOND, hop, packet }
    }

    fn receiver(&self, packet: &[u8]) -> Option<HostIndex> {
        let (_, destination) = endpoints(packet)?;
        self.addresses.get(&destination).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::datagram;
    use proptest::prelude::*;

    fn network() -> Network {
        let mut network = Network::default();
        network.connect(Zone::Isp(Isp::A), &["10.1.0.11".parse().unwrap()]);
        network.connect(Zone::Isp(Isp::A), &["10.1.0.53".parse().unwrap()]);
        network.connect(Zone::Isp(Isp::B), &["10.2.0.11".parse().unwrap()]);
        network.connect(Zone::Free, &["45.80.10.10".parse().unwrap()]);
        network.connect(Zone::Free, &["45.90.0.53".parse().unwrap()]);
        network
    }

    fn packet(from: &str, to: &str) -> Vec<u8> {
        datagram(format!("{from}:9").parse().unwrap(), format!("{to}:9").parse().unwrap(), b"x").unwrap()
    }

    /// Every hop of a packet, and the time it takes in all.
    fn journey(network: &mut Network, from: HostIndex, packet: Vec<u8>) -> (Vec<Hop>, Duration) {
        let (mut hops, mut time) = (Vec::new(), Duration::ZERO);
        let mut next = network.sent(from, packet);
        while let Some(Moving { after, hop, packet }) = next {
            hops.push(hop);
            time += after;
            next = match hop {
                Hop::Arrives(_) => None,
                Hop::Leaves(isp) => network.at_border(isp, Direction::Outward, packet, Instant::now()).pop(),
                Hop::Enters(isp) => network.at_border(isp, Direction::Inward, packet, Instant::now()).pop(),
            };
        }
        (hops, time)
    }

    #[test]
    fn a_packet_crosses_the_borders_between_sender_and_receiver() {
        let network = &mut network();
        let near = journey(network, 0, packet("10.1.0.11", "10.1.0.53"));
        assert_eq!(near, (vec![Hop::Arrives(1)], NEAR));
        let out = journey(network, 0, packet("10.1.0.11", "45.80.10.10"));
        assert_eq!(out, (vec![Hop::Leaves(Isp::A), Hop::Arrives(3)], TO_BORDER + BEYOND));
        let back = journey(network, 3, packet("45.80.10.10", "10.1.0.11"));
        assert_eq!(back, (vec![Hop::Enters(Isp::A), Hop::Arrives(0)], TO_BORDER + BEYOND));
        let across = journey(network, 0, packet("10.1.0.11", "10.2.0.11"));
        assert_eq!(across.0, vec![Hop::Leaves(Isp::A), Hop::Enters(Isp::B), Hop::Arrives(2)]);
        assert_eq!(journey(network, 0, packet("10.1.0.11", "45.80.99.99")).0, vec![]);
    }

    /// The router that complains of a packet which may pass so many.
    fn complainer(network: &mut Network, from: HostIndex, packet: &[u8], routers: u8) -> Option<String> {
        let (mut packet, sender) = (packet.to_vec(), endpoints(packet)?.0);
        packet[8] = routers;
        let mut next = network.sent(from, packet)?;
        loop {
            next = match next.hop {
                Hop::Arrives(_) => break,
                Hop::Leaves(isp) => network.at_border(isp, Direction::Outward, next.packet, Instant::now()).pop()?,
                Hop::Enters(isp) => network.at_border(isp, Direction::Inward, next.packet, Instant::now()).pop()?,
            };
        }
        let (router, told) = endpoints(&next.packet)?;
        (told == sender).then(|| router.to_string())
    }

    #[test]
    fn routers_on_the_way_say_who_they_are() {
        let network = &mut network();
        let mut all = |from, packet: &[u8]| -> Vec<_> {
            (1..6).map_while(|routers| complainer(network, from, packet, routers)).collect()
        };
        assert_eq!(all(0, &packet("10.1.0.11", "45.80.10.10")), ["10.1.0.1", "10.1.0.254", "45.90.0.1"]);
        assert_eq!(all(3, &packet("45.80.10.10", "10.1.0.11")), ["45.90.0.1", "10.1.0.254", "10.1.0.1"]);
        let across = all(0, &packet("10.1.0.11", "10.2.0.11"));
        assert_eq!(across, ["10.1.0.1", "10.1.0.254", "45.90.0.1", "10.2.0.254", "10.2.0.1"]);
        assert_eq!(all(0, &packet("10.1.0.11", "10.1.0.53")), [""; 0]);
    }

    #[test]
    fn a_cut_stops_what_crosses_and_nothing_else() {
        let network = &mut network();
        network.set_rules(Isp::A, vec![Rule::Cut {}]);
        assert_eq!(journey(network, 0, packet("10.1.0.11", "45.80.10.10")).0, vec![Hop::Leaves(Isp::A)]);
        assert_eq!(journey(network, 3, packet("45.80.10.10", "10.1.0.11")).0, vec![Hop::Enters(Isp::A)]);
        assert_eq!(journey(network, 0, packet("10.1.0.11", "10.1.0.53")).0, vec![Hop::Arrives(1)]);
        assert_eq!(journey(network, 2, packet("10.2.0.11", "45.80.10.10")).0.len(), 2);
    }

    #[test]
    fn a_bad_line_delays_what_its_customers_send_and_get() {
        let network = &mut network();
        network.set_quality(Isp::A, toml::from_str("delay_ms = 300").unwrap());
        let late = Duration::from_millis(300);
        assert_eq!(journey(network, 0, packet("10.1.0.11", "10.1.0.53")).1, NEAR + late);
        assert_eq!(journey(network, 0, packet("10.1.0.11", "45.80.10.10")).1, TO_BORDER + BEYOND + late);
        assert_eq!(journey(network, 3, packet("45.80.10.10", "10.1.0.11")).1, TO_BORDER + BEYOND + late);
        assert_eq!(journey(network, 2, packet("10.2.0.11", "45.80.10.10")).1, TO_BORDER + BEYOND);
    }

    #[test]
    fn what_a_line_loses_is_gone_both_ways_and_nothing_else_is() {
        let network = &mut network();
        network.set_quality(Isp::A, toml::from_str("loss = 1.0").unwrap());
        assert_eq!(journey(network, 0, packet("10.1.0.11", "45.80.10.10")).0, vec![]);
        assert_eq!(journey(network, 3, packet("45.80.10.10", "10.1.0.11")).0, vec![Hop::Enters(Isp::A)]);
        assert_eq!(journey(network, 3, packet("45.80.10.10", "45.90.0.53")).0, vec![Hop::Arrives(4)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), from in 0usize..7) {
            let _ = journey(&mut network(), from, bytes);
        }
    }
}
