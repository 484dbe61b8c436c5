//! Intervals for a share of outputs, looked at once.
//!
//! Owns Clopper–Pearson and Wilson. These intervals hold for one look at a fixed sample; whoever
//! shows them on a rolling window must say so. Knows no stream.

use statrs::distribution::{Beta, ContinuousCDF, Normal};

/// Normal quantile at 0.975.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval for a share: `hits` of `n` outputs. `None` when n = 0.
///
/// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n) (Wilson 1927,
/// <https://doi.org/10.1080/01621459.1927.10502953>). Closed form, about 5 ns: for windows.
pub fn wilson_95(hits: u64, n: u64) -> Option<[f64; 2]> {
    #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
    (n > 0).then(|| wilson(hits.min(n) as f64 / n as f64, n as f64, Z95))
}

/// Wilson's interval of `z` standard errors for the mean of `n` > 0 observations in \[0, 1\]. The variance
/// of such is at most that of a share, mean · (1 − mean), so for other than 0 and 1 it is conservative.
pub fn wilson(mean: f64, n: f64, z: f64) -> [f64; 2] {
    let z2 = z * z;
    let centre = mean + z2 / (2.0 * n);
    let half = z * (mean * (1.0 - mean) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    [((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0)]
}

/// The normal quantile for `comparisons` two-sided intervals that all hold together with probability
/// 1 − `alpha` (Bonferroni).
pub fn z_of(alpha: f64, comparisons: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let each = alpha / (2.0 * comparisons.max(1) as f64);
    Normal::standard().inverse_cdf(1.0 - each)
}

/// The exact (conservative) 95 % interval of Clopper and Pearson for `hits` of `n` outputs. `None` when n = 0.
///
/// Quantiles of Beta(h, n − h + 1) at 2.5 % and Beta(h + 1, n − h) at 97.5 % (Clopper, Pearson 1934,
/// <https://doi.org/10.1093/biomet/26.4.404>); the ends are 0 at h = 0 and 1 at h = n. Microseconds: for breaches.
#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
pub fn clopper_pearson_95(hits: u64, n: u64) -> Option<[f64; 2]> {
    if n == 0 {
        return None;
    }
    let (h, rest) = (hits.min(n) as f64, (n - hits.min(n)) as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map(|beta| beta.inverse_cdf(p)).ok();
    let low = if h > 0.0 { quantile(h, rest + 1.0, 0.025)? } else { 0.0 };
    let high = if rest > 0.0 { quantile(h + 1.0, rest, 0.975)? } else { 1.0 };
    Some([low, high])
}

/// How many outputs without a single hit put the upper 95 % end at or below `bound`:
/// ⌈ln 0.05 / ln(1 − bound)⌉, the exact form of the rule of three (Hanley, Lippman-Hand 1983,
/// <https://doi.org/10.1001/jama.1983.03330370053031>). Fewer can't show that a bound is kept.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number, capped by the cast")]
pub fn outputs_needed(bound: f64) -> u64 {
    if bound > 0.0 && bound < 1.0 { (0.05f64.ln() / (-bound).ln_1p()).ceil() as u64 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: [f64; 2], want: [f64; 2], tolerance: f64) {
        assert!((got[0] - want[0]).abs() < tolerance && (got[1] - want[1]).abs() < tolerance, "{got:?} {want:?}");
    }

    #[test]
    fn published_values() {
        // scipy.stats.binomtest(k, n).proportion_ci(method=…), scipy 1.17.1.
        close(wilson_95(10, 100).unwrap(), [0.055_229_137_060_675_08, 0.174_365_661_504_913_45], 1e-9);
        close(clopper_pearson_95(10, 100).unwrap(), [0.049_004_689_221_485_95, 0.176_222_597_740_175_32], 1e-9);
        close(clopper_pearson_95(0, 10).unwrap(), [0.0, 0.308_497_107_818_762_94], 1e-9);
        close(clopper_pearson_95(10, 10).unwrap(), [0.691_502_892_181_237_1, 1.0], 1e-9);
    }

    #[test]
    fn edges() {
        assert_eq!(wilson_95(0, 0), None);
        assert_eq!(clopper_pearson_95(0, 0), None);
        assert_eq!(outputs_needed(0.05), 59);
        assert_eq!(outputs_needed(0.02), 149);
        assert_eq!(outputs_needed(0.0), 1);
    }

    proptest! {
        #[test]
        fn both_hold_the_share_and_stay_inside(n in 1u64..5_000, share in 0.0f64..=1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
            let hits = ((n as f64) * share) as u64;
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let p = hits as f64 / n as f64;
            for [low, high] in [wilson_95(hits, n).unwrap(), clopper_pearson_95(hits, n).unwrap()] {
                prop_assert!(0.0 <= low && low <= p + 1e-9 && p <= high + 1e-9 && high <= 1.0);
            }
        }
    }
}
