//! Stories over the whole house, one module a story. Nothing here needs the internet.

mod binaries;
mod deploy;
mod house;
