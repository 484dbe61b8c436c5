//! Stop, reload, health and metrics.
//!
//! Owns these routes. `/livez` says that the process answers; `/readyz` that it can take outputs.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use super::workflows::reason;
use crate::domain::Action;
use crate::driver::ModeNow;
use crate::exposition::Format;
use crate::reload::{ReloadError, Reloaded};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Why everything stops.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// It stands in the ledger.
    pub reason: String,
}

/// The modes after the stop.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Stopped {
    /// All workflows.
    pub modes: BTreeMap<String, ModeNow>,
}

/// The stop button: every workflow to assist, at once.
#[utoipa::path(post, path = "/v1/stop", tag = "operate", request_body = Stop,
    responses((status = 200, body = Stopped), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn stop(
    State(shared): State<Shared>,
    caller: Caller,
    stop: Result<Json<Stop>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<Stopped>, Problem> {
    caller.all_workflows()?;
    let Json(stop) = stop.map_err(|error| Problem::invalid("body", error.body_text()))?;
    let reason = reason(stop.reason)?;
    shared.driver.command(caller.command(Action::Stop { reason })).await?;
    let modes = shared.driver.board().all().into_iter().map(|(view, _)| {
        (view.workflow.to_string(), ModeNow { mode: view.mode, level: view.level, epoch: view.epoch })
    });
    Ok(Json(Stopped { modes: modes.collect() }))
}

/// Load the configuration anew: the whole new one comes into force, or the old one stays.
#[utoipa::path(post, path = "/v1/reload", tag = "operate",
    responses((status = 200, body = Reloaded), (status = 422, body = Problem, description = "the file has problems; the old policy stays", content_type = "application/problem+json")))]
pub async fn reload(State(shared): State<Shared>, caller: Caller) -> Result<Json<Reloaded>, Problem> {
    caller.all_workflows()?;
    tracing::info!(by = caller.name, "asked to load the configuration anew");
    shared.reloader.reload(&caller.name).await.map(Json).map_err(|error| match error {
        ReloadError::Unavailable(error) => error.into(),
        error => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "configuration_refused", format!("{error}")),
    })
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "operate", responses((status = 200)))]
pub async fn livez() -> &'static str {
    "ok\n"
}

/// The daemon can take outputs and its modes hold.
#[utoipa::path(get, path = "/readyz", tag = "operate",
    responses((status = 200), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn readyz(State(shared): State<Shared>) -> Result<&'static str, Problem> {
    if *shared.stopping.borrow() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the daemon is stopping"));
    }
    match shared.driver.board().caps() {
        None => Ok("ok\n"),
        Some(cap) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, &format!("{}_failed", cap.by), cap.reason)),
    }
}

/// Everything for Prometheus: in the text format, or as OpenMetrics with exemplars where that is accepted.
#[utoipa::path(get, path = "/metrics", tag = "operate",
    responses((status = 200, content_type = "text/plain"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn metrics(State(shared): State<Shared>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accept);
    let sessions = shared.sessions.count(shared.driver.clock().now());
    shared.metrics.sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
    let text = shared.scraper.scrape(format, &caller.workflows).await?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
}
