//! The probe's own line and machine: what must work before anybody is accused.

use kedergi_wire::{Failure, Query, ResolverClass, StepOutcome};

use crate::Evidence;
use crate::case::Case;
use crate::evidence::{known, seen};

/// Nobody outside answered, for any target of the run.
pub(crate) fn no_connectivity(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let outside = case.report.line.outside;
    (outside.answered == 0).then(|| {
        let tried = outside.tried;
        vec![known(format!(
            "During the whole run nobody outside the provider's network answered; {tried} attempts were made."
        ))]
    })
}

/// The failures, at least one, are all of the probe's own making. IPv6 is left out: most homes have none.
pub(crate) fn own_machine(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let failures = failures(case);
    let (index, _) = failures.iter().find(|(_, failure)| *failure == Failure::OwnMachine)?;
    failures.iter().all(|(_, failure)| *failure == Failure::OwnMachine).then(|| {
        vec![seen(*index, "The probe's own machine refused: no permission, no memory, or too many open files.")]
    })
}

fn failures(case: &Case<'_>) -> Vec<(usize, Failure)> {
    let dns = case.asked(ResolverClass::System).filter(|seen| seen.what.query == Query::A);
    let dns = dns.map(|seen| (seen.index, failure(&seen.what.outcome)));
    let tcp = case.tcp().filter(|seen| seen.what.address.is_ipv4());
    let tcp = tcp.map(|seen| (seen.index, failure(&seen.what.outcome)));
    let tls = case.tls().map(|seen| (seen.index, failure(&seen.what.outcome)));
    let http = case.http().map(|seen| (seen.index, failure(&seen.what.outcome)));
    dns.chain(tcp).chain(tls).chain(http).filter_map(|(index, failure)| Some((index, failure?))).collect()
}

fn failure<T>(outcome: &StepOutcome<T>) -> Option<Failure> {
    outcome.failure()
}

/// The system's resolver answered about no name at all, so its silence on this one means nothing.
pub(crate) fn resolver_dead(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let line = case.report.line.resolver;
    let mut asked = case.asked(ResolverClass::System).peekable();
    let index = asked.peek()?.index;
    let dead = line.answered == 0 && asked.all(|seen| seen.what.outcome.ok().is_none());
    dead.then(|| {
        let tried = line.tried;
        vec![seen(
            index,
            format!("The resolver this line uses answered none of the {tried} questions of the whole run."),
        )]
    })
}
