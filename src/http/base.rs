//! Base items: what workflows stand on, their audits and regressions.
//!
//! Owns these routes.

use super::Shared;
use super::auth::Caller;
use super::governance::{act, body, check_id};
use super::hide::Hidden;
use super::problem::Problem;
use super::workflows::reason;
use crate::domain::{Action, Time};
use crate::monitor::Monitor;
use crate::monitor::house::AuditRecord;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One base item.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BaseView {
    /// Its id.
    pub id: String,
    /// Who answers for it.
    pub owner: String,
    /// Its version.
    pub version: String,
    /// The last look at it.
    pub last_audit: Option<AuditRecord>,
    /// When the next one is due.
    pub audit_due: Option<Time>,
    /// Whether that is over.
    pub audit_overdue: bool,
    /// The incident of an unresolved regression: all that stand on it are capped.
    pub regression: Option<String>,
    /// The workflows that stand on it and that the token holds for.
    pub workflows: Vec<String>,
    /// How many others stand on it.
    #[serde(default)]
    pub others: usize,
}

/// All base items.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Base {
    /// In the order of their ids.
    pub base: Vec<BaseView>,
}

/// What the workflows stand on, and which of them stand on what.
#[utoipa::path(get, path = "/v1/base", tag = "governance", responses((status = 200, body = Base), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<Base>, Problem> {
    let base = shared.driver.read(move |monitor, now| view(monitor, now, &caller)).await?;
    Ok(Json(Base { base }))
}

fn view(monitor: &Monitor, now: Time, caller: &Caller) -> Vec<BaseView> {
    let hidden = Hidden::from(caller, monitor);
    let house = monitor.house();
    let one = |(id, state): (&String, &crate::monitor::house::BaseState)| {
        let on_it = monitor.workflows().values().filter(|workflow| workflow.plan.policy.base.contains(id));
        let (own, others): (Vec<String>, Vec<String>) =
            on_it.map(|workflow| workflow.id.to_string()).partition(|id| caller.may_see(id));
        let audit_due = house.audit_due(id);
        let mut last_audit = state.audit.clone();
        if let Some(audit) = &mut last_audit {
            hidden.text(&mut audit.note);
        }
        BaseView {
            id: id.clone(),
            owner: monitor.policy().house.base.get(id).map(|item| item.owner.clone()).unwrap_or_default(),
            version: state.version.clone(),
            last_audit,
            audit_due,
            audit_overdue: audit_due.is_some_and(|due| due <= now),
            regression: state.regression.clone(),
            workflows: own,
            others: others.len(),
        }
    };
    house.base.iter().map(one).collect()
}

/// An audit.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Whether it is as it should be.
    pub passed: bool,
    /// What was looked at.
    pub note: String,
}

/// Note that somebody looked at a base item. One that failed opens an incident.
#[utoipa::path(post, path = "/v1/base/{id}/audits", tag = "governance", params(("id" = String, Path)), request_body = Audit,
    responses((status = 200, body = Base), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json")))]
pub async fn audit(
    State(shared): State<Shared>,
    caller: Caller,
    Path(item): Path<String>,
    audit: Result<Json<Audit>, JsonRejection>,
) -> Result<Json<Base>, Problem> {
    let Json(Audit { passed, note }) = audit.map_err(body)?;
    caller.all_workflows()?;
    check_id(&item)?;
    act(&shared, &caller, Action::Audit { item, passed, note: reason(note)? }).await?;
    list(State(shared), caller).await
}

/// A regression.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// What is wrong.
    pub summary: String,
}

/// A base item got worse: opens an incident and caps all that stand on it until that is resolved.
#[utoipa::path(post, path = "/v1/base/{id}/regressions", tag = "governance", params(("id" = String, Path)), request_body = Regression,
    responses(
        (status = 200, body = Base),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn regress(
    State(shared): State<Shared>,
    caller: Caller,
    Path(item): Path<String>,
    regression: Result<Json<Regression>, JsonRejection>,
) -> Result<Json<Base>, Problem> {
    let Json(Regression { summary }) = regression.map_err(body)?;
    caller.all_workflows()?;
    check_id(&item)?;
    act(&shared, &caller, Action::Regress { item, summary: reason(summary)? }).await?;
    list(State(shared), caller).await
}
