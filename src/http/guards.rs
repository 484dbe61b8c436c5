//! Guards by name: what they know, and a person's order to learn anew.
//!
//! Owns these routes. A baseline changes by a person's order only, and the order stands in the ledger.

use super::Shared;
use super::auth::Caller;
use super::governance::{act, asked};
use super::problem::Problem;
use super::workflows::{blocking, copy_of, reason};
use crate::domain::Action;
use crate::domain::policy::BASELINE_OUTPUTS;
use crate::monitor::{Detail, GuardView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An order to learn anew what is normal.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Relearn {
    /// Outputs that the new baseline takes, 30 to 100,000. Where it is left out as many as declared, or,
    /// where a file or a time range was declared, as many as the last baseline had.
    #[serde(default)]
    pub outputs: Option<u32>,
    /// Why: it stands in the ledger.
    pub reason: String,
}

/// One guard with everything that is known of it.
#[utoipa::path(get, path = "/v1/workflows/{id}/guards/{guard}", tag = "workflows",
    params(("id" = String, Path), ("guard" = String, Path)),
    responses((status = 200, body = GuardView), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(shared): State<Shared>,
    Path((id, guard)): Path<(String, String)>,
) -> Result<Json<GuardView>, Problem> {
    find(&shared, &id, &guard).await.map(Json)
}

/// A guard that learns anew, or will once an approver says so.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Relearning {
    /// The guard as it is now.
    #[serde(flatten)]
    pub guard: GuardView,
    /// The request that waits for an approver; `null` where it learns already.
    pub request: Option<String>,
}

/// Have a guard learn anew what is normal, from the outputs that come now. Until they are complete it
/// judges nothing; what it knew is gone. Where it judges a workflow above assist, that waits for an approver.
#[utoipa::path(post, path = "/v1/workflows/{id}/guards/{guard}/baseline", tag = "workflows",
    params(("id" = String, Path), ("guard" = String, Path)), request_body = Relearn,
    responses(
        (status = 200, body = Relearning),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "the guard has no baseline, or something waits for approvals already", content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn relearn(
    State(shared): State<Shared>,
    caller: Caller,
    Path((id, guard)): Path<(String, String)>,
    order: Result<Json<Relearn>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<Relearning>, Problem> {
    let Json(order) = order.map_err(|error| Problem::invalid("body", error.body_text()))?;
    let reason = reason(order.reason)?;
    if order.outputs.is_some_and(|outputs| !BASELINE_OUTPUTS.contains(&outputs)) {
        let (least, most) = (BASELINE_OUTPUTS.start(), BASELINE_OUTPUTS.end());
        return Err(Problem::invalid("outputs", format!("`outputs` must be between {least} and {most}")));
    }
    let view = find(&shared, &id, &guard).await?;
    if view.baseline.is_none() {
        let detail =
            format!("the guard `{guard}` has a declared bound and learns nothing: change it in the configuration");
        return Err(Problem::new(StatusCode::CONFLICT, "no_baseline", detail));
    }
    let workflow = shared.driver.board().peek(&id).ok_or_else(|| Problem::unknown_workflow(&id))?.workflow.clone();
    let action = Action::Rebase { workflow, guard: guard.clone(), outputs: order.outputs, reason };
    let effects = act(&shared, &caller, action).await?;
    let request = asked(&effects);
    let guard = find(&shared, &id, &guard).await?;
    Ok(Json(Relearning { guard, request }))
}

async fn find(shared: &Shared, id: &str, guard: &str) -> Result<GuardView, Problem> {
    let (_, now, workflow) = copy_of(shared, id).await?;
    let views = blocking(move || workflow.guard_views(now, Detail::Full)).await?;
    let names: Vec<String> = views.iter().map(|view| format!("`{}`", view.name)).collect();
    views.into_iter().find(|view| view.name == guard).ok_or_else(|| {
        let there = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        let detail = format!("the workflow `{id}` has no guard `{guard}`: {there}");
        Problem::new(StatusCode::NOT_FOUND, "unknown_guard", detail)
    })
}
