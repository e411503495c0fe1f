//! The censor at the border of an ISP: packets in, decisions out. It reads no clock and sends nothing.

mod flows;
mod forgery;
mod sight;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::packet::{self, Packet, Segment, Transport};
use crate::{Rule, plan};
use flows::{Ends, Flows};
use forgery::forge;
pub use sight::Sight;

const DNS: u16 = 53;

/// Which way a packet crosses the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Packets that the censor sends now; each goes where its destination address says.
    pub inject: Vec<Vec<u8>>,
}

impl Decision {
    const PASS: Self = Self { pass: true, inject: Vec::new() };
    const DROP: Self = Self { pass: false, inject: Vec::new() };

    fn answer(inject: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { pass: false, inject: inject.into_iter().collect() }
    }
}

/// The censor of one ISP: its rules and what it remembers.
#[derive(Debug, Default)]
pub struct Censor {
    rules: Vec<Rule>,
    flows: Flows,
}

impl Censor {
    /// A censor with these rules. Those for resolvers are none of its business.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, flows: Flows::default() }
    }

    /// Decides about a packet that crosses the border at `now`. What it cannot read, it lets pass (unless the border is
    /// cut).
    pub fn decide(&mut self, bytes: &[u8], direction: Direction, now: Instant) -> Decision {
        if self.rules.contains(&Rule::Cut {}) {
            return Decision::DROP;
        }
        let Some(packet) = Packet::parse(bytes) else { return Decision::PASS };
        if self.drops(packet.source) || self.drops(packet.destination) {
            return Decision::DROP;
        }
        match (&packet.transport, direction) {
            (Transport::Tcp(segment), _) => self.decide_tcp(&packet, segment, direction, now),
            (Transport::Udp { .. }, Direction::Outward) => self.decide_udp(&packet),
            (Transport::Udp { .. }, Direction::Inward) | (Transport::Other, _) => Decision::PASS,
        }
    }

    fn drops(&self, ip: IpAddr) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::DropAddress { address } if *address == ip))
    }

    fn decide_udp(&self, packet: &Packet<'_>) -> Decision {
        let Transport::Udp { source, destination: DNS, payload } = packet.transport else { return Decision::PASS };
        let forged = self.rules.iter().find_map(|rule| {
            let Rule::DnsInject { name, address, customers } = rule else { return None };
            let spared = *customers && plan::is_resolver(packet.source);
            if spared { None } else { forge(payload, name, *address) }
        });
        let client = SocketAddr::new(packet.source, source);
        let resolver = SocketAddr::new(packet.destination, DNS);
        let answer = forged.and_then(|message| packet::datagram(resolver, client, &message));
        Decision { pass: true, inject: answer.into_iter().collect() }
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
        let ends = match direction {
            Direction::Outward => Ends { inside: source, outside: destination },
            Direction::Inward => Ends { inside: destination, outside: source },
        };
        let opens = segment.flags.syn && direction == Direction::Outward;
        if !opens && self.flows.is_silenced(&ends, now) {
            return Decision::DROP;
        }
        if direction == Direction::Inward {
            return Decision::PASS;
        }
        if opens && self.resets_syn(packet.destination) {
            return Decision::answer(packet::reset_to_sender(packet.source, packet.destination, segment));
        }
        match self.flows.watch(ends, segment, now) {
            Some(Sight::Hello(Some(name))) => self.decide_hello(&name, packet, segment, ends, now),
            Some(Sight::Request(Some(host))) => self.decide_request(&host, packet, segment, ends, now),
            Some(Sight::Hello(None) | Sight::Request(None) | Sight::Incomplete | Sight::Other) | None => Decision::PASS,
        }
    }

    fn resets_syn(&self, ip: IpAddr) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::RstSyn { address } if *address == ip))
    }

    fn decide_hello(
        &mut self,
        sni: &str,
        packet: &Packet<'_>,
        seen: &Segment<'_>,
        ends: Ends,
        now: Instant,
    ) -> Decision {
        let matched = self
            .rules
            .iter()
            .find(|rule| matches!(rule, Rule::TlsReset { name } | Rule::TlsSilence { name } if name.covers(sni)));
        let Some(rule) = matched else { return Decision::PASS };
        let resets = matches!(rule, Rule::TlsReset { .. });
        self.flows.silence(ends, now);
        if !resets {
            return Decision::DROP;
        }
        let (source, destination) = (packet.source, packet.destination);
        let back = packet::reset_to_sender(source, destination, seen);
        let on = packet::reset_to_receiver(source, destination, seen);
        Decision::answer(back.into_iter().chain(on))
    }

    fn decide_request(
        &mut self,
        asked: &str,
        packet: &Packet<'_>,
        seen: &Segment<'_>,
        ends: Ends,
        now: Instant,
    ) -> Decision {
        let page = self.rules.iter().find_map(|rule| {
            let Rule::HttpBlockPage { host, status, location, body } = rule else { return None };
            host.covers(asked).then(|| http_answer(*status, location.as_deref(), body))
        });
        let Some(page) = page else { return Decision::PASS };
        self.flows.silence(ends, now);
        let (source, destination) = (packet.source, packet.destination);
        let mut inject = packet::whole_answer(source, destination, seen, page.as_bytes());
        inject.extend(packet::reset_to_receiver(source, destination, seen));
        Decision::answer(inject)
    }
}

fn http_answer(status: u16, location: Option<&str>, body: &str) -> String {
    // The reason phrase means nothing to a client; "OK" would be odd beside 403.
    let reason = if status == 200 { "OK" } else { "Blocked" };
    let location = location.map(|url| format!("Location: {url}\r\n")).unwrap_or_default();
    format!(
        "HTTP/1.1 {status} {reason}\r\n{location}Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests;
