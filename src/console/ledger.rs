//! The ledger: every decision, newest first, and how to verify it.
//!
//! Owns this page.

use super::api::{escaped, query};
use super::door::Visitor;
use super::page::{Layout, Page, filled};
use super::told::{Line, told};
use super::words::minute;
use crate::domain::Time;
use crate::http::checkpoint::CheckpointView;
use crate::http::ledger_audit::LedgerAudit;
use crate::http::records::{Ledger, Numbered};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

/// Entries of a page.
const PAGE: usize = 50;

/// Which entries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    workflow: String,
    /// Only entries before this number.
    before: String,
    /// Begins with this entry.
    from: String,
    /// Whether the whole ledger is looked through.
    verify: String,
}

#[derive(Template)]
#[template(path = "console/ledger.html")]
struct LedgerPage {
    layout: Layout,
    workflow: String,
    is_first: bool,
    entries: Vec<(Numbered, Line)>,
    next: Option<u64>,
    checkpoint: Option<CheckpointView>,
    audit: Option<LedgerAudit>,
    may_verify: bool,
}

/// The page.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let page = async {
        let limit = PAGE.to_string();
        let from = which.from.parse().ok().map(|from: u64| from.saturating_add(1).to_string());
        let before = from.as_ref().unwrap_or(&which.before);
        let asked =
            [("workflow", which.workflow.as_str()), ("before", before), ("newest_first", "true"), ("limit", &limit)];
        let ledger: Ledger = visitor.get(&format!("/v1/ledger{}", query(&asked))).await?;
        let numbered = |of: Numbered| {
            let line = told(&of.entry);
            (of, line)
        };
        let is_whole = visitor.caller.workflows.is_all();
        let wanted = is_whole && which.verify == "true";
        let audit = if wanted { Some(visitor.get("/v1/ledger/audit").await?) } else { None };
        filled(&LedgerPage {
            audit,
            may_verify: is_whole,
            layout: visitor.layout("Ledger", "/ledger"),
            is_first: before.is_empty(),
            workflow: which.workflow,
            next: ledger.next,
            entries: ledger.entries.into_iter().map(numbered).collect(),
            checkpoint: visitor.checkpoint().await?,
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}

impl LedgerPage {
    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn older(&self) -> String {
        let before = self.next.map_or_else(String::new, |next| next.to_string());
        format!("/ledger{}", query(&[("workflow", &self.workflow), ("before", &before)]))
    }

    fn newest(&self) -> String {
        format!("/ledger{}", query(&[("workflow", &self.workflow)]))
    }

    fn escaped(&self, id: &str) -> String {
        escaped(id)
    }

    /// The beginning of a hash.
    fn short(&self, hash: &impl std::fmt::Display) -> String {
        hash.to_string().chars().take(12).collect()
    }
}
