//! Answers in somebody else's name.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{RData, Record, RecordType};

use crate::{Name, Rule};

/// Seconds for which a forged DNS answer says it holds.
const FORGED_TTL: u32 = 300;

/// What a censor does about a plain HTTP request.
pub(crate) enum Act {
    /// Nothing comes back.
    Silence,
    /// Both sides get a reset.
    Reset,
    /// This comes back.
    Answer(String),
}

/// Stands in a block page, or in where it sends its reader, for the customer's address.
const CUSTOMER: &str = "{customer}";

/// What a rule says of a request of this customer's to the host.
pub(crate) fn act_on_request(rule: &Rule, asked: &str, customer: IpAddr) -> Option<Act> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other rules are about something else")]
    let (host, act) = match rule {
        Rule::HttpReset { host } => (host, Act::Reset),
        Rule::HttpSilence { host } => (host, Act::Silence),
        Rule::HttpBlockPage { host, status, location, server, body } => {
            let told = |text: &str| text.replace(CUSTOMER, &customer.to_string());
            let (location, body) = (location.as_deref().map(told), told(body));
            (host, Act::Answer(http_answer(*status, location.as_deref(), server.as_deref(), &body)))
        }
        _ => return None,
    };
    host.covers(asked).then_some(act)
}

fn http_answer(status: u16, location: Option<&str>, server: Option<&str>, body: &str) -> String {
    // The reason phrase means nothing to a client; "OK" would be odd beside 403.
    let reason = if status == 200 { "OK" } else { "Blocked" };
    let header =
        |name: &str, value: Option<&str>| value.map(|value| format!("{name}: {value}\r\n")).unwrap_or_default();
    let (location, server) = (header("Location", location), header("Server", server));
    format!(
        "HTTP/1.1 {status} {reason}\r\n{server}{location}Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The answer to a query for an address of this kind of `name` or of a name below it.
pub(crate) fn forge(query: &[u8], name: &Name, address: IpAddr) -> Option<Vec<u8>> {
    let (kind, data) = match address {
        IpAddr::V4(v4) => (RecordType::A, RData::A(A(v4))),
        IpAddr::V6(v6) => (RecordType::AAAA, RData::AAAA(AAAA(v6))),
    };
    let query = Message::from_vec(query).ok()?;
    let [question] = &query.queries[..] else { return None };
    let asks = query.metadata.message_type == MessageType::Query
        && query.metadata.op_code == OpCode::Query
        && question.query_type() == kind
        && name.covers(&question.name().to_ascii());
    if !asks {
        return None;
    }
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_query(question.clone());
    answer.add_answer(Record::from_rdata(question.name().clone(), FORGED_TTL, data));
    answer.to_vec().ok()
}
