//! A receiver of notifications on a real socket: it keeps what comes and answers as the test wants.
//!
//! Owns no expectation but that of a receiver: a webhook must be signed with the shared secret.

#![cfg(test)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// The secret of the tests' webhooks.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// What was answered; `None` as long as nothing was, and for ever where the sender was gone by then.
    pub(crate) answer: Option<String>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn id(&self) -> String {
        self.header("webhook-id").unwrap().to_owned()
    }

    pub(crate) fn headline(&self) -> String {
        self.json()["data"]["headline"].as_str().unwrap().to_owned()
    }

    /// Whether the sender was told that it was taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.starts_with('2'))
    }

    /// Whether it is signed with a secret, as a receiver would find out.
    pub(crate) fn is_signed(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let (id, at) = (self.header("webhook-id").unwrap(), self.header("webhook-timestamp").unwrap());
        mac.update([id.as_bytes(), b".", at.as_bytes(), b".", &self.body].concat().as_slice());
        let own = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").unwrap().split(' ').any(|given| given == own)
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    /// Answers to the next requests; after these 200.
    answers: VecDeque<String>,
    /// What is answered when there is no other.
    standing: String,
    held: bool,
    /// Whether it holds what comes when the answers are used up.
    is_strict: bool,
    /// Requests of earlier rounds get no answer any more.
    round: u64,
}

impl State {
    fn is_held(&self) -> bool {
        self.held || self.is_strict && self.answers.is_empty()
    }
}

/// The receiver. Clones are the same.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = State { standing: "204 No Content".into(), ..State::default() };
        let receiver =
            Self { address: listener.local_addr().unwrap(), state: Arc::new((Mutex::new(state), Condvar::new())) };
        let own = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                std::thread::spawn(move || own.serve(stream));
            }
        });
        receiver
    }

    /// One that is not there any more.
    pub(crate) fn gone() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address, state: Arc::default() }
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(received) = read(&stream) else { return };
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        let (at, round) = (state.received.len(), state.round);
        state.received.push(received);
        let mut state = changed.wait_while(state, |state| state.is_held() && state.round == round).unwrap();
        if state.round != round {
            return;
        }
        let answer = state.answers.pop_front().unwrap_or_else(|| state.standing.clone());
        state.received[at].answer = Some(answer.clone());
        drop(state);
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        // Whoever asked may have gone away.
        drop(stream.write_all(answer.as_bytes()));
    }

    /// Answers the next requests with these.
    pub(crate) fn answer(&self, answers: &[&str]) {
        self.state.0.lock().unwrap().answers.extend(answers.iter().map(|answer| (*answer).to_owned()));
    }

    /// Answers the next requests with these, and holds those that come after.
    pub(crate) fn answer_only(&self, answers: &[&str]) {
        let mut state = self.state.0.lock().unwrap();
        (state.is_strict, state.answers) = (true, answers.iter().map(|answer| (*answer).to_owned()).collect());
        drop(state);
        self.state.1.notify_all();
    }

    /// Answers all requests with this, from now on.
    pub(crate) fn always(&self, answer: &str) {
        self.state.0.lock().unwrap().standing = answer.to_owned();
    }

    /// Takes requests and answers none, or goes on.
    pub(crate) fn hold(&self, held: bool) {
        self.state.0.lock().unwrap().held = held;
        self.state.1.notify_all();
    }

    /// The sender is gone: what is held gets no answer, and whatever comes next does.
    pub(crate) fn let_go(&self) {
        let mut state = self.state.0.lock().unwrap();
        (state.held, state.is_strict, state.round) = (false, false, state.round + 1);
        drop(state);
        self.state.1.notify_all();
    }

    /// Everything that came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.0.lock().unwrap().received.clone()
    }

    /// The first lines of all webhooks that came so far.
    pub(crate) fn headlines(&self) -> Vec<String> {
        self.received().iter().map(Received::headline).collect()
    }

    /// Everything that came, once there are so many of it.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        super::until(&format!("{count} notifications"), || self.received().len() >= count);
        self.received()
    }

    /// A target of kind `webhook` that leads here; its files are written into the folder of the house.
    pub(crate) fn webhook(&self, folder: &std::path::Path, name: &str, more: &str) -> String {
        std::fs::write(folder.join(format!("{name}.secret")), SECRET).unwrap();
        format!(
            "[[notify]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"http://{}/hook?key=in-the-address\"\n\
             secret_file = \"{name}.secret\"\nallow_http = true\nallow_private = true\n{more}\n",
            self.address
        )
    }
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let received = Received { head, body: Vec::new(), answer: None };
    let length = received.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { body, ..received })
}
