//! Who is signed in to the console: a cookie's secret stands for a token that was shown once.
//!
//! Owns the table, its limit and how long a sign-in holds. It keeps hashes only: of the cookie, and of the token, so
//! that a token that is revoked or expires ends its sessions, too. Knows no request. A restart signs everybody out.

use super::Secret;
use crate::domain::Time;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq as _;

/// Sign-ins of one token at the same time; for one more its oldest ends.
const OF_ONE_TOKEN: usize = 20;
/// What the cookie's name begins with.
pub const COOKIE: &str = "andon-session";

/// Somebody who is signed in. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Hash of the token that was shown.
    pub token: [u8; 32],
    /// When it ends.
    pub expires_at: Time,
    /// What every form that changes something must carry (OWASP's synchronizer token pattern).
    form_key: String,
}

impl Session {
    /// What forms carry.
    pub fn form_key(&self) -> &str {
        &self.form_key
    }

    /// Whether a form carries what it must; takes the same time wherever it is wrong.
    pub fn is_form_of(&self, presented: &str) -> bool {
        self.form_key.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

/// Everybody who is signed in.
pub struct Sessions {
    max: usize,
    lasts_ms: i64,
    open: Mutex<BTreeMap<[u8; 32], Session>>,
}

impl Sessions {
    /// At most `max` people, 1 at least, each for `lasts_ms`.
    pub fn new(max: usize, lasts_ms: i64) -> Self {
        Self { max: max.max(1), lasts_ms, open: Mutex::default() }
    }

    /// Signs somebody in who showed the token with this hash; gives the secret for the cookie. Where there are too
    /// many, the one that ends first is signed out.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn open(&self, token: [u8; 32], now: Time) -> Result<(Secret, Session), getrandom::Error> {
        let (secret, form_key) = (Secret::draw()?, Secret::draw()?);
        let session = Session { token, expires_at: now.plus(self.lasts_ms), form_key: form_key.text().to_owned() };
        let mut open = self.table();
        open.retain(|_, session| session.expires_at > now);
        let oldest = |open: &BTreeMap<[u8; 32], Session>, whose: Option<&[u8; 32]>| {
            let own = open.iter().filter(|(_, session)| whose.is_none_or(|token| session.token == *token));
            own.min_by_key(|(_, session)| session.expires_at).map(|(hash, _)| *hash)
        };
        // Nobody signs the others out by signing in again and again.
        while open.values().filter(|session| session.token == token).count() >= OF_ONE_TOKEN.min(self.max) {
            oldest(&open, Some(&token)).and_then(|hash| open.remove(&hash));
        }
        while open.len() >= self.max {
            oldest(&open, None).and_then(|hash| open.remove(&hash));
        }
        open.insert(secret.hash(), session.clone());
        Ok((secret, session))
    }

    /// Whose a cookie is; `None` where it is nobody's, or no longer. Found by its hash: how long that takes tells
    /// something about hashes only.
    pub fn find(&self, cookie: &str, now: Time) -> Option<Session> {
        let hash = Secret::hash_of(cookie.as_bytes())?;
        self.table().get(&hash).filter(|session| session.expires_at > now).cloned()
    }

    /// Signs somebody out.
    pub fn close(&self, cookie: &str) {
        if let Some(hash) = Secret::hash_of(cookie.as_bytes()) {
            self.table().remove(&hash);
        }
    }

    /// How many are signed in.
    pub fn count(&self, now: Time) -> usize {
        self.table().values().filter(|session| session.expires_at > now).count()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_its_own_sessions_until_it_ends() {
        let sessions = Sessions::new(10, 1_000);
        let (cookie, session) = sessions.open([1; 32], Time(0)).unwrap();
        let (other, another) = sessions.open([1; 32], Time(500)).unwrap();
        assert!(sessions.find(cookie.text(), Time(999)) == Some(session.clone()));
        assert!(session.is_form_of(session.form_key()) && !session.is_form_of(another.form_key()));
        assert!(!session.is_form_of("") && !session.is_form_of(cookie.text()));
        assert!(sessions.find(cookie.text(), Time(1_000)).is_none());
        assert_eq!((sessions.count(Time(999)), sessions.count(Time(1_000))), (2, 1));
        sessions.close(other.text());
        assert!(sessions.find(other.text(), Time(600)).is_none());
        assert!(sessions.find("", Time(0)).is_none() && sessions.find("andon", Time(0)).is_none());
    }

    #[test]
    fn nobody_signs_the_others_out() {
        let sessions = Sessions::new(50, 1_000);
        let ann = sessions.open([1; 32], Time(0)).unwrap().0;
        for n in 1..=100 {
            sessions.open([2; 32], Time(n)).unwrap();
        }
        assert!(sessions.find(ann.text(), Time(101)).is_some());
        assert_eq!(sessions.count(Time(101)), 1 + OF_ONE_TOKEN);
    }

    #[test]
    fn for_one_too_many_the_oldest_goes() {
        let sessions = Sessions::new(2, 1_000);
        let cookies: Vec<_> = (0..3).map(|n| sessions.open([0; 32], Time(n)).unwrap().0).collect();
        let holds: Vec<bool> = cookies.iter().map(|c| sessions.find(c.text(), Time(3)).is_some()).collect();
        assert_eq!(holds, [false, true, true]);
    }
}
