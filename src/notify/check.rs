//! The target that drills look at: it is in this process, and every form of a message is made for it.
//!
//! Owns what it saw last. A drill needs it where no target is declared, and where nobody is to be woken.

use super::compose::Context;
use super::message::Message;
use super::{email, sign, slack, webhook};
use crate::domain::{Mode, NoticeKind, Time};
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// Its name in the outbox; no declared target can have it.
pub(super) const CHECK: &str = ":drill";
/// The key that its messages are signed with: it protects nothing.
const KEY: &[u8] = b"the key of a drill protects nothing";
/// Largest body.
const BYTES_MAX: u64 = 1 << 20;

/// A demotion of the lane that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Arrived {
    mode: Mode,
    epoch: u64,
}

/// What arrived last.
#[derive(Debug, Default)]
pub(super) struct Check(Mutex<Option<Arrived>>);

impl Check {
    /// Takes a message as a receiver would: from the bytes that would have been sent.
    pub(super) fn take(&self, message: &Message, source: &str, now: Time) -> Result<(), String> {
        let body = webhook::body(message, source, BYTES_MAX);
        let signed = sign::signatures(&[KEY.to_vec()], &message.id, now.0, &body);
        if !signed.starts_with("v1,") || slack::body(message).is_empty() || email::text(message).is_empty() {
            return Err("a message could not be put into every form".to_owned());
        }
        let event: Value = serde_json::from_slice(&body).map_err(|_| "a webhook's body is no JSON".to_owned())?;
        let entries = event["data"]["entries"].as_array().cloned().unwrap_or_default();
        let arrived = entries.iter().rev().find_map(|entry| {
            let mode = serde_json::from_value(entry.get("to")?.clone()).ok()?;
            Some(Arrived { mode, epoch: entry.get("epoch")?.as_u64()? })
        });
        let arrived = arrived.ok_or("a message of a demotion doesn't hold the demotion")?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        Ok(())
    }

    /// Whether the demotion to `mode`, which began `epoch`, arrived.
    pub(super) fn has(&self, mode: Mode, epoch: u64) -> bool {
        let arrived = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.is_some_and(|arrived| arrived == Arrived { mode, epoch })
    }
}

/// What a target that is there for drills, too, is sent.
pub(super) fn drill_message(drill: u64, epoch: u64, now: Time, context: &Context<'_>) -> Message {
    let headline = format!("drill {drill}: this is a test of andon's cord, nobody has to do anything");
    // The epoch is new with each drill, also where numbers begin again.
    let mut message = Message::new(format!("drill-{drill}-{epoch}"), NoticeKind::Drill, "drill.test", now, &headline);
    message.is_test = true;
    message.because(
        "a drill lowered its own lane on purpose and looks whether this message arrives; no workflow was touched",
    );
    if let Some(url) = context.public_url {
        message.link("drills", &format!("{url}/v1/drills"));
    }
    message
}

/// What `andon notifications test` sends.
pub(super) fn test_message(target: &str, by: &str, now: Time, context: &Context<'_>) -> Message {
    let headline = format!("a test of the target {target}, nobody has to do anything");
    let mut message = Message::new(format!("test-{}", now.0), NoticeKind::Drill, "test", now, &headline);
    message.is_test = true;
    message.because(&format!("{by} asked for it, to see whether it arrives"));
    if let Some(url) = context.public_url {
        message.link("notifications", &format!("{url}/v1/notifications"));
    }
    message
}
