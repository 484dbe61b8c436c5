//! The one detector behind every statistical guard: a mixture Shiryaev–Roberts e-detector.
//!
//! Owns the evidence against one bound and the promise that goes with it. Knows neither guards
//! nor modes: who splits a budget over several detectors does it through their thresholds.

use super::bets::{Bets, Lanes, narrow};
use super::change::{Change, Starts, Sums};
use serde::{Deserialize, Serialize};

/// One observation: what the detector bets on, and what people want to see of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// X in \[0, 1\]; the null hypothesis says E\[X | past\] ≤ bound.
    pub x: f64,
    /// Number of outputs that it stands for: 1, or m for the mean of a block of m.
    pub outputs: u32,
    /// What it adds to the sums that are shown, in the guard's unit.
    pub sums: Sums,
    /// Milliseconds since the observation before, from first output to first output: a detector has no
    /// clock. At the first one it may be anything.
    pub elapsed_ms: f64,
}

/// Evidence that the mean of X is above a bound.
///
/// R_k ← (v + R_k)·L_k(x), M = Σ w_k R_k, where v is the number of outputs that the observation
/// stands for. While E[X | past] ≤ bound, M_t − t is a supermartingale (t in outputs), so the
/// expected number of outputs before M first reaches a threshold A is at least A, whatever the
/// dependence on the past and however often anyone looks (Shin, Ramdas, Rinaldo 2022, E-detectors,
/// <https://arxiv.org/abs/2203.03532>). With thresholds A = B / share, Σ share ≤ 1, the expected
/// number of false alarms of all detectors together is at most n / B in n outputs.
///
/// Single precision: each step rounds by 6·10⁻⁸ of itself either way, and the bets are rounded down.
/// That is far below what the overshoot at the threshold leaves unused, and makes 112 bytes a detector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Detector {
    /// R_k; with the sign turned once the threshold was reached.
    evidence: Lanes,
    starts: Starts,
}

impl Detector {
    /// Takes one observation; true when M reaches `threshold` with it. From then on the detector
    /// stands still until [`Detector::reset`], so the numbers can't overflow.
    pub fn update(&mut self, bets: &Bets, observation: &Observation, threshold: f64) -> bool {
        if self.crossed() {
            return false;
        }
        let payoffs = bets.payoffs(observation.x);
        self.starts.update(bets, &payoffs, observation);
        let outputs = narrow(f64::from(observation.outputs));
        self.evidence = std::array::from_fn(|k| (outputs + self.evidence[k]) * payoffs[k]);
        let crossed = self.evidence(bets) >= threshold;
        if crossed {
            self.evidence = self.evidence.map(|r| -r);
        }
        crossed
    }

    /// M = Σ w_k R_k, in outputs.
    pub fn evidence(&self, bets: &Bets) -> f64 {
        let parts: Lanes = std::array::from_fn(|k| bets.weights()[k] * self.evidence[k].abs());
        let [a, b, c, d, e, f, g, h] = parts;
        f64::from(((a + e) + (b + f)) + ((c + g) + (d + h)))
    }

    /// log(1 + M) / log(1 + threshold): 0 without evidence, 1 at the threshold. 0.4 is normal.
    pub fn evidence_ratio(&self, bets: &Bets, threshold: f64) -> f64 {
        (self.evidence(bets).ln_1p() / threshold.ln_1p()).clamp(0.0, 1.0)
    }

    /// Whether the threshold was reached since the last reset.
    pub fn crossed(&self) -> bool {
        self.evidence[0] < 0.0
    }

    /// The change that explains the evidence best; `None` before one above the bound.
    pub fn change(&self, bets: &Bets) -> Option<Change> {
        self.starts.estimate(bets)
    }

    #[cfg(test)]
    pub(super) const fn starts(&self) -> &Starts {
        &self.starts
    }

    /// Starts anew with no evidence.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Multiplies the evidence by `factor` > 0. Used when a share of the budget changes from s to
    /// s': with the factor s / s' the product share · M, and with it the promise, stays as it was.
    pub fn rescale(&mut self, factor: f64) {
        let factor = narrow(factor);
        self.evidence.iter_mut().for_each(|r| *r *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;

    fn one(x: f64) -> Observation {
        Observation { x, outputs: 1, sums: Sums { n: 1, numerator: x, denominator: 1.0 }, elapsed_ms: 1.0 }
    }

    fn run_length(rng: &mut Rng, rate: f64, history: usize, changed: f64, threshold: f64) -> Option<u64> {
        let bets = Bets::new(0.02).unwrap();
        let mut detector = Detector::default();
        for _ in 0..history {
            if detector.update(&bets, &one(f64::from(u8::from(rng.uniform() < rate))), threshold) {
                return None;
            }
        }
        let mut n = 0;
        loop {
            n += 1;
            if detector.update(&bets, &one(f64::from(u8::from(rng.uniform() < changed))), threshold) {
                return Some(n);
            }
        }
    }

    fn median(mut values: Vec<u64>) -> u64 {
        values.sort_unstable();
        values[values.len() / 2]
    }

    #[test]
    fn the_promise_holds_at_the_bound() {
        // Mean run length ≥ threshold. 400 runs: the standard error of the mean is about 5 %
        // (run lengths are nearly exponential), so four of them below is out of reach by chance.
        let mut rng = Rng::new(1);
        let runs: u64 = (0..400).map(|_| run_length(&mut rng, 0.02, 0, 0.02, 1_000.0).unwrap()).sum();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let mean = runs as f64 / 400.0;
        assert!(mean > 1_000.0 * 0.8, "mean run length {mean} at a threshold of 1,000");
        assert!(mean < 3_000.0, "mean run length {mean}: the detector sleeps");
    }

    #[test]
    fn changes_are_found_in_the_designed_time() {
        // Medians of 300 runs; reached in simulation: 1,062 and 11 outputs.
        let mut rng = Rng::new(2);
        for (changed, most) in [(0.04, 1_150), (0.50, 15)] {
            let delays = (0..300).filter_map(|_| run_length(&mut rng, 0.02, 2_000, changed, 1e6)).collect();
            let delay = median(delays);
            assert!(delay <= most, "0.02 to {changed}: median delay {delay}, at most {most}");
        }
    }

    #[test]
    fn it_stands_still_after_the_threshold_and_never_overflows() {
        let bets = Bets::new(0.001).unwrap();
        let mut detector = Detector::default();
        let crossings = (0..10_000).filter(|_| detector.update(&bets, &one(1.0), 1e6)).count();
        assert_eq!(crossings, 1);
        assert!(detector.evidence(&bets).is_finite() && detector.crossed());
        assert!((detector.evidence_ratio(&bets, 1e6) - 1.0).abs() < 1e-12);
        detector.reset();
        assert!(!detector.crossed() && detector.evidence(&bets).abs() < f64::EPSILON);
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Detector>(), 112);
    }

    #[test]
    fn no_data_is_no_evidence() {
        let (bets, detector) = (Bets::new(0.02).unwrap(), Detector::default());
        assert!(detector.evidence_ratio(&bets, 1e6).abs() < f64::EPSILON);
        assert_eq!(detector.change(&bets), None);
    }
}
