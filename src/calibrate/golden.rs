//! Published mean run lengths of control charts, as printed.
//!
//! Owns the numbers and where they come from. Left out are those that are inaccurate themselves. By
//! later authors: Crowder's at λ = 0.5, mean 1.25; Waldmann's and Brook and Evans' of the CUSUM with
//! k = 0.5, h = 3 in control (117.4; exact is 117.60); Chandrasekaran, English and Disney 1995;
//! Rhoads, Montgomery and Mastrangelo 1996. By solver and simulation together: Steiner's with growing
//! limits (1353 where both give 1347) and his 135 (133.6); Moustakides' 5.46 in the steady state
//! (5.43). Cut off instead of rounded: Lucas and Crosier's 1.32 (1.325), Crowder's 1.94 (1.945).

use crate::stats::charts::{Ewma, PoissonCusum, ShiryaevRoberts, cusum, cusum_two_sided};

/// A chart that was published about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chart {
    /// CUSUM upwards: k, h, start.
    Cusum(f64, f64, f64),
    /// A pair of CUSUMs: k, h, start.
    TwoSided(f64, f64, f64),
    /// EWMA.
    Ewma(Ewma),
    /// One-sided EWMA with growing limits that has this mean run length in control: λ, run length.
    EwmaOf(f64, f64),
    /// Shiryaev–Roberts from 0.
    ShiryaevRoberts(ShiryaevRoberts),
    /// Shiryaev–Roberts long after the start.
    ShiryaevRobertsSteady(ShiryaevRoberts),
    /// CUSUM of counts and its start.
    Poisson(PoissonCusum, usize),
}

impl Chart {
    /// The mean run length, solved. `ewma` is [`Chart::ewma`], worked out once.
    pub fn run_length(&self, ewma: Option<&Ewma>, mean: f64) -> f64 {
        match *self {
            Self::Cusum(k, h, start) => cusum(k, h, mean, start),
            Self::TwoSided(k, h, start) => cusum_two_sided(k, h, mean, start),
            Self::Ewma(_) | Self::EwmaOf(..) => ewma.map_or(f64::NAN, |chart| chart.run_length(mean)),
            Self::ShiryaevRoberts(chart) => chart.run_length(mean),
            Self::ShiryaevRobertsSteady(chart) => chart.steady_delay(mean),
            Self::Poisson(chart, start) => chart.run_length(mean, start),
        }
    }

    /// The EWMA that this is, with its limits worked out.
    pub fn ewma(&self) -> Option<Ewma> {
        match *self {
            Self::Ewma(chart) => Some(chart),
            Self::EwmaOf(lambda, run_length) => {
                Some(Ewma { lambda, width: 3.0, two_sided: false, growing: true }.with_run_length(run_length))
            }
            _ => None,
        }
    }
}

/// A published table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Who, when, what.
    pub source: &'static str,
    /// The chart.
    pub chart: Chart,
    /// The true mean, and the mean run length as printed.
    pub rows: &'static [(f64, &'static str)],
}

const fn ewma(lambda: f64, width: f64, growing: bool) -> Chart {
    Chart::Ewma(Ewma { lambda, width, two_sided: true, growing })
}

const fn sr(theta: f64, threshold: f64) -> Chart {
    Chart::ShiryaevRoberts(ShiryaevRoberts { theta, threshold })
}

const fn sr_steady(theta: f64, threshold: f64) -> Chart {
    Chart::ShiryaevRobertsSteady(ShiryaevRoberts { theta, threshold })
}

const fn counts(is_upper: bool, start: usize) -> Chart {
    Chart::Poisson(PoissonCusum { reference: 1, threshold: 40, units: 4, is_upper }, start)
}

const fn table(source: &'static str, chart: Chart, rows: &'static [(f64, &'static str)]) -> Table {
    Table { source, chart, rows }
}

const VANCE: &[(f64, &str)] = &[
    (-0.25, "2071.51"),
    (-0.125, "400.28"),
    (0.0, "124.66"),
    (0.125, "59.30"),
    (0.25, "36.71"),
    (0.5, "20.37"),
    (0.75, "14.06"),
    (1.0, "10.75"),
];
const LUCAS_CROSIER: &[(f64, &str)] = &[
    (0.0, "168"),
    (0.25, "74.2"),
    (0.5, "26.6"),
    (0.75, "13.3"),
    (1.0, "8.38"),
    (1.5, "4.75"),
    (2.0, "3.34"),
    (2.5, "2.62"),
    (3.0, "2.19"),
    (4.0, "1.71"),
    (5.0, "1.31"),
];
const LUCAS_CROSIER_AHEAD: &[(f64, &str)] = &[
    (0.0, "149"),
    (0.25, "62.7"),
    (0.5, "20.1"),
    (0.75, "8.97"),
    (1.0, "5.29"),
    (1.5, "2.86"),
    (2.0, "2.01"),
    (2.5, "1.59"),
    (4.0, "1.07"),
    (5.0, "1.01"),
];
const MONTGOMERY: &[(f64, &str)] = &[(0.0, "465"), (0.25, "139"), (0.5, "38.0"), (0.75, "17.0"), (1.0, "10.4")];
const LUCAS_SACCUCCI_5: &[(f64, &str)] = &[
    (0.0, "500"),
    (0.25, "255"),
    (0.5, "88.8"),
    (0.75, "35.9"),
    (1.0, "17.5"),
    (1.5, "6.53"),
    (2.0, "3.63"),
    (2.5, "2.50"),
    (3.0, "1.93"),
    (3.5, "1.58"),
    (4.0, "1.34"),
    (5.0, "1.07"),
];
const LUCAS_SACCUCCI_03: &[(f64, &str)] = &[
    (0.0, "500"),
    (0.25, "76.7"),
    (0.5, "29.3"),
    (0.75, "17.6"),
    (1.0, "12.6"),
    (1.5, "8.07"),
    (2.0, "5.99"),
    (2.5, "4.80"),
    (3.0, "4.03"),
    (3.5, "3.49"),
    (4.0, "3.11"),
    (5.0, "2.55"),
];
const CROWDER_5: &[(f64, &str)] = &[
    (0.0, "26.45"),
    (0.25, "20.12"),
    (0.5, "11.89"),
    (0.75, "7.29"),
    (1.0, "4.91"),
    (1.5, "2.80"),
    (3.0, "1.26"),
    (4.0, "1.05"),
];
const CROWDER_05: &[(f64, &str)] = &[
    (0.0, "127.53"),
    (0.25, "43.94"),
    (0.5, "18.97"),
    (0.75, "11.64"),
    (1.0, "8.38"),
    (1.5, "5.41"),
    (2.0, "4.04"),
    (3.0, "2.76"),
    (4.0, "2.15"),
];
const STEINER_FIXED: &[(f64, &str)] =
    &[(0.0, "1379"), (0.5, "37.4"), (0.75, "20.0"), (1.0, "13.5"), (2.0, "6.0"), (4.0, "3.0")];
const KNOTH_VACL: &[(f64, &str)] = &[
    (0.0, "500.00"),
    (0.5, "21.637"),
    (1.0, "6.7596"),
    (1.5, "3.5398"),
    (2.0, "2.3038"),
    (2.5, "1.7004"),
    (3.0, "1.3675"),
];
const KNOTH_SR: &[(f64, &str)] =
    &[(0.0, "697"), (0.5, "33"), (1.0, "10.4"), (1.5, "6.2"), (2.0, "4.4"), (2.5, "3.5"), (3.0, "2.9")];
const KNOTH_SR_STEADY: &[(f64, &str)] =
    &[(0.0, "689"), (0.5, "30"), (1.0, "8.9"), (1.5, "5.1"), (2.0, "3.6"), (2.5, "2.8"), (3.0, "2.4")];

const MPT: &str = "Moustakides, Polunchenko, Tartakovsky 2009, SR";
const MPT_STEADY: &str = "Moustakides, Polunchenko, Tartakovsky 2009, SR, steady state";

/// The tables.
pub const TABLES: [Table; 34] = [
    table("Vance 1986; Goel, Wu 1971, CUSUM k = 0, h = 10", Chart::Cusum(0.0, 10.0, 0.0), VANCE),
    table("Brook, Evans 1972, CUSUM k = 0.5, h = 3", Chart::Cusum(0.5, 3.0, 0.0), &[(1.5, "3.75")]),
    table("Waldmann 1986, CUSUM k = 0.5, h = 3", Chart::Cusum(0.5, 3.0, 0.0), &[(-0.5, "1963"), (0.5, "17.35")]),
    table("Waldmann 1986, two CUSUMs k = 0.6, h = 3", Chart::TwoSided(0.6, 3.0, 0.0), &[(-0.2, "65.4")]),
    table("SAS/QC 1999, CUSUM k = 0.25, h = 8", Chart::Cusum(0.25, 8.0, 0.0), &[(2.5, "4.1500836225")]),
    table("SAS/QC 1999, CUSUM with a head start of 0.1", Chart::Cusum(0.25, 8.0, 0.1), &[(2.5, "4.1061588131")]),
    table("SAS/QC 1999, two CUSUMs", Chart::TwoSided(0.25, 8.0, 0.0), &[(2.5, "4.1500826715")]),
    table("Lucas, Crosier 1982, two CUSUMs k = 0.5, h = 4", Chart::TwoSided(0.5, 4.0, 0.0), LUCAS_CROSIER),
    table("Lucas, Crosier 1982, with a head start of h / 2", Chart::TwoSided(0.5, 4.0, 2.0), LUCAS_CROSIER_AHEAD),
    table("Montgomery, two CUSUMs k = 0.5, h = 5", Chart::TwoSided(0.5, 5.0, 0.0), MONTGOMERY),
    table("Lucas, Saccucci 1990, EWMA 0.5, 3.071", ewma(0.5, 3.071, false), LUCAS_SACCUCCI_5),
    table("Lucas, Saccucci 1990, EWMA 0.03, 2.437", ewma(0.03, 2.437, false), LUCAS_SACCUCCI_03),
    table("Crowder 1987, EWMA 0.5, 2", ewma(0.5, 2.0, false), CROWDER_5),
    table("Crowder 1987, EWMA 0.05, 2", ewma(0.05, 2.0, false), CROWDER_05),
    table("Waldmann 1986, EWMA 0.75, limits at 2", ewma(0.75, 2.581_988_897_471_611, false), &[(0.0, "104.0")]),
    table("Waldmann 1986, EWMA 0.5, limits at 2", ewma(0.5, 3.464_101_615_137_754_6, false), &[(0.0, "1952")]),
    table("SAS/QC 1999, EWMA 0.25, 3", ewma(0.25, 3.0, false), &[(1.0, "11.154267016")]),
    table("Steiner 1999, EWMA 0.05, 3", ewma(0.05, 3.0, false), STEINER_FIXED),
    table("Knoth, 10⁹ simulated runs, one-sided EWMA with growing limits", Chart::EwmaOf(0.1, 500.0), KNOTH_VACL),
    table("Knoth 2006, SR, A = 390", sr(1.0, 390.0), KNOTH_SR),
    table("Knoth 2006, SR, steady state", sr_steady(1.0, 390.0), KNOTH_SR_STEADY),
    table(MPT, sr(1.0, 28.02), &[(0.0, "50.79"), (1.0, "5.46")]),
    table(MPT, sr(1.0, 56.04), &[(0.0, "100.79"), (1.0, "6.71")]),
    table(MPT, sr(1.0, 280.19), &[(0.0, "500.8"), (1.0, "9.78")]),
    table(MPT, sr(1.0, 560.37), &[(0.0, "1000.79"), (1.0, "11.14")]),
    table(MPT, sr(1.0, 2801.75), &[(1.0, "14.34")]),
    table(MPT_STEADY, sr_steady(1.0, 280.19), &[(1.0, "8.33")]),
    table(MPT_STEADY, sr_steady(1.0, 560.37), &[(1.0, "9.64")]),
    table(MPT_STEADY, sr_steady(1.0, 5603.7), &[(1.0, "14.17")]),
    table(MPT_STEADY, sr_steady(1.0, 2801.75), &[(1.0, "12.79")]),
    table("Lucas 1985, counts, upper", counts(true, 0), &[(0.25, "438")]),
    table("Lucas 1985, counts, upper, head start", counts(true, 20), &[(0.25, "333")]),
    table("Lucas 1985, counts, lower", counts(false, 0), &[(0.25, "437")]),
    table("Lucas 1985, counts, lower, head start", counts(false, 20), &[(0.25, "318")]),
];

/// A printed number and half of its last digit.
pub fn printed(text: &str) -> (f64, f64) {
    let places = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = (0..places).fold(0.5, |half, _| half / 10.0);
    (text.parse().unwrap_or(f64::NAN), half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_number_is_reproduced() {
        let mut n = 0;
        let mut wrong = Vec::new();
        for table in &TABLES {
            let ewma = table.chart.ewma();
            for (mean, text) in table.rows {
                let (print, half) = printed(text);
                let solved = table.chart.run_length(ewma.as_ref(), *mean);
                println!("{}, mean {mean}: {solved:.5}, printed {text}", table.source);
                if (solved - print).abs() > half.max(0.002 * print) {
                    wrong.push(format!("{}, mean {mean}: {solved}, printed {text}", table.source));
                }
                n += 1;
            }
        }
        println!("{n}");
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_print_knows_its_rounding() {
        let (value, half) = printed("8.38");
        assert!((value - 8.38).abs() < 1e-12 && (half - 0.005).abs() < 1e-12);
        assert!((printed("168").1 - 0.5).abs() < 1e-12);
    }
}
