//! The configuration through its front door: what is refused and how it is said, what the example
//! says, and that every key is documented and read.
//!
//! Snapshots hold the texts that people see; read them as a reader before accepting a change.

mod lab;
mod learned;
mod notify;
mod refusals;

use andon::config::{self, KeyDoc, Need, Problems, Settings};
use andon::domain::{Better, CooldownPolicy, GatePolicy, HousePolicy, Mode, ReadinessPolicy, ScoreJudge, Signal};

const EXAMPLE: &str = include_str!("../../config.example.toml");
const WORKFLOW: &str = "[[workflow]]\nid = \"w\"\n";

fn problems(text: &str) -> Problems {
    match config::load(text, "andon.toml") {
        Ok(_) => panic!("this should have been refused:\n{text}"),
        Err(problems) => problems,
    }
}

fn settings(text: &str) -> Settings {
    config::load(text, "andon.toml").unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn many_mistakes_are_twelve_problems_in_the_order_of_lines() {
    let problems = problems(include_str!("config/many_mistakes.toml"));
    insta::assert_snapshot!("many_mistakes", problems.to_string());
    assert_eq!(problems.list().len(), 12);
    assert!(problems.list().is_sorted_by(|a, b| (a.line, a.column) < (b.line, b.column)));
    insta::assert_snapshot!("many_mistakes_json", serde_json::to_string_pretty(&problems).unwrap());
}

#[test]
fn syntax_errors_are_said_with_what_can_still_be_judged() {
    let text = "[server]\nlisten = 127.0.0.1:9797\nlisten_on = 3\nlong_polls_max =\n\
                [modes]\nlease = 60s\nlateness = \"2h\"\n[[workflow]]\nid = \"w\"\nbase = [\"lost\"]\n[modes]\n";
    insta::assert_snapshot!("syntax", problems(text).to_string());
}

#[test]
fn a_broken_structure_is_said_alone() {
    insta::assert_snapshot!("structure", problems("[server\nlisten = 3\n[[workflow]]\nid = 7\n").to_string());
}

#[test]
fn shares_and_blocks_have_defaults() {
    let text = format!(
        "{WORKFLOW}[[workflow.guard]]\nsignal = \"exception_rate\"\nbound = 0.05\nshare = 0.4\n\
         [[workflow.guard]]\nsignal = \"sla\"\nbound = 0.5\n\
         [[workflow.guard]]\nsignal = \"cost_per_unit\"\nbound = 0.1\ncap = \"0.3\"\n\
         [[workflow.guard]]\nsignal = \"score\"\nof = \"scores.b r\"\nrange = [0, 10]\nbetter = \"higher\"\nbound = 9.6\n\
         [[workflow.guard]]\nsignal = \"limit\"\nexceptions = {{ count = 2, kind = \"leak\", per = \"1m\" }}\n"
    );
    let settings = settings(&text);
    let guards = &settings.policy.workflows["w"].guards;
    let brief: Vec<_> =
        guards.iter().map(|guard| (guard.name.as_str(), guard.block, (guard.share * 1e6).round() / 1e6)).collect();
    assert_eq!(
        brief,
        [
            ("exception_rate", 20, 0.4),
            ("sla", 10, 0.2),
            ("cost_per_unit", 5, 0.2),
            ("score:b_r", 25, 0.2),
            ("limit:exceptions:leak", 1, 0.0),
        ]
    );
    assert_eq!(guards[1].bound.assist, None);
    assert_eq!(guards[4].bound, Default::default());
}

#[test]
fn a_mode_without_a_bound_takes_that_of_the_next_lower_one() {
    let load = |bound: &str| {
        let guard = format!("[[workflow.guard]]\nsignal = \"exception_rate\"\nbound = {bound}\n");
        let bound = settings(&format!("{WORKFLOW}{guard}")).policy.workflows["w"].guards[0].bound;
        [bound.assist, bound.collaborate, bound.delegate, bound.automate]
    };
    assert_eq!(load("0.1"), [None, Some(0.1), Some(0.1), Some(0.1)]);
    assert_eq!(load("{ collaborate = 0.1 }"), [None, Some(0.1), Some(0.1), Some(0.1)]);
    assert_eq!(load("{ automate = 0.1 }"), [None, None, None, Some(0.1)]);
    assert_eq!(load("{ collaborate = 0.3, automate = 0.1 }"), [None, Some(0.3), Some(0.3), Some(0.1)]);
}

#[test]
fn an_empty_file_is_all_defaults_and_the_example_says_the_same() {
    let (empty, example) = (settings(""), settings(EXAMPLE));
    insta::assert_debug_snapshot!("defaults", empty);
    assert_eq!((&empty.server, &empty.store, &empty.ledger), (&example.server, &example.store, &example.ledger));
    let (one, other) = (&empty.policy, &example.policy);
    let house = HousePolicy { base: Default::default(), ..other.house.clone() };
    let same =
        andon::domain::Policy { hash: one.hash.clone(), workflows: one.workflows.clone(), house, ..other.clone() };
    assert_eq!(*one, same);
}

#[test]
fn the_example_says_what_it_seems_to_say() {
    let settings = settings(EXAMPLE);
    assert_eq!(
        settings.policy.house.base.keys().map(String::as_str).collect::<Vec<_>>(),
        ["brand-guide", "crm-schema"]
    );
    let drafts = &settings.policy.workflows["email-drafts"];
    assert_eq!((drafts.start_mode, drafts.max_mode), (Mode::Assist, Mode::Automate));
    assert_eq!(drafts.guards.len(), 16);
    let shares: f64 = drafts.guards.iter().map(|guard| guard.share).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    let mean = &drafts.guards[6];
    let judge = ScoreJudge::Mean { low: 0.0, high: 100.0, better: Better::Higher };
    assert_eq!(mean.signal, Signal::Score { of: "readability".into(), judge });
    assert_eq!((mean.bound.delegate, mean.bound.automate), (Some(55.0), Some(60.0)));
    assert_eq!(settings.policy.workflows["ticket-router"].guards.len(), 1);
}

#[test]
fn a_workflow_says_what_is_different_for_its_gate_and_the_house_the_rest() {
    let house = "[gate]\noutputs = { automate = 9000 }\nquiet = \"1d\"\n[cooldown]\nfirst = \"1d\"\n";
    let own = "[workflow.gate]\napprovals = { automate = [\"board\", \"board\"] }\noutputs = 7\n[workflow.readiness]\nbase = []\n";
    let policy = settings(&format!("{house}{WORKFLOW}{own}")).policy;
    let workflow = policy.workflows.values().next().unwrap();
    let (delegate, automate) = (&workflow.gate.delegate, &workflow.gate.automate);
    assert_eq!((delegate.outputs_min, automate.outputs_min, automate.quiet_ms), (7, 7, 86_400_000));
    assert_eq!(
        (automate.approvals.as_slice(), delegate.approvals.len()),
        (&["board".to_owned(), "board".to_owned()][..], 2)
    );
    assert_eq!(
        (workflow.cooldown.first_ms, workflow.readiness.base.len(), workflow.readiness.builder.len()),
        (86_400_000, 0, 5)
    );
    let plain = settings(&format!("{house}{WORKFLOW}")).policy;
    assert_eq!(plain.workflows.values().next().unwrap().gate.automate.outputs_min, 9_000);
    // The table of keys and the domain say the same defaults.
    let bare = settings(WORKFLOW).policy;
    let workflow = bare.workflows.values().next().unwrap();
    assert_eq!((&workflow.gate, workflow.cooldown), (&GatePolicy::defaults(), CooldownPolicy::default()));
    assert_eq!((&workflow.readiness, &bare.house), (&ReadinessPolicy::default(), &HousePolicy::default()));
}

#[test]
fn a_gate_that_cannot_be_is_refused_with_a_remedy() {
    for (line, says) in [
        ("approvals = []", "up goes only with people's approval"),
        ("outputs = { assist = 3 }", "no mode that a gate leads to"),
        ("outputs = { automat = 3 }", "no mode that a gate leads to"),
        ("confidence = 1", "0.5 to 0.999999"),
        ("quiet = 7", "must be a time with a unit"),
    ] {
        let problems = problems(&format!("[gate]\n{line}\n"));
        assert!(problems.to_string().contains(says), "{line}: {problems}");
    }
    let problems = problems(&format!("{WORKFLOW}lapse_on = [\"prompt\"]\n[workflow.cooldown]\nmax = \"1h\"\n"));
    let said = problems.to_string();
    assert!(said.contains("attributes.prompt") && said.contains("shorter than `first`"), "{said}");
}

#[test]
fn the_hash_follows_the_policy_and_nothing_else() {
    let hash = |text: &str| settings(text).policy.hash;
    let policy = settings(EXAMPLE).policy;
    assert_eq!((policy.hash.len(), &config::policy_hash(&policy)), (64, &policy.hash));
    assert_eq!(hash(""), hash("[server]\nlisten = \"[::1]:0\"\n"));
    assert_ne!(hash(""), hash("[modes]\nlease = \"61s\"\n"));
}

/// The part of the example that belongs to a table, uncommented: inline tables stand in their parent's.
fn example_section(section: &str) -> String {
    let head = |line: &str| line.trim().strip_prefix('[')?.split(']').next().map(|name| name.replace('[', ""));
    let wanted = match section {
        inner if inner.starts_with("workflow.guard.") => "workflow.guard",
        "workflow.slo.latency" => "workflow.slo",
        other => other,
    };
    let mut current = String::new();
    let mut text = String::new();
    for line in EXAMPLE.lines() {
        current = head(line).unwrap_or(current);
        if current == wanted {
            text.push_str(line.trim().trim_start_matches("# "));
            text.push('\n');
        }
    }
    text
}

#[test]
fn every_key_stands_in_the_example() {
    for KeyDoc { section, key, need, .. } in config::keys() {
        let table = format!("workflow.{key}");
        let tables = ["guard", "hypothesis", "gate", "cooldown", "readiness", "review", "slo", "reference"];
        let is_table = *section == "workflow" && tables.contains(key);
        // Whoever tries the example wants nothing to be sent: targets stand there as comments.
        if *section == "notify" || *key == "notify" {
            assert!(EXAMPLE.contains("# [[notify]]") && EXAMPLE.contains(&format!("# {key} = ")) || *key == "notify");
            continue;
        }
        let found = if section.is_empty() || is_table {
            !example_section(if is_table { &table } else { key }).is_empty()
        } else {
            let text = example_section(section);
            let at_start = text.lines().any(|line| line.starts_with(&format!("{key} = ")));
            at_start || text.contains(&format!("{{ {key} = ")) || text.contains(&format!(", {key} = "))
        };
        assert!(found, "`{key}` of [{section}] must stand in config.example.toml");
        if let Need::Default(text) = need
            && !section.starts_with("workflow")
            && *section != "base"
        {
            assert!(example_section(section).contains(&format!("{key} = {text}")), "`{key}` stands for {text}");
        }
    }
}

/// A key that is in the table but that no code reads would be accepted and ignored.
#[test]
fn every_key_is_read() {
    for KeyDoc { section, key, need, signals } in config::keys() {
        if matches!(need, Need::Later(_)) {
            continue;
        }
        let line = format!("{key} = 1979-05-27");
        let guard = |signal: &str| format!("{WORKFLOW}[[workflow.guard]]\nsignal = \"{signal}\"\n");
        let text = match *section {
            "" => line,
            "base" | "workflow" => format!("[[{section}]]\n{line}\n"),
            "notify" if ["name", "kind"].contains(key) => format!("[[notify]]\n{line}\n"),
            "notify" if ["host", "port", "tls", "username", "password_file", "from", "to"].contains(key) => {
                format!("[[notify]]\nkind = \"email\"\n{line}\n")
            }
            "notify" => format!("[[notify]]\nkind = \"webhook\"\n{line}\n"),
            "workflow.review"
            | "workflow.gate"
            | "workflow.cooldown"
            | "workflow.readiness"
            | "workflow.slo"
            | "workflow.reference"
            | "workflow.slo.latency" => format!("{WORKFLOW}[{section}]\n{line}\n"),
            "workflow.hypothesis" => format!("{WORKFLOW}[[{section}]]\n{line}\n"),
            "workflow.guard" if *key == "signal" => format!("{WORKFLOW}[[workflow.guard]]\n{line}\n"),
            // `better` is read only where it has a meaning.
            "workflow.guard" if *key == "better" => format!("{}range = [0, 1]\n{line}\n", guard("score")),
            // A cost is judged once its cap is known.
            "workflow.guard" if signals.contains(&"cost_per_unit") && *key == "bound" => {
                format!("{}cap = 1\n{line}\n", guard("cost_per_unit"))
            }
            "workflow.guard" => format!("{}{line}\n", guard(signals.first().unwrap_or(&"exception_rate"))),
            "workflow.guard.bound" => format!("{}[workflow.guard.bound]\n{line}\n", guard("sla")),
            "workflow.guard.baseline" => format!("{}[{section}]\n{line}\n", guard("drift")),
            "workflow.guard.tolerance" => {
                format!("{}baseline = {{ outputs = 500 }}\n[{section}]\n{line}\n", guard("sla"))
            }
            inner if inner.starts_with("workflow.guard.") => format!("{}[{inner}]\n{line}\n", guard("limit")),
            plain => format!("[{plain}]\n{line}\n"),
        };
        let at = text.lines().position(|line| line.contains("1979")).unwrap() + 1;
        let problems = problems(&text);
        let found = problems.list().iter().find(|problem| problem.line == at);
        assert!(found.is_some_and(|found| !found.message.contains("has no key")), "[{section}] {key}:\n{problems}");
    }
}

proptest::proptest! {
    /// Whatever a file is cut down to, the loader answers, and in the order of the lines.
    #[test]
    fn any_damage_to_a_file_is_survived(from in 0..EXAMPLE.len(), length in 0..200usize, with in ".{0,8}") {
        let floor = |at: usize| (0..=at.min(EXAMPLE.len())).rev().find(|at| EXAMPLE.is_char_boundary(*at)).unwrap_or(0);
        let text = format!("{}{with}{}", &EXAMPLE[..floor(from)], &EXAMPLE[floor(from + length)..]);
        if let Err(problems) = config::load(&text, "andon.toml") {
            proptest::prop_assert!(problems.list().is_sorted_by_key(|problem| (problem.line, problem.column)));
            proptest::prop_assert!(problems.to_string().ends_with("andon.toml"));
        }
    }
}

#[test]
fn hostile_files_are_survived() {
    for text in ["x = ".to_owned() + &"[".repeat(100_000), "a.".repeat(50_000), "x = 1\n".repeat(50_000)] {
        assert!(config::load(&text, "andon.toml").is_err());
    }
    let unknown: String = (0..3_000).map(|i| format!("k{i} = 1\n")).collect();
    assert!(problems(&unknown).to_string().ends_with("1000 problems in andon.toml, and perhaps more"));
}
