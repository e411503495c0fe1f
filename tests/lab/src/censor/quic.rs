//! What a censor does to QUIC.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::flows::Ends;
use super::initial::{Opening, is_handshake};
use crate::censor::{Direction, Sight};
use crate::packet::{Packet, Transport};
use crate::{Name, Rule};

const PORT: u16 = 443;
/// A connection nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(120);

/// Whether QUIC is kept from or to one of the packet's ends, whatever is said in it.
pub(crate) fn drops(rules: &[Rule], packet: &Packet<'_>) -> bool {
    let Transport::Udp { source, destination, .. } = packet.transport else { return false };
    let ends = [(packet.source, source), (packet.destination, destination)];
    rules.iter().any(|rule| {
        let Rule::QuicDrop { address } = rule else { return false };
        ends.iter().any(|(ip, port)| *port == PORT && address.is_none_or(|address| address == *ip))
    })
}

/// The connections over QUIC across one border.
#[derive(Debug, Default)]
pub(crate) struct Quic(HashMap<Ends, Flow>);

#[derive(Debug)]
struct Flow {
    state: State,
    used: Instant,
}

#[derive(Debug)]
enum State {
    /// The beginning of the client's handshake.
    Watched(Opening),
    /// Of no interest any more.
    Passed,
    /// Nothing of it passes.
    Silenced,
}

impl Quic {
    /// Whether a datagram passes.
    pub(crate) fn passes(
        &mut self,
        rules: &[Rule],
        ends: Ends,
        direction: Direction,
        datagram: &[u8],
        now: Instant,
    ) -> bool {
        if ends.outside.port() != PORT || names(rules).next().is_none() {
            return true;
        }
        self.0.retain(|_, flow| now.saturating_duration_since(flow.used) < IDLE);
        let begin = || Flow { state: State::Watched(Opening::default()), used: now };
        let flow = self.0.entry(ends).or_insert_with(begin);
        flow.used = now;
        if direction == Direction::Outward {
            flow.state.turn(rules, datagram);
        }
        !matches!(flow.state, State::Silenced)
    }
}

impl State {
    fn turn(&mut self, rules: &[Rule], datagram: &[u8]) {
        let Self::Watched(opening) = self else { return };
        if !is_handshake(datagram) {
            *self = Self::Passed;
            return;
        }
        *self = match opening.take(datagram) {
            Sight::Incomplete => return,
            Sight::Hello(hello)
                if names(rules).any(|name| hello.name.as_deref().is_some_and(|sni| name.covers(sni))) =>
            {
                Self::Silenced
            }
            Sight::Hello(_) | Sight::Request(_) | Sight::Other => Self::Passed,
        };
    }
}

fn names(rules: &[Rule]) -> impl Iterator<Item = &Name> {
    rules.iter().filter_map(|rule| if let Rule::QuicInitial { name } = rule { Some(name) } else { None })
}

#[cfg(test)]
mod tests {
    use super::super::initial::tests::{crypto, initial};
    use super::super::sight::tests::client_hello;
    use super::super::tests::censor;
    use super::*;
    use crate::packet::datagram;

    const PROBE: &str = "10.1.0.11:40000";
    const SITE: &str = "45.80.10.10:443";

    fn passes(censor: &mut super::super::Censor, from: &str, to: &str, payload: &[u8]) -> bool {
        let direction = if from.starts_with("10.") { Direction::Outward } else { Direction::Inward };
        let packet = datagram(from.parse().unwrap(), to.parse().unwrap(), payload).unwrap();
        censor.decide(&packet, direction, Instant::now()).pass
    }

    fn hello(name: &str) -> Vec<u8> {
        initial(0, &crypto(0, &client_hello(name)[5..]))
    }

    #[test]
    fn port_443_is_dropped_for_all_or_for_one_address() {
        let mut all = censor("{ do = 'quic-drop' }");
        assert!(!passes(&mut all, PROBE, SITE, b"x") && !passes(&mut all, SITE, PROBE, b"x"));
        assert!(passes(&mut all, PROBE, "45.80.10.10:53", b"x"));
        let mut one = censor("{ do = 'quic-drop', address = '45.80.10.10' }");
        assert!(!passes(&mut one, PROBE, SITE, b"x") && passes(&mut one, PROBE, "45.80.10.11:443", b"x"));
    }

    #[test]
    fn a_named_handshake_falls_silent_and_others_pass() {
        let mut named = censor("{ do = 'quic-initial', name = 'news.example' }");
        assert!(!passes(&mut named, PROBE, SITE, &hello("www.news.example")));
        assert!(!passes(&mut named, SITE, PROBE, b"x"));
        let elsewhere = "10.1.0.11:40001";
        assert!(passes(&mut named, elsewhere, SITE, &hello("weather.example")));
        assert!(passes(&mut named, SITE, elsewhere, b"x") && passes(&mut named, elsewhere, SITE, b"x"));
        // Something else on that port.
        assert!(passes(&mut named, "10.1.0.11:40002", SITE, b"x"));
    }
}
