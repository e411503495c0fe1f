//! Whatever met nothing but silence, and would be called blocked though no experiment says what the silence is bound to, is tried
//! once more at the end of the run: what a crowded line kept back comes then, or the line shows that it is crowded still.

use std::net::SocketAddr;

use futures_util::{StreamExt, stream};
use kedergi_verdict::{How, HttpManner, TcpManner, TlsManner, Trigger, judge};
use kedergi_wire::{ControlSnapshot, Failure, Report, Step, TargetUrl, Trial, limits};

use super::watch::Watch;
use super::{Measurer, redirects, trials};

/// Adds what the second look saw to the reports' trials.
pub(super) async fn look(tools: &Measurer, control: Option<&ControlSnapshot>, reports: &mut [(Report, Watch)]) {
    let doubtful = reports.iter().enumerate().filter_map(|(at, (report, watch))| {
        let place = silent_at(report, control)?;
        Some((at, *watch, place))
    });
    let doubtful: Vec<_> = doubtful.collect();
    let looked = stream::iter(doubtful)
        .map(|(at, watch, place)| async move { (at, trials::take_once_more(tools, &watch, &place).await) });
    let looked: Vec<(usize, Vec<Trial>)> = looked.buffer_unordered(tools.concurrency).collect().await;
    for (at, seen) in looked {
        let trials = &mut reports[at].0.trials;
        trials.truncate(limits::TRIALS.saturating_sub(seen.len()));
        trials.extend(seen);
    }
}

/// Where a target was silent.
pub(super) struct Place {
    pub(super) hop: u8,
    pub(super) url: TargetUrl,
    pub(super) address: SocketAddr,
}

/// Where the silence is that a verdict rests on, if no experiment says what it is bound to.
fn silent_at(report: &Report, control: Option<&ControlSnapshot>) -> Option<Place> {
    let verdict = judge(report, control?.entry(&report.target));
    let is_silence = match verdict.outcome.how()? {
        How::Tcp(manner) => manner == TcpManner::Timeout,
        How::Tls(manner) => manner == TlsManner::Timeout,
        How::Http(manner) => manner == HttpManner::Timeout,
        How::Dns(_) | How::Quic(_) => false,
    };
    let is_explained = verdict.trigger.is_some_and(|trigger| trigger != Trigger::NameAtAddress);
    if !is_silence || is_explained {
        return None;
    }
    let rests_on =
        verdict.evidence.iter().filter_map(|evidence| report.observations.get(usize::from(evidence.observation?)));
    rests_on
        .filter_map(|seen| Some((seen.hop, silence(&seen.step)?)))
        .find_map(|(hop, address)| Some(Place { hop, url: url_at(report, hop)?, address }))
}

fn silence(step: &Step) -> Option<SocketAddr> {
    let (address, failure) = match step {
        Step::Tcp(tcp) => (tcp.address, tcp.outcome.failure()),
        Step::Tls(tls) => (tls.address, tls.outcome.failure()),
        Step::Http(http) => (http.address, http.outcome.failure()),
        Step::Dns(_) | Step::Quic(_) => return None,
    };
    (failure == Some(Failure::Timeout)).then_some(address)
}

/// What was asked for at a hop: the target, or where the pages before it led.
fn url_at(report: &Report, hop: u8) -> Option<TargetUrl> {
    (0..hop).try_fold(report.target.clone(), |base, hop| {
        report.observations.iter().filter(|seen| seen.hop == hop).find_map(|seen| match &seen.step {
            Step::Http(http) => redirects::next(&base, http.outcome.ok()?),
            Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use kedergi_verdict::control_entry;
    use kedergi_wire::{Body, Digest, FORMAT, Http, Line, Observation, Page, StepOutcome, Tally, Tcp, Vantage};

    use super::*;

    const FIRST: &str = "45.80.1.1:80";
    const SECOND: &str = "45.80.1.2:80";

    fn http(hop: u8, url: &str, address: &str, outcome: StepOutcome<Page>) -> Observation {
        let address = address.parse().unwrap();
        Observation {
            after_ms: 0,
            took_ms: 8000,
            hop,
            step: Step::Http(Http { address, url: url.to_owned(), outcome }),
        }
    }

    fn page(status: u16, location: Option<&str>) -> StepOutcome<Page> {
        let body = Body { bytes: 900, truncated: false, sha256: Digest::of(b""), kept: None };
        let location = location.map(str::to_owned);
        StepOutcome::Ok(Page { status, location, server: None, title: None, offers_h3: false, body })
    }

    /// A site that sends its readers on, and what was seen there.
    fn sent_on(end: StepOutcome<Page>) -> Report {
        let tcp = |hop, address: &str| {
            let tcp = Tcp { address: address.parse().unwrap(), outcome: StepOutcome::Ok(()) };
            Observation { after_ms: 0, took_ms: 20, hop, step: Step::Tcp(tcp) }
        };
        let line = Line { outside: Tally { tried: 9, answered: 9 }, ..Line::default() };
        let first = http(0, "http://45.80.1.1/", FIRST, page(302, Some("http://45.80.1.2/home")));
        Report {
            format: FORMAT,
            sequence: 1,
            started: jiff::Timestamp::UNIX_EPOCH,
            clock_offset_ms: None,
            target: "http://45.80.1.1/".parse().unwrap(),
            vantage: Vantage::default(),
            line,
            observations: vec![tcp(0, FIRST), first, tcp(1, SECOND), http(1, "http://45.80.1.2/home", SECOND, end)],
            trials: Vec::new(),
            pairs: Vec::new(),
            instrument: None,
        }
    }

    fn snapshot(seen: &Report) -> ControlSnapshot {
        ControlSnapshot { made: seen.started, entries: vec![control_entry(seen)] }
    }

    #[test]
    fn what_was_silent_is_tried_once_more_where_it_was_silent() {
        let control = snapshot(&sent_on(page(200, None)));
        let silent = sent_on(StepOutcome::Failed(Failure::Timeout));
        let place = silent_at(&silent, Some(&control)).unwrap();
        let is = (place.hop, place.url.to_string(), place.address.to_string());
        assert_eq!(is, (1, "http://45.80.1.2/home".to_owned(), SECOND.to_owned()));
        assert!(silent_at(&silent, None).is_none(), "nobody is accused");
        assert!(silent_at(&sent_on(StepOutcome::Failed(Failure::Reset)), Some(&control)).is_none(), "no silence");
        assert!(silent_at(&sent_on(page(200, None)), Some(&control)).is_none());
    }
}
