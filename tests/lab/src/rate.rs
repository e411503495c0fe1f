//! How many kilobits a second a rule lets pass, and when.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A rate, for ever or in turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a rate is a number of kilobits a second, or a list of { is = KBIT_S, for_s = SECONDS }")]
pub enum Rate {
    /// Kilobits a second.
    Steady(NonZeroU32),
    /// One after the other, and again from the first; they begin with the first packet of whoever shares the rate.
    Turns(Vec<Turn>),
}

/// A rate for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Kilobits a second.
    pub is: NonZeroU32,
    /// Seconds for which it lasts.
    pub for_s: NonZeroU16,
}

impl Rate {
    /// Whether it says no rate at all.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Turns(turns) if turns.is_empty())
    }

    /// Kilobits a second, so long after the first packet. `None` where it says no rate.
    pub(crate) fn kbit_s(&self, after: Duration) -> Option<NonZeroU32> {
        match self {
            Self::Steady(kbit_s) => Some(*kbit_s),
            Self::Turns(turns) => {
                let round: u64 = turns.iter().map(Turn::seconds).sum();
                let mut left = after.as_secs().checked_rem(round)?;
                let now = turns.iter().find(|turn| match left.checked_sub(turn.seconds()) {
                    Some(rest) => {
                        left = rest;
                        false
                    }
                    None => true,
                });
                now.map(|turn| turn.is)
            }
        }
    }
}

impl Turn {
    fn seconds(&self) -> u64 {
        u64::from(self.for_s.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held {
        kbit_s: Rate,
    }

    fn read(text: &str) -> Result<Rate, toml::de::Error> {
        toml::from_str::<Held>(&format!("kbit_s = {text}")).map(|held| held.kbit_s)
    }

    #[test]
    fn turns_follow_each_other_and_begin_anew() {
        let rate = read("[{ is = 60, for_s = 20 }, { is = 2000, for_s = 5 }]").unwrap();
        let at = |seconds| rate.kbit_s(Duration::from_secs(seconds)).unwrap().get();
        assert_eq!([0, 19, 20, 24, 25, 44, 45].map(at), [60, 60, 2000, 2000, 60, 60, 2000]);
        let steady = read("60").unwrap();
        assert_eq!(steady.kbit_s(Duration::from_secs(1000)).unwrap().get(), 60);
    }

    #[test]
    fn a_rate_is_read_and_written() {
        for text in ["60", "[{ is = 60, for_s = 20 }]"] {
            let held = Held { kbit_s: read(text).unwrap() };
            assert_eq!(toml::from_str::<Held>(&toml::to_string(&held).unwrap()).unwrap(), held);
        }
        assert!(read("0").unwrap_err().to_string().contains("a rate is a number"));
        assert!(read("[{ is = 60 }]").is_err());
        assert!(read("[]").unwrap().is_empty());
    }
}
