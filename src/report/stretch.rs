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

/// How exceptions went within a week, in its sample of outputs; empty where they did not clearly change, or too often to be
/// told. A share that is told is apart from that before it.
pub(super) fn exceptions(week: &Tally) -> Vec<Stretch> {
    let sampled = week.sample.outputs();
    let of = |failed: bool| f64::from(u8::from(failed));
    let failed: Vec<(Time, f64)> = sampled.iter().map(|one| (one.time, of(one.event.is_exception()))).collect();
    let Some(found) = parts(&failed, OUTPUTS_MIN, FOUND, share) else { return Vec::new() };
    let is_apart = |pair: &[Stretch]| apart((pair[1].level, pair[1].outputs), (pair[0].level, pair[0].outputs));
    if found.len() > 1 && found.windows(2).all(is_apart) { found } else { Vec::new() }
}

/// How what is known to differ went through two weeks, values in order of time; `None` where it changed too often to be
/// told, and one stretch where it can't be dated.
pub(super) fn dated(values: &[(Time, f64)], level: fn(&[f64]) -> f64) -> Option<Vec<Stretch>> {
    parts(values, DATED_MIN, DATED, level)
}

fn parts(values: &[(Time, f64)], shortest: usize, penalty: f64, level: fn(&[f64]) -> f64) -> Option<Vec<Stretch>> {
    let (times, values): (Vec<Time>, Vec<f64>) = values.iter().copied().unzip();
    let Stretches::Changes(changes) = stretches(&values, shortest, penalty) else { return None };
    let begins: Vec<usize> = std::iter::once(0).chain(changes).collect();
    let ends = begins.iter().skip(1).copied().chain([values.len()]);
    let part = |(from, to): (&usize, usize)| {
        let part = values.get(*from..to).filter(|part| !part.is_empty())?;
        Some(Stretch { from: *times.get(*from)?, outputs: count(part.len()), level: level(part) })
    };
    Some(begins.iter().zip(ends).filter_map(part).collect())
}

/// The share of ones.
pub(super) fn share(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / number(count(values.len().max(1)))
}

/// The middle one; the lower of two.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let middle = values.len().saturating_sub(1) / 2;
    if values.is_empty() { f64::NAN } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
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
        exceptions(&week)
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
    fn the_median_of_two_is_the_lower_one() {
        assert_eq!((median(&[3.0, 1.0]), median(&[5.0, 1.0, 3.0])), (1.0, 3.0));
        assert!(median(&[]).is_nan());
    }
}
