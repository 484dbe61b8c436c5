//! The desk on which reports are made: of the journal, the ledger, and of what the monitor knows.
//!
//! Owns the turn (one report is made at a time, as it reads the journal from the week before on) and the fold that is kept between
//! two readings of one week. What a report says is the report's.

use super::Shared;
use super::problem::Problem;
use super::workflows::{blocking, copies};
use crate::config::ReportSettings;
use crate::domain::{Policy, Time, WorkflowId};
use crate::monitor::house::House;
use crate::monitor::lab_view::LabKpis;
use crate::monitor::{Monitor, Workflow};
use crate::report::make::{Changes, entries};
use crate::report::quality::{Counts, Refused};
use crate::report::state::Known;
use crate::report::week::DAYS;
use crate::report::{Folded, Names, Report, Scope, Sources, State as Seen, Week, build};
use crate::store::{DUPLICATE, REFUSED, Shelf, hour_of};
use axum::http::StatusCode;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Reports that are asked for at a time; further ones are refused.
const WAITING_MAX: usize = 8;

/// What reports are made with.
pub struct Desk {
    pub(super) zone: TimeZone,
    pub(super) settings: ReportSettings,
    /// Reports that were made before.
    pub(super) shelf: Shelf,
    /// Whoever holds it makes a report; the fold of the last one goes on where it ended.
    last: Mutex<Option<Folded>>,
    /// Places for those who wait for one.
    waiting: Arc<Semaphore>,
}

impl Desk {
    /// One for a time zone, with what is kept.
    pub fn new(settings: &ReportSettings, shelf: Shelf) -> Self {
        let zone = TimeZone::get(&settings.time_zone).unwrap_or(TimeZone::UTC);
        let waiting = Arc::new(Semaphore::new(WAITING_MAX));
        Self { zone, settings: settings.clone(), shelf, last: Mutex::default(), waiting }
    }
}

/// A place among those for whom the journal or the ledger is read.
pub(super) fn place(shared: &Shared) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&shared.reports.waiting).try_acquire_owned().map_err(|_| {
        let detail = "many reports are being made already: ask again in a moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    })
}

/// Makes a report for somebody who asks. It is a task of its own: whoever hangs up doesn't give the turn to another one
/// while the journal is still being read.
pub(super) async fn ask(shared: &Shared, week: Week, running: Week, scope: Scope) -> Result<Report, Problem> {
    let place = place(shared)?;
    let shared = shared.clone();
    let made = tokio::spawn(async move {
        let _place = place;
        make(&shared, week, running, scope).await
    });
    made.await.map_err(|_| unmade("it broke off".to_owned()))?
}

/// Makes a report of what is there now.
pub(super) async fn make(shared: &Shared, week: Week, running: Week, scope: Scope) -> Result<Report, Problem> {
    let mut last = shared.reports.last.lock().await;
    let read = |monitor: &Monitor, _| (Arc::clone(monitor.policy()), monitor.house().clone(), former(monitor));
    let (policy, house, names) = shared.driver.read(read).await?;
    let (desk, ledger) = (Arc::clone(&shared.reports), Arc::clone(&shared.ledger));
    let Changes { names, removed } = blocking(move || Changes::read(names, week, &desk.zone, &*ledger)).await??;
    let (names, removed) = (Arc::new(names), Arc::new(removed));
    let journal = shared.driver.journal().await?;
    let (earlier, desk, declared, own) =
        (last.take(), Arc::clone(&shared.reports), Arc::clone(&policy), Arc::clone(&names));
    let folded = blocking(move || Folded::read(earlier, week, &desk.zone, &declared, &own, &journal)).await??;
    let as_of = folded.fold.as_of().1.unwrap_or(Time::EPOCH);
    let (of, left) = (scope.clone(), Arc::clone(&removed));
    let workflows = copies(shared, move |workflow| is_told_of(workflow, &of, &left)).await?;
    if let Scope::Workflow { workflow } = &scope
        && workflows.is_empty()
    {
        *last = Some(folded);
        return Err(Problem::unknown_workflow(workflow));
    }
    let (desk, ledger) = (Arc::clone(&shared.reports), Arc::clone(&shared.ledger));
    let refused = refused(shared, week.days(&shared.reports.zone));
    let (report, folded) = blocking(move || {
        let state = known(&workflows, &removed, (&policy, &house), as_of);
        let from = week.days(&desk.zone).map_or(Time::EPOCH, |days| days[0]);
        let (mut entries, ledger_seq) = entries(&*ledger, from)?;
        entries.iter_mut().for_each(|(_, entry)| names.update(entry));
        let sources = Sources {
            week,
            zone: &desk.zone,
            zone_name: &desk.settings.time_zone,
            scope,
            fold: &folded.fold,
            state: &state,
            entries: &entries,
            ledger_seq,
            refused: &refused,
            is_cut: folded.is_cut,
            is_over: week < running,
            is_current: week == running || week.plus(1) == Some(running),
        };
        let report = build(&sources);
        Ok::<_, crate::store::StoreError>((report, folded))
    })
    .await??;
    *last = Some(folded);
    report.ok_or_else(|| Problem::invalid("name", "the calendar ends before this week"))
}

fn refused(shared: &Shared, days: Option<[Time; DAYS + 1]>) -> Refused {
    let max = usize::try_from(shared.server.refusals_max).unwrap_or(usize::MAX);
    let kept = shared.driver.refusals(max);
    let counted = days.and_then(|days| shared.driver.counted(hour_of(days[0]), hour_of(days[DAYS])));
    let counted = counted.map(|all| Counts {
        duplicates: all.get(DUPLICATE).copied().unwrap_or_default(),
        refused: all.iter().filter_map(|(what, n)| Some((what.strip_prefix(REFUSED)?.to_owned(), *n))).collect(),
    });
    Refused { is_full: kept.len() >= max, kept, counted }
}

/// Former ids by the policy in force, but for those of which a history of its own is left.
fn former(monitor: &Monitor) -> Names {
    let policy = monitor.policy();
    let all = policy.workflows.values().filter_map(|own| Some((own.renamed_from.clone()?, own.id.clone())));
    let is_free =
        |id: &WorkflowId| !(policy.workflows.contains_key(id) || monitor.workflows().contains_key(id.as_str()));
    Names::declared(all.filter(|(former, _)| is_free(former)).collect())
}

/// Those of the policy that a report is of, and those that left it since the week began. Whose these were nobody knows: a
/// team's report only says that there are some.
fn is_told_of(workflow: &Workflow, scope: &Scope, removed: &BTreeMap<WorkflowId, Time>) -> bool {
    let is_covered = scope.covers(&workflow.id, &workflow.plan.policy.owner);
    if workflow.state.in_policy {
        return is_covered;
    }
    removed.contains_key(&workflow.id) && (is_covered || matches!(scope, Scope::Team { .. }))
}

fn known(
    workflows: &[Workflow],
    removed: &BTreeMap<WorkflowId, Time>,
    (policy, house): (&Policy, &House),
    now: Time,
) -> Seen {
    let each = |workflow: &Workflow| -> (WorkflowId, Known) {
        let known = Known::of(workflow, policy, house, now);
        let removed_at = removed.get(&workflow.id).filter(|_| !workflow.state.in_policy);
        let known = if let Some(at) = removed_at { known.left(*at) } else { known };
        (workflow.id.clone(), known)
    };
    let present: Vec<&Workflow> = workflows.iter().filter(|workflow| workflow.state.in_policy).collect();
    let lab = LabKpis::of(&present, &policy.house.lab, now);
    let lab = Some(lab).filter(|lab| lab.planned + lab.active + lab.signed_off > 0);
    Seen { workflows: workflows.iter().map(each).collect(), lab, ..Seen::of_house(house, policy, now) }
}

pub(super) fn week_of(now: Time, zone: &TimeZone) -> Result<Week, Problem> {
    Week::of(now, zone).ok_or_else(|| unmade("the clock is outside of the calendar".to_owned()))
}

pub(super) fn unmade(why: String) -> Problem {
    tracing::error!(why, "a report could not be made");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the report could not be made: the log says why")
}
