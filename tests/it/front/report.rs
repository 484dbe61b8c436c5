//! The weekly report from the front door: a first week, a quiet one, a bad one and an empty one, on one fixed journal.
//!
//! What is a failure here: other bytes for the same record, a number that the journal doesn't hold, a text of a
//! workflow that acts in a page, a report for whoever may not read it.

#![cfg(test)]

use super::harness::{House, TestApp, output, with};
use andon::domain::Time;
use andon::report::Report;
use andon::stats::rng::Rng;
use serde_json::{Value, json};

const POLICY: &str = r#"
[report]
time_zone = "Europe/Berlin"
keep_weeks = 0
[[workflow]]
id = "drafts"
owner = "marketing"
unit = "email"
currency = "EUR"
start_mode = "automate"
  [workflow.review]
  delegate = 1.0
  automate = 1.0
  cost_per_hour = 60
  [workflow.reference]
  source = "time study, March 2026"
  exception_ratio = 0.05
  cost_to_serve = 3.5
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = { collaborate = 0.20, delegate = 0.10, automate = 0.06 }
  block = 1
[[workflow]]
id = "router"
owner = "support"
"#;

// Everything is reviewed: which outputs a smaller share selects depends on the store's own key.
const EACH_DAY: usize = 120;

/// So many outputs of one day, made in the hour before now. From `bad` on `de` gets more, worse and slower.
fn day(app: &TestApp, rng: &mut Rng, day: usize, bad: bool) {
    let now = app.now();
    let events = (0..EACH_DAY).map(|n| {
        let german = rng.uniform() < if bad { 0.6 } else { 0.25 };
        let failed = rng.uniform() < if bad && german { 0.4 } else { 0.02 };
        let before_ms = i64::try_from(EACH_DAY - n).unwrap() * 25_000;
        let fit = 0.88 - if bad && german { 0.15 } else { 0.0 } + 0.05 * rng.normal();
        let mut event = with(
            output(format!("d{day}-{n:03}")),
            &json!({
                "time": now.plus(-before_ms), "latency_ms": (800.0 * (0.3 * rng.normal()).exp()).round(),
                "cost": "0.0125", "value": "0.5", "scores": {"brand_fit": (fit * 1e4).round() / 1e4},
                "attributes": {"locale": if german { "de" } else { "en" }}, "version": "2026.11",
            }),
        );
        if failed {
            let kind = if german { "policy_violation" } else { "format" };
            event =
                with(event, &json!({"outcome": "exception", "exception": kind, "trace_id": format!("t-{day}-{n}")}));
        }
        event
    });
    app.take(&events.collect::<Vec<_>>());
}

/// Three weeks from Monday 2026-11-23 on, and a fourth without outputs; it is Monday 2026-12-21, nine o'clock.
fn four_weeks() -> TestApp {
    let app = House::folder().start(POLICY);
    let mut rng = Rng::new(47);
    // From Friday at eleven to Monday at nine, local time.
    app.advance(70 * Time::HOUR);
    for n in 0..28 {
        if n < 21 {
            day(&app, &mut rng, n, n >= 16);
            let verdict = json!({"id": format!("r{n}"), "workflow": "drafts", "output_id": format!("d{n}-000"), "verdict": "accepted", "reviewer": "ann", "minutes": 3});
            app.post("/v1/reviews", &json!([verdict])).ok();
        }
        app.advance(24 * Time::HOUR);
    }
    app
}

fn report(app: &TestApp, name: &str) -> String {
    let answer = app.get(&format!("/v1/reports/{name}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn four_weeks_of_one_journal() {
    let app = four_weeks();
    let weeks = app.get("/v1/reports").ok();
    assert_eq!((&weeks["now"], &weeks["last"]), (&json!("2026-W52"), &json!("2026-W51")));
    assert_eq!(weeks["weeks"], json!(["2026-W52", "2026-W51", "2026-W50", "2026-W49", "2026-W48", "2026-W47"]));
    for (name, week) in [("first", "2026-W48"), ("quiet", "2026-W49"), ("bad", "2026-W50"), ("empty", "2026-W51")] {
        insta::assert_snapshot!(format!("report_{name}"), report(&app, &format!("{week}.md")));
        assert_eq!(report(&app, &format!("{week}.json")), report(&app, &format!("{week}.json")));
    }
    let bad: Report = serde_json::from_str(&report(&app, "2026-W50.json")).unwrap();
    let again: Value = serde_json::from_str(&report(&app, "2026-W50.json")).unwrap();
    assert_eq!(serde_json::to_value(&bad).unwrap(), again, "nothing is lost on the way");
    let drafts = bad.workflows.iter().find(|week| week.workflow == "drafts").unwrap();
    // What was done to it is found: since Wednesday, in German.
    let moved = |signal: &str| drafts.shifts.iter().find(|shift| shift.signal == signal).unwrap();
    let score = moved("scores.brand_fit");
    assert!(
        score.is_clear && moved("attributes.locale").is_clear && !moved("latency_ms").is_clear,
        "{:#?}",
        drafts.shifts
    );
    assert_eq!(score.carriers[0].segment, "locale = de");
    let wednesday: Time = "2026-12-09T08:00:00Z".parse().unwrap();
    assert!(
        matches!(score.stretches[..], [_, ref one] if one.from.since(wednesday).abs() < Time::DAY),
        "{:?}",
        score.stretches
    );
    assert_eq!(drafts.exceptions[0].kind, "policy_violation");
    assert!(drafts.disparities[0].is_clear && drafts.disparities[0].group == "locale = de");
    assert_eq!(bad.decisions[0].kind, "judge_demotion");
    assert!(bad.decisions[0].recommendation.starts_with("Right"), "{:#?}", bad.decisions[0]);
    insta::assert_snapshot!("report_page", report(&app, "2026-W50.html"));
    // A restart reads the same journal.
    let before = report(&app, "2026-W49.html");
    let app = app.stop().start(POLICY);
    let after = |text: &str| text[..text.find("<footer>").unwrap()].to_owned();
    assert_eq!(after(&report(&app, "2026-W49.html")), after(&before));
    // Nothing came after Sunday of the week before last until the start: nobody knows whether it ran.
    assert!(report(&app, "2026-W50.md").contains("of this week, and then andon was started: it may not have run"));
}

#[test]
fn a_page_loads_nothing_and_nothing_that_a_workflow_wrote_acts_in_it() {
    let app = House::folder().start(POLICY);
    let evil = "<script>alert(1)</script> http://evil.example @all";
    app.take(&[with(
        output("<img src=x>"),
        &json!({"outcome": "exception", "exception": evil, "attributes": {"a": "[x](http://evil.example)"}, "trace_id": "\"><b>"}),
    )]);
    let answer = app.get("/v1/reports/now.html");
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text();
    assert!(page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"), "the kind is shown");
    for acts in ["<script", "<img", "<b>", "href=\"h", "<link", "url("] {
        assert!(!page.contains(acts), "{acts}");
    }
    assert!(page.contains("provisional") && report(&app, "now.md").contains("Provisional"));
    let text = report(&app, "now.md");
    assert!(!text.contains("<script"), "in Markdown neither");
    assert!(text.contains("http:\u{200b}//evil.example @\u{200b}all"), "nor an address or a name: {text}");
}

#[test]
fn what_is_no_report_says_what_is() {
    let app = House::folder().start(POLICY);
    for (name, status, code) in [
        ("2026-W47", 404, "unknown_report"),
        ("2026-W47.pdf", 404, "unknown_report"),
        ("2026-W54.md", 400, "invalid_parameter"),
        ("2027-W01.md", 400, "invalid_parameter"),
        ("yesterday.md", 400, "invalid_parameter"),
        ("now.md?workflow=none", 404, "unknown_workflow"),
        ("now.md?team=markting", 404, "unknown_team"),
        ("now.md?workflow=drafts&team=support", 400, "invalid_parameter"),
        ("now.md?colour=red", 400, "invalid_parameter"),
    ] {
        let answer = app.get(&format!("/v1/reports/{name}"));
        let problem = answer.json();
        assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{name}: {problem}");
    }
    let team: Report = serde_json::from_str(&report(&app, "now.json?team=support")).unwrap();
    assert_eq!(team.workflows.iter().map(|week| week.workflow.as_str()).collect::<Vec<_>>(), ["router"]);
}
