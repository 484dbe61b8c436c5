//! Means with their intervals, the lab's numbers, baselines and what the report doesn't know, from the front door.

#![cfg(test)]

use super::harness::{House, TestApp, output, with};
use andon::domain::Time;
use andon::stats::rng::Rng;
use serde_json::{Value, json};

const POLICY: &str = r#"
[report]
keep_weeks = 0
[[workflow]]
id = "drafts"
currency = "EUR"
start_mode = "automate"
  [workflow.review]
  delegate = 1.0
  automate = 1.0
  cost_per_hour = 60
  [workflow.reference]
  cost_to_serve = 3.5
  value_per_unit = 0.2
  [[workflow.guard]]
  name = "fit"
  signal = "drift"
  of = "scores.fit"
  baseline = { outputs = 1000 }
[[workflow]]
id = "tone"
track = "lab"
  [[workflow.hypothesis]]
  id = "h-1"
  question = "do ten samples keep the tone?"
  owner = "ann"
  goals = ["which samples matter"]
  exit = ["200 judged"]
"#;

fn send(app: &TestApp, week: &str, count: usize, cost: f64) {
    let mut rng = Rng::new(3);
    let events = (0..count).map(|n| {
        let more = json!({
            "cost": format!("{:.6}", cost * (0.8 * rng.normal()).exp()), "value": "0.5",
            "cycle_ms": (600_000.0 * (0.5 * rng.normal()).exp()).round(), "units": 1 + n % 3,
            "scores": {"fit": rng.uniform()},
        });
        with(output(format!("{week}-{n}")), &more)
    });
    app.take(&events.collect::<Vec<_>>());
    let verdict = |n: usize| {
        json!({
            "id": format!("{week}-r{n}"), "workflow": "drafts", "output_id": format!("{week}-{n}"), "verdict": "accepted",
            "reviewer": if n.is_multiple_of(2) { "ann" } else { "bob" }, "minutes": 2 + n % 4,
        })
    };
    app.post("/v1/reviews", &(0..40).map(verdict).collect()).ok();
}

fn measure(report: &Value, name: &str) -> Value {
    let measures = report["workflows"].as_array().unwrap().iter().find(|week| week["workflow"] == "drafts").unwrap();
    let found = measures["measures"].as_array().unwrap().iter().find(|measure| measure["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

fn interval(value: &Value) -> [f64; 2] {
    serde_json::from_value(value["interval"].clone()).unwrap_or_else(|_| panic!("no interval: {value}"))
}

#[test]
fn means_of_money_and_time_have_intervals_and_differences_say_what_is_clear() {
    let house = House::folder();
    let app = house.start(POLICY);
    send(&app, "a", 1_200, 0.01);
    app.advance(7 * Time::DAY);
    send(&app, "b", 600, 0.02);
    let report = app.get("/v1/reports/now.json").json();
    let cost = measure(&report, "cost_per_unit");
    for week in ["week", "before"] {
        let (value, [low, high]) = (cost[week]["value"].as_f64().unwrap(), interval(&cost[week]));
        assert!(low < value && value < high && high - value > value - low, "to the right: {cost}");
    }
    // The costs were doubled, on the same draws as half of the week before.
    assert_eq!((&cost["change"]["is_clear"], &cost["change"]["is_better"]), (&json!(true), &json!(false)), "{cost}");
    let [low, high] = interval(&cost["change"]);
    assert!(low > 0.0 && low < cost["change"]["absolute"].as_f64().unwrap() && high < 0.02, "{cost}");
    let serve = measure(&report, "cost_to_serve");
    assert_eq!((&serve["lift"]["is_clear"], &serve["lift"]["is_better"]), (&json!(true), &json!(true)), "{serve}");
    // Of 40 reviews of 3.5 minutes in the mean: 140 minutes at 1 EUR for 1,199 units.
    let people = 140.0 / 1_199.0;
    let [low, high] = interval(&serve["week"]);
    assert!(low > people * 0.8 && high < people * 1.2 + 0.03, "{serve}");
    let value = measure(&report, "value_per_unit");
    assert_eq!(value["lift"]["is_better"], true, "{value}");
    let cycle = ["cycle_p50_minutes", "cycle_minutes", "cycle_p95_minutes"].map(|name| measure(&report, name));
    let mut ends = cycle.iter().map(|one| (one["week"]["value"].as_f64().unwrap(), interval(&one["week"])));
    assert!(
        ends.clone().is_sorted_by(|a, b| a.0 < b.0) && ends.all(|(value, [low, high])| low < value && value < high)
    );
    assert_eq!(measure(&report, "review_minutes")["week"]["value"], 3.5);
    interval(&measure(&report, "review_minutes")["week"]);
    let guard =
        &report["workflows"].as_array().unwrap().iter().find(|week| week["workflow"] == "drafts").unwrap()["guards"][0];
    assert_eq!((&guard["baseline"]["version"], &guard["baseline"]["outputs"]), (&json!(1), &json!(1000)), "{guard}");
    let of = |name: &str| guard["baseline"][name].as_f64().unwrap();
    assert!(of("distance") <= of("no_drift") && of("distance") > 0.0, "{guard}");
    assert_eq!(report["lab_kpis"]["planned"], 1);
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.contains("Hypotheses: 1 planned") && page.contains("baseline 1 of 1,000 outputs"));
    // Of few values there is a mean and no interval.
    app.advance(7 * Time::DAY);
    app.take(&(0..20).map(|n| with(output(format!("c-{n}")), &json!({"cost": "0.02"}))).collect::<Vec<_>>());
    let few = measure(&app.get("/v1/reports/now.json").json(), "cost_per_unit");
    assert_eq!((&few["week"]["interval"], &few["change"]["is_clear"]), (&Value::Null, &Value::Null), "{few}");
}

#[test]
fn what_was_refused_is_counted_as_far_as_it_is_known() {
    let app = House { server: "refusals_max = 3", ..House::folder() }.start(POLICY);
    let wrong = |n: usize| json!({"id": format!("w-{n}"), "workflow": "nobody", "outcome": "ok"});
    let refuse = |from: usize, count: usize| {
        let answer = app.post("/v1/events", &(from..from + count).map(wrong).collect()).json();
        assert_eq!(answer["rejected"].as_array().unwrap().len(), count, "{answer}");
    };
    let quality = |query: &str| app.get(&format!("/v1/reports/now.json{query}")).json()["quality"].clone();
    refuse(0, 2);
    let known = quality("");
    let code = known["refused"].as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!((&known["refused"][&code], &known["refused_is_complete"]), (&json!(2), &json!(true)), "{known}");
    assert_eq!(quality("?workflow=drafts")["refused"], json!({}), "of others nothing is told");
    refuse(2, 5);
    app.take(&[output(1)]);
    assert_eq!(app.post("/v1/events", &json!([output(1)])).ok()["duplicates"], 1);
    app.advance(2 * Time::SECOND);
    let all = quality("");
    assert_eq!((&all["refused"][&code], &all["refused_is_complete"]), (&json!(7), &json!(true)), "{all}");
    assert_eq!(all["duplicates"], 1);
    let of_one = quality("?workflow=drafts");
    assert_eq!((&of_one["refused_is_complete"], &of_one["duplicates"]), (&json!(false), &Value::Null), "{of_one}");
    let page = app.get("/v1/reports/now.html").text();
    assert!(page.contains("7 events and reviews were refused"), "{page}");
    assert!(
        app.get("/v1/reports/now.html?workflow=drafts").text().contains("At least 0 events and reviews were refused")
    );
}
