//! The past under another policy: what would have been lowered when, beside what happened.
//!
//! Owns the run through a journal with two monitors side by side, one that takes every input as it
//! stands and one that takes the candidate policy instead of the journal's own. State = f(journal), so
//! both are exact as far as the inputs go; what people and workflows would have done differently
//! under the other policy nobody knows. Writes nothing, prints nothing, asks no clock.

mod compare;
mod history;
mod names;
mod replay;
mod report;
mod side;
mod told;

pub use history::{Change, Kind};
pub use replay::{Backtest, BacktestError, Far, Span, backtest};
pub use report::{Learned, Read, Report, Row, Totals, Where, WorkflowReport};
