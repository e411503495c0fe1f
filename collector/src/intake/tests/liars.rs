//! Probes that lie, through the whole collector: what they make up becomes no event, and what they deny is told all the same.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use kedergi_store::{CanaryAnswer, Said};
use kedergi_wire::{Asn, Report, Stored};

use super::house::{Guest, House, INVITE, OPEN_INVITE, PATIENCE, PROXY};
use super::sample::{TARGET, reached, reset};
use crate::config::{CanarySettings, Proxy};

/// Addresses of honest probes, each in a neighbourhood of its own, and one where two liars live beside each other.
const HONEST: [&str; 5] = ["198.51.100.1", "203.0.113.1", "2001:db8:6450::1", "2001:db8:6451::1", "2001:db8:6452::1"];
const NEIGHBOURS: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
/// Three hours of measurements; in the second half something is blocked, or is said to be.
const MINUTES: i64 = 180;
const HALF: i64 = MINUTES / 2;

/// What somebody says in the second half; in the first half everybody reached it.
#[derive(Clone, Copy)]
enum Says {
    Blocked,
    Reached,
}

/// What a probe says all along, once every `period` minutes.
fn says(says: Says, period: i64, phase: i64, began: Timestamp) -> Vec<Report> {
    let minutes = (phase..MINUTES).step_by(usize::try_from(period).unwrap());
    let reports = minutes.zip(1..).map(|(minute, sequence)| {
        let report = match says {
            Says::Blocked if minute >= HALF => reset(sequence),
            Says::Blocked | Says::Reached => reached(sequence),
        };
        Report { started: began + SignedDuration::from_mins(minute), ..report }
    });
    reports.collect()
}

struct Town {
    house: House,
    began: Timestamp,
}

impl Town {
    async fn open() -> Self {
        let proxy = Proxy::try_from(PROXY.to_owned()).unwrap();
        let house = House::open_with(|config| config.trusted_proxies = vec![proxy]).await;
        let began = Timestamp::now() - SignedDuration::from_mins(MINUTES);
        house.control().await.report(says(Says::Reached, 10, 0, began)).await;
        Self { house, began }
    }

    async fn honest(&self, count: u8, what: Says) {
        for (number, address) in (1..=count).zip(HONEST) {
            let guest = self.house.guest_at(number, address);
            guest.enroll(INVITE).await;
            guest.report(says(what, 10, number.into(), self.began)).await;
        }
    }

    async fn two(&self, addresses: [&str; 2], what: Says) {
        for (number, address) in (101..).zip(addresses) {
            let guest = self.house.guest_at(number, address);
            guest.enroll(INVITE).await;
            guest.report(says(what, 2, 0, self.began)).await;
        }
    }

    /// A hundred that enroll today, from sixteen neighbourhoods.
    async fn flood(&self, what: Says) {
        let newcomers = (100..200_u8).map(|number| async move {
            let guest: Guest = self.house.guest_at(number, &format!("2001:db8:645{:x}::{number}", number % 16));
            guest.enroll(OPEN_INVITE).await;
            guest.report(says(what, 10, i64::from(number % 10), self.began)).await;
        });
        stream::iter(newcomers).buffer_unordered(8).collect::<()>().await;
    }

    /// A hundred that enroll today, spread over four networks, on one of which honest ones have been for long.
    async fn scattered_flood(&self, what: Says) {
        let newcomers = (100..200_u8).map(|number| async move {
            let address = match number % 4 {
                0 => format!("10.1.{number}.1"),
                1 => format!("10.2.{number}.1"),
                2 => format!("127.212.99.{number}"),
                _ => format!("2001:db8:645{:x}::{number}", number % 16),
            };
            let guest: Guest = self.house.guest_at(number, &address);
            guest.enroll(OPEN_INVITE).await;
            guest.report(says(what, 10, i64::from(number % 10), self.began)).await;
        });
        stream::iter(newcomers).buffer_unordered(8).collect::<()>().await;
    }

    /// How many events were told to anybody, once all was read. What is only suspected is told to nobody.
    async fn events(&self) -> i64 {
        let facts = self.house.database();
        let count = |sql| -> i64 { facts.query_row(sql, [], |row| row.get(0)).unwrap() };
        let last = count("SELECT max(cursor) FROM fact");
        let deadline = Instant::now() + PATIENCE;
        // Where facts came from is forgotten once detection has saved what followed.
        while self.house.app.ledger(|ledger| ledger.detection_cursor()).await.unwrap() < last
            || count("SELECT count(*) FROM neighbourhood") > 0
        {
            assert!(Instant::now() < deadline, "detection did not keep up");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let ledger = rusqlite::Connection::open(self.house.data_dir().join("ledger.db")).unwrap();
        let told = "SELECT count(*) FROM event WHERE json_extract(body, '$.reached.confirmed') IS NOT NULL";
        ledger.query_row(told, [], |row| row.get(0)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_liars_of_one_neighbourhood_make_no_event_and_two_strangers_would() {
    for (addresses, events) in [(NEIGHBOURS, 0), (["192.0.2.1", "2001:db8:645f::1"], 1)] {
        let town = Town::open().await;
        town.honest(3, Says::Reached).await;
        town.two(addresses, Says::Blocked).await;
        assert_eq!(town.events().await, events, "{addresses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_liars_of_one_neighbourhood_hide_no_event() {
    let town = Town::open().await;
    town.honest(3, Says::Blocked).await;
    town.two(NEIGHBOURS, Says::Reached).await;
    assert_eq!(town.events().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_newcomers_make_no_event() {
    let town = Town::open().await;
    town.honest(3, Says::Reached).await;
    town.flood(Says::Blocked).await;
    assert_eq!(town.events().await, 0);
    let facts = town.house.facts().await;
    assert!(facts.iter().filter(|fact| fact.provenance.enrolled.is_some()).count() >= 800);
    assert!(facts.iter().skip(100).all(|fact| fact.network == Asn::new(64_503)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_newcomers_on_four_networks_make_no_event() {
    let town = Town::open().await;
    town.honest(3, Says::Reached).await;
    town.scattered_flood(Says::Blocked).await;
    assert_eq!(town.events().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_newcomers_hide_no_event() {
    let town = Town::open().await;
    town.honest(5, Says::Blocked).await;
    town.flood(Says::Reached).await;
    assert_eq!(town.events().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reaches_what_answers_nobody_loses_its_vote() {
    let canary = CanarySettings { url: TARGET.parse().unwrap(), answers: false };
    let house = House::open_with(|config| config.canaries = vec![canary]).await;
    let (liar, honest) = (house.probe(1, "127.91.98.1").await, house.probe(2, "127.91.98.2").await);
    liar.report(vec![reached(1)]).await;
    honest.report(vec![reset(1)]).await;
    assert!(house.facts().await.is_empty(), "a canary is no measurement of a network");
    // It had lied the day before as well.
    let yesterday = Timestamp::now() - SignedDuration::from_hours(24);
    let (probe, target) = (liar.id(), TARGET.parse().unwrap());
    let lie = CanaryAnswer { probe, target, network: None, at: yesterday, said: Said::Reached, answers: false };
    assert!(house.app.ledger(move |ledger| ledger.answer_canary(&lie)).await.unwrap());
    let metrics = liar.client.get(format!("{}metrics", house.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("kedergi_probes_distrusted 1"), "{metrics}");
    // The same target, were it an ordinary one.
    let house = house.restart().await;
    let (liar, honest) = (house.guest(1), house.guest(2));
    assert_eq!(liar.report(vec![reached(2)]).await.stored, Stored::New, "it is not told");
    honest.report(vec![reset(2)]).await;
    let facts = house.facts().await;
    assert_eq!(facts.iter().map(|fact| fact.probe).collect::<Vec<_>>(), [honest.id()]);
    assert_eq!(house.batches(), 4, "kept as evidence");
}
