//! The censor at the border of an ISP: packets in, decisions out. It reads no clock and sends nothing.

mod address;
mod certificate;
mod flows;
mod forgery;
mod handshake;
mod initial;
mod pace;
mod quic;
mod sight;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::packet::{self, Packet, Segment, Transport};
use crate::{Rule, plan};
use address::Residue;
use flows::{Ends, Flows};
use forgery::{Act, act_on_request, forge};
use pace::Pace;
use quic::Quic;
pub use sight::{Hello, Sight};

const DNS: u16 = 53;

/// Which way a packet crosses the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a customer to the world.
    Outward,
    /// From the world to a customer.
    Inward,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it passes, unchanged.
    pub pass: bool,
    /// Whether it goes to the ISP's own machine instead, unchanged.
    pub divert: bool,
    /// How long it is kept before it passes.
    pub late: Duration,
    /// Packets that the censor sends now; each goes where its destination address says.
    pub inject: Vec<Vec<u8>>,
}

impl Decision {
    /// It goes on as if nobody had looked.
    pub const PASS: Self = Self { pass: true, divert: false, late: Duration::ZERO, inject: Vec::new() };
    const DROP: Self = Self { pass: false, divert: false, late: Duration::ZERO, inject: Vec::new() };
    const DIVERT: Self = Self { pass: false, divert: true, late: Duration::ZERO, inject: Vec::new() };

    fn answer(inject: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { inject: inject.into_iter().collect(), ..Self::DROP }
    }
}

/// The censor of one ISP: its rules and what it remembers.
#[derive(Debug, Default)]
pub struct Censor {
    rules: Vec<Rule>,
    flows: Flows,
    /// What servers answer, where a rule looks at that.
    answers: Flows,
    residue: Residue,
    quic: Quic,
    pace: Pace,
}

impl Censor {
    /// A censor with these rules. Those for resolvers are none of its business.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Decides about a packet that crosses the border at `now`. What it cannot read, it lets pass (unless the border is
    /// cut).
    pub fn decide(&mut self, bytes: &[u8], direction: Direction, now: Instant) -> Decision {
        if self.rules.contains(&Rule::Cut {}) {
            return Decision::DROP;
        }
        let Some(packet) = Packet::parse(bytes) else { return Decision::PASS };
        let decision = self.decide_packet(bytes, &packet, direction, now);
        if !decision.pass {
            return decision;
        }
        match self.pace.carry(&self.rules, &packet, bytes.len(), direction, now) {
            Some(late) => Decision { late, ..decision },
            None => Decision { pass: false, ..decision },
        }
    }

    fn decide_packet(&mut self, bytes: &[u8], packet: &Packet<'_>, direction: Direction, now: Instant) -> Decision {
        if address::drops(&self.rules, packet) || self.residue.covers(packet, now) {
            return Decision::DROP;
        }
        if address::is_unreachable(&self.rules, packet, direction) {
            return Decision::answer(packet::unreachable(plan::router(packet.source), packet.source, bytes));
        }
        if address::is_diverted(&self.rules, packet, direction) {
            return Decision::DIVERT;
        }
        match (&packet.transport, direction) {
            (Transport::Tcp(segment), _) => self.decide_tcp(packet, segment, direction, now),
            (Transport::Udp { .. }, _) if !self.passes_quic(packet, direction, now) => Decision::DROP,
            (Transport::Udp { .. }, Direction::Outward) => self.decide_udp(packet),
            (Transport::Udp { .. }, Direction::Inward) | (Transport::Other, _) => Decision::PASS,
        }
    }

    fn passes_quic(&mut self, packet: &Packet<'_>, direction: Direction, now: Instant) -> bool {
        let Transport::Udp { source, destination, payload } = packet.transport else { return true };
        let (source, destination) =
            (SocketAddr::new(packet.source, source), SocketAddr::new(packet.destination, destination));
        let ends = Ends::of(source, destination, direction);
        !quic::drops(&self.rules, packet) && self.quic.passes(&self.rules, ends, direction, payload, now)
    }

    fn decide_udp(&self, packet: &Packet<'_>) -> Decision {
        let Transport::Udp { source, destination: DNS, payload } = packet.transport else { return Decision::PASS };
        let forged = self.rules.iter().find_map(|rule| {
            let Rule::DnsInject { name, address, swallow, customers } = rule else { return None };
            let spared = *customers && plan::is_resolver(packet.source);
            if spared { None } else { Some((forge(payload, name, *address)?, *swallow)) }
        });
        let swallow = forged.as_ref().is_some_and(|(_, swallow)| *swallow);
        let client = SocketAddr::new(packet.source, source);
        let resolver = SocketAddr::new(packet.destination, DNS);
        let answer = forged.and_then(|(message, _)| packet::datagram(resolver, client, &message));
        Decision { pass: !swallow, inject: answer.into_iter().collect(), ..Decision::PASS }
    }

    fn decide_tcp(
        &mut self,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        direction: Direction,
        now: Instant,
    ) -> Decision {
        let (source, destination) =
            (SocketAddr::new(packet.source, segment.source), SocketAddr::new(packet.destination, segment.destination));
        let ends = Ends::of(source, destination, direction);
        let opens = segment.flags.syn && direction == Direction::Outward;
        if !opens && self.flows.is_silenced(&ends, now) {
            return Decision::DROP;
        }
        if direction == Direction::Inward {
            return self.decide_answer(packet, segment, ends, now);
        }
        if opens {
            self.pace.opened(&ends);
        }
        if opens && self.resets_syn(packet.destination) {
            return Decision::answer(packet::reset_to_sender(packet.source, packet.destination, segment));
        }
        let look = |stream: &[u8]| Some(Sight::of(stream)).filter(|sight| *sight != Sight::Incomplete);
        match self.flows.watch(ends, segment, now, look) {
            Some(Sight::Hello(hello)) => {
                if let Some(name) = &hello.name {
                    self.pace.named(&self.rules, ends, name, now);
                }
                self.decide_hello(&hello, packet, segment, ends, now)
            }
            Some(Sight::Request(Some(host))) => {
                self.pace.named(&self.rules, ends, &host, now);
                self.decide_request(&host, packet, segment, ends, now)
            }
            Some(Sight::Request(None) | Sight::Incomplete | Sight::Other) | None => Decision::PASS,
        }
    }

    fn resets_syn(&self, ip: IpAddr) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::RstSyn { address } if *address == ip))
    }

    fn decide_hello(
        &mut self,
        hello: &Hello,
        packet: &Packet<'_>,
        seen: &Segment<'_>,
        ends: Ends,
        now: Instant,
    ) -> Decision {
        let Some(rule) = handshake::rule_for(&self.rules, hello, seen) else { return Decision::PASS };
        if let Rule::TlsReset { residual_s, .. } = rule {
            self.residue.leave(packet, *residual_s, now);
        }
        self.flows.silence(ends, now);
        Decision::answer(handshake::answer(rule, packet, seen))
    }

    /// A server's stream is only looked at where a rule tells to: in most scenes the answers are the bulk of the traffic.
    fn decide_answer(&mut self, packet: &Packet<'_>, seen: &Segment<'_>, ends: Ends, now: Instant) -> Decision {
        if handshake::certificate_names(&self.rules).next().is_none() {
            return Decision::PASS;
        }
        let shown = self.answers.watch(ends, seen, now, certificate::names).unwrap_or_default();
        let mut forbidden = handshake::certificate_names(&self.rules);
        if !forbidden.any(|name| shown.iter().any(|shown| name.covers(shown))) {
            return Decision::PASS;
        }
        self.flows.silence(ends, now);
        Decision::answer(handshake::resets(packet, seen))
    }

    fn decide_request(
        &mut self,
        asked: &str,
        packet: &Packet<'_>,
        seen: &Segment<'_>,
        ends: Ends,
        now: Instant,
    ) -> Decision {
        let (source, destination) = (packet.source, packet.destination);
        let act = self.rules.iter().find_map(|rule| act_on_request(rule, asked, source));
        let Some(act) = act else { return Decision::PASS };
        self.flows.silence(ends, now);
        let mut inject = match act {
            Act::Silence => return Decision::DROP,
            Act::Reset => packet::reset_to_sender(source, destination, seen).into_iter().collect(),
            Act::Answer(page) => packet::whole_answer(source, destination, seen, page.as_bytes()),
        };
        inject.extend(packet::reset_to_receiver(source, destination, seen));
        Decision::answer(inject)
    }
}

#[cfg(test)]
mod pace_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
