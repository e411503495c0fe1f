//! Slowing down: what passes the border is held to a rate, or kept for a while.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::flows::Ends;
use crate::censor::Direction;
use crate::packet::{Packet, Transport};
use crate::{Name, Rate, Rule};

/// Bytes that pass at once before a policed rate is kept to.
const BURST: usize = 10_000;
/// Bytes that wait at most where a rate is kept to by a queue; what does not fit is lost.
const QUEUE: usize = 64_000;
/// What nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(120);
/// Forgetting costs a walk over everything, so it waits until there is this much.
const CROWD: usize = 1024;

/// What is remembered of those that are slowed down.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Connections whose ClientHello, or plain HTTP request, had a name that a rule looks out for.
    named: HashMap<Ends, (String, Instant)>,
    /// What went before, by rule and by whose rate it is.
    busy: HashMap<(usize, Whose, Direction), Busy>,
}

/// What went before at one rate.
#[derive(Debug, Clone, Copy)]
struct Busy {
    /// When its first packet came.
    since: Instant,
    /// Until when it takes its time.
    until: Instant,
    /// At this rate.
    kbit_s: NonZeroU32,
}

/// Who shares a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Connection(Ends),
    CustomerAndAddress(IpAddr, IpAddr),
    Customer(IpAddr),
}

impl Pace {
    /// A connection begins anew.
    pub(super) fn opened(&mut self, ends: &Ends) {
        self.named.remove(ends);
    }

    /// A ClientHello of the connection, or a plain HTTP request, has the name.
    pub(super) fn named(&mut self, rules: &[Rule], ends: Ends, name: &str, now: Instant) {
        if rules.iter().filter_map(name_of).any(|meant| meant.covers(name)) {
            self.forget_idle(now);
            self.named.insert(ends, (name.to_owned(), now));
        }
    }

    /// How long a packet is kept; `None`: it is lost. The first rule that concerns it counts.
    pub(super) fn carry(
        &mut self,
        rules: &[Rule],
        packet: &Packet<'_>,
        bytes: usize,
        direction: Direction,
        now: Instant,
    ) -> Option<Duration> {
        let whose = |rule| self.whose(rule, packet, direction);
        let concerned = |(index, rule)| Some((index, rule, whose(rule)?));
        let Some((index, rule, whose)) = rules.iter().enumerate().find_map(concerned) else {
            return Some(Duration::ZERO);
        };
        let delay = delay_of(rule).unwrap_or_default();
        let Some(held) = held_by(rule) else {
            return Some(if direction == Direction::Inward { delay } else { Duration::ZERO });
        };
        self.forget_idle(now);
        let key = (index, whose, direction);
        let since = self.busy.get(&key).map_or(now, |busy| busy.since);
        let kbit_s = held.rate.kbit_s(now.saturating_duration_since(since))?;
        let busy = self.busy.entry(key).or_insert(Busy { since, until: now, kbit_s });
        if busy.kbit_s != kbit_s {
            // Another turn: what is kept goes as it was to go, and keeps nobody else waiting.
            (busy.until, busy.kbit_s) = (now, kbit_s);
        }
        let done = busy.until.max(now) + time(kbit_s, bytes);
        if done.saturating_duration_since(now) > time(kbit_s, held.ahead) {
            return None;
        }
        busy.until = done;
        Some(if held.queues { done.saturating_duration_since(now) } else { Duration::ZERO })
    }

    /// Who shares the rate that a rule holds this packet to, if it does.
    fn whose(&self, rule: &Rule, packet: &Packet<'_>, direction: Direction) -> Option<Whose> {
        let (inside, outside) = match direction {
            Direction::Outward => (packet.source, packet.destination),
            Direction::Inward => (packet.destination, packet.source),
        };
        if let Some(name) = name_of(rule) {
            let ends = ends(packet, direction)?;
            return self.named.get(&ends).filter(|(said, _)| name.covers(said)).map(|_| Whose::Connection(ends));
        }
        held_by(rule)?;
        match address_of(rule) {
            Some(address) => (address == outside).then_some(Whose::CustomerAndAddress(inside, outside)),
            None => Some(Whose::Customer(inside)),
        }
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.named.len() + self.busy.len() >= CROWD {
            self.named.retain(|_, (_, since)| now.saturating_duration_since(*since) < IDLE);
            self.busy.retain(|_, busy| now.saturating_duration_since(busy.until) < IDLE);
        }
    }
}

fn ends(packet: &Packet<'_>, direction: Direction) -> Option<Ends> {
    let Transport::Tcp(segment) = &packet.transport else { return None };
    let source = SocketAddr::new(packet.source, segment.source);
    let destination = SocketAddr::new(packet.destination, segment.destination);
    Some(match direction {
        Direction::Outward => Ends { inside: source, outside: destination },
        Direction::Inward => Ends { inside: destination, outside: source },
    })
}

/// A rate, and how it is kept to.
struct Held<'a> {
    rate: &'a Rate,
    /// Whether what is more waits in a queue; else it is lost.
    queues: bool,
    /// Bytes that may run ahead of the rate.
    ahead: usize,
}

/// What so many bytes take.
fn time(kbit_s: NonZeroU32, bytes: usize) -> Duration {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8);
    Duration::from_micros(bits.saturating_mul(1000) / u64::from(kbit_s.get()))
}

fn held_by(rule: &Rule) -> Option<Held<'_>> {
    if let Rule::Police { kbit_s: rate, .. } = rule {
        Some(Held { rate, queues: false, ahead: BURST })
    } else if let Rule::Shape { kbit_s: rate, .. } = rule {
        Some(Held { rate, queues: true, ahead: QUEUE })
    } else {
        None
    }
}

fn delay_of(rule: &Rule) -> Option<Duration> {
    if let Rule::Delay { delay_ms, .. } = rule { Some(Duration::from_millis(u64::from(*delay_ms))) } else { None }
}

/// The name in a ClientHello, or in a plain HTTP request, that brings a rule on.
fn name_of(rule: &Rule) -> Option<&Name> {
    if let Rule::Police { name, .. } | Rule::Shape { name, .. } = rule {
        name.as_ref()
    } else if let Rule::Delay { name, .. } = rule {
        Some(name)
    } else {
        None
    }
}

fn address_of(rule: &Rule) -> Option<IpAddr> {
    if let Rule::Police { address, .. } | Rule::Shape { address, .. } = rule { *address } else { None }
}
