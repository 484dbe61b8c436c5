//! Notifications when something is wrong: receivers that refuse, are slow, ask to wait, redirect or are not to
//! be reached; restarts; outboxes that are full; and secrets, which nobody may see.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, until};
use super::metrics::Scrape;
use super::notify::{QUICK, fleet};
use super::receiver::{Receiver, SECRET};
use andon::domain::Time;
use serde_json::{Value, json};

const SECOND_SECRET: &str = "whsec_YW5vdGhlci1zZWNyZXQtb2YtMzAtYnl0ZXMtc28=";

fn with_target(receiver: &Receiver, limits: &str, more: &str) -> (House, String) {
    let house = House::folder();
    let target = receiver.webhook(house.folder.path(), "hook", more);
    (house, format!("{QUICK}{limits}\n{target}{}", fleet(20)))
}

#[track_caller]
fn waits_until(app: &TestApp, at: Time) {
    until("the failure is noted", || app.target("hook")["failures"] != 0);
    assert_eq!(app.target("hook")["next_attempt"], json!(at));
}

/// The body is the same, the time of the attempt isn't: whoever keeps one for a replay has an old one.
#[test]
fn a_receiver_that_asks_to_wait_is_left_alone_for_so_long() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "", "");
    receiver.answer(&["429 Too Many Requests\r\nRetry-After: 30", "503 Service Unavailable\r\nRetry-After: 999999"]);
    let app = house.start(&rest);
    let began = app.now();
    app.lower("w0");
    receiver.wait_for(1);
    waits_until(&app, began.plus(30_000));
    assert_eq!(app.target("hook")["last_error"], "the receiver answered 429");
    app.advance(29_000);
    app.advance(1_000);
    receiver.wait_for(2);
    // Nobody is left alone for longer than an hour.
    until("the second failure is noted", || app.target("hook")["failures"] == 2);
    assert_eq!(app.target("hook")["next_attempt"], json!(began.plus(30_000).plus(Time::HOUR)));
    app.advance(Time::HOUR);
    let told = receiver.wait_for(3);
    until("nothing waits", || app.target("hook")["pending"] == 0);
    let at = |n: usize| told[n].header("webhook-timestamp").unwrap().parse::<i64>().unwrap() - began.0 / 1_000;
    assert_eq!([at(0), at(1), at(2)], [0, 30, 3_630]);
    assert!(told.iter().all(|one| one.is_signed(SECRET) && one.id() == told[0].id() && one.body == told[0].body));
    assert_eq!((&app.target("hook")["last_error"], &app.target("hook")["failures"]), (&Value::Null, &json!(0)));
    assert!(Scrape::of(&app).is("andon_notifications_total{result=failed,target=hook}", 2.0));
}

#[test]
fn failures_are_tried_again_after_longer_and_longer_pauses_and_survive_a_restart() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "first_backoff = \"10s\"\nmax_backoff = \"40s\"", "");
    receiver.always("500 Internal Server Error");
    let mut app = house.start(&rest);
    app.lower("w0");
    app.lower("w1");
    for (failures, pause_s) in [(1, 10), (2, 20), (3, 40), (4, 40)] {
        until("it failed", || app.target("hook")["failures"] == failures);
        let next: Time = app.target("hook")["next_attempt"].as_str().unwrap().parse().unwrap();
        let pause_ms = next.since(app.now());
        assert!(pause_ms <= pause_s * 1_000 && pause_ms >= pause_s * 750, "{failures}: {pause_ms} ms");
        app.advance(pause_s * 1_000);
        if failures == 2 {
            app = app.stop().start(&rest);
        }
    }
    let oldest = "andon_notification_oldest_pending_timestamp_seconds{target=hook}";
    assert!(Scrape::of(&app).is(oldest, 1_795_168_800.0), "since the start of the test");
    receiver.always("200 OK");
    app.advance(40_000);
    until("all is delivered", || app.target("hook")["pending"] == 0);
    let told = receiver.received();
    assert!(
        told.iter().rev().skip(1).all(|one| one.id() == told[0].id()),
        "the first one first: {:?}",
        receiver.headlines()
    );
    assert_eq!(told.last().unwrap().headline(), "w1 was lowered from automate to assist");
}

#[test]
fn what_will_never_be_taken_gives_way_and_can_be_tried_again() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "attempts_max = 2\nfirst_backoff = \"1s\"", "");
    receiver.answer(&["422 Unprocessable Content", "200 OK", "401 Unauthorized", "401 Unauthorized"]);
    let app = house.start(&rest);
    app.lower("w0");
    app.lower("w1");
    // A message that is refused is dead at once; one that is not let in after as many attempts as declared.
    until("both went their ways", || app.target("hook")["dead"] == 1 && app.target("hook")["pending"] == 0);
    app.lower("w2");
    until("the first attempt failed", || app.target("hook")["failures"] == 1);
    app.advance(1_000);
    until("the second one too", || app.target("hook")["dead"] == 2);
    let target = app.target("hook");
    let dead: Vec<(&str, &str)> = target["dead_letters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dead| (dead["headline"].as_str().unwrap(), dead["error"].as_str().unwrap()))
        .collect();
    assert_eq!(
        dead,
        [
            ("w2 was lowered from automate to assist", "the receiver answered 401"),
            ("w0 was lowered from automate to assist", "the receiver answered 422"),
        ]
    );
    let scrape = Scrape::of(&app);
    assert!(
        scrape.is("andon_notifications_dead{target=hook}", 2.0)
            && scrape.is("andon_notifications_dropped_total{}", 0.0)
    );
    assert!(scrape.is("andon_notifications_total{result=dead,target=hook}", 2.0));
    assert_eq!(app.post("/v1/notifications/hook/retry", &json!({})).ok()["revived"], 2);
    until("all is delivered", || app.target("hook")["pending"] == 0 && app.target("hook")["dead"] == 0);
    let told = receiver.received();
    let [third, first] = [&told[told.len() - 1], &told[told.len() - 2]];
    assert_eq!((first.id(), third.id()), (told[0].id(), told[2].id()), "in their order");
}

#[test]
fn old_news_is_given_up_and_the_dead_are_bounded() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "give_up_after = \"1h\"\ndead_max = 3\nmax_backoff = \"15m\"", "");
    receiver.always("500 Internal Server Error");
    let app = house.start(&rest);
    (0..5).for_each(|n| app.lower(&format!("w{n}")));
    until("all wait", || app.target("hook")["pending"] == 5 && app.target("hook")["failures"] == 1);
    app.advance(Time::HOUR + 1_000);
    until("all are given up", || app.target("hook")["pending"] == 0);
    assert_eq!(app.target("hook")["dead"], 3, "the newest are kept");
    let scrape = Scrape::of(&app);
    assert!(scrape.is("andon_notifications_dropped_total{}", 2.0));
    assert!(scrape.is("andon_notifications_total{result=dead,target=hook}", 5.0));
}

#[test]
fn a_slow_target_holds_up_nobody_else_and_no_stop() {
    let (house, slow, quick) = (House::folder(), Receiver::start(), Receiver::start());
    slow.hold(true);
    let targets = [slow.webhook(house.folder.path(), "slow", ""), quick.webhook(house.folder.path(), "hook", "")];
    let app = house.start(&format!("{QUICK}timeout = \"2m\"\n{}{}", targets.concat(), fleet(3)));
    app.lower("w0");
    slow.wait_for(1);
    app.lower("w1");
    assert_eq!(quick.wait_for(2)[1].headline(), "w1 was lowered from automate to assist");
    assert_eq!((&app.mode("w1")["mode"], &app.target("slow")["pending"]), (&json!("assist"), &json!(2)));
    let house = app.stop();
    // What was on its way comes again, with the same id.
    let app = house.start(&format!("{QUICK}timeout = \"2m\"\n{}{}", targets.concat(), fleet(3)));
    slow.wait_for(2);
    slow.hold(false);
    until("all is delivered", || app.target("slow")["pending"] == 0);
    let told = slow.received();
    assert!(told[0].id() == told[1].id() && told[0].body == told[1].body);
    assert_eq!(quick.received().len(), 2, "who had them isn't told again");
}

#[test]
fn a_receiver_that_never_answers_or_is_not_there_is_a_failure() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "timeout = \"100ms\"", "");
    receiver.hold(true);
    let app = house.start(&rest);
    app.lower("w0");
    until("it failed", || app.target("hook")["last_error"] == "the receiver took too long");
    let (house, rest) = with_target(&Receiver::gone(), "", "");
    let app = house.start(&rest);
    app.lower("w0");
    until("it failed", || app.target("hook")["last_error"] == "nobody listens there");
}

#[test]
fn a_full_outbox_drops_nothing_and_keeps_the_order() {
    let (receiver, apart) = (Receiver::start(), Receiver::start());
    let (house, rest) = with_target(&receiver, "outbox_max = 10", "");
    let rest = format!("{rest}{}", apart.webhook(house.folder.path(), "later", ""));
    receiver.always("500 Internal Server Error");
    let app = house.start(&rest);
    (0..20).for_each(|n| app.lower(&format!("w{n}")));
    // Targets are read for one after the other: when the second has all, the first was looked at.
    apart.wait_for(20);
    assert_eq!(app.target("hook")["pending"], 10, "the rest waits in the ledger");
    let house = app.stop();
    receiver.always("200 OK");
    let app = house.start(&rest);
    app.post("/v1/notifications/hook/retry", &json!({})).ok();
    until("the last one arrived", || receiver.headlines().last().unwrap().starts_with("w19 "));
    let mut told = receiver.headlines();
    told.dedup();
    assert_eq!(told, (0..20).map(|n| format!("w{n} was lowered from automate to assist")).collect::<Vec<_>>());
    assert!(Scrape::of(&app).is("andon_notifications_dropped_total{}", 0.0));
}

/// A name that leads here is refused when the connection is made: what stands in the configuration can't tell.
#[test]
fn private_addresses_are_reached_only_where_declared() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "", "");
    let rest = rest.replace("allow_private = true\n", "").replace("127.0.0.1", "localhost");
    let app = house.start(&rest);
    app.lower("w0");
    until("it failed", || app.target("hook")["failures"] == 1);
    let error = app.target("hook")["last_error"].as_str().unwrap().to_owned();
    assert!(error.contains("private network") && error.contains("allow_private"), "{error}");
    let tested = app.post("/v1/notifications/hook/test", &json!({})).ok();
    assert_eq!((&tested["delivered"], &tested["error"]), (&json!(false), &json!(error)));
    assert_eq!(receiver.received().len(), 0);
    // The same in a file, where the check of the configuration doesn't look.
    std::fs::write(house.folder.path().join("url"), format!("http://{}/", receiver.address)).unwrap();
    let in_file = format!("url = \"http://localhost:{}/hook?key=in-the-address\"", receiver.address.port());
    let app = app.stop().start(&rest.replace(&in_file, "url_file = \"url\""));
    app.post("/v1/notifications/hook/retry", &json!({})).ok();
    until("it failed", || app.target("hook")["last_error"].as_str().is_some_and(|error| error.contains("`url_file`")));
    assert_eq!(receiver.received().len(), 0);
}

#[test]
fn redirects_are_not_followed() {
    let (receiver, elsewhere) = (Receiver::start(), Receiver::start());
    let (house, rest) = with_target(&receiver, "", "");
    for status in ["301 Moved Permanently", "307 Temporary Redirect", "303 See Other"] {
        receiver.answer(&[&format!("{status}\r\nLocation: http://{}/", elsewhere.address)]);
    }
    let app = house.start(&rest);
    for status in ["301", "307", "303"] {
        let error = app.post("/v1/notifications/hook/test", &json!({})).ok()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(status) && error.contains("redirects are not followed"), "{error}");
    }
    assert_eq!((receiver.received().len(), elsewhere.received().len()), (3, 0));
}

#[test]
fn two_secrets_hold_while_they_are_changed_without_a_restart() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "", "");
    let app = house.start(&rest);
    let send = |secrets: &str, n: usize| {
        std::fs::write(house.folder.path().join("hook.secret"), secrets).unwrap();
        app.lower(&format!("w{n}"));
        let told = receiver.wait_for(n + 1)[n].clone();
        [told.is_signed(SECRET), told.is_signed(SECOND_SECRET)]
    };
    assert_eq!(send(&format!("{SECRET}\n"), 0), [true, false]);
    assert_eq!(send(&format!("{SECRET}\n{SECOND_SECRET}\n"), 1), [true, true]);
    assert_eq!(send(SECOND_SECRET, 2), [false, true]);
    // A secret that is gone sends nothing unsigned.
    std::fs::write(house.folder.path().join("hook.secret"), "").unwrap();
    app.lower("w3");
    until("it failed", || app.target("hook")["failures"] == 1);
    assert!(app.target("hook")["last_error"].as_str().unwrap().contains("`secret_file`"));
    assert_eq!(receiver.received().len(), 3);
}

#[test]
fn secrets_are_shown_nowhere() {
    let receiver = Receiver::start();
    let (house, rest) = with_target(&receiver, "", "");
    receiver.always("500 in-the-answer");
    let app = house.start(&rest);
    app.lower("w0");
    until("it failed", || app.target("hook")["failures"] == 1);
    app.post("/v1/notifications/hook/test", &json!({})).ok();
    assert_eq!(app.target("hook")["host"], "127.0.0.1");
    let reloaded = app.post("/v1/reload", &json!({}));
    let text = std::fs::read_to_string(house.file()).unwrap();
    let settings = format!("{:?}", andon::config::load(&text, "andon.toml").unwrap());
    let pages = ["/v1/notifications", "/metrics", "/v1/ledger", "/v1/incidents", "/openapi.json"];
    let mut shown: Vec<String> = pages.iter().map(|path| app.get(path).text()).collect();
    shown.extend([reloaded.text(), settings]);
    let secret = SECRET.trim_start_matches("whsec_");
    for text in shown {
        for needle in [secret, "in-the-address", "in-the-answer"] {
            assert!(!text.contains(needle), "{needle} in {text}");
        }
    }
    let file = |name: &str| std::fs::read(house.folder.path().join("data").join(name)).unwrap();
    let outbox = [file("outbox.db"), file("outbox.db-wal")].concat();
    let found = |needle: &str| outbox.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(found("CREATE TABLE message") && !found("in-the-address") && !found(secret));
}

/// Drills wake nobody, but for those who want to see that they would be woken.
#[test]
fn a_drill_looks_at_the_way_of_a_notification_to_its_end() {
    let (house, asleep, awake) = (House::folder(), Receiver::start(), Receiver::start());
    let targets =
        [asleep.webhook(house.folder.path(), "asleep", ""), awake.webhook(house.folder.path(), "hook", "drill = true")];
    let patience = "[drill]\nevery = \"never\"\nstep_timeout = \"3s\"\n";
    let app = house.start(&format!("{QUICK}{}{patience}{DRAFTS}", targets.concat()));
    let drilled = app.passes();
    let step = drilled["drill"]["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&step["wire"], &step["outcome"]), (&json!("notify"), &json!("passed")), "{step}");
    assert_eq!(step["detail"], "the demotion came out of the outbox; hook took a test message");
    let told = awake.wait_for(1)[0].json();
    assert_eq!(
        (&told["type"], &told["data"]["is_test"], told["data"]["headline"].as_str().unwrap().contains("test")),
        (&json!("andon.drill.test"), &json!(true), true)
    );
    app.passes();
    let told = awake.wait_for(2);
    assert_ne!(told[0].id(), told[1].id());
    assert_eq!((awake.received().len(), asleep.received().len()), (2, 0), "the lane's demotion is nobody's news");
    // A way that leads nowhere is a failed drill, which everybody is told of who can be.
    awake.always("500 Internal Server Error");
    let drilled = app.drill();
    assert_eq!(super::drill::wires(&drilled, "failed"), ["notify"], "{drilled:#}");
    let told = asleep.wait_for(1)[0].json();
    assert_eq!((&told["type"], &told["data"]["severity"]), (&json!("andon.drill.failed"), &json!("critical")));
    assert!(told["data"]["reason"].as_str().unwrap().starts_with("notify: "), "{told:#}");
    until("nothing waits", || app.target("asleep")["pending"] == 0);
    assert_eq!(asleep.received().len(), 1, "the incident of it is told by it");
}
