//! The review plan: which outputs people review, what their verdicts say of all others, what is owed.

#![cfg(test)]

use super::harness::{House, TestApp, failure, output, with};
use super::metrics::Scrape;
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

/// A workflow in automate with a review depth there, and more.
fn reviewed(depth: f64, more: &str, rest: &str) -> String {
    format!(
        "[governance]\nloosening = \"apply\"\n[[workflow]]\nid = \"drafts\"\nstart_mode = \"automate\"\n\
         review = {{ automate = {depth}{more} }}\n{rest}\n"
    )
}

fn verdict(id: &str, output: &str, verdict: &str, reviewer: &str) -> Value {
    json!({"id": id, "workflow": "drafts", "output_id": output, "verdict": verdict, "reviewer": reviewer})
}

/// Reports the verdict of one person on an output.
fn judge(app: &TestApp, output: &str, word: &str) {
    app.post("/v1/reviews", &verdict(&format!("r-{output}"), output, word, "ada")).ok();
}

fn asked(app: &TestApp, output: &str) -> Value {
    app.get(&format!("/v1/workflows/drafts/review?output_id={output}")).ok()
}

fn batch(app: &TestApp, outputs: &[String]) -> Vec<Value> {
    let found = app.post("/v1/workflows/drafts/review", &json!({"output_ids": outputs})).ok();
    found["outputs"].as_array().unwrap().clone()
}

fn reviews(app: &TestApp) -> Value {
    app.get("/v1/workflows/drafts/reviews").ok()
}

fn ids(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Those of the outputs that people are to review.
fn selected(app: &TestApp, outputs: &[String]) -> Vec<String> {
    let chosen = outputs.chunks(5_000).flat_map(|some| batch(app, some)).filter(|of| of["review"] == true);
    chosen.map(|of| of["output_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_output_is_selected_or_not_whoever_asks_and_however_often() {
    let house = House::memory();
    let rest = reviewed(0.1, "", "");
    let app = house.start(&rest);
    let all = ids(0..5_000);
    let chosen = selected(&app, &all);
    // Binomial: a standard error is 21.
    assert!((415..585).contains(&chosen.len()), "{}", chosen.len());
    for id in all.iter().step_by(97) {
        let one = asked(&app, id);
        assert_eq!(one["review"], chosen.contains(id), "{one}");
        assert_eq!((&one["probability"], &one["mode"], &one["epoch"]), (&json!(0.1), &json!("automate"), &json!(1)));
    }
    drop(app);
    let app = house.crash(None).start(&rest);
    assert_eq!(selected(&app, &all), chosen, "the key is in the journal");
    // In assist everything is reviewed.
    app.post("/v1/workflows/drafts/mode", &json!({"mode": "assist", "reason": "a look at all"})).ok();
    assert_eq!(selected(&app, &all).len(), 5_000);
}

#[test]
fn questions_that_make_no_sense_are_answered_with_what_would() {
    let app = House::folder().start(&reviewed(0.1, "", ""));
    for (path, status, code) in [
        ("/v1/workflows/drafts/review", 400, "output_id"),
        ("/v1/workflows/drafts/review?output_id=", 400, "output_id"),
        ("/v1/workflows/nobody/review?output_id=1", 404, "unknown_workflow"),
        ("/v1/workflows/nobody/reviews", 404, "unknown_workflow"),
    ] {
        let answer = app.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(code), "{path}: {}", answer.text());
    }
    let many: Vec<String> = ids(0..10_001);
    for wrong in [json!({"output_ids": []}), json!({"output_ids": many}), json!({"output_ids": [""]}), json!({})] {
        assert_eq!(app.post("/v1/workflows/drafts/review", &wrong).status, 400);
    }
    let minutes = with(verdict("r", "1", "accepted", "ada"), &json!({"minutes": -1}));
    let answer = app.post("/v1/reviews", &minutes);
    assert!(answer.text().contains("`minutes` must be between 0 and 10000"), "{}", answer.text());
}

#[test]
fn outputs_count_by_the_depth_at_which_they_came() {
    // 400 outputs at depth 1 of which a fifth is bad, then 8,000 at depth 0.05 of which one in fifty is.
    let app = House::folder().start(&reviewed(1.0, "", ""));
    let (first, then) = (ids(0..400), ids(1_000..9_000));
    app.take(&first.iter().map(output).collect::<Vec<_>>());
    app.house.configure(&reviewed(0.05, "", ""));
    app.post("/v1/reload", &json!({})).ok();
    then.chunks(1_000).for_each(|some| drop(app.take(&some.iter().map(output).collect::<Vec<_>>())));
    let is_bad = |id: &String| {
        let n: u64 = id.parse().unwrap();
        if n < 1_000 { n.is_multiple_of(5) } else { n.is_multiple_of(50) }
    };
    let chosen: Vec<String> = first.iter().cloned().chain(selected(&app, &then)).collect();
    // The first verdicts come last: however late they are, they count by the depth of their time.
    for id in chosen.iter().rev() {
        judge(&app, id, if is_bad(id) { "rejected" } else { "accepted" });
    }
    let view = reviews(&app);
    let since = &view["since_granted"];
    assert_eq!((since["outputs"].as_u64(), since["coverage"].as_f64()), (Some(8_400), Some(1.0)), "{view:#}");
    assert_eq!(since["reviewed"].as_u64(), Some(chosen.len() as u64));
    let rate = &since["rejection_rate"];
    let (estimate, truth) = (rate["estimate"].as_f64().unwrap(), 240.0 / 8_400.0);
    // Standard error: 0.95 · √(0.02 · 0.98 / 400).
    assert!((estimate - truth).abs() < 4.0 * 0.0067, "{estimate} for {truth}");
    let [low, high] = [0, 1].map(|at| rate["interval_one_look"][at].as_f64().unwrap());
    assert!(low < estimate && estimate < high && high - low < 0.06, "{rate}");
    // What a plain share of the verdicts would say lies far away.
    let bad = u32::try_from(chosen.iter().filter(|id| is_bad(id)).count()).unwrap();
    let plain = f64::from(bad) / f64::from(u32::try_from(chosen.len()).unwrap());
    assert!(plain > 0.09 && high < plain, "{plain} {rate}");
    assert_eq!(since["silent_exception_rate"]["estimate"].as_f64(), Some(estimate), "none was reported as failed");
}

#[test]
fn only_selected_outputs_are_evidence_early_late_or_twice() {
    let guard = "[[workflow.guard]]\nsignal = \"rejection_rate\"\nbound = 0.05\nblock = 1";
    let app = House::folder().start(&reviewed(0.2, "", guard));
    let all = ids(0..2_000);
    let chosen = selected(&app, &all);
    let others: Vec<&String> = all.iter().filter(|id| !chosen.contains(id)).collect();
    // People complain about what nobody asked them to look at, before and after it is reported …
    others[..100].iter().for_each(|id| judge(&app, id, "rejected"));
    app.take(&all.iter().map(output).collect::<Vec<_>>());
    others[100..250].iter().for_each(|id| judge(&app, id, "rejected"));
    app.advance(2 * HOUR);
    app.take(&[output("x")]);
    let view = reviews(&app);
    assert_eq!(app.mode("drafts")["mode"], "automate", "complaints are no sample");
    assert_eq!((&view["outside"], &view["verdicts"]["rejected"]), (&json!(250), &json!(250)));
    assert_eq!(
        (&view["since_granted"]["reviewed"], &view["since_granted"]["rejection_rate"]),
        (&json!(0), &json!(null))
    );
    // … and the same person's second verdict changes nothing.
    judge(&app, &chosen[0], "accepted");
    app.post("/v1/reviews", &verdict("again", &chosen[0], "rejected", "ada")).ok();
    assert_eq!(reviews(&app)["repeated"], 1);
    // Of the selected ones a dozen is enough.
    let lowered = chosen[1..].iter().position(|id| {
        judge(&app, id, "rejected");
        app.mode("drafts")["mode"] != "automate"
    });
    assert!(lowered.is_some_and(|n| n < 15), "{lowered:?}");
    // Those that still wait are of the mode before: they are owed, and say nothing about this one.
    let before = reviews(&app);
    judge(&app, chosen.last().unwrap(), "rejected");
    let after = reviews(&app);
    assert_eq!(after["awaited"].as_u64(), before["awaited"].as_u64().map(|n| n - 1));
    assert_eq!(after["since_granted"]["reviewed"], 0);
    // So is what was made before the mode and comes late.
    app.take(&[with(output("old"), &json!({"time": app.now().plus(-HOUR)})), output("new")]);
    judge(&app, "old", "rejected");
    judge(&app, "new", "accepted");
    let since = reviews(&app)["since_granted"].clone();
    assert_eq!(
        (&since["outputs"], &since["reviewed"], &since["rejection_rate"]["estimate"]),
        (&json!(1), &json!(1), &json!(0.0))
    );
}

/// Outputs of two repositories, one in four of the first; everything is reviewed.
fn of_repositories(app: &TestApp) -> Vec<String> {
    let all = ids(0..200);
    let made = |(at, id): (usize, &String)| {
        let repository = if at % 4 == 0 { "acme/billing" } else { "acme/site" };
        with(output(id), &json!({"attributes": {"repository": repository}, "trace_id": format!("t-{id}")}))
    };
    app.take(&all.iter().enumerate().map(made).collect::<Vec<_>>());
    all
}

#[test]
fn a_breach_by_rejections_names_the_outputs_and_where_they_come_from() {
    let guard = "[[workflow.guard]]\nsignal = \"rejection_rate\"\nbound = 0.1\nblock = 1";
    let house = House::memory();
    let app = house.start(&reviewed(1.0, "", guard));
    let all = of_repositories(&app);
    // What waits is kept over a crash: its origin too.
    drop(app);
    let app = house.crash(None).start(&reviewed(1.0, "", guard));
    let mut last = String::new();
    for (at, id) in all.iter().enumerate() {
        let is_bad = at >= 100 && at % 4 == 0;
        let said = with(
            verdict(&format!("r-{id}"), id, if is_bad { "rejected" } else { "accepted" }, "ada"),
            &json!({"exception": is_bad.then_some("wrong_file")}),
        );
        app.post("/v1/reviews", &said).ok();
        last.clone_from(id);
        if app.mode("drafts")["mode"] != "automate" {
            break;
        }
    }
    let entries = app.ledger();
    let lowered = entries.iter().find(|entry| entry["cause"] == "breach").expect("it was lowered");
    let breach = &lowered["breach"];
    assert_eq!(breach["output"], json!(last), "the output whose verdict completed the evidence");
    let carriers: Vec<&str> =
        breach["carriers"].as_array().unwrap().iter().map(|of| of["segment"].as_str().unwrap()).collect();
    assert_eq!(carriers, ["exception = wrong_file", "repository = acme/billing"], "{breach}");
    let share = breach["carriers"][1]["outputs_share"].as_f64().unwrap();
    assert!((0.2..0.3).contains(&share), "of the reviewed outputs: {share}");
    let heaviest = breach["heaviest"].as_array().unwrap();
    assert!(heaviest.len() >= 4, "{breach}");
    for of in heaviest {
        let id = of["id"].as_str().unwrap();
        assert!(id.parse::<usize>().unwrap().is_multiple_of(4), "{of}");
        assert_eq!((&of["trace_id"], &of["exception"]), (&json!(format!("t-{id}")), &json!("wrong_file")));
    }
    assert!(lowered["reason"].as_str().unwrap().contains("repository = acme/billing"), "{lowered}");
}

#[test]
fn people_who_look_at_one_segment_only_do_not_make_it_a_carrier() {
    let guard = "[[workflow.guard]]\nsignal = \"rejection_rate\"\nbound = 0.1\nblock = 1";
    let app = House::folder().start(&reviewed(1.0, "", guard));
    for id in of_repositories(&app).iter().step_by(4) {
        judge(&app, id, "rejected");
        if app.mode("drafts")["mode"] != "automate" {
            break;
        }
    }
    let entries = app.ledger();
    let lowered = entries.iter().find(|entry| entry["cause"] == "breach").expect("it was lowered");
    assert_eq!(lowered["breach"]["carriers"], json!([]), "all verdicts are on it: {lowered}");
}

#[test]
fn a_verdict_may_come_before_its_output() {
    let app = House::folder().start(&reviewed(1.0, "", ""));
    judge(&app, "1", "edited");
    assert_eq!(reviews(&app)["since_granted"]["reviewed"], 0);
    app.take(&[output("1"), failure("2")]);
    judge(&app, "2", "rejected");
    let view = reviews(&app);
    assert_eq!(
        (&view["since_granted"]["reviewed"], &view["outside"], &view["awaited"]),
        (&json!(2), &json!(0), &json!(0))
    );
    assert_eq!(view["since_granted"]["edit_rate"]["estimate"], 0.5);
    assert_eq!(view["since_granted"]["rejection_rate"]["estimate"], 0.5);
    assert_eq!(view["since_granted"]["silent_exception_rate"]["estimate"], 0.0, "its failure had been reported");
    assert_eq!(batch(&app, &["1".into(), "3".into()])[0]["status"], "reviewed");
}

#[test]
fn what_is_owed_is_seen() {
    let house = House::memory();
    let rest = reviewed(1.0, ", within = \"1d\"", "");
    let app = house.start(&rest);
    app.take(&(0..10).map(output).collect::<Vec<_>>());
    app.advance(23 * HOUR);
    app.take(&(10..15).map(output).collect::<Vec<_>>());
    assert_eq!((reviews(&app)["awaited"].as_u64(), reviews(&app)["overdue"].as_u64()), (Some(15), Some(0)));
    assert_eq!(reviews(&app)["since_granted"]["coverage"], Value::Null, "none was due yet");
    app.advance(2 * HOUR);
    judge(&app, "3", "accepted");
    drop(app);
    let app = house.crash(None).start(&rest);
    let view = reviews(&app);
    assert_eq!((view["awaited"].as_u64(), view["overdue"].as_u64()), (Some(14), Some(9)), "{view:#}");
    assert_eq!((&view["since_granted"]["due"], &view["since_granted"]["coverage"]), (&json!(10), &json!(0.1)));
    assert_eq!(app.workflow("drafts")["reviews_overdue"], 9);
    let status: Vec<Value> = batch(&app, &["0".into(), "3".into(), "12".into()]);
    let status: Vec<&Value> = status.iter().map(|of| &of["status"]).collect();
    assert_eq!(status, ["overdue", "reviewed", "awaited"]);
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_reviews_overdue{workflow=drafts}", 9.0));
    assert!(scrape.is("andon_reviews_awaited{workflow=drafts}", 14.0));
}

#[test]
fn where_nobody_reviews_what_is_given_up_is_counted() {
    let app = House::folder().start(&reviewed(1.0, "", ""));
    app.take(&(0..3_000).map(output).collect::<Vec<_>>());
    let view = reviews(&app);
    assert_eq!((view["awaited"].as_u64(), view["missed"].as_u64()), (Some(1_024), Some(1_976)));
    assert_eq!(view["since_granted"]["selected"], 1_024, "nobody reviewed when the others came");
    app.advance(4 * 24 * HOUR);
    assert_eq!(reviews(&app)["since_granted"]["coverage"], 0.0, "not null: they were due");
    // Once somebody does, more are kept.
    judge(&app, "2999", "accepted");
    app.take(&(3_000..6_000).map(output).collect::<Vec<_>>());
    assert_eq!(reviews(&app)["awaited"], 4_023);
    assert!(Scrape::of(&app).is("andon_reviews_missed_total{workflow=drafts}", 1_976.0));
}

#[test]
fn two_people_who_look_at_the_same_say_how_much_a_verdict_is_worth() {
    let app = House::folder().start(&reviewed(1.0, ", twice = 0.5", ""));
    let all = ids(0..400);
    app.take(&all.iter().map(output).collect::<Vec<_>>());
    let twice: Vec<String> = batch(&app, &all)
        .iter()
        .filter(|of| of["reviewers"] == 2)
        .map(|of| of["output_id"].as_str().unwrap().to_owned())
        .collect();
    // Binomial: a standard error is 10.
    assert!((160..240).contains(&twice.len()), "{}", twice.len());
    all.iter().for_each(|id| judge(&app, id, "accepted"));
    assert_eq!(reviews(&app)["agreement"], Value::Null);
    assert_eq!(batch(&app, &twice[..1])[0]["status"], "second_awaited");
    // Of eight that another person looks at, she sees two otherwise.
    for (n, id) in twice.iter().take(8).enumerate() {
        let word = if n < 2 { "rejected" } else { "accepted" };
        app.post("/v1/reviews", &verdict(&format!("second-{id}"), id, word, "bob")).ok();
    }
    let view = reviews(&app);
    let agreement = &view["agreement"];
    assert_eq!(
        (&agreement["planned"], &agreement["pairs"], &agreement["observed"]),
        (&json!(true), &json!(8), &json!(0.75))
    );
    // 14 accepted, 2 rejected, 2 pairs differ: 1 − 15 · 4 / (256 − 196 − 4).
    assert!((agreement["alpha"].as_f64().unwrap() - (1.0 - 60.0 / 56.0)).abs() < 1e-9, "{agreement}");
    assert_eq!(agreement["second_awaited"].as_u64(), Some(twice.len() as u64 - 8));
    assert_eq!(view["since_granted"]["rejection_rate"]["estimate"], 0.0, "the first verdict counts");
    assert!(Scrape::of(&app).is("andon_reviewer_agreement{measure=observed,workflow=drafts}", 0.75));
}

#[test]
fn cost_to_serve_counts_the_reviewers_time() {
    let app = House::folder().start(&reviewed(0.5, ", cost_per_hour = 60", ""));
    let events: Vec<Value> = (0..100).map(|n| with(output(n), &json!({"cost": "0.10"}))).collect();
    app.take(&events);
    let window = |app: &TestApp| app.workflow("drafts")["windows"]["1h"].clone();
    let kpis = window(&app);
    assert_eq!((&kpis["review_cost_per_unit"], &kpis["cost_to_serve_per_unit"]), (&json!(0.0), &json!(0.1)));
    judge(&app, "1", "accepted");
    assert_eq!(window(&app)["cost_to_serve_per_unit"], Value::Null, "nobody knows how long that took");
    // Two verdicts of 3 and 5 minutes, and one that doesn't say: 12 minutes at 1 a minute for 100 units.
    for (id, minutes) in [("2", 3), ("3", 5)] {
        let review = with(verdict(&format!("r-{id}"), id, "rejected", "ada"), &json!({"minutes": minutes}));
        app.post("/v1/reviews", &with(review, &json!({"exception": "off_brand"}))).ok();
    }
    let kpis = window(&app);
    assert!((kpis["review_cost_per_unit"].as_f64().unwrap() - 0.12).abs() < 1e-9, "{kpis:#}");
    assert!((kpis["cost_to_serve_per_unit"].as_f64().unwrap() - 0.22).abs() < 1e-9, "{kpis:#}");
    assert_eq!((&kpis["reviews"], &kpis["review_minutes"]), (&json!(3), &json!(8.0)));
    let view = reviews(&app);
    assert_eq!((&view["minutes_mean"], &view["found"]["off_brand"]), (&json!(4.0), &json!(2)));
    assert!(Scrape::of(&app).is("andon_review_time_seconds_total{workflow=drafts}", 480.0));
    // Verdicts of a time without outputs are no slot in which nothing worked.
    app.advance(HOUR / 2);
    judge(&app, "4", "accepted");
    app.advance(60_000 + 40_000);
    assert_eq!(app.workflow("drafts")["windows"]["1d"]["uptime"], 1.0);
}

#[test]
fn the_gate_asks_whether_the_reviews_that_were_due_are_in() {
    let rest = "[[workflow]]\nid = \"drafts\"\n[[workflow.guard]]\nsignal = \"rejection_rate\"\nbound = 0.1\n";
    let app = House::folder().start(rest);
    let asked = |app: &TestApp| {
        let gate = app.get("/v1/workflows/drafts/gate").ok();
        let found = gate["requirements"].as_array().unwrap().iter().find(|of| of["name"] == "reviewed").cloned();
        found.unwrap_or_else(|| panic!("{gate:#}"))
    };
    assert_eq!(asked(&app)["standing"], "inconclusive", "nothing passes on silence");
    app.take(&(100..105).map(output).collect::<Vec<_>>());
    (100..105).for_each(|n| judge(&app, &n.to_string(), "accepted"));
    assert_eq!(asked(&app)["standing"], "inconclusive", "five say little: {}", asked(&app));
    app.take(&(0..35).map(output).collect::<Vec<_>>());
    (0..9).for_each(|n| judge(&app, &n.to_string(), "accepted"));
    // The easy ones are judged first: those that wait count at once, not only when they are overdue.
    let missing = asked(&app);
    assert_eq!(missing["standing"], "missing", "{missing}");
    assert!(missing["detail"].as_str().unwrap().contains("14 of 40 outputs"), "{missing}");
    (9..33).for_each(|n| judge(&app, &n.to_string(), "accepted"));
    assert_eq!(asked(&app)["standing"], "met", "38 of 40: {}", asked(&app));
}
