//! Notifications by mail: a real conversation with a small server, what arrives, with whom, and how often.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, until};
use super::mail_server::MailServer as Server;
use super::metrics::Scrape;
use super::notify::QUICK;
use serde_json::{Value, json};

fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    let found = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {mail}"))
}

#[track_caller]
fn started(server: &Server, more: &str) -> TestApp {
    started_within(server, "", more)
}

#[track_caller]
fn started_within(server: &Server, limits: &str, more: &str) -> TestApp {
    let house = House::folder();
    let target = server.target(&house, more);
    house.start(&format!("{QUICK}{limits}\n{target}{DRAFTS}"))
}

#[test]
fn a_mail_has_the_headers_that_make_it_recognisable_and_a_text_that_tells_what_to_do() {
    let server = Server::start();
    let app = started(&server, "tls = \"none\"\nusername = \"andon\"\npassword_file = \"password\"");
    app.fail("drafts");
    let mail = server.mails(1)[0].clone();
    insta::assert_snapshot!("mail", mail);
    app.post("/v1/incidents/drafts-1/resolve", &json!({"note": "a note\r\nBcc: everybody@example.com"})).ok();
    let resolved = server.mails(2)[1].clone();
    assert_eq!(header(&resolved, "References"), header(&mail, "References"), "mail of one incident belongs together");
    assert_ne!(header(&resolved, "Message-ID"), header(&mail, "Message-ID"));
    assert!(!resolved.lines().any(|line| line.starts_with("Bcc")), "{resolved}");
    let said = server.said();
    assert_eq!(said.iter().filter(|line| line.starts_with("RCPT TO")).count(), 4, "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("AUTH PLAIN")), "{said:?}");
    until("nothing waits", || app.target("mail")["pending"] == 0);
    assert_eq!(app.target("mail")["host"], format!("127.0.0.1:{}", server.address.port()));
    assert!(!app.get("/v1/notifications").text().contains("hunter2"));
}

#[test]
fn a_repeat_has_the_same_id_and_what_is_never_taken_is_given_up() {
    let server = Server::start();
    let app = started(&server, "tls = \"none\"");
    server.rule(".", "451 come back later");
    app.fail("drafts");
    until("it failed", || app.target("mail")["last_error"] == "the mail server answered 451");
    server.take_all();
    app.advance(5_000);
    let id = header(&server.mails(1)[0], "Message-ID").to_owned();
    assert!(id.starts_with("<ledger-") && id.ends_with("@example.com>"), "{id}");
    server.rule(".", "554 no such thing");
    app.post("/v1/incidents/drafts-1/acknowledge", &json!({})).ok();
    until("it is given up", || app.target("mail")["dead"] == 1);
    assert_eq!(app.target("mail")["dead_letters"][0]["error"], "the mail server answered 554");
}

/// A server that offers no encryption gets neither the mail nor the password.
#[test]
fn no_encryption_is_no_mail_where_encryption_is_declared() {
    let server = Server::start();
    let app = started(&server, "username = \"andon\"\npassword_file = \"password\"");
    app.fail("drafts");
    until("it failed", || app.target("mail")["failures"] == 1);
    let said = server.said();
    assert!(
        !said.is_empty() && said.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")),
        "{said:?}"
    );
    let error = app.target("mail")["last_error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("the mail server "), "{error}");
}

const REFUSED: &str = "the mail server answered 550 for 1 of 2 recipients: the others have the message";

fn has_refused(app: &TestApp, count: f64) -> bool {
    Scrape::of(app).is("andon_notification_recipients_refused_total{target=mail}", count)
}

#[test]
fn one_recipient_that_is_refused_keeps_the_mail_from_nobody_else() {
    let server = Server::start();
    let app = started(&server, "tls = \"none\"");
    assert!(has_refused(&app, 0.0));
    server.rule("RCPT TO:<ann", "550 who is ann@example.com?");
    app.fail("drafts");
    server.mails(1);
    until("it is noted", || app.target("mail")["last_error"] == REFUSED);
    let target = app.target("mail");
    assert_eq!((&target["pending"], &target["dead"], &target["failures"]), (&json!(0), &json!(0), &json!(0)));
    assert!(!target.to_string().contains("ann"), "no addresses: {target}");
    assert_eq!(server.taken(), [["on-call@example.com"]]);
    assert!(has_refused(&app, 1.0));
    assert!(Scrape::of(&app).is("andon_notifications_total{result=delivered,target=mail}", 1.0));
    let tested = app.post("/v1/notifications/mail/test", &json!({})).ok();
    assert_eq!((&tested["delivered"], &tested["error"]), (&json!(true), &json!(REFUSED)));
    server.take_all();
    app.post("/v1/incidents/drafts-1/acknowledge", &json!({})).ok();
    until("all is well again", || app.target("mail")["last_error"] == Value::Null);
    assert_eq!(server.taken()[2].len(), 2);
}

#[test]
fn a_repeat_goes_only_to_those_who_have_not_got_it() {
    let server = Server::start();
    let app = started(&server, "tls = \"none\"");
    server.rule("RCPT TO:<ann", "450 her mailbox is busy");
    app.fail("drafts");
    until("it failed", || app.target("mail")["failures"] == 1);
    assert_eq!(app.target("mail")["last_error"], "the mail server answered 450 for 1 of 2 recipients");
    // A test in between is for everybody, and makes nobody forget.
    let tested = app.post("/v1/notifications/mail/test", &json!({})).ok();
    assert_eq!(tested["delivered"], false, "{tested}");
    // A mailbox that is full is not full for ever.
    server.rule("RCPT TO:<ann", "552 her mailbox is full");
    app.advance(5_000);
    until("it failed again", || app.target("mail")["failures"] == 2);
    server.take_all();
    app.advance(60_000);
    let mails = server.mails(3);
    until("nothing waits", || app.target("mail")["pending"] == 0);
    assert_eq!(server.taken(), [["on-call@example.com"], ["on-call@example.com"], ["ann@example.com"]]);
    assert_eq!(mails[0], mails[2].replace(header(&mails[2], "Date"), header(&mails[0], "Date")), "the same mail");
    assert!(has_refused(&app, 0.0) && server.mails(3).len() == 3);
}

#[test]
fn a_mail_that_nobody_may_get_is_given_up_and_can_be_tried_again_for_all() {
    let server = Server::start();
    let app = started(&server, "tls = \"none\"");
    server.rule("RCPT TO:<ann", "550 who?");
    server.rule("RCPT TO:<on-call", "451 not now");
    app.fail("drafts");
    until("it waits for the other one", || app.target("mail")["failures"] == 1);
    server.rule("RCPT TO:<on-call", "553 never");
    app.advance(5_000);
    until("it is given up", || app.target("mail")["dead"] == 1);
    assert_eq!(server.mails(0).len(), 0, "without a recipient there is no mail");
    server.take_all();
    app.post("/v1/notifications/mail/retry", &json!({})).ok();
    server.mails(1);
    assert_eq!(server.taken()[0].len(), 2);
}

/// Such an answer is about the set-up or the server, and people mend those.
#[test]
fn a_refusal_before_the_recipients_costs_no_message() {
    let server = Server::start();
    let app = started(&server, "tls = \"none\"\nusername = \"andon\"\npassword_file = \"password\"");
    let stages: [(&str, &dyn Fn()); 4] = [
        ("connect", &|| app.fail("drafts")),
        ("EHLO", &|| drop(app.post("/v1/incidents/drafts-1/acknowledge", &json!({})).ok())),
        ("AUTH", &|| drop(app.post("/v1/incidents/drafts-1/resolve", &json!({"note": "mended"})).ok())),
        ("MAIL FROM", &|| drop(app.post("/v1/workflows/drafts/annulments", &json!({"reason": "a test"})).ok())),
    ];
    for (said, happens) in stages {
        server.rule(said, "554 not you");
        happens();
        until(said, || app.target("mail")["last_error"] == "the mail server answered 554");
        let target = app.target("mail");
        assert_eq!((&target["dead"], &target["pending"]), (&json!(0), &json!(1)), "{said}");
        server.take_all();
        app.advance(5_000);
        until("it arrives after all", || app.target("mail")["pending"] == 0);
    }
}

/// A read that waits is ended by `timeout`; so must be one that gets a byte now and then.
#[test]
fn a_server_that_dribbles_keeps_nobody_for_longer_than_an_attempt_may_take() {
    let server = Server::start();
    let app = started_within(&server, "timeout = \"300ms\"", "tls = \"none\"");
    server.rule("connect", Server::DRIBBLE);
    app.fail("drafts");
    until("it failed", || app.target("mail")["last_error"] == "the mail server took too long");
    server.rule("connect", Server::ENDLESS);
    app.advance(5_000);
    let much = "the mail server says more than any mail server has to say";
    until("it failed again", || app.target("mail")["last_error"] == much);
    server.take_all();
    app.advance(60_000);
    server.mails(1);
    until("nothing waits", || app.target("mail")["pending"] == 0);
}
