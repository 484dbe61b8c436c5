//! The nouns of the factory: modes, outputs, money, times, policy, breaches, ledger entries.
//!
//! Owns what the words mean and which values are valid. Imports nothing else of ours, does no
//! I/O and knows no clock: every time is a value that somebody handed in.

pub mod access;
pub mod event;
pub mod id;
pub mod input;
pub mod ledger;
pub mod mode;
pub mod money;
pub mod policy;
pub mod refusal;
pub mod selection;
pub mod signal;
pub mod time;

pub use access::{Pattern, Person, Reach, Scope, Scopes};
pub use event::{Outcome, OutputEvent, Review, Verdict};
pub use id::WorkflowId;
pub use input::{Action, Command, Input};
pub use ledger::{Breach, Carrier, Cause, Entry, Heaviest, What};
pub use mode::{Mode, PerMode};
pub use money::Money;
pub use policy::{
    BaselinePolicy, BaselineSource, BaselineValues, GuardPolicy, Policy, Track, UnknownWorkflows, WorkflowPolicy,
};
pub use refusal::{Refusal, RefusalCode};
pub use signal::{ActiveHours, Better, DriftOf, ScoreJudge, Signal};
pub use time::Time;

/// A short text of an event. Up to 24 bytes are kept in place: most ids, names and values need no
/// memory of their own, which is what reading and dropping an event would mostly cost.
pub type Text = compact_str::CompactString;
