//! Kinds of ClientHello. Those beside the ordinary one take a second crypto library: the feature `pq`.

use std::sync::Arc;

use kedergi_wire::Hello;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;

use crate::trust::{TrustError, provider};

/// What handshakes of every kind begin with.
pub(super) struct Hellos {
    pub(super) plain: ClientConfig,
    #[cfg(feature = "pq")]
    post_quantum: ClientConfig,
    #[cfg(feature = "pq")]
    grease: ClientConfig,
}

impl Hellos {
    pub(super) fn new(verifier: &Arc<dyn ServerCertVerifier>) -> Result<Self, TrustError> {
        let plain = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        Ok(Self {
            plain: finished(plain, verifier)?,
            #[cfg(feature = "pq")]
            post_quantum: finished(altered::post_quantum(), verifier)?,
            #[cfg(feature = "pq")]
            grease: finished(altered::grease(), verifier)?,
        })
    }

    /// What a handshake with this kind of ClientHello is made with; `None` where this program cannot send it.
    pub(super) fn of(&self, kind: Hello) -> Option<&ClientConfig> {
        match kind {
            Hello::Plain => Some(&self.plain),
            #[cfg(feature = "pq")]
            Hello::PostQuantum => Some(&self.post_quantum),
            #[cfg(feature = "pq")]
            Hello::GreaseEch => Some(&self.grease),
            #[cfg(not(feature = "pq"))]
            Hello::PostQuantum | Hello::GreaseEch => None,
        }
    }
}

type Begun = Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error>;

fn finished(begun: Begun, verifier: &Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, TrustError> {
    let begun = begun.map_err(|error| TrustError::Setup(error.to_string()))?;
    let trusting = begun.dangerous().with_custom_certificate_verifier(Arc::clone(verifier));
    let mut config = trusting.with_no_client_auth();
    // A resumed session shows no certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(feature = "pq")]
mod altered {
    use std::sync::Arc;

    use rustls::ClientConfig;
    use rustls::client::{EchGreaseConfig, EchMode};
    use rustls::crypto::aws_lc_rs::{self, hpke::DH_KEM_X25519_HKDF_SHA256_AES_128, kx_group};
    use rustls::crypto::{CryptoProvider, hpke::Hpke};

    use super::Begun;

    /// As a browser of today: the hybrid key share first, and an ordinary one beside it.
    pub(super) fn post_quantum() -> Begun {
        let kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1];
        let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
        ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()
    }

    /// The ordinary key share, and an encrypted hello under a key that is nobody's.
    pub(super) fn grease() -> Begun {
        let kx_groups = vec![kx_group::X25519, kx_group::SECP256R1];
        let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
        let suite = DH_KEM_X25519_HKDF_SHA256_AES_128;
        let (nobodys, _) = suite.generate_key_pair()?;
        let mode = EchMode::Grease(EchGreaseConfig::new(suite, nobodys));
        ClientConfig::builder_with_provider(Arc::new(provider)).with_ech(mode)
    }
}
