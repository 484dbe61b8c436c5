//! `andon import --url`: the rows go to a running daemon, as if they came from the workflows.
//!
//! Owns the batches. The daemon's own clock judges: it refuses outputs older than its window.

use super::client::Client;
use super::import::{Read, Sink};
use super::refused::Refused;
use super::table::{Side, Table};
use super::{output, words};
use crate::domain::WorkflowId;
use crate::driver::{ModeNow, Past, Taken};
use crate::ingest::write::{event_line, review_line};
use serde::Serialize;
use std::collections::BTreeMap;

/// Rows of one request.
const BATCH: usize = 1_000;

/// Sends.
pub(super) struct Live {
    client: Client,
    lines: Vec<u8>,
    waiting: usize,
    path: &'static str,
    sent: Sent,
}

#[derive(Debug, Default, Serialize)]
struct Sent {
    accepted: usize,
    duplicates: usize,
    modes: BTreeMap<WorkflowId, ModeNow>,
}

#[derive(Serialize)]
struct Report<'a> {
    url: &'a str,
    #[serde(flatten)]
    read: &'a Read,
    #[serde(flatten)]
    sent: &'a Sent,
}

impl Live {
    pub(super) fn new(client: Client) -> Self {
        Self { client, lines: Vec::new(), waiting: 0, path: "/v1/events", sent: Sent::default() }
    }

    fn flush(&mut self, refused: &mut Refused) -> Result<(), String> {
        if self.waiting == 0 {
            return Ok(());
        }
        let mut busy = |seconds| output::complain(format!("the daemon has too much to do: waiting {seconds} s"));
        let taken = self.client.lines(self.path, &self.lines, &mut busy);
        let Taken { accepted, duplicates, rejected, modes } = taken.map_err(|error| {
            let so_far = words::count(self.sent.accepted as u64);
            format!("{error}\n{so_far} rows were taken before; sending the same files again counts none of them twice")
        })?;
        // The positions are those of the batch; the file's line is not known any more.
        rejected.iter().for_each(|refusal| refused.add(&refusal.clone().at(refusal.index, None), None));
        self.sent.accepted += accepted;
        self.sent.duplicates += duplicates;
        self.sent.modes.extend(modes);
        self.lines.clear();
        self.waiting = 0;
        Ok(())
    }
}

impl Sink for Live {
    fn take(&mut self, past: Past, refused: &mut Refused) -> Result<(), String> {
        match past {
            Past::Output(event) => event_line(&event, &mut self.lines),
            Past::Verdict(review) => {
                self.path = "/v1/reviews";
                review_line(&review, &mut self.lines);
            }
        }
        self.waiting += 1;
        if self.waiting >= BATCH { self.flush(refused) } else { Ok(()) }
    }

    fn end(&mut self, refused: &mut Refused) -> Result<(), String> {
        self.flush(refused)
    }

    fn report(&self, read: &Read, json: bool) {
        if json {
            return output::json(&Report { url: self.client.url(), read, sent: &self.sent });
        }
        output::line(read.line(&format!("sent to {}:", self.client.url())));
        output::line(format!(
            "accepted {}, duplicates {}, refused {}",
            words::count(self.sent.accepted as u64),
            words::count(self.sent.duplicates as u64),
            words::count(read.refused.count())
        ));
        let mut table = Table::new(&[("workflow", Side::Left), ("mode now", Side::Left), ("epoch", Side::Right)]);
        for (id, now) in &self.sent.modes {
            table.row(vec![id.to_string(), now.mode.to_string(), now.epoch.to_string()]);
        }
        output::line("");
        table.lines().iter().for_each(output::line);
    }
}
