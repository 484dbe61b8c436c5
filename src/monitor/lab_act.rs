//! What people do with the hypotheses of a workflow in the lab.
//!
//! Owns when something may be said of one, the limit on how many run, the ledger's entries, and what ends
//! a request to leave the lab. Nothing here changes a mode, and no time-box stops anything.

use super::handle::Ctx;
use super::lab::{Decided, Disposed, Finding, HypothesisStatus, Lab, Record, Run, Shown, SignOff};
use super::workflow::Workflow;
use crate::domain::{Ask, Denial, FindingKind, LabAct, LabPolicy, Target, Time, What};
use std::collections::BTreeMap;

/// Findings that are kept of one hypothesis. Older ones go first, and open risks never.
const FINDINGS_MAX: usize = 100;
/// Decisions that are kept of one hypothesis.
const DECISIONS_MAX: usize = 100;
/// Types of defects that are told apart in one hypothesis; further ones count as [`OTHER`].
const DEFECT_TYPES_MAX: usize = 50;
/// The type of a defect beyond [`DEFECT_TYPES_MAX`].
const OTHER: &str = "other";

impl Workflow {
    /// Takes what a person does with a hypothesis.
    ///
    /// # Errors
    /// Why it can't be done now.
    pub(super) fn lab(&mut self, ctx: &mut Ctx, policy: &LabPolicy, id: &str, act: &LabAct) -> Result<(), Denial> {
        let (now, by, in_lab) = (ctx.at.now, ctx.by.clone(), self.state.governance.in_lab);
        let lab = &mut self.state.governance.lab;
        if matches!(act, LabAct::Start { .. }) {
            lab.check_start(id, in_lab, policy)?;
        }
        let record = lab.records.get_mut(id).ok_or_else(|| unknown(id))?;
        if !record.declared && !matches!(act, LabAct::Risk { .. }) {
            let detail = format!("{id} left the policy: only its risks can still be disposed of");
            return Err(Denial::new("removed", detail));
        }
        let number = record.act(&by, now, in_lab, act)?;
        lab.count(id, in_lab, act, now);
        let hypothesis = id.to_owned();
        ctx.ledger(Some(&self.id), &by, What::Lab { hypothesis, number, act: act.clone() });
        let waits = |ask: &Ask| matches!(ask, Ask::Promotion { to: Target::Factory, .. });
        if act.speaks_against_leaving() && self.state.governance.requests.pending().any(|request| waits(&request.ask)) {
            self.cancel_requests(ctx, &format!("{by} had more to say of {id} meanwhile"));
        }
        Ok(())
    }
}

/// Nothing is known of such a hypothesis.
fn unknown(id: &str) -> Denial {
    let id = crate::domain::refusal::cut(id, 64);
    Denial::new("unknown_hypothesis", format!("there is no hypothesis `{id}`: `andon lab` lists them"))
}

impl Lab {
    /// Whether a hypothesis may be started.
    fn check_start(&self, id: &str, in_lab: bool, policy: &LabPolicy) -> Result<(), Denial> {
        if !in_lab {
            let detail = format!("the workflow of {id} left the lab: hypotheses are tested before that");
            return Err(Denial::new("not_in_lab", detail));
        }
        let running: Vec<&str> = self.active().map(|record| record.hypothesis.id.as_str()).collect();
        if running.contains(&id) {
            return Err(Denial::new("already_active", format!("{id} is being tested already")));
        }
        let most = policy.active_max;
        if running.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            let detail = format!(
                "{} run already, and at most {most} may run at a time (`[lab] active_max`): sign one off first",
                running.join(", ")
            );
            return Err(Denial::new("too_many_active", detail));
        }
        Ok(())
    }

    /// Counts what was done for the time in the lab as a whole.
    fn count(&mut self, id: &str, in_lab: bool, act: &LabAct, now: Time) {
        match act {
            LabAct::Start { .. } => drop(self.first_started_at.get_or_insert(now)),
            LabAct::Finding { kind, .. } => {
                self.found.count(*kind);
                self.risks_early += u64::from(in_lab && *kind == FindingKind::Risk);
            }
            LabAct::SignOff { conclusion, .. } if conclusion.answers() => {
                let Some(record) = self.records.get_mut(id).filter(|record| record.tested_at.is_none()) else { return };
                record.tested_at = Some(now);
                self.tested += 1;
            }
            _ => {}
        }
    }
}

impl Record {
    /// Takes what a person does; the number that it got.
    fn act(&mut self, by: &str, now: Time, in_lab: bool, act: &LabAct) -> Result<Option<u64>, Denial> {
        let (by_owned, at) = (by.to_owned(), now);
        match act {
            LabAct::Start { .. } => self.begin(by, now),
            LabAct::Finding { kind, text, defect_type } => {
                return self.find(by, now, in_lab, (*kind, text, defect_type.as_deref())).map(Some);
            }
            LabAct::Decision { text } => return Ok(Some(self.decide(by, now, text))),
            LabAct::Criterion { criterion, met, note } => {
                self.show(criterion, Shown { met: *met, by: by_owned, at, note: note.clone() })?;
            }
            LabAct::Risk { finding, disposal, note } => {
                self.dispose(*finding, Disposed { disposal: *disposal, by: by_owned, at, note: note.clone() })?;
            }
            LabAct::SignOff { conclusion, learned } => {
                self.end(SignOff { conclusion: *conclusion, learned: learned.clone(), by: by_owned, at })?;
            }
        }
        Ok(None)
    }

    fn begin(&mut self, by: &str, now: Time) {
        self.first_started_at.get_or_insert(now);
        // A second test is judged on answers of its own.
        (self.sign_off, self.shown) = (None, BTreeMap::new());
        self.run = Some(Run { at: now, by: by.to_owned(), owner: self.hypothesis.owner.clone() });
    }

    fn find(
        &mut self,
        by: &str,
        now: Time,
        early: bool,
        what: (FindingKind, &str, Option<&str>),
    ) -> Result<u64, Denial> {
        let (kind, text, defect_type) = what;
        if self.run.is_none() {
            let detail = format!("nobody has started {} yet: `andon lab start {0}`", self.hypothesis.id);
            return Err(Denial::new("not_started", detail));
        }
        if self.findings.len() >= FINDINGS_MAX {
            let Some(at) = self.findings.iter().position(|finding| !finding.is_open_risk()) else {
                let detail = format!("{FINDINGS_MAX} risks of {} are open: dispose of one first", self.hypothesis.id);
                return Err(Denial::new("too_many_open_risks", detail));
            };
            self.findings.remove(at);
        }
        let defect_type = (kind == FindingKind::Defect).then(|| self.defect(defect_type.unwrap_or(OTHER)));
        self.found.count(kind);
        self.first_found_at.get_or_insert(now);
        let (number, by, text) = (self.found.all(), by.to_owned(), text.to_owned());
        self.findings.push_back(Finding { number, kind, text, defect_type, by, at: now, early, disposed: None });
        Ok(number)
    }

    /// Counts a defect; the type that it counts as.
    fn defect(&mut self, of: &str) -> String {
        let known = self.defect_types.contains_key(of) || self.defect_types.len() < DEFECT_TYPES_MAX;
        let of = if known { of } else { OTHER };
        *self.defect_types.entry(of.to_owned()).or_default() += 1;
        of.to_owned()
    }

    fn decide(&mut self, by: &str, now: Time, text: &str) -> u64 {
        if self.decisions.len() >= DECISIONS_MAX {
            self.decisions.pop_front();
        }
        self.decided += 1;
        self.decisions.push_back(Decided { number: self.decided, text: text.to_owned(), by: by.to_owned(), at: now });
        self.decided
    }

    fn check_active(&self) -> Result<(), Denial> {
        let id = &self.hypothesis.id;
        let detail = match self.status() {
            HypothesisStatus::Active => return Ok(()),
            HypothesisStatus::SignedOff => format!("{id} was signed off already: start it again to go on with it"),
            _ => format!("nobody has started {id} yet: `andon lab start {id}`"),
        };
        Err(Denial::new("not_active", detail))
    }

    fn show(&mut self, criterion: &str, shown: Shown) -> Result<(), Denial> {
        self.check_active()?;
        if !self.hypothesis.exit.iter().any(|known| known == criterion) {
            let detail = format!("{} has no such exit criterion: send one as it is declared", self.hypothesis.id);
            return Err(Denial::new("unknown_criterion", detail));
        }
        self.shown.insert(criterion.to_owned(), shown);
        Ok(())
    }

    fn dispose(&mut self, number: u64, disposed: Disposed) -> Result<(), Denial> {
        let id = &self.hypothesis.id;
        let found = self.findings.iter_mut().find(|found| found.number == number && found.kind == FindingKind::Risk);
        let Some(finding) = found else {
            return Err(Denial::new("unknown_finding", format!("finding {number} of {id} is no risk that is kept")));
        };
        if let Some(before) = &finding.disposed {
            let detail = format!("{} said already that risk {number} is {}", before.by, before.disposal.name());
            return Err(Denial::new("already_disposed", detail));
        }
        finding.disposed = Some(disposed);
        Ok(())
    }

    fn end(&mut self, sign_off: SignOff) -> Result<(), Denial> {
        self.check_active()?;
        let id = &self.hypothesis.id;
        let of_it = self.run.iter().flat_map(|run| [&run.by, &run.owner]).chain([&self.hypothesis.owner]);
        if of_it.into_iter().any(|own| is_same(own, &sign_off.by)) {
            let detail = format!("{} owns {id} or started it: somebody else must sign it off", sign_off.by);
            return Err(Denial::new("own_hypothesis", detail));
        }
        let open = (1..).zip(self.criteria()).filter(|(_, (_, shown))| shown.is_none());
        let open: Vec<String> = open.map(|(number, _)| format!("{number}")).collect();
        if !open.is_empty() {
            let detail = format!("nobody has said whether exit criteria {} of {id} are met", open.join(", "));
            return Err(Denial::new("criteria_unanswered", detail));
        }
        if sign_off.conclusion.answers() && self.found.all() == 0 {
            let detail = format!("nothing was found for {id}: report what shows it, or sign it off as inconclusive");
            return Err(Denial::new("nothing_found", detail));
        }
        self.sign_off = Some(sign_off);
        Ok(())
    }
}

/// Whether two names are one person's, however they are written.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
