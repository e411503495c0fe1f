//! The service: doors, jobs, and a clean end.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::extract::connect_info::Connected;
use axum::middleware::from_fn;
use axum::serve::{IncomingStream, Listener};
use axum::{Router, routing};
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderValue, StatusCode};
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::{App, OpenError};
use crate::clock::Clock;
use crate::config::Config;
use crate::intake::{self, Peer};
use crate::tls::{TlsError, TlsListener, acceptor};
use crate::{alerts, api, jobs, metrics, pages, problem};

/// No answer takes longer, but for a long poll, which ends earlier by itself. A client that sends a body slower than this
/// is cut off.
const LONGEST_REQUEST: Duration = Duration::from_secs(75);
/// How long requests and jobs have to come to an end.
const FAREWELL: Duration = Duration::from_secs(10);

/// Nothing is loaded from elsewhere, nobody frames a page, and no link tells where the reader came from.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Why a collector cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the connection to the network ended: {0}")]
    Serve(io::Error),
    #[error("{job} ended: {reason}")]
    Job { job: &'static str, reason: String },
}

/// A collector that listens but does not answer yet.
pub(crate) struct Server {
    app: App,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    metrics: Option<TcpListener>,
}

impl Server {
    /// Opens everything, to go by this clock, and takes the port. From here on connections wait instead of failing.
    pub(crate) async fn bind(mut config: Config, clock: Clock) -> Result<Self, ServeError> {
        metrics::install();
        let listener = listen(config.listen).await?;
        // With port 0 the system chose one, and links in alerts name it.
        config.listen = address(&listener)?;
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let app = spawn_blocking(move || App::open(config, clock))
            .await
            .map_err(io::Error::other)
            .map_err(ServeError::Serve)??;
        Ok(Self { app, listener, tls, metrics })
    }

    /// What its routes and jobs share.
    #[cfg(test)]
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Where it listens, as a URL.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.app.config().listen)
    }

    /// Answers until `stop`, or until a job ends, which is an error.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { app, listener, tls, metrics } = self;
        let router = router(&app, metrics.is_none());
        let mut doors = JoinSet::new();
        match tls {
            Some(acceptor) => doors.spawn(answer(app.clone(), TlsListener::new(listener, acceptor), router)),
            None => doors.spawn(answer(app.clone(), listener, router)),
        };
        if let Some(listener) = metrics {
            doors.spawn(answer(app.clone(), listener, metrics_router(&app)));
        }
        let mut jobs = start_jobs(&app);
        let ended = tokio::select! {
            () = stop => Ok(()),
            Some(ended) = jobs.join_next() => Err(job_error(ended)),
            Some(ended) = doors.join_next() => ended.map_err(io::Error::other).and_then(|door| door).map_err(ServeError::Serve),
        };
        app.close();
        let farewell = async { while doors.join_next().await.is_some() {} };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("some connections did not end in {} s and were cut", FAREWELL.as_secs());
        }
        jobs.shutdown().await;
        ended
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(ServeError::Serve)
}

/// Answers on a listener until the collector closes and the last answer is out.
async fn answer<L>(app: App, listener: L, router: Router) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(listener, service).with_graceful_shutdown(async move { app.closed().await }).await
}

fn router(app: &App, with_metrics: bool) -> Router {
    let readable = Router::new().merge(pages::router()).merge(api::router()).layer(CompressionLayer::new());
    let mut router = Router::new()
        .merge(readable)
        .merge(intake::router())
        .route("/healthz", routing::get(healthz))
        .fallback(problem::nothing_here);
    if with_metrics {
        router = router.merge(metrics::router());
    }
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST_REQUEST);
    let router = router.layer(timeout).layer(CatchPanicLayer::custom(problem::panicked));
    // Only a route's own layers see which route matched.
    let router = router.route_layer(from_fn(metrics::count));
    let headers = HEADERS.into_iter();
    headers
        .fold(router, |router, (name, value)| router.layer(SetResponseHeaderLayer::if_not_present(name, value)))
        .with_state(app.clone())
}

fn metrics_router(app: &App) -> Router {
    metrics::router().layer(CatchPanicLayer::custom(problem::panicked)).with_state(app.clone())
}

/// Answers while the process lives and the ledger can be read.
async fn healthz(State(app): State<App>) -> Result<&'static str, intake::Refusal> {
    app.ledger(|ledger| ledger.detection_cursor()).await?;
    Ok("ok\n")
}

type Ended = Result<(&'static str, Result<(), String>), JoinError>;

/// Jobs run as long as the collector; one that ends, or panics, ends it.
fn start_jobs(app: &App) -> JoinSet<(&'static str, Result<(), String>)> {
    let mut jobs = JoinSet::new();
    start(&mut jobs, "detection", jobs::detect::run(app.clone()));
    start(&mut jobs, "the delivery of alerts", alerts::run(app.clone()));
    start(&mut jobs, "the making of bundles", intake::keep_current(app.clone()));
    jobs
}

fn start<E: Display>(
    jobs: &mut JoinSet<(&'static str, Result<(), String>)>,
    name: &'static str,
    job: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    jobs.spawn(async move { (name, job.await.map_err(|error| error.to_string())) });
}

fn job_error(ended: Ended) -> ServeError {
    let (job, reason) = match ended {
        Ok((job, Ok(()))) => (job, "without a reason".to_owned()),
        Ok((job, Err(reason))) => (job, reason),
        Err(panic) => ("a job", panic.to_string()),
    };
    ServeError::Job { job, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_request_that_panics_is_answered_and_does_not_tell_what_it_said() {
        let router: Router = Router::new()
            .route("/boom", routing::get(async || -> &'static str { panic!("a volunteer's secret") }))
            .layer(CatchPanicLayer::custom(problem::panicked));
        let response = router.oneshot(Request::get("/boom").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("urn:kedergi:problem:internal") && !body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_job_that_panics_ends_the_collector() {
        let mut jobs = JoinSet::new();
        start(&mut jobs, "a job of a test", async { panic!("gone") as Result<(), String> });
        let error = job_error(jobs.join_next().await.unwrap());
        assert!(error.to_string().contains("panicked"), "{error}");
        start(&mut jobs, "detection", async { Err("the disk is full") });
        let error = job_error(jobs.join_next().await.unwrap());
        assert_eq!(error.to_string(), "detection ended: the disk is full");
    }
}
