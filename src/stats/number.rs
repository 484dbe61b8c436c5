//! Small helpers that every formula over counts needs.
//!
//! Owns the one place where a count becomes a number, and a sum that doesn't depend on the order
//! of its terms. Knows no statistic.

/// A count as a number. Exact below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

/// A length as a count.
pub(crate) const fn count(length: usize) -> u64 {
    length as u64
}

/// The sum of some terms, the same bytes whatever their order: they are sorted first.
pub(crate) fn sum(mut terms: Vec<f64>) -> f64 {
    terms.sort_unstable_by(f64::total_cmp);
    terms.iter().sum()
}

/// Where a condition that holds at `holds` and on the way towards `fails` stops holding, by bisection:
/// the last place where it still held and the first where it didn't, within 6·10⁻¹⁴ of the distance.
pub(crate) fn boundary(mut holds: f64, mut fails: f64, condition: impl Fn(f64) -> bool) -> [f64; 2] {
    for _ in 0..44 {
        let middle = f64::midpoint(holds, fails);
        if condition(middle) { holds = middle } else { fails = middle }
    }
    [holds, fails]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_found_from_either_side() {
        let [holds, fails] = boundary(0.0, 1.0, |x| x * x < 0.5);
        assert!(holds <= 0.5f64.sqrt() && fails >= 0.5f64.sqrt() && fails - holds < 1e-12);
        let [holds, fails] = boundary(1.0, 0.0, |x| x * x > 0.5);
        assert!(holds >= 0.5f64.sqrt() && fails <= 0.5f64.sqrt() && holds - fails < 1e-12);
    }

    #[test]
    fn a_sum_does_not_depend_on_the_order() {
        let terms = vec![0.1, 1e16, 0.3, -1e16, 0.7, 1e-9];
        let mut turned = terms.clone();
        turned.reverse();
        assert_eq!(sum(terms).to_bits(), sum(turned).to_bits());
        assert!(sum(Vec::new()).abs() < f64::EPSILON);
    }
}
