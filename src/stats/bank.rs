//! A bank of detectors that watch one distribution together, in single precision.
//!
//! Owns the evidence of many bounds that are tested on the same outputs: a drift guard holds up to
//! 32 of them. The promise is that of `detector`, for their weighted sum. Knows neither cuts nor
//! categories: it sees one number for each bound.

use super::bets::{ALTERNATIVES, BOUND_MAX, Lanes, narrow};
use serde::{Deserialize, Serialize};

/// Bounds in one bank.
pub const BOUNDS_MAX: usize = 32;
/// The odds of the alternatives are multiples of the odds of the bound between these, geometrically.
pub const ODDS: [f32; 2] = [1.2, 16.0];

/// The bets against a set of bounds.
///
/// With o_k the multiple of the odds and c_k = 1 / (1 + b (o_k − 1)) the payoff is
/// L_k(x) = c_k (1 + x (o_k − 1)): the likelihood ratio of the alternative with odds o_k·odds(b)
/// for x in {0, 1}, linear between, 1 at x = b (Waudby-Smith, Ramdas 2023,
/// <https://arxiv.org/abs/2010.09686>). One list of multiples serves all bounds, so a bound costs
/// 32 bytes; the weights over k are ∝ 1/√o_k.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BankGrid {
    excess: Lanes,
    weight: Lanes,
    bounds: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    /// Payoffs at x = 0, times nothing: c_k.
    lost: Lanes,
    stake: f32,
}

impl BankGrid {
    /// Bets against `bounds`, pairs of (bound on E\[X\], stake). Stakes are scaled to Σ = 1; a bound
    /// outside (0, [`BOUND_MAX`]) gets none, because there is nothing to test, and further ones
    /// than [`BOUNDS_MAX`] neither. The alternatives have `first` to `last` times the bound's odds.
    /// With no testable bound the bank never says anything.
    pub fn new(bounds: &[(f64, f64)], [first, last]: [f32; 2]) -> Self {
        let step = (last / first).powf(1.0 / 7.0);
        let mut odds = [first; ALTERNATIVES];
        for k in 1..ALTERNATIVES {
            odds[k] = odds[k - 1] * step;
        }
        let mut weight = odds.map(|o| 1.0 / o.sqrt());
        let sum: f32 = weight.iter().sum();
        weight.iter_mut().for_each(|w| *w /= sum);
        let excess = odds.map(|o| o - 1.0);
        let testable = |bound: f64| bound > 0.0 && bound < BOUND_MAX;
        let bounds = &bounds[..bounds.len().min(BOUNDS_MAX)];
        let stakes: f64 = bounds.iter().filter(|(bound, _)| testable(*bound)).map(|(_, stake)| stake).sum();
        let row = |&(bound, stake): &(f64, f64)| Row {
            lost: excess.map(|e| 1.0 / narrow(bound).mul_add(e, 1.0)),
            stake: if testable(bound) && stakes > 0.0 { narrow(stake / stakes) } else { 0.0 },
        };
        Self { excess, weight, bounds: bounds.iter().map(row).collect() }
    }

    /// Number of bounds.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// Whether there is no bound.
    pub fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }
}

/// The evidence of a bank.
///
/// R_jk ← (v + R_jk)·L_jk(x_j), M = Σ_j s_j Σ_k w_k R_jk. While E[X_j | past] ≤ b_j for every j,
/// M_t − t is a supermartingale, whatever the dependence between the X_j (Shin, Ramdas, Rinaldo
/// 2022, <https://arxiv.org/abs/2203.03532>). Single precision rounds each step by 6·10⁻⁸ of it
/// either way, which is far below what the overshoot at the threshold leaves unused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Bank {
    evidence: Vec<Lanes>,
    mixture: f64,
}

impl Bank {
    /// Takes one observation of every bound, `x[j]` in \[0, 1\], that stands for `outputs` outputs, and
    /// gives M. Whoever uses it stops at a threshold, so the numbers can't overflow.
    pub fn update(&mut self, grid: &BankGrid, x: &[f64], outputs: f64) -> f64 {
        self.evidence.resize(grid.len(), [0.0; ALTERNATIVES]);
        let v = narrow(outputs);
        // Summed over the bounds first and over the alternatives last: each step is one for all lanes.
        let mut sums = [0.0f32; ALTERNATIVES];
        for ((evidence, row), &x) in self.evidence.iter_mut().zip(&grid.bounds).zip(x) {
            if row.stake > 0.0 {
                step(evidence, row, &grid.excess, v, narrow(x), &mut sums);
            }
        }
        let mixture = sums.iter().zip(&grid.weight).map(|(sum, weight)| f64::from(sum * weight)).sum();
        self.mixture = mixture;
        mixture
    }

    /// M, in outputs.
    pub const fn mixture(&self) -> f64 {
        self.mixture
    }

    /// The part of M that bound `j` holds.
    pub fn of(&self, grid: &BankGrid, j: usize) -> f64 {
        let (Some(evidence), Some(row)) = (self.evidence.get(j), grid.bounds.get(j)) else { return 0.0 };
        let sum: f32 = evidence.iter().zip(&grid.weight).map(|(r, w)| r * w).sum();
        f64::from(row.stake) * f64::from(sum)
    }

    /// Starts anew with no evidence.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Multiplies the evidence by `factor` ≥ 0 (the share of the budget changed).
    pub fn rescale(&mut self, factor: f64) {
        self.mixture *= factor;
        self.evidence.iter_mut().flatten().for_each(|r| *r *= narrow(factor));
    }
}

/// One bound. Each line is one loop over lanes of its own: together the compiler leaves them scalar.
#[inline]
fn step(evidence: &mut Lanes, row: &Row, excess: &Lanes, v: f32, x: f32, sums: &mut Lanes) {
    // No `mul_add`: where the processor's own isn't compiled in, it is a call per number.
    let payoff: Lanes = std::array::from_fn(|k| row.lost[k] * (1.0 + x * excess[k]));
    *evidence = std::array::from_fn(|k| (v + evidence[k]) * payoff[k]);
    *sums = std::array::from_fn(|k| sums[k] + row.stake * evidence[k]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;
    use proptest::prelude::*;

    fn run(rng: &mut Rng, grid: &BankGrid, p: f64, bounds: usize, threshold: f64, most: u64) -> u64 {
        let mut bank = Bank::default();
        for n in 1..=most {
            let x = if rng.uniform() < p { 1.0 } else { 0.0 };
            if bank.update(grid, &vec![x; bounds], 1.0) >= threshold {
                return n;
            }
        }
        most
    }

    #[test]
    fn the_promise_holds_at_the_bound_and_a_shift_is_found() {
        // As for one detector: 400 nearly exponential run lengths have a standard error of 5 %.
        let grid = BankGrid::new(&[(0.3, 1.0), (0.3, 3.0)], ODDS);
        let mut rng = Rng::new(7);
        let sum: u64 = (0..400).map(|_| run(&mut rng, &grid, 0.3, 2, 1_000.0, 1_000_000)).sum();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let mean = sum as f64 / 400.0;
        assert!((800.0..3_000.0).contains(&mean), "mean run length {mean} at a threshold of 1,000");
        let mut delays: Vec<u64> = (0..101).map(|_| run(&mut rng, &grid, 0.6, 2, 1e6, 100_000)).collect();
        delays.sort_unstable();
        assert!(delays[50] < 100, "{}", delays[50]);
    }

    #[test]
    fn what_can_not_be_tested_says_nothing() {
        let grid = BankGrid::new(&[(0.99, 1.0), (0.0, 1.0), (f64::NAN, 1.0)], ODDS);
        let mut bank = Bank::default();
        assert!((0..1_000).all(|_| bank.update(&grid, &[1.0; 3], 1.0) < 1e-9));
        assert_eq!(BankGrid::new(&[(0.5, 1.0); 40], ODDS).len(), BOUNDS_MAX);
    }

    #[test]
    fn evidence_scales_and_goes() {
        let grid = BankGrid::new(&[(0.1, 1.0)], ODDS);
        let mut bank = Bank::default();
        let m = bank.update(&grid, &[1.0], 1.0);
        assert!(m > 1.0 && (m - bank.of(&grid, 0)).abs() < 1e-6 * m);
        bank.rescale(0.5);
        assert!((bank.mixture() - m / 2.0).abs() < 1e-6 && (bank.of(&grid, 0) - m / 2.0).abs() < 1e-6 * m);
        bank.reset();
        assert!(bank.mixture().abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn bets_are_fair_at_the_bound_and_never_negative(bound in 0.001f64..0.97, x in 0.0f32..=1.0) {
            let grid = BankGrid::new(&[(bound, 1.0)], ODDS);
            for k in 0..ALTERNATIVES {
                let row = &grid.bounds[0];
                let at = |x: f32| row.lost[k] * (1.0 + x * grid.excess[k]);
                prop_assert!((at(narrow(bound)) - 1.0).abs() < 1e-5);
                prop_assert!(at(x) >= 0.0);
            }
        }
    }
}
