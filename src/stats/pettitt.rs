//! When a sample changed, estimated after the fact and without a model of its values.
//!
//! Owns Pettitt's test. It looks back at a sample that is complete, and is shown to people; what lowers a mode
//! is a detector, which looks at every output as it comes.

use super::number::{count, number};

/// Where a sample splits best into a part before and a part after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Values before the change: the first value after it has this index.
    pub before: usize,
    /// Probability that the ranks of a sample without a change split as far or further, at most 1
    /// (approximate; good to a few percent of itself below 0.5).
    pub p_value: f64,
}

/// The most likely change in a sample in order of time; `None` with fewer than two values, or where all are equal.
///
/// U_t = 2 Σ_{i ≤ t} r_i − t (T + 1) with mid-ranks r_i; the change is where |U_t| is largest, and
/// p ≈ 2 exp(−6 K² / (T³ + T²)) with K = max |U_t| (Pettitt 1979, A non-parametric approach to the change-point
/// problem, <https://doi.org/10.2307/2346729>). With ties the variance of U_t is smaller, and so is p's denominator
/// by 1 − Σ (τ³ − τ) / (T³ − T) (Lehmann 1975, Nonparametrics, appendix §3), τ the sizes of the ties.
pub fn split(values: &[f64]) -> Option<Split> {
    let total = values.len();
    let mut order: Vec<usize> = (0..total).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let (mut ranks, mut ties) = (vec![0.0; total], 0.0);
    for same in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let first = order.partition_point(|at| values[*at].total_cmp(&values[same[0]]).is_lt());
        let (first, size) = (number(count(first)), number(count(same.len())));
        ties += size * size * size - size;
        same.iter().for_each(|at| ranks[*at] = first + f64::midpoint(size, 1.0));
    }
    let n = number(count(total));
    let spread = 1.0 - ties / (n * n * n - n);
    if total < 2 || spread <= f64::EPSILON {
        return None;
    }
    let mut sum = 0.0;
    let mut best = (0, 0.0);
    for (at, rank) in ranks.iter().enumerate().take(total - 1) {
        sum += rank;
        let u: f64 = 2.0 * sum - number(count(at + 1)) * (n + 1.0);
        if u.abs() > best.1 {
            best = (at + 1, u.abs());
        }
    }
    let p_value = 2.0 * (-6.0 * best.1 * best.1 / ((n * n * n + n * n) * spread)).exp();
    Some(Split { before: best.0, p_value: p_value.min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;

    #[test]
    fn a_step_is_found_where_it_is() {
        let steps: Vec<f64> = (0..60).map(|i| if i < 40 { f64::from(i % 3) } else { 5.0 + f64::from(i % 2) }).collect();
        let found = split(&steps).unwrap();
        assert_eq!(found.before, 40);
        assert!(found.p_value < 1e-6, "{found:?}");
        // By hand: ranks 1, 2, 3, 4; U = −3, −4, −3; K = 4, p = 2 exp(−6 · 16 / 80).
        let four = split(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(four.before, 2);
        assert!((four.p_value - 2.0 * (-1.2_f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!((split(&[]), split(&[1.0]), split(&[2.0; 9])), (None, None, None));
    }

    /// The share of p below 0.05 without a change, with and without ties: at most 0.05 + 3 standard errors (the
    /// approximation errs on the careful side).
    #[test]
    fn without_a_change_it_is_careful() {
        let mut rng = Rng::new(7);
        for levels in [0, 2] {
            let mut low = 0;
            for _ in 0..2_000 {
                let value = |rng: &mut Rng| if levels == 0 { rng.uniform() } else { (rng.uniform() * 2.0).floor() };
                let sample: Vec<f64> = (0..120).map(|_| value(&mut rng)).collect();
                low += u32::from(split(&sample).is_some_and(|found| found.p_value < 0.05));
            }
            let share = f64::from(low) / 2_000.0;
            assert!(share < 0.05 + 3.0 * (0.05_f64 * 0.95 / 2_000.0).sqrt() && share > 0.02, "{levels}: {share}");
        }
    }
}
