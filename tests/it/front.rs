//! The front door: a whole daemon over HTTP, one module an invariant.
//!
//! What is a failure here: an acknowledged event that is not counted exactly once, a mode above the
//! last durable one, a ledger with a hole or a repeat, no data shown as 0, an error without a code.

#![cfg(test)]

mod access;
mod access_house;
mod alertmanager;
mod backtests;
mod console;
mod console_acts;
mod console_council;
mod council;
mod council_answers;
mod drill;
mod drill_cli;
mod drill_wires;
mod errors;
mod failing;
mod faults;
mod floor;
pub(crate) mod harness;
pub(crate) mod http;
mod intake;
mod keys;
mod lab;
mod learning;
mod ledger;
mod limits;
mod mail_server;
mod metrics;
mod modes;
mod notify;
mod notify_mail;
mod notify_outbox;
mod notify_trouble;
mod obedience;
mod openapi;
mod poison;
mod reads;
pub(crate) mod receiver;
mod reload;
mod report;
mod report_counts;
mod report_fleet;
mod report_incidents;
mod report_kept;
mod report_means;
mod report_names;
mod report_pages;
mod report_rejected;
mod report_since;
mod report_sound;
mod restart;
mod reviews;
mod slo;
mod story;
mod stream;

pub(crate) use harness::until;
