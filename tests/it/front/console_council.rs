//! What the council decides, as people meet it: buttons of the console, lines of its ledger, rows of the terminal.
//!
//! What is a failure here: a button that ends in a refusal, a judgement that can be said one way only, a decision that the
//! ledger's page doesn't tell, a text that draws on somebody's terminal.

#![cfg(test)]

use super::console::Browser;
use super::council::DRAFTS;
use super::harness::{House, TestApp, failure, with};
use super::keys::{As, Keys};
use andon::domain::Scope;
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// Brings the workflow down.
fn lower(boss: &As<'_>) {
    boss.post("/v1/events", &Value::from((0..20).map(failure).collect::<Vec<_>>())).ok();
}

/// The addresses of a page that begin so.
fn links(page: &str, start: &str) -> Vec<String> {
    let found = page.split("href=\"").map(|rest| rest.split('"').next().unwrap());
    found.map(|link| link.replace("&#38;", "&").replace("&amp;", "&")).filter(|link| link.starts_with(start)).collect()
}

#[test]
fn a_demotion_is_judged_both_ways_from_the_page_of_its_workflow() {
    let mut keys = Keys::new();
    let boss = keys.give("boss", &[Scope::Admin]);
    let board = keys.give("ann", &[Scope::Read, Scope::Approve]);
    let app = keys.house().start(DRAFTS);
    let boss = As(&app, &boss);
    lower(&boss);
    let ann = Browser::signed_in(&app, &board);
    let links = links(&ann.get("/workflows/drafts").text(), "/act/judge");
    let [link] = links.as_slice() else { panic!("{links:?}") };
    assert!(ann.get(link).text().contains("Was the demotion of drafts (epoch 2) right?"));
    for (judgement, counts) in
        [("false", "1 (1 judged false, 0 taken back)"), ("right", "1 (0 judged false, 0 taken back)")]
    {
        let done = ann.act(link, &[("judgement", judgement), ("note", "I looked")]);
        assert_eq!(
            (done.status, done.header("location")),
            (303, Some("/workflows/drafts?done=judge")),
            "{judgement}: {}",
            done.text()
        );
        let last = boss.ledger().pop().unwrap();
        assert_eq!(
            (&last["kind"], &last["judgement"], &last["by"]),
            (&json!("judged"), &json!(judgement), &json!("ann"))
        );
        let page = ann.get("/workflows/drafts").text();
        assert!(page.contains(counts), "{judgement}: {page}");
        assert!(page.contains(&format!("the demotion of epoch 2 was judged {judgement}")), "{page}");
    }
    assert!(ann.get("/ledger").text().contains("I looked (before: false)"));
}

#[test]
fn the_report_offers_what_its_reader_may_do() {
    let mut keys = Keys::new();
    let boss = keys.give("boss", &[Scope::Admin]);
    let board = keys.give("ann", &[Scope::Read, Scope::Approve]);
    let operator = keys.give("bob", &[Scope::Read, Scope::Operate]);
    let both = keys.give("eve", &[Scope::Read, Scope::Operate, Scope::Approve]);
    let app = keys.house().start(DRAFTS);
    lower(&As(&app, &boss));
    let offered = |token| {
        let browser = Browser::signed_in(&app, token);
        let links = links(&browser.get("/reports/now?workflow=drafts").text(), "/act/");
        for link in &links {
            let page = browser.get(link);
            assert!(page.status == 200 && !page.text().contains("This needs the scope"), "{link}: {}", page.text());
        }
        links
    };
    let judges = |links: &[String]| links.iter().filter(|link| link.contains("choice=judge_")).count();
    let (operates, may_all) = (offered(&operator), offered(&both));
    assert_eq!((judges(&operates), judges(&may_all)), (0, 2), "{operates:?} {may_all:?}");
    assert_eq!(may_all.len(), operates.len() + 2);
    // Whoever only approves judges by the route that takes no more, and comes back to where they were.
    let own = offered(&board);
    assert!(own.len() == 2 && own.iter().all(|link| link.starts_with("/act/judge?")), "{own:?}");
    let ann = Browser::signed_in(&app, &board);
    let wrong = own.iter().find(|link| link.contains("judgement=false")).unwrap();
    assert!(ann.get(wrong).text().contains("<option value=\"false\" selected>"));
    let done = ann.act(wrong, &[("judgement", "false"), ("note", "a load test")]);
    let location = done.header("location").unwrap_or_default().to_owned();
    assert_eq!((done.status, &*location), (303, "/reports/2026-W47?workflow=drafts&done=judge"), "{}", done.text());
    assert!(links(&ann.get(&location).text(), "/act/").is_empty(), "it was judged");
}

#[test]
fn whoever_sees_some_workflows_comes_back_to_their_report() {
    let mut keys = Keys::new();
    let ann = keys.give_for("ann", &[Scope::Read, Scope::Operate], &["drafts"], None);
    let app = keys.house().start(DRAFTS);
    let new = json!({"task": "mend it", "owner": "ann", "due": "2026-11-27", "workflow": "drafts"});
    As(&app, &ann).post("/v1/actions", &new).ok();
    let browser = Browser::signed_in(&app, &ann);
    let links = links(&browser.get("/reports/now?workflow=drafts").text(), "/act/finish");
    let done = browser.act(&links[0], &[("ending", "done"), ("note", "a\r\nb")]);
    let location = done.header("location").unwrap_or_default().to_owned();
    assert_eq!((done.status, &*location), (303, "/reports/2026-W47?workflow=drafts&done=finish"), "{}", done.text());
    let page = browser.get(&location);
    assert!(page.status == 200 && page.text().contains("mend it"), "{}", page.text());
}

#[test]
fn the_ledgers_page_tells_what_was_decided() {
    let app = House::folder().start(DRAFTS);
    app.take(&(0..20).map(failure).collect::<Vec<_>>());
    let decide = |body: &Value| app.post("/v1/reports/now/decisions", body).ok();
    let keep = |choice: &str, note: &str| json!({"question": "keep_down:drafts", "choice": choice, "note": note});
    decide(&keep("keep_down", "hold it"));
    let first = app.ledger().iter().rfind(|entry| entry["kind"] == "council").unwrap()["ledger_seq"].clone();
    decide(&with(keep("nothing", "we thought again"), &json!({"replaces": first})));
    decide(&json!({"question": "assign:incident:drafts-1", "choice": "assign", "owner": "ann", "due": "2026-11-27"}));
    app.post("/v1/actions/a1/finish", &json!({"ending": "dropped", "note": "it <ended>"})).ok();
    let asked = "Should drafts be kept down until its cause is found?";
    for path in ["/ledger", "/workflows/drafts"] {
        let page = Browser::new(&app).get(path).text();
        for told in [
            &format!("<b>the council: keep it down</b> {asked} hold it (report of 2026-W47)"),
            &format!("<b>the council: nothing this week</b> {asked} we thought again (report of 2026-W47)"),
            "<b>the council: ann is to look at the incident drafts-1 until 2026-11-27 23:59 UTC</b> Who looks at the incident drafts-1? (report of 2026-W47, a1)",
            "<b>a1: ann is named</b> to look at the incident drafts-1 until 2026-11-27 23:59 UTC",
            "<b>a1 was dropped</b> ann was to look at the incident drafts-1 (it &#60;ended&#62;)",
        ] {
            assert!(page.contains(told), "{path}: {told} in {page}");
        }
    }
}

/// What `andon actions` prints.
fn actions(app: &TestApp) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon"));
    command.args(["actions", "--url", &app.address.to_string()]);
    let output = command.env_remove("ANDON_URL").env_remove("ANDON_TOKEN").stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_draws_on_a_terminal_is_refused() {
    let app = House::folder().start(DRAFTS);
    app.take(&(0..20).map(failure).collect::<Vec<_>>());
    let task = |task: &str| json!({"task": task, "owner": "ann", "due": "2026-11-27"});
    let judge = |note: &str| json!({"epoch": 2, "judgement": "right", "note": note});
    let nothing = |note: &str| json!({"question": "keep_down:drafts", "choice": "nothing", "note": note});
    let finish = |note: &str| json!({"ending": "done", "note": note});
    let decisions = "/v1/reports/now/decisions";
    let named = json!({"question": "assign:incident:drafts-1", "choice": "assign", "owner": "ann", "due": "2026-11-27", "task": "a\tb"});
    app.post("/v1/actions", &task("mend it")).ok();
    for (path, body) in [
        ("/v1/actions", task("x\u{1b}[2J")),
        ("/v1/actions", task("x\na999  boss  2026-11-27  -  pay")),
        ("/v1/actions/a1/finish", finish("\u{7}done")),
        ("/v1/workflows/drafts/judgements", judge("over\rwritten")),
        (decisions, nothing("x\u{9b}2J")),
        (decisions, named),
    ] {
        let answer = app.post(path, &body);
        let why = answer.text();
        assert_eq!(answer.problem(400), "invalid_parameter", "{body}");
        assert!(why.contains("must have no control characters"), "{why}");
    }
    // A remark may have lines.
    app.post("/v1/workflows/drafts/judgements", &judge("a prompt:\n\tits last line\r\nwas lost")).ok();
    assert_eq!(actions(&app).lines().count(), 2, "{}", actions(&app));
}

#[test]
fn the_list_says_in_which_time_an_action_is_due() {
    let app =
        House::folder().start(&format!("{DRAFTS}[report]\nkeep_weeks = 0\ntime_zone = \"America/Los_Angeles\"\n"));
    app.post("/v1/actions", &json!({"task": "mend it", "owner": "ann", "due": "2026-12-01"})).ok();
    let listed = actions(&app);
    assert!(listed.contains("2026-12-02 07:59 UTC  -"), "{listed}");
}
