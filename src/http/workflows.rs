//! Workflows: their numbers, their mode, and why it is what it is.
//!
//! Owns these routes. Mode reads go by the board and wait for nothing; numbers are computed on a
//! thread of their own from a copy of the state.

use super::Shared;
use super::auth::Caller;
use super::lease::{ModeAnswer, knows, respond};
use super::problem::{Problem, page_limit};
use crate::domain::{Action, Entry, Mode, Policy, Time, What, WorkflowId};
use crate::monitor::{Detail, Workflow, WorkflowView};
use crate::store::LedgerQuery;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Longest wait for a change, seconds.
const WAIT_SECONDS_MAX: u64 = 300;
/// Workflows of one page.
const PAGE_MAX: usize = 1_000;
/// Longest reason.
pub(super) const REASON_BYTES_MAX: usize = 1_024;

/// A page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Only workflows whose id comes after this one.
    after: Option<String>,
    /// At most so many, 1 to 1000; 100 by default.
    limit: Option<usize>,
}

/// A page of workflows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Workflows {
    /// The workflows, by id.
    pub workflows: Vec<WorkflowView>,
    /// `after` of the next page; `null` on the last one.
    pub next: Option<WorkflowId>,
}

/// All workflows with KPIs per window and guards with state, estimate, bound and evidence.
#[utoipa::path(get, path = "/v1/workflows", tag = "workflows", params(Page),
    responses((status = 200, body = Workflows), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Workflows>, Problem> {
    let Query(page) = page.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let limit = page_limit(page.limit, PAGE_MAX)?;
    let after = page.after.unwrap_or_default();
    let (policy, now, found) = shared
        .driver
        .read(move |monitor, now| {
            let present = monitor.workflows().values().filter(|w| w.state.in_policy && *w.id.as_str() > *after);
            let present = present.filter(|w| caller.may_see(w.id.as_str()));
            (Arc::clone(monitor.policy()), now, present.take(limit + 1).cloned().collect::<Vec<Workflow>>())
        })
        .await?;
    let more = found.len() > limit;
    let views =
        blocking(move || found.iter().take(limit).map(|w| w.view(&policy, now, Detail::Brief)).collect::<Vec<_>>())
            .await?;
    let next = views.last().filter(|_| more).map(|view| view.id.clone());
    let workflows = views.into_iter().map(|view| effective(&shared, view)).collect();
    Ok(Json(Workflows { workflows, next }))
}

/// One workflow with KPIs per window and guards.
#[utoipa::path(get, path = "/v1/workflows/{id}", tag = "workflows", params(("id" = String, Path)),
    responses((status = 200, body = WorkflowView), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn get(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Json<WorkflowView>, Problem> {
    let (policy, now, workflow) = copy_of(&shared, &id).await?;
    let view = blocking(move || workflow.view(&policy, now, Detail::Full)).await?;
    Ok(Json(effective(&shared, view)))
}

/// A copy of a workflow that the policy holds, with the policy and the time.
pub(super) async fn copy_of(shared: &Shared, id: &str) -> Result<(Arc<Policy>, Time, Workflow), Problem> {
    let wanted = id.to_owned();
    let (policy, now, found) = shared
        .driver
        .read(move |monitor, now| {
            let found = monitor.workflows().get(wanted.as_str()).filter(|w| w.state.in_policy).cloned();
            (Arc::clone(monitor.policy()), now, found)
        })
        .await?;
    found.map(|workflow| (policy, now, workflow)).ok_or_else(|| Problem::unknown_workflow(id))
}

/// Workflows that are copied on the driver's thread at a time.
const PORTION: usize = 50;

/// Copies of all workflows that somebody wants, those that left the policy among them, in portions so that nothing waits
/// for long.
pub(super) async fn copies<W>(shared: &Shared, is_wanted: W) -> Result<Vec<Workflow>, Problem>
where
    W: Fn(&Workflow) -> bool + Clone + Send + 'static,
{
    let mut all: Vec<Workflow> = Vec::new();
    loop {
        let after = all.last().map(|workflow| workflow.id.clone());
        let is_wanted = is_wanted.clone();
        let portion: Vec<Workflow> = shared
            .driver
            .read(move |monitor, _| {
                let all = monitor.workflows().values().filter(|w| !w.id.is_drill_lane());
                let next = all.filter(|workflow| after.as_ref().is_none_or(|after| workflow.id > *after));
                next.filter(|workflow| is_wanted(workflow)).take(PORTION).cloned().collect()
            })
            .await?;
        let is_last = portion.len() < PORTION;
        all.extend(portion);
        if is_last {
            return Ok(all);
        }
    }
}

/// The view with the mode that readers get now, caps of a failed store included.
pub(super) fn effective(shared: &Shared, view: WorkflowView) -> WorkflowView {
    let mode = shared.driver.board().peek(view.id.as_str()).map_or_else(|| view.mode.clone(), |mode| (*mode).clone());
    WorkflowView { mode, ..view }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the answer could not be computed: the log says why",
        )
    })
}

/// Waiting for a change.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Wait up to so long for a change, such as `30s`; at most 300s.
    wait: Option<String>,
    /// The epoch that the reader knows: a newer one is answered at once.
    epoch: Option<u64>,
}

/// The mode of a workflow: what it may do now. Never waits unless asked to.
#[utoipa::path(get, path = "/v1/workflows/{id}/mode", tag = "workflows", params(("id" = String, Path), Wait),
    responses(
        (status = 200, body = ModeAnswer),
        (status = 304, description = "unchanged; the lease is in the headers"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn get_mode(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    wait: Result<Query<Wait>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(wait) = wait.map_err(|error| Problem::invalid("query", error.body_text()))?;
    shared.metrics.mode_reads.inc();
    // Subscribed before reading, so that no change falls between the two.
    let mut changes = shared.driver.board().changes();
    let unknown = || Problem::unknown_workflow(&id);
    let mut view = shared.driver.board().read(&id).ok_or_else(unknown)?;
    if let Some(text) = wait.wait.as_deref() {
        let patience = duration(text)?;
        // An epoch says which mode was granted. Of a cap, which has no epoch, the reader knows only
        // if it sends the tag of the answer: otherwise it would wait with a higher mode in hand.
        let told = wait.epoch.is_none() || knows(&view, &headers);
        let known = (wait.epoch.unwrap_or(view.epoch), if told { view.mode } else { view.granted });
        // Where too many wait already, the answer comes at once: the mode path is never refused.
        if let Ok(_place) = shared.long_polls.try_acquire() {
            shared.metrics.long_polls.inc();
            let mut stopping = shared.stopping.clone();
            let deadline = tokio::time::sleep(patience);
            tokio::pin!(deadline);
            while (view.epoch, view.mode) == known {
                tokio::select! {
                    () = &mut deadline => break,
                    changed = changes.changed() => if changed.is_err() { break },
                    _ = stopping.wait_for(|stopping| *stopping) => break,
                }
                let Some(now) = shared.driver.board().read(&id) else { break };
                view = now;
            }
            shared.metrics.long_polls.dec();
        }
    }
    Ok(respond(&view, shared.driver.clock().now(), shared.reloader.lease_ms(), &headers))
}

/// A wait such as `30s`, `500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, Problem> {
    let wrong = || Problem::invalid("wait", format!("`wait` must be a time such as 30s, at most {WAIT_SECONDS_MAX}s"));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let ms = match &text[digits.len()..] {
        "ms" => number,
        "s" => number.saturating_mul(1_000),
        "m" => number.saturating_mul(60_000),
        _ => return Err(wrong()),
    };
    if ms > WAIT_SECONDS_MAX * 1_000 { Err(wrong()) } else { Ok(Duration::from_millis(ms)) }
}

/// An operator's order: `mode` lowers, `hold` blocks raises or allows them again.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The mode to lower to.
    pub mode: Option<Mode>,
    /// Whether raises are blocked.
    pub hold: Option<bool>,
    /// Why: it stands in the ledger.
    pub reason: String,
}

/// Lower, hold or release a workflow. Nothing here raises a mode.
#[utoipa::path(post, path = "/v1/workflows/{id}/mode", tag = "workflows", params(("id" = String, Path)),
    request_body = Order,
    responses(
        (status = 200, body = ModeAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "that would raise the mode", content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn post_mode(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    order: Result<Json<Order>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, Problem> {
    let Json(order) = order.map_err(|error| Problem::invalid("body", error.body_text()))?;
    let view = shared.driver.board().peek(&id).ok_or_else(|| Problem::unknown_workflow(&id))?;
    let reason = reason(order.reason)?;
    let workflow = view.workflow.clone();
    let action = match (order.mode, order.hold) {
        (Some(mode), None) if mode > view.granted => {
            let detail =
                format!("{} is granted and {mode} is above it: up goes only through the promotion gate", view.granted);
            return Err(Problem::new(StatusCode::CONFLICT, "up_needs_the_gate", detail));
        }
        (Some(mode), None) => Action::Lower { workflow, mode, reason },
        (None, Some(hold)) => Action::Hold { workflow, hold, reason },
        _ => return Err(Problem::invalid("mode", "send either `mode` to lower, or `hold`, and a `reason`")),
    };
    shared.driver.command(caller.command(action)).await?;
    let view = shared.driver.board().peek(&id).ok_or_else(|| Problem::unknown_workflow(&id))?;
    Ok(respond(&view, shared.driver.clock().now(), shared.reloader.lease_ms(), &HeaderMap::new()).into_response())
}

/// A reason that is there and not too long.
pub(super) fn reason(text: String) -> Result<String, Problem> {
    if text.trim().is_empty() || text.len() > REASON_BYTES_MAX {
        return Err(Problem::invalid(
            "reason",
            "`reason` must have 1 to 1024 bytes: it stands in the ledger for those who come after",
        ));
    }
    Ok(text)
}

/// When to explain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct At {
    /// A past time, RFC 3339; now by default.
    at: Option<String>,
}

/// Why a mode was what it was.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The time asked about.
    pub at: Time,
    /// The granted mode then.
    pub mode: Mode,
    /// Its epoch then.
    pub epoch: u64,
    /// A sentence.
    pub because: String,
    /// Number of the entry in the ledger.
    pub ledger_seq: u64,
    /// The entry that decided it.
    pub entry: Entry,
}

/// The reason for the mode at any past time, from the ledger.
#[utoipa::path(get, path = "/v1/workflows/{id}/why", tag = "workflows", params(("id" = String, Path), At),
    responses((status = 200, body = Why), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn why(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    at: Result<Query<At>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Why>, Problem> {
    let Query(At { at }) = at.map_err(|error| Problem::invalid("query", error.body_text()))?;
    let at = match at {
        None => shared.driver.clock().now(),
        Some(text) => text.parse().map_err(|error| Problem::invalid("at", format!("`at` {error}")))?,
    };
    let workflow = WorkflowId::new(&id).map_err(|_| Problem::unknown_workflow(&id))?;
    let found = blocking(move || decision(&shared, workflow, at)).await??;
    found.map(Json).ok_or_else(|| {
        let detail = format!("the ledger knows no workflow `{id}` at {at}: it was adopted later, or never");
        Problem::new(StatusCode::NOT_FOUND, "not_adopted_then", detail)
    })
}

/// The newest entry that set the mode at a time; history under a former id included.
fn decision(shared: &Shared, workflow: WorkflowId, at: Time) -> Result<Option<Why>, Problem> {
    let mut query =
        LedgerQuery { workflow: Some(workflow.clone()), until: Some(at), newest_first: true, ..LedgerQuery::default() };
    loop {
        let page = shared.ledger.entries(&query)?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        query.before = Some(*last);
        for (ledger_seq, entry) in page {
            let (mode, epoch, because) = match &entry.what {
                What::ModeChanged { to, epoch, reason, .. } => (*to, *epoch, reason.clone()),
                What::Adopted { mode, .. } => (*mode, 1, format!("adopted in its start mode {mode}")),
                What::DrillBegan { drill, mode, epoch } => (*mode, *epoch, format!("drill {drill} began")),
                What::Renamed { from } => {
                    query.workflow = Some(from.clone());
                    query.before = Some(ledger_seq);
                    break;
                }
                _ => continue,
            };
            return Ok(Some(Why { workflow, at, mode, epoch, because, ledger_seq, entry }));
        }
    }
}
