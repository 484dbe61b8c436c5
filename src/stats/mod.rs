//! Numbers: the detector with its guarantee, intervals, latency histograms and time windows.
//!
//! Owns formulas, each with its source. Imports nothing of ours; knows no clock, no I/O, no
//! workflow and no guard: it sees numbers and times that others hand in.

pub mod agreement;
pub mod bank;
pub mod baseline;
pub mod bernoulli_sequence;
pub mod bets;
pub mod binomial;
pub mod bounded_sequence;
mod bridge;
pub mod change;
pub mod charts;
pub mod confidence;
pub mod detector;
pub mod disparity;
pub mod distance;
pub mod drift;
pub mod drift_report;
pub mod latency;
pub mod latency_total;
pub mod lattice;
pub mod learned;
pub mod more_frequent;
pub mod no_drift;
pub(crate) mod number;
pub mod quadrature;
pub mod quantile_rank;
pub mod quantile_sequence;
pub mod ratio_mean;
pub mod ring;
pub mod rng;
pub mod run_length;
pub mod runs;
pub mod sample;
pub mod season;
pub mod sequence;
pub mod strata_mean;
pub mod stretches;
pub mod two_sample;
