//! The numbers of a week beside those of the week before and of a declared reference, with intervals.
//!
//! Owns what a measure is, its interval and when a difference is clear. All intervals are 95 %, for one look, and
//! take outputs for independent of each other: they describe a week, and decide about no mode.

use super::tally::Tally;
use crate::domain::{Money, Slo, WorkflowPolicy};
use crate::monitor::kpi::{Counts, Slot};
use crate::monitor::view::review_cost_per_unit;
use crate::stats::confidence::{Z95, wilson, wilson_95};
use crate::stats::latency::{Latencies, histogram};
use crate::stats::number::number;
use crate::stats::quantile_rank::ranks_95;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A value of one week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// The value, in the measure's unit.
    pub value: f64,
    /// 95 % interval, one look; `null` where there is none.
    pub interval: Option<[f64; 2]>,
    /// Outputs (or verdicts, or slots of time) that it is made of.
    pub n: u64,
}

/// How a week differs from something else.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// This week's value less the other.
    pub absolute: f64,
    /// The lift: the difference as a share of the other value; `null` where that is 0.
    pub relative: Option<f64>,
    /// 95 % interval of the difference, one look; `null` where one of the two has none.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// Whether the difference is more than chance would make it: its 95 % interval has no 0 in it. `null` where
    /// there is no interval.
    pub is_clear: Option<bool>,
    /// Whether it is for the better; `null` where it is clear of neither or nobody says what is better.
    pub is_better: Option<bool>,
}

/// One measure of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measure {
    /// Its name, such as `exception_ratio`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// `ratio`, `ms`, `minutes`, a currency, or a thing that is counted.
    pub unit: String,
    /// Whether more is better; `null` where neither is.
    pub more_is_better: Option<bool>,
    /// This week.
    pub week: Option<Figure>,
    /// The week before.
    pub before: Option<Figure>,
    /// What was declared as the state to compare with.
    pub reference: Option<f64>,
    /// This week against the week before.
    pub change: Option<Difference>,
    /// This week against the reference.
    pub lift: Option<Difference>,
    /// The days of the week before and of this one, oldest first; `null` where a day has nothing.
    pub days: Vec<Option<f64>>,
}

/// Works a figure out of what was counted.
type OfSlot = Box<dyn Fn(&Slot) -> Option<Figure>>;

/// What a measure is made from.
struct Kind {
    name: &'static str,
    title: &'static str,
    unit: String,
    more_is_better: Option<bool>,
    of_slot: OfSlot,
}

/// All measures of a workflow that say anything.
pub fn measures(policy: &WorkflowPolicy, week: Option<&Tally>, before: Option<&Tally>) -> Vec<Measure> {
    let weeks = [week, before];
    let sums = weeks.map(|tally| tally.map(Tally::week));
    let mut measures: Vec<Measure> = kinds(policy).iter().map(|kind| measure(kind, policy, weeks, &sums)).collect();
    // Of outputs that aren't a service it says nothing that exceptions don't.
    if policy.slo.objective(Slo::Uptime).is_some() {
        let uptime = |tally: &Tally| {
            let [active, up] = tally.uptime();
            share(up, active)
        };
        let what = ("uptime_ratio", "Uptime", "ratio".to_owned(), Some(true));
        measures.push(finish(what, weeks.map(|tally| tally.and_then(uptime)), None, Vec::new()));
    }
    let rejected = |tally: &Tally| share(tally.verdicts[2], tally.verdicts.iter().sum());
    measures.push(finish(
        ("rejected_ratio", "Verdicts that rejected", "ratio".to_owned(), Some(false)),
        weeks.map(|tally| tally.and_then(rejected)),
        policy.reference.rejected_ratio,
        Vec::new(),
    ));
    measures.extend(super::mean::cycles(weeks));
    // Nothing but zeros in a row that is there for trouble only says nothing.
    let is_quiet = |measure: &Measure| {
        let zero = |figure: Option<Figure>| figure.is_none_or(|figure| figure.value.abs() <= 0.0);
        ["fallback_ratio", "escalated_ratio"].contains(&measure.name.as_str())
            && zero(measure.week)
            && zero(measure.before)
    };
    measures.retain(|measure| (measure.week.is_some() || measure.before.is_some()) && !is_quiet(measure));
    measures
}

/// One measure of this week and the one before, whose days together are `sums`.
fn measure(
    kind: &Kind,
    policy: &WorkflowPolicy,
    [week, before]: [Option<&Tally>; 2],
    sums: &[Option<Slot>; 2],
) -> Measure {
    let figure = |sum: &Option<Slot>, tally: Option<&Tally>| {
        let figure = (kind.of_slot)(sum.as_ref()?)?;
        let of_quantile = |q: f64| quantile_of(q, &sum.as_ref()?.latencies, true)?.interval;
        let interval = match kind.name {
            "latency_p50_ms" => of_quantile(0.5),
            "latency_p95_ms" => of_quantile(0.95),
            name => figure.interval.or_else(|| super::mean::interval(name, figure.value, tally?, policy)),
        };
        Some(Figure { interval, ..figure })
    };
    let figures = [figure(&sums[0], week), figure(&sums[1], before)];
    let days = [before, week].into_iter().flat_map(|tally| {
        (0..super::week::DAYS).map(move |day| tally.and_then(|tally| (kind.of_slot)(&tally.days[day])).map(|f| f.value))
    });
    let what = (kind.name, kind.title, kind.unit.clone(), kind.more_is_better);
    finish(what, figures, policy.reference.of(kind.name), days.collect())
}

pub(super) fn finish(
    (name, title, unit, more_is_better): (&str, &str, String, Option<bool>),
    [week, before]: [Option<Figure>; 2],
    reference: Option<f64>,
    days: Vec<Option<f64>>,
) -> Measure {
    let fixed = reference.map(|value| Figure { value, interval: Some([value; 2]), n: 0 });
    Measure {
        name: name.to_owned(),
        title: title.to_owned(),
        unit,
        more_is_better,
        week,
        before,
        reference,
        change: week.zip(before).map(|(week, before)| difference(&week, &before, more_is_better)),
        lift: week.zip(fixed).map(|(week, fixed)| difference(&week, &fixed, more_is_better)),
        days,
    }
}

/// The 95 % interval of the difference of two values, put together from theirs (Newcombe 1998, method 10,
/// <https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I>; for others than shares the
/// same construction is MOVER: Zou, Donner 2008, <https://doi.org/10.1002/sim.3095>).
pub(super) fn gap(value: f64, [low, high]: [f64; 2], other: f64, [below, above]: [f64; 2]) -> [f64; 2] {
    let absolute = value - other;
    [absolute - (value - low).hypot(above - other), absolute + (high - value).hypot(other - below)]
}

fn difference(week: &Figure, other: &Figure, more_is_better: Option<bool>) -> Difference {
    let absolute = week.value - other.value;
    let interval = week.interval.zip(other.interval).map(|(own, others)| gap(week.value, own, other.value, others));
    let is_clear = interval.map(|[low, high]| low > 0.0 || high < 0.0);
    let is_better = (is_clear == Some(true)).then_some(more_is_better).flatten().map(|more| more == (absolute > 0.0));
    Difference {
        absolute,
        relative: (other.value.abs() > 0.0).then(|| absolute / other.value.abs()),
        interval,
        is_clear,
        is_better,
    }
}

fn share(part: u64, whole: u64) -> Option<Figure> {
    (whole > 0).then(|| Figure { value: number(part) / number(whole), interval: wilson_95(part, whole), n: whole })
}

fn kinds(policy: &WorkflowPolicy) -> Vec<Kind> {
    let kind = |name, title, unit: &str, more_is_better, of_slot: OfSlot| Kind {
        name,
        title,
        unit: unit.to_owned(),
        more_is_better,
        of_slot,
    };
    let counts = |of: fn(&Counts) -> Option<Figure>| Box::new(move |slot: &Slot| of(&slot.counts));
    let currency = policy.currency.as_str();
    let rate = policy.reviewing.cost_per_hour;
    vec![
        kind("outputs", "Outputs", "outputs", None, counts(|c| plain(number(c.outputs), c.outputs))),
        kind("exception_ratio", "Exceptions", "ratio", Some(false), counts(|c| share(c.exceptions, c.outputs))),
        kind("sla_ratio", "Service level met", "ratio", Some(true), counts(sla)),
        kind("latency_p50_ms", "Latency, median", "ms", Some(false), quantile(0.5)),
        kind("latency_p95_ms", "Latency, 95 %", "ms", Some(false), quantile(0.95)),
        kind("cycle_minutes", "Cycle time, mean", "minutes", Some(false), counts(cycle)),
        kind("cost_per_unit", "Cost per unit", currency, Some(false), counts(cost)),
        kind("cost_to_serve", "Cost to serve, per unit", currency, Some(false), Box::new(move |s| serve(s, rate))),
        kind("value_per_unit", "Value per unit", currency, Some(true), counts(value)),
        kind("review_minutes", "Time of a review, mean", "minutes", None, counts(minutes)),
        kind(
            "fallback_ratio",
            "Answered by a fallback",
            "ratio",
            Some(false),
            counts(|c| share(c.fallbacks, c.outputs)),
        ),
        kind("escalated_ratio", "Handed to people", "ratio", None, counts(|c| share(c.escalations, c.outputs))),
    ]
}

fn plain(value: f64, n: u64) -> Option<Figure> {
    (n > 0).then_some(Figure { value, interval: None, n })
}

fn sla(counts: &Counts) -> Option<Figure> {
    share(counts.sla_judged - counts.sla_missed, counts.sla_judged)
}

fn cycle(counts: &Counts) -> Option<Figure> {
    plain(counts.cycle_ms / number(counts.cycle_outputs.max(1)) / 60_000.0, counts.cycle_outputs)
}

fn cost(counts: &Counts) -> Option<Figure> {
    plain(counts.cost_per_unit()?.to_f64(), counts.cost_outputs)
}

fn value(counts: &Counts) -> Option<Figure> {
    plain(counts.value.per(counts.units)?.to_f64(), counts.outputs).filter(|figure| figure.value > 0.0)
}

fn minutes(counts: &Counts) -> Option<Figure> {
    let reviews = counts.reviews();
    plain(reviews.minutes / number(reviews.timed.max(1)), reviews.timed)
}

/// What machines and people cost together; only where people's time is known and costs something.
fn serve(slot: &Slot, rate: Option<Money>) -> Option<Figure> {
    let people = review_cost_per_unit(&slot.counts, rate?)?;
    plain(cost(&slot.counts)?.value + people, slot.counts.cost_outputs)
}

/// A quantile, and the values between which it lies, whatever the distribution.
pub(super) fn quantile_of(q: f64, times: &Latencies, with_interval: bool) -> Option<Figure> {
    let mut all = histogram();
    times.add_to(&mut all);
    let n = all.len();
    let ms = |quantile: f64| number(all.value_at_quantile(quantile)) / 1_000.0;
    // Half a rank less: the value of that rank, and not that of the next one by rounding.
    let at = |rank: u64| ms((number(rank) - 0.5) / number(n));
    let interval = if with_interval { ranks_95(n, q) } else { None };
    (n > 0).then(|| Figure { value: ms(q), interval: interval.map(|ranks| ranks.map(at)), n })
}

fn quantile(q: f64) -> OfSlot {
    // Of a day only the value is drawn.
    Box::new(move |slot: &Slot| quantile_of(q, &slot.latencies, false))
}

/// The 95 % interval of a share of a sample.
pub(super) fn interval(mean: f64, n: u64) -> [f64; 2] {
    wilson(mean, number(n), Z95)
}

/// Whether two shares are clearly apart.
pub(super) fn apart((p, n): (f64, u64), (q, m): (f64, u64)) -> bool {
    let [low, high] = gap(p, interval(p, n), q, interval(q, m));
    low > 0.0 || high < 0.0
}
