//! Many verdicts -> events. Pure, by event time only: what happened and when it was measured, never when it arrived.

#![warn(missing_docs)]

mod event;
mod input;

pub use event::{Affected, Bracket, Change, Event, EventId, EventState, PUBLIC_PROBES};
pub use input::{ControlVote, Input, Vote};
