//! The mean of a population of which parts were looked at more closely than others.
//!
//! Owns the estimator and its interval. What the parts are (outputs that came at a review depth) is the
//! caller's.

use super::confidence::{Z95, wilson};

/// A part of the population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// How many there are, looked at or not.
    pub size: u64,
    /// How many were looked at; chosen by chance.
    pub n: u64,
    /// How many of these are hits.
    pub hits: u64,
}

/// An estimate of the share of hits in all parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The share, 0 to 1.
    pub mean: f64,
    /// 95 % interval, for one look.
    pub interval: [f64; 2],
    /// How many were looked at.
    pub n: u64,
    /// As many of a sample with equal chances would say as much.
    pub n_effective: f64,
}

/// Σ N_s p_s / Σ N_s over the parts of which something was looked at; `None` where nothing was.
///
/// Each part counts by its size and not by how many of it were looked at: the stratified estimator
/// (Neyman 1934, <https://doi.org/10.2307/2342192>; Cochran 1977, Sampling Techniques, ch. 5), which with
/// chances π = n / N is that of Horvitz and Thompson (1952, <https://doi.org/10.2307/2280784>). The interval
/// is Wilson's on the effective sample size (Σ N_s)² / Σ (N_s² / n_s) (Kish 1965, Survey Sampling, §11.7).
#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
pub fn estimate(parts: &[Part]) -> Option<Estimate> {
    let (mut size, mut hits, mut spread, mut n) = (0.0, 0.0, 0.0, 0);
    for part in parts.iter().filter(|part| part.n > 0) {
        // Outputs may be looked at before they are counted: a part is at least its sample.
        let whole = part.size.max(part.n) as f64;
        size += whole;
        hits += whole * (part.hits as f64 / part.n as f64);
        spread += whole * whole / part.n as f64;
        n += part.n;
    }
    if n == 0 {
        return None;
    }
    let (mean, n_effective) = ((hits / size).clamp(0.0, 1.0), size * size / spread);
    Some(Estimate { mean, interval: wilson(mean, n_effective, Z95), n, n_effective })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn part(size: u64, n: u64, hits: u64) -> Part {
        Part { size, n, hits }
    }

    #[test]
    fn parts_count_by_their_size() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[part(100, 0, 0)]), None, "nothing looked at says nothing");
        // 100 outputs all looked at with 20 hits, 10,000 of which 2 % were with 4 hits: about 2 %.
        let found = estimate(&[part(100, 100, 20), part(10_000, 200, 4)]).unwrap();
        assert!((found.mean - (20.0 + 200.0) / 10_100.0).abs() < 1e-12, "{found:?}");
        assert!(found.n == 300 && (200.0..210.0).contains(&found.n_effective), "{found:?}");
    }

    proptest! {
        #[test]
        fn one_part_is_a_plain_share(n in 1..10_000u64, share in 0.0..1.0f64, more in 0..100_000u64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of n")]
            let hits = (share * n as f64) as u64;
            let found = estimate(&[part(n + more, n, hits)]).unwrap();
            let plain = crate::stats::confidence::wilson_95(hits, n).unwrap();
            prop_assert!((found.interval[0] - plain[0]).abs() < 1e-9 && (found.interval[1] - plain[1]).abs() < 1e-9);
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let exact = n as f64;
            prop_assert!((found.n_effective - exact).abs() < 1e-6 * exact);
        }
    }
}
