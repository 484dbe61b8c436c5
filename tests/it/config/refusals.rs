//! What a configuration file may not say: each check at least once, with its line and its way out.
//!
//! A case is a text with one mistake; more than one problem, or none, is a failure.

use super::{WORKFLOW, problems};

/// Exactly one problem, in `line`, whose message or help says `phrase`.
fn assert_problem(text: &str, line: usize, phrase: &str) {
    let problems = problems(text);
    let [problem] = problems.list() else { panic!("one problem was expected in:\n{text}\n{problems}") };
    let said = format!("{} · {}", problem.message, problem.help);
    assert!(problem.line == line && said.contains(phrase), "line {line}, {phrase:?} expected:\n{problems}");
}

#[test]
fn places_in_the_top_level() {
    for (text, line, phrase) in [
        ("[[wokflow]]\nid = \"w\"\n", 1, "did you mean `workflow`?"),
        ("lease = \"60s\"\n", 1, "`lease` belongs in [modes]"),
        ("colour = 3\n", 1, "remove it, or use `server`"),
        ("server = 3\n", 1, "write [server] on a line of its own"),
        ("[workflow]\nid = \"w\"\n", 1, "write [[workflow]] on a line of its own"),
        ("workflow = [7]\n", 1, "must be a table"),
        ("[server]\nlistn = \"127.0.0.1:1\"\n", 2, "did you mean `listen`?"),
        ("[server]\nlisten = \"0.0.0.0:9797\"\n", 2, "make a token with `andon token new --name ann"),
        ("[server]\nlisten = \"localhost:9797\"\n", 2, "write \"127.0.0.1:9797\""),
        ("[server]\ntokens = \"\"\n", 2, "`tokens` must have 1 to 1000 bytes"),
        ("[server]\ntls_key = \"t\"\n", 2, "comes with a later version"),
        ("[server]\nqueue_bytes_max = \"15MiB\"\n", 2, "the largest body never fits"),
        ("[server]\nqueue_requests_max = 0\n", 2, "at least 1"),
        ("[server]\nrequest_timeout = 30\n", 2, "write \"30s\" if you mean seconds"),
        ("[store]\npath = \"\"\n", 2, "`path` must have 1 to 1000 bytes"),
        ("[store]\nsegment_bytes = 0\n", 2, "from \"1MiB\""),
        ("[store]\nsegment_bytes = \"1GiB\"\njournal_bytes_max = \"512MiB\"\n", 3, "smaller than `segment_bytes`"),
        ("[store]\ndedup_max = 0\n", 2, "at least 1"),
        ("[store]\ndedup_window = \"0s\"\n", 2, "from \"1s\""),
        ("[store]\nsnapshot_every = \"1 minute\"\n", 2, "\"250ms\", \"60s\", \"5m\", \"48h\" or \"7d\""),
        ("[budget]\noutputs_per_false_demotion = 99\n", 2, "from 100"),
        ("[budget]\noutputs_per_false_demotion = 1e13\n", 2, "from 100"),
        ("[budget]\nfleet_outputs_per_false_demotion = 99\n", 2, "from 100"),
        (
            "[budget]\nfleet_outputs_per_false_demotion = 1e9\noutputs_per_false_demotion = 1e6\n",
            2,
            "can't stand together: there is one budget",
        ),
        ("[modes]\nlateness = \"61m\"\n", 2, "to \"1h\""),
        ("[unknown_workflows]\naccept = \"yes\"\n", 2, "true or false"),
    ] {
        assert_problem(text, line, phrase);
    }
}

#[test]
fn contradictions_of_workflows_and_base_items() {
    let base = "[[base]]\nid = \"guide\"\nowner = \"o\"\nversion = \"1\"\n";
    for (text, line, phrase) in [
        ("[[base]]\nid = \"g\"\nowner = \"o\"\nversion = 17\n", 4, "put it in quotes: \"17\""),
        ("[[base]]\nid = \"g\"\nversion = \"1\"\n", 1, "this base item has no `owner`"),
        (&format!("{base}{base}"), 6, "`guide` is declared twice, first in line 2"),
        (&format!("{base}{WORKFLOW}base = [\"giude\"]\n"), 7, "did you mean \"guide\"?"),
        (&format!("{base}{WORKFLOW}base = [\"guide\", \"guide\"]\n"), 7, "stands here twice"),
        (&format!("{WORKFLOW}base = \"guide\"\n"), 3, "must be a list"),
        (&format!("{WORKFLOW}base = [\"schema\"]\n"), 3, "declare it with [[base]]"),
        (&format!("{WORKFLOW}{WORKFLOW}"), 4, "the workflow `w` is declared twice, first in line 2"),
        (&format!("{WORKFLOW}unit = \"\"\n"), 3, "`unit` must have 1 to 64 bytes"),
        ("[[workflow]]\nowner = \"o\"\n", 1, "this workflow has no `id`"),
        ("[[workflow]]\nid = \"gpt-4/prime\"\n", 2, "write \"gpt-4-prime\", for example"),
        (&format!("{WORKFLOW}track = \"fab\"\n"), 3, "must be \"lab\" or \"factory\""),
        (&format!("{WORKFLOW}start_mode = \"Automate\"\n"), 3, "did you mean \"automate\"?"),
        (&format!("{WORKFLOW}start_mode = \"automate\"\nmax_mode = \"delegate\"\n"), 3, "is above `max_mode`"),
        (&format!("{WORKFLOW}track = \"lab\"\nmax_mode = \"delegate\"\n"), 4, "the lab track goes up to collaborate"),
        (&format!("{WORKFLOW}track = \"lab\"\nstart_mode = \"delegate\"\n"), 4, "the lab track goes up"),
        (&format!("{WORKFLOW}currency = \"usd\"\n"), 3, "write \"USD\""),
        (&format!("{WORKFLOW}currency = \"dollars\"\n"), 3, "ISO 4217"),
        (&format!("{WORKFLOW}evidence_valid = \"59s\"\n"), 3, "from \"1m\""),
        (&format!("{WORKFLOW}evidence_valid = \"nevr\"\n"), 3, "\"never\" means"),
        (&format!("{WORKFLOW}review = {{ delegate = 1.5 }}\n"), 3, "`delegate` must be from 0 to 1"),
        (&format!("{WORKFLOW}review = {{ delegate = 10 }}\n"), 3, "write 0.1 if you mean 10 %"),
        (&format!("{WORKFLOW}review = 0.1\n"), 3, "write `review = {"),
        (&format!("{WORKFLOW}renamed_from = \"w\"\n"), 3, "own id"),
        (&format!("{WORKFLOW}renamed_from = \"v\"\n[[workflow]]\nid = \"v\"\n"), 3, "`v`, which is still declared"),
        (
            &format!("{WORKFLOW}renamed_from = \"u\"\n[[workflow]]\nid = \"v\"\nrenamed_from = \"u\"\n"),
            6,
            "only one workflow can carry on the history",
        ),
    ] {
        assert_problem(text, line, phrase);
    }
}

/// Exactly one problem with a guard, whose own lines begin at line 4.
pub(super) fn assert_guards(cases: &[(&str, usize, &str)]) {
    for (guard, line, phrase) in cases {
        assert_problem(&format!("{WORKFLOW}[[workflow.guard]]\n{guard}\n"), *line, phrase);
    }
}

#[test]
fn contradictions_of_rates() {
    assert_guards(&[
        ("", 3, "this guard has no `signal`"),
        ("signal = \"latncy\"", 4, "did you mean \"latency\"?"),
        ("signal = \"latency\"\nlimit_ms = 3000", 3, "this guard on latency has neither `bound` nor `baseline`"),
        ("signal = \"rejection_rate\"", 3, "this guard on rejection_rate has neither `bound` nor `baseline`"),
        ("signal = \"rejection_rate\"\nbound = 1", 5, "must be a share"),
        ("signal = \"rejection_rate\"\nbound = 0.1\nof = \"x\"", 6, "belongs to the signals score, drift and external"),
        ("signal = \"latency\"\nbound = 0.1", 3, "has no `limit_ms`"),
        ("signal = \"latency\"\nlmit_ms = 3000\nbound = 0.1", 5, "did you mean `limit_ms`?"),
        ("signal = \"latency\"\nlimit_ms = \"3s\"\nbound = 0.1", 5, "without a unit"),
        ("signal = \"latency\"\nlimit_ms = 0\nbound = 0.1", 5, "greater than 0"),
        ("signal = \"exception_rate\"\nlimit_ms = 3\nbound = 0.1", 5, "belongs to the signals latency and sla"),
        ("signal = \"exception_rate\"\nbound = 5", 5, "write 0.05 if you mean 5 %"),
        ("signal = \"exception_rate\"\nbound = 0", 5, "at least 0.00001"),
        ("signal = \"exception_rate\"\nbound = 0.98", 5, "there is nothing to test"),
        ("signal = \"exception_rate\"\nbound = 0.000009", 5, "write 0.00001 or more, or remove the guard"),
        ("signal = \"exception_rate\"\nbound = true", 5, "must be a number or a table"),
        ("signal = \"exception_rate\"\nbound = {}", 5, "names no mode"),
        ("signal = \"exception_rate\"\nbound = { assist = 0.1 }", 5, "in assist a human decides everything"),
        ("signal = \"exception_rate\"\nbound = { automat = 0.1 }", 5, "did you mean `automate`?"),
        (
            "signal = \"exception_rate\"\nbound = { automate = 0.05, delegate = 0.02 }",
            5,
            "`automate = 0.05` is looser than `delegate = 0.02`",
        ),
        ("signal = \"exception_rate\"\nbound = { automate = 0.5, collaborate = 0.2 }", 5, "write at most 0.2 for"),
        ("signal = \"exception_rate\"\nbound = 0.1\nblock = 0", 6, "at least 1"),
        ("signal = \"exception_rate\"\nbound = 0.1\nshare = 1.5", 6, "at most 1"),
        ("signal = \"exception_rate\"\nbound = 0.1\nshare = 0", 6, "greater than 0"),
        ("signal = \"exception_rate\"\nbound = 0.1\nname = \"a b\"", 6, "can't be \"a b\""),
        ("signal = \"exception_rate\"\nbound = 0.1\nto = \"automate\"", 6, "a breach lowers"),
    ]);
}

#[test]
fn contradictions_of_costs_and_scores() {
    assert_guards(&[
        ("signal = \"cost_per_unit\"\nbound = 0.02", 3, "has no `cap`"),
        ("signal = \"cost_per_unit\"\nbound = 0.5\ncap = 0.5", 5, "must be well below `cap`"),
        ("signal = \"cost_per_unit\"\nbound = 0.01\ncap = 2000", 5, "lower `cap`, for example to 0.2"),
        ("signal = \"cost_per_unit\"\nbound = \"0.02 USD\"\ncap = 0.5", 5, "without a currency"),
        ("signal = \"cost_per_unit\"\nbound = 0.02\ncap = 0.5\nunits_max = 0", 7, "greater than 0"),
        ("signal = \"score\"\nof = \"brand\"\nbelow = 0.7\nbound = 0.1", 5, "write \"scores.brand\""),
        ("signal = \"score\"\nof = \"scores.b\"\nbound = 0.1", 3, "none of `below`, `above` or `range`"),
        ("signal = \"score\"\nof = \"scores.b\"\nbelow = 1\nabove = 2\nbound = 0.1", 7, "can't stand together"),
        ("signal = \"score\"\nof = \"scores.b\"\nrange = [0, 1]\nbound = 0.1", 3, "which direction is good"),
        ("signal = \"score\"\nof = \"scores.b\"\nbelow = 1\nbetter = \"lower\"\nbound = 0.1", 7, "has no meaning with"),
        ("signal = \"score\"\nof = \"scores.b\"\nrange = [1, 0]\nbetter = \"lower\"\nbound = 0.1", 6, "smaller end"),
        ("signal = \"score\"\nof = \"scores.b\"\nrange = 1\nbetter = \"lower\"\nbound = 0.1", 6, "list of two numbers"),
        (
            "signal = \"score\"\nof = \"scores.b\"\nrange = [0, 10]\nbetter = \"lower\"\nbound = 11",
            8,
            "between 0 and 10",
        ),
        (
            "signal = \"score\"\nof = \"scores.b\"\nrange = [0, 10]\nbetter = \"higher\"\nbound = 0.1",
            8,
            "there is nothing to test",
        ),
        (
            "signal = \"score\"\nof = \"scores.b\"\nrange = [0, 10]\nbetter = \"higher\"\nbound = { automate = 5, delegate = 6 }",
            8,
            "write at least 6 for automate",
        ),
    ]);
}

#[test]
fn contradictions_of_silences_and_limits() {
    assert_guards(&[
        ("signal = \"silence\"", 3, "has no `after`"),
        ("signal = \"silence\"\nafter = \"30m\"\nbound = 0.1", 6, "leave it out: `bound` belongs to the signals"),
        ("signal = \"silence\"\nafter = \"30m\"\nactive_hours = \"18:00-08:00\"", 6, "two guards"),
        ("signal = \"silence\"\nafter = \"30m\"\nactive_hours = \"8-18\"", 6, "\"08:00-18:00\""),
        ("signal = \"silence\"\nafter = \"30m\"\nactive_days = [\"mon\", \"funday\"]", 6, "must be \"mon\", \"tue\""),
        ("signal = \"silence\"\nafter = \"30m\"\nactive_days = [\"mon\", \"mon\"]", 6, "mon stands here twice"),
        ("signal = \"silence\"\nafter = \"30m\"\nactive_days = []", 6, "no output is ever expected"),
        (
            "signal = \"silence\"\nafter = \"30m\"\nactive_days = [\"mon\"]\ntime_zone = \"Berlin\"",
            7,
            "\"Europe/Berlin\"",
        ),
        ("signal = \"silence\"\nafter = \"30m\"\ntime_zone = \"UTC\"", 6, "no meaning without active hours"),
        ("signal = \"limit\"\nper = \"1h\"\nspend = { amount = 1, per = \"1h\" }", 5, "write it with the amount"),
        ("signal = \"limit\"", 3, "none of `spend` or `exceptions`"),
        ("signal = \"limit\"\nspend = 200", 5, "write `spend = { amount = 200"),
        ("signal = \"limit\"\nspend = { amount = 0, per = \"24h\" }", 5, "greater than 0"),
        ("signal = \"limit\"\nspend = { amount = 1 }", 5, "`spend` has no `per`"),
        ("signal = \"limit\"\nspend = { amount = 1, per = \"31d\" }", 5, "to \"30d\""),
        ("signal = \"limit\"\nexceptions = { count = 0, per = \"1h\" }", 5, "at least 1"),
        ("signal = \"limit\"\nexceptions = { count = 1, kind = \"\", per = \"1h\" }", 5, "`kind` must have 1 to 64"),
    ]);
}

#[test]
fn contradictions_between_guards() {
    let guard = "[[workflow.guard]]\nsignal = \"exception_rate\"\nbound = 0.1\n";
    for (text, line, phrase) in [
        (format!("{guard}{guard}"), 6, "the guard `exception_rate` is declared twice"),
        (format!("{guard}name = \"a\"\n{guard}name = \"a\"\n"), 10, "first in line 6"),
        (format!("{guard}share = 0.7\n{guard}share = 0.6\nname = \"a\"\n"), 10, "add up to 1.3 here"),
        (format!("{guard}share = 1\n{guard}name = \"a\"\n"), 7, "leave nothing of the budget"),
    ] {
        assert_problem(&format!("{WORKFLOW}{text}"), line, phrase);
    }
}

#[test]
fn one_broken_guard_tells_all_its_mistakes() {
    let guard =
        "signal = \"score\"\nof = \"brand\"\nbelow = \"low\"\nbound = 5\nblock = 0\nshare = 2\nto = \"none\"\nx = 1\n";
    let problems = problems(&format!("{WORKFLOW}[[workflow.guard]]\n{guard}"));
    let lines: Vec<usize> = problems.list().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [5, 6, 7, 8, 9, 10, 11], "{problems}");
}
