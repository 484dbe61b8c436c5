//! The progress of something long, on a terminal only.
//!
//! Owns one line of standard error that is written over and over, and is gone at the end. Where
//! standard error is no terminal, nothing is written.

use super::{output, words};
use crate::clock::{Clock as _, SystemClock};

/// The line is renewed at most this often, milliseconds.
const EVERY_MS: i64 = 100;
/// Cells of the bar.
const CELLS: u64 = 24;

/// A progress bar.
pub(super) struct Progress {
    clock: SystemClock,
    drawn_ms: Option<i64>,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { clock: SystemClock::default(), drawn_ms: None, is_shown: output::is_terminal_err() }
    }

    /// Shows how far it is: `done` of `total` (bytes, say), and how many `rows` that were.
    pub(super) fn show(&mut self, done: u64, total: u64, rows: u64, unit: &str) {
        if !self.is_shown {
            return;
        }
        let now_ms = self.clock.monotonic_ms();
        if self.drawn_ms.is_some_and(|drawn| now_ms - drawn < EVERY_MS) {
            return;
        }
        self.drawn_ms = Some(now_ms);
        output::over(bar(done, total, rows, unit, u64::try_from(now_ms).unwrap_or_default()));
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.drawn_ms.take().is_some() {
            output::over("");
        }
    }

    /// Milliseconds since it began.
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.clock.monotonic_ms()).unwrap_or_default()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(done: u64, total: u64, rows: u64, unit: &str, elapsed_ms: u64) -> String {
    let done = done.min(total);
    let part = |of: u64| if total == 0 { 0 } else { u128::from(done) * u128::from(of) / u128::from(total) };
    let full = usize::try_from(part(CELLS)).unwrap_or_default();
    let empty = usize::try_from(CELLS).unwrap_or_default() - full;
    let rate = rows * 1_000 / elapsed_ms.max(1);
    let left =
        if done == 0 { None } else { Some(u128::from(elapsed_ms) * u128::from(total - done) / u128::from(done)) };
    let left = left.and_then(|ms| i64::try_from(ms).ok()).map_or_else(|| "-".to_owned(), words::span);
    let (rows, rate) = (words::count(rows), words::count(rate));
    format!("[{}{}] {:>3} %  {rows} {unit}  {rate}/s  {left} left", "#".repeat(full), "-".repeat(empty), part(100))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn the_bar_says_how_far_how_fast_and_how_long() {
        let line = bar(50, 200, 1_000, "rows", 2_000);
        assert_eq!(line, "[######------------------]  25 %  1,000 rows  500/s  6 s left");
        assert_eq!(bar(0, 0, 0, "rows", 0), "[------------------------]   0 %  0 rows  0/s  - left");
    }
}
