//! The doors over real sockets on loopback, with envelopes as probes seal them.

mod batches;
mod bundles;
mod connections;
mod house;
mod liars;
mod polls;
mod refusals;
mod sample;
