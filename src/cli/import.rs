//! `andon import`: the rows of a table become outputs or reviews.
//!
//! Owns the arguments and the reading of the files; where the rows go is a [`Sink`]: a store of
//! its own (`import_store`), a running daemon (`import_live`) or nowhere (`import_dry`).

use super::import_dry::Dry;
use super::import_live::Live;
use super::import_store::IntoStore;
use super::progress::Progress;
use super::refused::Refused;
use super::{USAGE, check, client, output, words};
use crate::domain::{OutputEvent, Refusal, Review};
use crate::driver::Past;
use crate::ingest::{Kind, Mapping, Rows, Target};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `andon import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon import --config policy.toml --mapping mapping.toml --dry-run requests.csv
  andon import --config policy.toml --mapping mapping.toml requests-1.csv requests-2.csv.gz
  andon import --config policy.toml --mapping mapping.toml --json requests.csv | jq '.workflows'
  andon import --mapping mapping.toml --url http://127.0.0.1:9797 today.ndjson

The policy is a configuration as for `serve`; examples/ holds mappings to begin with. The clock goes
by the rows' times, so that old rows don't lapse against today. An import that was cut off goes on
with --append: what is in the store already is not counted twice.")]
pub(super) struct Arguments {
    /// The configuration whose policy judges the outputs.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["url", "dry_run"])]
    config: Option<PathBuf>,
    /// Which column is which field.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// The store to write, new or empty [default: andon-import-NAME here, after the first file].
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    store: Option<PathBuf>,
    /// Add to a store that holds something already.
    #[arg(long, conflicts_with = "url")]
    append: bool,
    /// Send the rows to a running daemon instead.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file that holds the daemon's access token [default: the environment's ANDON_TOKEN].
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// Only read the rows and say what would be taken.
    #[arg(long, conflicts_with_all = ["url", "store", "append"])]
    dry_run: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// CSV or NDJSON files, gzipped or not.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Where rows go.
pub(super) trait Sink {
    /// Takes a row; the error ends the import.
    fn take(&mut self, past: Past, refused: &mut Refused) -> Result<(), String>;

    /// Everything was read.
    fn end(&mut self, refused: &mut Refused) -> Result<(), String>;

    /// Says what came of it.
    fn report(&self, read: &Read, json: bool);
}

/// What was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct Read {
    /// Rows, the refused and left out ones included.
    pub(super) rows: u64,
    /// Rows that the mapping's filter left out.
    pub(super) left_out: u64,
    /// What was not taken.
    pub(super) refused: Refused,
    /// Files that could not be read to their end.
    pub(super) broken: Vec<String>,
    /// How long it took.
    pub(super) took_ms: u64,
}

impl Read {
    /// The first line of every report.
    pub(super) fn line(&self, doing: &str) -> String {
        let left_out = if self.left_out == 0 {
            String::new()
        } else {
            format!(" ({} left out by the filter)", words::count(self.left_out))
        };
        let rate = self.rows * 1_000 / self.took_ms.max(1);
        format!(
            "{doing} {} rows{left_out} in {} ms: {} rows/s",
            words::count(self.rows),
            words::count(self.took_ms),
            words::count(rate)
        )
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match import(arguments) {
        Ok(is_whole) if is_whole => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(Failure::Usage(message)) => {
            if !message.is_empty() {
                output::complain(format!("andon: {message}"));
            }
            ExitCode::from(USAGE)
        }
        Err(Failure::Broke(message)) => {
            output::complain(format!("andon: {message}"));
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    /// Wrong arguments, configuration or mapping; an empty message was said already.
    Usage(String),
    /// Something failed on the way.
    Broke(String),
}

/// Imports; returns whether every file could be read and something was taken of it.
fn import(arguments: &Arguments) -> Result<bool, Failure> {
    let mapping = read_mapping(&arguments.mapping).map_err(Failure::Usage)?;
    let settings = match &arguments.config {
        None => None,
        Some(config) => Some(check::read(config, false).ok_or_else(|| Failure::Usage(String::new()))?),
    };
    // All files are looked at before anything is made or sent.
    for file in &arguments.files {
        columns_fit(file, &mapping).map_err(Failure::Usage)?;
    }
    let mut sink: Box<dyn Sink> = match (&arguments.url, settings) {
        (Some(url), _) => {
            let daemon = client::Daemon::new(url, arguments.token_file.as_deref());
            Box::new(Live::new(client::Client::of(&daemon).map_err(|e| Failure::Usage(e.to_string()))?))
        }
        (None, settings) if arguments.dry_run => Box::new(Dry::new(settings.map(|settings| settings.policy))),
        (None, Some(settings)) => {
            if !mapping.has_times() {
                return Err(Failure::Usage(format!(
                    "{} says no time, and the clock of an import goes by the rows' times: write [time] with column = \"…\", or with spacing = \"1s\" and a start, or send the rows to a daemon with --url",
                    arguments.mapping.display()
                )));
            }
            let folder = arguments.store.clone().unwrap_or_else(|| default_store(&arguments.files));
            Box::new(IntoStore::open(settings, folder, arguments.append).map_err(Failure::Broke)?)
        }
        (None, None) => return Err(Failure::Usage("--config FILE is missing".to_owned())),
    };
    let read = read_all(&arguments.files, &mapping, &mut *sink).map_err(Failure::Broke)?;
    sink.report(&read, arguments.json);
    if !arguments.json {
        read.refused.print("rows");
    }
    for file in &read.broken {
        output::complain(format!("andon: {file} could not be read to its end"));
    }
    let taken = read.rows - read.left_out - read.refused.count();
    Ok(read.broken.is_empty() && (taken > 0 || read.rows == read.left_out))
}

fn read_mapping(path: &Path) -> Result<Mapping, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("`{shown}` can't be read: {error}. The folder examples/ holds mappings"))?;
    Mapping::parse(&text).map_err(|error| format!("{shown}:\n{error}"))
}

fn columns_fit(path: &Path, mapping: &Mapping) -> Result<(), String> {
    match mapping.kind() {
        Kind::Events => Rows::<OutputEvent>::open(path, mapping).map(drop),
        Kind::Reviews => Rows::<Review>::open(path, mapping).map(drop),
    }
    .map_err(|error| error.to_string())
}

/// `andon-import-` and the name of the first file without its endings.
fn default_store(files: &[PathBuf]) -> PathBuf {
    let name = files.first().and_then(|file| file.file_name()).and_then(|name| name.to_str()).unwrap_or("table");
    PathBuf::from(format!("andon-import-{}", name.split('.').next().unwrap_or("table")))
}

fn read_all(files: &[PathBuf], mapping: &Mapping, sink: &mut dyn Sink) -> Result<Read, String> {
    let mut progress = Progress::new();
    let mut read = Read::default();
    let sizes = files.iter().map(|file| std::fs::metadata(file).map_or(0, |meta| meta.len()));
    let total: u64 = sizes.sum();
    let mut before = 0;
    for file in files {
        let mut state = Reading { file, before, total, progress: &mut progress, read: &mut read };
        before += match mapping.kind() {
            Kind::Events => state.rows::<OutputEvent>(mapping, sink)?,
            Kind::Reviews => state.rows::<Review>(mapping, sink)?,
        };
    }
    sink.end(&mut read.refused)?;
    progress.clear();
    read.took_ms = progress.elapsed_ms();
    Ok(read)
}

/// One file while it is read.
struct Reading<'a> {
    file: &'a Path,
    before: u64,
    total: u64,
    progress: &'a mut Progress,
    read: &'a mut Read,
}

impl Reading<'_> {
    fn rows<T: Target + Into<Past>>(&mut self, mapping: &Mapping, sink: &mut dyn Sink) -> Result<u64, String> {
        let mut rows = Rows::<T>::open(self.file, mapping).map_err(|error| error.to_string())?;
        let name = self.file.file_name().unwrap_or(self.file.as_os_str()).to_string_lossy().into_owned();
        let earlier = self.read.rows;
        while let Some(row) = rows.next() {
            self.read.rows = earlier + rows.rows_read() as u64;
            self.progress.show(self.before + rows.bytes_read(), self.total, self.read.rows, "rows");
            match row {
                Ok(past) => sink.take(past.into(), &mut self.read.refused)?,
                Err(refusal) => self.refuse(&refusal, &name),
            }
        }
        self.read.rows = earlier + rows.rows_read() as u64;
        self.read.left_out += rows.rows_left_out() as u64;
        if rows.is_broken() {
            self.read.broken.push(name);
        }
        Ok(rows.bytes_total())
    }

    fn refuse(&mut self, refusal: &Refusal, file: &str) {
        self.read.refused.add(refusal, Some(file));
    }
}
