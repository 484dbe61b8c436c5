//! The nouns of the factory: modes, outputs, money, times, policy, breaches, ledger entries.
//!
//! Owns what the words mean and which values are valid. Imports nothing else of ours, does no
//! I/O and knows no clock: every time is a value that somebody handed in.

pub mod access;
pub mod alert;
pub mod breach;
pub mod cause;
pub mod council;
pub mod drill;
pub mod event;
pub mod fingerprint;
pub mod gate;
pub mod governance;
pub mod hypothesis;
pub mod id;
pub mod input;
pub mod ledger;
pub mod loosening;
pub mod mode;
pub mod money;
pub mod notice;
pub mod policy;
pub mod question;
pub mod reference;
pub mod refusal;
pub mod reported;
pub mod request;
pub mod review;
pub mod selection;
pub mod signal;
pub mod slo;
pub mod time;

pub use access::{Pattern, Person, Reach, Scope, Scopes};
pub use breach::{Breach, Carrier, Heaviest};
pub use cause::{Cause, Raised, Severity};
pub use council::{Answered, Choice, ChoiceKey, Ending, Judgement, Task};
pub use drill::{Drill, DrillAct, DrillResult, DrillStep, Findings, StepOutcome, Wire};
pub use event::{Outcome, OutputEvent};
pub use fingerprint::fingerprint;
pub use gate::{Gate, Requirement, Standing, Target};
pub use governance::{
    ANY_ROLE, BaseItem, CooldownPolicy, GatePolicy, HousePolicy, LapseOn, ReadinessPolicy, StormPolicy,
};
pub use hypothesis::{Conclusion, Disposal, FindingKind, Hypothesis, LabAct, LabPolicy};
pub use id::WorkflowId;
pub use input::{Action, CLOCK_SET, Command, Input};
pub use ledger::{Entry, What};
pub use mode::{Mode, PerMode};
pub use money::Money;
pub use notice::NoticeKind;
pub use policy::{
    BaselinePolicy, BaselineSource, BaselineValues, GuardPolicy, Policy, Track, UnknownWorkflows, WorkflowPolicy,
};
pub use question::Question;
pub use reference::ReferencePolicy;
pub use refusal::{Refusal, RefusalCode};
pub use reported::Reported;
pub use request::{Approval, Ask, Decision, Denial, Request, RequestStatus};
pub use review::{Review, ReviewPolicy, Verdict};
pub use signal::{ActiveHours, Better, DriftOf, ScoreJudge, Signal};
pub use slo::{LatencySlo, Slo, SloCount, SloPolicy};
pub use time::Time;

/// A short text of an event. Up to 24 bytes are kept in place: most ids, names and values need no
/// memory of their own, which is what reading and dropping an event would mostly cost.
pub type Text = compact_str::CompactString;
