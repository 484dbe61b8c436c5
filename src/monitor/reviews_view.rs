//! What people see of the review plan: what is owed, what was found, what it says of all outputs.
//!
//! Owns the read model and its estimates; nothing is decided by it but the gate's question whether the
//! reviews that were due are in.

use super::reviews::{Reviews, Tally};
use super::view::ReviewPlan;
use super::workflow::Workflow;
use crate::domain::{GatePolicy, Mode, Requirement, Signal, Standing, Time, Verdict};
use crate::stats::agreement::{Agreement, agreement};
use crate::stats::strata_mean::{Estimate, Part, estimate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A requirement about fewer due reviews is inconclusive.
const DUE_MIN: u64 = 10;

/// Where the review of an output stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It waits for a verdict.
    Awaited,
    /// It waits for longer than declared.
    Overdue,
    /// It got its first verdict and waits for that of a second person.
    SecondAwaited,
    /// It got its verdict.
    Reviewed,
}

/// The reviews of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReviewsView {
    /// How deep people look now.
    pub plan: ReviewPlan,
    /// The effective mode that the depth is of.
    pub mode: Mode,
    /// A verdict that takes longer is overdue, milliseconds.
    pub within_ms: i64,
    /// Outputs that wait for a verdict.
    pub awaited: u64,
    /// Of these, those that wait for longer than declared.
    pub overdue: u64,
    /// When the one that waits longest arrived; `null` where none waits.
    pub oldest_awaited_at: Option<Time>,
    /// Outputs since adoption that were given up, because too many waited.
    pub missed: u64,
    /// Verdicts since adoption, by verdict: `accepted`, `edited`, `rejected`.
    pub verdicts: BTreeMap<String, u64>,
    /// Of these, verdicts on outputs that nobody was to review: they say nothing about the others.
    pub outside: u64,
    /// Of these, further verdicts of the same person on the same output, or of a third one.
    pub repeated: u64,
    /// What reviewers found, by kind of exception.
    pub found: BTreeMap<String, u64>,
    /// What the verdicts say of all outputs since the present mode was granted.
    pub since_granted: SinceGranted,
    /// How far two people agree; `null` before two reviewed the same output.
    pub agreement: Option<AgreementView>,
    /// Mean time that a verdict took, minutes; `null` where nobody measured it.
    pub minutes_mean: Option<f64>,
}

/// What the verdicts since a mode was granted say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SinceGranted {
    /// Outputs.
    pub outputs: u64,
    /// Those that people are to review.
    pub selected: u64,
    /// Those that they did.
    pub reviewed: u64,
    /// Those that they were to have reviewed by now, the reviewed ones included.
    pub due: u64,
    /// reviewed / due; `null` before one was due. Where it is low the others may be the bad ones.
    pub coverage: Option<f64>,
    /// Share of all outputs that people would reject.
    pub rejection_rate: Option<ShareView>,
    /// Share of all outputs that people would change.
    pub edit_rate: Option<ShareView>,
    /// Share of all outputs that weren't reported as exceptions and that people would reject.
    pub silent_exception_rate: Option<ShareView>,
}

/// A share of all outputs, estimated from those that were selected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShareView {
    /// The share, 0 to 1: outputs that came at each depth count by their number, not by how many were reviewed.
    pub estimate: f64,
    /// 95 % interval, for one look.
    pub interval_one_look: [f64; 2],
    /// Reviewed outputs.
    pub reviewed: u64,
    /// A sample with equal chances of this size would say as much.
    pub effective: f64,
}

/// How far two people agree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgreementView {
    /// Whether the outputs were selected for it; people look twice at others for a reason.
    pub planned: bool,
    /// Outputs with two verdicts.
    pub pairs: u64,
    /// Share of these where both are the same.
    pub observed: f64,
    /// Krippendorff's alpha; `null` where all verdicts are the same.
    pub alpha: Option<f64>,
    /// Outputs of late that still wait for their second verdict.
    pub second_awaited: u64,
}

impl From<Estimate> for ShareView {
    fn from(of: Estimate) -> Self {
        Self { estimate: of.mean, interval_one_look: of.interval, reviewed: of.n, effective: of.n_effective }
    }
}

fn share(tallies: &[Tally], hits: fn(&Tally) -> u64) -> Option<ShareView> {
    let part = |tally: &Tally| Part { size: tally.outputs, n: tally.reviewed, hits: hits(tally) };
    estimate(&tallies.iter().map(part).collect::<Vec<_>>()).map(ShareView::from)
}

#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Reviews {
    /// Reviewed outputs since the mode was granted, and those that were to be by now.
    fn due(&self, now: Time, within_ms: i64) -> (u64, u64) {
        let sum = |of: fn(&Tally) -> u64| self.tallies().iter().map(of).sum::<u64>();
        let reviewed = sum(|tally| tally.reviewed);
        (reviewed, reviewed + sum(|tally| tally.missed) + self.overdue(now, within_ms).1 as u64)
    }

    fn since_granted(&self, now: Time, within_ms: i64) -> SinceGranted {
        let tallies = self.tallies();
        let (reviewed, due) = self.due(now, within_ms);
        SinceGranted {
            outputs: tallies.iter().map(|tally| tally.outputs).sum(),
            selected: tallies.iter().map(|tally| tally.selected).sum(),
            reviewed,
            due,
            coverage: ratio(reviewed, due),
            rejection_rate: self.rejection_rate(),
            edit_rate: share(tallies, |tally| tally.edited),
            silent_exception_rate: share(tallies, |tally| tally.silent),
        }
    }

    /// Share of all outputs since the mode was granted that people would reject.
    pub fn rejection_rate(&self) -> Option<ShareView> {
        share(self.tallies(), |tally| tally.rejected)
    }

    /// How far two people agree, and whether the outputs were selected for it.
    pub fn agreed(&self) -> Option<(Agreement, bool)> {
        let planned = agreement(&self.planned).map(|found| (found, true));
        planned.or_else(|| Some((agreement(&self.voluntary)?, false)))
    }

    fn agreement(&self) -> Option<AgreementView> {
        let (found, planned) = self.agreed()?;
        let second_awaited = self.second_awaited() as u64;
        let (pairs, observed, alpha) = (found.pairs, found.observed, found.alpha);
        Some(AgreementView { planned, pairs, observed, alpha, second_awaited })
    }
}

impl Workflow {
    /// Its reviews as seen at `now`.
    pub fn reviews_view(&self, now: Time) -> ReviewsView {
        let (state, book) = (&self.state, &self.state.reviews);
        let within_ms = self.plan.policy.reviewing.within_ms;
        let verdicts = Verdict::ALL.map(|verdict| (verdict.name().to_owned(), state.totals.reviews[verdict as usize]));
        let found = book.found().map(|(kind, n)| (kind.to_owned(), n));
        let (minutes, timed) = book.minutes;
        ReviewsView {
            plan: self.review_plan(),
            mode: self.allowed().0,
            within_ms,
            awaited: book.awaited() as u64,
            overdue: book.late(now, within_ms) as u64,
            oldest_awaited_at: book.oldest(),
            missed: book.missed,
            outside: book.outside(state.totals.reviews.iter().sum()),
            repeated: book.repeated,
            verdicts: verdicts.into(),
            found: found.collect(),
            since_granted: book.since_granted(now, within_ms),
            agreement: book.agreement(),
            #[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
            minutes_mean: (timed > 0).then(|| minutes / timed as f64),
        }
    }

    /// Whether the selected outputs have their verdicts, where a guard judges by these: those that are
    /// missing may be the bad ones. All count, however young: what is easy to judge is judged first.
    pub(super) fn reviewed(&self, asked: &GatePolicy) -> Option<Requirement> {
        let wanted = asked.reviewed_min;
        let judges = self.plan.guards.iter().any(|plan| plan.policy.signal == Signal::RejectionRate);
        if wanted <= 0.0 || !judges {
            return None;
        }
        let tallies = self.state.reviews.tallies().iter();
        let (reviewed, due) = tallies.fold((0, 0), |(r, s), tally| (r + tally.reviewed, s + tally.selected));
        let coverage = ratio(reviewed, due);
        let standing = match coverage {
            Some(share) if share < wanted => Standing::Missing,
            Some(_) if due >= DUE_MIN => Standing::Met,
            _ => Standing::Inconclusive,
        };
        let detail = match due {
            0 => "no output was selected for review yet".to_owned(),
            _ => format!(
                "{reviewed} of {due} outputs that were selected for review since the mode was granted have a verdict"
            ),
        };
        Some(Requirement::new("reviewed", standing, detail).valued(coverage, wanted).counted(due, Some(DUE_MIN)))
    }
}
