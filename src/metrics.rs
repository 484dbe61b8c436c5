//! Every metric: name, labels, help.
//!
//! Owns the catalogue and the counters of the process. What is counted per workflow is computed
//! from the monitor's state when it is scraped (`exposition.rs`), so that it goes on over restarts
//! and goes away with its workflow. Nothing else in the project names a metric.

use crate::domain::{DrillResult, RefusalCode, Time};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
}

/// A line of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Name, with unit.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels, bounded.
    pub labels: &'static [&'static str],
    /// Help.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($(#[doc = $help:literal])+ $id:ident: $kind:ident $name:literal [$($label:literal),*];)+) => {
        $($(#[doc = $help])+ pub const $id: Spec =
            Spec { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: concat!($($help),+) };)+
        /// All metrics, in the order of the documentation.
        pub const CATALOGUE: &[Spec] = &[$($id),+];
    };
}

catalogue! {
    /// Outputs since adoption, by outcome.
    OUTPUTS: Counter "andon_outputs_total" ["workflow", "outcome"];
    /// Exceptions since adoption, by kind (the first 50 kinds, then `other`).
    EXCEPTIONS: Counter "andon_exceptions_total" ["workflow", "kind"];
    /// Units since adoption.
    UNITS: Counter "andon_units_total" ["workflow"];
    /// Cost since adoption, in the workflow's currency.
    COST: Counter "andon_cost_total" ["workflow", "currency"];
    /// Value to the beneficiary since adoption.
    VALUE: Counter "andon_value_total" ["workflow"];
    /// Latency of the outputs that reported one.
    LATENCY: Histogram "andon_output_latency_seconds" ["workflow"];
    /// Outputs that missed their service level.
    SLA_MISSED: Counter "andon_sla_missed_total" ["workflow"];
    /// Outputs whose service level is known.
    SLA_JUDGED: Counter "andon_sla_judged_total" ["workflow"];
    /// Retries.
    RETRIES: Counter "andon_retries_total" ["workflow"];
    /// Outputs that a fallback answered.
    FALLBACKS: Counter "andon_fallbacks_total" ["workflow"];
    /// Outputs handed to a human.
    ESCALATIONS: Counter "andon_escalations_total" ["workflow"];
    /// Human verdicts.
    REVIEWS: Counter "andon_reviews_total" ["workflow", "verdict"];
    /// Outputs that wait for a human verdict.
    REVIEWS_AWAITED: Gauge "andon_reviews_awaited" ["workflow"];
    /// Outputs that wait for a human verdict for longer than declared.
    REVIEWS_OVERDUE: Gauge "andon_reviews_overdue" ["workflow"];
    /// Outputs whose human verdict was given up, because too many waited.
    REVIEWS_MISSED: Counter "andon_reviews_missed_total" ["workflow"];
    /// Time that human verdicts took, of those that say it.
    REVIEW_TIME: Counter "andon_review_time_seconds_total" ["workflow"];
    /// Share of all outputs since the mode was granted that people would reject, estimated from the selected ones; absent without a verdict.
    REJECTION_RATIO: Gauge "andon_rejection_ratio" ["workflow"];
    /// How far two reviewers of the same output agree: `observed` (share of the outputs) or `krippendorff_alpha`; absent without such outputs.
    AGREEMENT: Gauge "andon_reviewer_agreement" ["workflow", "measure"];
    /// Share of outputs that ended in an exception; absent where a window has no output.
    EXCEPTION_RATIO: Gauge "andon_exception_ratio" ["workflow", "window"];
    /// Latency quantiles; absent where a window has no latency.
    LATENCY_QUANTILE: Gauge "andon_latency_quantile_seconds" ["workflow", "q", "window"];
    /// Cost per unit; absent where a window has no cost.
    COST_PER_UNIT: Gauge "andon_cost_per_unit" ["workflow", "currency", "window"];
    /// Cost per unit with the reviewers' time at the declared rate; absent where one of them is not known.
    COST_TO_SERVE: Gauge "andon_cost_to_serve_per_unit" ["workflow", "currency", "window"];
    /// Where a guard stands: 1 for the present state, 0 for the others.
    GUARD_STATE: Gauge "andon_guard_state" ["workflow", "guard", "state"];
    /// Mean of a guard's observations since it started; absent without observations.
    GUARD_ESTIMATE: Gauge "andon_guard_estimate" ["workflow", "guard"];
    /// Bound of a guard in a mode.
    GUARD_BOUND: Gauge "andon_guard_bound" ["workflow", "guard", "mode"];
    /// Evidence against the bound of the current mode, 0 to 1; 0.4 is normal, 1 is a breach.
    GUARD_EVIDENCE: Gauge "andon_guard_evidence_ratio" ["workflow", "guard"];
    /// Distance of the outputs of late (the last 2,500 to 5,000) from the baseline of a drift guard: `kolmogorov_smirnov`, `total_variation`, `jensen_shannon` or `psi`.
    DRIFT_DISTANCE: Gauge "andon_drift_distance" ["workflow", "guard", "of", "measure"];
    /// Outputs in the pinned baseline of a guard; absent until it is pinned.
    BASELINE_OUTPUTS: Gauge "andon_baseline_outputs" ["workflow", "guard"];
    /// Counts the baselines of a guard; 0 before the first is pinned.
    BASELINE_VERSION: Gauge "andon_baseline_version" ["workflow", "guard"];
    /// The effective mode: 1 for the present one, 0 for the others.
    MODE: Gauge "andon_mode" ["workflow", "mode"];
    /// Level of the effective mode, 0 (assist) to 3 (automate).
    MODE_LEVEL: Gauge "andon_mode_level" ["workflow"];
    /// Changes of the granted mode.
    MODE_CHANGES: Counter "andon_mode_changes_total" ["workflow", "from", "to", "cause"];
    /// Demotions by guards that people judged false.
    DEMOTIONS_ANNULLED: Counter "andon_demotions_annulled_total" ["workflow"];
    /// When a workflow's mode was last read; absent before the first read since the start.
    MODE_LAST_READ: Gauge "andon_mode_last_read_timestamp_seconds" ["workflow"];
    /// Outputs that reported a mode above the allowed one.
    ABOVE_MODE: Counter "andon_outputs_above_mode_total" ["workflow"];
    /// Unresolved incidents.
    INCIDENTS_OPEN: Gauge "andon_incidents_open" ["workflow"];
    /// Time of the last output; absent before the first.
    LAST_OUTPUT: Gauge "andon_last_output_timestamp_seconds" ["workflow"];
    /// When the next audit of a base item is due; in the past it is overdue.
    AUDIT_DUE: Gauge "andon_base_audit_due_timestamp_seconds" ["item"];
    /// Whether a base item has an unresolved regression.
    BASE_REGRESSED: Gauge "andon_base_regressed" ["item"];
    /// Hypotheses of the lab, by where they stand: `planned`, `active` or `signed_off`.
    LAB_HYPOTHESES: Gauge "andon_lab_hypotheses" ["workflow", "status"];
    /// Hypotheses that are being tested although their time-box is over.
    LAB_OVERDUE: Gauge "andon_lab_hypotheses_overdue" ["workflow"];
    /// Hypotheses that were signed off as confirmed or refuted, each counted once.
    LAB_TESTED: Counter "andon_lab_hypotheses_tested_total" ["workflow"];
    /// What was found in the lab: `pattern`, `risk` or `defect`.
    LAB_FINDINGS: Counter "andon_lab_findings_total" ["workflow", "kind"];
    /// Risks found in the lab that nobody has disposed of.
    LAB_RISKS_OPEN: Gauge "andon_lab_risks_open" ["workflow"];
    /// Types of defects that were discovered in the lab.
    LAB_DEFECT_TYPES: Gauge "andon_lab_defect_types" ["workflow"];
    /// Median time from the first start of a hypothesis to the first thing that was found; absent where nothing was.
    LAB_TIME_TO_LEARNING: Gauge "andon_lab_time_to_learning_seconds" ["workflow"];
    /// Events and reviews taken since the start of the process.
    ACCEPTED: Counter "andon_events_accepted_total" [];
    /// Events and reviews refused, by reason.
    REJECTED: Counter "andon_events_rejected_total" ["reason"];
    /// Events and reviews seen before; they change nothing.
    DUPLICATES: Counter "andon_events_duplicate_total" [];
    /// Repeats of a known id with other content: a fault of the sender.
    CONFLICTS: Counter "andon_events_conflict_total" [];
    /// Requests turned away with 503 because the queue was full or the store refused.
    OVERLOADED: Counter "andon_requests_overloaded_total" [];
    /// Requests waiting for the journal.
    QUEUE_DEPTH: Gauge "andon_queue_depth" [];
    /// Bytes of requests waiting for the journal.
    QUEUE_BYTES: Gauge "andon_queue_bytes" [];
    /// Limits of the daemon: `queue_bytes`, `queue_requests`, `body_bytes`, `dedup_ids`, `unknown_workflows`, `connections`, `long_polls`, `refusals`.
    LIMIT: Gauge "andon_limit" ["limit"];
    /// Time of one group commit: write and fsync.
    JOURNAL_FSYNC: Histogram "andon_journal_fsync_seconds" [];
    /// Outputs that shared one group commit.
    GROUP_EVENTS: Histogram "andon_group_commit_events" [];
    /// Bytes of all journal segments.
    JOURNAL_BYTES: Gauge "andon_journal_bytes" [];
    /// Ids remembered for deduplication.
    DEDUP_IDS: Gauge "andon_dedup_ids" [];
    /// How far back repeats are recognised now: the declared window, or less where `dedup_max` was reached first.
    DEDUP_WINDOW: Gauge "andon_dedup_window_seconds" [];
    /// Time of the last snapshot.
    SNAPSHOT_LAST: Gauge "andon_snapshot_last_success_timestamp_seconds" [];
    /// Snapshots that failed; the journal still holds everything.
    SNAPSHOT_FAILURES: Counter "andon_snapshot_failures_total" [];
    /// When the ledger's last checkpoint was signed; absent before the first since the start.
    CHECKPOINT_LAST: Gauge "andon_ledger_checkpoint_timestamp_seconds" [];
    /// Entries of the ledger's last checkpoint; absent before the first since the start.
    CHECKPOINT_ENTRIES: Gauge "andon_ledger_checkpoint_entries" [];
    /// Checkpoints of the ledger that failed: later entries can be cut off without a trace until one succeeds.
    CHECKPOINT_FAILURES: Counter "andon_ledger_checkpoint_failures_total" [];
    /// 1 when the store refused a write and nothing more is taken.
    STORE_POISONED: Gauge "andon_store_poisoned" [];
    /// Readers waiting for a change of a mode.
    LONG_POLLS: Gauge "andon_long_polls" [];
    /// Reads of modes.
    MODE_READS: Counter "andon_mode_reads_total" [];
    /// Whether the last reload of the configuration succeeded.
    RELOAD_OK: Gauge "andon_config_last_reload_successful" [];
    /// Time of the last successful reload of the configuration.
    RELOAD_AT: Gauge "andon_config_last_reload_success_timestamp_seconds" [];
    /// Requests turned away at the door, by reason: `missing`, `malformed`, `unknown` or `expired` token; one without the `scope`, or for another `workflow` than the path's.
    DENIED: Counter "andon_requests_denied_total" ["reason"];
    /// Access tokens in force; absent where none are configured.
    TOKENS: Gauge "andon_tokens" ["state"];
    /// When the next access token expires; absent where none does.
    TOKEN_EXPIRY: Gauge "andon_token_next_expiry_timestamp_seconds" [];
    /// Drills that ended since the start of the process, by result.
    DRILLS: Counter "andon_drills_total" ["result"];
    /// When a drill last passed; absent before the first.
    DRILL_LAST_SUCCESS: Gauge "andon_drill_last_success_timestamp_seconds" [];
    /// How long the last recorded drill took; absent before the first.
    DRILL_DURATION: Gauge "andon_drill_duration_seconds" [];
    /// From the first exception of the last recorded drill until a reader was told the lower mode; absent where none was.
    DRILL_LOWERED: Gauge "andon_drill_lowered_after_seconds" [];
    /// Attempts to deliver a notification and what became of them: `delivered`, `failed` (it is tried again, or given up), `dead` (given up).
    NOTIFICATIONS: Counter "andon_notifications_total" ["target", "result"];
    /// Notifications that wait for a target.
    NOTIFICATIONS_PENDING: Gauge "andon_notifications_pending" ["target"];
    /// Notifications of a target that were given up and are kept to be looked at.
    NOTIFICATIONS_DEAD: Gauge "andon_notifications_dead" ["target"];
    /// When the notification that waits longest for a target was queued; absent where none waits.
    NOTIFICATION_OLDEST: Gauge "andon_notification_oldest_pending_timestamp_seconds" ["target"];
    /// Notifications that were lost for good: given up, and more of them than are kept. While an outbox is full, what comes waits in the ledger.
    NOTIFICATIONS_DROPPED: Counter "andon_notifications_dropped_total" [];
    /// Version of the daemon, and the policy in force.
    BUILD_INFO: Gauge "andon_build_info" ["version", "policy"];
}

/// Why a request is turned away at the door.
const DENIED_REASONS: [&str; 6] = ["missing", "malformed", "unknown", "expired", "scope", "workflow"];

/// The counters of one process, registered in a registry of its own.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Where they are registered.
    pub registry: Registry,
    /// [`DENIED`].
    pub denied: IntCounterVec,
    /// [`ACCEPTED`].
    pub accepted: IntCounter,
    /// [`REJECTED`].
    pub rejected: IntCounterVec,
    /// [`DUPLICATES`].
    pub duplicates: IntCounter,
    /// [`CONFLICTS`].
    pub conflicts: IntCounter,
    /// [`OVERLOADED`].
    pub overloaded: IntCounter,
    /// [`QUEUE_DEPTH`].
    pub queue_depth: IntGauge,
    /// [`QUEUE_BYTES`].
    pub queue_bytes: IntGauge,
    /// [`JOURNAL_FSYNC`].
    pub journal_fsync: Histogram,
    /// [`GROUP_EVENTS`].
    pub group_events: Histogram,
    /// [`JOURNAL_BYTES`].
    pub journal_bytes: IntGauge,
    /// [`DEDUP_IDS`].
    pub dedup_ids: IntGauge,
    /// [`DEDUP_WINDOW`].
    pub dedup_window: IntGauge,
    /// [`SNAPSHOT_LAST`].
    pub snapshot_last: IntGauge,
    /// [`SNAPSHOT_FAILURES`].
    pub snapshot_failures: IntCounter,
    /// [`CHECKPOINT_FAILURES`].
    pub checkpoint_failures: IntCounter,
    /// [`CHECKPOINT_LAST`] and [`CHECKPOINT_ENTRIES`], which are registered with the first one.
    checkpoint: [IntGauge; 2],
    /// [`STORE_POISONED`].
    pub store_poisoned: IntGauge,
    /// [`DRILLS`].
    pub drills: IntCounterVec,
    /// [`NOTIFICATIONS`].
    pub notifications: IntCounterVec,
    /// [`NOTIFICATIONS_PENDING`], [`NOTIFICATIONS_DEAD`] and [`NOTIFICATION_OLDEST`].
    notifications_of: [IntGaugeVec; 3],
    /// [`NOTIFICATIONS_DROPPED`].
    pub notifications_dropped: IntCounter,
    /// [`LONG_POLLS`].
    pub long_polls: IntGauge,
    /// [`MODE_READS`].
    pub mode_reads: IntCounter,
    /// [`RELOAD_OK`].
    pub reload_ok: IntGauge,
    /// [`RELOAD_AT`].
    pub reload_at: IntGauge,
}

impl Metrics {
    /// Registers everything; counters exist at 0 from the start.
    ///
    /// # Errors
    /// Only where two metrics of the catalogue have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let rejected = counters(&registry, REJECTED, &RefusalCode::ALL.map(RefusalCode::name))?;
        let denied = counters(&registry, DENIED, &DENIED_REASONS)?;
        let results = [DrillResult::Passed, DrillResult::Failed];
        let drills = counters(&registry, DRILLS, &results.map(DrillResult::name))?;
        let (r, gauge, counter) = (&registry, gauge, counter);
        Ok(Self {
            accepted: counter(r, ACCEPTED)?,
            duplicates: counter(r, DUPLICATES)?,
            conflicts: counter(r, CONFLICTS)?,
            overloaded: counter(r, OVERLOADED)?,
            queue_depth: gauge(r, QUEUE_DEPTH)?,
            queue_bytes: gauge(r, QUEUE_BYTES)?,
            journal_fsync: histogram(
                r,
                JOURNAL_FSYNC,
                &[0.0001, 0.0002, 0.0005, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5],
            )?,
            group_events: histogram(r, GROUP_EVENTS, &[1.5, 10.5, 100.5, 1000.5, 10_000.5, 100_000.5])?,
            journal_bytes: gauge(r, JOURNAL_BYTES)?,
            dedup_ids: gauge(r, DEDUP_IDS)?,
            dedup_window: gauge(r, DEDUP_WINDOW)?,
            snapshot_last: gauge(r, SNAPSHOT_LAST)?,
            snapshot_failures: counter(r, SNAPSHOT_FAILURES)?,
            checkpoint_failures: counter(r, CHECKPOINT_FAILURES)?,
            checkpoint: [unregistered(CHECKPOINT_LAST)?, unregistered(CHECKPOINT_ENTRIES)?],
            store_poisoned: gauge(r, STORE_POISONED)?,
            long_polls: gauge(r, LONG_POLLS)?,
            mode_reads: counter(r, MODE_READS)?,
            reload_ok: gauge(r, RELOAD_OK)?,
            reload_at: gauge(r, RELOAD_AT)?,
            notifications: counters(r, NOTIFICATIONS, &[])?,
            notifications_of: [
                gauges(r, NOTIFICATIONS_PENDING)?,
                gauges(r, NOTIFICATIONS_DEAD)?,
                gauges(r, NOTIFICATION_OLDEST)?,
            ],
            notifications_dropped: counter(r, NOTIFICATIONS_DROPPED)?,
            drills,
            rejected,
            denied,
            registry,
        })
    }

    /// Notes where a target of notifications stands; no data is an absent series.
    pub fn notified(&self, target: &str, pending: i64, dead: i64, oldest: Option<Time>) {
        let [of_pending, of_dead, of_oldest] = &self.notifications_of;
        of_pending.with_label_values(&[target]).set(pending);
        of_dead.with_label_values(&[target]).set(dead);
        match oldest {
            Some(at) => of_oldest.with_label_values(&[target]).set(at.0 / Time::SECOND),
            // It may be absent already.
            None => drop(of_oldest.remove_label_values(&[target])),
        }
    }

    /// Notes a checkpoint of the ledger.
    pub fn checkpointed(&self, at: Time, entries: u64) {
        let values = [at.0 / Time::SECOND, i64::try_from(entries).unwrap_or(i64::MAX)];
        for (gauge, value) in self.checkpoint.iter().zip(values) {
            gauge.set(value);
            // From the second time on it is there already.
            drop(self.registry.register(Box::new(gauge.clone())));
        }
    }
}

/// A counter for each value of its one label, at 0.
fn counters(registry: &Registry, spec: Spec, values: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    let counters = IntCounterVec::new(Opts::new(spec.name, spec.help.trim()), spec.labels)?;
    registry.register(Box::new(counters.clone()))?;
    values.iter().for_each(|value| drop(counters.with_label_values(&[*value])));
    Ok(counters)
}

fn counter(registry: &Registry, spec: Spec) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(spec.name, spec.help.trim())?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn gauges(registry: &Registry, spec: Spec) -> Result<IntGaugeVec, prometheus::Error> {
    let gauges = IntGaugeVec::new(Opts::new(spec.name, spec.help.trim()), spec.labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

fn unregistered(spec: Spec) -> Result<IntGauge, prometheus::Error> {
    IntGauge::new(spec.name, spec.help.trim())
}

fn gauge(registry: &Registry, spec: Spec) -> Result<IntGauge, prometheus::Error> {
    let gauge = unregistered(spec)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn histogram(registry: &Registry, spec: Spec, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
    let histogram = Histogram::with_opts(HistogramOpts::new(spec.name, spec.help.trim()).buckets(buckets.to_vec()))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}
