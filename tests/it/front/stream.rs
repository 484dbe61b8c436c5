//! Whoever listens hears of each change once, in the order of the ledger, also over a broken connection and a restart.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, output, until};
use super::keys::Keys;
use andon::domain::Scope;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An open stream.
struct Listener(BufReader<TcpStream>);

/// One event of it.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    name: String,
    id: Option<u64>,
    data: Value,
}

impl Listener {
    fn open(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(app.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").unwrap();
        let mut listener = Self(BufReader::new(stream));
        let status = listener.line();
        assert!(status.contains(" 200 "), "{status}");
        let mut kind = String::new();
        loop {
            match listener.line() {
                line if line.is_empty() => break,
                line if line.to_lowercase().starts_with("content-type") => kind = line,
                _ => {}
            }
        }
        assert!(kind.contains("text/event-stream"), "{kind}");
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event; `None` at the end of the stream.
    fn next(&mut self) -> Option<Event> {
        let (mut name, mut id, mut data) = (String::new(), None, String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(rest) = line.strip_prefix("event: ") {
                name = rest.to_owned();
            } else if let Some(rest) = line.strip_prefix("id: ") {
                id = rest.parse().ok();
            } else if let Some(rest) = line.strip_prefix("data: ") {
                data.push_str(rest);
            } else if line.is_empty() && !name.is_empty() {
                return Some(Event { name, id, data: serde_json::from_str(&data).unwrap() });
            }
        }
    }

    fn some(&mut self) -> Event {
        self.next().expect("an event")
    }
}

/// The entries of the ledger that are told, as the ledger has them.
fn told(app: &TestApp, after: u64) -> Vec<(u64, String)> {
    let kinds =
        ["mode_changed", "adopted", "held", "released", "incident_opened", "incident_acknowledged", "policy_loaded"];
    let entries =
        app.ledger().into_iter().map(|e| (e["ledger_seq"].as_u64().unwrap(), e["kind"].as_str().unwrap().to_owned()));
    entries.filter(|(seq, kind)| *seq > after && kinds.contains(&&**kind)).collect()
}

fn break_it(app: &TestApp, from: usize) {
    let events: Vec<Value> = (from..from + 20).map(failure).collect();
    app.take(&events);
}

#[test]
fn a_demotion_is_told_at_once_and_what_was_missed_is_told_later() {
    let house = House::folder();
    let app = house.start(DRAFTS);
    let mut listener = Listener::open(&app, "/v1/stream", &[]);
    let hello = listener.some();
    assert_eq!((hello.name.as_str(), hello.id), ("hello", Some(app.ledger().len() as u64)));
    break_it(&app, 0);
    let demotion = listener.some();
    assert_eq!((demotion.name.as_str(), &demotion.data["kind"]), ("mode", &json!("mode_changed")));
    assert_eq!((&demotion.data["workflow"], &demotion.data["from"]), (&json!("drafts"), &json!("automate")));
    assert_eq!(demotion.data["ledger_seq"].as_u64(), demotion.id);
    let mut incident = listener.some();
    while incident.name != "incident" {
        incident = listener.some();
    }
    assert_eq!(incident.data["incident"], "drafts-1");
    // The ledger has the same under that number.
    let of_ledger = app.ledger().into_iter().find(|e| e["ledger_seq"].as_u64() == incident.id).unwrap();
    assert_eq!(of_ledger["summary"], incident.data["summary"]);
    drop(listener);
    // While nobody listens.
    app.post("/v1/workflows/drafts/mode", &json!({"hold": true, "reason": "r"})).ok();
    app.post("/v1/incidents/drafts-1/acknowledge", &json!({"note": "n"})).ok();
    let seen = app.ledger().len() as u64 - 2;
    let last = seen.to_string();
    let app = app.stop().start(DRAFTS);
    let mut again = Listener::open(&app, "/v1/stream", &[("Last-Event-ID", &last)]);
    assert_eq!(again.some().name, "hello");
    let missed: Vec<String> =
        (0..told(&app, seen).len()).map(|_| again.some().data["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(missed, told(&app, seen).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>());
    assert!(missed.contains(&"held".to_owned()) && missed.contains(&"incident_acknowledged".to_owned()), "{missed:?}");
    // And what happens now, without a repeat.
    app.post("/v1/workflows/drafts/mode", &json!({"hold": false, "reason": "r"})).ok();
    assert_eq!(again.some().data["kind"], "released");
    // `after` says the same as the header; a number that isn't there yet is of another ledger.
    let mut by_query = Listener::open(&app, &format!("/v1/stream?after={last}"), &[]);
    assert_eq!((by_query.some().name, by_query.some().data["kind"].clone()), ("hello".to_owned(), json!(missed[0])));
    let mut stranger = Listener::open(&app, "/v1/stream?after=1000000", &[]);
    assert_eq!(stranger.some().name, "reset");
    for bad in ["x", "-1", ""] {
        let answer = app.send("GET", "/v1/stream", &[("Last-Event-ID", bad)], b"");
        assert_eq!(answer.problem(400), "invalid_parameter", "{bad:?}");
    }
}

/// More happens at once than waits for a listener: it reads on in the ledger.
#[test]
fn a_slow_listener_misses_nothing() {
    let many: String = (0..900).map(|n| format!("[[workflow]]\nid = \"w{n}\"\nstart_mode = \"delegate\"\n")).collect();
    let app = House::folder().start(&many);
    let mut listener = Listener::open(&app, "/v1/stream", &[]);
    assert_eq!(listener.some().name, "hello");
    let first = app.ledger().len() as u64;
    app.post("/v1/stop", &json!({"reason": "r"})).ok();
    let mut seen = Vec::new();
    while seen.len() < 901 {
        let event = listener.some();
        assert_eq!(event.name, "mode");
        seen.push(event.id.unwrap());
    }
    assert_eq!(seen, (first + 1..=first + 901).collect::<Vec<_>>());
}

#[test]
fn each_hears_of_its_own_workflows_only() {
    let mut keys = Keys::new();
    let (boss, limited) = (keys.give("boss", &[Scope::Admin]), keys.give_for("ann", &[Scope::Read], &["oth*"], None));
    let app = keys.house().start(&format!("{DRAFTS}[[workflow]]\nid = \"other\"\nstart_mode = \"delegate\"\n"));
    let of = |secret: &andon::access::Secret| format!("Bearer {}", secret.text());
    let (boss, limited) = (of(&boss), of(&limited));
    let mut hears = Listener::open(&app, "/v1/stream", &[("authorization", &limited)]);
    let mut of_one = Listener::open(&app, "/v1/stream?workflow=other", &[("authorization", &boss)]);
    let mut of_all = Listener::open(&app, "/v1/stream", &[("authorization", &boss)]);
    for listener in [&mut hears, &mut of_one, &mut of_all] {
        assert_eq!(listener.some().name, "hello");
    }
    let act = |id: &str| {
        let headers = [("authorization", boss.as_str()), ("content-type", "application/json")];
        let path = format!("/v1/workflows/{id}/mode");
        app.send("POST", &path, &headers, br#"{"mode": "assist", "reason": "r"}"#).ok();
    };
    act("drafts");
    act("other");
    assert_eq!(
        (of_all.some().data["workflow"].clone(), of_all.some().data["workflow"].clone()),
        (json!("drafts"), json!("other"))
    );
    assert_eq!(hears.some().data["workflow"], "other");
    assert_eq!(of_one.some().data["workflow"], "other");
    let answer = app.send("GET", "/v1/stream?workflow=drafts", &[("authorization", &limited)], b"");
    assert_eq!(answer.problem(403), "forbidden_workflow");
    assert_eq!(app.get("/v1/stream").problem(401), "unauthenticated");
}

#[test]
fn places_are_limited_and_given_back_and_a_stop_ends_them() {
    let app = House { server: "streams_max = 2", ..House::folder() }.start(DRAFTS);
    let gauge = || app.get("/metrics").text().contains("andon_streams 2");
    let first = Listener::open(&app, "/v1/stream", &[]);
    let mut second = Listener::open(&app, "/v1/stream", &[]);
    assert!(gauge());
    assert_eq!(app.get("/v1/stream").problem(503), "too_many_streams");
    drop(first);
    // It is noticed when there is something to send.
    app.take(&[output("a")]);
    app.post("/v1/workflows/drafts/mode", &json!({"hold": true, "reason": "r"})).ok();
    app.post("/v1/workflows/drafts/mode", &json!({"hold": false, "reason": "r"})).ok();
    until("its place is given back", || {
        app.post("/v1/workflows/drafts/mode", &json!({"hold": true, "reason": "r"})).ok();
        app.get("/metrics").text().contains("andon_streams 1")
    });
    drop(app);
    while second.next().is_some() {}
}

/// A store that refuses caps every mode, and no ledger tells of it.
#[test]
fn what_caps_all_modes_is_told_too() {
    let app = House::memory().start(DRAFTS);
    let mut listener = Listener::open(&app, "/v1/stream", &[]);
    assert_eq!(listener.some().name, "hello");
    app.house.disk().fail(andon::store::memory::Op::Sync, 1, andon::store::memory::Fault::NoSpace);
    assert_eq!(app.post("/v1/events", &json!([output("a")])).status, 503);
    let event = listener.some();
    assert_eq!((event.name.as_str(), &event.data["cap"]["by"]), ("house", &json!("store")));
}
