//! Stories over the whole house, one module a story. Nothing here needs the internet.

mod binaries;
mod demo;
mod deploy;
mod house;
mod http;
mod needs;
mod pages;
mod scenes;
mod story;
