use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Html;
use http::Uri;
use jiff::Timestamp;
use kedergi_dashboards::{ControlView, EventView, EvidenceView, HistoryView};
use kedergi_detector::{Change, EventId, PublicEvent};
use kedergi_store::{Fact, Facts, StoreError};
use kedergi_wire::{ReportRef, ServiceId, TargetUrl};

use super::NoPage;
use crate::app::App;

/// Reports shown of each service on each network, and of the whole event: enough to judge by, and each costs a read.
const PER_SCOPE: usize = 3;
const PER_EVENT: usize = 48;

pub(super) async fn event(State(app): State<App>, uri: Uri, Path(id): Path<EventId>) -> Result<Html<String>, NoPage> {
    let path = uri.path().to_owned();
    match view(&app, id, app.now()).await {
        Ok(Some(view)) => Ok(Html(kedergi_dashboards::event(&view))),
        Ok(None) => Err(NoPage::NotFound(path)),
        Err(error) => Err(NoPage::Unavailable(path, error)),
    }
}

async fn view(app: &App, id: EventId, now: Timestamp) -> Result<Option<EventView>, StoreError> {
    let (event, history) = app.ledger(move |ledger| Ok((ledger.event(&id)?, ledger.history(&id)?))).await?;
    let now_known = event.and_then(|event| event.public()).map(|event| (event, None));
    let Some((event, taken_back)) = now_known.or_else(|| once_known(&history)) else { return Ok(None) };
    let references = references(&event);
    let (facts, controls) = app.facts(move |facts| evidence(facts, &references)).await?;
    Ok(Some(EventView {
        event,
        taken_back,
        now,
        evidence: facts.iter().filter_map(shown).collect(),
        controls,
        history: history.iter().map(|(at, change)| HistoryView::of(*at, change)).collect(),
    }))
}

/// What was last told of an event of which nothing may be told any more, and when it was taken back: an alert may have led here.
fn once_known(history: &[(Timestamp, Change)]) -> Option<(PublicEvent, Option<Timestamp>)> {
    let told = history.iter().rposition(|(_, change)| change.event().public().is_some())?;
    let (at, change) = &history[told];
    let since = history.get(told + 1).map_or(*at, |(next, _)| *next);
    Some((change.event().public()?, Some(since)))
}

/// The reports to show: of what the public may know, some of each part.
fn references(event: &PublicEvent) -> Vec<ReportRef> {
    let some = event.scope.iter().flat_map(|affected| affected.evidence.iter().take(PER_SCOPE));
    some.take(PER_EVENT).copied().collect()
}

/// The facts about those reports, and what controls found of the same targets nearest in time.
fn evidence(facts: &Facts, references: &[ReportRef]) -> Result<(Vec<Fact>, Vec<ControlView>), StoreError> {
    let mut found = Vec::new();
    let mut controls = BTreeMap::<(Timestamp, TargetUrl), (ServiceId, bool)>::new();
    for &reference in references {
        let Some((fact, _)) = facts.report(reference)? else { continue };
        if let Some(entry) = facts.control_for(&fact.target, fact.at)? {
            controls.insert((entry.at, entry.target), (fact.service.clone(), entry.reached.is_yes()));
        }
        found.push(fact);
    }
    let controls = controls.into_iter().map(|((at, _), (service, reachable))| ControlView { service, at, reachable });
    Ok((found, controls.collect()))
}

fn shown(fact: &Fact) -> Option<EvidenceView> {
    Some(EvidenceView {
        at: fact.at,
        network: fact.network?,
        service: fact.service.clone(),
        outcome: fact.verdict.outcome,
        rule: fact.verdict.rule.clone(),
        says: fact.verdict.evidence.iter().map(|evidence| evidence.says.clone()).collect(),
    })
}
