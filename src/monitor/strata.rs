//! Whether a guard sees the same everywhere: its observations by day, version and segment.
//!
//! Owns the sums of one epoch and the judgement of their spread. Bounded: what comes after the limit
//! isn't told apart.

use super::segments::Segments;
use crate::domain::{Requirement, Standing, Time};
use crate::stats::confidence::{wilson, z_of};
use serde::{Deserialize, Serialize};

/// Days that are told apart: the last so many.
const DAYS_MAX: usize = 40;
/// Segments that are told apart.
const SEGMENTS_MAX: usize = 40;
/// Fewer observations than this, or than this part of all, are too few to matter.
const N_MIN: f64 = 20.0;
const PART_MIN: f64 = 0.02;
/// All intervals together miss with this probability at most.
const ALPHA: f64 = 0.05;
/// More observations than this are as good as never.
const NEEDED_MAX: f64 = 1e9;

/// Observations in \[0, 1\].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Sum {
    n: f64,
    x: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        (self.n, self.x) = (self.n + 1.0, self.x + x);
    }

    fn mean(&self) -> f64 {
        self.x / self.n
    }
}

/// The sums of one guard since the epoch began.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Strata {
    all: Sum,
    days: Vec<(i64, Sum)>,
    segments: Vec<(u16, Sum)>,
}

impl Strata {
    /// Takes an observation of a day (since 1970), in segments where those are looked at.
    pub fn take(&mut self, day: i64, segments: &[u16], x: f64) {
        self.all.add(x);
        match self.days.iter_mut().rev().find(|(of, _)| *of == day) {
            Some((_, sum)) => sum.add(x),
            None => {
                if self.days.len() >= DAYS_MAX {
                    self.days.remove(0);
                }
                self.days.push((day, Sum { n: 1.0, x }));
            }
        }
        for id in segments.iter().copied().take_while(|id| *id != 0) {
            if let Some((_, sum)) = self.segments.iter_mut().find(|(of, _)| *of == id) {
                sum.add(x);
            } else if self.segments.len() < SEGMENTS_MAX {
                self.segments.push((id, Sum { n: 1.0, x }));
            }
        }
    }

    /// Whether the mean of each day, version and segment is within `spread` of that of all.
    pub fn repeatable(&self, guard: &str, spread: f64, segments: &Segments) -> Requirement {
        let name = format!("repeatable:{guard}");
        let days =
            self.days.iter().map(|(day, sum)| (format!("day {}", Time(day.saturating_mul(Time::DAY)).date()), *sum));
        // Only exceptions have a kind: of those all are exceptions.
        let named = self.segments.iter().map(|(id, sum)| (segments.name(*id).to_owned(), *sum));
        let named = named.filter(|(name, _)| !name.starts_with("exception = "));
        let enough = |sum: &Sum| sum.n >= N_MIN.max(self.all.n * PART_MIN);
        let strata: Vec<(String, Sum)> = days.chain(named).filter(|(_, sum)| enough(sum)).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let n = self.all.n as u64;
        if strata.is_empty() {
            let detail = format!("no day, version or segment has {N_MIN} observations yet");
            return Requirement::new(name, Standing::Inconclusive, detail).counted(n, None);
        }
        let (all, z) = (self.all.mean(), z_of(ALPHA, strata.len()));
        let mut worst = (Standing::Met, 0.0, String::new(), None);
        for (of, sum) in &strata {
            let far = (sum.mean() - all).abs();
            let [low, high] = wilson(sum.mean(), sum.n, z);
            let standing = if low > all + spread || high < all - spread {
                Standing::Missing
            } else if low >= all - spread && high <= all + spread {
                Standing::Met
            } else {
                Standing::Inconclusive
            };
            if (standing, far) >= (worst.0, worst.1) {
                worst = (standing, far, of.clone(), Some(*sum));
            }
        }
        let (standing, far, of, sum) = worst;
        let sum = sum.unwrap_or_default();
        let (mean, m) = (sum.mean(), sum.n);
        let detail = match standing {
            Standing::Met => format!(
                "{} days, versions and segments lie within {spread} of {all:.4}; the furthest is {of} with {mean:.4}",
                strata.len()
            ),
            Standing::Missing => format!(
                "{of} has {mean:.4} in {m} observations, further than {spread} from {all:.4}: find out why before it does more by itself"
            ),
            Standing::Inconclusive => format!(
                "{of} has {mean:.4} in {m} observations: too few to say that it lies within {spread} of {all:.4}"
            ),
        };
        Requirement::new(name, standing, detail)
            .valued(Some(far), spread)
            .counted(n, needed(mean, m, all, spread, z, n))
    }
}

/// How many observations in all would do, if the undecided part keeps its mean and its part of them.
fn needed(mean: f64, n: f64, all: f64, spread: f64, z: f64, total: u64) -> Option<u64> {
    let inside = |n: f64| {
        let [low, high] = wilson(mean, n, z);
        low >= all - spread && high <= all + spread
    };
    let mut enough = n.max(1.0);
    while !inside(enough) {
        enough *= 1.1;
        if enough > NEEDED_MAX {
            return None;
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a count")]
    Some((total as f64 * enough / n.max(1.0)).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, OutputEvent, WorkflowId};

    /// `n` observations on each of so many days, of which each `every`-th is 1 on the last day.
    fn strata(n: u32, days: i64, every: u32, every_on_last: u32) -> Strata {
        let mut strata = Strata::default();
        for day in 0..days {
            let every = if day + 1 == days { every_on_last } else { every };
            (0..n).for_each(|k| strata.take(day, &[], f64::from(u8::from(k % every == 0))));
        }
        strata
    }

    #[test]
    fn the_same_on_each_day_another_and_too_few_to_say() {
        let of = |strata: &Strata| strata.repeatable("g", 0.05, &Segments::default());
        assert_eq!(of(&strata(1_000, 5, 50, 50)).standing, Standing::Met);
        let other = of(&strata(1_000, 5, 50, 5));
        assert_eq!(other.standing, Standing::Missing, "{}", other.detail);
        assert!(other.detail.starts_with("day 1970-01-05"), "{}", other.detail);
        let few = of(&strata(40, 5, 50, 50));
        assert_eq!(few.standing, Standing::Inconclusive, "{}", few.detail);
        let needed = few.n_needed.unwrap();
        assert!((300..3_000).contains(&needed), "{needed}");
        let each = u32::try_from(needed / 5 + 20).unwrap();
        assert_eq!(of(&strata(each, 5, 50, 50)).standing, Standing::Met, "what is needed suffices");
    }

    #[test]
    fn nothing_is_undecided() {
        let none = Strata::default().repeatable("g", 0.05, &Segments::default());
        assert_eq!((none.standing, none.n), (Standing::Inconclusive, Some(0)));
    }

    #[test]
    fn a_segment_that_differs_is_named_and_a_kind_of_exception_is_none() {
        let (mut strata, mut segments) = (Strata::default(), Segments::default());
        let mut event = OutputEvent::new("o", WorkflowId::unknown(), Outcome::Exception);
        for k in 0..4_000u32 {
            let german = k % 4 == 0;
            event.attributes = vec![("locale".into(), if german { "de" } else { "en" }.into())];
            let bad = german && k % 8 == 0;
            event.exception = bad.then(|| "timeout".into());
            let ids = super::super::segments::Segmented::new(&mut segments).of(&event);
            strata.take(0, &ids, f64::from(u8::from(bad)));
        }
        let found = strata.repeatable("g", 0.1, &segments);
        assert_eq!(found.standing, Standing::Missing);
        assert!(found.detail.starts_with("locale = de"), "{}", found.detail);
    }
}
