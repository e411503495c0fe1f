use std::cell::RefCell;
use std::future::ready;
use std::net::TcpListener;
use std::rc::Rc;

use jiff::Timestamp;
use kedergi_wire::Problem;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::*;
use crate::enroll::enroll_at;
use crate::fake_collector::{FakeCollector, INVITE, Mood};
use crate::spool::tests::report;

/// No test here takes longer when all is well.
const DEADLINE: Duration = Duration::from_secs(30);

/// A probe with a home of its own, whose measurements are made up.
struct Probe {
    _home: TempDir,
    config: Config,
    runs: Rc<RefCell<Vec<Run>>>,
}

impl Probe {
    /// Enrolled with a collector that has a list of three targets.
    async fn enrolled(collector: &FakeCollector) -> Self {
        collector.books(|books| books.list = Some((1, targets(3))));
        let home = tempfile::tempdir().unwrap();
        let config = Config { data_dir: home.path().join("data"), interval_s: 600, ..Config::default() };
        enroll_at(&config, collector.url.clone(), INVITE.to_owned(), true).await.unwrap();
        Self { _home: home, config, runs: Rc::default() }
    }

    fn measure(&self) -> Measure {
        let runs = Rc::clone(&self.runs);
        Box::new(move |run| {
            let seen = run.targets.iter().cloned().zip(run.first_sequence..);
            let reports = seen.map(|(target, sequence)| Report { target, ..report(sequence) }).collect();
            runs.borrow_mut().push(run);
            ready(reports).boxed_local()
        })
    }

    /// Lets the daemon work until `done`.
    async fn work_until(&self, done: impl Fn(&Self) -> bool) {
        let daemon = Daemon::open(self.config.clone(), self.measure()).unwrap();
        let done = async {
            while !done(self) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, daemon.run_until(done)).await.expect("nothing happened for long").unwrap();
    }

    fn spool(&self) -> Spool {
        Spool::look(&DataDir::at(&self.config.data_dir).spool()).unwrap()
    }

    fn life(&self) -> Life {
        self.spool().kept_json(Kept::Life).unwrap().unwrap_or_default()
    }

    fn delivered(&self) -> u64 {
        self.spool().counts().unwrap().delivered
    }

    fn waiting(&self) -> u64 {
        let counts = self.spool().counts().unwrap();
        counts.unsealed + counts.sealed
    }

    /// Another collector, or none, in place of the one enrolled with.
    fn turn_to(&self, url: Url) {
        let dir = DataDir::at(&self.config.data_dir);
        let enrolment = dir.enrolment().unwrap().unwrap();
        dir.record(&Enrolment { collector: url, ..enrolment }).unwrap();
    }

    /// As if an interval had passed.
    fn due(&self) {
        let mut spool = Spool::open(&DataDir::at(&self.config.data_dir).spool(), u64::MAX).unwrap();
        spool.keep_json(Kept::Life, &Life { next_round: None, ..self.life() }).unwrap();
    }
}

fn targets(count: u64) -> Vec<TargetUrl> {
    (1..=count).map(|site| report(site).target).collect()
}

fn deserted() -> Url {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}").parse().unwrap()
}

fn exit_code(config: &Config) -> Option<u8> {
    let measure: Measure = Box::new(|_| ready(Vec::new()).boxed_local());
    Daemon::open(config.clone(), measure).err().map(|cause| Error::from(cause).exit_code())
}

#[tokio::test]
async fn it_measures_the_list_and_delivers() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    probe.work_until(|probe| probe.delivered() == 3).await;
    assert_eq!(collector.sequences(), [1, 2, 3]);
    let with: BTreeSet<_> = collector.reports().into_iter().map(|report| report.instrument.unwrap().list).collect();
    assert_eq!(with.len(), 1, "all of one service");
    assert!(with.iter().all(Option::is_some));
    let runs = probe.runs.borrow();
    let mut measured = runs[0].targets.clone();
    measured.sort();
    assert_eq!(measured, targets(3));
    assert_eq!(runs[0].vantage.network.map(|known| known.value.get()), Some(9198));
    assert!(runs[0].clock_offset_ms.is_some_and(|offset| offset.abs() < 5000));
    assert_eq!(probe.spool().verdicts().unwrap().len(), 3);
    assert_eq!(probe.life().collector, Some(collector.url.clone()));
}

#[tokio::test]
async fn a_lost_receipt_sends_the_very_same_bytes_again() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    collector.books(|books| books.moods.push_back(Mood::LosesReceipt));
    probe.work_until(|probe| probe.delivered() == 3).await;
    collector.books(|books| {
        assert_eq!(books.offered.len(), 2);
        assert_eq!(books.offered[0], books.offered[1]);
        assert_eq!((books.stored.len(), books.duplicates), (1, 1));
    });
}

#[tokio::test]
async fn a_busy_collector_is_left_alone_and_asked_again() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    collector.books(|books| books.moods.push_back(Mood::Busy(3)));
    let begun = Timestamp::now();
    probe.work_until(|probe| probe.delivered() == 3).await;
    assert!(Timestamp::now().duration_since(begun) >= SignedDuration::from_secs(3));
}

#[tokio::test]
async fn the_second_collector_serves_where_the_first_is_gone() {
    let collector = FakeCollector::start().await;
    let mut probe = Probe::enrolled(&collector).await;
    probe.config.collectors = vec![deserted(), collector.url.clone()];
    probe.work_until(|probe| probe.delivered() == 3).await;
    assert_eq!(probe.life().collector, Some(collector.url.clone()));
}

#[tokio::test]
async fn without_a_collector_it_measures_judges_and_stores_and_delivers_later() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    probe.work_until(|probe| probe.delivered() == 3).await;

    probe.turn_to(deserted());
    probe.due();
    probe.work_until(|probe| probe.waiting() == 3 && probe.life().delivering.contains("could be reached")).await;
    assert_eq!((probe.delivered(), probe.spool().verdicts().unwrap().len()), (3, 3));

    probe.turn_to(collector.url.clone());
    probe.work_until(|probe| probe.delivered() == 6).await;
    assert_eq!(collector.sequences(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn told_to_stop_it_stops_amid_a_run_and_loses_no_number() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    let (begun, seen) = (Rc::new(RefCell::new(false)), Rc::new(RefCell::new(Timestamp::MAX)));
    let flag = Rc::clone(&begun);
    let endless: Measure = Box::new(move |_| {
        *flag.borrow_mut() = true;
        pending().boxed_local()
    });
    let daemon = Daemon::open(probe.config.clone(), endless).unwrap();
    let stop = async {
        while !*begun.borrow() {
            sleep(Duration::from_millis(10)).await;
        }
        *seen.borrow_mut() = Timestamp::now();
    };
    timeout(DEADLINE, daemon.run_until(stop)).await.unwrap().unwrap();
    assert!(Timestamp::now().duration_since(*seen.borrow()) < SignedDuration::from_secs(2));

    probe.due();
    probe.work_until(|probe| probe.delivered() == 3).await;
    assert_eq!(collector.sequences(), [4, 5, 6], "the numbers of the run that was broken off are not used again");
}

#[tokio::test]
async fn it_measures_nothing_without_a_list_it_can_trust() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    collector.books(|books| books.forger = Some(SigningKey::from_bytes(&[1; 32])));
    probe.work_until(|probe| probe.life().last_contact.is_some()).await;
    assert!(probe.runs.borrow().is_empty());
    assert_eq!(probe.life().measuring, "there is no target list to measure");
}

#[tokio::test]
async fn an_older_list_is_not_taken() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    collector.books(|books| books.list = Some((5, targets(3))));
    probe.work_until(|probe| probe.delivered() == 3).await;

    collector.books(|books| books.list = Some((4, targets(1))));
    probe.due();
    probe.work_until(|probe| probe.delivered() == 6).await;
    assert_eq!(probe.runs.borrow()[1].targets.len(), 3);
}

#[tokio::test]
async fn a_retest_is_measured_between_rounds() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    probe.work_until(|probe| probe.delivered() == 3).await;

    let stranger: TargetUrl = "https://elsewhere.example".parse().unwrap();
    collector.books(|books| books.retest = vec![report(2).target, stranger]);
    probe.work_until(|probe| probe.delivered() == 4).await;
    let run = &probe.runs.borrow()[1];
    assert_eq!(run.targets, [report(2).target]);
    assert!(run.compared.contains(&report(2).target), "what is asked for again is compared with a control host");
}

#[tokio::test]
async fn a_revoked_probe_stops_and_says_so() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    probe.work_until(|probe| probe.delivered() == 3).await;

    collector.books(|books| books.unwelcome = Some((403, Problem::REVOKED_PROBE)));
    probe.work_until(|probe| probe.life().measuring.contains("revoked")).await;
    let runs = probe.runs.borrow().len();
    assert_eq!((runs, collector.sequences().len()), (1, 3));

    collector.books(|books| books.unwelcome = None);
    probe.due();
    probe.work_until(|probe| probe.delivered() == 6).await;
}

#[tokio::test]
async fn a_batch_refused_for_good_does_not_hold_up_the_next() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    collector.books(|books| books.moods.push_back(Mood::Refuses(400, Problem::MALFORMED)));
    probe.work_until(|probe| probe.spool().counts().unwrap().refused == 3).await;
    probe.due();
    probe.work_until(|probe| probe.delivered() == 3).await;
    assert_eq!(collector.sequences(), [4, 5, 6]);
}

#[tokio::test]
async fn without_consent_nothing_starts() {
    let collector = FakeCollector::start().await;
    let probe = Probe::enrolled(&collector).await;
    assert_eq!(exit_code(&probe.config), None);

    let dir = DataDir::at(&probe.config.data_dir);
    let enrolment = dir.enrolment().unwrap().unwrap();
    dir.record(&Enrolment { consent: enrolment.consent - 1, ..enrolment }).unwrap();
    assert_eq!(exit_code(&probe.config), Some(4));

    let elsewhere = Config { data_dir: probe.config.data_dir.join("none"), ..probe.config.clone() };
    assert_eq!(exit_code(&elsewhere), Some(4));
}
