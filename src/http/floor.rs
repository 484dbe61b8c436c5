//! The floor: every workflow as a station with its light, and the course of one workflow's numbers.
//!
//! Owns these routes: search, order and pages. What a light means is the monitor's.

use super::Shared;
use super::auth::Caller;
use super::problem::{Problem, page_limit};
use super::workflows::{blocking, copies, copy_of};
use crate::domain::{Mode, RequestStatus, Time};
use crate::monitor::series::{self, Point};
use crate::monitor::station::{Light, Station};
use crate::monitor::view::Cap;
use crate::stats::ring::WINDOWS;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Floors that are worked out at a time.
pub const AT_A_TIME: usize = 2;
/// Stations of one page.
const PAGE_MAX: usize = 1_000;
/// Longest text that is searched for.
const SEARCH_BYTES_MAX: usize = 200;

/// Which stations.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only workflows with this text in their id or their owner's name.
    search: String,
    /// Only stations with this light.
    light: Option<Light>,
    /// Only workflows in this mode.
    mode: Option<Mode>,
    /// The page, from 1.
    page: Option<usize>,
    /// Stations of a page, 1 to 1000; 100 by default.
    limit: Option<usize>,
}

/// A page of the floor.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Floor {
    /// As of when.
    pub now: Time,
    /// All workflows that the token holds for.
    pub workflows: usize,
    /// Of these, by mode …
    #[schema(value_type = BTreeMap<String, usize>)]
    pub modes: BTreeMap<Mode, usize>,
    /// … and by light.
    #[schema(value_type = BTreeMap<String, usize>)]
    pub lights: BTreeMap<Light, usize>,
    /// Requests that wait for an approval.
    pub waiting_requests: usize,
    /// What caps every mode now: a store that refused a write, a driver that hangs.
    pub cap: Option<Cap>,
    /// Stations that were asked for.
    pub found: usize,
    /// The page, from 1 …
    pub page: usize,
    /// … of so many, 1 at least.
    pub pages: usize,
    /// Those that need somebody first, then by id.
    pub stations: Vec<Station>,
}

/// Every workflow as a station with its light, those that need somebody first.
#[utoipa::path(get, path = "/v1/floor", tag = "workflows", params(Which),
    responses((status = 200, body = Floor), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(shared): State<Shared>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Floor>, Problem> {
    let Query(which) = which.map_err(|wrong| Problem::invalid("query", wrong.body_text()))?;
    let limit = page_limit(which.limit, PAGE_MAX)?;
    if which.search.len() > SEARCH_BYTES_MAX {
        return Err(Problem::invalid("search", format!("`search` must have at most {SEARCH_BYTES_MAX} bytes")));
    }
    // The semaphore is never closed.
    let turn = Arc::clone(&shared.floors).acquire_owned().await.ok();
    let asks = caller.clone();
    let own = copies(&shared, move |workflow| workflow.state.in_policy && asks.may_see(workflow.id.as_str())).await?;
    let is_whole = caller.workflows.is_all();
    let (now, waiting_requests) = shared
        .driver
        .read(move |monitor, now| {
            let own = monitor.workflows().values().filter(|workflow| caller.may_see(workflow.id.as_str()));
            let own = own.flat_map(|workflow| workflow.state.governance.requests.list());
            let house = monitor.house().requests.list().filter(|_| is_whole);
            (now, own.chain(house).filter(|request| request.status == RequestStatus::Pending).count())
        })
        .await?;
    blocking(move || {
        let _turn = turn;
        let board = shared.driver.board();
        let stations = own.iter().map(|workflow| {
            let mode = board.peek(workflow.id.as_str()).map_or(Mode::Assist, |view| view.mode);
            workflow.station(mode, now)
        });
        let all: Vec<Station> = stations.collect();
        let mut floor = Floor {
            now,
            workflows: all.len(),
            modes: Mode::ALL.map(|mode| (mode, 0)).into_iter().collect(),
            lights: Light::ALL.map(|light| (light, 0)).into_iter().collect(),
            waiting_requests,
            cap: board.caps(),
            found: 0,
            page: 1,
            pages: 1,
            stations: Vec::new(),
        };
        for station in &all {
            *floor.modes.entry(station.mode).or_default() += 1;
            *floor.lights.entry(station.light).or_default() += 1;
        }
        show(&mut floor, all, &which, limit);
        Json(floor)
    })
    .await
}

/// Fills in the page that was asked for; the last one, where there are fewer.
fn show(floor: &mut Floor, all: Vec<Station>, which: &Which, limit: usize) {
    let text = which.search.trim().to_lowercase();
    let is_wanted = |station: &Station| {
        let named = station.workflow.as_str().to_lowercase().contains(&text);
        (named || station.owner.to_lowercase().contains(&text))
            && which.light.is_none_or(|light| station.light == light)
            && which.mode.is_none_or(|mode| station.mode == mode)
    };
    let mut found: Vec<Station> = all.into_iter().filter(is_wanted).collect();
    found.sort_by(|a, b| a.light.cmp(&b.light).then_with(|| a.workflow.cmp(&b.workflow)));
    floor.found = found.len();
    floor.pages = found.len().div_ceil(limit).max(1);
    floor.page = which.page.unwrap_or(1).clamp(1, floor.pages);
    floor.stations = found.into_iter().skip((floor.page - 1) * limit).take(limit).collect();
}

/// Which window.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Over {
    /// `5m`, `1h`, `1d`, `7d` or `30d`; `1d` by default.
    window: Option<String>,
}

/// The course of a workflow's numbers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// The window.
    pub window: String,
    /// Its first moment.
    pub from: Time,
    /// Its last one: now.
    pub to: Time,
    /// Length of a slot, seconds.
    pub slot_seconds: i64,
    /// The slots with outputs, oldest first.
    pub points: Vec<Point>,
}

/// The course of a workflow's numbers over a window, slot by slot.
#[utoipa::path(get, path = "/v1/workflows/{id}/series", tag = "workflows", params(("id" = String, Path), Over),
    responses((status = 200, body = Series), (status = 400, body = Problem, content_type = "application/problem+json"), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn series(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    over: Result<Query<Over>, QueryRejection>,
) -> Result<Json<Series>, Problem> {
    let Query(over) = over.map_err(|wrong| Problem::invalid("query", wrong.body_text()))?;
    let name = over.window.unwrap_or_else(|| "1d".to_owned());
    let names = WINDOWS.map(|window| window.name).join(", ");
    let index =
        series::window(&name).ok_or_else(|| Problem::invalid("window", format!("`window` must be one of {names}")))?;
    let (_, now, workflow) = copy_of(&shared, &id).await?;
    let points = blocking(move || workflow.series(index, now)).await?;
    let window = WINDOWS[index];
    Ok(Json(Series {
        window: name,
        from: now.plus(-window.length_ms),
        to: now,
        slot_seconds: window.slot_ms / 1_000,
        points,
    }))
}
