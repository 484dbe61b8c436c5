//! The secret of a token: how it is drawn, written and hashed.
//!
//! Owns the form `andon_` + 43 letters + 6 letters of checksum. A prefix and a checksum let scanners
//! find lost secrets without asking anybody, and refuse a mistyped one without hashing it, as GitHub's
//! tokens do (github.blog, "Behind GitHub's new authentication token formats", 2021).

use crate::domain::access::TOKEN_PREFIX;
use sha2::{Digest, Sha256};
use std::fmt;

/// The digits of the random part and of the checksum.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Random letters: 43 of 62 kinds are 256.03 bits.
const RANDOM: usize = 43;
/// Letters of the checksum: 62⁶ is above 2³².
const CHECK: usize = 6;
/// Length of the whole.
const LENGTH: usize = TOKEN_PREFIX.len() + RANDOM + CHECK;

/// A secret that was just drawn. It is shown once and kept nowhere.
pub struct Secret(String);

impl Secret {
    /// Draws one from the operating system's random numbers.
    ///
    /// # Errors
    /// The operating system gives none.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut text = String::with_capacity(LENGTH);
        text.push_str(TOKEN_PREFIX);
        let mut bytes = [0; 64];
        while text.len() < TOKEN_PREFIX.len() + RANDOM {
            getrandom::fill(&mut bytes)?;
            // Above the last whole multiple of 62 the first letters would be more likely than the others.
            let even = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(LETTERS[usize::from(byte % 62)]));
            let missing = TOKEN_PREFIX.len() + RANDOM - text.len();
            text.extend(even.take(missing));
        }
        let check = checksum(text.as_bytes());
        text.extend(check.map(char::from));
        Ok(Self(text))
    }

    /// The secret itself.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it. A slow hash, as passwords need, would protect against guessing, and 256 random
    /// bits can't be guessed: SHA-256 alone is enough, and a hundred thousand times faster.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The hash of what somebody presents; `None` where it can't be a token, whatever the tokens are.
    /// Takes the same small work for every text of the right length.
    pub fn hash_of(presented: &[u8]) -> Option<[u8; 32]> {
        if presented.len() != LENGTH || !presented.starts_with(TOKEN_PREFIX.as_bytes()) {
            return None;
        }
        let (checked, check) = presented.split_at(LENGTH - CHECK);
        (check == checksum(checked)).then(|| Sha256::digest(presented).into())
    }
}

/// A secret that gets into a log by mistake isn't one any more.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// CRC-32 of the part before it, most significant letter first.
fn checksum(checked: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(checked);
    let mut letters = [LETTERS[0]; CHECK];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS.get((rest % 62) as usize).copied().unwrap_or(LETTERS[0]);
        rest /= 62;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_its_form_and_its_hash() {
        let secret = Secret::draw().unwrap();
        assert_eq!(secret.text().len(), 55);
        assert!(secret.text()[6..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(Secret::hash_of(secret.text().as_bytes()), Some(secret.hash()));
        assert_ne!(secret.text(), Secret::draw().unwrap().text());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    /// A form that changed would lock everybody out: this one was written by the first version.
    #[test]
    fn the_form_stays_what_it_was() {
        let text = [TOKEN_PREFIX, &"a".repeat(43), "1XSqgP"].concat();
        let hash = Secret::hash_of(text.as_bytes()).expect("the checksum holds");
        assert_eq!(hash[..4], [68, 46, 223, 219]);
    }

    #[test]
    fn every_changed_letter_is_noticed_before_anything_is_compared() {
        let secret = Secret::draw().unwrap();
        for at in 0..secret.text().len() {
            let mut changed = secret.text().as_bytes().to_vec();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(Secret::hash_of(&changed), None, "{at}");
        }
        for bad in [&b""[..], TOKEN_PREFIX.as_bytes(), &[0xff; 55], &secret.text().as_bytes()[1..]] {
            assert_eq!(Secret::hash_of(bad), None);
        }
    }

    /// Each of the 62 letters about as often as the others: 43,000 letters, 694 of each expected, and
    /// more than six standard deviations away would be chance once in 10⁷ runs.
    #[test]
    fn letters_are_even() {
        let mut counts = [0_u32; 256];
        for _ in 0..1_000 {
            Secret::draw().unwrap().text()[6..49].bytes().for_each(|byte| counts[usize::from(byte)] += 1);
        }
        assert!(LETTERS.iter().all(|letter| (530..860).contains(&counts[usize::from(*letter)])), "{counts:?}");
    }
}
