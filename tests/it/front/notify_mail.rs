//! Notifications by mail: a real conversation with a small server that takes what it is given.
//!
//! The server owns as much of SMTP (RFC 5321) as a client needs; what it refuses, the test says.

#![cfg(test)]

use super::harness::{DRAFTS, House, TestApp, until};
use super::notify::QUICK;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct State {
    /// What clients said, line by line, and the mails in between.
    said: Vec<String>,
    mails: Vec<String>,
    /// What is answered to the end of a mail.
    refuses: Option<String>,
}

#[derive(Clone)]
struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let own = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that goes away in the middle ends its conversation.
                let _ = own.talk(&stream);
            }
        });
        server
    }

    fn talk(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        stream.write_all(b"220 mail.example.com ESMTP\r\n")?;
        while let Some(line) = lines.next().transpose()? {
            let word = line.split(' ').next().unwrap_or_default().to_uppercase();
            self.state.lock().unwrap().said.push(line.clone());
            match word.as_str() {
                "EHLO" => stream.write_all(b"250-mail.example.com\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n")?,
                "AUTH" => stream.write_all(b"235 welcome\r\n")?,
                "DATA" => {
                    stream.write_all(b"354 go on\r\n")?;
                    let mut mail = String::new();
                    while let Some(line) = lines.next().transpose()? {
                        if line == "." {
                            break;
                        }
                        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.push('\n');
                    }
                    let refuses = self.state.lock().unwrap().refuses.clone();
                    if refuses.is_none() {
                        self.state.lock().unwrap().mails.push(mail);
                    }
                    stream.write_all(format!("{}\r\n", refuses.as_deref().unwrap_or("250 taken")).as_bytes())?;
                }
                "QUIT" => return stream.write_all(b"221 bye\r\n"),
                _ => stream.write_all(b"250 fine\r\n")?,
            }
        }
        Ok(())
    }

    fn refuse(&self, answer: Option<&str>) {
        self.state.lock().unwrap().refuses = answer.map(str::to_owned);
    }

    #[track_caller]
    fn mails(&self, count: usize) -> Vec<String> {
        until("the mails are there", || self.state.lock().unwrap().mails.len() >= count);
        self.state.lock().unwrap().mails.clone()
    }

    fn target(&self, house: &House, more: &str) -> String {
        std::fs::write(house.folder.path().join("password"), "hunter2-hunter2\n").unwrap();
        format!(
            "[[notify]]\nname = \"mail\"\nkind = \"email\"\nhost = \"127.0.0.1\"\nport = {}\nallow_private = true\n\
             from = \"andon <andon@example.com>\"\nto = [\"on-call@example.com\", \"Ann <ann@example.com>\"]\n{more}\n",
            self.address.port()
        )
    }
}

fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    let found = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {mail}"))
}

#[track_caller]
fn started(server: &Server, more: &str) -> TestApp {
    let house = House::folder();
    let target = server.target(&house, more);
    house.start(&format!("{QUICK}{target}{DRAFTS}"))
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
    let said = server.state.lock().unwrap().said.clone();
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
    server.refuse(Some("451 come back later"));
    app.fail("drafts");
    until("it failed", || app.target("mail")["last_error"] == "the mail server answered 451");
    server.refuse(None);
    app.advance(5_000);
    let id = header(&server.mails(1)[0], "Message-ID").to_owned();
    assert!(id.starts_with("<ledger-") && id.ends_with("@example.com>"), "{id}");
    server.refuse(Some("554 no such thing"));
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
    let said = server.state.lock().unwrap().said.clone();
    assert!(
        !said.is_empty() && said.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")),
        "{said:?}"
    );
    let error = app.target("mail")["last_error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("the mail server "), "{error}");
}
