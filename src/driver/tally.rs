//! How many events and reviews were refused or came again, by the hour.
//!
//! Owns these numbers: what is known of which hours, and what of it is not yet written. Must not know the database
//! (`store`) nor when it is written (`bookkeeper.rs`).

use crate::domain::{Refusal, Time};
use crate::store::{Counted, DUPLICATE, HOURS_MAX, REFUSED, SINCE, hour_of};
use std::collections::BTreeMap;

/// Counts by the hour and by what is counted.
type Hours = BTreeMap<(i64, String), u64>;

/// What the intake counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    all: Hours,
    unwritten: Hours,
    /// The hour in which counting began, where the store is older than that. A new store is counted from its start.
    since: Option<i64>,
}

impl Tally {
    /// Of what the store holds. A store from before there were counts has a mark of no hour: this one is its hour.
    pub(super) fn new(kept: Vec<Counted>, now: Time) -> Self {
        let since = kept.iter().filter(|one| one.what == SINCE).map(|one| one.hour).max();
        let all = kept.into_iter().map(|one| ((one.hour, one.what), one.count)).collect();
        let mut tally = Self { all, unwritten: Hours::new(), since };
        if since == Some(0) {
            tally.since = Some(hour_of(now));
            tally.add([(SINCE.to_owned(), 0)], now);
        }
        tally
    }

    /// Where the store can't be read: of the time before now nothing is known.
    pub(super) fn unknown(now: Time) -> Self {
        Self { since: Some(hour_of(now)), ..Self::default() }
    }

    /// Counts refusals by code.
    pub(super) fn refused(&mut self, refusals: &[Refusal], now: Time) {
        let mut by_code: BTreeMap<&str, u64> = BTreeMap::new();
        refusals.iter().for_each(|refusal| *by_code.entry(refusal.code.name()).or_default() += 1);
        self.add(by_code.into_iter().map(|(code, count)| (format!("{REFUSED}{code}"), count)), now);
    }

    /// Counts what came again.
    pub(super) fn repeated(&mut self, count: u64, now: Time) {
        self.add([(DUPLICATE.to_owned(), count)], now);
    }

    fn add(&mut self, counts: impl IntoIterator<Item = (String, u64)>, now: Time) {
        let hour = hour_of(now);
        for (what, count) in counts {
            *self.all.entry((hour, what.clone())).or_default() += count;
            *self.unwritten.entry((hour, what)).or_default() += count;
        }
        forget(&mut self.all, hour);
        forget(&mut self.unwritten, hour);
    }

    /// How many of each there were from one hour up to before another; `None` unless all of these were counted.
    pub(super) fn between(&self, from_hour: i64, until_hour: i64, now: Time) -> Option<BTreeMap<String, u64>> {
        if from_hour < hour_of(now) - HOURS_MAX || self.since.is_some_and(|since| from_hour <= since) {
            return None;
        }
        let mut sums = BTreeMap::new();
        let start = (from_hour, String::new());
        for ((_, what), count) in self.all.range(start..).take_while(|((hour, _), _)| *hour < until_hour) {
            *sums.entry(what.clone()).or_default() += count;
        }
        Some(sums)
    }

    /// What is not yet written; whoever takes it writes it.
    pub(super) fn take_unwritten(&mut self) -> Vec<Counted> {
        std::mem::take(&mut self.unwritten)
            .into_iter()
            .map(|((hour, what), count)| Counted { hour, what, count })
            .collect()
    }
}

/// Drops hours that are too old to keep: only from the front, so that it costs nothing where there are none.
fn forget(hours: &mut Hours, now_hour: i64) {
    while hours.first_key_value().is_some_and(|((hour, _), _)| *hour < now_hour - HOURS_MAX) {
        hours.pop_first();
    }
}

/// What could not be written yet, added up: it is bounded by the hours that are kept.
#[derive(Debug, Default)]
pub(super) struct Owed(Hours);

impl Owed {
    /// Adds what is to be written now; everything that is owed.
    pub(super) fn with(&mut self, counted: Vec<Counted>) -> Vec<Counted> {
        for Counted { hour, what, count } in counted {
            *self.0.entry((hour, what)).or_default() += count;
        }
        if let Some(newest) = self.0.last_key_value().map(|((hour, _), _)| *hour) {
            forget(&mut self.0, newest);
        }
        let one =
            |((hour, what), count): (&(i64, String), &u64)| Counted { hour: *hour, what: what.clone(), count: *count };
        self.0.iter().map(one).collect()
    }

    /// It is written.
    pub(super) fn paid(&mut self) {
        self.0.clear();
    }
}
