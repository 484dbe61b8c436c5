//! HTTP: the routes, and nothing that decides.
//!
//! Owns the router, the shared state of the handlers and the fallbacks. The list of routes is the
//! OpenAPI document: a handler can't be routed without standing in it and saying which scope it needs.

pub mod actions;
pub mod admin;
pub mod alertmanager;
pub mod auth;
pub mod backtests;
pub mod base;
pub mod checkpoint;
pub mod council;
pub mod drills;
pub mod floor;
pub mod governance;
pub mod guards;
mod hide;
pub mod intake;
pub mod lab;
pub mod lab_act;
pub mod lease;
pub mod ledger_audit;
pub mod listener;
pub mod notifications;
pub mod policy;
pub mod problem;
pub mod records;
pub mod report_desk;
pub mod report_schedule;
pub mod report_schema;
pub mod reports;
pub mod review;
pub mod simulations;
pub mod stream;
mod table;
pub mod workflows;

use crate::access::Sessions;
use crate::config::Server;
use crate::domain::Scope;
use crate::drill::Conductor;
use crate::driver::Driver;
use crate::exposition::Scraper;
use crate::metrics::Metrics;
use crate::notify::Notifier;
use crate::reload::Reloader;
use crate::store::LedgerReader;
use auth::Gate;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use problem::Problem;
use std::sync::Arc;
use table::Table;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    /// The way to the driver.
    pub driver: Driver,
    /// Reads of the ledger.
    pub ledger: Arc<dyn LedgerReader>,
    /// The process's counters.
    pub metrics: Metrics,
    /// Loads the configuration anew.
    pub reloader: Arc<Reloader>,
    /// Puts scrapes together.
    pub scraper: Arc<Scraper>,
    /// Runs drills.
    pub drills: Arc<Conductor>,
    /// Tells people and programs.
    pub notifier: Arc<Notifier>,
    /// Makes reports.
    pub reports: Arc<report_desk::Desk>,
    /// Tells listeners what happens.
    pub feed: Arc<stream::Feed>,
    /// Shows people what happens.
    pub simulations: Arc<simulations::Simulations>,
    /// Tries policies on the past.
    pub backtests: Arc<backtests::Backtests>,
    /// Who is signed in.
    pub sessions: Arc<Sessions>,
    /// Limits.
    pub server: Arc<Server>,
    /// Turns for reading large bodies: one core stays free for the driver and for mode answers.
    pub reading: Arc<Semaphore>,
    /// The turn to look through the whole ledger.
    pub audits: Arc<Semaphore>,
    /// Turns for the floor: each has a copy of the whole fleet.
    pub floors: Arc<Semaphore>,
    /// Places for readers that wait for a change.
    pub long_polls: Arc<Semaphore>,
    /// Turns true when the daemon begins to stop: who waits is answered at once.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "andon",
    description = "The andon cord of an AI factory: one event per output in, the responsibility mode of each workflow out.",
    license(name = "Apache-2.0", identifier = "Apache-2.0"),
))]
struct Document;

fn routes() -> OpenApiRouter<Shared> {
    Table::new(Document::openapi())
        .needs(Scope::Ingest, routes!(intake::post_events))
        .needs(Scope::Review, routes!(intake::post_reviews))
        .needs(Scope::Alert, routes!(alertmanager::post))
        .needs(Scope::Read, routes!(workflows::list))
        .needs(Scope::Read, routes!(workflows::get))
        .needs(Scope::Read, routes!(workflows::get_mode))
        .needs(Scope::Operate, routes!(workflows::post_mode))
        .needs(Scope::Read, routes!(workflows::why))
        .needs(Scope::Read, routes!(review::get, review::batch))
        .needs(Scope::Read, routes!(review::summary))
        .needs(Scope::Read, routes!(guards::get))
        .needs(Scope::Operate, routes!(guards::relearn))
        .needs(Scope::Operate, routes!(admin::stop))
        .needs(Scope::Admin, routes!(admin::reload))
        .needs(Scope::Read, routes!(records::ledger))
        .needs(Scope::Read, routes!(checkpoint::checkpoint))
        .needs(Scope::Read, routes!(checkpoint::key))
        .needs(Scope::Read, routes!(records::refusals))
        .needs(Scope::Read, routes!(records::incidents))
        .needs(Scope::Operate, routes!(records::acknowledge))
        .needs(Scope::Operate, routes!(records::resolve))
        .needs(Scope::Read, routes!(governance::gate))
        .needs(Scope::Operate, routes!(governance::promote))
        .needs(Scope::Read, routes!(governance::requests))
        .needs(Scope::Read, routes!(governance::request))
        .needs(Scope::Approve, routes!(governance::approve))
        .needs(Scope::Operate, routes!(governance::withdraw))
        .needs(Scope::Approve, routes!(governance::annul))
        .needs(Scope::Approve, routes!(governance::restore))
        .needs(Scope::Read, routes!(governance::readiness))
        .needs(Scope::Operate, routes!(governance::answer))
        .needs(Scope::Read, routes!(base::list))
        .needs(Scope::Operate, routes!(base::audit))
        .needs(Scope::Operate, routes!(base::regress))
        .needs(Scope::Read, routes!(drills::list))
        .needs(Scope::Operate, routes!(drills::pull))
        .needs(Scope::Read, routes!(notifications::list))
        .needs(Scope::Operate, routes!(notifications::test))
        .needs(Scope::Operate, routes!(notifications::retry))
        .needs(Scope::Read, routes!(reports::list))
        .needs(Scope::Read, routes!(reports::get))
        .and(of_lab)
        .and(of_council)
        .and(of_console)
        .needs(Scope::Read, routes!(admin::metrics))
        // Whoever watches the process has no token, and learns nothing of the workflows here.
        .open(routes!(admin::livez))
        .open(routes!(admin::readyz))
        .done()
}

/// What the council decides, and what becomes of it.
fn of_council(table: Table) -> Table {
    table
        .needs(Scope::Operate, routes!(council::decide))
        .needs(Scope::Approve, routes!(council::judge))
        .needs(Scope::Read, routes!(actions::list))
        .needs(Scope::Operate, routes!(actions::assign))
        .needs(Scope::Operate, routes!(actions::finish))
}

/// The lab.
fn of_lab(list: Table) -> Table {
    list.needs(Scope::Read, routes!(lab::hypotheses))
        .needs(Scope::Read, routes!(lab::hypothesis))
        .needs(Scope::Read, routes!(lab::lab))
        .needs(Scope::Read, routes!(lab::intake))
        .needs(Scope::Operate, routes!(lab_act::start))
        .needs(Scope::Review, routes!(lab_act::finding))
        .needs(Scope::Operate, routes!(lab_act::decision))
        .needs(Scope::Operate, routes!(lab_act::criterion))
        .needs(Scope::Approve, routes!(lab_act::risk))
        .needs(Scope::Approve, routes!(lab_act::sign_off))
}

/// What the console needs, and is there for other programs, too.
fn of_console(list: Table) -> Table {
    list.needs(Scope::Read, routes!(floor::get))
        .needs(Scope::Read, routes!(floor::series))
        .needs(Scope::Read, routes!(policy::get))
        .needs(Scope::Read, routes!(backtests::get))
        .needs(Scope::Operate, routes!(backtests::post))
        .needs(Scope::Ingest, routes!(simulations::post))
        .needs(Scope::Read, routes!(stream::get))
        .needs(Scope::Read, routes!(ledger_audit::get))
}

/// The OpenAPI document, generated from the routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().to_openapi()
}

/// The router of the daemon.
pub fn router(shared: Shared) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = Arc::new(document);
    let clock = Arc::clone(shared.driver.clock());
    let gate =
        Arc::new(Gate::new(Arc::clone(&shared.reloader), clock, shared.metrics.clone(), Arc::clone(&shared.sessions)));
    router
        .route("/openapi.json", axum::routing::get(move || async move { axum::Json((*document).clone()) }))
        .fallback(|uri: axum::http::Uri| async move {
            let detail = format!("there is nothing at {}: see /openapi.json for what there is", uri.path());
            Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
        })
        .method_not_allowed_fallback(|method: axum::http::Method| async move {
            let detail = format!("{method} is not possible here: see /openapi.json for what is");
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(CatchPanicLayer::custom(|_| {
            let detail = "a fault in andon itself: nothing of this request was taken; please report it with the log";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
        }))
        .layer(axum::middleware::map_response(as_problem))
        .layer(Extension(gate))
        .with_state(shared)
}

/// What the library refuses before a handler of ours sees it (a path that is no UTF-8, a note that
/// is no JSON) is a problem like any other.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let own = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if own || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    Problem::new(status, "invalid_request", "this request can't be read: see /openapi.json for what is possible")
        .into_response()
}
