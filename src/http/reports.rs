//! Weekly reports: which there are, and one of them as a page, a text or data.
//!
//! Owns these routes, and when a report that is kept is shown instead of one that is made now.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use super::report_desk::{ask, place, unmade, week_of};
use super::workflows::blocking;
use crate::domain::Time;
use crate::report::{Report, Scope, Week, html, markdown, with_answers};
use crate::store::{Kept, LedgerReader, Shelf, StoreError};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// The header that says whether a report was kept or is made now.
const ORIGIN: HeaderName = HeaderName::from_static("andon-report");
/// The name of the shape of reports, among their names.
const SCHEMA: &str = "schema.json";
/// Weeks that are listed.
const WEEKS_MAX: usize = 60;
/// A page may load nothing, run nothing and be framed by nobody.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    /// Reports of all workflows that were made after the end of their week and are kept, newest first.
    pub kept: Vec<KeptReport>,
}

/// A report that is kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeptReport {
    /// Its week.
    pub week: String,
    /// When it was made.
    pub made_at: Time,
    /// SHA-256 of its JSON; the same stands in the ledger.
    pub sha256: String,
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
    /// Make it now, also where one is kept.
    #[serde(default)]
    fresh: bool,
    /// Of one that is kept: data with the council's answers since, as its page shows them, instead of the bytes that
    /// are kept.
    #[serde(default)]
    answers: bool,
}

/// The weeks of which a report can be made.
#[utoipa::path(get, path = "/v1/reports", tag = "report",
    responses((status = 200, body = Reports), (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(shared): State<Shared>) -> Result<Json<Reports>, Problem> {
    let journal = shared.driver.journal().await?;
    let now = shared.driver.read(|_, now| now).await?;
    let (zone, shelf) = (&shared.reports.zone, shared.reports.shelf.clone());
    let running = week_of(now, zone)?;
    let (first, kept) = blocking(move || Ok::<_, StoreError>((journal.first_time()?, labels(&shelf)))).await??;
    let first = first.and_then(|time| Week::of(time, zone)).unwrap_or(running);
    let back = |weeks: usize| running.plus(-i64::try_from(weeks).unwrap_or(i64::MAX));
    let weeks = (0..WEEKS_MAX).map_while(back).take_while(|week| *week >= first).map(|week| week.to_string());
    Ok(Json(Reports {
        time_zone: shared.reports.settings.time_zone.clone(),
        now: running.to_string(),
        last: running.plus(-1).unwrap_or(running).to_string(),
        weeks: weeks.collect(),
        kept,
    }))
}

/// What is kept; a damaged one is named in the log and left out.
fn labels(shelf: &Shelf) -> Vec<KeptReport> {
    let names = shelf.names().unwrap_or_else(|error| {
        tracing::error!(%error, "the reports that are kept can't be listed");
        Vec::new()
    });
    let label = |week: &String| match shelf.label(week) {
        Ok(label) => label.map(|of| KeptReport { week: week.clone(), made_at: of.made_at, sha256: of.sha256 }),
        Err(error) => {
            tracing::error!(%error, "a report that is kept can't be read");
            None
        }
    };
    names.iter().rev().filter_map(label).collect()
}

/// One report: `2026-W47.html`, `.md` or `.json`; `last` is the last week that is over, `now` the running one,
/// which is provisional. One of all workflows that was made when its week was over is shown as it was made then: its
/// JSON byte for byte, its page and Markdown with the answers of the council that the ledger holds since. Others, and
/// all with `fresh=true`, are made now, of what the journal and the ledger hold. The header `andon-report` says which
/// it is. `schema.json` is the JSON Schema of reports.
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
    if name == SCHEMA {
        return Ok(Json(super::report_schema::schema()).into_response());
    }
    let (week, form) = name.rsplit_once('.').ok_or_else(|| unknown(&name))?;
    let form = Form::of(form).ok_or_else(|| unknown(&name))?;
    let (fresh, answers) = (of.fresh, of.answers);
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
    if scope == Scope::Fleet && !fresh && week < running {
        let (shelf, ledger) = (shared.reports.shelf.clone(), Arc::clone(&shared.ledger));
        let place = place(&shared)?;
        let kept = blocking(move || {
            let _place = place;
            kept(week, form, answers, &shelf, &*ledger)
        });
        if let Some(response) = kept.await?? {
            return Ok(response);
        }
    }
    if let Scope::Team { owner } = &scope {
        known_team(&shared, owner).await?;
    }
    let report = ask(&shared, week, running, scope).await?;
    blocking(move || form.draw(&report)).await?.map(|response| from(response, "fresh"))
}

/// In which form a report is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Markdown,
    Html,
}

impl Form {
    fn of(ending: &str) -> Option<Self> {
        match ending {
            "json" => Some(Self::Json),
            "md" => Some(Self::Markdown),
            "html" => Some(Self::Html),
            _ => None,
        }
    }

    /// A report in this form. That of a large fleet is megabytes: not on a thread that others wait for.
    fn draw(self, report: &Report) -> Result<Response, Problem> {
        match self {
            Self::Json => Ok(Json(report).into_response()),
            Self::Markdown => Ok(text("text/markdown; charset=utf-8", markdown(report))),
            Self::Html => html(report).map(|page| text("text/html; charset=utf-8", page)).map_err(unmade),
        }
    }
}

/// The report that is kept of a week, if there is one: as data the bytes, else with the answers since.
fn kept(
    week: Week,
    form: Form,
    answers: bool,
    shelf: &Shelf,
    ledger: &dyn LedgerReader,
) -> Result<Option<Response>, Problem> {
    let Some(kept) = shelf.get(&week.to_string()).map_err(|error| unkept(&error))? else { return Ok(None) };
    let origin = format!("kept; made_at=\"{}\"; sha256=\"{}\"", kept.label.made_at, kept.label.sha256);
    let response = if form == Form::Json && !answers {
        as_kept(kept)
    } else {
        form.draw(&with_answers(read(&kept)?, kept.label.made_at, ledger)?)?
    };
    Ok(Some(from(response, &origin)))
}

/// Goes on where somebody owns a workflow.
async fn known_team(shared: &Shared, owner: &str) -> Result<(), Problem> {
    let wanted = owner.to_owned();
    let is_known = shared.driver.read(move |monitor, _| {
        let workflows = monitor.workflows().values().filter(|workflow| !workflow.id.is_drill_lane());
        workflows.map(|workflow| &workflow.plan.policy.owner).any(|owner| *owner == wanted)
    });
    let unknown = || {
        let detail = format!(
            "no workflow has the owner `{}`: GET /v1/workflows says whose they are",
            crate::domain::refusal::cut(owner, 64)
        );
        Problem { field: Some("team".to_owned()), ..Problem::new(StatusCode::NOT_FOUND, "unknown_team", detail) }
    };
    is_known.await?.then_some(()).ok_or_else(unknown)
}

/// The bytes as they were made.
fn as_kept(kept: Kept) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], kept.report).into_response()
}

/// A kept report, of this version of andon or of one before.
pub(super) fn read(kept: &Kept) -> Result<Report, Problem> {
    serde_json::from_slice(&kept.report).map_err(|error| unmade(format!("a kept report can't be read: {error}")))
}

fn from(mut response: Response, origin: &str) -> Response {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        response.headers_mut().insert(ORIGIN, origin);
    }
    response
}

fn unkept(error: &StoreError) -> Problem {
    tracing::error!(%error, "a report that is kept can't be read");
    let detail = "the report that is kept can't be read, and the log says why: with ?fresh=true it is made anew of what is still there";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "kept_report_damaged", detail)
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
