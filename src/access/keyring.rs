//! Whose a presented token is.
//!
//! Owns the comparison. What is presented is hashed first, so that the time of a comparison can tell
//! something about hashes only, and a hash says nothing about the 256 random bits behind it; the
//! comparison of whole hashes takes the same time wherever they differ.

use super::secret::Secret;
use crate::config::Token;
use crate::domain::{Person, Time};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// Who gets in.
#[derive(Debug)]
pub enum Access {
    /// No tokens are configured: everybody, and the address must be this machine's own.
    Open,
    /// Whoever has one of these.
    Tokens(Keyring),
}

/// Why somebody doesn't get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No token was sent.
    Missing,
    /// What was sent isn't a token of andon.
    Malformed,
    /// A token that isn't in the file, or no longer.
    Unknown,
    /// It was good until then.
    Expired(Time),
}

impl Denied {
    /// The word used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired(_) => "expired",
        }
    }
}

impl Access {
    /// How many tokens there are; `None` where none are configured.
    pub fn count(&self, now: Time) -> Option<Count> {
        match self {
            Self::Open => None,
            Self::Tokens(keyring) => Some(keyring.count(now)),
        }
    }
}

/// How many tokens there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// That hold.
    pub holding: usize,
    /// That have expired.
    pub expired: usize,
    /// When the next one of those that hold expires.
    pub next_expiry: Option<Time>,
}

/// Tokens in the order of their hashes.
#[derive(Debug)]
pub struct Keyring(Vec<Held>);

#[derive(Debug)]
struct Held {
    /// The first eight bytes of the hash: where to look.
    place: u64,
    hash: [u8; 32],
    expires: Option<Time>,
    person: Arc<Person>,
}

impl Keyring {
    /// The tokens of a file.
    pub fn new(tokens: Vec<Token>) -> Self {
        let held = |token: Token| Held {
            place: place(&token.hash),
            hash: token.hash,
            expires: token.expires,
            person: Arc::new(token.person),
        };
        let mut all: Vec<Held> = tokens.into_iter().map(held).collect();
        all.sort_by_key(|held| held.place);
        Self(all)
    }

    /// Whose a presented token is. Wrong ones cost one checksum, or one hash and one look-up.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn person(&self, presented: &[u8], now: Time) -> Result<Arc<Person>, Denied> {
        self.person_of(&Secret::hash_of(presented).ok_or(Denied::Malformed)?, now)
    }

    /// Whose the token with this hash is.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn person_of(&self, hash: &[u8; 32], now: Time) -> Result<Arc<Person>, Denied> {
        let wanted = place(hash);
        let from = self.0.partition_point(|held| held.place < wanted);
        let near = self.0[from..].iter().take_while(|held| held.place == wanted);
        let found = near.filter(|held| bool::from(held.hash.ct_eq(hash))).last().ok_or(Denied::Unknown)?;
        match found.expires {
            Some(expires) if now >= expires => Err(Denied::Expired(expires)),
            _ => Ok(Arc::clone(&found.person)),
        }
    }

    /// How many there are.
    pub fn count(&self, now: Time) -> Count {
        self.0.iter().fold(Count::default(), |mut count, held| {
            if held.expires.is_some_and(|expires| now >= expires) {
                count.expired += 1;
                return count;
            }
            count.holding += 1;
            let next = count.next_expiry.into_iter().chain(held.expires).min();
            Count { next_expiry: next, ..count }
        })
    }
}

fn place(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(secret: &Secret, name: &str, expires: Option<Time>) -> Token {
        let person = Person { name: name.to_owned(), ..Person::local() };
        Token { person, expires, hash: secret.hash(), created: None }
    }

    #[test]
    fn each_token_is_its_own_persons_until_it_expires() {
        let secrets: Vec<Secret> = (0..100).map(|_| Secret::draw().unwrap()).collect();
        let tokens = secrets.iter().enumerate().map(|(n, secret)| token(secret, &n.to_string(), Some(Time(1_000))));
        let keyring = Keyring::new(tokens.collect());
        for (n, secret) in secrets.iter().enumerate() {
            let found = keyring.person(secret.text().as_bytes(), Time(999));
            assert_eq!(found.map(|person| person.name.clone()), Ok(n.to_string()));
            assert_eq!(keyring.person(secret.text().as_bytes(), Time(1_000)), Err(Denied::Expired(Time(1_000))));
        }
        let stranger = Secret::draw().unwrap();
        assert_eq!(keyring.person(stranger.text().as_bytes(), Time(0)), Err(Denied::Unknown));
        assert_eq!(keyring.person(b"andon", Time(0)), Err(Denied::Malformed));
    }

    /// Whole hashes are compared, also where their beginnings are the same.
    #[test]
    fn hashes_with_the_same_beginning_are_told_apart() {
        let secret = Secret::draw().unwrap();
        let mut others: Vec<Token> = (0..3).map(|n| token(&secret, &n.to_string(), None)).collect();
        others[0].hash[31] ^= 1;
        others[2].hash[8] ^= 128;
        let keyring = Keyring::new(others.clone());
        assert_eq!(keyring.person(secret.text().as_bytes(), Time(0)).map(|p| p.name.clone()), Ok("1".to_owned()));
        others.remove(1);
        assert_eq!(Keyring::new(others).person(secret.text().as_bytes(), Time(0)), Err(Denied::Unknown));
    }

    #[test]
    fn tokens_are_counted() {
        let secret = Secret::draw().unwrap();
        let all = [Some(Time(5)), None, Some(Time(30)), Some(Time(20))].map(|expires| token(&secret, "a", expires));
        let keyring = Keyring::new(all.to_vec());
        assert_eq!(keyring.count(Time(10)), Count { holding: 3, expired: 1, next_expiry: Some(Time(20)) });
        assert_eq!(Keyring::new(Vec::new()).count(Time(10)), Count::default());
    }

    /// Run with `--ignored --nocapture` and `--release` to see what a look-up takes.
    #[test]
    #[ignore = "a measurement"]
    fn how_long_a_look_up_takes() {
        use crate::clock::{Clock as _, SystemClock};
        let secrets: Vec<Secret> = (0..100).map(|_| Secret::draw().unwrap()).collect();
        let keyring = Keyring::new(secrets.iter().map(|secret| token(secret, "a", Some(Time(i64::MAX)))).collect());
        let clock = SystemClock::default();
        let rounds = 10_000;
        let before = clock.monotonic_ms();
        for _ in 0..rounds {
            assert!(secrets.iter().all(|secret| keyring.person(secret.text().as_bytes(), Time(0)).is_ok()));
        }
        let took_ms = clock.monotonic_ms() - before;
        println!("{} ns a look-up", took_ms * 1_000_000 / (rounds * 100));
    }
}
