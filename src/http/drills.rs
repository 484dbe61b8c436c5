//! Drills: pull the cord now, and what came of the last ones.
//!
//! Owns these routes, the schedule's task, and the way in which a drill asks for a mode: through the same
//! router as everybody, only that the request comes over no connection.

use super::Shared;
use super::auth::{Caller, Inside};
use super::lease::ModeAnswer;
use super::problem::Problem;
use crate::domain::access::ANDON;
use crate::domain::drill::LANE;
use crate::domain::{Action, Command, Drill, DrillAct, DrillResult, Scope, Time};
use crate::drill::{Busy, Drilled, ModeTold};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tower_service::Service as _;
use utoipa::ToSchema;

/// The schedule looks at the clock this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Most bytes of the answer to a read of the lane's mode.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The last drills.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Drills {
    /// Whether one is running now.
    pub running: bool,
    /// The workflow that drills lower; its mode can be read like any other's.
    pub lane: String,
    /// When the next one is due by the schedule; `null` where that is off.
    pub due: Option<Time>,
    /// When the last one that passed ended.
    pub last_passed_at: Option<Time>,
    /// The last 20, newest first; all of them stand in the ledger.
    pub drills: Vec<Drill>,
    /// The last one, if its result could not be recorded: the store refused it, or the driver hung.
    pub unrecorded: Option<Drilled>,
}

/// What came of the last drills, and when the next one is due.
#[utoipa::path(get, path = "/v1/drills", tag = "operate",
    responses((status = 200, body = Drills), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(shared): State<Shared>) -> Result<Json<Drills>, Problem> {
    let ran = shared.drills.is_running();
    let record = shared.driver.read(|monitor, _| monitor.house().drills.clone()).await?;
    let running = ran || shared.drills.is_running();
    let mut drills: Vec<Drill> = record.list().iter().rev().cloned().collect();
    // One whose end was never recorded runs no more: the daemon ended meanwhile.
    for drill in drills.iter_mut().filter(|drill| drill.result == DrillResult::Running && !running) {
        drill.result = DrillResult::Interrupted;
    }
    Ok(Json(Drills {
        running,
        lane: LANE.to_owned(),
        due: shared.drills.due(&record),
        last_passed_at: record.last_passed_at(),
        drills,
        // A driver that hung may have recorded it since.
        unrecorded: shared
            .drills
            .unrecorded()
            .filter(|of| !record.list().iter().any(|d| d.ended_at.is_some_and(|at| at >= of.drill.begun_at))),
    }))
}

/// Pull the cord on the lane of drills, and see what follows; takes a second or so. One drill at a time.
#[utoipa::path(post, path = "/v1/drills", tag = "operate",
    responses(
        (status = 200, body = Drilled, description = "it ran: `passed` says how it went"),
        (status = 409, body = Problem, description = "one is running already", content_type = "application/problem+json")))]
pub async fn pull(State(shared): State<Shared>, caller: Caller) -> Result<Json<Drilled>, Problem> {
    caller.all_workflows()?;
    let by = caller.command(Action::Drill(DrillAct::Begin));
    // A task of its own: whoever asked may go away, and a drill that began must end.
    let drill = tokio::spawn(async move { run(&shared, by).await });
    let drill = drill.await.map_err(|_| {
        let detail = "a fault in andon itself: the drill broke off; please report it with the log";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    })?;
    drill.map(Json).map_err(|busy| Problem::new(StatusCode::CONFLICT, "drill_running", busy.to_string()))
}

/// Runs a drill whenever one is due, until the daemon stops.
pub async fn keep_schedule(shared: Shared) {
    let mut stopping = shared.stopping.clone();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if shared.drills.is_due().await {
            // Where somebody's drill is running, the schedule has what it wants.
            drop(run(&shared, Command::new(ANDON, Action::Drill(DrillAct::Begin))).await);
        }
    }
}

async fn run(shared: &Shared, by: Command) -> Result<Drilled, Busy> {
    let turn = shared.drills.turn()?;
    let router = super::router(shared.clone());
    Ok(shared.drills.run(turn, &by, || read(router)).await)
}

/// Asks for the lane's mode as every workflow asks for its own.
async fn read(mut router: axum::Router) -> Result<ModeTold, String> {
    let request = Request::get(format!("/v1/workflows/{LANE}/mode")).extension(Inside::with(Scope::Read));
    let request = request.body(Body::empty()).map_err(|error| error.to_string())?;
    let response = router.call(request).await.unwrap_or_else(|never| match never {});
    let status = response.status();
    let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())?;
    if status != StatusCode::OK {
        let detail = serde_json::from_slice::<Problem>(&body).map(|problem| problem.detail).unwrap_or_default();
        return Err(format!("a read of the mode is answered with {status}: {detail}"));
    }
    let answer: ModeAnswer = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    Ok(ModeTold { view: answer.mode, valid_until: answer.valid_until })
}
