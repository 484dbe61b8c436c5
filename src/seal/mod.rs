//! What makes the ledger accountable: hashes of entries, the tree over them, signed checkpoints and
//! the audit that compares all of it.
//!
//! Owns the exact bytes that are hashed and signed (docs/ledger.md writes them down). Must not know
//! files, databases, the time or where randomness is from: bytes in, verdicts out.

mod anchor;
mod audit;
mod chain;
mod checkpoint;
mod damage;
mod hash;
mod key;
mod note;
mod suspects;
mod tree;

pub use anchor::{Anchor, Compared, Fit, Source};
pub use audit::{Auditor, Columns, Head, Report, Row};
pub use chain::{CANONICAL_PREFIX, CHAIN_START, canonical, chain_start, leaf_hash, link};
pub use checkpoint::Checkpoint;
pub use damage::{Damage, FINDINGS_MAX, Finding};
pub use hash::Hash;
pub use key::{Signer, VerifierKey};
pub use note::{NOTE_BYTES_MAX, Note, NoteError};
pub use tree::Tree;
