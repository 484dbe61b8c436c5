//! The policy in force: what decides about modes.
//!
//! Owns this route. A policy comes into force by the configuration file and a reload; nothing here changes it.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Of which workflow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// The workflow whose part is wanted, too.
    workflow: Option<String>,
}

/// The policy in force.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyView {
    /// SHA-256 over its canonical JSON: what stands in every entry of the ledger.
    pub hash: String,
    /// Who loaded it; empty where the daemon did at its start.
    pub loaded_by: String,
    /// Hash of the one that waits for an approver.
    pub waiting: Option<String>,
    /// B: at most one false demotion in so many outputs.
    pub outputs_per_false_demotion: f64,
    /// Whether B counts the outputs of the whole fleet.
    pub budget_of_fleet: bool,
    /// How long a mode answer holds, milliseconds.
    pub lease_ms: i64,
    /// The declared workflows that the token holds for.
    pub workflows: Vec<String>,
    /// What holds for the whole house, as it is hashed; `null` where the token holds for some workflows only.
    #[schema(value_type = Option<Object>)]
    pub house: Option<serde_json::Value>,
    /// What is declared of the workflow that was asked for, as it is hashed.
    #[schema(value_type = Option<Object>)]
    pub workflow: Option<serde_json::Value>,
}

/// The policy in force, and what it declares of one workflow.
#[utoipa::path(get, path = "/v1/policy", tag = "governance", params(Of),
    responses((status = 200, body = PolicyView), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(shared): State<Shared>,
    caller: Caller,
    of: Result<Query<Of>, QueryRejection>,
) -> Result<Json<PolicyView>, Problem> {
    let Query(of) = of.map_err(|wrong| Problem::invalid("query", wrong.body_text()))?;
    of.workflow.as_deref().map_or(Ok(()), |id| caller.workflow(id))?;
    let policy = shared.driver.board().policy();
    let waiting =
        shared.driver.read(|monitor, _| monitor.house().waiting.as_ref().map(|policy| policy.hash.clone())).await?;
    let workflow = match of.workflow.as_deref() {
        None => None,
        Some(id) => {
            let declared = policy.workflows.get(id).ok_or_else(|| undeclared(id))?;
            Some(shown(declared)?)
        }
    };
    let is_whole = caller.workflows.is_all();
    Ok(Json(PolicyView {
        hash: policy.hash.clone(),
        loaded_by: policy.loaded_by.clone(),
        waiting: waiting.filter(|_| is_whole),
        outputs_per_false_demotion: policy.outputs_per_false_demotion,
        budget_of_fleet: policy.budget_of_fleet,
        lease_ms: policy.lease_ms,
        workflows: policy.workflows.keys().map(ToString::to_string).filter(|id| caller.may_see(id)).collect(),
        house: if is_whole { Some(shown(&policy.house)?) } else { None },
        workflow,
    }))
}

fn shown(part: &impl Serialize) -> Result<serde_json::Value, Problem> {
    serde_json::to_value(part).map_err(|error| {
        tracing::error!(%error, "the policy can't be shown");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the policy can't be shown: the log says why")
    })
}

fn undeclared(id: &str) -> Problem {
    let id = crate::domain::refusal::cut(id, 64);
    let detail = format!("the policy doesn't declare `{id}`: it may have been taken by [unknown_workflows]");
    Problem::new(StatusCode::NOT_FOUND, "unknown_workflow", detail)
}
