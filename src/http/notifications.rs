//! Notifications: where each target stands, a test of one, another try; and the look for what is overdue.
//!
//! Owns these routes and the task that looks. What is sent, and how, is the notifier's.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use super::workflows::blocking;
use crate::domain::Time;
use crate::domain::refusal::cut;
use crate::notify::{NoTest, TargetView, Tested, overdue};
use crate::store::StoreError;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// The watch looks at the clock this often …
const CLOCK_EVERY: Duration = Duration::from_millis(500);
/// … and for what is overdue this often, milliseconds.
const LOOK_EVERY_MS: i64 = Time::MINUTE;

/// All targets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Notifications {
    /// In the order of the configuration.
    pub targets: Vec<TargetView>,
}

/// What was tried again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Retried {
    /// Messages that had been given up and are tried again.
    pub revived: u64,
}

/// Where each target of notifications stands: what waits, what was given up, the last error. For all workflows.
#[utoipa::path(get, path = "/v1/notifications", tag = "operate",
    responses((status = 200, body = Notifications), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<Notifications>, Problem> {
    caller.all_workflows()?;
    let targets = blocking(move || shared.notifier.views()).await?.map_err(|error| failing(&error))?;
    Ok(Json(Notifications { targets }))
}

/// Send a target a message that says that it is a test, past whatever waits, and see how it goes.
#[utoipa::path(post, path = "/v1/notifications/{target}/test", tag = "operate", params(("target" = String, Path)),
    responses(
        (status = 200, body = Tested, description = "it was tried: `delivered` says how it went"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "a test of this target is under way", content_type = "application/problem+json")))]
pub async fn test(
    State(shared): State<Shared>,
    caller: Caller,
    Path(target): Path<String>,
) -> Result<Json<Tested>, Problem> {
    caller.all_workflows()?;
    let (wanted, by) = (target.clone(), caller.name.clone());
    let tested = blocking(move || shared.notifier.test(&wanted, &by)).await?;
    tested.map(Json).map_err(|why| match why {
        NoTest::Unknown => unknown(&target),
        NoTest::UnderWay => {
            let detail = format!("`{target}` is being tested already: wait for the answer to that, `timeout` at most");
            Problem::new(StatusCode::CONFLICT, "test_under_way", detail)
        }
    })
}

/// Try again now: what waits for a target, and what was given up.
#[utoipa::path(post, path = "/v1/notifications/{target}/retry", tag = "operate", params(("target" = String, Path)),
    responses(
        (status = 200, body = Retried),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn retry(
    State(shared): State<Shared>,
    caller: Caller,
    Path(target): Path<String>,
) -> Result<Json<Retried>, Problem> {
    caller.all_workflows()?;
    if !shared.notifier.has(&target) {
        return Err(unknown(&target));
    }
    let revived = blocking(move || shared.notifier.retry(&target)).await?.map_err(|error| failing(&error))?;
    Ok(Json(Retried { revived }))
}

/// The log says more; this answer may be read by somebody who is not to know paths.
fn failing(error: &StoreError) -> Problem {
    tracing::error!(%error, "the outbox can't be used");
    let detail = "the outbox can't be used, so nobody is notified until it can; modes are lowered all the same. The log says why";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outbox_failing", detail)
}

fn unknown(target: &str) -> Problem {
    let detail = format!(
        "no target `{}` is declared: GET /v1/notifications lists what there is; one that is new in the configuration comes with the next start",
        cut(target, 64)
    );
    Problem::new(StatusCode::NOT_FOUND, "unknown_target", detail)
}

/// Looks for what is overdue, until the daemon stops.
pub async fn keep_watch(shared: Shared) {
    let mut stopping = shared.stopping.clone();
    let mut looked_ms: Option<i64> = None;
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(CLOCK_EVERY) => {}
        }
        let now_ms = shared.driver.clock().monotonic_ms();
        if looked_ms.is_some_and(|looked_ms| now_ms - looked_ms < LOOK_EVERY_MS) {
            continue;
        }
        looked_ms = Some(now_ms);
        // A driver that doesn't answer is somebody else's alarm.
        let Ok(found) = shared.driver.read(overdue).await else { continue };
        let notifier = Arc::clone(&shared.notifier);
        drop(tokio::task::spawn_blocking(move || notifier.overdue(&found)).await);
    }
}
