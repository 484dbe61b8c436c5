//! The verdict on a ledger, for people and for programs.
//!
//! Owns its words: what holds, what is only said by the store itself, and what nobody can know.

use super::{output, words};
use crate::seal::{Finding, Fit, Report, Source, VerifierKey};
use serde::Serialize;

/// What was looked at, and with whose eyes.
#[derive(Debug, Serialize)]
pub(super) struct Subject {
    ledger: String,
    /// The keys that were believed.
    keys: Vec<String>,
    /// Whether they were given, or taken from the store that they are to judge.
    keys_are_given: bool,
    strict: bool,
}

impl Subject {
    pub(super) fn new(ledger: String, keys: &[VerifierKey], keys_are_given: bool, strict: bool) -> Self {
        Self { ledger, keys: keys.iter().map(ToString::to_string).collect(), keys_are_given, strict }
    }
}

/// Entries that no checkpoint from outside of the store knows.
#[derive(Debug, Serialize)]
struct Unanchored {
    from: u64,
    to: u64,
}

/// The verdict.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// Whether everything holds that was asked for.
    holds: bool,
    /// Whether a rewrite of the whole ledger is excluded, up to `anchored`.
    rewrite_excluded: bool,
    unanchored: Option<Unanchored>,
    #[serde(flatten)]
    subject: Subject,
    /// `None` where there is no ledger.
    report: Option<Report>,
    /// What is wrong, also where there is no ledger.
    findings: Vec<Finding>,
}

impl Verdict {
    /// On a ledger that was read.
    pub(super) fn new(subject: Subject, mut report: Report) -> Self {
        let (anchored, entries) = (report.anchored, report.entries);
        Self {
            holds: report.sound && !(subject.strict && anchored < entries),
            rewrite_excluded: report.sound && anchored > 0,
            unanchored: (anchored < entries).then_some(Unanchored { from: anchored + 1, to: entries }),
            subject,
            findings: std::mem::take(&mut report.findings),
            report: Some(report),
        }
    }

    /// Where there is none to be read.
    pub(super) fn without_ledger(subject: Subject, findings: Vec<Finding>) -> Self {
        Self { holds: false, rewrite_excluded: false, unanchored: None, subject, report: None, findings }
    }

    /// Whether everything holds.
    pub(super) const fn holds(&self) -> bool {
        self.holds
    }

    /// Prints it for people.
    pub(super) fn tell(&self) {
        match &self.report {
            Some(report) => self.tell_of(report),
            None => output::line(format!("{}: nothing could be verified", self.subject.ledger)),
        }
        for finding in &self.findings {
            output::line(format!("  WRONG     {}", finding.what));
        }
        let told = self.findings.len() as u64;
        let total = self.report.as_ref().map_or(told, |report| report.findings_total);
        if total > told {
            output::line(format!("  WRONG     … and {} more", words::count(total - told)));
        }
        output::line(self.verdict(total));
    }

    fn tell_of(&self, report: &Report) {
        let entries = words::count(report.entries);
        output::line(format!("{}: {entries} {}", self.subject.ledger, plural(report.entries)));
        if report.sound {
            output::line(format!("  root      {} (RFC 6962)", report.root));
            output::line(format!("  chain     {}", report.chain));
        }
        let outside = report.checkpoints.iter().filter(|it| it.source.is_outside()).count();
        if let Some(anchor) = report.checkpoints.iter().rfind(|it| it.source.is_outside() && it.fit == Fit::Fits) {
            let range = range(1, report.anchored);
            output::line(format!("  anchored  {range}: as {} signed them, kept outside of the store", anchor.place));
        }
        if let Some(Unanchored { from, to }) = &self.unanchored {
            let why = if outside == 0 { "no checkpoint from outside of the store" } else { "no such checkpoint" };
            output::line(format!("  UNANCHORED {}: in {why}", range(*from, *to)));
        }
        let inside = report.checkpoints.iter().filter(|it| it.source == Source::Store).count() as u64;
        if report.anchored_inside > 0 {
            let range = range(1, report.anchored_inside);
            output::line(format!(
                "  inside    {range}: as the newest of {} in the store signed them, which whoever can change the ledger can change too",
                words::count(inside)
            ));
        }
        for key in &self.subject.keys {
            let whose =
                if self.subject.keys_are_given { "given" } else { "taken from the store itself: give it with --key" };
            output::line(format!("  key       {key} ({whose})"));
        }
    }

    fn verdict(&self, findings: u64) -> String {
        let Some(report) = self.report.as_ref().filter(|_| findings == 0) else {
            let what = if findings == 1 { "1 thing is" } else { &format!("{} things are", words::count(findings)) };
            return format!("NOT SOUND: {what} wrong");
        };
        let unanchored = self.unanchored.as_ref().map(|Unanchored { from, to }| range(*from, *to));
        let strict = if self.holds { "" } else { "NOT ENOUGH: " };
        match unanchored {
            None => "sound: every entry is as it was when it was signed".to_owned(),
            Some(_) if report.anchored == 0 => format!(
                "{strict}the hashes fit together, but there is no checkpoint from outside of the store: a rewrite of the whole ledger can't be excluded"
            ),
            Some(range) => format!(
                "{strict}sound up to entry {}; the hashes of {range} fit, but whether they were rewritten or others cut off after them can't be known before the next checkpoint",
                report.anchored
            ),
        }
    }
}

const fn plural(entries: u64) -> &'static str {
    if entries == 1 { "entry" } else { "entries" }
}

fn range(from: u64, to: u64) -> String {
    let (first, last) = (words::count(from), words::count(to));
    if from == to { format!("entry {first}") } else { format!("entries {first} to {last}") }
}
