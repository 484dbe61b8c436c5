//! Simulated outputs from the daemon itself, so that somebody new sees what happens.
//!
//! Owns this route, its pace and the rule that only workflows that never had an output are simulated: what is
//! simulated counts like the rest. The outputs come in by the same route as everybody's, in the name of whoever asked.

use super::Shared;
use super::auth::{Caller, Inside};
use super::governance::body;
use super::problem::Problem;
use crate::domain::{Mode, WorkflowId};
use crate::driver::Taken;
use crate::traffic::{Scenario, Traffic};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_service::Service as _;
use utoipa::ToSchema;

/// Outputs of one simulation …
const OUTPUTS: u64 = 1_500;
/// … of which so many are sent together …
const TOGETHER: u64 = 25;
/// … this often: a minute in all.
const EVERY: Duration = Duration::from_secs(1);
/// The output with which it breaks.
const BREAKS_AT: u64 = 400;
/// Largest answer to outputs, bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One simulation at a time.
pub struct Simulations(Arc<Semaphore>);

impl Default for Simulations {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// What is simulated.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// A workflow that never had an output.
    #[schema(value_type = String)]
    pub workflow: WorkflowId,
}

/// A simulation that has begun.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Simulated {
    /// Outputs that come.
    pub outputs: u64,
    /// The one with which it breaks.
    pub breaks_at: u64,
    /// About so long, seconds.
    pub seconds: u64,
}

/// Have simulated outputs of a workflow come in for a minute: healthy at first, then a new version fails in four of
/// ten. Only of a workflow that never had an output, as they count like real ones.
#[utoipa::path(post, path = "/v1/simulations", tag = "intake", request_body = Simulation,
    responses(
        (status = 202, body = Simulated),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "it has outputs already, or a simulation is running", content_type = "application/problem+json")))]
pub async fn post(
    State(shared): State<Shared>,
    caller: Caller,
    wanted: Result<Json<Simulation>, JsonRejection>,
) -> Result<(StatusCode, Json<Simulated>), Problem> {
    let Json(Simulation { workflow }) = wanted.map_err(body)?;
    caller.workflow(workflow.as_str())?;
    let id = workflow.clone();
    let has_outputs = shared.driver.read(move |monitor, _| {
        monitor.workflows().get(&id).is_some_and(|workflow| workflow.state.last_output_at.is_some())
    });
    if has_outputs.await? {
        let detail = format!("`{workflow}` has outputs already, and simulated ones would count with them");
        return Err(Problem::new(StatusCode::CONFLICT, "has_outputs", detail));
    }
    let running =
        || Problem::new(StatusCode::CONFLICT, "simulation_running", "a simulation is running already: wait a minute");
    let turn = Arc::clone(&shared.simulations.0).try_acquire_owned().map_err(|_| running())?;
    tracing::info!(%workflow, by = caller.name, "a simulation begins: its outputs count like real ones");
    let prefix = format!("simulated{}", shared.driver.clock().now().0);
    let mut traffic = Traffic::new(workflow, Scenario::SuddenBreak, BREAKS_AT, &prefix, 1);
    // The first ones tell whether they are taken at all.
    let mut router = super::router(shared.clone());
    let mut mode = send(&mut router, &caller, &mut traffic, Mode::Assist).await?;
    tokio::spawn(async move {
        let _turn = turn;
        let mut stopping = shared.stopping.clone();
        while traffic.made() < OUTPUTS {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            match send(&mut router, &caller, &mut traffic, mode).await {
                Ok(now) => mode = now,
                Err(problem) => return tracing::warn!(why = problem.detail, "a simulation ended early"),
            }
        }
    });
    let seconds = EVERY.as_secs() * OUTPUTS / TOGETHER;
    Ok((StatusCode::ACCEPTED, Json(Simulated { outputs: OUTPUTS, breaks_at: BREAKS_AT, seconds })))
}

/// Sends the next outputs; gives the mode that the answer says.
async fn send(router: &mut axum::Router, caller: &Caller, traffic: &mut Traffic, mode: Mode) -> Result<Mode, Problem> {
    let mut lines = Vec::new();
    traffic.lines(TOGETHER, mode, &mut lines);
    let request = Request::post("/v1/events").header(header::CONTENT_TYPE, "application/x-ndjson");
    let unmade = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "simulated outputs could not be sent");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the simulation broke off: the log says why")
    };
    let request = request.extension(Inside::of(caller.clone())).body(Body::from(lines)).map_err(|e| unmade(&e))?;
    let response = router.call(request).await.unwrap_or_else(|never| match never {});
    let status = response.status();
    let answer = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.map_err(|e| unmade(&e))?;
    if !status.is_success() {
        return Err(serde_json::from_slice(&answer).unwrap_or_else(|error| unmade(&error)));
    }
    let taken: Taken = serde_json::from_slice(&answer).map_err(|e| unmade(&e))?;
    let now = taken.modes.get(traffic.workflow()).map(|now| now.mode);
    now.ok_or_else(|| {
        let why = taken.rejected.first().map_or("nothing was taken", |refusal| refusal.message.as_str()).to_owned();
        Problem::new(StatusCode::CONFLICT, "not_taken", why)
    })
}
