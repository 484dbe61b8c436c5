//! Into which stretches a complete sample falls, in order of time.
//!
//! Owns the choice of the changes between them. It looks back at a sample that is complete, and is shown to people; what
//! lowers a mode is a detector, which looks at every output as it comes.

use super::number::{count, number};

/// A sample that changes more often than this falls into no stretches that say anything.
const CHANGES_MAX: usize = 8;
/// Where changes are looked for at first; each one found is then placed exactly.
const PLACES_MAX: usize = 400;
/// What a further change must explain, in units of ln n, where it is known that something changed: of samples without a
/// change at most about one in a hundred shows one (at 60 values; the more values, the fewer).
pub const DATED: f64 = 3.0;
/// The same where that is the question, and asked of many samples: at most one in a thousand.
pub const FOUND: f64 = 5.0;
/// How often each change is placed anew between its neighbours.
const ROUNDS: usize = 3;

/// How a sample falls into stretches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretches {
    /// Of one piece, or of some: the indices at which the stretches after the first one begin.
    Changes(Vec<usize>),
    /// More than eight changes.
    TooMany,
}

/// The stretches of a sample in order of time, none with fewer than `shortest` values; `penalty` is [`DATED`] or
/// [`FOUND`].
///
/// The partition is the one with the least Σ cost + k · penalty · ln n for k changes, over all partitions at up to 400
/// places, each change then placed exactly between its neighbours (Jackson et al. 2005,
/// <https://doi.org/10.1109/LSP.2001.838216>; 3 ln n is the leading term of Zhang, Siegmund 2007,
/// <https://doi.org/10.1111/j.1541-0420.2006.00662.x>). The cost of a stretch is the sum of squares of its mid-ranks
/// about their mean, in units of the variance of all ranks (Lung-Yut-Fong, Lévy-Leduc, Cappé 2015,
/// <https://arxiv.org/abs/1107.1971>); of values that are all 0 or 1 it is their binomial deviance, as the variance of
/// something rare says little of a short stretch. One test after the other, each for one change, would place it between
/// the two where there are two.
pub fn stretches(values: &[f64], shortest: usize, penalty: f64) -> Stretches {
    let (n, shortest) = (values.len(), shortest.max(1));
    let Some(cost) = Cost::new(values).filter(|_| n >= 2 * shortest) else { return Stretches::Changes(Vec::new()) };
    let step = n.div_ceil(PLACES_MAX);
    let places: Vec<usize> = (0..n).step_by(step).chain([n]).collect();
    let last = places.len() - 1;
    let whole = places.iter().map(|end| cost.at_least(shortest, 0, *end)).collect();
    let mut layers = vec![Layer { cost: whole, from: vec![0; last + 1] }];
    let each = penalty * number(count(n)).ln();
    let (mut best, mut least) = (0, layers[0].cost[last]);
    // One more than is told, to see that there are too many; none that can't pay for its changes.
    for changes in 1..=CHANGES_MAX + 1 {
        let penalty = each * number(count(changes));
        if cost.least() + penalty >= least {
            break;
        }
        let next = layers.last().map(|layer| layer.next(&places, shortest, &cost));
        layers.extend(next);
        let all = layers[changes].cost[last] + penalty;
        if all < least {
            (best, least) = (changes, all);
        }
    }
    if best > CHANGES_MAX {
        return Stretches::TooMany;
    }
    let (mut found, mut at) = (vec![n], last);
    for layer in layers[1..=best].iter().rev() {
        at = layer.from[at];
        found.push(places[at]);
    }
    found.push(0);
    found.reverse();
    for _ in 0..ROUNDS {
        for own in 1..=best {
            let [low, middle, high] = [found[own - 1], found[own], found[own + 1]];
            let near = (low + shortest).max(middle.saturating_sub(step))..=(high - shortest).min(middle + step);
            let both = |at: &usize| cost.of(low, *at) + cost.of(*at, high);
            found[own] = near.min_by(|a, b| both(a).total_cmp(&both(b))).unwrap_or(middle);
        }
    }
    Stretches::Changes(found[1..=best].to_vec())
}

/// The least costs of the parts up to each place with so many changes, and where the last change is.
struct Layer {
    cost: Vec<f64>,
    from: Vec<usize>,
}

impl Layer {
    /// With one change more.
    fn next(&self, places: &[usize], shortest: usize, cost: &Cost) -> Self {
        let best = |(end, place): (usize, &usize)| {
            let each = (0..end).map(|from| (self.cost[from] + cost.at_least(shortest, places[from], *place), from));
            each.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 0))
        };
        let (cost, from) = places.iter().enumerate().map(best).unzip();
        Self { cost, from }
    }
}

/// How far the values of a stretch are from being alike.
struct Cost {
    /// Σ of values, or of ranks about their mean, before each index.
    sums: Vec<f64>,
    kind: Kind,
}

enum Kind {
    /// Mid-ranks, with their variance.
    Ranks { variance: f64 },
    /// All are 0 or 1, with k ln k for every count k.
    Shares { logs: Vec<f64> },
}

impl Cost {
    /// `None` where all values are the same.
    fn new(values: &[f64]) -> Option<Self> {
        let is_binary = values.iter().all(|value| [0.0, 1.0].contains(value));
        let sum = |values: &mut dyn Iterator<Item = f64>| {
            let mut sums = vec![0.0];
            values.for_each(|value| sums.push(sums[sums.len() - 1] + value));
            sums
        };
        if is_binary {
            let sums = sum(&mut values.iter().copied());
            let hits = sums[values.len()];
            let log = |k: usize| if k == 0 { 0.0 } else { number(count(k)) * number(count(k)).ln() };
            let logs = (0..=values.len()).map(log).collect();
            let is_mixed = hits > 0.0 && hits < number(count(values.len()));
            return is_mixed.then_some(Self { sums, kind: Kind::Shares { logs } });
        }
        let ranks = mid_ranks(values);
        let (n, middle) = (number(count(values.len())), f64::midpoint(number(count(values.len())), 1.0));
        let variance = ranks.iter().map(|rank| (rank - middle).powi(2)).sum::<f64>() / n;
        let sums = sum(&mut ranks.iter().map(|rank| rank - middle));
        (variance > 0.0).then_some(Self { sums, kind: Kind::Ranks { variance } })
    }

    fn of(&self, from: usize, to: usize) -> f64 {
        let sum = self.sums[to] - self.sums[from];
        match &self.kind {
            // Less the sum of squares about the mean of all, which is the same for every partition.
            Kind::Ranks { variance } => -sum * sum / (number(count(to - from)) * variance),
            Kind::Shares { logs } => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sum of ones")]
                let hits = sum as usize;
                2.0 * (logs[to - from] - logs[hits] - logs[to - from - hits])
            }
        }
    }

    /// No partition costs less.
    fn least(&self) -> f64 {
        match self.kind {
            Kind::Ranks { .. } => -number(count(self.sums.len() - 1)),
            Kind::Shares { .. } => 0.0,
        }
    }

    fn at_least(&self, shortest: usize, from: usize, to: usize) -> f64 {
        if to < from + shortest { f64::INFINITY } else { self.of(from, to) }
    }
}

/// Ranks from 1; equal values share the middle of theirs.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let (mut ranks, mut below) = (vec![0.0; values.len()], 0);
    for same in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let rank = number(count(below)) + f64::midpoint(number(count(same.len())), 1.0);
        same.iter().for_each(|at| ranks[*at] = rank);
        below += same.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;

    fn changes(values: &[f64]) -> Vec<usize> {
        match stretches(values, 5, DATED) {
            Stretches::Changes(found) => found,
            Stretches::TooMany => panic!("too many"),
        }
    }

    #[test]
    fn steps_are_found_where_they_are() {
        let mut rng = Rng::new(3);
        let mut of =
            |n: usize, level: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..n).map(|i| level(i) + rng.uniform()).collect() };
        assert_eq!(changes(&of(60, &|i| if i < 40 { 0.0 } else { 2.0 })), [40]);
        // Up and down again: to a test for one change there is hardly any.
        assert_eq!(changes(&of(600, &|i| if (250..330).contains(&i) { 2.0 } else { 0.0 })), [250, 330]);
        // On the grid of 400 places there is none at 1,003.
        assert_eq!(changes(&of(2_000, &|i| if i < 1_003 { 0.0 } else { 2.0 })), [1_003]);
        let rhythm = of(600, &|i| if i % 100 < 50 { 0.0 } else { 2.0 });
        assert_eq!(stretches(&rhythm, 5, DATED), Stretches::TooMany);
    }

    #[test]
    fn shares_are_told_by_their_deviance() {
        let mut rng = Rng::new(9);
        let bad: Vec<f64> = (0..400)
            .map(|i| f64::from(u8::from(rng.uniform() < if (200..240).contains(&i) { 0.7 } else { 0.03 })))
            .collect();
        let found = changes(&bad);
        assert!(found.len() == 2 && found[0].abs_diff(200) <= 8 && found[1].abs_diff(240) <= 8, "{found:?}");
        // By hand: 5 of 5 and 0 of 5 cost nothing, and all ten together 20 ln 2 = 13.9, which is more than 3 ln 10 = 6.9
        // and less than 10 ln 10.
        let step: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i < 5))).collect();
        assert_eq!(changes(&step), [5]);
        assert_eq!(stretches(&step, 5, 10.0), Stretches::Changes(Vec::new()));
        assert_eq!(stretches(&step, 6, DATED), Stretches::Changes(Vec::new()));
    }

    #[test]
    fn too_little_says_nothing() {
        for values in [&[][..], &[1.0], &[2.0; 30], &[0.0; 30], &[1.0; 30], &[f64::NAN; 30]] {
            assert_eq!(changes(values), [0_usize; 0], "{values:?}");
        }
    }

    /// Without a change, of numbers and of shares: at most 1 % are dated and 0.1 % found, each + 3 standard errors.
    #[test]
    fn without_a_change_hardly_one_is_seen() {
        let mut rng = Rng::new(7);
        for share in [None, Some(0.5), Some(0.2), Some(0.05)] {
            let (mut dated, mut found) = (0, 0);
            for _ in 0..1_000 {
                let value = |rng: &mut Rng| {
                    let u = rng.uniform();
                    share.map_or(u, |share| f64::from(u8::from(u < share)))
                };
                let sample: Vec<f64> = (0..100).map(|_| value(&mut rng)).collect();
                let is_seen = |penalty| u32::from(stretches(&sample, 5, penalty) != Stretches::Changes(Vec::new()));
                (dated, found) = (dated + is_seen(DATED), found + is_seen(FOUND));
            }
            let most = |expected: f64| expected + 3.0 * expected.sqrt();
            let is_rare = f64::from(dated) < most(10.0) && f64::from(found) < most(1.0);
            assert!(is_rare, "{share:?}: {dated} {found}");
        }
    }
}
