//! Notifications from the front door: what happens on a daemon arrives at a real receiver, signed, in order,
//! once, in words that a person can act on. What goes wrong on the way is in `notify_trouble`.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, failure, until, with};
use super::metrics::Scrape;
use super::receiver::{Received, Receiver, SECRET};
use andon::domain::Time;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Links lead somewhere, and nothing waits for a storm.
pub(crate) const QUICK: &str = "[notifications]\npublic_url = \"https://andon.example.com/\"\nsettle = \"0s\"\n";

impl TestApp {
    /// Where a target stands.
    pub(crate) fn target(&self, name: &str) -> Value {
        let targets = self.get("/v1/notifications").ok()["targets"].as_array().unwrap().clone();
        targets.into_iter().find(|target| target["name"] == name).unwrap_or_else(|| panic!("no target {name}"))
    }

    /// Lowers a workflow by hand.
    pub(crate) fn lower(&self, workflow: &str) {
        let order = json!({"mode": "assist", "reason": "tried by hand"});
        self.post(&format!("/v1/workflows/{workflow}/mode"), &order).ok();
    }

    /// Fails often enough for every guard.
    pub(crate) fn fail(&self, workflow: &str) {
        let of = |n: u32| with(failure(format!("{workflow}-{n}")), &json!({"workflow": workflow}));
        self.take(&(0..50).map(of).collect::<Vec<_>>());
    }
}

/// So many workflows like `DRAFTS`, with ids `w0` and so on.
pub(crate) fn fleet(count: usize) -> String {
    let workflow = |n: usize| DRAFTS.replace("id = \"drafts\"", &format!("id = \"w{n}\""));
    (0..count).map(workflow).collect()
}

#[test]
fn a_demotion_is_told_signed_with_its_numbers_and_what_to_do() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "on-call", "");
    let app = house.start(&format!("{QUICK}{target}{DRAFTS}"));
    app.fail("drafts");
    let told = receiver.wait_for(1)[0].clone();
    assert!(told.is_signed(SECRET), "{told:?}");
    assert_eq!(told.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    assert_eq!(told.header("webhook-timestamp"), Some(&*(app.now().0 / 1_000).to_string()));
    let event = told.json();
    let entry = app.ledger().into_iter().find(|entry| entry["kind"] == "mode_changed").unwrap();
    let at: Time = entry["time"].as_str().unwrap().parse().unwrap();
    let id = format!("ledger-{}-{}", entry["ledger_seq"], at.0);
    assert_eq!((&event["id"], told.id()), (&json!(id), format!("{id}_on-call")));
    assert_eq!(
        (&event["specversion"], &event["source"], &event["type"], &event["subject"], &event["time"]),
        (&json!("1.0"), &json!("andon/ledger"), &json!("andon.mode.lowered"), &json!("drafts"), &entry["time"])
    );
    assert_eq!(event["data"]["headline"], "drafts was lowered from automate to assist");
    assert_eq!((&event["data"]["incident"], &event["data"]["severity"]), (&json!("drafts-1"), &json!("major")));
    assert_eq!(event["data"]["entries"][0]["breach"], entry["breach"], "the numbers, for programs");
    let mut shown = event.clone();
    shown["data"]["entries"] = json!("the entries of the ledger");
    insta::assert_snapshot!("webhook", format!("{shown:#}"));
    // A person deals with it; one message each, in order.
    app.post("/v1/incidents/drafts-1/acknowledge", &json!({"note": "looking"})).ok();
    app.post("/v1/incidents/drafts-1/resolve", &json!({"note": "rolled back"})).ok();
    let told = receiver.wait_for(3);
    let kinds: Vec<Value> = told.iter().map(|told| told.json()["type"].clone()).collect();
    assert_eq!(kinds, ["andon.mode.lowered", "andon.incident.acknowledged", "andon.incident.resolved"]);
    assert_eq!(told[2].headline(), "incident drafts-1 was resolved by local");
    until("nothing waits", || app.target("on-call")["pending"] == 0);
    assert!(Scrape::of(&app).is("andon_notifications_total{result=delivered,target=on-call}", 3.0));
    assert!(Scrape::of(&app).is("andon_notifications_pending{target=on-call}", 0.0));
    assert_eq!(Scrape::of(&app).keys("andon_notification_oldest").len(), 0);
    assert_eq!(receiver.received().len(), 3, "each once");
}

#[test]
fn each_target_is_told_what_it_asked_for() {
    let (house, receivers) = (House::folder(), [(); 4].map(|()| Receiver::start()));
    let folder = house.folder.path();
    let targets = [
        receivers[0].webhook(folder, "incidents", "events = [\"incident\"]"),
        receivers[1].webhook(folder, "others", "owners = [\"sales\"]"),
        receivers[2].webhook(folder, "one", "workflows = [\"w1*\"]\nevents = [\"mode\", \"request\"]"),
        receivers[3].webhook(folder, "requests", "events = [\"request\"]"),
    ];
    let app = house.start(&format!("{QUICK}{}{}", targets.concat(), fleet(2)));
    app.fail("w0");
    app.fail("w1");
    app.post("/v1/workflows/w1/annulments", &json!({"reason": "a load test"})).ok();
    app.post("/v1/stop", &json!({"reason": "all"})).ok();
    let told = receivers[2].wait_for(2);
    assert_eq!(told[0].headline(), "w1 was lowered from automate to assist");
    assert_eq!(told[1].json()["type"], "andon.request.pending");
    assert_eq!(told[1].json()["data"]["links"][1]["url"], "https://andon.example.com/gate#w1-r1", "{told:?}");
    let told = receivers[0].wait_for(2);
    assert!(told.iter().all(|told| told.json()["type"] == "andon.incident.opened"), "{told:?}");
    assert_eq!(
        receivers[3].wait_for(1)[0].headline(),
        "local asks for the annulment of a demotion of w1, back to collaborate (w1-r1)"
    );
    until("all is delivered", || ["incidents", "one", "requests"].iter().all(|name| app.target(name)["pending"] == 0));
    assert_eq!(receivers.each_ref().map(|receiver| receiver.received().len()), [2, 0, 2, 1]);
}

#[test]
fn one_order_is_one_message_however_many_workflows_it_lowers() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "hook", "");
    let app = house.start(&format!("{QUICK}{target}{}", fleet(12)));
    app.post("/v1/stop", &json!({"reason": "the provider is down"})).ok();
    let told = receiver.wait_for(1)[0].json();
    assert_eq!(told["data"]["headline"], "12 workflows were lowered");
    assert_eq!(told["data"]["workflows"].as_array().unwrap().len(), 12);
    assert_eq!((&told["subject"], &told["data"]["reason"]), (&Value::Null, &json!("the provider is down")), "{told:#}");
    app.post("/v1/incidents/none/resolve", &json!({})).problem(404);
    until("nothing waits", || app.target("hook")["pending"] == 0);
    assert_eq!(receiver.received().len(), 1);
}

/// A page for each of forty workflows at three in the morning helps nobody.
const STORMY: &str = "[notifications]\nsettle = \"5s\"\nfirst_backoff = \"1s\"\nmax_backoff = \"1s\"\n[storm]\nworkflows_min = 3\nshare = 0.2\n";

/// The workflows that messages of a kind name, all together.
fn named(receiver: &Receiver, kind: &str) -> BTreeSet<String> {
    let told: Vec<Value> = receiver.received().iter().map(Received::json).filter(|told| told["type"] == kind).collect();
    let names = told.iter().flat_map(|told| told["data"]["workflows"].as_array().unwrap().clone());
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn ids(range: std::ops::Range<usize>) -> BTreeSet<String> {
    range.map(|n| format!("w{n}")).collect()
}

#[test]
fn a_storm_is_one_message_and_its_demotions_are_none() {
    let (house, receiver, apart) = (House::folder(), Receiver::start(), Receiver::start());
    let targets = [
        receiver.webhook(house.folder.path(), "storms", ""),
        apart.webhook(house.folder.path(), "apart", "events = [\"mode\"]"),
    ];
    let app = house.start(&format!("{STORMY}{}{}", targets.concat(), fleet(10)));
    receiver.hold(true);
    (0..3).for_each(|n| app.fail(&format!("w{n}")));
    assert_eq!(apart.wait_for(3).len(), 3, "who isn't told of storms is told of each");
    let told = receiver.wait_for(1)[0].json();
    assert_eq!((&told["type"], &told["data"]["severity"]), (&json!("andon.storm.opened"), &json!("critical")));
    assert_eq!(named(&receiver, "andon.storm.opened"), ids(0..3));
    // It is on its way: what joins the storm now can't be named in it, and is told together a moment later.
    (3..6).for_each(|n| app.fail(&format!("w{n}")));
    apart.wait_for(6);
    until("it is queued", || app.target("storms")["pending"] == 2);
    receiver.hold(false);
    app.advance(10_000);
    app.post("/v1/incidents/house:1/resolve", &json!({"note": "the provider is back"})).ok();
    let told = receiver.wait_for(3);
    assert_eq!(told[1].headline(), "storm house:1 goes on: more workflows were lowered");
    assert_eq!(named(&receiver, "andon.storm.grown"), ids(3..6));
    assert_eq!(told[2].headline(), "incident house:1 and 6 more was resolved by local");
    until("nothing waits", || app.target("storms")["pending"] == 0);
    assert_eq!(receiver.received().len(), 3, "{:?}", receiver.headlines());
    assert!(!receiver.headlines().iter().any(|headline| headline.contains("w1 was lowered")));
}

/// Neither a receiver that is away nor one that came later misses a demotion that a storm took.
#[test]
fn everybody_is_told_of_every_workflow_of_a_storm() {
    let (house, receiver, late) = (House::folder(), Receiver::start(), Receiver::start());
    let first = receiver.webhook(house.folder.path(), "first", "");
    let second = late.webhook(house.folder.path(), "second", "");
    receiver.always("500 Internal Server Error");
    let app = house.start(&format!("{STORMY}{first}{}", fleet(10)));
    (0..3).for_each(|n| app.fail(&format!("w{n}")));
    // The receiver may have taken what it answered so badly: another message names the rest.
    receiver.wait_for(1);
    (3..6).for_each(|n| app.fail(&format!("w{n}")));
    until("it is queued", || app.target("first")["pending"] == 2);
    let app = app.stop().start(&format!("{STORMY}{first}{second}{}", fleet(10)));
    (6..8).for_each(|n| app.fail(&format!("w{n}")));
    until("it is queued", || app.target("second")["pending"] == 1);
    receiver.always("204 No Content");
    for _ in 0..10 {
        app.advance(3_000);
    }
    app.post("/v1/notifications/first/retry", &json!({})).ok();
    until("all is told", || app.target("first")["pending"] == 0 && app.target("second")["pending"] == 0);
    assert_eq!((named(&late, "andon.storm.grown"), late.received().len()), (ids(6..8), 1));
    assert_eq!(named(&receiver, "andon.storm.opened"), ids(0..3));
    assert_eq!(named(&receiver, "andon.storm.grown"), ids(3..8));
}

#[test]
fn what_waits_for_a_moment_and_is_no_storm_is_told_all_the_same() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "hook", "");
    let app = house.start(&format!("[notifications]\nsettle = \"5s\"\n{target}{}", fleet(10)));
    app.fail("w0");
    until("it is queued", || app.target("hook")["pending"] == 1);
    let began = app.now();
    app.advance(5_000);
    let told = receiver.wait_for(1);
    assert_eq!(told[0].headline(), "w0 was lowered from automate to assist");
    assert_eq!(told[0].header("webhook-timestamp"), Some(&*(began.plus(5_000).0 / 1_000).to_string()));
}

#[test]
fn overdue_work_is_told_once_for_as_long_as_it_lasts() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "hook", "events = [\"overdue\"]");
    let base = "[[base]]\nid = \"guide\"\nowner = \"brand\"\nversion = \"1\"\naudit_every = \"1d\"\n";
    let rest = format!("{QUICK}{target}{base}");
    let app = house.start(&rest);
    let declared = app.now();
    app.advance(Time::DAY);
    let told = receiver.wait_for(1)[0].json();
    assert_eq!((&told["type"], &told["time"]), (&json!("andon.overdue.audit"), &json!(declared.plus(Time::DAY))));
    assert_eq!((&told["data"]["owner"], &told["data"]["workflow"]), (&json!("brand"), &Value::Null));
    // Neither time nor a restart says it again.
    app.advance(Time::HOUR);
    let app = app.stop().start(&rest);
    app.advance(Time::HOUR);
    app.post("/v1/base/guide/audits", &json!({"passed": true, "note": "as it should be"})).ok();
    app.advance(Time::DAY);
    let told = receiver.wait_for(2);
    assert!(told[0].id() != told[1].id() && told.len() == 2, "{told:?}");
    // So is what the council had somebody do.
    let due = app.now().plus(Time::MINUTE);
    app.post("/v1/actions", &json!({"task": "mend it", "owner": "ann", "due": due})).ok();
    app.advance(2 * Time::MINUTE);
    let told = receiver.wait_for(3)[2].json();
    assert_eq!((&told["type"], &told["time"]), (&json!("andon.overdue.action"), &json!(due)));
    assert_eq!(told["data"]["owner"], "ann");
}

#[test]
fn a_new_target_is_told_from_now_on() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "hook", "");
    let [without, with] = [String::new(), target].map(|target| format!("{QUICK}{target}{}", fleet(4)));
    let app = house.start(&without);
    app.lower("w0");
    let app = app.stop().start(&with);
    app.lower("w1");
    assert_eq!(receiver.wait_for(1)[0].headline(), "w1 was lowered from automate to assist");
    // One that is no longer declared is forgotten, with what waits for it.
    receiver.always("500 Internal Server Error");
    app.lower("w2");
    until("it waits", || app.target("hook")["failures"] == 1);
    let app = app.stop().start(&without);
    assert_eq!(app.get("/v1/notifications").ok()["targets"], json!([]));
    assert_eq!(Scrape::of(&app).keys("andon_notifications_total").len(), 0);
    receiver.always("200 OK");
    let app = app.stop().start(&with);
    app.lower("w3");
    until("nothing waits", || receiver.headlines().last().unwrap().starts_with("w3 "));
    assert_eq!(receiver.headlines().iter().filter(|headline| headline.starts_with("w2 ")).count(), 1);
}

#[test]
fn a_test_says_how_it_went_and_changes_nothing() {
    let (house, receiver) = (House::folder(), Receiver::start());
    let target = receiver.webhook(house.folder.path(), "hook", "");
    let app = house.start(&format!("{QUICK}{target}"));
    let tested = app.post("/v1/notifications/hook/test", &json!({})).ok();
    assert_eq!((&tested["delivered"], &tested["error"]), (&json!(true), &Value::Null));
    let told = receiver.wait_for(1)[0].clone();
    assert!(told.is_signed(SECRET) && told.json()["type"] == "andon.test", "{told:?}");
    assert_eq!(told.json()["data"]["is_test"], true);
    receiver.answer(&["403 Forbidden"]);
    let tested = app.post("/v1/notifications/hook/test", &json!({})).ok();
    assert_eq!(tested["error"], "the receiver answered 403");
    assert_eq!((&app.target("hook")["failures"], &app.target("hook")["pending"]), (&json!(0), &json!(0)));
    assert_eq!(app.post("/v1/notifications/nobody/test", &json!({})).problem(404), "unknown_target");
    assert_eq!(app.post("/v1/notifications/nobody/retry", &json!({})).problem(404), "unknown_target");
}

#[test]
fn a_message_for_slack_can_neither_make_links_nor_call_everybody() {
    let (house, receiver) = (House::folder(), Receiver::start());
    std::fs::write(house.folder.path().join("slack.url"), format!("http://{}/services/T0/B0/x\n", receiver.address))
        .unwrap();
    let target = "[[notify]]\nname = \"slack\"\nkind = \"slack\"\nurl_file = \"slack.url\"\nallow_http = true\nallow_private = true\n";
    let app = house.start(&format!("{QUICK}{target}{DRAFTS}"));
    app.fail("drafts");
    let told = receiver.wait_for(1)[0].clone();
    assert!(told.head.starts_with("POST /services/T0/B0/x HTTP/1.1") && told.header("webhook-id").is_none());
    insta::assert_snapshot!("slack", format!("{:#}", told.json()));
    app.post(
        "/v1/incidents/drafts-1/resolve",
        &json!({"note": "<!channel> & <https://evil.example|here> @all (ann@example.com)"}),
    )
    .ok();
    let told = receiver.wait_for(2)[1].json().to_string();
    assert!(told.contains("&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;"), "{told}");
    assert!(!told.contains("<!channel>"), "{told}");
    assert!(!told.contains("@all") && told.contains("@\u{200b}all (ann@example.com)"), "{told}");
}
