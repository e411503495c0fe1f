use std::net::SocketAddr;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use kedergi_detector::EventId;
use kedergi_store::NewAlert;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::alerts::{WebhookSecret, WebhookSettings};
use crate::clock::Clock;
use crate::config::Config;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver as others write them: checks the signature, then answers what it is told to.
struct Receiver {
    answer: Mutex<StatusCode>,
    seen: Mutex<Vec<(String, StatusCode)>>,
}

impl Receiver {
    async fn listen(address: SocketAddr, answer: StatusCode) -> (Arc<Self>, JoinHandle<()>) {
        let receiver = Arc::new(Self { answer: Mutex::new(answer), seen: Mutex::default() });
        let router = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (receiver, server)
    }

    fn seen(&self) -> Vec<(String, StatusCode)> {
        self.seen.lock().unwrap().clone()
    }

    async fn saw(&self, requests: usize) {
        until(async || self.seen().len() >= requests).await;
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let verified = standardwebhooks::Webhook::new(SECRET).unwrap().verify(&body, &headers);
    let answer = if verified.is_ok() { *receiver.answer.lock().unwrap() } else { StatusCode::UNAUTHORIZED };
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    receiver.seen.lock().unwrap().push((id, answer));
    answer
}

async fn until(condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it happens within 20 s");
}

/// A collector with one webhook and its courier; dropping it is a kill.
struct Running {
    app: App,
    courier: JoinHandle<Result<(), DeliveryError>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.courier.abort();
    }
}

impl Running {
    fn start(folder: &TempDir, receiver: SocketAddr) -> Self {
        let alerts = AlertSettings { stdout: false, webhooks: vec![webhook(receiver)] };
        let config = Config { data_dir: folder.path().to_owned(), alerts, ..Config::default() };
        let app = App::open(config, Clock::Machine).unwrap();
        let courier = tokio::spawn(run(app.clone()));
        Self { app, courier }
    }

    async fn alert(&self, id: &str, channel: String) {
        let (id, event) = (id.to_owned(), EventId("KZ-20190509-7f3a".to_owned()));
        let body = r#"{"type":"event.opened"}"#.to_owned();
        let alert = NewAlert { id, event, channel, body, due: Timestamp::now() };
        self.app.ledger(move |ledger| ledger.commit_detection(0, "{}", &[], &[alert])).await.unwrap();
        self.app.alerted().notify_one();
    }

    async fn waiting(&self) -> Vec<AlertRow> {
        self.app.ledger(|ledger| ledger.due_alerts(Timestamp::MAX, 100)).await.unwrap()
    }

    async fn failed(&self, attempts: u32) {
        until(async || self.waiting().await.iter().any(|row| row.attempts >= attempts)).await;
    }

    async fn nothing_waits(&self) {
        until(async || self.waiting().await.is_empty()).await;
    }

    /// As if the wait before the next attempt were over.
    async fn skip_the_wait(&self) {
        for AlertRow { id, .. } in self.waiting().await {
            let now = Timestamp::now();
            self.app.ledger(move |ledger| ledger.alert_failed(&id, now, "skipped")).await.unwrap();
        }
        self.app.alerted().notify_one();
    }
}

fn webhook(receiver: SocketAddr) -> WebhookSettings {
    let secret = WebhookSecret::try_from(SECRET.to_owned()).unwrap();
    WebhookSettings { url: format!("http://{receiver}/hook").parse().unwrap(), secret }
}

/// An address at which nobody listens yet.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn neither_a_dead_receiver_nor_a_kill_loses_or_doubles_an_alert() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let channel = webhook(address).channel();

    let dead = Running::start(&folder, address);
    dead.alert("first", channel.clone()).await;
    dead.failed(1).await;
    drop(dead);

    let (receiver, server) = Receiver::listen(address, StatusCode::SERVICE_UNAVAILABLE).await;
    let overloaded = Running::start(&folder, address);
    overloaded.skip_the_wait().await;
    receiver.saw(1).await;
    overloaded.failed(3).await;
    drop(overloaded);

    *receiver.answer.lock().unwrap() = StatusCode::NO_CONTENT;
    let well = Running::start(&folder, address);
    well.skip_the_wait().await;
    well.nothing_waits().await;
    drop(well);

    let again = Running::start(&folder, address);
    again.alert("second", channel).await;
    again.nothing_waits().await;
    let expected = [("first", 503), ("first", 204), ("second", 204)];
    let expected = expected.map(|(id, status)| (id.to_owned(), StatusCode::from_u16(status).unwrap()));
    assert_eq!(receiver.seen(), expected);
    server.abort();
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_asked_no_more() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (receiver, server) = Receiver::listen(address, StatusCode::GONE).await;
    let running = Running::start(&folder, address);
    for id in ["first", "second"] {
        running.alert(id, webhook(address).channel()).await;
    }
    running.nothing_waits().await;
    assert_eq!(receiver.seen(), [("first".to_owned(), StatusCode::GONE)]);
    server.abort();
}

#[tokio::test]
async fn an_alert_for_a_channel_that_was_removed_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder, free_address());
    running.alert("first", "webhook-removed".to_owned()).await;
    running.nothing_waits().await;
}
