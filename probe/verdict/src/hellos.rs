//! Other kinds of ClientHello: how much a block reads of one, and whether one that hides the name is kept from passing.

use kedergi_wire::{Altered, Step, Tls};

use crate::case::{Case, is_valid};
use crate::evidence::{failure, known, tried};
use crate::judge::Beside;
use crate::majority::majority;
use crate::{Evidence, How, Outcome, TlsManner, line, tls};

/// Looks at the trials with other hellos: after a block of the handshake, and with a target that answered.
pub(crate) fn beside(case: &Case<'_>, outcome: Outcome) -> Beside {
    match outcome {
        Outcome::Blocked { how: How::Tls(_) } => {
            let kinds = [Altered::LargeHello, Altered::EncryptedHello];
            let evidence = kinds.into_iter().filter_map(|altered| fared(case, altered)).collect();
            Beside { evidence, ..Beside::default() }
        }
        Outcome::Reachable | Outcome::Throttled => hidden(case).unwrap_or_default(),
        Outcome::Blocked { how: How::Dns(_) | How::Tcp(_) | How::Http(_) | How::Quic(_) }
        | Outcome::Down
        | Outcome::Inconclusive { .. } => Beside::default(),
    }
}

fn handshakes<'a>(case: &Case<'a>, altered: Altered) -> impl Iterator<Item = (usize, &'a Tls)> {
    let trials = case.report.trials.iter().enumerate().filter(move |(_, trial)| trial.altered == altered);
    trials.filter_map(|(index, trial)| if let Step::Tls(tls) = &trial.seen.step { Some((index, tls)) } else { None })
}

/// How a handshake fared with another hello, where the ordinary one met a block.
fn fared(case: &Case<'_>, altered: Altered) -> Option<Evidence> {
    let (index, tls) = handshakes(case, altered).last()?;
    let large = altered == Altered::LargeHello;
    let what = match tls.hello_bytes.filter(|_| large) {
        Some(bytes) => format!("a ClientHello of {bytes} bytes, which fills more than one segment,"),
        None if large => "a ClientHello that fills more than one segment".to_owned(),
        None => "a ClientHello that seems to hold an encrypted one".to_owned(),
    };
    let says = match tls.outcome.failure() {
        Some(why) => format!("With {what} the same address and name fared no better: {}.", failure(why)),
        None if !is_valid(tls) => return None,
        None if large => format!(
            "With {what} the handshake with the same address and name went well: the obstacle reads only what lies in one segment."
        ),
        None => format!("With {what} the handshake with the same address and name went well."),
    };
    Some(tried(index, says))
}

/// Who hides the name is kept from passing: the target answered an ordinary hello, failed twice in one manner with an encrypted
/// one, and no target of the run that was tried so did answer. One server alone may be at fault itself.
fn hidden(case: &Case<'_>) -> Option<Beside> {
    let all = case.report.line.encrypted_hellos;
    let failed: Vec<_> = handshakes(case, Altered::EncryptedHello).collect();
    let manner = majority(failed.iter().map(|(_, tls)| tls::manner_of(tls)))?;
    let alike = failed.len() > 1 && failed.iter().all(|(_, tls)| tls::manner_of(tls) == Some(manner));
    let lost = manner == TlsManner::Timeout && line::loses_what_is_sent(case);
    if !alike || all.tried < 2 || all.answered > 0 || lost {
        return None;
    }
    let (index, tls) = failed.first()?;
    let (address, what, tried_so) = (tls.address.ip(), failure(tls.outcome.failure()?), all.tried);
    let evidence = vec![
        tried(
            *index,
            format!(
                "{address} was sent a ClientHello that seems to hold an encrypted one, twice: {what}. An ordinary one it answered."
            ),
        ),
        known(format!(
            "Of the {tried_so} targets that answered an ordinary ClientHello and were sent such a one during the run, none answered."
        )),
    ];
    Some(Beside { hindered: vec![How::Tls(manner)], trigger: None, evidence })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::Failure;

    use super::*;
    use crate::example::*;

    fn judged(example: Example) -> (String, Vec<String>, String) {
        let verdict = crate::judge(&example.done(), Some(&control(HTTPS)));
        let says: Vec<_> = verdict.evidence.into_iter().map(|evidence| evidence.says).collect();
        (verdict.outcome.to_string(), verdict.hindered.iter().map(How::to_string).collect(), says.join(" "))
    }

    #[test]
    fn a_large_hello_that_passes_tells_what_the_obstacle_reads() {
        let reset = || named(HTTPS).tls_fails(SITE, Failure::Reset).tls_fails(SITE, Failure::Reset);
        let (outcome, hindered, says) = judged(reset().trial_tls(Altered::LargeHello, None));
        assert_eq!((outcome.as_str(), hindered.len()), ("blocked tls reset", 0));
        assert!(says.contains("reads only what lies in one segment"), "{says}");
        let neither = reset().trial_tls(Altered::LargeHello, Some(Failure::Reset));
        let (_, _, says) = judged(neither.trial_tls(Altered::EncryptedHello, Some(Failure::Reset)));
        assert!(says.contains("more than one segment the same address and name fared no better"), "{says}");
        assert!(says.contains("seems to hold an encrypted one the same address"), "{says}");
    }

    #[test]
    fn whoever_minds_hidden_names_minds_them_everywhere() {
        let tried = |times, failure| {
            let works = named(HTTPS).works(SITE);
            (0..times).fold(works, |example, _| example.trial_tls(Altered::EncryptedHello, Some(failure)))
        };
        let hindered = |example: Example, answered| judged(example.encrypted_hellos(3, answered)).1;
        assert_eq!(hindered(tried(2, Failure::Reset), 0), ["tls reset"]);
        assert_eq!(hindered(tried(2, Failure::Reset), 1), [""; 0]);
        assert_eq!(hindered(tried(1, Failure::Reset), 0), [""; 0]);
        assert_eq!(hindered(tried(2, Failure::TlsProtocol), 0), [""; 0]);
        assert_eq!(hindered(tried(2, Failure::Timeout).again(4, 3), 0), [""; 0]);
        assert_eq!(hindered(tried(2, Failure::Timeout), 0), ["tls timeout"]);
        assert_eq!(judged(tried(2, Failure::Reset).encrypted_hellos(1, 0)).1, [""; 0]);
    }
}
