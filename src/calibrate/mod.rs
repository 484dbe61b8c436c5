//! The statistics, measured: bars that the shipped detector has to clear, by seeded simulation.
//!
//! Owns the list of bars and what one says. A bar is a function from a [`Bench`] to rows; a new one
//! goes into a file of its own and into [`BARS`]. Prints nothing and asks nobody for the time.

pub mod bar_delay;
pub mod bar_dependence;
pub mod bar_drift;
pub mod bar_fleet;
pub mod bar_golden;
pub mod bar_learned;
pub mod bar_poison;
pub mod bar_promise;
pub mod bar_two_sample;
pub mod bar_unequal;
pub mod bench;
pub mod golden;
pub mod golden_walk;
pub mod one_guard;
pub mod power;
pub mod sample;
pub mod streams;
pub mod watch;

pub use bench::{Bench, Effort};
use serde::Serialize;

/// What became of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Cleared.
    Met,
    /// Not cleared.
    Missed,
    /// Measured for information; there is no bar.
    Reported,
}

impl Verdict {
    /// Met or missed.
    pub const fn of(is_met: bool) -> Self {
        if is_met { Self::Met } else { Self::Missed }
    }

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::Reported => "-",
        }
    }
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Number of the bar.
    pub bar: u8,
    /// What was measured.
    pub what: String,
    /// What it has to be.
    pub required: String,
    /// What it was, for people.
    pub measured: String,
    /// What it was, for programs.
    pub value: f64,
    /// Whether that is enough.
    pub verdict: Verdict,
}

/// A bar: its number, its subject, and how it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// Its number.
    pub number: u8,
    /// What it is about.
    pub subject: &'static str,
    /// Measures it.
    pub measure: fn(&Bench<'_>) -> Vec<Row>,
}

/// All bars, in order. Their numbers are fixed; bar 7 is a benchmark (`scripts/bench detector`).
pub const BARS: [Bar; 9] = [
    Bar { number: 1, subject: "the promise: mean run length at the bound", measure: bar_promise::measure },
    Bar { number: 2, subject: "the delay against the exact optimum", measure: bar_delay::measure },
    Bar { number: 3, subject: "outputs that depend on each other", measure: bar_dependence::measure },
    Bar { number: 4, subject: "a bound that was learned", measure: bar_learned::measure },
    Bar { number: 5, subject: "poison", measure: bar_poison::measure },
    Bar { number: 6, subject: "two samples", measure: bar_two_sample::measure },
    Bar { number: 8, subject: "a fleet under one budget", measure: bar_fleet::measure },
    Bar { number: 9, subject: "drift, disparity and cost", measure: bar_drift::measure },
    Bar { number: 10, subject: "published run lengths", measure: bar_golden::measure },
];
