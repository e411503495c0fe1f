//! What the replies at rising lifetimes come to. Pure.

use serde::Serialize;

/// Lifetime of a packet that shall reach the site: what systems give to all of theirs.
pub(crate) const WHOLE_WAY: u8 = 64;

/// What came back on a connection after its first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// A router said that it could not pass it on: so far nobody minded it.
    Expired,
    /// Nothing.
    Silence,
    /// An answer.
    Answer,
    /// A TLS alert.
    Alert,
    /// A reset.
    Reset,
    /// The end of the stream, without a word.
    End,
    /// There was no connection to send it on.
    NoConnection,
}

impl Reply {
    /// Whether somebody answered in the site's name, rightly or not.
    pub(crate) fn is_reaction(self) -> bool {
        match self {
            Self::Answer | Self::Alert | Self::Reset | Self::End => true,
            Self::Expired | Self::Silence | Self::NoConnection => false,
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Expired => "passed",
            Self::Silence => "silence",
            Self::Answer => "answer",
            Self::Alert => "alert",
            Self::Reset => "reset",
            Self::End => "end of the stream",
            Self::NoConnection => "no connection",
        }
    }
}

/// Both names at one lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// Routers that the message may reach.
    pub(crate) hop: u8,
    /// What the innocent name got.
    pub(crate) innocent: Reply,
    /// What the target's name got; `None` where it was not tried.
    pub(crate) target: Option<Reply>,
}

/// Where somebody interferes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub(crate) enum Finding {
    /// On the way, behind router number `after` (0: this machine) and not behind number `hop`.
    OnTheWay { after: u8, hop: u8, reply: Reply },
    /// At the site or right before it: the site itself may be the one.
    AtTheSite { after: u8, reply: Reply },
    /// Both names are answered.
    Nothing,
    /// The innocent name gets no answer either, so that the name makes no difference.
    NotTheName,
    /// The replies fit neither.
    Unclear,
}

/// What steps with rising lifetimes show; the last one is [`WHOLE_WAY`].
pub(crate) fn find(steps: &[Step]) -> Finding {
    // Where the innocent name reaches whoever answers for the site.
    let Some(site) = steps.iter().find(|step| step.innocent.is_reaction()).map(|step| step.hop) else {
        return Finding::NotTheName;
    };
    if let Some(at) = steps.iter().position(|step| reacted(step, site)) {
        return reaction(steps, at, site);
    }
    let Some(Step { target: Some(last), .. }) = steps.last() else { return Finding::Unclear };
    match last {
        Reply::Answer => Finding::Nothing,
        Reply::Silence => swallowed(steps, site),
        Reply::Expired | Reply::Alert | Reply::Reset | Reply::End | Reply::NoConnection => Finding::Unclear,
    }
}

/// Whether the target's name got what the innocent one did not. An answer counts only well before the site: connections may
/// take ways that differ by a router.
fn reacted(step: &Step, site: u8) -> bool {
    let Some(reply) = step.target.filter(|reply| reply.is_reaction()) else { return false };
    if reply == Reply::Answer { step.hop + 1 < site } else { step.innocent != reply }
}

fn reaction(steps: &[Step], at: usize, site: u8) -> Finding {
    let Step { hop, target, .. } = steps[at];
    let reply = target.unwrap_or(Reply::Silence);
    let after = at.checked_sub(1).map_or(0, |before| steps[before].hop);
    if hop + 1 < site { Finding::OnTheWay { after, hop, reply } } else { Finding::AtTheSite { after, reply } }
}

/// The target's name came to nothing, without a word: between the last router that told of it and the next one that told of the
/// innocent name.
fn swallowed(steps: &[Step], site: u8) -> Finding {
    let told = steps.iter().rposition(|step| step.target == Some(Reply::Expired));
    let (after, rest) = told.map_or((0, steps), |at| (steps[at].hop, &steps[at + 1..]));
    let reply = Reply::Silence;
    match rest.iter().find(|step| step.innocent == Reply::Expired && step.target == Some(Reply::Silence)) {
        Some(step) if step.hop < site => Finding::OnTheWay { after, hop: step.hop, reply },
        Some(_) | None => Finding::AtTheSite { after, reply },
    }
}

#[cfg(test)]
mod tests {
    use Reply::{Alert, Answer, Expired, Reset, Silence};
    use proptest::prelude::*;

    use super::*;

    fn steps(pairs: &[(Reply, Reply)]) -> Vec<Step> {
        let last = pairs.len() - 1;
        let hop = |at: usize| if at == last { WHOLE_WAY } else { u8::try_from(at + 1).unwrap() };
        let step = |(at, (innocent, target)): (usize, &(Reply, Reply))| Step {
            hop: hop(at),
            innocent: *innocent,
            target: Some(*target),
        };
        pairs.iter().enumerate().map(step).collect()
    }

    #[test]
    fn a_reset_from_the_middle_of_the_way() {
        let seen = [(Expired, Expired), (Silence, Silence), (Expired, Reset), (Expired, Reset), (Answer, Reset)];
        assert_eq!(find(&steps(&seen)), Finding::OnTheWay { after: 2, hop: 3, reply: Reset });
    }

    #[test]
    fn silence_begins_behind_the_last_router_that_tells() {
        let seen = [(Expired, Expired), (Silence, Silence), (Expired, Silence), (Expired, Silence), (Answer, Silence)];
        assert_eq!(find(&steps(&seen)), Finding::OnTheWay { after: 1, hop: 3, reply: Silence });
    }

    #[test]
    fn a_healthy_site_is_left_in_peace() {
        let way = [(Expired, Expired), (Silence, Expired), (Expired, Silence), (Expired, Answer)];
        let seen = [&way[..], &[(Answer, Answer); 2]].concat();
        assert_eq!(find(&steps(&seen)), Finding::Nothing);
        let alert_to_a_strange_name = [(Expired, Expired), (Alert, Answer), (Alert, Answer)];
        assert_eq!(find(&steps(&alert_to_a_strange_name)), Finding::Nothing);
    }

    #[test]
    fn what_a_site_may_do_itself_accuses_nobody_on_the_way() {
        let refuses = [(Expired, Expired), (Expired, Expired), (Answer, Reset), (Answer, Reset)];
        assert_eq!(find(&steps(&refuses)), Finding::AtTheSite { after: 2, reply: Reset });
        let nearer_by_one = [(Expired, Expired), (Expired, Reset), (Answer, Reset), (Answer, Reset)];
        assert_eq!(find(&steps(&nearer_by_one)), Finding::AtTheSite { after: 1, reply: Reset });
        let ignores = [(Expired, Expired), (Expired, Expired), (Answer, Silence), (Answer, Silence)];
        assert_eq!(find(&steps(&ignores)), Finding::AtTheSite { after: 2, reply: Silence });
    }

    #[test]
    fn an_answer_before_the_site_is_somebody_elses() {
        let seen = [(Expired, Expired), (Expired, Answer), (Expired, Answer), (Answer, Answer), (Answer, Answer)];
        assert_eq!(find(&steps(&seen)), Finding::OnTheWay { after: 1, hop: 2, reply: Answer });
    }

    #[test]
    fn where_no_name_is_answered_the_name_is_not_it() {
        assert_eq!(find(&steps(&[(Expired, Silence), (Silence, Silence)])), Finding::NotTheName);
        assert_eq!(find(&[]), Finding::NotTheName);
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        prop::sample::select(vec![Expired, Silence, Answer, Alert, Reset, Reply::End, Reply::NoConnection])
    }

    proptest! {
        /// Whatever is lost on the way, nobody is accused where both names got the same.
        #[test]
        fn the_same_for_both_names_is_no_interference(replies in prop::collection::vec(any_reply(), 1..12)) {
            let pairs: Vec<_> = replies.iter().map(|reply| (*reply, *reply)).collect();
            let found = find(&steps(&pairs));
            prop_assert!(!matches!(found, Finding::OnTheWay { .. }), "{found:?}");
        }
    }
}
