//! What a drift report costs: 100,000 rows and ten columns against prepared references.
//!
//! Owns the columns and the timing. One core.

use crate::measure::{median, now};
use crate::{Outcome, say};
use andon::stats::drift_report::{Prepared, report};
use andon::stats::rng::Rng;
use std::hint::black_box;

const ROWS: usize = 100_000;
const COLUMNS: usize = 10;
const ROUNDS: usize = 15;

pub(crate) fn run() -> Outcome {
    let mut rng = Rng::new(1);
    let references: Vec<Vec<f64>> = (0..COLUMNS).map(|column| rows(&mut rng, column)).collect();
    let start = now();
    let prepared = references.iter().map(|values| Prepared::new(values)).collect::<Result<Vec<_>, _>>()?;
    let prepared: Vec<Prepared> = prepared.into_iter().flatten().collect();
    say(format!("{COLUMNS} references of {ROWS} rows prepared, once: {:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    let current: Vec<Vec<f64>> = (0..COLUMNS).map(|column| rows(&mut rng, column)).collect();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = now();
        for (reference, values) in prepared.iter().zip(&current) {
            black_box(report(reference, values)?);
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let middle = median(&mut times);
    let (best, worst) = (times[0], times[ROUNDS - 1]);
    say(format!(
        "drift report, {ROWS} rows × {COLUMNS} columns, all distances and their no-drift values: \
         {middle:.1} ms (median of {ROUNDS} rounds, {best:.1} to {worst:.1})"
    ));
    Ok(())
}

/// Normal, lognormal, few whole numbers and uniform values in turn.
fn rows(rng: &mut Rng, column: usize) -> Vec<f64> {
    let value = |rng: &mut Rng| match column % 4 {
        0 => rng.normal(),
        1 => 800.0 * rng.normal().exp(),
        2 => (rng.normal() * 20.0).round(),
        _ => rng.uniform(),
    };
    (0..ROWS).map(|_| value(rng)).collect()
}
