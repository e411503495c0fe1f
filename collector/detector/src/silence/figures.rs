//! Every number of the judgement of silence in one place. `README.md` says where they come from.
//!
//! Weights are natural logarithms of likelihood ratios in thousandths, as in `weights.rs`.

use super::minutes::Minute;

/// Facts older than this by the newest change nothing any more: the horizon, and what it takes to judge what lies before it.
pub(super) const WINDOW: Minute = 26 * 60;
/// The window moves on by whole hours.
pub(super) const HOUR: Minute = 60;

/// A probe gives a sign of life this often, unless it is known to do so less often: the collector keeps one in five minutes, and
/// they come 50 seconds apart.
pub(super) const USUAL: Minute = 6;
/// What is rarer is not its rhythm: it was away.
pub(super) const RAREST: Minute = 60;
/// It is overdue if nothing came for its usual time and this much more.
pub(super) const SLACK: Minute = 2;
/// Heard for less than this altogether, a probe is not expected yet.
pub(super) const KNOWN: u32 = 60;
/// A measurement of a line that is cut speaks for this long before and after it: what stands inside the country may answer still.
pub(super) const RUN: Minute = 5;
/// Heard on another network this long after it was missed, a probe has moved.
pub(super) const MOVED: Minute = 30;

/// What is presumed of a probe nobody knows: that it goes away by itself once in this many minutes. Pessimistic, so that on their
/// first evening a few laptops that are closed are no shutdown.
pub(super) const AWAY_ONCE_IN: u64 = 8 * 60;
/// What a probe does at one time of day is presumed to be what it does all day, as if seen for this many minutes.
pub(super) const DAY_LONG: u64 = 6 * 60;
/// What was learned is halved when a probe was heard for this many minutes: 30 days.
pub(super) const MEMORY: u32 = 30 * 24 * 60;

/// What a shutdown leaves on, in thousandths of the log: it silences 98 %, or half.
pub(super) const SHARES: [Share; 2] = [Share { silent: -20, heard: -3912 }, Share { silent: -693, heard: -693 }];

/// What silence and life weigh if a shutdown silences so many.
pub(super) struct Share {
    pub(super) silent: i32,
    pub(super) heard: i32,
}

/// Voices that must be silent where nobody is heard, where somebody still is, and for a whole country at once.
pub(super) const VOICES: usize = 2;
pub(super) const VOICES_PARTIAL: usize = 3;
pub(super) const VOICES_COUNTRY: usize = 3;
/// One in this many silent voices, and one more, must be heard again for the end; two at least.
pub(super) const BACK: usize = 4;
/// Where somebody is still heard, those count who were known this long before they fell silent: laptops that are closed on their
/// first evening, one after the other, are no partial shutdown.
pub(super) const SCHOOL: Minute = 24 * 60;
/// Of two cuts this close the one that explains more is meant.
pub(super) const NEIGHBOURS: Minute = 15;
/// A network that falls silent again this soon after its end goes on being silent.
pub(super) const FLAP: Minute = 60;
/// A suspicion that nothing came of is forgotten after this, and a probe that was never heard again.
pub(super) const FORGET_SUSPICION: Minute = 7 * 24 * 60;
pub(super) const FORGET_PROBE: Minute = 30 * 24 * 60;
