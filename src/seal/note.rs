//! Signed notes: a text, an empty line, lines with signatures (C2SP signed-note v1).
//!
//! Owns reading notes and judging their signatures. Must not know what a text says.

use super::key::{VerifierKey, is_name};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// A larger note is not read.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
/// More signatures are not read; C2SP asks for at least 16.
const SIGNATURES_MAX: usize = 64;

/// Why a note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// It is no signed note.
    #[error("it is no checkpoint: {0}")]
    Malformed(&'static str),
    /// Nobody known signed it.
    #[error("it is signed by {0}, which is none of the keys that are trusted here")]
    UnknownKey(String),
    /// A known key's signature is not of this text.
    #[error("its signature of {0} is bad: the text or the signature was changed")]
    BadSignature(String),
}

struct Line {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// A note that was read but not yet believed.
pub struct Note {
    text: String,
    lines: Vec<Line>,
}

impl Note {
    /// Takes a note apart.
    ///
    /// # Errors
    /// It is no signed note.
    pub fn parse(bytes: &str) -> Result<Self, NoteError> {
        let wrong = NoteError::Malformed;
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(wrong("it is larger than 64 KiB"));
        }
        if bytes.contains(|c: char| c.is_ascii_control() && c != '\n') {
            return Err(wrong("it holds control characters"));
        }
        let split = bytes.rfind("\n\n").ok_or(wrong("it has no empty line between text and signatures"))?;
        let (text, signatures) = (&bytes[..=split], &bytes[split + 2..]);
        if !signatures.ends_with('\n') {
            return Err(wrong("its last line has no end: a part of it is missing"));
        }
        let lines: Vec<Line> =
            signatures.lines().map(line).collect::<Option<_>>().ok_or(wrong("a line of signatures can't be read"))?;
        if lines.is_empty() || lines.len() > SIGNATURES_MAX {
            return Err(wrong("it needs 1 to 64 signatures"));
        }
        Ok(Self { text: text.to_owned(), lines })
    }

    /// The text that is signed, with its last newline. Not to be used before [`Note::verified`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The key of `keys` that signed. Signatures of others are passed over; one of a known key must be good.
    ///
    /// # Errors
    /// No known key signed, or a signature is bad.
    pub fn verified<'k>(&self, keys: &'k [VerifierKey]) -> Result<&'k VerifierKey, NoteError> {
        let mut found = None;
        for Line { name, id, signature } in &self.lines {
            for key in keys.iter().filter(|key| key.name() == name && key.id() == *id) {
                if !key.verifies(&self.text, signature) {
                    return Err(NoteError::BadSignature(name.clone()));
                }
                found = found.or(Some(key));
            }
        }
        found.ok_or_else(|| {
            let names: Vec<String> =
                self.lines.iter().map(|line| format!("{}+{:08x}", line.name, u32::from_be_bytes(line.id))).collect();
            NoteError::UnknownKey(names.join(", "))
        })
    }
}

fn line(text: &str) -> Option<Line> {
    let (name, signature) = text.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = STANDARD.decode(signature).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (is_name(name) && !signature.is_empty()).then(|| Line {
        name: name.to_owned(),
        id: *id,
        signature: signature.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::key::Signer;
    use super::*;

    /// The example of the documentation of Go's package `golang.org/x/mod/sumdb/note`.
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn peter() -> VerifierKey {
        PUBLIC.parse().unwrap()
    }

    #[test]
    fn a_note_of_another_program_verifies() {
        let note = Note::parse(NOTE).unwrap();
        assert_eq!(note.verified(&[peter()]).unwrap().name(), "PeterNeumann");
        assert!(note.text().ends_with("problem is.\n"));
        let changed = Note::parse(&NOTE.replace("the answer", "an answer")).unwrap();
        assert_eq!(changed.verified(&[peter()]), Err(NoteError::BadSignature("PeterNeumann".into())));
        let renamed = Note::parse(&NOTE.replace("\u{2014} Peter", "\u{2014} Paul")).unwrap();
        assert!(matches!(renamed.verified(&[peter()]), Err(NoteError::UnknownKey(_))));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        for bad in
            ["", "\n", "text\n", "text\n\n", "text\n\n- PeterNeumann x08g\n", "text\n\n\u{2014} Peter\n", "a\r\n\nb\n"]
        {
            assert!(matches!(Note::parse(bad), Err(NoteError::Malformed(_))), "{bad:?}");
        }
        assert!(Note::parse(NOTE.trim_end()).is_err(), "cut off");
        assert!(Note::parse(&format!("{}{NOTE}", "x\n".repeat(NOTE_BYTES_MAX))).is_err(), "too large");
    }

    #[test]
    fn signatures_of_others_are_passed_over() {
        let signer = Signer::new("andon/ledger", [9; 32]).unwrap();
        let note = format!("{}\u{2014} witness.example AAAAAAAA\n", signer.sign("a\nb\n"));
        let keys = [peter(), signer.verifier().clone()];
        assert_eq!(Note::parse(&note).unwrap().verified(&keys).unwrap(), signer.verifier());
    }
}
