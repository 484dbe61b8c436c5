//! Which outputs wait for a verdict, which got one, and what those say of all outputs.
//!
//! Owns the book of the review plan of one workflow: every output is counted at the depth that held when
//! it came, and a verdict counts by that depth, however late it is. Whether too many are rejected is the
//! guards' matter; what people see of it `reviews_view`'s.

use super::kpi::Kinds;
use super::origin::{Counts, Origin, Word};
use super::reviews_view::Progress;
use crate::domain::{OutputEvent, Review, Time, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;

/// Outputs that wait for a verdict, kept of one workflow whose outputs people review; the oldest is missed.
pub const AWAITED_MAX: usize = 65_536;
/// The same where no verdict was ever reported: there it is only to be seen that none is.
pub const AWAITED_UNREVIEWED_MAX: usize = 1_024;
/// Verdicts that came before their output, kept of one workflow.
const EARLY_MAX: usize = 256;
/// A verdict without an output for this long is on one that was not selected, milliseconds.
const EARLY_MS: i64 = Time::HOUR;
/// Outputs with a verdict, kept of one workflow for the sake of a second one; those that need none go first.
const JUDGED_MAX: usize = 4_096;
/// Those of them that need no second one.
const JUDGED_ONCE_MAX: usize = 512;
/// Depths that are told apart since the mode was granted; of more, the first are forgotten.
const DEPTHS_MAX: usize = 16;

/// An output that waits for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Awaited {
    /// Hash of its id.
    output: u64,
    /// When it arrived, seconds since 1970.
    at_s: u32,
    /// The depth at which it was selected: an index into the tallies; `None` from before the mode was granted.
    depth: Option<u8>,
    /// Whether it was reported as an exception.
    is_exception: bool,
    /// Whether two people are to review it.
    twice: bool,
    /// Where it came from; only where a guard judges by verdicts.
    origin: Option<Box<Origin>>,
}

/// A verdict that came before its output, or whose output was not selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    output: u64,
    at: Time,
    verdict: Verdict,
    /// Hash of the reviewer.
    reviewer: u64,
}

/// An output with a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Judged {
    given: Given,
    /// Whether two people are to review it.
    twice: bool,
    /// Whether a second person did.
    again: bool,
}

/// What is known of the outputs that came at one depth since the mode was granted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Share of outputs that people review, 0 to 1.
    pub depth: f64,
    /// Outputs, selected or not.
    pub outputs: u64,
    /// Selected ones.
    pub selected: u64,
    /// Those with a verdict …
    pub reviewed: u64,
    /// … of these used after a change …
    pub edited: u64,
    /// … or rejected …
    pub rejected: u64,
    /// … of these without having been reported as exceptions.
    pub silent: u64,
    /// Selected ones that were given up: too many waited.
    pub missed: u64,
}

/// The book of one workflow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reviews {
    awaited: VecDeque<Awaited>,
    early: VecDeque<(Given, Word)>,
    judged: VecDeque<Judged>,
    tallies: Vec<Tally>,
    /// Outputs since adoption whose verdict was given up, because too many waited.
    pub missed: u64,
    /// Outputs since adoption with a first verdict.
    pub first: u64,
    /// Whether there ever was a verdict.
    is_used: bool,
    /// Pairs by first and second verdict: outputs that two people were to review …
    pub planned: [[u32; 3]; 3],
    /// … and others that two people did review.
    pub voluntary: [[u32; 3]; 3],
    /// Verdicts that change nothing: of the same person again, or a third.
    pub repeated: u64,
    /// Minutes of all verdicts that say how long they took, and how many these are.
    pub minutes: (f64, u64),
    kinds: Kinds,
    /// What reviewers found, by kind of exception (an index into a list of its own: nobody who reviews may
    /// use up that of the outputs), ascending.
    found: Vec<(u16, u64)>,
}

impl Reviews {
    /// Takes note of an output that `reviewers` people (none, one or two) are to review. `depth` is the
    /// depth at which it came; `None` where it was made before the mode was granted. What comes back is a
    /// verdict that was there before it.
    pub fn output(
        &mut self,
        now: Time,
        event: &OutputEvent,
        depth: Option<f64>,
        reviewers: u8,
        origin: Option<Box<Origin>>,
    ) -> Option<Counts> {
        self.early.retain(|(early, _)| now.since(early.at) <= EARLY_MS);
        let tally = depth.map(|depth| self.tally(depth));
        if let Some(tally) = tally {
            self.tallies[tally].outputs += 1;
            self.tallies[tally].selected += u64::from(reviewers > 0);
        }
        if reviewers == 0 {
            // Most outputs are not selected, and mostly no verdict waits.
            if !self.early.is_empty() {
                let output = Self::hash(&event.id);
                self.early.retain(|(early, _)| early.output != output);
            }
            return None;
        }
        let output = Self::hash(&event.id);
        let is_exception = event.is_exception();
        let at_s = u32::try_from(now.0 / 1_000).unwrap_or_default();
        let depth = tally.and_then(|at| u8::try_from(at).ok());
        self.awaited.push_back(Awaited { output, at_s, depth, is_exception, twice: reviewers > 1, origin });
        let max = if self.is_used { AWAITED_MAX } else { AWAITED_UNREVIEWED_MAX };
        while self.awaited.len() > max {
            self.give_up();
        }
        let mut counts = None;
        while let Some(at) = self.early.iter().position(|(early, _)| early.output == output) {
            let Some((given, word)) = self.early.remove(at) else { break };
            let said = self.given(given, word);
            counts = counts.or(said);
        }
        counts
    }

    /// Takes a verdict; what it says about all outputs, if it does.
    pub fn verdict(&mut self, now: Time, review: &Review) -> Option<Counts> {
        self.is_used = true;
        if let Some(kind) = &review.exception {
            self.find(kind);
        }
        if let Some(minutes) = review.minutes {
            self.minutes = (self.minutes.0 + minutes, self.minutes.1 + 1);
        }
        let output = Self::hash(&review.output_id);
        let reviewer = xxh3_64(review.reviewer.as_bytes());
        self.given(Given { output, at: now, verdict: review.verdict, reviewer }, Word::of(review))
    }

    /// What reviewers found, by kind of exception.
    pub fn found(&self) -> impl Iterator<Item = (&str, u64)> {
        self.found.iter().map(|(kind, n)| (self.kinds.name(*kind), *n))
    }

    fn find(&mut self, kind: &str) {
        let kind = self.kinds.index(kind);
        match self.found.binary_search_by_key(&kind, |(kind, _)| *kind) {
            Ok(at) => self.found[at].1 += 1,
            Err(at) => self.found.insert(at, (kind, 1)),
        }
    }

    fn given(&mut self, given: Given, word: Word) -> Option<Counts> {
        if let Some(at) = self.awaited.iter().position(|awaited| awaited.output == given.output) {
            let awaited = self.awaited.remove(at)?;
            return self.first(awaited, given, word);
        }
        if let Some(judged) = self.judged.iter_mut().find(|judged| judged.given.output == given.output) {
            if judged.again || judged.given.reviewer == given.reviewer {
                self.repeated += 1;
            } else {
                judged.again = true;
                let pairs = if judged.twice { &mut self.planned } else { &mut self.voluntary };
                pairs[judged.given.verdict as usize][given.verdict as usize] += 1;
            }
            return None;
        }
        // Its output may still be on the way.
        push(&mut self.early, (given, word), EARLY_MAX);
        None
    }

    fn first(&mut self, awaited: Awaited, given: Given, word: Word) -> Option<Counts> {
        self.first += 1;
        push(&mut self.judged, Judged { given, twice: awaited.twice, again: false }, JUDGED_MAX);
        if self.judged.len() > JUDGED_ONCE_MAX
            && let Some(done) = self.judged.iter().position(|judged| !judged.twice || judged.again)
        {
            self.judged.remove(done);
        }
        // A verdict on an output of another mode is no evidence of this one.
        let tally = self.tallies.get_mut(usize::from(awaited.depth?))?;
        let rejected = given.verdict == Verdict::Rejected;
        tally.reviewed += 1;
        tally.edited += u64::from(given.verdict == Verdict::Edited);
        tally.rejected += u64::from(rejected);
        tally.silent += u64::from(rejected && !awaited.is_exception);
        let Word { output_id, exception } = word;
        Some(Counts { rejected, depth: tally.depth, output_id, exception, origin: awaited.origin })
    }

    fn give_up(&mut self) {
        let Some(lost) = self.awaited.pop_front() else { return };
        self.missed += 1;
        if let Some(tally) = lost.depth.and_then(|at| self.tallies.get_mut(usize::from(at))) {
            // Before anybody reviewed none of them was to be reviewed in earnest.
            if self.is_used {
                tally.missed += 1;
            } else {
                tally.selected -= 1;
            }
        }
    }

    /// The place of the tally of a depth.
    fn tally(&mut self, depth: f64) -> usize {
        let same = |tally: &Tally| tally.depth.to_bits() == depth.to_bits();
        self.tallies.iter().rposition(same).unwrap_or_else(|| {
            if self.tallies.len() >= DEPTHS_MAX {
                self.tallies.remove(0);
                for awaited in &mut self.awaited {
                    awaited.depth = awaited.depth.and_then(|at| at.checked_sub(1));
                }
            }
            self.tallies.push(Tally { depth, ..Tally::default() });
            self.tallies.len() - 1
        })
    }

    /// A new mode was granted: what was made before is no evidence of it, and still waits for its verdict.
    pub fn begin_epoch(&mut self) {
        self.tallies.clear();
        self.awaited.iter_mut().for_each(|awaited| (awaited.depth, awaited.origin) = (None, None));
    }

    /// Outputs since the mode was granted, by the depth at which they came.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// Outputs that wait for a verdict.
    pub fn awaited(&self) -> usize {
        self.awaited.len()
    }

    /// When the one that waits longest arrived.
    pub fn oldest(&self) -> Option<Time> {
        self.awaited.front().map(|awaited| Time(i64::from(awaited.at_s) * 1_000))
    }

    /// Outputs that wait for longer than `within_ms`. Looks at a few of them, however many wait.
    pub fn late(&self, now: Time, within_ms: i64) -> usize {
        let before = now.plus(-within_ms).0.div_euclid(1_000);
        self.awaited.partition_point(|awaited| i64::from(awaited.at_s) < before)
    }

    /// The same, and how many of these are of the present mode: looks at each of them.
    pub fn overdue(&self, now: Time, within_ms: i64) -> (usize, usize) {
        let late = self.late(now, within_ms);
        (late, self.awaited.iter().take(late).filter(|awaited| awaited.depth.is_some()).count())
    }

    /// Outputs of late that two people are to review and one did.
    pub fn second_awaited(&self) -> usize {
        self.judged.iter().filter(|judged| judged.twice && !judged.again).count()
    }

    /// How many of `all` verdicts were on outputs that nobody was to review, or that are long forgotten.
    pub fn outside(&self, all: u64) -> u64 {
        let pairs = self.planned.iter().chain(&self.voluntary).flatten().map(|n| u64::from(*n)).sum::<u64>();
        all.saturating_sub(self.first + pairs + self.repeated + self.early.len() as u64)
    }

    /// Where the reviews of all outputs stand that are known, and how many people are to review each (1 or
    /// 2), by the hash of [`Reviews::hash`].
    pub fn progress(&self, now: Time, within_ms: i64) -> impl Iterator<Item = (u64, (Progress, u8))> {
        let late = self.late(now, within_ms);
        let people = |twice| if twice { 2 } else { 1 };
        let waiting = self.awaited.iter().enumerate().map(move |(at, of)| {
            let progress = if at < late { Progress::Overdue } else { Progress::Awaited };
            (of.output, (progress, people(of.twice)))
        });
        let done = self.judged.iter().map(move |of| {
            let progress = if of.twice && !of.again { Progress::SecondAwaited } else { Progress::Reviewed };
            (of.given.output, (progress, people(of.twice)))
        });
        done.chain(waiting)
    }

    /// What an output's id is remembered by.
    pub fn hash(output_id: &str) -> u64 {
        xxh3_64(output_id.as_bytes())
    }
}

fn push<T>(list: &mut VecDeque<T>, item: T, max: usize) {
    list.push_back(item);
    if list.len() > max {
        list.pop_front();
    }
}

#[cfg(test)]
#[path = "reviews_tests.rs"]
mod tests;
