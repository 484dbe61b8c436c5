//! A small mail server for tests: as much of SMTP (RFC 5321) as a client needs.
//!
//! Owns the conversation. What it refuses, and how it misbehaves, the test says, line by line.

#![cfg(test)]

use super::harness::{House, until};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct State {
    /// What clients said, line by line.
    said: Vec<String>,
    /// The mails that were taken, and for whom.
    mails: Vec<(Vec<String>, String)>,
    /// What is answered to a line that begins so; `connect` is the beginning, and `.` the end of a mail.
    rules: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl MailServer {
    /// An answer that never ends, and comes a little at a time …
    pub(crate) const DRIBBLE: &str = "dribble";
    /// … and one of which no line ever ends, as fast as it goes.
    pub(crate) const ENDLESS: &str = "endless";

    pub(crate) fn start() -> Self {
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
        if !self.answer(stream, "connect", "220 mail.example.com ESMTP")? {
            return Ok(());
        }
        let mut to = Vec::new();
        while let Some(line) = lines.next().transpose()? {
            let word = line.split(' ').next().unwrap_or_default().to_uppercase();
            self.state.lock().unwrap().said.push(line.clone());
            match word.as_str() {
                "EHLO" => self.answer(stream, &line, "250-mail.example.com\r\n250-AUTH PLAIN\r\n250 8BITMIME")?,
                "AUTH" => self.answer(stream, &line, "235 welcome")?,
                "RCPT" => {
                    let took = self.answer(stream, &line, "250 fine")?;
                    if took {
                        to.push(line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned());
                    }
                    took
                }
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
                    let took = !self.state.lock().unwrap().rules.contains_key(".");
                    if took {
                        self.state.lock().unwrap().mails.push((std::mem::take(&mut to), mail));
                    }
                    self.answer(stream, ".", "250 taken")?
                }
                "QUIT" => return stream.write_all(b"221 bye\r\n"),
                _ => self.answer(stream, &line, "250 fine")?,
            };
        }
        Ok(())
    }

    /// Answers as the rules say, else as usual; whether that was as usual.
    fn answer(&self, mut stream: &TcpStream, line: &str, usual: &str) -> std::io::Result<bool> {
        let rule = |state: &State| {
            state.rules.iter().find(|(prefix, _)| line.starts_with(prefix.as_str())).map(|(_, answer)| answer.clone())
        };
        let rule = rule(&self.state.lock().unwrap());
        match rule.as_deref() {
            Some(Self::DRIBBLE) => loop {
                stream.write_all(b"220-wait\r\n")?;
                std::thread::park_timeout(Duration::from_millis(20));
            },
            Some(Self::ENDLESS) => loop {
                stream.write_all(&[b'2'; 1 << 16])?;
            },
            answer => stream.write_all(format!("{}\r\n", answer.unwrap_or(usual)).as_bytes())?,
        }
        Ok(rule.is_none())
    }

    /// What begins with `prefix` is answered so from now on.
    pub(crate) fn rule(&self, prefix: &str, answer: &str) {
        self.state.lock().unwrap().rules.insert(prefix.to_owned(), answer.to_owned());
    }

    /// No rules any more.
    pub(crate) fn take_all(&self) {
        self.state.lock().unwrap().rules.clear();
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.clone()
    }

    /// The mails, once there are so many.
    #[track_caller]
    pub(crate) fn mails(&self, count: usize) -> Vec<String> {
        until("the mails are there", || self.state.lock().unwrap().mails.len() >= count);
        self.state.lock().unwrap().mails.iter().map(|(_, mail)| mail.clone()).collect()
    }

    /// For whom each of them was.
    pub(crate) fn taken(&self) -> Vec<Vec<String>> {
        self.state.lock().unwrap().mails.iter().map(|(to, _)| to.clone()).collect()
    }

    pub(crate) fn target(&self, house: &House, more: &str) -> String {
        std::fs::write(house.folder.path().join("password"), "hunter2-hunter2\n").unwrap();
        format!(
            "[[notify]]\nname = \"mail\"\nkind = \"email\"\nhost = \"127.0.0.1\"\nport = {}\nallow_private = true\n\
             from = \"andon <andon@example.com>\"\nto = [\"on-call@example.com\", \"Ann <ann@example.com>\"]\n{more}\n",
            self.address.port()
        )
    }
}
