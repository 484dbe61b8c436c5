//! What a guard and a number of the report have in common.
//!
//! Owns which of them count the same: a measure that moves because the guard's own numbers do is no second witness, and
//! what a guard looks at needs no other one. Names of guards mean nothing here: people choose them.

/// Whether a guard of a signal (and what it is of, as the ledger has it) looks at the numbers of a measure or shift, by
/// its name, such as `latency_p95_ms`, `scores.fit` or `attributes.locale`.
pub(super) fn looks_at(signal: &str, of: Option<&str>, name: &str) -> bool {
    let outcomes = ["exception_ratio", "uptime_ratio"].contains(&name);
    let times = name.starts_with("latency") || name == "sla_ratio";
    let cycles = name.starts_with("cycle") || name == "sla_ratio";
    let costs = name.starts_with("cost");
    match signal {
        "exception_rate" | "disparity" => outcomes,
        "latency" => times,
        "sla" => times || cycles,
        "cost_per_unit" => costs,
        "limit" if of == Some("spend") => costs,
        "limit" => outcomes,
        "rejection_rate" => name == "rejected_ratio",
        "volume" | "silence" => name == "outputs",
        "drift" | "score" => match of {
            Some("latency_ms") => times,
            Some("cycle_ms") => cycles,
            Some("cost_per_unit") => costs,
            Some(of) => name == of,
            // What it was of is no longer known: any distribution may be the same.
            None => name.contains('.') || times || cycles || costs,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::looks_at;

    #[test]
    fn a_guard_is_known_by_what_it_counts() {
        for (signal, of, name) in [
            ("exception_rate", Some(""), "exception_ratio"),
            ("sla", Some(""), "latency_p95_ms"),
            ("sla", Some(""), "sla_ratio"),
            ("latency", Some(""), "latency_ms"),
            ("drift", Some("scores.fit"), "scores.fit"),
            ("drift", Some("latency_ms"), "latency_p50_ms"),
            ("drift", None, "attributes.locale"),
            ("score", Some("scores.fit"), "scores.fit"),
            ("limit", Some("spend"), "cost_per_unit"),
        ] {
            assert!(looks_at(signal, of, name), "{signal} {of:?} {name}");
        }
        for (signal, of, name) in [
            ("exception_rate", Some(""), "latency_p95_ms"),
            ("latency", Some(""), "scores.latency"),
            ("drift", Some("scores.fit"), "scores.fitness"),
            ("disparity", Some("attributes.locale"), "attributes.locale"),
            ("external", Some("a"), "exception_ratio"),
        ] {
            assert!(!looks_at(signal, of, name), "{signal} {of:?} {name}");
        }
    }
}
