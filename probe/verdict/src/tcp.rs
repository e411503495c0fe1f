//! Connecting: no address of the target lets itself be connected to, while the control got through.

use std::net::IpAddr;

use kedergi_wire::{ControlEntry, Failure, Tcp};

use crate::case::{Case, Seen};
use crate::evidence::{addresses, control_reached, failure, seen};
use crate::majority::majority;
use crate::{Evidence, TcpManner};

/// Fires where most failed IPv4 attempts failed in this manner. IPv6 failing alone is a broken home, never a block.
pub(crate) fn failed(case: &Case<'_>, manner: TcpManner) -> Option<Vec<Evidence>> {
    let control = case.reached_control().filter(|control| connected_over_ipv4(case, control))?;
    let attempts = failed_attempts(case)?;
    let seen_manner = majority(attempts.iter().map(|seen| manner_of(seen.what)))?;
    let example = attempts.iter().find(|seen| manner_of(seen.what) == Some(manner))?;
    (seen_manner == manner).then(|| {
        let what = failure(example.what.outcome.failure()?);
        let (address, count) = (example.what.address.ip(), addresses(attempts.len()));
        let says =
            format!("Connecting to {address} failed: {what}. {count} of the site tried over IPv4, none connected.");
        Some(vec![seen(example.index, says), control_reached(control)])
    })?
}

/// Whether the control connected over IPv4 too: a site that only its IPv6 addresses still serve is nobody's doing. What the
/// control did beyond a redirect is not known.
fn connected_over_ipv4(case: &Case<'_>, control: &ControlEntry) -> bool {
    let is_ipv4 = |address: &IpAddr| address.to_canonical().is_ipv4();
    case.hop() > 0 || control.connected.is_empty() || control.connected.iter().any(is_ipv4)
}

/// The IPv4 attempts, if the target was tried and nothing of it connected. What came later on a connection proves it too.
fn failed_attempts<'a>(case: &Case<'a>) -> Option<Vec<Seen<'a, Tcp>>> {
    let tried: Vec<_> = case.tcp().filter(|seen| case.counts(seen.what.address.ip())).collect();
    let connected = tried.iter().any(|seen| seen.what.outcome.ok().is_some())
        || case.tls().next().is_some()
        || case.http().next().is_some();
    let is_ipv4 = |seen: &Seen<'_, Tcp>| seen.what.address.ip().to_canonical().is_ipv4();
    (!connected).then(|| tried.into_iter().filter(is_ipv4).collect())
}

fn manner_of(tcp: &Tcp) -> Option<TcpManner> {
    use Failure as F;
    match tcp.outcome.failure()? {
        F::Timeout => Some(TcpManner::Timeout),
        F::Refused => Some(TcpManner::Refused),
        F::Reset => Some(TcpManner::Reset),
        F::HostUnreachable | F::NetworkUnreachable => Some(TcpManner::Unreachable),
        F::Closed | F::NoSuchName | F::NoAddress | F::ServerFailure | F::QueryRefused | F::TlsAlert => None,
        F::TlsProtocol | F::Certificate | F::HttpProtocol | F::DnsProtocol | F::TooManyRedirects => None,
        F::ForbiddenAddress | F::OwnMachine => None,
    }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{ControlEntry, Failure};

    use crate::example::*;

    fn judged(example: Example) -> String {
        rule(example, Some(&control(HTTPS)))
    }

    #[test]
    fn each_manner_has_its_rule() {
        let failed = |failure| judged(named(HTTPS).tcp(SITE, Some(failure)));
        assert_eq!(failed(Failure::Timeout), "tcp-timeout");
        assert_eq!(failed(Failure::Refused), "tcp-refused");
        assert_eq!(failed(Failure::Reset), "tcp-reset");
        assert_eq!(failed(Failure::HostUnreachable), "tcp-unreachable");
        assert_eq!(failed(Failure::ForbiddenAddress), "ambiguous");
    }

    #[test]
    fn broken_ipv6_is_never_a_block() {
        let six = report(HTTPS).says(SYSTEM, &["2a00::1"]).says(DOH, &["2a00::1"]);
        assert_eq!(judged(six.tcp("2a00::1", Some(Failure::NetworkUnreachable))), "ambiguous");
        let both = report(HTTPS).says(SYSTEM, &[SITE, "2a00::1", "2a00::2"]).says(DOH, &[SITE]);
        let both = both.tcp(SITE, Some(Failure::Refused)).tcp("2a00::1", Some(Failure::Timeout));
        assert_eq!(judged(both.tcp("2a00::2", Some(Failure::Timeout))), "tcp-refused");
    }

    #[test]
    fn ipv4_that_failed_for_the_control_too_is_no_block() {
        let example =
            || named(HTTPS).tcp(SITE, Some(Failure::Timeout)).tcp("2a00::1", Some(Failure::NetworkUnreachable));
        let over = |addresses: &[&str]| ControlEntry {
            connected: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            ..control(HTTPS)
        };
        assert_eq!(rule(example(), Some(&over(&["2a00::1"]))), "ambiguous");
        assert_eq!(rule(example(), Some(&over(&["2a00::1", SITE2]))), "tcp-timeout");
        assert_eq!(rule(example(), Some(&over(&[]))), "tcp-timeout");
    }

    #[test]
    fn addresses_nobody_named_do_not_count() {
        let stray = named(HTTPS).tcp(OTHER, Some(Failure::Timeout));
        assert_eq!(judged(stray), "ambiguous");
    }

    #[test]
    fn without_a_control_nobody_is_accused() {
        assert_eq!(rule(named(HTTPS).tcp(SITE, Some(Failure::Reset)), None), "no-control");
    }
}
