//! The real daemon, killed while it tells: nothing is lost, nothing overtakes, and repeats are known as such.
//!
//! A receiver of webhooks has what a user's would have: the body, the headers, the secret.

#![cfg(test)]

use super::front::http::try_send;
use super::front::receiver::{Receiver, SECRET};
use super::front::until;
use super::kill::Daemon;
use serde_json::json;
use std::collections::BTreeSet;

const KILLS: usize = 5;
const EACH: usize = 12;

#[test]
fn five_kills_lose_no_notification_and_none_overtakes_another() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let config = folder.path().join("andon.toml");
    let workflows: String =
        (0..KILLS * EACH).map(|n| format!("[[workflow]]\nid = \"w{n}\"\nstart_mode = \"automate\"\n")).collect();
    let data = folder.path().join("data").display().to_string();
    let target = receiver.webhook(folder.path(), "hook", "");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[store]\npath = {data:?}\n[drill]\nevery = \"never\"\n\
         [notifications]\nsettle = \"0s\"\nfirst_backoff = \"100ms\"\nmax_backoff = \"100ms\"\n{target}{workflows}"
    );
    std::fs::write(&config, text).unwrap();
    let mut daemon = Daemon::start(&config);
    for kill in 0..KILLS {
        // Some attempts fail, and one is in the receiver's hands when the daemon dies.
        receiver.answer(&["503 Service Unavailable", "204 No Content", "500 Internal Server Error"]);
        for n in 0..EACH {
            let path = format!("/v1/workflows/w{}/mode", kill * EACH + n);
            let body = json!({"mode": "assist", "reason": "by hand"}).to_string();
            let headers = [("content-type", "application/json")];
            let answer = try_send(daemon.address, "POST", &path, &headers, body.as_bytes()).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let before = receiver.received().len();
        until("some are told", || receiver.received().len() > before + kill);
        receiver.hold(true);
        let at = receiver.received().len();
        until("one is on its way", || receiver.received().len() > at || told(&receiver).len() == (kill + 1) * EACH);
        daemon.kill();
        receiver.hold(false);
        daemon = Daemon::start(&config);
    }
    until("all are told", || told(&receiver).len() == KILLS * EACH);
    let received = receiver.received();
    assert!(received.iter().all(|one| one.is_signed(SECRET)));
    assert!(received.len() > KILLS * EACH, "there must have been repeats, or nothing was tried");
    // The same id is the same body, and the first of each came in the order of the ledger.
    let mut seen: Vec<(String, String)> = Vec::new();
    for one in &received {
        let told = (one.id(), one.headline());
        let known = seen.iter().find(|(id, _)| *id == told.0).cloned();
        match known {
            Some(known) => assert_eq!(known, told, "another message under the same id"),
            None => seen.push(told),
        }
    }
    let in_order: Vec<String> =
        (0..KILLS * EACH).map(|n| format!("w{n} was lowered from automate to assist")).collect();
    assert_eq!(seen.into_iter().map(|(_, headline)| headline).collect::<Vec<_>>(), in_order);
}

fn told(receiver: &Receiver) -> BTreeSet<String> {
    receiver.received().iter().map(super::front::receiver::Received::id).collect()
}
