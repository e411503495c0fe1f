//! The pages: each route gathers what its page shows; how it looks is the business of `kedergi_dashboards`.

mod country;
mod event;
mod now;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use kedergi_store::StoreError;

use crate::app::App;

/// What every page is sent with: nothing but its own style sheet, and nobody learns from where a reader came.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(kedergi_dashboards::CONTENT_SECURITY_POLICY)),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // So short that a page stays news, long enough to carry a crowd through a cache.
    (CACHE_CONTROL, HeaderValue::from_static("public, max-age=15")),
];

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(now::now))
        .route("/country/{cc}", get(country::country))
        .route("/event/{id}", get(event::event))
        .route("/methodology", get(async || Html(kedergi_dashboards::methodology())))
        .route("/style.css", get(async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], kedergi_dashboards::STYLE)))
        .layer(middleware::from_fn(with_headers))
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(HEADERS);
    response
}

/// Why there is no page. The path is where it was asked for: its links lead up from there.
enum NoPage {
    NotFound(String),
    Unavailable(String, StoreError),
}

impl IntoResponse for NoPage {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(path) => (StatusCode::NOT_FOUND, Html(kedergi_dashboards::not_found(&path))).into_response(),
            Self::Unavailable(path, error) => {
                tracing::error!("a page could not be made: {error}");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                (status, Html(kedergi_dashboards::error(&path, status.as_u16()))).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests;
