//! What people decided about a workflow, and what is remembered for their next decision.
//!
//! Owns the history of demotions with the time that a workflow stays down, the probation, the answers
//! to checklists and what an epoch has shown. Decides nothing by itself.

use super::incident::SAME_CAUSE_MS;
use super::lab::Lab;
use super::request_list::Requests;
use super::seen::Seen;
use crate::domain::{CooldownPolicy, Denial, Judgement, Mode, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Demotions by guards that are remembered.
const DEMOTIONS_MAX: usize = 50;
/// Days of an epoch that are told apart.
const DAYS_MAX: usize = 400;

/// A demotion by a guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demotion {
    /// When.
    pub at: Time,
    /// The epoch that it began.
    pub epoch: u64,
    /// Before.
    pub from: Mode,
    /// The guard.
    pub guard: String,
    /// Whether people took it back since: that it was false, and two of them said so.
    pub annulled: bool,
    /// What people judged it to be, whatever came of it.
    pub judged: Option<Judgement>,
    /// The demotion with which the council judged it, where it is a step further down.
    pub judged_with: Option<u64>,
    /// Whether its guard is a statistical one: the declared budget promises nothing of the others.
    pub in_budget: bool,
    /// The tighter review that it broke off, with the outputs that were left of it.
    pub broken_off: Option<(Probation, u64)>,
}

impl Demotion {
    /// Whether this one is a step further down after another one: the next change of the mode, within an hour.
    pub fn follows(&self, before: &Self) -> bool {
        self.epoch == before.epoch + 1 && self.at.since(before.at) <= SAME_CAUSE_MS
    }
}

/// Demotions that the declared budget is about: those by statistical guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InBudget {
    /// All of them since adoption.
    pub demoted: u64,
    /// Those that two people took back.
    pub annulled: u64,
    /// Those that people judged right, and those that they judged false, as of all demotions.
    pub judged: [u64; 2],
}

/// Tighter review after a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Probation {
    /// It ends with this output since adoption.
    pub until_output: u64,
    /// Share of outputs that people review meanwhile, 0 to 1.
    pub sample_rate: f64,
}

/// What somebody said to an item of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answer {
    /// Whether it is ready.
    pub ready: bool,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Time,
    /// What shows it.
    pub note: String,
}

/// What was seen since the present mode was granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Epoch {
    /// Outputs.
    pub outputs: u64,
    /// Outputs that said in which mode they ran.
    pub mode_known: u64,
    /// Outputs that ran in the granted mode.
    pub in_mode: u64,
    /// Days (UTC, since 1970) with outputs.
    pub days: Vec<i64>,
}

impl Epoch {
    /// Counts an output.
    pub fn count(&mut self, time: Time, ran_in: Option<Mode>, granted: Mode) {
        self.outputs += 1;
        if let Some(ran_in) = ran_in {
            self.mode_known += 1;
            self.in_mode += u64::from(ran_in == granted);
        }
        let day = time.0.div_euclid(Time::DAY);
        if self.days.last() != Some(&day) && !self.days.contains(&day) && self.days.len() < DAYS_MAX {
            self.days.push(day);
        }
    }
}

/// Everything of a workflow that its outputs alone don't say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Governance {
    /// Whether it hasn't left the lab, whatever the policy's track says.
    pub in_lab: bool,
    /// What was asked for.
    pub requests: Requests,
    demotions: VecDeque<Demotion>,
    /// Demotions by guards since adoption.
    pub demoted: u64,
    /// The same by guard.
    by_guard: BTreeMap<String, u64>,
    /// Those that two people took back.
    pub annulled: u64,
    /// Those that people judged right, and those that they judged false, taken back or not. Each counts once, by
    /// what was last said of it.
    pub judged: [u64; 2],
    /// Of all these the ones that the declared budget is about.
    pub in_budget: InBudget,
    /// When people last raised it.
    pub raised_at: Option<Time>,
    /// When people last lowered it, or stopped it where it was down already.
    pub lowered_by_people_at: Option<Time>,
    /// When something last happened that ends what is asked for.
    pub disturbed_at: Option<Time>,
    /// Tighter review after a promotion.
    pub probation: Option<Probation>,
    /// Answers to checklists.
    pub answers: BTreeMap<String, Answer>,
    /// Versions, models and other declared values.
    pub seen: Seen,
    /// What was seen since the present mode was granted.
    pub epoch: Epoch,
    /// Its time in the lab.
    pub lab: Lab,
}

impl Governance {
    /// Of a workflow that is adopted into the lab, or into the factory.
    pub fn new(in_lab: bool) -> Self {
        Self { in_lab, ..Self::default() }
    }

    /// Notes a demotion by a guard.
    pub fn demoted(&mut self, demotion: Demotion) {
        self.demoted += 1;
        self.in_budget.demoted += u64::from(demotion.in_budget);
        *self.by_guard.entry(demotion.guard.clone()).or_default() += 1;
        if self.demotions.len() >= DEMOTIONS_MAX {
            self.demotions.pop_front();
        }
        self.demotions.push_back(demotion);
    }

    /// Demotions by one guard since adoption.
    pub fn demotions_by(&self, guard: &str) -> u64 {
        self.by_guard.get(guard).copied().unwrap_or_default()
    }

    /// The demotion by a guard that began an epoch, if people haven't judged it false.
    pub fn demotion(&self, epoch: u64) -> Option<&Demotion> {
        self.demotions.iter().find(|demotion| demotion.epoch == epoch && !demotion.annulled)
    }

    /// People judged the demotion that began an epoch false.
    pub fn annul(&mut self, epoch: u64) {
        if let Some(demotion) = self.demotions.iter_mut().find(|demotion| demotion.epoch == epoch && !demotion.annulled)
        {
            demotion.annulled = true;
            self.annulled += 1;
            let (before, in_budget) = (demotion.judged.replace(Judgement::False), demotion.in_budget);
            self.in_budget.annulled += u64::from(in_budget);
            self.count(before, Judgement::False, in_budget);
        }
    }

    /// People judge the demotion that began an epoch, by itself or `with` one before it; the last judgement holds. Gives the
    /// one before.
    ///
    /// # Errors
    /// No guard began this epoch, or it is too long ago, or two people took the demotion back.
    pub fn judge(&mut self, epoch: u64, judgement: Judgement, with: Option<u64>) -> Result<Option<Judgement>, Denial> {
        let found = self.demotions.iter_mut().find(|demotion| demotion.epoch == epoch);
        let demotion = found.ok_or_else(|| no_demotion(epoch))?;
        if demotion.annulled {
            let detail = format!("the demotion that began epoch {epoch} was annulled: it counts as false already");
            return Err(Denial::new("annulled_already", detail));
        }
        let (before, in_budget) = (demotion.judged.replace(judgement), demotion.in_budget);
        demotion.judged_with = with;
        self.count(before, judgement, in_budget);
        Ok(before)
    }

    /// The steps further down that followed a demotion, as far as nobody judged one of them apart.
    pub fn further_steps(&self, epoch: u64) -> Vec<u64> {
        let mut after = self.demotions.iter().skip_while(|demotion| demotion.epoch != epoch);
        let Some(mut last) = after.next() else { return Vec::new() };
        let steps = after.take_while(|step| {
            let is_judged_apart = step.judged.is_some() && step.judged_with != Some(epoch);
            let is_step = step.follows(last) && !step.annulled && !is_judged_apart;
            last = step;
            is_step
        });
        steps.map(|step| step.epoch).collect()
    }

    /// Goes on where a guard's demotion began an epoch, whatever people said of it since.
    ///
    /// # Errors
    /// None did, or it is too long ago.
    pub fn check_demotion(&self, epoch: u64) -> Result<(), Denial> {
        let is_known = self.demotions.iter().any(|demotion| demotion.epoch == epoch);
        if is_known { Ok(()) } else { Err(no_demotion(epoch)) }
    }

    /// What people judged a demotion to be.
    pub fn judgement(&self, epoch: u64) -> Option<Judgement> {
        self.demotions.iter().find(|demotion| demotion.epoch == epoch)?.judged
    }

    /// Demotions of late that nobody judged, oldest first.
    pub fn unjudged(&self) -> impl Iterator<Item = &Demotion> {
        self.demotions.iter().filter(|demotion| demotion.judged.is_none())
    }

    /// Demotions that people judged so, each counted once.
    pub const fn judged(&self, judgement: Judgement) -> u64 {
        self.judged[judgement as usize]
    }

    fn count(&mut self, before: Option<Judgement>, judgement: Judgement, in_budget: bool) {
        let counts = [Some(&mut self.judged), in_budget.then_some(&mut self.in_budget.judged)];
        for counted in counts.into_iter().flatten() {
            if let Some(before) = before {
                counted[before as usize] -= 1;
            }
            counted[judgement as usize] += 1;
        }
    }

    /// Until when the gate stays closed after the last demotion, and which one in a row that was: each
    /// within the declared time before the last one doubles the time, up to the declared most.
    pub fn closed_until(&self, policy: &CooldownPolicy) -> Option<(Time, u32)> {
        let mut counted = self.demotions.iter().rev().filter(|demotion| !demotion.annulled);
        let last = counted.next()?;
        // Two steps down soon after each other have one cause.
        let (mut before, mut since) = (0, last.at);
        for demotion in counted.take_while(|demotion| last.at.since(demotion.at) <= policy.within_ms) {
            if since.since(demotion.at) > SAME_CAUSE_MS {
                before += 1;
            }
            since = demotion.at;
        }
        let nth: u32 = before + 1;
        let factor = 1i64.checked_shl(nth - 1).filter(|_| nth < 40).unwrap_or(i64::MAX);
        Some((last.at.plus(policy.first_ms.saturating_mul(factor).min(policy.max_ms)), nth))
    }

    /// A new epoch begins.
    pub fn begin_epoch(&mut self) {
        self.epoch = Epoch::default();
        self.seen.begin_epoch();
    }
}

fn no_demotion(epoch: u64) -> Denial {
    let detail = format!(
        "epoch {epoch} didn't begin with a demotion by a guard, or it is too long ago: the last {DEMOTIONS_MAX} can be judged"
    );
    Denial::new("no_demotion", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demotion(day: i64, epoch: u64) -> Demotion {
        Demotion {
            at: Time(day * Time::DAY),
            epoch,
            from: Mode::Automate,
            guard: "g".into(),
            annulled: false,
            judged: None,
            judged_with: None,
            in_budget: epoch.is_multiple_of(2),
            broken_off: None,
        }
    }

    #[test]
    fn repeat_offenders_stay_down_longer() {
        let policy = CooldownPolicy { first_ms: 3 * Time::DAY, max_ms: 10 * Time::DAY, within_ms: 30 * Time::DAY };
        let mut of = Governance::default();
        assert_eq!(of.closed_until(&policy), None);
        of.demoted(demotion(100, 2));
        assert_eq!(of.closed_until(&policy), Some((Time(103 * Time::DAY), 1)));
        of.demoted(demotion(105, 4));
        assert_eq!(of.closed_until(&policy), Some((Time(111 * Time::DAY), 2)));
        of.demoted(demotion(120, 6));
        assert_eq!(of.closed_until(&policy), Some((Time(130 * Time::DAY), 3)), "up to a limit");
        // Judged false, it no longer counts.
        of.annul(6);
        of.annul(6);
        assert_eq!((of.closed_until(&policy), of.annulled, of.demoted), (Some((Time(111 * Time::DAY), 2)), 1, 3));
        let half_an_hour_later = Demotion { at: Time(105 * Time::DAY + 30 * Time::MINUTE), ..demotion(105, 5) };
        let mut steps = of.clone();
        steps.demotions.insert(2, half_an_hour_later);
        assert_eq!(steps.closed_until(&policy).map(|(_, nth)| nth), Some(2), "two steps down are one");
        of.demoted(demotion(136, 8));
        assert_eq!(of.closed_until(&policy), Some((Time(139 * Time::DAY), 1)), "the others are too long ago");
    }

    #[test]
    fn a_demotion_counts_once_by_what_was_last_said_of_it() {
        let mut of = Governance::default();
        (2..5).for_each(|epoch| of.demoted(demotion(100, epoch)));
        let told = |of: &Governance| (of.judged(Judgement::Right), of.judged(Judgement::False), of.annulled);
        let says =
            |of: &mut Governance, epoch, judgement| of.judge(epoch, judgement, None).map_err(|denial| denial.code);
        assert_eq!(says(&mut of, 2, Judgement::Right), Ok(None));
        assert_eq!(says(&mut of, 2, Judgement::False), Ok(Some(Judgement::Right)));
        assert_eq!(says(&mut of, 2, Judgement::False), Ok(Some(Judgement::False)));
        assert_eq!(told(&of), (0, 1, 0));
        // Taken back after that it is the same false one; after the other word it is one more.
        of.annul(2);
        assert_eq!(told(&of), (0, 1, 1));
        assert_eq!(says(&mut of, 3, Judgement::Right), Ok(None));
        of.annul(3);
        assert_eq!(told(&of), (0, 2, 2));
        assert_eq!(
            of.in_budget,
            InBudget { demoted: 2, annulled: 1, judged: [0, 1] },
            "that of epoch 3 is in no budget"
        );
        assert_eq!(says(&mut of, 3, Judgement::Right), Err("annulled_already".into()));
        assert_eq!(says(&mut of, 9, Judgement::Right), Err("no_demotion".into()));
        // What was said holds in the numbers when the demotion itself is long forgotten.
        (10..90).for_each(|epoch| of.demoted(demotion(101, epoch)));
        assert_eq!((of.demotions.len(), told(&of)), (DEMOTIONS_MAX, (0, 2, 2)));
        assert_eq!(says(&mut of, 2, Judgement::Right), Err("no_demotion".into()));
    }

    #[test]
    fn a_step_that_was_judged_apart_is_judged_apart() {
        let mut of = Governance::default();
        let step = |epoch: u64, at: i64| Demotion { at: Time(at), ..demotion(0, epoch) };
        // Steps 2, 3, 4; not 6, before which the mode changed otherwise; not 7, which came later.
        let all = [(2, 0), (3, 1), (4, 2), (6, 3), (7, 3 + 2 * Time::HOUR)];
        all.into_iter().for_each(|(epoch, at)| of.demoted(step(epoch, at)));
        assert_eq!((of.further_steps(2), of.further_steps(3), of.further_steps(6)), (vec![3, 4], vec![4], vec![]));
        let judge = |of: &mut Governance, epoch, judgement, with| of.judge(epoch, judgement, with).map(drop).unwrap();
        judge(&mut of, 3, Judgement::Right, Some(2));
        judge(&mut of, 4, Judgement::Right, Some(2));
        assert_eq!(of.further_steps(2), [3, 4], "with it, so it is judged anew with it");
        judge(&mut of, 4, Judgement::Right, None);
        assert_eq!(of.further_steps(2), [3], "somebody meant this one");
        of.annul(3);
        assert_eq!(of.further_steps(2), Vec::<u64>::new());
    }

    #[test]
    fn days_are_counted_once_whatever_their_order() {
        let mut epoch = Epoch::default();
        for day in [3, 3, 1, 3, 2, 1] {
            epoch.count(Time(day * Time::DAY + 5), Some(Mode::Assist), Mode::Delegate);
        }
        epoch.count(Time(2 * Time::DAY), None, Mode::Delegate);
        epoch.count(Time(2 * Time::DAY), Some(Mode::Delegate), Mode::Delegate);
        assert_eq!((epoch.days.len(), epoch.outputs, epoch.mode_known, epoch.in_mode), (3, 8, 7, 1));
    }
}
