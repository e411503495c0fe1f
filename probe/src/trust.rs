//! Whom TLS trusts: the bundled Mozilla roots, and those the volunteer adds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// Roots that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read, or is not PEM.
    #[error("cannot read the roots in {} (key extra_roots): {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: PemError,
    },
    /// A certificate in it is no root.
    #[error("{} (key extra_roots) holds a certificate that cannot be a root: {source}", path.display())]
    NotARoot {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// The file has no certificate.
    #[error("{} (key extra_roots) holds no certificate in PEM form", .0.display())]
    Empty(PathBuf),
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The bundled roots and those in `extra` (PEM).
pub fn roots(extra: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let Some(path) = extra else { return Ok(store) };
    let unreadable = |source| TrustError::Read { path: path.to_owned(), source };
    let bundled = store.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        store.add(certificate).map_err(|source| TrustError::NotARoot { path: path.to_owned(), source })?;
    }
    if store.len() == bundled {
        return Err(TrustError::Empty(path.to_owned()));
    }
    Ok(store)
}

/// A TLS client that believes `roots` and nobody else: for collectors and DoH resolvers, never for targets.
pub fn verifying_client(roots: RootCertStore) -> Result<ClientConfig, TrustError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Setup(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The crypto library of everything but two kinds of measured ClientHello.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn extra_roots_come_on_top() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roots.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let root = rcgen::CertificateParams::new(vec!["root.example".into()]).unwrap().self_signed(&key).unwrap();
        fs::write(&path, root.pem()).unwrap();
        assert_eq!(roots(Some(&path)).unwrap().len(), roots(None).unwrap().len() + 1);
    }

    #[test]
    fn files_without_a_root_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roots.pem");
        fs::write(&path, "nothing").unwrap();
        assert!(matches!(roots(Some(&path)), Err(TrustError::Empty(_))));
        let error = roots(Some(&dir.path().join("none.pem"))).unwrap_err();
        assert!(error.to_string().contains("none.pem (key extra_roots)"));
    }
}
