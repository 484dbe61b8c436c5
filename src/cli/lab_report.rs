//! The lab as people read it: what was learned, and one hypothesis in full.
//!
//! Owns the tables. Every number in them is the daemon's.

use super::table::{Side, Table};
use super::{output, words};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Time;
use crate::http::lab::Lab;
use crate::monitor::lab_view::{HypothesisDetail, HypothesisView, LabKpis};

/// What is said where nothing is known.
const NOTHING: &str = "-";

/// The numbers of the lab, and the hypotheses with what each waits for.
pub(super) fn overview(lab: &Lab, hypotheses: &[HypothesisView]) {
    if lab.workflows.is_empty() {
        return output::line("no workflow is in the lab: declare one with `track = \"lab\"`");
    }
    let columns = ["", "tested", "a sprint", "to learn", "patterns", "risks early", "open", "defect types"];
    let sides = [Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right, Side::Left];
    let heads: Vec<(&'static str, Side)> = columns.into_iter().zip(sides).collect();
    let mut table = Table::new(&heads);
    for of in &lab.workflows {
        table.row(numbers(format!("{} ({})", of.workflow, track(of.track, of.left_at)), &of.kpis));
    }
    if lab.workflows.len() > 1 {
        table.row(numbers("all".to_owned(), &lab.all));
    }
    table.lines().iter().for_each(output::line);
    output::line(format!(
        "  a sprint is {}; at most {} hypotheses of a workflow run at a time",
        words::span(lab.sprint_ms),
        lab.active_max
    ));
    if hypotheses.is_empty() {
        return output::line("no hypothesis is declared: write a [[workflow.hypothesis]]");
    }
    output::line("");
    let now = SystemClock::default().now();
    let mut table =
        Table::new(&["hypothesis", "workflow", "status", "owner", "due", "waits for"].map(|name| (name, Side::Left)));
    for one in hypotheses {
        table.row(vec![
            one.id.clone(),
            one.workflow.to_string(),
            one.status.name().replace('_', " "),
            one.owner.clone(),
            due(one, now),
            one.next.clone(),
        ]);
    }
    table.lines().iter().for_each(output::line);
}

fn track(track: crate::domain::Track, left_at: Option<Time>) -> String {
    match (track, left_at) {
        (crate::domain::Track::Lab, _) => "lab".to_owned(),
        (crate::domain::Track::Factory, Some(at)) => format!("factory since {}", at.date()),
        (crate::domain::Track::Factory, None) => "factory".to_owned(),
    }
}

fn numbers(name: String, kpis: &LabKpis) -> Vec<String> {
    let types: Vec<String> = kpis.defect_types.iter().map(|(name, count)| format!("{name} ({count})")).collect();
    vec![
        name,
        words::count(kpis.tested),
        words::number_or_none(kpis.tested_per_sprint),
        kpis.time_to_learning_ms_median.map_or_else(|| NOTHING.to_owned(), words::span),
        words::count(kpis.found.patterns),
        words::count(kpis.risks_early),
        kpis.risks_open.to_string(),
        if types.is_empty() { NOTHING.to_owned() } else { types.join(", ") },
    ]
}

/// When its time-box ends, from now.
fn due(one: &HypothesisView, now: Time) -> String {
    match one.due_at {
        None => NOTHING.to_owned(),
        Some(at) if one.overdue => format!("OVERDUE since {}", at.date()),
        Some(at) => format!("in {}", words::span(at.since(now).max(0))),
    }
}

/// One hypothesis with everything that was said of it.
pub(super) fn one(detail: &HypothesisDetail) {
    let one = &detail.hypothesis;
    output::line(format!("{} of {}: {}", one.id, one.workflow, one.status.name().replace('_', " ")));
    output::line(format!("  question  {}", one.question));
    output::line(format!("  owner     {}", one.owner));
    one.goals.iter().for_each(|goal| output::line(format!("  learn     {goal}")));
    if !one.samples.is_empty() {
        output::line(format!("  samples   {}", one.samples));
    }
    if let (Some(at), Some(by)) = (one.started_at, &one.started_by) {
        output::line(format!("  started   by {by} at {at}, for {}", words::span(one.time_box_ms)));
    }
    for (number, one) in (1..).zip(&one.exit) {
        let said = match &one.shown {
            None => "no answer".to_owned(),
            Some(shown) => format!("{}: {} ({})", if shown.met { "met" } else { "NOT met" }, shown.note, shown.by),
        };
        output::line(format!("  exit {number}    {}: {said}", one.criterion));
    }
    for finding in &detail.findings {
        let of = finding.defect_type.as_ref().map(|of| format!(" {of}")).unwrap_or_default();
        let became = match &finding.disposed {
            Some(disposed) => format!(" [{} by {}: {}]", disposed.disposal.name(), disposed.by, disposed.note),
            None if finding.is_open_risk() => " [OPEN]".to_owned(),
            None => String::new(),
        };
        output::line(format!(
            "  found {}   {}{of}: {} ({}){became}",
            finding.number,
            finding.kind.name(),
            finding.text,
            finding.by
        ));
    }
    for decision in &detail.decisions {
        output::line(format!("  decided   {} ({}, {})", decision.text, decision.by, decision.at.date()));
    }
    if let Some(end) = &one.sign_off {
        output::line(format!("  {}  by {} at {}: {}", end.conclusion.name(), end.by, end.at, end.learned));
    }
    output::line(format!("  waits for {}", one.next));
}
