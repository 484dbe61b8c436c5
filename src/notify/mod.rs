//! Notifications: people and programs are told of what the ledger records.
//!
//! Owns which entries make a message, what it says, and that it arrives at least once. It reads the ledger
//! like anybody else, after the fact: nothing that decides about modes knows of it or waits for it.
//!
//! Per target there is a place in the ledger and a queue (`store::Outbox`), which change together; one thread
//! reads the ledger for all (`clerk`), and one for each target delivers in order (`courier`).

mod address;
mod backoff;
mod check;
mod clerk;
mod compose;
mod courier;
mod derive;
mod desk;
mod email;
mod message;
mod numbers;
mod opening;
mod overdue;
mod post;
mod render;
mod sign;
mod slack;
mod smtp;
mod status;
mod target;
mod trial;
mod webhook;

pub use compose::{Context, Numbered};
pub use derive::{Told, derive};
pub use desk::{Notifier, Parts};
pub use message::{Fact, Link, Message};
pub use overdue::{Overdue, overdue};
pub use status::{DeadNotice, TargetView, Tested};
pub use target::Wants;
pub use trial::NoTest;

/// The form of a message that each kind of target gets, for tests and for whoever writes a receiver.
pub mod form {
    pub use super::email::text as email;
    pub use super::sign::signatures;
    pub use super::slack::body as slack;
    pub use super::webhook::body as webhook;
}
