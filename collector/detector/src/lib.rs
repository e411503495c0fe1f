//! Many verdicts -> events. Pure, by event time only: what happened and when it was measured, never when it arrived.
//!
//! `README.md` beside this package is the published methodology and documents the format of scenarios.

#![warn(missing_docs)]

mod cell;
mod controls;
mod detector;
mod event;
mod fold;
mod group;
mod input;
#[cfg(test)]
mod laws;
mod packed;
mod pairs;
mod public;
mod scenario;
mod sequential;
mod series;
mod telling;
mod votes;

pub use cell::{Cell, CellState, Counts};
pub use detector::{Detector, HORIZON};
pub use event::{Affected, Bracket, Change, Event, EventId, EventState, PUBLIC_PROBES};
pub use input::{ControlVote, Input, Vote};
pub use public::PublicEvent;
pub use scenario::{
    Controls, Expectation, Fault, FaultKind, Interference, Mismatch, Network, Round, Scenario, ScenarioError, Service,
    SimProbe, Technique,
};
