//! Integral equations of run lengths: nodes, weights and the system of equations.
//!
//! Owns Gauss–Legendre quadrature and the solution of x = 1 + T x. Knows no chart.

/// Nodes and weights of Gauss–Legendre quadrature with n ≥ 1 nodes on \[low, high\], ascending.
///
/// Newton's method on the Legendre polynomial from the usual first guesses (Golub, Welsch 1969,
/// <https://doi.org/10.1090/S0025-5718-69-99647-1>, for what the weights are). Exact for
/// polynomials up to degree 2n − 1.
pub fn gauss_legendre(n: u32, low: f64, high: f64) -> Vec<(f64, f64)> {
    let (middle, half) = (f64::midpoint(low, high), (high - low) / 2.0);
    let node = |i: u32| {
        let mut x = (std::f64::consts::PI * (f64::from(i) + 0.75) / (f64::from(n) + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (value, derivative) = legendre(n, x);
            slope = derivative;
            let step = value / derivative;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        (middle + half * x, half * 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).rev().map(node).collect()
}

/// The Legendre polynomial of degree n and its derivative, |x| < 1.
fn legendre(n: u32, x: f64) -> (f64, f64) {
    let (mut before, mut now) = (1.0, x);
    for k in 1..n {
        let k = f64::from(k);
        (before, now) = (now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0));
    }
    (now, f64::from(n) * (x * now - before) / (x * x - 1.0))
}

/// Mean number of steps until absorption from each of n states: x = 1 + T x, where
/// `transition(i, j)` is the probability of going from i to j. Elimination with partial pivots.
pub fn absorption_times(n: usize, transition: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let entries = (0..n).map(|j| f64::from(u8::from(i == j)) - transition(i, j));
            entries.chain([1.0]).collect()
        })
        .collect();
    for k in 0..n {
        let pivot = (k..n).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs())).unwrap_or(k);
        rows.swap(k, pivot);
        let (done, below) = rows.split_at_mut(k + 1);
        let pivot = &done[k];
        for row in below {
            let factor = row[k] / pivot[k];
            row[k..].iter_mut().zip(&pivot[k..]).for_each(|(entry, above)| *entry -= factor * above);
        }
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = rows[i][i + 1..n].iter().zip(&x[i + 1..]).map(|(entry, x)| entry * x).sum();
        x[i] = (rows[i][n] - known) / rows[i][i];
    }
    x
}

/// The distribution over n states long after the start, given no absorption: the left eigenvector
/// of T, by the power method. Σ = 1.
pub fn quasi_stationary(n: usize, transition: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| transition(i, j)).collect()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of states")]
    let mut now = vec![1.0 / n as f64; n];
    for _ in 0..5_000 {
        let mut next = vec![0.0; n];
        for (share, row) in now.iter().zip(&matrix) {
            next.iter_mut().zip(row).for_each(|(sum, p)| *sum += share * p);
        }
        let kept: f64 = next.iter().sum();
        next.iter_mut().for_each(|share| *share /= kept);
        let moved: f64 = now.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
        now = next;
        if moved < 1e-14 {
            break;
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for n in [1, 2, 5, 20, 100] {
            let nodes = gauss_legendre(n, 1.0, 3.0);
            assert!((nodes.iter().map(|(_, w)| w).sum::<f64>() - 2.0).abs() < 1e-13, "{n}");
            let degree = i32::try_from(2 * n.min(10) - 1).unwrap();
            let sum: f64 = nodes.iter().map(|(x, w)| w * x.powi(degree)).sum();
            let exact = (3f64.powi(degree + 1) - 1.0) / f64::from(degree + 1);
            assert!((sum / exact - 1.0).abs() < 1e-12, "{n}: {sum} {exact}");
            assert!(nodes.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn a_fair_game_takes_the_known_time() {
        // From i of a fair game between −1 and n: (i + 1)(n − i) steps on average.
        let x = absorption_times(9, |i, j| if i.abs_diff(j) == 1 { 0.5 } else { 0.0 });
        for (x, known) in x.iter().zip([9.0, 16.0, 21.0, 24.0, 25.0, 24.0, 21.0, 16.0, 9.0]) {
            assert!((x - known).abs() < 1e-12, "{x} instead of {known}");
        }
        // Held at home with 1/2, else on with 1/2: by symmetry the two states keep equal shares.
        let q = quasi_stationary(2, |i, j| if i == j { 0.5 } else { 0.25 });
        assert!(q.iter().all(|share| (share - 0.5).abs() < 1e-12));
    }
}
