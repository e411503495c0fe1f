//! What a censor does to addresses, whatever is said to them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::Rule;
use crate::censor::Direction;
use crate::packet::{Packet, Transport};

/// Whether nothing passes from or to one of the packet's ends.
pub(crate) fn drops(rules: &[Rule], packet: &Packet<'_>) -> bool {
    let (source, destination) = match &packet.transport {
        Transport::Udp { source, destination, .. } => (Some(*source), Some(*destination)),
        Transport::Tcp(segment) => (Some(segment.source), Some(segment.destination)),
        Transport::Other => (None, None),
    };
    let ends = [(packet.source, source), (packet.destination, destination)];
    let meant = |address: &IpAddr, port: Option<u16>| {
        ends.iter().any(|(ip, at)| ip == address && (port.is_none() || port == *at))
    };
    rules.iter().any(|rule| {
        matches!(rule, Rule::DropAddress { address, port } if meant(address, *port))
            || matches!(rule, Rule::BrokenIpv6 {}) && packet.destination.is_ipv6()
    })
}

/// Whether a router says of the packet's destination that it cannot be reached.
pub(crate) fn is_unreachable(rules: &[Rule], packet: &Packet<'_>, direction: Direction) -> bool {
    direction == Direction::Outward
        && rules.iter().any(|rule| matches!(rule, Rule::IcmpUnreachable { address } if *address == packet.destination))
}

/// Whether a packet is taken to the ISP's own machine instead of where it should go.
pub(crate) fn is_diverted(rules: &[Rule], packet: &Packet<'_>, direction: Direction) -> bool {
    const HTTPS: u16 = 443;
    if direction == Direction::Outward && is_held_by_portal(rules, packet) {
        return true;
    }
    let Transport::Tcp(segment) = &packet.transport else { return false };
    direction == Direction::Outward
        && segment.destination == HTTPS
        && rules.iter().any(|rule| matches!(rule, Rule::TlsIntercept { address, .. } if *address == packet.destination))
}

fn is_held_by_portal(rules: &[Rule], packet: &Packet<'_>) -> bool {
    const DNS: u16 = 53;
    let asks = matches!(packet.transport, Transport::Udp { destination: DNS, .. });
    rules.iter().any(|rule| matches!(rule, Rule::CaptivePortal { true_names } if !(asks && *true_names)))
}

/// Customers and addresses between which nothing passes for a while, in either order of a packet's ends.
#[derive(Debug, Default)]
pub(crate) struct Residue(HashMap<[IpAddr; 2], Instant>);

impl Residue {
    /// From `now` on, for `seconds`.
    pub(crate) fn leave(&mut self, packet: &Packet<'_>, seconds: u16, now: Instant) {
        if seconds > 0 {
            self.0.retain(|_, until| *until > now);
            self.0.insert(pair(packet), now + Duration::from_secs(u64::from(seconds)));
        }
    }

    /// Whether something is left between the packet's ends.
    pub(crate) fn covers(&self, packet: &Packet<'_>, now: Instant) -> bool {
        self.0.get(&pair(packet)).is_some_and(|until| *until > now)
    }
}

fn pair(packet: &Packet<'_>) -> [IpAddr; 2] {
    let mut ends = [packet.source, packet.destination];
    ends.sort_unstable();
    ends
}
