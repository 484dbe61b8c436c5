//! The lab: hypotheses, what people find and say of them, and what was learned.
//!
//! Owns the routes that read. Those by which people act are `lab_act`'s.

use super::Shared;
use super::auth::Caller;
use super::governance::check_id;
use super::problem::{Problem, page_limit};
use crate::monitor::Workflow;
use crate::monitor::intake::IntakeItem;
use crate::monitor::lab::HypothesisStatus;
use crate::monitor::lab_view::{HypothesisDetail, HypothesisView, LabKpis, LabView};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Lines of one page of the intake: the gate of each workflow on it is looked at.
const INTAKE_MAX: usize = 200;
/// Hypotheses of one page.
const HYPOTHESES_PAGE_MAX: usize = 1_000;
/// Longest place to go on from, bytes.
const PLACE_BYTES_MAX: usize = 256;

/// Which hypotheses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those of this workflow.
    workflow: Option<String>,
    /// Only those that stand like this; by default all but removed ones.
    status: Option<HypothesisStatus>,
    /// Only those after this place: `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000; 100 by default.
    limit: Option<usize>,
}

/// A page of hypotheses.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Hypotheses {
    /// By workflow, then by id.
    pub hypotheses: Vec<HypothesisView>,
    /// `after` of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// Hypotheses, each with what it waits for.
#[utoipa::path(get, path = "/v1/hypotheses", tag = "lab", params(Which),
    responses((status = 200, body = Hypotheses), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn hypotheses(
    State(shared): State<Shared>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Hypotheses>, Problem> {
    let Query(which) = which.map_err(|error| Problem::invalid("query", error.body_text()))?;
    which.workflow.as_deref().map_or(Ok(()), |id| caller.workflow(id))?;
    let (after, limit) = page(which.after, which.limit, HYPOTHESES_PAGE_MAX)?;
    let (workflow, status) = (which.workflow, which.status);
    let look = move |monitor: &crate::monitor::Monitor, now| {
        let policy = monitor.policy().house.lab;
        let of = monitor.workflows().values().filter(|w| w.state.in_policy && caller.may_see(w.id.as_str()));
        let of = of.filter(|w| workflow.as_deref().is_none_or(|id| w.id.as_str() == id));
        let all = of.flat_map(|w| w.state.governance.lab.records.values().map(move |record| (w, record)));
        let wanted = all.filter(|(_, record)| match status {
            Some(status) => record.status() == status,
            None => record.declared,
        });
        // Compared in two parts: as one text `a-b/…` would come before `a/…`.
        let (of, id) = after.split_once('/').unwrap_or((&after, ""));
        let rest = wanted.filter(|(w, record)| (w.id.as_str(), record.hypothesis.id.as_str()) > (of, id));
        rest.take(limit + 1).map(|(w, record)| w.hypothesis_view(record, &policy, now)).collect::<Vec<_>>()
    };
    let mut hypotheses = shared.driver.read(look).await?;
    let more = hypotheses.len() > limit;
    hypotheses.truncate(limit);
    let next = hypotheses.last().filter(|_| more).map(|last| format!("{}/{}", last.workflow, last.id));
    Ok(Json(Hypotheses { hypotheses, next }))
}

/// Where a page begins, and how long it is.
fn page(after: Option<String>, limit: Option<usize>, most: usize) -> Result<(String, usize), Problem> {
    let after = after.unwrap_or_default();
    if after.len() > PLACE_BYTES_MAX {
        return Err(Problem::invalid("after", "`after` is `next` of the page before"));
    }
    Ok((after, page_limit(limit, most)?))
}

/// One hypothesis with everything that was found and decided.
#[utoipa::path(get, path = "/v1/hypotheses/{id}", tag = "lab", params(("id" = String, Path)),
    responses((status = 200, body = HypothesisDetail), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn hypothesis(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<HypothesisDetail>, Problem> {
    find(&shared, &caller, id, false).await.map(Json)
}

/// The hypothesis of an id, or of `WORKFLOW:ID`: the declared one, else the one that left the policy last. One of a
/// workflow that the token doesn't hold for is as unknown as any other.
///
/// # Errors
/// There is none; or, where it must be the `only` one, another workflow has one of that id, too.
pub(super) async fn find(
    shared: &Shared,
    caller: &Caller,
    id: String,
    only: bool,
) -> Result<HypothesisDetail, Problem> {
    check_id(&id)?;
    let caller = caller.clone();
    let found = shared.driver.read(move |monitor, now| {
        let (workflow, id) = id.split_once(':').map_or((None, id.as_str()), |(workflow, id)| (Some(workflow), id));
        let seen = |w: &&Workflow| w.state.in_policy && caller.may_see(w.id.as_str());
        let of = monitor.workflows().values().filter(seen).filter(|w| workflow.is_none_or(|of| w.id.as_str() == of));
        let all: Vec<_> = of.filter_map(|w| Some((w, w.state.governance.lab.records.get(id)?))).collect();
        if only && all.len() > 1 {
            return Err(all
                .iter()
                .map(|(workflow, _)| format!("{}:{id}", workflow.id))
                .collect::<Vec<_>>()
                .join(" or "));
        }
        let newest = all.into_iter().max_by_key(|(_, record)| (record.declared, record.since));
        Ok(newest.map(|(workflow, record)| workflow.hypothesis_detail(record, &monitor.policy().house.lab, now)))
    });
    match found.await? {
        Ok(Some(found)) => Ok(found),
        Ok(None) => {
            let detail = "there is no such hypothesis: GET /v1/hypotheses lists them";
            Err(Problem::new(StatusCode::NOT_FOUND, "unknown_hypothesis", detail))
        }
        Err(which) => {
            let detail = format!("several workflows had a hypothesis of this id: write {which}");
            Err(Problem::new(StatusCode::CONFLICT, "ambiguous_hypothesis", detail))
        }
    }
}

/// Of which workflow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Only this workflow; by default all that are in the lab, or tested a hypothesis there.
    workflow: Option<String>,
}

/// What was learned in the lab.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Lab {
    /// The length of a sprint, milliseconds.
    pub sprint_ms: i64,
    /// Hypotheses of one workflow that may run at the same time.
    pub active_max: u32,
    /// All of these workflows together.
    pub all: LabKpis,
    /// In the order of their ids.
    pub workflows: Vec<LabView>,
}

/// What was learned in the lab: of all workflows together, and of each.
#[utoipa::path(get, path = "/v1/lab", tag = "lab", params(Of),
    responses((status = 200, body = Lab), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn lab(
    State(shared): State<Shared>,
    caller: Caller,
    of: Result<Query<Of>, QueryRejection>,
) -> Result<Json<Lab>, Problem> {
    let Query(Of { workflow: only }) = of.map_err(|error| Problem::invalid("query", error.body_text()))?;
    only.as_deref().map_or(Ok(()), |id| caller.workflow(id))?;
    let unknown = only.as_deref().map(Problem::unknown_workflow);
    let found = shared.driver.read(move |monitor, now| {
        let policy = monitor.policy().house.lab;
        let present = monitor.workflows().values().filter(|w| w.state.in_policy && caller.may_see(w.id.as_str()));
        let of: Vec<&Workflow> = match &only {
            Some(id) => present.filter(|w| w.id.as_str() == id).collect(),
            None => present.filter(|w| w.knows_lab()).collect(),
        };
        Lab {
            sprint_ms: policy.sprint_ms,
            active_max: policy.active_max,
            all: LabKpis::of(&of, &policy, now),
            workflows: of.iter().map(|workflow| workflow.lab_view(&policy, now)).collect(),
        }
    });
    let lab = found.await?;
    match unknown {
        Some(unknown) if lab.workflows.is_empty() => Err(unknown),
        _ => Ok(Json(lab)),
    }
}

/// A page of the intake.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Lines {
    /// Only lines after this place: `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 200; 100 by default.
    limit: Option<usize>,
}

/// A page of the one list of everything.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Intake {
    /// Workflows by id, each followed by its hypotheses.
    pub items: Vec<IntakeItem>,
    /// `after` of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// One list of everything with its track: workflows and hypotheses, who answers for each, what it waits for and
/// since when.
#[utoipa::path(get, path = "/v1/intake", tag = "lab", params(Lines),
    responses((status = 200, body = Intake), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn intake(
    State(shared): State<Shared>,
    caller: Caller,
    lines: Result<Query<Lines>, QueryRejection>,
) -> Result<Json<Intake>, Problem> {
    let Query(Lines { after, limit }) = lines.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let (after, limit) = page(after, limit, INTAKE_MAX)?;
    let look =
        move |monitor: &crate::monitor::Monitor, now| monitor.intake(&after, limit + 1, now, |id| caller.may_see(id));
    let mut items = shared.driver.read(look).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(IntakeItem::place);
    Ok(Json(Intake { items, next }))
}
