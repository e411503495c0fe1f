//! What scores are worth as votes.

use kedergi_wire::Layer;
use serde::{Deserialize, Serialize};

/// What somebody believes of one layer, in thousandths that make up no more than a whole. Nothing at all: not judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Belief {
    pub(super) blocked: u16,
    pub(super) down: u16,
    pub(super) ok: u16,
}

impl Belief {
    /// Of blocked, down and ok. What exceeds a whole is scaled down to it; what is short of it was left open.
    pub(super) fn of(parts: [u16; 3]) -> Self {
        let sum: u32 = parts.iter().map(|&part| u32::from(part)).sum();
        let [blocked, down, ok] = parts.map(|part| {
            let scaled = u32::from(part) * 1000 / sum.max(1000);
            u16::try_from(scaled).unwrap_or(1000)
        });
        Self { blocked, down, ok }
    }

    fn is_judged(self) -> bool {
        self != Self::default()
    }

    /// How much more speaks for a block than against one. That it is down speaks half as much against it as that it is fine:
    /// whether it is down for everybody is asked separately.
    fn margin(self) -> i32 {
        i32::from(self.blocked) - i32::from(self.ok) - i32::from(self.down) / 2
    }

    /// Whether the scorer itself told a block from an outage: twice as likely, at least.
    pub(super) fn is_told_from_outage(self) -> bool {
        self.blocked >= 2 * self.down
    }
}

/// The scores of one measurement: names, connections, handshakes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scores(pub(super) [Belief; 3]);

/// A margin from which on a score counts in full: no scorer is ever wholly sure.
const SURE: i32 = 750;

const LAYERS: [Layer; 3] = [Layer::Dns, Layer::Tcp, Layer::Tls];

/// What a measurement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Blocked on a layer, and how surely, in thousandths.
    Blocked { layer: Layer, sureness: u16, belief: Belief },
    /// Not blocked, as far up as this layer, and how surely. `down` is whether it is because it is out of order.
    Clear { top: Layer, sureness: u16, down: bool },
    /// As much speaks for it as against it.
    Neither,
}

impl Scores {
    pub(super) fn is_judged(self) -> bool {
        self.0.iter().any(|belief| belief.is_judged())
    }

    /// The layer for whose block most speaks decides, the lower one of two.
    pub(super) fn opinion(self) -> Opinion {
        let judged = || LAYERS.into_iter().zip(self.0).filter(|(_, belief)| belief.is_judged());
        let Some((layer, belief)) = judged().rev().max_by_key(|(_, belief)| belief.margin()) else {
            return Opinion::Neither;
        };
        let margin = belief.margin();
        let sureness = u16::try_from(margin.abs() * 1000 / SURE).unwrap_or(1000).min(1000);
        let top = judged().next_back().map_or(layer, |(layer, _)| layer);
        match margin {
            1.. => Opinion::Blocked { layer, sureness, belief },
            0 => Opinion::Neither,
            _ => Opinion::Clear { top, sureness, down: belief.down > belief.ok },
        }
    }

    /// The mean of several, layer by layer, of those that judged it.
    pub(super) fn mean(all: &[Self]) -> Self {
        let mut mean = Self::default();
        for (layer, belief) in mean.0.iter_mut().enumerate() {
            let judged: Vec<_> = all.iter().map(|scores| scores.0[layer]).filter(|one| one.is_judged()).collect();
            let part = |of: fn(&Belief) -> u16| {
                let sum: usize = judged.iter().map(|one| usize::from(of(one))).sum();
                u16::try_from(sum / judged.len().max(1)).unwrap_or(1000)
            };
            *belief = Belief { blocked: part(|one| one.blocked), down: part(|one| one.down), ok: part(|one| one.ok) };
        }
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(dns: [u16; 3], tcp: [u16; 3], tls: [u16; 3]) -> Opinion {
        Scores([dns, tcp, tls].map(Belief::of)).opinion()
    }

    const OK: [u16; 3] = [0, 0, 1000];
    const NONE: [u16; 3] = [0; 3];

    #[test]
    fn what_is_unsure_weighs_little() {
        let sure = |parts| match opinion(OK, OK, parts) {
            Opinion::Blocked { layer: Layer::Tls, sureness, .. } => i32::from(sureness),
            Opinion::Clear { top: Layer::Tls, sureness, .. } => -i32::from(sureness),
            Opinion::Blocked { .. } | Opinion::Clear { .. } | Opinion::Neither => 0,
        };
        let cases = [
            ([1000, 0, 0], 1000),
            ([900, 50, 50], 1000),
            ([700, 200, 100], 666),
            ([700, 300, 0], 733),
            ([600, 0, 400], 266),
            ([500, 0, 500], 0),
            ([400, 0, 600], -266),
            ([0, 1000, 0], -666),
            ([0, 0, 1000], -1000),
            // Left open, and more than a whole.
            ([300, 0, 0], 400),
            ([1000, 0, 1000], 0),
        ];
        for (parts, expected) in cases {
            assert_eq!(sure(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn the_worst_layer_decides() {
        assert!(matches!(opinion([900, 0, 100], NONE, NONE), Opinion::Blocked { layer: Layer::Dns, .. }));
        assert!(matches!(opinion([600, 0, 400], OK, [1000, 0, 0]), Opinion::Blocked { layer: Layer::Tls, .. }));
        assert!(matches!(opinion([800, 0, 200], [800, 0, 200], NONE), Opinion::Blocked { layer: Layer::Dns, .. }));
        let down = opinion(OK, [0, 900, 100], NONE);
        assert_eq!(down, Opinion::Clear { top: Layer::Tcp, sureness: 733, down: true });
        assert_eq!(opinion(NONE, NONE, NONE), Opinion::Neither);
    }

    #[test]
    fn the_mean_is_of_those_who_judged() {
        let scores = |tls| Scores([Belief::of(OK), Belief::default(), Belief::of(tls)]);
        let mean = Scores::mean(&[scores([1000, 0, 0]), scores(NONE), scores([0, 0, 1000])]);
        assert_eq!(mean, scores([500, 0, 500]));
    }
}
