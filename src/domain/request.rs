//! What people ask each other for: a promotion, the annulment of a demotion, a looser policy.
//!
//! Owns a request's life: asked, voted on by distinct people in the roles that are needed, decided
//! once. What follows from a granted one is the monitor's.

use super::gate::{Gate, Target};
use super::governance::ANY_ROLE;
use super::{Mode, Time, WorkflowId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// A higher mode, or the way out of the lab.
    Promotion {
        /// The granted mode when it was asked for.
        from: Mode,
        /// What to.
        to: Target,
    },
    /// A demotion was false: back to the mode before it.
    Annulment {
        /// The epoch that the demotion began.
        epoch: u64,
        /// The mode before it.
        to: Mode,
    },
    /// All demotions of a storm were false: each workflow back to its mode before it.
    Restoration {
        /// The incident of the storm.
        storm: String,
    },
    /// A guard is to forget what it learned to be normal, and judges nothing until it has learned anew.
    Relearning {
        /// The guard.
        guard: String,
        /// Outputs that the new baseline takes; `None` as declared.
        outputs: Option<u32>,
    },
    /// A policy that loosens something.
    Policy {
        /// Its hash.
        hash: String,
        /// What it loosens, a sentence each.
        loosens: Vec<String>,
    },
}

impl Ask {
    /// The word used in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Promotion { .. } => "promotion",
            Self::Annulment { .. } => "annulment",
            Self::Restoration { .. } => "restoration",
            Self::Relearning { .. } => "relearning",
            Self::Policy { .. } => "policy",
        }
    }

    /// Whether whoever asks is the first to approve: somebody who may approve and says that andon was
    /// wrong. Nobody approves their own promotion.
    const fn requester_counts(&self) -> bool {
        matches!(self, Self::Annulment { .. } | Self::Restoration { .. })
    }

    /// Whether whoever asked may approve.
    const fn requester_may_vote(&self) -> bool {
        !matches!(self, Self::Promotion { .. })
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestStatus {
    /// Approvals are missing.
    Pending,
    /// All approvals were given, and it was carried out.
    Granted,
    /// Somebody who may approve said no.
    Rejected,
    /// Whoever asked took it back.
    Withdrawn,
    /// Something happened meanwhile that it didn't know of.
    Cancelled,
    /// It wasn't decided in time.
    Expired,
}

impl RequestStatus {
    /// The word used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted => "granted",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// What somebody says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Yes.
    Approve,
    /// No: the request ends.
    Reject,
    /// Whoever asked takes it back.
    Withdraw,
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// The roles that they had at that time.
    pub roles: Vec<String>,
    /// When.
    pub at: Time,
    /// A remark.
    pub note: String,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// Its id, such as `email-drafts-r3`, or `house:r1` for what concerns the whole house.
    pub id: String,
    /// The workflow; `null` for what concerns the whole house.
    pub workflow: Option<WorkflowId>,
    /// What is asked for.
    pub ask: Ask,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why.
    pub reason: String,
    /// What the decision funds, as the board put it.
    pub funding: Option<String>,
    /// The role of each approval that is needed; `any` is anybody's.
    pub needs: Vec<String>,
    /// Approvals so far.
    pub approvals: Vec<Approval>,
    /// Where it stands.
    pub status: RequestStatus,
    /// It ends then if it isn't decided.
    pub expires_at: Option<Time>,
    /// When it was decided.
    pub decided_at: Option<Time>,
    /// Why it ended; empty while it is pending.
    pub because: String,
    /// The gate as it stood when it was asked for, with its hash.
    pub gate: Option<Box<Gate>>,
}

/// Why an act of a person changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Denial {
    /// A stable word.
    pub code: String,
    /// A sentence: why, and what to do.
    pub detail: String,
}

impl Denial {
    /// A denial.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }
}

impl Request {
    /// A request that waits for approvals, without an end.
    pub fn new(id: String, workflow: Option<WorkflowId>, ask: Ask, (by, at): (&str, Time), needs: Vec<String>) -> Self {
        Self {
            id,
            workflow,
            ask,
            by: by.to_owned(),
            at,
            reason: String::new(),
            funding: None,
            needs,
            approvals: Vec::new(),
            status: RequestStatus::Pending,
            expires_at: None,
            decided_at: None,
            because: String::new(),
            gate: None,
        }
    }

    /// Who approved it.
    pub fn approvers(&self) -> Vec<String> {
        self.approvals.iter().map(|approval| approval.by.clone()).collect()
    }

    /// Lets whoever asked be the first to approve, where that counts.
    pub fn opened(&mut self, roles: &[String]) {
        if self.ask.requester_counts() {
            let (by, roles, at) = (self.by.clone(), roles.to_vec(), self.at);
            self.approvals.push(Approval { by, roles, at, note: String::new() });
        }
    }

    /// Whether the request may still be decided.
    pub fn is_pending(&self) -> bool {
        self.status == RequestStatus::Pending
    }

    /// Whether all approvals that are needed were given.
    pub fn is_complete(&self) -> bool {
        filled(&self.needs, self.approvals.iter().map(|approval| approval.roles.as_slice())) == self.needs.len()
    }

    /// The roles that no approval has filled yet.
    pub fn open_roles(&self) -> Vec<&str> {
        let given: Vec<&[String]> = self.approvals.iter().map(|approval| approval.roles.as_slice()).collect();
        let mut open: Vec<&str> = Vec::new();
        let mut needs = self.needs.clone();
        // A role is open if the others are filled as well without it.
        while filled(&needs, given.iter().copied()) < needs.len() {
            let all = filled(&needs, given.iter().copied());
            let spare = (0..needs.len()).find(|at| {
                let without: Vec<String> =
                    needs.iter().enumerate().filter(|(i, _)| i != at).map(|(_, need)| need.clone()).collect();
                filled(&without, given.iter().copied()) == all
            });
            let Some(at) = spare else { break };
            let role = needs.remove(at);
            open.extend(self.needs.iter().find(|need| **need == role).map(String::as_str));
        }
        open
    }

    /// Takes an approval, or says why not.
    ///
    /// # Errors
    /// The denial; nothing changed.
    pub fn approve(&mut self, approval: Approval) -> Result<(), Denial> {
        let by = &approval.by;
        self.check_pending()?;
        if *by == self.by && !self.ask.requester_may_vote() {
            let detail = format!("{by} asked for this: somebody else has to approve it");
            return Err(Denial::new("own_request", detail));
        }
        if self.approvals.iter().any(|given| given.by == *by) {
            let detail = format!(
                "{by} has approved this already: {} more must, each a different person",
                self.open_roles().len()
            );
            return Err(Denial::new("approved_already", detail));
        }
        let before = filled(&self.needs, self.approvals.iter().map(|given| given.roles.as_slice()));
        let with = self.approvals.iter().chain([&approval]);
        if filled(&self.needs, with.map(|given| given.roles.as_slice())) <= before {
            let detail = format!(
                "approvals are still needed of the roles {}, and {by} has none of them that is open",
                self.open_roles().join(", ")
            );
            return Err(Denial::new("role_not_needed", detail));
        }
        self.approvals.push(approval);
        Ok(())
    }

    /// Whether `by` may take it back.
    ///
    /// # Errors
    /// The denial.
    pub fn check_withdraw(&self, by: &str) -> Result<(), Denial> {
        self.check_pending()?;
        if self.by == by {
            return Ok(());
        }
        Err(Denial::new(
            "not_yours",
            format!("{} asked for this: only they can take it back; others reject it", self.by),
        ))
    }

    /// Whether it is pending.
    ///
    /// # Errors
    /// The denial.
    pub fn check_pending(&self) -> Result<(), Denial> {
        if self.is_pending() {
            return Ok(());
        }
        let because = if self.because.is_empty() { String::new() } else { format!(": {}", self.because) };
        Err(Denial::new("not_pending", format!("{} is {} already{because}", self.id, self.status.name())))
    }

    /// Ends it.
    pub fn end(&mut self, status: RequestStatus, at: Time, because: impl Into<String>) {
        (self.status, self.decided_at, self.because) = (status, Some(at), because.into());
    }
}

/// How many of the needed roles the people can fill, each person one at most: a maximum matching by
/// augmenting paths (Kuhn 1955, <https://doi.org/10.1002/nav.3800020109>).
fn filled<'r>(needs: &[String], people: impl Iterator<Item = &'r [String]>) -> usize {
    let people: Vec<&[String]> = people.collect();
    let fits = |person: usize, need: &String| need == ANY_ROLE || people[person].contains(need);
    let mut holder: Vec<Option<usize>> = vec![None; needs.len()];
    fn place(
        person: usize,
        needs: &[String],
        fits: &dyn Fn(usize, &String) -> bool,
        holder: &mut [Option<usize>],
        seen: &mut [bool],
    ) -> bool {
        for at in 0..needs.len() {
            if seen[at] || !fits(person, &needs[at]) {
                continue;
            }
            seen[at] = true;
            if holder[at].is_none_or(|other| place(other, needs, fits, holder, seen)) {
                holder[at] = Some(person);
                return true;
            }
        }
        false
    }
    (0..people.len()).filter(|person| place(*person, needs, &fits, &mut holder, &mut vec![false; needs.len()])).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(needs: &[&str], to: Target) -> Request {
        let needs = needs.iter().map(|need| (*need).into()).collect();
        Request::new("wf-r1".into(), None, Ask::Promotion { from: Mode::Assist, to }, ("ann", Time(0)), needs)
    }

    fn says(request: &mut Request, by: &str, roles: &[&str]) -> Result<(), String> {
        let roles = roles.iter().map(|role| (*role).into()).collect();
        request
            .approve(Approval { by: by.into(), roles, at: Time(1), note: String::new() })
            .map_err(|denial| denial.code)
    }

    #[test]
    fn distinct_people_in_the_roles_that_are_needed() {
        let mut asked = request(&["owner", "board", "board"], Target::Delegate);
        assert_eq!(says(&mut asked, "ann", &["owner"]), Err("own_request".into()));
        assert_eq!(says(&mut asked, "eve", &["intern"]), Err("role_not_needed".into()));
        // Bob could be both; he takes the place that the others leave.
        assert_eq!(says(&mut asked, "bob", &["owner", "board"]), Ok(()));
        assert_eq!(says(&mut asked, "bob", &["owner", "board"]), Err("approved_already".into()));
        assert_eq!(says(&mut asked, "cay", &["owner"]), Ok(()));
        assert_eq!(says(&mut asked, "dan", &["owner"]), Err("role_not_needed".into()));
        assert_eq!((asked.open_roles(), asked.is_complete()), (vec!["board"], false));
        assert_eq!(says(&mut asked, "fay", &["board"]), Ok(()));
        assert!(asked.is_complete() && asked.open_roles().is_empty());
    }

    #[test]
    fn anybody_may_be_needed_and_whoever_says_that_andon_was_wrong_counts() {
        let mut asked = request(&["any", "any"], Target::Delegate);
        assert_eq!((says(&mut asked, "bob", &[]), says(&mut asked, "cay", &[])), (Ok(()), Ok(())));
        assert!(asked.is_complete());
        let mut annulment = Request {
            ask: Ask::Annulment { epoch: 2, to: Mode::Delegate },
            ..request(&["any", "any"], Target::Delegate)
        };
        annulment.opened(&[]);
        assert_eq!(says(&mut annulment, "ann", &[]), Err("approved_already".into()));
        assert_eq!(says(&mut annulment, "bob", &[]), Ok(()));
        assert!(annulment.is_complete());
    }

    #[test]
    fn what_is_decided_stays_decided() {
        let mut asked = request(&["any"], Target::Automate);
        assert!(asked.check_withdraw("ann").is_ok());
        assert_eq!(asked.check_withdraw("bob").unwrap_err().code, "not_yours");
        asked.end(RequestStatus::Cancelled, Time(2), "a breach");
        assert_eq!(says(&mut asked, "bob", &[]), Err("not_pending".into()));
        assert!(asked.check_pending().unwrap_err().detail.contains("cancelled already: a breach"));
    }
}
