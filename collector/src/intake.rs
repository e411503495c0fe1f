//! The doors through which probes speak to the collector: one route a file.

mod agenda;
mod bundle;
mod canaries;
mod enroll;
mod heartbeat;
mod judge;
mod neighbourhood;
mod origin;
mod refusal;
mod reports;
mod retests;
mod sealed;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use kedergi_wire::{ApiPath, MAX_ENVELOPE};

use crate::app::App;

pub(crate) use bundle::{BundleError, first_bundle, keep_current};
pub(crate) use canaries::{Canaries, CanaryError};
pub(crate) use neighbourhood::Neighbourhoods;
pub(crate) use origin::Peer;
pub(crate) use refusal::Refusal;
pub(crate) use retests::Retests;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route(ApiPath::ENROLL, post(enroll::enroll))
        .route(ApiPath::HEARTBEAT, post(heartbeat::heartbeat))
        .route(ApiPath::BUNDLE, post(bundle::bundle))
        .route(ApiPath::REPORTS, post(reports::reports))
        .layer(DefaultBodyLimit::max(MAX_ENVELOPE))
}

#[cfg(test)]
mod tests;
