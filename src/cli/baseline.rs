//! `andon baseline`: what a guard has learned to be normal; and a person's order to learn anew.
//!
//! Owns the arguments and the telling. Whether an order is possible is the daemon's to say.

use super::client::{Client, ClientError, Daemon};
use super::output;
use crate::domain::WorkflowId;
use crate::domain::policy::BASELINE_OUTPUTS;
use crate::http::guards::{Relearn, Relearning};
use crate::monitor::GuardView;
use crate::monitor::guard_view::DistancesView;
use crate::stats::drift_report::Distance;
use std::process::ExitCode;

/// Arguments of `andon baseline`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  andon baseline email-drafts drift:brand_fit
  andon baseline email-drafts drift:brand_fit --learn --outputs 5000 --reason \"new tone of voice since Monday\"

A baseline is never learned anew by itself: not after an alarm, and not with time.")]
pub(super) struct Arguments {
    /// The workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: WorkflowId,
    /// The guard.
    guard: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Forget the baseline and learn it anew from the outputs that come now.
    #[arg(long, requires = "reason")]
    learn: bool,
    /// Outputs that the new baseline takes. Default: as declared; after a file or a time range as many as that had.
    #[arg(long, requires = "learn", value_name = "N", value_parser = clap::value_parser!(u32).range(range()))]
    outputs: Option<u32>,
    /// Why: it stands in the ledger.
    #[arg(long, requires = "learn")]
    reason: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// What clap wants of the limits.
fn range() -> std::ops::RangeInclusive<i64> {
    i64::from(*BASELINE_OUTPUTS.start())..=i64::from(*BASELINE_OUTPUTS.end())
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(answer(arguments))
}

fn answer(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let path = format!("/v1/workflows/{}/guards/{}", arguments.workflow, encoded(&arguments.guard));
    let found = if arguments.learn {
        let reason = arguments.reason.clone().unwrap_or_default();
        client.post(&format!("{path}/baseline"), &Relearn { outputs: arguments.outputs, reason })?
    } else {
        Relearning { guard: client.get(&path)?, request: None }
    };
    match (arguments.json, arguments.learn) {
        (true, true) => output::json(&found),
        (true, false) => output::json(&found.guard),
        (false, _) => print(arguments, &found.guard),
    }
    if let Some(request) = found.request.filter(|_| !arguments.json) {
        output::line(format!(
            "  waits for an approver: until then it judges by what it knows (`andon requests approve {request}`)"
        ));
    }
    Ok(())
}

/// Names of guards may hold `/` and the like where they are made from names of scores.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn print(arguments: &Arguments, view: &GuardView) {
    output::line(format!("{} / {}: {}", arguments.workflow, view.name, view.state.name()));
    let Some(baseline) = &view.baseline else {
        output::line("  this guard has a declared bound and learns nothing");
        return;
    };
    if baseline.pinned {
        let times = match (baseline.from, baseline.to) {
            (Some(from), Some(to)) => format!(", {from} to {to}"),
            _ => String::new(),
        };
        let (version, outputs) = (baseline.version, baseline.outputs);
        output::line(format!("  baseline  version {version}: {outputs} outputs ({}{times})", baseline.source));
    } else {
        let wanted = baseline.outputs_wanted.map(|wanted| format!(" of {wanted}")).unwrap_or_default();
        let outputs = baseline.outputs;
        output::line(format!(
            "  learning  {outputs}{wanted} outputs ({}); until then it judges nothing",
            baseline.source
        ));
    }
    if let Some(bound) = view.bound {
        output::line(format!("  bound     {bound:.4}"));
    }
    if let Some(estimate) = view.estimate {
        output::line(format!("  estimate  {estimate:.4}"));
    }
    if let Some(evidence) = view.evidence {
        output::line(format!("  evidence  {evidence:.2} (0.4 is normal, 1 is a breach)"));
    }
    if let Some(distances) = &view.distances {
        print_distances(distances);
    }
}

fn print_distances(distances: &DistancesView) {
    output::line(format!(
        "  the last {} outputs against the baseline (no drift would give: median, limit)",
        distances.outputs
    ));
    if let Some(ks) = distances.kolmogorov_smirnov {
        output::line(format!("    Kolmogorov–Smirnov  {ks:.4}"));
    }
    if let Some(wasserstein) = distances.wasserstein {
        output::line(format!("    Wasserstein-1       {wasserstein:.4}"));
    }
    let binned = &distances.binned;
    let lines: [(&str, &Distance); 4] = [
        ("PSI", &binned.psi),
        ("Jensen–Shannon", &binned.jensen_shannon),
        ("total variation", &binned.total_variation),
        ("χ²", &binned.chi_squared),
    ];
    for (name, distance) in lines {
        let (value, expected) = (distance.value, distance.no_drift);
        output::line(format!("    {name:<19} {value:.4} ({:.4}, {:.4})", expected.median, expected.limit));
    }
}
