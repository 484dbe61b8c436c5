//! Weekly reports: which there are, and one of them as a page, a text or data.
//!
//! Owns these routes, the turn (one report is made at a time, as it reads two weeks of the journal) and the fold
//! that is kept between two readings of one week. What a report says is the report's.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use super::workflows::blocking;
use crate::config::ReportSettings;
use crate::domain::{Policy, Time, WorkflowId};
use crate::monitor::Workflow;
use crate::monitor::house::House;
use crate::report::make::entries;
use crate::report::state::Known;
use crate::report::{Folded, Report, Scope, Sources, State as Seen, Week, build, html, markdown};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};

/// Workflows that are copied on the driver's thread at a time.
const PORTION: usize = 50;
/// Weeks that are listed.
const WEEKS_MAX: usize = 60;
/// A page may load nothing, run nothing and be framed by nobody.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What reports are made with.
pub struct Desk {
    zone: TimeZone,
    name: String,
    /// Whoever holds it makes a report; the fold of the last one goes on where it ended.
    last: Mutex<Option<Folded>>,
}

impl Desk {
    /// One for a time zone.
    pub fn new(settings: &ReportSettings) -> Self {
        let zone = TimeZone::get(&settings.time_zone).unwrap_or(TimeZone::UTC);
        Self { zone, name: settings.time_zone.clone(), last: Mutex::default() }
    }

    /// The time zone of days and weeks.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// The reports that can be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Reports {
    /// The time zone of days and weeks.
    pub time_zone: String,
    /// The running week.
    pub now: String,
    /// The last one that is over.
    pub last: String,
    /// Weeks of which the journal holds anything, newest first, at most 60.
    pub weeks: Vec<String>,
}

/// Of whom a report is to speak.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Of this workflow only.
    workflow: Option<String>,
    /// Of the workflows of this owner only.
    team: Option<String>,
}

/// The weeks of which a report can be made.
#[utoipa::path(get, path = "/v1/reports", tag = "report",
    responses((status = 200, body = Reports), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(shared): State<Shared>) -> Result<Json<Reports>, Problem> {
    let journal = shared.driver.journal().await?;
    let now = shared.driver.read(|_, now| now).await?;
    let zone = &shared.reports.zone;
    let running = week_of(now, zone)?;
    let first = blocking(move || journal.first_time()).await??;
    let first = first.and_then(|time| Week::of(time, zone)).unwrap_or(running);
    let back = |weeks: usize| running.plus(-i64::try_from(weeks).unwrap_or(i64::MAX));
    let weeks = (0..WEEKS_MAX).map_while(back).take_while(|week| *week >= first).map(|week| week.to_string());
    Ok(Json(Reports {
        time_zone: shared.reports.name.clone(),
        now: running.to_string(),
        last: running.plus(-1).unwrap_or(running).to_string(),
        weeks: weeks.collect(),
    }))
}

/// One report: `2026-W47.html`, `.md` or `.json`; `last` is the last week that is over, `now` the running one,
/// which is provisional. It is made now, of what the journal and the ledger hold.
#[utoipa::path(get, path = "/v1/reports/{name}", tag = "report", params(("name" = String, Path), Of),
    responses(
        (status = 200, body = Report, description = "the report as `application/json`, `text/markdown` or `text/html`"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(shared): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    of: Result<Query<Of>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(of) = of.map_err(|wrong| Problem::invalid("query", wrong.body_text()))?;
    let (week, form) = name.rsplit_once('.').ok_or_else(|| unknown(&name))?;
    let render: fn(&Report) -> Result<Response, Problem> = match form {
        "json" => |report| Ok(Json(report).into_response()),
        "md" => |report| Ok(text("text/markdown; charset=utf-8", markdown(report))),
        "html" => |report| html(report).map(|page| text("text/html; charset=utf-8", page)).map_err(unmade),
        _ => return Err(unknown(&name)),
    };
    let scope = scope(&caller, of)?;
    let now = shared.driver.read(|_, now| now).await?;
    let running = week_of(now, &shared.reports.zone)?;
    let week = match week {
        "now" => running,
        "last" => running.plus(-1).unwrap_or(running),
        named => named.parse().map_err(|why: String| Problem::invalid("name", why))?,
    };
    if week > running {
        return Err(Problem::invalid("name", format!("{week} hasn't begun: the running week is {running}")));
    }
    let report = make(&shared, week, running, scope).await?;
    render(&report)
}

fn scope(caller: &Caller, of: Of) -> Result<Scope, Problem> {
    match (of.workflow, of.team) {
        (Some(_), Some(_)) => Err(Problem::invalid("team", "a report is of one workflow or of one team, not of both")),
        (Some(workflow), None) => caller.workflow(&workflow).map(|()| Scope::Workflow { workflow }),
        (None, team) => {
            caller.all_workflows()?;
            Ok(team.map_or(Scope::Fleet, |owner| Scope::Team { owner }))
        }
    }
}

/// Makes a report of what is there now.
async fn make(shared: &Shared, week: Week, running: Week, scope: Scope) -> Result<Report, Problem> {
    let mut last = shared.reports.last.lock().await;
    let (policy, house) =
        shared.driver.read(|monitor, _| (Arc::clone(monitor.policy()), monitor.house().clone())).await?;
    let journal = shared.driver.journal().await?;
    let (earlier, desk, declared) = (last.take(), Arc::clone(&shared.reports), Arc::clone(&policy));
    let folded = blocking(move || Folded::read(earlier, week, &desk.zone, &declared, &journal)).await??;
    let as_of = folded.fold.as_of().1.unwrap_or(Time::EPOCH);
    let workflows = copies(shared, &scope).await?;
    if let Scope::Workflow { workflow } = &scope
        && workflows.is_empty()
    {
        *last = Some(folded);
        return Err(Problem::unknown_workflow(workflow));
    }
    let (desk, ledger) = (Arc::clone(&shared.reports), Arc::clone(&shared.ledger));
    let (report, folded) = blocking(move || {
        let state = known(&workflows, &policy, &house, as_of);
        let from = week.days(&desk.zone).map_or(Time::EPOCH, |days| days[0]);
        let (entries, ledger_seq) = entries(&*ledger, from)?;
        let sources = Sources {
            week,
            zone: &desk.zone,
            zone_name: &desk.name,
            scope,
            fold: &folded.fold,
            state: &state,
            entries: &entries,
            ledger_seq,
            is_cut: folded.is_cut,
            is_over: week < running,
            is_current: week == running || week.plus(1) == Some(running),
        };
        let report = build(&sources);
        Ok::<_, crate::store::StoreError>((report, folded))
    })
    .await??;
    *last = Some(folded);
    report.ok_or_else(|| Problem::invalid("name", "the calendar ends before this week"))
}

/// Copies of the workflows that a scope may cover, in portions so that nothing waits for long.
async fn copies(shared: &Shared, scope: &Scope) -> Result<Vec<Workflow>, Problem> {
    let mut all: Vec<Workflow> = Vec::new();
    loop {
        let after = all.last().map(|workflow| workflow.id.clone());
        let scope = scope.clone();
        let portion: Vec<Workflow> = shared
            .driver
            .read(move |monitor, _| {
                let present = monitor.workflows().values().filter(|workflow| workflow.state.in_policy);
                let next = present.filter(|workflow| after.as_ref().is_none_or(|after| workflow.id > *after));
                let own = next.filter(|workflow| {
                    !workflow.id.is_drill_lane() && scope.covers(&workflow.id, &workflow.plan.policy.owner)
                });
                own.take(PORTION).cloned().collect()
            })
            .await?;
        let is_last = portion.len() < PORTION;
        all.extend(portion);
        if is_last {
            return Ok(all);
        }
    }
}

fn known(workflows: &[Workflow], policy: &Policy, house: &House, now: Time) -> Seen {
    let each =
        |workflow: &Workflow| -> (WorkflowId, Known) { (workflow.id.clone(), Known::of(workflow, policy, house, now)) };
    Seen { workflows: workflows.iter().map(each).collect(), ..Seen::of_house(house, policy, now) }
}

pub(super) fn week_of(now: Time, zone: &TimeZone) -> Result<Week, Problem> {
    Week::of(now, zone).ok_or_else(|| unmade("the clock is outside of the calendar".to_owned()))
}

fn text(kind: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

fn unknown(name: &str) -> Problem {
    let detail = format!(
        "there is no report `{}`: ask for a week and a form, such as 2026-W47.html, last.md or now.json; GET /v1/reports lists the weeks",
        crate::domain::refusal::cut(name, 64)
    );
    Problem::new(StatusCode::NOT_FOUND, "unknown_report", detail)
}

fn unmade(why: String) -> Problem {
    tracing::error!(why, "a report could not be made");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the report could not be made: the log says why")
}
