//! Numbers: the detector with its guarantee, intervals, latency histograms and time windows.
//!
//! Owns formulas, each with its source. Imports nothing of ours; knows no clock, no I/O, no
//! workflow and no guard: it sees numbers and times that others hand in.

pub mod bets;
pub mod change;
pub mod charts;
pub mod confidence;
pub mod detector;
pub mod latency;
pub mod lattice;
pub mod quadrature;
pub mod ring;
pub mod rng;
pub mod run_length;
