//! Mean run lengths of the textbook's control charts, solved.
//!
//! Owns the integral equations of CUSUM, EWMA and Shiryaev–Roberts charts for normal observations
//! with variance 1, and the Markov chain of the CUSUM of counts. They check the solver and the
//! simulations against published tables; no guard uses them. Start, width and mean are in standard
//! deviations of one observation where nothing else is said.

use super::quadrature::{absorption_times, gauss_legendre, quasi_stationary};
use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

/// Nodes of the quadrature: kernels are at least a twentieth of their interval wide.
const NODES: u32 = 128;

fn density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

fn probability_below(x: f64) -> f64 {
    erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Mean run length of the one-sided CUSUM S ← max(0, S + X − k), alarm at S > h, of X ~ N(μ, 1)
/// from the start S ≥ 0. h > 0, k any (Vance 1986, <https://doi.org/10.1080/00224065.1986.11979006>).
pub fn cusum(k: f64, h: f64, mean: f64, start: f64) -> f64 {
    let nodes = gauss_legendre(NODES, 0.0, h);
    // State 0 is the floor with its own probability; the others are the nodes.
    let place = |i: usize| if i == 0 { 0.0 } else { nodes[i - 1].0 };
    let to = |from: f64, j: usize| {
        if j == 0 {
            probability_below(k - from - mean)
        } else {
            nodes[j - 1].1 * density(nodes[j - 1].0 - from + k - mean)
        }
    };
    let x = absorption_times(nodes.len() + 1, |i, j| to(place(i), j));
    1.0 + x.iter().enumerate().map(|(j, x)| to(start, j) * x).sum::<f64>()
}

/// Mean run length of a pair of CUSUMs, one upwards and one downwards, that start at `start` ≥ 0,
/// k > 0 (Lucas, Crosier 1982, <https://doi.org/10.1080/00401706.1982.10487759>).
pub fn cusum_two_sided(k: f64, h: f64, mean: f64, start: f64) -> f64 {
    let (likely, unlikely) = (mean.abs(), -mean.abs());
    let (up, up_ahead) = (cusum(k, h, likely, 0.0), cusum(k, h, likely, start));
    let (down, down_ahead) = (cusum(k, h, unlikely, 0.0), cusum(k, h, unlikely, start));
    // Beyond this a double can't tell the run length from infinity, and the side plays no part.
    if !(1.0..1e13).contains(&down) || !(1.0..1e13).contains(&down_ahead) {
        return up_ahead;
    }
    (up_ahead * down + down_ahead * up - up * down) / (up + down)
}

/// The EWMA Z ← (1 − λ) Z + λ X from Z = 0 with limits at c standard deviations of Z, 0 < λ ≤ 1, c > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ewma {
    /// λ.
    pub lambda: f64,
    /// Width of the limits, in standard deviations of Z.
    pub width: f64,
    /// Whether there is a lower limit too.
    pub two_sided: bool,
    /// Whether the limits follow the standard deviation of Z as it grows, or stand at the last one.
    pub growing: bool,
}

/// A one-sided EWMA is followed down to this many standard deviations of Z.
const EWMA_FLOOR: f64 = 7.0;

impl Ewma {
    /// Mean run length for X ~ N(μ, 1) (Crowder 1987, <https://doi.org/10.1080/00401706.1987.10488267>;
    /// with growing limits Knoth 2003, <https://doi.org/10.1081/SQA-120025169>).
    pub fn run_length(&self, mean: f64) -> f64 {
        let last = self.nodes(None);
        let x = absorption_times(last.len(), |i, j| last[j].1 * self.density(last[i].0, last[j].0, mean));
        if !self.growing {
            return 1.0 + last.iter().zip(&x).map(|((y, w), x)| w * self.density(0.0, *y, mean) * x).sum::<f64>();
        }
        // P(no alarm in the first n) summed while the limits grow, then the fixed chart takes over.
        let (mut total, mut n) = (1.0, 1);
        let mut now: Vec<(f64, f64)> = vec![(0.0, 1.0)];
        loop {
            let is_last = (1.0 - self.lambda).powi(2 * n) < 1e-13;
            let nodes = if is_last { last.clone() } else { self.nodes(Some(n)) };
            let mass = |y: f64| now.iter().map(|(z, mass)| mass * self.density(*z, y, mean)).sum::<f64>();
            let next: Vec<(f64, f64)> = nodes.iter().map(|(y, w)| (*y, w * mass(*y))).collect();
            if is_last {
                return total + next.iter().zip(&x).map(|((_, mass), x)| mass * x).sum::<f64>();
            }
            total += next.iter().map(|(_, mass)| mass).sum::<f64>();
            (now, n) = (next, n + 1);
        }
    }

    /// The width with which the mean run length at mean 0 is `run_length`.
    #[must_use]
    pub fn with_run_length(self, run_length: f64) -> Self {
        let (mut low, mut high) = (0.5, 6.0);
        for _ in 0..40 {
            let width = f64::midpoint(low, high);
            let is_short = Self { width, ..self }.run_length(0.0) < run_length;
            if is_short { low = width } else { high = width }
        }
        Self { width: high, ..self }
    }

    /// Standard deviation of Z after n observations, or for ever.
    pub fn deviation(&self, n: Option<i32>) -> f64 {
        let grown = n.map_or(1.0, |n| 1.0 - (1.0 - self.lambda).powi(2 * n));
        (self.lambda / (2.0 - self.lambda) * grown).sqrt()
    }

    fn nodes(&self, n: Option<i32>) -> Vec<(f64, f64)> {
        let high = self.width * self.deviation(n);
        let low = if self.two_sided { -high } else { -EWMA_FLOOR * self.deviation(n) };
        gauss_legendre(NODES, low, high)
    }

    fn density(&self, from: f64, to: f64, mean: f64) -> f64 {
        density((to - (1.0 - self.lambda) * from) / self.lambda - mean) / self.lambda
    }
}

/// The Shiryaev–Roberts chart R ← (1 + R) exp(θ X − θ²/2) from R = 0, alarm at R ≥ A; θ > 0, A > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShiryaevRoberts {
    /// θ, the mean after the change that it is made for.
    pub theta: f64,
    /// A.
    pub threshold: f64,
}

impl ShiryaevRoberts {
    /// Mean run length for X ~ N(μ, 1) (Moustakides, Polunchenko, Tartakovsky 2009,
    /// <https://doi.org/10.1080/03610920902947774>).
    pub fn run_length(&self, mean: f64) -> f64 {
        let nodes = self.nodes(mean.min(0.0));
        let x = absorption_times(nodes.len(), |i, j| nodes[j].1 * self.density(nodes[i].0, nodes[j].0, mean));
        1.0 + nodes.iter().zip(&x).map(|((y, w), x)| w * self.density(f64::NEG_INFINITY, *y, mean) * x).sum::<f64>()
    }

    /// Mean delay after a change of the mean from 0 to μ ≥ 0, long after the start.
    pub fn steady_delay(&self, mean: f64) -> f64 {
        let nodes = self.nodes(0.0);
        let to = |i: usize, j: usize, mean| nodes[j].1 * self.density(nodes[i].0, nodes[j].0, mean);
        let x = absorption_times(nodes.len(), |i, j| to(i, j, mean));
        quasi_stationary(nodes.len(), |i, j| to(i, j, 0.0)).iter().zip(&x).map(|(share, x)| share * x).sum()
    }

    /// Nodes in ln R, from where hardly a path ever is up to the threshold.
    fn nodes(&self, mean: f64) -> Vec<(f64, f64)> {
        let low = self.theta * (mean - 9.0) - self.theta * self.theta / 2.0;
        gauss_legendre(NODES, low, self.threshold.ln())
    }

    fn density(&self, from: f64, to: f64, mean: f64) -> f64 {
        let x = (to - from.exp().ln_1p()) / self.theta + self.theta / 2.0;
        density(x - mean) / self.theta
    }
}

/// The CUSUM of counts S ← max(0, S ± (X − k)), X ~ Poisson, alarm at S ≥ h; all in units of 1/m.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoissonCusum {
    /// k in units.
    pub reference: usize,
    /// h in units, ≥ 1.
    pub threshold: usize,
    /// Units of one count, m ≥ 1.
    pub units: usize,
    /// Whether many counts alarm, or few.
    pub is_upper: bool,
}

impl PoissonCusum {
    /// Mean run length from the state `start` (below the threshold, in units) at a mean count > 0
    /// (Lucas 1985, <https://doi.org/10.1080/00401706.1985.10488030>).
    pub fn run_length(&self, mean: f64, start: usize) -> f64 {
        let mut transitions = vec![vec![0.0; self.threshold]; self.threshold];
        for (from, row) in transitions.iter_mut().enumerate() {
            let (mut count, mut count_f, mut left) = (0, 0.0, 1.0);
            while left > 1e-15 && count < 10_000 {
                let p = (count_f * mean.ln() - mean - ln_gamma(count_f + 1.0)).exp();
                if let Some(share) = row.get_mut(self.next(from, count)) {
                    *share += p;
                }
                (count, count_f, left) = (count + 1, count_f + 1.0, left - p);
            }
        }
        absorption_times(self.threshold, |i, j| transitions[i][j])[start]
    }

    /// Where a count leads from a state, both in units; at or above the threshold is an alarm.
    pub const fn next(&self, from: usize, count: usize) -> usize {
        let counted = count * self.units;
        if self.is_upper {
            (from + counted).saturating_sub(self.reference)
        } else {
            (from + self.reference).saturating_sub(counted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_digits_of_one_chart_of_each_kind() {
        // SAS/QC manual 1999, to its eleven digits; found beforehand with another program: 4.1500837261.
        assert!((cusum(0.25, 8.0, 2.5, 0.0) / 4.150_083_622_5 - 1.0).abs() < 1e-7);
        // The downward side hardly plays a part; the manual's last digits (4.1500826715) are rougher.
        assert!((cusum_two_sided(0.25, 8.0, 2.5, 0.0) / 4.150_082_671_5 - 1.0).abs() < 1e-6);
        let ewma = Ewma { lambda: 0.25, width: 3.0, two_sided: true, growing: false };
        assert!((ewma.run_length(1.0) / 11.154_267_016 - 1.0).abs() < 1e-7, "{}", ewma.run_length(1.0));
    }

    #[test]
    fn a_chart_without_memory_waits_geometrically() {
        // λ = 1 is Shewhart's chart.
        for growing in [false, true] {
            let chart = Ewma { lambda: 1.0, width: 3.0, two_sided: true, growing };
            let alarm = 2.0 * probability_below(-3.0);
            assert!((chart.run_length(0.0) * alarm - 1.0).abs() < 1e-9, "{}", chart.run_length(0.0));
        }
        // A count of 1 is enough: P(X ≥ 1) = 1 − e^−μ.
        let chart = PoissonCusum { reference: 0, threshold: 1, units: 1, is_upper: true };
        assert!((chart.run_length(0.5, 0) * (1.0 - (-0.5f64).exp()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn shiryaev_roberts_is_a_martingale() {
        // E R = n at mean 0, so the run length is the mean of R at the alarm: A or more.
        for (theta, threshold) in [(0.5, 747.62), (1.0, 560.37), (1.0, 390.0)] {
            let chart = ShiryaevRoberts { theta, threshold };
            assert!(chart.run_length(0.0) > threshold, "{chart:?}");
            assert!(chart.steady_delay(theta) < chart.run_length(theta));
            println!("{chart:?} {} {} {}", chart.run_length(0.0), chart.run_length(theta), chart.steady_delay(theta));
        }
    }
}
