//! The deterministic state machine: inputs in, effects out.
//!
//! Owns every decision about a mode. Same inputs, same state, same effects: there is no clock, no
//! I/O, no randomness and no order that depends on a hash here. A workflow's state depends on its
//! own inputs and the policy only, so workflows may be spread over shards.

pub mod agenda;
pub mod answers;
mod arrivals;
pub mod baseline;
pub mod breach;
mod command;
pub mod council;
mod demotion;
pub mod drill;
mod evidence;
pub mod exemplars;
pub mod external;
pub mod gate;
pub mod governance;
pub mod guard;
mod guard_reset;
pub mod guard_view;
pub mod guards;
pub mod handle;
pub mod hits;
pub mod hours;
pub mod house;
pub mod incident;
mod incidents;
pub mod intake;
pub mod kpi;
pub mod lab;
mod lab_act;
mod lab_declare;
mod lab_gate;
pub mod lab_view;
pub mod limit;
pub mod observe;
mod origin;
pub mod plan;
mod raise;
pub mod reload;
pub mod request_list;
mod requests;
mod review;
pub mod reviews;
pub mod reviews_view;
pub mod seen;
pub mod segments;
pub mod sentence;
pub mod series;
pub mod slo;
pub mod station;
pub mod storm;
pub mod strata;
pub mod view;
pub mod volume;
pub mod watch;
pub mod workflow;

pub use agenda::Agenda;
pub use guard_view::{Detail, GuardView};
pub use handle::{At, Effect, Monitor, admit_time};
pub use incident::{Incident, IncidentStatus};
pub use view::{ModeView, WorkflowView};

pub use workflow::Workflow;

#[cfg(test)]
mod tests;
