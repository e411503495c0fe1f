//! What the roots say of a chain, and whether only one that was added on this machine says it.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use kedergi_wire::{Digest, Verification};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use webpki_roots::TLS_SERVER_ROOTS;

use crate::trust::{TrustError, provider};

/// The roots, bundled and added.
#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) all: Arc<WebPkiServerVerifier>,
    bundled: Arc<WebPkiServerVerifier>,
    /// Each by itself, with the digest of its key.
    extra: Vec<(Digest, Arc<WebPkiServerVerifier>)>,
}

impl Roots {
    pub(crate) fn new(roots: RootCertStore) -> Result<Self, TrustError> {
        let added = roots.roots.iter().filter(|root| !TLS_SERVER_ROOTS.contains(root));
        let alone = |root: &TrustAnchor<'static>| {
            Ok((Digest::of(&root.subject_public_key_info), verifier(RootCertStore { roots: vec![root.clone()] })?))
        };
        let extra = added.map(alone).collect::<Result<_, TrustError>>()?;
        let bundled = verifier(RootCertStore { roots: TLS_SERVER_ROOTS.to_vec() })?;
        Ok(Self { all: verifier(roots)?, bundled, extra })
    }

    /// What the roots say of a chain, and which of the added ones does so alone.
    pub(crate) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> (Verification, Option<Digest>) {
        let Some((leaf, rest)) = chain.split_first() else { return (Verification::Malformed, None) };
        let verdict = self.verify(leaf, rest, name, now);
        let vouches = |by: &WebPkiServerVerifier| by.verify_server_cert(leaf, rest, name, &[], now).is_ok();
        let extra = || self.extra.iter().find(|(_, root)| vouches(root)).map(|(digest, _)| *digest);
        let alone = (verdict == Verification::Valid).then(extra).flatten();
        (verdict, alone.filter(|_| !vouches(&self.bundled)))
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Verification {
        let at = |when| self.all.verify_server_cert(leaf, rest, name, &[], when).err();
        let verdict = at(now).map_or(Verification::Valid, |error| verification(&error));
        // Dates are looked at first. A forged certificate that is also out of date is forged in the first place.
        if !matches!(verdict, Verification::Expired | Verification::NotYetValid) {
            return verdict;
        }
        let in_time = within_dates(leaf).and_then(at).map(|error| verification(&error));
        in_time
            .filter(|worse| matches!(worse, Verification::UnknownIssuer | Verification::Malformed))
            .unwrap_or(verdict)
    }
}

fn verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
    let setup = |error: &dyn Display| TrustError::Setup(error.to_string());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(|error| setup(&error))
}

/// A moment at which the certificate's own dates hold.
fn within_dates(leaf: &[u8]) -> Option<UnixTime> {
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf).ok()?;
    let start = u64::try_from(certificate.validity().not_before.timestamp()).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(start)))
}

fn verification(error: &Error) -> Verification {
    use CertificateError as C;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "both enums are open; the verdict tells these apart and no others"
    )]
    match error {
        Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => Verification::Expired,
        Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => Verification::NotYetValid,
        Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => Verification::WrongName,
        Error::InvalidCertificate(C::UnknownIssuer) => Verification::UnknownIssuer,
        _ => Verification::Malformed,
    }
}
