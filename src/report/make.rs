//! Reading what a report is made of: the journal of two weeks, and the ledger from the week's beginning on.
//!
//! Owns how much is read. Whoever calls it has the time: two weeks of a large fleet are seconds of reading. A fold that
//! was made before goes on where it ended. Which workflows got another id or left is read first: it says for whom to count.

use super::fold::Fold;
use super::names::Names;
use super::week::Week;
use crate::domain::{Entry, Policy, Time, What, WorkflowId};
use crate::store::{JournalReader, LedgerQuery, LedgerReader, StoreError};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of the ledger that are read at a time.
const PAGE: usize = 1_000;
/// Where outputs with a verdict are of before both weeks, the journal is read from so much earlier on, milliseconds.
const EARLIER_MS: i64 = 8 * 7 * Time::DAY;
/// Most entries of one report; a week with more is told up to there.
pub(super) const ENTRIES_MAX: usize = 100_000;

/// Outputs and verdicts of a week and of the one before.
#[derive(Debug, Clone)]
pub struct Folded {
    /// The week.
    pub week: Week,
    /// The policy that they were held against.
    policy: String,
    /// The ids that they were counted for.
    names: Arc<Names>,
    /// What was counted.
    pub fold: Fold,
    /// Whether the journal no longer held all of it.
    pub is_cut: bool,
    /// Whether what was before was read, too.
    has_earlier: bool,
}

impl Folded {
    /// Reads the journal for a week. An earlier fold of the same week, policy and names goes on where it ended.
    ///
    /// # Errors
    /// The journal can't be read; a week outside of the calendar has no outputs.
    pub fn read(
        earlier: Option<Self>,
        week: Week,
        zone: &TimeZone,
        policy: &Policy,
        names: &Arc<Names>,
        journal: &JournalReader,
    ) -> Result<Self, StoreError> {
        let goes_on = |earlier: &Self| earlier.week == week && earlier.policy == policy.hash && earlier.names == *names;
        let needed = super::needed_from(week, zone).unwrap_or(Time::EPOCH);
        let mut folded = earlier.filter(goes_on).unwrap_or_else(|| {
            let weeks: Vec<Week> = week.plus(-1).into_iter().chain([week]).collect();
            let start = journal.first_seq_since(needed);
            let is_cut = start > 1 && start == journal.first_seq();
            let mut fold = Fold::new(&weeks, zone, policy, Arc::clone(names));
            fold.begin(start.saturating_sub(1));
            Self { week, policy: policy.hash.clone(), names: Arc::clone(names), fold, is_cut, has_earlier: false }
        });
        let next = folded.fold.as_of().0 + 1;
        journal.replay(next, &mut |seq, now, input| {
            folded.fold.take(seq, now, &input);
            Ok(())
        })?;
        folded.look_back(needed, journal)?;
        Ok(folded)
    }
}

impl Folded {
    /// Reads where outputs of before came from, once, where people have judged some of them: what waits for long is
    /// what is judged in bulk, so leaving it out would say the wrong thing of the rest.
    fn look_back(&mut self, needed: Time, journal: &JournalReader) -> Result<(), StoreError> {
        if self.has_earlier || !self.fold.asks_earlier(self.week) {
            return Ok(());
        }
        self.has_earlier = true;
        let from = needed.plus(-EARLIER_MS);
        self.fold.know_since(from);
        journal.replay(journal.first_seq_since(from), &mut |seq, now, input| {
            self.fold.take_earlier(seq, now, &input);
            Ok(())
        })?;
        Ok(())
    }
}

/// What became of workflows since a week began.
#[derive(Debug, Default)]
pub struct Changes {
    /// Their former ids, of the week before, too.
    pub names: Names,
    /// When those left that the policy no longer held then, by their present id.
    pub removed: BTreeMap<WorkflowId, Time>,
}

impl Changes {
    /// Reads the ledger for a week. `names` are those of the policy in force.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub fn read(mut names: Names, week: Week, zone: &TimeZone, ledger: &dyn LedgerReader) -> Result<Self, StoreError> {
        let from = week.days(zone).map_or(Time::EPOCH, |days| days[0]);
        let mut left = Vec::new();
        pages(ledger, super::needed_from(week, zone).unwrap_or(from), |page| {
            for (_, entry) in page {
                names.take(&entry);
                if matches!(entry.what, What::Removed {}) && entry.time >= from {
                    left.extend(entry.workflow.map(|id| (id, entry.journal_seq, entry.time)));
                }
            }
            true
        })?;
        // By all names: it may have got another one afterwards.
        let removed = left.into_iter().map(|(id, seq, at)| (names.of(&id, seq).clone(), at)).collect();
        Ok(Self { names, removed })
    }
}

/// The entries of the ledger from a time on, oldest first, and the number of its last one.
///
/// # Errors
/// The ledger can't be read.
pub fn entries(ledger: &dyn LedgerReader, from: Time) -> Result<(Vec<(u64, Entry)>, u64), StoreError> {
    let mut all = Vec::new();
    let last = pages(ledger, from, |page| {
        all.extend(page);
        all.len() < ENTRIES_MAX
    })?;
    Ok((all, last))
}

/// Hands on the entries from a time on, page by page, as long as more are wanted; the number of the last one.
pub(super) fn pages(
    ledger: &dyn LedgerReader,
    from: Time,
    mut take: impl FnMut(Vec<(u64, Entry)>) -> bool,
) -> Result<u64, StoreError> {
    let before = LedgerQuery { until: Some(from.plus(-1)), newest_first: true, limit: 1, ..LedgerQuery::default() };
    let mut after = ledger.entries(&before)?.first().map_or(0, |(seq, _)| *seq);
    loop {
        let page = ledger.entries(&LedgerQuery { after, limit: PAGE, ..LedgerQuery::default() })?;
        let is_last = page.len() < PAGE;
        after = page.last().map_or(after, |(seq, _)| *seq);
        if !take(page) || is_last {
            return Ok(after);
        }
    }
}
