//! What a censor does where it recognises a name in a TLS handshake.

use crate::censor::{Hello, Sight};
use crate::packet::{self, Packet, Segment};
use crate::{Name, Rule};

/// A fatal alert "unrecognized_name" in a record of its own (RFC 8446, 6; RFC 6066, 3).
const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

/// The first rule that a ClientHello meets; `seen` is the segment that completed it.
pub(crate) fn rule_for<'a>(rules: &'a [Rule], hello: &Hello, seen: &Segment<'_>) -> Option<&'a Rule> {
    let whole = || matches!(Sight::of(seen.payload), Sight::Hello(_));
    let named = |name: &Name| hello.name.as_deref().is_some_and(|sni| name.covers(sni));
    rules.iter().find(|rule| {
        matches!(rule, Rule::TlsReset { name, one_segment, .. } if named(name) && (!one_segment || whole()))
            || matches!(rule, Rule::EchReset {} if hello.encrypted)
            || matches!(rule, Rule::TlsSilence { name } | Rule::TlsClose { name } | Rule::TlsAlert { name }
                if named(name))
    })
}

/// What is sent in the place of a swallowed ClientHello.
pub(crate) fn answer(rule: &Rule, packet: &Packet<'_>, seen: &Segment<'_>) -> Vec<Vec<u8>> {
    let (source, destination) = (packet.source, packet.destination);
    if matches!(rule, Rule::TlsSilence { .. }) {
        return Vec::new();
    }
    let mut answer: Vec<_> = if matches!(rule, Rule::TlsAlert { .. }) {
        packet::whole_answer(source, destination, seen, ALERT)
    } else if matches!(rule, Rule::TlsClose { .. }) {
        packet::end_to_sender(source, destination, seen).into_iter().collect()
    } else {
        packet::reset_to_sender(source, destination, seen).into_iter().collect()
    };
    answer.extend(packet::reset_to_receiver(source, destination, seen));
    answer
}

/// What tears a connection down on both sides, in the place of a swallowed segment.
pub(crate) fn resets(packet: &Packet<'_>, seen: &Segment<'_>) -> Vec<Vec<u8>> {
    let (source, destination) = (packet.source, packet.destination);
    let back = packet::reset_to_sender(source, destination, seen);
    back.into_iter().chain(packet::reset_to_receiver(source, destination, seen)).collect()
}

/// Names of certificates that a rule is looking out for.
pub(crate) fn certificate_names(rules: &[Rule]) -> impl Iterator<Item = &Name> {
    rules.iter().filter_map(|rule| if let Rule::TlsCertificateReset { name } = rule { Some(name) } else { None })
}
