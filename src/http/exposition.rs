//! What is counted per workflow, as metric families.
//!
//! Owns the mapping from a workflow's state to its series. Computed at the scrape, so that counters
//! go on over restarts and the series of a removed workflow go away. Names stand in `metrics.rs`.

use crate::access::Count;
use crate::config::Server;
use crate::domain::{Drill, DrillResult, FindingKind, LabPolicy, Mode, Time, Verdict};
use crate::metrics::{self, Kind, Spec};
use crate::monitor::drill::Drills;
use crate::monitor::guard_view::GuardState;
use crate::monitor::kpi::LATENCY_BUCKETS_SECONDS;
use crate::monitor::lab::HypothesisStatus;
use crate::monitor::{Detail, GuardView, IncidentStatus, ModeView, Workflow};
use crate::reload::Reloader;
use crate::stats::latency::LatencySummary;
use crate::stats::ring::WINDOWS;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Families under construction, by name.
#[derive(Default)]
struct Families(BTreeMap<&'static str, (Spec, Vec<Metric>)>);

impl Families {
    fn add(&mut self, spec: Spec, labels: &[&str], value: f64) {
        let mut metric = Metric::from_label(pairs(spec, labels));
        if spec.kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.push(spec, metric);
    }

    fn push(&mut self, spec: Spec, metric: Metric) {
        self.0.entry(spec.name).or_insert_with(|| (spec, Vec::new())).1.push(metric);
    }

    fn finish(self) -> Vec<MetricFamily> {
        let families = self.0.into_values().map(|(spec, metrics)| {
            let mut family = MetricFamily::default();
            family.set_name(spec.name.to_owned());
            family.set_help(spec.help.trim().to_owned());
            family.set_field_type(match spec.kind {
                Kind::Counter => MetricType::COUNTER,
                Kind::Gauge => MetricType::GAUGE,
                Kind::Histogram => MetricType::HISTOGRAM,
            });
            family.set_metric(metrics);
            family
        });
        families.collect()
    }
}

fn pairs(spec: Spec, values: &[&str]) -> Vec<LabelPair> {
    let pair = |(name, value): (&&str, &&str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    spec.labels.iter().zip(values).map(pair).collect()
}

/// Series of all workflows.
pub fn workflows(workflows: &[Workflow], modes: &[(Arc<ModeView>, i64)], now: Time) -> Vec<MetricFamily> {
    let mut families = Families::default();
    for workflow in workflows {
        totals(&mut families, workflow);
        reviews(&mut families, workflow, now);
        windows(&mut families, workflow, now);
        if workflow.knows_lab() {
            lab(&mut families, workflow, now);
        }
        workflow
            .guard_views(now, Detail::Brief)
            .iter()
            .for_each(|guard| guard_series(&mut families, workflow.id.as_str(), guard));
        for (guard, of, measure, distance) in workflow.drift_distances() {
            families.add(metrics::DRIFT_DISTANCE, &[workflow.id.as_str(), guard, &of, measure], distance);
        }
    }
    for (view, last_read_ms) in modes {
        let id = view.workflow.as_str();
        for mode in Mode::ALL {
            families.add(metrics::MODE, &[id, mode.name()], flag(mode == view.mode));
        }
        families.add(metrics::MODE_LEVEL, &[id], f64::from(view.level));
        if *last_read_ms > 0 {
            families.add(metrics::MODE_LAST_READ, &[id], Time(*last_read_ms).seconds());
        }
    }
    families.finish()
}

#[expect(clippy::cast_precision_loss, reason = "a metric is an f64")]
fn totals(families: &mut Families, workflow: &Workflow) {
    let (id, state) = (workflow.id.as_str(), &workflow.state);
    let counts = &state.totals.counts;
    let currency = workflow.plan.policy.currency.as_str();
    let good = counts.outputs - counts.exceptions;
    families.add(metrics::OUTPUTS, &[id, "ok"], good as f64);
    families.add(metrics::OUTPUTS, &[id, "exception"], counts.exceptions as f64);
    for (kind, count) in &counts.kinds {
        families.add(metrics::EXCEPTIONS, &[id, state.kinds.name(*kind)], *count as f64);
    }
    families.add(metrics::UNITS, &[id], counts.units);
    families.add(metrics::COST, &[id, currency], counts.cost.to_f64());
    families.add(metrics::VALUE, &[id], counts.value.to_f64());
    let single = [
        (metrics::SLA_MISSED, counts.sla_missed),
        (metrics::SLA_JUDGED, counts.sla_judged),
        (metrics::RETRIES, counts.retries),
        (metrics::FALLBACKS, counts.fallbacks),
        (metrics::ESCALATIONS, counts.escalations),
        (metrics::ABOVE_MODE, state.totals.above_mode),
    ];
    single.into_iter().for_each(|(spec, count)| families.add(spec, &[id], count as f64));
    for verdict in Verdict::ALL {
        families.add(metrics::REVIEWS, &[id, verdict.name()], state.totals.reviews[verdict as usize] as f64);
    }
    families.add(metrics::DEMOTIONS_ANNULLED, &[id], state.governance.annulled as f64);
    for moves in &state.moves {
        let labels = [id, moves.from.name(), moves.to.name(), moves.cause.name()];
        families.add(metrics::MODE_CHANGES, &labels, moves.count as f64);
    }
    let open = state.incidents.list().iter().filter(|i| i.status != IncidentStatus::Resolved).count();
    families.add(metrics::INCIDENTS_OPEN, &[id], open as f64);
    if counts.outputs > 0 {
        families.add(metrics::LAST_OUTPUT, &[id], state.fresh_at.seconds());
    }
    families.push(metrics::LATENCY, latency(id, &state.totals.latency_buckets, state.totals.latency_ms));
}

#[expect(clippy::cast_precision_loss, reason = "a metric is an f64")]
fn reviews(families: &mut Families, workflow: &Workflow, now: Time) {
    let (id, view) = (workflow.id.as_str(), workflow.reviews_view(now));
    families.add(metrics::REVIEWS_AWAITED, &[id], view.awaited as f64);
    families.add(metrics::REVIEWS_OVERDUE, &[id], view.overdue as f64);
    families.add(metrics::REVIEWS_MISSED, &[id], view.missed as f64);
    families.add(metrics::REVIEW_TIME, &[id], workflow.state.reviews.minutes.0 * 60.0);
    if let Some(rejected) = view.since_granted.rejection_rate {
        families.add(metrics::REJECTION_RATIO, &[id], rejected.estimate);
    }
    if let Some(agreement) = view.agreement {
        families.add(metrics::AGREEMENT, &[id, "observed"], agreement.observed);
        if let Some(alpha) = agreement.alpha {
            families.add(metrics::AGREEMENT, &[id, "krippendorff_alpha"], alpha);
        }
    }
}

/// Series of the base items: each with the time of its next audit and whether it has a regression.
pub fn base(items: &[(String, Option<Time>, bool)]) -> Vec<MetricFamily> {
    let mut families = Families::default();
    for (item, due, is_regressed) in items {
        if let Some(due) = due {
            families.add(metrics::AUDIT_DUE, &[item], due.seconds());
        }
        families.add(metrics::BASE_REGRESSED, &[item], flag(*is_regressed));
    }
    families.finish()
}

fn latency(id: &str, buckets: &[u64], sum_ms: f64) -> Metric {
    let mut cumulative = 0;
    let mut list = Vec::with_capacity(LATENCY_BUCKETS_SECONDS.len());
    for (bound, count) in LATENCY_BUCKETS_SECONDS.iter().zip(buckets) {
        cumulative += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(cumulative);
        list.push(bucket);
    }
    let mut histogram = Histogram::default();
    histogram.set_sample_count(buckets.iter().sum());
    histogram.set_sample_sum(sum_ms / 1_000.0);
    histogram.set_bucket(list);
    let mut metric = Metric::from_label(pairs(metrics::LATENCY, &[id]));
    metric.set_histogram(histogram);
    metric
}

fn windows(families: &mut Families, workflow: &Workflow, now: Time) {
    let (id, currency) = (workflow.id.as_str(), workflow.plan.policy.currency.as_str());
    for (index, window) in WINDOWS.iter().enumerate() {
        // A window without outputs has no series: no data is not 0.
        let Some(kpis) = workflow.kpis(index, now) else { continue };
        families.add(metrics::EXCEPTION_RATIO, &[id, window.name], kpis.exception_rate);
        if let Some(cost) = kpis.cost_per_unit {
            families.add(metrics::COST_PER_UNIT, &[id, currency, window.name], cost.to_f64());
        }
        if let Some(cost) = kpis.cost_to_serve_per_unit {
            families.add(metrics::COST_TO_SERVE, &[id, currency, window.name], cost);
        }
        if let Some(LatencySummary { p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, .. }) = kpis.latency {
            for (q, ms) in [("0.5", p50_ms), ("0.9", p90_ms), ("0.95", p95_ms), ("0.99", p99_ms), ("0.999", p999_ms)] {
                families.add(metrics::LATENCY_QUANTILE, &[id, q, window.name], ms / 1_000.0);
            }
        }
    }
}

fn guard_series(families: &mut Families, id: &str, guard: &GuardView) {
    for state in GuardState::ALL {
        families.add(metrics::GUARD_STATE, &[id, &guard.name, state.name()], flag(state == guard.state));
    }
    if let Some(estimate) = guard.estimate {
        families.add(metrics::GUARD_ESTIMATE, &[id, &guard.name], estimate);
    }
    for (mode, bound) in &guard.bounds {
        families.add(metrics::GUARD_BOUND, &[id, &guard.name, mode.name()], *bound);
    }
    if let Some(evidence) = guard.evidence {
        families.add(metrics::GUARD_EVIDENCE, &[id, &guard.name], evidence);
    }
    if let Some(baseline) = &guard.baseline {
        families.add(metrics::BASELINE_VERSION, &[id, &guard.name], f64::from(baseline.version));
        if baseline.pinned {
            #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
            families.add(metrics::BASELINE_OUTPUTS, &[id, &guard.name], baseline.outputs as f64);
        }
    }
}

/// Of workflows in the lab, and of those that came out of it.
#[expect(clippy::cast_precision_loss, reason = "a metric is an f64")]
fn lab(families: &mut Families, workflow: &Workflow, now: Time) {
    let id = workflow.id.as_str();
    // The length of a sprint matters for none of these.
    let kpis = workflow.lab_view(&LabPolicy::default(), now).kpis;
    let stand = [kpis.planned, kpis.active, kpis.signed_off];
    for (status, count) in HypothesisStatus::DECLARED.iter().zip(stand) {
        families.add(metrics::LAB_HYPOTHESES, &[id, status.name()], count as f64);
    }
    families.add(metrics::LAB_OVERDUE, &[id], kpis.overdue as f64);
    families.add(metrics::LAB_TESTED, &[id], kpis.tested as f64);
    for kind in FindingKind::ALL {
        families.add(metrics::LAB_FINDINGS, &[id, kind.name()], kpis.found.of(kind) as f64);
    }
    families.add(metrics::LAB_RISKS_OPEN, &[id], kpis.risks_open as f64);
    families.add(metrics::LAB_DEFECT_TYPES, &[id], kpis.defect_types.len() as f64);
    if let Some(ms) = kpis.time_to_learning_ms_median {
        families.add(metrics::LAB_TIME_TO_LEARNING, &[id], ms as f64 / 1_000.0);
    }
}

/// The limits of the daemon, by name.
#[expect(clippy::cast_precision_loss, reason = "a metric is an f64")]
pub fn limits(server: &Server, reloader: &Reloader) -> Vec<(&'static str, f64)> {
    vec![
        ("body_bytes", server.body_bytes_max as f64),
        ("queue_bytes", server.queue_bytes_max as f64),
        ("queue_requests", server.queue_requests_max as f64),
        ("refusals", server.refusals_max as f64),
        ("connections", server.connections_max as f64),
        ("long_polls", server.long_polls_max as f64),
        ("dedup_ids", reloader.dedup_max() as f64),
        ("unknown_workflows", reloader.unknown_max() as f64),
    ]
}

/// Series of the daemon that are known only at the scrape.
#[expect(clippy::cast_precision_loss, reason = "a metric is an f64")]
pub fn house(
    limits: &[(&'static str, f64)],
    policy: &str,
    tokens: Option<Count>,
    drills: &Drills,
) -> Vec<MetricFamily> {
    let mut families = Families::default();
    if let Some(at) = drills.last_passed_at() {
        families.add(metrics::DRILL_LAST_SUCCESS, &[], at.seconds());
    }
    let is_ended = |drill: &&Drill| matches!(drill.result, DrillResult::Passed | DrillResult::Failed);
    let ended = drills.list().iter().rev().find(is_ended);
    if let Some((drill, ended_at)) = ended.and_then(|drill| Some((drill, drill.ended_at?))) {
        families.add(metrics::DRILL_DURATION, &[], ended_at.since(drill.begun_at) as f64 / 1_000.0);
        if let Some(ms) = drill.findings.lowered_after_ms {
            families.add(metrics::DRILL_LOWERED, &[], ms as f64 / 1_000.0);
        }
    }
    limits.iter().for_each(|(limit, value)| families.add(metrics::LIMIT, &[limit], *value));
    if let Some(Count { holding, expired, next_expiry }) = tokens {
        families.add(metrics::TOKENS, &["holds"], holding as f64);
        families.add(metrics::TOKENS, &["expired"], expired as f64);
        if let Some(next) = next_expiry {
            families.add(metrics::TOKEN_EXPIRY, &[], next.seconds());
        }
    }
    families.add(metrics::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), policy], 1.0);
    families.finish()
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
