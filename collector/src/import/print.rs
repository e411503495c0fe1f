//! Events for people and for programs.

use std::io::Write;

use anyhow::Result;
use jiff::Timestamp;
use kedergi_detector::{Affected, Bracket, Event, EventId, EventState, Extent, Kind, Level, Note, Reached};
use kedergi_wire::{Asn, CountryCode, Layer, ServiceId};
use serde::Serialize;

/// One event as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a EventId,
    country: CountryCode,
    kind: Kind,
    level: Level,
    state: EventState,
    services: Vec<&'a ServiceId>,
    networks: Vec<Asn>,
    layers: Vec<Layer>,
    onset: Option<Bracket>,
    end: Option<Bracket>,
    /// When each level was reached, in the time of the measurements.
    reached: Reached,
    closed: Option<Timestamp>,
    extent: Extent,
    contested: bool,
    notes: Vec<Note>,
    scope: Vec<Part<'a>>,
}

/// One service on one network.
#[derive(Serialize)]
struct Part<'a> {
    network: Asn,
    service: Option<&'a ServiceId>,
    layers: Vec<Layer>,
    onset: Bracket,
    end: Option<Bracket>,
    suspected: Timestamp,
    confirmed: Option<Timestamp>,
    cleared: Option<Timestamp>,
    /// Distinct probes, or hours and resolvers' networks where no probes are named, that saw it blocked.
    witnesses: u32,
}

impl<'a> From<&'a Event> for Line<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: &event.id,
            country: event.country,
            kind: event.kind,
            level: event.level,
            state: event.state,
            services: event.services(),
            networks: event.networks(),
            layers: event.layers(),
            onset: event.onset(),
            end: event.end(),
            reached: event.reached,
            closed: event.closed(),
            extent: event.extent,
            contested: event.contested(),
            notes: event.notes(),
            scope: event.scope.iter().map(Part::from).collect(),
        }
    }
}

impl<'a> From<&'a Affected> for Part<'a> {
    fn from(affected: &'a Affected) -> Self {
        Self {
            network: affected.network,
            service: affected.service.as_ref(),
            layers: affected.layers(),
            onset: affected.onset,
            end: affected.end,
            suspected: affected.suspected,
            confirmed: affected.confirmed,
            cleared: affected.cleared,
            witnesses: affected.probes,
        }
    }
}

/// Prints events: one JSON object a line, or some lines of text each.
pub(super) fn events(events: &[&Event], json: bool, out: &mut impl Write) -> Result<()> {
    for event in events {
        if json {
            writeln!(out, "{}", serde_json::to_string(&Line::from(*event))?)?;
        } else {
            text(event, out)?;
        }
    }
    if !json && events.is_empty() {
        writeln!(out, "no events")?;
    }
    out.flush()?;
    Ok(())
}

fn text(event: &Event, out: &mut impl Write) -> Result<()> {
    let state = match event.state {
        EventState::Open => "goes on",
        EventState::Closed => "over",
    };
    let notes: String = event.notes().iter().map(|note| format!(", {}", note_word(*note))).collect();
    writeln!(out, "{}  {} {}, {state}{notes}", event.id, event.level.word(), event.kind.word())?;
    let began = event.onset().map_or_else(String::new, bracket);
    let ended = event.end().map_or_else(|| "goes on at the end of the data".to_owned(), bracket);
    writeln!(out, "  began     {began}\n  ended     {ended}")?;
    writeln!(out, "  services  {}", list(event.services()))?;
    let Extent { networks: hit, measured, permille } = event.extent;
    let percent = permille / 10;
    writeln!(out, "  networks  {} ({hit} of {measured} measured, {percent} % by weight)", list(event.networks()))?;
    writeln!(out, "  layers    {}", list(event.layers()))?;
    let Reached { suspected, confirmed, national } = event.reached;
    let levels = [("suspected", suspected), ("confirmed", confirmed), ("national", national)];
    let reached = levels.iter().filter_map(|(word, at)| at.map(|at| format!("{word} {}", minute(at))));
    writeln!(out, "  reached   {} UTC\n", list(reached))?;
    Ok(())
}

fn list(things: impl IntoIterator<Item = impl ToString>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}

fn note_word(note: Note) -> &'static str {
    match note {
        Note::Down => "down elsewhere too",
        Note::Instrument => "of the instrument's making",
        Note::Standing => "standing since before the data",
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Not before, not after.
fn bracket(span: Bracket) -> String {
    match span.earliest {
        Some(earliest) => format!("{} .. {} UTC", minute(earliest), minute(span.latest)),
        None => format!("before {} UTC", minute(span.latest)),
    }
}
