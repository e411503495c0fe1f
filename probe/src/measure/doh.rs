//! Questions to one resolver over HTTPS: the answers that a censor on the path cannot forge, only prevent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use hickory_net::NetError;
use hickory_net::h2::HttpsClientStream;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::DnsRequestSender;
use hickory_proto::op::{DnsRequest, DnsRequestOptions};
use kedergi_wire::{Answer, Answers, Failure, Query, StepOutcome};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::{dns, failure};
use crate::DohResolver;

/// A connection, a handshake and a request: three round trips more than over UDP.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Puts `queries` about `name` to `resolver`, all on one connection, and returns their outcomes in the same order.
pub(crate) async fn ask(
    tls: &Arc<ClientConfig>,
    resolver: &DohResolver,
    name: &str,
    queries: &[Query],
) -> Vec<StepOutcome<Answers>> {
    let asked = Instant::now();
    let until = asked + TIMEOUT;
    let connected = timeout_at(until, connect(tls, resolver)).await.unwrap_or(Err(NetError::Timeout));
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => return vec![StepOutcome::Failed(failure::of_doh(&error)); queries.len()],
    };
    join_all(queries.iter().map(|query| async {
        let exchange = timeout_at(until, exchange(stream.clone(), name, *query, asked)).await;
        exchange
            .unwrap_or(Err(Failure::Timeout))
            .map_or_else(StepOutcome::Failed, |answer| StepOutcome::Ok(vec![answer]))
    }))
    .await
}

async fn exchange(mut stream: HttpsClientStream, name: &str, query: Query, asked: Instant) -> Result<Answer, Failure> {
    let question = dns::question(name, query).ok_or(Failure::OwnMachine)?;
    let request = DnsRequest::new(question.clone(), DnsRequestOptions::default());
    let reply = stream.send_message(request).next().await.ok_or(Failure::Closed)?;
    let reply = reply.map_err(|error| failure::of_doh(&error))?;
    dns::read_answer(&reply, &question, asked).ok_or(Failure::DnsProtocol)
}

async fn connect(tls: &Arc<ClientConfig>, resolver: &DohResolver) -> Result<HttpsClientStream, NetError> {
    let host = resolver.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let provider = TokioRuntimeProvider::new();
    let builder = HttpsClientStream::builder(Arc::clone(tls), provider);
    builder.build(resolver.bootstrap, host.into(), resolver.url.path().into()).await
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::loopback::{self, Authority, Dates, Identity};
    use super::*;
    use crate::verifying_client;

    const BOTH: [Query; 2] = [Query::A, Query::Aaaa];
    const ADDRESSES: &[IpAddr] = &[IpAddr::V4(std::net::Ipv4Addr::new(45, 80, 0, 1))];

    async fn asked(authority: &Authority, identity: Identity, status: u16) -> Vec<StepOutcome<Answers>> {
        let bootstrap = loopback::doh(identity, status, ADDRESSES).await;
        let resolver = DohResolver { url: "https://dns.example/dns-query".parse().unwrap(), bootstrap };
        let tls = Arc::new(verifying_client(authority.roots()).unwrap());
        ask(&tls, &resolver, "site.example", &BOTH).await
    }

    #[tokio::test]
    async fn both_kinds_on_one_connection() {
        let authority = Authority::new();
        let outcomes = asked(&authority, authority.issue("dns.example", Dates::Now), 200).await;
        assert_eq!(outcomes[0].ok().unwrap()[0].addresses, ADDRESSES);
        assert_eq!(outcomes[1].ok().unwrap()[0].addresses, [] as [IpAddr; 0]);
    }

    #[tokio::test]
    async fn a_resolver_without_a_valid_certificate_is_not_asked() {
        let authority = Authority::new();
        let outcomes = asked(&authority, authority.issue("other.example", Dates::Now), 200).await;
        assert_eq!(outcomes, vec![StepOutcome::Failed(Failure::Certificate); 2]);
    }

    #[tokio::test]
    async fn a_refusal_is_no_answer() {
        let authority = Authority::new();
        let outcomes = asked(&authority, authority.issue("dns.example", Dates::Now), 403).await;
        assert_eq!(outcomes[0], StepOutcome::Failed(Failure::HttpProtocol));
    }

    #[tokio::test]
    async fn failures_of_the_connection_are_told_apart() {
        let reset = loopback::server(|stream| async { loopback::reset(stream) }).await;
        let tls = Arc::new(verifying_client(Authority::new().roots()).unwrap());
        let resolver = DohResolver { url: "https://dns.example/dns-query".parse().unwrap(), bootstrap: reset };
        assert_eq!(ask(&tls, &resolver, "a.example", &[Query::A]).await, [StepOutcome::Failed(Failure::Reset)]);
    }
}
