//! `andon ledger`: the record of all decisions, for those who must be able to prove it.
//!
//! Owns the arguments of its steps, and printing the key. The steps are in files of their own.

use super::client::{Client, Daemon};
use super::{ledger_export, ledger_verify, output};
use crate::seal::Signer;
use crate::store::{Inspection, KEY_FILE, read_key};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `andon ledger`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon ledger verify --config andon.toml --key andon.example.com/prod+1f2e3d4c+AbCd…
  andon ledger verify --store andon-data --checkpoint /mnt/elsewhere/andon
  andon ledger export --store andon-data > ledger.ndjson
  andon ledger verify --export ledger.ndjson --checkpoint latest --key verifier.key
  andon ledger key

docs/ledger.md says what each of them proves, and what it doesn't.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Check every entry, its hashes, and the checkpoints; exits 0 only when everything holds.
    Verify(ledger_verify::Arguments),
    /// Print entries with their hashes, one JSON object a line.
    Export(ledger_export::Arguments),
    /// Print the key that checkpoints are verified with.
    Key(KeyArguments),
}

#[derive(Debug, clap::Args)]
struct KeyArguments {
    #[command(flatten)]
    daemon: Daemon,
    /// Read it from this store's folder instead of asking the daemon.
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    store: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.step {
        Step::Verify(arguments) => ledger_verify::run(arguments),
        Step::Export(arguments) => ledger_export::run(arguments),
        Step::Key(arguments) => key(arguments),
    }
}

fn key(arguments: &KeyArguments) -> ExitCode {
    let Some(store) = &arguments.store else {
        let key = Client::of(&arguments.daemon).and_then(|client| client.text("/v1/ledger/key", "text/plain"));
        return super::done(key.map(|key| output::line(key.trim())));
    };
    match key_of(store) {
        Ok(key) => {
            output::line(key);
            ExitCode::SUCCESS
        }
        Err(cause) => {
            output::complain(format!("andon: {cause}"));
            ExitCode::FAILURE
        }
    }
}

/// The key of the newest checkpoint, which has the log's present name; before the first one the key's own.
fn key_of(store: &Path) -> Result<String, String> {
    let newest = Inspection::open(store).and_then(|ledger| ledger.checkpoints());
    if let Some(newest) = newest.map_err(|error| error.to_string())?.first() {
        return Ok(newest.key.clone());
    }
    let none = || format!("`{}` has no `{KEY_FILE}` yet: the daemon makes one soon after its start", store.display());
    let text = read_key(store).map_err(|error| error.to_string())?.ok_or_else(none)?;
    Signer::read(&text).map(|signer| signer.verifier().to_string())
}
