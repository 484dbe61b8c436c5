//! The console lets in whoever shows a token that holds, shows what that token allows, and takes forms of its own only.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output};
use super::http::Answer;
use super::keys::Keys;
use andon::access::Secret;
use andon::domain::Scope;
use serde_json::json;

/// A browser, as far as the daemon can tell.
pub(crate) struct Browser<'a> {
    app: &'a TestApp,
    cookie: String,
    pub(crate) host: &'static str,
}

impl<'a> Browser<'a> {
    pub(crate) const fn new(app: &'a TestApp) -> Self {
        Self { app, cookie: String::new(), host: "localhost" }
    }

    /// One that is signed in.
    pub(crate) fn signed_in(app: &'a TestApp, secret: &Secret) -> Self {
        let mut browser = Self::new(app);
        let answer = browser.form("/sign-in", &[("token", secret.text()), ("next", "/ledger")]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/ledger")), "{}", answer.text());
        browser.cookie = cookie(&answer).split(';').next().unwrap().to_owned();
        browser
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Answer {
        let own = [("host", self.host), ("cookie", self.cookie.as_str())];
        let own = own.into_iter().filter(|(_, value)| !value.is_empty());
        self.app.send(method, path, &own.chain(more.iter().copied()).collect::<Vec<_>>(), body)
    }

    /// Sends a form from a page of the console.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form_from("same-origin", path, fields)
    }

    fn form_from(&self, site: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", site)];
        self.send("POST", path, &headers, form.join("&").as_bytes())
    }

    /// The page of an act, filled in and sent.
    pub(crate) fn act(&self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(address);
        assert_eq!(page.status, 200, "{}", page.text());
        let hidden = inputs(&page.text());
        let own = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let path = address.split('?').next().unwrap();
        let all: Vec<(&str, &str)> = own
            .filter(|(name, _)| !fields.iter().any(|(other, _)| other == name))
            .chain(fields.iter().copied())
            .collect();
        self.form(path, &all)
    }
}

fn cookie(answer: &Answer) -> &str {
    answer.header("set-cookie").expect("a cookie")
}

fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The hidden inputs of the form of an act.
fn inputs(page: &str) -> Vec<(String, String)> {
    let form = page.split("action=\"/act/").nth(1).unwrap_or_else(|| panic!("no form in {page}"));
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1);
    let pair = |text: &str| {
        let (name, rest) = text.split_once('"').unwrap();
        let value = rest.split('"').nth(1).unwrap();
        (name.to_owned(), value.to_owned())
    };
    hidden.map(pair).collect()
}

const PAGES: [&str; 12] = [
    "/",
    "/workflows/drafts",
    "/workflows/drafts/gate",
    "/gate",
    "/incidents",
    "/base",
    "/lab",
    "/reports",
    "/reports/now",
    "/ledger",
    "/policy",
    "/act/hold?workflow=drafts",
];

#[test]
fn every_page_is_there_and_says_what_a_browser_may_do() {
    let app = House::folder().start(DRAFTS);
    app.take(&(0..20).map(failure).collect::<Vec<_>>());
    let browser = Browser::new(&app);
    for path in PAGES.into_iter().chain(["/incidents/drafts-1", "/incidents?status=all", "/workflows/drafts?window=5m"])
    {
        let answer = browser.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(
            (answer.header("cache-control"), answer.header("x-content-type-options")),
            (Some("no-store"), Some("nosniff"))
        );
        let text = answer.text();
        assert!(text.starts_with("<!doctype html>") && text.contains("</html>"), "{path}: {text}");
        let text = text.replace("https://wiki.example.com/drafts", "the runbook");
        for forbidden in [" style=", " onclick=", "<script>", "<style>", "http://", "https://"] {
            assert!(
                !text.contains(forbidden) || path == "/" || path.starts_with("/policy"),
                "{path}: {forbidden} in {text}"
            );
        }
        // Style and script are there, and are kept until they change.
        for address in text.split("=\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let asset = browser.get(&format!("/assets/{address}"));
            assert_eq!(asset.status, 200, "{address}");
            assert!(asset.header("cache-control").unwrap().contains("immutable"));
        }
    }
    for (path, status) in [
        ("/workflows/nobody", 404),
        ("/incidents/none-1", 404),
        ("/reports/2031-W01", 400),
        ("/act/fly", 404),
        ("/act/hold", 400),
        ("/lab/none", 404),
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains("role=\"alert\""), "{path}: {}", answer.text());
    }
    // What isn't the console's is as before.
    assert_eq!(browser.get("/nothing").problem(404), "not_found");
    assert_eq!(browser.get("/assets/0-console.css").problem(404), "not_found");
}

/// What workflows and people write acts nowhere.
#[test]
fn what_is_written_is_shown_as_text() {
    let app = House::folder().start(DRAFTS);
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    app.post("/v1/workflows/drafts/mode", &json!({"hold": true, "reason": evil})).ok();
    app.take(&[
        json!({"id": "1", "workflow": "drafts", "outcome": "exception", "exception": "bad_kind", "version": evil}),
    ]);
    let browser = Browser::new(&app);
    for path in PAGES.into_iter().chain([
        "/?search=%22%3E%3Cscript%3E",
        "/ledger?workflow=drafts",
        "/act/hold?workflow=%3Cscript%3E&back=//evil.example",
    ]) {
        let text = browser.get(path).text();
        assert!(!text.contains("<script>") && !text.contains("<img src=x"), "{path}: {text}");
    }
    assert!(browser.get("/workflows/drafts").text().contains("&#60;script&#62;"));
    assert!(!browser.get("/act/hold?workflow=drafts&back=//evil.example").text().contains("evil.example\" "));
}

#[test]
fn nobody_gets_in_without_a_token_and_everybody_out_again() {
    let mut keys = Keys::new();
    let (ann, reader) = (keys.give("ann", &[Scope::Admin]), keys.give("ingestor", &[Scope::Ingest]));
    let app = keys.house().start(DRAFTS);
    let stranger = Browser::new(&app);
    for path in PAGES {
        let answer = stranger.get(path);
        let location = answer.header("location").unwrap_or_default();
        assert!(answer.status == 303 && location.starts_with("/sign-in?next="), "{path}: {} {location}", answer.status);
    }
    assert_eq!(stranger.form("/act/stop", &[("reason", "r")]).header("location"), Some("/sign-in?next=%2F"));
    assert_eq!(stranger.get("/sign-in?next=/ledger").status, 200);
    for wrong in ["", "x", Secret::draw().unwrap().text(), &ann.text()[..50]] {
        let answer = stranger.form("/sign-in", &[("token", wrong)]);
        assert!(answer.status == 401 && answer.header("set-cookie").is_none(), "{wrong}");
        assert!(wrong.is_empty() || !answer.text().contains(&format!("\"{wrong}\"")), "what was typed is not shown");
    }
    // Nobody is led elsewhere.
    for next in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let answer = stranger.form("/sign-in", &[("token", ann.text()), ("next", next)]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{next}");
        let cookie = cookie(&answer);
        assert!(
            cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Max-Age=43200"),
            "{cookie}"
        );
        assert!(!cookie.contains(ann.text()) && !cookie.contains("Secure"));
    }
    let behind_tls = stranger.send(
        "POST",
        "/sign-in",
        &[("x-forwarded-proto", "https"), ("content-type", "application/x-www-form-urlencoded")],
        format!("token={}", ann.text()).as_bytes(),
    );
    assert!(cookie(&behind_tls).contains("; Secure"));
    let browser = Browser::signed_in(&app, &ann);
    for path in PAGES {
        assert_eq!(browser.get(path).status, 200, "{path}");
    }
    // The cookie reads, and changes nothing by itself.
    assert_eq!(browser.get("/v1/workflows").status, 200);
    assert_eq!(
        browser.send("POST", "/v1/stop", &[("content-type", "application/json")], br#"{"reason": "r"}"#).problem(401),
        "unauthenticated"
    );
    // Its own token must allow what is shown.
    let answer = Browser::signed_in(&app, &reader).get("/");
    assert!(answer.status == 403 && answer.text().contains("needs the scope `read`"), "{}", answer.text());
    // Out, and the cookie is worth nothing.
    let key = inputs(&browser.get("/act/hold?workflow=drafts").text())
        .into_iter()
        .find(|(name, _)| name == "form_key")
        .unwrap()
        .1;
    assert_eq!(browser.form("/sign-out", &[("form_key", "x")]).status, 403);
    let out = browser.form("/sign-out", &[("form_key", &key)]);
    assert_eq!((out.status, out.header("location")), (303, Some("/sign-in")));
    assert!(cookie(&out).contains("Max-Age=0"));
    assert_eq!((browser.get("/").status, browser.get("/v1/workflows").status), (303, 401));
}

/// Browsers hand every port's cookies to a host: that of another andon on it is left alone.
#[test]
fn two_andons_on_one_host_keep_their_visitors_apart() {
    let mut keys = Keys::new();
    let ann = keys.give("ann", &[Scope::Admin]);
    let app = keys.house().start(DRAFTS);
    let other = app.send(
        "POST",
        "/sign-in",
        &[("host", "localhost:9798"), ("content-type", "application/x-www-form-urlencoded")],
        format!("token={}", ann.text()).as_bytes(),
    );
    let other = cookie(&other).split(';').next().unwrap();
    assert!(other.starts_with("andon-session-9798="), "{other}");
    let reach = |host: &str| {
        app.send("GET", "/", &[("host", host), ("cookie", &format!("andon-session-9797=x; {other}"))], b"").status
    };
    assert_eq!((reach("localhost:9798"), reach("localhost:9797"), reach("localhost")), (200, 303, 303));
}

/// Whoever signed in with a token that reads nothing is not stuck: their form to leave is looked at.
#[test]
fn whoever_may_read_nothing_can_leave() {
    let mut keys = Keys::new();
    let sender = keys.give("sender", &[Scope::Ingest]);
    let app = keys.house().start(DRAFTS);
    let browser = Browser::signed_in(&app, &sender);
    assert!(browser.get("/").text().contains("needs the scope `read`"));
    let page = browser.get("/").text();
    let key = page.split("name=\"form_key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(browser.form("/sign-out", &[("form_key", key)]).header("location"), Some("/sign-in"));
    assert_eq!(browser.get("/").status, 303);
}

#[test]
fn a_token_that_is_revoked_ends_its_sessions_and_so_does_time() {
    let mut keys = Keys::new();
    let (ann, reader) = (keys.give("ann", &[Scope::Admin]), keys.give("reader", &[Scope::Read]));
    let app = keys.house().start(DRAFTS);
    let (ann, other) = (Browser::signed_in(&app, &ann), Browser::signed_in(&app, &reader));
    assert_eq!((other.get("/").status, ann.get("/").status), (200, 200));
    keys.revoke("reader");
    assert_eq!(ann.act("/act/reload", &[]).status, 303);
    assert_eq!((other.get("/").status, ann.get("/").status), (303, 200));
    app.advance(12 * 3_600_000);
    assert_eq!((ann.get("/").status, ann.get("/v1/workflows").status), (303, 401));
}

/// Forms of other sites, and names of other machines where nobody signs in.
#[test]
fn what_comes_from_elsewhere_does_nothing() {
    let mut keys = Keys::new();
    let ann = keys.give("ann", &[Scope::Admin]);
    let app = keys.house().start(DRAFTS);
    let browser = Browser::signed_in(&app, &ann);
    let key = inputs(&browser.get("/act/stop").text()).into_iter().find(|(name, _)| name == "form_key").unwrap().1;
    let before = app.driver();
    let fields = [("reason", "r"), ("form_key", key.as_str())];
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(browser.form_from(site, "/act/stop", &fields).status, 403, "{site}");
    }
    let plain = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("reason=r&form_key={key}");
    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"] {
        let answer = browser.send("POST", "/act/stop", &[plain[0], ("origin", origin)], form.as_bytes());
        assert_eq!(answer.status, 403, "{origin}");
    }
    for key in ["", "x", &format!("{key}x"), Secret::draw().unwrap().text()] {
        assert_eq!(browser.form("/act/stop", &[("reason", "r"), ("form_key", key)]).status, 403, "{key}");
    }
    drop(before);
    let lowered = || browser.get("/v1/workflows/drafts/mode").ok()["mode"] != "automate";
    assert!(!lowered());
    // From a page of the console it does.
    assert_eq!(
        browser.send("POST", "/act/stop", &[plain[0], ("origin", "http://localhost")], form.as_bytes()).status,
        303
    );
    assert!(lowered());
    // Without tokens the name must be this machine's: a foreign page may have been made to point here.
    let open = House::folder().start(DRAFTS);
    for host in ["evil.example", "localhost.evil.example:9797", "10.0.0.1"] {
        let answer = Browser { host, ..Browser::new(&open) }.get("/");
        assert!(answer.status == 403 && answer.text().contains("this machine"), "{host}: {}", answer.text());
    }
    for host in ["localhost:9797", "127.0.0.1", "[::1]:9797"] {
        assert_eq!(Browser { host, ..Browser::new(&open) }.get("/").status, 200, "{host}");
    }
}

/// Without tokens a page of another site must not reach the API either: by a foreign name, or by a form that it sends.
#[test]
fn without_tokens_the_api_answers_this_machine_only() {
    let open = House::folder().start(DRAFTS);
    for host in ["evil.example", "localhost.evil.example:9797", "10.0.0.1"] {
        for path in ["/v1/ledger", "/v1/workflows/drafts/mode", "/metrics"] {
            assert_eq!(open.send("GET", path, &[("host", host)], b"").problem(403), "foreign_host", "{host} {path}");
        }
    }
    let text = ("content-type", "text/plain");
    for headers in [
        [("sec-fetch-site", "cross-site"), text],
        [("sec-fetch-site", "same-site"), text],
        [("origin", "https://evil.example"), text],
        [("origin", "null"), text],
    ] {
        for path in ["/v1/drills", "/v1/reload", "/v1/events", "/v1/stop"] {
            assert_eq!(open.send("POST", path, &headers, b"{}").problem(403), "foreign_host", "{headers:?} {path}");
        }
    }
    // Programs say nothing of it, pages of the console that they are its own, and a link may be followed.
    assert_eq!(open.get("/v1/ledger").status, 200);
    let own = [("sec-fetch-site", "same-origin"), ("origin", "http://localhost")];
    assert_eq!(open.send("GET", "/v1/ledger", &own, b"").status, 200);
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(open.send("GET", "/v1/reports/now.html", &link, b"").status, 200);
}

#[test]
fn an_empty_floor_says_what_to_send_and_a_simulation_shows_it() {
    let app = House::folder().start(DRAFTS);
    let browser = Browser { host: "localhost:4711", ..Browser::new(&app) };
    let page = browser.get("/").text();
    assert!(page.contains("curl -sS http://localhost:4711/v1/events") && page.contains("/act/simulate"), "{page}");
    assert_eq!(browser.act("/act/simulate", &[("workflow", "drafts")]).status, 303);
    assert_eq!(app.workflow("drafts")["outputs_total"], 25);
    let again = browser.act("/act/simulate", &[("workflow", "drafts")]);
    assert!(again.status == 409 && again.text().contains("has outputs already"), "{}", again.text());
    // Nothing came that could be lowered by it.
    assert_eq!(app.post("/v1/simulations", &json!({"workflow": "nobody"})).problem(409), "simulation_running");
    app.take(&[output("a")]);
    assert!(!browser.get("/").text().contains("Nothing has come yet"));
}
