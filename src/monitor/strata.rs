//! Whether a guard sees the same everywhere: its observations by day, version and segment.
//!
//! Owns the sums of one epoch and the judgement of their spread. Bounded: what comes after the limit
//! isn't told apart.

use super::segments::Segments;
use crate::domain::{Requirement, Standing, Time};
use crate::stats::confidence::{wilson, z_of};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days that are told apart: the last so many.
const DAYS_MAX: usize = 40;
/// Segments that are told apart.
const SEGMENTS_MAX: usize = 40;
/// Segments with a smaller part of the outputs are compared together, and not at all if they are few.
const PART_MIN: f64 = 0.1;
/// A segment with nearly all outputs is no part of them.
const PART_MAX: f64 = 0.95;
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

    fn join(&mut self, other: Self) {
        (self.n, self.x) = (self.n + other.n, self.x + other.x);
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

    /// Whether the mean of each time, version and segment is within `spread` of that of all.
    pub fn repeatable(&self, guard: &str, spread: f64, compare_times: bool, segments: &Segments) -> Requirement {
        let name = format!("repeatable:{guard}");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let n = self.all.n as u64;
        if n == 0 {
            let detail = "nothing was observed since the mode was granted";
            return Requirement::new(name, Standing::Inconclusive, detail).counted(0, None);
        }
        let (all, segments) = (self.all.mean(), self.parts(segments));
        let mut days = self.days.clone();
        days.sort_by_key(|(day, _)| *day);
        // As many times one after the other as can be told apart.
        let told_apart = |groups: usize| {
            let times = times(&days, groups);
            let least = times.iter().map(|(_, sum)| sum.n).fold(f64::INFINITY, f64::min);
            let z = z_of(ALPHA, times.len() + segments.len());
            inside(wilson(all, least, z), all, spread).then_some(times)
        };
        let times = if compare_times { (2..=days.len()).rev().find_map(told_apart) } else { Some(Vec::new()) };
        let Some(times) = times else {
            let needed = needed(all, self.all.n / 2.0, all, spread, z_of(ALPHA, 2 + segments.len()), n);
            let days = days.len();
            let detail = format!("{n} observations on {days} days: too few to compare one time with another");
            return Requirement::new(name, Standing::Inconclusive, detail).counted(n, needed.filter(|_| days > 1));
        };
        let strata: Vec<(String, Sum)> = times.into_iter().chain(segments).collect();
        if strata.is_empty() {
            let detail =
                "one version and one segment, and times aren't compared where fewer than two days are asked for";
            return Requirement::new(name, Standing::Met, detail).counted(n, None);
        }
        let z = z_of(ALPHA, strata.len());
        let mut worst = (Standing::Met, -1.0, String::new(), Sum::default());
        for (of, sum) in &strata {
            let far = (sum.mean() - all).abs();
            let standing = judge(wilson(sum.mean(), sum.n, z), all, spread);
            if (standing, far) > (worst.0, worst.1) {
                worst = (standing, far, of.clone(), *sum);
            }
        }
        let (standing, far, of, sum) = worst;
        let (mean, m) = (sum.mean(), sum.n);
        let detail = match standing {
            Standing::Met => format!(
                "{} times, versions and segments lie within {spread} of {all:.4}; the furthest is {of} with {mean:.4}",
                strata.len()
            ),
            Standing::Missing => format!(
                "{of} has {mean:.4} in {m} observations, further than {spread} from {all:.4}: find out why before it does more by itself"
            ),
            Standing::Inconclusive => format!(
                "{of} has {mean:.4} in {m} observations: too few to say that it lies within {spread} of {all:.4}"
            ),
        };
        let needed = needed(mean, m, all, spread, z, n);
        Requirement::new(name, standing, detail).valued(Some(far), spread).counted(n, needed)
    }

    /// The segments that are a part of the outputs; small ones of an attribute together.
    fn parts(&self, segments: &Segments) -> Vec<(String, Sum)> {
        // Only exceptions have a kind: of those all are exceptions.
        let named = self.segments.iter().map(|(id, sum)| (segments.name(*id), *sum));
        let named: Vec<(&str, Sum)> = named.filter(|(name, _)| !name.starts_with("exception = ")).collect();
        let attribute = |name: &str| name.split(" = ").next().unwrap_or_default().to_owned();
        let mut totals: BTreeMap<String, Sum> = BTreeMap::new();
        for (name, sum) in &named {
            totals.entry(attribute(name)).or_default().join(*sum);
        }
        let mut found = Vec::new();
        let mut others: BTreeMap<String, Sum> = BTreeMap::new();
        for (name, sum) in named {
            let of = attribute(name);
            let part = sum.n / totals.get(&of).map_or(sum.n, |total| total.n);
            if part < PART_MIN {
                others.entry(of).or_default().join(sum);
            } else if part < PART_MAX {
                found.push((name.to_owned(), sum));
            }
        }
        let large = |(of, sum): &(String, Sum)| totals.get(of).is_some_and(|total| sum.n >= total.n * PART_MIN);
        found.extend(others.into_iter().filter(large).map(|(of, sum)| (format!("{of} = (others)"), sum)));
        found
    }
}

/// What the interval of a part says about its distance from the mean of all.
fn judge([low, high]: [f64; 2], all: f64, spread: f64) -> Standing {
    if low > all + spread || high < all - spread {
        Standing::Missing
    } else if inside([low, high], all, spread) {
        Standing::Met
    } else {
        Standing::Inconclusive
    }
}

/// Whether an interval lies within `spread` of the mean of all.
fn inside([low, high]: [f64; 2], all: f64, spread: f64) -> bool {
    low >= all - spread && high <= all + spread
}

/// The days, in their order, in so many groups, one after the other, with about as many observations each.
fn times(days: &[(i64, Sum)], groups: usize) -> Vec<(String, Sum)> {
    let total: f64 = days.iter().map(|(_, sum)| sum.n).sum();
    let date = |day: i64| Time(day.saturating_mul(Time::DAY)).date();
    let mut found: Vec<(i64, i64, Sum)> = Vec::new();
    let (mut before, mut ends) = (0.0, 1.0);
    for &(day, sum) in days {
        match found.last_mut() {
            Some((_, last, group)) if before + sum.n / 2.0 < total * ends / size(groups) => {
                *last = day;
                group.join(sum);
            }
            Some(_) => {
                ends += 1.0;
                found.push((day, day, sum));
            }
            None => found.push((day, day, sum)),
        }
        before += sum.n;
    }
    found
        .into_iter()
        .map(|(first, last, sum)| {
            let name = if first == last {
                format!("day {}", date(first))
            } else {
                format!("{} to {}", date(first), date(last))
            };
            (name, sum)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few")]
const fn size(n: usize) -> f64 {
    n as f64
}

/// How many observations in all would do, if the undecided part keeps its mean and its part of them.
fn needed(mean: f64, n: f64, all: f64, spread: f64, z: f64, total: u64) -> Option<u64> {
    let mut enough = n.max(1.0);
    while !inside(wilson(mean, enough, z), all, spread) {
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
        let of = |strata: &Strata| strata.repeatable("g", 0.05, true, &Segments::default());
        assert_eq!(of(&strata(1_000, 5, 50, 50)).standing, Standing::Met);
        let other = of(&strata(1_000, 5, 50, 5));
        assert_eq!(other.standing, Standing::Missing, "{}", other.detail);
        assert!(other.detail.starts_with("day 1970-01-05"), "{}", other.detail);
        assert_eq!(of(&strata(60, 4, 60, 60)).standing, Standing::Inconclusive, "0.05 needs more");
        assert_eq!(
            strata(60, 4, 600, 600).repeatable("g", 0.10, true, &Segments::default()).standing,
            Standing::Met,
            "two times of two days"
        );
        let few = of(&strata(40, 5, 50, 50));
        assert_eq!(few.standing, Standing::Inconclusive, "{}", few.detail);
        let needed = few.n_needed.unwrap();
        assert!((250..1_000).contains(&needed), "{needed}");
        let each = u32::try_from(needed / 5 + 20).unwrap();
        assert_eq!(of(&strata(each, 5, 50, 50)).standing, Standing::Met, "what is needed suffices");
        let one_day = of(&strata(5_000, 1, 50, 50));
        assert_eq!((one_day.standing, one_day.n_needed), (Standing::Inconclusive, None), "one day repeats nothing");
    }

    #[test]
    fn one_day_suffices_where_no_more_is_asked_for() {
        let one = strata(400, 1, 50, 50).repeatable("g", 0.05, false, &Segments::default());
        assert_eq!(one.standing, Standing::Met);
    }

    #[test]
    fn nothing_is_undecided() {
        let none = Strata::default().repeatable("g", 0.05, true, &Segments::default());
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
            strata.take(i64::from(k / 1_000), &ids, f64::from(u8::from(bad)));
        }
        let found = strata.repeatable("g", 0.1, true, &segments);
        assert_eq!(found.standing, Standing::Missing);
        assert!(found.detail.starts_with("locale = de"), "{}", found.detail);
    }
}
