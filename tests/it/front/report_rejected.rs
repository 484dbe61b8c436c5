//! What people rejected, in the weekly report: where it comes from, which outputs stand for it, who is asked.

#![cfg(test)]

use super::harness::{House, TestApp, output, with};
use andon::domain::Time;
use serde_json::{Value, json};

const POLICY: &str = r#"
[[workflow]]
id = "drafts"
start_mode = "automate"
review = { automate = 1.0 }
"#;

/// `count` outputs, each of one of ten repositories and with a ticket of its own.
fn make(app: &TestApp, week: &str, count: usize) {
    let made = (0..count).map(|n| {
        let attributes = json!({"repository": format!("acme/r{}", n % 10), "ticket": format!("{week}-{n}")});
        with(output(format!("{week}-{n}")), &json!({"attributes": attributes, "trace_id": format!("t-{week}-{n}")}))
    });
    app.take(&made.collect::<Vec<_>>());
}

/// Verdicts on these outputs; `is_bad` says which are rejected.
fn judge(app: &TestApp, week: &str, outputs: std::ops::Range<usize>, is_bad: impl Fn(usize) -> bool) {
    let verdict = |n: usize| {
        let (word, kind) = if is_bad(n) { ("rejected", json!("wrong_file")) } else { ("accepted", json!(null)) };
        json!({"id": format!("{week}-r{n}"), "workflow": "drafts", "output_id": format!("{week}-{n}"), "verdict": word,
               "reviewer": "ada", "exception": kind})
    };
    app.post("/v1/reviews", &outputs.map(verdict).collect()).ok();
}

fn rejections(report: &Value) -> Value {
    report["workflows"][0]["rejections"].clone()
}

#[test]
fn the_repository_that_people_reject_is_named_with_its_outputs_though_verdicts_come_a_week_later() {
    let house = House::folder();
    let app = house.start(POLICY);
    make(&app, "a", 300);
    judge(&app, "a", 0..200, |n| n % 25 == 1);
    app.advance(7 * Time::DAY);
    make(&app, "b", 300);
    // On outputs of the week before and of this one; of one repository all are rejected.
    judge(&app, "a", 200..300, |n| n % 10 == 3 || n % 25 == 1);
    judge(&app, "b", 0..200, |n| n % 10 == 3 || n % 25 == 1);
    let report = app.get("/v1/reports/now.json").json();
    let of = rejections(&report);
    assert_eq!((&of["verdicts"], &of["found"]), (&json!(300), &json!({"wrong_file": 42})), "{of}");
    let groups = of["groups"].as_array().unwrap();
    let worst = &groups[0];
    assert_eq!(
        (&worst["group"], &worst["outputs"], &worst["ratio"], &worst["is_clear"]),
        (&json!("repository = acme/r3"), &json!(30), &json!(1.0), &json!(true)),
        "{of}"
    );
    let (others, expected) = (worst["ratio_of_others"].as_f64().unwrap(), 12.0 / 270.0);
    assert!((others - expected).abs() < 1e-12, "{others}");
    assert!(groups[1..].iter().all(|group| group["is_clear"] == false), "{of}");
    let witnesses = of["witnesses"].as_array().unwrap();
    assert_eq!(witnesses.len(), 5);
    for one in witnesses {
        let id = one["output"].as_str().unwrap();
        assert!(id.ends_with('3'), "of the repository that is rejected: {one}");
        assert_eq!(one["trace_id"], format!("t-{id}"));
    }
    let cost = report["headline"][1].as_str().unwrap();
    assert!(
        cost.contains("Of 300 verdicts 14 % rejected (4.0 % the week before), clearly more of repository = acme/r3 in drafts (100 % of 30 verdicts, all others 4.4 %)."),
        "{cost}"
    );
    let asked: Vec<&Value> = report["decisions"].as_array().unwrap().iter().collect();
    let question = asked.iter().find(|one| one["id"] == "assign:rejections:drafts").expect("somebody is asked for");
    assert_eq!(question["question"], "Who finds out why people reject more of drafts?");
    assert!(question["evidence"].to_string().contains("repository = acme/r3: 100 % of 30 verdicts"), "{question}");
    let is_ticket = |one: &&Value| one["id"].as_str().is_some_and(|id| id.contains("ticket"));
    assert!(!asked.iter().any(is_ticket), "each output has a ticket of its own: {asked:?}");
    let text = app.get("/v1/reports/now.md").text();
    assert!(text.contains("people reject repository = acme/r3 clearly more often: 100 % of 30 verdicts"), "{text}");
    assert!(text.contains("reviewers found 42 wrong\\_file"), "{text}");
    assert!(text.contains("- Rejected of repository = acme/r3, such as `"), "{text}");
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.contains("Groups that people reject more often") && page.contains("wrong_file 42"), "{page}");
    assert!(page.contains("<p>Rejected of repository = acme/r3, such as <code>"), "{page}");
    // A person takes it, and it is asked no more.
    let week = report["week"].as_str().unwrap();
    let answer = json!({"question": "assign:rejections:drafts", "choice": "assign", "owner": "ben",
                        "due": "2026-12-04", "note": "new monorepo"});
    app.post(&format!("/v1/reports/{week}/decisions"), &answer).ok();
    let report = app.get("/v1/reports/now.json").json();
    assert_eq!(report["actions"][0]["task"], "find out why people reject more of drafts");
}

#[test]
fn what_waited_for_weeks_and_is_judged_in_bulk_is_held_against_what_it_was() {
    let house = House::folder();
    let app = house.start(POLICY);
    make(&app, "a", 300);
    app.advance(21 * Time::DAY);
    make(&app, "b", 60);
    judge(&app, "b", 0..60, |n| n % 10 == 1);
    // Forty-odd of one repository are closed at once, three weeks after they were made.
    judge(&app, "a", 0..300, |n| n % 10 == 3);
    let report = app.get("/v1/reports/now.json").json();
    let of = rejections(&report);
    assert_eq!((&of["verdicts"], &of["groups"][0]["group"]), (&json!(360), &json!("repository = acme/r3")), "{of}");
    assert_eq!(&of["groups"][0]["outputs"], &json!(36), "{of}");
    // What comes later is held against the same: the reading goes on where it ended.
    judge(&app, "c", 0..1, |_| false);
    make(&app, "c", 1);
    let again = rejections(&app.get("/v1/reports/now.json").json());
    assert_eq!(again["groups"][0]["outputs"], json!(36), "{again}");
    // A fresh reading of the same journal says the same.
    let app = app.stop().start(POLICY);
    let fresh = app.get("/v1/reports/now.json").json();
    assert_eq!(rejections(&fresh), again);
}

#[test]
fn verdicts_on_outputs_of_long_ago_are_counted_and_held_against_nothing() {
    let house = House::folder();
    let app = house.start(POLICY);
    make(&app, "a", 100);
    app.advance(70 * Time::DAY);
    make(&app, "b", 40);
    judge(&app, "a", 0..100, |n| n % 10 == 3);
    judge(&app, "b", 0..40, |_| false);
    let report = app.get("/v1/reports/now.json").json();
    assert_eq!(report["workflows"][0]["reviews"]["verdicts"], json!([130, 0, 10]));
    let of = rejections(&report);
    assert_eq!((&of["verdicts"], &of["groups"], &of["witnesses"]), (&json!(40), &json!([]), &json!([])), "{of}");
    let gaps = report["gaps"].to_string();
    assert!(gaps.contains("100 outputs with a verdict of this week are not known to this report"), "{gaps}");
}

#[test]
fn many_rejections_of_one_source_at_once_are_told_as_such_also_where_they_lowered_a_mode() {
    let guard = "  [[workflow.guard]]\n  signal = \"rejection_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.35\n";
    let app = House::folder().start(&format!("{POLICY}{guard}"));
    make(&app, "a", 300);
    // A week of reviews, one in seven rejected.
    for n in 0..100 {
        judge(&app, "a", n..n + 1, |n| n % 7 == 0);
        app.advance(Time::HOUR / 2);
    }
    // Somebody closes all that one repository has open, within two minutes.
    for n in (0..300).filter(|n| n % 10 == 3 && *n >= 100) {
        judge(&app, "a", n..n + 1, |_| true);
        app.advance(6_000);
    }
    assert_eq!(app.mode("drafts")["mode"], "assist");
    app.advance(Time::HOUR);
    make(&app, "b", 100);
    judge(&app, "b", 0..100, |n| n % 7 == 0);
    let report = app.get("/v1/reports/now.json").json();
    let burst = &rejections(&report)["burst"];
    assert_eq!((&burst["rejected"], &burst["group"]), (&json!(20), &json!("repository = acme/r3")), "{burst}");
    let asked = &report["decisions"][0];
    assert_eq!(asked["kind"], "judge_demotion");
    let said = asked["recommendation"].as_str().unwrap();
    assert!(said.contains("One source carries it, repository = acme/r3, and since it was lowered the others keep to the bound: is it a fault of that source, or one act of somebody there?"), "{said}");
    let counts = &report["moves"][0]["source_counts"];
    assert_eq!(counts["own"]["n"], counts["own"]["hits"], "{counts}");
    let evidence = asked["evidence"].to_string();
    let own = counts["own"]["n"].to_string();
    assert!(
        evidence.contains(&format!("{own} of {own} verdicts of repository = acme/r3 rejected, these within ")),
        "{evidence}"
    );
    assert!(
        evidence.contains("since it was lowered 10 % of 10 verdicts of repository = acme/r3, 16 % of 90 verdicts of all others rejected"),
        "{evidence}"
    );
    assert!(
        evidence.contains("20 of the week's 50 rejected outputs were rejected within"),
        "the whole of it: {evidence}"
    );
    let headline = report["headline"][1].as_str().unwrap();
    assert!(
        headline.contains(" 20 of the 50 rejected outputs of drafts were rejected within 114 seconds."),
        "{headline}"
    );
    let told = "20 of the week's 50 rejected outputs were rejected within 114 seconds from ";
    let text = app.get("/v1/reports/now.md").text();
    assert!(
        text.contains(told) && text.contains(" UTC, of 20 judged then, nearly all of repository = acme/r3"),
        "{text}"
    );
    assert!(app.get("/v1/reports/now.html").text().contains(&told.replace('\'', "&#39;")));
}
