use axum::body::Body;
use http_body_util::BodyExt;
use kedergi_detector::{Change, Event, Level};
use tower::ServiceExt;

use super::*;
use crate::api::fixtures::{collector, ended, event};

/// Status and text of a page; every page has the policy that keeps strangers out.
async fn get(app: &App, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router().with_state(app.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], kedergi_dashboards::CONTENT_SECURITY_POLICY, "{path}");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn pages_lead_from_now_to_the_country_and_the_event() {
    let (_folder, app) = collector(&[ended(event(&[9198], &["facebook"]))]);
    let (status, now) = get(&app, "/").await;
    assert_eq!(status, 200);
    assert!(now.contains("href=\"country/KZ\"") && now.contains("href=\"event/KZ-20190509-7f3a\""), "{now}");
    let (status, country) = get(&app, "/country/KZ").await;
    assert_eq!(status, 200);
    // The history is seven years old; the page shows its last day and the event in it.
    assert!(country.contains("2019") && country.contains("../event/KZ-20190509-7f3a"), "{country}");
    let (status, event) = get(&app, "/event/KZ-20190509-7f3a").await;
    assert_eq!(status, 200);
    assert!(event.contains("AS9198"), "{event}");
    assert_eq!((get(&app, "/methodology").await.0, get(&app, "/style.css").await.0), (200, 200));
}

#[tokio::test]
async fn a_network_with_two_probes_is_on_no_page() {
    let mut event = event(&[9198, 21299], &["facebook"]);
    event.scope[1].probes = 2;
    let (_folder, app) = collector(&[event]);
    for path in ["/", "/country/KZ", "/event/KZ-20190509-7f3a"] {
        assert!(!get(&app, path).await.1.contains("21299"), "{path}");
    }
}

#[tokio::test]
async fn an_alert_of_what_was_taken_back_leads_to_a_page_that_says_so() {
    let known = event(&[9198], &["facebook"]);
    let suspected = Event { level: Level::Suspected, ..known.clone() };
    for change in [Change::Retracted(known.clone()), Change::Updated(suspected)] {
        let (_folder, app) = collector(std::slice::from_ref(&known));
        app.ledger_now(|ledger| ledger.commit_detection(1, "{}", &[change], &[])).unwrap();
        let (status, page) = get(&app, "/event/KZ-20190509-7f3a").await;
        assert_eq!(status, 200);
        assert!(page.contains("Taken back: ") && page.contains("AS9198"), "{page}");
        assert!(!get(&app, "/").await.1.contains("event/KZ-20190509-7f3a"), "it is on the first page");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let (_folder, app) = collector(&[]);
    for path in ["/country/KG", "/country/kz", "/country/nowhere", "/event/KZ-20190509-0000"] {
        let (status, text) = get(&app, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(text.starts_with("<!DOCTYPE html>"), "{path}: {text}");
    }
    // A wish that makes no sense still shows the country.
    assert_eq!(get(&app, "/country/KZ?from=yesterday").await.0, 200);
}
