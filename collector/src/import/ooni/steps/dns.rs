//! Questions and answers (df-002).

use std::net::IpAddr;

use kedergi_wire::{Answer, Dns, Observation, Query, Rcode, ResolverClass, Step, StepOutcome, limits};
use serde_json::Value;

use super::super::failure::{failure, rcode};
use super::super::fields::{self, bounded, list, millis, text};
use super::{Way, depth, observation};

/// Questions about the hosts on the way, each with its first answer and those that came later.
pub(super) fn questions(keys: &Value, way: &Way<'_>) -> Vec<Observation> {
    let mut asked: Vec<Observation> = list(keys, "queries").flat_map(|json| question(json, way)).collect();
    // Later answers: signs of somebody who answers in the resolver's place.
    for late in list(keys, "x_dns_duplicate_responses").flat_map(|json| question(json, way)) {
        let Step::Dns(late) = late.step else { continue };
        let same = asked.iter_mut().find_map(|seen| match &mut seen.step {
            Step::Dns(dns) => (dns.name == late.name && dns.query == late.query && dns.resolver == late.resolver)
                .then_some(&mut dns.outcome),
            Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => None,
        });
        if let (Some(StepOutcome::Ok(answers)), StepOutcome::Ok(more)) = (same, late.outcome) {
            answers.extend(more);
            answers.truncate(limits::ANSWERS);
        }
    }
    asked
}

/// A question; two where both families were asked for at once.
fn question(json: &Value, way: &Way<'_>) -> Vec<Observation> {
    let Some(name) = text(json, "hostname").filter(|name| name.parse::<IpAddr>().is_err()) else { return Vec::new() };
    let Some(hop) = depth(json).or_else(|| way.hop_of(name)) else { return Vec::new() };
    let families: &[Query] = match text(json, "query_type") {
        Some("A") => &[Query::A],
        Some("AAAA") => &[Query::Aaaa],
        Some("ANY") if has_ipv6(json) => &[Query::A, Query::Aaaa],
        Some("ANY") => &[Query::A],
        Some(_) | None => &[],
    };
    let asked = families.iter().filter_map(|&query| {
        let outcome = outcome(json, query)?;
        let (resolver, name) = (resolver(json), bounded(&name.trim_end_matches('.').to_ascii_lowercase()));
        let server = text(json, "resolver_address").filter(|_| resolver != ResolverClass::System).map(bounded);
        Some(observation(json, hop, Step::Dns(Dns { resolver, server, name, query, outcome })))
    });
    asked.collect()
}

/// Old data name no engine: a resolver that they name is another than the line's.
fn resolver(json: &Value) -> ResolverClass {
    match text(json, "engine") {
        Some("doh") => ResolverClass::Doh,
        Some("udp" | "tcp" | "dot") => ResolverClass::Public,
        Some(_) => ResolverClass::System,
        None if text(json, "resolver_hostname").is_some() => ResolverClass::Public,
        None => ResolverClass::System,
    }
}

fn has_ipv6(json: &Value) -> bool {
    list(json, "answers").any(|record| text(record, "ipv6").is_some())
}

/// `None` where it says nothing that we have a word for.
fn outcome(json: &Value, query: Query) -> Option<StepOutcome<Vec<Answer>>> {
    let said = fields::failure(json);
    let code = said.map_or(Some(Rcode::NoError), rcode);
    let Some(rcode) = code else { return Some(StepOutcome::Failed(failure(said?)?)) };
    let of_family = |address: &IpAddr| address.is_ipv4() == (query == Query::A);
    let records = || list(json, "answers");
    let addresses = records().filter_map(|record| text(record, "ipv4").or_else(|| text(record, "ipv6"))?.parse().ok());
    let mut addresses: Vec<IpAddr> = addresses.filter(of_family).take(limits::ADDRESSES).collect();
    if said == Some("dns_bogon_error") && addresses.is_empty() {
        // Which one is not told: one that can be nobody's.
        addresses.push(IpAddr::from([0, 0, 0, 0]));
    }
    let aliases = records().filter(|record| text(record, "answer_type") == Some("CNAME"));
    let aliases = aliases.filter_map(|record| text(record, "hostname").map(bounded)).take(limits::ALIASES).collect();
    let after_ms = millis(json, "t").saturating_sub(millis(json, "t0"));
    Some(StepOutcome::Ok(vec![Answer { after_ms, rcode, addresses, aliases, ttl: None }]))
}
