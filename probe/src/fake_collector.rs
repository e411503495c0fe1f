//! A collector of a hundred lines for the tests: real HTTP on loopback, answers to order, everything it was sent kept.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use ed25519_dalek::SigningKey;
use futures_util::stream;
use jiff::Timestamp;
use kedergi_wire::{
    Agenda, ApiPath, Asn, Batch, ControlSnapshot, EnrollReply, EnrollRequest, Envelope, Heartbeat, Kind, ProbeId,
    Problem, Receipt, Report, Role, Stored, Target, TargetBundle, TargetUrl, seal,
};
use serde::Serialize;
use tokio::net::TcpListener;
use url::Url;

/// What the next request for reports gets instead of a receipt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    /// 503 with this `Retry-After`.
    Busy(u32),
    /// The batch is stored, but the receipt never arrives whole.
    LosesReceipt,
    /// A problem of this status and name.
    Refuses(u16, &'static str),
}

/// What the collector holds; a test looks at it and sets it.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Moods of the next requests for reports, one each.
    pub(crate) moods: VecDeque<Mood>,
    /// Every body that came as reports, refused or not.
    pub(crate) offered: Vec<Vec<u8>>,
    /// Every batch stored, once.
    pub(crate) stored: Vec<Vec<u8>>,
    /// Receipts given that said duplicate.
    pub(crate) duplicates: usize,
    /// Heartbeats that came.
    pub(crate) heartbeats: Vec<Heartbeat>,
    /// What is answered to heartbeats in place of an agenda.
    pub(crate) unwelcome: Option<(u16, &'static str)>,
    /// Targets to test again, told once.
    pub(crate) retest: Vec<TargetUrl>,
    /// Version of the list and the targets on it.
    pub(crate) list: Option<(u64, Vec<TargetUrl>)>,
    /// Signs the list; the collector's own key unless a test says otherwise.
    pub(crate) forger: Option<SigningKey>,
}

/// A running collector.
#[derive(Debug, Clone)]
pub(crate) struct FakeCollector {
    pub(crate) url: Url,
    books: Arc<Mutex<Books>>,
}

pub(crate) const INVITE: &str = "welcome";

pub(crate) fn collector_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

pub(crate) fn id(key: &SigningKey) -> ProbeId {
    ProbeId(key.verifying_key().to_bytes())
}

impl FakeCollector {
    /// Serves on a free port until the runtime ends.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let collector = Self { url, books: Arc::default() };
        let router = Router::new()
            .route(ApiPath::ENROLL, post(enroll))
            .route(ApiPath::HEARTBEAT, post(heartbeat))
            .route(ApiPath::BUNDLE, post(bundle))
            .route(ApiPath::REPORTS, post(reports))
            .with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        collector
    }

    /// A look into the books.
    pub(crate) fn books<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.books.lock().unwrap())
    }

    /// The numbers of the reports in every stored batch.
    pub(crate) fn sequences(&self) -> Vec<u64> {
        self.reports().iter().map(|report| report.sequence).collect()
    }

    /// The reports themselves.
    pub(crate) fn reports(&self) -> Vec<Report> {
        let stored = self.books(|books| books.stored.clone());
        let batches = stored.iter().map(|bytes| Envelope::parse(bytes).unwrap().open::<Batch>(Kind::Batch).unwrap());
        batches.flat_map(|batch| batch.reports).collect()
    }

    fn bundle(&self) -> Option<Vec<u8>> {
        let (list, forger) = self.books(|books| (books.list.clone(), books.forger.clone()));
        let (version, targets) = list?;
        let (service, category) = ("test".parse().unwrap(), kedergi_wire::Category::Everyday);
        let target = |url| Target { url, service: Clone::clone(&service), category, light: false };
        let bundle = TargetBundle {
            version,
            made: Timestamp::now(),
            targets: targets.into_iter().map(target).collect(),
            control: ControlSnapshot { made: Timestamp::now(), entries: Vec::new() },
        };
        Some(seal(Kind::Targets, &forger.unwrap_or_else(collector_key), &bundle).unwrap())
    }
}

fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).unwrap();
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

fn problem(status: u16, name: &str) -> Response {
    let kind = format!("{}{name}", Problem::PREFIX);
    let problem = Problem { kind, title: name.to_owned(), status, detail: "as ordered".to_owned() };
    let mut response = json(&problem);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

async fn enroll(State(_): State<FakeCollector>, body: Bytes) -> Response {
    let envelope = Envelope::parse(&body).unwrap();
    let request: EnrollRequest = envelope.open(Kind::Enroll).unwrap();
    if request.invite != INVITE {
        return problem(403, Problem::UNKNOWN_INVITE);
    }
    json(&EnrollReply { probe: envelope.sender(), role: Role::Probe, collector: id(&collector_key()) })
}

async fn heartbeat(State(collector): State<FakeCollector>, body: Bytes) -> Response {
    let heartbeat: Heartbeat = Envelope::parse(&body).unwrap().open(Kind::Heartbeat).unwrap();
    let (unwelcome, retest, version) = collector.books(|books| {
        books.heartbeats.push(heartbeat);
        let version = books.list.as_ref().map_or(0, |(version, _)| *version);
        (books.unwelcome, std::mem::take(&mut books.retest), version)
    });
    if let Some((status, name)) = unwelcome {
        return problem(status, name);
    }
    let (network, country) = (Asn::new(9198), "KZ".parse().ok());
    json(&Agenda { server_time: Timestamp::now(), network, country, bundle: version, retest })
}

async fn bundle(State(collector): State<FakeCollector>, _body: Bytes) -> Response {
    match collector.bundle() {
        Some(bytes) => Response::new(bytes.into()),
        None => problem(404, Problem::NOT_FOUND),
    }
}

async fn reports(State(collector): State<FakeCollector>, body: Bytes) -> Response {
    let mood = collector.books(|books| {
        books.offered.push(body.to_vec());
        books.moods.pop_front()
    });
    match mood {
        Some(Mood::Busy(seconds)) => {
            let busy = Response::builder().status(503).header(header::RETRY_AFTER, seconds);
            busy.body(Body::empty()).unwrap()
        }
        Some(Mood::Refuses(status, name)) => problem(status, name),
        Some(Mood::LosesReceipt) => {
            receipt(&collector, &body);
            let broken = stream::iter([Ok("{\"batch\""), Err(io::Error::other("the line breaks"))]);
            Response::new(Body::from_stream(broken))
        }
        None => json(&receipt(&collector, &body)),
    }
}

fn receipt(collector: &FakeCollector, body: &[u8]) -> Receipt {
    let envelope = Envelope::parse(body).unwrap();
    let batch: Batch = envelope.open(Kind::Batch).unwrap();
    let stored = collector.books(|books| {
        if books.stored.iter().any(|known| known == body) {
            books.duplicates += 1;
            return Stored::Duplicate;
        }
        books.stored.push(body.to_vec());
        Stored::New
    });
    Receipt { batch: envelope.id(), stored, reports: batch.reports.len().try_into().unwrap() }
}
