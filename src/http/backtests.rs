//! Trying a policy on the past, beside the daemon's work: one at a time, and the last one is kept.
//!
//! Owns these routes, the turn and how far it is. The journal is only read, on a thread of its own; a stop of the
//! daemon doesn't wait for it. What would have been lowered when is the backtest's.

use super::Shared;
use super::auth::Caller;
use super::governance::body;
use super::problem::Problem;
use crate::backtest::{Backtest, Change, Far, Kind, Report, Row, Span, WorkflowReport, backtest};
use crate::config::{self, Settings};
use crate::domain::{Mode, Time, loosening};
use crate::store::Look;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;

/// Differences that are kept of one backtest.
const ROWS_MAX: usize = 500;
/// Longest candidate, bytes.
const CONFIG_BYTES_MAX: usize = 1 << 20;
/// Longest look back, days.
const DAYS_MAX: u32 = 3_650;

/// The last backtest.
#[derive(Default)]
pub struct Backtests {
    folder: PathBuf,
    last: Mutex<Option<BacktestView>>,
}

/// A candidate.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The whole configuration file as text (TOML), which names no other files.
    pub config: String,
    /// From so many days before the journal's end on, in the state of that time; without it the candidate takes the
    /// place of the journal's first policy.
    #[serde(default)]
    pub days: Option<u32>,
}

/// Where a backtest stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BacktestStatus {
    /// It reads the journal.
    Running,
    /// It is over.
    Done,
    /// It broke off.
    Failed,
}

/// A backtest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BacktestView {
    /// Where it stands.
    pub status: BacktestStatus,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub begun_at: Time,
    /// Hash of the candidate policy.
    pub policy: String,
    /// What it loosens against the policy in force, a sentence each: these would wait for an approver.
    pub loosens: Vec<String>,
    /// Records read so far …
    pub records: u64,
    /// … of so many.
    pub records_total: u64,
    /// Outputs that both were shown.
    pub outputs: u64,
    /// From then on the candidate held; `null` before the end.
    pub from: Option<Time>,
    /// Workflows that both have.
    pub compared: usize,
    /// Of these, those that the candidate would have lowered differently.
    pub lowered_differently: usize,
    /// What would have been different, at most 500 in the order of workflows and time.
    pub differences: Vec<DifferenceView>,
    /// Further ones.
    pub differences_left_out: usize,
    /// Why it broke off.
    pub error: Option<String>,
}

/// Something that happened on one side only, or not alike on both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceView {
    /// The workflow.
    pub workflow: String,
    /// `lowered`, `raised` or `noted` (a breach that changed no mode).
    pub kind: String,
    /// As it happened; `null` where it did not.
    pub happened: Option<Side>,
    /// Under the candidate; `null` where it would not have.
    pub candidate: Option<Side>,
}

/// One side of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Side {
    /// When.
    pub time: Time,
    /// The mode before.
    pub from: Mode,
    /// The mode after.
    pub to: Mode,
    /// The workflow's output with which it happened.
    pub at_output: u64,
    /// Why, in a sentence.
    pub reason: String,
}

impl Backtests {
    /// On the journal in a folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, last: Mutex::default() }
    }

    fn last(&self) -> MutexGuard<'_, Option<BacktestView>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how far the running one is, or how it ended.
    fn note(&self, change: impl FnOnce(&mut BacktestView)) {
        if let Some(last) = self.last().as_mut() {
            change(last);
        }
    }
}

/// The last backtest since the daemon started, with how far it is.
#[utoipa::path(get, path = "/v1/backtests", tag = "governance",
    responses((status = 200, body = BacktestView), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn get(State(shared): State<Shared>, caller: Caller) -> Result<Json<BacktestView>, Problem> {
    caller.all_workflows()?;
    let last = shared.backtests.last().clone();
    let none = || Problem::new(StatusCode::NOT_FOUND, "no_backtest", "no policy was tried since this daemon started");
    last.map(Json).ok_or_else(none)
}

/// Try a policy on the journal: what it would have lowered when, beside what happened. Nothing changes. It goes on
/// after the answer; `GET` says how far it is.
#[utoipa::path(post, path = "/v1/backtests", tag = "governance", request_body = Candidate,
    responses(
        (status = 202, body = BacktestView),
        (status = 400, body = Problem, description = "every problem of the candidate", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "one is running already", content_type = "application/problem+json")))]
pub async fn post(
    State(shared): State<Shared>,
    caller: Caller,
    candidate: Result<Json<Candidate>, JsonRejection>,
) -> Result<(StatusCode, Json<BacktestView>), Problem> {
    let Json(Candidate { config: text, days }) = candidate.map_err(body)?;
    caller.all_workflows()?;
    if text.len() > CONFIG_BYTES_MAX {
        return Err(Problem::invalid("config", format!("`config` must have at most {CONFIG_BYTES_MAX} bytes")));
    }
    if days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(Problem::invalid("days", format!("`days` must be between 1 and {DAYS_MAX}")));
    }
    // A text from elsewhere must not have files of this machine read.
    let settings = config::load(&text, "candidate").map_err(|wrong| Problem::invalid("config", wrong.to_string()))?;
    let begun = BacktestView {
        status: BacktestStatus::Running,
        by: caller.name.clone(),
        begun_at: shared.driver.clock().now(),
        policy: settings.policy.hash.clone(),
        loosens: loosening::loosened(&shared.driver.board().policy(), &settings.policy),
        records: 0,
        records_total: 0,
        outputs: 0,
        from: None,
        compared: 0,
        lowered_differently: 0,
        differences: Vec::new(),
        differences_left_out: 0,
        error: None,
    };
    {
        let mut last = shared.backtests.last();
        if last.as_ref().is_some_and(|last| last.status == BacktestStatus::Running) {
            let detail = "a policy is being tried already: one at a time, so that the daemon's own work goes on";
            return Err(Problem::new(StatusCode::CONFLICT, "backtest_running", detail));
        }
        *last = Some(begun.clone());
    }
    let backtests = Arc::clone(&shared.backtests);
    let thread = std::thread::Builder::new().name("backtest".to_owned()).spawn(move || run(&backtests, settings, days));
    if let Err(error) = thread {
        shared.backtests.note(|last| fail(last, &error));
    }
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

fn fail(last: &mut BacktestView, error: &dyn std::fmt::Display) {
    tracing::warn!(%error, "a backtest broke off");
    last.status = BacktestStatus::Failed;
    last.error = Some(error.to_string());
}

fn run(backtests: &Backtests, settings: Settings, days: Option<u32>) {
    // A fault must not keep the turn for ever.
    let tried = catch_unwind(AssertUnwindSafe(|| compare(backtests, &backtests.folder, settings, days)));
    let fault = || "a fault in andon itself: please report it with the log".to_owned();
    match tried.unwrap_or_else(|_| Err(fault())) {
        Ok(report) => backtests.note(|last| end(last, &report)),
        Err(error) => backtests.note(|last| fail(last, &error)),
    }
}

fn compare(backtests: &Backtests, folder: &Path, settings: Settings, days: Option<u32>) -> Result<Report, String> {
    let look = Look::at(folder).map_err(|error| error.to_string())?;
    let last = look.journal.last_time().unwrap_or_default();
    let from = days.map(|days| last.plus(-i64::from(days) * Time::DAY));
    // Of a shorter journal, all of it.
    let from = from.filter(|from| look.journal.first_time().ok().flatten().is_some_and(|first| first < *from));
    let wanted = Backtest { policy: settings.policy, span: Span { from, to: None }, start_mode: None };
    let mut each = |far: Far| {
        if far.done.is_multiple_of(64) {
            backtests
                .note(|last| (last.records, last.records_total, last.outputs) = (far.done, far.total, far.outputs));
        }
    };
    backtest(&look, wanted, &mut each).map_err(|error| error.to_string())
}

fn end(last: &mut BacktestView, report: &Report) {
    let different = |of: &WorkflowReport| {
        let rows = of.rows.iter().filter(|row| !row.is_same());
        rows.map(|row| difference(of, row)).collect::<Vec<_>>()
    };
    let mut differences: Vec<DifferenceView> = report.workflows.iter().flat_map(different).collect();
    last.differences_left_out = differences.len().saturating_sub(ROWS_MAX);
    differences.truncate(ROWS_MAX);
    last.status = BacktestStatus::Done;
    last.records = last.records_total.max(report.read.last_seq - report.read.first_seq + 1);
    last.records_total = last.records;
    last.outputs = report.read.outputs;
    last.from = Some(report.read.from);
    last.compared = report.compared;
    last.lowered_differently = report.lowered_differently;
    last.differences = differences;
}

fn difference(of: &WorkflowReport, row: &Row) -> DifferenceView {
    let side = |change: &Change| Side {
        time: change.time,
        from: change.from,
        to: change.to,
        at_output: change.at_output,
        reason: change.reason.clone(),
    };
    DifferenceView {
        workflow: of.id.to_string(),
        kind: match row.kind() {
            Kind::Lowered => "lowered",
            Kind::Raised => "raised",
            Kind::Noted => "noted",
        }
        .to_owned(),
        happened: row.happened.as_ref().map(side),
        candidate: row.candidate.as_ref().map(side),
    }
}
