//! A running collector and those who knock.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use kedergi_store::{Fact, NewInvite};
use kedergi_wire::{
    Agenda, ApiPath, Batch, BatchId, CONSENT_VERSION, EnrollReply, EnrollRequest, Envelope, Heartbeat, Kind, ProbeId,
    Problem, Receipt, Report, Role, TargetBundle, seal,
};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use rusqlite::Connection;
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::invite_hash;
use crate::serve::{ServeError, Server};

pub(super) const INVITE: &str = "FOR-PROBES";
/// For whoever comes: nobody vouches for them.
pub(super) const OPEN_INVITE: &str = "FOR-ANYBODY";
pub(super) const CONTROL_INVITE: &str = "FOR-CONTROLS";
/// A proxy that a house may be told to trust.
pub(super) const PROXY: &str = "127.0.0.9";
/// What a loaded machine may take; a test that waits so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A collector with two invitations, listening on a free port.
pub(super) struct House {
    folder: Arc<TempDir>,
    pub(super) app: App,
    pub(super) url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens with a configuration of its own. Whoever needs files may put them in the data directory.
    pub(super) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let house = Self::start(Arc::new(tempfile::tempdir().unwrap()), change).await;
        let invites =
            [(INVITE, Role::Probe, true), (OPEN_INVITE, Role::Probe, false), (CONTROL_INVITE, Role::Control, true)];
        for (code, role, vouched) in invites {
            let invite = NewInvite { code_hash: invite_hash(code), role, uses: 100, expires: None, vouched };
            house.app.ledger(move |ledger| ledger.add_invite(invite)).await.unwrap();
        }
        house
    }

    async fn start(folder: Arc<TempDir>, change: impl FnOnce(&mut Config)) -> Self {
        let data_dir = folder.path().to_owned();
        let mut config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir, ..Config::default() };
        config.alerts.stdout = false;
        change(&mut config);
        let server = Server::bind(config, Clock::Machine).await.unwrap();
        let (app, url) = (server.app().clone(), server.url());
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self { folder, app, url, stop, server }
    }

    pub(super) async fn close(self) -> Arc<TempDir> {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap().unwrap();
        self.folder
    }

    /// Ends it and starts it again on the same data.
    pub(super) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    pub(super) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let folder = self.close().await;
        Self::start(folder, change).await
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(super) async fn facts(&self) -> Vec<Fact> {
        let facts = self.app.facts(|facts| facts.scan_after(0, 1000)).await.unwrap();
        facts.into_iter().map(|(_, fact)| fact).collect()
    }

    /// The facts, past all of the store's own code.
    pub(super) fn database(&self) -> Connection {
        Connection::open(self.data_dir().join("facts.db")).unwrap()
    }

    /// Batches on disk.
    pub(super) fn batches(&self) -> i64 {
        self.database().query_row("SELECT count(*) FROM batch", [], |row| row.get(0)).unwrap()
    }

    pub(super) fn guest(&self, number: u8) -> Guest {
        Guest { url: self.url.clone(), key: SigningKey::from_bytes(&[number; 32]), client: client(None, false) }
    }

    /// A probe that enrolled, on a line of that network's slice of loopback.
    pub(super) async fn probe(&self, number: u8, address: &str) -> Guest {
        let guest = Guest { client: client(address.parse().ok(), false), ..self.guest(number) };
        guest.enroll(INVITE).await;
        guest
    }

    /// A guest whose connections come through the proxy at [`PROXY`], from that address.
    pub(super) fn guest_at(&self, number: u8, address: &str) -> Guest {
        let forwarded = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), address.parse().unwrap())]);
        let client = builder(PROXY.parse().ok()).default_headers(forwarded).build().unwrap();
        Guest { client, ..self.guest(number) }
    }

    pub(super) async fn control(&self) -> Guest {
        let guest = self.guest(200);
        guest.enroll(CONTROL_INVITE).await;
        guest
    }
}

/// A client with an address of its own that trusts nobody's certificate.
pub(super) fn client(from: Option<IpAddr>, only_h2: bool) -> Client {
    let client = builder(from);
    if only_h2 { client.http2_prior_knowledge() } else { client }.build().unwrap()
}

fn builder(from: Option<IpAddr>) -> ClientBuilder {
    Client::builder().tls_backend_preconfigured(tls(None)).local_address(from).no_proxy().timeout(PATIENCE)
}

/// TLS that trusts `root` alone.
pub(super) fn tls(root: Option<&[u8]>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if let Some(root) = root {
        roots.add(root.to_vec().into()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(roots).with_no_client_auth()
}

/// Somebody with a key, enrolled or not.
pub(super) struct Guest {
    pub(super) url: String,
    pub(super) key: SigningKey,
    pub(super) client: Client,
}

impl Guest {
    pub(super) fn id(&self) -> ProbeId {
        ProbeId(self.key.verifying_key().to_bytes())
    }

    pub(super) async fn post(&self, path: &str, bytes: Vec<u8>) -> Response {
        let url = format!("{}{}", self.url.trim_end_matches('/'), path);
        self.client.post(url).body(bytes).send().await.unwrap()
    }

    async fn say<T: DeserializeOwned>(&self, path: &str, kind: Kind, payload: &impl Serialize) -> T {
        let response = self.post(path, seal(kind, &self.key, payload).unwrap()).await;
        let (status, body) = (response.status(), response.bytes().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    pub(super) fn request(invite: &str) -> EnrollRequest {
        EnrollRequest { invite: invite.to_owned(), consent: CONSENT_VERSION, software: "test 1".to_owned() }
    }

    pub(super) async fn enroll(&self, invite: &str) -> EnrollReply {
        self.say(ApiPath::ENROLL, Kind::Enroll, &Self::request(invite)).await
    }

    pub(super) fn heartbeat(bundle: Option<u64>, wait_s: u16) -> Heartbeat {
        let software = "test 1".to_owned();
        Heartbeat { sent: Timestamp::now(), bundle, spooled: 0, dropped: 0, software, wait_s }
    }

    pub(super) async fn beat(&self, bundle: Option<u64>, wait_s: u16) -> Agenda {
        self.say(ApiPath::HEARTBEAT, Kind::Heartbeat, &Self::heartbeat(bundle, wait_s)).await
    }

    /// The bundle, and who signed it.
    pub(super) async fn bundle(&self) -> (TargetBundle, ProbeId) {
        let bytes = seal(Kind::Heartbeat, &self.key, &Self::heartbeat(None, 0)).unwrap();
        let response = self.post(ApiPath::BUNDLE, bytes).await;
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        let bytes = response.bytes().await.unwrap();
        let envelope = Envelope::parse(&bytes).unwrap();
        (envelope.open(Kind::Targets).unwrap(), envelope.sender())
    }

    pub(super) fn batch(&self, reports: Vec<Report>) -> Vec<u8> {
        seal(Kind::Batch, &self.key, &Batch { reports }).unwrap()
    }

    pub(super) async fn report(&self, reports: Vec<Report>) -> Receipt {
        self.say(ApiPath::REPORTS, Kind::Batch, &Batch { reports }).await
    }

    /// Sends what should be refused and returns how it was.
    pub(super) async fn refused(&self, path: &str, bytes: Vec<u8>) -> Problem {
        problem(self.post(path, bytes).await).await
    }
}

pub(super) async fn problem(response: Response) -> Problem {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Problem = response.json().await.unwrap();
    assert_eq!(problem.status, status);
    problem
}

pub(super) fn id(bytes: &[u8]) -> BatchId {
    Envelope::parse(bytes).unwrap().id()
}
