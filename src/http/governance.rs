//! The gate, requests and their approvals, checklists.
//!
//! Owns these routes and how a denial is said over HTTP. Whether something may happen is decided by the
//! monitor, in the order of the journal, so that no answer here is a promise that came too early.

use super::Shared;
use super::auth::Caller;
use super::hide::Hidden;
use super::problem::Problem;
use super::workflows::reason;
use crate::domain::{Action, Ask, Decision, Denial, Entry, Gate, Request, RequestStatus, Target, What, WorkflowId};
use crate::monitor::governance::Answer;
use crate::monitor::{Effect, Monitor};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Requests of one answer.
const REQUESTS_MAX: usize = 1_000;
/// Longest id of an item or a request that is looked up, bytes.
const ID_BYTES_MAX: usize = 128;

/// What a workflow would be promoted to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct To {
    /// `collaborate`, `delegate`, `automate`, or `factory` for a lab workflow; by default the next step.
    to: Option<Target>,
}

/// The gate: every requirement for a promotion, each met, missing or inconclusive, with its numbers.
#[utoipa::path(get, path = "/v1/workflows/{id}/gate", tag = "governance", params(("id" = String, Path), To),
    responses((status = 200, body = Gate), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn gate(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    to: Result<Query<To>, QueryRejection>,
) -> Result<Json<Gate>, Problem> {
    let Query(To { to }) = to.map_err(|error| Problem::invalid("to", error.body_text()))?;
    let unknown = Problem::unknown_workflow(&id);
    let found = shared.driver.read(move |monitor, now| monitor.gate(&id, to, now)).await?;
    found.map(Json).ok_or(unknown)
}

/// A promotion that is asked for.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// The workflow.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
    /// What to.
    pub to: Target,
    /// Why: it stands in the ledger.
    pub reason: String,
    /// What the decision funds, as the board will put it.
    #[serde(default)]
    pub funding: Option<String>,
}

/// Ask for a promotion. The evidence is frozen with its hash; whoever asked can't approve.
#[utoipa::path(post, path = "/v1/promotions", tag = "governance", request_body = Promotion,
    responses(
        (status = 200, body = Request),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "the gate is closed, or something waits already", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn promote(
    State(shared): State<Shared>,
    caller: Caller,
    asked: Result<Json<Promotion>, JsonRejection>,
) -> Result<Json<Request>, Problem> {
    let Json(Promotion { workflow, to, reason: why, funding }) = asked.map_err(body)?;
    caller.workflow(workflow.as_str())?;
    let funding = funding.map(reason).transpose()?;
    ask(&shared, &caller, Action::Promote { workflow, to, reason: reason(why)?, funding }).await
}

/// A reason.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// It stands in the ledger.
    pub reason: String,
}

/// Ask for the annulment of the last demotion, because it was false. Whoever asks is the first of two
/// who approve.
#[utoipa::path(post, path = "/v1/workflows/{id}/annulments", tag = "governance", params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = Request), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn annul(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    asked: Result<Json<Reason>, JsonRejection>,
) -> Result<Json<Request>, Problem> {
    let Json(asked) = asked.map_err(body)?;
    let workflow = WorkflowId::new(&id).map_err(|_| Problem::unknown_workflow(&id))?;
    ask(&shared, &caller, Action::Annul { workflow, reason: reason(asked.reason)? }).await
}

/// Ask for the annulment of all demotions of a storm. Whoever asks is the first of two who approve.
#[utoipa::path(post, path = "/v1/incidents/{id}/restoration", tag = "governance", params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = Request), (status = 409, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn restore(
    State(shared): State<Shared>,
    caller: Caller,
    Path(storm): Path<String>,
    asked: Result<Json<Reason>, JsonRejection>,
) -> Result<Json<Request>, Problem> {
    let Json(asked) = asked.map_err(body)?;
    caller.all_workflows()?;
    check_id(&storm)?;
    ask(&shared, &caller, Action::Restore { storm, reason: reason(asked.reason)? }).await
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those of this workflow.
    workflow: Option<String>,
    /// Only those that stand like this.
    status: Option<RequestStatus>,
}

/// Requests.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// Newest first.
    pub requests: Vec<Request>,
}

/// What people asked for, newest first: the last 50 of each workflow; all of them stand in the ledger.
#[utoipa::path(get, path = "/v1/requests", tag = "governance", params(Which), responses((status = 200, body = Requests), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn requests(
    State(shared): State<Shared>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Requests>, Problem> {
    let Query(which) = which.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let wanted = move |request: &Request, caller: &Caller| {
        let of = request.workflow.as_ref().map(|id| id.as_str());
        which.workflow.as_deref().is_none_or(|id| of == Some(id))
            && which.status.is_none_or(|status| request.status == status)
            && of.is_none_or(|id| caller.may_see(id))
    };
    let look = move |monitor: &Monitor, _| {
        let mut found: Vec<Request> = all(monitor).filter(|request| wanted(request, &caller)).cloned().collect();
        let hidden = Hidden::from(&caller, monitor);
        found.iter_mut().for_each(|request| hidden.request(request));
        found
    };
    let mut found = shared.driver.read(look).await?;
    found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| b.id.cmp(&a.id)));
    found.truncate(REQUESTS_MAX);
    Ok(Json(Requests { requests: found }))
}

/// One request, with the gate as it stood when it was asked for.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "governance", params(("id" = String, Path)),
    responses((status = 200, body = Request), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn request(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Request>, Problem> {
    check_id(&id)?;
    find(&shared, &caller, id).await.map(Json)
}

/// What an approver says.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// `approve` or `reject`.
    pub decision: Decision,
    /// A remark; it stands in the ledger.
    #[serde(default)]
    pub note: String,
}

/// Approve or reject. With the last approval that is needed, what was asked for happens.
#[utoipa::path(post, path = "/v1/requests/{id}/approvals", tag = "governance", params(("id" = String, Path)), request_body = Vote,
    responses(
        (status = 200, body = Request),
        (status = 403, body = Problem, description = "your own request, or no role that is needed", content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "decided already, or ended by what happened meanwhile", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn approve(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    vote: Result<Json<Vote>, JsonRejection>,
) -> Result<Json<Request>, Problem> {
    let Json(Vote { decision, note }) = vote.map_err(body)?;
    if decision == Decision::Withdraw {
        return Err(Problem::invalid(
            "decision",
            "write `approve` or `reject`; whoever asked takes it back at /withdrawal",
        ));
    }
    decide(&shared, &caller, id, decision, note).await
}

/// Take back what one asked for.
#[utoipa::path(post, path = "/v1/requests/{id}/withdrawal", tag = "governance", params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = Request), (status = 403, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json")))]
pub async fn withdraw(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    why: Result<Json<Reason>, JsonRejection>,
) -> Result<Json<Request>, Problem> {
    let Json(why) = why.map_err(body)?;
    decide(&shared, &caller, id, Decision::Withdraw, why.reason).await
}

async fn decide(
    shared: &Shared,
    caller: &Caller,
    id: String,
    decision: Decision,
    note: String,
) -> Result<Json<Request>, Problem> {
    check_id(&id)?;
    if note.len() > super::workflows::REASON_BYTES_MAX {
        return Err(Problem::invalid("note", "`note` must have at most 1024 bytes"));
    }
    let found = find(shared, caller, id.clone()).await?;
    // A policy or a storm concerns everybody.
    if found.workflow.is_none() {
        caller.all_workflows()?;
    }
    act(shared, caller, Action::Decide { request: id.clone(), decision, note }).await?;
    find(shared, caller, id).await.map(Json)
}

/// An item of a readiness checklist.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// The item.
    pub item: String,
    /// Who answers for it: `base`, `builder` or `beneficiary`; or `lab`, the light list.
    pub list: String,
    /// The answer; `null` where there is none yet.
    pub answer: Option<Answer>,
}

/// A readiness checklist.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Checklist {
    /// All items.
    pub items: Vec<Item>,
}

/// The readiness checklist of a workflow, with the answers so far.
#[utoipa::path(get, path = "/v1/workflows/{id}/readiness", tag = "governance", params(("id" = String, Path)),
    responses((status = 200, body = Checklist), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn readiness(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Json<Checklist>, Problem> {
    let unknown = Problem::unknown_workflow(&id);
    let found = shared.driver.read(move |monitor, _| {
        let workflow = monitor.workflows().get(id.as_str()).filter(|workflow| workflow.state.in_policy)?;
        let answers = &workflow.state.governance.answers;
        let items = workflow.checklists().into_iter().map(|(list, item)| Item {
            item: item.to_owned(),
            list: list.to_owned(),
            answer: answers.get(item).cloned(),
        });
        Some(Checklist { items: items.collect() })
    });
    found.await?.map(Json).ok_or(unknown)
}

/// An answer to an item.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    /// The item.
    pub item: String,
    /// Whether it is ready.
    pub ready: bool,
    /// What shows it: a link, a remark.
    pub note: String,
}

/// Answer an item of the checklist: it holds for a declared time and stands in the ledger with your name.
#[utoipa::path(post, path = "/v1/workflows/{id}/readiness", tag = "governance", params(("id" = String, Path)), request_body = NewAnswer,
    responses((status = 200, body = Checklist), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json"), (status = 409, body = Problem, content_type = "application/problem+json")))]
pub async fn answer(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    given: Result<Json<NewAnswer>, JsonRejection>,
) -> Result<Json<Checklist>, Problem> {
    let Json(NewAnswer { item, ready, note }) = given.map_err(body)?;
    let workflow = WorkflowId::new(&id).map_err(|_| Problem::unknown_workflow(&id))?;
    check_id(&item)?;
    act(&shared, &caller, Action::Answer { workflow, item, ready, note: reason(note)? }).await?;
    readiness(State(shared), Path(id)).await
}

/// Carries out an order that makes a request, and returns that.
async fn ask(shared: &Shared, caller: &Caller, action: Action) -> Result<Json<Request>, Problem> {
    let effects = act(shared, caller, action).await?;
    find(shared, caller, asked(&effects).unwrap_or_default()).await.map(Json)
}

/// The request that an order made.
pub(super) fn asked(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        Effect::Ledger(Entry { what: What::Requested { request, .. }, .. }) => Some(request.clone()),
        _ => None,
    })
}

/// Carries out an order.
pub(super) async fn act(shared: &Shared, caller: &Caller, action: Action) -> Result<Vec<Effect>, Problem> {
    let effects = shared.driver.command(caller.command(action)).await?;
    match effects.iter().find_map(|effect| if let Effect::Denied(denial) = effect { Some(denial) } else { None }) {
        Some(denial) => Err(denied(denial)),
        None => Ok(effects),
    }
}

fn denied(denial: &Denial) -> Problem {
    let status = match denial.code.as_str() {
        code if code.starts_with("unknown_") => StatusCode::NOT_FOUND,
        "own_request" | "own_hypothesis" | "role_not_needed" | "not_yours" => StatusCode::FORBIDDEN,
        _ => StatusCode::CONFLICT,
    };
    Problem::new(status, &denial.code, denial.detail.clone())
}

async fn find(shared: &Shared, caller: &Caller, id: String) -> Result<Request, Problem> {
    let (asker, wanted) = (caller.clone(), id.clone());
    let look = move |monitor: &Monitor, _| {
        let mut found = all(monitor).find(|request| request.id == wanted)?.clone();
        Hidden::from(&asker, monitor).request(&mut found);
        Some(found)
    };
    let Some(found) = shared.driver.read(look).await? else {
        caller.workflow_of(&id)?;
        let detail = "there is no such request: GET /v1/requests lists them";
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_request", detail));
    };
    if let Some(workflow) = found.workflow.as_ref().filter(|workflow| !caller.may_see(workflow.as_str())) {
        caller.workflow_of(&id).and_then(|()| caller.workflow(workflow.as_str()))?;
    }
    Ok(found)
}

fn all(monitor: &Monitor) -> impl Iterator<Item = &Request> {
    let workflows = monitor.workflows().values().flat_map(|workflow| workflow.state.governance.requests.list());
    workflows.chain(monitor.house().requests.list())
}

/// A body that can't be read.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(super) fn body(error: JsonRejection) -> Problem {
    Problem::invalid("body", error.body_text())
}

/// An id that may be looked up and, if it is unknown, stand in the ledger as such.
pub(super) fn check_id(id: &str) -> Result<(), Problem> {
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(Problem::invalid("id", format!("an id must have 1 to {ID_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// What a request is about, in a few words.
pub fn about(ask: &Ask) -> String {
    match ask {
        Ask::Promotion { from, to } => format!("{from} → {to}"),
        Ask::Annulment { to, .. } => format!("annul the demotion, back to {to}"),
        Ask::Restoration { storm } => format!("restore all that {storm} lowered"),
        Ask::Relearning { guard, .. } => format!("have {guard} learn anew"),
        Ask::Policy { loosens, .. } => format!("a policy that loosens: {}", loosens.join("; ")),
    }
}
