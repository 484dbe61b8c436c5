//! The integration tests: one binary, through the front door.
//!
//! One module a room. Real files, real parsers, real store; nothing here reaches into private code.

mod cli;
mod config;
mod fixture;
mod front;
mod golden;
mod ingest;
mod kill;
mod power;
mod sim;
mod statistics;
mod store;
mod tidy;
mod token;
mod traces;
