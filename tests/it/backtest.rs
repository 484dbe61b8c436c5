//! Backtests through the front door: real stores that the engine wrote, read by the real command.
//!
//! Owns the writing of such a past. The clock is moved by hand; a daemon's looks at it are `tick`s.

#![cfg(test)]

mod alerts;
mod beside;
mod differences;
mod same;
mod wrong;

use super::cli::{andon, json, text};
use andon::clock::ManualClock;
use andon::config;
use andon::domain::{Action, Command, Input, Outcome, OutputEvent, Policy, Time, WorkflowId};
use andon::driver::{Board, Engine, EngineOptions, EventBatch};
use andon::metrics::Metrics;
use andon::store::{Beside, JournalSettings, Store, StoreOptions};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Small segments, packed at once.
const STORE: StoreOptions = StoreOptions { journal: JournalSettings { segment_bytes: 4_096, beside: Beside::InPlace } };

/// A workflow in automate that a few failures bring down.
const DRAFTS: &str = r#"
[[workflow]]
id = "drafts"
start_mode = "automate"
evidence_valid = "30d"
  [[workflow.guard]]
  signal = "exception_rate"
  name = "exceptions"
  bound = 0.05
  block = 1
"#;

fn start() -> Time {
    "2026-11-02T08:00:00Z".parse().unwrap()
}

fn policy(text: &str) -> Policy {
    config::load(text, "test.toml").unwrap_or_else(|problems| panic!("{problems}")).policy
}

/// A store while its past is made.
struct Past {
    folder: PathBuf,
    engine: Engine,
    now: Time,
    sent: u64,
}

impl Past {
    fn new(folder: &Path, text: &str) -> Self {
        let mut past = Self::open(folder, start());
        past.input(Input::Started { version: "test".into() });
        past.load(text);
        past
    }

    fn open(folder: &Path, now: Time) -> Self {
        let (store, _) = Store::open(&folder.join("store"), STORE).unwrap_or_else(|error| panic!("{error}"));
        let options = EngineOptions { dedup_window_ms: 48 * Time::HOUR, dedup_max: 100_000, check_times: true };
        let board = Arc::new(Board::new(Arc::new(ManualClock::new(now))));
        let (engine, _) = Engine::open(store, board, Metrics::new().unwrap(), options, now).unwrap();
        Self { folder: folder.to_owned(), engine, now, sent: 0 }
    }

    /// A stop in good order, some time, and a start.
    fn restart(mut self, away_ms: i64) -> Self {
        let (now, sent, folder) = (self.now, self.sent, self.folder.clone());
        self.engine.save(now).unwrap();
        drop(self);
        let mut past = Self { sent, ..Self::open(&folder, now.plus(away_ms)) };
        past.input(Input::Started { version: "test".into() });
        past.engine.tick(past.now).unwrap();
        past
    }

    fn input(&mut self, input: Input) {
        self.engine.input(self.now, input).unwrap();
    }

    fn load(&mut self, text: &str) {
        self.input(Input::Policy(Box::new(policy(text))));
    }

    fn order(&mut self, action: Action) {
        self.input(Input::Command(Command::new("ada", action)));
    }

    /// Time passes, and the daemon looks at the clock.
    fn pass(&mut self, ms: i64) {
        self.now = self.now.plus(ms);
        self.engine.tick(self.now).unwrap();
    }

    fn event(&mut self, workflow: &str, is_failed: bool) -> OutputEvent {
        self.sent += 1;
        let outcome = if is_failed { Outcome::Exception } else { Outcome::Ok };
        OutputEvent::new(&format!("o-{}", self.sent), WorkflowId::new(workflow).unwrap(), outcome)
    }

    /// One request with outputs; what was taken of it.
    fn request(&mut self, events: Vec<OutputEvent>) -> usize {
        let items = events.into_iter().enumerate().collect();
        let taken = self.engine.events(self.now, EventBatch::new(items, Vec::new()).unwrap()).unwrap();
        taken.accepted
    }

    /// Outputs, one a minute, each in a request of its own.
    fn minutes(&mut self, workflow: &str, outputs: usize, is_failed: bool) {
        for _ in 0..outputs {
            self.pass(Time::MINUTE);
            let event = self.event(workflow, is_failed);
            assert_eq!(self.request(vec![event]), 1, "{workflow}");
        }
    }
}

/// Writes a candidate beside the store and runs the command on both.
fn report(folder: &Path, candidate: &str, more: &[&str]) -> Value {
    write(folder, candidate);
    json(folder, &[&["backtest", "--config", "candidate.toml", "--store", "store", "--json"], more].concat())
}

fn printed(folder: &Path, candidate: &str, more: &[&str]) -> String {
    write(folder, candidate);
    let output = andon(folder, &[&["backtest", "--config", "candidate.toml", "--store", "store"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn write(folder: &Path, candidate: &str) {
    std::fs::write(folder.join("candidate.toml"), candidate).unwrap();
}

fn workflow<'a>(report: &'a Value, id: &str) -> &'a Value {
    let all = report["workflows"].as_array().unwrap();
    all.iter().find(|workflow| workflow["id"] == id).unwrap_or_else(|| panic!("{id}: {report:#}"))
}

/// Every file of a folder with its bytes and the time of its last change.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap(), path.metadata().unwrap().modified().unwrap()));
        }
    }
    found.sort();
    found
}
