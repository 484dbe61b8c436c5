//! Since when each part of a distribution stands where it stands: one CUSUM for each bound of a bank.
//!
//! Owns the estimate of the change and the counts since. It decides nothing: what it says is
//! descriptive. The same idea as `change`, small enough to be kept 32 times.

use serde::{Deserialize, Serialize};

/// The bet that is followed: odds of twice those of the bound.
const ODDS: f64 = 2.0;
/// Products stop growing here, so that they stay finite.
const PRODUCT_MAX: f64 = 1e280;

/// One run: from the moment when nothing spoke against the bound.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Run {
    product: f64,
    /// Time of its first observation, milliseconds.
    pub time_ms: i64,
    /// Outputs since.
    pub outputs: f64,
    /// Those of them that lie in the part.
    pub hits: f64,
}

impl Run {
    /// What a part of bound b pays at x = 0, for [`Run::update`].
    pub fn lost(bound: f64) -> f64 {
        1.0 / bound.mul_add(ODDS - 1.0, 1.0)
    }

    /// Takes an observation: `hits` of `outputs` outputs lie in the part, which counts as the share `x`
    /// against the bound whose [`Run::lost`] is given. S ← max(1, S)·L (Page 1954,
    /// <https://doi.org/10.1093/biomet/41.1-2.100>).
    pub fn update(&mut self, lost: f64, x: f64, hits: f64, outputs: f64, time_ms: i64) {
        if self.product <= 1.0 {
            *self = Self { product: 1.0, time_ms, outputs: 0.0, hits: 0.0 };
        }
        self.product = (self.product * lost * (1.0 + x * (ODDS - 1.0))).min(PRODUCT_MAX);
        self.outputs += outputs;
        self.hits += hits;
    }

    /// Share of the outputs since the run began that lie in the part; `None` where no run is under way.
    pub fn share(&self) -> Option<f64> {
        (self.product > 1.0 && self.outputs > 0.0).then(|| self.hits / self.outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_change_and_the_share_since_are_found() {
        let mut run = Run::default();
        for t in 0..1_000 {
            // One in four at first, three in four from 500 on.
            let hit = if t < 500 { t % 4 == 3 } else { t % 4 != 3 };
            run.update(Run::lost(0.4), f64::from(u8::from(hit)), f64::from(u8::from(hit)), 1.0, t);
        }
        assert!((498..=500).contains(&run.time_ms), "{run:?}");
        assert!((run.share().unwrap() - 0.75).abs() < 0.01);
    }

    #[test]
    fn a_quiet_part_has_no_run_and_a_long_one_stays_finite() {
        let mut run = Run::default();
        assert_eq!(run.share(), None);
        (0..100).for_each(|t| run.update(Run::lost(0.4), 0.0, 0.0, 1.0, t));
        assert_eq!(run.share(), None);
        (0..100_000).for_each(|t| run.update(Run::lost(0.4), 1.0, 1.0, 1.0, t));
        assert!(run.product.is_finite());
    }
}
