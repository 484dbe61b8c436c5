//! Two samples of numbers: the Kolmogorov–Smirnov test and the Wasserstein distance.
//!
//! Owns the sorted sample and what is read off two of them. Knows no bins and no threshold.

use super::number::{count, number, sum};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Numbers in ascending order, all finite.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample(Vec<f64>);

/// A value isn't a number, or is infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("value {0} of a sample is not a finite number")]
pub struct NotFinite(pub usize);

impl Sample {
    /// Sorts the values. −0 counts as 0, so that the order they came in leaves no trace.
    ///
    /// # Errors
    /// [`NotFinite`] with the position of the first value that is NaN or infinite.
    pub fn new(values: &[f64]) -> Result<Self, NotFinite> {
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(NotFinite(at));
        }
        let keys = sorted(values.iter().map(|value| key(*value)).collect());
        Ok(Self(keys.into_iter().map(value).collect()))
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// How many values are at most `x`.
    pub fn at_most(&self, x: f64) -> usize {
        self.0.partition_point(|value| *value <= x)
    }
}

const SIGN: u64 = 1 << 63;

/// A key that sorts as the value does; −0 has the key of 0.
const fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

const fn value(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
}

/// Digits of eleven bits: six passes, and 2,048 counters stay in the nearest cache.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;
const PASSES: usize = 64usize.div_ceil(DIGIT_BITS as usize);
/// Below this length the counters cost more than they save.
const RADIX_MIN: usize = 4_096;

/// Ascending. Long lists by counting digits, the lowest first (Knuth 1998, The Art of Computer
/// Programming 3, §5.2.5): half the time of a comparison sort at 100,000 values.
fn sorted(mut keys: Vec<u64>) -> Vec<u64> {
    if keys.len() < RADIX_MIN {
        keys.sort_unstable();
        return keys;
    }
    #[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are kept")]
    let digit = |key: u64, pass: usize| (key >> (DIGIT_BITS as usize * pass)) as usize & (DIGITS - 1);
    let mut counts = vec![[0usize; DIGITS]; PASSES];
    for key in &keys {
        for (pass, counts) in counts.iter_mut().enumerate() {
            counts[digit(*key, pass)] += 1;
        }
    }
    let mut other = vec![0; keys.len()];
    for (pass, places) in counts.iter_mut().enumerate() {
        if places[digit(keys[0], pass)] == keys.len() {
            continue;
        }
        let mut next = 0;
        for place in places.iter_mut() {
            (*place, next) = (next, next + *place);
        }
        for key in &keys {
            let place = &mut places[digit(*key, pass)];
            other[*place] = *key;
            *place += 1;
        }
        std::mem::swap(&mut keys, &mut other);
    }
    keys
}

/// The two-sample Kolmogorov–Smirnov test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KolmogorovSmirnov {
    /// sup |F − G|, between 0 and 1.
    pub statistic: f64,
    /// Two-sided, by the limit distribution; conservative with ties.
    pub p_value: f64,
}

/// KS and Wasserstein-1 in one pass over both samples. `None` when a sample is empty.
///
/// D = sup |F − G|, with ties as the definition asks: equal values of both samples are one step
/// (Smirnov 1948, <https://doi.org/10.1214/aoms/1177730256>). W₁ = ∫ |F − G| dx (Vallender 1974,
/// <https://doi.org/10.1137/1118101>). Equal to `scipy.stats.ks_2samp` and `wasserstein_distance`.
pub fn compare(reference: &Sample, current: &Sample) -> Option<(KolmogorovSmirnov, f64)> {
    let (a, b) = (reference.values(), current.values());
    let (n, m) = (number(count(a.len())), number(count(b.len())));
    let mut at = *[a.first()?, b.first()?].into_iter().min_by(|x, y| x.total_cmp(y))?;
    let (mut i, mut j, mut gap, mut largest, mut area) = (0, 0, 0.0f64, 0.0f64, 0.0);
    while i < a.len() && j < b.len() {
        // One value of each sample at a time, without a branch; among equal values the width is 0, and
        // the gap doesn't count until all of them are passed.
        let (x, y) = (a[i], b[j]);
        let next = if x < y { x } else { y };
        let width = next - at;
        area += gap.abs() * width;
        largest = largest.max(if width > 0.0 { gap.abs() } else { 0.0 });
        at = next;
        i += usize::from(x <= y);
        j += usize::from(y <= x);
        // (F − G) · n m, exact: whole numbers.
        gap = number(count(i)) * m - number(count(j)) * n;
    }
    // One sample has ended; equal values of the other may still follow.
    while i < a.len() && a[i] <= at {
        i += 1;
    }
    while j < b.len() && b[j] <= at {
        j += 1;
    }
    largest = largest.max((number(count(i)) * m - number(count(j)) * n).abs());
    area += (rest(&a[i..], at, i, n) + rest(&b[j..], at, j, m)) * n * m;
    let statistic = largest / (n * m);
    Some((KolmogorovSmirnov { statistic, p_value: ks_p_value(statistic, n, m) }, area / (n * m)))
}

/// ∫ (1 − F) dx from `at` on, where the other sample has ended and `seen` of `n` values are below.
fn rest(values: &[f64], mut at: f64, seen: usize, n: f64) -> f64 {
    let mut area = 0.0;
    for (step, value) in values.iter().enumerate() {
        area += (1.0 - number(count(seen + step)) / n) * (value - at);
        at = *value;
    }
    area
}

/// Two-sided p-value of a KS statistic for samples of n and m values without ties.
fn ks_p_value(statistic: f64, n: f64, m: f64) -> f64 {
    kolmogorov((n / (n + m) * m).sqrt() * statistic)
}

/// P(sup |B| ≥ x) of a Brownian bridge B (Kolmogorov 1933; both series in Feller 1948,
/// <https://doi.org/10.1214/aoms/1177730243>). 1 for x ≤ 0.
pub fn kolmogorov(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    // Two forms of the same function; each converges within a few terms on its side.
    let value = if x < 1.0 {
        let y = std::f64::consts::PI / x;
        let terms = (0..8).map(|k| f64::from(2 * k + 1)).map(|odd| (-odd * odd * y * y / 8.0).exp());
        1.0 - (std::f64::consts::TAU).sqrt() / x * terms.sum::<f64>()
    } else {
        let term = |k: i32| if k % 2 == 1 { 2.0 } else { -2.0 } * (-2.0 * f64::from(k * k) * x * x).exp();
        (1..=8).rev().map(term).sum()
    };
    value.clamp(0.0, 1.0)
}

/// The x with P(sup |B| ≥ x) = `p`, 0 < p < 1.
pub fn kolmogorov_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if kolmogorov(middle) > p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// W₁ between two lists of weights on the same ascending support: Σ |F − G| (x_{j+1} − x_j). The weights
/// are scaled to sum up to 1. `None` where the support isn't ascending, a length differs, a weight is
/// negative or not finite, or all weights of a list are 0. Equal to
/// `scipy.stats.wasserstein_distance(x, x, weights, weights)`.
pub fn wasserstein_binned(support: &[f64], reference: &[f64], current: &[f64]) -> Option<f64> {
    let ascending = support.windows(2).all(|pair| pair[0] <= pair[1]) && support.iter().all(|x| x.is_finite());
    let usable = |weights: &[f64]| {
        let total: f64 = weights.iter().sum();
        let sound = weights.len() == support.len() && weights.iter().all(|w| *w >= 0.0);
        (sound && total > 0.0 && total.is_finite()).then_some(total)
    };
    let (n, m) = (usable(reference)?, usable(current)?);
    let (mut f, mut g, mut terms) = (0.0, 0.0, Vec::with_capacity(support.len()));
    for (step, pair) in support.windows(2).enumerate() {
        f += reference[step];
        g += current[step];
        terms.push((f / n - g / m).abs() * (pair[1] - pair[0]));
    }
    ascending.then(|| sum(terms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values).unwrap()
    }

    /// From the definitions, at every value.
    fn slowly(a: &[f64], b: &[f64]) -> (f64, f64) {
        let share = |values: &[f64], x: f64| {
            number(count(values.iter().filter(|value| **value <= x).count())) / number(count(values.len()))
        };
        let mut all = [a, b].concat();
        all.sort_unstable_by(f64::total_cmp);
        let gap = |x: f64| (share(a, x) - share(b, x)).abs();
        let ks = all.iter().map(|x| gap(*x)).fold(0.0, f64::max);
        (ks, all.windows(2).map(|pair| gap(pair[0]) * (pair[1] - pair[0])).sum())
    }

    #[test]
    fn edges() {
        assert_eq!(compare(&sample(&[]), &sample(&[1.0])), None);
        assert_eq!(compare(&sample(&[1.0]), &sample(&[])), None);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Sample::new(&[1.0, bad]), Err(NotFinite(1)));
        }
        let (ks, distance) = compare(&sample(&[1.0]), &sample(&[3.0])).unwrap();
        assert!((ks.statistic - 1.0).abs() < 1e-15 && (distance - 2.0).abs() < 1e-15);
        let (ks, distance) = compare(&sample(&[-0.0, 5.0, 5.0]), &sample(&[5.0, 0.0, 5.0])).unwrap();
        assert!(ks.statistic.abs() < 1e-15 && distance.abs() < 1e-15 && (ks.p_value - 1.0).abs() < 1e-15);
        assert_eq!(wasserstein_binned(&[1.0, 0.0], &[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(wasserstein_binned(&[0.0, 1.0], &[1.0], &[1.0, 2.0]), None);
        assert_eq!(wasserstein_binned(&[0.0, 1.0], &[0.0, 0.0], &[1.0, 2.0]), None);
        assert_eq!(wasserstein_binned(&[0.0, 1.0], &[1.0, f64::NAN], &[1.0, 2.0]), None);
    }

    #[test]
    fn quantiles_of_the_limit_distribution() {
        // Smirnov's table (1948): P(sup |B| ≥ 1.36) = 0.049, 1.63 for 1 %.
        assert!((kolmogorov_quantile(0.05) - 1.358_1).abs() < 1e-4);
        assert!((kolmogorov_quantile(0.01) - 1.627_6).abs() < 1e-4);
        // The two series agree where they meet.
        assert!((kolmogorov(1.0 - 1e-12) - kolmogorov(1.0)).abs() < 1e-11);
    }

    proptest! {
        #[test]
        fn as_by_the_definition_and_in_any_order(
            // Few different values, so that most are tied.
            a in proptest::collection::vec(-8i32..8, 1..60), b in proptest::collection::vec(-4i32..12, 1..60)
        ) {
            let of = |list: &[i32]| list.iter().map(|x| f64::from(*x) / 2.0).collect::<Vec<_>>();
            let (mut a, b) = (of(&a), of(&b));
            let (ks, distance) = compare(&sample(&a), &sample(&b)).unwrap();
            let (slow_ks, slow_distance) = slowly(&a, &b);
            prop_assert!((ks.statistic - slow_ks).abs() < 1e-12 && (distance - slow_distance).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&ks.p_value));
            a.reverse();
            prop_assert_eq!(compare(&sample(&a), &sample(&b)).unwrap(), (ks, distance));
            let mirrored = compare(&sample(&b), &sample(&a)).unwrap();
            prop_assert!((mirrored.0.statistic - ks.statistic).abs() < 1e-15 && (mirrored.1 - distance).abs() < 1e-12);
        }
    }
}
