//! A client for what the tests ask of a collector over plain HTTP.

use std::time::Duration;

/// A client that goes through no proxy and trusts no root: the tests speak plain HTTP.
pub(crate) fn client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).timeout(Duration::from_secs(10));
    client.build().unwrap()
}
