//! The base: what workflows stand on.
//!
//! Owns this page.

use super::api::escaped;
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use super::words::minute;
use crate::domain::{Scope, Time};
use crate::http::base::{Base, BaseView};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

/// Workflows that are named for each item.
const NAMED: usize = 12;

/// What was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    done: String,
}

#[derive(Template)]
#[template(path = "console/base.html")]
struct BasePage {
    layout: Layout,
    done: Option<&'static str>,
    base: Vec<BaseView>,
    may_operate: bool,
}

/// The page.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let page = async {
        let Base { base } = visitor.get("/v1/base").await?;
        let layout = visitor.layout("Base", "/base").live();
        filled(&BasePage { layout, done: done(&which.done), base, may_operate: visitor.may(Scope::Operate) })
    };
    let page: Page = page.await;
    visitor.show(page)
}

impl BasePage {
    fn minute(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn audited(&self, item: &BaseView) -> String {
        item.last_audit.as_ref().map_or_else(
            || "never".to_owned(),
            |audit| {
                let how = if audit.passed { "passed" } else { "did not pass" };
                format!("{} by {}, {how}: {}", minute(audit.at), audit.by, audit.note)
            },
        )
    }

    fn named<'i>(&self, item: &'i BaseView) -> &'i [String] {
        &item.workflows[..item.workflows.len().min(NAMED)]
    }

    fn more(&self, item: &BaseView) -> usize {
        item.others + item.workflows.len().saturating_sub(NAMED)
    }

    fn escaped(&self, id: &str) -> String {
        escaped(id)
    }
}
