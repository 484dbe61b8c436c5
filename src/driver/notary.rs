//! The notary: reads what is new in the ledger, checks it, and signs a checkpoint of it.
//!
//! Owns what is checked before anything is signed: a log must never sign what contradicts an earlier
//! checkpoint of it. Must not know when it is its turn (`notary_desk.rs`).

use crate::config::LedgerSettings;
use crate::domain::Time;
use crate::seal::{Anchor, Auditor, Checkpoint, NoteError, Row, Signer, Source, VerifierKey};
use crate::store::{Book, CheckpointFolder, KeptCheckpoint, LedgerQuery, LedgerReader, StoreError};
use std::sync::Arc;
use thiserror::Error;

/// Entries read at a time.
const PAGE: usize = 1_000;

/// Why there is no new checkpoint.
#[derive(Debug, Error)]
pub enum NotaryError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key can't be used.
    #[error("the key `ledger.key` can't be used: {0}")]
    Key(String),
    /// The system gives no random numbers.
    #[error("no key can be made: the system gives no random numbers ({0})")]
    Random(getrandom::Error),
    /// An earlier checkpoint is not of this log.
    #[error(
        "the last checkpoint in `{place}` is not of this log: {cause}. Keep the checkpoints of each log in a folder of its own; if `ledger.key` was lost, move the old checkpoints to another folder"
    )]
    Foreign {
        /// Where it is kept.
        place: String,
        /// Why it isn't believed.
        cause: NoteError,
    },
    /// The ledger isn't what it was.
    #[error("nothing is signed, because the ledger was changed: {0}; `andon ledger verify` says more")]
    Damaged(String),
}

/// Signs checkpoints of one ledger.
pub struct Notary {
    book: Arc<dyn Book>,
    reader: Arc<dyn LedgerReader>,
    signer: Signer,
    folder: Option<CheckpointFolder>,
    kept_max: usize,
    /// All entries that were read so far.
    auditor: Auditor,
    /// Entries of the last checkpoint.
    signed: u64,
    /// A checkpoint that could not be written into the folder.
    unwritten: Option<KeptCheckpoint>,
}

impl Notary {
    /// Gets the key, or makes it, and reads the whole ledger against the last checkpoints.
    ///
    /// # Errors
    /// See [`NotaryError`]; nothing is signed.
    pub fn open(book: Arc<dyn Book>, settings: &LedgerSettings) -> Result<Self, NotaryError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(NotaryError::Random)?;
        let fresh = Signer::new(&settings.origin, seed).map_err(NotaryError::Key)?;
        let key = Signer::read(&book.ledger_key(&fresh.secret())?).map_err(NotaryError::Key)?;
        let signer = key.renamed(&settings.origin);
        let reader = book.reader()?;
        let kept_max = usize::try_from(settings.checkpoints_max).unwrap_or(usize::MAX);
        let folder = settings.checkpoint_path.clone().map(|path| CheckpointFolder::new(path, kept_max));
        let kept = reader.checkpoints(1)?.pop();
        let mut anchors = Vec::new();
        if let Some(kept) = &kept {
            let key = kept.key.parse().unwrap_or_else(|_| signer.verifier().clone());
            anchors.push(anchor(Source::Store, "ledger.db", &kept.note, key)?);
        }
        let mut latest = None;
        if let (Some(folder), Some(path)) = (&folder, &settings.checkpoint_path)
            && let Some(note) = folder.latest()?
        {
            anchors.push(anchor(Source::Folder, &path.display().to_string(), &note, signer.verifier().clone())?);
            latest = Some(note);
        }
        let signed = anchors.iter().map(|anchor| anchor.checkpoint.size).max().unwrap_or(0);
        // A folder that was added, or that failed at the last stop, gets the last one first.
        let unwritten = kept.filter(|kept| folder.is_some() && latest.as_ref() != Some(&kept.note));
        let mut auditor = Auditor::new(anchors);
        read(&*reader, &mut auditor)?;
        if let Some(problem) = auditor.problem() {
            return Err(NotaryError::Damaged(problem));
        }
        if signed > auditor.tree().size() {
            let cause = format!("it has {} entries, and {signed} were signed", auditor.tree().size());
            return Err(NotaryError::Damaged(cause));
        }
        Ok(Self { book, reader, signer, folder, kept_max, auditor, signed, unwritten })
    }

    /// The key to verify checkpoints with.
    pub const fn key(&self) -> &VerifierKey {
        self.signer.verifier()
    }

    /// Signs a checkpoint of all entries and says how many; `None` where nothing is new since the last one.
    ///
    /// # Errors
    /// See [`NotaryError`]. A checkpoint that is kept in the store but could not be written into the
    /// folder is written there with the next call.
    pub fn checkpoint(&mut self, now: Time) -> Result<Option<u64>, NotaryError> {
        let wrote_late = self.write_out()?;
        if self.reader.head()?.entries == self.signed {
            return Ok(wrote_late.then_some(self.signed));
        }
        read(&*self.reader, &mut self.auditor)?;
        if let Some(problem) = self.auditor.problem() {
            return Err(NotaryError::Damaged(problem));
        }
        let size = self.auditor.tree().size();
        let note = Checkpoint::sign(size, self.auditor.tree().root(), &self.signer);
        let kept = KeptCheckpoint { size, time: now, note, key: self.signer.verifier().to_string() };
        self.book.checkpoint_add(&kept, self.kept_max)?;
        self.signed = size;
        self.unwritten = Some(kept);
        self.write_out()?;
        Ok(Some(size))
    }

    /// Writes what waits for it into the folder; whether something did.
    fn write_out(&mut self) -> Result<bool, NotaryError> {
        if let (Some(folder), Some(kept)) = (&self.folder, &self.unwritten) {
            folder.put(kept.size, &kept.note)?;
        }
        Ok(self.unwritten.take().is_some())
    }
}

/// Opens an earlier checkpoint. Its origin may be an earlier name of the log; the key is the same.
fn anchor(source: Source, place: &str, note: &str, key: VerifierKey) -> Result<Anchor, NotaryError> {
    let foreign = |cause| NotaryError::Foreign { place: place.to_owned(), cause };
    let origin = Checkpoint::claimed(note).map_err(foreign)?.origin;
    let checkpoint = Checkpoint::open(note, &[key.renamed(&origin)]).map_err(foreign)?;
    Ok(Anchor { source, place: place.to_owned(), checkpoint })
}

/// Reads the entries after those that the auditor knows, up to the kept head, which must be theirs.
fn read(reader: &dyn LedgerReader, auditor: &mut Auditor) -> Result<(), NotaryError> {
    let head = reader.head()?;
    while auditor.tree().size() < head.entries {
        let after = auditor.tree().size();
        let page = LedgerQuery { after, before: Some(head.entries + 1), limit: PAGE, ..LedgerQuery::default() };
        let entries = reader.sealed(&page)?;
        if entries.is_empty() {
            return Err(NotaryError::Damaged(format!("entry {} is missing", after + 1)));
        }
        for entry in &entries {
            let body = entry.body.as_bytes();
            let (seq, body_version) = (entry.ledger_seq, entry.body_version.into());
            auditor.row(&Row { seq, body_version, body, leaf: entry.leaf, chain: entry.chain, columns: None });
        }
        if auditor.problem().is_some() {
            return Ok(());
        }
    }
    if auditor.tree().size() == head.entries && auditor.chain() == head.chain {
        return Ok(());
    }
    Err(NotaryError::Damaged("its last entry is not the one that was written last".to_owned()))
}
