//! `andon alerts export`: writes the alerting rules that this program brings along.
//!
//! Owns the arguments; what is filled in and how it is written is `pack`'s.

use super::pack::{self, Own};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `andon alerts`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write the rules for Prometheus and an example for Alertmanager, with your own names filled in.
    Export(Export),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon alerts export --out alerts --job andon --base-url https://andon.example.com \\
    --grafana-url https://grafana.example.com
  andon alerts export --out /etc/prometheus/rules --runbooks-url https://wiki.example.com/andon/runbooks --force
  promtool check rules alerts/andon.rules.yaml && promtool test rules alerts/andon.rules.test.yaml

What isn't named stays as it is shipped: the job andon, and addresses below example.com, which lead nowhere.")]
struct Export {
    /// The folder to write into; it is made where it isn't there.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Name of the scrape job: the alerts about an andon that is absent name it.
    #[arg(long, value_parser = pack::job)]
    job: Option<String>,
    /// Where Alertmanager and people reach andon.
    #[arg(long, value_name = "URL", value_parser = pack::url)]
    base_url: Option<String>,
    /// Where people reach Grafana, for links to the dashboards.
    #[arg(long, value_name = "URL", value_parser = pack::url)]
    grafana_url: Option<String>,
    /// Where docs/runbooks.md is published [default: `runbooks` below --base-url].
    #[arg(long, value_name = "URL", value_parser = pack::url)]
    runbooks_url: Option<String>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let Command::Export(Export { out, job, base_url, grafana_url, runbooks_url, force }) = arguments.command;
    let own = Own { job, base_url, grafana_url, runbooks_url, ..Own::default() };
    pack::finish(pack::write(&out, &pack::alerts(&own), force))
}
