//! How the line was during a run, and what the run received: counted from what was seen.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kedergi_wire::{
    Altered, Dns, Failure, Line, Observation, Report, ResolverClass, Step, Tally, Transfer, Verification,
};

use super::{names, pairs};

/// What a handshake brings beside the page: a chain of three certificates and the protocol's own.
const HANDSHAKE: u64 = 5_000;
/// What a connection or an answer brings at most in headers.
const HEADERS: u64 = 1_000;

/// A connection that took this much longer than the run's quickest had its first packet sent again: kernels do that after a
/// second (RFC 6298, 2.1).
const SENT_AGAIN_MS: u32 = 900;

/// How many parties outside, and how often the system's resolver, were asked and answered, given what was seen of each target.
pub(crate) fn line<'a>(targets: impl Iterator<Item = &'a [Observation]>) -> Line {
    let mut line = Line::default();
    let targets: Vec<&[Observation]> = targets.collect();
    let connections = || targets.iter().copied().flatten().filter(|seen| is_connection(seen));
    let quickest = connections().map(|seen| seen.took_ms).min().unwrap_or(0);
    connections().for_each(|seen| count(&mut line.lossless, seen.took_ms - quickest < SENT_AGAIN_MS));
    for observations in targets {
        count_questions(&mut line.lossless, observations);
        count(&mut line.targets, observations.iter().any(is_connection));
        count_quic(&mut line.quic, observations);
        count_each(&mut line, observations);
        count_again(&mut line.again, observations);
        count_asked_again(&mut line.asked_again, observations);
    }
    line
}

/// Targets that answered an ordinary ClientHello and were tried with an encrypted one, and how many answered that too.
pub(crate) fn encrypted_hellos<'a>(reports: impl Iterator<Item = &'a Report>) -> Tally {
    let mut tally = Tally::default();
    let finished = |step: &Step| matches!(step, Step::Tls(tls) if tls.outcome.ok().is_some());
    for report in reports.filter(|report| report.observations.iter().any(|seen| finished(&seen.step))) {
        let trials = report.trials.iter().filter(|trial| trial.altered == Altered::EncryptedHello);
        let mut handshakes = trials.filter(|trial| matches!(trial.seen.step, Step::Tls(_))).peekable();
        if handshakes.peek().is_some() {
            count(&mut tally, handshakes.any(|trial| finished(&trial.seen.step)));
        }
    }
    tally
}

/// Counts the target if it was tried over QUIC.
fn count_quic(quic: &mut Tally, observations: &[Observation]) {
    let tries =
        observations.iter().filter_map(|seen| if let Step::Quic(quic) = &seen.step { Some(quic) } else { None });
    let answered: Vec<bool> = tries.map(|quic| quic.outcome.ok().is_some()).collect();
    if !answered.is_empty() {
        count(quic, answered.contains(&true));
    }
}

/// Counts the silences after which the same was tried again.
fn count_again(again: &mut Tally, observations: &[Observation]) {
    let attempts: Vec<_> = observations.iter().filter_map(|seen| Some((seen.hop, attempt(&seen.step)?))).collect();
    for (index, (hop, (what, failure))) in attempts.iter().enumerate() {
        let mut later = attempts[index + 1..].iter().filter(|(at, (same, _))| (at, same) == (hop, what)).peekable();
        if *failure == Some(Failure::Timeout) && later.peek().is_some() {
            count(again, later.any(|(_, (_, failure))| failure.is_none()));
        }
    }
}

/// Counts the questions that the system's resolver was asked again after silence.
fn count_asked_again(asked_again: &mut Tally, observations: &[Observation]) {
    let mut questions = BTreeMap::<_, Vec<bool>>::new();
    for seen in observations {
        if let Step::Dns(dns) = &seen.step
            && dns.resolver == ResolverClass::System
        {
            questions.entry((seen.hop, &dns.name, dns.query)).or_default().push(dns.outcome.ok().is_some());
        }
    }
    for asked in questions.values().filter(|asked| asked.len() > 1 && !asked[0]) {
        count(asked_again, asked.contains(&true));
    }
}

/// Counts the names of which a public resolver was asked both questions and answered at least one: silence on the other alone is
/// mostly a packet lost, for whoever is silent on a name's account is so on both.
fn count_questions(lossless: &mut Tally, observations: &[Observation]) {
    let mut questions = BTreeMap::<_, Vec<bool>>::new();
    for seen in observations {
        if let Step::Dns(dns) = &seen.step
            && dns.resolver == ResolverClass::Public
        {
            let answered = dns.outcome.failure() != Some(Failure::Timeout);
            questions.entry((seen.hop, &dns.server, &dns.name)).or_default().push(answered);
        }
    }
    for asked in questions.values().filter(|asked| asked.len() > 1 && asked.contains(&true)) {
        count(lossless, !asked.contains(&false));
    }
}

/// What is tried (a layer, an address, a name) and what went wrong, if anything.
type Attempt<'a> = ((u8, SocketAddr, Option<&'a str>), Option<Failure>);

fn attempt(step: &Step) -> Option<Attempt<'_>> {
    match step {
        Step::Dns(_) => None,
        Step::Tcp(tcp) => Some(((0, tcp.address, None), tcp.outcome.failure())),
        Step::Tls(tls) => Some(((1, tls.address, tls.server_name.as_deref()), tls.outcome.failure())),
        Step::Http(http) => Some(((2, http.address, Some(&http.url)), http.outcome.failure())),
        // Where UDP is kept from passing it stays silent: that says nothing of lost packets.
        Step::Quic(_) => None,
    }
}

fn is_connection(seen: &Observation) -> bool {
    matches!(&seen.step, Step::Tcp(tcp) if tcp.outcome.ok().is_some())
}

fn count_each(line: &mut Line, observations: &[Observation]) {
    for seen in observations {
        match &seen.step {
            Step::Dns(dns) if dns.resolver == ResolverClass::System => {
                count(&mut line.resolver, names::is_settled(&dns.outcome))
            }
            Step::Dns(dns) => {
                count(&mut line.outside, dns.outcome.ok().is_some());
                if dns.resolver == ResolverClass::Doh {
                    count(&mut line.proven, dns.outcome.ok().is_some());
                }
            }
            Step::Tcp(tcp) if tcp.outcome.failure() == Some(Failure::ForbiddenAddress) => {}
            Step::Tcp(tcp) => count(&mut line.outside, tcp.outcome.ok().is_some()),
            Step::Tls(tls) => count(&mut line.proven, tls.verification.is_some_and(is_identity)),
            Step::Quic(quic) => count(&mut line.outside, quic.outcome.ok().is_some()),
            Step::Http(_) => {}
        }
    }
}

/// Whether the roots vouch for whose certificate it is, be it out of date: this machine's clock may be wrong.
fn is_identity(verification: Verification) -> bool {
    match verification {
        Verification::Valid | Verification::Expired | Verification::NotYetValid => true,
        Verification::WrongName | Verification::UnknownIssuer | Verification::Malformed => false,
    }
}

fn count(tally: &mut Tally, answered: bool) {
    tally.tried = tally.tried.saturating_add(1);
    tally.answered = tally.answered.saturating_add(u16::from(answered));
}

/// Roughly the bytes that the measurements of these reports received: for the download budget.
pub fn bytes_received(reports: &[Report]) -> u64 {
    let of_report = |report: &Report| {
        let seen: u64 = report.observations.iter().map(|seen| bytes(&seen.step)).sum();
        let tried: u64 = report.trials.iter().map(|trial| bytes(&trial.seen.step)).sum();
        let timed: u64 = report.pairs.iter().map(|pair| fetched(&pair.target) + fetched(&pair.control)).sum();
        seen + tried + timed
    };
    // Where the line's rate was measured, that took a transfer that belongs to no report.
    let rate = reports.iter().any(|report| report.line.rate_kbit_s.is_some());
    let alone = if rate { HANDSHAKE + pairs::BYTES as u64 } else { 0 };
    reports.iter().map(of_report).sum::<u64>() + alone
}

fn fetched(transfer: &Transfer) -> u64 {
    u64::from(transfer.bytes) + HANDSHAKE
}

fn bytes(step: &Step) -> u64 {
    match step {
        Step::Dns(Dns { resolver: ResolverClass::Doh, .. }) => HANDSHAKE,
        Step::Dns(dns) => dns.outcome.ok().map_or(0, |answers| answers.len() as u64 * HEADERS / 4),
        Step::Tcp(_) => HEADERS / 10,
        Step::Tls(tls) => {
            if tls.chain.is_empty() {
                HEADERS
            } else {
                HANDSHAKE
            }
        }
        Step::Http(http) => http.outcome.ok().map_or(0, |page| page.body.bytes) + HEADERS,
        Step::Quic(quic) => quic.outcome.ok().map_or(0, |_| HANDSHAKE + HEADERS),
    }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Answer, Query, Rcode, StepOutcome, Tcp};

    use super::*;

    fn dns(resolver: ResolverClass, answered: bool) -> Observation {
        let answer = Answer { after_ms: 1, rcode: Rcode::NxDomain, addresses: vec![], aliases: vec![], ttl: None };
        let outcome = if answered { StepOutcome::Ok(vec![answer]) } else { StepOutcome::Failed(Failure::Timeout) };
        let step = Step::Dns(Dns { resolver, server: None, name: "a.example".into(), query: Query::A, outcome });
        Observation { after_ms: 0, took_ms: 0, hop: 0, step }
    }

    fn tcp(outcome: StepOutcome<()>) -> Observation {
        let step = Step::Tcp(Tcp { address: "45.80.0.1:443".parse().unwrap(), outcome });
        Observation { after_ms: 0, took_ms: 0, hop: 0, step }
    }

    #[test]
    fn the_outside_and_the_resolver_count_apart() {
        let seen = [
            dns(ResolverClass::System, true),
            dns(ResolverClass::System, false),
            dns(ResolverClass::Public, false),
            dns(ResolverClass::Doh, true),
            tcp(StepOutcome::Ok(())),
            tcp(StepOutcome::Failed(Failure::Refused)),
            tcp(StepOutcome::Failed(Failure::ForbiddenAddress)),
        ];
        let slow = Observation { took_ms: 1040, ..tcp(StepOutcome::Ok(())) };
        let pair = [dns(ResolverClass::Public, true), dns(ResolverClass::Public, false)];
        let lossy = [&pair[..], &[dns(ResolverClass::Public, true), tcp(StepOutcome::Ok(())), slow]].concat();
        assert_eq!(super::line([&lossy[..], &pair[1..]].into_iter()).lossless, Tally { tried: 3, answered: 1 });
        let again = [tcp(StepOutcome::Failed(Failure::Timeout)), tcp(StepOutcome::Ok(()))];
        assert_eq!(super::line([&again[..]].into_iter()).again, Tally { tried: 1, answered: 1 });
        let line = line([&seen[..], &[]].into_iter());
        assert_eq!(line.resolver, Tally { tried: 2, answered: 1 });
        assert_eq!(line.targets, Tally { tried: 2, answered: 1 });
        assert_eq!(line.outside, Tally { tried: 4, answered: 2 });
        assert_eq!(line.proven, Tally { tried: 1, answered: 1 });
    }
}
