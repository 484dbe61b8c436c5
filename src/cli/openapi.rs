//! `andon openapi`: prints the OpenAPI document.
//!
//! Owns nothing but the printing; the document is made from the routes.

use super::output;
use std::process::ExitCode;

/// Arguments of `andon openapi`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  andon openapi > openapi.json")]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> ExitCode {
    output::json(&crate::http::openapi());
    ExitCode::SUCCESS
}
