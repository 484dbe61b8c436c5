//! The beginning: targets get their places in the ledger, as soon as the outbox can be used.
//!
//! Owns that nothing waits for that but notifications, and where targets begin after an outbox was damaged.

use super::desk::Desk;
use crate::domain::Time;
use crate::store::{LedgerQuery, StoreError};
use std::sync::PoisonError;

/// After a damaged outbox nobody knows what was told. What the ledger recorded within this time is told again, because
/// a repeat is known by its id and a silence by nothing …
const AGAIN_MS: i64 = Time::HOUR;
/// … but of so many entries at most, so that it is no flood.
const AGAIN_ENTRIES_MAX: u64 = 200;

impl Desk {
    /// Takes over the declared targets; once is enough, and until then it is tried again.
    pub(super) fn declare(&self) -> Result<(), StoreError> {
        let mut undeclared = self.undeclared.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(head) = *undeclared else { return Ok(()) };
        let aside = self.outbox.set_aside()?;
        self.metrics.outbox_damaged.set(i64::from(self.outbox.damaged()));
        let from = match &aside {
            Some(_) => self.recent(head)?,
            None => head,
        };
        let names: Vec<&str> = self.addressees().map(|addressee| addressee.name.as_str()).collect();
        let gone = self.outbox.declare(&names, from)?;
        *undeclared = None;
        drop(undeclared);
        if let Some(file) = aside {
            tracing::error!(
                file,
                entries = head - from,
                "`outbox.db` was damaged and is set aside: what waited in it is lost unless it is read from that file by hand. Targets are told again what the ledger recorded within the last hour, and then go on; modes are not concerned. Look at the disk, and remove the file when it is no longer needed"
            );
        }
        for (name, lost) in gone {
            tracing::warn!(
                target_name = name,
                lost,
                "a target is no longer declared, and what waited for it is forgotten"
            );
        }
        names.iter().try_for_each(|name| self.show(name))
    }

    /// Whether that is done.
    pub(super) fn is_declared(&self) -> bool {
        self.undeclared.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The place in the ledger from which what is recent follows; whole records only.
    fn recent(&self, head: u64) -> Result<u64, StoreError> {
        let after = head.saturating_sub(AGAIN_ENTRIES_MAX);
        let limit = usize::try_from(AGAIN_ENTRIES_MAX).unwrap_or(usize::MAX);
        let entries = self.ledger.entries(&LedgerQuery { after, limit, ..LedgerQuery::default() })?;
        let since = self.clock.now().plus(-AGAIN_MS);
        // The first record may have begun before what was read.
        let cut = entries.first().filter(|_| after > 0).map(|(_, entry)| entry.journal_seq);
        let is_recent = |entry: &crate::domain::Entry| entry.time >= since && Some(entry.journal_seq) != cut;
        let first = entries.iter().find(|(_, entry)| is_recent(entry));
        Ok(first.map_or(head, |(seq, _)| seq.saturating_sub(1)))
    }
}
