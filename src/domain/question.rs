//! The questions of a weekly report, each written as one word that is the same week after week.
//!
//! Owns that spelling, the words of a question that nobody asks any more, and which choices it has. Which questions
//! are asked is the report's.

use super::council::ChoiceKey;
use super::{Target, WorkflowId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest question as one word, bytes.
const QUESTION_BYTES_MAX: usize = 512;

/// A question of a weekly report. As text it is one word, the same for the same question week after week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Question {
    /// Was a demotion right?
    JudgeDemotion {
        /// The workflow.
        workflow: WorkflowId,
        /// The epoch that it began.
        epoch: u64,
    },
    /// Is what a guard sees now the new normal?
    AcceptBaseline {
        /// The workflow.
        workflow: WorkflowId,
        /// The guard.
        guard: String,
    },
    /// May a workflow rise?
    OpenGate {
        /// The workflow.
        workflow: WorkflowId,
        /// To where.
        to: Target,
    },
    /// Should a workflow be kept down?
    KeepDown {
        /// The workflow.
        workflow: WorkflowId,
    },
    /// Who reviews what is overdue?
    Reviews {
        /// The workflow.
        workflow: WorkflowId,
    },
    /// Who finds out why people reject more?
    Rejections {
        /// The workflow.
        workflow: WorkflowId,
    },
    /// Who looks at an incident?
    Incident {
        /// The incident.
        incident: String,
    },
    /// Who mends or audits a base item?
    Base {
        /// The item.
        item: String,
    },
    /// Who mends what a drill found?
    Drill {
        /// The drill.
        drill: u64,
    },
    /// Should a guard watch something?
    Look {
        /// The workflow.
        workflow: WorkflowId,
        /// What moved.
        signal: String,
    },
}

impl Question {
    /// The kind, as reports name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::JudgeDemotion { .. } => "judge_demotion",
            Self::AcceptBaseline { .. } => "accept_baseline",
            Self::OpenGate { .. } => "open_gate",
            Self::KeepDown { .. } => "keep_down",
            Self::Reviews { .. }
            | Self::Rejections { .. }
            | Self::Incident { .. }
            | Self::Base { .. }
            | Self::Drill { .. } => "assign",
            Self::Look { .. } => "look",
        }
    }

    /// The workflow that it names; that of an incident is its owner's, which its id may no longer name.
    pub const fn workflow(&self) -> Option<&WorkflowId> {
        match self {
            Self::JudgeDemotion { workflow, .. }
            | Self::AcceptBaseline { workflow, .. }
            | Self::OpenGate { workflow, .. }
            | Self::KeepDown { workflow }
            | Self::Reviews { workflow }
            | Self::Rejections { workflow }
            | Self::Look { workflow, .. } => Some(workflow),
            Self::Incident { .. } | Self::Base { .. } | Self::Drill { .. } => None,
        }
    }

    /// A workflow goes on under a new id.
    pub fn rename(&mut self, former: &WorkflowId, id: &WorkflowId) {
        match self {
            Self::JudgeDemotion { workflow, .. }
            | Self::AcceptBaseline { workflow, .. }
            | Self::OpenGate { workflow, .. }
            | Self::KeepDown { workflow }
            | Self::Reviews { workflow }
            | Self::Rejections { workflow }
            | Self::Look { workflow, .. } => {
                if workflow == former {
                    workflow.clone_from(id);
                }
            }
            Self::Incident { .. } | Self::Base { .. } | Self::Drill { .. } => {}
        }
    }

    /// The question in words, where nobody asks it any more and nothing but its name is left.
    pub fn sentence(&self) -> String {
        match self {
            Self::JudgeDemotion { workflow, epoch } => format!("Was the demotion of {workflow} (epoch {epoch}) right?"),
            Self::AcceptBaseline { workflow, guard } => {
                format!("Is what {guard} of {workflow} sees now the new normal?")
            }
            Self::OpenGate { workflow, to } => format!("May {workflow} rise to {to}?"),
            Self::KeepDown { workflow } => format!("Should {workflow} be kept down until its cause is found?"),
            Self::Reviews { workflow } => format!("Who reviews what is overdue of {workflow}?"),
            Self::Rejections { workflow } => format!("Who finds out why people reject more of {workflow}?"),
            Self::Incident { incident } => format!("Who looks at the incident {incident}?"),
            Self::Base { item } => format!("Who looks after {item}?"),
            Self::Drill { .. } => "Who mends the andon cord?".to_owned(),
            Self::Look { workflow, signal } => format!("Should a guard watch {signal} of {workflow}?"),
        }
    }

    /// What somebody who is named for it is to do.
    pub fn task(&self) -> String {
        match self {
            Self::JudgeDemotion { workflow, epoch } => format!("judge the demotion of {workflow} (epoch {epoch})"),
            Self::AcceptBaseline { workflow, guard } => {
                format!("find out why {guard} of {workflow} sees something new")
            }
            Self::OpenGate { workflow, to } => format!("find out whether {workflow} may rise to {to}"),
            Self::KeepDown { workflow } => format!("find out why {workflow} was lowered again"),
            Self::Reviews { workflow } => format!("review what is overdue of {workflow}"),
            Self::Rejections { workflow } => format!("find out why people reject more of {workflow}"),
            Self::Incident { incident } => format!("look at the incident {incident}"),
            Self::Base { item } => format!("look after the base item {item}"),
            Self::Drill { drill } => format!("mend what drill {drill} found"),
            Self::Look { workflow, signal } => format!("find out why {signal} of {workflow} moved"),
        }
    }

    /// What may be chosen, the answer to the question first.
    pub const fn choices(&self) -> &'static [ChoiceKey] {
        use ChoiceKey::{AcceptBaseline, Assign, JudgeFalse, JudgeRight, KeepDown, Nothing, OpenGate};
        match self {
            Self::JudgeDemotion { .. } => &[JudgeRight, JudgeFalse, KeepDown, Assign, Nothing],
            Self::AcceptBaseline { .. } => &[AcceptBaseline, KeepDown, Assign, Nothing],
            Self::OpenGate { .. } => &[OpenGate, KeepDown, Assign, Nothing],
            Self::KeepDown { .. } => &[KeepDown, Assign, Nothing],
            Self::Rejections { .. } => &[Assign, KeepDown, Nothing],
            Self::Reviews { .. }
            | Self::Incident { .. }
            | Self::Base { .. }
            | Self::Drill { .. }
            | Self::Look { .. } => &[Assign, Nothing],
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::JudgeDemotion { workflow, epoch } => write!(f, "{kind}:{workflow}:{epoch}"),
            Self::AcceptBaseline { workflow, guard } => write!(f, "{kind}:{workflow}:{guard}"),
            Self::OpenGate { workflow, to } => write!(f, "{kind}:{workflow}:{to}"),
            Self::KeepDown { workflow } => write!(f, "{kind}:{workflow}"),
            Self::Reviews { workflow } => write!(f, "{kind}:reviews:{workflow}"),
            Self::Rejections { workflow } => write!(f, "{kind}:rejections:{workflow}"),
            Self::Incident { incident } => write!(f, "{kind}:incident:{incident}"),
            Self::Base { item } => write!(f, "{kind}:base:{item}"),
            Self::Drill { drill } => write!(f, "{kind}:drill:{drill}"),
            Self::Look { workflow, signal } => write!(f, "{kind}:{workflow}:{signal}"),
        }
    }
}

impl FromStr for Question {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            "it is no question of a weekly report: write it as `id` in the report's `decisions` says it, such as judge_demotion:email-drafts:4".to_owned()
        };
        if text.len() > QUESTION_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(wrong());
        }
        let (kind, about) = text.split_once(':').ok_or_else(wrong)?;
        let (first, rest) = about.split_once(':').unwrap_or((about, ""));
        let workflow = || WorkflowId::new(first).map_err(|_| wrong());
        let named = || Some(rest.to_owned()).filter(|rest| !rest.is_empty()).ok_or_else(wrong);
        let question = match (kind, first) {
            ("judge_demotion", _) => {
                Self::JudgeDemotion { workflow: workflow()?, epoch: rest.parse().map_err(|_| wrong())? }
            }
            ("accept_baseline", _) => Self::AcceptBaseline { workflow: workflow()?, guard: named()? },
            ("open_gate", _) => Self::OpenGate { workflow: workflow()?, to: rest.parse().map_err(|_| wrong())? },
            ("keep_down", _) => Self::KeepDown { workflow: workflow()? },
            ("assign", "reviews") => Self::Reviews { workflow: WorkflowId::new(rest).map_err(|_| wrong())? },
            ("assign", "rejections") => Self::Rejections { workflow: WorkflowId::new(rest).map_err(|_| wrong())? },
            ("assign", "incident") => Self::Incident { incident: named()? },
            ("assign", "base") => Self::Base { item: named()? },
            ("assign", "drill") => Self::Drill { drill: rest.parse().map_err(|_| wrong())? },
            ("look", _) => Self::Look { workflow: workflow()?, signal: named()? },
            _ => return Err(wrong()),
        };
        // `007` and `7` must not be two questions.
        if question.to_string() == text { Ok(question) } else { Err(wrong()) }
    }
}

impl From<Question> for String {
    fn from(question: Question) -> Self {
        question.to_string()
    }
}

impl TryFrom<String> for Question {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
