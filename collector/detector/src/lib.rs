//! Many verdicts -> events. Pure, by event time only: what happened and when it was measured, never when it arrived.

#![warn(missing_docs)]

mod cell;
mod event;
mod input;
mod public;

pub use cell::{Cell, CellState, Counts};
pub use event::{Affected, Bracket, Change, Event, EventId, EventState, PUBLIC_PROBES};
pub use input::{ControlVote, Input, Vote};
pub use public::PublicEvent;
