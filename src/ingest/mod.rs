//! From bytes to checked events and reviews, one refusal for each thing that is not taken.
//!
//! Owns the wire forms: JSON and NDJSON bodies, and the tables that `andon import` reads through a
//! mapping. Knows no clock, no policy and no store: whether a workflow is known, a time too old or
//! an id a repeat is decided by the driver.

pub mod body;
mod diagnose;
pub mod json;
pub mod mapping;
mod mapping_check;
mod mapping_file;
mod nearest;
mod reader;
mod row;
pub mod table;
mod when;
mod wire;
pub mod write;

pub use body::{BodyError, Format, decode};
pub use json::{Parsed, parse_events, parse_reviews};
pub use mapping::{FileFormat, ImportError, Kind, Mapping};
pub use row::Target;
pub use table::Rows;
