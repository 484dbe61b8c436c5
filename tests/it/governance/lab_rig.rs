//! A workflow in the lab, and what people do there.
//!
//! Owns the setting of the stage: ann owns, cay starts, eve finds, bob approves and signs off.

use super::rig::{DAY, Rig, workflow};
use andon::domain::{
    Action, Conclusion, Denial, Disposal, FindingKind, Gate, Hypothesis, LabAct, Mode, Standing, Target, Track,
    WorkflowId, WorkflowPolicy,
};
use andon::monitor::Workflow;
use andon::monitor::lab::Record;
use andon::monitor::lab_view::LabKpis;

pub(super) fn hypothesis(id: &str) -> Hypothesis {
    Hypothesis {
        id: id.into(),
        question: "do samples of the guide keep the tone?".into(),
        owner: "ann".into(),
        time_box_ms: 14 * DAY,
        goals: vec!["which samples matter".into()],
        samples: String::new(),
        exit: vec!["200 judged".into(), "no false claim".into()],
    }
}

pub(super) fn in_lab(ids: &[&str]) -> WorkflowPolicy {
    WorkflowPolicy {
        track: Track::Lab,
        max_mode: Mode::Collaborate,
        hypotheses: ids.iter().map(|id| hypothesis(id)).collect(),
        ..workflow("wf")
    }
}

pub(super) fn rig(ids: &[&str]) -> Rig {
    Rig::with(vec![in_lab(ids)])
}

/// Says that it may leave: a policy that loosens, which somebody approves.
pub(super) fn declare_factory(rig: &mut Rig) {
    rig.load(|policy| {
        let of = policy.workflows.values_mut().next().unwrap();
        (of.track, of.max_mode) = (Track::Factory, Mode::Automate);
    });
    rig.approve("bob", &[]).unwrap();
}

pub(super) fn act(rig: &mut Rig, by: &str, id: &str, act: LabAct) -> Result<(), Denial> {
    let workflow = WorkflowId::new("wf").unwrap();
    rig.act(by, &[], Action::Lab { workflow, hypothesis: id.into(), act })
}

pub(super) fn start(rig: &mut Rig, id: &str) -> Result<(), Denial> {
    act(rig, "cay", id, LabAct::Start { note: String::new() })
}

pub(super) fn find(rig: &mut Rig, id: &str, kind: FindingKind) -> Result<(), Denial> {
    let defect_type = (kind == FindingKind::Defect).then(|| "tone".to_owned());
    act(rig, "eve", id, LabAct::Finding { kind, text: "it is so".into(), defect_type })
}

pub(super) fn show(rig: &mut Rig, id: &str, criterion: &str, met: bool) -> Result<(), Denial> {
    act(rig, "eve", id, LabAct::Criterion { criterion: criterion.into(), met, note: "seen".into() })
}

pub(super) fn dispose(rig: &mut Rig, id: &str, finding: u64) -> Result<(), Denial> {
    act(rig, "bob", id, LabAct::Risk { finding, disposal: Disposal::Accepted, note: "small".into() })
}

pub(super) fn sign_off(rig: &mut Rig, by: &str, id: &str, conclusion: Conclusion) -> Result<(), Denial> {
    act(rig, by, id, LabAct::SignOff { conclusion, learned: "ten are enough".into() })
}

/// From its start to its end, with all criteria met.
pub(super) fn test(rig: &mut Rig, id: &str) {
    start(rig, id).unwrap();
    find(rig, id, FindingKind::Pattern).unwrap();
    show(rig, id, "200 judged", true).unwrap();
    show(rig, id, "no false claim", true).unwrap();
    sign_off(rig, "bob", id, Conclusion::Confirmed).unwrap();
}

pub(super) fn code(result: Result<(), Denial>) -> String {
    result.unwrap_err().code
}

pub(super) fn record<'r>(rig: &'r Rig, id: &str) -> &'r Record {
    &rig.state("wf").governance.lab.records[id]
}

pub(super) fn of(rig: &Rig) -> &Workflow {
    &rig.monitor.workflows()[&WorkflowId::new("wf").unwrap()]
}

pub(super) fn kpis(rig: &Rig) -> LabKpis {
    LabKpis::of(&[of(rig)], &rig.monitor.policy().house.lab, rig.at.now)
}

pub(super) fn gate(rig: &Rig) -> Gate {
    rig.monitor.gate("wf", Some(Target::Factory), rig.at.now).unwrap()
}

/// Where the three requirements of the lab stand.
pub(super) fn lab(rig: &Rig) -> [Standing; 3] {
    let gate = gate(rig);
    ["hypotheses", "exit_criteria", "risks"]
        .map(|name| gate.requirements.iter().find(|requirement| requirement.name == name).unwrap().standing)
}
