//! The gate: what waits for an approval, and what is missing for a promotion.
//!
//! Owns these two pages.

use super::api::{escaped, query};
use super::door::Visitor;
use super::page::{Layout, Page, done, filled};
use super::words::{digits, minute};
use crate::domain::{Gate, Mode, Request, RequestStatus, Requirement, Scope, Standing, Target, Time};
use crate::http::governance::{Checklist, Item, Requests, about};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

/// Decided requests that are shown.
const DECIDED: usize = 20;
/// Requests that wait and are shown, the newest ones.
const WAITING: usize = 60;

/// What was done before, and what is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    done: String,
    to: String,
}

#[derive(Template)]
#[template(path = "console/gate.html")]
struct GatePage {
    layout: Layout,
    done: Option<&'static str>,
    requests: Shown,
}

#[derive(Template)]
#[template(path = "console/workflow_gate.html")]
struct WorkflowGatePage {
    layout: Layout,
    done: Option<&'static str>,
    id: String,
    gate: Option<Gate>,
    checklist: Checklist,
    requests: Shown,
    may_operate: bool,
}

/// Requests as a page shows them.
#[derive(Template)]
#[template(path = "console/requests.html")]
struct Shown {
    waiting: Vec<Request>,
    left_out: usize,
    decided: Vec<Request>,
    name: String,
    may_approve: bool,
    may_operate: bool,
}

impl Shown {
    fn of(visitor: &Visitor, requests: Vec<Request>) -> Self {
        let (waiting, mut decided): (Vec<_>, Vec<_>) =
            requests.into_iter().partition(|request| request.status == RequestStatus::Pending);
        decided.truncate(DECIDED);
        let left_out = waiting.len().saturating_sub(WAITING);
        let waiting = waiting.into_iter().take(WAITING).collect();
        Self {
            waiting,
            left_out,
            decided,
            name: visitor.caller.name.clone(),
            may_approve: visitor.may(Scope::Approve),
            may_operate: visitor.may(Scope::Operate),
        }
    }

    fn about(&self, request: &Request) -> String {
        about(&request.ask)
    }

    fn minute(&self, time: &Time) -> String {
        minute(*time)
    }

    fn minute_of(&self, time: &Option<Time>) -> String {
        time.map_or_else(|| "–".to_owned(), minute)
    }

    fn is_own(&self, request: &Request) -> bool {
        request.by == self.name
    }

    fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// What waits, and what was decided.
pub(super) async fn get(visitor: Visitor, Query(which): Query<Which>) -> Response {
    let page = async {
        let Requests { requests } = visitor.get("/v1/requests").await?;
        let layout = visitor.layout("Gate", "/gate").live();
        filled(&GatePage { layout, done: done(&which.done), requests: Shown::of(&visitor, requests) })
    };
    let page: Page = page.await;
    visitor.show(page)
}

/// The gate of one workflow.
pub(super) async fn of_workflow(visitor: Visitor, Path(id): Path<String>, Query(which): Query<Which>) -> Response {
    let page = async {
        let own = format!("/v1/workflows/{}", escaped(&id));
        let gate = visitor.find(&format!("{own}/gate{}", query(&[("to", &which.to)]))).await?;
        let checklist = visitor.get(&format!("{own}/readiness")).await?;
        let Requests { requests } = visitor.get(&format!("/v1/requests{}", query(&[("workflow", &id)]))).await?;
        filled(&WorkflowGatePage {
            layout: visitor.layout(&format!("Gate of {id}"), "/gate").live(),
            done: done(&which.done),
            gate,
            checklist,
            requests: Shown::of(&visitor, requests),
            may_operate: visitor.may(Scope::Operate),
            id: escaped(&id),
        })
    };
    let page: Page = page.await;
    visitor.show(page)
}

impl WorkflowGatePage {
    fn tone(&self, standing: &Standing) -> &'static str {
        match standing {
            Standing::Met => "good",
            Standing::Inconclusive => "open",
            Standing::Missing => "bad",
        }
    }

    fn numbers(&self, one: &Requirement) -> String {
        let number = |value: f64| digits(value);
        match (one.value, one.wanted) {
            (Some(value), Some(wanted)) => format!("{} of {}", number(value), number(wanted)),
            (Some(value), None) => number(value),
            (None, Some(wanted)) => format!("– of {}", number(wanted)),
            (None, None) => String::new(),
        }
    }

    fn observed(&self, one: &Requirement) -> String {
        let count = crate::report::words::count;
        match (one.n, one.n_needed) {
            (Some(n), Some(needed)) if needed > n => format!("{} of about {}", count(n), count(needed)),
            (Some(n), _) => count(n),
            _ => String::new(),
        }
    }

    fn spaced(&self, name: &str) -> String {
        name.replace('_', " ").replace(':', ": ")
    }

    fn escaped(&self, text: &str) -> String {
        escaped(text)
    }

    fn answer(&self, item: &Item) -> (&'static str, String) {
        match &item.answer {
            None => ("open", "nobody answered yet".to_owned()),
            Some(answer) => {
                let (tone, word) = if answer.ready { ("good", "ready") } else { ("bad", "not ready") };
                (tone, format!("{word} ({}, {}): {}", answer.by, minute(answer.at), answer.note))
            }
        }
    }

    /// Other targets that can be looked at.
    fn targets(&self) -> Vec<&'static str> {
        let Some(gate) = &self.gate else { return Vec::new() };
        let above = Mode::ALL.into_iter().filter(|mode| *mode > gate.from).filter_map(Target::of);
        above.filter(|target| *target != gate.to).map(Target::name).collect()
    }
}
