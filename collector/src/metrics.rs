//! Counters for the operator. No label names a target or a probe.

use std::sync::OnceLock;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use http::header::CONTENT_TYPE;
use jiff::SignedDuration;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::app::App;
use crate::intake::Refusal;

/// Content type of the text that Prometheus reads.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// A probe that was silent for longer is not counted as present.
const PRESENT: SignedDuration = SignedDuration::from_mins(15);

/// The recorder of this process. The counting macros know only one, so there is only one, however many collectors a test
/// starts.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics is installed; /metrics stays empty");
        }
        describe();
        handle
    })
}

fn describe() {
    metrics::describe_counter!("kedergi_requests_total", "requests by route and status");
    metrics::describe_counter!("kedergi_refusals_total", "requests of probes refused, by problem");
    metrics::describe_counter!("kedergi_heartbeats_total", "signs of life of probes");
    metrics::describe_counter!("kedergi_batches_total", "batches taken, by whether they were new");
    metrics::describe_counter!("kedergi_reports_total", "reports judged, by role and outcome");
    metrics::describe_counter!("kedergi_reports_set_aside_total", "reports kept but not judged, by reason");
    metrics::describe_counter!("kedergi_canary_answers_total", "what probes said of canaries, by whether it was a lie");
    metrics::describe_counter!("kedergi_panics_total", "requests that ended in a mistake of this program");
    metrics::describe_gauge!(
        "kedergi_detector_saved_bytes",
        "how large the detector's state was when it was last saved"
    );
    metrics::describe_gauge!("kedergi_detector_save_seconds", "how long that took");
    metrics::describe_gauge!("kedergi_probes_distrusted", "probes whose reports are set aside because of canaries");
    metrics::describe_gauge!("kedergi_probes_present", "probes that gave a sign of life in the last 15 minutes");
}

/// Starts to count.
pub(crate) fn install() {
    recorder();
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/metrics", routing::get(show))
}

async fn show(State(app): State<App>) -> Result<Response, Refusal> {
    let now = app.now();
    let (present, distrusted) =
        app.ledger(move |ledger| Ok((ledger.alive(now - PRESENT)?, ledger.distrusted(now)?))).await?;
    metrics::gauge!("kedergi_probes_present").set(present);
    metrics::gauge!("kedergi_probes_distrusted").set(distrusted);
    recorder().run_upkeep();
    Ok(([(CONTENT_TYPE, TEXT)], recorder().render()).into_response())
}

/// Counts a request under its route, never under the path that was asked for.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("kedergi_requests_total", "route" => route, "status" => status).increment(1);
    response
}
