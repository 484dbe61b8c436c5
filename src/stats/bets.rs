//! The grid of bets that a detector places against one bound.
//!
//! Owns which alternatives are tried and how much is staked on each. Knows no state: the same
//! grid serves every stream with the same bound.

use thiserror::Error;

/// Number of alternatives. With 16 in the same range the delays are the same within 2 %: what the finer
/// grid gains in match it loses in stakes.
pub const ALTERNATIVES: usize = 8;
/// At or above this bound there is nothing to test: no alternative is far enough above it.
pub const BOUND_MAX: f64 = 0.98;
/// Below this bound an output without a failure would change the evidence by less than single precision
/// holds well; it is also rarer than a budget of a million outputs could tell from never.
pub const BOUND_MIN: f64 = 1e-5;

/// One number for each alternative.
pub type Lanes = [f32; ALTERNATIVES];

/// The grid for one bound. See [`Bets::new`] and [`Bets::of_blocks`].
#[derive(Debug, Clone, PartialEq)]
pub struct Bets {
    bound: f64,
    alternative: [f64; ALTERNATIVES],
    lost: Lanes,
    gain: Lanes,
    weight: Lanes,
}

/// The bound can't be tested.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("the bound {0} can't be tested: it must be at least 0.00001 and less than 0.98")]
pub struct UntestableBound(pub f64);

impl Bets {
    /// The grid against `E[X | past] ≤ bound` for X in \[0, 1\], [`BOUND_MIN`] ≤ bound < [`BOUND_MAX`],
    /// where X is that of one output.
    ///
    /// The odds of the alternatives q run geometrically from 1.4·odds(b) to those of
    /// min(25 b, 1 − (1 − b) / 10), so that no output alone takes more than nine tenths of a stake. The
    /// bet on q is L(x) = 1 + λ (x − b), λ = (q − b) / (b (1 − b)): for x in {0, 1} the likelihood ratio, and
    /// for any x in \[0, 1\] non-negative with mean ≤ 1 under the null (Waudby-Smith, Ramdas 2023,
    /// <https://arxiv.org/abs/2010.09686>). The weights are w ∝ 1/√q, Σ w = 1: small changes need
    /// most outputs, so they get the larger stakes. Median outputs at a budget of 10⁶ from 0.02 to 0.03,
    /// 0.04, 0.10 and 0.50: 3,230, 1,020, 121 and 11; from 1.25·odds(b) 3,730, 1,030, 122 and 11; from
    /// 1.5·odds(b) 3,090, 1,020, 121 and 11, but at a budget of 5·10⁹ 0.04 is found 60 later; 16 alternatives
    /// from 1.4·odds(b) to 45 b with q^-¾ 3,190, 1,010, 124 and 11 (`andon calibrate --bar 2`).
    ///
    /// # Errors
    /// [`UntestableBound`] outside the range.
    pub fn new(bound: f64) -> Result<Self, UntestableBound> {
        Self::grid(bound, 1.4, 25.0)
    }

    /// The same where X is the mean of a block of outputs: from 1.25·odds(b) to min(50 b, 1 − (1 − b) / 10).
    /// The mean of a block varies less than an output, so stakes on larger changes pay: 0.02 to 0.04 in
    /// blocks of 50 takes 1,370 outputs, from 1.5·odds(b) to 30 b 1,525. Still larger ones
    /// (from 3·odds(b), equal weights) take 1,207, but bursts that break the block's promise alarm
    /// more often with them (2.2 instead of 1.9 per 10⁶; `andon calibrate --bar 3`).
    ///
    /// # Errors
    /// [`UntestableBound`] outside the range.
    pub fn of_blocks(bound: f64) -> Result<Self, UntestableBound> {
        Self::grid(bound, 1.25, 50.0)
    }

    fn grid(bound: f64, first: f64, reach: f64) -> Result<Self, UntestableBound> {
        if !(BOUND_MIN..BOUND_MAX).contains(&bound) {
            return Err(UntestableBound(bound));
        }
        let odds = |p: f64| p / (1.0 - p);
        let first = first * odds(bound);
        let last = odds((reach * bound).min(1.0 - (1.0 - bound) / 10.0));
        let step = (last / first).powf(1.0 / 7.0);
        let mut at = first / step;
        let alternative = [(); ALTERNATIVES].map(|()| {
            at *= step;
            at / (1.0 + at)
        });
        let lambda = alternative.map(|q| (q - bound) / (bound * (1.0 - bound)));
        let weight = alternative.map(|q| 1.0 / q.sqrt());
        let sum: f64 = weight.iter().sum();
        Ok(Self {
            bound,
            alternative,
            lost: lambda.map(|lambda| narrow_down(1.0 - lambda * bound)),
            gain: lambda.map(narrow_down),
            weight: weight.map(|w| narrow_down(w / sum)),
        })
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
    pub const fn weights(&self) -> &Lanes {
        &self.weight
    }

    /// The payoffs L(x) of all bets, x in \[0, 1\].
    pub fn payoffs(&self, x: f64) -> Lanes {
        let x = narrow(x);
        // No `mul_add`: where the processor's own isn't compiled in, it is a call per number.
        std::array::from_fn(|k| self.lost[k] + self.gain[k] * x)
    }
}

/// In single precision, which is all that the hot path keeps: half the memory, twice the lanes.
#[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
pub const fn narrow(x: f64) -> f32 {
    x as f32
}

/// The same, never above `x` ≥ 0: rounding must not make a bet better than fair.
fn narrow_down(x: f64) -> f32 {
    let near = narrow(x);
    if f64::from(near) > x { near.next_down() } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn untestable_bounds_are_refused() {
        for bad in [0.0, -0.1, 0.000_009, 0.98, 1.0, f64::NAN, f64::INFINITY] {
            assert!(Bets::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_grid_of_two_percent_is_the_designed_one() {
        let bets = Bets::new(0.02).unwrap();
        let first = 1.4 * 0.02 / 0.98;
        assert!((bets.alternatives()[0] - first / (1.0 + first)).abs() < 1e-12);
        assert!((bets.alternatives()[7] - 0.5).abs() < 1e-9);
        assert!(bets.weights().windows(2).all(|w| w[0] > w[1]), "small changes get the larger stakes");
    }

    proptest! {
        #[test]
        fn a_bet_is_fair_at_the_bound_and_never_negative(exponent in -5.0f64..-0.01, x in 0.0f64..=1.0) {
            let bets = Bets::new(10f64.powf(exponent)).unwrap();
            let bound = bets.bound();
            let total: f64 = bets.weights().iter().map(|w| f64::from(*w)).sum();
            prop_assert!(total <= 1.0 && total > 1.0 - 1e-6);
            let (won, lost) = (bets.payoffs(1.0).map(f64::from), bets.payoffs(0.0).map(f64::from));
            for k in 0..ALTERNATIVES {
                let mean = bound * (f64::from(bets.lost[k]) + f64::from(bets.gain[k])) + (1.0 - bound) * lost[k];
                prop_assert!(mean <= 1.0 && mean > 1.0 - 2e-7, "the mean of the payoff at the bound is {mean}");
                prop_assert!(bets.payoffs(x)[k] >= 0.0);
                let q = bets.alternatives()[k];
                prop_assert!(q > bound && q < 1.0);
                prop_assert!((won[k] - q / bound).abs() < 1e-6 * (q / bound), "the likelihood ratio at x = 1");
            }
        }
    }
}
