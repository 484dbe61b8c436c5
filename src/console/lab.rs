//! The lab: what is being tested, and what was learned.
//!
//! Owns these two pages.

use super::api::{escaped, query};
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use super::words::{digits, minute, span};
use crate::domain::{Scope, Time};
use crate::http::lab::{Hypotheses, Lab};
use crate::monitor::lab::Finding;
use crate::monitor::lab_view::HypothesisDetail;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

/// Where to go on, and what was done before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    after: String,
    done: String,
}

#[derive(Template)]
#[template(path = "console/lab.html")]
struct LabPage {
    layout: Layout,
    lab: Lab,
    hypotheses: Hypotheses,
}

#[derive(Template)]
#[template(path = "console/hypothesis.html")]
struct HypothesisPage {
    layout: Layout,
    done: Option<&'static str>,
    one: HypothesisDetail,
    may_operate: bool,
    may_review: bool,
    may_approve: bool,
}

/// All hypotheses.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let page = async {
        let lab = visitor.get("/v1/lab").await?;
        let hypotheses = visitor.get(&format!("/v1/hypotheses{}", query(&[("after", &which.after)]))).await?;
        filled(&LabPage { layout: visitor.layout("Lab", "/lab"), lab, hypotheses })
    };
    let page: Page = page.await;
    visitor.show(page)
}

/// One of them.
pub(super) async fn one(visitor: Visitor, Path(id): Path<String>, Query(which): Query<Which>) -> Response {
    let page = async {
        let one = visitor.get(&format!("/v1/hypotheses/{}", escaped(&id))).await?;
        filled(&HypothesisPage {
            layout: visitor.layout(&id, "/lab"),
            done: done(&which.done),
            one,
            may_operate: visitor.may(Scope::Operate),
            may_review: visitor.may(Scope::Review),
            may_approve: visitor.may(Scope::Approve),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}

impl LabPage {
    fn minute(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn span(&self, ms: &Option<i64>) -> String {
        ms.map_or_else(|| "–".to_owned(), span)
    }

    fn number(&self, number: &Option<f64>) -> String {
        number.map_or_else(|| "–".to_owned(), digits)
    }

    fn address(&self, workflow: &str, id: &str) -> String {
        format!("/lab/{}", escaped(&format!("{workflow}:{id}")))
    }

    fn next(&self) -> String {
        self.hypotheses.next.as_ref().map_or_else(String::new, |next| format!("/lab{}", query(&[("after", next)])))
    }
}

impl HypothesisPage {
    /// Its name where several workflows may have one of that id.
    fn id(&self) -> String {
        escaped(&format!("{}:{}", self.one.hypothesis.workflow, self.one.hypothesis.id))
    }

    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn minute_of(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn escaped(&self, text: &str) -> String {
        escaped(text)
    }

    fn became(&self, finding: &Finding) -> String {
        finding
            .disposed
            .as_ref()
            .map_or_else(String::new, |of| format!("{} by {}: {}", of.disposal.name(), of.by, of.note))
    }
}
