//! A datagram with what its packet tells besides: how many hops it had left.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::sys::socket::sockopt::{Ipv4RecvTtl, Ipv6RecvHopLimit};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// A datagram as it came.
pub(crate) struct Datagram {
    pub(crate) length: usize,
    pub(crate) from: SocketAddr,
    /// The time to live that its packet had left, where the system tells.
    pub(crate) ttl: Option<u8>,
}

/// Asks the system to tell how many hops a packet had left. One that does not is no worse a resolver's customer.
pub(crate) fn tell_ttl(socket: &UdpSocket, ipv4: bool) {
    let _ = if ipv4 { setsockopt(socket, Ipv4RecvTtl, &true) } else { setsockopt(socket, Ipv6RecvHopLimit, &true) };
}

/// Waits for a datagram.
pub(crate) async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Datagram> {
    socket.async_io(Interest::READABLE, || read(socket, buffer)).await
}

fn read(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Datagram> {
    let mut control = nix::cmsg_space!(i32);
    let mut parts = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let from = message.address.as_ref().and_then(sender).ok_or(io::ErrorKind::InvalidData)?;
    let ttl = message.cmsgs().ok().and_then(|mut all| all.find_map(|one| hops_left(&one)));
    Ok(Datagram { length: message.bytes, from, ttl })
}

fn sender(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4(SocketAddrV4::from(*v4)));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6))))
}

fn hops_left(message: &ControlMessageOwned) -> Option<u8> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "some thirty other kinds were not asked for")]
    match message {
        ControlMessageOwned::Ipv4Ttl(ttl) => u8::try_from(*ttl).ok(),
        ControlMessageOwned::Ipv6HopLimit(limit) => u8::try_from(*limit).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_tells_how_far_it_could_still_go() {
        let here = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        tell_ttl(&here, true);
        let there = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        there.set_ttl(42).unwrap();
        there.send_to(b"hello", here.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0; 16];
        let datagram = receive(&here, &mut buffer).await.unwrap();
        assert_eq!((datagram.length, datagram.from), (5, there.local_addr().unwrap()));
        assert_eq!(datagram.ttl, Some(42));
    }
}
