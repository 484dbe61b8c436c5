//! One drill from its first order to its last.
//!
//! Owns the order of the wires, their time limits, that one drill runs at a time, and what is said when the
//! result could not be recorded. What each wire must show is `wires`'s.

use super::probe::Probe;
use super::wires::{self, Seen};
use crate::clock::Clock;
use crate::config::DrillSettings;
use crate::domain::{
    Action, Command, Drill, DrillAct, DrillResult, DrillStep, Entry, Findings, StepOutcome, Time, What, Wire,
};
use crate::driver::Driver;
use crate::metrics::Metrics;
use crate::monitor::{Effect, ModeView};
use crate::notify::Notifier;
use crate::store::{Book, LedgerReader};
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;
use utoipa::ToSchema;

/// A drill runs already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a drill is running already, and two would spoil each other: ask for its result in a moment")]
pub struct Busy;

/// What a reader of modes is told.
#[derive(Debug, Clone)]
pub struct ModeTold {
    /// The mode.
    pub view: ModeView,
    /// Until when the answer holds.
    pub valid_until: Time,
}

/// A drill that ended, and whether the record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drilled {
    /// Whether every wire is connected and the result is recorded.
    pub passed: bool,
    /// The drill.
    pub drill: Drill,
    /// Why the result stands in no journal and no ledger, where it doesn't.
    pub unrecorded: Option<String>,
}

/// Runs drills, one at a time.
pub struct Conductor {
    pub(super) driver: Driver,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: DrillSettings,
    ledger: Arc<dyn LedgerReader>,
    book: Arc<dyn Book>,
    notifier: Arc<Notifier>,
    metrics: Metrics,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// When the daemon started.
    pub(super) started_at: Time,
    /// The last drill, if the record doesn't have it.
    unrecorded: Mutex<Option<Drilled>>,
    /// When a drill last began, milliseconds since 1970: one that can't be recorded isn't tried over and over.
    pub(super) attempted_ms: AtomicI64,
    /// When the next one was due when that was last asked for, milliseconds since 1970.
    pub(super) due_ms: AtomicI64,
}

impl Conductor {
    /// A conductor of a daemon's parts.
    pub fn new(
        driver: Driver,
        book: Arc<dyn Book>,
        ledger: Arc<dyn LedgerReader>,
        notifier: Arc<Notifier>,
        metrics: Metrics,
        settings: DrillSettings,
    ) -> Self {
        Self {
            clock: Arc::clone(driver.clock()),
            started_at: driver.clock().now(),
            driver,
            settings,
            ledger,
            book,
            notifier,
            metrics,
            turn: Arc::default(),
            unrecorded: Mutex::default(),
            attempted_ms: AtomicI64::new(i64::MIN),
            due_ms: AtomicI64::new(i64::MAX),
        }
    }

    /// The turn to run a drill.
    ///
    /// # Errors
    /// Another one has it.
    pub fn turn(&self) -> Result<OwnedMutexGuard<()>, Busy> {
        Arc::clone(&self.turn).try_lock_owned().map_err(|_| Busy)
    }

    /// Whether a drill is running now.
    pub fn is_running(&self) -> bool {
        self.turn.try_lock().is_err()
    }

    /// The last drill, if its result could not be recorded.
    pub fn unrecorded(&self) -> Option<Drilled> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a drill in the name of `by`; `read` asks for the mode of a workflow as any reader does.
    pub async fn run<R>(&self, _turn: OwnedMutexGuard<()>, by: &Command, read: impl FnOnce() -> R) -> Drilled
    where
        R: Future<Output = Result<ModeTold, String>>,
    {
        let begun_at = self.clock.now();
        self.attempted_ms.store(begun_at.0, std::sync::atomic::Ordering::Relaxed);
        tracing::info!(by = by.by, "a drill begins");
        let (findings, number) = self.look(by, read).await;
        let drilled = self.record(by, begun_at, findings, number).await;
        let Drilled { passed, drill, unrecorded } = &drilled;
        let result = if *passed { DrillResult::Passed } else { DrillResult::Failed };
        self.metrics.drills.with_label_values(&[result.name()]).inc();
        if *passed {
            tracing::info!(drill = drill.number, "the drill passed: the cord is connected");
        } else {
            let cut = drill.findings.sentence();
            tracing::error!(drill = drill.number, cut, unrecorded, "the drill failed");
        }
        *self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner) = unrecorded.is_some().then(|| drilled.clone());
        drilled
    }

    /// Pulls the cord, and looks at each wire; the number of the drill, where it has one.
    async fn look<R>(&self, by: &Command, read: impl FnOnce() -> R) -> (Findings, u64)
    where
        R: Future<Output = Result<ModeTold, String>>,
    {
        let mut findings = Findings { wires: Some(Wire::ALL.len()), ..Findings::default() };
        let mut probe = Probe::new(&self.driver, by);
        let queue = self.step(Wire::Queue, probe.pull()).await;
        findings.exceptions = probe.exceptions;
        let Some(sent) = push(&mut findings, queue).map(|_| probe.sent()) else {
            skip(&mut findings, &Wire::ALL[1..], "the drill's outputs were not taken");
            return (findings, probe.number);
        };
        let monitor = self.step(Wire::Monitor, wires::monitor(&self.driver, &sent)).await;
        let seen = push(&mut findings, monitor);
        let mut recorded = false;
        if let Some(seen) = &seen {
            let told = self.step(Wire::ModeRead, wires::mode_read(read(), seen, &*self.clock)).await;
            if push(&mut findings, told).is_some() {
                let ms = self.clock.monotonic_ms() - sent.first_exception_ms;
                findings.lowered_after_ms = u64::try_from(ms).ok();
            }
            let ledger = self.step(Wire::Ledger, wires::ledger(Arc::clone(&self.ledger), seen.clone())).await;
            recorded = push(&mut findings, ledger).is_some();
        } else {
            skip(&mut findings, &[Wire::ModeRead, Wire::Ledger], "no mode was lowered");
        }
        let journal = self.step(Wire::Journal, wires::journal(&self.driver, &sent)).await;
        push(&mut findings, journal);
        match &seen {
            Some(seen) => {
                let snapshot = self.step(Wire::Snapshot, self.snapshot(seen)).await;
                push(&mut findings, snapshot);
            }
            None => skip(&mut findings, &[Wire::Snapshot], "no mode was lowered"),
        }
        match &seen {
            Some(seen) if recorded => {
                let told = self.step(Wire::Notify, wires::notify(Arc::clone(&self.notifier), seen, sent.number)).await;
                push(&mut findings, told);
            }
            _ => skip(&mut findings, &[Wire::Notify], "the demotion stands in no ledger that can be read"),
        }
        (findings, sent.number)
    }

    async fn snapshot(&self, seen: &Seen) -> Result<(String, ()), String> {
        wires::snapshot(&self.driver, Arc::clone(&self.book), seen.clone()).await
    }

    /// Looks at one wire, for no longer than `[drill] step_timeout`.
    async fn step<T>(
        &self,
        wire: Wire,
        look: impl Future<Output = Result<(String, T), String>>,
    ) -> (DrillStep, Option<T>) {
        let begun_ms = self.clock.monotonic_ms();
        let looked = timeout(Duration::from_millis(self.settings.step_timeout_ms), look).await;
        let looked = looked.unwrap_or_else(|_| Err(self.nothing_came()));
        let ms = u64::try_from(self.clock.monotonic_ms() - begun_ms).unwrap_or_default();
        match looked {
            Ok((detail, seen)) => (DrillStep { wire, outcome: StepOutcome::Passed, ms, detail }, Some(seen)),
            Err(detail) => (DrillStep { wire, outcome: StepOutcome::Failed, ms, detail }, None),
        }
    }

    fn nothing_came(&self) -> String {
        format!("nothing came of it within {} ms (`[drill] step_timeout`)", self.settings.step_timeout_ms)
    }

    /// Has the result recorded; says so where it could not be.
    async fn record(&self, by: &Command, begun_at: Time, findings: Findings, number: u64) -> Drilled {
        let end = Command { action: Action::Drill(DrillAct::End(findings.clone())), ..by.clone() };
        let recorded = timeout(Duration::from_millis(self.settings.step_timeout_ms), self.driver.command(end)).await;
        let unrecorded = match recorded {
            Err(_) => Some(self.nothing_came()),
            Ok(Err(error)) => Some(error.to_string()),
            Ok(Ok(effects)) => (!has_ended(&effects)).then(|| "the state machine knows of no such drill".to_owned()),
        };
        let passed = findings.passed() && unrecorded.is_none();
        let result = if findings.passed() { DrillResult::Passed } else { DrillResult::Failed };
        let ended_at = Some(self.clock.now());
        let drill = Drill { number, by: by.by.clone(), begun_at, ended_at, result, findings };
        Drilled { passed, drill, unrecorded }
    }
}

fn has_ended(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Ledger(Entry { what: What::Drilled { .. }, .. })))
}

/// Notes a wire; gives what was seen there.
fn push<T>(findings: &mut Findings, (step, seen): (DrillStep, Option<T>)) -> Option<T> {
    findings.steps.push(step);
    seen
}

fn skip(findings: &mut Findings, wires: &[Wire], why: &str) {
    let skipped = |wire: &Wire| DrillStep { wire: *wire, outcome: StepOutcome::Skipped, ms: 0, detail: why.to_owned() };
    findings.steps.extend(wires.iter().map(skipped));
}
