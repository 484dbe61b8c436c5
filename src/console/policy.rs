//! The policy in force, and what another one would have done.
//!
//! Owns this page and its form.

use super::api::query;
use super::door::Visitor;
use super::form::STALE;
use super::page::{Layout, Page, done, filled};
use super::words::{duration, minute};
use crate::domain::{Scope, Time};
use crate::http::backtests::{BacktestStatus, BacktestView, Side};
use crate::http::policy::PolicyView;
use crate::http::problem::Problem;
use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

/// Of which workflow, and what was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    workflow: String,
    done: String,
}

/// A candidate, as the form sends it.
#[derive(Deserialize)]
pub(super) struct Candidate {
    #[serde(default)]
    form_key: String,
    #[serde(default)]
    config: String,
    #[serde(default)]
    days: String,
}

#[derive(Template)]
#[template(path = "console/policy.html")]
struct PolicyPage {
    layout: Layout,
    done: Option<&'static str>,
    policy: PolicyView,
    workflow: String,
    declared: String,
    house: String,
    backtest: Option<BacktestView>,
    may_operate: bool,
    may_reload: bool,
    candidate: Candidate,
    problem: Option<String>,
}

/// The page.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let candidate = Candidate { form_key: String::new(), config: String::new(), days: "7".to_owned() };
    let page = make(&visitor, which, candidate, None).await;
    visitor.show(page)
}

async fn make(visitor: &Visitor, which: Which, candidate: Candidate, problem: Option<String>) -> Page {
    let policy: PolicyView = visitor.get(&format!("/v1/policy{}", query(&[("workflow", &which.workflow)]))).await?;
    let is_whole = visitor.caller.workflows.is_all();
    let backtest: Option<BacktestView> = if is_whole { visitor.find("/v1/backtests").await? } else { None };
    let written = |part: &Option<serde_json::Value>| {
        part.as_ref().map_or_else(String::new, |part| serde_json::to_string_pretty(part).unwrap_or_default())
    };
    let layout = visitor.layout("Policy", "/policy");
    filled(&PolicyPage {
        // The course of a backtest is drawn anew now and then.
        layout: if backtest.as_ref().is_some_and(|one| one.status == BacktestStatus::Running) {
            layout.live()
        } else {
            layout
        },
        done: done(&which.done),
        declared: written(&policy.workflow),
        house: written(&policy.house),
        backtest,
        may_operate: is_whole && visitor.may(Scope::Operate),
        may_reload: visitor.may(Scope::Admin),
        workflow: which.workflow,
        candidate,
        problem,
        policy,
    })
}

/// Tries a candidate.
pub(super) async fn post(
    visitor: Visitor,
    headers: HeaderMap,
    form: Result<Form<Candidate>, FormRejection>,
) -> Response {
    let Ok(Form(candidate)) = form else {
        let detail = "this form can't be read, or is too large: try it with `andon backtest --config FILE`";
        return visitor.problem(&Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail));
    };
    if !visitor.sent(&candidate.form_key, &headers) {
        return visitor.problem(&Problem::new(StatusCode::FORBIDDEN, "foreign_form", STALE));
    }
    // Browsers end the lines of a text with CR LF.
    let config = candidate.config.replace("\r\n", "\n");
    // What is no number is refused, and not taken for the whole journal.
    let days = match candidate.days.trim() {
        "" => None,
        text => Some(text.parse::<u32>().unwrap_or_default()),
    };
    match visitor.post("/v1/backtests", &json!({ "config": config, "days": days })).await {
        Ok(_) => Redirect::to("/policy#backtest").into_response(),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            let page = make(&visitor, Which::default(), candidate, Some(problem.detail)).await;
            (status, visitor.show(page)).into_response()
        }
    }
}

impl PolicyPage {
    fn lease(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "at most an hour")]
        duration(self.policy.lease_ms as f64)
    }

    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn minute_of(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn count(&self, n: &u64) -> String {
        crate::report::words::count(*n)
    }

    fn outputs(&self) -> String {
        super::words::digits(self.policy.outputs_per_false_demotion)
    }

    fn is_running(&self, one: &BacktestView) -> bool {
        one.status == BacktestStatus::Running
    }

    fn is_done(&self, one: &BacktestView) -> bool {
        one.status == BacktestStatus::Done
    }

    fn side(&self, side: &Option<Side>) -> String {
        side.as_ref().map_or_else(
            || "–".to_owned(),
            |side| {
                format!(
                    "{} {} → {} at output {}",
                    minute(side.time),
                    side.from,
                    side.to,
                    crate::report::words::count(side.at_output)
                )
            },
        )
    }
}
