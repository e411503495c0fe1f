//! Connecting: no address of the target lets itself be connected to, while the control got through.

use kedergi_wire::{Failure, Tcp};

use crate::case::{Case, Seen};
use crate::evidence::{addresses, control_reached, failure, seen};
use crate::majority::majority;
use crate::{Evidence, TcpManner};

/// Fires where most failed IPv4 attempts failed in this manner. IPv6 failing alone is a broken home, never a block.
pub(crate) fn failed(case: &Case<'_>, manner: TcpManner) -> Option<Vec<Evidence>> {
    let control = case.reached_control()?;
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

/// The IPv4 attempts, if the target was tried and nothing of it connected.
fn failed_attempts<'a>(case: &Case<'a>) -> Option<Vec<Seen<'a, Tcp>>> {
    let tried: Vec<_> = case.tcp().filter(|seen| case.counts(seen.what.address.ip())).collect();
    let connected = tried.iter().any(|seen| seen.what.outcome.ok().is_some());
    (!connected).then(|| tried.into_iter().filter(|seen| seen.what.address.ip().to_canonical().is_ipv4()).collect())
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
