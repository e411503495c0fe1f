//! The detector, and every event it told of.

use std::collections::BTreeMap;

use kedergi_detector::{Change, Detector, Event, EventId, Input, Level};

/// The detector while a file is read. It forgets events that are long over; here they stay.
#[derive(Default)]
pub(super) struct Told {
    detector: Detector,
    events: BTreeMap<EventId, Event>,
}

impl Told {
    pub(super) fn apply(&mut self, input: &Input) {
        for change in self.detector.apply(input) {
            let event = change.event();
            match &change {
                Change::Retracted(_) => {
                    self.events.remove(&event.id);
                }
                Change::Opened(_) | Change::Grew(_) | Change::Raised(_) | Change::Updated(_) | Change::Closed(_) => {
                    self.events.insert(event.id.clone(), event.clone());
                }
            }
        }
    }

    /// The events in order of their onset; what was never more than suspected only if asked for.
    pub(super) fn events(&self, suspected: bool) -> impl Iterator<Item = &Event> {
        let mut events: Vec<_> =
            self.events.values().filter(|event| suspected || event.level >= Level::Confirmed).collect();
        events.sort_by_key(|event| (event.onset().map(|onset| onset.latest), &event.id));
        events.into_iter()
    }
}
