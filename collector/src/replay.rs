//! `kedergi-collector replay`: a history told again through the front door.
//!
//! Simulated probes enroll and send signed batches over HTTP as real ones do, each from an address of its network's slice of
//! loopback. The times in the reports are those of the history. Nothing is put into the store past the intake, so what a
//! replay shows holds for real probes too.

mod collector;
mod comparison;
mod crowd;
mod networks;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use kedergi_detector::{Scenario, ScenarioError};

use crate::api::EventList;
use crate::cli::ReplayArgs;
use collector::Collector;
use comparison::Comparison;
use crowd::Crowd;

/// Replays a scenario and compares the events with those it expects.
pub(crate) async fn run(args: &ReplayArgs) -> Result<ExitCode> {
    let scenario = load(&args.scenario)?;
    tokio::select! {
        code = replay(&scenario, args) => code,
        // Told to stop, it still removes its temporary folder.
        interrupted = tokio::signal::ctrl_c() => { interrupted?; bail!("interrupted") }
    }
}

async fn replay(scenario: &Scenario, args: &ReplayArgs) -> Result<ExitCode> {
    let started = Instant::now();
    let comparison = if args.direct { directly(scenario) } else { through_the_front_door(scenario, args).await? };
    comparison.print(args.json, &mut std::io::stdout().lock())?;
    eprintln!("done in {:.1} s", started.elapsed().as_secs_f32());
    let failed = args.exit_on_mismatch && !comparison.as_expected();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The judgement alone, as fast as it goes. What comes out is shown as the API would show it.
fn directly(scenario: &Scenario) -> Comparison {
    let played = scenario.play();
    Comparison::new(scenario, EventList::of(&played.events).events, played.reports)
}

async fn through_the_front_door(scenario: &Scenario, args: &ReplayArgs) -> Result<Comparison> {
    let started = Instant::now();
    let collector = match (&args.collector, &args.invite, &args.control_invite) {
        (Some(url), Some(invite), Some(control)) => {
            if let Some(shutdown) = scenario.expectations.iter().find(|expectation| expectation.is_silence()) {
                bail!(
                    "{}: {:?} is a shutdown, and only a collector that goes by the time of the history can hear it: leave \
                     out --collector",
                    scenario.id,
                    shutdown.name
                );
            }
            Collector::given(url.clone(), invite.clone(), control.clone())?
        }
        _ => Collector::own(scenario).await?,
    };
    eprintln!("{}: {} probes enroll with {}", scenario.id, scenario.probes().len(), collector.url());
    let crowd = Crowd::enroll(scenario, &collector).await?;
    let reports = crowd.play(scenario, &collector).await?;
    eprintln!(
        "{reports} reports sent in {:.1} s; waiting for the collector to take them in",
        started.elapsed().as_secs_f32()
    );
    collector.caught_up().await?;
    Ok(Comparison::new(scenario, collector.events(scenario).await?, reports))
}

/// Why there is nothing to replay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoScenario {
    #[error("{name}: neither a bundled scenario ({bundled}) nor a file that can be read: {source}")]
    Unreadable { name: String, bundled: String, source: std::io::Error },
    #[error("{name}: {source}")]
    Wrong { name: String, source: ScenarioError },
}

/// A bundled scenario, or one in a file.
fn load(name: &str) -> Result<Scenario, NoScenario> {
    let wrong = |source| NoScenario::Wrong { name: name.to_owned(), source };
    if Scenario::bundled_ids().any(|id| id == name) {
        return Scenario::bundled(name).map_err(wrong);
    }
    let text = std::fs::read_to_string(name).map_err(|source| NoScenario::Unreadable {
        name: name.to_owned(),
        bundled: Scenario::bundled_ids().collect::<Vec<_>>().join(", "),
        source,
    })?;
    Scenario::parse(&text).map_err(wrong)
}

#[cfg(test)]
mod tests;
