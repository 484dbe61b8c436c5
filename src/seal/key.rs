//! The key of a log: its secret part signs, its public part verifies.
//!
//! Owns how both are written, as in C2SP signed-note and the `note` package of Go's `sumdb`, so that
//! other tools read them. Must not know where keys are kept or how chance comes into them.

use super::hash::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;

/// The kind of signature in front of a key's bytes: Ed25519.
const ED25519: u8 = 1;
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// The public part: `name+hex of the id+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// Whether a text can be a key's name: C2SP forbids spaces and `+`, and control characters break lines.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// The first four bytes of SHA-256(name ‖ newline ‖ kind ‖ key).
fn id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let Hash([a, b, c, d, ..]) = Hash::of(&[name.as_bytes(), b"\n", &[ED25519], key.as_bytes()]);
    [a, b, c, d]
}

fn split(text: &str) -> Option<(&str, u32, [u8; 32])> {
    let mut parts = text.splitn(3, '+');
    let (name, id, bytes) = (parts.next()?, parts.next()?, parts.next()?);
    let id = (id.len() == 8).then(|| u32::from_str_radix(id, 16).ok())??;
    let bytes = STANDARD.decode(bytes).ok()?;
    let (kind, key) = bytes.split_first()?;
    (*kind == ED25519 && is_name(name)).then_some((name, id, key.try_into().ok()?))
}

impl VerifierKey {
    /// Whose key it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id in signature lines.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The same key under another name: a log that was given another origin keeps its key.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self { name: name.to_owned(), id: id(name, &self.key), key: self.key }
    }

    /// Whether the signature is this key's for the text.
    pub fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519][..], self.key.as_bytes()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for VerifierKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "a verifier key is written `name+8 hex digits+base64`, as `andon ledger key` prints it".to_owned();
        let (name, found, key) = split(text.trim()).ok_or_else(wrong)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| wrong())?;
        let name = name.to_owned();
        let id = id(&name, &key);
        if u32::from_be_bytes(id) == found {
            Ok(Self { name, id, key })
        } else {
            Err("this verifier key is damaged: its name and its key don't give its id".to_owned())
        }
    }
}

/// The secret part. It is never shown but by [`Signer::secret`].
pub struct Signer {
    verifier: VerifierKey,
    key: SigningKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

impl Signer {
    /// A key from 32 random bytes.
    ///
    /// # Errors
    /// The name has spaces or `+`.
    pub fn new(name: &str, seed: [u8; 32]) -> Result<Self, String> {
        if !is_name(name) {
            return Err("the name of a key has neither spaces nor `+`".to_owned());
        }
        let key = SigningKey::from_bytes(&seed);
        let verifier =
            VerifierKey { name: name.to_owned(), id: id(name, &key.verifying_key()), key: key.verifying_key() };
        Ok(Self { verifier, key })
    }

    /// Reads what [`Signer::secret`] wrote.
    ///
    /// # Errors
    /// A sentence that doesn't repeat the secret.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || "it isn't a key as andon writes it".to_owned();
        let (name, found, seed) = text.trim().strip_prefix(SECRET_PREFIX).and_then(split).ok_or_else(wrong)?;
        let signer = Self::new(name, seed)?;
        if u32::from_be_bytes(signer.verifier.id) == found { Ok(signer) } else { Err(wrong()) }
    }

    /// The same key under another name.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self { verifier: self.verifier.renamed(name), key: self.key.clone() }
    }

    /// The key's text for its file.
    pub fn secret(&self) -> String {
        let key = STANDARD.encode([&[ED25519][..], self.key.as_bytes()].concat());
        format!("{SECRET_PREFIX}{}+{:08x}+{key}\n", self.verifier.name, u32::from_be_bytes(self.verifier.id))
    }

    /// The public part.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text that ends with a newline; the signed note.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let signature = STANDARD.encode([&self.verifier.id[..], &signature].concat());
        format!("{text}\n\u{2014} {} {signature}\n", self.verifier.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation of Go's package `golang.org/x/mod/sumdb/note`.
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    #[test]
    fn keys_are_those_of_the_note_package() {
        let signer = Signer::read(SECRET).unwrap();
        assert_eq!(signer.verifier().to_string(), PUBLIC);
        assert_eq!(signer.secret().trim(), SECRET);
        assert_eq!(&PUBLIC.parse::<VerifierKey>().unwrap(), signer.verifier());
        assert!(!format!("{signer:?}").contains("AYEKFALV"), "the secret part is never shown by accident");
        let other = signer.renamed("andon.example/prod");
        assert_ne!(other.verifier().id(), signer.verifier().id());
        assert_eq!(&signer.verifier().renamed("andon.example/prod"), other.verifier());
    }

    #[test]
    fn damaged_keys_are_refused() {
        for bad in ["", "a", "a+b", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
        assert!(PUBLIC.replace("Peter", "Pe ter").parse::<VerifierKey>().is_err());
        assert!(PUBLIC.replace("+AR", "+AQ").parse::<VerifierKey>().is_err(), "another key");
        assert!(PUBLIC.replace("+AR", "+BR").parse::<VerifierKey>().is_err(), "another kind of signature");
        let error = Signer::read(&SECRET.replace("c74f20a3", "c74f20a4")).unwrap_err();
        assert!(!error.contains("AYEK"), "{error}");
        for bad in ["", "a b", "a+b", "a\nb"] {
            assert!(Signer::new(bad, [7; 32]).is_err(), "{bad:?}");
        }
    }
}
