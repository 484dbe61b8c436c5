//! Acts: first a page that says what follows, then the act.
//!
//! Owns the way from a button to the API and back. Reading an address never changes anything; a form without the key
//! of the visitor's session does nothing.

use super::api::escaped;
use super::door::{Visitor, safe};
use super::form::{Field, Kind, Plan, STALE, Values};
use super::page::{Layout, Page, filled};
use super::{act_council, act_house, act_lab, act_workflow};
use crate::http::problem::Problem;
use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "console/act.html")]
struct ActPage {
    layout: Layout,
    /// Where the form is sent.
    action: String,
    plan: Plan,
    form_key: String,
    /// What came with the address and goes with the form.
    hidden: Vec<(String, String)>,
    /// Why it can't be done by whoever looks.
    denied: Option<String>,
    problem: Option<String>,
}

impl ActPage {
    fn is_chosen(&self, field: &Field, value: &str) -> bool {
        field.value == value
    }
}

/// Finds what an act is. Some look the facts up that they name.
async fn plan(visitor: &Visitor, act: &str, values: &Values) -> Result<Plan, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "unknown_act", "there is no such act in this console");
    let mut found = act_workflow::plan(visitor, act, values).await?;
    if found.is_none() {
        found = act_house::plan(visitor, act, values).await?;
    }
    if found.is_none() {
        found = act_council::plan(visitor, act, values).await?;
    }
    if found.is_none() {
        found = act_lab::plan(act, values)?;
    }
    let mut plan = found.ok_or_else(unknown)?;
    plan.fill(values);
    if let Some(back) = values.get("back") {
        plan.back = safe(back);
    }
    Ok(plan)
}

/// The page that says what follows.
pub(super) async fn ask(visitor: Visitor, Path(act): Path<String>, Query(values): Query<Values>) -> Response {
    let page = async { filled(&page(&visitor, &act, plan(&visitor, &act, &values).await?, &values, None)) };
    let page: Page = page.await;
    visitor.show(page)
}

fn page(visitor: &Visitor, act: &str, plan: Plan, values: &Values, problem: Option<String>) -> ActPage {
    let is_field = |name: &str| name == "form_key" || plan.fields.iter().any(|field| field.name == name);
    let is_carried = |name: &str| plan.carried.iter().any(|(carried, _)| *carried == name);
    let hidden = values.iter().filter(|(name, _)| !is_field(name) && !is_carried(name));
    let hidden = hidden.map(|(name, value)| (name.clone(), value.clone()));
    let carried = plan.carried.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let denied = (!visitor.may(plan.scope)).then(|| {
        format!("This needs the scope `{}`, and your token has: {}.", plan.scope.name(), visitor.caller.scopes)
    });
    ActPage {
        layout: visitor.layout(&plan.title, ""),
        action: format!("/act/{}", escaped(act)),
        form_key: visitor.form_key.clone(),
        hidden: hidden.chain(carried).collect(),
        denied,
        problem,
        plan,
    }
}

/// Does it, in the visitor's name.
pub(super) async fn carry_out(
    visitor: Visitor,
    headers: HeaderMap,
    Path(act): Path<String>,
    form: Result<Form<Values>, FormRejection>,
) -> Response {
    let Ok(Form(values)) = form else {
        let detail = "this form can't be read: go back and try again";
        return visitor.problem(&Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail));
    };
    if !visitor.sent(values.get("form_key").map_or("", String::as_str), &headers) {
        return visitor.problem(&Problem::new(StatusCode::FORBIDDEN, "foreign_form", STALE));
    }
    let plan = match plan(&visitor, &act, &values).await {
        Ok(plan) => plan,
        Err(problem) => return visitor.problem(&problem),
    };
    if let Some(field) = plan.fields.iter().find(|field| field.is_required && field.value.trim().is_empty()) {
        let problem = format!("Please fill in: {}.", field.label);
        return again(&visitor, &act, plan, &values, StatusCode::BAD_REQUEST, problem);
    }
    match visitor.post(&plan.path, &plan.body()).await {
        Ok(_) => Redirect::to(&told(&plan.back, &act)).into_response(),
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            again(&visitor, &act, plan, &values, status, problem.detail)
        }
    }
}

/// An address that has its page say what was done.
fn told(back: &str, act: &str) -> String {
    let (page, place) = back.split_once('#').map_or((back, String::new()), |(page, place)| (page, format!("#{place}")));
    let and = if page.contains('?') { '&' } else { '?' };
    format!("{page}{and}done={}{place}", escaped(act))
}

/// The page once more, with what was wrong and what was filled in.
fn again(visitor: &Visitor, act: &str, plan: Plan, values: &Values, status: StatusCode, problem: String) -> Response {
    let page = page(visitor, act, plan, values, Some(problem));
    (status, visitor.show(filled(&page))).into_response()
}
