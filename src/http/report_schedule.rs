//! The schedule of reports: when a week is over, its report is made, kept, and entered in the ledger.
//!
//! Owns when that is, and what becomes of failures. First the report is kept, then it stands in the ledger, once: a
//! kill in between is made up for with the very report that is kept. Notifications follow from the entry, so nobody is
//! told twice.

use super::Shared;
use super::report_desk::{Desk, make, week_of};
use super::reports::read;
use super::workflows::blocking;
use crate::domain::access::ANDON;
use crate::domain::{Action, Command, Reported, Time, What};
use crate::report::make::entries;
use crate::report::week::DAYS;
use crate::report::{Report, Scope, Week};
use crate::store::LedgerReader;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;

/// The schedule looks at the clock this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The pause after the first failure, milliseconds; it doubles with each further one …
const FIRST_BACKOFF_MS: i64 = Time::MINUTE;
/// … up to this.
const MAX_BACKOFF_MS: i64 = Time::HOUR;
/// After so many failures a report is given up until the next start; the next week's is made all the same.
const ATTEMPTS_MAX: u32 = 48;

/// What the schedule remembers of the week that it is about.
#[derive(Debug, Default)]
struct Turn {
    week: Option<Week>,
    is_done: bool,
    failures: u32,
    /// Not before this, by the time that passed.
    again_ms: i64,
}

/// Makes the report of each week when it is due, until the daemon stops.
pub async fn keep_schedule(shared: Shared) {
    let mut stopping = shared.stopping.clone();
    let mut turn = Turn::default();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        turn.look(&shared).await;
    }
}

/// The last week that is over, once so much time has passed since its end.
fn due(now: Time, zone: &TimeZone, delay_hours: u64) -> Option<Week> {
    let running = week_of(now, zone).ok()?;
    let delay_ms = i64::try_from(delay_hours).unwrap_or(i64::MAX).saturating_mul(Time::HOUR);
    let begun = running.days(zone)?[0];
    running.plus(-1).filter(|_| now >= begun.plus(delay_ms))
}

impl Turn {
    async fn look(&mut self, shared: &Shared) {
        let (desk, clock) = (&shared.reports, shared.driver.clock());
        let settings = &desk.settings;
        let Some(week) = due(clock.now(), &desk.zone, settings.delay_hours).filter(|_| settings.keep_weeks > 0) else {
            return;
        };
        if self.week != Some(week) {
            *self = Self { week: Some(week), ..Self::default() };
        }
        if self.is_done || clock.monotonic_ms() < self.again_ms {
            return;
        }
        match keep(shared, week).await {
            Ok(is_kept) => {
                self.is_done = true;
                if is_kept && let Some(days) = week.days(&desk.zone) {
                    shared.metrics.reported(days[crate::report::week::DAYS]);
                }
            }
            Err(why) => self.failed(shared, week, &why),
        }
    }

    fn failed(&mut self, shared: &Shared, week: Week, why: &str) {
        self.failures += 1;
        self.is_done = self.failures >= ATTEMPTS_MAX;
        let doubled = FIRST_BACKOFF_MS.saturating_mul(1_i64 << (self.failures - 1).min(16));
        self.again_ms = shared.driver.clock().monotonic_ms().saturating_add(doubled.min(MAX_BACKOFF_MS));
        shared.metrics.reports_made.with_label_values(&["failed"]).inc();
        let what = if self.is_done { "it is given up until the next start" } else { "it is tried again" };
        tracing::error!(
            %week, why, attempts = self.failures,
            "the weekly report could not be made and kept; {what}. `andon report` makes one at any time"
        );
    }
}

/// Makes a week's report, keeps it and enters it in the ledger, as far as that isn't done; whether there is one.
async fn keep(shared: &Shared, week: Week) -> Result<bool, String> {
    let said = |problem: super::problem::Problem| problem.detail;
    let (ledger, desk) = (Arc::clone(&shared.ledger), Arc::clone(&shared.reports));
    let known = blocking(move || known(week, &*ledger, &desk));
    let (report, sha256) = match known.await.map_err(said)?? {
        Found::Entered => return Ok(true),
        Found::Kept(report, sha256) => (*report, sha256),
        Found::Nothing => {
            let running = week.plus(1).ok_or("the calendar ends")?;
            let report = make(shared, week, running, Scope::Fleet).await.map_err(said)?;
            if report.quality.records == 0 {
                shared.metrics.reports_made.with_label_values(&["empty"]).inc();
                tracing::info!(%week, "the journal holds nothing of this week: it gets no report");
                return Ok(false);
            }
            put(shared, week, report).await?
        }
    };
    let decisions = report.decisions.len() as u64;
    let entry = Reported { week: week.to_string(), headline: report.headline, decisions, sha256 };
    let command = Command::new(ANDON, Action::Report(entry));
    shared.driver.command(command).await.map_err(|error| error.to_string())?;
    shared.metrics.reports_made.with_label_values(&["kept"]).inc();
    tracing::info!(%week, decisions, "the weekly report was made and is kept");
    Ok(true)
}

/// What is done already for the report of a week.
enum Found {
    /// It stands in the ledger.
    Entered,
    /// It is kept, with this hash.
    Kept(Box<Report>, String),
    Nothing,
}

fn known(week: Week, ledger: &dyn LedgerReader, desk: &Desk) -> Result<Found, String> {
    // Where the time zone was another one, the report may have been entered before the week's end in the zone of now:
    // zones are at most 26 hours apart.
    let from = week.days(&desk.zone).map_or(Time::EPOCH, |days| days[DAYS].plus(-26 * Time::HOUR));
    let (entries, _) = entries(ledger, from).map_err(|error| error.to_string())?;
    let name = week.to_string();
    let is_of_week = |what: &What| matches!(what, What::Reported { report } if report.week == name);
    if entries.iter().any(|(_, entry)| is_of_week(&entry.what)) {
        return Ok(Found::Entered);
    }
    let Some(kept) = desk.shelf.get(&name).map_err(|error| error.to_string())? else { return Ok(Found::Nothing) };
    let report = read(&kept).map_err(|problem| problem.detail)?;
    Ok(Found::Kept(Box::new(report), kept.label.sha256))
}

/// Puts a report on the shelf; with its hash.
async fn put(shared: &Shared, week: Week, report: Report) -> Result<(Report, String), String> {
    let (desk, made_at) = (Arc::clone(&shared.reports), shared.driver.clock().now());
    let max = usize::try_from(desk.settings.keep_weeks).unwrap_or(usize::MAX);
    let kept = blocking(move || {
        let json = serde_json::to_vec(&report).map_err(|error| error.to_string())?;
        let label = desk.shelf.put(&week.to_string(), made_at, &json, max).map_err(|error| error.to_string())?;
        Ok((report, label.sha256))
    });
    kept.await.map_err(|problem| problem.detail)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_due_some_hours_after_its_week_and_of_the_last_week_only() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |time: &str| due(time.parse().unwrap(), &berlin, 6).map(|week| week.to_string());
        // The week ends on Sunday at 23:00 UTC.
        assert_eq!(at("2026-11-22T22:00:00Z").as_deref(), Some("2026-W46"));
        assert_eq!(at("2026-11-22T23:00:00Z"), None);
        assert_eq!(at("2026-11-23T04:59:59Z"), None);
        assert_eq!(at("2026-11-23T05:00:00Z").as_deref(), Some("2026-W47"));
        assert_eq!(at("2026-11-29T22:59:59Z").as_deref(), Some("2026-W47"));
    }
}
