//! Whatever a file holds that somebody wants imported, it is read to its end, and each of its lines is taken or counted.

use bolero::check;
use kedergi_collector::{count_ooni, count_scores};
use kedergi_fuzz::{Wound, wounded};

const TABLE: &[u8] = include_bytes!("../../../collector/src/import/scores/odd.csv");

/// Measurements, one a line: of a site, as old and as new versions write them, and of a messenger.
const MEASUREMENTS: &[u8] = include_bytes!("../../../collector/src/import/ooni/measurements.jsonl");

#[test]
fn ooni() {
    check!().for_each(|bytes: &[u8]| {
        let _ = count_ooni(bytes);
    });
}

#[test]
fn ooni_wounded() {
    assert_eq!(count_ooni(MEASUREMENTS), Some((3, 0)));
    check!().with_type::<Vec<Wound>>().for_each(|wounds| {
        let _ = count_ooni(&wounded(MEASUREMENTS, wounds));
    });
}

#[test]
fn scores() {
    check!().for_each(|bytes: &[u8]| {
        let _ = count_scores(bytes);
    });
}

#[test]
fn scores_wounded() {
    assert_eq!(count_scores(TABLE), Some((3, 16)));
    check!().with_type::<Vec<Wound>>().for_each(|wounds| {
        let _ = count_scores(&wounded(TABLE, wounds));
    });
}
