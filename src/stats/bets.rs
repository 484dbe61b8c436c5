//! The grid of bets that a detector places against one bound.
//!
//! Owns which alternatives are tried and how much is staked on each. Knows no state: the same
//! grid serves every stream with the same bound.

use thiserror::Error;

/// Number of alternatives.
pub const ALTERNATIVES: usize = 16;
/// At or above this bound there is nothing to test: no alternative is far enough above it.
pub const BOUND_MAX: f64 = 0.98;

/// The grid for one bound. See [`Bets::new`] and [`Bets::of_blocks`].
#[derive(Debug, Clone, PartialEq)]
pub struct Bets {
    bound: f64,
    alternative: [f64; ALTERNATIVES],
    lambda: [f64; ALTERNATIVES],
    weight: [f64; ALTERNATIVES],
}

/// The bound can't be tested.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("the bound {0} can't be tested: it must be greater than 0 and less than 0.98")]
pub struct UntestableBound(pub f64);

impl Bets {
    /// The grid against `E[X | past] ≤ bound` for X in \[0, 1\], 0 < bound < [`BOUND_MAX`], where X is
    /// that of one output.
    ///
    /// The odds of the alternatives q run geometrically from 1.4·odds(b) to those of
    /// min(45 b, 0.98), or to 4·odds(b) where that is more. The bet on q is
    /// L(x) = 1 + λ (x − b), λ = (q − b) / (b (1 − b)): for x in {0, 1} the likelihood ratio, and
    /// for any x in \[0, 1\] non-negative with mean ≤ 1 under the null (Waudby-Smith, Ramdas 2023,
    /// <https://arxiv.org/abs/2010.09686>). The weights are w ∝ q^-¾, Σ w = 1: small changes need
    /// most outputs, so they get the larger stakes. Median outputs at a budget of 10⁶ from 0.02 to
    /// 0.03, 0.04, 0.10 and 0.50: 3,150, 1,000, 123 and 11; from 1.25·odds(b) with 1/√q 3,790, 1,060,
    /// 125 and 10; equal weights 1,190 to 0.04 (`andon calibrate --bar 2`).
    ///
    /// # Errors
    /// [`UntestableBound`] outside the range.
    pub fn new(bound: f64) -> Result<Self, UntestableBound> {
        Self::grid(bound, 1.4, 45.0, -0.75)
    }

    /// The same where X is the mean of a block of outputs: from 1.25·odds(b) to min(50 b, 0.98), with
    /// w ∝ 1/√q. The mean of a block varies less than an output, so larger stakes pay: 0.02 to 0.04 in
    /// blocks of 50 takes 1,320 outputs, with the grid of single outputs 1,405. Still larger ones
    /// (from 3·odds(b), equal weights) take 1,207, but bursts that break the block's promise alarm
    /// more often with them (2.2 instead of 1.9 per 10⁶; `andon calibrate --bar 3`).
    ///
    /// # Errors
    /// [`UntestableBound`] outside the range.
    pub fn of_blocks(bound: f64) -> Result<Self, UntestableBound> {
        Self::grid(bound, 1.25, 50.0, -0.5)
    }

    fn grid(bound: f64, first: f64, reach: f64, weight: f64) -> Result<Self, UntestableBound> {
        if !(bound > 0.0 && bound < BOUND_MAX) {
            return Err(UntestableBound(bound));
        }
        let odds = |p: f64| p / (1.0 - p);
        let first = first * odds(bound);
        let last = odds((reach * bound).min(BOUND_MAX)).max(4.0 * odds(bound));
        let step = (last / first).powf(1.0 / 15.0);
        let mut grid =
            Self { bound, alternative: [0.0; ALTERNATIVES], lambda: [0.0; ALTERNATIVES], weight: [0.0; ALTERNATIVES] };
        let mut at = first;
        for k in 0..ALTERNATIVES {
            let q = at / (1.0 + at);
            grid.alternative[k] = q;
            grid.lambda[k] = (q - bound) / (bound * (1.0 - bound));
            grid.weight[k] = q.powf(weight);
            at *= step;
        }
        let sum: f64 = grid.weight.iter().sum();
        grid.weight.iter_mut().for_each(|w| *w /= sum);
        Ok(grid)
    }

    /// The bound, as a mean of X.
    pub const fn bound(&self) -> f64 {
        self.bound
    }

    /// The alternatives, ascending.
    pub const fn alternatives(&self) -> &[f64; ALTERNATIVES] {
        &self.alternative
    }

    /// The stakes, Σ = 1.
    pub const fn weights(&self) -> &[f64; ALTERNATIVES] {
        &self.weight
    }

    /// The payoffs L(x) of all bets, x in \[0, 1\].
    pub fn payoffs(&self, x: f64) -> [f64; ALTERNATIVES] {
        let distance = x - self.bound;
        // No `mul_add`: where the processor's own isn't compiled in, it is a call per number.
        std::array::from_fn(|k| 1.0 + self.lambda[k] * distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn untestable_bounds_are_refused() {
        for bad in [0.0, -0.1, 0.98, 1.0, f64::NAN, f64::INFINITY] {
            assert!(Bets::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_grid_of_two_percent_is_the_designed_one() {
        let bets = Bets::new(0.02).unwrap();
        let first = 1.4 * 0.02 / 0.98;
        assert!((bets.alternatives()[0] - first / (1.0 + first)).abs() < 1e-12);
        assert!((bets.alternatives()[15] - 0.9).abs() < 1e-9);
        assert!(bets.weights().windows(2).all(|w| w[0] > w[1]), "small changes get the larger stakes");
    }

    proptest! {
        #[test]
        fn a_bet_is_fair_at_the_bound_and_never_negative(bound in 1e-6f64..0.979, x in 0.0f64..=1.0) {
            let bets = Bets::new(bound).unwrap();
            prop_assert!((bets.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let (won, lost) = (bets.payoffs(1.0), bets.payoffs(0.0));
            for k in 0..ALTERNATIVES {
                prop_assert!((bound * won[k] + (1.0 - bound) * lost[k] - 1.0).abs() < 1e-9);
                prop_assert!(bets.payoffs(x)[k] >= 0.0);
                let q = bets.alternatives()[k];
                prop_assert!(q > bound && q < 1.0);
                prop_assert!((won[k] - q / bound).abs() < 1e-9 * (q / bound), "the likelihood ratio at x = 1");
            }
        }
    }
}
