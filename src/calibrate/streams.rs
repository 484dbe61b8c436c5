//! Simulated outputs as the X of a guard, each stream with its exact mean.
//!
//! Owns the distributions. The formulas are those of `monitor::observe`; a test compares them on
//! the same outputs, because going through real events would take a hundred times as long.

use crate::stats::rng::Rng;

/// Units of one output are uniform on 1 to this many.
pub const UNITS_MAX: f64 = 10.0;
/// Smallest cost of one unit.
const COST_LEAST: f64 = 0.01;
/// The cost of one unit counts up to this.
pub const COST_CAP: f64 = 0.5;
/// Mean of the capped cost of one unit over the cap: (3 − 2 √(least / cap)) · least / cap.
const COST_BOUND: f64 = 0.054_343_145_750_507_62;
/// ln of the latency limit that a lognormal with σ = 1 and median 1 exceeds with probability 0.05.
const LOG_LIMIT: f64 = 1.644_853_626_951_472_2;

/// Independent outputs whose X has exactly its bound as mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stream {
    /// Exceptions with a probability.
    Rate(f64),
    /// Scores Beta(8, 2) on \[0, 1\], better higher: X = 1 − score, mean 0.2.
    Score,
    /// Latency, lognormal with σ = 1, over a limit in exactly 5 % of cases.
    Latency,
    /// Cost: Pareto with index 1.5 for each unit, 1 to 10 units, capped; X as the cost guard has it.
    Cost,
}

impl Stream {
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Rate(rate) => format!("exceptions at {rate}"),
            Self::Score => "scores Beta(8, 2), mean".to_owned(),
            Self::Latency => "lognormal latency over a limit".to_owned(),
            Self::Cost => "Pareto(1.5) cost of 1 to 10 units".to_owned(),
        }
    }

    /// The mean of X, which is the bound.
    pub fn bound(self) -> f64 {
        match self {
            Self::Rate(rate) => rate,
            Self::Score => 0.2,
            Self::Latency => 0.05,
            Self::Cost => COST_BOUND,
        }
    }

    /// The X of one output.
    pub fn x(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Rate(rate) => f64::from(u8::from(rng.uniform() < rate)),
            Self::Score => 1.0 - score(rng),
            Self::Latency => f64::from(u8::from(rng.normal() > LOG_LIMIT)),
            Self::Cost => {
                let (cost, units) = cost(rng);
                COST_BOUND + (cost.min(COST_CAP * units) / COST_CAP - COST_BOUND * units) / UNITS_MAX
            }
        }
    }
}

/// Beta(8, 2): the second largest of nine uniform numbers, made from the largest down.
fn score(rng: &mut Rng) -> f64 {
    ((1.0 - rng.uniform()).ln() / 9.0 + (1.0 - rng.uniform()).ln() / 8.0).exp()
}

/// Cost and units of one output: each unit's cost is Pareto with index 1.5, which has no variance.
pub fn cost(rng: &mut Rng) -> (f64, f64) {
    let units = 1.0 + (rng.uniform() * UNITS_MAX).floor();
    let root = (1.0 - rng.uniform()).cbrt();
    (units * COST_LEAST / (root * root), units)
}

/// Failures in bursts: two states, in one of which half of the outputs fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    is_burst: bool,
}

impl Bursts {
    /// Share of outputs in a burst.
    const SHARE: f64 = 0.02;
    /// Rate within a burst.
    const RATE: f64 = 0.5;
    /// Mean length of a burst.
    const LENGTH: f64 = 10.0;
    /// The marginal rate.
    pub const MARGINAL: f64 = 0.02;

    /// In the stationary state.
    pub fn new(rng: &mut Rng) -> Self {
        Self { is_burst: rng.uniform() < Self::SHARE }
    }

    /// Whether the next output fails.
    pub fn fails(&mut self, rng: &mut Rng) -> bool {
        let leave = 1.0 / Self::LENGTH;
        let enter = leave * Self::SHARE / (1.0 - Self::SHARE);
        let moves = rng.uniform() < if self.is_burst { leave } else { enter };
        self.is_burst ^= moves;
        let base = Self::RATE.mul_add(-Self::SHARE, Self::MARGINAL) / (1.0 - Self::SHARE);
        rng.uniform() < if self.is_burst { Self::RATE } else { base }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::sample::Sample;
    use crate::domain::{Outcome, OutputEvent, Signal, WorkflowId};
    use crate::monitor::observe::observe;

    #[test]
    fn the_mean_of_x_is_the_bound() {
        // E min(V, cap) = ∫₀^cap P(V > x) dx with P(V > x) = (least / x)^1.5.
        let capped = COST_LEAST + 2.0 * COST_LEAST.powf(1.5) * (COST_LEAST.powf(-0.5) - COST_CAP.powf(-0.5));
        assert!((COST_BOUND * COST_CAP - capped).abs() < 1e-15);
        for stream in [Stream::Rate(0.1), Stream::Score, Stream::Latency, Stream::Cost] {
            let mut rng = Rng::new(5);
            let x = Sample::new((0..400_000).map(|_| stream.x(&mut rng)).collect());
            assert!((x.mean() - stream.bound()).abs() < 3.0 * x.error(), "{}: {}", stream.name(), x.mean());
            assert!(x.quantile(0.0) >= 0.0 && x.quantile(1.0) <= 1.0);
        }
    }

    #[test]
    fn a_cost_is_what_the_guard_makes_of_it() {
        let signal = Signal::CostPerUnit { cap: "0.5".parse().unwrap(), units_max: UNITS_MAX };
        let (mut rng, mut same) = (Rng::new(6), Rng::new(6));
        for _ in 0..2_000 {
            let x = Stream::Cost.x(&mut rng);
            let (amount, units) = cost(&mut same);
            let mut event = OutputEvent::new("o", WorkflowId::new("w").unwrap(), Outcome::Ok);
            event.units = units;
            event.cost = Some(format!("{:.15}", amount.min(1e6)).parse().unwrap());
            let seen = observe(&signal, Stream::Cost.bound(), &event).unwrap();
            assert!((seen.x - x).abs() < 1e-9, "{seen:?} {x}");
        }
    }

    #[test]
    fn bursts_have_their_rate_and_come_in_clusters() {
        let mut rng = Rng::new(7);
        let mut bursts = Bursts::new(&mut rng);
        let (mut fails, mut pairs, mut before) = (0u32, 0u32, false);
        let n = 2_000_000u32;
        for _ in 0..n {
            let now = bursts.fails(&mut rng);
            fails += u32::from(now);
            pairs += u32::from(now && before);
            before = now;
        }
        // Clusters of ten widen the standard error of the rate to about 3 times that of independent outputs.
        let rate = f64::from(fails) / f64::from(n);
        assert!((rate - Bursts::MARGINAL).abs() < 0.001, "{rate}");
        // One failure after another: 0.5 × 0.9 × 0.5 from within bursts, 25 times what independence gives.
        assert!(f64::from(pairs) / f64::from(n) > 10.0 * rate * rate, "{pairs}");
    }
}
