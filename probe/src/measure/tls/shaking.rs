//! A handshake under way: it may be waited for more than once.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use kedergi_wire::{Failure, Hello, StepOutcome, Tls};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::counted::Counted;
use super::{Notes, Secured, Seen, session};
use crate::measure::cut::text;
use crate::measure::failure;

/// A handshake that was begun. It goes on only while it is waited for.
pub(crate) struct Shaking {
    address: SocketAddr,
    server_name: Option<String>,
    hello: Hello,
    notes: Notes,
    /// Bytes of the ClientHello.
    sent: Arc<AtomicUsize>,
    doing: LocalBoxFuture<'static, Result<Secured, Failure>>,
}

impl Shaking {
    pub(super) fn begin(
        config: ClientConfig,
        notes: Notes,
        hello: Hello,
        stream: TcpStream,
        address: SocketAddr,
        host: &str,
    ) -> Self {
        let (stream, sent) = Counted::new(stream);
        let server_name = host.parse::<IpAddr>().is_err().then(|| text(host));
        let doing = shake(config, stream, host.to_owned()).boxed_local();
        Self { address, server_name, hello, notes, sent, doing }
    }

    /// Waits so long for its end and says what was seen until then. Only one that ended in silence may be waited for again.
    pub(crate) async fn wait(&mut self, patience: Duration) -> (Tls, Option<Secured>) {
        let result = timeout(patience, &mut self.doing).await.unwrap_or(Err(Failure::Timeout));
        let (outcome, stream) = match result {
            Ok(stream) => (StepOutcome::Ok(session(&stream)), Some(stream)),
            Err(failure) => (StepOutcome::Failed(failure), None),
        };
        let hello_bytes = u16::try_from(self.sent.load(Ordering::Relaxed)).ok().filter(|bytes| *bytes > 0);
        let Seen { chain, verification, extra_root } = self.notes.so_far();
        let (address, server_name, hello) = (self.address, self.server_name.clone(), self.hello);
        (Tls { address, server_name, hello_bytes, hello, chain, verification, extra_root, outcome }, stream)
    }
}

async fn shake(config: ClientConfig, stream: Counted, host: String) -> Result<Secured, Failure> {
    let name = ServerName::try_from(host).map_err(|_| Failure::OwnMachine)?;
    let finished = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    finished.map_err(|error| failure::of_io(&error))
}
