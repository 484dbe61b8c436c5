//! What people do in the console happens by the API, in their name, and only where their token allows it.

#![cfg(test)]

use super::console::Browser;
use super::harness::{DRAFTS, failure, output};
use super::keys::{As, Keys};
use andon::domain::Scope;
use serde_json::{Value, json};

const BASE: &str = "[[base]]\nid = \"brand-guide\"\nversion = \"1\"\nowner = \"brand\"\naudit_every = \"90d\"\n";

fn drafts() -> String {
    format!("{}{BASE}", DRAFTS.replace("owner = \"marketing\"", "owner = \"marketing\"\nbase = [\"brand-guide\"]"))
}

#[test]
fn each_act_is_done_in_the_name_of_whoever_is_signed_in() {
    let mut keys = Keys::new();
    let (ann, bob) = (keys.give("ann", &[Scope::Read, Scope::Operate]), keys.give("bob", &[Scope::Read]));
    let boss = keys.give("boss", &[Scope::Admin]);
    let app = keys.house().start(&drafts());
    let (ann, bob) = (Browser::signed_in(&app, &ann), Browser::signed_in(&app, &bob));
    let last = || As(&app, &boss).ledger().pop().unwrap();
    let mode = || As(&app, &boss).get("/v1/workflows/drafts/mode").ok()["mode"].clone();
    // The consequence is said first, and reading it changes nothing.
    let before = As(&app, &boss).ledger();
    let page = ann.get("/act/lower?workflow=drafts").text();
    assert!(page.contains("drafts is in automate now") && page.contains("promotion gate"), "{page}");
    assert_eq!(As(&app, &boss).ledger(), before);
    let done = ann.act("/act/lower?workflow=drafts", &[("mode", "delegate"), ("reason", "a try")]);
    assert_eq!((done.status, done.header("location")), (303, Some("/workflows/drafts?done=lower")), "{}", done.text());
    assert!(ann.get("/workflows/drafts?done=lower").text().contains("The mode was lowered."));
    assert_eq!(
        (mode(), last()["by"].clone(), last()["reason"].clone()),
        (json!("delegate"), json!("ann"), json!("a try"))
    );
    for (address, fields, kind) in [
        ("/act/hold?workflow=drafts", vec![("reason", "r")], "held"),
        ("/act/release?workflow=drafts", vec![("reason", "r")], "released"),
        ("/act/answer?workflow=drafts&item=runbook", vec![("ready", "true"), ("note", "there")], "answered"),
        ("/act/audit?item=brand-guide", vec![("passed", "true"), ("note", "n")], "audited"),
    ] {
        let done = ann.act(address, &fields);
        assert_eq!(done.status, 303, "{address}: {}", done.text());
        assert_eq!((last()["kind"].clone(), last()["by"].clone()), (json!(kind), json!("ann")), "{address}");
    }
    // What is wrong is said beside what was filled in.
    let empty = ann.act("/act/hold?workflow=drafts", &[("reason", " ")]);
    assert!(empty.status == 400 && empty.text().contains("Please fill in: Why."), "{}", empty.text());
    let up = ann.act("/act/lower?workflow=drafts", &[("mode", "automate"), ("reason", "keep <this>")]);
    assert!(up.status == 409 && up.text().contains("up goes only through the promotion gate"), "{}", up.text());
    assert!(up.text().contains("keep &#60;this&#62;"));
    // Whoever only reads sees why there is nothing to press, and a form of theirs does nothing.
    assert!(!bob.get("/workflows/drafts").text().contains("/act/") && !bob.get("/").text().contains("/act/"));
    let denied = bob.get("/act/stop");
    assert!(denied.status == 200 && denied.text().contains("This needs the scope `operate`"), "{}", denied.text());
    assert!(!denied.text().contains("<button class=\"grave\""));
    let entries = As(&app, &boss).ledger().len();
    let key = "x".repeat(55);
    assert_eq!(bob.form("/act/stop", &[("reason", "r"), ("form_key", &key)]).status, 403);
    assert_eq!(As(&app, &boss).ledger().len(), entries);
    assert_eq!(ann.act("/act/stop", &[("reason", "enough")]).header("location"), Some("/?done=stop"));
    assert_eq!(mode(), "assist");
}

#[test]
fn incidents_are_seen_through() {
    let mut keys = Keys::new();
    let ann = keys.give("ann", &[Scope::Admin]);
    let app = keys.house().start(&drafts());
    As(&app, &ann).post("/v1/events", &Value::from((0..20).map(failure).collect::<Vec<_>>())).ok();
    let browser = Browser::signed_in(&app, &ann);
    let page = browser.get("/incidents/drafts-1").text();
    assert!(page.contains("exceptions") && page.contains("https://wiki.example.com/drafts"), "{page}");
    assert_eq!(
        browser.act("/act/acknowledge?incident=drafts-1", &[("note", "")]).header("location"),
        Some("/incidents/drafts-1?done=acknowledge")
    );
    assert_eq!(browser.act("/act/resolve?incident=drafts-1", &[("note", "a bad key")]).status, 303);
    assert!(browser.get("/incidents").text().contains("There is none."));
    assert!(browser.get("/incidents?status=all").text().contains("drafts-1"));
    // The base got worse: what stands on it is capped until somebody resolves that.
    assert_eq!(
        browser.act("/act/regress?item=brand-guide", &[("summary", "two logos")]).header("location"),
        Some("/base?done=regress")
    );
    assert!(browser.get("/base").text().contains("got worse"));
    assert_eq!(browser.act("/act/drill", &[]).status, 303);
    assert!(browser.get("/incidents").text().contains("drill 1"));
}

/// Who asks can't approve; of two who may, each says so in their own name.
#[test]
fn a_demotion_is_annulled_by_two_people() {
    let mut keys = Keys::new();
    let all = [Scope::Read, Scope::Operate, Scope::Approve, Scope::Ingest];
    let (ann, bob) = (keys.give("ann", &all), keys.give("bob", &all));
    let app = keys.house().start(DRAFTS);
    let broken: Vec<Value> = (0..20).map(failure).chain([output("good")]).collect();
    As(&app, &ann).post("/v1/events", &Value::from(broken)).ok();
    let (first, second) = (Browser::signed_in(&app, &ann), Browser::signed_in(&app, &bob));
    assert!(first.get("/workflows/drafts").text().contains("Was that demotion false?"));
    let asked = first.act("/act/annul?workflow=drafts", &[("reason", "the probe was broken")]);
    assert_eq!(
        (asked.status, asked.header("location")),
        (303, Some("/workflows/drafts?done=annul")),
        "{}",
        asked.text()
    );
    let waiting = second.get("/gate").text();
    assert!(waiting.contains("drafts-r1") && waiting.contains("the probe was broken"), "{waiting}");
    assert!(second.get("/").text().contains("1 request waits"));
    let twice = first.act("/act/approve?request=drafts-r1", &[]);
    assert!(twice.status == 409 || twice.status == 403, "{}", twice.text());
    let done = second.act("/act/approve?request=drafts-r1", &[("note", "I saw it")]);
    assert_eq!((done.status, done.header("location")), (303, Some("/gate?done=approve#drafts-r1")), "{}", done.text());
    assert_eq!(As(&app, &ann).get("/v1/workflows/drafts/mode").ok()["mode"], "collaborate");
    assert!(first.get("/gate").text().contains("granted"));
}

/// The council answers a question where it stands; the answer stands there after that.
#[test]
fn the_council_decides_in_the_report() {
    let mut keys = Keys::new();
    let (ann, bob) = (keys.give("ann", &[Scope::Admin]), keys.give("bob", &[Scope::Read]));
    let app = keys.house().start(DRAFTS);
    As(&app, &ann).post("/v1/events", &Value::from((0..20).map(failure).collect::<Vec<_>>())).ok();
    let browser = Browser::signed_in(&app, &ann);
    let page = browser.get("/reports/now").text();
    let offered: Vec<&str> = page.split("href=\"").filter(|rest| rest.starts_with("/act/council")).collect();
    let offered: Vec<String> = offered
        .iter()
        .map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&"))
        .collect();
    let find = |choice: &str| {
        offered.iter().find(|one| one.contains(choice)).unwrap_or_else(|| panic!("{choice} in {offered:?}"))
    };
    // What may be chosen says what it does.
    let asked = browser.get(find("choice=judge_right")).text();
    assert!(asked.contains("andon recommends:") && asked.contains("exceptions lowered drafts"), "{asked}");
    let done = browser.act(find("choice=judge_right"), &[("note", "a bad prompt")]);
    let location = done.header("location").unwrap_or_default().to_owned();
    assert!(
        done.status == 303 && location.starts_with("/reports/2026-W47") && location.ends_with("done=council"),
        "{}",
        done.text()
    );
    let page = browser.get(&location).text();
    assert!(page.contains("Decided, and recorded in the ledger.") && page.contains("a bad prompt"), "{page}");
    let last = As(&app, &ann).ledger().pop().unwrap();
    assert_eq!((&last["kind"], &last["by"], &last["note"]), (&json!("council"), &json!("ann"), &json!("a bad prompt")));
    // A page of before still asks: its form says that there is an answer, and takes its place on purpose only.
    let again = browser.get(find("choice=nothing")).text();
    let seq = last["ledger_seq"].to_string();
    assert!(again.contains("ann answered this at") && again.contains(&format!("name=\"replaces\" value=\"{seq}\"")));
    let unseen = browser.act(find("choice=nothing"), &[("note", "we wait"), ("replaces", "")]);
    assert!(unseen.status == 409 && unseen.text().contains("ann answered it for 2026-W47"), "{}", unseen.text());
    assert_eq!(browser.act(find("choice=nothing"), &[("note", "we wait")]).status, 303);
    assert_eq!(As(&app, &ann).ledger().pop().unwrap()["note"], "we wait");
    // Somebody does something until a day, and says how it ended.
    let done = browser.act(find("choice=assign"), &[("owner", "bob"), ("due", "2026-12-01"), ("note", "")]);
    assert_eq!(done.status, 303, "{}", done.text());
    let page = browser.get("/reports/now").text();
    assert!(page.contains("/act/finish?action=a1") && page.contains("bob"), "{page}");
    assert_eq!(
        browser.act("/act/finish?action=a1&back=/reports/now", &[("ending", "done")]).header("location"),
        Some("/reports/now?done=finish")
    );
    // The page of its own asks nothing and loads nothing; whoever only reads is told what it takes.
    let own = browser.get("/v1/reports/now.html").text();
    assert!(!own.contains("/act/") && own.contains("<style>"));
    let reader = Browser::signed_in(&app, &bob);
    let page = reader.get("/reports/now");
    assert!(page.status == 200 && !page.text().contains("/act/"), "{}", page.text());
    let denied = reader.get(find("choice=keep_down")).text();
    assert!(denied.contains("This needs the scope `operate`"), "{denied}");
    assert!(
        browser
            .get("/act/council?week=now&question=look:nobody:x&choice=nothing")
            .text()
            .contains("no longer asks that")
    );
}
