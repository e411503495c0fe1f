//! An internet with a censor in it: network namespaces as hosts, a router in user space that interferes as its rules say,
//! real web servers and resolvers, and scenes that say what a probe should find. `README.md` tells how it works and
//! documents the format of scenes.

mod authority;
pub use authority::{Authority, Certificate};
pub mod censor;
mod error;
pub use error::LabError;
mod expected;
pub use expected::Expected;
mod fabric;
mod host;
pub use host::Host;
mod interception;
mod isp;
pub use isp::Isp;
mod lab;
pub use lab::{Lab, ProbeSettings, remove_folders};
mod name;
pub use name::{Name, NameError};
pub mod network;
pub mod packet;
pub mod plan;
mod play;
pub use play::{Check, PlayError, play, play_rounds};
mod portal;
mod process;
pub use process::{Process, command};
mod quality;
pub use quality::{Quality, Share};
mod rate;
pub use rate::{Rate, Turn};
mod rule;
pub use rule::{Answer, ForgedBy, Rule};
mod scene;
pub use scene::{
    CustomersResolver, HttpMode, Practice, Reception, Scene, SceneError, SceneService, SceneTarget, Site,
    SiteCertificate, SiteState,
};
mod services;
mod space;
pub use space::{availability, enter, in_lab, skipped};
