//! What the process counts.
//!
//! Owns its counters. What is counted per workflow is computed from the monitor's state when it is
//! scraped (`exposition/`), so that it goes on over restarts and goes away with its workflow. Names
//! and help stand in `catalogue.rs`.

use crate::catalogue::{
    ACCEPTED, ALERTS, CHECKPOINT_ENTRIES, CHECKPOINT_FAILURES, CHECKPOINT_LAST, CONFLICTS, DEDUP_IDS, DEDUP_WINDOW,
    DENIED, DRILLS, DUPLICATES, GROUP_EVENTS, JOURNAL_BYTES, JOURNAL_FSYNC, LONG_POLLS, MODE_READS,
    NOTIFICATION_OLDEST, NOTIFICATIONS, NOTIFICATIONS_DEAD, NOTIFICATIONS_DROPPED, NOTIFICATIONS_PENDING,
    OUTBOX_DAMAGED, OUTBOX_FAILING, OVERLOADED, QUEUE_BYTES, QUEUE_DEPTH, RECIPIENTS_REFUSED, REJECTED, RELOAD_AT,
    RELOAD_OK, REPORT_LAST_WEEK, REPORTS_MADE, SCRAPES_PARTIAL, SESSIONS, SNAPSHOT_FAILURES, SNAPSHOT_LAST,
    STORE_POISONED, STREAMS, Spec,
};
use crate::domain::alert::AlertResult;
use crate::domain::{DrillResult, RefusalCode, Time};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

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
    /// [`SNAPSHOT_LAST`], which is registered with the first one.
    snapshot_last: IntGauge,
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
    /// [`ALERTS`].
    pub alerts: IntCounterVec,
    /// [`NOTIFICATIONS`].
    pub notifications: IntCounterVec,
    /// [`RECIPIENTS_REFUSED`].
    pub recipients_refused: IntCounterVec,
    /// [`NOTIFICATIONS_PENDING`], [`NOTIFICATIONS_DEAD`] and [`NOTIFICATION_OLDEST`].
    notifications_of: [IntGaugeVec; 3],
    /// [`NOTIFICATIONS_DROPPED`].
    pub notifications_dropped: IntCounter,
    /// [`OUTBOX_FAILING`].
    pub outbox_failing: IntGauge,
    /// [`OUTBOX_DAMAGED`].
    pub outbox_damaged: IntGauge,
    /// [`SCRAPES_PARTIAL`].
    pub scrapes_partial: IntCounter,
    /// [`REPORTS_MADE`].
    pub reports_made: IntCounterVec,
    /// [`REPORT_LAST_WEEK`], which is registered with the first one.
    report_last_week: IntGauge,
    /// [`LONG_POLLS`].
    pub long_polls: IntGauge,
    /// [`STREAMS`].
    pub streams: IntGauge,
    /// [`SESSIONS`].
    pub sessions: IntGauge,
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
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let rejected = counters(&registry, REJECTED, &RefusalCode::ALL.map(RefusalCode::name))?;
        let denied = counters(&registry, DENIED, &DENIED_REASONS)?;
        let results = [DrillResult::Passed, DrillResult::Failed];
        let drills = counters(&registry, DRILLS, &results.map(DrillResult::name))?;
        let alerts = counters(&registry, ALERTS, &AlertResult::ALL.map(AlertResult::name))?;
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
            snapshot_last: unregistered(SNAPSHOT_LAST)?,
            snapshot_failures: counter(r, SNAPSHOT_FAILURES)?,
            checkpoint_failures: counter(r, CHECKPOINT_FAILURES)?,
            checkpoint: [unregistered(CHECKPOINT_LAST)?, unregistered(CHECKPOINT_ENTRIES)?],
            store_poisoned: gauge(r, STORE_POISONED)?,
            scrapes_partial: counter(r, SCRAPES_PARTIAL)?,
            reports_made: counters(r, REPORTS_MADE, &["kept", "empty", "failed"])?,
            report_last_week: unregistered(REPORT_LAST_WEEK)?,
            long_polls: gauge(r, LONG_POLLS)?,
            streams: gauge(r, STREAMS)?,
            sessions: gauge(r, SESSIONS)?,
            mode_reads: counter(r, MODE_READS)?,
            reload_ok: gauge(r, RELOAD_OK)?,
            reload_at: gauge(r, RELOAD_AT)?,
            notifications: counters(r, NOTIFICATIONS, &[])?,
            recipients_refused: counters(r, RECIPIENTS_REFUSED, &[])?,
            notifications_of: [
                gauges(r, NOTIFICATIONS_PENDING)?,
                gauges(r, NOTIFICATIONS_DEAD)?,
                gauges(r, NOTIFICATION_OLDEST)?,
            ],
            notifications_dropped: counter(r, NOTIFICATIONS_DROPPED)?,
            outbox_failing: gauge(r, OUTBOX_FAILING)?,
            outbox_damaged: gauge(r, OUTBOX_DAMAGED)?,
            drills,
            alerts,
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
        let [last, of] = &self.checkpoint;
        self.show(last, at.0 / Time::SECOND);
        self.show(of, i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// Notes that the report of a week that ended at a time is kept.
    pub fn reported(&self, end: Time) {
        self.show(&self.report_last_week, end.0 / Time::SECOND);
    }

    /// Notes a snapshot of the state as it was at a time.
    pub fn snapshot_saved(&self, of: Time) {
        self.show(&self.snapshot_last, of.0 / Time::SECOND);
    }

    /// Sets a gauge that is absent until its first value.
    fn show(&self, gauge: &IntGauge, value: i64) {
        gauge.set(value);
        // From the second time on it is there already.
        drop(self.registry.register(Box::new(gauge.clone())));
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
