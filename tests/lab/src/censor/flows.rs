//! What a censor remembers of the connections that pass it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::censor::Direction;
use crate::packet::{Segment, after};

/// Bytes of a stream kept in the hope of a name. Beyond it a real censor gives up too.
const WATCHED: usize = 16 * 1024;
/// A connection nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(120);
/// Forgetting costs a walk over all connections, so it waits until there are this many.
const CROWD: usize = 1024;

/// The two ends of a connection, told apart by the side of the border they are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ends {
    pub(crate) inside: SocketAddr,
    pub(crate) outside: SocketAddr,
}

impl Ends {
    /// The ends of a packet that crosses the border in this direction.
    pub(crate) fn of(source: SocketAddr, destination: SocketAddr, direction: Direction) -> Self {
        match direction {
            Direction::Outward => Self { inside: source, outside: destination },
            Direction::Inward => Self { inside: destination, outside: source },
        }
    }
}

#[derive(Debug)]
enum State {
    /// The beginning of a stream, and the number of the byte that follows.
    Watched { stream: Vec<u8>, next: u32 },
    /// Of no interest any more.
    Passed,
    /// Nothing of it passes.
    Silenced,
}

#[derive(Debug)]
struct Flow {
    state: State,
    used: Instant,
}

/// The connections across one border.
#[derive(Debug, Default)]
pub(crate) struct Flows(HashMap<Ends, Flow>);

impl Flows {
    /// Whether the connection was silenced.
    pub(crate) fn is_silenced(&mut self, ends: &Ends, now: Instant) -> bool {
        let Some(flow) = self.0.get_mut(ends) else { return false };
        flow.used = now;
        matches!(flow.state, State::Silenced)
    }

    /// Lets nothing of the connection pass from now on.
    pub(crate) fn silence(&mut self, ends: Ends, now: Instant) {
        self.0.insert(ends, Flow { state: State::Silenced, used: now });
    }

    /// Takes a segment of a stream, always of the same direction; tells what `look` sees in its beginning, once it sees
    /// anything, and only once.
    pub(crate) fn watch<T>(
        &mut self,
        ends: Ends,
        segment: &Segment<'_>,
        now: Instant,
        look: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        if segment.flags.syn {
            self.forget_idle(now);
            let state = State::Watched { stream: Vec::new(), next: after(segment) };
            self.0.insert(ends, Flow { state, used: now });
            return None;
        }
        if segment.payload.is_empty() {
            return None;
        }
        // A connection older than the rules is looked at from where it is.
        let begin = || Flow { state: State::Watched { stream: Vec::new(), next: segment.sequence }, used: now };
        let flow = self.0.entry(ends).or_insert_with(begin);
        let State::Watched { stream, next } = &mut flow.state else { return None };
        append(stream, next, segment);
        let sight = look(stream);
        if sight.is_some() || stream.len() >= WATCHED {
            flow.state = State::Passed;
        }
        sight
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.0.len() >= CROWD {
            self.0.retain(|_, flow| now.saturating_duration_since(flow.used) < IDLE);
        }
    }
}

/// Adds what is new of a segment. One that comes early is left out: its sender will send what is missing again, and after
/// it this one.
fn append(stream: &mut Vec<u8>, next: &mut u32, segment: &Segment<'_>) {
    let known = usize::try_from(next.wrapping_sub(segment.sequence)).unwrap_or(usize::MAX);
    let Some(new) = segment.payload.get(known..) else { return };
    stream.extend_from_slice(new);
    *next = after(segment);
}
