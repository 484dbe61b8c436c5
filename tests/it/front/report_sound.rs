//! What a weekly report must not say: noise as a finding, one number as two witnesses, one collapse as many questions.

#![cfg(test)]

use super::harness::{House, TestApp, failure, output, with};
use andon::domain::Time;
use serde_json::{Value, json};

const WEEK: i64 = 7 * Time::DAY;

/// A workflow in automate with a guard on the service level; everything is kept below it by a broken guide.
const POLICY: &str = r#"
[[base]]
id = "guide"
owner = "brand"
version = "1"
[[workflow]]
id = "drafts"
start_mode = "automate"
currency = "EUR"
evidence_valid = "90d"
base = ["guide"]
  [[workflow.guard]]
  name = "promise"
  signal = "sla"
  limit_ms = 1000
  bound = 0.1
  block = 1
"#;

/// Outputs of these latencies, milliseconds.
fn send(app: &TestApp, week: &str, latencies: impl Iterator<Item = f64>) {
    let outputs = latencies
        .enumerate()
        .map(|(n, ms)| with(output(format!("{week}-{n}")), &json!({"latency_ms": ms, "cost": "0.01"})));
    app.take(&outputs.collect::<Vec<_>>());
}

fn report(app: &TestApp) -> Value {
    app.get("/v1/reports/now.json").json()
}

fn headline(report: &Value) -> String {
    report["headline"].as_array().unwrap().iter().map(|said| said.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn measure(report: &Value, name: &str) -> Value {
    let all = report["workflows"][0]["measures"].as_array().unwrap();
    all.iter().find(|measure| measure["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

fn asked<'r>(report: &'r Value, id: &str) -> Vec<&'r Value> {
    let all = report["decisions"].as_array().unwrap();
    all.iter().filter(|one| one["id"].as_str().unwrap().starts_with(id)).collect()
}

#[test]
fn three_outputs_say_nothing_of_the_slowest_twentieth() {
    let house = House::folder();
    let app = house.start(POLICY);
    send(&app, "a", [800.0, 812.0, 805.0].into_iter());
    app.advance(WEEK);
    send(&app, "b", [820.0, 830.0, 815.0].into_iter());
    let report = report(&app);
    for name in ["latency_p50_ms", "latency_p95_ms"] {
        let of = measure(&report, name);
        assert_eq!((&of["week"]["interval"], &of["change"]["is_clear"]), (&json!(null), &json!(null)), "{of}");
    }
    assert!(!headline(&report).contains("Clearly"), "{report}");
    assert_eq!(asked(&report, "look:"), Vec::<&Value>::new());
}

#[test]
fn four_views_of_what_the_guard_counts_are_no_second_witness_and_need_no_other_guard() {
    let house = House::folder();
    let app = house.start(POLICY);
    send(&app, "a", (0..200).map(|n| 400.0 + f64::from(n)));
    app.advance(WEEK);
    send(&app, "b", (0..200).map(|n| 1_400.0 + f64::from(n)));
    let report = report(&app);
    assert_eq!(measure(&report, "latency_p95_ms")["change"]["is_better"], false);
    let judge = asked(&report, "judge_demotion:");
    assert!(judge[0]["recommendation"].as_str().unwrap().starts_with("Likely right"), "{judge:?}");
    assert_eq!((&report["moves"][0]["signal"], &report["moves"][0]["of"]), (&json!("sla"), &json!("")));
    assert_eq!(asked(&report, "look:"), Vec::<&Value>::new(), "a guard looks at latencies already");
}

/// What is recommended about the one demotion, and what speaks for it.
fn judged(report: &Value) -> (String, String) {
    let one = asked(report, "judge_demotion:")[0].clone();
    (one["recommendation"].as_str().unwrap().to_owned(), one["evidence"].to_string())
}

#[test]
fn whether_it_went_on_since_is_what_a_demotion_is_judged_by() {
    let guard =
        "\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n";
    let after = |is_failing: bool| {
        let app = House::folder().start(&format!("{POLICY}{guard}"));
        app.take(&(0..200).map(output).collect::<Vec<_>>());
        app.advance(Time::HOUR);
        app.take(&(200..300).map(failure).collect::<Vec<_>>());
        assert_eq!(app.mode("drafts")["mode"], "assist");
        app.advance(Time::HOUR);
        let more: Vec<Value> = (300..400).map(|n| if is_failing { failure(n) } else { output(n) }).collect();
        app.take(&more);
        judged(&report(&app))
    };
    let (said, evidence) = after(true);
    assert!(said.starts_with("Right: it went on since."), "{said}");
    assert!(
        evidence
            .contains("before the change 0 % of 200 outputs, since it was lowered 100 % of 100 outputs (bound 10 %)"),
        "{evidence}"
    );
    let (said, evidence) = after(false);
    assert!(said.starts_with("Open: it did not go on."), "{said}");
    assert!(evidence.contains("since it was lowered 0 % of 100"), "{evidence}");
}

#[test]
fn what_is_over_by_now_is_said_to_be_and_an_attribute_that_only_says_failed_is_no_source() {
    let guard =
        "\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n";
    let app = House::folder().start(&format!("{POLICY}{guard}"));
    let of = |n: usize, is_failing: bool| {
        let (made, stage) = if is_failing { (failure(n), "failed") } else { (output(n), "completed") };
        with(made, &json!({"attributes": {"stage": stage}}))
    };
    app.take(&(0..200).map(|n| of(n, n.is_multiple_of(40))).collect::<Vec<_>>());
    for (from, until, is_failing) in [(200, 300, true), (300, 400, true), (400, 560, false)] {
        app.advance(Time::HOUR);
        app.take(&(from..until).map(|n| of(n, is_failing)).collect::<Vec<_>>());
    }
    let made = report(&app);
    assert_eq!(made["moves"][0]["carriers"], json!(["exception = timeout (100 % of the excess)"]), "{}", made["moves"]);
    assert_eq!(made["moves"][0]["source"], json!(null), "stage = failed is the failure itself");
    let (said, evidence) = judged(&made);
    assert!(said.starts_with("Right, and over by now"), "{said}");
    assert!(evidence.contains("of late 0 % of 130"), "{evidence}");
}

#[test]
fn verdicts_on_what_was_made_before_say_nothing_of_what_came_since() {
    let guard = "review = { assist = 1.0, automate = 1.0 }\n  [[workflow.guard]]\n  signal = \"rejection_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n";
    let app = House::folder().start(&format!("[[workflow]]\nid = \"drafts\"\nstart_mode = \"automate\"\n{guard}"));
    let judge = |ids: std::ops::Range<u32>, word: &str| {
        let verdict = |n: u32| json!({"id": format!("r{n}"), "workflow": "drafts", "output_id": n.to_string(), "verdict": word, "reviewer": "ada"});
        app.post("/v1/reviews", &ids.map(verdict).collect()).ok();
    };
    app.take(&(0..200).map(output).collect::<Vec<_>>());
    judge(0..100, "accepted");
    app.advance(Time::HOUR);
    (100..130).for_each(|n| judge(n..n + 1, "rejected"));
    assert_eq!(app.mode("drafts")["mode"], "assist");
    app.advance(Time::HOUR);
    // The rest of what waited is rejected, too; what was made since is good.
    app.take(&(200..260).map(output).collect::<Vec<_>>());
    judge(130..200, "rejected");
    judge(200..260, "accepted");
    let (said, evidence) = judged(&report(&app));
    assert!(said.starts_with("Open: it did not go on."), "{said}");
    assert!(
        evidence.contains(
            "since it was lowered 0 % of 60 verdicts on outputs made since, 100 % of 70 on outputs of before"
        ),
        "{evidence}"
    );
}

#[test]
fn the_largest_demotion_is_asked_about_first() {
    let of = |id: &str| {
        format!(
            "[[workflow]]\nid = \"{id}\"\nstart_mode = \"automate\"\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n"
        )
    };
    let app = House::folder().start(&format!("{}{}", of("a-small"), of("b-large")));
    let mut n = 0;
    let mut send = |id: &str, count: usize, is_failing: fn(usize) -> bool| {
        for at in 0..count {
            n += 1;
            let made = if is_failing(at) { failure(n) } else { output(n) };
            app.take(&[with(made, &json!({"workflow": id}))]);
            app.advance(1_000);
        }
    };
    send("b-large", 100, |_| false);
    send("b-large", 150, |_| true);
    send("a-small", 30, |_| false);
    send("a-small", 40, |_| true);
    let made = report(&app);
    let asked = asked(&made, "judge_demotion:");
    let of: Vec<&Value> = asked.iter().map(|one| &one["workflow"]).collect();
    assert_eq!(of, ["b-large", "a-small"], "{}", made["moves"]);
}

#[test]
fn what_was_above_its_bound_from_its_first_outputs_on_is_said_to_have_been() {
    let guard =
        "\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n";
    let app = House::folder().start(&format!("{POLICY}{guard}"));
    for n in 0..120 {
        app.take(&[if n % 3 == 2 { output(n) } else { failure(n) }]);
        app.advance(1_000);
    }
    let (said, evidence) = judged(&report(&app));
    assert!(said.starts_with("Right: it went on since."), "{said}");
    assert!(said.ends_with("It is above its bound since its first outputs: is the bound right?"), "{said} {evidence}");
}

#[test]
fn one_source_is_named_with_how_the_rest_does() {
    let guard =
        "\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  to = \"assist\"\n  bound = 0.1\n";
    let app = House::folder().start(&format!("{POLICY}{guard}"));
    let of = |n: usize| {
        let is_german = n.is_multiple_of(4);
        let made = if is_german && n >= 400 { failure(n) } else { output(n) };
        with(made, &json!({"attributes": {"locale": if is_german { "de" } else { "en" }}}))
    };
    for n in 0..150 {
        app.take(&(n * 4..n * 4 + 4).map(of).collect::<Vec<_>>());
        app.advance(Time::MINUTE);
    }
    let made = report(&app);
    assert_eq!(made["moves"][0]["source"], "locale = de", "{}", made["moves"]);
    let (said, evidence) = judged(&made);
    assert!(said.contains("locale = de, and since it was lowered the others keep to the bound"), "{said}");
    assert!(said.ends_with("a fault of that source, or something that somebody changed there?"), "{said}");
    assert!(evidence.contains("of locale = de failed, and "), "{evidence}");
    assert!(
        evidence.contains(" outputs of locale = de, 0 % of ") && evidence.contains(" outputs of all others failed"),
        "{evidence}"
    );
    let counts = &made["moves"][0]["source_counts"];
    assert_eq!(
        (&counts["own"]["hits"], &counts["others_since"]["hits"]),
        (&counts["all"]["hits"], &json!(0)),
        "{counts}"
    );
}

#[test]
fn one_collapse_is_one_question_and_one_answer() {
    let guard = "\n  [[workflow.guard]]\n  signal = \"exception_rate\"\n  block = 1\n  bound = { collaborate = 0.4, delegate = 0.2, automate = 0.05 }\n";
    let app = House::folder().start(&format!("{POLICY}{guard}"));
    app.take(&(0..150).map(output).collect::<Vec<_>>());
    // One by one, so that it goes down step by step.
    for n in 150..400 {
        app.take(&[failure(n)]);
        if app.mode("drafts")["mode"] == "assist" {
            break;
        }
    }
    let made = report(&app);
    let steps = made["moves"].as_array().unwrap().len();
    assert!(steps >= 2, "{made}");
    let first = asked(&made, "judge_demotion:");
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        first[0]["evidence"][0].as_str().unwrap().starts_with("it was lowered further within the hour, to "),
        "{first:?}"
    );
    let does = first[0]["choices"][0]["does"].as_str().unwrap();
    assert!(does.ends_with("The steps further down within the hour are judged alike."), "{does}");
    let (id, week) = (first[0]["id"].clone(), made["week"].as_str().unwrap().to_owned());
    let answer = |choice: &str, replaces: Value| {
        let body = json!({"question": id, "choice": choice, "note": "so", "replaces": replaces});
        app.post(&format!("/v1/reports/{week}/decisions"), &body).ok();
        report(&app)
    };
    let judged = |made: &Value, as_what: &str| {
        let moves = made["moves"].as_array().unwrap();
        let alike = moves.iter().filter(|one| one["judged"] == as_what).count();
        (alike, made["budget"][format!("judged_{as_what}")].as_u64().unwrap())
    };
    let made = answer("judge_right", json!(null));
    assert_eq!(judged(&made, "right"), (steps, steps as u64), "{}", made["moves"]);
    assert!(asked(&made, "judge_demotion:").iter().all(|one| !one["answer"].is_null()), "{made}");
    // Somebody judges a step apart, and the council thinks again: what was judged apart stays.
    let last = made["moves"][steps - 1]["epoch"].clone();
    app.post("/v1/workflows/drafts/judgements", &json!({"epoch": last, "judgement": "false", "note": "noise"})).ok();
    let first = asked(&made, "judge_demotion:")[0]["answer"]["ledger_seq"].clone();
    let made = answer("judge_false", first);
    assert_eq!(judged(&made, "false"), (steps, steps as u64));
    let last = app.ledger().into_iter().filter(|entry| entry["kind"] == "judged" && entry["epoch"] == last);
    assert_eq!(last.count(), 2, "once by the council and once apart");
}

#[test]
fn what_keeps_a_workflow_down_is_told_apart_from_its_granted_mode() {
    let app = House::folder().start(POLICY);
    app.take(&[output("a")]);
    app.post("/v1/base/guide/regressions", &json!({"summary": "half of it is gone"})).ok();
    assert_eq!(app.mode("drafts")["mode"], "assist");
    let made = report(&app);
    let place = &made["matrix"][0];
    assert_eq!(
        (&place["mode"], &place["held_by"]),
        (&json!("automate"), &json!({"mode": "assist", "by": "base guide"})),
        "{place}"
    );
    assert_eq!((&made["caps"][0]["workflows"], &made["caps"][0]["mode"]), (&json!(["drafts"]), &json!("assist")));
    let said = headline(&made);
    assert!(said.contains("No mode of 1 workflow ended the week lower"), "{said}");
    assert!(said.contains("1 is kept below the granted mode (drafts at assist by base guide)."), "{said}");
    assert!(app.get("/v1/reports/now.md").text().contains("automate, kept at assist by base guide"));
    assert!(app.get("/v1/reports/now.html").text().contains("Kept below the granted mode"));
    // A week later it still is, and in the week that is over it was.
    app.advance(WEEK);
    app.take(&[output("b")]);
    let ended = app.get("/v1/reports/last.json?fresh=true").json();
    assert_eq!(ended["matrix"][0]["held_by"]["mode"], "assist", "{}", ended["matrix"]);
}

#[test]
fn a_sum_of_costs_says_of_how_many_outputs_it_is() {
    let app = House::folder().start(POLICY);
    send(&app, "a", (0..30).map(|_| 500.0));
    app.take(&(0..70).map(output).collect::<Vec<_>>());
    let gaps = report(&app)["gaps"].to_string();
    assert!(gaps.contains("that report a cost: drafts (30 of 100 outputs)."), "{gaps}");
}

#[test]
fn sums_of_a_week_that_is_not_all_there_are_held_against_nothing() {
    let house = House::folder();
    let app = house.start(POLICY);
    // The record begins on a Friday.
    send(&app, "a", (0..300).map(|_| 500.0));
    app.advance(WEEK);
    send(&app, "b", (0..60).map(|_| 500.0));
    let running = report(&app);
    assert_eq!(measure(&running, "outputs")["change"], json!(null), "a part of a week");
    assert!(headline(&running).contains("cost 0.60 EUR."), "{}", headline(&running));
    app.advance(WEEK);
    send(&app, "c", (0..300).map(|_| 500.0));
    let second = app.get("/v1/reports/last.json?fresh=true").json();
    assert_eq!(measure(&second, "outputs")["change"], json!(null), "the week before began on its Friday");
    app.advance(WEEK);
    let third = app.get("/v1/reports/last.json?fresh=true").json();
    assert_eq!(measure(&third, "outputs")["change"]["relative"], 4.0, "both were recorded whole");
    let first = app.get(&format!("/v1/reports/{}.json", "2026-W47")).json();
    assert!(first["gaps"].to_string().contains("andon's record begins 2026-11-20"), "{}", first["gaps"]);
}
