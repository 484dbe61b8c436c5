//! The console: pages for people, drawn by the daemon.
//!
//! Owns the routes outside of `/v1`, who is let in, and how pages look. It is a client of the API in the same process:
//! every number is read and every act is done by a request to a route of `http`, in the visitor's name, so that it can
//! neither show nor do what their token doesn't allow. Must not touch the driver, the monitor or the store.

mod act;
mod act_council;
mod act_house;
mod act_lab;
mod act_workflow;
mod api;
mod assets;
mod base;
mod chart;
mod door;
mod floor;
mod form;
mod gate;
mod incidents;
mod lab;
mod ledger;
mod page;
mod policy;
mod reports;
mod told;
mod words;
mod workflow;

use crate::http::Shared;
use crate::http::auth::Gate;
use crate::http::problem::Problem;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// A page loads its own style, script and pictures, sends forms to where it is from, and is framed by nobody.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the pages share. Cheap to clone.
#[derive(Clone)]
pub(in crate::console) struct Console {
    gate: Arc<Gate>,
    api: Router,
}

/// The routes of the API and those of the console.
pub fn router(shared: Shared) -> Router {
    let clock = Arc::clone(shared.driver.clock());
    let gate = Gate::new(Arc::clone(&shared.reloader), clock, shared.metrics.clone(), Arc::clone(&shared.sessions));
    let api = crate::http::router(shared);
    let console = Console { gate: Arc::new(gate), api: api.clone() };
    let console_state = console.clone();
    let inside = Router::new()
        .route("/", get(floor::get))
        .route("/workflows/{id}", get(workflow::get))
        .route("/workflows/{id}/gate", get(gate::of_workflow))
        .route("/gate", get(gate::get))
        .route("/incidents", get(incidents::get))
        .route("/incidents/{id}", get(incidents::one))
        .route("/base", get(base::get))
        .route("/lab", get(lab::get))
        .route("/lab/{id}", get(lab::one))
        .route("/reports", get(reports::get))
        .route("/reports/{week}", get(reports::one))
        .route("/ledger", get(ledger::get))
        .route("/policy", get(policy::get).post(policy::post))
        .route("/act/{act}", get(act::ask).post(act::carry_out))
        .route("/sign-out", post(door::sign_out))
        .layer(from_fn_with_state(console.clone(), door::enter));
    let outside = Router::new()
        .route("/sign-in", get(door::ask).post(door::sign_in))
        .route("/assets/{file}", get(assets::get))
        .route("/favicon.ico", get(assets::favicon));
    let console = inside.merge(outside).layer(CatchPanicLayer::custom(|_| broken())).layer(map_response(guarded));
    let console = console.with_state(console_state);
    api.merge(console)
}

/// What is said where a page has a fault.
fn broken() -> Response {
    let detail = "a fault in andon itself: nothing was done; please report it with the log";
    page::refused(&Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail))
}

/// What every answer of the console says to browsers.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
