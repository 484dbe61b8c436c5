//! Since when something is as it is: the start of what carries the evidence, with its uncertainty.
//!
//! Owns the estimate of the change only. It decides nothing: what it says is descriptive. Knows no
//! clock: times are ages, counted back from the last observation.

use super::bets::{Bets, Lanes, narrow};
use super::detector::Observation;
use super::number::number;
use serde::{Deserialize, Serialize};

/// The alternatives that are followed, as indices into the grid.
const FOLLOWED: [usize; 4] = [0, 1, 3, 6];
/// Keeps what is held above the numbers that processors are slow with.
const NOTHING: f32 = 1e-20;
/// Less than this is not the evidence of any observation.
const SOMETHING: f32 = 1e-12;
/// Half the width of the interval of the time of the change, in standard deviations.
const WIDTH: f64 = 3.0;

/// Sums of observations: what a mean is made from.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Observations.
    pub n: u64,
    /// Σ of the numerators, in the guard's unit.
    pub numerator: f64,
    /// Σ of the denominators: outputs, or units for a cost per unit.
    pub denominator: f64,
}

impl Sums {
    /// The mean; `None` without observations.
    pub fn mean(self) -> Option<f64> {
        (self.n > 0 && self.denominator > 0.0).then(|| self.numerator / self.denominator)
    }

    /// Observations for each 1 of the denominators; 1 without observations.
    pub fn observations_each(self) -> f64 {
        if self.denominator > 0.0 { number(self.n) / self.denominator } else { 1.0 }
    }
}

/// One number for each alternative that is followed.
type Four = [f32; FOLLOWED.len()];

/// Where the run began that carries the evidence: every observation above the bound may be its start.
///
/// A Shiryaev–Roberts statistic is a sum over starts, and each start's part of it is its probability
/// after the data, if before them all starts were as likely (Shiryaev 1963,
/// <https://doi.org/10.1137/1108002>; Pollak 1985, <https://doi.org/10.1214/aos/1176346587>). With
/// p, the part of the starts before the present one, mean and variance of the age of the start follow
/// by the law of total variance: a ← p (a + Δ), s² ← p (s² + (1 − p)(a + Δ)²), and the sums since the
/// start by s ← p s + x. In the median of 1,000 simulated breaches after a change from 2 % to 3, 4, 10 and
/// 50 % the mean since the start said 3.1, 4.3, 11.1 and 52 %; since the most likely start (Page's), 3.2,
/// 4.6, 12.2 and 55 %. With starts at every observation it says 38 % for the 50.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Starts {
    held: Four,
    age_ms: Four,
    variance: Four,
    numerator: Four,
    denominator: Four,
}

/// A change that explains the evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// How long before the last observation it began, milliseconds.
    pub age_ms: f64,
    /// The ages between which it began, the older one first. In 1,000 simulated breaches after a change
    /// from 2 % to 3, 4, 10 and 50 % they held the true one 964, 973, 988 and 998 times.
    pub between_ms: [f64; 2],
    /// Σ of the numerators since, in the guard's unit: a mean over where it may have begun.
    pub numerator: f64,
    /// Σ of the denominators since.
    pub denominator: f64,
}

impl Starts {
    /// Takes an observation and what it pays.
    pub fn update(&mut self, bets: &Bets, payoffs: &Lanes, observation: &Observation) {
        let above = observation.x > bets.bound();
        let fresh = if above { narrow(f64::from(observation.outputs)) } else { 0.0 };
        let (numerator, denominator) = (narrow(observation.sums.numerator), narrow(observation.sums.denominator));
        let elapsed = narrow(observation.elapsed_ms);
        // Each line is one loop over lanes of its own: together the compiler leaves them scalar.
        let all = self.held.map(|held| fresh + held + NOTHING);
        let kept: Four = std::array::from_fn(|i| self.held[i] / all[i]);
        let pays = FOLLOWED.map(|k| payoffs[k]);
        self.held = std::array::from_fn(|i| all[i] * pays[i]);
        let age = self.age_ms.map(|age| age + elapsed);
        self.age_ms = std::array::from_fn(|i| kept[i] * age[i]);
        let spread: Four = std::array::from_fn(|i| age[i] * (age[i] - self.age_ms[i]));
        self.variance = std::array::from_fn(|i| kept[i] * (self.variance[i] + spread[i]));
        self.numerator = std::array::from_fn(|i| kept[i] * self.numerator[i] + numerator);
        self.denominator = std::array::from_fn(|i| kept[i] * self.denominator[i] + denominator);
    }

    /// The change, under all alternatives that are followed, each by what it holds of the evidence.
    /// `None` before an observation above the bound.
    pub fn estimate(&self, bets: &Bets) -> Option<Change> {
        let held: [f64; FOLLOWED.len()] =
            std::array::from_fn(|i| f64::from(self.held[i]) * f64::from(bets.weights()[FOLLOWED[i]]));
        let total: f64 = held.iter().sum();
        let mean = |of: &dyn Fn(usize) -> f64| (0..held.len()).map(|i| of(i) * held[i]).sum::<f64>() / total;
        let age_ms = mean(&|i| f64::from(self.age_ms[i]));
        let apart = |i: usize| f64::from(self.age_ms[i]) - age_ms;
        let width = WIDTH * mean(&|i| f64::from(self.variance[i]) + apart(i).powi(2)).max(0.0).sqrt();
        (total > f64::from(SOMETHING)).then(|| Change {
            age_ms,
            between_ms: [age_ms + width, (age_ms - width).max(0.0)],
            numerator: mean(&|i| f64::from(self.numerator[i])),
            denominator: mean(&|i| f64::from(self.denominator[i])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::detector::Detector;
    use super::super::rng::Rng;
    use super::*;

    fn one(x: f64) -> Observation {
        Observation { x, outputs: 1, sums: Sums { n: 1, numerator: x, denominator: 1.0 }, elapsed_ms: 1.0 }
    }

    #[test]
    fn the_start_of_a_clear_change_is_found() {
        let bets = Bets::new(0.02).unwrap();
        let mut detector = Detector::default();
        for t in 0..=1_020u32 {
            // Every 50th output fails at first, and every second one from 1,000 on.
            let x = if t < 1_000 { t % 50 == 49 } else { t % 2 == 0 };
            detector.update(&bets, &one(f64::from(u8::from(x))), 1e30);
        }
        let change = detector.change(&bets).unwrap();
        assert!((19.0..=21.0).contains(&change.age_ms), "{change:?}");
        assert!((0.45..=0.60).contains(&(change.numerator / change.denominator)), "{change:?}");
    }

    #[test]
    fn ages_and_sums_are_those_of_all_starts_weighed_by_their_evidence() {
        // The recursion against its definition: every start kept by itself, in double precision.
        let bets = Bets::new(0.1).unwrap();
        let mut rng = Rng::new(3);
        let (mut detector, mut starts) = (Detector::default(), Vec::<(f64, f64, f64)>::new());
        for t in 0..400u32 {
            let (x, elapsed) = (f64::from(u8::from(rng.uniform() < 0.2)), f64::from(t % 7));
            starts.iter_mut().for_each(|start| start.1 += elapsed);
            if x > 0.0 {
                starts.push((1.0, 0.0, 0.0));
            }
            let pays = f64::from(bets.payoffs(x)[FOLLOWED[1]]);
            starts.iter_mut().for_each(|start| *start = (start.0 * pays, start.1, start.2 + x));
            detector.update(&bets, &Observation { elapsed_ms: elapsed, ..one(x) }, 1e30);
        }
        let total: f64 = starts.iter().map(|start| start.0).sum();
        let mean = |of: &dyn Fn(&(f64, f64, f64)) -> f64| starts.iter().map(|s| s.0 * of(s)).sum::<f64>() / total;
        let (age, hits) = (mean(&|start| start.1), mean(&|start| start.2));
        let variance = mean(&|start| (start.1 - age).powi(2));
        let kept = detector.starts();
        for (is, should) in [(kept.age_ms[1], age), (kept.variance[1], variance), (kept.numerator[1], hits)] {
            assert!((f64::from(is) / should - 1.0).abs() < 1e-4, "{is} instead of {should}");
        }
    }

    #[test]
    fn the_interval_holds_the_true_time_of_the_change() {
        let bets = Bets::new(0.02).unwrap();
        let mut rng = Rng::new(41);
        for (rate, width) in [(0.04, 3_000.0), (0.10, 900.0), (0.50, 200.0)] {
            let (mut held, mut widths) = (0, Vec::new());
            for _ in 0..300 {
                let mut detector = Detector::default();
                let alarm = (0..).find(|t| {
                    let x = f64::from(u8::from(rng.uniform() < if *t < 2_000 { 0.02 } else { rate }));
                    detector.update(&bets, &one(x), 1e6)
                });
                let Change { age_ms, between_ms: [old, young], .. } = detector.change(&bets).unwrap();
                assert!(old >= age_ms && age_ms >= young && young >= 0.0);
                held += i32::from((young..=old).contains(&f64::from(alarm.unwrap() - 2_000)));
                widths.push(old - young);
            }
            widths.sort_by(f64::total_cmp);
            // 300 runs at 97 %: the standard error is 1 %.
            assert!(held >= 280, "2 % to {rate}: {held} of 300, median width {}", widths[150]);
            assert!(widths[150] < width, "2 % to {rate}: {}", widths[150]);
        }
    }

    #[test]
    fn without_evidence_there_is_no_change() {
        let bets = Bets::new(0.02).unwrap();
        let mut detector = Detector::default();
        (0..10_000).for_each(|_| assert!(!detector.update(&bets, &one(0.0), 1e6)));
        assert_eq!(detector.change(&bets), None);
        assert!(detector.starts().held.iter().all(|held| held.is_normal()), "{:?}", detector.starts());
    }

    #[test]
    fn the_time_before_the_first_observation_does_not_count() {
        let bets = Bets::new(0.02).unwrap();
        let mut detector = Detector::default();
        for elapsed_ms in [1.8e12, 5.0, 5.0] {
            detector.update(&bets, &Observation { elapsed_ms, ..one(1.0) }, 1e30);
        }
        let change = detector.change(&bets).unwrap();
        assert!((0.0..=10.0).contains(&change.age_ms) && change.between_ms[0] < 20.0, "{change:?}");
    }
}
