//! What was once sent stays readable: the frozen report and batch of `tests/corpus`.

use std::fs;
use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use kedergi_wire::{Batch, Digest, Envelope, Kind, Report, seal};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus").join(name)
}

/// SHA-256 of the files as they were frozen.
const REPORT: &str = "dc8a51c4b7a814bb3ad51156b0b223bfdc07d75ae11bf8d196ffc432a783030e";
const BATCH: &str = "4e5a5c8b95b6fd0625ded493510d83aaf271393b41c5a0802922360956e6b98e";

fn frozen(name: &str, sha256: &str) -> Vec<u8> {
    let bytes = fs::read(golden(name)).expect("a frozen example is never removed");
    assert_eq!(Digest::of(&bytes).to_string(), sha256, "{name} was changed; add a new file beside it");
    bytes
}

fn report() -> Report {
    let bytes = frozen("report-v1.json", REPORT);
    serde_json::from_slice(&bytes).expect("reports of format 1 decode")
}

#[test]
fn a_report_of_format_1_decodes_and_means_the_same_when_written_again() {
    let written = serde_json::to_value(report()).unwrap();
    let read: Value = serde_json::from_slice(&frozen("report-v1.json", REPORT)).unwrap();
    assert_eq!(written, read);
}

#[test]
fn a_signed_batch_opens() {
    let bytes = frozen("batch-v1.kdg", BATCH);
    let envelope = Envelope::parse(&bytes).unwrap();
    assert_eq!(envelope.sender().0, *key().verifying_key().as_bytes());
    assert_eq!(envelope.open::<Batch>(Kind::Batch).unwrap(), Batch { reports: vec![report()] });
}

#[test]
fn a_batch_sealed_today_opens_to_the_same() {
    // The bytes may differ: another version of zstd may compress better.
    let bytes = seal(Kind::Batch, &key(), &Batch { reports: vec![report()] }).unwrap();
    let opened: Batch = Envelope::parse(&bytes).unwrap().open(Kind::Batch).unwrap();
    assert_eq!(opened.reports, [report()]);
}

#[test]
fn a_report_of_another_format_is_refused() {
    let mut value = serde_json::to_value(report()).unwrap();
    value["format"] = 2.into();
    let error = serde_json::from_value::<Report>(value).unwrap_err();
    assert!(error.to_string().contains("format 2"), "{error}");
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}
