//! The state as Prometheus reads it.
//!
//! Owns the mapping from state to series, computed at the scrape: so counters go on over restarts and the
//! series of a removed workflow go away. Names stand in `catalogue.rs`. No data is no series, never 0.

pub mod disk;
pub mod guard;
pub mod house;
pub mod page;
pub mod scraper;
pub mod window;
pub mod workflow;

pub use page::{Format, Page};
pub use scraper::Scraper;

/// A count as a metric shows it.
#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
const fn real(count: u64) -> f64 {
    count as f64
}

/// A flag as a metric shows it.
const fn flag(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}
