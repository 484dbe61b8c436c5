//! Reports: which weeks there are, and one of them with what the council may decide.
//!
//! Owns these two pages.

use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
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

/// The weeks.
pub(super) async fn get(visitor: Visitor) -> Response {
    let page = async {
        let reports = visitor.get("/v1/reports").await?;
        filled(&ReportsPage { layout: visitor.layout("Reports", "/reports"), reports })
    };
    let page: Page = page.await;
    visitor.show(page)
}

/// One of them.
pub(super) async fn one(visitor: Visitor, Path(week): Path<String>, Query(which): Query<Which>) -> Response {
    let page = async {
        let report: Report = visitor.get(&super::act_council::report(&week, Some(&which.workflow))).await?;
        filled(&ReportPage {
            layout: visitor.layout(&format!("Report {}", report.week), "/reports"),
            done: done(&which.done),
            body: body(&report).map_err(super::api::internal)?,
            of: super::api::query(&[("workflow", &which.workflow)]),
            week: report.week,
            style: super::assets::address("report.css"),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}
