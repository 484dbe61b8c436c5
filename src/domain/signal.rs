//! What a guard looks at: the signals and their parameters.
//!
//! Owns their meaning as data. How a signal becomes observations is the monitor's, how the
//! parameters are written in TOML is the configuration's.

use super::Money;
use serde::{Deserialize, Serialize};

/// The signal that a guard watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// X = 1{exception}, or 1{exception of one kind}.
    ExceptionRate {
        /// The kind; `None` means every exception.
        kind: Option<String>,
    },
    /// X = 1{`latency_ms` > limit}; outputs without a latency are no observation.
    Latency {
        /// The limit, milliseconds.
        limit_ms: f64,
    },
    /// X = 1{service level missed}: `sla_met` where reported, else `cycle_ms`, else `latency_ms`
    /// against the limit; outputs with none of them are no observation.
    Sla {
        /// The limit, milliseconds; `None` judges only reported `sla_met`.
        limit_ms: Option<f64>,
    },
    /// The capped ratio of cost to units.
    CostPerUnit {
        /// The cost of one unit is counted at most this.
        cap: Money,
        /// Outputs with more units than this are counted with this many (cost scaled alike).
        units_max: f64,
    },
    /// A score of the outputs.
    Score {
        /// The score's name, without the prefix `scores.`.
        of: String,
        /// What makes a score count against the workflow.
        judge: ScoreJudge,
    },
    /// X = 1{rejected by a human}, over the outputs that andon selected for review; each stands for
    /// 1 / review depth outputs.
    RejectionRate,
    /// The distribution of a number or a category against a pinned baseline. The bound is the
    /// tolerance: a Kolmogorov–Smirnov distance for numbers, a total variation for categories.
    Drift {
        /// What is compared.
        of: DriftOf,
    },
    /// Of the exceptions X = 1{group = g}, for every group: the bound is the ratio ρ > 1 of a group's
    /// exception rate to that of all other outputs.
    Disparity {
        /// The attribute whose values are the groups.
        attribute: String,
    },
    /// Outputs within fixed intervals. Deterministic, outside the budget.
    Volume {
        /// Breach when an interval ends with fewer.
        min: Option<u64>,
        /// Breach when an interval has more.
        max: Option<u64>,
        /// Length of an interval, milliseconds.
        per_ms: i64,
        /// Only intervals that lie within count for `min`; `None` means always.
        active: Option<ActiveHours>,
    },
    /// Time without outputs. Deterministic, outside the budget.
    Silence {
        /// Breach after this much active time without an output, milliseconds.
        after_ms: i64,
        /// When outputs are expected; `None` means always.
        active: Option<ActiveHours>,
    },
    /// More money than allowed within a window. Deterministic, outside the budget.
    SpendLimit {
        /// Breach when the sum is greater than this.
        amount: Money,
        /// The sliding window, milliseconds.
        per_ms: i64,
    },
    /// A number of exceptions within a time. Deterministic, outside the budget.
    ExceptionLimit {
        /// The kind; `None` means every exception.
        kind: Option<String>,
        /// Breach at this many, 1 to 10,000.
        count: u32,
        /// The sliding window, milliseconds.
        per_ms: i64,
    },
    /// An alert that fires elsewhere and names the workflow. Deterministic, outside the budget.
    External {
        /// The name of the alert; `None` means every one.
        of: Option<String>,
    },
}

impl Signal {
    /// The word used in TOML.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExceptionRate { .. } => "exception_rate",
            Self::Latency { .. } => "latency",
            Self::Sla { .. } => "sla",
            Self::CostPerUnit { .. } => "cost_per_unit",
            Self::Score { .. } => "score",
            Self::RejectionRate => "rejection_rate",
            Self::Drift { .. } => "drift",
            Self::Disparity { .. } => "disparity",
            Self::Volume { .. } => "volume",
            Self::Silence { .. } => "silence",
            Self::SpendLimit { .. } | Self::ExceptionLimit { .. } => "limit",
            Self::External { .. } => "external",
        }
    }

    /// What it looks at beside the signal itself: a kind, a score, an attribute; empty where there is no choice.
    pub fn of(&self) -> String {
        match self {
            Self::ExceptionRate { kind } | Self::ExceptionLimit { kind, .. } => kind.clone().unwrap_or_default(),
            Self::Score { of, .. } => format!("scores.{of}"),
            Self::Drift { of } => of.name(),
            Self::Disparity { attribute } => format!("attributes.{attribute}"),
            Self::External { of } => of.clone().unwrap_or_default(),
            Self::SpendLimit { .. } => "spend".to_owned(),
            _ => String::new(),
        }
    }

    /// Whether the guard is a statistical test that takes its share of the budget.
    pub const fn is_statistical(&self) -> bool {
        !matches!(
            self,
            Self::Silence { .. }
                | Self::Volume { .. }
                | Self::SpendLimit { .. }
                | Self::ExceptionLimit { .. }
                | Self::External { .. }
        )
    }

    /// Whether X is 0 or 1 for each output, so that the bound may be learned as a share.
    pub const fn is_indicator(&self) -> bool {
        match self {
            Self::ExceptionRate { .. } | Self::Latency { .. } | Self::Sla { .. } | Self::RejectionRate => true,
            Self::Score { judge, .. } => !matches!(judge, ScoreJudge::Mean { .. }),
            _ => false,
        }
    }
}

/// What a drift guard compares with its baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", content = "name", rename_all = "snake_case")]
pub enum DriftOf {
    /// A score, without the prefix `scores.`.
    Score(String),
    /// An attribute, without the prefix `attributes.`.
    Attribute(String),
    /// The AI's part of the time.
    LatencyMs,
    /// The end-to-end time.
    CycleMs,
    /// Cost / units.
    CostPerUnit,
}

impl DriftOf {
    /// The words used in TOML, such as `scores.brand_fit` or `latency_ms`.
    pub fn name(&self) -> String {
        match self {
            Self::Score(name) => format!("scores.{name}"),
            Self::Attribute(name) => format!("attributes.{name}"),
            Self::LatencyMs => "latency_ms".to_owned(),
            Self::CycleMs => "cycle_ms".to_owned(),
            Self::CostPerUnit => "cost_per_unit".to_owned(),
        }
    }

    /// Whether it is a category rather than a number.
    pub const fn is_category(&self) -> bool {
        matches!(self, Self::Attribute(_))
    }
}

/// When a score counts against the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "judge", rename_all = "snake_case")]
pub enum ScoreJudge {
    /// X = 1{score < limit}; the bound is a share of outputs.
    Below {
        /// The limit.
        limit: f64,
    },
    /// X = 1{score > limit}; the bound is a share of outputs.
    Above {
        /// The limit.
        limit: f64,
    },
    /// The mean score on a declared range; the bound is a mean score. Scores outside are clamped.
    Mean {
        /// Lower end of the range.
        low: f64,
        /// Upper end of the range.
        high: f64,
        /// Which direction is good.
        better: Better,
    },
}

/// The good direction of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Quality: breach when the mean falls below the bound.
    Higher,
    /// Toxicity: breach when the mean rises above the bound.
    Lower,
}

/// Weekly hours in which outputs are expected, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveHours {
    /// Start of the day's active time, minutes after midnight, 0 to 1439.
    pub from_minute: u16,
    /// End, minutes after midnight, greater than the start, up to 1440.
    pub to_minute: u16,
    /// Monday first.
    pub days: [bool; 7],
    /// IANA name of the time zone, such as `Europe/Berlin`; checked.
    pub time_zone: String,
}
