//! andon: the andon cord of an AI factory.
//!
//! The rooms, lowest first: `domain` and `stats` (no clock, no I/O), `monitor` (the deterministic
//! state machine), `config` and `seal`, then `store` and `ingest`, then `driver` and `http`. Lower rooms
//! never import higher ones; `tests/it/tidy.rs` checks it. See ARCHITECTURE.md.

pub mod access;
pub mod app;
pub mod backtest;
pub mod calibrate;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod domain;
pub mod drill;
pub mod driver;
pub mod exposition;
pub mod http;
pub mod ingest;
pub mod metrics;
pub mod monitor;
pub mod notify;
pub mod reload;
pub mod report;
pub mod seal;
pub mod stats;
pub mod store;
pub mod traffic;
