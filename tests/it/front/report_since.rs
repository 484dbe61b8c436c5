//! A kept report after its week: what the council answered since.
//!
//! What is a failure here: a kept byte that changes, an answer that its page doesn't show, a button in a record of the
//! past.

#![cfg(test)]

use super::console::Browser;
use super::harness::{DRAFTS, TestApp, failure, until, with};
use super::http::Answer;
use super::keys::{As, Keys};
use andon::access::Secret;
use andon::domain::{Scope, Time};
use serde_json::{Value, json};

const SCHEDULE: &str = "[governance]\nloosening = \"apply\"\n[report]\ndelay_hours = 6\nkeep_weeks = 9\n";
/// From the start, a Friday at ten, to Monday at six.
const KEPT: i64 = 68 * Time::HOUR;
const WEEK: i64 = 7 * Time::DAY;
const QUESTION: &str = "judge_demotion:drafts:";

/// Two workflows of one policy.
fn policy() -> String {
    format!("{SCHEDULE}{DRAFTS}{}", DRAFTS.replace("drafts", "letters"))
}

/// Both are lowered.
fn fail(ann: &As<'_>) {
    let failed = |n: i32| with(failure(n), &json!({"workflow": if n < 20 { "drafts" } else { "letters" }}));
    ann.post("/v1/events", &(0..40).map(failed).collect()).ok();
}

fn kept(app: &TestApp, by: &Secret, week: &str) -> bool {
    let kept = As(app, by).get("/v1/reports").ok()["kept"].as_array().unwrap().clone();
    kept.iter().any(|one| one["week"] == week)
}

fn open(report: &Value) -> Vec<&str> {
    let all = report["decisions"].as_array().unwrap().iter().filter(|one| one["answer"].is_null());
    all.map(|one| one["id"].as_str().unwrap()).collect()
}

/// A house in which both were lowered, and whose report of that week is kept.
fn house() -> (TestApp, Secret) {
    let mut keys = Keys::new();
    let key = keys.give("ann", &[Scope::Admin]);
    let app = keys.house().start(&policy());
    fail(&As(&app, &key));
    app.advance(KEPT);
    until("the report is kept", || kept(&app, &key, "2026-W47"));
    (app, key)
}

/// The part of a text under a title.
fn under<'t>(text: &'t str, title: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("## {title}\n")).unwrap_or_else(|| panic!("no {title} in {text}"));
    rest.split("\n## ").next().unwrap()
}

#[test]
fn a_kept_report_shows_what_was_answered_since_and_stays_as_it_is() {
    let (app, key) = house();
    let ann = As(&app, &key);
    let get = |ending: &str| ann.get(&format!("/v1/reports/2026-W47.{ending}"));
    let (json, sum) = (get("json").text(), get("json").header("andon-report").unwrap().to_owned());
    let asked = get("json").json();
    let question = open(&asked).into_iter().rfind(|id| id.starts_with(QUESTION)).unwrap().to_owned();
    let asked = open(&asked).len();
    let says = |now: &str| {
        let seq = ann.ledger().last().unwrap()["ledger_seq"].clone();
        format!(
            "This report was kept on 2026-11-23 06:00 UTC and stands as it was made then, with the council's answers up to ledger entry {seq}: {now}."
        )
    };
    let none = says("none of its questions is answered yet");
    assert!(get("md").text().contains(&none) && get("html").text().contains(&none.replace('\'', "&#39;")), "{none}");
    let decide = |question: &str, choice: &str, note: &str| -> Answer {
        ann.post("/v1/reports/last/decisions", &json!({"question": question, "choice": choice, "note": note}))
    };
    app.advance(Time::HOUR);
    decide(&question, "judge_right", "a bad prompt").ok();
    let one = says(&format!("of the {asked} questions that it asked 1 is answered"));
    for ending in ["md", "html"] {
        let (text, again) = (get(ending).text(), get(ending).text());
        assert_eq!(text, again, "the same report and ledger, the same bytes");
        assert!(text.contains(&one.replace('\'', if ending == "md" { "'" } else { "&#39;" })), "{one}\n{text}");
        assert!(text.contains("the demotion was right") && text.contains("a bad prompt"), "{text}");
        assert!(!text.contains("are asked; the first:"), "{text}");
        assert_eq!(get(ending).header("andon-report"), Some(&*sum));
    }
    let text = get("md").text();
    assert!(under(&text, "Decided").contains("the demotion was right, by ann 2026-11-23 07:00 UTC: a bad prompt"));
    assert_eq!(under(&text, "Decisions asked").matches(". **").count(), asked - 1, "{text}");
    // What the ledger knows the hash of stays as it is; with the answers it is had by whoever asks for them.
    assert_eq!((get("json").text(), get("json").header("andon-report")), (json, Some(&*sum)));
    let answered = ann.get("/v1/reports/2026-W47.json?answers=true").ok();
    assert_eq!((open(&answered).len(), open(&answered).contains(&&*question)), (asked - 1, false));
    let answer = answered["decisions"].as_array().unwrap().iter().find(|one| one["id"] == *question).unwrap();
    assert_eq!((&answer["answer"]["by"], &answer["answer"]["note"]), (&json!("ann"), &json!("a bad prompt")));
    // The last answer is shown; one to what it had no place for is shown, too; one of another week is not.
    let again = json!({"question": question, "choice": "judge_false", "note": "a load test",
                       "replaces": answer["answer"]["ledger_seq"]});
    ann.post("/v1/reports/last/decisions", &again).ok();
    decide("look:drafts:latency_ms", "nothing", "not now").ok();
    ann.post("/v1/reports/now/decisions", &json!({"question": "look:drafts:cost", "choice": "nothing", "note": "W48"}))
        .ok();
    let text = get("md").text();
    let decided = under(&text, "Decided");
    assert!(decided.contains("the demotion was false") && decided.contains("a load test"), "{decided}");
    assert!(!decided.contains("a bad prompt") && !decided.contains("W48"), "{decided}");
    assert!(decided.contains("not now"), "{decided}");
}

#[test]
fn a_record_of_the_past_has_the_answers_and_no_buttons() {
    let (app, key) = house();
    let ann = As(&app, &key);
    let browser = Browser::signed_in(&app, &key);
    let last = browser.get("/reports/last").text();
    assert!(last.contains("/act/council") && !last.contains("A record of a week that is past"), "{last}");
    let report = ann.get("/v1/reports/last.json").ok();
    let open = open(&report);
    assert!(open.len() > 1, "{open:?}");
    let sent =
        json!({"question": open[0], "choice": "assign", "owner": "bob", "due": "2026-12-24", "note": "a bad prompt"});
    ann.post("/v1/reports/last/decisions", &sent).ok();
    app.advance(WEEK);
    let browser = Browser::signed_in(&app, &key);
    for week in ["2026-W47", "2026-W47?workflow=drafts"] {
        let page = browser.get(&format!("/reports/{week}")).text();
        assert!(page.contains("A record of a week that is past"), "{page}");
        assert!(page.contains("<h2 id=\"decided\">") && page.contains("bob is to"), "{page}");
        assert!(!page.contains("/act/council") && !page.contains("/act/finish"), "{page}");
    }
    let address = format!("/act/council?week=2026-W47&question={}&choice=keep_down", open[1]);
    assert!(browser.get(&address).text().contains("no longer asks that"));
    // What is open still is followed up where something may be done about it.
    assert!(browser.get("/reports/last").text().contains("/act/finish?action=a1"));
}

#[test]
fn an_answer_belongs_to_the_workflow_that_had_the_id_then() {
    let (app, key) = house();
    let question = As(&app, &key).get("/v1/reports/2026-W47.json").ok()["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .find(|id| id.starts_with(QUESTION))
        .unwrap();
    // The workflow gets another id, and another one takes the former.
    let renamed = DRAFTS.replace("id = \"drafts\"", "id = \"texts\"\nrenamed_from = \"drafts\"");
    let app = app.stop().start(&format!("{SCHEDULE}{renamed}"));
    let texts = DRAFTS.replace("id = \"drafts\"", "id = \"texts\"");
    let app = app.stop().start(&format!("{SCHEDULE}{texts}{DRAFTS}"));
    let ann = As(&app, &key);
    ann.post("/v1/events", &(100..120).map(failure).collect()).ok();
    let same = json!({"question": question, "choice": "judge_false", "note": "of the new one"});
    ann.post("/v1/reports/last/decisions", &same).ok();
    let answered = ann.get("/v1/reports/2026-W47.json?answers=true").ok();
    let own = question.replace("drafts", "texts");
    assert!(open(&answered).contains(&&*own), "nobody answered it: {:?}", open(&answered));
    let right = json!({"question": own, "choice": "judge_right", "note": "of the old one"});
    ann.post("/v1/reports/last/decisions", &right).ok();
    let text = ann.get("/v1/reports/2026-W47.md").text();
    assert!(under(&text, "Decided").contains("of the old one"), "{text}");
}
