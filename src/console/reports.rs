//! Reports: which weeks there are, and one of them with what the council may decide.
//!
//! Owns these two pages.

use super::api::{escaped, query};
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use crate::http::problem::Problem;
use crate::http::reports::Reports;
use crate::report::{Report, body};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

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

/// A report as the council reads it. Of the running week and the last one it is made now, so that what was decided
/// meanwhile stands in it; of earlier ones it is the one that was kept, which knows how things stood then.
pub(super) async fn read(visitor: &Visitor, week: &str, workflow: &str) -> Result<Report, Problem> {
    let reports: Reports = visitor.get("/v1/reports").await?;
    let is_recent = ["now", "last", &reports.now, &reports.last].contains(&week);
    let fresh = if is_recent { "true" } else { "" };
    visitor
        .get(&format!("/v1/reports/{}.json{}", escaped(week), query(&[("workflow", workflow), ("fresh", fresh)])))
        .await
}

/// One of them.
pub(super) async fn one(visitor: Visitor, Path(week): Path<String>, Query(which): Query<Which>) -> Response {
    let page = async {
        let report = read(&visitor, &week, &which.workflow).await?;
        filled(&ReportPage {
            layout: visitor.layout(&format!("Report {}", report.week), "/reports"),
            done: done(&which.done),
            body: body(&report, visitor.caller.scopes).map_err(super::api::internal)?,
            of: query(&[("workflow", &which.workflow)]),
            week: report.week,
            style: super::assets::address("report.css"),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}
