//! Who comes in: sign-in by token, the cookie, and where a request comes from.
//!
//! Owns these checks. A page is only shown to somebody whose token holds now; a form is only taken from a page of this
//! very console (the browser says where it is from: OWASP, "Cross-Site Request Forgery Prevention"), and its key is
//! checked where it is read. Without tokens everybody on this machine may do everything, so the address must be asked
//! for by a name of this machine: another name is a foreign page that was made to point here (DNS rebinding).

use super::Console;
use super::page::{Layout, html, refused};
use crate::domain::Scope;
use crate::http::auth::{Caller, cookie_name, is_this_machine};
use crate::http::problem::Problem;
use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// Longest address that somebody is led back to.
const NEXT_BYTES_MAX: usize = 512;

/// Somebody who was let in. A parameter of every page.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) console: Console,
    pub(super) caller: Caller,
    /// What their forms must carry; empty where nobody signs in.
    pub(super) form_key: String,
    /// Whether there are tokens, and so somebody who can sign out.
    pub(super) is_open: bool,
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = || super::api::internal("a page that nobody guards");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

impl Visitor {
    /// Whether their token allows what needs a scope.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.caller.scopes.allows(scope)
    }

    /// Whether a form is from a page that was shown to them.
    pub(super) fn sent(&self, key: &str, headers: &HeaderMap) -> bool {
        self.is_open || self.console.gate.signed_in(headers).is_some_and(|(session, _)| session.is_form_of(key))
    }
}

/// Lets those in who are signed in; the others are asked to.
pub(super) async fn enter(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = is_from_here(&request, console.gate.is_open()) {
        return refused(&problem);
    }
    let visitor = if console.gate.is_open() {
        Visitor { caller: console.gate.local().clone(), form_key: String::new(), is_open: true, console }
    } else {
        let Some((session, caller)) = console.gate.signed_in(request.headers()) else {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            let path = if request.method() == Method::GET { path } else { "/" };
            return Redirect::to(&format!("/sign-in{}", super::api::query(&[("next", path)]))).into_response();
        };
        Visitor { caller, form_key: session.form_key().to_owned(), is_open: false, console }
    };
    // Whoever can read nothing can still leave.
    if !visitor.may(Scope::Read) && request.uri().path() != "/sign-out" {
        let detail = format!(
            "the console needs the scope `read`, and the token of {} has: {}",
            visitor.caller.name, visitor.caller.scopes
        );
        return visitor.problem(&Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

/// Whether a request is one that a page of this console, or its user, makes.
fn is_from_here(request: &Request, is_open: bool) -> Result<(), Problem> {
    let headers = request.headers();
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if is_open && !is_this_machine(host) {
        let detail = format!(
            "this andon has no tokens, so its console is shown under a name of this machine only, such as http://localhost: {} is none. With `[server] tokens` any name will do",
            crate::domain::refusal::cut(host, 64)
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, "foreign_host", detail));
    }
    if *request.method() == Method::GET {
        return Ok(());
    }
    let foreign =
        || Problem::new(StatusCode::FORBIDDEN, "foreign_form", "this form comes from another site: nothing was done");
    match headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()) {
        Some("same-origin") => return Ok(()),
        Some(_) => return Err(foreign()),
        None => {}
    }
    // Older browsers say at least where the page is from; what is no browser says nothing, and sends no cookies of
    // its own accord.
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    if origin.is_none_or(|origin| origin == host) { Ok(()) } else { Err(foreign()) }
}

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Onward {
    next: String,
}

/// What a sign-in sends.
#[derive(Deserialize)]
pub(super) struct SignIn {
    token: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage {
    layout: Layout,
    next: String,
    problem: Option<String>,
}

/// The page that asks for a token.
pub(super) async fn ask(State(console): State<Console>, headers: HeaderMap, onward: Query<Onward>) -> Response {
    let next = onward.0.next;
    if console.gate.is_open() || console.gate.signed_in(&headers).is_some() {
        return Redirect::to(&safe(&next)).into_response();
    }
    sign_in_page(next, None, StatusCode::OK)
}

fn sign_in_page(next: String, problem: Option<String>, status: StatusCode) -> Response {
    let page = SignInPage { layout: Layout::outside("Sign in"), next: safe(&next), problem };
    (status, html(&page)).into_response()
}

/// Takes a token, and gives a cookie.
pub(super) async fn sign_in(State(console): State<Console>, headers: HeaderMap, request: Request) -> Response {
    if let Err(problem) = is_from_here(&request, console.gate.is_open()) {
        return refused(&problem);
    }
    let form: Result<Form<SignIn>, FormRejection> = Form::from_request(request, &()).await;
    let Ok(Form(SignIn { token, next })) = form else {
        return sign_in_page(String::new(), Some("The form was incomplete.".to_owned()), StatusCode::BAD_REQUEST);
    };
    match console.gate.sign_in(token.trim()) {
        Err(problem) => sign_in_page(next, Some(problem.detail), StatusCode::UNAUTHORIZED),
        Ok((secret, lasts_ms)) => {
            // One sign-in a browser: the one before ends.
            console.gate.sign_out(&headers);
            let is_tls = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
            let secure = if is_tls { "; Secure" } else { "" };
            let cookie = format!(
                "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
                cookie_name(&headers),
                secret.text(),
                lasts_ms / 1_000
            );
            with_cookie(Redirect::to(&safe(&next)).into_response(), &cookie)
        }
    }
}

/// What a sign-out sends.
#[derive(Debug, Deserialize)]
pub(super) struct SignOut {
    #[serde(default)]
    form_key: String,
}

/// Ends a sign-in.
pub(super) async fn sign_out(
    visitor: Visitor,
    headers: HeaderMap,
    form: Result<Form<SignOut>, FormRejection>,
) -> Response {
    let key = form.map(|form| form.0.form_key).unwrap_or_default();
    if !visitor.sent(&key, &headers) {
        return visitor.problem(&Problem::new(StatusCode::FORBIDDEN, "foreign_form", super::form::STALE));
    }
    visitor.console.gate.sign_out(&headers);
    let gone = format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0", cookie_name(&headers));
    with_cookie(Redirect::to("/sign-in").into_response(), &gone)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(mut value) = HeaderValue::from_str(cookie) {
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// A path of this console, or its first page: nobody is led elsewhere.
pub(super) fn safe(next: &str) -> String {
    let second = next.as_bytes().get(1);
    let is_path = next.starts_with('/') && !matches!(second, Some(b'/' | b'\\'));
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain && next.len() <= NEXT_BYTES_MAX { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for path in ["/", "/workflows/a?x=1", "/act/lower?workflow=a&mode=assist"] {
            assert_eq!(safe(path), path);
        }
        for elsewhere in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "evil", "/a b"] {
            assert_eq!(safe(elsewhere), "/", "{elsewhere}");
        }
    }

    #[test]
    fn names_of_this_machine() {
        for host in ["localhost", "localhost:9797", "LOCALHOST:1", "127.0.0.1:9797", "127.9.9.9", "[::1]:9797", "[::1]"]
        {
            assert!(is_this_machine(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "10.0.0.1:9797", "0.0.0.0"]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
