//! How far two people agree who judge the same things.
//!
//! Owns the coefficient for pairs of verdicts on a nominal scale. Who judges what is the caller's.

/// How far people agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Pairs.
    pub pairs: u64,
    /// Share of the pairs whose verdicts are the same, 0 to 1.
    pub observed: f64,
    /// Krippendorff's α: 1 is full agreement, 0 what chance would give, below 0 less than that; `None` where
    /// all verdicts are the same, so that chance would agree, too.
    pub alpha: Option<f64>,
}

/// Agreement of pairs by (first verdict, second verdict); `None` without a pair.
///
/// α = 1 − (n − 1) Σ_{c≠k} o_ck / Σ_{c≠k} n_c n_k with the coincidences o of n = 2 · pairs values
/// (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability",
/// <https://repository.upenn.edu/handle/20.500.14332/2089>). Who of the two came first doesn't matter,
/// and pairs by chance are counted without putting values back, so that few pairs don't flatter.
#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
pub fn agreement<const K: usize>(pairs: &[[u32; K]; K]) -> Option<Agreement> {
    let all: u64 = pairs.iter().flatten().map(|n| u64::from(*n)).sum();
    if all == 0 {
        return None;
    }
    let same: u64 = (0..K).map(|c| u64::from(pairs[c][c])).sum();
    let values: [u64; K] =
        std::array::from_fn(|c| (0..K).map(|k| u64::from(pairs[c][k]) + u64::from(pairs[k][c])).sum());
    let n = (2 * all) as f64;
    let differ = (2 * (all - same)) as f64;
    let by_chance = n * n - values.iter().map(|n| (*n as f64) * (*n as f64)).sum::<f64>();
    let alpha = (by_chance > 0.0).then(|| 1.0 - (n - 1.0) * differ / by_chance);
    Some(Agreement { pairs: all, observed: same as f64 / all as f64, alpha })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_example_and_the_ends() {
        // Krippendorff 2011, section B: two observers, ten units of two values, coincidences o_00 = 10,
        // o_01 = 4, o_11 = 2; α = 1 − 19 · 8 / (20² − 14² − 6²) = 0.095.
        let found = agreement(&[[5, 3], [1, 1]]).unwrap();
        assert_eq!((found.pairs, found.observed), (10, 0.6));
        assert!((found.alpha.unwrap() - 0.095_238_095).abs() < 1e-8, "{found:?}");
        // Which of the two said it first doesn't matter.
        assert_eq!(agreement(&[[5, 1], [3, 1]]), Some(found));
        assert_eq!(agreement(&[[0, 0], [0, 0]]), None);
        assert_eq!(agreement(&[[7, 0], [0, 0]]).unwrap().alpha, None, "all the same: no chance to differ");
        assert!((agreement(&[[4, 0], [0, 4]]).unwrap().alpha.unwrap() - 1.0).abs() < 1e-12);
        assert!(agreement(&[[0, 4], [4, 0]]).unwrap().alpha.unwrap() < -0.8);
    }
}
