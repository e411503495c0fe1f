//! IP packets as a router sees them: taken apart, and made up.

mod lifetime;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use etherparse::{NetSlice, PacketBuilder, PacketBuilderStep, SlicedPacket, TcpHeader, TransportSlice};

pub use lifetime::{age, expired};

/// Hops that a made-up packet may take. Real machines start at 64 too, so it does not stand out by that.
const TTL: u8 = 64;
/// Payload of one made-up TCP segment: what fits a line of 1280 bytes, which IPv6 guarantees.
const SEGMENT: usize = 1200;
const WINDOW: u16 = 64240;
/// Bytes of a lost packet that a router sends back (RFC 1812, 4.3.2.3).
const QUOTED: usize = 548;

/// A packet whose headers are sound, with what a censor looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who says to have sent it.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// What it carries.
    pub transport: Transport<'a>,
}

/// What a packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport<'a> {
    /// A datagram.
    Udp {
        /// Port it comes from.
        source: u16,
        /// Port it goes to.
        destination: u16,
        /// Its content.
        payload: &'a [u8],
    },
    /// A piece of a TCP stream.
    Tcp(Segment<'a>),
    /// Anything else.
    Other,
}

/// A piece of a TCP stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Port it comes from.
    pub source: u16,
    /// Port it goes to.
    pub destination: u16,
    /// Number of its first byte.
    pub sequence: u32,
    /// Number of the byte the sender waits for.
    pub acknowledged: u32,
    /// Its flags.
    pub flags: Flags,
    /// Its content.
    pub payload: &'a [u8],
}

/// The flags of a segment that matter here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// First segment of a stream.
    pub syn: bool,
    /// The acknowledgement number counts.
    pub ack: bool,
    /// Last segment of a stream.
    pub fin: bool,
    /// The stream is torn down.
    pub rst: bool,
}

impl<'a> Packet<'a> {
    /// Takes a packet apart; `None` if its headers are not sound.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let sliced = SlicedPacket::from_ip(bytes).ok()?;
        let (source, destination) = match sliced.net? {
            NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
            NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
            NetSlice::Arp(_) => return None,
        };
        Some(Self { source, destination, transport: transport(sliced.transport) })
    }
}

fn transport(slice: Option<TransportSlice<'_>>) -> Transport<'_> {
    match slice {
        Some(TransportSlice::Udp(udp)) => {
            Transport::Udp { source: udp.source_port(), destination: udp.destination_port(), payload: udp.payload() }
        }
        Some(TransportSlice::Tcp(tcp)) => Transport::Tcp(Segment {
            source: tcp.source_port(),
            destination: tcp.destination_port(),
            sequence: tcp.sequence_number(),
            acknowledged: tcp.acknowledgment_number(),
            flags: Flags { syn: tcp.syn(), ack: tcp.ack(), fin: tcp.fin(), rst: tcp.rst() },
            payload: tcp.payload(),
        }),
        Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_) | TransportSlice::Igmp(_)) | None => {
            Transport::Other
        }
    }
}

/// The addresses of a packet, however broken the rest of it is: enough to carry it on.
pub fn endpoints(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let v4 = |at: usize| -> Option<Ipv4Addr> { Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?.into()) };
    let v6 = |at: usize| -> Option<Ipv6Addr> { Some(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?.into()) };
    match bytes.first()? >> 4 {
        4 => Some((v4(12)?.into(), v4(16)?.into())),
        6 => Some((v6(8)?.into(), v6(24)?.into())),
        _ => None,
    }
}

/// A datagram with true checksums; `None` if it cannot exist (mixed address families, too large).
pub fn datagram(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
    let step = ip(source.ip(), destination.ip())?.udp(source.port(), destination.port());
    let mut bytes = Vec::with_capacity(step.size(payload.len()));
    step.write(&mut bytes, payload).ok()?;
    Some(bytes)
}

/// A TCP segment with true checksums; `None` if it cannot exist.
pub fn segment(source: IpAddr, destination: IpAddr, segment: &Segment<'_>) -> Option<Vec<u8>> {
    let mut header = TcpHeader::new(segment.source, segment.destination, segment.sequence, WINDOW);
    header.acknowledgment_number = segment.acknowledged;
    header.syn = segment.flags.syn;
    header.ack = segment.flags.ack;
    header.fin = segment.flags.fin;
    header.rst = segment.flags.rst;
    header.psh = !segment.payload.is_empty();
    let step = ip(source, destination)?.tcp_header(header);
    let mut bytes = Vec::with_capacity(step.size(segment.payload.len()));
    step.write(&mut bytes, segment.payload).ok()?;
    Some(bytes)
}

fn ip(source: IpAddr, destination: IpAddr) -> Option<PacketBuilderStep<etherparse::IpHeaders>> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Some(PacketBuilder::ipv4(source.octets(), destination.octets(), TTL))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Some(PacketBuilder::ipv6(source.octets(), destination.octets(), TTL))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

/// The reset that `seen`'s receiver would send in answer to it.
pub fn reset_to_sender(source: IpAddr, destination: IpAddr, seen: &Segment<'_>) -> Option<Vec<u8>> {
    let answer = Segment {
        source: seen.destination,
        destination: seen.source,
        sequence: if seen.flags.ack { seen.acknowledged } else { 0 },
        acknowledged: after(seen),
        flags: Flags { rst: true, ack: true, ..Flags::default() },
        payload: &[],
    };
    segment(destination, source, &answer)
}

/// A reset in the name of `seen`'s sender, to be sent instead of it.
pub fn reset_to_receiver(source: IpAddr, destination: IpAddr, seen: &Segment<'_>) -> Option<Vec<u8>> {
    let instead =
        Segment { flags: Flags { rst: true, ack: seen.flags.ack, ..Flags::default() }, payload: &[], ..seen.clone() };
    segment(source, destination, &instead)
}

/// What the receiver of `seen` would send if it ended the stream without a word.
pub fn end_to_sender(source: IpAddr, destination: IpAddr, seen: &Segment<'_>) -> Option<Vec<u8>> {
    let answer = Segment {
        source: seen.destination,
        destination: seen.source,
        sequence: seen.acknowledged,
        acknowledged: after(seen),
        flags: Flags { ack: true, fin: true, ..Flags::default() },
        payload: &[],
    };
    segment(destination, source, &answer)
}

/// What `router` tells the sender of a packet that cannot be delivered: that the host cannot be reached. As much of the
/// packet goes with it as surely fits.
pub fn unreachable(router: IpAddr, sender: IpAddr, packet: &[u8]) -> Option<Vec<u8>> {
    // RFC 792: type 3, code 1; RFC 4443: type 1, code 3.
    complain(router, sender, packet, (3, 1), (1, 3))
}

/// What a router tells the sender of a packet, by its type and code of each family.
fn complain(router: IpAddr, sender: IpAddr, packet: &[u8], v4: (u8, u8), v6: (u8, u8)) -> Option<Vec<u8>> {
    let quoted = &packet[..packet.len().min(QUOTED)];
    let step = ip(router, sender)?;
    let mut bytes = Vec::new();
    match sender {
        IpAddr::V4(_) => step.icmpv4_raw(v4.0, v4.1, [0; 4]).write(&mut bytes, quoted).ok()?,
        IpAddr::V6(_) => step.icmpv6_raw(v6.0, v6.1, [0; 4]).write(&mut bytes, quoted).ok()?,
    }
    Some(bytes)
}

/// What the receiver of `seen` would send if it answered `content` and ended the stream.
pub fn whole_answer(source: IpAddr, destination: IpAddr, seen: &Segment<'_>, content: &[u8]) -> Vec<Vec<u8>> {
    let mut sequence = seen.acknowledged;
    let mut packets = Vec::new();
    let chunks: Vec<&[u8]> = content.chunks(SEGMENT).collect();
    for (index, payload) in chunks.iter().enumerate() {
        let answer = Segment {
            source: seen.destination,
            destination: seen.source,
            sequence,
            acknowledged: after(seen),
            flags: Flags { ack: true, fin: index + 1 == chunks.len(), ..Flags::default() },
            payload,
        };
        packets.extend(segment(destination, source, &answer));
        sequence = sequence.wrapping_add(length(payload));
    }
    packets
}

/// The number that follows `seen` in its stream.
pub fn after(seen: &Segment<'_>) -> u32 {
    let marks = u32::from(seen.flags.syn) + u32::from(seen.flags.fin);
    seen.sequence.wrapping_add(length(seen.payload)).wrapping_add(marks)
}

/// Length of a payload as a step in sequence numbers, which wrap at 32 bits as well.
fn length(payload: &[u8]) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "an IP payload has at most 65535 bytes")]
    {
        payload.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{Ipv4HeaderSlice, TcpHeaderSlice, UdpHeaderSlice};
    use proptest::prelude::*;

    fn check_tcp(bytes: &[u8]) {
        let header = Ipv4HeaderSlice::from_slice(bytes).unwrap();
        assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
        let tcp = TcpHeaderSlice::from_slice(&bytes[20..]).unwrap();
        let payload = &bytes[20 + tcp.slice().len()..];
        assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4(&header, payload).unwrap());
    }

    fn hello(flags: Flags) -> Segment<'static> {
        Segment { source: 40000, destination: 443, sequence: u32::MAX - 2, acknowledged: 77, flags, payload: b"hello" }
    }

    #[test]
    fn resets_fit_the_stream_on_both_sides() {
        let (inside, outside) = ("10.1.0.11".parse().unwrap(), "45.80.10.10".parse().unwrap());
        let seen = hello(Flags { ack: true, ..Flags::default() });
        let back = reset_to_sender(inside, outside, &seen).unwrap();
        let on = reset_to_receiver(inside, outside, &seen).unwrap();
        check_tcp(&back);
        check_tcp(&on);
        let Transport::Tcp(back) = Packet::parse(&back).unwrap().transport else { panic!("not TCP") };
        assert_eq!((back.source, back.sequence, back.acknowledged), (443, 77, 2));
        let Transport::Tcp(on) = Packet::parse(&on).unwrap().transport else { panic!("not TCP") };
        assert_eq!((on.source, on.sequence, on.flags.rst), (40000, u32::MAX - 2, true));
    }

    #[test]
    fn a_syn_is_refused_as_a_closed_port_would() {
        let seen = Segment { payload: &[], ..hello(Flags { syn: true, ..Flags::default() }) };
        let bytes = reset_to_sender("10.1.0.11".parse().unwrap(), "45.80.10.10".parse().unwrap(), &seen).unwrap();
        let Transport::Tcp(reset) = Packet::parse(&bytes).unwrap().transport else { panic!("not TCP") };
        assert_eq!((reset.sequence, reset.acknowledged), (0, u32::MAX - 1));
    }

    #[test]
    fn a_router_tells_the_sender_of_either_kind() {
        for (router, sender, site, code) in [
            ("10.1.0.1", "10.1.0.11", "45.80.10.10", [3, 1]),
            ("2a0e:97c0:1::1", "2a0e:97c0:1::b", "2a0e:8f00::10", [1, 3]),
        ] {
            let parse = |text: &str| -> IpAddr { text.parse().unwrap() };
            let lost = segment(parse(sender), parse(site), &hello(Flags::default())).unwrap();
            let bytes = unreachable(parse(router), parse(sender), &lost).unwrap();
            assert_eq!(endpoints(&bytes), Some((parse(router), parse(sender))));
            let message = &bytes[bytes.len() - lost.len() - 8..];
            assert_eq!((&message[..2], &message[8..]), (&code[..], &lost[..]));
        }
    }

    proptest! {
        #[test]
        fn made_up_answers_have_true_checksums_and_join_up(content in proptest::collection::vec(any::<u8>(), 1..5000)) {
            let (inside, outside) = ("10.1.0.11".parse().unwrap(), "45.80.10.10".parse().unwrap());
            let seen = hello(Flags { ack: true, ..Flags::default() });
            let packets = whole_answer(inside, outside, &seen, &content);
            let mut joined = Vec::new();
            for bytes in &packets {
                check_tcp(bytes);
                let Transport::Tcp(piece) = Packet::parse(bytes).unwrap().transport else { panic!("not TCP") };
                prop_assert_eq!(piece.sequence, 77 + u32::try_from(joined.len()).unwrap());
                joined.extend_from_slice(piece.payload);
            }
            prop_assert_eq!(joined, content);
        }

        #[test]
        fn datagrams_have_true_checksums(payload in proptest::collection::vec(any::<u8>(), 0..1400)) {
            let bytes = datagram("45.90.0.53:53".parse().unwrap(), "10.1.0.11:4000".parse().unwrap(), &payload).unwrap();
            let header = Ipv4HeaderSlice::from_slice(&bytes).unwrap();
            let udp = UdpHeaderSlice::from_slice(&bytes[20..]).unwrap();
            let expected = udp.to_header().calc_checksum_ipv4_raw(header.source(), header.destination(), &payload).unwrap();
            prop_assert_eq!(udp.checksum(), expected);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Packet::parse(&bytes);
            let _ = endpoints(&bytes);
        }
    }
}
