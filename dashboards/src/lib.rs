//! The pages a collector shows: complete without scripts, and nothing in them comes from another place.
//!
//! Each page is a pure function from a view (plain data) to a document. The routes they belong to, which their relative
//! links rely on: [`now`] at `/`, [`country()`] at `/country/{code}`, [`event()`] at `/event/{id}`, [`methodology`] at
//! `/methodology`, [`STYLE`] at `/style.css`. Send them with [`CONTENT_SECURITY_POLICY`].

#![warn(missing_docs)]

mod clock;
mod country;
mod event;
mod history;
mod judged;
mod layout;
mod marks;
mod methodology;
mod names;
mod now;
mod problem;
mod runs;
mod scale;
mod story;
mod texts;
mod view;

pub use clock::local_time;
pub use country::country;
pub use event::event;
pub use layout::{CONTENT_SECURITY_POLICY, STYLE};
pub use methodology::methodology;
pub use names::{country_name, network_name, service_name};
pub use now::now;
pub use problem::{error, not_found};
pub use texts::{bracket_in_words, extent_in_words, kind_name, slower_in_words};
pub use view::{ControlView, CountryNow, CountryView, EventView, EvidenceView, HistoryView, News, NowView, Row};
