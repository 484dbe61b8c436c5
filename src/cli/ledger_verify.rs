//! `andon ledger verify`: whether the ledger is what was written.
//!
//! Owns gathering what is compared: the ledger or an export, checkpoints, keys. It changes nothing,
//! also beside a daemon at work. The judging is `seal`'s, the telling `ledger_verdict.rs`'s.

use super::ledger_verdict::{Subject, Verdict};
use super::{USAGE, check, output};
use crate::http::checkpoint::ExportLine;
use crate::seal::{Anchor, Auditor, Checkpoint, Damage, Finding, Head, NoteError, Row, Signer, Source, VerifierKey};
use crate::store::{CheckpointFolder, Inspection, KeptCheckpoint, StoreError, read_key};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The store where none is named, which is the configuration's default too.
const DEFAULT_STORE: &str = "andon-data";

/// Arguments of `andon ledger verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder of the store [default: that of the configuration, else andon-data].
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// The configuration, for the store and for `[ledger] checkpoint_path`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A checkpoint, or a folder of them, that was kept outside of the store; can be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The only keys to believe, each as text or in a file [default: those in the store].
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Verify the lines of an export instead of a store.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "config"])]
    export: Option<PathBuf>,
    /// Also fail where an entry is in no checkpoint from outside of the store.
    #[arg(long)]
    strict: bool,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
}

/// A checkpoint that nobody has judged yet.
struct Claim {
    source: Source,
    place: String,
    note: String,
}

/// What was gathered before the ledger is read.
#[derive(Default)]
struct Gathered {
    claims: Vec<Claim>,
    findings: Vec<Finding>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match verify(arguments) {
        Ok(verdict) => {
            if arguments.json {
                output::json(&verdict);
            } else {
                verdict.tell();
            }
            if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(cause) => {
            if !cause.is_empty() {
                output::complain(format!("andon: {cause}"));
            }
            ExitCode::from(USAGE)
        }
    }
}

/// The verdict; an error is a wrong use of the command.
fn verify(arguments: &Arguments) -> Result<Verdict, String> {
    let given = arguments.key.iter().map(|key| given_key(key)).collect::<Result<Vec<_>, _>>()?;
    // Before the ledger, which goes on growing: so no checkpoint can be ahead of what is read.
    let mut gathered = Gathered::default();
    for path in &arguments.checkpoint {
        gathered.from(Source::Given, path);
    }
    if let Some(export) = &arguments.export {
        if given.is_empty() && !arguments.checkpoint.is_empty() {
            return Err("an export holds no key: name the one that verifies the checkpoints with --key".to_owned());
        }
        return Ok(verify_export(export, gathered, given, arguments.strict));
    }
    let mut store = PathBuf::from(DEFAULT_STORE);
    if let Some(config) = &arguments.config {
        // What is wrong with it was said already.
        let settings = check::read(config, false).ok_or_else(String::new)?;
        store = settings.store.path;
        if let Some(folder) = &settings.ledger.checkpoint_path {
            gathered.from(Source::Folder, folder);
        }
    }
    let store = arguments.store.clone().unwrap_or(store);
    Ok(verify_store(&store, gathered, given, arguments.strict))
}

/// A key as text, or the name of a file that holds it.
fn given_key(text: &str) -> Result<VerifierKey, String> {
    let wrong = match text.parse() {
        Ok(key) => return Ok(key),
        Err(wrong) => wrong,
    };
    if !Path::new(text).is_file() {
        return Err(format!("`--key {text}` is neither a key nor a file: {wrong}"));
    }
    let content = std::fs::read_to_string(text).map_err(|error| format!("`{text}` can't be read: {error}"))?;
    content.parse().map_err(|wrong| format!("`{text}` holds no key: {wrong}"))
}

impl Gathered {
    /// A checkpoint's file, or all of a folder.
    fn from(&mut self, source: Source, path: &Path) {
        let found = if path.is_dir() || source == Source::Folder {
            CheckpointFolder::new(path.to_owned(), usize::MAX).read().map_err(|error| error.to_string())
        } else {
            let note = std::fs::read_to_string(path).map_err(|error| format!("it can't be read: {error}"));
            note.map(|note| vec![(path.to_owned(), note)])
        };
        let place = path.display().to_string();
        match found {
            Ok(found) if found.is_empty() => {
                let what = format!(
                    "the folder {place} holds no checkpoint: either none was written yet, or they were removed"
                );
                self.findings.push(Finding { checkpoint: Some(place), ..Finding::new(Damage::NoCheckpoint, what) });
            }
            Ok(found) => self.claims.extend(found.into_iter().map(|(path, note)| Claim {
                source,
                place: path.display().to_string(),
                note,
            })),
            Err(cause) => self.findings.push(Finding::of_checkpoint(Damage::NoCheckpoint, &place, &cause)),
        }
    }

    /// Those that a trusted key signed; what is wrong with the others is noted.
    fn judge(self, keys: &[VerifierKey]) -> (Vec<Anchor>, Vec<Finding>) {
        let (mut anchors, mut findings) = (Vec::new(), self.findings);
        for Claim { source, place, note } in self.claims {
            match Checkpoint::open(&note, keys) {
                Ok(checkpoint) => anchors.push(Anchor { source, place, checkpoint }),
                Err(error) => {
                    let damage = match &error {
                        NoteError::Malformed(_) => Damage::Malformed,
                        NoteError::UnknownKey(_) => Damage::Foreign,
                        NoteError::BadSignature(_) => Damage::Signature,
                    };
                    findings.push(Finding::of_checkpoint(damage, &place, &error.to_string()));
                }
            }
        }
        (anchors, findings)
    }
}

fn verify_store(store: &Path, mut gathered: Gathered, given: Vec<VerifierKey>, strict: bool) -> Verdict {
    let ledger = store.join("ledger.db").display().to_string();
    let subject = |keys: &[VerifierKey], given: bool| Subject::new(ledger.clone(), keys, given, strict);
    let found = Inspection::open(store).and_then(|ledger| Ok((ledger.checkpoints()?, ledger.head()?, ledger)));
    let (kept, head, inspection) = match found {
        Ok(found) => found,
        Err(error) => {
            let keys_are_given = !given.is_empty();
            let (_, mut findings) = gathered.judge(&given);
            findings.insert(0, Finding::new(damage_of(&error), error.to_string()));
            return Verdict::without_ledger(subject(&given, keys_are_given), findings);
        }
    };
    let keys_are_given = !given.is_empty();
    let keys = if keys_are_given { given } else { keys_of(store, &kept) };
    gathered.claims.extend(kept.into_iter().map(|kept| Claim {
        source: Source::Store,
        place: format!("over {} entries in the store", kept.size),
        note: kept.note,
    }));
    let (anchors, findings) = gathered.judge(&keys);
    let mut auditor = Auditor::new(anchors);
    findings.into_iter().for_each(|finding| auditor.note(finding));
    if let Err(error) = inspection.audit(&mut auditor) {
        auditor.note(Finding::new(Damage::Database, error.to_string()));
    }
    Verdict::new(subject(&keys, keys_are_given), auditor.finish(Some::<&Head>(&head)))
}

fn damage_of(error: &StoreError) -> Damage {
    if matches!(error, StoreError::NoLedger { .. }) { Damage::NoLog } else { Damage::Database }
}

/// The keys that the store itself names: good against accidents, and weak against whoever can change it.
fn keys_of(store: &Path, kept: &[KeptCheckpoint]) -> Vec<VerifierKey> {
    let mut keys: Vec<VerifierKey> = kept.iter().filter_map(|kept| kept.key.parse().ok()).collect();
    // Its owner alone can read it: others go without.
    let own = read_key(store).ok().flatten().and_then(|text| Signer::read(&text).ok());
    keys.extend(own.map(|signer| signer.verifier().clone()));
    keys.sort_by_key(ToString::to_string);
    keys.dedup();
    keys
}

fn verify_export(export: &Path, gathered: Gathered, keys: Vec<VerifierKey>, strict: bool) -> Verdict {
    let subject = Subject::new(export.display().to_string(), &keys, true, strict);
    let (anchors, findings) = gathered.judge(&keys);
    let mut auditor = Auditor::new(anchors);
    findings.into_iter().for_each(|finding| auditor.note(finding));
    let file = match File::open(export) {
        Ok(file) => file,
        Err(error) => {
            let what = format!("`{}` can't be read: {error}", export.display());
            return Verdict::without_ledger(subject, vec![Finding::new(Damage::NoLog, what)]);
        }
    };
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let unreadable =
            |cause: String| Finding::new(Damage::Unreadable, format!("line {number} can't be read: {cause}"));
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                auditor.note(unreadable(error.to_string()));
                break;
            }
        };
        match serde_json::from_str::<ExportLine<'_>>(&line) {
            Ok(ExportLine { ledger_seq: seq, body_version, leaf, chain, entry }) => {
                let (body_version, body) = (body_version.into(), entry.get().as_bytes());
                auditor.row(&Row { seq, body_version, body, leaf, chain, columns: None });
            }
            Err(error) => auditor.note(unreadable(error.to_string())),
        }
    }
    Verdict::new(subject, auditor.finish(None))
}
