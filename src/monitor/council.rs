//! What the council decides: judgements on demotions, who does what until when, and answers to a report's questions.
//!
//! Owns the list of open actions, and that an answer does what was chosen and stands in the ledger, or neither. What
//! is done is done by the same functions as where somebody orders it by itself; nothing here raises a mode.

use super::answers::Given;
use super::command::known;
use super::handle::{At, Ctx, Monitor};
use super::house::HOUSE;
use super::workflow::Workflow;
use crate::domain::{
    Action, Answered, Choice, Command, Denial, Ending, Judgement, Question, RequestStatus, Task, Time, What, WorkflowId,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Actions that may be open at a time: a list that nobody can read is followed up by nobody.
pub const ACTIONS_MAX: usize = 200;
/// Actions of one workflow that may be open at a time, so that one workflow, or a token for it, leaves the others their places.
pub const ACTIONS_PER_WORKFLOW_MAX: usize = 20;
/// An action may be due at most so far ahead, milliseconds: later it is a mistake in the year.
pub const DUE_MS_MAX: i64 = 400 * Time::DAY;

/// Open actions, with the number of all that there ever were.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actions {
    open: Vec<Task>,
    assigned: u64,
}

impl Actions {
    /// Those that are open, oldest first.
    pub fn open(&self) -> &[Task] {
        &self.open
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Task> {
        self.open.iter().find(|task| task.id == id)
    }

    /// How many are open although their time is over.
    pub fn overdue(&self, now: Time) -> usize {
        self.open.iter().filter(|task| task.is_overdue(now)).count()
    }

    /// A workflow goes on under a new id.
    pub(super) fn rename(&mut self, former: &WorkflowId, id: &WorkflowId) {
        for task in &mut self.open {
            let asked = task.question.as_mut().and_then(Question::workflow_mut);
            let own = task.workflow.iter_mut().chain(asked).filter(|own| **own == *former);
            own.for_each(|own| *own = id.clone());
        }
    }

    /// Whether one more may be assigned.
    fn check(&self, workflow: Option<&WorkflowId>, due: Time, at: At) -> Result<(), Denial> {
        let of_it = |id: &WorkflowId| self.open.iter().filter(|task| task.workflow.as_ref() == Some(id)).count();
        if let Some(id) = workflow.filter(|id| of_it(id) >= ACTIONS_PER_WORKFLOW_MAX) {
            let detail = format!(
                "{ACTIONS_PER_WORKFLOW_MAX} actions of {id} are open already: finish or drop some first (`andon actions`)"
            );
            return Err(Denial::new("too_many_actions", detail));
        }
        if self.open.len() >= ACTIONS_MAX {
            let detail = format!("{ACTIONS_MAX} actions are open already: finish or drop some first (`andon actions`)");
            return Err(Denial::new("too_many_actions", detail));
        }
        if due <= at.now {
            return Err(Denial::new("due_is_over", format!("{due} is over already: say until when it is to be done")));
        }
        if due.since(at.now) > DUE_MS_MAX {
            let days = DUE_MS_MAX / Time::DAY;
            let detail = format!("{due} is more than {days} days ahead: is the year right?");
            return Err(Denial::new("due_too_late", detail));
        }
        Ok(())
    }

    fn assign(&mut self, ctx: &mut Ctx, task: Task) -> String {
        self.assigned += 1;
        let id = format!("a{}", self.assigned);
        let Task { task: what, owner, due, question, .. } = task.clone();
        let assigned = What::Assigned { action: id.clone(), task: what, owner, due, question };
        let by = ctx.by.clone();
        ctx.ledger(task.workflow.as_ref(), &by, assigned);
        self.open.push(Task { id: id.clone(), ..task });
        id
    }
}

impl Monitor {
    /// Takes what the council, or somebody for it, orders.
    pub(super) fn council(&mut self, ctx: &mut Ctx, command: &Command) -> Result<(), Denial> {
        match &command.action {
            Action::Judge { workflow, epoch, judgement, note } => {
                known(&mut self.workflows, workflow)?.judge_demotion(ctx, (*epoch, None), *judgement, note)
            }
            Action::Assign { workflow, task, owner, due } => {
                if let Some(workflow) = workflow {
                    known(&mut self.workflows, workflow)?;
                }
                self.assign(ctx, workflow.clone(), (task, owner, *due), None).map(drop)
            }
            Action::Finish { id, ending, note } => self.finish(ctx, id, *ending, note),
            Action::Council(answered) => self.answered(ctx, command, answered),
            _ => Ok(()),
        }
    }

    fn assign(
        &mut self,
        ctx: &mut Ctx,
        workflow: Option<WorkflowId>,
        (task, owner, due): (&str, &str, Time),
        question: Option<&Question>,
    ) -> Result<String, Denial> {
        self.house.actions.check(workflow.as_ref(), due, ctx.at)?;
        let (by, at, id) = (ctx.by.clone(), ctx.at.now, String::new());
        let (task, owner) = (task.to_owned(), owner.to_owned());
        let task = Task { id, workflow, task, owner, due, question: question.cloned(), by, at };
        Ok(self.house.actions.assign(ctx, task))
    }

    fn finish(&mut self, ctx: &mut Ctx, id: &str, ending: Ending, note: &str) -> Result<(), Denial> {
        let open = &mut self.house.actions.open;
        let Some(at) = open.iter().position(|task| task.id == id) else {
            let detail = "no action of this id is open: `andon actions` lists those that are";
            return Err(Denial::new("unknown_action", detail));
        };
        let Task { workflow, task, owner, due, .. } = open.remove(at);
        let (action, note, by) = (id.to_owned(), note.to_owned(), ctx.by.clone());
        ctx.ledger(workflow.as_ref(), &by, What::Finished { action, ending, note, task, owner, due });
        Ok(())
    }

    /// The council answers a question: what was chosen is done by its own rules, and then recorded. The very answer that the
    /// question has already changes nothing.
    fn answered(&mut self, ctx: &mut Ctx, command: &Command, answered: &Answered) -> Result<(), Denial> {
        let Answered { week, question, choice, note, .. } = answered;
        if !question.choices().contains(&choice.key()) {
            let offered: Vec<&str> = question.choices().iter().map(|key| key.name()).collect();
            let detail = format!("{} is no answer to this question: {}", choice.key().name(), offered.join(", "));
            return Err(Denial::new("not_offered", detail));
        }
        let workflow = self.concerned(question)?;
        let is_in_force = |given: &Given| self.is_in_force(given, workflow.as_ref());
        if !self.house.answers.check(answered, &ctx.by, &self.house.actions, is_in_force)? {
            return Ok(());
        }
        let did = self.carry_out(ctx, command, answered, workflow.as_ref())?;
        let by = ctx.by.clone();
        self.house.answers.add(Given {
            journal_seq: ctx.at.seq,
            answered: answered.clone(),
            by: by.clone(),
            at: ctx.at.now,
            did: did.clone(),
        });
        let (week, question, decided, note) = (week.clone(), question.clone(), Box::new(choice.clone()), note.clone());
        ctx.ledger(workflow.as_ref(), &by, What::Council { week, question, decided, note, did });
        Ok(())
    }

    /// Whether what an answer did still holds.
    fn is_in_force(&self, given: &Given, workflow: Option<&WorkflowId>) -> bool {
        let of = workflow.and_then(|id| self.workflows.get(id)).map(|workflow| &workflow.state);
        let judged = |judgement: Judgement| match (&given.answered.question, of) {
            (Question::JudgeDemotion { epoch, .. }, Some(state)) => {
                state.governance.judgement(*epoch) == Some(judgement)
            }
            _ => false,
        };
        let asks = |id: &String| {
            let found = of.and_then(|state| state.governance.requests.list().find(|request| request.id == *id));
            found.is_some_and(|request| matches!(request.status, RequestStatus::Pending | RequestStatus::Granted))
        };
        match given.answered.choice {
            Choice::JudgeRight => judged(Judgement::Right),
            Choice::JudgeFalse => judged(Judgement::False),
            Choice::KeepDown => of.is_some_and(|state| state.held.is_some()),
            Choice::Assign { .. } => given.did.as_ref().is_some_and(|id| self.house.actions.get(id).is_some()),
            Choice::AcceptBaseline | Choice::OpenGate { .. } => given.did.as_ref().is_none_or(asks),
            Choice::Nothing => true,
        }
    }

    /// The workflow that a question is about, if there is one; an error where what it names isn't there.
    fn concerned(&mut self, question: &Question) -> Result<Option<WorkflowId>, Denial> {
        if let Some(workflow) = question.workflow() {
            let workflow = known(&mut self.workflows, workflow)?;
            match question {
                Question::JudgeDemotion { epoch, .. } => workflow.state.governance.check_demotion(*epoch)?,
                Question::AcceptBaseline { guard, .. } => workflow.check_learns(guard)?,
                _ => {}
            }
            return Ok(Some(workflow.id.clone()));
        }
        match question {
            Question::Incident { incident } if incident.starts_with(HOUSE) => {
                let found = self.house.incidents.list().iter().any(|own| own.id == *incident);
                found.then_some(None).ok_or_else(unknown_incident)
            }
            Question::Incident { incident } => {
                self.incident_owner(incident).map(|owner| Some(owner.id.clone())).ok_or_else(unknown_incident)
            }
            Question::Base { item } if !self.house.base.contains_key(item) => {
                Err(Denial::new("unknown_base_item", "no such base item is declared: `andon base` lists them"))
            }
            Question::Drill { drill } if !(1..=self.house.drills.counted()).contains(drill) => {
                Err(Denial::new("unknown_drill", "there was no such drill: `andon drill --list` shows the last ones"))
            }
            _ => Ok(None),
        }
    }

    /// Does what was chosen; gives the request or the action that came of it.
    fn carry_out(
        &mut self,
        ctx: &mut Ctx,
        command: &Command,
        Answered { question, choice, note, .. }: &Answered,
        workflow: Option<&WorkflowId>,
    ) -> Result<Option<String>, Denial> {
        if let Choice::Assign { task, owner, due } = choice {
            return self.assign(ctx, workflow.cloned(), (task, owner, *due), Some(question)).map(Some);
        }
        // Nothing can also be done about one that left the policy.
        let Some(workflow) = workflow.filter(|_| *choice != Choice::Nothing) else { return Ok(None) };
        let policy = Arc::clone(&self.policy);
        let workflow = known(&mut self.workflows, workflow)?;
        let asked_before = workflow.state.governance.requests.next_id("");
        match (choice, question) {
            (Choice::JudgeRight, Question::JudgeDemotion { epoch, .. }) => {
                workflow.judge_steps(ctx, *epoch, Judgement::Right, note)?;
            }
            (Choice::JudgeFalse, Question::JudgeDemotion { epoch, .. }) => {
                workflow.judge_steps(ctx, *epoch, Judgement::False, note)?;
            }
            (Choice::AcceptBaseline, Question::AcceptBaseline { guard, .. }) => {
                workflow.ask_relearning(ctx, command, (guard, None, note))?;
            }
            (Choice::OpenGate { funding }, Question::OpenGate { to, .. }) => {
                workflow.ask_promotion(ctx, (&policy, &self.house), (*to, note, funding.as_deref()))?;
            }
            (Choice::KeepDown, _) => workflow.hold(ctx, true, note),
            _ => {}
        }
        let requests = &workflow.state.governance.requests;
        let newest = requests.list().next_back().filter(|_| requests.next_id("") != asked_before);
        Ok(newest.map(|request| request.id.clone()))
    }
}

impl Workflow {
    /// People judge a demotion. The mode stays as it is, and so does the time for which the gate stays closed: one
    /// person's word opens nothing.
    fn judge_demotion(
        &mut self,
        ctx: &mut Ctx,
        (epoch, with): (u64, Option<u64>),
        judgement: Judgement,
        note: &str,
    ) -> Result<(), Denial> {
        let before = self.state.governance.judge(epoch, judgement, with)?;
        let (by, note) = (ctx.by.clone(), note.to_owned());
        ctx.ledger(Some(&self.id), &by, What::Judged { epoch, judgement, before, note });
        Ok(())
    }

    /// The council judges a demotion, and with it the steps further down that have the same cause.
    fn judge_steps(&mut self, ctx: &mut Ctx, epoch: u64, judgement: Judgement, note: &str) -> Result<(), Denial> {
        let steps = self.state.governance.further_steps(epoch);
        self.judge_demotion(ctx, (epoch, None), judgement, note)?;
        steps.into_iter().try_for_each(|step| self.judge_demotion(ctx, (step, Some(epoch)), judgement, note))
    }

    /// Whether a guard learns what is normal at all.
    fn check_learns(&self, guard: &str) -> Result<(), Denial> {
        let found = self.plan.guards.iter().find(|plan| plan.policy.name == guard);
        match found.map(|plan| plan.policy.baseline.is_some()) {
            Some(true) => Ok(()),
            Some(false) => {
                let detail = format!("{guard} has a declared bound and learns nothing: change it in the configuration");
                Err(Denial::new("no_baseline", detail))
            }
            None => Err(Denial::new("unknown_guard", format!("{} has no such guard now", self.id))),
        }
    }
}

fn unknown_incident() -> Denial {
    Denial::new("unknown_incident", "there is no such incident any more: `andon incidents --all` lists what there is")
}
