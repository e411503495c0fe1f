use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kedergi_store::StoreError;
use kedergi_wire::Problem;

use crate::problem::answer;

/// Why a reader gets no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Malformed(String),
    #[error("there is no {0}")]
    NotFound(&'static str),
    #[error("the collector cannot read what it knows; try again later")]
    Unavailable(#[from] StoreError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let detail = self.to_string();
        match self {
            Self::Malformed(_) => answer(StatusCode::BAD_REQUEST, Problem::MALFORMED, "Malformed request", detail),
            Self::NotFound(_) => answer(StatusCode::NOT_FOUND, Problem::NOT_FOUND, "Not found", detail),
            Self::Unavailable(error) => {
                tracing::error!("a reader could not be served: {error}");
                answer(StatusCode::SERVICE_UNAVAILABLE, Problem::UNAVAILABLE, "Unavailable", detail)
            }
        }
    }
}
