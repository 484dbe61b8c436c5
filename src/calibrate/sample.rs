//! A sample of measured numbers: mean, standard error, quantiles.
//!
//! Owns the arithmetic of what a simulation says. Knows no stream and no bar.

/// Measured numbers, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// A sample of at least one number, none of them NaN.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mean; NaN without numbers.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / real(self.len())
    }

    /// The standard error of the mean; NaN below two numbers.
    pub fn error(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.0.iter().map(|x| (x - mean) * (x - mean)).sum();
        (squares / (real(self.len()) - 1.0) / real(self.len())).sqrt()
    }

    /// The smallest number that at least the share q, 0 to 1, of all don't exceed; NaN without numbers.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the number of values")]
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = (q * real(self.len())).ceil().max(1.0) as usize;
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts of a simulation are far below 2⁵³")]
pub const fn real(count: usize) -> f64 {
    count as f64
}

/// A number of outputs as people write it: `1.71e6`, `1,059`, `9.5`.
pub fn outputs(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value.abs() >= 1e5 {
        return format!("{value:.2e}");
    }
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let split = digits.len().checked_sub(3).filter(|at| *at > 0 && value >= 1_000.0);
    split.map_or_else(|| digits.clone(), |at| format!("{},{}", &digits[..at], &digits[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_sample_by_hand() {
        let sample = Sample::new(vec![4.0, 1.0, 3.0, 2.0]);
        assert!((sample.mean() - 2.5).abs() < 1e-12 && (sample.median() - 2.0).abs() < 1e-12);
        assert!((sample.error() - (5.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        assert!((sample.quantile(0.9) - 4.0).abs() < 1e-12 && (sample.quantile(0.0) - 1.0).abs() < 1e-12);
        assert!(Sample::new(Vec::new()).median().is_nan() && Sample::new(Vec::new()).is_empty());
    }

    #[test]
    fn outputs_are_short() {
        let written: Vec<_> = [1.714e6, 1_059.0, 9.5, 12.0, 999.4, f64::NAN].into_iter().map(outputs).collect();
        assert_eq!(written, ["1.71e6", "1,059", "9.5", "12", "999", "-"]);
    }
}
