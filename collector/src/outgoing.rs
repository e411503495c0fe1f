//! HTTP clients for what the collector itself asks of others.

use std::sync::Arc;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("TLS for outgoing requests cannot be set up: {0}")]
pub(crate) struct ClientError(#[from] rustls::Error);

/// A client that trusts the bundled roots: a container or a small machine may have none of its own.
pub(crate) fn client_builder() -> Result<reqwest::ClientBuilder, ClientError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let agent = concat!("kedergi-collector/", env!("CARGO_PKG_VERSION"));
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).user_agent(agent))
}
