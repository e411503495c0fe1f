//! The votes of one series, read in order of event time, become alarms.

use kedergi_wire::Layer;
use serde::{Deserialize, Serialize};

use crate::Resolver;
use crate::alarm::{Accusation, Alarm, Span};
use crate::controls::Controls;
use crate::habits::{Customs, LAYERS, Learned};
use crate::people::People;
use crate::slow::{Slow, Slowdown, Slowness};
use crate::sparing::Few;
use crate::time::Moment;
use crate::track::{self, Start, Track};
use crate::votes::{Ballot, Cast, Found};

/// Layers and resolvers told apart in one series. More than there are on any network; a limit for what is imported.
const TRACKS: usize = 12;

/// Where a series stands after the votes read so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fold {
    people: People,
    /// The last vote that was not blocked, and how many there were.
    last_clear: Option<Moment>,
    clear: u32,
    tracks: Few<Track>,
    /// The test for throttling, where pairs were measured.
    slow: Option<Box<Slow>>,
}

impl Fold {
    /// Reads the next vote. Whether anything worth telling changed.
    pub(crate) fn step(&mut self, cast: &Cast, customs: Customs<'_>) -> bool {
        let changed = self.people.note(cast);
        match cast.ballot {
            Ballot::Clear => {
                let ballot = ballot(cast, &self.people, customs);
                let told = self.slow.as_mut().is_some_and(|slow| slow.quick(&ballot));
                self.clear(cast, customs) || told
            }
            Ballot::Paced(pace, report) => {
                let seen = Slowness { at: cast.at, witness: cast.who.witness, pace, report, changed };
                let ballot = ballot(cast, &self.people, customs);
                let slow = self.slow.get_or_insert_with(|| Box::new(Slow::new(self.last_clear, self.clear)));
                let told = slow.paced(&ballot, seen);
                if pace.throttled {
                    // It got through, but to call it clear would end a block that slows down what it lets pass.
                    self.note_clear(cast.at);
                    return told;
                }
                self.clear(cast, customs) || told
            }
            Ballot::Blocked(found, report) => {
                let accusation = Accusation { at: cast.at, witness: cast.who.witness, how: found.how, report, changed };
                let told = self.acquit(cast, customs, Some(&found));
                self.accuse(cast, customs, &found, accusation) || told
            }
        }
    }

    /// A vote against a block on any layer.
    fn clear(&mut self, cast: &Cast, customs: Customs<'_>) -> bool {
        let told = self.acquit(cast, customs, None);
        self.note_clear(cast.at);
        told
    }

    fn note_clear(&mut self, at: Moment) {
        self.last_clear = Some(at);
        self.clear = self.clear.saturating_add(1);
    }

    fn accuse(&mut self, cast: &Cast, customs: Customs<'_>, found: &Found, accusation: Accusation) -> bool {
        let key = key(found);
        let place = self.tracks.iter().position(|track| (track.layer, track.resolver) == key).unwrap_or_else(|| {
            if self.tracks.len() >= TRACKS {
                // The last one takes what there is no room for.
                return TRACKS - 1;
            }
            self.tracks.push(Track::new(key.0, key.1, self.clear));
            self.tracks.len() - 1
        });
        let ballot = ballot(cast, &self.people, customs);
        let start = Start { span: Span { earliest: self.last_clear, latest: cast.at }, clear: self.clear };
        self.tracks[place].accuse(&ballot, accusation, found.strength, start)
    }

    /// The layers that work: all, or those below the one that is blocked.
    fn acquit(&mut self, cast: &Cast, customs: Customs<'_>, found: Option<&Found>) -> bool {
        let ballot = ballot(cast, &self.people, customs);
        let mut told = false;
        for track in self.tracks.iter_mut() {
            if found.is_none_or(|found| works_below(track.layer, found.how.layer())) {
                told |= track.acquit(&ballot);
            }
        }
        told
    }

    /// Whether nothing is asked, and nothing to be told: then votes that say "clear" only add to what is usual.
    pub(crate) fn is_calm(&self) -> bool {
        self.tracks.iter().all(Track::is_calm) && self.slow.as_ref().is_none_or(|slow| slow.is_calm())
    }

    /// What its tests learned while nothing was suspected, and of each layer without one that it was never found blocked.
    pub(crate) fn learned(&self, each: impl FnMut(Learned)) {
        let known = |layer: &Layer| self.tracks.iter().any(|track| track.layer == *layer);
        let clear = LAYERS.into_iter().filter(|layer| !known(layer)).map(|layer| Learned::clear(layer, self.clear));
        self.tracks.iter().map(Track::learned).chain(clear).for_each(each);
    }

    pub(crate) fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.tracks.iter().flat_map(|track| track.alarms.iter())
    }

    pub(crate) fn slowdowns(&self) -> &[Slowdown] {
        self.slow.as_ref().map_or(&[], |slow| slow.slowdowns())
    }

    /// Lets the controls have their say about every alarm. Whether that changed anything.
    pub(crate) fn consult(&mut self, controls: &Controls) -> bool {
        let mut changed = false;
        for alarm in self.tracks.iter_mut().flat_map(|track| track.alarms.iter_mut()) {
            changed |= alarm.consult(controls);
        }
        self.slow.as_mut().is_some_and(|slow| slow.consult(controls)) || changed
    }

    /// Keeps the alarms and the slow-downs of which this holds.
    pub(crate) fn retain(&mut self, alarms: impl Fn(&Alarm) -> bool, slowdowns: impl Fn(&Slowdown) -> bool) {
        self.tracks.iter_mut().for_each(|track| track.alarms.retain(&alarms));
        self.slow.iter_mut().for_each(|slow| slow.retain(&slowdowns));
    }
}

/// Whether what was blocked on one layer had got through another. QUIC goes its own way beside TCP.
fn works_below(layer: Layer, blocked: Layer) -> bool {
    match blocked {
        Layer::Dns | Layer::Tcp | Layer::Tls | Layer::Http => layer < blocked,
        Layer::Quic => layer == Layer::Dns,
    }
}

fn ballot<'a>(cast: &Cast, people: &'a People, customs: Customs<'a>) -> track::Ballot<'a> {
    track::Ballot { at: cast.at, witness: cast.who.witness, people, customs }
}

fn key(found: &Found) -> (Layer, Option<Resolver>) {
    let layer = found.how.layer();
    (layer, found.resolver.filter(|_| layer == Layer::Dns))
}
