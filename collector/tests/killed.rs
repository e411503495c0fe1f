//! The real program, killed in the middle of taking reports: what it acknowledged, it still has.

#![expect(clippy::unwrap_used, reason = "a test's own functions may fail the test")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use kedergi_wire::{
    ApiPath, Batch, CONSENT_VERSION, EnrollRequest, FORMAT, Kind, Line, Receipt, Report, Stored, Vantage, seal,
};
use reqwest::Client;
use tokio::time::sleep;

/// Lives of the collector; each ends a little later in the work than the one before.
const LIVES: u64 = 6;

fn collector(verb: &str, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kedergi-collector"));
    command.arg(verb).arg("--data-dir").arg(data).env("KEDERGI_LOG", "off");
    command
}

fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// One life of the collector; it ends with the value.
struct Life {
    process: Child,
    url: String,
}

impl Life {
    fn begin(data: &Path) -> Self {
        let mut serve = collector("serve", data);
        let mut process = serve.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line[line.find("http://").unwrap()..].trim().trim_end_matches('/').to_owned();
        Self { process, url }
    }
}

impl Drop for Life {
    /// SIGKILL: it has no chance to put anything in order.
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A client that needs no trust store; everything here goes over loopback in the clear.
fn client() -> Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

fn batch(key: &SigningKey, sequence: u64) -> Vec<u8> {
    let report = Report {
        format: FORMAT,
        sequence,
        started: Timestamp::now(),
        clock_offset_ms: None,
        target: "https://www.facebook.com/".parse().unwrap(),
        vantage: Vantage::default(),
        line: Line::default(),
        observations: Vec::new(),
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    };
    seal(Kind::Batch, key, &Batch { reports: vec![report] }).unwrap()
}

/// The receipt, or nothing where the collector is no more.
async fn send(client: &Client, url: &str, bytes: &[u8]) -> Option<Receipt> {
    let response = client.post(format!("{url}{}", ApiPath::REPORTS)).body(bytes.to_vec()).send().await.ok()?;
    response.error_for_status().unwrap().json().await.ok()
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key, client) = (folder.path(), SigningKey::from_bytes(&[5; 32]), client());
    let invite = String::from_utf8(output(&mut collector("invite", data)).stdout).unwrap();
    let request = EnrollRequest { invite, consent: CONSENT_VERSION, software: "test".to_owned() };
    let enroll = seal(Kind::Enroll, &key, &request).unwrap();
    let mut acknowledged = Vec::new();
    let mut sequence = 0;
    for life in 0..LIVES {
        let collector = Life::begin(data);
        let url = collector.url.clone();
        if life == 0 {
            let enrolled = client.post(format!("{url}{}", ApiPath::ENROLL)).body(enroll.clone()).send().await.unwrap();
            enrolled.error_for_status().unwrap();
        }
        let killed = tokio::spawn(async move {
            sleep(Duration::from_millis(150 + 37 * life)).await;
            tokio::task::spawn_blocking(|| drop(collector)).await.unwrap();
        });
        loop {
            sequence += 1;
            let bytes = batch(&key, sequence);
            let Some(receipt) = send(&client, &url, &bytes).await else { break };
            assert_eq!(receipt.stored, Stored::New);
            acknowledged.push(bytes);
        }
        killed.await.unwrap();
    }
    assert!(acknowledged.len() > 20, "only {} batches got through", acknowledged.len());
    let collector = Life::begin(data);
    for bytes in &acknowledged {
        assert_eq!(send(&client, &collector.url, bytes).await.unwrap().stored, Stored::Duplicate);
    }
}
