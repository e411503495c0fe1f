//! Where a series stood a day ago: what no late vote changes any more.
//!
//! It is looked at when older votes are settled and when something fails; so as long as nothing was asked, which is nearly always,
//! it is kept as bytes. Numbers then take the room they need, in one piece of memory instead of half a dozen. The bytes never
//! leave the memory and need no version; saved is what they stand for.
//!
//! They do not say what they are of. So no field of a calm [`Fold`] may be left out when it is written (`skip_serializing_if`), or be
//! of a type that must be named to be read (a tagged enum).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fold::Fold;

/// Room for the bytes is made in such pieces: what is now some bytes longer and now some shorter stays where it is.
const PIECE: usize = 32;

/// Where a series stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    /// Nothing was asked. No bytes: there had been no vote.
    Calm(Vec<u8>),
    /// A test was under way, or there is something to be told.
    Busy(Box<Fold>),
}

impl Base {
    pub(crate) fn fold(&self) -> Fold {
        match self {
            Self::Calm(bytes) if bytes.is_empty() => Fold::default(),
            Self::Calm(bytes) => {
                let fold = postcard::from_bytes(bytes);
                // If it could not, what is usual would have to be learned anew; nothing that is told would be lost.
                debug_assert!(fold.is_ok(), "what was written can be read: {:?}", fold.err());
                fold.unwrap_or_default()
            }
            Self::Busy(fold) => Fold::clone(fold),
        }
    }

    pub(crate) fn set(&mut self, fold: Fold) {
        *self = match (written(&fold), std::mem::take(self)) {
            (Some(bytes), Self::Calm(room)) => Self::Calm(filled(room, &bytes)),
            (Some(bytes), Self::Busy(_)) => Self::Calm(filled(Vec::new(), &bytes)),
            (None, _) => Self::Busy(Box::new(fold)),
        };
    }

    /// Changes what was asked or is to be told, if anything.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Fold)) {
        if let Self::Busy(fold) = self {
            let mut fold = std::mem::take(&mut **fold);
            change(&mut fold);
            self.set(fold);
        }
    }
}

/// As bytes, if it is calm.
fn written(fold: &Fold) -> Option<Vec<u8>> {
    if *fold == Fold::default() {
        return Some(Vec::new());
    }
    fold.is_calm().then(|| postcard::to_allocvec(fold).ok()).flatten()
}

/// The bytes, in what room there was if it suffices.
fn filled(mut room: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    room.clear();
    room.shrink_to(bytes.len().next_multiple_of(PIECE));
    room.reserve_exact(bytes.len().next_multiple_of(PIECE));
    room.extend(bytes);
    room
}

impl Default for Base {
    fn default() -> Self {
        Self::Calm(Vec::new())
    }
}

impl Serialize for Base {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fold().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Base {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut base = Self::default();
        base.set(Fold::deserialize(deserializer)?);
        Ok(base)
    }
}

#[cfg(test)]
mod tests {
    use kedergi_verdict::{DnsManner, How, TlsManner};
    use kedergi_wire::{Asn, ResolverClass};
    use proptest::prelude::*;

    use super::*;
    use crate::habits::Habits;
    use crate::scenario::noise::{below, happens};
    use crate::slow::Pace;
    use crate::time::Moment;
    use crate::votes::{Ballot, Cast, Found, Who};
    use crate::{Instrument, Resolver};

    fn cast(seed: u64, number: u32) -> Cast {
        let draw = [number.into()];
        let [who, kind] = [0, 1].map(|salt| below(4, seed.wrapping_add(salt), &draw));
        let resolver = [Resolver::Class(ResolverClass::System), Resolver::Network(Asn::new(64_500).unwrap())];
        let (how, resolver) = match kind {
            0 => (How::Tls(TlsManner::Reset), None),
            1 => (How::Dns(DnsManner::Bogon), Some(resolver[0])),
            _ => (How::Dns(DnsManner::NxDomain), Some(resolver[1])),
        };
        let slowness = i16::try_from(below(3, seed, &draw)).unwrap() * 100;
        let pace = Pace { slowness, throttled: false, by: None, regime: None, by_construction: kind > 1, halves: 2 };
        let ballot = match () {
            () if happens(0.03, seed, &draw) => Ballot::Blocked(Found { how, strength: 500, resolver }, None),
            () if happens(0.3, seed, &draw) => Ballot::Paced(pace, None),
            () => Ballot::Clear,
        };
        let instrument = Instrument { software: 0xfeed_beef, list: number / 500, rules: 7 };
        let who = Who { witness: u64::MAX / (who + 1), voice: who, aged: who > 1, passing: false };
        Cast { at: Moment(1_557_360_000 + 600 * number), who, ballot, instrument }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn what_is_put_aside_is_what_was_there(seed in any::<u64>()) {
            let (habits, mut fold, mut base, mut calm) = (Habits::default(), Fold::default(), Base::default(), 0);
            for number in 0..3000 {
                fold.step(&cast(seed, number), habits.of("KZ".parse().unwrap()));
                base.set(fold.clone());
                prop_assert_eq!(base.fold(), fold.clone());
                calm += u32::from(matches!(base, Base::Calm(_)));
            }
            prop_assert!(calm > 300, "calm {calm} times");
        }
    }
}
