//! Records: the ledger, the refusals, the incidents.
//!
//! Owns these routes; reads of the ledger happen on a thread of their own.

use super::Shared;
use super::auth::Caller;
use super::checkpoint::{EXPORT_KIND, accepts, lines};
use super::hide::Hidden;
use super::problem::{Problem, page_limit};
use super::workflows::blocking;
use crate::domain::refusal::cut;
use crate::domain::{Action, Entry, Refusal, WorkflowId};
use crate::driver::Unavailable;
use crate::monitor::{Effect, Incident, IncidentStatus, Monitor};
use crate::seal::Hash;
use crate::store::{LedgerQuery, SealedEntry, StoreError};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Records of one page.
const PAGE_MAX: usize = 1_000;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Entries {
    /// Only entries of this workflow.
    workflow: Option<String>,
    /// Only entries after this number.
    after: Option<u64>,
    /// Only entries before this number.
    before: Option<u64>,
    /// Begin with the newest.
    newest_first: Option<bool>,
    /// At most so many, 1 to 1000; 100 by default.
    limit: Option<usize>,
}

/// An entry with its number.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Numbered {
    /// Counts the entries of the ledger from 1, without gaps.
    pub ledger_seq: u64,
    /// Hash of the entry: SHA-256 over its number and its stored text (docs/ledger.md).
    pub leaf: Hash,
    /// Hash of this entry and of all before it.
    pub chain: Hash,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
}

/// A page of the ledger.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Ledger {
    /// The entries, oldest first, or newest first where that was asked for.
    pub entries: Vec<Numbered>,
    /// `after` of the next page (`before`, where the newest come first); `null` on the last one.
    pub next: Option<u64>,
}

/// Every decision about a mode, oldest first. With `Accept: application/x-ndjson` one line for each entry,
/// with its text byte for byte as it was hashed: `andon ledger verify --export` checks such lines.
#[utoipa::path(get, path = "/v1/ledger", tag = "records", params(Entries),
    responses((status = 200, content((Ledger = "application/json"), (String = "application/x-ndjson"))), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub async fn ledger(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    query: Result<Query<Entries>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let limit = page_limit(query.limit, PAGE_MAX)?;
    let workflow = query
        .workflow
        .map(|id| WorkflowId::new(&id).map_err(|error| Problem::invalid("workflow", format!("`workflow` {error}"))));
    let workflow = workflow.transpose()?;
    workflow.as_ref().map_or(Ok(()), |id| caller.workflow(id.as_str()))?;
    let wanted = LedgerQuery {
        workflow,
        after: query.after.unwrap_or(0),
        before: query.before,
        newest_first: query.newest_first.unwrap_or(false),
        limit,
        ..LedgerQuery::default()
    };
    let hidden = {
        let caller = caller.clone();
        // Without asking the driver where nothing is hidden.
        if caller.workflows.is_all() {
            Hidden::from(&caller, &Monitor::default())
        } else {
            shared.driver.read(move |monitor, _| Hidden::from(&caller, monitor)).await?
        }
    };
    let found = blocking(move || shared.ledger.sealed(&wanted)).await??;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.ledger_seq);
    // What concerns the whole house is everybody's; of the rest a page holds what the token holds for.
    let shown = |sealed: SealedEntry| {
        let mut entry = match sealed.entry() {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        let may = entry.workflow.as_ref().is_none_or(|id| caller.may_see(id.as_str()));
        may.then(|| {
            let is_exact = !hidden.entry(&mut entry);
            Ok((sealed, entry, is_exact))
        })
    };
    let found = found.into_iter().filter_map(shown).collect::<Result<Vec<_>, StoreError>>()?;
    if accepts(&headers, EXPORT_KIND) {
        // These are checked against their hashes: an entry that names other workflows is left out as a whole.
        let exact = found.into_iter().filter(|(_, _, is_exact)| *is_exact);
        return lines(&exact.map(|(sealed, _, _)| sealed).collect::<Vec<_>>());
    }
    let numbered = |(sealed, entry, _): (SealedEntry, Entry, bool)| {
        let SealedEntry { ledger_seq, leaf, chain, .. } = sealed;
        Numbered { ledger_seq, leaf, chain, entry }
    };
    Ok(Json(Ledger { entries: found.into_iter().map(numbered).collect(), next }).into_response())
}

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Limit {
    /// At most so many, 1 to 1000; 100 by default.
    limit: Option<usize>,
}

/// Kept refusals.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Refusals {
    /// Newest first. Values that were sent are never kept.
    pub refusals: Vec<Refusal>,
}

/// What was not taken lately, and why.
#[utoipa::path(get, path = "/v1/refusals", tag = "records", params(Limit), responses((status = 200, body = Refusals)))]
pub async fn refusals(
    State(shared): State<Shared>,
    caller: Caller,
    query: Result<Query<Limit>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Refusals>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let mut refusals = shared.driver.refusals(page_limit(query.limit, PAGE_MAX)?);
    // Whose a refusal without a workflow is can't be told.
    refusals.retain(|refusal| caller.may_see(refusal.workflow.as_deref().unwrap_or_default()));
    Ok(Json(Refusals { refusals }))
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only incidents of this workflow.
    workflow: Option<String>,
    /// Only incidents in this state.
    status: Option<IncidentStatus>,
    /// At most so many, 1 to 1000; 100 by default.
    limit: Option<usize>,
}

/// Incidents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Incidents {
    /// Newest first.
    pub incidents: Vec<Incident>,
}

/// What went wrong, newest first. The last 50 of each workflow; all of them stand in the ledger.
#[utoipa::path(get, path = "/v1/incidents", tag = "records", params(Which), responses((status = 200, body = Incidents)))]
pub async fn incidents(
    State(shared): State<Shared>,
    caller: Caller,
    query: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Incidents>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let limit = page_limit(query.limit, PAGE_MAX)?;
    query.workflow.as_deref().map_or(Ok(()), |id| caller.workflow(id))?;
    let mut incidents = shared
        .driver
        .read(move |monitor, _| {
            let workflows = monitor.workflows().values();
            let workflows = workflows.filter(|w| query.workflow.as_deref().is_none_or(|id| w.id.as_str() == id));
            let workflows = workflows.filter(|w| caller.may_see(w.id.as_str()));
            // What concerns the whole house is everybody's, but for which others there are.
            let house = monitor.house().incidents.list().iter().filter(|_| query.workflow.is_none());
            let all = workflows.flat_map(|w| w.state.incidents.list().iter()).chain(house);
            let wanted = all.filter(|i| query.status.is_none_or(|status| i.status == status));
            let (hidden, mut wanted) = (Hidden::from(&caller, monitor), wanted.cloned().collect::<Vec<_>>());
            wanted.iter_mut().for_each(|incident| hidden.incident(incident));
            wanted
        })
        .await?;
    incidents.sort_by(|a, b| b.opened_at.cmp(&a.opened_at).then_with(|| b.id.cmp(&a.id)));
    incidents.truncate(limit);
    Ok(Json(Incidents { incidents }))
}

/// What a person says about an incident.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// A remark for the ledger.
    #[serde(default)]
    pub note: String,
}

/// Say that somebody looks at it.
#[utoipa::path(post, path = "/v1/incidents/{id}/acknowledge", tag = "records", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, body = Incident), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn acknowledge(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    note: Option<Json<Note>>,
) -> Result<Json<Incident>, Problem> {
    step(shared, caller, id, note, |incident, note| Action::Acknowledge { incident, note }).await
}

/// Close it.
#[utoipa::path(post, path = "/v1/incidents/{id}/resolve", tag = "records", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, body = Incident), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn resolve(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    note: Option<Json<Note>>,
) -> Result<Json<Incident>, Problem> {
    step(shared, caller, id, note, |incident, note| Action::Resolve { incident, note }).await
}

async fn step(
    shared: Shared,
    caller: Caller,
    id: String,
    note: Option<Json<Note>>,
    action: impl FnOnce(String, String) -> Action,
) -> Result<Json<Incident>, Problem> {
    let note = note.map(|Json(note)| note.note).unwrap_or_default();
    if note.len() > 1_024 {
        return Err(Problem::invalid("note", "`note` must have at most 1024 bytes"));
    }
    let Some(found) = find(&shared, id.clone()).await? else {
        caller.workflow_of(&id)?;
        return Err(unknown_incident(&id));
    };
    if found.workflow.is_empty() {
        caller.all_workflows()?
    } else if !caller.may_see(&found.workflow) {
        // By the name that was sent: it may have another one by now.
        caller.workflow_of(&id).and_then(|()| caller.workflow(&found.workflow))?
    }
    let effects: Vec<Effect> = shared.driver.command(caller.command(action(id.clone(), note))).await?;
    if effects.is_empty() {
        tracing::debug!(incident = id, "the incident was there already");
    }
    find(&shared, id.clone()).await?.map(Json).ok_or_else(|| unknown_incident(&id))
}

async fn find(shared: &Shared, wanted: String) -> Result<Option<Incident>, Unavailable> {
    shared
        .driver
        .read(move |monitor, _| {
            let of_house = monitor.house().incidents.list().iter().find(|i| i.id == wanted);
            let of_workflow =
                || monitor.incident_owner(&wanted)?.state.incidents.list().iter().find(|i| i.id == wanted);
            of_house.or_else(of_workflow).cloned()
        })
        .await
}

fn unknown_incident(id: &str) -> Problem {
    let detail = format!("there is no incident `{}`: GET /v1/incidents lists what there is", cut(id, 96));
    Problem::new(StatusCode::NOT_FOUND, "unknown_incident", detail)
}
