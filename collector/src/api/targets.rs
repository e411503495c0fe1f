use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::app::App;

/// What probes are asked to measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TargetsBody {
    /// The targets, in the order of the list.
    targets: Vec<TargetBody>,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Target)]
struct TargetBody {
    /// What is fetched.
    #[schema(example = "https://www.facebook.com/")]
    url: String,
    /// The service it stands for.
    #[schema(example = "facebook")]
    service: String,
    /// Its kind. A volunteer may exclude a kind.
    #[schema(value_type = String, example = "social")]
    category: kedergi_wire::Category,
}

/// Targets
///
/// What probes are asked to measure. It is no secret: whoever lends a machine should know what it does.
#[utoipa::path(get, path = "/api/v1/targets", tag = "read", responses((status = 200, body = TargetsBody)))]
pub(super) async fn targets(State(app): State<App>) -> Result<Json<TargetsBody>, Refusal> {
    let targets = app.targets().all().iter().map(|target| TargetBody {
        url: target.url.to_string(),
        service: target.service.to_string(),
        category: target.category,
    });
    Ok(Json(TargetsBody { targets: targets.collect() }))
}
