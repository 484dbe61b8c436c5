//! From bytes to checked events and reviews, one refusal for each thing that is not taken.
//!
//! an id a repeat is decided by the driver.

pub mod body;
mod diagnose;
pub mod json;
mod nearest;
mod wire;
pub mod write;

pub use body::{BodyError, Format, decode};
pub use json::{Parsed, parse_events, parse_reviews};
