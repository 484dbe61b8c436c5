//! The core of the driver, without a thread: takes groups of jobs and makes them durable and real.
//!
//! Owns the order: admit, append, commit (one fsync), apply, publish, ledger, answer. Imports and
//! simulations use it directly; the daemon's thread is in `thread.rs`.

use super::batch::{EventBatch, ModeNow, ReviewBatch, Taken, review_key};
use super::board::Board;
use super::dedup::{Dedup, Known};
use crate::domain::drill::LANE;
use crate::domain::{Entry, Input, Refusal, Review, Time, What, WorkflowId};
use crate::metrics::Metrics;
use crate::monitor::{At, Effect, Monitor, admit_time};
use crate::store::{EventsRecord, Store, StoreError, encode_record};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the engine needs to know of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// How far back repeats are recognised, milliseconds; older outputs are refused.
    pub dedup_window_ms: i64,
    /// At most so many ids are remembered.
    pub dedup_max: usize,
    /// Whether times outside the window are refused; imports take any.
    pub check_times: bool,
}

/// Journal, monitor and deduplication, kept in step.
pub struct Engine {
    pub(super) store: Store,
    pub(super) monitor: Monitor,
    pub(super) dedup: Dedup,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Metrics,
    pub(super) options: EngineOptions,
    /// Workflows that changed since the last snapshot.
    pub(super) dirty: BTreeSet<WorkflowId>,
    pub(super) events_since_snapshot: u64,
    /// Unknown workflows that staged requests bring: the limit on them holds over the whole group.
    adopting: BTreeSet<WorkflowId>,
    record: EventsRecord,
    pub(super) scratch: Vec<u8>,
}

/// A job that is appended and waits for the commit.
pub(super) struct Staged {
    /// The record and its input; `None` where nothing of it was new.
    input: Option<(u64, Input)>,
    taken: Taken,
}

/// What was taken of a job, and the input that was applied: whoever asked frees it, so that the
/// driver doesn't spend its time on that.
pub(super) struct Answer {
    pub(super) taken: Taken,
    pub(super) spent: Option<Input>,
}

impl Engine {
    /// Puts the parts together; `recovery.rs` fills them.
    pub(super) fn assemble(
        store: Store,
        monitor: Monitor,
        dedup: Dedup,
        board: Arc<Board>,
        metrics: Metrics,
        options: EngineOptions,
    ) -> Self {
        Self {
            store,
            monitor,
            dedup,
            board,
            metrics,
            options,
            dirty: BTreeSet::new(),
            events_since_snapshot: 0,
            adopting: BTreeSet::new(),
            record: EventsRecord::default(),
            scratch: Vec::new(),
        }
    }

    /// The state machine, to read.
    pub const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The published modes.
    pub const fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// The store, to read.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Takes one request's outputs at `now`.
    ///
    /// # Errors
    /// The store refused; nothing was taken, now and from now on.
    pub fn events(&mut self, now: Time, batch: EventBatch) -> Result<Taken, StoreError> {
        let staged = self.stage_events(now, batch)?;
        Ok(self.commit(now, vec![staged])?.remove(0).taken)
    }

    /// Takes an input that is not an output: a command, a policy, a start.
    ///
    /// # Errors
    /// The store refused; nothing happened.
    pub fn input(&mut self, now: Time, input: Input) -> Result<Vec<Effect>, StoreError> {
        self.check_poison()?;
        let seq = self.append(now, &input)?;
        self.sync()?;
        let effects = self.apply(At { seq, now }, &input);
        if matches!(input, Input::Policy(_) | Input::Command(_)) {
            // Review depths and the policy's hash stand in every answer; an approved policy is a command's.
            self.board.publish(&self.monitor);
        }
        self.settle(seq, &effects)?;
        Ok(effects)
    }

    /// Lets lapse what is due; writes nothing when nothing is.
    ///
    /// # Errors
    /// The store refused.
    pub fn tick(&mut self, now: Time) -> Result<(), StoreError> {
        if self.monitor.due().is_some_and(|due| due <= now) {
            self.input(now, Input::Tick)?;
        }
        Ok(())
    }

    pub(super) fn stage_events(&mut self, now: Time, batch: EventBatch) -> Result<Staged, StoreError> {
        self.check_poison()?;
        let EventBatch { mut events, indexes, encoded, ends, keys, refusals, of_drill } = batch;
        let mut stage = Stage { of_drill, ..Stage::new(refusals) };
        self.record.begin(now);
        let mut n = 0;
        // In place: nearly always all of them are taken, and an output is a large thing to move.
        events.retain(|event| {
            let start = if n == 0 { 0 } else { ends[n - 1] };
            let taken = self.admit(&mut stage, now, indexes[n], &event.id, &event.workflow, event.time, keys[n]);
            if taken {
                self.record.push_encoded(&encoded[start..ends[n]]);
            }
            n += 1;
            taken
        });
        let input = if events.is_empty() {
            None
        } else {
            let record = self.record.finish();
            let seq = self.store.journal.append(record);
            Some((seq.map_err(|error| self.refused(error))?, Input::Events(events)))
        };
        Ok(stage.finish(input))
    }

    pub(super) fn stage_reviews(&mut self, now: Time, batch: ReviewBatch) -> Result<Staged, StoreError> {
        self.check_poison()?;
        let mut stage = Stage::new(batch.refusals);
        let mut accepted: Vec<Review> = Vec::with_capacity(batch.items.len());
        for (index, review) in batch.items {
            // A verdict may be about an old output and may itself come late: only its future is refused.
            let time = review.time.filter(|time| *time > now);
            if self.admit(&mut stage, now, index, &review.id, &review.workflow, time, review_key(&review)) {
                accepted.push(review);
            }
        }
        if accepted.is_empty() {
            return Ok(stage.finish(None));
        }
        let input = Input::Reviews(accepted);
        let seq = self.append(now, &input)?;
        Ok(stage.finish(Some((seq, input))))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields that outputs and reviews share")]
    fn admit(
        &mut self,
        stage: &mut Stage,
        now: Time,
        index: usize,
        id: &str,
        workflow: &WorkflowId,
        time: Option<Time>,
        key: super::dedup::Key,
    ) -> bool {
        let window_ms = self.options.dedup_window_ms;
        let time = time.filter(|_| self.options.check_times);
        let mut admitted = time.map_or(Ok(()), |time| admit_time(time, now, window_ms));
        // A workflow that was let in needs not be asked for again.
        if admitted.is_ok() && !stage.workflows.contains(workflow) {
            let own = stage.of_drill && workflow.is_drill_lane();
            admitted = if own { Ok(()) } else { self.monitor.admit(workflow, &mut self.adopting) };
            if admitted.is_ok() {
                stage.workflows.insert(workflow.clone());
            }
        }
        if let Err(refusal) = admitted {
            stage.refusals.push(refusal.of(id, Some(workflow.as_str())).at(index, None));
            return false;
        }
        match self.dedup.insert(now, key) {
            Known::New => return true,
            Known::Repeat => {}
            Known::Conflict => self.metrics.conflicts.inc(),
        }
        stage.duplicates += 1;
        false
    }

    /// Encodes an input and appends it; the next commit makes it durable.
    pub(super) fn append(&mut self, now: Time, input: &Input) -> Result<u64, StoreError> {
        self.scratch.clear();
        encode_record(now, input, &mut self.scratch)
            .map_err(|source| self.refused(StoreError::Codec { seq: 0, source }))?;
        let seq = self.store.journal.append(&self.scratch);
        seq.map_err(|error| self.refused(error))
    }

    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        let timer = self.metrics.journal_fsync.start_timer();
        let result = self.store.journal.commit();
        timer.observe_duration();
        result.map(drop).map_err(|error| self.refused(error))
    }

    /// Makes staged jobs durable, applies them in order and says what was taken of each.
    pub(super) fn commit(&mut self, now: Time, staged: Vec<Staged>) -> Result<Vec<Answer>, StoreError> {
        self.check_poison()?;
        let mut last = 0;
        self.adopting.clear();
        if staged.iter().any(|staged| staged.input.is_some()) {
            self.sync()?;
        }
        let mut effects = Vec::new();
        let mut answers = Vec::with_capacity(staged.len());
        for Staged { input, mut taken } in staged {
            let mut spent = None;
            if let Some((seq, input)) = input {
                last = seq;
                // The request's workflows are known: no need to look at each output for that.
                self.dirty.extend(taken.modes.keys().cloned());
                effects.extend(self.handle(At { seq, now }, &input));
                taken.accepted = match &input {
                    Input::Events(events) => events.len(),
                    Input::Reviews(reviews) => reviews.len(),
                    _ => 0,
                };
                spent = Some(input);
            }
            answers.push(Answer { taken, spent });
        }
        self.settle(last, &effects)?;
        for answer in &mut answers {
            self.count(&mut answer.taken);
        }
        Ok(answers)
    }

    /// Hands an input to the monitor and notes which workflows it changed: a snapshot that says it
    /// holds this input must hold all of them.
    pub(super) fn apply(&mut self, at: At, input: &Input) -> Vec<Effect> {
        match input {
            Input::Events(events) => self.dirty.extend(events.iter().map(|event| event.workflow.clone())),
            Input::Reviews(reviews) => self.dirty.extend(reviews.iter().map(|review| review.workflow.clone())),
            // Rare, and they may touch any workflow: those that go and those that come.
            _ => {
                self.dirty.extend(self.monitor.with_lane().map(|workflow| workflow.id.clone()));
                let effects = self.monitor.handle(at, input);
                self.dirty.extend(self.monitor.with_lane().map(|workflow| workflow.id.clone()));
                return effects;
            }
        }
        self.handle(at, input)
    }

    fn handle(&mut self, at: At, input: &Input) -> Vec<Effect> {
        if let Input::Events(events) = input {
            self.events_since_snapshot += events.len() as u64;
        }
        let effects = self.monitor.handle(at, input);
        // One workflow's outputs may change another: demotions become a storm.
        let touched =
            effects.iter().filter_map(|e| if let Effect::Ledger(entry) = e { entry.workflow.clone() } else { None });
        self.dirty.extend(touched);
        effects
    }

    /// Publishes modes first (a lower mode must not wait), then writes the ledger.
    pub(super) fn settle(&mut self, seq: u64, effects: &[Effect]) -> Result<(), StoreError> {
        if effects.is_empty() {
            return Ok(());
        }
        if effects.iter().any(|effect| matches!(effect, Effect::ModeChanged(_))) {
            self.board.publish(&self.monitor);
        }
        let entries: Vec<Entry> = effects
            .iter()
            .filter_map(|effect| if let Effect::Ledger(entry) = effect { Some(entry.clone()) } else { None })
            .collect();
        if entries.is_empty() {
            return Ok(());
        }
        entries.iter().for_each(log);
        self.store.book.append(&entries, seq).map_err(|error| self.refused(error))?;
        self.board.wrote();
        Ok(())
    }

    fn count(&self, taken: &mut Taken) {
        for (id, now) in &mut taken.modes {
            if let Some(view) = self.board.peek(id.as_str()) {
                *now = ModeNow { mode: view.mode, level: view.level, epoch: view.epoch };
            }
        }
        // A drill's are nobody's outputs.
        if taken.modes.contains_key(LANE) {
            return;
        }
        self.metrics.accepted.inc_by(taken.accepted as u64);
        self.metrics.duplicates.inc_by(taken.duplicates as u64);
    }

    /// After a failure of one part nothing more comes into the others: a ledger that goes on after
    /// a hole would count as complete.
    fn check_poison(&self) -> Result<(), StoreError> {
        self.board.poisoned().map_or(Ok(()), |cause| Err(StoreError::Poisoned { cause: cause.to_string() }))
    }

    /// The store refused: from now on every mode answer is assist and nothing more is taken.
    pub(super) fn refused(&self, error: StoreError) -> StoreError {
        tracing::error!(%error, "the store refused a write: modes fall to assist, intake answers 503");
        self.metrics.store_poisoned.set(1);
        self.board.poison(&error.to_string());
        error
    }
}

/// What is gathered while one request is staged.
struct Stage {
    /// Looked up for each item, so hashed; it is sorted before anybody sees it.
    workflows: hashbrown::HashSet<WorkflowId>,
    duplicates: usize,
    refusals: Vec<Refusal>,
    of_drill: bool,
}

impl Stage {
    fn new(refusals: Vec<Refusal>) -> Self {
        Self { workflows: hashbrown::HashSet::new(), duplicates: 0, refusals, of_drill: false }
    }

    fn finish(self, input: Option<(u64, Input)>) -> Staged {
        let mut rejected = self.refusals;
        rejected.sort_by_key(|refusal| refusal.index);
        // Filled in when everything is applied.
        let unknown = ModeNow { mode: crate::domain::Mode::Assist, level: 0, epoch: 0 };
        let modes = self.workflows.into_iter().map(|id| (id, unknown)).collect();
        Staged { input, taken: Taken { accepted: 0, duplicates: self.duplicates, rejected, modes } }
    }
}

/// A change of mode stands in the log too: it is what operators look for first.
fn log(entry: &Entry) {
    if let (What::ModeChanged { from, to, epoch, cause, reason, .. }, Some(workflow)) = (&entry.what, &entry.workflow)
        && !workflow.is_drill_lane()
    {
        let cause = cause.name();
        let way = if to < from { "lowered" } else { "raised" };
        tracing::warn!(%workflow, %from, %to, epoch, cause, "{workflow} {way} from {from} to {to}: {reason}");
    }
}
