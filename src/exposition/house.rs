//! The daemon, and what concerns all workflows.
//!
//! Owns these series. What the process counts comes from its registry.

use super::workflow::{incidents, requests};
use super::{Page, flag, real};
use crate::access::Count;
use crate::catalogue;
use crate::config::Server;
use crate::domain::{Drill, DrillResult, Policy, Time};
use crate::monitor::Monitor;
use crate::monitor::drill::Drills;
use crate::reload::Reloader;

/// What the monitor knows; on the driver's thread.
pub fn monitor(page: &mut Page, monitor: &Monitor, now: Time) {
    let house = monitor.house();
    for (item, state) in &house.base {
        if let Some(due) = house.audit_due(item) {
            page.add(catalogue::AUDIT_DUE, &[item], due.seconds());
        }
        page.add(catalogue::BASE_REGRESSED, &[item], flag(state.regression.is_some()));
    }
    incidents(page, "", &house.incidents);
    requests(page, "", &house.requests);
    let storm = house.incidents.unresolved().any(|incident| incident.about == "storm");
    page.add(catalogue::STORM_ACTIVE, &[], flag(storm));
    page.add(catalogue::STORMS, &[], real(house.storms.count()));
    page.add(catalogue::ACTIONS_OPEN, &[], real(house.actions.open().len() as u64));
    page.add(catalogue::ACTIONS_OVERDUE, &[], real(house.actions.overdue(now) as u64));
    drills(page, &house.drills);
}

fn drills(page: &mut Page, drills: &Drills) {
    if let Some(at) = drills.last_passed_at() {
        page.add(catalogue::DRILL_LAST_SUCCESS, &[], at.seconds());
    }
    let is_ended = |drill: &&Drill| matches!(drill.result, DrillResult::Passed | DrillResult::Failed);
    let ended = drills.list().iter().rev().find(is_ended);
    if let Some((drill, ended_at)) = ended.and_then(|drill| Some((drill, drill.ended_at?))) {
        page.add(catalogue::DRILL_DURATION, &[], Time(ended_at.since(drill.begun_at)).seconds());
        if let Some(ms) = drill.findings.lowered_after_ms {
            page.add(catalogue::DRILL_LOWERED, &[], real(ms) / 1_000.0);
        }
    }
}

/// What the process knows of itself.
pub struct Daemon<'a> {
    /// Its limits.
    pub server: &'a Server,
    /// What can be loaded anew.
    pub reloader: &'a Reloader,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The tokens, where some are configured.
    pub tokens: Option<Count>,
    /// Whether it takes outputs and its modes hold.
    pub is_ready: bool,
    /// Free bytes and all bytes of the store's file system.
    pub room: Option<(u64, u64)>,
    /// How long the scrape before this one took, milliseconds; 0 before the first.
    pub last_scrape_ms: i64,
    /// Time after which a drill runs by itself, milliseconds.
    pub drill_every_ms: Option<i64>,
    /// Time between two snapshots, milliseconds.
    pub snapshot_every_ms: u64,
}

/// What the process knows of itself.
pub fn daemon(page: &mut Page, daemon: &Daemon<'_>) {
    for (limit, value) in limits(daemon.server, daemon.reloader) {
        page.add(catalogue::LIMIT, &[limit], value);
    }
    if let Some(Count { holding, expired, next_expiry }) = daemon.tokens {
        page.add(catalogue::TOKENS, &["holds"], real(holding as u64));
        page.add(catalogue::TOKENS, &["expired"], real(expired as u64));
        if let Some(next) = next_expiry {
            page.add(catalogue::TOKEN_EXPIRY, &[], next.seconds());
        }
    }
    page.add(catalogue::READY, &[], flag(daemon.is_ready));
    if let Some((free, size)) = daemon.room {
        page.add(catalogue::STORE_FREE, &[], real(free));
        page.add(catalogue::STORE_SIZE, &[], real(size));
    }
    if let Some(ms) = daemon.drill_every_ms {
        page.add(catalogue::DRILL_EVERY, &[], Time(ms).seconds());
    }
    page.add(catalogue::LEASE, &[], Time(daemon.policy.lease_ms).seconds());
    page.add(catalogue::SNAPSHOT_EVERY, &[], real(daemon.snapshot_every_ms) / 1_000.0);
    if daemon.last_scrape_ms > 0 {
        page.add(catalogue::SCRAPE_DURATION, &[], Time(daemon.last_scrape_ms).seconds());
    }
    page.add(catalogue::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), &daemon.policy.hash], 1.0);
}

/// The limits of the daemon, by name.
fn limits(server: &Server, reloader: &Reloader) -> [(&'static str, f64); 10] {
    [
        ("body_bytes", server.body_bytes_max),
        ("queue_bytes", server.queue_bytes_max),
        ("queue_requests", server.queue_requests_max),
        ("refusals", server.refusals_max),
        ("connections", server.connections_max),
        ("long_polls", server.long_polls_max),
        ("streams", server.streams_max),
        ("sessions", server.sessions_max),
        ("dedup_ids", reloader.dedup_max()),
        ("unknown_workflows", reloader.unknown_max()),
    ]
    .map(|(limit, value)| (limit, real(value)))
}
