//! The commands, one file each.
//!
//! Owns the arguments, the exit codes (0 done, 1 failed, 64 wrong use or configuration) and what
//! is printed. Decides nothing about modes.

mod check;
mod openapi;
mod output;
mod serve;

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
    /// Check a configuration and say everything that is wrong with it.
    Check(check::Arguments),
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
        Command::Check(arguments) => check::run(&arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
    }
}
