//! Evidence as sentences.
//!
//! A sentence may name the site's addresses; it names nothing of the volunteer. Bogons are not written out either: a
//! private address may be the volunteer's own router.

use kedergi_wire::{ControlEntry, Failure, ResolverClass};

use crate::Evidence;

/// Rests on an observation of the report.
pub(crate) fn seen(index: usize, says: impl Into<String>) -> Evidence {
    Evidence { observation: u16::try_from(index).ok(), trial: None, says: says.into() }
}

/// Rests on a step of a trial.
pub(crate) fn tried(index: usize, says: impl Into<String>) -> Evidence {
    Evidence { observation: None, trial: u16::try_from(index).ok(), says: says.into() }
}

/// Rests on the control, or on the line as a whole.
pub(crate) fn known(says: impl Into<String>) -> Evidence {
    Evidence { observation: None, trial: None, says: says.into() }
}

/// The control got through.
pub(crate) fn control_reached(entry: &ControlEntry) -> Evidence {
    known(format!("The control probe, at a trusted place, got an answer from the site at {}.", moment(entry)))
}

/// When the control measured, for a reader: `9 May 2019, 05:32 UTC`.
pub(crate) fn moment(entry: &ControlEntry) -> String {
    entry.at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// Whom a question was put to, for the start of a sentence.
pub(crate) fn resolver(class: ResolverClass) -> &'static str {
    match class {
        ResolverClass::System => "The resolver this line uses",
        ResolverClass::Public => "A public resolver, asked without encryption,",
        ResolverClass::Doh => "A resolver asked over HTTPS",
    }
}

/// `1 address`, `2 addresses`.
pub(crate) fn addresses(count: usize) -> String {
    if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
}

/// What happened, to follow a colon.
pub(crate) fn failure(failure: Failure) -> &'static str {
    match failure {
        Failure::Timeout => "nothing came back",
        Failure::Refused => "the first packet was answered with a refusal",
        Failure::Reset => "the connection was reset",
        Failure::Closed => "the connection was closed",
        Failure::HostUnreachable => "a router said that the address cannot be reached",
        Failure::NetworkUnreachable => "there was no route to the address",
        Failure::NoSuchName => "the name was said not to exist",
        Failure::NoAddress => "the name was said to have no address",
        Failure::ServerFailure => "the resolver said that it failed",
        Failure::QueryRefused => "the resolver refused the question",
        Failure::TlsAlert => "a TLS alert came back",
        Failure::TlsProtocol => "what came back was not TLS",
        Failure::Certificate => "the certificate was not to be trusted",
        Failure::HttpProtocol => "what came back was not HTTP",
        Failure::DnsProtocol => "what came back was not DNS",
        Failure::TooManyRedirects => "there were too many redirects",
        Failure::ForbiddenAddress => "the address can be nobody's site, so it was not contacted",
        Failure::OwnMachine => "the probe's own machine refused",
    }
}
