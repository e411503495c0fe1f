//! Many verdicts -> events. Pure, by event time only: what happened and when it was measured, never when it arrived.
//!
//! `README.md` beside this package is the published methodology and documents the format of scenarios.

#![warn(missing_docs)]

mod agreement;
mod alarm;
mod base;
mod bursts;
mod cell;
mod controls;
mod detector;
mod event;
mod fold;
mod group;
mod habits;
mod hours;
mod input;
#[cfg(test)]
mod laws;
mod newcomers;
mod nibbles;
mod packed;
mod pairs;
#[cfg(test)]
mod passers;
mod people;
mod public;
mod reasoning;
mod scenario;
mod series;
mod silence;
mod slots;
mod slow;
mod sparing;
mod streaks;
mod telling;
mod time;
mod track;
mod votes;
mod weights;

pub use bursts::Bursts;
pub use cell::{Cell, CellState, Counts};
pub use detector::{Detector, HORIZON};
pub use event::{
    Affected, Bracket, Cause, Change, Event, EventId, EventState, Extent, Kind, Level, Note, PUBLIC_PROBES, Reached,
    Reason, Reasoning, Sign, Slowed,
};
pub use input::{ControlVote, Heartbeat, Input, Instrument, Listening, Neighbourhood, Resolver, Source, Vote};
pub use public::PublicEvent;
pub use scenario::{
    Controls, Expectation, Fault, FaultKind, Interference, Minute, Mismatch, Network, Outage, Played, Round, Scenario,
    ScenarioError, Service, SimProbe, Technique, Throttle,
};
