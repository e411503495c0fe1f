//! Stories over the whole house, one module a story. Nothing here needs the internet.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod binaries;
mod demo;
mod deploy;
mod false_alarms;
mod house;
mod http;
mod locate;
mod matrix;
mod needs;
mod pages;
mod scenes;
mod story;
