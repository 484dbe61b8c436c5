//! A test message for one target, past whatever waits.
//!
//! Owns that there is one at a time for a target: each keeps a thread for as long as an attempt may take.

use super::check::test_message;
use super::desk::Notifier;
use super::post::Outcome;
use super::status::Tested;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Why there was no test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTest {
    /// No target has this name.
    Unknown,
    /// Another one of this target is under way.
    UnderWay,
}

/// The targets that are tested now.
pub(super) type Trials = Mutex<BTreeSet<String>>;

/// The place of one of them, until the test ended, however.
struct Trial<'t>(&'t Trials, &'t str);

impl<'t> Trial<'t> {
    fn begin(all: &'t Trials, target: &'t str) -> Option<Self> {
        let is_new = all.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned());
        is_new.then_some(Self(all, target))
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(self.1);
    }
}

impl Notifier {
    /// Sends a target a message that says that it is a test, past whatever waits. Blocks.
    ///
    /// # Errors
    /// No target has this name, or it is tested already.
    pub fn test(&self, target: &str, by: &str) -> Result<Tested, NoTest> {
        let way = self.way(target).ok_or(NoTest::Unknown)?;
        let _alone = Trial::begin(&self.trials, target).ok_or(NoTest::UnderWay)?;
        let clock = self.clock();
        let (began_ms, now) = (clock.monotonic_ms(), clock.now());
        let message = self.with_context(|context| test_message(target, by, now, context));
        let outcome = way.apart().send(&message, now);
        let ms = u64::try_from(clock.monotonic_ms() - began_ms).unwrap_or_default();
        let (delivered, error) = match outcome {
            Outcome::Delivered => (true, None),
            Outcome::Partly(error, _) => (true, Some(error)),
            Outcome::Failed(error, _) | Outcome::Refused(error) => (false, Some(error)),
        };
        Ok(Tested { delivered, error, ms })
    }
}
