//! "Did you mean …?": the known name that is nearest to a mistyped one.
//!
//! Owns the edit distance and how far is too far. Knows nothing about what the names stand for.

/// Longer names are not compared: the distance costs length², and nobody mistypes that much.
const NAME_BYTES_MAX: usize = 64;

/// The known name nearest to `name`, unless all are too different to be meant.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let plain = simplified(name);
    let best = known
        .into_iter()
        .filter(|candidate| candidate.len() <= NAME_BYTES_MAX)
        .map(|candidate| (distance(&plain, &simplified(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)?;
    (best.0 <= 1.max(plain.len() / 3)).then_some(best.1)
}

/// The sentence part that suggests a name, or nothing.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// Lower case without separators, so that `latencyMs` and `latency-ms` are `latency_ms`.
fn simplified(name: &str) -> Vec<u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
}

/// The Levenshtein distance.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.iter().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant_and_nothing_far_off() {
        let known = ["latency_ms", "outcome", "workflow", "id"];
        for (name, meant) in [
            ("latencyMs", Some("latency_ms")),
            ("latency", Some("latency_ms")),
            ("outcom", Some("outcome")),
            ("work_flow", Some("workflow")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(65), known), None);
    }
}
