//! Anytime-valid intervals for a share from its hits alone: beta-binomial mixtures in closed form.
//!
//! Owns Robbins' mixture and the one tuned to a time. Both need the outputs themselves, not block
//! means. Knows no stream.

use super::number::{boundary, number};
use statrs::function::beta::ln_beta;

/// ln of the mixture Π (q/p)^x ((1 − q)/(1 − p))^(1 − x) over q ~ Beta(a, b), for `hits` of `n`.
pub(super) fn log_mixture(hits: f64, n: f64, p: f64, [a, b]: [f64; 2]) -> f64 {
    let misses = n - hits;
    // 0 · ln 0 = 0: a share of 0 isn't contradicted by misses.
    let against = |times: f64, log: f64| if times > 0.0 { times * log } else { 0.0 };
    ln_beta(a + hits, b + misses) - ln_beta(a, b) - against(hits, p.ln()) - against(misses, (-p).ln_1p())
}

/// The Beta(a, b) with mean p that makes the bound at time `t_opt` about as narrow as it can be at level
/// `alpha` (Howard, Ramdas, McAuliffe, Sekhon 2021, §3.5 and Prop. 3, <https://doi.org/10.1214/20-AOS1991>).
pub(super) fn tuned(p: f64, t_opt: f64, alpha: f64) -> [f64; 2] {
    // Any prior is valid at any p; at the very ends this one would be none.
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    let variance = p * (1.0 - p);
    let twice = -2.0 * alpha.ln();
    let rho = variance * t_opt / (twice + twice.ln_1p());
    let r = (rho - variance).max(1e-3 * variance);
    [r / (1.0 - p), r / p]
}

/// Robbins' confidence sequence for a share: every p that the mixture over q ~ uniform doesn't
/// contradict 1/α-fold (Robbins 1970, <https://doi.org/10.1214/aoms/1177696786>). For `hits` of `n`
/// outputs, 0 < alpha < 1; `None` with n = 0 or outside.
pub fn robbins(hits: u64, n: u64, alpha: f64) -> Option<[f64; 2]> {
    ends(hits, n, alpha, |_| [1.0, 1.0])
}

/// The beta-binomial confidence sequence tuned to be narrow at `t_opt` > 0 outputs and valid at all
/// (Howard et al. 2021, Prop. 3; with the tuning at 5 % that the authors' package takes).
/// For `hits` of `n` outputs, 0 < alpha < 1; `None` with n = 0 or outside.
pub fn beta_binomial(hits: u64, n: u64, alpha: f64, t_opt: f64) -> Option<[f64; 2]> {
    if !(t_opt > 0.0 && t_opt.is_finite()) {
        return None;
    }
    ends(hits, n, alpha, |p| tuned(p, t_opt, 0.05))
}

fn ends(hits: u64, n: u64, alpha: f64, prior: impl Fn(f64) -> [f64; 2]) -> Option<[f64; 2]> {
    if n == 0 || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let (hits, n) = (number(hits.min(n)), number(n));
    let out = |p: f64| log_mixture(hits, n, p, prior(p)) >= -alpha.ln();
    let low = if hits > 0.0 { boundary(0.0, hits / n, out)[0] } else { 0.0 };
    let high = if hits < n { boundary(1.0, hits / n, out)[0] } else { 1.0 };
    Some([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(got: Option<[f64; 2]>, want: [f64; 2], digits: i32) {
        let (got, tolerance) = (got.unwrap(), 0.51 * 10f64.powi(-digits));
        assert!((got[0] - want[0]).abs() < tolerance && (got[1] - want[1]).abs() < tolerance, "{got:?} {want:?}");
    }

    #[test]
    fn the_numbers_of_the_reference() {
        same(robbins(90, 2_000, 0.05), [0.029_319_6, 0.065_183_0], 7);
        // bernoulli_confidence_interval of confseq 0.0.11, t_opt 1,000.
        same(beta_binomial(90, 2_000, 0.05, 1_000.0), [0.032_016_9, 0.060_446_6], 7);
        same(beta_binomial(20, 1_000, 0.05, 1_000.0), [0.009_061, 0.036_153], 6);
        same(beta_binomial(200, 10_000, 0.05, 1_000.0), [0.015_734, 0.024_844], 6);
        same(beta_binomial(2_000, 100_000, 0.05, 1_000.0), [0.018_454, 0.021_617], 6);
    }

    #[test]
    fn edges() {
        assert_eq!(robbins(0, 0, 0.05), None);
        assert_eq!(robbins(1, 2, 1.0), None);
        assert_eq!(beta_binomial(1, 2, 0.05, 0.0), None);
        // One miss: p is out where 1 / (2 (1 − p)) ≥ 20.
        same(robbins(0, 1, 0.05), [0.0, 0.975], 9);
        same(robbins(1, 1, 0.05), [0.025, 1.0], 9);
    }

    proptest! {
        #[test]
        fn they_hold_the_share(n in 1u64..100_000, part in 0.0f64..=1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let hits = (number(n) * part) as u64;
            let share = number(hits) / number(n);
            for [low, high] in [robbins(hits, n, 0.05).unwrap(), beta_binomial(hits, n, 0.05, 1_000.0).unwrap()] {
                prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0, "{low} {share} {high}");
            }
        }
    }
}
