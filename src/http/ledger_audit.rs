//! Looking through the whole ledger for entries that were changed: hashes, chain, and the store's own checkpoints.
//!
//! Owns this route. It finds accidents and clumsy hands; a daemon that was tampered with would vouch for itself, so
//! that only a checkpoint that was kept elsewhere proves anything (docs/ledger.md). What is damage is `seal`'s.

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use super::workflows::blocking;
use crate::seal::{Anchor, Auditor, Checkpoint, Damage, Finding, Hash, Row, Source, VerifierKey};
use crate::store::{LedgerQuery, LedgerReader, StoreError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Entries read at a time.
const PAGE: usize = 1_000;
/// Checkpoints that are compared, the newest ones.
const CHECKPOINTS_MAX: usize = 1_000;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerAudit {
    /// Whether everything holds.
    pub sound: bool,
    /// Entries that were looked at.
    pub entries: u64,
    /// Root of the RFC 6962 tree over their leaf hashes.
    #[schema(value_type = String)]
    pub root: Hash,
    /// Entries up to here are those of a signed checkpoint in the store.
    pub anchored_inside: u64,
    /// Checkpoints that were compared.
    pub checkpoints: usize,
    /// What is wrong, a sentence each, at most 100 …
    pub findings: Vec<String>,
    /// … of so many.
    pub findings_total: u64,
}

/// Look through the whole ledger: every hash, the chain, and the checkpoints in the store. What it says is worth as
/// much as this daemon: `andon ledger verify` elsewhere, against a checkpoint that was kept elsewhere, says more.
#[utoipa::path(get, path = "/v1/ledger/audit", tag = "records",
    responses((status = 200, body = LedgerAudit), (status = 503, body = Problem, description = "it is being looked through already", content_type = "application/problem+json")))]
pub async fn get(State(shared): State<Shared>, caller: Caller) -> Result<Json<LedgerAudit>, Problem> {
    caller.all_workflows()?;
    let busy = || {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "the ledger is being looked through already: ask again in a moment",
        )
    };
    // The turn goes with the work: whoever hangs up doesn't end it.
    let turn = Arc::clone(&shared.audits).try_acquire_owned().map_err(|_| busy())?;
    let work = move || {
        let _turn = turn;
        audit(&*shared.ledger)
    };
    Ok(Json(blocking(work).await??))
}

fn audit(ledger: &dyn LedgerReader) -> Result<LedgerAudit, StoreError> {
    // Before the entries, which go on growing: no checkpoint can be ahead of what is read.
    let kept = ledger.checkpoints(CHECKPOINTS_MAX)?;
    let keys: Vec<VerifierKey> = kept.iter().filter_map(|kept| kept.key.parse().ok()).collect();
    let (mut anchors, mut wrong) = (Vec::new(), Vec::new());
    for one in &kept {
        let place = format!("over {} entries in the store", one.size);
        match Checkpoint::open(&one.note, &keys) {
            Ok(checkpoint) => anchors.push(Anchor { source: Source::Store, place, checkpoint }),
            Err(error) => wrong.push(Finding::of_checkpoint(Damage::Signature, &place, &error.to_string())),
        }
    }
    let mut auditor = Auditor::new(anchors);
    wrong.into_iter().for_each(|finding| auditor.note(finding));
    let mut after = 0;
    loop {
        let page = ledger.sealed(&LedgerQuery { after, limit: PAGE, ..LedgerQuery::default() })?;
        let Some(last) = page.last() else { break };
        after = last.ledger_seq;
        for entry in &page {
            let (body_version, body) = (entry.body_version.into(), entry.body.as_bytes());
            let (seq, leaf, chain) = (entry.ledger_seq, entry.leaf, entry.chain);
            auditor.row(&Row { seq, body_version, body, leaf, chain, columns: None });
        }
    }
    let report = auditor.finish(None);
    Ok(LedgerAudit {
        sound: report.sound,
        entries: report.entries,
        root: report.root,
        anchored_inside: report.anchored_inside,
        checkpoints: kept.len(),
        findings: report.findings.into_iter().map(|finding| finding.what).collect(),
        findings_total: report.findings_total,
    })
}
