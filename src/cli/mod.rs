//! The commands, one file each.
//!
//! Owns the arguments, the exit codes (0 done, 1 failed, 64 wrong use or configuration) and what
//! is printed. Decides nothing about modes.

mod actions;
mod alerts;
mod annul;
mod backtest;
mod backtest_report;
mod base;
mod baseline;
mod calibrate;
mod check;
mod client;
mod dashboards;
mod demo;
mod demo_policy;
mod demo_story;
mod drill;
mod gate;
mod import;
mod import_dry;
mod import_live;
mod import_report;
mod import_store;
mod incidents;
mod intake;
mod judge;
mod lab;
mod lab_report;
mod ledger;
mod ledger_export;
mod ledger_verdict;
mod ledger_verify;
mod mode;
mod notifications;
mod openapi;
mod output;
mod pack;
mod power;
mod progress;
mod promote;
mod ready;
mod refused;
mod report;
mod requests;
mod review;
mod serve;
mod simulate;
mod table;
mod token;
mod why;
mod words;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Exit code of a wrong command line or configuration (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// The andon cord of an AI factory: counts every output, watches the guards, and lowers a
/// workflow's responsibility mode by itself when one is breached.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Serve(serve::Arguments),
    /// Show it at work on simulated workflows, with nothing to set up.
    Demo(demo::Arguments),
    /// Check a configuration and say everything that is wrong with it.
    Check(check::Arguments),
    /// Judge a table of past outputs, or send it to a daemon.
    Import(import::Arguments),
    /// Try another policy on the past: what would have been lowered, and when.
    Backtest(backtest::Arguments),
    /// Send simulated traffic to a daemon.
    Simulate(simulate::Arguments),
    /// Say what a workflow may do now; lower, hold or stop it.
    Mode(mode::Arguments),
    /// Explain why a workflow's mode is, or was, what it is.
    Why(why::Arguments),
    /// Pull the cord on purpose, and see that it is connected.
    Drill(drill::Arguments),
    /// The weekly report: what moved, what it cost, what needs a decision.
    Report(report::Arguments),
    /// Say who is told of what happens, and what could not be delivered; test a target.
    Notifications(notifications::Arguments),
    /// List, acknowledge and resolve incidents.
    Incidents(incidents::Arguments),
    /// Say what a workflow must still show before people may promote it.
    Gate(gate::Arguments),
    /// Ask for a higher mode.
    Promote(promote::Arguments),
    /// List, approve, reject and take back what people asked for.
    Requests(requests::Arguments),
    /// Say that a demotion, or a whole storm of them, was false.
    Annul(annul::Arguments),
    /// Say whether a demotion was right or false.
    Judge(judge::Arguments),
    /// Say who does what until when; name somebody, and say how it ended.
    Actions(actions::Arguments),
    /// Show and answer the readiness checklist of a workflow.
    Ready(ready::Arguments),
    /// Say which outputs people are to review, what is overdue and what was found.
    Review(review::Arguments),
    /// Test hypotheses in the lab: what is planned, found, decided and learned.
    Lab(lab::Arguments),
    /// List everything with its track, its owner and what it waits for.
    Intake(intake::Arguments),
    /// Show what workflows stand on; note audits and regressions.
    Base(base::Arguments),
    /// Say what a guard has learned to be normal; have it learn anew.
    Baseline(baseline::Arguments),
    /// Prove that the record of decisions is unaltered; export it.
    Ledger(ledger::Arguments),
    /// Say how soon a guard finds a change, and how often it is wrong.
    Power(power::Arguments),
    /// Measure the statistics of this program against their bars.
    Calibrate(calibrate::Arguments),
    /// Write the dashboards for Grafana that this program brings along.
    Dashboards(dashboards::Arguments),
    /// Write the alerting rules for Prometheus that this program brings along.
    Alerts(alerts::Arguments),
    /// Make, list and revoke access tokens.
    Token(token::Arguments),
    /// Print the OpenAPI document.
    Openapi(openapi::Arguments),
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes; what can't be printed can't be helped.
            drop(error.print());
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Mode(arguments) => mode::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Drill(arguments) => drill::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Notifications(arguments) => notifications::run(&arguments),
        Command::Incidents(arguments) => incidents::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Promote(arguments) => promote::run(&arguments),
        Command::Requests(arguments) => requests::run(&arguments),
        Command::Annul(arguments) => annul::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Actions(arguments) => actions::run(&arguments),
        Command::Ready(arguments) => ready::run(&arguments),
        Command::Review(arguments) => review::run(&arguments),
        Command::Lab(arguments) => lab::run(&arguments),
        Command::Intake(arguments) => intake::run(&arguments),
        Command::Base(arguments) => base::run(&arguments),
        Command::Baseline(arguments) => baseline::run(&arguments),
        Command::Ledger(arguments) => ledger::run(&arguments),
        Command::Power(arguments) => power::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Dashboards(arguments) => dashboards::run(arguments),
        Command::Alerts(arguments) => alerts::run(arguments),
        Command::Token(arguments) => token::run(&arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
    }
}

/// The exit code of a command that talks to a daemon; says what went wrong.
fn done(result: Result<(), client::ClientError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(format!("andon: {error}"));
            let is_usage = error.is_usage();
            if is_usage { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}
