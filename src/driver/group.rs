//! Requests that share one commit, their places in the queue and their answers.
//!
//! Owns that everybody in a group is answered, and only when the whole group is durable. Which
//! requests come together is decided by the thread.

use super::batch::Taken;
use super::engine::{Engine, Staged};
use super::thread::Unavailable;
use crate::domain::Time;
use crate::store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Unavailable>>;

/// A place in the queue; given back when the request is answered.
pub(super) struct Permit {
    pub(super) _request: OwnedSemaphorePermit,
    pub(super) bytes: OwnedSemaphorePermit,
}

pub(super) fn unavailable(error: StoreError) -> Unavailable {
    Unavailable::Store(error.to_string())
}

/// Requests that share one commit.
#[derive(Default)]
pub(super) struct Group {
    pub(super) staged: Vec<Staged>,
    replies: Vec<(Reply<Taken>, Permit)>,
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Group {
    pub(super) fn add(&mut self, staged: Result<Staged, StoreError>, reply: Reply<Taken>, permit: Permit) {
        match staged {
            Ok(staged) => {
                self.staged.push(staged);
                self.replies.push((reply, permit));
            }
            Err(error) => drop(reply.send(Err(unavailable(error)))),
        }
    }

    pub(super) fn commit(self, engine: &mut Engine, now: Time) {
        if self.staged.is_empty() {
            return;
        }
        match engine.commit(now, self.staged) {
            Ok(taken) => {
                for ((reply, permit), taken) in self.replies.into_iter().zip(taken) {
                    drop(permit);
                    drop(reply.send(Ok(taken)));
                }
            }
            Err(error) => {
                let error = unavailable(error);
                self.replies.into_iter().for_each(|(reply, _)| drop(reply.send(Err(error.clone()))));
            }
        }
    }
}
