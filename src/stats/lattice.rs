//! A walk on whole numbers: up by so many, down by so many, held at zero.
//!
//! Owns the approximation of two real steps by whole ones and the linear algebra of the walk. Knows
//! nothing of what the walk means.

/// The ratio of the steps may be off by this much, relatively.
const RATIO_ERROR_MAX: f64 = 1e-3;
/// Largest step in lattice units.
const STEP_MAX: u32 = 4_000;

/// Two steps as whole multiples of one unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    up: usize,
    down: usize,
    unit: f64,
    error: f64,
}

impl Lattice {
    /// The coarsest lattice on which up / down is within 0.1 % of the ratio of the real steps, both
    /// > 0; `None` where a step would need more than 4,000 units.
    pub fn near(up: f64, down: f64) -> Option<Self> {
        let (large, small) = if up >= down { (up, down) } else { (down, up) };
        let ratio = large / small;
        (1..=STEP_MAX).find_map(|small_steps| {
            let large_steps = (ratio * f64::from(small_steps)).round();
            let error = (large_steps / f64::from(small_steps) / ratio - 1.0).abs();
            let fits = large_steps <= f64::from(STEP_MAX) && error <= RATIO_ERROR_MAX;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to STEP_MAX")]
            let (large_steps, small_steps) = (large_steps as usize, small_steps as usize);
            let (up_steps, down_steps) =
                if up >= down { (large_steps, small_steps) } else { (small_steps, large_steps) };
            #[expect(clippy::cast_precision_loss, reason = "at most STEP_MAX")]
            let unit = down / down_steps as f64;
            fits.then_some(Self { up: up_steps, down: down_steps, unit, error })
        })
    }

    /// The step up, in units.
    pub const fn up(&self) -> usize {
        self.up
    }

    /// The step down, in units.
    pub const fn down(&self) -> usize {
        self.down
    }

    /// By how much the ratio of the steps is off, relatively; at most 0.001.
    pub const fn error(&self) -> f64 {
        self.error
    }

    /// A number of units as a length.
    #[expect(clippy::cast_precision_loss, reason = "a number of states")]
    pub fn nats(&self, units: usize) -> f64 {
        units as f64 * self.unit
    }

    /// Entries of one row of the banded matrix.
    pub const fn band(&self) -> usize {
        self.up + self.down + 1
    }

    /// The equations of the walk below `states` (≥ 1), where it goes up with probability p, 0 < p < 1.
    ///
    /// I − A is an M-matrix, so the elimination within the band is stable without a pivot
    /// (Funderlic, Plemmons 1981, <https://doi.org/10.1016/0024-3795(81)90005-3>).
    pub fn equations(&self, states: usize, p: f64) -> Equations {
        let (down, band) = (self.down, self.band());
        // Row i holds the columns i − down … i + up.
        let mut rows = vec![0.0; states * band];
        for i in 0..states {
            rows[i * band + down] += 1.0;
            rows[i * band + down - i.min(down)] -= 1.0 - p;
            if i + self.up < states {
                rows[i * band + down + self.up] -= p;
            }
        }
        for k in 0..states {
            let (done, below) = rows.split_at_mut((k + 1) * band);
            let pivot = &done[k * band + down..];
            for (offset, row) in below.chunks_exact_mut(band).take(down).enumerate() {
                // Row k + 1 + offset; its column k is the entry `down − 1 − offset`, and keeps the factor.
                let (factor, rest) = row[down - 1 - offset..].split_at_mut(1);
                if factor[0] != 0.0 {
                    factor[0] /= pivot[0];
                    rest.iter_mut().zip(&pivot[1..]).for_each(|(entry, above)| *entry -= factor[0] * above);
                }
            }
        }
        Equations { rows, down, band }
    }

    /// The distribution over the states one step later, where it goes up with probability p; returns the
    /// share that has not reached the end. Both slices have one entry a state.
    pub fn step(&self, now: &[f64], next: &mut [f64], p: f64) -> f64 {
        let states = now.len();
        let q = 1.0 - p;
        let held = now[..states.min(self.down + 1)].iter().sum::<f64>();
        for (i, share) in next.iter_mut().enumerate() {
            let from_above = now.get(i + self.down).copied().unwrap_or(0.0);
            let from_below = i.checked_sub(self.up).map_or(0.0, |below| now[below]);
            *share = q * from_above + p * from_below;
        }
        // State 0 gathers all that would fall below it.
        next[0] = q * held;
        next.iter().sum()
    }
}

/// I − A, split into a lower and an upper triangle within one band.
#[derive(Debug, Clone, PartialEq)]
pub struct Equations {
    rows: Vec<f64>,
    down: usize,
    band: usize,
}

impl Equations {
    fn states(&self) -> usize {
        self.rows.len() / self.band
    }

    /// Mean number of steps until the walk ends, from each state: (I − A) x = 1, that is
    /// x_i = 1 + p x_{i+up} + (1 − p) x_{max(0, i−down)}.
    pub fn absorption_times(&self) -> Vec<f64> {
        let (down, band, states) = (self.down, self.band, self.states());
        let mut x = vec![1.0; states];
        for i in 0..states {
            let first = i.saturating_sub(down);
            let factors = &self.rows[i * band + down - (i - first)..i * band + down];
            let known: f64 = factors.iter().zip(&x[first..i]).map(|(factor, x)| factor * x).sum();
            x[i] -= known;
        }
        for i in (0..states).rev() {
            let row = &self.rows[i * band + down..(i + 1) * band];
            let known: f64 = row[1..].iter().zip(&x[i + 1..]).map(|(entry, x)| entry * x).sum();
            x[i] = (x[i] - known) / row[0];
        }
        x
    }

    /// Expected visits of each state before the end, from a distribution: y (I − A) = start.
    pub fn visits(&self, start: &[f64]) -> Vec<f64> {
        let (down, band, states) = (self.down, self.band, self.states());
        let mut y = start.to_vec();
        for i in 0..states {
            let row = &self.rows[i * band + down..(i + 1) * band];
            y[i] /= row[0];
            let now = y[i];
            row[1..].iter().zip(&mut y[i + 1..]).for_each(|(entry, y)| *y -= entry * now);
        }
        for i in (0..states).rev() {
            let (first, now) = (i.saturating_sub(down), y[i]);
            let factors = &self.rows[i * band + down - (i - first)..i * band + down];
            factors.iter().zip(&mut y[first..i]).for_each(|(factor, y)| *y -= factor * now);
        }
        y
    }

    /// The distribution over the states long after the start, given that the walk has not ended:
    /// the left eigenvector of A, by inverse iteration. It converges the faster, the longer the
    /// walk lasts compared with its memory.
    pub fn quasi_stationary(&self) -> Vec<f64> {
        let mut now = vec![0.0; self.states()];
        now[0] = 1.0;
        for _ in 0..200 {
            let mut next = self.visits(&now);
            let sum: f64 = next.iter().sum();
            next.iter_mut().for_each(|share| *share /= sum);
            let moved: f64 = now.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
            now = next;
            if moved < 1e-9 {
                break;
            }
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_steps_of_two_to_four_percent_are_168_and_5() {
        let lattice = Lattice::near((0.04f64 / 0.02).ln(), (0.98f64 / 0.96).ln()).unwrap();
        assert_eq!((lattice.up(), lattice.down()), (168, 5));
        assert!(lattice.error() < 1e-3 && (lattice.nats(168) / std::f64::consts::LN_2 - 1.0).abs() < 1e-3);
        assert_eq!(Lattice::near(1.0, 1e-5), None);
        assert!(Lattice::near(0.01, 2.0).is_some_and(|lattice| lattice.down() > lattice.up()));
    }

    proptest! {
        /// What is solved fulfils its equations, and a step keeps or loses probability, never makes any.
        #[test]
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        fn the_solution_fulfils_its_equations(up in 1usize..30, down in 1usize..30, states in 1usize..80, p in 0.05f64..0.95) {
            let lattice = Lattice { up, down, unit: 1.0, error: 0.0 };
            let equations = lattice.equations(states, p);
            let x = equations.absorption_times();
            for i in 0..states {
                let above = x.get(i + up).copied().unwrap_or(0.0);
                let wanted = 1.0 + p * above + (1.0 - p) * x[i.saturating_sub(down)];
                prop_assert!((x[i] / wanted - 1.0).abs() < 1e-9, "state {} of {}: {} and {}", i, states, x[i], wanted);
            }
            // Visits are counted from both sides: Σ visits from a start are its mean time to the end.
            let mut start = vec![0.0; states];
            start[states / 2] = 1.0;
            prop_assert!((equations.visits(&start).iter().sum::<f64>() / x[states / 2] - 1.0).abs() < 1e-9);
            // One step from the quasi-stationary distribution changes nothing but the sum. A walk that
            // drifts up ends before it could settle.
            let mut next = vec![0.0; states];
            if p * (up as f64) < (1.0 - p) * down as f64 {
                let steady = equations.quasi_stationary();
                let kept = lattice.step(&steady, &mut next, p);
                prop_assert!(steady.iter().zip(&next).all(|(a, b)| (a * kept - b).abs() < 1e-8));
            }
            let uniform = vec![1.0 / states as f64; states];
            let kept = lattice.step(&uniform, &mut next, p);
            prop_assert!(kept > 0.0 && kept <= 1.0 + 1e-12);
            let lost = p * up.min(states) as f64 / states as f64;
            prop_assert!((kept + lost - 1.0).abs() < 1e-9);
        }
    }
}
