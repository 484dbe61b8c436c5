//! What each wire must show for a drill to pass.
//!
//! Owns the checks. Each looks at the end of its wire, where the next one who needs it stands: a reader of
//! modes, the rows of the ledger, the files of the journal, the part of the snapshot. None trusts what the
//! driver said before.

use super::conductor::ModeTold;
use super::probe::{EXCEPTIONS_MAX, Sent, output_id};
use crate::clock::Clock;
use crate::domain::{Action, Breach, Cause, DrillAct, Entry, Input, Mode, What, WorkflowId};
use crate::driver::Driver;
use crate::driver::drill::{mode_in, snapshot_part};
use crate::monitor::drill::START;
use crate::monitor::workflow::State;
use crate::notify::Notifier;
use crate::seal::{chain_start, leaf_hash, link};
use crate::store::{Book, LedgerQuery, LedgerReader, SealedEntry};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Entries of the lane among which the demotion is looked for: a drill makes fewer.
const ENTRIES: usize = 20;
/// It is looked this often whether a notification arrived.
const NOTIFY_EVERY: Duration = Duration::from_millis(10);
/// It is looked this often whether a snapshot is there.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(20);

/// What a wire shows: a sentence, and what the next ones need of it.
type Shown<T> = Result<(String, T), String>;

/// The demotion, as the state machine has it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    mode: Mode,
    epoch: u64,
    /// The record of the begin of the drill: the demotion came after it.
    begun_seq: u64,
    /// The last durable record when it was seen.
    seq: u64,
}

/// A guard broke, with evidence, and lowered the mode.
pub(super) async fn monitor(driver: &Driver, sent: &Sent) -> Shown<Seen> {
    let lane = driver.drill_lane().await.map_err(|error| error.to_string())?;
    let workflow = lane.workflow.ok_or("there is no lane")?;
    let state = &workflow.state;
    let breach = breach_of(state);
    if state.granted >= START {
        let guard = match breach {
            Some(breach) => format!("the guard `{}` broke", breach.guard),
            None => "no guard broke".to_owned(),
        };
        return Err(format!(
            "{} exceptions in a row, and the mode is still {}: {guard}",
            sent.exceptions, state.granted
        ));
    }
    if state.cause != Cause::Breach || state.epoch <= sent.epoch {
        return Err(format!(
            "the lane is in {} by {}, epoch {}, which no breach of this drill did",
            state.granted,
            state.cause.name(),
            state.epoch
        ));
    }
    let breach = breach.ok_or("the mode was lowered, and no incident tells the numbers")?;
    if breach.evidence < breach.threshold || breach.n == 0 || breach.n > u64::from(EXCEPTIONS_MAX) {
        return Err(format!("it was lowered without evidence: {} of {}", breach.evidence, breach.threshold));
    }
    let detail = format!("{START} → {}: {} observations broke the guard `{}`", state.granted, breach.n, breach.guard);
    let seen = Seen { mode: state.granted, epoch: state.epoch, begun_seq: sent.begun_seq, seq: lane.seq };
    Ok((detail, seen))
}

fn breach_of(state: &State) -> Option<&Breach> {
    state.incidents.unresolved().find_map(|incident| incident.breach.as_ref())
}

/// A reader is told the lower mode, with a lease that holds.
pub(super) async fn mode_read(
    told: impl Future<Output = Result<ModeTold, String>>,
    seen: &Seen,
    clock: &dyn Clock,
) -> Shown<()> {
    let ModeTold { view, valid_until } = told.await?;
    if view.granted != seen.mode || view.epoch != seen.epoch || view.mode > seen.mode {
        return Err(format!(
            "readers are told {} (granted {}, epoch {}), and it is {} (epoch {})",
            view.mode, view.granted, view.epoch, seen.mode, seen.epoch
        ));
    }
    if valid_until <= clock.now() {
        return Err(format!("readers are told {} with a lease that is over", view.mode));
    }
    Ok((format!("readers are told {}, until {valid_until}", view.mode), ()))
}

/// The demotion stands in the ledger, with its numbers and linked to the entry before.
pub(super) async fn ledger(ledger: Arc<dyn LedgerReader>, seen: Seen) -> Shown<()> {
    blocking(move || {
        let query = |query| ledger.sealed(&query).map_err(|error| error.to_string());
        let workflow = Some(WorkflowId::drill_lane());
        let newest = LedgerQuery { workflow, newest_first: true, limit: ENTRIES, ..LedgerQuery::default() };
        for sealed in query(newest)? {
            let entry = sealed.entry().map_err(|error| error.to_string())?;
            if !is_demotion(&entry, &seen) {
                continue;
            }
            let seq = sealed.ledger_seq;
            let before = match seq.checked_sub(2) {
                None => None,
                Some(after) => query(LedgerQuery { after, limit: 1, ..LedgerQuery::default() })?.into_iter().next(),
            };
            return if is_linked(before.as_ref(), &sealed) {
                Ok((format!("entry {seq} says so, and its hash follows from the one before"), ()))
            } else {
                Err(format!("entry {seq} says so, but its hash doesn't follow from the one before"))
            };
        }
        Err(format!("no entry says that the lane was lowered to {} (epoch {})", seen.mode, seen.epoch))
    })
    .await
}

fn is_demotion(entry: &Entry, seen: &Seen) -> bool {
    let this = |to: Mode, epoch: u64| to == seen.mode && epoch == seen.epoch && entry.journal_seq > seen.begun_seq;
    matches!(&entry.what, What::ModeChanged { to, epoch, breach: Some(_), .. } if this(*to, *epoch))
}

fn is_linked(before: Option<&SealedEntry>, sealed: &SealedEntry) -> bool {
    let chain = match before {
        Some(before) if before.ledger_seq + 1 == sealed.ledger_seq => before.chain,
        None if sealed.ledger_seq == 1 => chain_start(),
        _ => return false,
    };
    let leaf = leaf_hash(sealed.ledger_seq, sealed.body_version.into(), sealed.body.as_bytes());
    leaf == sealed.leaf && link(&chain, &leaf) == sealed.chain
}

/// The order to begin and every output can be read back from the journal's files.
pub(super) async fn journal(driver: &Driver, sent: &Sent) -> Shown<()> {
    let reader = driver.journal().await.map_err(|error| error.to_string())?;
    let sent = sent.clone();
    blocking(move || {
        let mut missing: BTreeSet<String> = (0..sent.outputs).map(|n| output_id(sent.number, n)).collect();
        let mut begun = false;
        let read = reader.replay(sent.begun_seq, &mut |seq, _, input| {
            match input {
                Input::Command(command) if seq == sent.begun_seq => {
                    begun = command.action == Action::Drill(DrillAct::Begin);
                }
                Input::Events(events) => {
                    for event in events.iter().filter(|event| event.workflow.is_drill_lane()) {
                        missing.remove(event.id.as_str());
                    }
                }
                _ => {}
            }
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
        if !begun || !missing.is_empty() {
            let order = if begun { "there" } else { "missing" };
            let (missing, all) = (missing.len(), sent.outputs);
            return Err(format!("the order to begin is {order}, and {missing} of {all} outputs are missing"));
        }
        Ok((format!("{} outputs can be read back, from record {} on", sent.outputs, sent.begun_seq), ()))
    })
    .await
}

/// A snapshot is taken, and a start would read the lower mode from it.
pub(super) async fn snapshot(driver: &Driver, book: Arc<dyn Book>, seen: Seen) -> Shown<()> {
    while driver.snapshot_of(seen.seq).await.map_err(|error| error.to_string())? < seen.seq {
        tokio::time::sleep(SNAPSHOT_EVERY).await;
    }
    blocking(move || {
        let found = book.part(&snapshot_part(&WorkflowId::drill_lane())).map_err(|error| error.to_string())?;
        let (seq, part) = found.ok_or("the snapshot was taken, and the lane is not in it")?;
        let (mode, epoch) = mode_in(&part)?;
        if (mode, epoch) != (seen.mode, seen.epoch) || seq < seen.seq {
            return Err(format!(
                "the snapshot, of record {seq}, has the lane in {mode} (epoch {epoch}), and it is in {} (epoch {})",
                seen.mode, seen.epoch
            ));
        }
        Ok((format!("the snapshot of record {seq} has the lane in {mode}"), ()))
    })
    .await
}

/// The demotion was read from the ledger, queued, and put into every form of message; and the targets that take
/// part in drills took a test message.
pub(super) async fn notify(notifier: Arc<Notifier>, seen: &Seen, drill: u64) -> Shown<()> {
    let (mode, epoch) = (seen.mode, seen.epoch);
    notifier.wake();
    while !notifier.has_arrived(mode, epoch) {
        tokio::time::sleep(NOTIFY_EVERY).await;
    }
    let handed = Arc::clone(&notifier);
    let sent = blocking(move || Ok((String::new(), handed.drill(drill, epoch).map_err(|error| error.to_string())?)));
    let (_, sent) = sent.await?;
    for (target, id) in &sent {
        let waits = || {
            let (notifier, target, id) = (Arc::clone(&notifier), target.clone(), id.clone());
            blocking(move || Ok((String::new(), notifier.is_waiting(&target, &id)?)))
        };
        while waits().await?.1 {
            tokio::time::sleep(NOTIFY_EVERY).await;
        }
    }
    let names: Vec<&str> = sent.iter().map(|(target, _)| target.as_str()).collect();
    let took = match names.as_slice() {
        [] => "no declared target takes part in drills".to_owned(),
        names => format!("{} took a test message", names.join(", ")),
    };
    Ok((format!("the demotion came out of the outbox; {took}"), ()))
}

/// Runs what waits for a disk on a thread that may.
async fn blocking<T: Send + 'static>(look: impl FnOnce() -> Shown<T> + Send + 'static) -> Shown<T> {
    let looked = tokio::task::spawn_blocking(look).await;
    looked.unwrap_or_else(|_| Err("a fault in andon itself: the log says where".to_owned()))
}
