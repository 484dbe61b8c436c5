//! The bound of a share that was learned from a sample, and stays honest about how small that was.
//!
//! Owns the moving bound. Knows no guard: it sees whether each output is a hit.

use super::bets::Bets;
use serde::{Deserialize, Serialize};

/// 99.9 % one-sided: further than this from the sample the bound never moves.
const Z_CAP: f64 = 3.090_232_306_167_813_5;

/// A learned share, worked out; derived, never stored.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedPlan {
    /// Bets against the highest bound that can hold.
    pub bets: Bets,
    hits: f64,
    n: f64,
    floor: f64,
    tolerance: f64,
    /// The bound in each stratum of the season; empty without one.
    strata: Vec<f64>,
}

/// Outputs since the baseline was pinned: they make its share more precise.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Learned {
    hits: f64,
    n: f64,
}

impl LearnedPlan {
    /// For a sample of `n` outputs with `hits`, whose standard error is `inflation` times that of
    /// independent outputs, and a tolerance ≥ 0 beyond its share. `strata` are upper bounds of the
    /// share by stratum; `blocks` says whether it is bet on means of blocks. `None` where nothing is
    /// left to test.
    ///
    /// With a tolerance the bound is the upper 95 % bound of the share + the tolerance, and with a
    /// season the same for each stratum. Without either it is the mean of the Beta(hits + ½,
    /// misses + ½) posterior (Jeffreys' prior) of the share, with the outputs since the pinning
    /// added, never below that of the sample alone and never above its upper 99.9 % bound.
    ///
    /// Why: under the mixture of all shares over the sample's posterior, the predictive probability
    /// of the next hit *is* that running mean, so bets that are fair against it keep the promise on
    /// average over what the sample leaves open (Robbins 1970,
    /// <https://doi.org/10.1214/aoms/1177696786>: mixtures as the price of an unknown parameter). A
    /// sample that came out too low is corrected within its own error, one that came out too high is
    /// not: a workflow may always do what it was pinned at.
    pub fn new(hits: f64, n: f64, inflation: f64, tolerance: f64, strata: &[f64], blocks: bool) -> Option<Self> {
        let (hits, n) = ((hits + 0.5) / inflation.powi(2), (n + 1.0) / inflation.powi(2));
        let floor = hits / n;
        let upper = |z: f64| z.mul_add((floor * (1.0 - floor) / n).sqrt(), floor);
        let widest = if !strata.is_empty() {
            strata.iter().copied().fold(0.0, f64::max)
        } else if tolerance > 0.0 {
            upper(super::baseline::Z_95)
        } else {
            upper(Z_CAP)
        };
        let bound = (widest + tolerance).min(1.0);
        let bets = if blocks { Bets::of_blocks(bound) } else { Bets::new(bound) }.ok()?;
        let strata = strata.iter().map(|upper| upper + tolerance).collect();
        Some(Self { bets, hits, n, floor, tolerance, strata })
    }

    /// The bound for the next output.
    pub fn bound(&self, learned: &Learned, stratum: usize) -> f64 {
        if let Some(bound) = self.strata.get(stratum) {
            *bound
        } else if self.tolerance > 0.0 {
            self.bets.bound()
        } else {
            let running = (self.hits + learned.hits) / (self.n + learned.n);
            running.max(self.floor).min(self.bets.bound())
        }
    }

    /// How much further up the detector of [`LearnedPlan::bets`] must see an output: as much as the
    /// bound for it lies below, so that it pays what is fair there.
    pub fn offset(&self, learned: &Learned, stratum: usize) -> f64 {
        self.bets.bound() - self.bound(learned, stratum)
    }
}

impl Learned {
    /// Takes an output after it was bet on.
    pub fn count(&mut self, x: f64) {
        self.hits += x;
        self.n += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::detector::{Detector, Observation};
    use crate::stats::rng::Rng;

    #[test]
    fn the_bound_stays_between_the_sample_and_its_error() {
        let plan = LearnedPlan::new(100.0, 5_000.0, 1.0, 0.0, &[], false).unwrap();
        let mut learned = Learned::default();
        let start = plan.bound(&learned, 0);
        assert!((start - 100.5 / 5_001.0).abs() < 1e-12);
        (0..5_000).for_each(|_| learned.count(0.0));
        assert!((plan.bound(&learned, 0) - start).abs() < 1e-12, "better outputs don't tighten it");
        (0..50_000).for_each(|_| learned.count(1.0));
        assert!(
            (plan.bound(&learned, 0) - plan.bets.bound()).abs() < 1e-12,
            "and bad ones don't buy more than the error"
        );
        assert!(plan.bets.bound() < 0.027);
        assert!(
            LearnedPlan::new(5_000.0, 5_000.0, 1.0, 0.0, &[], false).is_none(),
            "everything fails: nothing to test"
        );
        let tolerant = LearnedPlan::new(100.0, 5_000.0, 1.0, 0.05, &[], false).unwrap();
        assert!((0.07..0.08).contains(&tolerant.bound(&learned, 0)));
        let dependent = LearnedPlan::new(100.0, 5_000.0, 3.0, 0.05, &[], false).unwrap();
        assert!(dependent.bets.bound() > tolerant.bets.bound());
        let seasonal = LearnedPlan::new(100.0, 5_000.0, 1.0, 0.0, &[0.01, 0.05], false).unwrap();
        assert!((seasonal.bound(&learned, 0) - 0.01).abs() < 1e-12 && (seasonal.bets.bound() - 0.05).abs() < 1e-12);
        assert!((seasonal.offset(&learned, 0) - 0.04).abs() < 1e-12);
    }

    #[test]
    fn false_alarms_and_delays_are_those_of_the_design() {
        // Bar 4 in small: B = 500,000, 100 samples of 5,000 at 2 %. In the full calibration 8.9 % of
        // 8,000 samples alarm within 100,000 outputs; 100 samples have a standard error of 3 %.
        let mut rng = Rng::new(31);
        let mut draw = |p: f64| f64::from(u8::from(rng.uniform() < p));
        let (mut alarms, mut delays) = (0, Vec::new());
        for _ in 0..100 {
            let hits: f64 = (0..5_000).map(|_| draw(0.02)).sum();
            let plan = LearnedPlan::new(hits, 5_000.0, 1.0, 0.0, &[], false).unwrap();
            let (mut detector, mut learned) = (Detector::default(), Learned::default());
            let mut step = |x: f64| {
                let shifted = x + plan.offset(&learned, 0);
                learned.count(x);
                let one = Observation { x: shifted, outputs: 1, sums: Default::default(), elapsed_ms: 1.0 };
                detector.update(&plan.bets, &one, 500_000.0)
            };
            if (0..5_000).any(|_| step(draw(0.02))) {
                alarms += 1;
                continue;
            }
            delays.push((1..).find(|_| step(draw(0.04))).unwrap());
        }
        delays.sort_unstable();
        assert!(alarms <= 3, "{alarms} of 100 within 5,000");
        assert!((700..1_300).contains(&delays[delays.len() / 2]), "{}", delays[delays.len() / 2]);
    }
}
