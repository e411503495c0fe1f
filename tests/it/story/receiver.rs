//! A receiver of webhooks that checks every signature.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kedergi_lab::{Lab, plan};
use serde_json::Value;

/// `whsec_` and 24 bytes, made up.
pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Alerts in the order they came: webhook id, body.
type Alerts = Arc<Mutex<Vec<(String, Value)>>>;

/// A running receiver on the collector's host.
pub(super) struct Receiver {
    address: SocketAddr,
    alerts: Alerts,
    // Dropping it ends the server.
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub(super) fn start(lab: &Lab) -> Self {
        let bound = lab.inside(plan::COLLECTOR, || std::net::TcpListener::bind("127.0.0.1:0")).unwrap().unwrap();
        let address = bound.local_addr().unwrap();
        bound.set_nonblocking(true).unwrap();
        let alerts = Alerts::default();
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&alerts));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(bound).unwrap();
            axum::serve(listener, router).await
        });
        Self { address, alerts, _runtime: runtime }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many different alerts of a kind came for an event.
    pub(super) fn count(&self, kind: &str, event: &str) -> usize {
        let alerts = self.alerts.lock().unwrap();
        alerts.iter().filter(|(_, body)| body["type"] == kind && body["data"]["id"] == event).count()
    }
}

async fn receive(State(alerts): State<Alerts>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    if webhook.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    alerts.lock().unwrap().push((id, serde_json::from_slice(&body).unwrap()));
    StatusCode::NO_CONTENT
}
