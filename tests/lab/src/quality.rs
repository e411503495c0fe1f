//! How good the line of an ISP's customers is: what it loses, how long it takes. Seeded, so that the same packets in the same
//! order fare alike.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The quality of a line, as a scene says it. Left out, nothing is lost and nothing takes longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// The share of the packets that is lost.
    #[serde(default)]
    pub loss: Share,
    /// Milliseconds that every packet takes longer, each way.
    #[serde(default)]
    pub delay_ms: u16,
    /// Milliseconds that a packet may take longer still; more than none, and packets overtake each other.
    #[serde(default)]
    pub jitter_ms: u16,
    /// Another number, another fate of the same packets.
    #[serde(default)]
    pub seed: u32,
}

/// A share from 0 to 1, kept in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(u32);

const WHOLE: u32 = 1_000_000;

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("{share} is no share; it lies between 0 and 1"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and a million")]
        let millionths = (share * f64::from(WHOLE)).round() as u32;
        Ok(Self(millionths))
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        Self::from(share.0) / Self::from(WHOLE)
    }
}

/// A line that packets take.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    quality: Quality,
    state: u64,
}

impl Line {
    pub(crate) fn new(quality: Quality) -> Self {
        Self { quality, state: u64::from(quality.seed) }
    }

    /// The fate of the next packet: how much longer it takes, or `None` if it is lost.
    pub(crate) fn carry(&mut self) -> Option<Duration> {
        let (luck, jitter) = (self.draw(u64::from(WHOLE)), self.draw(u64::from(self.quality.jitter_ms) * 1000 + 1));
        let late = Duration::from_millis(self.quality.delay_ms.into()) + Duration::from_micros(jitter);
        (luck >= u64::from(self.quality.loss.0)).then_some(late)
    }

    /// The next number below `end`, by splitmix64: a few lines whose numbers no release of a library changes.
    fn draw(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quality(text: &str) -> Quality {
        toml::from_str(text).unwrap()
    }

    fn fates(quality: Quality, packets: usize) -> Vec<Option<Duration>> {
        let mut line = Line::new(quality);
        (0..packets).map(|_| line.carry()).collect()
    }

    #[test]
    fn a_line_of_which_nothing_is_said_is_perfect() {
        assert!(fates(quality(""), 100).iter().all(|fate| *fate == Some(Duration::ZERO)));
    }

    #[test]
    fn a_line_is_read_and_written() {
        let line = quality("loss = 0.05\ndelay_ms = 300");
        assert_eq!(toml::from_str::<Quality>(&toml::to_string(&line).unwrap()).unwrap(), line);
        assert!(toml::from_str::<Quality>("loss = 5").unwrap_err().to_string().contains("between 0 and 1"));
    }

    #[test]
    fn another_seed_is_another_fate() {
        assert_ne!(fates(quality("loss = 0.5"), 64), fates(quality("loss = 0.5\nseed = 1"), 64));
    }

    proptest! {
        #[test]
        fn loss_and_delay_are_as_said(loss in 0.0..1.0f64, delay_ms in 0u16..2000, jitter_ms in 0u16..500, seed: u32) {
            let said = Quality { loss: loss.try_into().unwrap(), delay_ms, jitter_ms, seed };
            let carried = fates(said, 4000);
            prop_assert_eq!(&carried, &fates(said, 4000));
            let least = Duration::from_millis(delay_ms.into());
            let most = least + Duration::from_millis(jitter_ms.into());
            prop_assert!(carried.iter().flatten().all(|late| (least..=most).contains(late)));
            // Six standard deviations of a coin tossed 4000 times.
            let lost: u16 = carried.iter().map(|fate| u16::from(fate.is_none())).sum();
            prop_assert!((f64::from(lost) / 4000.0 - loss).abs() < 0.05, "{} lost", lost);
        }
    }
}
