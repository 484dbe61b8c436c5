//! Whether a distribution is further from what was normal than a tolerance.
//!
//! Owns the evidence of one drift guard: the bank of its parts, the set of categories that have
//! become more frequent, the block under way and the outputs of late. Knows no guard and no mode.

use super::bank::{BOUNDS_MAX, Bank, BankGrid, ODDS};
use super::baseline::{Bins, Reference, Value};
use super::more_frequent::MoreFrequent;
use super::number::number;
use super::runs::Run;
use serde::{Deserialize, Serialize};

/// What "of late" means: between so many outputs and twice as many.
pub const RECENT: u32 = 2_500;
/// Of the stakes on categories, the part that is on the set of those that became more frequent: a
/// shift that is spread over many categories is small in each of them.
const SET_STAKE: f64 = 0.5;

/// A pinned baseline, worked out for the hot path; derived, never stored.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftPlan {
    /// What was normal.
    pub reference: Reference,
    /// How far the distribution may move: a Kolmogorov–Smirnov distance of numbers, a total
    /// variation of categories.
    pub tolerance: f64,
    bounds: Vec<f64>,
    lost: Vec<f64>,
    grid: BankGrid,
    /// Per stratum and part: how far the bound lies below the one in `bounds`; empty without a season.
    offsets: Vec<Vec<f64>>,
    /// Per part, without a season: between which shares the running one may move the bound.
    range: Vec<[f64; 2]>,
    block: u32,
    set_stake: f64,
}

impl DriftPlan {
    /// For the tolerance and the outputs of a block.
    ///
    /// Part j of the distribution has the bound F_j + margin + tolerance, with F_j its share in the
    /// sample, and the margin up to the upper 95 % bound of the true share ([`Reference::upper`]): a
    /// distribution within the tolerance keeps to every bound, so nothing is ever "different at
    /// p < 0.05" only because there is much of it. `strata`, where there is a season, holds the
    /// upper bounds of all parts of each stratum.
    ///
    /// Without a season the margin shrinks as more outputs come: in the place of the upper bound stands
    /// the share of all outputs so far, the sample's and those since, but never less than the sample's
    /// and never more than its upper bound. A sample of 100 has a margin of 0.08; 400 outputs later the
    /// same stream has one of 0.02 or none. Where outputs depend on each other (inflation i) the running share is
    /// as uncertain as the sample's, so the part 1 − 1/i of the margin stays.
    pub fn new(reference: Reference, tolerance: f64, block: u32, strata: &[Vec<f64>]) -> Self {
        let parts = 0..reference.parts();
        let whole = |part: usize| reference.upper(reference.share(part));
        let widest = |part: usize| strata.iter().map(|upper| upper[part]).fold(0.0, f64::max);
        let bounds: Vec<f64> =
            parts.clone().map(|part| tolerance + if strata.is_empty() { whole(part) } else { widest(part) }).collect();
        let stakes: Vec<(f64, f64)> = bounds.iter().map(|bound| (*bound, 1.0)).collect();
        let range = |part: usize| {
            let (share, upper) = (reference.share(part), whole(part));
            [(upper - (upper - share) / reference.inflation).min(upper), upper]
        };
        let range = if strata.is_empty() { parts.clone().map(range).collect() } else { Vec::new() };
        let offset = |upper: &Vec<f64>| parts.clone().map(|part| bounds[part] - tolerance - upper[part]).collect();
        let offsets = strata.iter().map(offset).collect();
        let set_stake = if matches!(reference.bins, Bins::Names(_)) { SET_STAKE } else { 0.0 };
        let grid = BankGrid::new(&stakes, ODDS);
        let lost = bounds.iter().map(|bound| Run::lost(*bound)).collect();
        Self { reference, tolerance, grid, offsets, range, lost, block: block.max(1), bounds, set_stake }
    }
}

/// The block under way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Block {
    counts: Vec<u32>,
    offsets: Vec<f64>,
    outputs: u32,
    time_ms: i64,
}

/// The part that speaks most against the workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// In words.
    pub part: String,
    /// Its share in the sample.
    pub usual: f64,
    /// Its share since the estimated change.
    pub since: f64,
    /// Outputs since.
    pub outputs: f64,
    /// When the change began, milliseconds.
    pub changed_ms: i64,
}

/// State of the evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Drift {
    bank: Bank,
    runs: Vec<Run>,
    more: Option<MoreFrequent>,
    block: Block,
    /// Bins of all outputs so far: the sample's and those since.
    all: Vec<u32>,
    /// Bins of the outputs of late, in two halves.
    recent: [Vec<u32>; 2],
    recent_n: u32,
    crossed: bool,
}

impl Drift {
    /// Takes the value of one output (in `stratum` of the season); one that is not `judged` is only
    /// remembered, and moves the bounds within their margins. True when M reaches `threshold` with it. The promise is that of the detectors (`bank`): while the share of every part keeps
    /// to its bound, at most once in `threshold` outputs on average.
    pub fn observe(
        &mut self,
        plan: &DriftPlan,
        value: Value<'_>,
        stratum: usize,
        judged: bool,
        time_ms: i64,
        threshold: f64,
    ) -> bool {
        let bin = plan.reference.bins.of(value);
        self.remember(plan, bin);
        if self.crossed {
            return false;
        }
        if !judged {
            self.all[bin] = self.all[bin].saturating_add(1);
            return false;
        }
        let block = &mut self.block;
        if block.outputs == 0 {
            block.time_ms = time_ms;
            block.counts.clear();
            block.counts.resize(plan.reference.bins.len(), 0);
            block.offsets.clear();
            block.offsets.resize(if plan.offsets.is_empty() { 0 } else { plan.bounds.len() }, 0.0);
        }
        block.outputs += 1;
        block.counts[bin] += 1;
        if let Some(offsets) = plan.offsets.get(stratum) {
            block.offsets.iter_mut().zip(offsets).for_each(|(sum, offset)| *sum += offset);
        }
        block.outputs >= plan.block && self.full(plan, threshold)
    }

    fn full(&mut self, plan: &DriftPlan, threshold: f64) -> bool {
        let outputs = f64::from(self.block.outputs);
        let (mut x, mut offsets) = ([0.0; BOUNDS_MAX], [0.0; BOUNDS_MAX]);
        let (x, offsets) = (&mut x[..plan.bounds.len()], &mut offsets[..plan.bounds.len()]);
        fill(&plan.reference.bins, &self.block.counts, outputs, x);
        if plan.range.is_empty() {
            offsets.iter_mut().zip(&self.block.offsets).for_each(|(offset, sum)| *offset = sum / outputs);
        } else {
            let n = number(self.all.iter().map(|count| u64::from(*count)).sum());
            fill(&plan.reference.bins, &self.all, n, offsets);
            offsets.iter_mut().zip(&plan.range).for_each(|(at, [low, high])| *at = high - at.clamp(*low, *high));
        }
        self.all.iter_mut().zip(&self.block.counts).for_each(|(all, count)| *all = all.saturating_add(*count));
        self.runs.resize(plan.bounds.len(), Run::default());
        // Where a bound lies lower: as if that much more lay in the part. The payoff is linear in x, so it is
        // 1 at that bound.
        for ((run, lost), (x, offset)) in self.runs.iter_mut().zip(&plan.lost).zip(x.iter_mut().zip(&*offsets)) {
            let hits = *x * outputs;
            *x += offset;
            run.update(*lost, *x, hits, outputs, self.block.time_ms);
        }
        self.bank.update(&plan.grid, x, outputs);
        if plan.set_stake > 0.0 {
            let more = self.more.get_or_insert_with(|| MoreFrequent::new(&plan.reference, plan.tolerance));
            more.update(&plan.reference, plan.tolerance, &self.block.counts, self.block.outputs, self.block.time_ms);
        }
        self.block.outputs = 0;
        self.crossed = self.evidence(plan) >= threshold;
        self.crossed
    }

    fn remember(&mut self, plan: &DriftPlan, bin: usize) {
        if self.recent[0].is_empty() || self.recent_n == RECENT {
            if self.all.is_empty() {
                self.all.clone_from(&plan.reference.counts);
            }
            let empty = vec![0; plan.reference.bins.len()];
            self.recent[1] = std::mem::replace(&mut self.recent[0], empty);
            self.recent_n = 0;
        }
        self.recent[0][bin] += 1;
        self.recent_n += 1;
    }

    /// M, in outputs.
    pub fn evidence(&self, plan: &DriftPlan) -> f64 {
        let more = self.more.as_ref().map_or(0.0, MoreFrequent::evidence);
        (1.0 - plan.set_stake) * self.bank.mixture() + plan.set_stake * more
    }

    /// Whether the threshold was reached since the last reset.
    pub const fn crossed(&self) -> bool {
        self.crossed
    }

    /// Starts anew with no evidence; what is of late stays.
    pub fn reset(&mut self) {
        self.bank.reset();
        self.runs.clear();
        self.more = None;
        self.block = Block::default();
        self.crossed = false;
    }

    /// Multiplies the evidence by `factor` ≥ 0 (the share of the budget changed).
    pub fn rescale(&mut self, factor: f64) {
        self.bank.rescale(factor);
        self.more.iter_mut().for_each(|more| more.rescale(factor));
    }

    /// Bins of the outputs of late.
    pub fn recent(&self) -> Vec<u32> {
        let [new, old] = &self.recent;
        new.iter().zip(old.iter().chain(std::iter::repeat(&0))).map(|(a, b)| a + b).collect()
    }

    /// The part with most evidence; `of` is what it is a part of. `None` where none has a run.
    pub fn worst(&self, plan: &DriftPlan, of: &str) -> Option<Worst> {
        let held = |part: &usize| self.bank.of(&plan.grid, *part);
        let part = (0..self.runs.len()).max_by(|a, b| held(a).total_cmp(&held(b)))?;
        let more =
            self.more.as_ref().filter(|more| plan.set_stake * more.evidence() > (1.0 - plan.set_stake) * held(&part));
        let (run, name, usual) = match more {
            Some(more) => (more.run(), more.describe(&plan.reference, of), more.usual(&plan.reference)),
            None => (&self.runs[part], plan.reference.describe(of, part), plan.reference.share(part)),
        };
        let since = run.share()?;
        Some(Worst { part: name, usual, since, outputs: run.outputs, changed_ms: run.time_ms })
    }
}

/// The share of each part in a block.
fn fill(bins: &Bins, counts: &[u32], outputs: f64, x: &mut [f64]) {
    match bins {
        Bins::Names(_) => x.iter_mut().zip(counts).for_each(|(x, count)| *x = f64::from(*count) / outputs),
        Bins::Cuts(_) => {
            let mut below = 0;
            for (sides, count) in x.chunks_exact_mut(2).zip(counts) {
                below += count;
                sides[0] = f64::from(below) / outputs;
                sides[1] = 1.0 - sides[0];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;

    fn numbers(rng: &mut Rng, block: u32) -> DriftPlan {
        let sample: Vec<f64> = (0..5_000).map(|_| rng.normal()).collect();
        DriftPlan::new(Reference::of_numbers(&sample).unwrap(), 0.10, block, &[])
    }

    fn alarm<'a>(plan: &DriftPlan, most: i64, mut value: impl FnMut() -> Value<'a>) -> Option<i64> {
        let mut drift = Drift::default();
        (1..=most).find(|t| drift.observe(plan, value(), 0, true, *t, 1e6))
    }

    #[test]
    fn a_null_stream_is_left_alone_and_a_shift_is_found() {
        let mut rng = Rng::new(11);
        let plan = numbers(&mut rng, 1);
        assert_eq!(alarm(&plan, 200_000, || Value::Number(rng.normal())), None, "no drift");
        // 0.2015 standard deviations: a Kolmogorov–Smirnov distance of 0.08, within the tolerance.
        assert_eq!(alarm(&plan, 200_000, || Value::Number(rng.normal() + 0.2009)), None, "within the tolerance");
        let mut delays: Vec<i64> =
            (0..31).map(|_| alarm(&plan, 10_000, || Value::Number(rng.normal() + 0.7706)).unwrap()).collect();
        delays.sort_unstable();
        assert!(delays[15] <= 220, "distance 0.3: {}", delays[15]);
    }

    #[test]
    fn new_and_spread_categories_are_found_and_named() {
        let names: Vec<String> = (0..20).map(|i| format!("c{i:02}")).collect();
        let mut rng = Rng::new(12);
        let mut draw = |heavy: f64| {
            // Even categories get `heavy` more of the total than odd ones.
            let even = rng.uniform() < 0.5 + heavy;
            let pair = usize::try_from(rng.bits() % 10).unwrap();
            names[2 * pair + usize::from(!even)].as_str()
        };
        let sample: Vec<&str> = (0..5_000).map(|_| draw(0.0)).collect();
        let plan = DriftPlan::new(Reference::of_categories(&sample).unwrap(), 0.10, 1, &[]);
        assert_eq!(alarm(&plan, 100_000, || Value::Category(draw(0.0))), None);
        let spread = alarm(&plan, 10_000, || Value::Category(draw(0.3))).unwrap();
        assert!(spread < 500, "a total variation of 0.3 over 20 categories: {spread}");
        let mut drift = Drift::default();
        let mut i = 0;
        let mut some = |i: i64| Value::Category(if i % 3 == 0 { "new" } else { draw(0.0) });
        while !drift.observe(&plan, some(i), 0, true, i, 1e6) {
            i += 1;
        }
        let worst = drift.worst(&plan, "attributes.locale").unwrap();
        assert_eq!(worst.part, "attributes.locale: rare or new values");
        assert!(i < 300 && (0.2..0.5).contains(&worst.since) && worst.usual < 0.001, "{worst:?} after {i}");
        drift.reset();
        assert!(!drift.crossed() && drift.evidence(&plan).abs() < f64::EPSILON);
    }

    #[test]
    fn the_margin_of_a_small_sample_shrinks() {
        // 101 samples of 100, then a distance of 0.25: at once, and after 1,000 clean outputs.
        let mut rng = Rng::new(16);
        let mut delays = [0, 1_000].map(|clean| {
            let mut delays = Vec::new();
            for _ in 0..101 {
                let sample: Vec<f64> = (0..100).map(|_| rng.normal()).collect();
                let plan = DriftPlan::new(Reference::of_numbers(&sample).unwrap(), 0.10, 1, &[]);
                let mut drift = Drift::default();
                let mut see = |x: f64| drift.observe(&plan, Value::Number(x), 0, true, 0, 1e5);
                assert!((0..clean).all(|_| !see(rng.normal())), "no drift");
                delays.push((1..20_000).find(|_| see(rng.normal() + 0.637)).unwrap_or(20_000));
            }
            delays
        });
        delays.iter_mut().for_each(|delays| delays.sort_unstable());
        let [at_once, later] = delays.map(|delays| delays[50]);
        assert!(later < 350 && at_once > later + 150, "{at_once} at once, {later} later");
    }

    #[test]
    fn what_was_seen_since_moves_a_bound_within_its_margin_only() {
        let sample: Vec<f64> = (0..400).map(f64::from).collect();
        let plan = DriftPlan::new(Reference::of_numbers(&sample).unwrap(), 0.10, 1, &[]);
        let mut drift = Drift::default();
        // Everything on one side, but not judged: at most the margin of 0.04 may be taken back.
        (0..100_000).for_each(|t| assert!(!drift.observe(&plan, Value::Number(399.0), 0, false, t, 1e5)));
        assert_eq!(drift.all.iter().sum::<u32>(), 100_400);
        let found = (1..1_000).find(|t| drift.observe(&plan, Value::Number(399.0), 0, true, *t, 1e5));
        assert!(found.is_some_and(|t| t < 30), "{found:?}");
    }

    #[test]
    fn dependent_outputs_keep_their_margin() {
        let mut rng = Rng::new(17);
        let mut sample = vec![0.0];
        (0..5_000).for_each(|t| sample.push(0.9 * sample[t] + rng.normal()));
        let plan = DriftPlan::new(Reference::of_numbers(&sample).unwrap(), 0.10, 1, &[]);
        let (share, [low, high]) = (plan.reference.share(16), plan.range[16]);
        assert!(low > share + 0.5 * (high - share) && low < high, "{share} {low} {high}");
    }

    #[test]
    fn a_block_waits_until_it_is_full() {
        let mut rng = Rng::new(13);
        let plan = numbers(&mut rng, 10);
        let at = alarm(&plan, 10_000, || Value::Number(9.0)).unwrap();
        assert!(at % 10 == 0 && at <= 150, "{at}");
    }

    #[test]
    fn what_is_of_late_is_bounded() {
        let mut rng = Rng::new(14);
        let (plan, mut drift) = (numbers(&mut rng, 1), Drift::default());
        (0..20_000).for_each(|t| assert!(!drift.observe(&plan, Value::Number(rng.normal()), 0, true, t, 1e6)));
        let n: u32 = drift.recent().iter().sum();
        assert!((RECENT..=2 * RECENT).contains(&n), "{n}");
    }

    #[test]
    fn a_season_that_repeats_is_no_drift() {
        // Two strata with means 0 and 2 that take turns; together they look like a wide distribution,
        // and one of them alone like drift.
        let mut rng = Rng::new(15);
        let mut draw = |t: i64| rng.normal() + if t / 1_000 % 2 == 0 { 0.0 } else { 2.0 };
        let sample: Vec<f64> = (0..20_000).map(&mut draw).collect();
        let reference = Reference::of_numbers(&sample).unwrap();
        let hours: Vec<u8> = (0..20_000).map(|t| u8::try_from(t / 1_000 % 2).unwrap()).collect();
        let strata = super::super::season::strata(&reference, &sample, &hours);
        let plain = DriftPlan::new(reference.clone(), 0.10, 1, &[]);
        let seasonal = DriftPlan::new(reference, 0.10, 1, &strata);
        let (mut without, mut with) = (Drift::default(), Drift::default());
        let mut found = [None, None];
        for t in 0..60_000 {
            let x = Value::Number(draw(t));
            if without.observe(&plain, x, 0, true, t, 1e6) {
                found[0] = Some(t);
            }
            if with.observe(&seasonal, x, usize::try_from(t / 1_000 % 2).unwrap(), true, t, 1e6) {
                found[1] = Some(t);
            }
        }
        assert!(found[0].is_some() && found[1].is_none(), "{found:?}");
    }
}
