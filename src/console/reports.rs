//! Reports: which weeks there are, and one of them with what the council may decide.
//!
//! Owns these two pages.

use super::api::{escaped, internal, query};
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use crate::domain::Scopes;
use crate::http::problem::Problem;
use crate::http::reports::Reports;
use crate::report::{Report, body};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;
use tokio::task::spawn_blocking;

/// What was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    workflow: String,
    done: String,
}

#[derive(Template)]
#[template(path = "console/reports.html")]
struct ReportsPage {
    layout: Layout,
    reports: Reports,
}

#[derive(Template)]
#[template(path = "console/report.html")]
struct ReportPage {
    layout: Layout,
    done: Option<&'static str>,
    /// The report with its scope, in the query of an address.
    of: String,
    week: String,
    /// Whether it is a record of before, in which nothing is to be chosen.
    is_past: bool,
    body: String,
    style: String,
}

impl ReportsPage {
    /// When the report of a week was made and kept.
    fn made(&self, week: &str) -> String {
        let kept = self.reports.kept.iter().find(|kept| kept.week == week);
        kept.map_or_else(|| "when it is asked for".to_owned(), |kept| super::words::minute(kept.made_at))
    }
}

/// The weeks.
pub(super) async fn get(visitor: Visitor) -> Response {
    let page = async {
        let reports = visitor.get("/v1/reports").await?;
        filled(&ReportsPage { layout: visitor.layout("Reports", "/reports"), reports })
    };
    let page: Page = page.await;
    visitor.show(page)
}

/// A report as the council reads it, and whether its week is past. Of the running week and the last one it is made now,
/// so that what was decided meanwhile stands in it. Of earlier ones it is the one that was kept, with the answers since:
/// a record of how things stood then, of which nothing is to be chosen any more.
pub(super) async fn read(visitor: &Visitor, week: &str, workflow: &str) -> Result<(Report, bool), Problem> {
    let reports: Reports = visitor.get("/v1/reports").await?;
    let is_past = !["now", "last", &reports.now, &reports.last].contains(&week);
    let how = if is_past { "answers" } else { "fresh" };
    let query = query(&[("workflow", workflow), (how, "true")]);
    let mut report: Report = visitor.get_large(&format!("/v1/reports/{}.json{query}", escaped(week))).await?;
    if is_past {
        report.decisions.iter_mut().for_each(|one| one.choices.clear());
    }
    Ok((report, is_past))
}

/// One of them.
pub(super) async fn one(visitor: Visitor, Path(week): Path<String>, Query(which): Query<Which>) -> Response {
    let page = async {
        let (report, is_past) = read(&visitor, &week, &which.workflow).await?;
        let may = if is_past { Scopes::default() } else { visitor.caller.scopes };
        let (title, week) = (format!("Report {}", report.week), report.week.clone());
        let body = spawn_blocking(move || body(&report, may)).await.map_err(internal)?.map_err(internal)?;
        filled(&ReportPage {
            layout: visitor.layout(&title, "/reports"),
            done: done(&which.done),
            body,
            is_past,
            of: query(&[("workflow", &which.workflow)]),
            week,
            style: super::assets::address("report.css"),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}
