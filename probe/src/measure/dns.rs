//! One question to one resolver over UDP, and every answer to it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Query as Question, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use kedergi_wire::{Answer, Answers, Failure, Query, Rcode, StepOutcome, limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

use super::cut::text;
use super::datagram::{Datagram, receive, tell_ttl};

/// A resolver that has not answered by then is silent: stub resolvers give up after 2 to 5 seconds.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);
/// How long to go on listening after the first answer. A forged answer overtakes the true one, which is still on its way;
/// half a second covers a round trip to another continent.
pub(crate) const LISTEN: Duration = Duration::from_millis(500);
/// What the DNS flag day of 2020 settled on: it passes everywhere without fragments.
const PAYLOAD: u16 = 1232;

/// The question for the addresses of `name`, or `None` where `name` cannot be asked for (a label too long).
pub(crate) fn question(name: &str, query: Query) -> Option<Message> {
    let kind = match query {
        Query::A => RecordType::A,
        Query::Aaaa => RecordType::AAAA,
    };
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Question::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    message.set_edns(edns);
    Some(message)
}

/// Asks `server` and listens.
pub(crate) async fn ask(server: SocketAddr, name: &str, query: Query) -> StepOutcome<Answers> {
    let Some(question) = question(name, query) else { return StepOutcome::Failed(Failure::OwnMachine) };
    let asked = Instant::now();
    let mut heard = match exchange(server, &question, asked).await {
        Ok(heard) => heard,
        Err(error) => return StepOutcome::Failed(Failure::from_io(&error)),
    };
    if heard.cut_off {
        // Not a repetition: an answer cut off says itself that the whole one is had over TCP (RFC 1035, 4.2.1).
        let whole = timeout(TIMEOUT, over_tcp(server, &question)).await;
        let whole = whole.ok().and_then(Result::ok).and_then(|message| answer(&message, &question, asked));
        if let (Some(whole), Some(first)) = (whole, heard.answers.first_mut()) {
            *first = whole;
        }
    }
    heard.outcome()
}

/// What came back so far.
#[derive(Default)]
struct Heard {
    answers: Answers,
    /// Datagrams from the resolver's address that are no DNS messages.
    garbled: bool,
    /// Whether the first answer was cut off to fit into a datagram.
    cut_off: bool,
}

impl Heard {
    fn outcome(self) -> StepOutcome<Answers> {
        match (self.answers.is_empty(), self.garbled) {
            (false, _) => StepOutcome::Ok(self.answers),
            (true, true) => StepOutcome::Failed(Failure::DnsProtocol),
            (true, false) => StepOutcome::Failed(Failure::Timeout),
        }
    }
}

/// The same question over TCP: a length, then the message, both ways.
async fn over_tcp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), &bytes[..]].concat()).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    Message::from_vec(&reply).map_err(io::Error::other)
}

async fn exchange(server: SocketAddr, question: &Message, asked: Instant) -> io::Result<Heard> {
    // Not connected: the kernel would hide datagrams, and a port unreachable forged by a censor would end the listening.
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    let bytes = question.to_vec().map_err(io::Error::other)?;
    tell_ttl(&socket, server.is_ipv4());
    socket.send_to(&bytes, server).await?;

    let mut heard = Heard::default();
    let mut until = asked + TIMEOUT;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    while heard.answers.len() < limits::ANSWERS {
        let Ok(received) = timeout_at(until, receive(&socket, &mut buffer)).await else { break };
        let Datagram { length, from, ttl } = received?;
        if from != server {
            continue;
        }
        match Message::from_vec(&buffer[..length]) {
            Ok(message) => {
                let answer = answer(&message, question, asked);
                heard.cut_off |= heard.answers.is_empty() && answer.is_some() && message.metadata.truncation;
                heard.answers.extend(answer.map(|answer| Answer { ttl, ..answer }));
            }
            Err(_) => heard.garbled = true,
        }
        if heard.answers.len() == 1 {
            until = until.min(Instant::now() + LISTEN);
        }
    }
    Ok(heard)
}

/// The answer in `message`, if it is one to `question` with its id.
fn answer(message: &Message, question: &Message, asked: Instant) -> Option<Answer> {
    let ours = message.metadata.id == question.metadata.id;
    if ours { read_answer(message, question, asked) } else { None }
}

/// The answer in `message`, if it is one to `question`, whatever its id: over HTTPS the stream says whose it is.
pub(crate) fn read_answer(message: &Message, question: &Message, asked: Instant) -> Option<Answer> {
    if message.metadata.message_type != MessageType::Response || message.queries != question.queries {
        return None;
    }
    let mut answer = Answer {
        after_ms: u32::try_from(asked.elapsed().as_millis()).unwrap_or(u32::MAX),
        rcode: rcode(message.metadata.response_code),
        addresses: Vec::new(),
        aliases: Vec::new(),
        ttl: None,
    };
    for record in &message.answers {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "some forty other kinds of records say nothing about addresses"
        )]
        match &record.data {
            RData::A(ip) => answer.addresses.push(ip.0.into()),
            RData::AAAA(ip) => answer.addresses.push(ip.0.into()),
            RData::CNAME(name) => answer.aliases.push(text(name.0.to_ascii().trim_end_matches('.'))),
            _ => {}
        }
    }
    answer.addresses.truncate(limits::ADDRESSES);
    answer.aliases.truncate(limits::ALIASES);
    Some(answer)
}

fn rcode(code: ResponseCode) -> Rcode {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the verdict tells these apart and no others")]
    match code {
        ResponseCode::NoError => Rcode::NoError,
        ResponseCode::NXDomain => Rcode::NxDomain,
        ResponseCode::ServFail => Rcode::ServFail,
        ResponseCode::Refused => Rcode::Refused,
        _ => Rcode::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::loopback::{self, resolver};
    use super::*;

    fn reply(question: &Message, ip: [u8; 4]) -> Vec<u8> {
        loopback::reply(question, &[ip.into()]).to_vec().unwrap()
    }

    #[tokio::test]
    async fn two_differing_answers_are_both_kept_in_order() {
        let server = resolver(|q| vec![reply(q, [10, 10, 34, 36]), reply(q, [93, 184, 216, 34])]).await;
        let outcome = ask(server, "blocked.example", Query::A).await;
        let addresses: Vec<_> = outcome.ok().unwrap().iter().map(|answer| answer.addresses[0]).collect();
        assert_eq!(addresses, [IpAddr::from([10, 10, 34, 36]), IpAddr::from([93, 184, 216, 34])]);
    }

    #[tokio::test]
    async fn strangers_and_other_ids_do_not_count() {
        let server = resolver(|q| {
            let mut other_id = q.clone();
            other_id.metadata.id = q.metadata.id.wrapping_add(1);
            let other_name = question("other.example", Query::A).unwrap();
            vec![reply(&other_id, [1, 2, 3, 4]), reply(&other_name, [1, 2, 3, 4]), reply(q, [5, 6, 7, 8])]
        })
        .await;
        let outcome = ask(server, "a.example", Query::A).await;
        assert_eq!(outcome.ok().unwrap().len(), 1);
        assert_eq!(outcome.ok().unwrap()[0].addresses, [IpAddr::from([5, 6, 7, 8])]);
    }

    #[tokio::test]
    async fn garbage_alone_is_a_protocol_failure() {
        let server = resolver(|_| vec![b"no dns".to_vec()]).await;
        assert_eq!(ask(server, "a.example", Query::A).await, StepOutcome::Failed(Failure::DnsProtocol));
    }

    #[tokio::test]
    async fn garbage_before_an_answer_does_not_hide_it() {
        let server = resolver(|q| vec![b"no dns".to_vec(), reply(q, [5, 6, 7, 8])]).await;
        assert!(ask(server, "a.example", Query::A).await.ok().is_some());
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let outcome = ask(socket.local_addr().unwrap(), "a.example", Query::Aaaa).await;
        assert_eq!(outcome, StepOutcome::Failed(Failure::Timeout));
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_answer() {
        let server = resolver(|q| {
            let mut message = q.clone().into_response();
            message.metadata.response_code = ResponseCode::NXDomain;
            vec![message.to_vec().unwrap()]
        })
        .await;
        let outcome = ask(server, "a.example", Query::A).await;
        assert_eq!(outcome.ok().unwrap()[0].rcode, Rcode::NxDomain);
    }

    #[tokio::test]
    async fn an_answer_cut_off_is_fetched_whole_over_tcp() {
        let server = resolver(|q| {
            let mut message = q.clone().into_response();
            message.metadata.truncation = true;
            vec![message.to_vec().unwrap()]
        })
        .await;
        let listener = tokio::net::TcpListener::bind(server).await.unwrap();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut bytes).await.unwrap();
            let whole = reply(&Message::from_vec(&bytes).unwrap(), [5, 6, 7, 8]);
            stream.write_u16(whole.len().try_into().unwrap()).await.unwrap();
            stream.write_all(&whole).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(ask(server, "a.example", Query::A), serving);
        assert_eq!(outcome.ok().unwrap()[0].addresses, [IpAddr::from([5, 6, 7, 8])]);
    }

    #[tokio::test]
    async fn an_answer_cut_off_that_cannot_be_had_whole_stays_as_it_came() {
        let server = resolver(|q| {
            let mut message = q.clone().into_response();
            message.metadata.truncation = true;
            vec![message.to_vec().unwrap()]
        })
        .await;
        let outcome = ask(server, "a.example", Query::A).await;
        assert_eq!(outcome.ok().unwrap()[0].addresses, [] as [IpAddr; 0]);
    }

    #[test]
    fn a_label_too_long_cannot_be_asked_for() {
        assert!(question(&"x".repeat(64), Query::A).is_none());
    }
}
