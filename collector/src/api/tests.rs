//! The replies as they are, over the real router.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::fixtures::{collector, ended, event};
use super::*;

/// Status, content type and JSON of an answer.
async fn get(app: &App, path: &str) -> (u16, String, serde_json::Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router().with_state(app.clone()).oneshot(request).await.unwrap();
    let kind = response.headers()[http::header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn replies_are_as_reviewed() {
    // Of the second network only two probes reported: it is counted, not named.
    let mut partly = ended(event(&[9198, 21299], &["facebook"]));
    partly.scope[1].probes = 2;
    let (_folder, app) = collector(&[partly]);
    insta::assert_json_snapshot!("events", get(&app, "/api/v1/events?country=KZ").await);
    insta::assert_json_snapshot!("event", get(&app, "/api/v1/events/KZ-20190509-7f3a").await);
    let window = "from=2019-05-09T07:00:00Z&until=2019-05-09T08:00:00Z&step=PT30M";
    insta::assert_json_snapshot!("timeline", get(&app, &format!("/api/v1/timeline?country=KZ&{window}")).await);
}

#[tokio::test]
async fn refusals_are_as_reviewed() {
    let (_folder, app) = collector(&[]);
    let paths = [
        "/api/v1/events?limit=0",
        "/api/v1/events?county=KZ",
        "/api/v1/events/KZ-20190509-0000",
        "/api/v1/timeline",
        "/api/v1/timeline?country=ZZ",
        "/api/v1/timeline?country=KZ&step=PT1S",
    ];
    for (number, path) in paths.into_iter().enumerate() {
        insta::assert_json_snapshot!(format!("refusal-{number}"), (path, get(&app, path).await));
    }
}

#[tokio::test]
async fn the_status_tells_when_the_events_are_complete() {
    let (_folder, app) = collector(&[]);
    assert_eq!(get(&app, "/api/v1/status").await.2["caught_up"], false);
    let last = app.facts_now(|facts| facts.scan_after(0, 10)).unwrap().last().map(|(cursor, _)| *cursor).unwrap();
    app.ledger_now(|ledger| ledger.commit_detection(last, "{}", &[], &[])).unwrap();
    assert_eq!(get(&app, "/api/v1/status").await.2["caught_up"], true);
}

#[tokio::test]
async fn the_target_list_and_the_document_are_open_to_all() {
    let (_folder, app) = collector(&[]);
    let (status, _, targets) = get(&app, "/api/v1/targets").await;
    assert_eq!((status, &targets["targets"][0]["service"]), (200, &"facebook".into()));
    let (status, kind, document) = get(&app, "/api/v1/openapi.json").await;
    assert_eq!((status, kind.as_str(), &document["openapi"]), (200, "application/json", &"3.1.0".into()));
}
