//! The world of the simulation, and the checker that knows what must be true of it.
//!
//! Owns the model: what was sent, what was acknowledged, which modes were seen. Output i has a cost
//! of its own of up to 2^40 micro-units, so that a loss or a repeat shows in the sum.

#![cfg(test)]

use super::Op;
use andon::clock::{Clock, ManualClock};
use andon::config;
use andon::domain::{
    Action, Answered, Choice, Command, DrillAct, Ending, Findings, Input, Judgement, Mode, Money, Outcome, OutputEvent,
    Policy, Question, Time, What, WorkflowId,
};
use andon::driver::{Board, Engine, EngineOptions, EventBatch};
use andon::metrics::Metrics;
use andon::monitor::{At, Monitor};
use andon::store::memory::{Fault, FaultyDisk, MemoryBook, Op as DiskOp};
use andon::store::{Beside, Book, JournalSettings, LedgerQuery, LedgerReader, Store, StoreOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const OPTIONS: EngineOptions =
    EngineOptions { dedup_window_ms: 48 * Time::HOUR, dedup_max: 20_000_000, check_times: true };

/// Small segments, and everything in one order.
const STORE: StoreOptions = StoreOptions { journal: JournalSettings { segment_bytes: 4_096, beside: Beside::InPlace } };

/// Policies to change between: another bound, a lower highest mode, a workflow less.
fn policy(number: usize) -> Policy {
    let workflow = |id: usize, bound: &str, max: &str| {
        format!(
            "[[workflow]]\nid = \"w{id}\"\nstart_mode = \"{max}\"\nmax_mode = \"{max}\"\nevidence_valid = \"20h\"\n\
             [[workflow.guard]]\nsignal = \"exception_rate\"\nbound = {bound}\nblock = {}\n",
            if id == 1 { 5 } else { 1 }
        )
    };
    let text = match number {
        1 => [workflow(0, "0.1", "automate"), workflow(1, "0.05", "automate"), workflow(2, "0.1", "delegate")],
        2 => [workflow(0, "0.05", "collaborate"), workflow(1, "0.05", "automate"), workflow(2, "0.1", "delegate")],
        3 => [workflow(0, "0.05", "automate"), workflow(1, "0.05", "automate"), String::new()],
        _ => [workflow(0, "0.05", "automate"), workflow(1, "0.05", "automate"), workflow(2, "0.1", "delegate")],
    };
    let text = format!(
        "[budget]\noutputs_per_false_demotion = 100\n[governance]\nloosening = \"apply\"\n[storm]\nworkflows_min = 2\n{}",
        text.concat()
    );
    config::load(&text, "sim.toml").unwrap_or_else(|problems| panic!("{problems}")).policy
}

fn id(workflow: usize) -> WorkflowId {
    WorkflowId::new(&format!("w{workflow}")).unwrap()
}

/// The cost of output `number`: like no other.
fn cost(number: usize) -> Money {
    let micros = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24;
    format!("{micros}e-6").parse().unwrap()
}

struct Sent {
    event: OutputEvent,
    workflow: usize,
    acknowledged: bool,
}

/// Everything there is.
pub(super) struct World {
    clock: Arc<ManualClock>,
    disk: FaultyDisk,
    book: MemoryBook,
    engine: Option<Engine>,
    policy: Policy,
    /// Outputs of drills so far.
    drilled: u32,
    sent: Vec<Sent>,
    /// The lowest mode and the highest epoch that anybody saw, by workflow.
    seen: BTreeMap<WorkflowId, (Mode, u64)>,
    /// What each epoch meant.
    epochs: BTreeMap<(WorkflowId, u64), Mode>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            clock: Arc::new(ManualClock::new("2026-11-20T10:00:00Z".parse().unwrap())),
            disk: FaultyDisk::new(),
            book: MemoryBook::new(),
            engine: None,
            policy: policy(0),
            drilled: 0,
            sent: Vec::new(),
            seen: BTreeMap::new(),
            epochs: BTreeMap::new(),
        };
        world.start();
        world
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    /// The start of the daemon: what `App` does.
    fn start(&mut self) {
        let now = self.now();
        let (store, _) = Store::memory(self.disk.clone(), self.book.clone(), STORE).unwrap();
        let board = Arc::new(Board::new(Arc::clone(&self.clock) as Arc<dyn Clock>));
        let (mut engine, _) = Engine::open(store, board, Metrics::new().unwrap(), OPTIONS, now).unwrap();
        engine.input(now, Input::Started { version: "sim".into() }).unwrap();
        if engine.monitor().policy().hash != self.policy.hash {
            engine.input(now, Input::Policy(Box::new(self.policy.clone()))).unwrap();
        }
        engine.tick(now).unwrap();
        self.engine = Some(engine);
        self.resend();
    }

    /// Whoever got no answer sends again, until it has one.
    fn resend(&mut self) {
        let open: Vec<usize> = (0..self.sent.len()).filter(|n| !self.sent[*n].acknowledged).collect();
        self.send(&open);
    }

    fn send(&mut self, numbers: &[usize]) {
        let items: Vec<(usize, OutputEvent)> =
            numbers.iter().enumerate().map(|(at, n)| (at, self.sent[*n].event.clone())).collect();
        let (now, engine) = (self.now(), self.engine.as_mut().unwrap());
        let poisoned = engine.board().poisoned().is_some();
        let Ok(taken) = engine.events(now, EventBatch::new(items, Vec::new()).unwrap()) else { return };
        assert!(!poisoned, "acknowledged after the store had refused");
        let refused: BTreeSet<usize> = taken.rejected.iter().map(|refusal| refusal.index).collect();
        assert_eq!(taken.accepted + taken.duplicates + refused.len(), numbers.len(), "{taken:?}");
        for (at, n) in numbers.iter().enumerate() {
            self.sent[*n].acknowledged |= !refused.contains(&at);
        }
    }

    fn restart(&mut self, disk: FaultyDisk, book: MemoryBook) {
        self.engine = None;
        (self.disk, self.book) = (disk, book);
        self.start();
    }

    pub(super) fn step(&mut self, op: &Op) {
        match op {
            Op::Events { workflow, count, failed, late_s } => self.events(*workflow, *count, *failed, *late_s),
            Op::Again { back, count } => {
                let last = self.sent.len().saturating_sub(*back);
                let again: Vec<usize> = (last.saturating_sub(*count)..last).rev().collect();
                self.send(&again);
            }
            Op::Advance { seconds } => {
                self.clock.advance(i64::from(*seconds) * 1_000);
                let now = self.now();
                let engine = self.engine.as_mut().unwrap();
                engine.board().beat();
                // A failure is noted on the board; what it means is checked below.
                let _ = engine.tick(now);
            }
            Op::Command { workflow, what } => self.command(*workflow, *what),
            Op::Drill { what } => self.drill(*what),
            Op::Reload { policy: number } => {
                let (now, new) = (self.now(), policy(*number));
                let loaded = self.engine.as_mut().unwrap().input(now, Input::Policy(Box::new(new.clone())));
                if loaded.is_ok() {
                    self.policy = new;
                    self.resend();
                }
            }
            Op::Snapshot { saved } => self.snapshot(*saved),
            Op::FailDisk { kind, after } => {
                let (op, fault) = [
                    (DiskOp::Sync, Fault::Device),
                    (DiskOp::Write, Fault::NoSpace),
                    (DiskOp::Create, Fault::NoSpace),
                    (DiskOp::SyncDir, Fault::Device),
                ][usize::from(*kind % 4)];
                self.disk.fail(op, after + 1, fault);
            }
            Op::FailBook { fails } => self.book.set_fault(fails.then_some("no space left")),
            Op::Crash { seed } => self.restart(self.disk.crash(*seed), self.book.crash()),
            Op::Kill => self.restart(self.disk.kill(), self.book.crash()),
            Op::Stop => {
                self.snapshot(true);
                self.restart(self.disk.kill(), self.book.crash());
            }
        }
    }

    fn events(&mut self, workflow: usize, count: usize, failed: u8, late_s: u32) {
        let first = self.sent.len();
        for n in 0..count {
            let number = first + n;
            let outcome = if failed >> (n % 8) & 1 == 1 { "exception" } else { "ok" };
            let outcome = serde_json::from_value(outcome.into()).unwrap();
            let mut event = OutputEvent::new(&format!("o{number}"), id(workflow), outcome);
            event.cost = Some(cost(number));
            // Dated, so that a repeat after the window is refused and not taken for a new one.
            event.time = Some(self.now().plus(-1_000 * i64::from(late_s)));
            self.sent.push(Sent { event, workflow, acknowledged: false });
        }
        self.send(&(first..first + count).collect::<Vec<_>>());
    }

    fn command(&mut self, workflow: usize, what: u8) {
        let reason = "sim".to_owned();
        let action = match what {
            0 => Action::Stop { reason },
            1 => Action::Hold { workflow: id(workflow), hold: true, reason },
            2 => Action::Lower { workflow: id(workflow), mode: Mode::Delegate, reason },
            3 => Action::Lower { workflow: id(workflow), mode: Mode::Automate, reason },
            5 => Action::Judge { workflow: id(workflow), epoch: 2, judgement: Judgement::False, note: reason },
            6 => {
                let (task, owner, due) = (reason, "bob".to_owned(), self.now().plus(Time::DAY));
                Action::Assign { workflow: Some(id(workflow)), task, owner, due }
            }
            7 => Action::Finish { id: format!("a{}", workflow + 1), ending: Ending::Done, note: reason },
            8 => {
                let question = Question::KeepDown { workflow: id(workflow) };
                let (week, choice) = ("2026-W47".to_owned(), Choice::KeepDown);
                Action::Council(Answered { week, question, choice, note: reason, replaces: None })
            }
            _ => Action::Resolve { incident: format!("w{workflow}-1"), note: reason },
        };
        let now = self.now();
        // Refused by a failed store, or done; both are checked below.
        let _ = self.engine.as_mut().unwrap().input(now, Input::Command(Command::new("ada", action)));
    }

    /// What the conductor of drills does, without its looks.
    fn drill(&mut self, what: u8) {
        let (now, engine) = (self.now(), self.engine.as_mut().unwrap());
        let act = match what {
            0 => DrillAct::Begin,
            1 => DrillAct::End(Findings::default()),
            _ => {
                let first = self.drilled;
                self.drilled += 10;
                let event = |n| OutputEvent::new(&format!("drill-{n}"), WorkflowId::drill_lane(), Outcome::Exception);
                let batch = EventBatch::of_drill((first..self.drilled).map(event).collect()).unwrap();
                let _ = engine.events(now, batch);
                return;
            }
        };
        let _ = engine.input(now, Input::Command(Command::new("ada", Action::Drill(act))));
    }

    /// The lane goes up with a drill only, and each of its epochs means one mode.
    fn check_lane(&mut self) {
        let engine = self.engine.as_ref().unwrap();
        let Some(lane) = engine.monitor().lane() else { return };
        let (granted, epoch, id) = (lane.state.granted, lane.state.epoch, lane.id.clone());
        assert_eq!(engine.board().peek(id.as_str()).map(|view| (view.granted, view.epoch)), Some((granted, epoch)));
        let (before, highest) = self.seen.insert(id.clone(), (granted, epoch)).unwrap_or((granted, epoch));
        assert!(epoch >= highest && (epoch > highest || granted == before), "the lane: {highest} to {epoch}");
        let meant = self.epochs.entry((id, epoch)).or_insert(granted);
        assert_eq!(*meant, granted, "the lane: epoch {epoch} has two meanings");
    }

    /// What the bookkeeper does; with `saved` false the daemon dies before the snapshot is written.
    fn snapshot(&mut self, saved: bool) {
        let now = self.now();
        let engine = self.engine.as_mut().unwrap();
        if engine.board().poisoned().is_some() {
            return;
        }
        let Ok(changes) = engine.changes() else { return };
        let change = changes.encode(now).unwrap();
        if !saved || self.book.save(&change).is_err() {
            // What it took out of the state is nowhere but in the journal.
            self.restart(self.disk.kill(), self.book.crash());
        }
    }

    /// Everything that must be true after each operation.
    pub(super) fn check(&mut self) {
        let engine = self.engine.as_ref().unwrap();
        let poisoned = engine.board().poisoned().is_some();
        for (id, workflow) in engine.monitor().workflows() {
            let (granted, epoch) = (workflow.state.granted, workflow.state.epoch);
            let published = engine.board().peek(id.as_str());
            assert_eq!(published.is_some(), workflow.state.in_policy, "{id}");
            if let Some(view) = published {
                assert!(view.mode <= granted, "{id}: {} is published and {granted} is granted", view.mode);
                assert!(!poisoned || view.mode == Mode::Assist, "{id}: {} although the store refused", view.mode);
            }
            // What a failed store holds in memory nobody sees, and it may not be durable.
            if poisoned {
                continue;
            }
            let (lowest, highest) = self.seen.entry(id.clone()).or_insert((granted, epoch));
            assert!(granted <= *lowest, "{id}: raised from {lowest} to {granted}");
            assert!(epoch >= *highest, "{id}: epoch went from {highest} back to {epoch}");
            (*lowest, *highest) = (granted, epoch);
            let meant = self.epochs.entry((id.clone(), epoch)).or_insert(granted);
            assert_eq!(*meant, granted, "{id}: epoch {epoch} has two meanings");
        }
        if !poisoned {
            self.check_lane();
            self.check_sums();
            self.check_ledger();
        }
    }

    /// Every acknowledged output is counted once, and nothing else is.
    fn check_sums(&self) {
        let monitor = self.engine.as_ref().unwrap().monitor();
        for number in 0..3 {
            let Some(workflow) = monitor.workflows().get(id(number).as_str()) else { continue };
            let own = || self.sent.iter().enumerate().filter(|(_, sent)| sent.workflow == number);
            let counts = &workflow.state.totals.counts;
            let acknowledged = own().filter(|(_, sent)| sent.acknowledged);
            let sum = acknowledged.clone().fold(Money::ZERO, |sum, (n, _)| sum + cost(n));
            let all = own().all(|(_, sent)| sent.acknowledged);
            if all {
                assert_eq!((counts.outputs, counts.cost), (acknowledged.count() as u64, sum), "w{number}");
            } else {
                assert!(counts.outputs >= acknowledged.count() as u64, "w{number}: acknowledged and gone");
            }
        }
    }

    /// Numbers without gaps, no entry twice, each epoch of each workflow exactly once.
    fn check_ledger(&self) {
        let query = LedgerQuery { limit: usize::MAX, ..LedgerQuery::default() };
        let entries = self.book.entries(&query).unwrap();
        let (mut ids, mut changes) = (BTreeSet::new(), BTreeMap::new());
        for (n, (seq, entry)) in entries.iter().enumerate() {
            assert_eq!(*seq, n as u64 + 1, "the ledger's numbers have a gap");
            assert!(ids.insert((entry.journal_seq, entry.index)), "twice in the ledger: {entry:?}");
            if let What::ModeChanged { epoch, to, .. } = &entry.what {
                let key = (entry.workflow.clone().unwrap(), *epoch);
                assert!(changes.insert(key, *to).is_none(), "an epoch twice in the ledger: {entry:?}");
            }
        }
        let monitor = self.engine.as_ref().unwrap().monitor();
        for (id, workflow) in monitor.workflows() {
            for epoch in 2..=workflow.state.epoch {
                let to = changes.get(&(id.clone(), epoch));
                assert!(to.is_some(), "{id}: the change to epoch {epoch} is not in the ledger");
                assert!(epoch < workflow.state.epoch || to == Some(&workflow.state.granted), "{id}: {epoch}");
            }
        }
    }

    /// At the end: a last crash, and the journal alone gives the same state.
    pub(super) fn finish(mut self) {
        self.restart(self.disk.crash(None), self.book.crash());
        self.check();
        let engine = self.engine.as_ref().unwrap();
        let mut monitor = Monitor::default();
        let reader = engine.store().journal.reader();
        reader
            .replay(1, &mut |seq, now, input| {
                monitor.handle(At { seq, now }, &input);
                Ok(())
            })
            .unwrap();
        let states = |monitor: &Monitor| -> Vec<_> {
            monitor.with_lane().map(|workflow| (workflow.id.clone(), workflow.state.clone())).collect()
        };
        assert_eq!(
            states(&monitor),
            states(engine.monitor()),
            "the journal gives another state than the one that lives"
        );
        assert_eq!(monitor.house().drills, engine.monitor().house().drills);
        assert_eq!(monitor.house().actions, engine.monitor().house().actions);
    }
}
