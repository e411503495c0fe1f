//! What a target looks like to those who reach it. Made up, but always the same for the same target.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use kedergi_wire::{Body, Certificate, Digest, Page, ServiceId, TargetUrl};

/// Who answers in the place of a blocked site.
pub(crate) const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(45, 81, 0, 1));

/// One target.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) url: TargetUrl,
    pub(crate) service: ServiceId,
    pub(crate) addresses: [IpAddr; 2],
    /// Over IPv6. Only lines that have IPv6 ask for it.
    pub(crate) ipv6: IpAddr,
    pub(crate) certificate: Certificate,
    pub(crate) page: Page,
}

impl Site {
    pub(crate) fn new(url: &TargetUrl, service: &ServiceId) -> Self {
        let host = url.host();
        let digest = Digest::of(host.as_bytes()).0;
        // Addresses that look like anybody's: reserved ones would be judged as no site's.
        let address = |last| IpAddr::V4(Ipv4Addr::new(45, 80, digest[0], (digest[1] & 0x7c) | last));
        let size = 30_000 + 400 * u64::from(digest[2]);
        Self {
            url: url.clone(),
            service: service.clone(),
            addresses: [address(1), address(2)],
            ipv6: Ipv6Addr::new(0x2a0f, 0x8000, digest[0].into(), digest[1].into(), 0, 0, 0, 1).into(),
            certificate: certificate(host, "A certification authority"),
            page: page(host, size),
        }
    }

    pub(crate) fn sockets(&self) -> [SocketAddr; 2] {
        self.addresses.map(|address| SocketAddr::new(address, self.url.port()))
    }
}

pub(crate) fn certificate(host: &str, issuer: &str) -> Certificate {
    let sha256 = Digest::of(format!("{host} by {issuer}").as_bytes());
    Certificate { sha256, subject: format!("CN={host}"), issuer: format!("CN={issuer}"), der: None }
}

pub(crate) fn page(title: &str, bytes: u64) -> Page {
    let body = Body { bytes, truncated: false, sha256: Digest::of(title.as_bytes()), kept: None };
    Page { status: 200, location: None, server: None, title: Some(title.to_owned()), offers_h3: false, body }
}
