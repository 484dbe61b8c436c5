//! `andon review`: which outputs people are to look at, what is overdue, and what was found.
//!
//! Owns the arguments and the telling.

use super::client::{Client, ClientError, Daemon};
use super::output;
use super::table::{Side, Table};
use super::words::{count, share};
use crate::domain::WorkflowId;
use crate::http::review::{OutputReviews, Outputs};
use crate::monitor::reviews_view::{Progress, ReviewsView, ShareView};
use std::process::ExitCode;

/// Arguments of `andon review`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon review email-drafts
  andon review email-drafts o-17 o-18 o-19
  cut -d, -f1 outputs.csv | xargs andon review email-drafts --json

Verdicts are reported with POST /v1/reviews: see docs/reviews.md.")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// Ids of outputs: whether people are to review each, and where that stands. Without one, all in all.
    outputs: Vec<String>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(answer(arguments))
}

fn answer(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    if arguments.outputs.is_empty() {
        let view: ReviewsView = client.get(&format!("/v1/workflows/{}/reviews", arguments.workflow))?;
        if arguments.json {
            output::json(&view);
        } else {
            tell(arguments.workflow.as_str(), &view);
        }
        return Ok(());
    }
    let asked = Outputs { output_ids: arguments.outputs.clone() };
    let found: OutputReviews = client.post(&format!("/v1/workflows/{}/review", arguments.workflow), &asked)?;
    if arguments.json {
        output::json(&found);
        return Ok(());
    }
    let mut table = Table::new(&["output", "review", "status"].map(|name| (name, Side::Left)));
    for of in found.outputs {
        let review = ["no", "yes", "by two people"][usize::from(of.reviewers.min(2))].to_owned();
        table.row(vec![of.output_id, review, status(of.status).to_owned()]);
    }
    table.lines().iter().for_each(output::line);
    Ok(())
}

const fn status(progress: Option<Progress>) -> &'static str {
    match progress {
        Some(Progress::Awaited) => "awaited",
        Some(Progress::Overdue) => "OVERDUE",
        Some(Progress::SecondAwaited) => "second person awaited",
        Some(Progress::Reviewed) => "reviewed",
        None => "",
    }
}

fn tell(workflow: &str, view: &ReviewsView) {
    let probation = if view.plan.probation { ", more than usual because the mode is new" } else { "" };
    output::line(format!(
        "{workflow} runs in {}: people review {} of the outputs{probation}",
        view.mode,
        share(Some(view.plan.sample_rate))
    ));
    let oldest = view.oldest_awaited_at.map(|at| format!(", the oldest since {at}")).unwrap_or_default();
    let missed = if view.missed > 0 { format!("; {} were given up", count(view.missed)) } else { String::new() };
    output::line(format!("  awaited    {}, overdue {}{oldest}{missed}", count(view.awaited), count(view.overdue)));
    let verdicts: Vec<String> = view.verdicts.iter().map(|(verdict, n)| format!("{} {verdict}", count(*n))).collect();
    output::line(format!("  verdicts   {}", verdicts.join(", ")));
    if view.outside > 0 {
        let outside = count(view.outside);
        output::line(format!("             {outside} of them on outputs that nobody was to review: not counted below"));
    }
    if !view.found.is_empty() {
        let found: Vec<String> = view.found.iter().map(|(kind, n)| format!("{} {kind}", count(*n))).collect();
        output::line(format!("  found      {}", found.join(", ")));
    }
    let since = &view.since_granted;
    output::line(format!(
        "  since the mode was granted: {} outputs, {} to be reviewed, {} reviewed ({} of those due)",
        count(since.outputs),
        count(since.selected),
        count(since.reviewed),
        share(since.coverage)
    ));
    estimate("rejected", since.rejection_rate.as_ref());
    estimate("changed", since.edit_rate.as_ref());
    estimate("silent", since.silent_exception_rate.as_ref());
    if let Some(of) = &view.agreement {
        let alpha = of.alpha.map_or_else(|| "–".to_owned(), |alpha| format!("{alpha:.2}"));
        output::line(format!(
            "  agreement  {} of {} outputs that two people reviewed (Krippendorff's alpha {alpha})",
            share(Some(of.observed)),
            count(of.pairs)
        ));
    }
    if let Some(minutes) = view.minutes_mean {
        output::line(format!("  takes      {minutes:.1} minutes on average"));
    }
}

fn estimate(name: &str, of: Option<&ShareView>) {
    if let Some(of) = of {
        let [low, high] = of.interval_one_look;
        let (low, high) = (share(Some(low)), share(Some(high)));
        output::line(format!("  {name:<10} {} of all outputs ({low} to {high})", share(Some(of.estimate))));
    }
}
