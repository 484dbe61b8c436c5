//! Who asks, and whether they may: before any handler sees the request.
//!
//! Owns where a token stands in a request, the errors 401 and 403, and the limit to workflows that
//! stand in a path. Which scope a route needs is declared in the list of routes (`table.rs`).

use super::hide::stem;
use super::problem::Problem;
use crate::access::{Access, COOKIE, Denied, Secret, Session, Sessions};
use crate::clock::Clock;
use crate::domain::access::ANDON;
use crate::domain::drill::{LANE, RESERVED};
use crate::domain::refusal::cut;
use crate::domain::{Action, Command, Person, Refusal, RefusalCode, Review, Scope, WorkflowId};
use crate::metrics::Metrics;
use crate::reload::Reloader;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

/// The other header for a token, which clients of feature flags know.
pub const API_KEY: &str = "x-api-key";
/// Paths that begin with this are about the workflow that stands there.
const OF_ONE_WORKFLOW: &str = "/v1/workflows/{id}";

/// Whoever sent a request: a parameter of every handler that needs to know. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(Arc<Person>);

impl Deref for Caller {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}

impl Caller {
    /// An order in this person's name, with the roles that they have now.
    pub fn command(&self, action: Action) -> Command {
        Command { by: self.name.clone(), roles: self.roles.clone(), action }
    }

    /// Whether the token holds for a workflow: for lists, which show what it holds for.
    pub fn may_see(&self, workflow: &str) -> bool {
        self.workflows.has(workflow)
    }

    /// Goes on where the token holds for a workflow. Paths that begin with `/v1/workflows/{id}` are
    /// checked before their handlers; whatever names a workflow elsewhere must ask here.
    pub fn workflow(&self, workflow: &str) -> Result<(), Problem> {
        if self.may_see(workflow) {
            return Ok(());
        }
        let detail = format!(
            "the token of {} doesn't hold for the workflow `{}`: it holds for {}",
            self.name,
            cut(workflow, 64),
            self.workflows
        );
        Err(Problem {
            field: Some("id".to_owned()),
            ..Problem::new(StatusCode::FORBIDDEN, "forbidden_workflow", detail)
        })
    }

    /// Goes on where the token holds for the workflow of an incident or a request, as its id names it: for ids
    /// that nothing has, so that nobody finds out by the answer what there is.
    pub(super) fn workflow_of(&self, id: &str) -> Result<(), Problem> {
        stem(id).map_or(Ok(()), |workflow| self.workflow(workflow))
    }

    /// Goes on where the token holds for all workflows: for what concerns the whole house.
    pub fn all_workflows(&self) -> Result<(), Problem> {
        if self.workflows.is_all() {
            return Ok(());
        }
        let detail = format!(
            "this concerns all workflows, and the token of {} holds for {} only: it takes a token with workflows = [\"*\"]",
            self.name, self.workflows
        );
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden_workflow", detail))
    }

    /// Takes those items away that the token doesn't hold for; each becomes a refusal.
    pub(super) fn keep_own<T>(
        &self,
        items: &mut Vec<(usize, T)>,
        refusals: &mut Vec<Refusal>,
        of: impl Fn(&T) -> (&str, &WorkflowId),
    ) {
        if self.workflows.is_all() {
            return;
        }
        items.retain(|(index, item)| {
            let (id, workflow) = of(item);
            let own = self.may_see(workflow.as_str());
            if !own {
                let message =
                    format!("the sender's token doesn't hold for this workflow: it holds for {}", self.workflows);
                let refusal = Refusal::new(RefusalCode::ForbiddenWorkflow, message).at_field("workflow");
                refusals.push(refusal.of(id, Some(workflow.as_str())).at(*index, None));
            }
            own
        });
    }

    /// Takes those verdicts away that claim to be somebody else's. A service that sends outputs, too, hands on
    /// what people said elsewhere, and `admin` may do everything.
    pub(super) fn keep_own_verdicts(&self, items: &mut Vec<(usize, Review)>, refusals: &mut Vec<Refusal>) {
        if self.scopes.allows(Scope::Admin) || self.scopes.allows(Scope::Ingest) {
            return;
        }
        items.retain(|(index, review)| {
            let own = review.reviewer.as_str() == self.name;
            if !own {
                let message = format!(
                    "`reviewer` must be the name of the sender's token, {}; a service that hands on the verdicts of others has the scope `ingest`, too",
                    self.name
                );
                let refusal = Refusal::new(RefusalCode::ForbiddenReviewer, message).at_field("reviewer");
                refusals.push(refusal.of(&review.id, Some(review.workflow.as_str())).at(*index, None));
            }
            own
        });
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unguarded)
    }
}

/// Marks a request that andon makes to itself: it holds for the routes of one scope. What comes over a
/// connection carries no such mark, whatever its headers say.
#[derive(Debug, Clone)]
pub struct Inside(Caller);

impl Inside {
    /// Somebody whom the console knows.
    pub const fn of(caller: Caller) -> Self {
        Self(caller)
    }

    /// andon itself, with one scope for all workflows.
    pub(super) fn with(scope: Scope) -> Self {
        let person = Person { name: ANDON.to_owned(), scopes: [scope].into_iter().collect(), ..Person::local() };
        Self(Caller(Arc::new(person)))
    }
}

/// A route that nobody guards answers nothing: a fault of ours must not let anybody in.
fn unguarded() -> Problem {
    let detail = "a fault in andon itself: this route doesn't say who may use it; please report it";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}

/// What the guard of every route needs.
#[derive(Clone)]
pub struct Gate {
    reloader: Arc<Reloader>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    sessions: Arc<Sessions>,
    /// Without tokens everybody is the same.
    local: Caller,
}

impl Gate {
    /// With the tokens that the reloader has in force.
    pub fn new(reloader: Arc<Reloader>, clock: Arc<dyn Clock>, metrics: Metrics, sessions: Arc<Sessions>) -> Self {
        Self { reloader, clock, metrics, sessions, local: Caller(Arc::new(Person::local())) }
    }

    /// Whether everybody who reaches the address may do everything.
    pub fn is_open(&self) -> bool {
        matches!(**self.reloader.access(), Access::Open)
    }

    /// Whoever may do everything where no tokens are configured.
    pub const fn local(&self) -> &Caller {
        &self.local
    }

    /// Whoever is signed in to the console with the cookie in a request, as long as their token holds.
    pub fn signed_in(&self, headers: &HeaderMap) -> Option<(Session, Caller)> {
        let access = self.reloader.access();
        let Access::Tokens(keyring) = &**access else { return None };
        let now = self.clock.now();
        let session = self.sessions.find(cookie(headers)?, now)?;
        let person = keyring.person_of(&session.token, now).ok()?;
        Some((session, Caller(person)))
    }

    /// Signs somebody in who shows a token; gives the secret for their cookie, and how long it holds, milliseconds.
    ///
    /// # Errors
    /// The token opens nothing; there are no random numbers.
    pub fn sign_in(&self, token: &str) -> Result<(Secret, i64), Problem> {
        let access = self.reloader.access();
        let now = self.clock.now();
        let shown = Secret::hash_of(token.as_bytes()).ok_or(Denied::Malformed);
        let known = shown.and_then(|hash| match &**access {
            Access::Tokens(keyring) => keyring.person_of(&hash, now).map(|_| hash),
            Access::Open => Err(Denied::Unknown),
        });
        let hash = known.map_err(|denied| {
            self.count(denied.name());
            unauthenticated(denied)
        })?;
        let opened = self.sessions.open(hash, now).map(|(secret, session)| (secret, session.expires_at.since(now)));
        opened.map_err(|error| {
            tracing::error!(%error, "nobody can sign in, because there are no random numbers");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "nobody can sign in now: the log says why")
        })
    }

    /// Signs out whoever has the cookie in a request.
    pub fn sign_out(&self, headers: &HeaderMap) {
        if let Some(cookie) = cookie(headers) {
            self.sessions.close(cookie);
        }
    }

    /// Who asks.
    fn caller(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
        let access = self.reloader.access();
        let Access::Tokens(keyring) = &**access else {
            return is_from_this_machine(method, headers).map(|()| self.local.clone());
        };
        let shown = presented(headers);
        // Browsers send a cookie with whatever another site asks them to: it reads, and changes nothing.
        // A proxy in between may have a word of its own in the header for tokens.
        if matches!(shown, Err(Denied::Missing | Denied::Malformed))
            && *method == Method::GET
            && let Some((_, caller)) = self.signed_in(headers)
        {
            return Ok(caller);
        }
        let found = shown.and_then(|token| keyring.person(token, self.clock.now()));
        found.map(Caller).map_err(|denied| {
            self.count(denied.name());
            unauthenticated(denied)
        })
    }

    fn count(&self, reason: &str) {
        self.metrics.denied.with_label_values(&[reason]).inc();
    }

    async fn check(&self, scope: Scope, request: &mut Request) -> Result<(), Problem> {
        let caller = match request.extensions().get::<Inside>() {
            Some(Inside(caller)) => caller.clone(),
            None => self.caller(request.method(), request.headers())?,
        };
        if !caller.scopes.allows(scope) {
            self.count("scope");
            return Err(missing_scope(&caller, scope));
        }
        if *request.method() != Method::GET && workflow_in_path(request).await.is_some_and(|id| id == LANE) {
            return Err(Problem::new(StatusCode::CONFLICT, "reserved_workflow", RESERVED));
        }
        if !caller.workflows.is_all()
            && let Some(workflow) = workflow_in_path(request).await
        {
            caller.workflow(&workflow).inspect_err(|_| self.count("workflow"))?;
        }
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

/// Lets a request through to its handler where the scope of its route allows it.
pub(super) async fn guard(scope: Scope, mut request: Request, next: Next) -> Response {
    let Some(gate) = request.extensions().get::<Arc<Gate>>().cloned() else { return unguarded().into_response() };
    match gate.check(scope, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The workflow that a path is about, as the handler will read it.
async fn workflow_in_path(request: &mut Request) -> Option<String> {
    let of_one = |path: &MatchedPath| {
        let rest = path.as_str().strip_prefix(OF_ONE_WORKFLOW);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    request.extensions().get::<MatchedPath>().filter(|path| of_one(path))?;
    let (mut parts, body) = std::mem::take(request).into_parts();
    let params = RawPathParams::from_request_parts(&mut parts, &()).await;
    *request = Request::from_parts(parts, body);
    // A path that is no UTF-8 names no workflow, and no token holds for that.
    let id = |params: RawPathParams| params.iter().find(|(name, _)| *name == "id").map(|(_, value)| value.to_owned());
    Some(params.ok().and_then(id).unwrap_or_default())
}

/// The token in a request: `Authorization: Bearer …`, or else `X-API-Key: …`.
fn presented(headers: &HeaderMap) -> Result<&[u8], Denied> {
    const BEARER: &[u8] = b"bearer ";
    let only = |name: &str| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().ok_or(Denied::Missing)?;
        // Of two, a proxy may have checked the other one.
        if all.next().is_some() { Err(Denied::Malformed) } else { Ok(first.as_bytes()) }
    };
    match only(header::AUTHORIZATION.as_str()) {
        Ok(value) => match value.split_at_checked(BEARER.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => Ok(token.trim_ascii()),
            // Another scheme is for a proxy in between.
            _ => only(API_KEY).map_err(|_| Denied::Malformed),
        },
        Err(Denied::Missing) => only(API_KEY),
        Err(denied) => Err(denied),
    }
}

/// Whether a `Host` is a name of this machine: `localhost`, or a loopback address.
pub fn is_this_machine(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Goes on where a request without tokens is from a program on this machine, or from a page of this very daemon: a
/// browser may be led here by a page of another site, or by a foreign name that was made to point here.
fn is_from_this_machine(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or_default();
    let is_opened = *method == Method::GET && text("sec-fetch-mode") == Some("navigate");
    let is_foreign = matches!(text("sec-fetch-site"), Some("cross-site" | "same-site")) && !is_opened;
    let other = text("origin").is_some_and(|from| from.split_once("://").map_or(from, |(_, from)| from) != host);
    if (host.is_empty() || is_this_machine(host)) && !is_foreign && !other {
        return Ok(());
    }
    let detail = "this andon has no tokens, so it answers this machine only, under a name such as localhost: this request came by another name, or from a page of another site. With `[server] tokens` any name will do";
    Err(Problem::new(StatusCode::FORBIDDEN, "foreign_host", detail))
}

/// The name of the console's cookie: with the port by which the visitor came, as browsers hand a cookie to every port of a
/// host, and two andons on one would sign each other's visitors out.
pub fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map_or_else(|| COOKIE.to_owned(), |port| format!("{COOKIE}-{port}"))
}

/// The secret in the console's cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let own = cookie_name(headers);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == own).map(|(_, value)| value)
}

fn unauthenticated(denied: Denied) -> Problem {
    let (code, detail) = match denied {
        Denied::Missing => (
            "unauthenticated",
            "this needs an access token: send it as `Authorization: Bearer …` or as `X-API-Key: …`".to_owned(),
        ),
        Denied::Malformed => (
            "unauthenticated",
            "what was sent is no access token of andon: it may be cut off, or something else".to_owned(),
        ),
        Denied::Unknown => (
            "unauthenticated",
            "this access token is not known here: it may be revoked, of another andon, or not loaded yet".to_owned(),
        ),
        Denied::Expired(at) => ("token_expired", format!("this access token expired at {at}: ask for a new one")),
    };
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}

fn missing_scope(caller: &Caller, scope: Scope) -> Problem {
    let detail =
        format!("this needs the scope `{}`, and the token of {} has: {}", scope.name(), caller.name, caller.scopes);
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}
