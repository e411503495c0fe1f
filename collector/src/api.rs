//! The read API: the public view as JSON, one route a file. The OpenAPI document comes from the same router.

mod body;
mod event;
mod events;
#[cfg(test)]
pub(crate) mod fixtures;
mod openapi;
mod query;
mod refusal;
mod status;
mod targets;
mod timeline;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) use body::{EventBody, Extent, Local, Manner, Reached, Reasoning, Span, State};
pub(crate) use events::EventList;
pub(crate) use status::Status;

/// The routes below `/api/v1`, each with its part of the OpenAPI document.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(events::events))
        .routes(routes!(event::event))
        .routes(routes!(timeline::timeline))
        .routes(routes!(targets::targets))
        .routes(routes!(status::status))
}

/// The routes below `/api/v1`, ready to be mounted.
pub(crate) fn router() -> axum::Router<App> {
    let (router, _) = routes().split_for_parts();
    router.merge(openapi::router())
}

#[cfg(test)]
mod tests;
