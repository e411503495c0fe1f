//! How fast bytes come, and what goodput pairs say of it: times such as a real probe's, so that the real rules weigh them.

use kedergi_verdict::{Weight, weigh};
use kedergi_wire::{Altered, GoodputPair, Transfer, limits};

use super::Throttle;
use super::noise::draw;
use super::site::Site;

/// Kbit/s of an ordinary line, and of one that is slow for everything: more by these decades in one run than in another.
const LINE_KBIT_S: f64 = 4000.0;
const SLOW_LINE_KBIT_S: f64 = 100.0;
const SLOW_RUNS: f64 = 0.2;
/// Kbit/s at which a slow server gives its page.
const SLOW_SERVER_KBIT_S: f64 = 150.0;
/// Spread of goodput on one side of a pair, in decades: that of both together is what the rules presume of a line. Bytes that wait
/// for many others' differ less.
const SPREAD: f64 = 0.25;
const SLOW_SPREAD: f64 = 0.15;
/// A policer lets so many bytes through at once.
const BURST: u32 = 16_384;
/// Bytes of a transfer, and milliseconds after which a probe gives up more.
const BYTES: u32 = 65_536;
const GIVEN_UP_MS: f64 = 6000.0;
/// From which on a step seems slow; what it takes anybody else.
const SEEMS_SLOW_MS: u32 = 1500;
const HANDSHAKE_MS: u32 = 130;
const PAGE_MS: u32 = 150;
/// Bytes of a page too small to be compared.
const LEAST: u64 = 16_384;
/// Pairs of one kind.
const SERIES: usize = limits::PAIRS / 3;
/// How many different measurements of the same there are: enough to vary, few enough to be judged once each.
pub(crate) const LUCKS: u64 = 16;

/// What holds bytes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Hold {
    /// Nothing.
    Nothing,
    /// Somebody, under this name or at this address, down to so many kbit/s.
    Censor(Throttle, u32),
    /// The server is slow for everybody.
    Server,
    /// The line is slow for everything.
    Line,
}

/// A measurement of which the times matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Paced {
    pub(crate) hold: Hold,
    /// Whether it is compared with a control host even if it does not seem slow.
    pub(crate) wanted: bool,
    /// Which of the measurements that may come of it, below [`LUCKS`].
    pub(crate) luck: u8,
}

impl Paced {
    /// Milliseconds of the handshake.
    pub(crate) fn handshake_ms(self) -> u32 {
        match self.hold {
            // As seen from Kazakhstan in autumn 2022: 2 to 10 seconds.
            Hold::Censor(Throttle::Handshake, _) => 2000 + 500 * u32::from(self.luck),
            Hold::Line => HANDSHAKE_MS + 300,
            Hold::Nothing | Hold::Server | Hold::Censor(Throttle::Policed | Throttle::Shaped, _) => HANDSHAKE_MS,
        }
    }

    /// Milliseconds of the page.
    pub(crate) fn page_ms(self, site: &Site) -> u32 {
        let bytes = u32::try_from(site.page.body.bytes).unwrap_or(u32::MAX);
        let (at_once, kbit_s) = match self.hold {
            Hold::Nothing | Hold::Censor(Throttle::Handshake, _) => return PAGE_MS,
            Hold::Censor(Throttle::Policed, kbit_s) => (BURST, f64::from(kbit_s)),
            Hold::Censor(Throttle::Shaped, kbit_s) => (0, f64::from(kbit_s)),
            Hold::Server => (0, SLOW_SERVER_KBIT_S),
            Hold::Line => (0, self.run_rate()),
        };
        whole(f64::from(bytes.saturating_sub(at_once)) * 8.0 / kbit_s).max(PAGE_MS)
    }

    /// Kbit/s that the line gave a control host, where it was asked.
    pub(crate) fn line_kbit_s(self, site: &Site) -> Option<u32> {
        let pairs = self.pairs(site);
        let rates = pairs.iter().filter(|pair| pair.control.bytes > 0);
        rates.map(|pair| pair.control.bytes.saturating_mul(8) / pair.control.took_ms.max(1)).max()
    }

    /// Whether the pairs accuse somebody.
    pub(crate) fn accuses(self, site: &Site) -> bool {
        let pairs = self.pairs(site);
        KINDS.iter().any(|kind| weigh(pairs.iter().filter(|pair| pair.altered == *kind)) == Weight::Slow)
    }

    /// One kind of pair after the other until one accuses, as the probe goes about it.
    pub(crate) fn pairs(self, site: &Site) -> Vec<GoodputPair> {
        let slow_handshake = self.handshake_ms() >= SEEMS_SLOW_MS;
        if !site.url.is_https() || !(self.wanted || slow_handshake || self.page_ms(site) >= SEEMS_SLOW_MS) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for kind in KINDS {
            let asked = if kind == Altered::InnocentName {
                slow_handshake
            } else {
                kind == Altered::TargetNameElsewhere || site.page.body.bytes >= LEAST
            };
            let mut pairs = Vec::new();
            while asked && pairs.len() < SERIES && weigh(&pairs) == Weight::Open {
                pairs.push(self.pair(kind, pairs.len(), site));
            }
            let accuses = weigh(&pairs) == Weight::Slow;
            all.extend(pairs);
            if accuses {
                break;
            }
        }
        all
    }

    fn pair(self, altered: Altered, number: usize, site: &Site) -> GoodputPair {
        let place = u64::try_from(number).unwrap_or(0) * 2;
        if altered == Altered::InnocentName {
            let of = |ms| Transfer { after_ms: 900, handshake_ms: Some(ms), bytes: 0, took_ms: 0, early_bytes: None };
            return GoodputPair { altered, target: of(self.handshake_ms()), control: of(HANDSHAKE_MS) };
        }
        let page = u32::try_from(site.page.body.bytes).unwrap_or(BYTES).min(BYTES);
        let bytes = if altered == Altered::ControlHost { page } else { BYTES };
        let how = match self.hold {
            Hold::Censor(how, _) => how,
            Hold::Nothing | Hold::Server | Hold::Line => Throttle::Shaped,
        };
        GoodputPair {
            altered,
            target: self.transfer(bytes, self.rate(altered, place), how),
            control: self.transfer(BYTES, self.line_rate(altered, place + 1), Throttle::Shaped),
        }
    }

    /// Kbit/s of the target's side.
    fn rate(self, altered: Altered, place: u64) -> f64 {
        let line = self.line_rate(altered, place);
        match self.hold {
            Hold::Censor(Throttle::Policed | Throttle::Shaped, kbit_s) => line.min(f64::from(kbit_s)),
            Hold::Server if altered == Altered::ControlHost => line.min(SLOW_SERVER_KBIT_S),
            Hold::Nothing | Hold::Server | Hold::Line | Hold::Censor(Throttle::Handshake, _) => line,
        }
    }

    fn line_rate(self, altered: Altered, place: u64) -> f64 {
        let kind = KINDS.iter().position(|kind| *kind == altered).and_then(|kind| u64::try_from(kind).ok());
        let spread = if self.hold == Hold::Line { SLOW_SPREAD } else { SPREAD };
        self.run_rate() * 10f64.powf(spread * self.normal(&[kind.unwrap_or(3), place]))
    }

    /// Kbit/s that the line gives in this run.
    fn run_rate(self) -> f64 {
        match self.hold {
            Hold::Line => SLOW_LINE_KBIT_S * 10f64.powf(SLOW_RUNS * self.normal(&[9])),
            Hold::Nothing | Hold::Censor(..) | Hold::Server => LINE_KBIT_S,
        }
    }

    /// A draw that is nearly normal: four together, of one the variance is a twelfth.
    fn normal(self, place: &[u64]) -> f64 {
        let draws = (0..4).map(|part| draw(u64::from(self.luck), &[place, &[part]].concat()));
        draws.map(|draw| f64::from(draw) / f64::from(u32::MAX) - 0.5).sum::<f64>() * 3f64.sqrt()
    }

    fn transfer(self, bytes: u32, kbit_s: f64, how: Throttle) -> Transfer {
        let burst = if how == Throttle::Policed { BURST.min(bytes) } else { 0 };
        let rest = f64::from(bytes - burst) * 8.0 / kbit_s;
        let share = (GIVEN_UP_MS / rest).min(1.0);
        let came = burst + whole(f64::from(bytes - burst) * share);
        let early = (burst + whole(kbit_s * 250.0 / 8.0)).min(came);
        Transfer {
            after_ms: 900,
            handshake_ms: Some(self.handshake_ms()),
            bytes: came,
            took_ms: whole(rest * share).max(1),
            early_bytes: Some(early),
        }
    }
}

/// What is compared, in this order.
const KINDS: [Altered; 3] = [Altered::InnocentName, Altered::TargetNameElsewhere, Altered::ControlHost];

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)).round() as u32
}
