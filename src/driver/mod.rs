//! From the queue to the acknowledgement: queue → journal → monitor → effects → answer.
//!
//! Owns the order of things that the invariants depend on. Nothing is acknowledged before it is on
//! disk and applied; nobody reads a mode that is not yet durable. Knows no HTTP.

pub mod batch;
pub mod board;
pub mod bookkeeper;
pub mod dedup;
pub mod drill;
pub mod engine;
mod group;
pub mod notary;
pub mod notary_desk;
pub mod recovery;
pub mod replay;
mod tally;
pub mod thread;

pub use batch::{EventBatch, ModeNow, ReviewBatch, Taken};
pub use board::Board;
pub use bookkeeper::{Bookkeeper, Schedule};
pub use engine::{Engine, EngineOptions};
pub use notary::{Notary, NotaryError};
pub use notary_desk::NotaryDesk;
pub use recovery::{StartError, Started};
pub use replay::{Past, Replayed, Step};
pub use thread::{Driver, QueueLimits, Reserved, Unavailable};
