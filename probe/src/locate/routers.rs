//! Which routers are on the way to an address: datagrams with a short life, and who complains of them.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as Plain};
use std::os::fd::AsRawFd;
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::first_message::{hear_of_errors, live};

/// Port of the first datagram, as traceroute has it: hardly anybody listens there.
const PORT: u16 = 33434;
/// Datagrams per router, for some are lost.
const TRIES: usize = 3;
const WAIT: Duration = Duration::from_secs(1);
/// The kernel's message on an error, with room for the offender's address of either kind.
const CONTROL: usize = 256;
/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`: a machine on the way said it, not this one.
const FROM_OUTSIDE: [u8; 2] = [2, 3];

/// The routers at hops 1 to `last`, where they say who they are.
pub(crate) async fn on_the_way_to(ip: IpAddr, last: u8) -> Vec<Option<IpAddr>> {
    join_all((1..=last).map(|hop| router(ip, hop))).await
}

async fn router(ip: IpAddr, hop: u8) -> Option<IpAddr> {
    let socket = open(SocketAddr::new(ip, PORT + u16::from(hop)), hop).ok()?;
    for _ in 0..TRIES {
        // An error waiting from the datagram before is what is wanted; it is read below.
        let _ = socket.send(&[0; 8]).await;
        let complaint = timeout(WAIT, socket.async_io(Interest::ERROR, || complainer(&socket))).await;
        if let Ok(Ok(Some(router))) = complaint {
            return (router != ip).then_some(router);
        }
    }
    None
}

fn open(address: SocketAddr, hop: u8) -> io::Result<UdpSocket> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = Plain::bind(SocketAddr::new(any, 0))?;
    socket.set_nonblocking(true)?;
    live(&SockRef::from(&socket), address, hop)?;
    hear_of_errors(&socket, address)?;
    socket.connect(address)?;
    UdpSocket::from_std(socket)
}

/// Who complained, by the socket's queue of errors; `None` if that was this machine itself.
fn complainer(socket: &UdpSocket) -> io::Result<Option<IpAddr>> {
    let (mut quoted, mut control) = ([0; 64], [0; CONTROL]);
    let mut quoted = [IoSliceMut::new(&mut quoted)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut quoted, Some(&mut control), flags)?;
    Ok(message.cmsgs()?.find_map(|control| offender(&control)))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of some forty kinds of messages two tell of errors")]
fn offender(control: &ControlMessageOwned) -> Option<IpAddr> {
    match control {
        ControlMessageOwned::Ipv4RecvErr(error, Some(offender)) if FROM_OUTSIDE.contains(&error.ee_origin) => {
            Some(Ipv4Addr::from(u32::from_be(offender.sin_addr.s_addr)).into())
        }
        ControlMessageOwned::Ipv6RecvErr(error, Some(offender)) if FROM_OUTSIDE.contains(&error.ee_origin) => {
            Some(Ipv6Addr::from(offender.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_of_errors_names_who_complains() {
        let here = Ipv4Addr::LOCALHOST.into();
        let closed = Plain::bind((here, 0)).unwrap().local_addr().unwrap();
        let socket = open(closed, 5).unwrap();
        socket.send(b"x").await.unwrap();
        let heard = socket.async_io(Interest::ERROR, || complainer(&socket)).await;
        assert_eq!(heard.unwrap(), Some(here));
    }
}
