//! `kedergi-collector events`: the events in the ledger, for people and programs.

use std::io::{self, Write};

use anyhow::{Result, bail};
use kedergi_dashboards::{bracket_in_words, extent_in_words, kind_name};

use crate::api::{EventBody, EventList, Span};
use crate::app::{ledger_path, open_ledger};
use crate::cli::EventsArgs;
use crate::config::Config;

/// Prints the events. They are the public view, as in the API, so that the output can be passed on.
pub(crate) fn run(config: &Config, args: &EventsArgs) -> Result<()> {
    if !ledger_path(&config.data_dir).exists() {
        bail!("no collector keeps anything in {}; is --data-dir (or --config) right?", config.data_dir.display());
    }
    let events = open_ledger(&config.data_dir)?.events(args.country, args.limit)?;
    print(&EventList::of(&events).events, args.json, &mut io::stdout().lock())
}

/// Prints events, one a line: as JSON, or as a sentence.
pub(crate) fn print(events: &[EventBody], json: bool, out: &mut impl Write) -> Result<()> {
    for event in events {
        if json {
            writeln!(out, "{}", serde_json::to_string(event)?)?;
        } else {
            writeln!(out, "{}", line(event))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Everything of an event on one line: name, state, kind and level, begin and end by both clocks, services, networks, extent,
/// manners, cause, and what is doubtful about it.
fn line(event: &EventBody) -> String {
    let state = if event.end.is_some() { "over" } else { "open" };
    let when = |span: Span| bracket_in_words(event.country, span.into());
    let end = event.end.map(|end| format!(", ended {}", when(end))).unwrap_or_default();
    let time = format!("began {}{end}", when(event.onset));
    let services: Vec<_> = event.services.iter().map(ToString::to_string).collect();
    let mut networks: Vec<_> = event.networks.iter().map(ToString::to_string).collect();
    if event.unnamed_networks > 0 {
        networks.push(format!("{} more with fewer than 3 probes", event.unnamed_networks));
    }
    let manners: Vec<_> =
        event.manners.iter().map(|how| format!("{} {} ({})", how.layer, how.manner, how.verdicts)).collect();
    let parts = [
        event.id.to_string(),
        state.to_owned(),
        format!("{} {}", event.level.word(), kind_name(event.kind)),
        time,
        services.join(", "),
        format!("on {}", networks.join(", ")),
        extent_in_words(event.extent.into()).unwrap_or_default(),
        manners.join(", "),
        event.reasoning.as_ref().map(|reasoning| reasoning.cause.word().to_owned()).unwrap_or_default(),
        if event.contested { "contested".to_owned() } else { String::new() },
        event.notes.iter().map(|note| note.word()).collect::<Vec<_>>().join(", "),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fixtures::{body, ended, event};

    #[test]
    fn a_line_for_people() {
        let mut open = event(&[9198, 21299], &["facebook"]);
        open.scope[1].probes = 2;
        let events = [body(&open), body(&ended(event(&[9198], &["facebook", "youtube"])))];
        let mut out = Vec::new();
        print(&events, false, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
