//! Questions and answers (df-002).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedergi_verdict::is_bogon;
use kedergi_wire::{Answer, Dns, Observation, Query, Rcode, Report, ResolverClass, Step, StepOutcome};
use serde::Serialize;

use super::failure;
use super::when::{self, When, seconds};

/// One question, with one answer to it or none.
#[derive(Debug, Serialize)]
pub(super) struct QueryEntry<'a> {
    answers: Vec<Record<'a>>,
    engine: &'static str,
    failure: Option<&'static str>,
    hostname: &'a str,
    query_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rcode: Option<u8>,
    resolver_address: &'a str,
    resolver_hostname: Option<&'a str>,
    resolver_port: Option<&'a str>,
    #[serde(flatten)]
    when: When,
}

/// One record of an answer. How long it may be kept is not recorded.
#[derive(Debug, Serialize)]
#[serde(tag = "answer_type")]
enum Record<'a> {
    A {
        ipv4: Ipv4Addr,
        ttl: Option<u32>,
    },
    #[serde(rename = "AAAA")]
    Aaaa {
        ipv6: Ipv6Addr,
        ttl: Option<u32>,
    },
    #[serde(rename = "CNAME")]
    Cname {
        hostname: &'a str,
        ttl: Option<u32>,
    },
}

/// Every question with its first answer: what a program would have used.
pub(super) fn queries(report: &Report) -> Vec<QueryEntry<'_>> {
    let first = |(index, seen, dns)| entry(dns, dns_answers(dns).first(), seen, when::of(report, index, seen));
    asked(report).map(first).collect()
}

/// The answers that came after the first ones: signs of somebody who answers in the resolver's place.
pub(super) fn late(report: &Report) -> Vec<QueryEntry<'_>> {
    let later = |(index, seen, dns)| {
        let answers = dns_answers(dns).iter().skip(1);
        answers.map(move |answer| entry(dns, Some(answer), seen, when::of(report, index, seen)))
    };
    asked(report).flat_map(later).collect()
}

/// Why the line's resolver led nowhere for the target's own name; `None` where it named an address.
pub(super) fn line_failure(report: &Report) -> Option<&'static str> {
    let own = asked(report).filter(|(_, seen, dns)| seen.hop == 0 && dns.resolver == ResolverClass::System);
    let failures: Vec<_> = own.map(|(_, _, dns)| failure_of(dns)).collect();
    if failures.contains(&None) { None } else { failures.first().copied().flatten() }
}

fn asked(report: &Report) -> impl Iterator<Item = (usize, &Observation, &Dns)> {
    report.observations.iter().enumerate().filter_map(|(index, seen)| match &seen.step {
        Step::Dns(dns) => Some((index, seen, dns)),
        Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => None,
    })
}

fn dns_answers(dns: &Dns) -> &[Answer] {
    dns.outcome.ok().map_or(&[], Vec::as_slice)
}

fn entry<'a>(dns: &'a Dns, answer: Option<&'a Answer>, seen: &Observation, when: When) -> QueryEntry<'a> {
    let t = answer.map_or(when.t, |answer| seconds(seen.after_ms.saturating_add(answer.after_ms)));
    QueryEntry {
        answers: answer.map(records).unwrap_or_default(),
        engine: engine(dns.resolver),
        failure: failure_with(dns, answer),
        hostname: &dns.name,
        query_type: match dns.query {
            Query::A => "A",
            Query::Aaaa => "AAAA",
        },
        rcode: answer.and_then(|answer| code(answer.rcode)),
        resolver_address: dns.server.as_deref().unwrap_or_default(),
        resolver_hostname: None,
        resolver_port: None,
        when: When { t, ..when },
    }
}

/// `system` is the resolver that this machine is set to use. The probe asks it itself rather than through the C library.
fn engine(resolver: ResolverClass) -> &'static str {
    match resolver {
        ResolverClass::System => "system",
        ResolverClass::Public => "udp",
        ResolverClass::Doh => "doh",
    }
}

/// Why a question led nowhere, by the first answer to it.
pub(super) fn failure_of(dns: &Dns) -> Option<&'static str> {
    failure_with(dns, dns_answers(dns).first())
}

fn failure_with(dns: &Dns, answer: Option<&Answer>) -> Option<&'static str> {
    match (answer, &dns.outcome) {
        (Some(answer), _) => failure_in(answer),
        (None, StepOutcome::Failed(why)) => Some(failure::text(*why)),
        (None, StepOutcome::Ok(_)) => Some(failure::NO_ANSWER),
    }
}

fn failure_in(answer: &Answer) -> Option<&'static str> {
    match answer.rcode {
        Rcode::NoError if answer.addresses.is_empty() => Some(failure::NO_ANSWER),
        Rcode::NoError if answer.addresses.iter().copied().any(is_bogon) => Some(failure::BOGON),
        Rcode::NoError => None,
        Rcode::NxDomain => Some(failure::NO_SUCH_NAME),
        Rcode::ServFail => Some(failure::SERVER_FAILURE),
        Rcode::Refused => Some(failure::QUERY_REFUSED),
        Rcode::Other => Some(failure::MISBEHAVING),
    }
}

/// RFC 1035, 4.1.1.
fn code(rcode: Rcode) -> Option<u8> {
    match rcode {
        Rcode::NoError => Some(0),
        Rcode::ServFail => Some(2),
        Rcode::NxDomain => Some(3),
        Rcode::Refused => Some(5),
        Rcode::Other => None,
    }
}

fn records(answer: &Answer) -> Vec<Record<'_>> {
    let aliases = answer.aliases.iter().map(|name| Record::Cname { hostname: name, ttl: None });
    let addresses = answer.addresses.iter().map(|address| match *address {
        IpAddr::V4(ipv4) => Record::A { ipv4, ttl: None },
        IpAddr::V6(ipv6) => Record::Aaaa { ipv6, ttl: None },
    });
    aliases.chain(addresses).collect()
}
