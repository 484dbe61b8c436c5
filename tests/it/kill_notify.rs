//! The real daemon, killed while it tells: nothing is lost, nothing overtakes, and repeats are known as such.
//!
//! A receiver of webhooks has what a user's would have: the body, the headers, the secret.

#![cfg(test)]

use super::front::http::try_send;
use super::front::receiver::{Received, Receiver, SECRET};
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
    let (mut daemon, mut lost) = (Daemon::start(&config), BTreeSet::new());
    for kill in 0..KILLS {
        // Some attempts fail, some don't, and then one is in the receiver's hands when the daemon dies.
        let taken = ["204 No Content"].repeat(kill + 1);
        receiver.answer_only(&[&["503 Service Unavailable"], &taken[..], &["500 Internal Server Error"]].concat());
        for n in 0..EACH {
            let path = format!("/v1/workflows/w{}/mode", kill * EACH + n);
            let body = json!({"mode": "assist", "reason": "by hand"}).to_string();
            let headers = [("content-type", "application/json")];
            let answer = try_send(daemon.address, "POST", &path, &headers, body.as_bytes()).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let is_open = |one: &Received| one.answer.is_none() && !lost.contains(&one.id());
        until("one is on its way", || receiver.received().iter().any(is_open));
        daemon.kill();
        let open: Vec<String> = receiver.received().iter().filter(|one| is_open(one)).map(Received::id).collect();
        assert_eq!(open.len(), 1, "one at a time: {open:?}");
        lost.extend(open);
        receiver.let_go();
        daemon = Daemon::start(&config);
    }
    until("all are told", || taken(&receiver).len() == KILLS * EACH);
    assert!(lost.is_subset(&taken(&receiver)), "what was on its way at a kill comes again: {lost:?}");
    let received = receiver.received();
    assert!(received.iter().all(|one| one.is_signed(SECRET)));
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

/// The ids of what the receiver said that it took.
fn taken(receiver: &Receiver) -> BTreeSet<String> {
    receiver.received().iter().filter(|one| one.is_taken()).map(Received::id).collect()
}
