//! The run through the journal: both sides in one pass, each record decoded once.
//!
//! Owns from where on the candidate holds and when time passes on its side. Without a start time the
//! candidate takes the place of the journal's first policy, and the comparison is of two whole pasts.
//! With one, the state at that time is what it really was, and the candidate is loaded then, as a
//! reload would have done: guards that it doesn't change keep their evidence.

use super::compare;
use super::names::Names;
use super::report::{Read, Report, Where};
use super::side::Side;
use super::told::Told;
use crate::domain::{Entry, Input, Mode, Policy, Time};
use crate::monitor::At;
use crate::store::{LedgerQuery, Look, StoreError};
use std::ops::ControlFlow;
use thiserror::Error;

/// Ledger entries read at a time.
const PAGE: usize = 10_000;

/// From when to when: the start is inclusive, the end is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The candidate holds from then on; without it, in place of the journal's first policy.
    pub from: Option<Time>,
    /// Records from then on are left out.
    pub to: Option<Time>,
}

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct Backtest {
    /// The candidate.
    pub policy: Policy,
    /// When.
    pub span: Span,
    /// Workflows begin in this mode instead of their start mode.
    pub start_mode: Option<Mode>,
}

/// How far the run is.
#[derive(Debug, Clone, Copy)]
pub struct Far {
    /// Records so far.
    pub done: u64,
    /// All records.
    pub total: u64,
    /// Outputs so far.
    pub outputs: u64,
}

/// Why there is no comparison.
#[derive(Debug, Error)]
pub enum BacktestError {
    /// The store can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was ever recorded.
    #[error("the journal is empty: there is no past to try a policy on")]
    Empty,
    /// The time asked for is not in the journal.
    #[error("nothing was recorded in the time asked for: the journal holds records from {first} to {last}")]
    Nothing {
        /// Time of the first record.
        first: Time,
        /// Time of the last record.
        last: Time,
    },
    /// Neither the beginning nor what was made of it is there.
    #[error(
        "the journal begins with record {first}, so what happened stands in the ledger only, and that can't be read: {source}"
    )]
    NoLedger {
        /// The oldest kept record.
        first: u64,
        /// Why.
        source: StoreError,
    },
}

/// Replays a journal twice in one pass: as it stands, and under another policy.
///
/// # Errors
/// See [`BacktestError`]; a damaged journal gives no comparison of a part of it.
pub fn backtest(look: &Look, wanted: Backtest, each: &mut dyn FnMut(Far)) -> Result<Report, BacktestError> {
    let (first, last) = (look.journal.first_seq(), look.journal.last_seq());
    if first == 0 {
        return Err(BacktestError::Empty);
    }
    let happened = if first == 1 {
        Happened::Replayed(Box::default())
    } else {
        let entries = ledger(look).map_err(|source| BacktestError::NoLedger { first, source })?;
        Happened::Told(Told::new(entries))
    };
    let mut run = Run::new(happened, wanted, first);
    let replayed = look.journal.replay(first, &mut |seq, now, input| {
        each(Far { done: seq - first, total: last - first + 1, outputs: run.read.outputs });
        match run.record(seq, now, &input) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(StoreError::Stopped { seq, cause: "the end of the time asked for".into() }),
        }
    });
    match replayed {
        Ok(_) | Err(StoreError::Stopped { .. }) => run.end(look),
        Err(error) => Err(error.into()),
    }
}

/// The whole ledger.
fn ledger(look: &Look) -> Result<Vec<Entry>, StoreError> {
    let reader = look.ledger()?;
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = reader.entries(&LedgerQuery { after, limit: PAGE, ..LedgerQuery::default() })?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = *last;
        all.extend(page.into_iter().map(|(_, entry)| entry));
    }
}

/// The past as it was.
enum Happened {
    /// Computed from all inputs.
    Replayed(Box<Side>),
    /// Read from the ledger, because inputs are gone.
    Told(Told),
}

struct Run {
    happened: Happened,
    /// Not there before it holds.
    candidate: Option<Side>,
    /// Whether it took the place of a policy yet.
    loaded: bool,
    wanted: Backtest,
    names: Names,
    last: Option<Time>,
    read: Read,
}

impl Run {
    fn new(happened: Happened, wanted: Backtest, first_seq: u64) -> Self {
        let names = Names::new(&wanted.policy);
        let read = Read { first_seq, ..Read::default() };
        Self { happened, candidate: None, loaded: false, wanted, names, last: None, read }
    }

    fn record(&mut self, seq: u64, now: Time, input: &Input) -> ControlFlow<()> {
        self.read.first_time.get_or_insert(now);
        if self.wanted.span.to.is_some_and(|to| now >= to) {
            self.pass_until(seq, self.wanted.span.to);
            self.read.ended_early = true;
            return ControlFlow::Break(());
        }
        self.begin(seq, now);
        // Time in which nobody could report is not silence, and from when on the daemon was away
        // is not recorded: what is due in a gap before a start is looked at after it.
        if !matches!(input, Input::Started { .. }) {
            self.pass(seq, now);
        }
        self.take(seq, now, input);
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
        self.read.last_seq = seq;
        if let (Input::Events(events), true) = (input, self.candidate.is_some()) {
            self.read.outputs += events.iter().filter(|event| !event.workflow.is_drill_lane()).count() as u64;
        }
        ControlFlow::Continue(())
    }

    /// Puts the candidate beside what happened, once it is time.
    fn begin(&mut self, seq: u64, now: Time) {
        let from = self.wanted.span.from;
        if self.candidate.is_some() || from.is_some_and(|from| now < from) {
            return;
        }
        // A comparison can't begin before the first record, and then it is of two whole pasts.
        let begins = from.filter(|_| self.last.is_some());
        let at = At { seq, now: begins.unwrap_or(now) };
        self.read.from = at.now;
        let mut policy = self.wanted.policy.clone();
        if let Some(mode) = self.wanted.start_mode {
            policy.workflows.values_mut().for_each(|workflow| workflow.start_mode = mode);
        }
        let mut side = match &mut self.happened {
            Happened::Replayed(side) if begins.is_some() => {
                **side = side.begin_at(at.now);
                (**side).clone()
            }
            Happened::Replayed(_) => {
                // The journal's first policy comes soon, and with it the candidate.
                self.wanted.policy = policy;
                self.candidate = Some(Side::default());
                return;
            }
            Happened::Told(told) => {
                told.before(seq).iter().for_each(|entry| self.names.happened(entry));
                told.begin_at(at.now);
                for (id, mode) in told.modes() {
                    let known = policy.workflows.get_mut(self.names.of(id));
                    if let Some(workflow) = known.filter(|_| self.wanted.start_mode.is_none()) {
                        workflow.start_mode = *mode;
                    }
                }
                Side::default()
            }
        };
        side.enforce(at, &policy);
        self.loaded = true;
        self.candidate = Some(side);
    }

    /// Lets lapse on the candidate's side what is due before `now`. What happened has its ticks in the
    /// journal; where it had something due and no tick, nobody looked at the clock since.
    fn pass(&mut self, seq: u64, now: Time) {
        let Some(candidate) = &mut self.candidate else { return };
        let unseen = match &mut self.happened {
            Happened::Replayed(side) => side.agenda.due_by(&side.monitor, now),
            Happened::Told(_) => None,
        };
        let until = unseen.map_or(now, |due| now.min(due.plus(-1)));
        let not_before = self.last.map_or(self.read.from, |last| last.max(self.read.from));
        candidate.lapse(seq, Some(not_before), until);
    }

    fn pass_until(&mut self, seq: u64, until: Option<Time>) {
        if let Some(until) = until.filter(|_| self.candidate.is_some()) {
            self.pass(seq, until);
            self.last = Some(until);
        }
    }

    fn take(&mut self, seq: u64, now: Time, input: &Input) {
        let at = At { seq, now };
        let candidate = &mut self.candidate;
        // An order is about what there is before it.
        let input_there = candidate.as_ref().map(|side| self.names.translate(&side.monitor, input));
        if let Some(side) = candidate {
            match (input, input_there.flatten()) {
                (Input::Policy(_), _) if self.loaded => {}
                (Input::Policy(_), _) => {
                    self.loaded = true;
                    side.enforce(at, &self.wanted.policy);
                }
                (_, Some(input)) => drop(side.take(at, &input)),
                (_, None) => {}
            }
        }
        let entries = match &mut self.happened {
            Happened::Replayed(side) => side.take(at, input),
            Happened::Told(told) => match candidate {
                Some(side) => told.take(seq, input, |id| side.outputs(self.names.of(id))),
                None => told.before(seq + 1),
            },
        };
        for entry in &entries {
            self.names.happened(entry);
            if let Some((side, id)) = self.candidate.as_mut().zip(entry.workflow.as_ref()) {
                side.follow(at, self.names.of(id), &entry.what);
            }
        }
    }

    fn end(mut self, look: &Look) -> Result<Report, BacktestError> {
        let first = self.read.first_time.unwrap_or_default();
        let Some((candidate, last)) = self.candidate.take().zip(self.last) else {
            let last = look.journal.last_time().unwrap_or(first);
            return Err(BacktestError::Nothing { first, last });
        };
        self.read.to = last;
        self.read.torn_bytes = look.torn.as_ref().filter(|_| !self.read.ended_early).map(|torn| torn.bytes);
        let (histories, happened, known_from) = match self.happened {
            Happened::Replayed(side) => (side.histories.clone(), Some(*side), Where::Journal),
            Happened::Told(told) => (told.histories, None, Where::Ledger),
        };
        let sides = compare::Sides {
            histories: &histories,
            happened: happened.as_ref(),
            candidate: &candidate,
            names: &self.names,
            end: last,
        };
        Ok(Report::new(&self.wanted, self.read, known_from, compare::workflows(&sides)))
    }
}
