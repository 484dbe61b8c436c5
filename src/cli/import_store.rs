//! `andon import` into a store of its own: the same way as the daemon's, on the rows' clock.
//!
//! Owns that clock, the groups that share a commit, and the rule that a store which holds something
//! else is left alone. What the numbers look like in the end is `import_report`'s.

use super::import::{Read, Sink};
use super::import_report::Report;
use super::refused::Refused;
use super::words;
use crate::app::store_options;
use crate::clock::ManualClock;
use crate::config::Settings;
use crate::domain::{Input, Time};
use crate::driver::{Board, Engine, EngineOptions, Past, Replayed};
use crate::metrics::Metrics;
use crate::monitor::Effect;
use crate::store::Store;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that share a commit.
const GROUP: usize = 1_000;

/// Writes a store.
pub(super) struct IntoStore {
    settings: Settings,
    folder: PathBuf,
    stage: Stage,
    /// The latest time so far: the clock never goes back.
    now: Time,
    group: Vec<(Time, Past)>,
    report: Report,
}

enum Stage {
    /// Open, and waiting for the first row, because the clock begins with it.
    Waiting(Option<Box<Store>>),
    /// At work.
    Running(Box<Engine>),
}

impl IntoStore {
    pub(super) fn open(settings: Settings, folder: PathBuf, append: bool) -> Result<Self, String> {
        let (store, _) = Store::open(&folder, store_options(&settings)).map_err(|error| error.to_string())?;
        let records = store.journal.durable_seq();
        if records > 0 && !append {
            return Err(format!(
                "the store `{}` holds {} records already, and an import begins with an empty one. Name another with --store DIR, remove this one, or write --append to go on with it",
                folder.display(),
                words::count(records)
            ));
        }
        let report = Report::new(&folder);
        let stage = Stage::Waiting(Some(Box::new(store)));
        Ok(Self { settings, folder, stage, now: Time::EPOCH, group: Vec::with_capacity(GROUP), report })
    }

    /// Starts at the time of the first row, or where the store had ended.
    fn start(&mut self, store: Store, first: Time) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("the store `{}`: {error}", self.folder.display());
        let metrics = Metrics::new().map_err(|error| failed(&error))?;
        let board = Arc::new(Board::new(Arc::new(ManualClock::new(first))));
        let options = EngineOptions {
            // Repeats are recognised over the whole table, however old it is.
            dedup_window_ms: i64::MAX,
            dedup_max: usize::try_from(self.settings.store.dedup_max).unwrap_or(usize::MAX),
            check_times: false,
        };
        let (mut engine, _) = Engine::open(store, board, metrics, options, first).map_err(|error| failed(&error))?;
        let ended = engine.monitor().workflows().values().map(|w| w.state.fresh_at.max(w.state.since)).max();
        self.now = ended.map_or(first, |ended| ended.max(first));
        self.report.begin(engine.monitor());
        let started = Input::Started { version: env!("CARGO_PKG_VERSION").to_owned() };
        let mut effects = engine.input(self.now, started).map_err(|error| failed(&error))?;
        if engine.monitor().policy().hash != self.settings.policy.hash {
            let policy = Input::Policy(Box::new(self.settings.policy.clone()));
            effects.extend(engine.input(self.now, policy).map_err(|error| failed(&error))?);
        }
        self.report.note(&effects);
        self.stage = Stage::Running(Box::new(engine));
        Ok(())
    }

    fn flush(&mut self, refused: &mut Refused) -> Result<(), String> {
        let Stage::Running(engine) = &mut self.stage else { return Ok(()) };
        let group = std::mem::replace(&mut self.group, Vec::with_capacity(GROUP));
        let about: Vec<_> = group.iter().map(|(_, past)| (past.workflow().clone(), is_output(past))).collect();
        let steps = engine.replay_in(group).map_err(|error| {
            format!(
                "the store `{}` refused a write: {error}. Go on with --append when it is well again",
                self.folder.display()
            )
        })?;
        for (step, (workflow, is_output)) in steps.into_iter().zip(about) {
            self.report.note(&step.before);
            match step.outcome {
                Replayed::New => self.report.taken(&workflow, is_output),
                Replayed::Repeat => self.report.repeat(),
                Replayed::Refused(refusal) => refused.add(&refusal, None),
            }
            self.report.note(&step.effects);
        }
        Ok(())
    }
}

const fn is_output(past: &Past) -> bool {
    matches!(past, Past::Output(_))
}

impl Sink for IntoStore {
    fn take(&mut self, past: Past, refused: &mut Refused) -> Result<(), String> {
        let time = past.time().unwrap_or(self.now);
        if let Stage::Waiting(store) = &mut self.stage
            && let Some(store) = store.take()
        {
            self.start(*store, time)?;
        }
        self.now = self.now.max(time);
        self.group.push((self.now, past));
        if self.group.len() >= GROUP { self.flush(refused) } else { Ok(()) }
    }

    fn end(&mut self, refused: &mut Refused) -> Result<(), String> {
        self.flush(refused)?;
        if let Stage::Running(engine) = &mut self.stage {
            engine.save(self.now).map_err(|error| format!("the last snapshot failed: {error}"))?;
            self.report.end(engine.monitor(), self.now);
        }
        Ok(())
    }

    fn report(&self, read: &Read, json: bool) {
        self.report.print(read, json);
    }
}

/// The entries among effects.
pub(super) fn entries(effects: &[Effect]) -> impl Iterator<Item = &crate::domain::Entry> {
    effects.iter().filter_map(|effect| if let Effect::Ledger(entry) = effect { Some(entry) } else { None })
}
