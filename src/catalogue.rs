//! The catalogue: every metric's name, labels and help.
//!
//! Owns the words. What is counted lives in `metrics` (the process) and in `exposition` (the state).
//! Nothing else in the project names a metric, and docs/metrics.md is made from this list.

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
    /// Its place in [`CATALOGUE`].
    pub place: usize,
}

macro_rules! catalogue {
    ($($(#[doc = $help:literal])+ $id:ident: $kind:ident $name:literal [$($label:literal),*];)+) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "only its numbers are used")]
        enum Place { $($id),+ }
        $($(#[doc = $help])+ pub const $id: Spec = Spec {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: concat!($($help),+),
            place: Place::$id as usize,
        };)+
        /// All metrics, in the order of the documentation.
        pub const CATALOGUE: &[Spec] = &[$($id),+];
    };
}

catalogue! {
    /// What a workflow is: to join owner, unit or runbook to another series.
    WORKFLOW_INFO: Gauge "andon_workflow_info" ["workflow", "track", "owner", "unit", "currency", "max_mode", "runbook"];
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
    /// What is promised: the least share of good events, of each declared service level objective (`good`, `latency`, `sla`, `uptime`).
    SLO_OBJECTIVE: Gauge "andon_slo_objective_ratio" ["workflow", "slo"];
    /// Events of a service level objective since adoption: outputs, or slots of 20 seconds with outputs (`uptime`).
    SLO_EVENTS: Counter "andon_slo_events_total" ["workflow", "slo"];
    /// Of these, those that were bad.
    SLO_BAD: Counter "andon_slo_bad_events_total" ["workflow", "slo"];
    /// What is left of the error budget of the last 30 days: 1 untouched, 0 used up, below 0 overspent; absent without events.
    SLO_BUDGET: Gauge "andon_slo_error_budget_remaining_ratio" ["workflow", "slo"];
    /// How fast the error budget is used: 1 uses it up in exactly 30 days; absent where a window has no event.
    SLO_BURN: Gauge "andon_slo_burn_rate" ["workflow", "slo", "window"];
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
    /// What a guard watches: its signal, and the kind, score or attribute that it looks at.
    GUARD_INFO: Gauge "andon_guard_info" ["workflow", "guard", "signal", "of"];
    /// Observations of a guard since it started.
    GUARD_OBSERVATIONS: Gauge "andon_guard_observations" ["workflow", "guard"];
    /// Observations that it takes to show that the bound is kept.
    GUARD_NEEDED: Gauge "andon_guard_observations_needed" ["workflow", "guard"];
    /// When a guard was last breached; absent before the first time.
    GUARD_BREACH_AT: Gauge "andon_guard_last_breach_timestamp_seconds" ["workflow", "guard"];
    /// Part of a fixed limit (money, exceptions, outputs, time of silence) that is used now: 1 is the limit.
    GUARD_USED: Gauge "andon_guard_used_ratio" ["workflow", "guard"];
    /// The group with most evidence of failing more often than the rest: how many times as often; absent without any.
    DISPARITY_RATIO: Gauge "andon_disparity_ratio" ["workflow", "guard", "group"];
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
    /// Level of the granted mode; the effective one may be lower while something caps it.
    GRANTED_LEVEL: Gauge "andon_granted_level" ["workflow"];
    /// When the granted mode last changed, to what, why, and by which guard.
    MODE_SINCE: Gauge "andon_mode_since_timestamp_seconds" ["workflow", "mode", "cause", "guard"];
    /// Whether raises are blocked by an operator.
    MODE_HELD: Gauge "andon_mode_held" ["workflow"];
    /// 1 while something caps the mode: `store`, `driver` or a base item.
    MODE_CAPPED: Gauge "andon_mode_capped" ["workflow", "by"];
    /// Demotions by guards since adoption.
    DEMOTIONS: Counter "andon_demotions_total" ["workflow", "guard"];
    /// Until when the gate stays closed after a demotion; absent where it doesn't.
    COOLDOWN_UNTIL: Gauge "andon_cooldown_until_timestamp_seconds" ["workflow"];
    /// When the mode lapses to assist, if no output comes before; absent where it can't.
    EVIDENCE_UNTIL: Gauge "andon_evidence_valid_until_timestamp_seconds" ["workflow"];
    /// Outputs for which people still look as closely as in the mode below; absent without probation.
    PROBATION_LEFT: Gauge "andon_probation_outputs_left" ["workflow"];
    /// Requests that wait for approval; those of the house have no workflow.
    REQUESTS_PENDING: Gauge "andon_requests_pending" ["workflow", "kind"];
    /// When the oldest request that waits was made; absent where none waits.
    REQUEST_OLDEST: Gauge "andon_request_oldest_timestamp_seconds" ["workflow"];
    /// Changes of the granted mode.
    MODE_CHANGES: Counter "andon_mode_changes_total" ["workflow", "from", "to", "cause"];
    /// Demotions by guards that two people took back as false.
    DEMOTIONS_ANNULLED: Counter "andon_demotions_annulled_total" ["workflow"];
    /// Demotions by guards since adoption that people judged `right` or `false`, each by the last word on it; a gauge, as
    /// that word may change. The declared budget is about those by `statistical` guards, and not by `deterministic` ones (`silence`,
    /// `volume`, `limit`, `external`).
    DEMOTIONS_JUDGED: Gauge "andon_demotions_judged" ["workflow", "judgement", "guards"];
    /// Actions that the council assigned and that are open.
    ACTIONS_OPEN: Gauge "andon_actions_open" [];
    /// Of these, those whose time is over.
    ACTIONS_OVERDUE: Gauge "andon_actions_overdue" [];
    /// When a workflow's mode was last read; absent before the first read since the start.
    MODE_LAST_READ: Gauge "andon_mode_last_read_timestamp_seconds" ["workflow"];
    /// Outputs that reported a mode above the allowed one.
    ABOVE_MODE: Counter "andon_outputs_above_mode_total" ["workflow"];
    /// Unresolved incidents.
    INCIDENTS_OPEN: Gauge "andon_incidents_open" ["workflow"];
    /// Incidents that nobody has acknowledged.
    INCIDENTS_UNSEEN: Gauge "andon_incidents_unacknowledged" ["workflow"];
    /// When the oldest unresolved incident opened; absent without one.
    INCIDENT_OLDEST: Gauge "andon_incident_oldest_timestamp_seconds" ["workflow"];
    /// Whether a storm (many demotions at a time) is unresolved.
    STORM_ACTIVE: Gauge "andon_storm_active" [];
    /// Storms since the first start.
    STORMS: Counter "andon_storms_total" [];
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
    /// Limits of the daemon: `queue_bytes`, `queue_requests`, `body_bytes`, `dedup_ids`, `unknown_workflows`, `connections`, `long_polls`, `streams`, `sessions`, `refusals`.
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
    /// Time of the last snapshot; absent before the first since the start.
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
    /// 1 when the daemon takes outputs and its modes hold, as `/readyz` says; 0 as well in a scrape that the driver didn't answer.
    READY: Gauge "andon_ready" [];
    /// Free bytes of the file system that the store is on, for this user; absent where the system doesn't tell.
    STORE_FREE: Gauge "andon_store_free_bytes" [];
    /// Size of the file system that the store is on; absent where the system doesn't tell.
    STORE_SIZE: Gauge "andon_store_size_bytes" [];
    /// Time for which a workflow may rely on a mode that it has read.
    LEASE: Gauge "andon_mode_lease_seconds" [];
    /// Time between two snapshots, as declared.
    SNAPSHOT_EVERY: Gauge "andon_snapshot_interval_seconds" [];
    /// Time that the last scrape before this one took to be put together.
    SCRAPE_DURATION: Gauge "andon_scrape_duration_seconds" [];
    /// Scrapes without what the driver knows, because it hangs or took longer than 5 seconds: they hold the modes and what the process counts.
    SCRAPES_PARTIAL: Counter "andon_scrapes_partial_total" [];
    /// Readers waiting for a change of a mode.
    LONG_POLLS: Gauge "andon_long_polls" [];
    /// Open streams of events.
    STREAMS: Gauge "andon_streams" [];
    /// People who are signed in to the console.
    SESSIONS: Gauge "andon_sessions" [];
    /// Reads of modes.
    MODE_READS: Counter "andon_mode_reads_total" [];
    /// Whether the last reload of the configuration succeeded.
    RELOAD_OK: Gauge "andon_config_last_reload_successful" [];
    /// Time of the last successful reload of the configuration.
    RELOAD_AT: Gauge "andon_config_last_reload_success_timestamp_seconds" [];
    /// Requests turned away at the door, by reason: `missing`, `malformed`, `unknown` or `expired` token; one without the `scope`, or for another `workflow` than the path's.
    DENIED: Counter "andon_requests_denied_total" ["reason"];
    /// Alerts that Alertmanager reported since the start of the process, by what became of them.
    ALERTS: Counter "andon_alerts_received_total" ["result"];
    /// Access tokens in force; absent where none are configured.
    TOKENS: Gauge "andon_tokens" ["state"];
    /// When the next access token expires; absent where none does.
    TOKEN_EXPIRY: Gauge "andon_token_next_expiry_timestamp_seconds" [];
    /// Drills that ended since the start of the process, by result.
    DRILLS: Counter "andon_drills_total" ["result"];
    /// Time after which a drill runs by itself; absent where it never does.
    DRILL_EVERY: Gauge "andon_drill_interval_seconds" [];
    /// When a drill last passed; absent before the first.
    DRILL_LAST_SUCCESS: Gauge "andon_drill_last_success_timestamp_seconds" [];
    /// How long the last recorded drill took; absent before the first.
    DRILL_DURATION: Gauge "andon_drill_duration_seconds" [];
    /// From the first exception of the last recorded drill until a reader was told the lower mode; absent where none was.
    DRILL_LOWERED: Gauge "andon_drill_lowered_after_seconds" [];
    /// Attempts to deliver a notification and what became of them: `delivered`, `failed` (it is tried again, or given up), `dead` (given up).
    NOTIFICATIONS: Counter "andon_notifications_total" ["target", "result"];
    /// Recipients that a mail server refused for good while it took the mail for others of the same target.
    RECIPIENTS_REFUSED: Counter "andon_notification_recipients_refused_total" ["target"];
    /// Notifications that wait for a target.
    NOTIFICATIONS_PENDING: Gauge "andon_notifications_pending" ["target"];
    /// Notifications of a target that were given up and are kept to be looked at.
    NOTIFICATIONS_DEAD: Gauge "andon_notifications_dead" ["target"];
    /// When the notification that waits longest for a target was queued; absent where none waits.
    NOTIFICATION_OLDEST: Gauge "andon_notification_oldest_pending_timestamp_seconds" ["target"];
    /// Notifications that were lost for good: given up, and more of them than are kept. While an outbox is full, what comes waits in the ledger.
    NOTIFICATIONS_DROPPED: Counter "andon_notifications_dropped_total" [];
    /// 1 while `outbox.db` can't be opened, read or written, and nobody is notified; modes are lowered all the same.
    OUTBOX_FAILING: Gauge "andon_outbox_failing" [];
    /// Outboxes that were found damaged at a start and were set aside as `outbox.db.damaged-*`, until the start after somebody removed the files.
    OUTBOX_DAMAGED: Gauge "andon_outbox_damaged_files" [];
    /// Weekly reports that were due since the start of the process, by what became of an attempt: `kept`, `empty` (the journal held nothing of the week) or `failed` (it is tried again).
    REPORTS_MADE: Counter "andon_reports_made_total" ["outcome"];
    /// End of the last week whose report is kept; absent before the first since the start.
    REPORT_LAST_WEEK: Gauge "andon_report_last_week_timestamp_seconds" [];
    /// Version of the daemon, and the policy in force.
    BUILD_INFO: Gauge "andon_build_info" ["version", "policy"];
}
