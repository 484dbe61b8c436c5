//! Hypotheses in the configuration: what is read, what is refused and how it is said.

use super::{problems, settings};
use andon::domain::{LabPolicy, Time};

const GOOD: &str = "[[workflow]]\nid = \"tone\"\ntrack = \"lab\"\n  [[workflow.hypothesis]]\n  id = \"h-1\"\n  \
    question = \"q\"\n  owner = \"ann\"\n  goals = [\"g\"]\n  exit = [\"e\"]\n";

#[test]
fn what_is_left_out_has_a_default_and_the_rest_is_as_it_was_written() {
    let policy = settings(&format!("[lab]\nsprint = \"7d\"\nactive_max = 2\n{GOOD}")).policy;
    assert_eq!(policy.house.lab, LabPolicy { sprint_ms: 7 * Time::DAY, active_max: 2 });
    let one = &policy.workflows["tone"].hypotheses[0];
    assert_eq!((one.id.as_str(), one.owner.as_str(), one.time_box_ms), ("h-1", "ann", 14 * Time::DAY));
    assert_eq!((one.samples.as_str(), one.goals.len(), one.exit.join("")), ("", 1, "e".to_owned()));
    // A workflow that says `factory` may still have to leave the lab: it keeps its own.
    let leaving = settings(&GOOD.replace("lab", "factory"));
    assert_eq!(leaving.policy.workflows["tone"].hypotheses.len(), 1);
    let long = format!("{GOOD}  time_box = \"21d\"\n");
    assert_eq!(settings(&long).policy.workflows["tone"].hypotheses[0].time_box_ms, 21 * Time::DAY);
}

#[test]
fn every_mistake_is_said_with_a_remedy() {
    let eleven: Vec<String> = (0..11).map(|n| format!("\"{n}\"")).collect();
    let text = format!(
        "[lab]\nsprint = \"29d\"\nactive_max = 4\n{GOOD}  [[workflow.hypothesis]]\n  id = \"h-1\"\n  question = \"\"\n  \
         owner = \"{}\"\n  time_box = \"22d\"\n  goals = []\n  samples = 7\n  exit = [\"e\", \"e\"]\n  \
         [[workflow.hypothesis]]\n  id = \"h/2\"\n  question = \"q\"\n  onwer = \"ann\"\n  goals = \"g\"\n  exit = [{}]\n  \
         [[workflow.hypothesis]]\n  id = \"h-3\"\n[[workflow]]\nid = \"other\"\nhypothesis = 3\n",
        "a".repeat(257),
        eleven.join(", "),
    );
    insta::assert_snapshot!("lab_mistakes", problems(&text).to_string());
    assert_eq!(problems(&text).list().len(), 18);
}

#[test]
fn ids_are_unique_in_the_house_and_a_workflow_has_at_most_fifty() {
    let other = GOOD.replace("\"tone\"", "\"other\"");
    let twice = problems(&format!("{GOOD}{other}"));
    assert!(twice.to_string().contains("`h-1` is declared twice, first in line 5"), "{twice}");
    let many = |count: usize| {
        let one = |n: usize| {
            format!(
                "  [[workflow.hypothesis]]\n  id = \"h-{n}\"\n  question = \"q\"\n  owner = \"ann\"\n  goals = [\"g\"]\n  exit = [\"e\"]\n"
            )
        };
        format!("[[workflow]]\nid = \"w\"\n{}", (0..count).map(one).collect::<String>())
    };
    assert_eq!(settings(&many(50)).policy.workflows["w"].hypotheses.len(), 50);
    let over = problems(&many(51));
    assert!(over.to_string().contains("has 51 hypotheses, at most 50"), "{over}");
}
