//! A daemon in this process, on port 0, with a clock that the test moves and a store that may fail.
//!
//! Owns start, stop, crash and the passing of time. A `House` is what survives a daemon: the clock,
//! the configuration file and the disk. There are no sleeps: time passes on the driver's own thread.

#![cfg(test)]

use super::http::{Answer, try_send};
use andon::app::App;
use andon::clock::ManualClock;
use andon::config;
use andon::domain::Time;
use andon::driver::Driver;
use andon::store::memory::{FaultyDisk, MemoryBook};
use andon::store::{Beside, Book, JournalSettings, Store, StoreOptions};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use tempfile::TempDir;

/// A Friday.
pub(crate) const START: &str = "2026-11-20T10:00:00Z";

/// One workflow in automate that three failures in a row bring down.
pub(crate) const DRAFTS: &str = r#"
[[workflow]]
id = "drafts"
owner = "marketing"
start_mode = "automate"
runbook = "https://wiki.example.com/drafts"
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = { collaborate = 0.20, delegate = 0.05, automate = 0.02 }
  block = 1
"#;

/// Where a store lives.
#[derive(Clone)]
pub(crate) enum Home {
    Folder,
    Memory(FaultyDisk, MemoryBook),
}

/// What survives a daemon.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) home: Home,
    pub(crate) folder: Arc<TempDir>,
    /// More of `[server]` and `[store]`.
    pub(crate) server: &'static str,
    pub(crate) store: &'static str,
}

impl House {
    /// A store in a folder, as in production.
    pub(crate) fn folder() -> Self {
        let clock = Arc::new(ManualClock::new(START.parse::<Time>().unwrap()));
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self { clock, home: Home::Folder, folder, server: "", store: "" }
    }

    /// A store on twins that fail on demand.
    pub(crate) fn memory() -> Self {
        Self { home: Home::Memory(FaultyDisk::new(), MemoryBook::new()), ..Self::folder() }
    }

    pub(crate) fn disk(&self) -> &FaultyDisk {
        let Home::Memory(disk, _) = &self.home else { panic!("a store in a folder has no faults") };
        disk
    }

    pub(crate) fn book(&self) -> &MemoryBook {
        let Home::Memory(_, book) = &self.home else { panic!("a store in a folder has no faults") };
        book
    }

    /// The house as it is found after the power went: what was not synced is gone, or a part of it.
    pub(crate) fn crash(&self, seed: Option<u64>) -> Self {
        let home = Home::Memory(self.disk().crash(seed), self.book().crash());
        Self { home, ..self.clone() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("andon.toml")
    }

    /// Writes the configuration file.
    pub(crate) fn configure(&self, rest: &str) {
        let Self { server, store, .. } = self;
        let path = self.folder.path().join("data").display().to_string();
        // Drills come when a test asks for one, not when it lets days pass.
        let drill = if rest.contains("[drill]") { "" } else { "[drill]\nevery = \"never\"\n" };
        // Reports likewise.
        let report = if rest.contains("[report]") { "" } else { "[report]\nkeep_weeks = 0\n" };
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n{server}\n[store]\npath = {path:?}\n{store}\n\
             [budget]\noutputs_per_false_demotion = 1000\n{rest}\n{drill}{report}"
        );
        std::fs::write(self.file(), text).unwrap();
    }

    pub(crate) fn start(&self, rest: &str) -> TestApp {
        self.start_with_book(rest, None)
    }

    /// Starts with another book around the one of the house.
    pub(crate) fn start_with_book(&self, rest: &str, book: Option<Arc<dyn Book>>) -> TestApp {
        self.configure(rest);
        let text = std::fs::read_to_string(self.file()).unwrap();
        let settings = config::load(&text, "andon.toml").unwrap_or_else(|problems| panic!("{problems}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Arc::clone(&self.clock);
        let app = match &self.home {
            Home::Folder => runtime.block_on(App::start(settings, Some(self.file()), clock)),
            Home::Memory(disk, own) => {
                // Everything in the same order each time, so that a fault hits what the test means.
                let journal = JournalSettings { segment_bytes: 1 << 20, beside: Beside::InPlace };
                let (mut store, _) = Store::memory(disk.clone(), own.clone(), StoreOptions { journal }).unwrap();
                if let Some(book) = book {
                    store.book = book;
                }
                runtime.block_on(App::start_on(store, settings, Some(self.file()), clock))
            }
        };
        let app = app.unwrap_or_else(|error| panic!("{error}"));
        TestApp { house: self.clone(), address: app.address(), app: Some(app), runtime }
    }
}

/// A running daemon.
pub(crate) struct TestApp {
    pub(crate) house: House,
    pub(crate) address: SocketAddr,
    app: Option<App>,
    runtime: tokio::runtime::Runtime,
}

impl TestApp {
    pub(crate) fn driver(&self) -> Driver {
        self.app.as_ref().unwrap().driver().clone()
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Lets time pass, all of it at once, and whatever is due then happen.
    pub(crate) fn advance(&self, ms: i64) {
        let clock = Arc::clone(&self.house.clock);
        // On the driver's thread, so that it never sees one of the two clocks without the other.
        self.block_on(self.driver().read(move |_, _| clock.advance(ms))).unwrap();
        self.driver().wake();
        self.settle();
    }

    /// Waits until the driver has done all that was asked of it.
    pub(crate) fn settle(&self) {
        self.block_on(self.driver().read(|_, _| ())).unwrap();
    }

    /// Holds up the driver until what is returned is dropped.
    pub(crate) fn hold(&self) -> Sender<()> {
        let (release, held) = channel::<()>();
        let (enter, entered) = channel::<()>();
        let driver = self.driver();
        let look = move |_: &_, _: Time| {
            drop(enter);
            let _ = held.recv();
        };
        drop(self.runtime.spawn(async move { driver.read(look).await }));
        assert!(entered.recv().is_err());
        release
    }

    pub(crate) fn now(&self) -> Time {
        andon::clock::Clock::now(&*self.house.clock)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        try_send(self.address, method, path, headers, body)
            .unwrap_or_else(|| panic!("{method} {path}: the connection broke"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Sends events that must all be taken; the answer.
    #[track_caller]
    pub(crate) fn take(&self, events: &[Value]) -> Value {
        let answer = self.post("/v1/events", &Value::from(events.to_vec())).ok();
        assert_eq!(answer["rejected"], json!([]), "{answer}");
        assert_eq!(answer["accepted"], events.len(), "{answer}");
        answer
    }

    pub(crate) fn mode(&self, workflow: &str) -> Value {
        self.get(&format!("/v1/workflows/{workflow}/mode")).ok()
    }

    pub(crate) fn workflow(&self, workflow: &str) -> Value {
        self.get(&format!("/v1/workflows/{workflow}")).ok()
    }

    /// All entries of the ledger.
    pub(crate) fn ledger(&self) -> Vec<Value> {
        self.get("/v1/ledger?limit=1000").ok()["entries"].as_array().unwrap().clone()
    }

    /// Stops in good order; what is left is the house.
    pub(crate) fn stop(mut self) -> House {
        let app = self.app.take().unwrap();
        self.runtime.block_on(app.stop());
        self.house.clone()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            self.runtime.block_on(app.stop());
        }
    }
}

/// A good output.
pub(crate) fn output(id: impl std::fmt::Display) -> Value {
    json!({"id": id.to_string(), "workflow": "drafts", "outcome": "ok"})
}

/// A failed one.
pub(crate) fn failure(id: impl std::fmt::Display) -> Value {
    json!({"id": id.to_string(), "workflow": "drafts", "outcome": "exception", "exception": "timeout"})
}

/// An event with other or more fields.
pub(crate) fn with(mut event: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// Polls until a condition holds; half a minute at most.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    panic!("in vain: {what}");
}
