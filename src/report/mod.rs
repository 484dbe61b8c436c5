//! The weekly report: what moved, what it cost, and what needs a decision.
//!
//! Owns the fold over a week's journal, the numbers made of it, and their wording and drawing. The same journal,
//! ledger and policy give the same bytes. Must not know who asks, nor what time it is.

mod aftermath;
mod alike;
mod answers;
mod attention;
mod build;
mod burst;
mod caps;
mod chart;
mod council;
mod decisions;
pub mod document;
pub mod document_council;
pub mod document_week;
mod earlier;
pub mod fold;
mod gaps;
mod groups;
mod headline;
mod html;
pub mod make;
mod markdown;
mod mean;
pub mod measure;
pub mod moves;
pub mod names;
mod origins;
mod phrases;
pub mod quality;
pub mod sample;
pub mod shift;
mod since;
pub mod state;
mod stretch;
pub mod tally;
mod together;
pub mod week;
mod witness;
pub mod words;
mod workflow_week;

pub use build::{Sources, build, needed_from};
pub use document::{Report, Scope};
pub use fold::Fold;
pub use html::{body, html};
pub use make::Folded;
pub use markdown::markdown;
pub use names::Names;
pub use since::with_answers;
pub use state::State;
pub use week::Week;
