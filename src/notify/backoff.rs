//! How long it is waited after a failure.
//!
//! Owns the growth and the scatter. The scatter comes from the message's id, so that several daemons that lost
//! the same receiver don't come back in step, and the same past gives the same times.

use xxhash_rust::xxh3::xxh3_64;

/// The longest that a receiver may ask to be left alone, milliseconds.
const RETRY_AFTER_MS_MAX: i64 = 60 * 60 * 1_000;

/// The pause after the `failures`-th failure one after the other, milliseconds: it doubles from `first_ms` up
/// to `max_ms`, less up to a quarter.
pub(super) fn pause_ms(id: &str, failures: u64, first_ms: i64, max_ms: i64) -> i64 {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(40);
    let full = first_ms.saturating_mul(1_i64 << doublings).min(max_ms).max(1);
    let scatter = i64::try_from(xxh3_64(format!("{id} {failures}").as_bytes()) % 1_000).unwrap_or_default();
    full - full / 4 * scatter / 1_000
}

/// What a receiver asked for with `Retry-After`, within reason.
pub(super) fn asked_ms(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000).min(RETRY_AFTER_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_bound_and_scatters_downwards() {
        for (failures, full) in [(1, 5_000), (2, 10_000), (5, 80_000), (9, 900_000), (1_000, 900_000)] {
            let pauses: Vec<i64> = (0..200).map(|n| pause_ms(&format!("m-{n}"), failures, 5_000, 900_000)).collect();
            let (low, high) = (*pauses.iter().min().unwrap(), *pauses.iter().max().unwrap());
            assert!(low >= full * 3 / 4 && high <= full && high - low > full / 8, "{failures}: {low} to {high}");
        }
        assert_eq!(pause_ms("m", 3, 5_000, 900_000), pause_ms("m", 3, 5_000, 900_000));
        assert_eq!((asked_ms(7), asked_ms(u64::MAX)), (7_000, RETRY_AFTER_MS_MAX));
    }
}
