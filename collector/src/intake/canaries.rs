//! Targets whose true state only the operator knows. They look like any other: whoever reports without measuring gives himself away.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_store::{CanaryAnswer, Ledger, Said, StoreError};
use kedergi_verdict::Outcome;
use kedergi_wire::{TargetList, TargetUrl};

use super::judge::Sender;
use crate::config::CanarySettings;

/// What is older when it comes says nothing: the canary may have been another then.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// Canaries, and whether each answers.
#[derive(Debug, Default)]
pub(crate) struct Canaries(BTreeMap<TargetUrl, bool>);

/// Why a canary cannot be one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CanaryError {
    #[error("canaries: {0} is not on the target list; probes would not measure it")]
    Unlisted(TargetUrl),
    #[error("canaries: {0} is not https: what stands in the way of others could answer in its place")]
    Insecure(TargetUrl),
    #[error(
        "canaries: {0} belongs to a service of which several targets must be blocked; nothing would ever decide it"
    )]
    Counted(TargetUrl),
}

/// What a probe found of a canary.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) target: TargetUrl,
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
}

impl Canaries {
    pub(crate) fn new(settings: &[CanarySettings], list: &TargetList) -> Result<Self, CanaryError> {
        let check = |CanarySettings { url, answers }: &CanarySettings| {
            let service = list.service(url).ok_or_else(|| CanaryError::Unlisted(url.clone()))?;
            if !url.is_https() {
                return Err(CanaryError::Insecure(url.clone()));
            }
            if list.blocked_when(service) > 1 {
                return Err(CanaryError::Counted(url.clone()));
            }
            Ok((url.clone(), *answers))
        };
        settings.iter().map(check).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn contains(&self, target: &TargetUrl) -> bool {
        self.0.contains_key(target)
    }

    /// Keeps what a probe found of canaries. Those that say neither are no answers: a bad line lies to nobody.
    pub(super) fn note(
        &self,
        found: Vec<Found>,
        sender: Sender,
        now: Timestamp,
        ledger: &mut Ledger,
    ) -> Result<(), StoreError> {
        for Found { target, at, outcome } in found {
            let said = match outcome {
                Outcome::Reachable | Outcome::Throttled => Said::Reached,
                Outcome::Blocked { .. } => Said::Blocked,
                Outcome::Down | Outcome::Inconclusive { .. } => continue,
            };
            let Some(&answers) = self.0.get(&target).filter(|_| at.duration_until(now).abs() <= FRESH) else {
                continue;
            };
            let (probe, network) = (sender.probe, sender.origin.network);
            let lied = ledger.answer_canary(&CanaryAnswer { probe, target, network, at, said, answers })?;
            metrics::counter!("kedergi_canary_answers_total", "lie" => if lied { "yes" } else { "no" }).increment(1);
            if lied {
                tracing::debug!(%probe, "a probe said of a canary what is not so");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str) -> String {
        let list = crate::targets::load(None).unwrap();
        let settings = [CanarySettings { url: url.parse().unwrap(), answers: true }];
        Canaries::new(&settings, &list).unwrap_err().to_string()
    }

    #[test]
    fn a_canary_is_a_target_that_only_its_owner_can_answer_for() {
        assert!(error("https://canary.example/").contains("not on the target list"));
        let list = crate::targets::load(None).unwrap();
        let counted = list.all().iter().find(|target| target.url.is_https() && list.blocked_when(&target.service) > 1);
        assert!(error(counted.unwrap().url.as_str()).contains("several targets"));
    }
}
