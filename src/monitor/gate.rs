//! The gate to a higher mode: every requirement with its numbers.
//!
//! Owns which requirements there are. It looks and never changes anything; who approves what is
//! `requests`', what the guards show `evidence`'s.

use super::handle::Monitor;
use super::house::House;
use super::workflow::Workflow;
use crate::domain::{Gate, GatePolicy, Mode, Money, Policy, Requirement, Standing, Target, Time, Track};
use crate::stats::ring::WINDOWS;

/// The window of the KPIs that a board looks at.
const KPI_WINDOW: &str = "7d";
/// The newest version must have this part of the outputs that are asked for …
const VERSION_PART: u64 = 10;
/// … and at least so many.
const VERSION_MIN: u64 = 30;

/// Met or not, for requirements that are always known.
pub(super) const fn known(met: bool) -> Standing {
    if met { Standing::Met } else { Standing::Missing }
}

/// Met or not yet, for what more outputs may still show.
const fn enough(met: bool) -> Standing {
    if met { Standing::Met } else { Standing::Inconclusive }
}

impl Monitor {
    /// The gate of a workflow as seen at `now`; `None` where the policy doesn't hold the workflow. Without
    /// a target it is the next mode, or the factory for a lab workflow whose policy says so.
    pub fn gate(&self, id: &str, to: Option<Target>, now: Time) -> Option<Gate> {
        let workflow = self.workflows().get(id).filter(|workflow| workflow.state.in_policy)?;
        Some(workflow.gate(self.policy(), &self.house, to.unwrap_or_else(|| workflow.next_target()), now))
    }
}

impl Workflow {
    /// What it would be promoted to next.
    pub fn next_target(&self) -> Target {
        if self.state.governance.in_lab && self.plan.policy.track == Track::Factory {
            return Target::Factory;
        }
        let next = Mode::ALL.into_iter().find(|mode| *mode > self.state.granted);
        next.and_then(Target::of).unwrap_or(Target::Automate)
    }

    /// All requirements for a target.
    pub fn gate(&self, policy: &Policy, house: &House, to: Target, now: Time) -> Gate {
        let asked = self.asked(to);
        let mut requirements = self.state_requirements(to);
        requirements.extend(self.base_requirements(house, now));
        // Out of the lab it goes in the mode that it has; in assist nothing is bound, so the next one's hold.
        let mode = to.mode().unwrap_or_else(|| self.state.granted.max(Mode::Collaborate));
        requirements.extend(self.evidence_requirements(asked, now));
        requirements.extend(self.guard_requirements(mode, asked, now));
        requirements.extend(self.kpi_requirements(asked, now));
        requirements.extend(self.lab_requirements(to));
        requirements.extend(self.readiness_requirements(to, now));
        Gate {
            workflow: self.id.clone(),
            from: self.state.granted,
            epoch: self.state.epoch,
            to,
            verdict: Standing::Missing,
            requirements,
            approvals_needed: asked.approvals.clone(),
            versions: self.versions(),
            baselines: self.baselines(),
            policy: policy.hash.clone(),
            at: now,
            evidence: String::new(),
        }
        .sealed()
    }

    /// What is asked for. The way out of the lab is decided like the step to collaborate.
    pub(super) fn asked(&self, to: Target) -> &GatePolicy {
        self.plan.policy.gate.get(to.mode().unwrap_or(Mode::Collaborate))
    }

    fn baselines(&self) -> Vec<String> {
        let guards = self.state.guards.with(&self.plan.guards);
        let pinned = guards.filter_map(|(plan, guard)| Some((plan, guard.watch.baseline.as_ref()?)));
        pinned.map(|(plan, baseline)| format!("{} = {}", plan.policy.name, baseline.version)).collect()
    }

    /// What its present state allows at all.
    fn state_requirements(&self, to: Target) -> Vec<Requirement> {
        let (state, max) = (&self.state, self.max_mode());
        let mut found = match to.mode() {
            Some(mode) => {
                let next = state.granted.level() + 1 == mode.level();
                let step = format!("{} is granted: modes are climbed one at a time", state.granted);
                let allowed = if mode <= max {
                    format!("the policy allows {max}")
                } else {
                    format!("the policy and the track allow at most {max}")
                };
                vec![
                    Requirement::new("step", known(next), step),
                    Requirement::new("max_mode", known(mode <= max), allowed),
                ]
            }
            None => {
                let declared = self.plan.policy.track == Track::Factory;
                let detail = if declared {
                    "the policy says `track = \"factory\"`"
                } else {
                    "the policy still says `track = \"lab\"`: declare `track = \"factory\"` first"
                };
                let in_lab = if state.governance.in_lab { "it is in the lab" } else { "it left the lab already" };
                vec![
                    Requirement::new("track", known(declared), detail),
                    Requirement::new("in_lab", known(state.governance.in_lab), in_lab),
                ]
            }
        };
        let held = state.held.as_ref();
        found.push(Requirement::new(
            "hold",
            known(held.is_none()),
            held.map_or_else(|| "nobody holds it".to_owned(), |why| format!("raises are blocked: {why}")),
        ));
        let caps: Vec<&str> = state.caps.iter().map(|(cap, _)| cap.reason.as_str()).collect();
        found.push(Requirement::new(
            "caps",
            known(caps.is_empty()),
            if caps.is_empty() { "nothing caps it".to_owned() } else { format!("it is capped: {}", caps.join("; ")) },
        ));
        // Those that are a part of another one, too.
        let open = state.incidents.list().iter().filter(|incident| incident.is_unresolved());
        let open: Vec<&str> = open.map(|incident| incident.id.as_str()).collect();
        let detail = if open.is_empty() {
            "no incident is open".to_owned()
        } else {
            format!("{} must be resolved first", open.join(", "))
        };
        found.push(Requirement::new("incidents", known(open.is_empty()), detail));
        found
    }

    /// How much was seen in the present mode, and whether it stands for what will come.
    fn evidence_requirements(&self, asked: &GatePolicy, now: Time) -> Vec<Requirement> {
        let (state, seen) = (&self.state, &self.state.governance.epoch);
        let mut found = Vec::new();
        let in_mode = now.since(state.since);
        let opens = state.since.plus(asked.time_in_mode_ms);
        let detail = if in_mode >= asked.time_in_mode_ms {
            format!("in {} since {}", state.granted, state.since)
        } else {
            format!("in {} since {}; long enough at {opens}", state.granted, state.since)
        };
        found.push(
            Requirement::new("time_in_mode", known(in_mode >= asked.time_in_mode_ms), detail)
                .valued(Some(days(in_mode)), days(asked.time_in_mode_ms)),
        );
        if let Some((until, nth)) = state.governance.closed_until(&self.plan.policy.cooldown) {
            let detail = if until <= now {
                "the time after the last demotion is over".to_owned()
            } else {
                format!("a guard lowered it ({nth} in a row): the gate stays closed until {until}")
            };
            found.push(Requirement::new("cooldown", known(until <= now), detail));
        }
        let outputs = format!("{} outputs since the mode was granted", seen.outputs);
        found.push(
            Requirement::new("outputs", enough(seen.outputs >= asked.outputs_min), outputs)
                .valued(Some(count(seen.outputs)), count(asked.outputs_min))
                .counted(seen.outputs, Some(asked.outputs_min)),
        );
        let on = seen.days.len() as u64;
        found.push(
            Requirement::new("days", enough(on >= asked.days_min.into()), format!("outputs on {on} days"))
                .valued(Some(count(on)), asked.days_min.into())
                .counted(on, Some(asked.days_min.into())),
        );
        let valid_ms = self.plan.policy.evidence_valid_ms.unwrap_or(i64::MAX);
        // That somebody raised the mode is no output: it makes nothing fresh here.
        let fresh = state.last_output_at.filter(|at| now.since(*at) <= valid_ms);
        found.push(Requirement::new(
            "fresh",
            enough(fresh.is_some()),
            fresh.map_or_else(|| "no output of late".to_owned(), |at| format!("the last output came at {at}")),
        ));
        found.push(self.representative(asked));
        found.extend(self.newest_version(asked));
        found.extend(self.reviewed(asked));
        found
    }

    /// The evidence is of outputs that ran in the granted mode, not of something safer.
    fn representative(&self, asked: &GatePolicy) -> Requirement {
        let (seen, wanted) = (&self.state.governance.epoch, asked.ran_in_mode_min);
        let name = "ran_in_mode";
        if wanted <= 0.0 {
            return Requirement::new(name, Standing::Met, "not asked for");
        }
        let share = (seen.outputs > 0).then(|| count(seen.in_mode) / count(seen.outputs));
        let unknown = seen.outputs - seen.mode_known;
        let (standing, detail) = match share {
            None => (Standing::Inconclusive, "no output yet".to_owned()),
            Some(share) if share >= wanted => {
                (Standing::Met, format!("{:.1} % of the outputs ran in {}", share * 100.0, self.state.granted))
            }
            Some(share) if count(seen.in_mode + unknown) / count(seen.outputs) >= wanted => (
                Standing::Inconclusive,
                format!(
                    "{:.1} % of the outputs say that they ran in {}, and {unknown} don't say: send `mode` with each output",
                    share * 100.0,
                    self.state.granted
                ),
            ),
            Some(share) => (
                Standing::Missing,
                format!(
                    "only {:.1} % of the outputs ran in {}: evidence of a lower mode says little about the next one",
                    share * 100.0,
                    self.state.granted
                ),
            ),
        };
        Requirement::new(name, standing, detail).valued(share, wanted).counted(seen.mode_known, None)
    }

    /// The version and the model that would be promoted have outputs of their own.
    fn newest_version(&self, asked: &GatePolicy) -> Option<Requirement> {
        let wanted = (asked.outputs_min / VERSION_PART).max(VERSION_MIN);
        let newest = self.state.governance.seen.newest();
        let least = newest.into_iter().min_by_key(|version| version.outputs)?;
        let detail = format!("{} outputs of {}, the newest", least.outputs, least.name());
        let standing = enough(least.outputs >= wanted);
        Some(
            Requirement::new("newest_version", standing, detail)
                .valued(Some(count(least.outputs)), count(wanted))
                .counted(least.outputs, Some(wanted)),
        )
    }

    fn kpi_requirements(&self, asked: &GatePolicy, now: Time) -> Vec<Requirement> {
        if asked.sla_min.is_none() && asked.cost_per_unit_max.is_none() {
            return Vec::new();
        }
        let kpis =
            WINDOWS.iter().position(|window| window.name == KPI_WINDOW).and_then(|window| self.kpis(window, now));
        let mut found = Vec::new();
        let all = kpis.as_ref().map_or(0, |kpis| kpis.outputs);
        let mut ask = |name: &str, (value, n): (Option<f64>, u64), wanted: f64, met: fn(f64, f64) -> bool| {
            // A few that are known say little about the others.
            let enough = n >= VERSION_MIN && n >= all / 2;
            let standing = value.filter(|_| enough).map_or(Standing::Inconclusive, |value| known(met(value, wanted)));
            let detail = value.map_or_else(
                || format!("nothing is known about it in the last {KPI_WINDOW}"),
                |value| {
                    format!("{value:.4} over {n} of {all} outputs in the last {KPI_WINDOW}, and {wanted} is asked for")
                },
            );
            let needed = Some((all / 2).max(VERSION_MIN));
            found.push(Requirement::new(name, standing, detail).valued(value, wanted).counted(n, needed));
        };
        if let Some(wanted) = asked.sla_min {
            let value = kpis.as_ref().map_or((None, 0), |kpis| (kpis.sla_adherence, kpis.sla_judged));
            ask("sla", value, wanted, |value, wanted| value >= wanted);
        }
        if let Some(wanted) = asked.cost_per_unit_max {
            let value =
                kpis.as_ref().map_or((None, 0), |kpis| (kpis.cost_per_unit.map(Money::to_f64), kpis.cost_outputs));
            ask("cost_per_unit", value, wanted.to_f64(), |value, wanted| value <= wanted);
        }
        found
    }

    /// What people must have put their name to.
    fn readiness_requirements(&self, to: Target, now: Time) -> Vec<Requirement> {
        let policy = &self.plan.policy.readiness;
        let one = |(list, item): (&str, &str)| {
            let name = format!("readiness:{item}");
            match self.state.governance.answers.get(item) {
                None => Requirement::new(
                    name,
                    Standing::Missing,
                    format!("nobody has answered it ({list}): `andon ready {} {item} --note …`", self.id),
                ),
                Some(answer) if !answer.ready => Requirement::new(
                    name,
                    Standing::Missing,
                    format!("{} says that it isn't ready: {}", answer.by, answer.note),
                ),
                Some(answer) if now.since(answer.at) > policy.valid_ms => Requirement::new(
                    name,
                    Standing::Missing,
                    format!("{} answered it at {}: too long ago", answer.by, answer.at),
                ),
                Some(answer) => Requirement::new(
                    name,
                    Standing::Met,
                    format!("{} answered it at {}: {}", answer.by, answer.at, answer.note),
                ),
            }
        };
        self.checklist(to).into_iter().map(one).collect()
    }

    /// The foundations that it stands on.
    fn base_requirements(&self, house: &House, now: Time) -> Vec<Requirement> {
        let one = |item: &String| {
            let name = format!("base:{item}");
            match house.audit_due(item) {
                Some(due) if due > now => {
                    Requirement::new(name, Standing::Met, format!("its next audit is due at {due}"))
                }
                Some(due) => Requirement::new(
                    name,
                    Standing::Missing,
                    format!("its audit was due at {due}: `andon base audit {item}`"),
                ),
                None => Requirement::new(name, Standing::Missing, "it isn't declared"),
            }
        };
        self.plan.policy.base.iter().map(one).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact in an f64")]
pub(super) const fn count(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries are exact in an f64")]
fn days(ms: i64) -> f64 {
    ms as f64 / Time::DAY as f64
}
