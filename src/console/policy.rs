//! The policy in force.
//!
//! Owns this page.

use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

/// What was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    done: String,
}

#[derive(Template)]
#[template(path = "console/policy.html")]
struct PolicyPage {
    layout: Layout,
    done: Option<&'static str>,
}

/// The page.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let page: Page = filled(&PolicyPage { layout: visitor.layout("Policy", "/policy"), done: done(&which.done) });
    visitor.show(page)
}
