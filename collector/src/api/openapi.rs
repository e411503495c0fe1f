//! The OpenAPI document. `collector/openapi.json` is what this code makes of it, committed so that a change of the API shows
//! in a diff; that copy is what the collector serves.

mod envelopes;

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder};
use utoipa::{ToSchema, openapi};

use crate::app::App;

const COMMITTED: &str = include_str!("../../openapi.json");

/// A refusal (RFC 9457): `kedergi_wire::Problem`, which knows nothing of OpenAPI.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// `urn:kedergi:problem:` and the name of the problem.
    #[schema(example = "urn:kedergi:problem:malformed")]
    r#type: String,
    /// The name in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong here, and what to do.
    detail: String,
}

/// The document without the read routes, which their router adds.
pub(super) fn frame() -> OpenApi {
    let mut licence = License::new("Apache-2.0 OR MIT");
    licence.identifier = Some("Apache-2.0 OR MIT".to_owned());
    let mut info = Info::new("Kedergi collector", env!("CARGO_PKG_VERSION"));
    info.license = Some(licence);
    info.description = Some(
        "What probes found of the reachability of sites, and the events that follow from it. Times are UTC (RFC 3339). \
         Nothing that fewer than three probes saw is told. Errors are problems (RFC 9457)."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).paths(envelopes::paths()).build()
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/api/v1/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], COMMITTED)))
}

/// Schema of what one of ours is called.
fn reference(name: &str) -> openapi::Ref {
    openapi::Ref::from_schema_name(name)
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    fn document() -> String {
        let (_, document) = crate::api::routes().split_for_parts();
        document.to_pretty_json().unwrap() + "\n"
    }

    /// `KEDERGI_OPENAPI=write cargo test -p kedergi-collector openapi` writes the committed copy anew.
    #[test]
    fn the_committed_document_is_what_the_code_says() {
        let document = document();
        if env::var_os("KEDERGI_OPENAPI").is_some_and(|wish| wish == "write") {
            fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &document).unwrap();
        }
        let committed = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap();
        assert!(committed == document, "run: KEDERGI_OPENAPI=write cargo test -p kedergi-collector openapi");
    }

    #[test]
    fn no_reference_leads_nowhere() {
        let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
