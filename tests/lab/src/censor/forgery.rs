//! Answers in somebody else's name.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{RData, Record, RecordType};

use crate::Name;

/// Seconds for which a forged DNS answer says it holds.
const FORGED_TTL: u32 = 300;

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
