//! A checkpoint: which log, how many entries, and the root of the tree over them (C2SP
//! tlog-checkpoint), signed as a note.
//!
//! Owns its three lines. Must not know where checkpoints are kept.

use super::hash::Hash;
use super::key::{Signer, VerifierKey};
use super::note::{Note, NoteError};

/// What a log says of itself at some size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, which is its key's name too.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root of the RFC 6962 tree over their leaf hashes.
    pub root: Hash,
}

impl Checkpoint {
    /// The signed note, with the signer's name as the origin.
    pub fn sign(size: u64, root: Hash, signer: &Signer) -> String {
        signer.sign(&format!("{}\n{size}\n{}\n", signer.verifier().name(), root.base64()))
    }

    /// Reads a signed note and believes it only where one of the keys signed it for its own log.
    ///
    /// # Errors
    /// It is no checkpoint, of another log, or its signature is bad.
    pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Self, NoteError> {
        let note = Note::parse(note)?;
        let key = note.verified(keys)?;
        let checkpoint = Self::read(note.text())?;
        if checkpoint.origin == key.name() { Ok(checkpoint) } else { Err(NoteError::UnknownKey(checkpoint.origin)) }
    }

    /// Reads a note without believing it: for telling people what it claims.
    ///
    /// # Errors
    /// It is no checkpoint.
    pub fn claimed(note: &str) -> Result<Self, NoteError> {
        Self::read(Note::parse(note)?.text())
    }

    fn read(text: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::Malformed;
        let mut lines = text.lines();
        // Further lines are extensions, which are signed but say nothing to us.
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(wrong("its text has fewer than three lines"));
        };
        let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
        let number = number.ok_or(wrong("its second line is no number of entries"))?;
        let root = Hash::from_base64(root).ok_or(wrong("its third line is no root"))?;
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(wrong("it has an empty line"));
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_signed_and_read() {
        let signer = Signer::new("andon.example/prod", [1; 32]).unwrap();
        let root = Hash::of(&[b"root"]);
        let note = Checkpoint::sign(20_852_163, root, &signer);
        assert_eq!(note.lines().take(2).collect::<Vec<_>>(), ["andon.example/prod", "20852163"]);
        let keys = [signer.verifier().clone()];
        let read = Checkpoint::open(&note, &keys).unwrap();
        assert_eq!((read.origin.as_str(), read.size, read.root), ("andon.example/prod", 20_852_163, root));
        for (from, to) in [("20852163", "20852164"), ("andon.example/prod\n2", "andon.example/test\n2")] {
            assert!(matches!(Checkpoint::open(&note.replace(from, to), &keys), Err(NoteError::BadSignature(_))));
        }
    }

    /// A key signs for its own log only, also where it is another one's text that it signs.
    #[test]
    fn a_checkpoint_of_another_origin_is_refused() {
        let signer = Signer::new("andon.example/prod", [1; 32]).unwrap();
        let note = signer.sign(&format!("andon.example/test\n3\n{}\n", Hash::of(&[]).base64()));
        let error = Checkpoint::open(&note, &[signer.verifier().clone()]).unwrap_err();
        assert_eq!(error, NoteError::UnknownKey("andon.example/test".into()));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let signer = Signer::new("o", [1; 32]).unwrap();
        let root = Hash::of(&[]).base64();
        for text in
            ["o\n", "o\n1\n", "o\n01\n{root}\n", "o\n-1\n{root}\n", "o\n1\nAAAA\n", "o\n+1\n{root}\n", "\n1\n{root}\n"]
        {
            let note = signer.sign(&text.replace("{root}", &root));
            assert!(
                matches!(Checkpoint::open(&note, &[signer.verifier().clone()]), Err(NoteError::Malformed(_))),
                "{text:?}"
            );
        }
        let extended = signer.sign(&format!("o\n1\n{root}\nmore\n"));
        assert_eq!(Checkpoint::open(&extended, &[signer.verifier().clone()]).unwrap().size, 1);
    }
}
