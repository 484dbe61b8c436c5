//! How the outputs of a week differ from those of the week before: scores, latency, cost and attributes.
//!
//! Owns the choice of what is compared, on the samples of both weeks, and since when and in which segments it
//! moved. It is a description: no mode depends on it, and the guards' own evidence stands apart. A shift is called
//! clear where a distance is above what no drift would give at these numbers; tolerances are the guards' matter.

use super::sample::Sampled;
use super::stretch::{Stretch, dated_numbers, dated_shares, quantiles};
use super::tally::Tally;
use crate::domain::{Money, OutputEvent, Time};
use crate::stats::drift_report::{Distance, Prepared, count_distances, report};
use crate::stats::number::number;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Fewer sampled values than these in one of the weeks are not compared.
const VALUES_MIN: usize = 30;
/// Segments that are named.
const SEGMENTS_MAX: usize = 5;
/// A segment with fewer sampled outputs in both weeks together isn't named.
const SEGMENT_MIN: usize = 20;
/// Signals that are compared.
const SIGNALS_MAX: usize = 64;
/// What is told of where a distribution lies.
const TENTHS: [(usize, usize); 3] = [(1, 10), (1, 2), (9, 10)];
/// Of more categories, one is no sign of when the others changed.
pub(super) const DATED_VALUES_MAX: usize = 20;
/// Categories that are drawn; the rest is one.
const CATEGORIES_MAX: usize = 12;

/// A signal in both weeks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    /// What it is, such as `scores.brand_fit`, `attributes.locale`, `latency_ms` or `model`.
    pub signal: String,
    /// Whether a distance is above what no drift would give.
    pub is_clear: bool,
    /// The name of the distance: `kolmogorov_smirnov` for numbers, `total_variation` for categories.
    pub distance_name: String,
    /// The distance, 0 to 1, with what it would be without drift.
    pub distance: Distance,
    /// Sampled outputs of the week before.
    pub before: u64,
    /// Sampled outputs of this week.
    pub week: u64,
    /// Values in both samples together; `null` for numbers.
    #[serde(default)]
    pub values: Option<u64>,
    /// Both distributions, for drawing.
    pub bins: Vec<Bin>,
    /// What one in ten, half and nine in ten are below; `null` for categories.
    #[serde(default)]
    pub tenths: Option<Tenths>,
    /// How it went through the two weeks: medians, or shares of `value_of`, and since when. One where the change can't be
    /// dated; empty where nothing is clear, where there are too many values, or where it changed too often.
    #[serde(default)]
    pub stretches: Vec<Stretch>,
    /// The category that moved most, or `1` of what is only ever 0 or 1; `null` for other numbers.
    #[serde(default)]
    pub value_of: Option<String>,
    /// Whether it changed again and again in the two weeks, too often to be told.
    #[serde(default)]
    pub is_restless: bool,
    /// The segments that carry the shift, most first.
    pub carriers: Vec<ShiftCarrier>,
}

impl Shift {
    /// When it changed.
    pub(super) fn changes(&self) -> impl Iterator<Item = Time> {
        self.stretches.iter().skip(1).map(|one| one.from)
    }
}

/// Where two distributions lie: what one in ten, half and nine in ten are below.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tenths {
    /// Of the week before.
    pub before: [f64; 3],
    /// Of this week.
    pub week: [f64; 3],
}

/// A part of both distributions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bin {
    /// The category, or the upper end of the range, such as `≤ 0.8`; the last range has none and says `above`.
    pub label: String,
    /// Share of the week before, 0 to 1.
    pub before: f64,
    /// Share of this week, 0 to 1.
    pub week: f64,
}

/// A segment that carries a part of a shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShiftCarrier {
    /// Such as `locale = de`.
    pub segment: String,
    /// Its part of the shift: 1 is all of it; more than 1 where others went the other way.
    pub shift_share: f64,
    /// Its part of this week's outputs, 0 to 1.
    pub outputs_share: f64,
}

/// All shifts of a workflow, clear ones first, then by how far they exceed what no drift would give.
pub fn shifts(week: &Tally, before: &Tally) -> Vec<Shift> {
    let (after, before) = (week.sample.outputs(), before.sample.outputs());
    let names = |of: fn(&OutputEvent) -> Vec<String>| -> BTreeSet<String> {
        after.iter().chain(&before).flat_map(|sampled| of(&sampled.event)).take(SIGNALS_MAX * 1_000).collect()
    };
    let scores = names(|event| event.scores.iter().map(|(name, _)| name.to_string()).collect());
    let attributes = names(|event| event.attributes.iter().map(|(name, _)| name.to_string()).collect());
    let mut found = Vec::new();
    found.extend(numbers("latency_ms", &after, &before, &|event| event.latency_ms));
    let cost = |event: &OutputEvent| event.cost?.per(event.units).map(Money::to_f64);
    found.extend(numbers("cost_per_unit", &after, &before, &cost));
    for name in scores.iter().take(SIGNALS_MAX) {
        let of = |event: &OutputEvent| event.scores.iter().find(|(own, _)| **own == **name).map(|(_, value)| *value);
        found.extend(numbers(&format!("scores.{name}"), &after, &before, &of));
    }
    for name in attributes.iter().take(SIGNALS_MAX) {
        let of = |event: &OutputEvent| {
            event.attributes.iter().find(|(own, _)| **own == **name).map(|(_, value)| value.to_string())
        };
        found.extend(categories(&format!("attributes.{name}"), &after, &before, &of));
    }
    found.extend(categories("model", &after, &before, &|event| event.model.as_ref().map(ToString::to_string)));
    found.extend(categories("version", &after, &before, &|event| event.version.as_ref().map(ToString::to_string)));
    let excess = |shift: &Shift| shift.distance.value / shift.distance.no_drift.limit.max(f64::MIN_POSITIVE);
    found.sort_by(|a, b| excess(b).total_cmp(&excess(a)).then_with(|| a.signal.cmp(&b.signal)));
    found
}

type Outputs<'s> = [&'s Sampled];

fn numbers(
    signal: &str,
    after: &Outputs<'_>,
    before: &Outputs<'_>,
    of: &dyn Fn(&OutputEvent) -> Option<f64>,
) -> Option<Shift> {
    let values = |outputs: &Outputs<'_>| outputs.iter().filter_map(|sampled| of(&sampled.event)).collect::<Vec<_>>();
    let (a, b) = (values(after), values(before));
    if a.len().min(b.len()) < VALUES_MIN {
        return None;
    }
    let prepared = Prepared::new(&b).ok()??;
    let distances = report(&prepared, &a).ok()??;
    let is_clear = distances.kolmogorov_smirnov.no_drift.exceeded_by(distances.kolmogorov_smirnov.value);
    let cut = widest(&a, &b)?;
    // Of what is only ever 0 or 1, such as a score that says whether, the share is told.
    let is_binary = a.iter().chain(&b).all(|value| [0.0, 1.0].contains(value));
    let dated = if is_binary { dated_shares } else { dated_numbers };
    let went = if is_clear { dated(&timed(after, before, &|event| of(event))) } else { Some(Vec::new()) };
    Some(Shift {
        signal: signal.to_owned(),
        is_clear,
        distance_name: "kolmogorov_smirnov".to_owned(),
        distance: distances.kolmogorov_smirnov,
        before: b.len() as u64,
        week: a.len() as u64,
        values: None,
        bins: ranges(&prepared, &a, &b),
        tenths: Some(Tenths { before: quantiles(&b, TENTHS), week: quantiles(&a, TENTHS) }),
        is_restless: went.is_none(),
        stretches: went.unwrap_or_default(),
        value_of: is_binary.then(|| "1".to_owned()),
        carriers: if is_clear {
            carriers(signal, after, before, &|event| of(event).map(|value| f64::from(u8::from(value <= cut))))
        } else {
            Vec::new()
        },
    })
}

fn categories(
    signal: &str,
    after: &Outputs<'_>,
    before: &Outputs<'_>,
    of: &dyn Fn(&OutputEvent) -> Option<String>,
) -> Option<Shift> {
    let count = |outputs: &Outputs<'_>| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for value in outputs.iter().filter_map(|sampled| of(&sampled.event)) {
            *counts.entry(value).or_default() += 1;
        }
        counts
    };
    let (a, b) = (count(after), count(before));
    let (n, m): (u64, u64) = (a.values().sum(), b.values().sum());
    if n.min(m) < VALUES_MIN as u64 {
        return None;
    }
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let at = |counts: &BTreeMap<String, u64>, name: &String| counts.get(name).copied().unwrap_or(0);
    let (reference, current): (Vec<u64>, Vec<u64>) = names.iter().map(|name| (at(&b, name), at(&a, name))).unzip();
    let distance = count_distances(&reference, &current)?.total_variation;
    let is_clear = distance.no_drift.exceeded_by(distance.value);
    let both = |name: &String| (number(at(&b, name)) / number(m), number(at(&a, name)) / number(n));
    let moved = |name: &&&String| {
        let (before, week) = both(name);
        (week - before).abs()
    };
    let most = names.iter().max_by(|x, y| moved(x).total_cmp(&moved(y)))?.to_string();
    let by_most: &dyn Fn(&OutputEvent) -> Option<f64> =
        &|event| of(event).map(|value| f64::from(u8::from(value == most)));
    let is_dated = is_clear && names.len() <= DATED_VALUES_MAX;
    let went = if is_dated { dated_shares(&timed(after, before, by_most)) } else { Some(Vec::new()) };
    let mut bins: Vec<Bin> = names.iter().map(|name| bin((*name).clone(), both(name))).collect();
    bins.sort_by(|x, y| (y.before + y.week).total_cmp(&(x.before + x.week)).then_with(|| x.label.cmp(&y.label)));
    if bins.len() > CATEGORIES_MAX {
        let rest = bins.split_off(CATEGORIES_MAX - 1);
        let sum = rest.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.before, sum.1 + bin.week));
        bins.push(bin(format!("{} others", rest.len()), sum));
    }
    Some(Shift {
        signal: signal.to_owned(),
        is_clear,
        distance_name: "total_variation".to_owned(),
        distance,
        before: m,
        week: n,
        values: Some(names.len() as u64),
        bins,
        tenths: None,
        is_restless: went.is_none(),
        stretches: went.unwrap_or_default(),
        carriers: if is_clear { carriers(signal, after, before, by_most) } else { Vec::new() },
        value_of: Some(most),
    })
}

const fn bin(label: String, (before, week): (f64, f64)) -> Bin {
    Bin { label, before, week }
}

/// Both samples in the deciles of the week before.
fn ranges(prepared: &Prepared, a: &[f64], b: &[f64]) -> Vec<Bin> {
    let edges = prepared.edges();
    let shares = |values: &[f64]| {
        let mut counts = vec![0_u64; edges.len() + 1];
        for value in values {
            counts[edges.partition_point(|edge| edge < value)] += 1;
        }
        counts.into_iter().map(|n| number(n) / number(values.len() as u64)).collect::<Vec<f64>>()
    };
    let labels = edges.iter().map(|edge| format!("≤ {}", short(*edge))).chain(["above".to_owned()]);
    labels.zip(shares(b).into_iter().zip(shares(a))).map(|(label, shares)| bin(label, shares)).collect()
}

/// Three significant digits, without an exponent for what people meet.
pub(super) fn short(value: f64) -> String {
    let digits = value.abs().max(f64::MIN_POSITIVE).log10().floor();
    if !(-4.0..=9.0).contains(&digits) && value.abs() > 0.0 {
        return format!("{value:.2e}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 6, by the clamp")]
    let places = (2.0 - digits).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The value at which both distributions are furthest apart.
fn widest(a: &[f64], b: &[f64]) -> Option<f64> {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (a, b) = (sorted(a), sorted(b));
    let below = |values: &[f64], x: f64| {
        number(values.partition_point(|value| *value <= x) as u64) / number(values.len() as u64)
    };
    let gap = |x: &f64| (below(&a, *x) - below(&b, *x)).abs();
    a.iter().chain(&b).copied().max_by(|x, y| gap(x).total_cmp(&gap(y)).then(y.total_cmp(x)))
}

/// The values of both weeks in order of time.
fn timed(after: &Outputs<'_>, before: &Outputs<'_>, of: &dyn Fn(&OutputEvent) -> Option<f64>) -> Vec<(Time, f64)> {
    before.iter().chain(after).filter_map(|sampled| Some((sampled.time, of(&sampled.event)?))).collect()
}

/// Which segments carry the change of a mean from the one week to the other.
///
/// With p_v the share of segment v and x_v its mean, the change is Σ_v (p_v' x_v' − p_v x_v); a segment's part, less
/// what its outputs would bring at the mean of the week before, is p_v' (x_v' − x̄) − p_v (x_v − x̄), and these add up
/// to the change (a decomposition after Kitagawa 1955, <https://doi.org/10.1080/01621459.1955.10501299>).
fn carriers(
    signal: &str,
    after: &Outputs<'_>,
    before: &Outputs<'_>,
    of: &dyn Fn(&OutputEvent) -> Option<f64>,
) -> Vec<ShiftCarrier> {
    let mean = |outputs: &Outputs<'_>| {
        let values: Vec<f64> = outputs.iter().filter_map(|sampled| of(&sampled.event)).collect();
        (values.iter().sum::<f64>() / number(values.len().max(1) as u64), values.len())
    };
    let ((was, n), (is, m)) = (mean(before), mean(after));
    let whole = is - was;
    if whole.abs() <= f64::EPSILON {
        return Vec::new();
    }
    // That the share of a value moved is no news of the value itself.
    let own = signal.strip_prefix("attributes.").unwrap_or(signal);
    let mut parts: BTreeMap<String, [(usize, f64); 2]> = BTreeMap::new();
    for (at, outputs) in [before, after].into_iter().enumerate() {
        for sampled in outputs {
            let Some(value) = of(&sampled.event) else { continue };
            for segment in segments(&sampled.event, own) {
                let part = &mut parts.entry(segment).or_default()[at];
                *part = (part.0 + 1, part.1 + value - was);
            }
        }
    }
    let per = |(_, sum): (usize, f64), n: usize| sum / number(n.max(1) as u64);
    let mut found: Vec<ShiftCarrier> = parts
        .into_iter()
        .filter(|(_, [b, a])| b.0 + a.0 >= SEGMENT_MIN)
        .map(|(segment, [b, a])| ShiftCarrier {
            segment,
            shift_share: (per(a, m) - per(b, n)) / whole,
            outputs_share: number(a.0 as u64) / number(m.max(1) as u64),
        })
        .collect();
    // One that carries no more than its part of the outputs says nothing.
    found.retain(|carrier| carrier.shift_share - carrier.outputs_share > 0.1);
    let weight = |carrier: &ShiftCarrier| carrier.shift_share - carrier.outputs_share;
    found.sort_by(|x, y| weight(y).total_cmp(&weight(x)).then_with(|| x.segment.cmp(&y.segment)));
    found.truncate(SEGMENTS_MAX);
    found
}

pub(super) fn segments(event: &OutputEvent, but: &str) -> Vec<String> {
    event.segments().filter(|(name, _)| *name != but).map(|(name, value)| format!("{name} = {value}")).collect()
}
