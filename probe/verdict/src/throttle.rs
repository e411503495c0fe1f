//! Slowness that is somebody's doing: by the name in the ClientHello, or by the address.

use kedergi_wire::{Altered, ControlEntry, GoodputPair};

use crate::case::{Case, as_tcp};
use crate::evidence::{known, moment};
use crate::goodput::{COMPARED, Weight, log_ratio, median, rate_kbit_s, thousandths, weigh};
use crate::{Compared, Evidence, Pace, Regime, crowded};

/// How many times quicker the control must have got the target: the same as pairs are weighed for.
const QUICKER: u32 = 3;
/// Round trips that a transfer may take before the way's length does not explain it: 64 KB in slow start (RFC 6928) take 4,
/// and three times that is still no rate.
const ROUND_TRIPS: u32 = 12;
/// Kbit/s at which a control host's bytes come over a line that is slow for everything.
const SLOW_LINE_KBIT_S: u32 = 200;
/// Slowness, in thousandths of a decade, below which nobody is asked why: twice as long.
const LITTLE: i32 = 301;
/// Bytes of the first quarter second, beside those of a quarter second on the average: up to so many come out of a queue, and
/// from so many on some were let through at once. In between it cannot be told.
const EVEN: f64 = 1.3;
const BURST: f64 = 2.0;

/// The same bytes from the same address, or the same handshake with it, take longer under the target's name.
pub(crate) fn by_name(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let innocent = || slow(case, Altered::InnocentName).filter(|pairs| is_quick_for_control(case, pairs));
    let pairs = slow(case, Altered::TargetNameElsewhere).or_else(innocent)?;
    let mut evidence = told(&pairs)?;
    evidence.extend(manner(&pairs));
    Some(evidence)
}

/// The target's bytes take longer than a control host's, and than they took the control.
pub(crate) fn by_address(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let control = case.reached_control()?;
    let pairs = slow(case, Altered::ControlHost)?;
    if !is_quick_for_control(case, &pairs) || is_far(case, &pairs) {
        return None;
    }
    let mut evidence = told(&pairs)?;
    evidence.push(known(format!(
        "The control probe, at a trusted place, got the site more than three times as fast at {}.",
        moment(control)
    )));
    if weigh(of(case, Altered::TargetNameElsewhere)) == Weight::Alike {
        evidence.push(known(
            "Under the site's name the control host gave its bytes as fast as under its own: what is slowed down is the site's address.",
        ));
    }
    evidence.extend(manner(&pairs));
    Some(evidence)
}

/// How fast the line was for a control host, if that is slow.
pub(crate) fn slow_line(case: &Case<'_>) -> Option<Evidence> {
    let rate = case.report.line.rate_kbit_s.filter(|rate| *rate < SLOW_LINE_KBIT_S)?;
    Some(known(format!(
        "From a control host, too, bytes came at no more than {rate} kbit/s during the run: the line is slow for everything."
    )))
}

/// How slow the target was beside what it was compared with: as [`crate::slowness`], but what a slow server or a long way explains
/// is left out. A control host under the target's name gives the host's own bytes, whatever the target's server does.
pub(crate) fn pace(case: &Case<'_>) -> Option<Pace> {
    if crowded::comes_and_goes(case) {
        return None;
    }
    let found = COMPARED.iter().filter_map(|&altered| {
        let pairs: Vec<_> = of(case, altered).collect();
        let ratios: Vec<_> = pairs.iter().filter_map(|pair| log_ratio(pair)).collect();
        let compared = Compared { altered, pairs: u8::try_from(ratios.len()).unwrap_or(u8::MAX) };
        let slowness = thousandths(median(ratios)?);
        let ours = slowness < LITTLE
            || match altered {
                Altered::TargetNameElsewhere => true,
                Altered::ControlHost => is_quick_for_control(case, &pairs) && !is_far(case, &pairs),
                Altered::InnocentName
                | Altered::NoResolver
                | Altered::LargeHello
                | Altered::EncryptedHello
                | Altered::Nothing => is_quick_for_control(case, &pairs),
            };
        ours.then(|| Pace { slowness, regime: regime(&pairs), compared: Some(compared) })
    });
    found.max_by_key(|pace| pace.slowness)
}

fn of<'a>(case: &Case<'a>, altered: Altered) -> impl Iterator<Item = &'a GoodputPair> {
    case.report.pairs.iter().filter(move |pair| pair.altered == altered)
}

/// The pairs that alter this, if they are enough to call the target slow. They are of the target's own URL. None where the line
/// was crowded now and then.
fn slow<'a>(case: &Case<'a>, altered: Altered) -> Option<Vec<&'a GoodputPair>> {
    if crowded::comes_and_goes(case) {
        return None;
    }
    let pairs: Vec<_> = of(case, altered).collect();
    (weigh(pairs.iter().copied()) == Weight::Slow).then_some(pairs)
}

/// Whether the control got the target much quicker than the probe did in the pairs.
fn is_quick_for_control(case: &Case<'_>, pairs: &[&GoodputPair]) -> bool {
    let quicker = |control: &ControlEntry| {
        let rates = pairs.iter().filter_map(|pair| rate_kbit_s(&pair.target)).map(f64::from);
        if let Some(rate) = median(rates) {
            return control_rate(control).is_some_and(|known| f64::from(known) >= rate * f64::from(QUICKER));
        }
        let handshake = median(pairs.iter().filter_map(|pair| pair.target.handshake_ms).map(f64::from));
        let times = handshake.zip(control.handshake_ms);
        times.is_some_and(|(here, there)| f64::from(there) * f64::from(QUICKER) <= here)
    };
    case.reached_control().is_some_and(quicker)
}

/// Kbit/s at which the control got the target's page, its waiting for the first byte included.
fn control_rate(control: &ControlEntry) -> Option<u32> {
    let bytes = u32::try_from(control.first_page.as_ref()?.body.bytes).ok()?;
    Some(bytes.saturating_mul(8) / control.page_ms?.max(1))
}

/// Whether the way is so long that round trips explain the time.
fn is_far(case: &Case<'_>, pairs: &[&GoodputPair]) -> bool {
    let at_once = case.report.observations.iter().filter(|seen| seen.hop == 0);
    let connected = at_once.filter(|seen| as_tcp(&seen.step).is_some_and(|tcp| tcp.outcome.ok().is_some()));
    let round_trip = connected.map(|seen| seen.took_ms).min().unwrap_or(0);
    let took =
        |pair: &&GoodputPair| if pair.target.bytes > 0 { Some(pair.target.took_ms) } else { pair.target.handshake_ms };
    median(pairs.iter().filter_map(took).map(f64::from))
        .is_none_or(|took| took < f64::from(round_trip.saturating_mul(ROUND_TRIPS)))
}

/// The pair in the middle, in words, and how many there were.
fn told(pairs: &[&GoodputPair]) -> Option<Vec<Evidence>> {
    let ratio = median(pairs.iter().filter_map(|pair| log_ratio(pair)))?;
    let middle = pairs.iter().find(|pair| log_ratio(pair) == Some(ratio))?;
    let count = pairs.iter().filter(|pair| log_ratio(pair).is_some()).count();
    let times = 10f64.powf(ratio);
    Some(vec![
        known(says(middle)),
        known(format!(
            "That was seen {count} times, each within half a minute and in random order; in the middle of them it took {times:.0} times as long."
        )),
    ])
}

/// `64 KB took 5.1 s under the site's name and 200 ms under another from the same address.`
fn says(pair: &GoodputPair) -> String {
    let (target, control) = (&pair.target, &pair.control);
    let (here, there) = (seconds(target.took_ms), seconds(control.took_ms));
    let (part, whole) = (amount(target.bytes), amount(control.bytes));
    let shake = |ms: Option<u32>| ms.map_or_else(|| "no time that was measured".to_owned(), seconds);
    let (hello, other) = (shake(target.handshake_ms), shake(control.handshake_ms));
    match (target.bytes, pair.altered) {
        (0, Altered::InnocentName) => {
            format!("A handshake with the site's address took {hello} under its name and {other} under another name.")
        }
        (0, _) => format!("A handshake with the site took {hello}, one with a control host {other}."),
        (_, Altered::ControlHost) => {
            format!("{part} of the site's page took {here}; {whole} from a control host took {there}.")
        }
        _ => format!(
            "{part} took {here} under the site's name; from the same address {whole} took {there} under another name."
        ),
    }
}

fn manner(pairs: &[&GoodputPair]) -> Option<Evidence> {
    Some(known(match regime(pairs)? {
        Regime::Shaped => "The bytes came at an even pace from the first on, as out of a queue: shaped.",
        Regime::Policed => "The first bytes came at once, as where whatever is above a rate is dropped: policed.",
    }))
}

/// Whether the bytes came as out of a queue, or as where some are let through at once and others dropped.
fn regime(pairs: &[&GoodputPair]) -> Option<Regime> {
    let shares = pairs.iter().filter(|pair| pair.target.took_ms >= 1000).filter_map(|pair| {
        let average = f64::from(pair.target.bytes) * 250.0 / f64::from(pair.target.took_ms);
        Some(f64::from(pair.target.early_bytes?) / average)
    });
    let share = median(shares)?;
    if share <= EVEN {
        Some(Regime::Shaped)
    } else if share >= BURST {
        Some(Regime::Policed)
    } else {
        None
    }
}

fn seconds(ms: u32) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{:.1} s", f64::from(ms) / 1000.0) }
}

fn amount(bytes: u32) -> String {
    if bytes < 1024 { format!("{bytes} bytes") } else { format!("{} KB", bytes / 1024) }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Failure, Report, StepOutcome, Transfer, Verification};

    use super::*;
    use crate::example::{Example, HTTPS, SITE, control, control_failed, named};
    use crate::{Outcome, Verdict, judge};

    fn bulk(bytes: u32, took_ms: u32, early_bytes: u32) -> Transfer {
        Transfer { after_ms: 900, handshake_ms: Some(80), bytes, took_ms, early_bytes: Some(early_bytes) }
    }

    fn handshake(ms: u32) -> Transfer {
        Transfer { after_ms: 900, handshake_ms: Some(ms), bytes: 0, took_ms: 0, early_bytes: None }
    }

    fn with(example: Example, altered: Altered, target: Transfer, other: Transfer, count: usize) -> Report {
        let mut report = example.done();
        report.pairs = vec![GoodputPair { altered, target, control: other }; count];
        report
    }

    /// The control got the page of 40 KB in 0.2 s.
    fn quick() -> ControlEntry {
        ControlEntry { handshake_ms: Some(60), page_ms: Some(200), ..control(HTTPS) }
    }

    fn rule(verdict: &Verdict) -> &str {
        verdict.rule.as_str()
    }

    fn words(verdict: &Verdict) -> Vec<&str> {
        verdict.evidence.iter().map(|evidence| evidence.says.as_str()).collect()
    }

    #[test]
    fn a_name_is_slow_where_the_same_host_gives_its_bytes_slower_under_it() {
        let works = || named(HTTPS).works(SITE);
        let pairs =
            |count, target| with(works(), Altered::TargetNameElsewhere, target, bulk(65_536, 200, 65_536), count);
        let verdict = judge(&pairs(3, bulk(65_536, 5_100, 3_000)), None);
        assert_eq!((verdict.outcome, rule(&verdict)), (Outcome::Throttled, "throttled-name"));
        insta::assert_snapshot!(words(&verdict).join("\n"), @r"
        64 KB took 5.1 s under the site's name; from the same address 64 KB took 200 ms under another name.
        That was seen 3 times, each within half a minute and in random order; in the middle of them it took 26 times as long.
        The bytes came at an even pace from the first on, as out of a queue: shaped.
        ");
        let policed = judge(&pairs(3, bulk(30_000, 6_000, 9_000)), None);
        assert!(words(&policed)[2].ends_with("policed."), "{policed:?}");
        assert_eq!(rule(&judge(&pairs(2, bulk(65_536, 5_100, 3_000)), None)), "answered-over-tls");
        assert_eq!(rule(&judge(&pairs(9, bulk(65_536, 300, 20)), None)), "answered-over-tls");
    }

    #[test]
    fn a_slow_handshake_under_the_name_needs_a_control_that_had_a_quick_one() {
        let late =
            || named(HTTPS).tls(SITE, Verification::Valid, "site").http(SITE, StepOutcome::Failed(Failure::Timeout));
        let report = || with(late(), Altered::InnocentName, handshake(5_100), handshake(60), 3);
        let verdict = judge(&report(), Some(&quick()));
        assert_eq!((verdict.outcome, rule(&verdict)), (Outcome::Throttled, "throttled-name"));
        assert_eq!(
            words(&verdict)[0],
            "A handshake with the site's address took 5.1 s under its name and 60 ms under another name."
        );
        assert_eq!(rule(&judge(&report(), None)), "no-control");
        let as_slow = ControlEntry { handshake_ms: Some(4_000), ..quick() };
        assert_eq!(rule(&judge(&report(), Some(&as_slow))), "http-timeout");
    }

    #[test]
    fn an_address_is_slow_where_the_control_and_another_host_are_quick() {
        let works = || named(HTTPS).works(SITE);
        let pairs = |target| with(works(), Altered::ControlHost, target, bulk(40_000, 200, 20), 3);
        let slow = || pairs(bulk(31_000, 5_100, 900));
        let verdict = judge(&slow(), Some(&quick()));
        assert_eq!((verdict.outcome, rule(&verdict)), (Outcome::Throttled, "throttled-address"));
        assert_eq!(words(&verdict)[0], "30 KB of the site's page took 5.1 s; 39 KB from a control host took 200 ms.");
        let compared = Some(Compared { altered: Altered::ControlHost, pairs: 3 });
        assert_eq!(verdict.pace, Some(Pace { slowness: 1517, regime: Some(Regime::Shaped), compared }));
        // A slow server, and one of which nobody knows.
        let slow_for_all = ControlEntry { page_ms: Some(4_000), ..quick() };
        let judged = judge(&slow(), Some(&slow_for_all));
        assert_eq!((rule(&judged), judged.pace), ("answered-over-tls", None));
        assert_eq!(rule(&judge(&slow(), None)), "answered-over-tls");
        assert_eq!(rule(&judge(&slow(), Some(&control_failed(HTTPS)))), "answered-over-tls");
        // A connection took 20 ms in the example; over a satellite it takes 600, and 12 of those explain the time.
        let mut far = slow();
        far.observations.iter_mut().for_each(|seen| seen.took_ms = 600);
        assert_eq!(rule(&judge(&far, Some(&quick()))), "answered-over-tls");
    }

    #[test]
    fn what_the_name_does_not_slow_down_elsewhere_is_slowed_down_by_address() {
        let mut report =
            with(named(HTTPS).works(SITE), Altered::ControlHost, bulk(31_000, 5_100, 900), bulk(40_000, 200, 20), 3);
        let fast = bulk(65_536, 200, 65_536);
        report.pairs.push(GoodputPair { altered: Altered::TargetNameElsewhere, target: fast, control: fast });
        let verdict = judge(&report, Some(&quick()));
        assert!(words(&verdict)[3].ends_with("the site's address."), "{verdict:?}");
    }

    #[test]
    fn a_throttled_page_that_does_not_come_in_time_is_not_blocked() {
        let late =
            || named(HTTPS).tls(SITE, Verification::Valid, "site").http(SITE, StepOutcome::Failed(Failure::Timeout));
        assert_eq!(rule(&judge(&late().done(), Some(&quick()))), "http-timeout");
        let report = with(late(), Altered::TargetNameElsewhere, bulk(30_000, 6_000, 120), bulk(65_536, 200, 65_536), 3);
        assert_eq!(judge(&report, Some(&quick())).outcome, Outcome::Throttled);
    }

    #[test]
    fn a_line_slow_for_everything_accuses_nobody() {
        let at = |example: Example, rate| {
            let mut report = example.done();
            report.line.rate_kbit_s = Some(rate);
            judge(&report, Some(&quick()))
        };
        let silent = || named(HTTPS).tls_fails(SITE, Failure::Timeout);
        assert_eq!(rule(&at(silent(), 90)), "slow-line");
        assert_eq!(rule(&at(silent(), 900)), "tls-timeout");
        assert_eq!(rule(&at(named(HTTPS).tls_fails(SITE, Failure::Reset), 90)), "tls-reset");
        let works = at(named(HTTPS).works(SITE), 90);
        assert_eq!(rule(&works), "answered-over-tls");
        assert!(words(&works)[2].contains("no more than 90 kbit/s"), "{works:?}");
        assert_eq!(at(named(HTTPS).works(SITE), 900).evidence.len(), 2);
    }
}
