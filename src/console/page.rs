//! What all pages have: the frame around them, and how errors are shown.
//!
//! Owns the frame. Everything that people or workflows wrote is escaped by the templates.

use super::door::Visitor;
use crate::domain::Scope;
use crate::http::problem::Problem;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

/// The pages of the navigation: address and name.
const PAGES: [(&str, &str); 8] = [
    ("/", "Floor"),
    ("/gate", "Gate"),
    ("/incidents", "Incidents"),
    ("/base", "Base"),
    ("/lab", "Lab"),
    ("/reports", "Reports"),
    ("/ledger", "Ledger"),
    ("/policy", "Policy"),
];

/// The frame of a page.
#[derive(Clone)]
pub(super) struct Layout {
    /// What it is about.
    pub(super) title: String,
    /// The page of the navigation that it belongs to.
    pub(super) here: &'static str,
    /// Who reads it; `None` outside.
    pub(super) name: Option<String>,
    pub(super) form_key: String,
    pub(super) is_open: bool,
    /// Whether they may act on the whole house.
    pub(super) may_stop: bool,
    /// Whether they may send outputs.
    pub(super) may_send: bool,
    /// Whether the page follows what happens.
    pub(super) is_live: bool,
}

impl Layout {
    /// Of a page for nobody in particular.
    pub(super) fn outside(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            here: "",
            name: None,
            form_key: String::new(),
            is_open: false,
            may_stop: false,
            may_send: false,
            is_live: false,
        }
    }

    /// One that follows what happens.
    pub(super) fn live(self) -> Self {
        Self { is_live: true, ..self }
    }

    pub(super) const fn pages(&self) -> [(&'static str, &'static str); 8] {
        PAGES
    }

    pub(super) const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    pub(super) fn style(&self) -> String {
        super::assets::address("console.css")
    }

    pub(super) fn script(&self) -> String {
        super::assets::address("console.js")
    }
}

#[derive(Template)]
#[template(path = "console/problem.html")]
struct ProblemPage {
    layout: Layout,
    status: u16,
    detail: String,
}

/// A page that can be made.
pub(super) type Page = Result<Html<String>, Problem>;

/// Fills a template in.
pub(super) fn filled(page: &impl Template) -> Page {
    page.render().map(Html).map_err(super::api::internal)
}

/// Fills a template in that needs nothing but itself.
pub(super) fn html(page: &impl Template) -> Response {
    match filled(page) {
        Ok(html) => html.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// An error for somebody who isn't let in.
pub(super) fn refused(problem: &Problem) -> Response {
    shown(Layout::outside("Not possible"), problem)
}

fn shown(layout: Layout, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = ProblemPage { layout, status: status.as_u16(), detail: problem.detail.clone() };
    (status, html(&page)).into_response()
}

impl Visitor {
    /// The frame of a page for them.
    pub(super) fn layout(&self, title: &str, here: &'static str) -> Layout {
        Layout {
            title: title.to_owned(),
            here,
            name: Some(self.caller.name.clone()),
            form_key: self.form_key.clone(),
            is_open: self.is_open,
            may_stop: self.may(Scope::Operate) && self.caller.workflows.is_all(),
            may_send: self.may(Scope::Ingest),
            is_live: false,
        }
    }

    /// A page, or the error in its place.
    pub(super) fn show(&self, page: Page) -> Response {
        match page {
            Ok(html) => html.into_response(),
            Err(problem) => self.problem(&problem),
        }
    }

    /// An error as a page.
    pub(super) fn problem(&self, problem: &Problem) -> Response {
        shown(self.layout("Not possible", ""), problem)
    }
}

/// What is said after an act was done.
pub(super) fn done(act: &str) -> Option<&'static str> {
    let said = match act {
        "lower" => "The mode was lowered.",
        "hold" => "Held: nothing raises it until somebody releases it.",
        "release" => "Released.",
        "stop" => "Everything is in assist.",
        "promote" => "Asked for. Now others approve it.",
        "approve" => "Approved.",
        "reject" => "Rejected.",
        "withdraw" => "Taken back.",
        "annul" | "restore" => "Asked for. It takes one more approval.",
        "acknowledge" => "The others see that you look at it.",
        "resolve" => "Resolved.",
        "answer" => "Answered.",
        "relearn" => "It learns anew, or waits for an approver: see below.",
        "audit" => "The audit is recorded.",
        "regress" => "Reported: what stands on it is capped.",
        "drill" => "The drill is over: see its result below.",
        "reload" => "The configuration was loaded.",
        "council" => "Decided, and recorded in the ledger.",
        "judge" => "Judged: it counts in the rate of false demotions.",
        "assign" => "Assigned: the next report follows it up.",
        "finish" => "Recorded.",
        "simulate" => "The simulation runs.",
        _ if act.starts_with("lab-") => "Recorded.",
        _ => return None,
    };
    Some(said)
}
