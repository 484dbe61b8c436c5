//! The published charts, simulated observation by observation.
//!
//! Owns the walks. They share nothing with the solver but the definition of a chart, so that one
//! checks the other.

use super::golden::Chart;
use super::sample::real;
use crate::stats::charts::{Ewma, PoissonCusum, ShiryaevRoberts};
use crate::stats::rng::Rng;

/// Observations before the change of a steady state.
const BEFORE: usize = 300;

/// One run length of a chart at a mean. `ewma` is [`Chart::ewma`], worked out once. `None` where a
/// steady state was not reached without an alarm.
pub fn walk(chart: &Chart, ewma: Option<&Ewma>, mean: f64, rng: &mut Rng) -> Option<f64> {
    match chart {
        Chart::Cusum(k, h, start) => Some(cusums(*k, *h, *start, mean, false, rng)),
        Chart::TwoSided(k, h, start) => Some(cusums(*k, *h, *start, mean, true, rng)),
        Chart::Ewma(_) | Chart::EwmaOf(..) => ewma.map(|chart| average(chart, mean, rng)),
        Chart::ShiryaevRoberts(chart) => Some(shiryaev_roberts(chart, 0.0, mean, rng)),
        Chart::ShiryaevRobertsSteady(chart) => {
            let mut r = 0.0;
            for _ in 0..BEFORE {
                r = follow(chart, r, rng.normal());
                if r >= chart.threshold {
                    return None;
                }
            }
            Some(shiryaev_roberts(chart, r, mean, rng))
        }
        Chart::Poisson(chart, start) => Some(counts(chart, *start, mean, rng)),
    }
}

fn cusums(k: f64, h: f64, start: f64, mean: f64, is_two_sided: bool, rng: &mut Rng) -> f64 {
    let (mut up, mut down, mut n) = (start, start, 0);
    loop {
        n += 1;
        let x = mean + rng.normal();
        up = (up + x - k).max(0.0);
        down = (down - x - k).max(0.0);
        if up > h || is_two_sided && down > h {
            return real(n);
        }
    }
}

fn average(chart: &Ewma, mean: f64, rng: &mut Rng) -> f64 {
    let last = chart.width * chart.deviation(None);
    let (mut z, mut n, mut left) = (0.0, 0, 1.0);
    loop {
        n += 1;
        left *= (1.0 - chart.lambda) * (1.0 - chart.lambda);
        z = chart.lambda.mul_add(mean + rng.normal() - z, z);
        let limit = if chart.growing { last * (1.0f64 - left).sqrt() } else { last };
        if z > limit || chart.two_sided && z < -limit {
            return real(n);
        }
    }
}

fn follow(chart: &ShiryaevRoberts, r: f64, x: f64) -> f64 {
    (1.0 + r) * (chart.theta * x - chart.theta * chart.theta / 2.0).exp()
}

fn shiryaev_roberts(chart: &ShiryaevRoberts, start: f64, mean: f64, rng: &mut Rng) -> f64 {
    let (mut r, mut n) = (start, 0);
    loop {
        n += 1;
        r = follow(chart, r, mean + rng.normal());
        if r >= chart.threshold {
            return real(n);
        }
    }
}

fn counts(chart: &PoissonCusum, start: usize, mean: f64, rng: &mut Rng) -> f64 {
    let (mut state, mut n) = (start, 0);
    let none = (-mean).exp();
    loop {
        n += 1;
        // Knuth's product of uniform numbers, good for small means (The Art of Computer Programming 2, 3.4.1).
        let (mut count, mut product) = (0, rng.uniform());
        while product > none {
            count += 1;
            product *= rng.uniform();
        }
        state = chart.next(state, count);
        if state >= chart.threshold {
            return real(n);
        }
    }
}
