//! An interval for a mean that holds at every look: the streaming confidence sequence of the guards.
//!
//! Owns the bets, their capital and the interval. The state is 512 bytes however long the stream is.
//! Knows no guard, no block and no clock; published forms to compare with are in `bounded_sequence`.

use super::number::{boundary, number};
use serde::{Deserialize, Serialize};

/// Stakes against means that are too low, and against means that are too high.
const UP: usize = 13;
const DOWN: usize = 8;
/// The largest stake on either side. Up: a mean m can only be bet against with less than 1 / m.
/// Down: less than 1, as an observation may be 1.
const UP_MAX: f64 = 100.0;
const DOWN_MAX: f64 = 0.98;
/// From one stake to the next. The best stake after n observations is about √(2 ln(2/α) / (n σ²)); a
/// stake off by √2.5 still grows at 0.8 of the best rate.
const STEP: f64 = 2.5;
const STAKES_UP: [f64; UP] = ladder(UP_MAX);
const STAKES_DOWN: [f64; DOWN] = ladder(DOWN_MAX);
/// Parts of the capital, in all 1 on each side: each stake below 1 has half of that before, which is about
/// λ^¾, and each above 1 has 1.25 times as much. Where little is observed, stakes near 1 decide; larger
/// ones matter for the means of blocks only. Of the powers tried, ¾ is narrowest for a share of 2 % from
/// 200 to 20,000 outputs.
const PARTS_UP: [f64; UP] = parts(&STAKES_UP);
const PARTS_DOWN: [f64; DOWN] = parts(&STAKES_DOWN);
/// More observations than this are as good as never.
const NEEDED_MAX: f64 = 1e12;
/// Sums of squares below this are too small to divide by.
const SQUARES_MIN: f64 = 1e-200;

const fn ladder<const N: usize>(top: f64) -> [f64; N] {
    let (mut stakes, mut stake, mut k) = ([0.0; N], top, 0);
    while k < N {
        stakes[k] = stake;
        stake /= STEP;
        k += 1;
    }
    stakes
}

const fn parts<const N: usize>(stakes: &[f64; N]) -> [f64; N] {
    let (mut parts, mut part, mut sum, mut k) = ([0.0; N], 1.0, 0.0, 0);
    while k < N {
        parts[k] = part;
        sum += part;
        part *= if stakes[k] > STEP { 1.25 } else { 0.5 };
        k += 1;
    }
    while k > 0 {
        k -= 1;
        parts[k] /= sum;
    }
    parts
}

/// What one stake λ needs to know of the past, for every candidate mean at once.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Bet {
    /// Σ ln(1 ± λ x).
    log: f64,
    /// Σ e, e = λ x / (1 ± λ x).
    first: f64,
    /// Σ e².
    second: f64,
}

impl Bet {
    /// Takes x > 0 with the signed stake.
    fn update(&mut self, stake: f64, x: f64) {
        let grown = 1.0 + stake * x;
        let e = stake.abs() * x / grown;
        self.log += grown.ln();
        self.first += e;
        self.second += e * e;
    }

    /// A lower bound of ln Π (1 + λ (x_i − m)) with the signed stake λ; −∞ where λ m ≥ 1.
    ///
    /// 1 + λ (x − m) = (1 + λ x) (1 − λ m) (1 + r e) with r = |λ| m / (1 − λ m). As ln(1 + r e) / e is convex
    /// in e, Jensen's inequality with weights e gives Σ ln(1 + r e_i) ≥ (A² / B) ln(1 + r B / A),
    /// A = Σ e, B = Σ e²; equal where all e > 0 are the same, as for x in {0, 1}.
    fn log_capital(&self, stake: f64, n: f64, mean: f64) -> f64 {
        let kept = 1.0 - stake * mean;
        if kept <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let r = stake.abs() * mean / kept;
        let spread = if self.second > SQUARES_MIN {
            self.first * self.first / self.second * (r * self.second / self.first).ln_1p()
        } else {
            0.0
        };
        self.log + n * kept.ln() + spread
    }
}

/// An anytime-valid confidence sequence for the mean of observations in \[0, 1\].
///
/// For a candidate mean m, the capital of betting a fixed stake λ on every observation is
/// K_λ(m) = Π (1 + λ (x_i − m)): a martingale while E[X | past] = m, whatever the dependence on the past
/// (Waudby-Smith, Ramdas 2023, <https://doi.org/10.1093/jrsssb/qkad009>). Half of the capital is spread
/// over stakes λ > 0, half over λ < 0; m is out as soon as one half has grown 2/α-fold, which happens to
/// the true mean at any time with probability α at most (Ville 1939; Howard, Ramdas, McAuliffe, Sekhon
/// 2021, <https://doi.org/10.1214/20-AOS1991>). Fixed stakes make each K monotone in m, so what is left
/// is one interval, and it always holds the sample mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    n: u64,
    up: [Bet; UP],
    down: [Bet; DOWN],
}

impl Default for Sequence {
    fn default() -> Self {
        Self { n: 0, up: [Bet::default(); UP], down: [Bet::default(); DOWN] }
    }
}

impl Sequence {
    /// Takes one observation. Beyond \[0, 1\] it counts as the nearer end; NaN is no observation.
    pub fn update(&mut self, x: f64) {
        if x.is_nan() {
            return;
        }
        self.n += 1;
        if x <= 0.0 {
            return;
        }
        let x = x.min(1.0);
        self.up.iter_mut().zip(STAKES_UP).for_each(|(bet, stake)| bet.update(stake, x));
        self.down.iter_mut().zip(STAKES_DOWN).for_each(|(bet, stake)| bet.update(-stake, x));
    }

    /// Observations so far.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The interval at level 1 − `alpha`, 0 < alpha < 1: all looks together miss the mean with probability
    /// alpha at most. Wide at first, never inverted. `None` without observations or outside that range.
    pub fn interval(&self, alpha: f64) -> Option<[f64; 2]> {
        if self.n == 0 || !(alpha > 0.0 && alpha < 1.0) {
            return None;
        }
        let threshold = (2.0 / alpha).ln();
        let too_low = |mean: f64| self.log_up(mean) >= threshold;
        let too_high = |mean: f64| self.log_down(mean) >= threshold;
        let low = if too_low(0.0) { boundary(0.0, 1.0, too_low)[0] } else { 0.0 };
        let high = if too_high(1.0) { boundary(1.0, 0.0, too_high)[0] } else { 1.0 };
        Some([low.min(high), high])
    }

    /// Whether `mean` is outside the interval at level 1 − `alpha`: the question for one candidate, in a
    /// fraction of the time.
    pub fn excludes(&self, mean: f64, alpha: f64) -> bool {
        let threshold = (2.0 / alpha).ln();
        self.n > 0 && (self.log_up(mean) >= threshold || self.log_down(mean) >= threshold)
    }

    /// Whether the mean is shown to be below `mean` at level 1 − `alpha`, with all of the capital bet on
    /// that side: what a decision needs that looks only upwards.
    pub fn below(&self, mean: f64, alpha: f64) -> bool {
        self.n > 0 && self.log_down(mean) >= (1.0 / alpha).ln()
    }

    /// The upper end of the mean at level 1 − `alpha`, alone: narrower than that of [`Sequence::interval`].
    /// `None` without observations or outside of 0 < alpha < 1.
    pub fn upper(&self, alpha: f64) -> Option<f64> {
        if self.n == 0 || !(alpha > 0.0 && alpha < 1.0) {
            return None;
        }
        let too_high = |mean: f64| self.below(mean, alpha);
        Some(if too_high(1.0) { boundary(1.0, 0.0, too_high)[0] } else { 1.0 })
    }

    /// How many observations show that the mean is below `mean`, if they go on like those so far (without
    /// any: if all of them are 0). `None` where these would never show it.
    pub fn needed_below(&self, mean: f64, alpha: f64) -> Option<u64> {
        let so_far = number(self.n);
        let shown = |n: f64| {
            let times = if self.n == 0 { 0.0 } else { n / so_far };
            self.log_down_after(mean, n, times) >= (1.0 / alpha).ln()
        };
        let mut high = so_far.max(1.0);
        while !shown(high) {
            high *= 2.0;
            if high > NEEDED_MAX {
                return None;
            }
        }
        let mut low = 0.0;
        while high - low > 1.0 {
            let middle = f64::midpoint(low, high).floor();
            if shown(middle) { high = middle } else { low = middle }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to NEEDED_MAX")]
        Some(high.ceil() as u64)
    }

    /// ln of the capital against means that are too low.
    fn log_up(&self, mean: f64) -> f64 {
        let n = number(self.n);
        let bets = self.up.iter().zip(STAKES_UP).map(|(bet, stake)| bet.log_capital(stake, n, mean));
        mixture(bets, &PARTS_UP)
    }

    /// ln of the capital against means that are too high.
    fn log_down(&self, mean: f64) -> f64 {
        self.log_down_after(mean, number(self.n), 1.0)
    }

    /// The same after `n` observations, of which `times` as many were like those so far.
    fn log_down_after(&self, mean: f64, n: f64, times: f64) -> f64 {
        let bets = self.down.iter().zip(STAKES_DOWN).map(|(bet, stake)| {
            let bet = Bet { log: bet.log * times, first: bet.first * times, second: bet.second * times };
            bet.log_capital(-stake, n, mean)
        });
        mixture(bets, &PARTS_DOWN)
    }
}

/// ln Σ part · e^log.
fn mixture<const N: usize>(logs: impl Iterator<Item = f64>, parts: &[f64; N]) -> f64 {
    let mut all = [f64::NEG_INFINITY; N];
    all.iter_mut().zip(logs).for_each(|(place, log)| *place = log);
    let largest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        return largest;
    }
    largest + all.iter().zip(parts).map(|(log, part)| part * (log - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::rng::Rng;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Sequence {
        let mut sequence = Sequence::default();
        values.into_iter().for_each(|x| sequence.update(x));
        sequence
    }

    #[test]
    fn no_data_is_none_and_nan_is_no_data() {
        assert_eq!(of([]).interval(0.05), None);
        assert_eq!(of([f64::NAN]), Sequence::default());
        assert_eq!(of([2.0, -1.0]), of([1.0, 0.0]));
        assert_eq!(of([0.5]).interval(0.05), Some([0.0, 1.0]));
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            assert_eq!(of([0.5]).interval(alpha), None);
        }
    }

    #[test]
    fn state_is_small_and_comes_back() {
        assert_eq!(size_of::<Sequence>(), 512);
        let sequence = of((0..100).map(|k| f64::from(k % 7) / 7.0));
        let bytes = postcard::to_stdvec(&sequence).unwrap();
        assert!(bytes.len() <= 512);
        assert_eq!(postcard::from_bytes::<Sequence>(&bytes).unwrap(), sequence);
    }

    #[test]
    fn the_bound_is_the_capital_itself_for_shares_and_below_it_else() {
        let mut rng = Rng::new(1);
        let shares: Vec<f64> = (0..300).map(|_| f64::from(u8::from(rng.uniform() < 0.1))).collect();
        let blocks: Vec<f64> = (0..300).map(|_| rng.uniform().powi(3)).collect();
        for (values, loss) in [(shares, 1e-12), (blocks, 0.1)] {
            for stake in [2.5, 0.4, -0.3, -0.9] {
                for mean in [0.02, 0.1, 0.25] {
                    let mut bet = Bet::default();
                    values.iter().filter(|x| **x > 0.0).for_each(|x| bet.update(stake, *x));
                    let exact: f64 = values.iter().map(|x| (stake * (x - mean)).ln_1p()).sum();
                    let bound = bet.log_capital(stake, 300.0, mean);
                    let least = exact - loss * exact.abs() - 1e-9;
                    assert!(bound <= exact + 1e-9 && bound >= least, "{stake} {mean}: {bound} {exact}");
                }
            }
        }
    }

    #[test]
    fn what_is_needed_is_what_suffices() {
        // Without any hit: 1 / bound · (ln 20 and the price of not knowing the stake), about the rule of three.
        let needed = Sequence::default().needed_below(0.02, 0.05).unwrap();
        assert!((150..300).contains(&needed), "{needed}");
        let zeros = |n: u64| of((0..n).map(|_| 0.0));
        assert!(zeros(needed).below(0.02, 0.05) && !zeros(needed - 1).below(0.02, 0.05));
        assert!(zeros(needed).upper(0.05).unwrap() <= 0.02 && zeros(needed - 1).upper(0.05).unwrap() > 0.02);
        // With one hit in a hundred the same rate on and on shows it, and one in fifty never does.
        let hundredth = |n: u64| of((0..n).map(|k| f64::from(u8::from(k % 100 == 50))));
        let needed = hundredth(400).needed_below(0.02, 0.05).unwrap();
        assert!(hundredth(needed + 100).below(0.02, 0.05) && !hundredth(needed - 200).below(0.02, 0.05), "{needed}");
        assert_eq!(of((0..400).map(|k| f64::from(u8::from(k % 50 == 25)))).needed_below(0.02, 0.05), None);
        assert_eq!(Sequence::default().upper(0.05), None);
    }

    /// The share of runs in which the true mean is out at any of the looks.
    fn missed(runs: u32, looks: u32, mean: f64, mut x: impl FnMut() -> f64) -> f64 {
        let miss = |x: &mut dyn FnMut() -> f64| {
            let mut sequence = Sequence::default();
            (0..looks).any(|_| {
                sequence.update(x());
                sequence.excludes(mean, 0.05)
            })
        };
        f64::from((0..runs).map(|_| u32::from(miss(&mut x))).sum::<u32>()) / f64::from(runs)
    }

    #[test]
    fn the_mean_is_inside_at_every_look() {
        // At most 5 % by the theorem; four standard errors √(0.05 · 0.95 / 300) = 1.3 % are added.
        let mut rng = Rng::new(7);
        let rate = missed(300, 2_000, 0.02, || f64::from(u8::from(rng.uniform() < 0.02)));
        assert!(rate <= 0.10, "{rate}");
        let mut rng = Rng::new(8);
        let rate = missed(300, 2_000, 0.25, || rng.uniform().powi(3));
        assert!(rate <= 0.10, "{rate}");
    }

    /// `cargo test --release --lib sequence -- --ignored --nocapture`: a minute.
    #[test]
    #[ignore = "2,000 runs of 10,000 looks"]
    fn measured_misses() {
        let mut rng = Rng::new(9);
        let share = |rng: &mut Rng, p: f64| f64::from(u8::from(rng.uniform() < p));
        println!("Bernoulli 0.02: {}", missed(2_000, 10_000, 0.02, || share(&mut rng, 0.02)));
        println!("Bernoulli 0.5:  {}", missed(2_000, 10_000, 0.5, || share(&mut rng, 0.5)));
        println!("uniform cubed:  {}", missed(2_000, 10_000, 0.25, || rng.uniform().powi(3)));
        let mut block = || (0..50).map(|_| share(&mut rng, 0.02)).sum::<f64>() / 50.0;
        println!("blocks of 50:   {}", missed(400, 10_000, 0.02, &mut block));
    }

    #[test]
    fn widths_are_the_designed_ones() {
        // One seed; 40 % above the figures of docs/statistics.md at most.
        let mut rng = Rng::new(3);
        let outputs: Vec<f64> = (0..20_000).map(|_| f64::from(u8::from(rng.uniform() < 0.02))).collect();
        for (n, per_output, per_block) in [(200, 0.11, 1.01), (2_000, 0.030, 0.19), (20_000, 0.0098, 0.021)] {
            let [low, high] = of(outputs[..n].iter().copied()).interval(0.05).unwrap();
            assert!(high - low < per_output, "{n}: {low} {high}");
            let [low, high] = of(outputs[..n].chunks(50).map(|x| x.iter().sum::<f64>() / 50.0)).interval(0.05).unwrap();
            assert!(high - low < per_block, "{n} in blocks: {low} {high}");
        }
    }

    proptest! {
        #[test]
        fn it_holds_the_sample_mean_and_agrees_with_itself(
            values in proptest::collection::vec(0.0f64..=1.0, 1..400), power in 1i32..12, alpha in 0.001f64..0.5
        ) {
            let values: Vec<f64> = values.into_iter().map(|x| x.powi(power)).collect();
            let mean = values.iter().sum::<f64>() / number(values.len() as u64);
            let sequence = of(values);
            let [low, high] = sequence.interval(alpha).unwrap();
            prop_assert!(0.0 <= low && low <= mean + 1e-9 && mean <= high + 1e-9 && high <= 1.0, "{low} {mean} {high}");
            prop_assert!(!sequence.excludes(f64::midpoint(low, high), alpha));
            if low > 1e-6 { prop_assert!(sequence.excludes(low - 1e-6, alpha)); }
            if high < 1.0 - 1e-6 { prop_assert!(sequence.excludes(high + 1e-6, alpha)); }
        }
    }
}
