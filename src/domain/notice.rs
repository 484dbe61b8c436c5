//! What people are told of: the words by which a target of notifications says what it wants.
//!
//! Owns the words. Which facts of the ledger make a message is the business of `notify`.

/// A kind of event that people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// The granted mode of a workflow changed.
    Mode,
    /// An incident was opened, acknowledged or resolved.
    Incident,
    /// Many workflows were lowered at the same time.
    Storm,
    /// An audit, a review or a hypothesis is overdue.
    Overdue,
    /// A drill failed.
    Drill,
    /// Something waits for approval.
    Request,
    /// The report of a week was made.
    Report,
}

impl NoticeKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Mode, Self::Incident, Self::Storm, Self::Overdue, Self::Drill, Self::Request, Self::Report];

    /// The word used in TOML and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Incident => "incident",
            Self::Storm => "storm",
            Self::Overdue => "overdue",
            Self::Drill => "drill",
            Self::Request => "request",
            Self::Report => "report",
        }
    }
}
