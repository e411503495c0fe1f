//! The signs, one function each: what was found, and what it weighs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kedergi_verdict::{DnsManner, How, HttpManner, QuicManner, TcpManner, TlsManner};
use kedergi_wire::{Asn, ServiceId};

use super::Around;
use super::table::{self, Finding, weight};
use crate::agreement::AT_ONCE;
use crate::time::Moment;
use crate::{Affected, Bracket, Event, Note, Reason, Sign, slots};

/// Pieces of time that must have passed before it is said that nothing worked: each probe had its turn.
const A_LOOK: usize = 2;

/// What an event affects for sure, by network.
pub(super) fn by_network(event: &Event) -> BTreeMap<Asn, Vec<&Affected>> {
    let mut networks = BTreeMap::<_, Vec<_>>::new();
    for affected in event.scope.iter().filter(|affected| affected.confirmed.is_some()) {
        networks.entry(affected.network).or_default().push(affected);
    }
    networks
}

type Networks<'a> = BTreeMap<Asn, Vec<&'a Affected>>;

/// Other services on the same networks that worked meanwhile.
pub(super) fn selective(networks: &Networks<'_>, around: &Around<'_>) -> Option<Reason> {
    let affected: BTreeSet<_> = networks.values().flatten().filter_map(|one| one.service.as_ref()).collect();
    if affected.is_empty() {
        return None;
    }
    let (mut worked, mut failed) = (BTreeSet::new(), affected.clone());
    let mut looked = 0;
    for (&network, here) in networks {
        let Some(window) = window(here) else { continue };
        let passed = slots::slot(around.now).clamp(window.start, window.end) - window.start;
        looked = looked.max(usize::try_from(passed).unwrap_or(usize::MAX));
        let alarmed = around.alarmed_during(network, &window);
        // What was blocked before this began is neither for nor against it.
        let worked_here = around
            .seen_on(network)
            .filter(|(service, seen)| !alarmed.contains_key(service) && seen.reached.any(window.clone()));
        worked.extend(worked_here.map(|(service, _)| service));
        failed.extend(alarmed.into_iter().filter(|&(_, fresh)| fresh).map(|(service, _)| service));
    }
    worked.retain(|service| !failed.contains(service));
    let finding = match (worked.len(), failed.len()) {
        (0, failed) if failed < 3 || looked < A_LOOK => return None,
        (0, _) => Finding::NothingWorked,
        (worked, failed) if worked >= 3 && worked >= failed => Finding::MostWorked,
        (..) => Finding::FewWorked,
    };
    Some(reason(Sign::Selective, worked.len(), worked.len() + failed.len(), weight(finding)))
}

/// The time in which it is looked at what else worked on a network: after the first onset there, until the last end.
fn window(here: &[&Affected]) -> Option<std::ops::Range<slots::Slot>> {
    let onset = here.iter().map(|affected| affected.onset.latest).min().and_then(Moment::of)?;
    let ends: Option<Vec<_>> = here.iter().map(|affected| affected.end).collect();
    let end = ends.and_then(|ends| ends.into_iter().map(|end| end.earliest.unwrap_or(end.latest)).max());
    Some(slots::after(onset, end.and_then(Moment::of)))
}

/// When it began on each network, where that is known: what has been so from the first look on began at some other time.
fn onsets(networks: &Networks<'_>) -> Vec<Bracket> {
    let dated = |here: &Vec<&Affected>| {
        let dated = here.iter().filter(|affected| !affected.notes.contains(&Note::Standing));
        dated.map(|affected| affected.onset).min_by_key(|onset| (onset.latest, onset.earliest))
    };
    networks.values().filter_map(dated).collect()
}

/// When it ended on each network on which it did.
fn ends(networks: &Networks<'_>) -> Vec<Bracket> {
    let over = |here: &Vec<&Affected>| {
        let ends: Option<Vec<_>> = here.iter().map(|affected| affected.end).collect();
        ends.and_then(|ends| ends.into_iter().max_by_key(|end| (end.latest, end.earliest)))
    };
    networks.values().filter_map(over).collect()
}

/// Networks that began within minutes of each other.
pub(super) fn simultaneous(networks: &Networks<'_>) -> Option<Reason> {
    let mut times: Vec<_> = onsets(networks).into_iter().map(|onset| onset.latest).collect();
    times.sort_unstable();
    if times.len() < 2 {
        return None;
    }
    // Of the stretches with most networks the shortest.
    let together = |&first: &Timestamp| {
        let within: Vec<_> = times.iter().filter(|&&at| at >= first && at.duration_since(first) <= AT_ONCE).collect();
        let spread = within.last().map_or(0, |last| last.duration_since(first).as_secs());
        (within.len(), std::cmp::Reverse(spread))
    };
    let (count, std::cmp::Reverse(spread)) = times.iter().map(together).max()?;
    let weight = match count {
        0 | 1 => 0,
        2 => weight(Finding::TwoAtOnce),
        _ => weight(Finding::ManyAtOnce),
    };
    // One network by itself is no stretch.
    let minutes = (count > 1).then(|| minutes(spread));
    Some(Reason { minutes, ..reason(Sign::Simultaneous, count, times.len(), weight) })
}

/// One network, where others are measured too.
pub(super) fn alone(event: &Event, networks: &Networks<'_>) -> Option<Reason> {
    let measured = usize::try_from(event.extent.measured).ok().filter(|&measured| measured >= 3)?;
    (networks.len() == 1).then(|| reason(Sign::Alone, 1, measured, weight(Finding::Alone)))
}

/// Begins and ends on a full or half hour of the local clock.
///
/// Those of several networks follow one order, or one fault: their weights are averaged, not added. Begin and end are two
/// decisions.
pub(super) fn on_the_hour(event: &Event, networks: &Networks<'_>) -> Option<Reason> {
    let shift = if table::QUARTERS.contains(&event.country.to_string().as_str()) { 15 } else { 0 };
    let each: [Vec<Hit>; 2] =
        [onsets(networks), ends(networks)].map(|all| all.into_iter().filter_map(|one| hit(one, shift)).collect());
    let mut widths: Vec<_> = each.iter().flatten().map(|hit| hit.width).collect();
    widths.sort_unstable();
    let median = widths.get(widths.len() / 2).map(|&seconds| minutes(seconds))?;
    let average = |hits: &Vec<Hit>| {
        let weights = hits.iter().map(|hit| table::on_the_hour(hit.is_on, hit.chance)).sum::<i32>();
        weights.checked_div(i32::try_from(hits.len()).unwrap_or(i32::MAX)).unwrap_or(0)
    };
    let weight = each.iter().map(average).sum();
    let on = each.iter().flatten().filter(|hit| hit.is_on).count();
    Some(Reason { minutes: Some(median), ..reason(Sign::OnTheHour, on, widths.len(), weight) })
}

/// Whether a begin or end may lie on a full or half hour.
struct Hit {
    is_on: bool,
    /// How likely a time chosen at random would seem to, in thousandths.
    chance: u32,
    /// Seconds between which it lies.
    width: i64,
}

/// `None` where a bracket is missing or so wide that any time would do.
fn hit(bracket: Bracket, shift: i64) -> Option<Hit> {
    const SPACE: i64 = table::HALF_AN_HOUR * 60;
    let width = bracket.latest.duration_since(bracket.earliest?).as_secs();
    let leeway = (width + table::CARRYING_OUT * 60).max(0);
    if leeway >= SPACE {
        return None;
    }
    let since = (bracket.latest.as_second() + shift * 60).rem_euclid(SPACE);
    let chance = u32::try_from(leeway * 1000 / SPACE).unwrap_or(1000);
    Some(Hit { is_on: since <= leeway, chance, width })
}

/// Affected services that controls reached meanwhile.
pub(super) fn controls_fine(networks: &Networks<'_>, around: &Around<'_>) -> Option<Reason> {
    let mut windows = BTreeMap::<&ServiceId, Vec<std::ops::Range<slots::Slot>>>::new();
    for affected in networks.values().flatten() {
        if let (Some(service), Some(window)) = (affected.service.as_ref(), window(&[affected])) {
            // With the piece in which it began: whoever is told of it a minute later may know that much.
            windows.entry(service).or_default().push(window.start.saturating_sub(1)..window.end);
        }
    }
    let reached = |service: &ServiceId, windows: &[std::ops::Range<slots::Slot>]| {
        let controls = around.controls.get(service);
        controls.is_some_and(|controls| windows.iter().any(|window| controls.any(window.clone())))
    };
    let count = windows.iter().filter(|(service, windows)| reached(service, windows)).count();
    let all = count == windows.len();
    (count > 0)
        .then(|| reason(Sign::ControlsFine, count, windows.len(), if all { weight(Finding::ControlsFine) } else { 0 }))
}

/// Networks that do it in the manner in which most do it.
pub(super) fn same_technique(networks: &Networks<'_>) -> Option<Reason> {
    let most_frequent = |here: &Vec<&Affected>| {
        let counts = techniques(here);
        counts.into_iter().max_by_key(|&(how, count)| (count, std::cmp::Reverse(how))).map(|(how, _)| how)
    };
    let manners: Vec<_> = networks.values().filter_map(most_frequent).collect();
    let alike = |how: &Technique| manners.iter().filter(|other| *other == how).count();
    let count = manners.iter().map(alike).max().filter(|_| manners.len() > 1)?;
    let weight = match count {
        2 if manners.len() == 2 => weight(Finding::TwoAlike),
        3.. if 2 * count >= manners.len() => weight(Finding::ManyAlike),
        _ => 0,
    };
    Some(reason(Sign::SameTechnique, count, manners.len(), weight))
}

/// In which manner it is done, of whatever kind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Technique {
    Blocked(How),
    /// What exceeds a rate is dropped.
    Policed,
    /// What exceeds a rate waits.
    Shaped,
}

/// How many verdicts tell of each technique.
fn techniques(here: &[&Affected]) -> BTreeMap<Technique, u32> {
    let mut counts: BTreeMap<_, _> =
        counted(here.iter().copied()).into_iter().map(|(how, count)| (Technique::Blocked(how), count)).collect();
    for slowed in here.iter().filter_map(|affected| affected.slowed) {
        for (technique, count) in [(Technique::Policed, slowed.policed), (Technique::Shaped, slowed.shaped)] {
            *counts.entry(technique).or_default() += count;
        }
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// Measurements that were answered, but by somebody else than the site or the name server.
pub(super) fn forged(networks: &Networks<'_>) -> Option<Reason> {
    let counts = counted(networks.values().flatten().copied());
    let all: u32 = counts.values().sum();
    let made_up: u32 = counts.iter().filter(|(how, _)| is_made_up(**how)).map(|(_, count)| count).sum();
    let weight = if 2 * made_up >= all { weight(Finding::Forged) } else { 0 };
    (made_up > 0).then_some(Reason { sign: Sign::Forged, count: made_up, of: all, minutes: None, weight })
}

fn is_made_up(how: How) -> bool {
    match how {
        How::Dns(DnsManner::WrongAddress | DnsManner::Bogon | DnsManner::Injected)
        | How::Tls(TlsManner::Intercepted)
        | How::Http(HttpManner::BlockPage) => true,
        // Resets are forged as a rule, but broken devices send them too.
        How::Dns(DnsManner::NxDomain | DnsManner::NoAnswer | DnsManner::Refused)
        | How::Tcp(TcpManner::Timeout | TcpManner::Refused | TcpManner::Reset | TcpManner::Unreachable)
        | How::Tls(TlsManner::Reset | TlsManner::Timeout | TlsManner::Closed | TlsManner::Alert)
        | How::Http(HttpManner::Reset | HttpManner::Timeout | HttpManner::Different)
        | How::Quic(QuicManner::Timeout) => false,
    }
}

/// Trials in which the same address answered once another name was sent to it: of blocks each service and network counts
/// once, of what is slowed down each comparison.
pub(super) fn by_name(networks: &Networks<'_>, around: &Around<'_>) -> Option<Reason> {
    let (mut named, mut all) = (0, 0);
    for affected in networks.values().flatten() {
        let (Some(service), Some(window)) = (affected.service.as_ref(), window(&[affected])) else { continue };
        if let Some(slowed) = affected.slowed {
            named += number(slowed.by_name);
            all += number(slowed.by_name.saturating_add(slowed.by_address));
            continue;
        }
        let Some(tried) = around.seen(affected.network, service).and_then(|seen| seen.tried.as_deref()) else {
            continue;
        };
        let window = window.start.saturating_sub(1)..window.end;
        let is_named = tried.by_name.any(window.clone());
        named += usize::from(is_named);
        all += usize::from(is_named || tried.otherwise.any(window));
    }
    let weight = if 2 * named >= all { weight(Finding::ByName) } else { 0 };
    (named > 0).then(|| reason(Sign::ByName, named, all, weight))
}

fn number(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn counted<'a>(affected: impl Iterator<Item = &'a Affected>) -> BTreeMap<How, u32> {
    let mut counts = BTreeMap::new();
    for &(how, count) in affected.flat_map(|affected| &affected.manners) {
        *counts.entry(how).or_default() += count;
    }
    counts
}

fn reason(sign: Sign, count: usize, of: usize, weight: i32) -> Reason {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Reason { sign, count: number(count), of: number(of), minutes: None, weight }
}

/// Rounded up: nothing is told closer than it is known.
fn minutes(seconds: i64) -> u32 {
    u32::try_from((seconds + 59) / 60).unwrap_or(0)
}
