//! Actions: who does what until when.
//!
//! Owns these routes, and how a name, a day and what is to be done are read. Which may be assigned now is decided by
//! the monitor.

use super::Shared;
use super::auth::Caller;
use super::governance::{act, body, check_id};
use super::hide::Hidden;
use super::problem::Problem;
use super::workflows::REASON_BYTES_MAX;
use crate::domain::{Action, Ending, Entry, Person, Task, Time, What, WorkflowId};
use crate::monitor::{Effect, Monitor};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Longest text of what is to be done, bytes.
pub(super) const TASK_BYTES_MAX: usize = 256;
/// Bytes of a date such as `2026-12-01`.
const DATE_BYTES: usize = 10;

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those of this workflow.
    workflow: Option<String>,
}

/// An open action.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct OpenAction {
    /// What, who, until when.
    #[serde(flatten)]
    pub task: Task,
    /// Whether its time is over.
    pub is_overdue: bool,
}

/// Open actions.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Actions {
    /// Those due first come first.
    pub actions: Vec<OpenAction>,
}

/// Who does what until when: what is open. What has ended stands in the ledger and in the report of its week.
#[utoipa::path(get, path = "/v1/actions", tag = "governance", params(Which), responses((status = 200, body = Actions), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Actions>, Problem> {
    let Query(Which { workflow }) = which.map_err(|error| Problem::invalid("query", error.body_text()))?;
    workflow.as_deref().map_or(Ok(()), |id| caller.workflow(id))?;
    let look = move |monitor: &Monitor, now: Time| {
        let wanted = |task: &&Task| {
            let of = task.workflow.as_ref().map(WorkflowId::as_str);
            workflow.as_deref().is_none_or(|id| of == Some(id)) && of.is_none_or(|id| caller.may_see(id))
        };
        let hidden = Hidden::from(&caller, monitor);
        let shown = |task: &Task| {
            let mut task = task.clone();
            hidden.task(&mut task);
            OpenAction { is_overdue: task.is_overdue(now), task }
        };
        monitor.house().actions.open().iter().filter(wanted).map(shown).collect::<Vec<_>>()
    };
    let mut actions = shared.driver.read(look).await?;
    actions.sort_by_key(|open| open.task.due);
    Ok(Json(Actions { actions }))
}

/// Something that somebody is to do.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAction {
    /// The workflow; nothing for the whole house.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub workflow: Option<WorkflowId>,
    /// What is to be done.
    pub task: String,
    /// Who does it.
    pub owner: String,
    /// Until when: a date such as 2026-12-01 (all of that day, in the reports' time zone), or a time.
    pub due: String,
}

/// Name somebody who does something until a day. The weekly reports follow it up.
#[utoipa::path(post, path = "/v1/actions", tag = "governance", request_body = NewAction,
    responses((status = 200, body = Task), (status = 409, body = Problem, description = "too many are open, or the day is over", content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn assign(
    State(shared): State<Shared>,
    caller: Caller,
    sent: Result<Json<NewAction>, JsonRejection>,
) -> Result<Json<Task>, Problem> {
    let Json(NewAction { workflow, task, owner, due }) = sent.map_err(body)?;
    workflow.as_ref().map_or_else(|| caller.all_workflows(), |id| caller.workflow(id.as_str()))?;
    let (task, owner) = (said("task", task, TASK_BYTES_MAX)?, owner_of(&owner)?);
    let due = due_of(&due, &shared.reports.zone)?;
    let effects = act(&shared, &caller, Action::Assign { workflow, task, owner, due }).await?;
    let assigned = effects.into_iter().find_map(|effect| match effect {
        Effect::Ledger(Entry {
            what: What::Assigned { action: id, task, owner, due, question },
            workflow,
            by,
            time: at,
            ..
        }) => Some(Task { id, workflow, task, owner, due, question, by, at }),
        _ => None,
    });
    assigned.map(Json).ok_or_else(unknown_action)
}

/// The end of an action.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// `done` or `dropped`.
    pub ending: Ending,
    /// A remark for the ledger.
    #[serde(default)]
    pub note: String,
}

/// An action that has ended.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Finished {
    /// What, who, until when.
    #[serde(flatten)]
    pub task: Task,
    /// How.
    pub ending: Ending,
}

/// Say how an action ended. It leaves the list; the ledger and the report of the week keep it.
#[utoipa::path(post, path = "/v1/actions/{id}/finish", tag = "governance", params(("id" = String, Path)), request_body = Finish,
    responses((status = 200, body = Finished), (status = 404, body = Problem, content_type = "application/problem+json"), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn finish(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<Finish>, JsonRejection>,
) -> Result<Json<Finished>, Problem> {
    let Json(Finish { ending, note }) = sent.map_err(body)?;
    check_id(&id)?;
    let note = if note.trim().is_empty() { String::new() } else { said("note", note, REASON_BYTES_MAX)? };
    let wanted = id.clone();
    let found = shared.driver.read(move |monitor, _| monitor.house().actions.get(&wanted).cloned()).await?;
    let task = found.ok_or_else(unknown_action)?;
    // One of another workflow is answered like one that isn't there.
    match &task.workflow {
        Some(workflow) if !caller.may_see(workflow.as_str()) => return Err(unknown_action()),
        Some(_) => {}
        None => caller.all_workflows()?,
    }
    act(&shared, &caller, Action::Finish { id, ending, note }).await?;
    Ok(Json(Finished { task, ending }))
}

fn unknown_action() -> Problem {
    let detail = "no action of this id is open: GET /v1/actions lists those that are";
    Problem::new(StatusCode::NOT_FOUND, "unknown_action", detail)
}

/// A text that is there and not too long, and that forges nothing on the terminal where somebody reads it: one line,
/// and a remark several.
pub(super) fn said(field: &'static str, text: String, bytes_max: usize) -> Result<String, Problem> {
    if text.trim().is_empty() || text.len() > bytes_max {
        let detail = format!("`{field}` must have 1 to {bytes_max} bytes: it stands in the ledger");
        return Err(Problem::invalid(field, detail));
    }
    let may_be = |c: char| !c.is_control() || (field == "note" && matches!(c, '\n' | '\t'));
    if !text.replace("\r\n", "\n").chars().all(may_be) {
        let but = if field == "note" { " but ends of lines and tabs" } else { ": write it on one line" };
        return Err(Problem::invalid(field, format!("`{field}` must have no control characters{but}")));
    }
    Ok(text)
}

/// A name as people have it.
pub(super) fn owner_of(name: &str) -> Result<String, Problem> {
    Person::check_name(name).map_err(|why| Problem::invalid("owner", format!("`owner` {why}")))
}

/// The end of a day in a time zone, or a time as it is written.
pub(super) fn due_of(text: &str, zone: &TimeZone) -> Result<Time, Problem> {
    let wrong = || {
        let detail = "`due` must be a date such as 2026-12-01, or a time such as 2026-12-01T12:00:00Z";
        Problem::invalid("due", detail)
    };
    if text.len() != DATE_BYTES {
        return text.parse().map_err(|_| wrong());
    }
    let next = text.parse::<Date>().and_then(Date::tomorrow).and_then(|date| date.to_zoned(zone.clone()));
    Ok(Time(next.map_err(|_| wrong())?.timestamp().as_millisecond()).plus(-Time::SECOND))
}
