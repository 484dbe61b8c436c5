//! Bar 10: published mean run lengths, solved and simulated.
//!
//! Owns how near is near enough. The solver is what the optimum of the delays comes from; the
//! simulation uses the generator that all bars use.

use super::bench::Bench;
use super::golden::{TABLES, Table, printed};
use super::golden_walk::walk;
use super::sample::{Sample, real};
use super::{Row, Verdict};

/// A solved number may be off by this much, relatively, or by half of the last printed digit.
const SOLVED_WITHIN: f64 = 0.002;
/// A simulated number may be off by so many standard errors, and half of the last printed digit.
const ERRORS_MAX: f64 = 3.0;

/// Measures the bar: one row a table.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    TABLES.iter().map(|table| row(bench, table)).collect()
}

fn row(bench: &Bench<'_>, table: &Table) -> Row {
    let ewma = table.chart.ewma();
    let (mut off, mut errors, mut is_met) = (0.0f64, 0.0f64, true);
    for (mean, text) in table.rows {
        let (print, half) = printed(text);
        let miss = (table.chart.run_length(ewma.as_ref(), *mean) - print).abs();
        off = off.max(miss / print);
        let what = format!("{:?} at {mean}", table.chart);
        let lengths = bench.runs(&what, runs(bench, print), |rng| walk(&table.chart, ewma.as_ref(), *mean, rng));
        let lengths = Sample::new(lengths.into_iter().flatten().collect());
        // What rounding may explain is no deviation.
        let apart = ((lengths.mean() - print).abs() - half).max(0.0) / lengths.error();
        errors = errors.max(apart);
        is_met &= miss <= half.max(SOLVED_WITHIN * print) && apart <= ERRORS_MAX;
    }
    Row {
        bar: 10,
        what: format!("{} ({} printed)", table.source, table.rows.len()),
        required: "within 0.2 % or rounding, and 3 SE".to_owned(),
        measured: format!("solved within {:.3} %, simulated within {errors:.1} SE", 100.0 * off),
        value: off,
        verdict: Verdict::of(is_met),
    }
}

/// Runs a printed number; fewer where they are long.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn runs(bench: &Bench<'_>, print: f64) -> usize {
    let most = real(bench.pick(20_000, 100_000));
    (1_000.0 * most / print).clamp(500.0, most) as usize
}
