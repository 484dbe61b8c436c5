//! Bar 6: two samples: p-values that mean what they say, limits that hold, one answer for one set of data.
//!
//! Owns the cases of this bar. The tests and limits are those of a drift report.

use super::bench::{Bench, Effort};
use super::sample::real;
use super::{Row, Verdict};
use crate::stats::binomial::{binomial, multinomial};
use crate::stats::drift_report::{CountDistances, Distances, Prepared, count_distances, report};
use crate::stats::rng::Rng;
use crate::stats::two_sample::{Measured, false_positives};
use std::collections::BTreeMap;

/// The share of false positives at p ≤ 0.05 lies between these.
const POSITIVES: [f64; 2] = [0.035, 0.065];
/// Repetitions of [`false_positives`] in one run.
const REPETITIONS: u32 = 100;
/// Values above their limit without drift, at most.
const ABOVE_MOST: f64 = 0.01;
/// Rows of the reference where limits are tried.
const FEW: u64 = 100;
/// Rows of the current sample there.
const CURRENT: [u64; 2] = [100, 10_000];
/// Rows of both samples where a change has to be flagged.
const MANY: u32 = 10_000;
/// A quick simulation may be off by so many standard errors.
const ERRORS_MAX: f64 = 3.0;

/// Measures the bar.
pub fn measure(bench: &Bench<'_>) -> Vec<Row> {
    let mut rows = positives(bench);
    for (name, power) in [("uniform", 0.0), ("Zipf", 1.0)] {
        let shares: Vec<f64> = (1..=10).map(|rank| f64::from(rank).powf(-power)).collect();
        rows.extend(CURRENT.iter().flat_map(|current| above(bench, name, &shares, *current)));
    }
    rows.push(flagged(bench));
    rows.push(shuffled(bench));
    rows
}

/// How much a quick simulation of `n` may be above or below a rate; nothing where it is a full one.
fn slack(bench: &Bench<'_>, rate: f64, n: usize) -> f64 {
    match bench.effort {
        Effort::Quick => ERRORS_MAX * (rate * (1.0 - rate) / real(n)).sqrt(),
        Effort::Full => 0.0,
    }
}

/// One row for each test and law; the shares nearest to the limits stand for all sizes.
fn positives(bench: &Bench<'_>) -> Vec<Row> {
    let runs = bench.pick(20, 200);
    let all = bench.runs("false positives of two-sample tests", runs, |rng| false_positives(REPETITIONS, rng.bits()));
    let mut cases: BTreeMap<(String, u32), f64> = BTreeMap::new();
    for Measured { test, from, current, false_positives, .. } in all.into_iter().flatten() {
        *cases.entry((format!("{} {from}", test.replace('_', " ")), current)).or_default() +=
            false_positives / real(runs);
    }
    let mut tests: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    cases.into_iter().for_each(|((test, _), rate)| tests.entry(test).or_default().push(rate));
    let n = runs * REPETITIONS as usize;
    let (low, high) = (POSITIVES[0] - slack(bench, POSITIVES[0], n), POSITIVES[1] + slack(bench, POSITIVES[1], n));
    let row = |(test, rates): (String, Vec<f64>)| {
        let (least, most) =
            rates.iter().fold((1.0f64, 0.0f64), |(least, most), rate| (least.min(*rate), most.max(*rate)));
        Row {
            bar: 6,
            what: format!("{test}, 1,000 against 200, 1,000 and 5,000 rows: p ≤ 0.05 without drift"),
            required: format!("{:.1} % to {:.1} %", 100.0 * low, 100.0 * high),
            measured: format!("{:.2} % to {:.2} % of {n} each", 100.0 * least, 100.0 * most),
            value: most,
            verdict: Verdict::of(least >= low && most <= high),
        }
    };
    tests.into_iter().map(row).collect()
}

/// How often PSI and Jensen–Shannon are above their limits without drift.
fn above(bench: &Bench<'_>, law: &str, shares: &[f64], current: u64) -> [Row; 2] {
    let runs = bench.pick(500, 20_000);
    let what = format!("10 {law} bins, {FEW} against {current} rows");
    let flags = bench.runs(&what, runs, |rng| {
        let (mut a, mut b) = (vec![0; shares.len()], vec![0; shares.len()]);
        multinomial(rng, FEW, shares, &mut a);
        multinomial(rng, current, shares, &mut b);
        count_distances(&a, &b).map_or([true; 2], |distances| exceeded(&distances))
    });
    let most = ABOVE_MOST + slack(bench, ABOVE_MOST, runs);
    [("PSI", 0), ("Jensen–Shannon", 1)].map(|(name, at)| {
        let count = flags.iter().filter(|flag| flag[at]).count();
        let rate = real(count) / real(runs);
        Row {
            bar: 6,
            what: format!("{name}, {what}: above the limit without drift"),
            required: format!("at most {:.2} %", 100.0 * most),
            measured: format!("{:.2} % ({count} of {runs})", 100.0 * rate),
            value: rate,
            verdict: Verdict::of(rate <= most),
        }
    })
}

/// Whether PSI and Jensen–Shannon are above their limits.
fn exceeded(distances: &CountDistances) -> [bool; 2] {
    [distances.psi, distances.jensen_shannon].map(|distance| distance.no_drift.exceeded_by(distance.value))
}

/// A category that doubles.
fn flagged(bench: &Bench<'_>) -> Row {
    let runs = bench.pick(200, 2_000);
    let what = "a category from 2 % to 4 % in 10,000 rows: PSI and Jensen–Shannon above their limits";
    let flags = bench.runs(what, runs, |rng| {
        let rows = u64::from(MANY);
        let (a, b) = (binomial(rng, rows, 0.02), binomial(rng, rows, 0.04));
        count_distances(&[a, rows - a], &[b, rows - b]).is_some_and(|distances| exceeded(&distances) == [true; 2])
    });
    always(what, &flags)
}

/// What has to hold in every run.
fn always(what: &str, held: &[bool]) -> Row {
    let (count, runs) = (held.iter().filter(|held| **held).count(), held.len());
    Row {
        bar: 6,
        what: what.to_owned(),
        required: "always".to_owned(),
        measured: format!("{count} of {runs}"),
        value: real(count) / real(runs),
        verdict: Verdict::of(count == runs),
    }
}

/// The same rows in another order.
fn shuffled(bench: &Bench<'_>) -> Row {
    let runs = bench.pick(20, 200);
    let what = "the same rows shuffled, numbers and categories, 300 to 10,000 rows: the same bytes";
    let same = bench.runs(what, runs, |rng| {
        let rows = [150, 1_000, MANY][usize::try_from(rng.bits() % 3).unwrap_or(0)];
        let values = |rng: &mut Rng| (0..rows).map(|_| 800.0 * rng.normal().exp()).collect::<Vec<_>>();
        let (mut a, mut b) = (values(rng), values(rng));
        let before = bytes(&a, &b);
        shuffle(&mut a, rng);
        shuffle(&mut b, rng);
        before.is_some() && before == bytes(&a, &b)
    });
    always(what, &same)
}

/// The report on two samples as JSON, and that on their last digits as categories in their order of appearance.
fn bytes(a: &[f64], b: &[f64]) -> Option<Vec<u8>> {
    let distances: Distances = report(&Prepared::new(a).ok()??, b).ok()??;
    let mut names: Vec<u64> = Vec::new();
    let mut counts = [a, b].map(|values| {
        let mut counts = vec![0; 16];
        for value in values {
            let name = value.to_bits() % 16;
            let index = names.iter().position(|other| *other == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            counts[index] += 1;
        }
        counts
    });
    counts.iter_mut().for_each(|counts| counts.truncate(names.len()));
    let categories = count_distances(&counts[0], &counts[1])?;
    serde_json::to_vec(&(distances, categories)).ok()
}

/// Fisher, Yates 1938, in the form of Durstenfeld 1964, <https://doi.org/10.1145/364520.364540>.
fn shuffle(values: &mut [f64], rng: &mut Rng) {
    for last in (1..values.len()).rev() {
        let other = super::one_guard::uniform_below(u32::try_from(last + 1).unwrap_or(u32::MAX), rng);
        values.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_the_values_and_moves_them() {
        let mut values: Vec<f64> = (0..100).map(f64::from).collect();
        shuffle(&mut values, &mut Rng::new(1));
        assert!(values.windows(2).any(|pair| pair[0] > pair[1]));
        let before = bytes(&values, &values[..50]).unwrap();
        assert_ne!(before, bytes(&values, &values[..51]).unwrap(), "other rows are other bytes");
        values.sort_by(f64::total_cmp);
        assert!(values.iter().zip(0..100).all(|(value, i)| (value - f64::from(i)).abs() < 1e-12));
    }

    #[test]
    fn a_quick_run_is_given_what_chance_may_add_and_a_full_one_nothing() {
        let of = |effort| slack(&Bench::new(effort, 1, &|_, _, _| {}), 0.01, 500);
        assert!((of(Effort::Quick) - 3.0 * (0.0099f64 / 500.0).sqrt()).abs() < 1e-12);
        assert!(of(Effort::Full).abs() < f64::EPSILON);
    }
}
