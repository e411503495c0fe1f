use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);
const PLENTY: Download = Download { today: 0, budget: u64::MAX };

fn at(seconds: i64) -> Timestamp {
    later(NOW, SignedDuration::from_secs(seconds))
}

fn targets(count: usize) -> Vec<TargetUrl> {
    (0..count).map(|i| format!("https://site-{i}.example").parse().unwrap()).collect()
}

fn sorted(mut run: Vec<TargetUrl>) -> Vec<TargetUrl> {
    run.sort();
    run
}

struct Setting {
    schedule: Schedule,
    wanted: Vec<TargetUrl>,
    rng: SmallRng,
}

impl Setting {
    fn new(targets_wanted: usize) -> Self {
        let schedule = Schedule::new(600, None, NOW);
        Self { schedule, wanted: targets(targets_wanted), rng: SmallRng::seed_from_u64(7) }
    }

    fn next(&mut self, seconds: i64) -> Due {
        self.schedule.next(&self.wanted, PLENTY, at(seconds), &mut self.rng)
    }
}

#[test]
fn the_first_round_begins_at_once_and_the_next_after_an_interval() {
    let mut setting = Setting::new(3);
    let Due::Measure(run) = setting.next(0) else { panic!("nothing to measure") };
    assert_eq!(sorted(run), targets(3));
    let Some((until, why)) = setting.next(1).deadline() else { panic!("no deadline") };
    assert!((540..=660).contains(&until.duration_since(NOW).as_secs()), "{until}");
    assert_eq!(why, "waiting for the next round");
}

#[test]
fn a_restart_keeps_the_rhythm() {
    let mut schedule = Schedule::new(600, Some(at(500)), NOW);
    let due = schedule.next(&targets(1), PLENTY, NOW, &mut SmallRng::seed_from_u64(7));
    assert_eq!(due.deadline(), Some((at(500), "waiting for the next round")));
}

#[test]
fn a_clock_set_back_does_not_stop_it() {
    let mut schedule = Schedule::new(600, Some(at(1_000_000_000)), NOW);
    let due = schedule.next(&targets(1), PLENTY, NOW, &mut SmallRng::seed_from_u64(7));
    assert_eq!(due.deadline(), Some((at(660), "waiting for the next round")));
}

#[test]
fn a_retest_comes_first_but_not_within_the_gap() {
    let mut setting = Setting::new(3);
    assert!(matches!(setting.next(0), Due::Measure(_)));
    setting.schedule.retest(targets(1));
    assert_eq!(setting.next(10), Due::Wait(at(60), "waiting to test a target again"));
    assert_eq!(setting.next(60), Due::Measure(targets(1)));
    assert_ne!(setting.next(60), Due::Measure(targets(1)));
}

#[test]
fn a_collector_cannot_make_it_measure_what_is_not_on_the_list() {
    let mut setting = Setting::new(1);
    assert!(matches!(setting.next(0), Due::Measure(_)));
    setting.schedule.retest(["https://elsewhere.example".parse().unwrap()]);
    assert!(matches!(setting.next(300), Due::Wait(_, "waiting for the next round")));
}

#[test]
fn without_a_list_or_a_budget_nothing_is_measured() {
    let mut setting = Setting::new(0);
    assert_eq!(setting.next(0), Due::Nothing("there is no target list to measure"));
    let spent = Download { today: 10, budget: 10 };
    let due = setting.schedule.next(&targets(1), spent, NOW, &mut setting.rng);
    assert_eq!(due.deadline().map(|(_, why)| why), Some("today's download budget is used up"));
}

proptest! {
    #[test]
    fn every_round_measures_each_target_once(count in 1usize..200, seed: u64) {
        let mut setting = Setting { rng: SmallRng::seed_from_u64(seed), ..Setting::new(count) };
        let mut seen = Vec::new();
        while let Due::Measure(run) = setting.next(0) {
            prop_assert!(run.len() <= RUN_TARGETS);
            seen.extend(run);
        }
        prop_assert_eq!(sorted(seen), sorted(targets(count)));
    }

    #[test]
    fn rounds_keep_their_distance_and_retests_their_gap(
        steps in prop::collection::vec((0i64..200, prop::option::of(0usize..5)), 1..200), seed: u64,
    ) {
        let mut setting = Setting { rng: SmallRng::seed_from_u64(seed), ..Setting::new(5) };
        let (mut now, mut rounds, mut last) = (0, Vec::new(), BTreeMap::<TargetUrl, i64>::new());
        for (pause, retest) in steps {
            now += pause;
            setting.schedule.retest(retest.map(|i| setting.wanted[i].clone()));
            let due_before = setting.schedule.next_round();
            match setting.next(now) {
                Due::Measure(run) if setting.schedule.next_round() != due_before => {
                    rounds.push(now);
                    last.extend(run.into_iter().map(|target| (target, now)));
                }
                Due::Measure(run) => for target in run {
                    if let Some(before) = last.insert(target, now) {
                        prop_assert!(now - before >= 60, "tested again after {} s", now - before);
                    }
                },
                Due::Wait(until, _) => {
                    let wait = until.duration_since(at(now));
                    prop_assert!(wait > SignedDuration::ZERO && wait <= SignedDuration::from_secs(660), "{wait}");
                }
                Due::Nothing(why) => prop_assert!(false, "{why}"),
            }
        }
        prop_assert!(rounds.windows(2).all(|pair| pair[1] - pair[0] >= 540), "{rounds:?}");
    }
}

/// A day of a probe that would measure without a pause: what is received stays within the budget, but for one target.
#[test]
fn a_days_budget_holds() {
    let (budget, mut today) = (3 * 1024 * 1024, 0);
    let mut setting = Setting::new(200);
    let mut measured = 0;
    for second in 0..2000 {
        setting.schedule.retest(targets(20));
        let download = Download { today, budget };
        match setting.schedule.next(&setting.wanted, download, at(second), &mut setting.rng) {
            Due::Measure(run) => {
                measured += run.len();
                today += TARGET_BYTES * u64::try_from(run.len()).unwrap();
            }
            Due::Wait(..) | Due::Nothing(_) => {}
        }
        assert!(today <= budget + TARGET_BYTES, "{today} at {second}");
    }
    assert_eq!(measured, 24);
}
