//! Names to addresses: whom to ask, and which of the named addresses to try.

use std::net::{IpAddr, SocketAddr};

use futures_util::future::join_all;
use kedergi_wire::{Altered, Answers, Dns, Observation, Query, Rcode, ResolverClass, Step, StepOutcome, Trial};
use tokio::time::Instant;

use super::cut::text;
use super::watch::Watch;
use super::{Measurer, dns, doh};

/// Addresses tried per family.
const PER_FAMILY: usize = 2;
/// Public and DoH resolvers asked at most of each: the observations of a report are bounded.
pub(crate) const RESOLVERS: usize = 4;
const BOTH: [Query; 2] = [Query::A, Query::Aaaa];

/// Where a name leads, by whom one asks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// By the system's resolver, from its first answer: what an ordinary program would use.
    pub(crate) system: Vec<IpAddr>,
    /// By the resolvers over HTTPS, then by the public ones.
    pub(crate) control: Vec<IpAddr>,
}

impl Named {
    /// An address that needs no resolver.
    pub(crate) fn literal(ip: IpAddr) -> Self {
        Self { system: vec![ip], control: vec![ip] }
    }

    /// Addresses that others than the system's resolver name, but for those never contacted.
    pub(crate) fn others(&self, forbidden: fn(IpAddr) -> bool) -> Vec<IpAddr> {
        self.control.iter().filter(|ip| !forbidden(**ip)).copied().collect()
    }

    /// Addresses to try: of each family the system's first, and beside it one that only the others name, or else the
    /// system's second.
    pub(crate) fn choose(&self, forbidden: fn(IpAddr) -> bool) -> Vec<IpAddr> {
        let best = |v4| self.of_family(v4, forbidden).into_iter().take(PER_FAMILY);
        best(true).chain(best(false)).collect()
    }

    /// What is left to try when none of the chosen addresses connects.
    pub(crate) fn spare(&self, forbidden: fn(IpAddr) -> bool, chosen: &[IpAddr]) -> Vec<IpAddr> {
        let left = |v4| self.of_family(v4, forbidden).into_iter().filter(|ip| !chosen.contains(ip)).take(PER_FAMILY);
        left(true).chain(left(false)).collect()
    }

    /// The addresses of one family that may be contacted, the best to try first.
    fn of_family(&self, v4: bool, forbidden: fn(IpAddr) -> bool) -> Vec<IpAddr> {
        let fits = |ip: &&IpAddr| ip.is_ipv4() == v4 && !forbidden(**ip);
        let system: Vec<IpAddr> = unique(self.system.iter().filter(fits));
        let others: Vec<IpAddr> =
            unique(self.control.iter().filter(fits)).into_iter().filter(|ip| !system.contains(ip)).collect();
        let first = system.iter().take(1);
        first.chain(&others).chain(system.iter().skip(1)).copied().collect()
    }
}

fn unique<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> Vec<IpAddr> {
    let mut list = Vec::new();
    addresses.for_each(|ip| {
        if !list.contains(ip) {
            list.push(*ip);
        }
    });
    list
}

/// Asks everybody for `name` at the same time.
pub(crate) async fn ask_all(tools: &Measurer, system: &[SocketAddr], watch: &Watch, name: &str) -> Vec<Observation> {
    let public = tools.public.iter().take(RESOLVERS).flat_map(|server| BOTH.map(|query| (*server, query)));
    let public = join_all(public.map(|(server, query)| ask_public(watch, server, name, query)));
    let doh =
        join_all(tools.doh.iter().take(RESOLVERS).map(|resolver| ask_doh(tools, watch, 0, resolver, name, &BOTH)));
    let (system, public, doh) = tokio::join!(ask_system(system, watch, 0, name), public, doh);
    [system, public, doh.concat()].concat()
}

/// How often the system's resolvers are asked where none says what the name's addresses are. Of five packets in a hundred lost,
/// three questions about both kinds of address are all lost once in a million names.
const TRIES: usize = 3;

/// Asks the system's resolver for both kinds of address, and its second where the first is silent or fails; then both again.
pub(crate) async fn ask_system(system: &[SocketAddr], watch: &Watch, hop: u8, name: &str) -> Vec<Observation> {
    let asked = BOTH.map(|query| async move {
        let mut seen = Vec::new();
        for server in std::iter::repeat_n(system, TRIES).flatten() {
            let started = Instant::now();
            let outcome = dns::ask(*server, name, query).await;
            let settled = is_settled(&outcome);
            seen.push(watch.observation(started, hop, step(ResolverClass::System, None, name, query, outcome)));
            if settled {
                break;
            }
        }
        seen
    });
    join_all(asked).await.concat()
}

/// Whether a resolver said what it knows. A failure of its own may pass like silence.
pub(crate) fn is_settled(outcome: &StepOutcome<Answers>) -> bool {
    let first = outcome.ok().and_then(|answers| answers.first());
    first.is_some_and(|answer| matches!(answer.rcode, Rcode::NoError | Rcode::NxDomain))
}

async fn ask_public(watch: &Watch, server: SocketAddr, name: &str, query: Query) -> Observation {
    let started = Instant::now();
    let outcome = dns::ask(server, name, query).await;
    watch.observation(started, 0, step(ResolverClass::Public, Some(server.to_string()), name, query, outcome))
}

/// Whether the system's resolver named no address that one over HTTPS names: mostly that of another machine of a large site, now
/// and then a lie.
pub(crate) fn is_doubtful(asked: &[Observation]) -> bool {
    let by = |class| asked.iter().flat_map(move |seen| addresses(seen, class));
    let named = |ip: &IpAddr| by(ResolverClass::System).any(|other| other == ip);
    by(ResolverClass::Doh).next().is_some() && !by(ResolverClass::Doh).any(named)
}

/// Puts the question to a machine that runs no resolver: whoever answers is somebody else.
pub(crate) async fn ask_nobody(watch: &Watch, machine: IpAddr, name: &str) -> Trial {
    let seen = ask_public(watch, SocketAddr::new(machine, 53), name, Query::A).await;
    Trial { altered: Altered::NoResolver, seen }
}

/// Puts `queries` to one resolver over HTTPS.
pub(crate) async fn ask_doh(
    tools: &Measurer,
    watch: &Watch,
    hop: u8,
    resolver: &crate::DohResolver,
    name: &str,
    queries: &[Query],
) -> Vec<Observation> {
    let started = Instant::now();
    let outcomes = doh::ask(&tools.doh_tls, resolver, name, queries).await;
    let step = |(query, outcome)| {
        let server = Some(text(resolver.url.as_str()));
        watch.observation(started, hop, step(ResolverClass::Doh, server, name, query, outcome))
    };
    queries.iter().copied().zip(outcomes).map(step).collect()
}

fn step(
    resolver: ResolverClass,
    server: Option<String>,
    name: &str,
    query: Query,
    outcome: StepOutcome<Answers>,
) -> Step {
    Step::Dns(Dns { resolver, server, name: text(name), query, outcome })
}

/// What the answers come to.
pub(crate) fn named(observations: &[Observation]) -> Named {
    let by = |class| observations.iter().flat_map(move |seen| addresses(seen, class));
    let control = by(ResolverClass::Doh).chain(by(ResolverClass::Public));
    Named { system: unique(by(ResolverClass::System)), control: unique(control) }
}

/// The addresses in the first answer, if the question was put to a resolver of that class.
fn addresses(seen: &Observation, class: ResolverClass) -> &[IpAddr] {
    let Step::Dns(dns) = &seen.step else { return &[] };
    let first = dns.outcome.ok().and_then(|answers| answers.first());
    let usable = first.filter(|answer| dns.resolver == class && answer.rcode == Rcode::NoError);
    usable.map_or(&[], |answer| &answer.addresses)
}

#[cfg(test)]
mod tests {
    use kedergi_verdict::is_bogon;
    use kedergi_wire::Answer;
    use proptest::prelude::*;

    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn chosen(system: &[&str], control: &[&str]) -> Vec<IpAddr> {
        Named { system: ips(system), control: ips(control) }.choose(is_bogon)
    }

    #[test]
    fn a_doubt_is_that_nobody_agrees_with_the_resolver() {
        let said = |class, ip: &str| {
            let answer =
                Answer { after_ms: 1, rcode: Rcode::NoError, addresses: ips(&[ip]), aliases: vec![], ttl: None };
            let step = step(class, None, "a.example", Query::A, StepOutcome::Ok(vec![answer]));
            Observation { after_ms: 0, took_ms: 1, hop: 0, step }
        };
        let doubtful = |system, doh| is_doubtful(&[said(ResolverClass::System, system), said(ResolverClass::Doh, doh)]);
        assert!(doubtful("45.80.0.9", "45.80.0.1") && !doubtful("45.80.0.1", "45.80.0.1"));
        assert!(!is_doubtful(&[said(ResolverClass::System, "45.80.0.9"), said(ResolverClass::Public, "45.80.0.1")]));
        assert!(is_doubtful(&[said(ResolverClass::Doh, "45.80.0.9")]));
    }

    #[test]
    fn agreement_gives_the_systems_first_two() {
        let list = ["45.80.0.1", "45.80.0.2", "45.80.0.3"];
        assert_eq!(chosen(&list, &list), ips(&["45.80.0.1", "45.80.0.2"]));
    }

    #[test]
    fn a_disagreement_is_tried_on_both_sides() {
        assert_eq!(chosen(&["45.80.0.9", "45.80.0.8"], &["45.80.0.1"]), ips(&["45.80.0.9", "45.80.0.1"]));
    }

    #[test]
    fn what_is_never_contacted_is_left_out() {
        assert_eq!(chosen(&["10.0.0.1", "127.0.0.1"], &["45.80.0.1"]), ips(&["45.80.0.1"]));
        assert_eq!(chosen(&["0.0.0.0"], &[]), ips(&[]));
    }

    #[test]
    fn what_was_not_chosen_is_kept_in_reserve() {
        let list = ["45.80.0.1", "45.80.0.2", "45.80.0.3", "45.80.0.4", "45.80.0.5", "2a00:1450::1", "10.0.0.1"];
        let named = Named { system: ips(&list), control: ips(&list[..1]) };
        let chosen = named.choose(is_bogon);
        assert_eq!(named.spare(is_bogon, &chosen), ips(&["45.80.0.3", "45.80.0.4"]));
    }

    #[test]
    fn both_families_count_apart() {
        let system = ["45.80.0.1", "2a00:1450::1", "45.80.0.2", "2a00:1450::2", "45.80.0.3"];
        assert_eq!(chosen(&system, &[]), ips(&["45.80.0.1", "45.80.0.2", "2a00:1450::1", "2a00:1450::2"]));
    }

    proptest! {
        #[test]
        fn the_choice_is_bounded_named_and_allowed(
            system in proptest::collection::vec(any::<IpAddr>(), 0..6),
            control in proptest::collection::vec(any::<IpAddr>(), 0..6),
        ) {
            let named = Named { system, control };
            let chosen = named.choose(is_bogon);
            prop_assert!(chosen.len() <= 2 * PER_FAMILY);
            prop_assert!(chosen.iter().all(|ip| !is_bogon(*ip)));
            prop_assert!(chosen.iter().all(|ip| named.system.contains(ip) || named.control.contains(ip)));
        }
    }
}
