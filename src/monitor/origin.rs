//! Where a reviewed output came from, kept until its verdict comes.
//!
//! Owns what a guard that judges by verdicts needs to name outputs and segments: by then the output itself is long
//! gone. Which outputs wait is the book's (`reviews`), what is made of verdicts the guards'.

use super::segments::{OF_OUTPUT_MAX, Segments};
use crate::domain::{OutputEvent, Review, Text};
use serde::{Deserialize, Serialize};

/// An output that people are to review, as far as it is needed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its segments, highest number first; 0 is none.
    pub segments: [u16; OF_OUTPUT_MAX],
    /// Its trace.
    pub trace_id: Option<Text>,
}

impl Origin {
    /// That of an output.
    pub fn of(event: &OutputEvent, segments: &mut Segments) -> Box<Self> {
        Box::new(Self { segments: segments.of(event), trace_id: event.trace_id.clone() })
    }
}

/// A verdict that says something about all outputs since the mode was granted.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Whether the output was rejected.
    pub rejected: bool,
    /// The depth at which it was selected, above 0.
    pub depth: f64,
    /// The output.
    pub output_id: Text,
    /// The kind of exception that the reviewer found.
    pub exception: Option<Text>,
    /// Where it came from; `None` where no guard judged by verdicts when it came.
    pub origin: Option<Box<Origin>>,
}

impl Counts {
    /// How many outputs it stands for: only those say something about all that were selected, each by the depth
    /// at which it was, however late its verdict comes.
    pub fn stands_for(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a depth of 1e-6 is one in a million"
        )]
        let outputs = (1.0 / self.depth.max(1e-6)).round() as u32;
        outputs
    }
}

/// What a verdict itself says of its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Word {
    pub(super) output_id: Text,
    pub(super) exception: Option<Text>,
}

impl Word {
    pub(super) fn of(review: &Review) -> Self {
        Self { output_id: review.output_id.clone(), exception: review.exception.clone() }
    }
}
