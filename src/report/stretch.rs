//! How a signal went through the weeks: its level, and since when.
//!
//! Owns the shape of that, and when it is told. A week's number hides it: nine of twenty-four and then none of fifty is the
//! same twelve percent as the week before. No mode depends on it.

use super::measure::apart;
use super::tally::Tally;
use crate::domain::Time;
use crate::stats::number::{count, number};
use crate::stats::stretches::{DATED, FOUND, Stretches, stretches};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A level that is told of a signal in its own right has at least so many outputs …
const OUTPUTS_MIN: usize = 10;
/// … and one that dates what is known to differ, so many.
const DATED_MIN: usize = 5;

/// Changes that are told of a signal.
const TOLD_MAX: usize = 3;

/// A signal at one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stretch {
    /// Its first output.
    pub from: Time,
    /// Sampled outputs.
    pub outputs: u64,
    /// Their median, or their share, 0 to 1.
    pub level: f64,
}

/// How exceptions went: within the week where they clearly changed in it, and else through both weeks where these are
/// apart. Empty where there is nothing to tell, or too much. Each share that is told is apart from the one before it.
pub(super) fn exceptions(week: &Tally, before: Option<&Tally>) -> Vec<Stretch> {
    let failed = |tally: &Tally| -> Vec<(Time, f64)> {
        let of = |failed: bool| f64::from(u8::from(failed));
        tally.sample.outputs().iter().map(|one| (one.time, of(one.event.is_exception()))).collect()
    };
    let own = failed(week);
    let within = parts(&own, OUTPUTS_MIN, FOUND, share).filter(|found| are_apart(found));
    within
        .or_else(|| {
            let before = failed(before?);
            let whole = |of: &[(Time, f64)]| {
                let values: Vec<f64> = of.iter().map(|(_, value)| *value).collect();
                (share(&values), count(values.len()))
            };
            let both = || before.iter().chain(&own).copied().collect::<Vec<_>>();
            let found = apart(whole(&own), whole(&before)).then(|| parts(&both(), OUTPUTS_MIN, DATED, share))??;
            are_apart(&found).then_some(found)
        })
        .unwrap_or_default()
}

/// Whether there are several levels, and each is apart from the one before it.
fn are_apart(found: &[Stretch]) -> bool {
    let is_apart = |pair: &[Stretch]| apart((pair[1].level, pair[1].outputs), (pair[0].level, pair[0].outputs));
    found.len() > 1 && found.windows(2).all(is_apart)
}

/// How what is known to differ went through two weeks, values in order of time; `None` where it changed too often to be
/// told, and one stretch where it can't be dated.
pub(super) fn dated_shares(values: &[(Time, f64)]) -> Option<Vec<Stretch>> {
    parts(values, DATED_MIN, DATED, share)
}

/// The same of numbers. A level is looked through once more by itself: what jumps at the top of values that moved before
/// is but a few ranks higher than they are. Steps of less than a quarter of what the middle half spans are no news.
pub(super) fn dated_numbers(values: &[(Time, f64)]) -> Option<Vec<Stretch>> {
    let numbers: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let Stretches::Changes(first) = stretches(&numbers, DATED_MIN, DATED) else { return None };
    let mut changes = first.clone();
    if !first.is_empty() {
        for (from, to) in bounds(&first, numbers.len()) {
            if let Stretches::Changes(own) = stretches(numbers.get(from..to)?, DATED_MIN, DATED) {
                changes.extend(own.into_iter().map(|at| from + at));
            }
        }
        changes.sort_unstable();
    }
    let [low, high] = quantiles(&numbers, [(1, 4), (3, 4)]);
    told(values, changes, (high - low) / 4.0, |values| quantiles(values, [(1, 2)])[0])
}

fn parts(values: &[(Time, f64)], shortest: usize, penalty: f64, level: fn(&[f64]) -> f64) -> Option<Vec<Stretch>> {
    let numbers: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let Stretches::Changes(changes) = stretches(&numbers, shortest, penalty) else { return None };
    told(values, changes, 0.0, level)
}

/// The stretches between changes, but for the smallest steps: those below `least`, and those beyond the number that is
/// told. `None` where one of the latter is no smaller than half of the largest: that is a rhythm.
fn told(values: &[(Time, f64)], mut changes: Vec<usize>, least: f64, level: fn(&[f64]) -> f64) -> Option<Vec<Stretch>> {
    let mut left_out: f64 = 0.0;
    loop {
        let found = levels(values, &changes, level);
        let steps = found.windows(2).map(|pair| (pair[1].level - pair[0].level).abs());
        let Some((at, step)) = steps.clone().enumerate().min_by(|a, b| a.1.total_cmp(&b.1)) else { return Some(found) };
        let largest = steps.fold(0.0, f64::max);
        let is_news = step > 0.0 && step >= least;
        if is_news && changes.len() <= TOLD_MAX {
            return (left_out < largest / 2.0).then_some(found);
        }
        if is_news {
            left_out = left_out.max(step);
        }
        changes.remove(at);
    }
}

fn levels(values: &[(Time, f64)], changes: &[usize], level: fn(&[f64]) -> f64) -> Vec<Stretch> {
    let part = |(from, to): (usize, usize)| {
        let part: Vec<f64> = values.get(from..to)?.iter().map(|(_, value)| *value).collect();
        Some(Stretch { from: values.get(from)?.0, outputs: count(part.len()), level: level(&part) })
    };
    bounds(changes, values.len()).filter_map(part).collect()
}

/// Where each stretch begins and ends.
fn bounds(changes: &[usize], end: usize) -> impl Iterator<Item = (usize, usize)> {
    let begins = std::iter::once(0).chain(changes.iter().copied());
    begins.zip(changes.iter().copied().chain([end]))
}

/// The share of ones.
fn share(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / number(count(values.len().max(1)))
}

/// The values below which these parts lie, such as `(1, 2)` for half of them: the lower one where two would do.
pub(super) fn quantiles<const N: usize>(values: &[f64], parts: [(usize, usize); N]) -> [f64; N] {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    parts.map(|(part, of)| {
        let at = (values.len() * part).div_ceil(of).saturating_sub(1);
        values.get(at).copied().unwrap_or(f64::NAN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, OutputEvent, WorkflowId};
    use crate::monitor::kpi::Limits;

    fn of(failed: impl Fn(i64) -> bool) -> Vec<Stretch> {
        let mut week = Tally::new(1_000);
        for n in 0..200 {
            let outcome = if failed(n) { Outcome::Exception } else { Outcome::Ok };
            let event = OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), outcome);
            week.output(Limits::default(), &event, Time(n), n, 0, Time(n));
        }
        exceptions(&week, None)
    }

    #[test]
    fn steps_within_the_week_are_dated_and_a_steady_share_is_none() {
        let found = of(|n| n < 60 && n % 2 == 0);
        let levels: Vec<(f64, u64)> = found.iter().map(|one| (one.level * number(one.outputs), one.outputs)).collect();
        assert_eq!((levels.len(), levels[0].0, levels[1].0), (2, 30.0, 0.0), "{found:?}");
        assert!((57..=60).contains(&found[1].from.0), "{found:?}");
        // A bad spell in the middle.
        let found = of(|n| (90..120).contains(&n) || n % 40 == 0);
        let from: Vec<i64> = found.iter().map(|one| one.from.0).collect();
        assert!(matches!(from[..], [0, 88..=92, 118..=122]), "{found:?}");
        assert!(of(|n| n % 8 == 0).is_empty() && of(|_| false).is_empty());
    }

    #[test]
    fn outputs_of_one_moment_are_in_no_order() {
        let mut week = Tally::new(1_000);
        for n in 0..100 {
            let outcome = if n < 70 { Outcome::Ok } else { Outcome::Exception };
            let event = OutputEvent::new(&format!("o-{n:03}"), WorkflowId::new("wf").unwrap(), outcome);
            week.output(Limits::default(), &event, Time(5), 0, 0, Time(5));
        }
        assert_eq!(exceptions(&week, None), []);
    }

    fn numbers(level: impl Fn(i64) -> f64) -> Option<Vec<(i64, f64)>> {
        let value = |n: i64| (Time(n), level(n) + f64::from(i32::try_from(n * 7 % 10).unwrap()) / 10.0);
        let found = dated_numbers(&(0..200).map(value).collect::<Vec<_>>())?;
        Some(found.iter().map(|one| (one.from.0, (one.level * 10.0).floor() / 10.0)).collect())
    }

    #[test]
    fn a_jump_on_top_of_what_moved_before_is_seen_and_a_small_step_is_no_news() {
        // Among the ranks of all values, the last ten are hardly higher than those before.
        let found = numbers(|n| {
            if n >= 190 {
                90.0
            } else if n >= 100 {
                20.0
            } else {
                10.0
            }
        })
        .unwrap();
        assert_eq!(found, [(0, 10.4), (100, 20.4), (190, 90.4)]);
        let found = numbers(|n| {
            if n >= 150 {
                21.0
            } else if n >= 100 {
                20.0
            } else {
                10.0
            }
        })
        .unwrap();
        assert_eq!(found, [(0, 10.4), (100, 20.9)]);
    }

    #[test]
    fn of_many_steps_the_largest_are_told_and_a_rhythm_is_none() {
        let found = numbers(|n| match n {
            0..40 => 10.0,
            40..80 => 30.0,
            80..120 => 45.0,
            120..160 => 30.0,
            _ => 300.0,
        });
        assert_eq!(found.unwrap().last(), Some(&(160, 300.4)));
        assert_eq!(numbers(|n| if n / 25 % 2 == 0 { 10.0 } else { 30.0 }), None);
    }

    #[test]
    fn what_the_week_before_was_better_at_is_dated_over_both_weeks() {
        let week = |from: i64, is_bad: fn(i64) -> bool| {
            let mut week = Tally::new(1_000);
            for n in from..from + 500 {
                let outcome = if is_bad(n) { Outcome::Exception } else { Outcome::Ok };
                let event = OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), outcome);
                week.output(Limits::default(), &event, Time(n), 0, 0, Time(n));
            }
            week
        };
        let is_bad = |n: i64| if n < 450 { n % 6 == 0 } else { n % 3 == 0 };
        let found = exceptions(&week(500, is_bad), Some(&week(0, is_bad)));
        assert!(found.len() == 2 && (430..=470).contains(&found[1].from.0), "{found:?}");
        assert!(exceptions(&week(500, is_bad), None).is_empty());
    }

    #[test]
    fn a_step_of_the_share_between_the_middle_ones_is_no_rhythm() {
        // Half of the values are 1, before as after: the medians are the same.
        let value = |n: i64| f64::from(u8::from(n % 20 < if n < 100 { 19 } else { 13 }));
        let values: Vec<(Time, f64)> = (0..400).map(|n| (Time(n), value(n * 7))).collect();
        assert_eq!(dated_numbers(&values).map(|found| found.len()), Some(1), "not told, and not restless");
        let found = dated_shares(&values).unwrap();
        assert_eq!(found.len(), 1 + usize::from(found.len() > 1), "{found:?}");
    }

    #[test]
    fn quantiles_are_values_and_the_lower_one_of_two() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(quantiles(&[3.0, 1.0], [(1, 2)])[0], 1.0) && near(quantiles(&[5.0, 1.0, 3.0], [(1, 2)])[0], 3.0));
        let tenths = quantiles(&(1..=20).map(f64::from).collect::<Vec<_>>(), [(1, 10), (9, 10)]);
        assert!(near(tenths[0], 2.0) && near(tenths[1], 18.0));
        assert!(quantiles(&[], [(1, 2)])[0].is_nan());
    }
}
