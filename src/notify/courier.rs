//! The courier of one target delivers its messages in order, and again after a pause where that failed.
//!
//! Owns what becomes of an attempt. Each target has a thread of its own, so that a slow one holds up nobody
//! else; a message that can't be delivered gives way after a while to those behind it.

use super::backoff::pause_ms;
use super::check::CHECK;
use super::desk::Desk;
use super::message::Message;
use super::post::{Outcome, Way};
use crate::domain::Time;
use crate::store::{StoreError, Waiting};

/// How a target is reached.
pub(super) enum Door {
    /// The drill's own check.
    Check,
    /// A declared target.
    Way(Box<Way>),
}

impl Door {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Check => CHECK,
            Self::Way(way) => &way.name,
        }
    }
}

impl Desk {
    /// Delivers what is due; whether there was anything.
    pub(super) fn deliver(&self, door: &Door) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some(waiting) = self.outbox.next(door.name())? else { return Ok(false) };
        // A clock that was set back is no reason to wait for longer than ever declared.
        let wait_ms = waiting.due_at.since(now);
        if wait_ms > 0 && wait_ms <= self.longest_wait_ms() {
            return Ok(false);
        }
        if !self.outbox.begin(&waiting, now)? {
            return Ok(true);
        }
        let outcome = match serde_json::from_str::<Message>(&waiting.body) {
            Ok(message) => self.attempt(door, &message, now),
            Err(_) => Outcome::Refused("the message in the outbox can't be read".to_owned()),
        };
        self.note(door.name(), &waiting, outcome)?;
        Ok(true)
    }

    /// One attempt, whatever came of earlier ones.
    pub(super) fn attempt(&self, door: &Door, message: &Message, now: Time) -> Outcome {
        match door {
            Door::Way(way) => way.send(message, now),
            Door::Check => match self.check.take(message, &self.source, now) {
                Ok(()) => Outcome::Delivered,
                Err(why) => Outcome::Refused(why),
            },
        }
    }

    fn note(&self, target: &str, waiting: &Waiting, outcome: Outcome) -> Result<(), StoreError> {
        let now = self.clock.now();
        let id = waiting.id.as_str();
        match outcome {
            Outcome::Delivered => {
                self.outbox.delivered(target, waiting.row, now)?;
                self.count(target, "delivered", 1);
                self.remember(target, None);
                tracing::debug!(target_name = target, id, "a notification was delivered");
            }
            Outcome::Partly(error, recipients) => {
                self.outbox.delivered(target, waiting.row, now)?;
                self.count(target, "delivered", 1);
                self.metrics.recipients_refused.with_label_values(&[target]).inc_by(recipients);
                tracing::warn!(target_name = target, id, error, recipients, "a notification did not reach everybody");
                self.remember(target, Some((error, now)));
            }
            Outcome::Refused(error) => {
                self.outbox.failed(target, waiting.row, &error, now, Time::EPOCH)?;
                self.count(target, "failed", 1);
                self.give_up(target, waiting, &error, now)?;
            }
            Outcome::Failed(error, after_ms) => {
                let failures = waiting.failures + 1;
                let pause = pause_ms(id, failures, self.limits.first_backoff_ms, self.limits.max_backoff_ms);
                let due_at = now.plus(after_ms.unwrap_or_default().max(pause));
                self.outbox.failed(target, waiting.row, &error, now, due_at)?;
                self.count(target, "failed", 1);
                tracing::warn!(
                    target_name = target,
                    id,
                    error,
                    failures,
                    "a notification was not delivered and is tried again"
                );
                if waiting.attempts + 1 >= self.limits.attempts_max {
                    self.give_up(target, waiting, &error, now)?;
                }
                // A target that is away for so long would be told old news for a long time after.
                let before = now.plus(-self.limits.give_up_after_ms);
                let expired = self.outbox.expire(target, before, &error, now)?;
                self.buried(target, expired)?;
            }
        }
        Ok(())
    }

    fn give_up(&self, target: &str, waiting: &Waiting, error: &str, now: Time) -> Result<(), StoreError> {
        self.outbox.dead(waiting.row, now)?;
        let id = waiting.id.as_str();
        tracing::error!(target_name = target, id, error, "a notification is given up: `andon notifications` shows it");
        self.buried(target, 1)
    }

    fn buried(&self, target: &str, count: u64) -> Result<(), StoreError> {
        if count > 0 {
            self.count(target, "dead", count);
            let lost = self.outbox.trim(target, self.limits.dead_max)?;
            self.metrics.notifications_dropped.inc_by(lost);
        }
        Ok(())
    }
}
