//! Refusals as answers (RFC 9457). Here and nowhere else an error becomes a status.

use std::any::Any;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use kedergi_wire::Problem;

use crate::intake::Refusal;

/// Seconds after which a probe may try again when the collector could not store.
const RETRY_S: HeaderValue = HeaderValue::from_static("30");

/// An answer that says what is wrong. `name` is one of [`Problem`]'s.
pub(crate) fn answer(status: StatusCode, name: &str, title: &str, detail: String) -> Response {
    let kind = format!("{}{name}", Problem::PREFIX);
    let problem = Problem { kind, title: title.to_owned(), status: status.as_u16(), detail };
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// The answer to a request whose handling panicked. What the panic says stays here: it may quote the request.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    metrics::counter!("kedergi_panics_total").increment(1);
    tracing::error!("a request could not be answered because of a mistake in this program");
    let detail = "a mistake in this program kept it from answering; the operator can see that it happened";
    answer(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail.to_owned())
}

/// The answer where there is nothing.
pub(crate) async fn nothing_here() -> Response {
    answer(StatusCode::NOT_FOUND, Problem::NOT_FOUND, "Not found", "there is nothing at this address".to_owned())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name, title) = kind(&self);
        metrics::counter!("kedergi_refusals_total", "problem" => name).increment(1);
        if let Self::Unavailable(error) = &self {
            tracing::error!("a request could not be served: {error}");
        }
        let mut response = answer(status, name, title, self.to_string());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_S);
        }
        response
    }
}

fn kind(refusal: &Refusal) -> (StatusCode, &'static str, &'static str) {
    match refusal {
        Refusal::UnknownProbe => (StatusCode::UNAUTHORIZED, Problem::UNKNOWN_PROBE, "Unknown probe"),
        Refusal::RevokedProbe => (StatusCode::FORBIDDEN, Problem::REVOKED_PROBE, "Revoked probe"),
        Refusal::BadSignature => (StatusCode::UNAUTHORIZED, Problem::BAD_SIGNATURE, "Bad signature"),
        Refusal::Malformed(_) => (StatusCode::BAD_REQUEST, Problem::MALFORMED, "Malformed request"),
        Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Problem::TOO_LARGE, "Too large"),
        Refusal::UnknownInvite => (StatusCode::FORBIDDEN, Problem::UNKNOWN_INVITE, "Unknown invitation"),
        Refusal::ConsentOutdated { .. } => (StatusCode::FORBIDDEN, Problem::CONSENT_OUTDATED, "Outdated consent"),
        Refusal::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Problem::UNAVAILABLE, "Unavailable"),
    }
}
