//! Reading what a report is made of: the journal of two weeks, and the ledger from the week's beginning on.
//!
//! Owns how much is read. Whoever calls it has the time: two weeks of a large fleet are seconds of reading. A fold that
//! was made before goes on where it ended.

use super::fold::Fold;
use super::week::Week;
use crate::domain::{Entry, Policy, Time};
use crate::store::{JournalReader, LedgerQuery, LedgerReader, StoreError};
use jiff::tz::TimeZone;

/// Entries of the ledger that are read at a time.
const PAGE: usize = 1_000;
/// Most entries of one report; a week with more is told up to there.
const ENTRIES_MAX: usize = 100_000;

/// Outputs and verdicts of a week and of the one before.
#[derive(Debug, Clone)]
pub struct Folded {
    /// The week.
    pub week: Week,
    /// The policy that they were held against.
    policy: String,
    /// What was counted.
    pub fold: Fold,
    /// Whether the journal no longer held all of it.
    pub is_cut: bool,
}

impl Folded {
    /// Reads the journal for a week. An earlier fold of the same week and policy goes on where it ended.
    ///
    /// # Errors
    /// The journal can't be read; a week outside of the calendar has no outputs.
    pub fn read(
        earlier: Option<Self>,
        week: Week,
        zone: &TimeZone,
        policy: &Policy,
        journal: &JournalReader,
    ) -> Result<Self, StoreError> {
        let goes_on = |earlier: &Self| earlier.week == week && earlier.policy == policy.hash;
        let needed = super::needed_from(week, zone).unwrap_or(Time::EPOCH);
        let mut folded = earlier.filter(goes_on).unwrap_or_else(|| {
            let weeks: Vec<Week> = week.plus(-1).into_iter().chain([week]).collect();
            let start = journal.first_seq_since(needed);
            let is_cut = start > 1 && start == journal.first_seq();
            let mut fold = Fold::new(&weeks, zone, policy);
            fold.begin(start.saturating_sub(1));
            Self { week, policy: policy.hash.clone(), fold, is_cut }
        });
        let next = folded.fold.as_of().0 + 1;
        journal.replay(next, &mut |seq, now, input| {
            folded.fold.take(seq, now, &input);
            Ok(())
        })?;
        Ok(folded)
    }
}

/// The entries of the ledger from a time on, oldest first, and the number of its last one.
///
/// # Errors
/// The ledger can't be read.
pub fn entries(ledger: &dyn LedgerReader, from: Time) -> Result<(Vec<(u64, Entry)>, u64), StoreError> {
    let before = LedgerQuery { until: Some(from.plus(-1)), newest_first: true, limit: 1, ..LedgerQuery::default() };
    let mut after = ledger.entries(&before)?.first().map_or(0, |(seq, _)| *seq);
    let mut all = Vec::new();
    loop {
        let page = ledger.entries(&LedgerQuery { after, limit: PAGE, ..LedgerQuery::default() })?;
        let is_last = page.len() < PAGE;
        after = page.last().map_or(after, |(seq, _)| *seq);
        all.extend(page);
        if is_last || all.len() >= ENTRIES_MAX {
            return Ok((all, after));
        }
    }
}
