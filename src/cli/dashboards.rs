//! `andon dashboards export`: writes the dashboards that this program brings along.
//!
//! Owns the arguments; what is filled in and how it is written is `pack`'s.

use super::pack::{self, Own};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `andon dashboards`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write the dashboards for Grafana, with your own names filled in.
    Export(Export),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon dashboards export --out dashboards
  andon dashboards export --out /var/lib/grafana/dashboards/andon --datasource-name Mimir \\
    --job monitoring/andon --base-url https://andon.example.com --force

What isn't named stays as it is shipped: Grafana's default data source, every job, and andon at
http://127.0.0.1:9797. All of it are defaults of variables, which whoever looks may change.")]
struct Export {
    /// The folder to write into; it is made where it isn't there.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Name or uid of the data source in Grafana [default: Grafana's default one].
    #[arg(long, value_name = "NAME", value_parser = pack::datasource)]
    datasource_name: Option<String>,
    /// Name of the scrape job [default: every job that scrapes an andon].
    #[arg(long, value_parser = pack::job)]
    job: Option<String>,
    /// Where people reach andon, for links.
    #[arg(long, value_name = "URL", value_parser = pack::url)]
    base_url: Option<String>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let Command::Export(Export { out, datasource_name, job, base_url, force }) = arguments.command;
    let own = Own { datasource: datasource_name, job, base_url, ..Own::default() };
    pack::finish(pack::dashboards(&own).and_then(|files| pack::write(&out, &files, force)))
}
