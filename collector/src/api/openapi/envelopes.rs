//! The routes of probes: signed envelopes, which OpenAPI can only call bytes.

use kedergi_wire::ApiPath;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Paths, PathsBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{PathItem, Required};

const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// What differs from route to route.
struct Route {
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    carries: &'static str,
    reply: (&'static str, &'static str),
    refusals: &'static [(&'static str, &'static str)],
}

const SENDER: [(&str, &str); 5] = [
    ("400", "malformed"),
    ("401", "unknown-probe or bad-signature"),
    ("403", "revoked-probe"),
    ("413", "too-large"),
    ("503", "unavailable: try again after Retry-After"),
];

const ROUTES: [Route; 4] = [
    Route {
        path: ApiPath::ENROLL,
        name: "enroll",
        summary: "A probe asks to be known",
        carries: "EnrollRequest",
        reply: (JSON, "EnrollReply: the role of the probe and the key with which the collector signs target bundles"),
        refusals: &[
            ("400", "malformed"),
            ("401", "bad-signature"),
            ("403", "unknown-invite, revoked-probe or consent-outdated"),
            ("413", "too-large"),
            ("503", "unavailable: try again after Retry-After"),
        ],
    },
    Route {
        path: ApiPath::HEARTBEAT,
        name: "heartbeat",
        summary: "A probe is alive and asks what to do; the answer may be held back until there is news",
        carries: "Heartbeat",
        reply: (
            JSON,
            "Agenda: the collector's clock, the network it sees, the version of the bundle, targets to test again",
        ),
        refusals: &SENDER,
    },
    Route {
        path: ApiPath::BUNDLE,
        name: "bundle",
        summary: "What to measure and what to judge it against",
        carries: "Heartbeat",
        reply: (BYTES, "An envelope with a TargetBundle, signed by the collector"),
        refusals: &SENDER,
    },
    Route {
        path: ApiPath::REPORTS,
        name: "reports",
        summary: "Reports of a probe; answered when they are on disk",
        carries: "Batch",
        reply: (JSON, "Receipt: the batch's id, how many reports, and whether they were new"),
        refusals: &SENDER,
    },
];

pub(super) fn paths() -> Paths {
    ROUTES.iter().fold(PathsBuilder::new(), |paths, route| paths.path(route.path, item(route))).build()
}

fn item(route: &Route) -> PathItem {
    let operation = OperationBuilder::new()
        .tag("probe")
        .operation_id(Some(route.name))
        .summary(Some(route.summary))
        .request_body(Some(request(route.carries)))
        .response("200", reply(route.reply));
    let operation = route.refusals.iter().fold(operation, |all, (status, names)| all.response(*status, refusal(names)));
    PathItem::new(HttpMethod::Post, operation)
}

fn request(carries: &str) -> RequestBody {
    RequestBodyBuilder::new()
        .description(Some(format!(
            "Envelope (KDG1) with {carries}, signed with the probe's Ed25519 key; 1 MiB at most"
        )))
        .content(BYTES, ContentBuilder::new().build())
        .required(Some(Required::True))
        .build()
}

fn reply((kind, says): (&'static str, &'static str)) -> Response {
    ResponseBuilder::new().description(says).content(kind, ContentBuilder::new().build()).build()
}

fn refusal(names: &str) -> Response {
    let problem = ContentBuilder::new().schema(Some(super::reference("Problem"))).build();
    ResponseBuilder::new().description(names).content("application/problem+json", problem).build()
}
