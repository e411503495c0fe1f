//! Handshake: connected, and then the name is met with a reset, silence or somebody else's certificate.

use kedergi_wire::{ControlEntry, Failure, ResolverClass, Tls};

use crate::case::{Case, Seen};
use crate::dns::is_false_identity;
use crate::evidence::{control_reached, failure, known, moment, seen};
use crate::majority::majority;
use crate::{Evidence, TlsManner};

/// Handshakes with the target, if none of them went well.
fn bad_handshakes<'a>(case: &Case<'a>) -> Option<Vec<Seen<'a, Tls>>> {
    let tried: Vec<_> = case.tls().filter(|seen| case.counts(seen.what.address.ip())).collect();
    (!tried.iter().any(|seen| case.is_genuine(seen.what))).then_some(tried)
}

/// Fires where most handshakes failed in this manner and none finished.
pub(crate) fn failed(case: &Case<'_>, manner: TlsManner) -> Option<Vec<Evidence>> {
    let control = case.reached_control()?;
    let tried = bad_handshakes(case)?;
    let finished = tried.iter().any(|seen| seen.what.outcome.ok().is_some());
    let most = majority(tried.iter().map(|seen| manner_of(seen.what)));
    if finished || most != Some(manner) {
        return None;
    }
    let example = tried.iter().find(|seen| manner_of(seen.what) == Some(manner))?;
    let (address, what) = (example.what.address.ip(), failure(example.what.outcome.failure()?));
    let says =
        format!("{address} let itself be connected to; after the site's name was sent over that connection: {what}.");
    Some(vec![seen(example.index, says), control_reached(control)])
}

pub(crate) fn manner_of(tls: &Tls) -> Option<TlsManner> {
    use Failure as F;
    match tls.outcome.failure()? {
        F::Reset | F::Refused => Some(TlsManner::Reset),
        F::Timeout => Some(TlsManner::Timeout),
        F::Closed => Some(TlsManner::Closed),
        F::TlsAlert => Some(TlsManner::Alert),
        F::HostUnreachable | F::NetworkUnreachable | F::NoSuchName | F::NoAddress | F::ServerFailure => None,
        F::QueryRefused | F::TlsProtocol | F::Certificate | F::HttpProtocol | F::DnsProtocol => None,
        F::TooManyRedirects | F::ForbiddenAddress | F::OwnMachine => None,
    }
}

/// Somebody else's certificate, where the control saw a valid one.
pub(crate) fn intercepted(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let control = case.reached_control()?;
    let tls = false_certificate(case, control)?;
    let (address, issuer) = (tls.what.address.ip(), tls.what.chain.first().map_or("nobody", |leaf| &leaf.issuer));
    let who = if case.is_signed_here(tls.what) {
        "only a root that was added on this machine vouches for"
    } else {
        "no trusted root vouches for under this name"
    };
    let says = format!("{address} showed a certificate that {who}; its issuer calls itself {issuer:?}.");
    Some(vec![
        seen(tls.index, says),
        known(format!(
            "The control probe, at a trusted place, got a valid certificate from the site at {}.",
            moment(control)
        )),
    ])
}

/// The same, but the encrypted resolver's certificate was false as well: a log-in page, a virus scanner or a company takes
/// over every connection, and this target is none of its concern.
pub(crate) fn intercepts_everything(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let tls = false_certificate(case, case.reached_control()?)?;
    let mut doh = case.doh_of_all_hops().peekable();
    doh.peek()?;
    doh.all(|dns| dns.outcome.failure() == Some(Failure::Certificate)).then(|| {
        let resolver = case.asked(ResolverClass::Doh).next().map(|seen| seen.index);
        let says = "The resolver asked over HTTPS showed a false certificate too, so every connection of this line is taken over.";
        vec![
            seen(tls.index, "The certificate is not to be trusted."),
            Evidence { observation: resolver.and_then(|index| u16::try_from(index).ok()), ..known(says) },
        ]
    })
}

fn false_certificate<'a>(case: &Case<'a>, control: &ControlEntry) -> Option<Seen<'a, Tls>> {
    if !case.control_saw_valid() {
        return None;
    }
    let tried = bad_handshakes(case)?;
    let leaf = |tls: &Tls| tls.chain.first().map(|leaf| leaf.sha256);
    tried.into_iter().find(|seen| {
        let foreign = leaf(seen.what).is_none_or(|leaf| Some(leaf) != control.certificate);
        foreign && (seen.what.verification.is_some_and(is_false_identity) || case.is_signed_here(seen.what))
    })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Digest, Failure, Query, StepOutcome, Verification};

    use crate::example::*;

    fn judged(example: Example) -> String {
        rule(example, Some(&control(HTTPS)))
    }

    #[test]
    fn each_manner_has_its_rule() {
        let failed = |failure| judged(named(HTTPS).tls_fails(SITE, failure));
        assert_eq!(failed(Failure::Reset), "tls-reset");
        assert_eq!(failed(Failure::Timeout), "tls-timeout");
        assert_eq!(failed(Failure::Closed), "tls-closed");
        assert_eq!(failed(Failure::TlsAlert), "tls-alert");
        assert_eq!(failed(Failure::TlsProtocol), "ambiguous");
    }

    #[test]
    fn most_addresses_decide() {
        let example = named(HTTPS).tls_fails(SITE, Failure::Timeout).tls_fails(SITE2, Failure::Reset);
        assert_eq!(judged(example.tls_fails(SITE2, Failure::Reset)), "tls-reset");
    }

    #[test]
    fn a_certificate_under_anothers_root_is_an_interception() {
        let example = || named(HTTPS).tls(SITE, Verification::UnknownIssuer, "state").page(SITE, site_page());
        assert_eq!(judged(example()), "tls-intercepted");
        assert_eq!(rule(example(), None), "no-control");
        let verdict = crate::judge(&example().done(), Some(&control(HTTPS)));
        assert!(verdict.evidence[0].says.contains("Issuer of state"), "{verdict:?}");
    }

    #[test]
    fn who_intercepts_everything_does_not_aim_at_the_target() {
        let no_doh = |failure| {
            let asked = report(HTTPS).says(SYSTEM, &[SITE]).dns(DOH, Query::A, StepOutcome::Failed(failure));
            asked.tls(SITE, Verification::UnknownIssuer, "portal")
        };
        assert_eq!(judged(no_doh(Failure::Certificate)), "intercepts-everything");
        assert_eq!(judged(no_doh(Failure::Timeout)), "tls-intercepted");
    }

    #[test]
    fn a_flaw_the_control_saw_too_accuses_nobody() {
        let mut own = control(HTTPS);
        own.verification = Some(Verification::UnknownIssuer);
        own.certificate = Some(Digest::of(b"self-signed"));
        let example = named(HTTPS).tls(SITE, Verification::WrongName, "another");
        assert_eq!(rule(example, Some(&own)), "ambiguous");
    }
}
