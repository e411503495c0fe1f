//! Chance without a generator: what is drawn depends on nothing but what it is drawn for, so that no change in one place of a
//! scenario shifts what happens in another.

/// A number drawn for a place in a scenario (`SplitMix64` over its coordinates).
pub(crate) fn draw(seed: u64, place: &[u64]) -> u32 {
    let mixed = place.iter().fold(mix(seed), |state, &coordinate| mix(state ^ coordinate));
    u32::try_from(mixed >> 32).unwrap_or(u32::MAX)
}

/// Whether something happens there that happens to this share.
pub(crate) fn happens(share: f64, seed: u64, place: &[u64]) -> bool {
    f64::from(draw(seed, place)) < share * f64::from(u32::MAX) || share >= 1.0
}

/// A whole number below `limit` drawn for a place.
pub(crate) fn below(limit: u64, seed: u64, place: &[u64]) -> u64 {
    u64::from(draw(seed, place)).checked_rem(limit).unwrap_or(0)
}

fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept() {
        let count = (0..10_000).filter(|&place| happens(0.1, 7, &[place, 3])).count();
        assert!((900..1100).contains(&count), "{count}");
        assert!((0..100).all(|place| happens(1.0, 7, &[place])));
    }
}
