//! The policy of `andon demo`: four workflows, with guards of several kinds.
//!
//! Owns the text of the configuration and what happens to each workflow. The text goes through the
//! same reader as every other configuration, and a copy of it is kept with `--keep`.

use crate::traffic::Scenario;

/// The folder of the store in the text, replaced by the real one.
pub(super) const STORE: &str = "andon-demo-store";

/// The configuration.
pub(super) const POLICY: &str = r#"# The policy of `andon demo`: four workflows that begin with much trust.

[store]
path = "andon-demo-store"

[budget]
outputs_per_false_demotion = 1_000_000

# Stays healthy: nothing must happen to it.
[[workflow]]
id = "ticket-router"
owner = "support"
unit = "ticket"
start_mode = "automate"

  [[workflow.guard]]
  signal = "exception_rate"
  bound = { collaborate = 0.10, delegate = 0.05, automate = 0.02 }

  [[workflow.guard]]
  signal = "latency"
  limit_ms = 3000
  bound = 0.05

# A new version breaks it.
[[workflow]]
id = "email-drafts"
owner = "lifecycle-marketing"
unit = "email"
start_mode = "automate"

  [[workflow.guard]]
  signal = "exception_rate"
  bound = { collaborate = 0.10, delegate = 0.05, automate = 0.02 }

  [[workflow.guard]]
  signal = "score"
  of = "scores.brand_fit"
  below = 0.7
  bound = 0.10

# Becomes dearer little by little.
[[workflow]]
id = "ad-variants"
owner = "performance-marketing"
unit = "variant"
start_mode = "delegate"

  [[workflow.guard]]
  signal = "cost_per_unit"
  bound = { collaborate = 0.10, delegate = 0.02 }
  cap = 0.50

  [[workflow.guard]]
  signal = "score"
  of = "scores.toxicity"
  above = 0.5
  bound = 0.05

# Its provider goes away for a while.
[[workflow]]
id = "invoice-reader"
owner = "finance"
unit = "invoice"
start_mode = "automate"

  [[workflow.guard]]
  signal = "exception_rate"
  bound = { collaborate = 0.10, delegate = 0.05, automate = 0.02 }

  [[workflow.guard]]
  signal = "silence"
  after = "5m"
"#;

/// What happens to a workflow.
pub(super) struct Act {
    pub(super) workflow: &'static str,
    pub(super) scenario: Scenario,
    /// Seconds after the start, at the normal pace.
    pub(super) after_s: u64,
    /// What is simulated, in a sentence; empty where nothing happens.
    pub(super) story: &'static str,
}

/// What happens, in the order of the policy.
pub(super) const ACTS: [Act; 4] = [
    Act { workflow: "ticket-router", scenario: Scenario::Healthy, after_s: 0, story: "" },
    Act {
        workflow: "email-drafts",
        scenario: Scenario::SuddenBreak,
        after_s: 15,
        story: "version 2026.11.2 is rolled out, and four of ten outputs violate the policy",
    },
    Act {
        workflow: "ad-variants",
        scenario: Scenario::SlowDrift,
        after_s: 5,
        story: "prompts grow, and each variant costs a little more than the one before",
    },
    Act {
        workflow: "invoice-reader",
        scenario: Scenario::Outage,
        after_s: 25,
        story: "the model's provider can't be reached for 400 outputs",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_good_and_holds_the_acts() {
        let settings = crate::config::load(POLICY, "demo").unwrap();
        assert_eq!(settings.store.path.to_str(), Some(STORE));
        let ids: Vec<_> = settings.policy.workflows.keys().map(|id| id.as_str()).collect();
        let mut acts: Vec<_> = ACTS.iter().map(|act| act.workflow).collect();
        acts.sort_unstable();
        assert_eq!(ids, acts);
    }
}
