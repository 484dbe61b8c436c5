//! `andon lab`: hypotheses of the lab, what was found, and what people say of it.
//!
//! Owns the arguments. How it is told is `lab_report`'s; who may say what, and when, the daemon's.

use super::client::{Client, ClientError, Daemon};
use super::{lab_report, output};
use crate::domain::{Conclusion, Disposal, FindingKind, WorkflowId};
use crate::http::lab::{Hypotheses, Lab};
use crate::http::lab_act::{NewDecision, NewDisposal, NewFinding, NewShown, NewSignOff, Start};
use crate::http::problem::Problem;
use crate::monitor::lab_view::HypothesisDetail;
use serde::Serialize;
use std::process::ExitCode;

/// Arguments of `andon lab`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  andon lab
  andon lab email-drafts
  andon lab show tone-guide-samples
  andon lab start tone-guide-samples
  andon lab finding tone-guide-samples pattern --text \"short samples keep the tone better than long ones\"
  andon lab finding tone-guide-samples defect --type tone.too-formal --text \"drafts for students\"
  andon lab finding tone-guide-samples risk --text \"quotes customers by name\"
  andon lab risk tone-guide-samples 3 mitigated --note \"names are masked since prompt 9\"
  andon lab decide tone-guide-samples --text \"20 samples instead of 10: 10 left out returns\"
  andon lab criterion tone-guide-samples 1 --met --note \"https://wiki.example.com/tone#judged\"
  andon lab signoff tone-guide-samples confirmed --learned \"ten short samples are enough\"

Findings need the scope review; start, decide and criterion operate; risk and signoff approve. Whoever owns or
started a hypothesis can't sign it off. docs/lab.md says what the numbers mean."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    /// Only this workflow.
    #[arg(value_parser = WorkflowId::new)]
    workflow: Option<WorkflowId>,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Show one hypothesis with everything that was found and decided.
    Show {
        #[command(flatten)]
        of: Of,
    },
    /// Begin to test a hypothesis: its time-box runs from now.
    Start {
        #[command(flatten)]
        of: Of,
        /// A remark for the ledger.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Report what was found.
    Finding {
        #[command(flatten)]
        of: Of,
        /// pattern, risk or defect.
        #[arg(value_parser = kind)]
        kind: FindingKind,
        /// What was found.
        #[arg(long)]
        text: String,
        /// The type of a defect, such as tone.too-formal.
        #[arg(long = "type", value_name = "TYPE")]
        defect_type: Option<String>,
    },
    /// Write down a decision about how to go on.
    Decide {
        #[command(flatten)]
        of: Of,
        /// What was decided, and why.
        #[arg(long)]
        text: String,
    },
    /// Say whether an exit criterion is met.
    Criterion {
        #[command(flatten)]
        of: Of,
        /// Its number, as `andon lab show` lists them.
        number: usize,
        /// It is met.
        #[arg(long, required_unless_present = "not_met", conflicts_with = "not_met")]
        met: bool,
        /// It isn't met.
        #[arg(long)]
        not_met: bool,
        /// What shows it: a link, a remark.
        #[arg(long)]
        note: String,
    },
    /// Say what became of a risk.
    Risk {
        #[command(flatten)]
        of: Of,
        /// The number of the finding.
        finding: u64,
        /// mitigated or accepted.
        #[arg(value_parser = disposal)]
        disposal: Disposal,
        /// What was done, or why it may stay.
        #[arg(long)]
        note: String,
    },
    /// End a test: somebody else than its owner and whoever started it.
    Signoff {
        #[command(flatten)]
        of: Of,
        /// confirmed, refuted or inconclusive.
        #[arg(value_parser = conclusion)]
        conclusion: Conclusion,
        /// What was learned.
        #[arg(long)]
        learned: String,
    },
}

/// The hypothesis, and the daemon that knows it.
#[derive(Debug, clap::Args)]
struct Of {
    /// The hypothesis; where it moved from one workflow to another, WORKFLOW:ID.
    #[arg(value_parser = hypothesis)]
    hypothesis: String,
    #[command(flatten)]
    daemon: Daemon,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Ids of hypotheses need no escaping.
fn hypothesis(text: &str) -> Result<String, String> {
    let valid = text.split(':').count() <= 2 && text.split(':').all(WorkflowId::is_valid);
    if valid { Ok(text.to_owned()) } else { Err("no hypothesis has such an id".to_owned()) }
}

fn kind(text: &str) -> Result<FindingKind, String> {
    word(FindingKind::ALL, FindingKind::name, text)
}

fn disposal(text: &str) -> Result<Disposal, String> {
    word(Disposal::ALL, Disposal::name, text)
}

fn conclusion(text: &str) -> Result<Conclusion, String> {
    word(Conclusion::ALL, Conclusion::name, text)
}

/// The value that a word means.
fn word<T: Copy, const N: usize>(all: [T; N], name: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    let found = all.into_iter().find(|value| name(*value) == text);
    found.ok_or_else(|| format!("write {}", all.map(name).join(" or ")))
}

impl Of {
    fn path(&self, route: &str) -> String {
        format!("/v1/hypotheses/{}{route}", self.hypothesis)
    }

    fn get(&self) -> Result<HypothesisDetail, ClientError> {
        Client::of(&self.daemon)?.get(&self.path(""))
    }

    fn post(&self, route: &str, body: &impl Serialize) -> Result<HypothesisDetail, ClientError> {
        Client::of(&self.daemon)?.post(&self.path(route), body)
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    super::done(match &arguments.step {
        None => overview(arguments),
        Some(step) => one(step),
    })
}

fn overview(arguments: &Arguments) -> Result<(), ClientError> {
    let client = Client::of(&arguments.daemon)?;
    let of = arguments.workflow.as_ref().map(|id| format!("workflow={id}"));
    let lab: Lab = client.get(&format!("/v1/lab?{}", of.clone().unwrap_or_default()))?;
    if arguments.json {
        output::json(&lab);
        return Ok(());
    }
    let mut hypotheses = Vec::new();
    let mut after = String::new();
    loop {
        let of = of.clone().unwrap_or_default();
        let page: Hypotheses = client.get(&format!("/v1/hypotheses?limit=1000&after={after}&{of}"))?;
        hypotheses.extend(page.hypotheses);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    lab_report::overview(&lab, &hypotheses);
    Ok(())
}

fn one(step: &Step) -> Result<(), ClientError> {
    let (of, found) = match step {
        Step::Show { of } => (of, of.get()?),
        Step::Start { of, note } => (of, of.post("/start", &Start { note: note.clone() })?),
        Step::Finding { of, kind, text, defect_type } => {
            let found = NewFinding { kind: *kind, text: text.clone(), defect_type: defect_type.clone() };
            (of, of.post("/findings", &found)?)
        }
        Step::Decide { of, text } => (of, of.post("/decisions", &NewDecision { text: text.clone() })?),
        Step::Criterion { of, number, met, note, .. } => (of, criterion(of, *number, *met, note)?),
        Step::Risk { of, finding, disposal, note } => {
            (of, of.post("/risks", &NewDisposal { finding: *finding, disposal: *disposal, note: note.clone() })?)
        }
        Step::Signoff { of, conclusion, learned } => {
            (of, of.post("/signoff", &NewSignOff { conclusion: *conclusion, learned: learned.clone() })?)
        }
    };
    if of.json {
        output::json(&found);
    } else {
        lab_report::one(&found);
    }
    Ok(())
}

/// The daemon is sent the words of the criterion: its number could mean another one after a reload.
fn criterion(of: &Of, number: usize, met: bool, note: &str) -> Result<HypothesisDetail, ClientError> {
    let shown = of.get()?.hypothesis;
    let Some(found) = number.checked_sub(1).and_then(|at| shown.exit.get(at)) else {
        let (id, all) = (shown.id, shown.exit.len());
        let detail = format!("{id} has exit criteria 1 to {all}: `andon lab show {id}` lists them");
        return Err(ClientError::Refused(Box::new(Problem::invalid("number", detail))));
    };
    of.post("/criteria", &NewShown { criterion: found.criterion.clone(), met, note: note.to_owned() })
}
