//! The pages a collector shows.

#![warn(missing_docs)]

mod names;
mod view;

pub use names::{country_name, network_name, service_name};
pub use view::{ControlView, CountryNow, CountryView, EventView, EvidenceView, HistoryView, News, NowView, Row};
