//! Where a request came from. The address lives as long as it takes to look it up.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::serve::IncomingStream;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

use crate::app::App;
use crate::asn::Origin;
use crate::config::Proxy;
use crate::tls::TlsListener;

const FORWARDED: &str = "x-forwarded-for";

/// The other end of the connection. It cannot be printed.
#[derive(Clone, Copy)]
pub(crate) struct Peer(IpAddr);

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::from(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self::from(*stream.remote_addr())
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self(address.ip().to_canonical())
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, StatusCode> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let address = client(peer.0.0, &parts.headers, &app.config().trusted_proxies);
        let origin = |address| Origin {
            neighbourhood: Some(app.neighbourhoods().of(address, app.now())),
            ..app.networks().origin(address)
        };
        Ok(address.map(origin).unwrap_or_default())
    }
}

/// Whose request it is: the peer's, or if the peer is a trusted proxy that of the last hop which is none. `None` if a
/// trusted proxy does not say, or not in a form that can be read: then nobody knows, and the proxy's own network would
/// be a wrong answer.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Proxy]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| proxy.contains(address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let lines = headers.get_all(FORWARDED).iter().rev();
    for line in lines {
        for hop in line.to_str().ok()?.rsplit(',') {
            let address = parse(hop.trim())?;
            if !is_trusted(address) {
                return Some(address);
            }
        }
    }
    None
}

/// An address, with or without a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    bare.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn seen(peer: &str, lines: &[&'static str], trusted: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, HeaderValue::from_static(line));
        }
        let trusted: Vec<_> = trusted.iter().map(|text| Proxy::try_from((*text).to_owned()).unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"], &[]).unwrap(), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"], &["192.0.2.2"]).unwrap(), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"], &["192.0.2.1"]).unwrap(), "198.51.100.7");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(seen("127.0.0.1", &["6.6.6.6, 198.51.100.7, 10.0.0.3"], &trusted).unwrap(), "198.51.100.7");
        assert_eq!(seen("127.0.0.1", &["6.6.6.6", "198.51.100.7:4711"], &trusted).unwrap(), "198.51.100.7");
        assert_eq!(seen("127.0.0.1", &["[2001:db8::1]:443"], &trusted).unwrap(), "2001:db8::1");
    }

    #[test]
    fn a_silent_proxy_leaves_the_origin_unknown() {
        assert_eq!(seen("127.0.0.1", &[], &["127.0.0.1"]), None);
        assert_eq!(seen("127.0.0.1", &["198.51.100.7, unknown"], &["127.0.0.1"]), None);
    }
}
