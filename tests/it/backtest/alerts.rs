//! Alerts from outside in the journal: what they did, and what they would have done under another policy.

#![cfg(test)]

use super::{DRAFTS, Past, report, workflow};
use andon::domain::alert::{Alert, AlertStatus, WorkflowAlert};
use andon::domain::{Action, Time, WorkflowId};

fn with_guard(more: &str) -> String {
    format!("{DRAFTS}  [[workflow.guard]]\n  signal = \"external\"\n  name = \"outside\"\n  {more}\n")
}

#[test]
fn a_candidate_takes_the_alerts_that_were_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut past = Past::new(folder.path(), &with_guard(""));
    past.minutes("drafts", 10, false);
    let workflow_id = WorkflowId::new("drafts").unwrap();
    let alert = Alert {
        name: "CrmErrorsHigh".into(),
        fingerprint: "a".into(),
        status: AlertStatus::Firing,
        starts_at: past.now,
        severity: None,
    };
    past.order(Action::Alerts { alerts: vec![WorkflowAlert { workflow: workflow_id, alert }] });
    past.pass(Time::HOUR);
    past.minutes("drafts", 10, false);
    drop(past);
    let renamed = with_guard("").replace("id = \"drafts\"", "id = \"mails\"\nrenamed_from = \"drafts\"");
    for (candidate, id, ends_in) in [
        (with_guard(""), "drafts", "assist"),
        // A history is told under the id that it had.
        (renamed, "drafts", "assist"),
        (with_guard("to = \"collaborate\""), "drafts", "collaborate"),
        (with_guard("of = \"CrmErrorsHigh\""), "drafts", "assist"),
        (with_guard("of = \"Other\""), "drafts", "automate"),
        (DRAFTS.to_owned(), "drafts", "automate"),
    ] {
        let report = report(folder.path(), &candidate, &[]);
        let found = workflow(&report, id);
        let ran = |side: &str, mode: &str| found[side]["outputs_in"][mode].as_u64().unwrap();
        assert_eq!((ran("happened", "automate"), ran("happened", "assist")), (10, 10), "{found:#}");
        assert_eq!(ran("candidate", ends_in), if ends_in == "automate" { 20 } else { 10 }, "{candidate}\n{found:#}");
    }
}
