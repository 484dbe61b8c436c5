//! The page of a large fleet, and the shape of its data: short for a council and a phone, complete for programs.

#![cfg(test)]

use super::harness::{House, TestApp, with};
use andon::domain::Time;
use andon::report::Report;
use andon::stats::rng::Rng;
use serde_json::{Value, json};
use std::fmt::Write;

const KIB: usize = 1 << 10;

fn fleet(count: usize, more: &str) -> String {
    let mut policy = "[report]\nkeep_weeks = 0\n".to_owned();
    for n in 0..count {
        let of = format!("[[workflow]]\nid = \"wf-{n:04}\"\nowner = \"team-{}\"\ncurrency = \"EUR\"\n{more}", n % 20);
        let _ = writeln!(policy, "{of}");
    }
    policy
}

/// Outputs of all workflows on each day of two weeks; those with a number below `bad` fail in the second one.
fn two_weeks(app: &TestApp, workflows: usize, each: usize, bad: usize) {
    let mut rng = Rng::new(9);
    // From Friday at ten to Monday at one.
    app.advance(63 * Time::HOUR);
    for day in 0..13 {
        let mut event = |n: usize| {
            let german = rng.uniform() < 0.3;
            let fails = rng.uniform() < if day >= 7 && n % workflows < bad { 0.5 } else { 0.01 };
            let event = json!({
                "id": format!("{day}-{n}"), "workflow": format!("wf-{:04}", n % workflows),
                "outcome": if fails { "exception" } else { "ok" },
                "cost": format!("{:.4}", 0.01 * (0.5 * rng.normal()).exp()), "value": "0.5",
                "latency_ms": (800.0 * (0.3 * rng.normal()).exp()).round(),
                "cycle_ms": (60_000.0 * (0.3 * rng.normal()).exp()).round(),
                "scores": {"fit": (0.8 + 0.05 * rng.normal()).clamp(0.0, 1.0)},
                "attributes": {"locale": if german { "de" } else { "en" }}, "version": "2026.11",
            });
            if fails { with(event, &json!({"exception": "format"})) } else { event }
        };
        app.take(&(0..workflows * each).map(&mut event).collect::<Vec<_>>());
        app.advance(Time::DAY);
    }
}

#[test]
fn a_thousand_quiet_workflows_are_a_page_for_a_phone() {
    let app = House::memory().start(&fleet(1_000, ""));
    two_weeks(&app, 1_000, 2, 0);
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.len() < 400 * KIB, "{} bytes", page.len());
    assert!(page.contains("All other workflows"));
    let own = "/v1/reports/2026-W49.html?workflow=wf-0999";
    assert!(page.contains(&format!("href=\"{own}\"")), "each has a link to its own report");
    assert!(app.get(own).text().contains("<h2 id=\"w-wf-0999\">"));
    let report: Report = serde_json::from_str(&app.get("/v1/reports/now.json").text()).unwrap();
    assert_eq!((report.workflows.len(), report.matrix.len()), (1_000, 1_000), "the data hold all");
}

#[test]
fn of_a_hundred_workflows_the_troubled_ones_are_told_at_length() {
    let guard = "start_mode = \"automate\"\nreview = { delegate = 0.0, automate = 0.0 }\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  name = \"exceptions\"\n  bound = { collaborate = 0.30, delegate = 0.2, automate = 0.1 }\n  block = 1\n";
    let app = House::memory().start(&fleet(100, guard));
    two_weeks(&app, 100, 17, 7);
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.len() < 250 * KIB, "{} bytes", page.len());
    for n in 0..7 {
        assert!(page.contains(&format!("<h2 id=\"w-wf-{n:04}\">")), "{n} is told of at length");
    }
    let at_length = page.matches("<section class=\"workflow\"").count();
    assert!((7..=20).contains(&at_length), "{at_length}");
    let says = page.lines().find(|line| line.contains("need attention")).unwrap_or_default();
    assert!(says.contains(&format!("{at_length} of 100 workflows need attention")), "{says}");
    assert_eq!(page.matches("?workflow=wf-").count(), 100 - at_length, "the others are one row each");
    let text = app.get("/v1/reports/now.md").text();
    assert!(text.contains("## wf-0003") && !text.contains("## wf-0077"));
    // A report of one workflow is always told at length.
    assert!(app.get("/v1/reports/now.html?workflow=wf-0077").text().contains("<h2 id=\"w-wf-0077\">"));
    let schema = app.get("/v1/reports/schema.json").json();
    let report = app.get("/v1/reports/now.json").json();
    let mut wrong = Vec::new();
    check(&schema, &schema, &report, "report", &mut wrong);
    assert_eq!(wrong, Vec::<String>::new());
    let mut lame = report;
    lame["matrix"][3].as_object_mut().unwrap().remove("mode");
    lame["week"] = json!(7);
    check(&schema, &schema, &lame, "report", &mut wrong);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
}

/// What of a value isn't as its schema says: types, words, fields that are missing or unknown.
fn check(all: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/")) {
        assert!(all["$defs"][name].is_object(), "{name} is not defined");
        return check(all, &all["$defs"][name], value, at, wrong);
    }
    for way in ["oneOf", "anyOf"] {
        if let Some(ways) = schema[way].as_array() {
            let fits = |one: &&Value| {
                let mut other = Vec::new();
                check(all, one, value, at, &mut other);
                other.is_empty()
            };
            if !ways.iter().any(|one| fits(&one)) {
                wrong.push(format!("{at}: fits none of {way}"));
            }
            return;
        }
    }
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if schema["type"].is_null() || !kinds.iter().any(|kind| is(kind.as_str().unwrap())) {
        wrong.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    let words = schema["enum"].as_array().filter(|words| !value.is_null() && !words.contains(value));
    if let Some(words) = words {
        wrong.push(format!("{at}: {value} is none of {words:?}"));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(all, &schema["items"], item, &format!("{at}[{n}]"), wrong);
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(name).is_none() {
            wrong.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
            Some(of) => check(all, of, field, &format!("{at}.{name}"), wrong),
            None => wrong.push(format!("{at}.{name} isn't in the schema")),
        }
    }
}
