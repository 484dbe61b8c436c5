//! Hypotheses of a workflow in the lab: what is remembered of them.
//!
//! Owns the records and what can be read off them. What people may do is `lab_act`'s, what the gate to
//! the factory asks for `lab_gate`'s, what is shown `lab_view`'s.

use crate::domain::{Conclusion, Disposal, FindingKind, Hypothesis, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use utoipa::ToSchema;

/// How much was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Patterns.
    pub patterns: u64,
    /// Risks.
    pub risks: u64,
    /// Defects.
    pub defects: u64,
}

impl Found {
    /// Everything.
    pub const fn all(self) -> u64 {
        self.patterns + self.risks + self.defects
    }

    /// How many of a kind.
    pub const fn of(self, kind: FindingKind) -> u64 {
        match kind {
            FindingKind::Pattern => self.patterns,
            FindingKind::Risk => self.risks,
            FindingKind::Defect => self.defects,
        }
    }

    /// One more.
    pub(super) const fn count(&mut self, kind: FindingKind) {
        match kind {
            FindingKind::Pattern => self.patterns += 1,
            FindingKind::Risk => self.risks += 1,
            FindingKind::Defect => self.defects += 1,
        }
    }
}

/// What became of a risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Disposed {
    /// What.
    pub disposal: Disposal,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Time,
    /// What was done, or why it may stay.
    pub note: String,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Counts the findings of the hypothesis, from 1.
    pub number: u64,
    /// What kind of thing.
    pub kind: FindingKind,
    /// What.
    pub text: String,
    /// The type of a defect.
    pub defect_type: Option<String>,
    /// Who found it.
    pub by: String,
    /// When.
    pub at: Time,
    /// Whether the workflow was in the lab then.
    pub early: bool,
    /// What became of a risk; `null` while it is open.
    pub disposed: Option<Disposed>,
}

impl Finding {
    /// Whether it is a risk that nobody has disposed of.
    pub const fn is_open_risk(&self) -> bool {
        matches!(self.kind, FindingKind::Risk) && self.disposed.is_none()
    }
}

/// Something that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// Counts the decisions of the hypothesis, from 1.
    pub number: u64,
    /// What, and why.
    pub text: String,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Time,
}

/// The start of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When.
    pub at: Time,
    /// Who started it.
    pub by: String,
    /// Who answered for it then.
    pub owner: String,
}

/// What somebody says of an exit criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    /// Whether it is met.
    pub met: bool,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Time,
    /// What shows it.
    pub note: String,
}

/// The end of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignOff {
    /// What it showed.
    pub conclusion: Conclusion,
    /// What was learned.
    pub learned: String,
    /// Who says so: neither the owner nor whoever started it.
    pub by: String,
    /// When.
    pub at: Time,
}

/// Where a hypothesis stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HypothesisStatus {
    /// Nobody has started it.
    Planned,
    /// It is being tested.
    Active,
    /// Its test is over.
    SignedOff,
    /// It left the policy; its record is kept.
    Removed,
}

impl HypothesisStatus {
    /// Those that count as declared.
    pub const DECLARED: [Self; 3] = [Self::Planned, Self::Active, Self::SignedOff];

    /// The word used in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Active => "active",
            Self::SignedOff => "signed_off",
            Self::Removed => "removed",
        }
    }
}

/// What is remembered of a hypothesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// As it was last declared.
    pub hypothesis: Hypothesis,
    /// Whether the policy still holds it.
    pub declared: bool,
    /// When it was declared, or left the policy.
    pub since: Time,
    /// When it was first started.
    pub first_started_at: Option<Time>,
    /// Its last start.
    pub run: Option<Run>,
    /// When the first thing was found.
    pub first_found_at: Option<Time>,
    /// How much was found.
    pub found: Found,
    /// What was found, oldest first.
    pub findings: VecDeque<Finding>,
    /// Defects by type.
    pub defect_types: BTreeMap<String, u64>,
    /// What was decided, oldest first.
    pub decisions: VecDeque<Decided>,
    /// Decisions ever.
    pub decided: u64,
    /// What was said of each exit criterion, by its text.
    pub shown: BTreeMap<String, Shown>,
    /// The end of the last test.
    pub sign_off: Option<SignOff>,
    /// When it first got an answer.
    pub tested_at: Option<Time>,
}

impl Record {
    /// Of a hypothesis that is new in the policy.
    pub fn new(hypothesis: Hypothesis, now: Time) -> Self {
        Self {
            hypothesis,
            declared: true,
            since: now,
            first_started_at: None,
            run: None,
            first_found_at: None,
            found: Found::default(),
            findings: VecDeque::new(),
            defect_types: BTreeMap::new(),
            decisions: VecDeque::new(),
            decided: 0,
            shown: BTreeMap::new(),
            sign_off: None,
            tested_at: None,
        }
    }

    /// Where it stands.
    pub const fn status(&self) -> HypothesisStatus {
        match (self.declared, &self.run, &self.sign_off) {
            (false, ..) => HypothesisStatus::Removed,
            (true, None, _) => HypothesisStatus::Planned,
            (true, Some(_), None) => HypothesisStatus::Active,
            (true, Some(_), Some(_)) => HypothesisStatus::SignedOff,
        }
    }

    /// Whether it is being tested.
    pub fn is_active(&self) -> bool {
        self.status() == HypothesisStatus::Active
    }

    /// When its time-box ends; `None` where it isn't being tested.
    pub fn due_at(&self) -> Option<Time> {
        let run = self.run.as_ref().filter(|_| self.is_active())?;
        Some(run.at.plus(self.hypothesis.time_box_ms))
    }

    /// Risks that nobody has disposed of.
    pub fn open_risks(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_open_risk()).count()
    }

    /// Each exit criterion with what was said of it.
    pub fn criteria(&self) -> impl Iterator<Item = (&str, Option<&Shown>)> {
        self.hypothesis.exit.iter().map(|criterion| (criterion.as_str(), self.shown.get(criterion)))
    }

    /// Exit criteria that nobody has said to be met.
    pub fn unmet(&self) -> usize {
        self.criteria().filter(|(_, shown)| !shown.is_some_and(|shown| shown.met)).count()
    }

    /// Whether all is as it must be before its workflow leaves the lab.
    pub fn is_done(&self) -> bool {
        self.sign_off.is_some() && self.unmet() == 0 && self.open_risks() == 0
    }
}

/// What is remembered of a workflow's time in the lab.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lab {
    /// Hypotheses by id, removed ones too.
    pub records: BTreeMap<String, Record>,
    /// How much was ever found.
    pub found: Found,
    /// Risks that were found before the workflow left the lab.
    pub risks_early: u64,
    /// Hypotheses that ever got an answer.
    pub tested: u64,
    /// When the first one was started.
    pub first_started_at: Option<Time>,
    /// When the workflow left the lab.
    pub left_at: Option<Time>,
    /// When it was sent back: what was tested before says nothing about what went wrong since.
    pub back_at: Option<Time>,
}

impl Lab {
    /// Those that the policy holds.
    pub fn declared(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| record.declared)
    }

    /// Those that are being tested.
    pub fn active(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| record.is_active())
    }

    /// Risks that nobody has disposed of, those of removed hypotheses included: nothing but a person's
    /// word closes a risk.
    pub fn open_risks(&self) -> usize {
        self.records.values().map(Record::open_risks).sum()
    }

    /// Types of defects with their numbers, over all hypotheses.
    pub fn defect_types(&self) -> BTreeMap<String, u64> {
        let mut types: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in self.records.values().flat_map(|record| &record.defect_types) {
            *types.entry(name.clone()).or_default() += count;
        }
        types
    }
}
