//! One first message with a short life, on a connection of its own.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{MsgFlags, recv, setsockopt};
use socket2::SockRef;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::{Reply, WHOLE_WAY};

/// A lost SYN is sent again after one second.
const CONNECT: Duration = Duration::from_secs(4);
/// A lost segment is sent again within a second, as often as that time allows.
const REPLY: Duration = Duration::from_millis(2500);
const ALERT: u8 = 21;

/// Sends `message` so that it passes fewer than `hop` routers, on a connection that was made over the whole way.
pub(crate) async fn send(address: SocketAddr, message: &[u8], is_tls: bool, hop: u8) -> Reply {
    let Ok(Ok(mut stream)) = timeout(CONNECT, TcpStream::connect(address)).await else { return Reply::NoConnection };
    let reply = match prepare(&stream, hop) {
        Ok(()) => timeout(REPLY, exchange(&mut stream, message, is_tls)).await.unwrap_or(Reply::Silence),
        Err(_) => Reply::NoConnection,
    };
    // The site is told that the connection is over, which a packet with a short life would not do. Where that fails, it finds
    // out by itself.
    let socket = SockRef::from(&stream);
    let _ = live(&socket, address, WHOLE_WAY).and_then(|()| socket.set_linger(Some(Duration::ZERO)));
    reply
}

fn prepare(stream: &TcpStream, hop: u8) -> io::Result<()> {
    let (address, socket) = (stream.peer_addr()?, SockRef::from(stream));
    stream.set_nodelay(true)?;
    live(&socket, address, hop)?;
    hear_of_errors(stream, address)
}

/// How many routers packets may reach from now on.
pub(super) fn live(socket: &SockRef<'_>, address: SocketAddr, hop: u8) -> io::Result<()> {
    if address.is_ipv4() { socket.set_ttl_v4(hop.into()) } else { socket.set_unicast_hops_v6(hop.into()) }
}

/// Has routers' complaints handed to the socket at once, which the kernel else keeps to itself.
pub(super) fn hear_of_errors(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    let set =
        if address.is_ipv4() { setsockopt(socket, Ipv4RecvErr, &true) } else { setsockopt(socket, Ipv6RecvErr, &true) };
    Ok(set?)
}

async fn exchange(stream: &mut TcpStream, message: &[u8], is_tls: bool) -> Reply {
    let mut first = [0; 1];
    // Not `stream.read`: a router's complaint makes a socket erroneous, and not readable.
    let read = match stream.write_all(message).await {
        Ok(()) => {
            let take = || Ok(recv(stream.as_raw_fd(), &mut first, MsgFlags::MSG_DONTWAIT)?);
            stream.async_io(Interest::READABLE | Interest::ERROR, take).await
        }
        Err(error) => Err(error),
    };
    match read {
        Ok(0) => Reply::End,
        Ok(_) if is_tls && first == [ALERT] => Reply::Alert,
        Ok(_) => Reply::Answer,
        Err(error) => of_error(&error),
    }
}

/// A router that drops a packet for its age is told of as a host that cannot be reached.
fn of_error(error: &io::Error) -> Reply {
    match error.raw_os_error() {
        Some(libc::EHOSTUNREACH) => Reply::Expired,
        Some(libc::ECONNRESET | libc::EPIPE) => Reply::Reset,
        Some(_) | None => Reply::Silence,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What somebody gets who sends to a server that answers so and then ends the connection.
    async fn sent_to(answer: &'static [u8]) -> Reply {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        tokio::join!(send(address, b"hello", true, 3), serve).0
    }

    #[tokio::test]
    async fn replies_are_told_apart() {
        assert_eq!(sent_to(&[22, 3, 3]).await, Reply::Answer);
        assert_eq!(sent_to(&[21, 3, 3]).await, Reply::Alert);
        assert_eq!(sent_to(&[]).await, Reply::End);
    }

    #[tokio::test]
    async fn nobody_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(send(address, b"hello", true, 3).await, Reply::NoConnection);
    }
}
