//! One connection attempt to one address.

use std::net::SocketAddr;
use std::time::Duration;

use kedergi_wire::{Failure, StepOutcome, Tcp};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Covers the kernel's first two repeats of a lost SYN (after 1 and 3 seconds) and a second of travel.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(4);
/// Of an attempt that is followed by another: covers the first repeat.
pub(crate) const FIRST: Duration = Duration::from_millis(2500);

/// Connects to `address`, unless it is `forbidden`: then nothing is sent, and the observation says so.
pub(crate) async fn connect(address: SocketAddr, forbidden: bool, patience: Duration) -> (Tcp, Option<TcpStream>) {
    let result = if forbidden { Err(Failure::ForbiddenAddress) } else { attempt(address, patience).await };
    match result {
        Ok(stream) => (Tcp { address, outcome: StepOutcome::Ok(()) }, Some(stream)),
        Err(failure) => (Tcp { address, outcome: StepOutcome::Failed(failure) }, None),
    }
}

async fn attempt(address: SocketAddr, patience: Duration) -> Result<TcpStream, Failure> {
    let connected = timeout(patience, TcpStream::connect(address)).await.map_err(|_| Failure::Timeout)?;
    let stream = connected.map_err(|error| Failure::from_io(&error))?;
    // The ClientHello must leave at once and in one piece, as a browser sends it.
    stream.set_nodelay(true).map_err(|error| Failure::from_io(&error))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_listener_connects() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (tcp, stream) = connect(listener.local_addr().unwrap(), false, TIMEOUT).await;
        assert_eq!(tcp.outcome, StepOutcome::Ok(()));
        assert!(stream.is_some());
    }

    #[tokio::test]
    async fn nobody_listening_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (tcp, _) = connect(address, false, TIMEOUT).await;
        assert_eq!(tcp.outcome, StepOutcome::Failed(Failure::Refused));
    }

    #[tokio::test]
    async fn a_forbidden_address_is_never_contacted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (tcp, stream) = connect(listener.local_addr().unwrap(), true, TIMEOUT).await;
        assert_eq!(tcp.outcome, StepOutcome::Failed(Failure::ForbiddenAddress));
        assert!(stream.is_none());
    }
}
