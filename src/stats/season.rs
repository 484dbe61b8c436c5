//! A baseline per hour of the week, pooled where it is thin.
//!
//! Owns the pooling only. Which hour of the week a time lies in is the caller's matter.

use super::baseline::{Reference, Value, inflation, shares, wilson_upper};

/// Hours of a week; 0 is Monday from midnight to one.
pub const HOURS: usize = 168;
/// A stratum with fewer outputs is pooled.
const OUTPUTS_MIN: u32 = 200;

/// Which of the strata a pool takes in.
type Pool = fn(usize, usize) -> bool;

/// Tried in this order: the hour itself; the same hour of all working days, or of the weekend; the
/// same hour of all days; everything.
const POOLS: [Pool; 4] =
    [|a, b| a == b, |a, b| a % 24 == b % 24 && (a < 120) == (b < 120), |a, b| a % 24 == b % 24, |_, _| true];

/// Upper 95 % bounds of the share of every part, for each hour of the week: from the first pool with
/// enough outputs. `hours` says which hour each of `values` lies in. How much the outputs depend on
/// each other is measured against their own hours, so that the season itself doesn't count.
pub fn strata(reference: &Reference, values: &[f64], hours: &[u8]) -> Vec<Vec<f64>> {
    let hour_of = |i: usize| usize::from(hours[i]) % HOURS;
    let ids: Vec<usize> = values.iter().map(|value| reference.bins.of(Value::Number(*value))).collect();
    let mut counts = vec![vec![0u32; reference.bins.len()]; HOURS];
    ids.iter().zip(0..hours.len()).for_each(|(id, i)| counts[hour_of(i)][*id] += 1);
    let pools: Vec<Vec<u32>> = (0..HOURS).map(|hour| pooled(reference, &counts, hour)).collect();
    let expected: Vec<Vec<f64>> = pools.iter().map(|pool| shares(pool, true)).collect();
    let inflation = inflation(&ids[..hours.len().min(ids.len())], true, |i| &expected[hour_of(i)]);
    let upper = |pool: &Vec<u32>| {
        let n = f64::from(pool.iter().sum::<u32>().max(1));
        let parts = 0..reference.parts();
        parts.map(|part| wilson_upper(reference.of_part(pool, part) / n, n / inflation.powi(2))).collect()
    };
    pools.iter().map(upper).collect()
}

fn pooled(reference: &Reference, counts: &[Vec<u32>], hour: usize) -> Vec<u32> {
    let sum = |pool: &Pool| {
        let mut sum = vec![0u32; reference.bins.len()];
        let same = (0..HOURS).filter(|other| pool(hour, *other));
        same.for_each(|other| sum.iter_mut().zip(&counts[other]).for_each(|(sum, count)| *sum += count));
        sum
    };
    let enough = |sum: &Vec<u32>| sum.iter().sum::<u32>() >= OUTPUTS_MIN;
    POOLS.iter().map(sum).find(enough).unwrap_or_else(|| reference.counts.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thin_hour_is_pooled_with_its_like() {
        // Every hour of working days has 50 outputs, all 1 at nine o'clock and 0 else; the weekend none.
        let hours: Vec<u8> = (0..120u8).flat_map(|hour| [hour; 50]).collect();
        let values: Vec<f64> = hours.iter().map(|hour| f64::from(u8::from(hour % 24 == 9))).collect();
        let reference = Reference::of_numbers(&values).unwrap();
        let strata = strata(&reference, &values, &hours);
        // Parts 0 and 1 are x < 0 and x ≥ 0, part 2 is x ≤ 0.
        assert!(strata[9][2] < 0.1 && strata[33][2] < 0.1, "nine o'clock on any working day");
        assert!(strata[8][2] > 0.99);
        assert!(strata[129][2] < 0.1, "nine o'clock on Saturday: all days");
        assert_eq!(strata.len(), HOURS);
        let thin = super::strata(&reference, &values[..10], &hours[..10]);
        assert!((thin[0][0] - wilson_upper(reference.share(0), 6_000.0)).abs() < 1e-9, "too few: the whole sample");
    }
}
