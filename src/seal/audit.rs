//! The audit: reads a ledger entry by entry and says what is wrong with it, and where.
//!
//! Owns every check: text against hash, hash against chain, columns against text, numbers and order,
//! the end, and the tree against checkpoints. Must not know where rows come from. It keeps a few
//! hashes and the findings, whatever the length of the ledger.

use super::anchor::{Anchor, Anchors, Compared, Fit, Source};
use super::chain::{chain_start, leaf_hash, link};
use super::damage::{Damage, FINDINGS_MAX, Finding, entries};
use super::hash::Hash;
use super::suspects::Suspects;
use super::tree::Tree;
use crate::domain::Time;
use serde::{Deserialize, Serialize};

/// Columns of a row that say again what its text says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Columns {
    /// The journal record.
    pub journal_seq: u64,
    /// Position among the record's entries.
    pub index: u64,
    /// When it was decided.
    pub time: Time,
    /// The workflow.
    #[serde(default)]
    pub workflow: Option<String>,
}

/// A row of the ledger, as it is stored.
#[derive(Debug, Clone)]
pub struct Row<'r> {
    /// Its number.
    pub seq: u64,
    /// Version of its text.
    pub body_version: u64,
    /// Its text.
    pub body: &'r [u8],
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its chain hash.
    pub chain: Hash,
    /// Its columns, where there are some.
    pub columns: Option<Columns>,
}

/// What the ledger says of its own end; it changes together with each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub entries: u64,
    /// The chain hash of the last one.
    pub chain: Hash,
    /// The last journal record whose entries are all there.
    pub applied: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether everything holds.
    pub sound: bool,
    /// The last entry's number.
    pub entries: u64,
    /// The chain hash of the last entry.
    pub chain: Hash,
    /// Root of the tree over all entries.
    pub root: Hash,
    /// Entries up to here are those of a checkpoint kept outside of the store; 0 without one.
    pub anchored: u64,
    /// Entries up to here are those of a checkpoint in the store itself; 0 without one.
    pub anchored_inside: u64,
    /// All checkpoints, by size.
    pub checkpoints: Vec<Compared>,
    /// What is wrong, by entry; at most 100.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

/// Takes rows in the order of their numbers.
pub struct Auditor {
    tree: Tree,
    anchors: Anchors,
    last: u64,
    /// The chain hash that the last row has.
    chain: Hash,
    /// Whether the last row was whole, so that the next one's chain hash can be judged.
    whole: bool,
    place: Option<(u64, u64)>,
    suspects: Suspects,
    findings: Vec<Finding>,
    further: u64,
}

impl Auditor {
    /// Holds a ledger against these checkpoints.
    pub fn new(anchors: Vec<Anchor>) -> Self {
        Self {
            tree: Tree::default(),
            anchors: Anchors::new(anchors),
            last: 0,
            chain: chain_start(),
            whole: true,
            place: None,
            suspects: Suspects::default(),
            findings: Vec::new(),
            further: 0,
        }
    }

    /// The next row.
    pub fn row(&mut self, row: &Row<'_>) {
        if !self.step(row.seq) {
            return;
        }
        let leaf = leaf_hash(row.seq, row.body_version, row.body);
        let whole = leaf == row.leaf;
        if !whole {
            self.suspects.add(row.seq, row.body_version, row.body, row.leaf);
        } else if self.whole && link(&self.chain, &row.leaf) != row.chain {
            self.note_chain(row.seq);
        }
        if whole {
            self.check_text(row);
        }
        self.tree.push(leaf);
        (self.chain, self.whole) = (row.chain, whole);
        self.anchors.judge(row.seq, &self.tree);
    }

    /// A row that can't be read as one.
    pub fn unreadable(&mut self, seq: u64, cause: &str) {
        if self.step(seq) {
            self.note(Finding::of_entries(Damage::Unreadable, seq, seq, &format!("can't be read: {cause}")));
            self.whole = false;
            self.anchors.judge(seq, &self.tree);
        }
    }

    /// Notes what somebody else found.
    pub fn note(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX { self.findings.push(finding) } else { self.further += 1 }
    }

    /// What is wrong so far, for a log that is about to be signed; `None` where nothing is. The end can
    /// still show more.
    pub fn problem(&self) -> Option<String> {
        let found = self.findings.first().map(|finding| finding.what.clone());
        let differs = || self.anchors.all().iter().find(|anchor| anchor.fit == Fit::Differs);
        found.or_else(|| self.suspects.first().map(|seq| format!("{} was changed", entries(seq, seq)))).or_else(|| {
            differs().map(|anchor| format!("its first {} entries are not those that were signed", anchor.size))
        })
    }

    /// The tree so far.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The chain hash of the last row.
    pub const fn chain(&self) -> Hash {
        self.chain
    }

    /// Goes on to a number; whether that is a new one.
    fn step(&mut self, seq: u64) -> bool {
        if seq <= self.last {
            self.note(Finding::of_entries(Damage::Duplicate, seq, seq, "is there twice"));
            return false;
        }
        if seq > self.last + 1 {
            let (from, to) = (self.last + 1, seq - 1);
            let is = if from == to { "is missing" } else { "are missing" };
            self.note(Finding::of_entries(Damage::Missing, from, to, is));
            self.whole = false;
            self.anchors.judge(to, &self.tree);
        }
        self.last = seq;
        true
    }

    /// A wrong chain hash makes the next one wrong too: that is one finding.
    fn note_chain(&mut self, seq: u64) {
        let before = self.findings.last_mut().filter(|it| it.damage == Damage::Chain && it.to == Some(seq - 1));
        let from = before.as_ref().and_then(|it| it.from).unwrap_or(seq);
        let what = "was replaced: its chain hash doesn't follow from the entry before it";
        let finding = Finding::of_entries(Damage::Chain, from, seq, what);
        match before {
            Some(before) => {
                let what = format!("{}: a chain hash doesn't follow from the entry before it", entries(from, seq));
                *before = Finding { what, ..finding };
            }
            None => self.note(finding),
        }
    }

    /// The text must be an entry, after the one before it, and say what the columns say.
    fn check_text(&mut self, row: &Row<'_>) {
        let seq = row.seq;
        let said: Columns = match serde_json::from_slice(row.body) {
            Ok(said) => said,
            Err(error) => {
                let cause = format!("has a text that is no entry: {error}");
                return self.note(Finding::of_entries(Damage::Unreadable, seq, seq, &cause));
            }
        };
        let place = Some((said.journal_seq, said.index));
        if place <= self.place {
            let what = "is out of order: its journal record is not after that of the entry before";
            self.note(Finding::of_entries(Damage::Order, seq, seq, what));
        }
        self.place = place;
        let Some(columns) = &row.columns else { return };
        let differs = [
            ("journal_seq", columns.journal_seq != said.journal_seq),
            ("idx", columns.index != said.index),
            ("time", columns.time != said.time),
            ("workflow", columns.workflow != said.workflow),
        ];
        for (column, _) in differs.iter().filter(|(_, differs)| *differs) {
            let what = format!("was changed: its column `{column}` says something else than its text");
            self.note(Finding::of_entries(Damage::Column, seq, seq, &what));
        }
    }

    /// The ledger has ended. Without a head (an export has none) only checkpoints tell of a cut end.
    pub fn finish(mut self, head: Option<&Head>) -> Report {
        for finding in std::mem::take(&mut self.suspects).resolve() {
            self.note(finding);
        }
        self.check_end(head);
        self.check_checkpoints();
        self.findings.sort_by_key(|finding| (finding.from.is_none(), finding.from, finding.damage));
        let anchored = self.anchors.reach(|anchor| anchor.source.is_outside());
        let anchored_inside = self.anchors.reach(|anchor| anchor.source == Source::Store);
        Report {
            sound: self.findings.is_empty(),
            entries: self.last,
            chain: self.chain,
            root: self.tree.root(),
            anchored,
            anchored_inside,
            checkpoints: self.anchors.into_all(),
            findings_total: self.findings.len() as u64 + self.further,
            findings: self.findings,
        }
    }

    fn check_end(&mut self, head: Option<&Head>) {
        let last = self.last;
        if last == 0 {
            let what = "the ledger is empty: a daemon writes its first entry when it first starts, so all of them are gone or none was ever written";
            self.note(Finding::new(Damage::Empty, what));
        }
        let beyond = self.anchors.all().iter().rfind(|anchor| anchor.fit == Fit::Beyond);
        let signed = beyond.map(|anchor| (anchor.size, format!("the checkpoint {} counts", anchor.place)));
        let counted =
            head.filter(|head| head.entries > last).map(|head| (head.entries, "the ledger counted".to_owned()));
        if let Some((size, who)) = signed.max(counted) {
            let what = format!("{} cut off at the end: {who} {size}", if size == last + 1 { "was" } else { "were" });
            self.note(Finding::of_entries(Damage::Truncated, last + 1, size, &what));
        }
        let Some(head) = head else { return };
        if head.entries < last {
            let what = "at the end came in from outside: andon counted only those before";
            self.note(Finding::of_entries(Damage::Appended, head.entries + 1, last, what));
        } else if head.entries == last && head.chain != self.chain {
            let what = "is not the last one that andon wrote: its chain hash is another";
            self.note(Finding::of_entries(Damage::Chain, last.max(1), last.max(1), what));
        }
        if self.place.is_some_and(|(journal_seq, _)| journal_seq > head.applied) {
            let what = "came in from outside: its journal record is later than all that andon entered";
            self.note(Finding::of_entries(Damage::Appended, last, last, what));
        }
    }

    /// Where all hashes are good and a root differs, entries were replaced together with their hashes.
    fn check_checkpoints(&mut self) {
        let Some(differs) = self.anchors.all().iter().find(|anchor| anchor.fit == Fit::Differs) else { return };
        let (to, place) = (differs.size, differs.place.clone());
        let from = self.anchors.reach(|anchor| anchor.size < to) + 1;
        if self.findings.iter().any(|finding| finding.damage.is_content() && finding.touches(from, to)) {
            return;
        }
        let not = if from == to { "is not the one that was" } else { "are not those that were" };
        let what =
            format!("{not} signed, though the hashes fit: rewritten as a whole, or of another history than {place}");
        let finding = Finding::of_entries(Damage::Rewritten, from, to, &what);
        self.note(Finding { checkpoint: Some(place), ..finding });
    }
}
