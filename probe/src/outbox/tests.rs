use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::doors::{BACKOFF_CAP, RETRY_AFTER_CAP};

const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);

fn at(seconds: i64) -> Timestamp {
    later(NOW, SignedDuration::from_secs(seconds))
}

fn batch(bytes: u64) -> Waiting {
    Waiting { batch: Some(bytes), ..Waiting::default() }
}

#[test]
fn it_seals_then_sends_then_rests() {
    let mut outbox = Outbox::new(1, 1000);
    assert_eq!(outbox.next(Waiting::default(), NOW), Next::Idle("every report is delivered"));
    assert_eq!(outbox.next(Waiting { reports: 3, ..Waiting::default() }, NOW), Next::Seal);
    assert_eq!(outbox.next(batch(10), NOW), Next::Send(0));
    assert_eq!(outbox.answered(0, &Answer::Acknowledged, NOW, 0.5), Fate::Delete);
}

#[test]
fn nothing_is_sealed_while_no_collector_answers() {
    let mut outbox = Outbox::new(1, 1000);
    assert_eq!(outbox.answered(0, &Answer::NotNow(None), NOW, 1.0), Fate::Keep);
    let next = outbox.next(Waiting { reports: 3, ..Waiting::default() }, NOW);
    assert_eq!(next.deadline(), Some((at(2), "no collector could be reached")));
}

#[test]
fn the_daily_budget_holds_until_midnight() {
    let mut outbox = Outbox::new(1, 1000);
    let waiting = Waiting { sent_today: 600, ..batch(500) };
    // 2019-05-09 05:00 UTC.
    let midnight: Timestamp = "2019-05-10T00:00:00Z".parse().unwrap();
    assert_eq!(outbox.next(waiting, NOW), Next::Wait(midnight, "today's upload budget is used up"));
    assert_eq!(outbox.next(Waiting { sent_today: 500, ..waiting }, NOW), Next::Send(0));
    assert_eq!(outbox.next(batch(5000), NOW), Next::Send(0), "the first of a day always goes");
}

#[test]
fn a_batch_refused_for_good_is_set_aside() {
    let mut outbox = Outbox::new(1, 1000);
    let answer = Answer::BatchRefused("malformed".to_owned());
    assert_eq!(outbox.answered(0, &answer, NOW, 0.5), Fate::SetAside("malformed".to_owned()));
    assert_eq!(outbox.next(batch(10), NOW), Next::Send(0), "the next one goes at once");
}

#[test]
fn a_refused_probe_stops_until_a_heartbeat_is_welcome() {
    let mut outbox = Outbox::new(1, 1000);
    assert_eq!(outbox.answered(0, &Answer::ProbeRefused(Bar::RevokedProbe), NOW, 0.5), Fate::Keep);
    assert_eq!(outbox.next(batch(10), at(1_000_000)), Next::Idle(Bar::RevokedProbe.says()));
    assert_eq!(outbox.stopped(), Some(Bar::RevokedProbe));
    outbox.set_bar(0, None);
    assert_eq!(outbox.next(batch(10), NOW), Next::Send(0));
}

/// What a simulated collector says to one batch.
fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => Just(Answer::Acknowledged),
        1 => Just(Answer::BatchRefused("malformed".to_owned())),
        4 => prop::option::of(0i64..100_000).prop_map(|s| Answer::NotNow(s.map(SignedDuration::from_secs))),
    ]
}

/// A spool of numbered batches, and what became of each.
#[derive(Default)]
struct Model {
    waiting: VecDeque<u64>,
    acknowledged: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    deleted: BTreeSet<u64>,
    set_aside: BTreeSet<u64>,
    now: Timestamp,
    sent_today: u64,
}

impl Model {
    fn with(batches: u64) -> Self {
        Self { waiting: (0..batches).collect(), now: NOW, ..Self::default() }
    }

    fn waiting(&self) -> Waiting {
        let batch = self.waiting.front().map(|_| 100);
        Waiting { reports: 0, batch, sent_today: self.sent_today }
    }

    fn sleep_until(&mut self, until: Timestamp) {
        if day(until) != day(self.now) {
            self.sent_today = 0;
        }
        self.now = until;
    }

    fn take(&mut self, outbox: &mut Outbox, collector: usize, answer: &Answer) {
        let Some(batch) = self.waiting.pop_front() else { return };
        self.sent_today += 100;
        match answer {
            Answer::Acknowledged => drop(self.acknowledged.insert(batch)),
            Answer::BatchRefused(_) => drop(self.refused.insert(batch)),
            Answer::ProbeRefused(_) | Answer::NotNow(_) => {}
        }
        match outbox.answered(collector, answer, self.now, 0.7) {
            Fate::Delete => drop(self.deleted.insert(batch)),
            Fate::SetAside(_) => drop(self.set_aside.insert(batch)),
            Fate::Keep => self.waiting.push_front(batch),
        }
    }
}

proptest! {
    #[test]
    fn only_what_was_acknowledged_is_deleted(
        script in prop::collection::vec(answers(), 1..200), budget in 0u64..2000, collectors in 1usize..4,
    ) {
        let (mut outbox, mut model) = (Outbox::new(collectors, budget), Model::with(20));
        for answer in &script {
            match outbox.next(model.waiting(), model.now) {
                Next::Send(collector) => model.take(&mut outbox, collector, answer),
                Next::Wait(until, _) => model.sleep_until(until),
                Next::Seal | Next::Idle(_) => break,
            }
            prop_assert_eq!(&model.deleted, &model.acknowledged);
            prop_assert_eq!(&model.set_aside, &model.refused);
        }
    }

    #[test]
    fn while_one_collector_answers_every_batch_is_offered(
        good in 0usize..3, budget in 0u64..2000, retry_after in prop::option::of(0i64..1_000_000),
    ) {
        let (mut outbox, mut model) = (Outbox::new(3, budget), Model::with(10));
        for _ in 0..1000 {
            match outbox.next(model.waiting(), model.now) {
                Next::Send(collector) if collector == good => model.take(&mut outbox, collector, &Answer::Acknowledged),
                Next::Send(collector) => {
                    let silence = Answer::NotNow(retry_after.map(SignedDuration::from_secs));
                    model.take(&mut outbox, collector, &silence);
                }
                Next::Wait(until, _) => model.sleep_until(until),
                Next::Seal | Next::Idle(_) => break,
            }
        }
        prop_assert_eq!(model.deleted.len(), 10);
    }

    #[test]
    fn waits_never_exceed_the_cap_nor_undercut_retry_after(
        asked in prop::collection::vec(prop::option::of(0i64..1_000_000), 1..50), dice in 0.0f64..1.0,
    ) {
        let mut outbox = Outbox::new(1, u64::MAX);
        let mut now = NOW;
        for seconds in asked {
            let asked = seconds.map(SignedDuration::from_secs);
            outbox.answered(0, &Answer::NotNow(asked), now, dice);
            let (until, _) = outbox.next(batch(1), now).deadline().expect("it rests after a failure");
            let wait = until.duration_since(now);
            let asked = asked.unwrap_or_default().min(RETRY_AFTER_CAP);
            prop_assert!(wait >= asked, "{wait} is shorter than {asked}");
            prop_assert!(wait <= asked.max(BACKOFF_CAP), "{wait} is beyond the cap");
            now = until;
        }
    }
}
