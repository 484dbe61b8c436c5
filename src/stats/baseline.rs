//! What was normal: a pinned sample of a distribution, reduced to bins with honest margins.
//!
//! Owns the bins of numbers and categories, their shares, and how far a share may be from the truth
//! because the sample is small or its outputs depend on each other. Knows no guard and no time.

use super::bank::BOUNDS_MAX;
use super::number::{count, number};
use serde::{Deserialize, Serialize};

/// Cuts through the distribution of a number; each is watched on both sides.
pub const CUTS: usize = BOUNDS_MAX / 2;
/// Categories that are watched on their own. One place in the bank is for all others, one for the
/// set of those that have become more frequent.
pub const CATEGORIES: usize = BOUNDS_MAX - 2;
/// A category with a smaller share is pooled with the others, and with those never seen.
const CATEGORY_SHARE_MIN: f64 = 0.01;
/// Outputs in a batch, to see how much the outputs depend on each other.
const BATCH: usize = 50;
/// Fewer batches say nothing about dependence.
const BATCHES_MIN: usize = 20;
/// 95 % one-sided.
pub(super) const Z_95: f64 = 1.644_853_626_951_472_2;

/// How outputs are sorted into bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bins {
    /// Ascending, distinct; bin j holds x ≤ cuts\[j\] (and above the cut before), the last bin the rest.
    Cuts(Vec<f64>),
    /// The named categories, ascending; the last bin holds all others.
    Names(Vec<String>),
}

/// The reduced sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The bins.
    pub bins: Bins,
    /// Outputs of the sample in each bin.
    pub counts: Vec<u32>,
    /// How many times larger the standard error of a share is than that of independent outputs, ≥ 1.
    pub inflation: f64,
}

impl Reference {
    /// Of numbers, in their order of arrival; `None` of no numbers. None of them may be NaN.
    pub fn of_numbers(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quantiles: Vec<f64> = (1..=CUTS).map(|j| sorted[(j * sorted.len() / (CUTS + 1)).min(last)]).collect();
        // A number that is several quantiles is cut off below as well: among all ones the only cut would be
        // x ≤ 1, on the same side of which zeros lie. It takes the place of a repeated quantile.
        let first = |c: f64| sorted.partition_point(|x| x.total_cmp(&c).is_lt());
        let below = |c: f64| sorted[..first(c)].last().map_or(c.next_down(), |x| *x);
        let same = quantiles.chunk_by(|a, b| a.total_cmp(b).is_eq());
        let cut = |same: &[f64]| [if same.len() > 1 { below(same[0]) } else { same[0] }, same[0]];
        let mut cuts: Vec<f64> = same.flat_map(cut).collect();
        cuts.dedup_by(|a, b| a.total_cmp(b).is_eq());
        Some(Self::sorted_into(Bins::Cuts(cuts), values.iter().map(|x| Value::Number(*x))))
    }

    /// Of categories, in their order of arrival; `None` of none.
    pub fn of_categories<S: AsRef<str>>(values: &[S]) -> Option<Self> {
        let mut sorted: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        sorted.sort_unstable();
        let mut counts: Vec<(usize, &str)> = sorted.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).collect();
        counts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let least = CATEGORY_SHARE_MIN * number(count(values.len()));
        let frequent = counts.iter().take(CATEGORIES).filter(|(n, _)| number(count(*n)) >= least);
        let mut names: Vec<String> = frequent.map(|(_, name)| (*name).to_owned()).collect();
        names.sort_unstable();
        (!values.is_empty())
            .then(|| Self::sorted_into(Bins::Names(names), values.iter().map(|name| Value::Category(name.as_ref()))))
    }

    fn sorted_into<'a>(bins: Bins, values: impl Iterator<Item = Value<'a>>) -> Self {
        let ids: Vec<usize> = values.map(|value| bins.of(value)).collect();
        let mut counts = vec![0u32; bins.len()];
        ids.iter().for_each(|id| counts[*id] += 1);
        let ordered = matches!(bins, Bins::Cuts(_));
        let shares = shares(&counts, ordered);
        let inflation = inflation(&ids, ordered, |_| &shares);
        Self { bins, counts, inflation }
    }

    /// Outputs in the sample.
    pub fn n(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Number of parts that are watched on their own: both sides of each cut, or each bin.
    pub fn parts(&self) -> usize {
        match &self.bins {
            Bins::Cuts(cuts) => 2 * cuts.len(),
            Bins::Names(names) => names.len() + 1,
        }
    }

    /// Share of the sample in a part.
    pub fn share(&self, part: usize) -> f64 {
        self.of_part(&self.counts, part) / number(self.n().max(1))
    }

    /// How many of binned `counts` lie in a part. Parts 2j and 2j + 1 of numbers are x ≤ cut j and x > cut j.
    pub fn of_part(&self, counts: &[u32], part: usize) -> f64 {
        let sum = |counts: &[u32]| counts.iter().map(|count| f64::from(*count)).sum::<f64>();
        match &self.bins {
            Bins::Names(_) => f64::from(counts[part]),
            Bins::Cuts(_) if part.is_multiple_of(2) => sum(&counts[..=part / 2]),
            Bins::Cuts(_) => sum(&counts[part / 2 + 1..]),
        }
    }

    /// Upper 95 % bound, one-sided, of the true share where the sample's is `share`: Wilson's (1927,
    /// <https://doi.org/10.1080/01621459.1927.10502953>) for n / inflation² outputs.
    pub fn upper(&self, share: f64) -> f64 {
        wilson_upper(share, number(self.n()) / self.inflation.powi(2))
    }

    /// A part in words for people; `of` is what it is a part of.
    pub fn describe(&self, of: &str, part: usize) -> String {
        match &self.bins {
            Bins::Cuts(cuts) if cuts.get(part / 2 + 1) == Some(&cuts[part / 2].next_up()) => {
                format!("{of} {} {}", if part.is_multiple_of(2) { "<" } else { "≥" }, cuts[part / 2 + 1])
            }
            Bins::Cuts(cuts) if part.is_multiple_of(2) => format!("{of} ≤ {}", cuts[part / 2]),
            Bins::Cuts(cuts) => format!("{of} > {}", cuts[part / 2]),
            Bins::Names(names) => names.get(part).map_or_else(
                || format!("{of}: rare or new values"),
                |name| format!("{} = {name}", of.trim_start_matches("attributes.")),
            ),
        }
    }
}

/// One output's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number, not NaN.
    Number(f64),
    /// A category.
    Category(&'a str),
}

impl Bins {
    /// How many there are.
    pub fn len(&self) -> usize {
        1 + match self {
            Self::Cuts(cuts) => cuts.len(),
            Self::Names(names) => names.len(),
        }
    }

    /// Never: there is always a last bin.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The bin of a value. A value of the other sort goes to the last bin.
    pub fn of(&self, value: Value<'_>) -> usize {
        match (self, value) {
            (Self::Cuts(cuts), Value::Number(x)) => cuts.partition_point(|cut| *cut < x),
            (Self::Names(names), Value::Category(name)) => {
                names.binary_search_by(|other| other.as_str().cmp(name)).unwrap_or(names.len())
            }
            _ => self.len() - 1,
        }
    }
}

/// Wilson's upper 95 % bound, one-sided, of a share seen in n (any positive number of) outputs.
pub fn wilson_upper(share: f64, n: f64) -> f64 {
    if n <= 0.0 {
        return 1.0;
    }
    let z2 = Z_95 * Z_95;
    let centre = share + z2 / (2.0 * n);
    let spread = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre + spread) / (1.0 + z2 / n)).min(1.0)
}

/// The square root of the mean ratio of two variances of shares: that of means of batches, which
/// contains the dependence between outputs near each other, and that of independent outputs
/// (method of batch means: Law, Kelton 2000, Simulation Modeling and Analysis, ch. 9). At least 1.
///
/// `ids` are the bins of the outputs in order, `expected(i)` the expected share of each part of
/// output i. Of numbers the shares below each cut are looked at, of categories those of each bin.
pub(super) fn inflation<'a>(ids: &[usize], ordered: bool, expected: impl Fn(usize) -> &'a [f64]) -> f64 {
    let batches = ids.len() / BATCH;
    if batches < BATCHES_MIN {
        return 1.0;
    }
    let parts = expected(0).len();
    let (mut squares, mut variances) = (vec![0.0; parts], vec![0.0; parts]);
    for (at, batch) in ids.chunks_exact(BATCH).enumerate() {
        let mut excess = vec![0.0; parts];
        for (i, id) in batch.iter().enumerate() {
            for (part, share) in expected(at * BATCH + i).iter().enumerate() {
                let hit = if ordered { *id <= part } else { *id == part };
                excess[part] += f64::from(u8::from(hit)) - share;
                variances[part] += share * (1.0 - share);
            }
        }
        squares.iter_mut().zip(&excess).for_each(|(square, excess)| *square += excess * excess);
    }
    let ratios: Vec<f64> =
        squares.iter().zip(&variances).filter(|(_, v)| **v > 0.0).map(|(square, v)| square / v).collect();
    (ratios.iter().sum::<f64>() / number(count(ratios.len().max(1)))).sqrt().max(1.0)
}

/// Share of each part of binned counts, as [`inflation`] wants them.
pub(super) fn shares(counts: &[u32], ordered: bool) -> Vec<f64> {
    let n = counts.iter().map(|count| f64::from(*count)).sum::<f64>().max(1.0);
    let mut below = 0.0;
    let share = |count: &u32| {
        below = if ordered { below } else { 0.0 } + f64::from(*count);
        below / n
    };
    counts.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_cut_at_their_quantiles() {
        let values: Vec<f64> = (0..1_700).map(|i| f64::from((i * 37) % 1_700)).collect();
        let reference = Reference::of_numbers(&values).unwrap();
        assert_eq!((reference.parts(), reference.bins.len()), (32, 17));
        for j in 0..16 {
            assert!((reference.share(2 * j) - (100.0 * number(count(j + 1)) + 1.0) / 1_700.0).abs() < 1e-12);
            assert!((reference.share(2 * j) + reference.share(2 * j + 1) - 1.0).abs() < 1e-12);
        }
        assert_eq!(reference.describe("scores.s", 1), "scores.s > 100");
        assert_eq!(Reference::of_numbers(&[]), None);
    }

    #[test]
    fn few_distinct_numbers_make_few_cuts() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let reference = Reference::of_numbers(&values).unwrap();
        assert_eq!(reference.bins, Bins::Cuts(vec![0.0f64.next_down(), 0.0, 1.0]));
        let bin = |x| reference.bins.of(Value::Number(x));
        assert_eq!([bin(-1.0), bin(0.0), bin(0.5), bin(7.0)], [0, 1, 2, 3], "also below and above everything seen");
        assert!((reference.share(5)).abs() < 1e-12 && reference.upper(0.0) > 0.02);
    }

    #[test]
    fn a_number_that_is_nearly_all_of_the_sample_is_seen_to_vanish() {
        for zeros in [0, 3, 97, 100] {
            let values: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i >= zeros))).collect();
            let reference = Reference::of_numbers(&values).unwrap();
            let bin = |x| reference.bins.of(Value::Number(x));
            assert_ne!(bin(0.0), bin(1.0), "{zeros} zeros: {:?}", reference.bins);
        }
        let ones = Reference::of_numbers(&[1.0; 100]).unwrap();
        assert_eq!([0, 1, 2].map(|part| ones.describe("s", part)), ["s < 1", "s ≥ 1", "s ≤ 1"]);
    }

    #[test]
    fn rare_and_new_categories_are_pooled() {
        let values: Vec<String> =
            (0..1_000).map(|i| if i % 200 == 0 { "rare".into() } else { format!("c{}", i % 5) }).collect();
        let reference = Reference::of_categories(&values).unwrap();
        assert_eq!(reference.parts(), 6);
        let bin = |name| reference.bins.of(Value::Category(name));
        assert_eq!((bin("c0"), bin("rare"), bin("new")), (0, 5, 5));
        assert_eq!(reference.describe("attributes.locale", 0), "locale = c0");
        assert_eq!(reference.describe("attributes.locale", 5), "attributes.locale: rare or new values");
        let many: Vec<String> = (0..5_000).map(|i| format!("c{:02}", i % 40)).collect();
        assert_eq!(Reference::of_categories(&many).unwrap().parts(), CATEGORIES + 1);
    }

    #[test]
    fn dependence_widens_the_margin_and_independence_does_not() {
        let mut rng = Rng::new(3);
        let mut series = |rho: f64| {
            let mut x = 0.0;
            let next = |_| {
                x = rho * x + (1.0 - rho * rho).sqrt() * rng.normal();
                x
            };
            Reference::of_numbers(&(0..5_000).map(next).collect::<Vec<_>>()).unwrap().inflation
        };
        // 100 batches: the ratio of variances has a standard error of 0.14 or less.
        assert!(series(0.0) < 1.15);
        let dependent = series(0.9);
        assert!((2.4..5.0).contains(&dependent), "theory: about 3.6; {dependent}");
    }

    proptest! {
        #[test]
        fn every_value_has_a_bin_and_parts_add_up(values in proptest::collection::vec(-1e3f64..1e3, 1..300), x in -2e3f64..2e3) {
            let reference = Reference::of_numbers(&values).unwrap();
            prop_assert_eq!(usize::try_from(reference.n()).unwrap(), values.len());
            let bin = reference.bins.of(Value::Number(x));
            prop_assert!(bin < reference.bins.len());
            let mut one = vec![0; reference.bins.len()];
            one[bin] = 1;
            if let Bins::Cuts(cuts) = &reference.bins {
                for (j, cut) in cuts.iter().enumerate() {
                    prop_assert_eq!(reference.of_part(&one, 2 * j) > 0.5, x <= *cut);
                    prop_assert_eq!(reference.of_part(&one, 2 * j + 1) > 0.5, x > *cut);
                }
            }
        }

        #[test]
        fn the_upper_bound_is_above_the_share(share in 0.0f64..=1.0, n in 1.0f64..1e6) {
            let upper = wilson_upper(share, n);
            prop_assert!(upper >= share - 1e-12 && upper <= 1.0);
            prop_assert!(wilson_upper(share, 2.0 * n) <= upper + 1e-12);
        }
    }
}
