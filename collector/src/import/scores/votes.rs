//! Rows in order of time become votes.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use jiff::Timestamp;
use kedergi_detector::{ControlVote, Input, Instrument, Resolver, Source, Vote};
use kedergi_verdict::{DnsManner, How, Outcome, RuleId, TcpManner, TlsManner};
use kedergi_wire::{Asn, CountryCode, Layer, ProbeId, ServiceId};

use super::super::contrast::Contrast;
use super::belief::{Opinion, Scores};
use super::row::Row;

/// From here on, in thousandths, what speaks against a block is a whole vote. What is less is saved up.
const WHOLE: u16 = 500;
/// From here on a layer was found blocked, for what follows.
const FOUND: u16 = 250;

/// Turns rows into votes and words about the world. Rows of one source about one target in one minute are one vote.
#[derive(Default)]
pub(super) struct Votes {
    /// The minute that is being read.
    minute: i64,
    seen: BTreeMap<Who, (Timestamp, Vec<Scores>)>,
    series: HashMap<(CountryCode, Asn, ServiceId), Series>,
    contrast: Contrast,
    neither: u64,
    low: u64,
}

/// Who measured what, from where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    country: CountryCode,
    network: Asn,
    service: ServiceId,
    target: String,
    probe: Option<ProbeId>,
    resolver_network: Option<Asn>,
}

/// What is remembered of a series.
#[derive(Default)]
struct Series {
    /// The highest layer that was ever found blocked: what was judged less far up says nothing about it.
    found: Option<Layer>,
    /// Against a block, from rows too unsure for a vote of their own.
    saved: u16,
}

impl Votes {
    /// Reads the next row.
    pub(super) fn take(&mut self, row: Row, say: &mut impl FnMut(Input)) {
        let Row { at, country, network, service, target, probe, resolver_network, scores } = row;
        let minute = at.as_second().div_euclid(60);
        if minute != self.minute {
            self.finish(say);
            self.minute = minute;
        }
        let who = Who { country, network, service, target, probe, resolver_network };
        self.seen.entry(who).or_insert_with(|| (at, Vec::new())).1.push(scores);
    }

    /// Says what is still to be said.
    pub(super) fn finish(&mut self, say: &mut impl FnMut(Input)) {
        let mut seen: Vec<_> = mem::take(&mut self.seen).into_iter().collect();
        seen.sort_by_key(|(_, (at, _))| *at);
        for (who, (at, scores)) in seen {
            self.vote(&who, at, Scores::mean(&scores), say);
        }
    }

    /// What was read and said nothing.
    pub(super) fn unsaid(&self) -> Vec<String> {
        let mut unsaid = Vec::new();
        if self.neither > 0 {
            unsaid.push(format!("{} without a vote: as much speaks for a block as against it", self.neither));
        }
        if self.low > 0 {
            let why = "fine as far up as they were judged, but the service was found blocked on a higher layer there";
            unsaid.push(format!("{} without a vote: {why}", self.low));
        }
        unsaid
    }

    fn vote(&mut self, who: &Who, at: Timestamp, scores: Scores, say: &mut impl FnMut(Input)) {
        let (place, service) = ((who.country, who.network), &who.service);
        let series = self.series.entry((who.country, who.network, service.clone())).or_default();
        match scores.opinion() {
            Opinion::Neither => self.neither += 1,
            Opinion::Blocked { layer, sureness, belief } => {
                if sureness >= FOUND {
                    series.found = series.found.max(Some(layer));
                }
                say(vote(who, at, Outcome::Blocked { how: how(layer) }, Some(sureness)));
                if self.contrast.failed(service, place, at, belief.is_told_from_outage()) {
                    say(up(service, who.country, at));
                }
            }
            Opinion::Clear { top, .. } if series.found.is_some_and(|found| found > top) => self.low += 1,
            Opinion::Clear { sureness, down, .. } => {
                series.saved = if sureness < WHOLE { series.saved + sureness } else { series.saved + 1000 };
                if series.saved < 1000 {
                    return;
                }
                series.saved -= 1000;
                say(vote(who, at, if down { Outcome::Down } else { Outcome::Reachable }, None));
                if down {
                    self.contrast.down(service, place, at);
                } else if self.contrast.fine(service, place, at) {
                    say(up(service, who.country, at));
                }
            }
        }
    }
}

fn vote(who: &Who, at: Timestamp, outcome: Outcome, sureness: Option<u16>) -> Input {
    let &Who { country, network, resolver_network, .. } = who;
    Input::Vote(Vote {
        at,
        country,
        network,
        service: who.service.clone(),
        source: who.probe.map_or(Source::Anonymous { resolver_network }, Source::probe),
        outcome,
        rule: RuleId("score".into()),
        trigger: None,
        resolver: resolver_network.map(Resolver::Network),
        sureness,
        slowness: None,
        instrument: Instrument::default(),
        report: None,
    })
}

fn up(service: &ServiceId, country: CountryCode, at: Timestamp) -> Input {
    let (service, control, country) = (service.clone(), None, Some(country));
    Input::Control(ControlVote { at, service, reachable: true, control, country })
}

/// Scores tell no manner; what is printed of them is the layer.
fn how(layer: Layer) -> How {
    match layer {
        Layer::Dns => How::Dns(DnsManner::NoAnswer),
        Layer::Tcp => How::Tcp(TcpManner::Timeout),
        Layer::Tls | Layer::Http | Layer::Quic => How::Tls(TlsManner::Timeout),
    }
}
