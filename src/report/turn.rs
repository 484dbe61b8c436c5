//! Whether a workflow got better or worse within a week.
//!
//! Owns the one turn that is told of its exceptions. A week's share hides it: nine of twenty-four and then none of fifty is
//! the same twelve percent as the week before. No mode depends on it.

use super::document::Counted;
use super::document_week::Turn;
use super::measure::apart;
use super::tally::Tally;
use crate::stats::pettitt::split;

/// A turn is told where chance would split a sample so far less often than this: many workflows are looked at.
const TOLD_BELOW: f64 = 0.001;
/// Both parts have at least so many outputs.
const OUTPUTS_MIN: usize = 10;

/// The turn, in the week's sample of outputs.
pub(super) fn turn(week: &Tally) -> Option<Turn> {
    let sampled = week.sample.outputs();
    let failed: Vec<bool> = sampled.iter().map(|one| one.event.is_exception()).collect();
    let found = split(&failed.iter().map(|failed| f64::from(u8::from(*failed))).collect::<Vec<f64>>())?;
    let (before, since) = failed.split_at_checked(found.before)?;
    if found.p_value >= TOLD_BELOW || before.len().min(since.len()) < OUTPUTS_MIN {
        return None;
    }
    let sum =
        |part: &[bool]| Counted { n: part.len() as u64, hits: part.iter().filter(|failed| **failed).count() as u64 };
    let (before, since) = (sum(before), sum(since));
    // The first output that was otherwise.
    apart((since.share(), since.n), (before.share(), before.n)).then(|| Turn {
        at: sampled[found.before].time,
        before,
        since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Outcome, OutputEvent, Time, WorkflowId};
    use crate::monitor::kpi::Limits;

    fn of(failed: impl Fn(i64) -> bool) -> Option<Turn> {
        let mut week = Tally::new(1_000);
        for n in 0..200 {
            let outcome = if failed(n) { Outcome::Exception } else { Outcome::Ok };
            let event = OutputEvent::new(&format!("o-{n}"), WorkflowId::new("wf").unwrap(), outcome);
            week.output(Limits::default(), &event, Time(n), n, 0, Time(n));
        }
        turn(&week)
    }

    #[test]
    fn a_step_within_the_week_is_dated_and_a_steady_share_is_none() {
        let found = of(|n| n < 60 && n % 2 == 0).unwrap();
        assert_eq!((found.before.hits, found.since.hits), (30, 0));
        assert!((57..=60).contains(&found.at.0), "{found:?}");
        assert_eq!(of(|n| n % 8 == 0), None);
        assert_eq!(of(|_| false), None);
    }
}
