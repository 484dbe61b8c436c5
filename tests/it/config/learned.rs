//! Guards that learn what is normal, and the volume: what they become, and what they may not say.
//!
//! Files are texts in memory here: the loader gets whatever reads them from outside.

use super::refusals::assert_guards;
use super::{WORKFLOW, settings};
use andon::config::{self, Problems, Settings};
use andon::domain::{
    BaselinePolicy, BaselineSource, BaselineValues, DriftOf, GuardPolicy, Mode, PerMode, ScoreJudge, Signal,
};

fn text(guards: &[&str]) -> String {
    let guards = guards.iter().map(|guard| format!("[[workflow.guard]]\n{guard}\n"));
    format!("{WORKFLOW}{}", guards.collect::<String>())
}

fn guard(keys: &str) -> GuardPolicy {
    settings(&text(&[keys])).policy.workflows["w"].guards[0].clone()
}

/// With the only file `values.csv`.
fn load_with(guard: &str, file: &str) -> Result<Settings, Problems> {
    config::load_with(&text(&[guard]), "andon.toml", &|path| match path {
        "values.csv" => Ok(file.to_owned()),
        "huge.csv" => Err("has more than 8 MiB".into()),
        _ => Err("isn't there".into()),
    })
}

/// The bounds above assist.
fn three(bound: PerMode<Option<f64>>) -> [Option<f64>; 3] {
    assert_eq!(bound.assist, None);
    [bound.collaborate, bound.delegate, bound.automate]
}

fn outputs(count: u32) -> Option<BaselinePolicy> {
    Some(BaselinePolicy { source: BaselineSource::Outputs { count }, hour_of_week: None })
}

const SAMPLE: &str = "baseline = { outputs = 500 }";

#[test]
fn drift_of_each_kind() {
    for (of, name, expected) in [
        ("scores.brand_fit", "drift:brand_fit", DriftOf::Score("brand_fit".into())),
        ("scores.a.b", "drift:a.b", DriftOf::Score("a.b".into())),
        ("attributes.locale", "drift:locale", DriftOf::Attribute("locale".into())),
        ("latency_ms", "drift:latency_ms", DriftOf::LatencyMs),
        ("cycle_ms", "drift:cycle_ms", DriftOf::CycleMs),
        ("cost_per_unit", "drift:cost_per_unit", DriftOf::CostPerUnit),
    ] {
        let guard = guard(&format!("signal = \"drift\"\nof = \"{of}\"\n{SAMPLE}"));
        assert_eq!((guard.name.as_str(), guard.block, guard.share), (name, 10, 1.0));
        assert_eq!((guard.signal, guard.baseline), (Signal::Drift { of: expected }, outputs(500)));
        assert_eq!(three(guard.bound), [Some(0.1); 3]);
    }
    let keys = "tolerance = 0.25\nblock = 20\nname = \"fit\"\nto = \"collaborate\"";
    let guard = guard(&format!("signal = \"drift\"\nof = \"scores.x\"\n{SAMPLE}\n{keys}"));
    assert_eq!((guard.name.as_str(), guard.block, guard.to), ("fit", 20, Some(Mode::Collaborate)));
    assert_eq!(three(guard.bound), [None, Some(0.25), Some(0.25)]);
}

#[test]
fn disparity_volume_and_rejections() {
    let plain = guard("signal = \"disparity\"\nattribute = \"locale\"");
    assert_eq!((plain.name.as_str(), plain.block, plain.share), ("disparity:locale", 1, 1.0));
    assert_eq!((three(plain.bound), plain.baseline), ([Some(1.25); 3], None));
    let tuned = guard("signal = \"disparity\"\nattribute = \"locale\"\nratio = 100\nto = \"delegate\"\nshare = 0.2");
    assert_eq!((three(tuned.bound), tuned.share), ([None, None, Some(100.0)], 0.2));

    let volume =
        guard("signal = \"volume\"\nper = \"1h\"\nmin = 3\nmax = 3\nactive_days = [\"sat\"]\nto = \"delegate\"");
    assert_eq!((volume.name.as_str(), volume.block, volume.share), ("volume", 1, 0.0));
    assert_eq!((volume.bound, volume.baseline, volume.to), (PerMode::default(), None, Some(Mode::Delegate)));
    let Signal::Volume { min, max, per_ms, active } = volume.signal else { panic!("{:?}", volume.signal) };
    assert_eq!((min, max, per_ms), (Some(3), Some(3), 3_600_000));
    let active = active.unwrap();
    assert_eq!((active.from_minute, active.to_minute, active.time_zone.as_str()), (0, 1_440, "UTC"));
    assert_eq!(active.days, [false, false, false, false, false, true, false]);
    let week = guard("signal = \"volume\"\nper = \"7d\"\nmax = 9").signal;
    assert_eq!(week, Signal::Volume { min: None, max: Some(9), per_ms: 604_800_000, active: None });

    let rejected = guard("signal = \"rejection_rate\"\nbound = { delegate = 0.1, automate = 0.04 }");
    assert_eq!(
        (rejected.name.as_str(), rejected.block, &rejected.signal),
        ("rejection_rate", 25, &Signal::RejectionRate)
    );
    assert_eq!(three(rejected.bound), [None, Some(0.1), Some(0.04)]);
}

#[test]
fn shares_are_learned_in_the_place_of_a_bound() {
    for signal in [
        "\"exception_rate\"",
        "\"exception_rate\"\nkind = \"timeout\"",
        "\"latency\"\nlimit_ms = 10",
        "\"sla\"",
        "\"rejection_rate\"",
        "\"score\"\nof = \"scores.x\"\nabove = 0.5",
    ] {
        let learned = guard(&format!("signal = {signal}\n{SAMPLE}"));
        assert_eq!((learned.block, learned.share, &learned.baseline), (50, 1.0, &outputs(500)), "{signal}");
        assert_eq!(three(learned.bound), [Some(0.0); 3], "{signal}");
        let tuned = guard(&format!("signal = {signal}\n{SAMPLE}\nblock = 7\ntolerance = 0.02\nto = \"collaborate\""));
        assert_eq!((tuned.block, three(tuned.bound)), (7, [None, Some(0.02), Some(0.02)]), "{signal}");
    }
    let per_mode = |table: &str| three(guard(&format!("signal = \"sla\"\n{SAMPLE}\ntolerance = {table}")).bound);
    assert_eq!(per_mode("{ delegate = 0.02, automate = 0 }"), [None, Some(0.02), Some(0.0)]);
    assert_eq!(per_mode("{ collaborate = 0.3 }"), [Some(0.3); 3]);
}

/// The shares of a workflow's guards: a volume takes none, the others even parts.
#[test]
fn learned_guards_have_their_part_of_the_budget() {
    let guards = [
        "signal = \"disparity\"\nattribute = \"a\"",
        "signal = \"volume\"\nper = \"1m\"\nmin = 1",
        &format!("signal = \"drift\"\nof = \"latency_ms\"\n{SAMPLE}"),
        &format!("signal = \"sla\"\n{SAMPLE}\nshare = 0.5"),
    ];
    let shares: Vec<f64> =
        settings(&text(&guards)).policy.workflows["w"].guards.iter().map(|guard| guard.share).collect();
    assert_eq!(shares, [0.25, 0.0, 0.25, 0.5]);
}

#[test]
fn samples_of_each_kind() {
    let baseline = |keys: &str| {
        guard(&format!("signal = \"sla\"\nbaseline = {{ {keys} }}")).baseline.unwrap_or_else(|| panic!("{keys}"))
    };
    for count in [30, 100_000] {
        assert_eq!(Some(baseline(&format!("outputs = {count}"))), outputs(count));
    }
    let source = BaselineSource::Range {
        from: "2026-10-01T00:00:00Z".parse().unwrap(),
        to: "2026-11-01T00:00:00Z".parse().unwrap(),
    };
    let hourly = Some("Europe/Berlin".to_owned());
    assert_eq!(
        baseline("from = 2026-10-01T00:00:00Z, to = \"2026-11-01T01:00:00+01:00\", hour_of_week = \"europe/berlin\""),
        BaselinePolicy { source, hour_of_week: hourly }
    );
    assert_eq!(baseline("outputs = 500, hour_of_week = \"UTC\"").hour_of_week.as_deref(), Some("UTC"));
}

#[test]
fn files_hold_what_the_signal_needs() {
    let values = |guard: &str, file: &str| {
        let settings = load_with(guard, file).unwrap_or_else(|problems| panic!("{problems}"));
        match settings.policy.workflows["w"].guards[0].baseline.clone().map(|baseline| baseline.source) {
            Some(BaselineSource::File { name, values }) => (name, values),
            other => panic!("{other:?}"),
        }
    };
    let from = "baseline = { file = \"values.csv\" }";
    let name = "values.csv".to_owned();
    assert_eq!(
        values(&format!("signal = \"drift\"\nof = \"scores.x\"\n{from}"), &format!("x\n{}", "-0.5\n".repeat(100))),
        (name.clone(), BaselineValues::Numbers(vec![-0.5; 100]))
    );
    let learned = format!("signal = \"score\"\nof = \"scores.x\"\nbelow = 0.7\n{from}");
    assert_eq!(values(&learned, &"0\n".repeat(100)), (name.clone(), BaselineValues::Numbers(vec![0.0; 100])));
    let locale = format!("signal = \"drift\"\nof = \"attributes.locale\"\n{from}");
    let same = BaselineValues::Categories(vec!["1".to_owned(); 100]);
    assert_eq!(values(&locale, &"1\n".repeat(100)), (name, same));
    // The values decide about modes, so they are a part of what the hash stands for.
    let hash = |file: &str| load_with(&locale, &file.repeat(100)).unwrap().policy.hash;
    assert_ne!(hash("de\n"), hash("en\n"));
    assert_eq!(hash("de\n"), hash("de\n\n# of July\n"));
}

#[test]
fn files_with_problems() {
    let drift = |of: &str, file: &str| format!("signal = \"drift\"\nof = \"{of}\"\nbaseline = {{ file = \"{file}\" }}");
    let many = format!("{}{}", "1\n".repeat(100), "x\n".repeat(7));
    for (guard, file, phrases) in [
        (drift("scores.x", "none.csv"), "", vec!["\"none.csv\" isn't there · write the path of a text file"]),
        (drift("scores.x", "huge.csv"), "", vec!["\"huge.csv\" has more than 8 MiB"]),
        (drift("scores.x", ""), "", vec!["must have 1 to 1000 bytes"]),
        (drift("scores.x", "values.csv"), "1\n", vec!["30 to 20000 values, and this one has 1"]),
        (drift("latency_ms", "values.csv"), &"-1\n".repeat(100), vec!["line 1 is too small a number, line 2"]),
        (drift("cost_per_unit", "values.csv"), &"inf\n".repeat(101), vec!["and 96 more"]),
        (
            drift("scores.x", "values.csv"),
            &many,
            vec!["line 105 is not a number, and 2 more · write one number a line"],
        ),
        (
            format!("signal = \"sla\"\nbound = 0.1\n{}", "baseline = { file = \"values.csv\" }"),
            "1\nx\n",
            vec!["can't stand together", "line 2 is not a number", "and this one has 2"],
        ),
        // What it must hold isn't known, but whether it is there.
        (drift("brand_fit", "none.csv"), "", vec!["write \"scores.brand_fit\"", "isn't there"]),
        (drift("brand_fit", "values.csv"), "", vec!["write \"scores.brand_fit\" or \"attributes.brand_fit\""]),
    ] {
        let problems = load_with(&guard, file).err().unwrap_or_else(|| panic!("{guard}\n{file}"));
        let said: Vec<String> = problems.list().iter().map(|p| format!("{} · {}", p.message, p.help)).collect();
        assert!(said.len() == phrases.len(), "{guard}\n{problems}");
        assert!(said.iter().zip(&phrases).all(|(said, phrase)| said.contains(phrase)), "{phrases:?}\n{problems}");
    }
    assert_guards(&[(&drift("scores.x", "values.csv"), 6, "has no folder in which its files could be looked for")]);
}

#[test]
fn contradictions_of_drift_and_disparity() {
    let drift = |keys: &str| format!("signal = \"drift\"\n{SAMPLE}\n{keys}");
    assert_guards(&[
        ("signal = \"drift\"\nof = \"scores.x\"", 3, "this guard on drift has no `baseline`"),
        (&drift(""), 3, "this guard on drift has no `of`"),
        (&drift("of = \"brand\""), 6, "write \"scores.brand\" or \"attributes.brand\""),
        (&drift("of = \"scores.\""), 6, "\"scores.brand_fit\" or \"attributes.locale\", for example"),
        (&drift(&format!("of = \"scores.{}\"", "x".repeat(65))), 6, "for example"),
        (&drift("of = \"latency\""), 6, "did you mean \"latency_ms\"?"),
        (&drift("of = 3"), 6, "must be text"),
        (&drift("of = \"cycle_ms\"\nbound = 0.1"), 7, "write `tolerance`"),
        (&drift("of = \"cycle_ms\"\ntolerance = 0"), 7, "must be greater than 0 and below 0.9"),
        (&drift("of = \"cycle_ms\"\ntolerance = 0.9"), 7, "must be greater than 0 and below 0.9"),
        (&drift("of = \"cycle_ms\"\ntolerance = 10"), 7, "write 0.1 if you mean 10 %"),
        (&drift("of = \"cycle_ms\"\ntolerance = { automate = 0.1 }"), 7, "must be one number here"),
        (&drift("of = \"cycle_ms\"\ntolerance = \"0.1\""), 7, "leave out the quotes"),
        (&drift("of = \"cycle_ms\"\nratio = 2"), 7, "belongs to the signal disparity"),
        ("signal = \"disparity\"", 3, "has no `attribute`"),
        ("signal = \"disparity\"\nattribute = \"attributes.locale\"", 5, "write \"locale\""),
        ("signal = \"disparity\"\nattribute = \"attributes.\"", 5, "write \"locale\""),
        ("signal = \"disparity\"\nattribute = \"\"", 5, "must have 1 to 64 bytes"),
        ("signal = \"disparity\"\nattribute = \"a\"\nratio = 1", 6, "greater than 1 and at most 100"),
        ("signal = \"disparity\"\nattribute = \"a\"\nratio = 100.5", 6, "greater than 1 and at most 100"),
        ("signal = \"disparity\"\nattribute = \"a\"\nratio = { automate = 2 }", 6, "must be one number here"),
        ("signal = \"disparity\"\nattribute = \"a\"\nblock = 10", 6, "each exception is judged by itself"),
        ("signal = \"disparity\"\nattribute = \"a\"\nbound = 2", 6, "write `ratio`"),
        (
            "signal = \"disparity\"\nattribute = \"a\"\nbaseline = { outputs = 500 }",
            6,
            "`baseline` belongs to the signals",
        ),
    ]);
}

#[test]
fn contradictions_of_volumes() {
    let volume = |keys: &str| format!("signal = \"volume\"\nper = \"1h\"\n{keys}");
    assert_guards(&[
        ("signal = \"volume\"\nmin = 1", 3, "this guard on volume has no `per`"),
        ("signal = \"volume\"\nper = \"59s\"\nmin = 1", 5, "from \"1m\" to \"7d\""),
        ("signal = \"volume\"\nper = \"169h\"\nmin = 1", 5, "from \"1m\" to \"7d\""),
        (&volume(""), 3, "neither `min` nor `max`"),
        (&volume("mn = 3"), 6, "did you mean `min`?"),
        (&volume("min = 0"), 6, "at least 1"),
        (&volume("max = 1.5"), 6, "a whole number"),
        (&volume("max = 1_000_000_001"), 6, "at most 1000000000"),
        (&volume("min = 3\nmax = 2"), 7, "`max` = 2 is smaller than `min` = 3"),
        (&volume("bound = 3"), 6, "write `min` or `max`"),
        (&volume("min = 3\nblock = 3"), 7, "`block` belongs to the signals"),
        (&volume("max = 3\nactive_hours = \"08:00-18:00\""), 7, "has no meaning without `min`"),
        (&volume("min = 3\ntime_zone = \"UTC\""), 7, "no meaning without active hours"),
        (&volume("min = 3\nactive_hours = \"08:00-08:59\""), 5, "write at most \"59m\""),
    ]);
    assert_eq!(guard(&volume("min = 3\nactive_hours = \"08:00-09:00\"")).name, "volume");
}

#[test]
fn alerts_from_outside() {
    let all = guard("signal = \"external\"\nto = \"collaborate\"");
    assert_eq!(
        (all.name.as_str(), all.signal, all.to),
        ("external", Signal::External { of: None }, Some(Mode::Collaborate))
    );
    let one = guard("signal = \"external\"\nof = \"CRM errors\"");
    assert_eq!((one.name.as_str(), one.share, three(one.bound)), ("external:CRM_errors", 0.0, [None; 3]));
    assert_eq!(one.signal, Signal::External { of: Some("CRM errors".into()) });
    let of = |of: &str| format!("signal = \"external\"\nof = {of}");
    assert_guards(&[
        (&of("\"\""), 5, "must have 1 to 128 bytes"),
        (&of(&format!("{:?}", "x".repeat(129))), 5, "must have 1 to 128 bytes"),
        (&of("\"a\\nb\""), 5, "what stands behind `alert:` in its rule"),
        (&of("7"), 5, "must be text"),
        (&of("\"A\"\nbound = 0.1"), 6, "an alert that fires is a breach"),
        (&of("\"A\"\nshare = 0.1"), 6, "`share` belongs to the signals"),
    ]);
}

#[test]
fn contradictions_of_baselines() {
    let learn = |keys: &str| format!("signal = \"exception_rate\"\n{keys}");
    let sample = |keys: &str| format!("signal = \"exception_rate\"\nbaseline = {{ {keys} }}");
    let mean = "signal = \"score\"\nof = \"scores.x\"\nrange = [0, 1]\nbetter = \"higher\"";
    assert_guards(&[
        (&learn(&format!("bound = 0.1\n{SAMPLE}")), 6, "keep `bound` if you know that share; or keep `baseline`"),
        (&learn("tolerance = 0.1\nbound = 0.1"), 5, "`tolerance` has no meaning without `baseline`"),
        (&learn("tolerance = 0.1"), 3, "neither `bound` nor `baseline`"),
        (&learn("baselin = { outputs = 500 }"), 5, "did you mean `baseline`?"),
        (&learn(&format!("{SAMPLE}\ntolerance = -0.1")), 6, "must be at least 0 and below 0.9"),
        (&learn(&format!("{SAMPLE}\ntolerance = 0.9")), 6, "must be at least 0 and below 0.9"),
        (&learn(&format!("{SAMPLE}\ntolerance = true")), 6, "must be a number or a table"),
        (&learn(&format!("{SAMPLE}\ntolerance = {{}}")), 6, "`tolerance` names no mode"),
        (&learn(&format!("{SAMPLE}\ntolerance = {{ assist = 0.1 }}")), 6, "in assist a human decides everything"),
        (
            &learn(&format!("{SAMPLE}\ntolerance = {{ automate = 0.1, delegate = 0 }}")),
            6,
            "looser than `delegate = 0`: the more the AI may do, the tighter the tolerance",
        ),
        (
            &learn(&format!("{SAMPLE}\nto = \"delegate\"\ntolerance = {{ automate = 0, delegate = 0.1 }}")),
            7,
            "`delegate` isn't above `to` = delegate",
        ),
        (&format!("{mean}\nbound = 0.7\n{SAMPLE}"), 9, "`signal = \"drift\"` and `of = \"scores.x\"`"),
        (&format!("{mean}\n{SAMPLE}"), 8, "`baseline` can't stand with `range`"),
        (mean, 3, "this guard on score has no `bound`"),
        (
            &format!("signal = \"cost_per_unit\"\ncap = 1\n{SAMPLE}"),
            6,
            "`signal = \"drift\"` and `of = \"cost_per_unit\"`",
        ),
        (&format!("signal = \"silence\"\nafter = \"1h\"\n{SAMPLE}"), 6, "`baseline` belongs to the signals"),
        (&learn("baseline = 500"), 5, "write `baseline = { outputs = 5000 }`"),
        (&learn("outputs = 500\nbound = 0.1"), 5, "`outputs` belongs in `baseline`"),
        (&sample(""), 5, "none of `outputs`, or `from` and `to`, or `file`"),
        (&sample("output = 500"), 5, "did you mean `outputs`?"),
        (&sample("outputs = 29"), 5, "at least 30"),
        (&sample("outputs = 100_001"), 5, "at most 100000"),
        (&sample("outputs = 500, file = \"x.csv\""), 5, "`file` and `outputs` can't stand together"),
        (&sample("outputs = 500, to = 2026-10-01T00:00:00Z"), 5, "`to` and `outputs` can't stand together"),
        (&sample("from = 2026-10-01T00:00:00Z"), 5, "`baseline` has `from`, but no `to`"),
        (&sample("to = 2026-10-01T00:00:00Z"), 5, "`baseline` has `to`, but no `from`"),
        (&sample("from = 2026-10-01, to = 2026-11-01T00:00:00Z"), 5, "with its offset from UTC, not 2026-10-01"),
        (&sample("from = 2026-10-01T00:00:00Z, to = 2026-10-01T02:00:00+02:00"), 5, "must be later than `from`"),
        (&sample("outputs = 500, hour_of_week = \"Berlin\""), 5, "\"Europe/Berlin\""),
        (&sample("outputs = 500, hour_of_week = true"), 5, "must be text"),
    ]);
}

#[test]
fn a_file_and_an_attribute_have_no_hours() {
    let guard = "signal = \"sla\"\nbaseline = { file = \"values.csv\", hour_of_week = \"UTC\" }";
    let problems = load_with(guard, &"1\n".repeat(100)).unwrap_err().to_string();
    assert!(problems.contains("`hour_of_week` needs times, and the values of a file have none"), "{problems}");
    assert!(problems.ends_with("1 problem in andon.toml"), "{problems}");
    let of = "signal = \"drift\"\nof = \"attributes.locale\"\nbaseline = { outputs = 500, hour_of_week = \"UTC\" }";
    let problems = load_with(of, "").unwrap_err().to_string();
    assert!(problems.contains("`hour_of_week` can't be had for an attribute"), "{problems}");
}

/// What people see; read it as a reader before accepting a change.
#[test]
fn mistakes_of_learned_guards_read_well() {
    let guards = [
        "signal = \"drift\"\nof = \"brand_fit\"\nbound = 0.1",
        &format!("signal = \"latency\"\nlimit_ms = 3000\nbound = 0.05\n{SAMPLE}"),
        "signal = \"sla\"",
        "signal = \"drift\"\nof = \"scores.brand_fit\"\nbaseline = { file = \"values.csv\" }",
        "signal = \"disparity\"\nattribute = \"attributes.locale\"\nratio = 0.8",
        "signal = \"volume\"\nper = \"1h\"\nmin = 10\nmax = 5",
        &format!("signal = \"cost_per_unit\"\ncap = 0.5\n{SAMPLE}"),
    ];
    let file = format!("brand_fit\n{}", "0,7\n".repeat(120));
    let problems = config::load_with(&text(&guards), "andon.toml", &|_| Ok(file.clone())).unwrap_err();
    insta::assert_snapshot!("learned_mistakes", problems.to_string());
}

#[test]
fn the_budget_of_the_fleet() {
    let budget = |text: &str| {
        let policy = settings(text).policy;
        (policy.outputs_per_false_demotion, policy.budget_of_fleet)
    };
    assert_eq!(budget(""), (1e6, false));
    assert_eq!(budget("[budget]\noutputs_per_false_demotion = 1e9\n"), (1e9, false));
    assert_eq!(budget("[budget]\nfleet_outputs_per_false_demotion = 1_000_000_000\n"), (1e9, true));
}

#[test]
fn what_the_example_learns() {
    let drafts = settings(super::EXAMPLE).policy.workflows["email-drafts"].clone();
    let learned: Vec<_> = drafts
        .guards
        .iter()
        .filter(|guard| guard.baseline.is_some())
        .map(|guard| (guard.name.as_str(), guard.block, three(guard.bound)))
        .collect();
    assert_eq!(
        learned,
        [("latency:usual", 50, [Some(0.02); 3]), ("drift:brand_fit", 10, [None, Some(0.1), Some(0.1)]),]
    );
    assert!(drafts.guards.iter().any(|guard| guard.signal.name() == "volume"));
    let judge = |guard: &GuardPolicy| matches!(guard.signal, Signal::Score { judge: ScoreJudge::Mean { .. }, .. });
    assert!(drafts.guards.iter().filter(|guard| judge(guard)).all(|guard| guard.baseline.is_none()));
}
