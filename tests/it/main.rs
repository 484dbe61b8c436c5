//! The integration tests: one binary, through the front door.
//!
//! One module a room. Real files, real parsers, real store; nothing here reaches into private code.

mod alerts;
mod backtest;
mod cli;
mod config;
mod dashboards;
mod fixture;
mod front;
mod golden;
mod governance;
mod ingest;
mod kill;
mod kill_notify;
mod ledger;
mod notices;
mod pack;
mod power;
mod sim;
mod statistics;
mod stop;
mod store;
mod tidy;
mod token;
mod traces;
