//! Between which values of a sample a quantile lies.
//!
//! Owns the exact ranks. Must not know what the values are.

use statrs::distribution::{Binomial, DiscreteCDF};

/// The ranks l and u (from 1) of a sample of `n` between whose values the quantile `q` (0 to 1) lies with at least 95 %:
/// `[x_(l), x_(u)]`. With B ~ Bin(n, q), l is the largest rank with P(B < l) ≤ 2.5 %, and u the smallest one with
/// P(B ≥ u) ≤ 2.5 % (David, Nagaraja 2003, Order Statistics, §7.1, <https://doi.org/10.1002/0471722162>), whatever the
/// distribution of the values. `None` where the sample is too small for one of them: below 6 for the median, below 72 for
/// the quantile of 95 %.
pub fn ranks_95(n: u64, q: f64) -> Option<[u64; 2]> {
    const TAIL: f64 = 0.025;
    let hits = Binomial::new(q, n).ok()?;
    // The largest k with P(B ≤ k) ≤ 2.5 %, and the smallest one with P(B ≤ k) ≥ 97.5 %.
    let above = least(n, |k| hits.cdf(k) > TAIL);
    let end = least(n, |k| hits.cdf(k) >= 1.0 - TAIL);
    (above >= 1 && end < n).then_some([above, end + 1])
}

/// The least k up to n for which something holds that goes on to hold.
fn least(n: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_samples_that_say_anything() {
        assert_eq!((ranks_95(5, 0.5), ranks_95(6, 0.5)), (None, Some([1, 6])));
        assert_eq!((ranks_95(71, 0.95), ranks_95(72, 0.95).map(|[_, high]| high)), (None, Some(72)));
        assert_eq!((ranks_95(0, 0.5), ranks_95(1, 0.5)), (None, None));
        // Conover 1999, table A3: of 20 values the median lies between the 6th and the 15th.
        assert_eq!(ranks_95(20, 0.5), Some([6, 15]));
    }

    #[test]
    fn they_hold_what_they_promise_and_no_narrower_ones_do() {
        for q in [0.5, 0.95] {
            for n in [80, 100, 333, 1_000, 20_000] {
                let [low, high] = ranks_95(n, q).unwrap();
                let hits = Binomial::new(q, n).unwrap();
                let within = |low: u64, high: u64| hits.cdf(high - 1) - hits.cdf(low - 1);
                assert!(within(low, high) >= 0.95, "{n} {q}");
                assert!(hits.cdf(low) > 0.025 && hits.cdf(high - 2) < 0.975, "{n} {q}");
            }
        }
        // As the large-sample rule has it: n q ± 1.96 √(n q (1 − q)).
        let [low, high] = ranks_95(1_000_000, 0.5).unwrap();
        assert!(low.abs_diff(500_000 - 979) <= 2 && high.abs_diff(500_000 + 981) <= 2, "{low} {high}");
    }
}
