//! What is counted of a workflow, and where it stands.
//!
//! Owns these series but those of its guards (`guard`) and of its windows (`window`). It runs on the
//! driver's thread, on the state itself: nothing is copied, and nothing here takes more than microseconds.

use super::page::{Distribution, Page};
use super::{flag, guard, real};
use crate::catalogue;
use crate::domain::{FindingKind, Judgement, LabPolicy, Mode, Time, Verdict};
use crate::monitor::incident::Incidents;
use crate::monitor::kpi::LATENCY_BUCKETS_SECONDS;
use crate::monitor::lab::HypothesisStatus;
use crate::monitor::request_list::Requests;
use crate::monitor::{IncidentStatus, ModeView, Workflow};
use std::collections::BTreeMap;

/// Everything but the windows.
pub fn add(page: &mut Page, workflow: &Workflow, now: Time) {
    info(page, workflow);
    totals(page, workflow);
    standing(page, workflow, now);
    reviews(page, workflow, now);
    if workflow.knows_lab() {
        lab(page, workflow, now);
    }
    guard::add(page, workflow, now);
}

/// The mode as readers get it, and when one last asked (0: not since the start).
pub fn mode(page: &mut Page, view: &ModeView, last_read_ms: i64) {
    let id = view.workflow.as_str();
    for mode in Mode::ALL {
        page.add(catalogue::MODE, &[id, mode.name()], flag(mode == view.mode));
    }
    page.add(catalogue::MODE_LEVEL, &[id], f64::from(view.level));
    page.add(catalogue::GRANTED_LEVEL, &[id], f64::from(view.granted.level()));
    let since = [id, view.granted.name(), view.cause.name(), view.guard.as_deref().unwrap_or_default()];
    page.add(catalogue::MODE_SINCE, &since, view.since.seconds());
    page.add(catalogue::MODE_HELD, &[id], flag(view.held.is_some()));
    view.caps.iter().for_each(|cap| page.add(catalogue::MODE_CAPPED, &[id, &cap.by], 1.0));
    if last_read_ms > 0 {
        page.add(catalogue::MODE_LAST_READ, &[id], Time(last_read_ms).seconds());
    }
}

fn info(page: &mut Page, workflow: &Workflow) {
    let (id, policy) = (workflow.id.as_str(), &workflow.plan.policy);
    let track = workflow.track().name();
    let labels =
        [id, track, &policy.owner, &policy.unit, &policy.currency, workflow.max_mode().name(), &policy.runbook];
    page.add(catalogue::WORKFLOW_INFO, &labels, 1.0);
    for (slo, objective) in workflow.objectives() {
        page.add(catalogue::SLO_OBJECTIVE, &[id, slo.name()], objective);
        let total = workflow.slo_total(slo);
        page.add(catalogue::SLO_EVENTS, &[id, slo.name()], real(total.events));
        page.add(catalogue::SLO_BAD, &[id, slo.name()], real(total.bad));
    }
}

fn totals(page: &mut Page, workflow: &Workflow) {
    let (id, state) = (workflow.id.as_str(), &workflow.state);
    let (counts, exemplars) = (&state.totals.counts, &state.totals.exemplars);
    let currency = workflow.plan.policy.currency.as_str();
    page.add(catalogue::OUTPUTS, &[id, "ok"], real(counts.outputs - counts.exceptions));
    page.add(catalogue::OUTPUTS, &[id, "exception"], real(counts.exceptions));
    for (kind, count) in &counts.kinds {
        page.add_with(catalogue::EXCEPTIONS, &[id, state.kinds.name(*kind)], real(*count), exemplars.kind(*kind));
    }
    page.add(catalogue::UNITS, &[id], counts.units);
    page.add(catalogue::COST, &[id, currency], counts.cost.to_f64());
    page.add(catalogue::VALUE, &[id], counts.value.to_f64());
    let single = [
        (catalogue::SLA_MISSED, counts.sla_missed),
        (catalogue::SLA_JUDGED, counts.sla_judged),
        (catalogue::RETRIES, counts.retries),
        (catalogue::FALLBACKS, counts.fallbacks),
        (catalogue::ESCALATIONS, counts.escalations),
        (catalogue::ABOVE_MODE, state.totals.above_mode),
        (catalogue::DEMOTIONS_ANNULLED, state.governance.annulled),
    ];
    single.into_iter().for_each(|(spec, count)| page.add(spec, &[id], real(count)));
    for verdict in Verdict::ALL {
        page.add(catalogue::REVIEWS, &[id, verdict.name()], real(state.totals.reviews[verdict as usize]));
    }
    for judgement in Judgement::ALL {
        let all = state.governance.judged(judgement);
        let statistical = state.governance.in_budget.judged[judgement as usize];
        for (guards, judged) in [("statistical", statistical), ("deterministic", all.saturating_sub(statistical))] {
            page.add(catalogue::DEMOTIONS_JUDGED, &[id, judgement.name(), guards], real(judged));
        }
    }
    for moves in &state.moves {
        let labels = [id, moves.from.name(), moves.to.name(), moves.cause.name()];
        page.add(catalogue::MODE_CHANGES, &labels, real(moves.count));
    }
    let latency = Distribution {
        bounds: &LATENCY_BUCKETS_SECONDS,
        counts: &state.totals.latency_buckets,
        sum: state.totals.latency_ms / 1_000.0,
    };
    page.histogram(catalogue::LATENCY, &[id], &latency, |bucket| exemplars.latency(bucket));
}

fn standing(page: &mut Page, workflow: &Workflow, now: Time) {
    let (id, state) = (workflow.id.as_str(), &workflow.state);
    if let Some(at) = state.last_output_at {
        page.add(catalogue::LAST_OUTPUT, &[id], at.seconds());
    }
    if let Some(until) = workflow.lapses_at() {
        page.add(catalogue::EVIDENCE_UNTIL, &[id], until.seconds());
    }
    let closed = state.governance.closed_until(&workflow.plan.policy.cooldown);
    if let Some((until, _)) = closed.filter(|(until, _)| *until > now) {
        page.add(catalogue::COOLDOWN_UNTIL, &[id], until.seconds());
    }
    if let Some(probation) = state.governance.probation {
        let left = probation.until_output.saturating_sub(state.totals.counts.outputs);
        page.add(catalogue::PROBATION_LEFT, &[id], real(left));
    }
    incidents(page, id, &state.incidents);
    requests(page, id, &state.governance.requests);
}

/// Of a workflow, or of the house (an empty id).
pub(super) fn incidents(page: &mut Page, id: &str, incidents: &Incidents) {
    let unseen = incidents.unresolved().filter(|incident| incident.status == IncidentStatus::Open).count();
    page.add(catalogue::INCIDENTS_OPEN, &[id], real(incidents.unresolved().count() as u64));
    page.add(catalogue::INCIDENTS_UNSEEN, &[id], real(unseen as u64));
    if let Some(oldest) = incidents.unresolved().map(|incident| incident.opened_at).min() {
        page.add(catalogue::INCIDENT_OLDEST, &[id], oldest.seconds());
    }
}

/// Of a workflow, or of the house (an empty id).
pub(super) fn requests(page: &mut Page, id: &str, requests: &Requests) {
    let mut pending: BTreeMap<&str, u64> = BTreeMap::new();
    requests.pending().for_each(|request| *pending.entry(request.ask.name()).or_default() += 1);
    pending.into_iter().for_each(|(kind, count)| page.add(catalogue::REQUESTS_PENDING, &[id, kind], real(count)));
    if let Some(oldest) = requests.pending().map(|request| request.at).min() {
        page.add(catalogue::REQUEST_OLDEST, &[id], oldest.seconds());
    }
}

fn reviews(page: &mut Page, workflow: &Workflow, now: Time) {
    // Not the whole view: that looks at each output that waits, and tens of thousands may.
    let (id, book) = (workflow.id.as_str(), &workflow.state.reviews);
    let late = book.late(now, workflow.plan.policy.reviewing.within_ms);
    page.add(catalogue::REVIEWS_AWAITED, &[id], real(book.awaited() as u64));
    page.add(catalogue::REVIEWS_OVERDUE, &[id], real(late as u64));
    page.add(catalogue::REVIEWS_MISSED, &[id], real(book.missed));
    page.add(catalogue::REVIEW_TIME, &[id], book.minutes.0 * 60.0);
    if let Some(rejected) = book.rejection_rate() {
        page.add(catalogue::REJECTION_RATIO, &[id], rejected.estimate);
    }
    if let Some((agreement, _)) = book.agreed() {
        page.add(catalogue::AGREEMENT, &[id, "observed"], agreement.observed);
        if let Some(alpha) = agreement.alpha {
            page.add(catalogue::AGREEMENT, &[id, "krippendorff_alpha"], alpha);
        }
    }
}

/// Of workflows in the lab, and of those that came out of it.
fn lab(page: &mut Page, workflow: &Workflow, now: Time) {
    let id = workflow.id.as_str();
    // The length of a sprint matters for none of these.
    let kpis = workflow.lab_view(&LabPolicy::default(), now).kpis;
    let stand = [kpis.planned, kpis.active, kpis.signed_off].map(|count| count as u64);
    for (status, count) in HypothesisStatus::DECLARED.iter().zip(stand) {
        page.add(catalogue::LAB_HYPOTHESES, &[id, status.name()], real(count));
    }
    page.add(catalogue::LAB_OVERDUE, &[id], real(kpis.overdue as u64));
    page.add(catalogue::LAB_TESTED, &[id], real(kpis.tested));
    for kind in FindingKind::ALL {
        page.add(catalogue::LAB_FINDINGS, &[id, kind.name()], real(kpis.found.of(kind)));
    }
    page.add(catalogue::LAB_RISKS_OPEN, &[id], real(kpis.risks_open as u64));
    page.add(catalogue::LAB_DEFECT_TYPES, &[id], real(kpis.defect_types.len() as u64));
    if let Some(ms) = kpis.time_to_learning_ms_median {
        page.add(catalogue::LAB_TIME_TO_LEARNING, &[id], Time(ms).seconds());
    }
}
