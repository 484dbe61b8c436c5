//! What a drill sends: the order that makes the lane anew, good outputs, then exceptions.
//!
//! Owns how many. A guard that lowers a healthy lane is as broken as one that never lowers.

use crate::domain::drill::LANE;
use crate::domain::{
    Action, Command, DrillAct, Entry, Mode, Outcome, OutputEvent, RefusalCode, Text, What, WorkflowId,
};
use crate::driver::{Driver, ModeNow, Taken, Unavailable};
use crate::monitor::Effect;
use crate::monitor::drill::START;
use std::ops::Range;
use std::time::Duration;

/// Good outputs before the first exception.
const GOOD: u32 = 20;
/// Exceptions that are reported at a time.
const AT_A_TIME: u32 = 10;
/// Exceptions after which the lane must have been lowered.
pub(super) const EXCEPTIONS_MAX: u32 = 60;
/// A full queue is asked again after this long.
const FULL_AGAIN: Duration = Duration::from_millis(20);

/// What was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// The number of the drill.
    pub(super) number: u64,
    /// The journal record of its begin.
    pub(super) begun_seq: u64,
    /// The epoch that the lane began in.
    pub(super) epoch: u64,
    /// Outputs that were acknowledged.
    pub(super) outputs: u32,
    /// How many of them were exceptions.
    pub(super) exceptions: u32,
    /// When the first exception was reported, by the monotonic clock.
    pub(super) first_exception_ms: i64,
}

/// The id of an output of a drill: no other drill has the same.
pub(super) fn output_id(drill: u64, n: u32) -> String {
    format!("drill-{drill}-{n}")
}

pub(super) struct Probe<'d> {
    driver: &'d Driver,
    by: &'d Command,
    pub(super) number: u64,
    pub(super) exceptions: u32,
    begun_seq: u64,
    epoch: u64,
    first_exception_ms: i64,
}

impl<'d> Probe<'d> {
    pub(super) const fn new(driver: &'d Driver, by: &'d Command) -> Self {
        Self { driver, by, number: 0, exceptions: 0, begun_seq: 0, epoch: 0, first_exception_ms: 0 }
    }

    pub(super) const fn sent(&self) -> Sent {
        Sent {
            number: self.number,
            begun_seq: self.begun_seq,
            epoch: self.epoch,
            outputs: GOOD + self.exceptions,
            exceptions: self.exceptions,
            first_exception_ms: self.first_exception_ms,
        }
    }

    /// Begins the drill and reports outputs, until an acknowledgement says that the mode is lower.
    pub(super) async fn pull(&mut self) -> Result<(String, ()), String> {
        self.begin().await?;
        let good = self.report(0..GOOD, Outcome::Ok).await?;
        if good.mode != START {
            return Err(format!("{GOOD} good outputs, and the lane was in {} and not in {START}", good.mode));
        }
        self.first_exception_ms = self.driver.clock().monotonic_ms();
        let mut mode = good.mode;
        while mode == START && self.exceptions < EXCEPTIONS_MAX {
            let from = GOOD + self.exceptions;
            mode = self.report(from..from + AT_A_TIME, Outcome::Exception).await?.mode;
            self.exceptions += AT_A_TIME;
        }
        let told = if mode < START { format!("the last one said {mode}") } else { format!("all said {mode}") };
        Ok((format!("{GOOD} good outputs and {} exceptions were acknowledged; {told}", self.exceptions), ()))
    }

    async fn begin(&mut self) -> Result<(), String> {
        let begin = Command { action: Action::Drill(DrillAct::Begin), ..self.by.clone() };
        let effects = self.driver.command(begin).await.map_err(|error| error.to_string())?;
        let began = effects.iter().find_map(|effect| match effect {
            Effect::Ledger(Entry { journal_seq, what: What::DrillBegan { drill, epoch, .. }, .. }) => {
                Some((*drill, *journal_seq, *epoch))
            }
            _ => None,
        });
        let nothing = || "the order to begin was taken, and nothing followed from it".to_owned();
        (self.number, self.begun_seq, self.epoch) = began.ok_or_else(nothing)?;
        Ok(())
    }

    /// Reports outputs; the mode that the acknowledgement tells.
    async fn report(&self, numbers: Range<u32>, outcome: Outcome) -> Result<ModeNow, String> {
        let wanted = numbers.len();
        let events: Vec<OutputEvent> = numbers.map(|n| output(&output_id(self.number, n), outcome)).collect();
        let taken = loop {
            match self.driver.drill_outputs(events.clone()).await {
                // A busy minute is no cut wire.
                Err(Unavailable::Full { .. }) => tokio::time::sleep(FULL_AGAIN).await,
                taken => break taken.map_err(|error| error.to_string())?,
            }
        };
        let Taken { accepted, duplicates, rejected, modes } = taken;
        if accepted != wanted {
            let why = rejected.first().map(|refusal| refusal.code).map_or("", RefusalCode::name);
            return Err(format!("of {wanted} outputs {accepted} were taken and {duplicates} held for repeats {why}"));
        }
        modes.get(LANE).copied().ok_or_else(|| "the acknowledgement doesn't tell the lane's mode".to_owned())
    }
}

fn output(id: &str, outcome: Outcome) -> OutputEvent {
    let mut event = OutputEvent::new(id, WorkflowId::drill_lane(), outcome);
    event.mode = Some(Mode::Assist);
    if outcome == Outcome::Exception {
        event.exception = Some(Text::from("drill"));
    }
    event
}
