//! Words and units in messages and values: lists, typing errors, times and sizes.
//!
//! Owns the units with their factors and the guess at what was meant. Must not know TOML.

/// `a, b or c`.
pub(super) fn either<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            format!("{} or {}", first.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "), last.as_ref())
        }
    }
}

/// The word that `text` was probably meant to be: few edits away for its length.
pub(super) fn nearest<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    words
        .map(|word| (edits(&text, word), word))
        .filter(|(edits, word)| *edits <= (word.len().min(text.len()) * 2 / 5).max(1))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Levenshtein's distance in bytes. Long texts are nobody's typing error and get the largest.
fn edits(from: &str, to: &str) -> usize {
    if from.len() > 64 || to.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

/// Units of times in milliseconds, largest first.
pub(super) const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Units of sizes in bytes, largest first.
pub(super) const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

/// A whole number with one of the units, in the smallest of them; `None` where it isn't that or too large.
pub(super) fn parse_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

/// An amount in the largest unit that divides it.
pub(super) fn show_units(amount: u64, units: &[(&str, u64)]) -> String {
    let (unit, factor) =
        units.iter().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor)).unwrap_or(&("", 1));
    format!("{}{unit}", amount / factor)
}

/// A time in the largest unit that divides it.
pub(super) fn show_ms(ms: i64) -> String {
    if ms == 0 { "0s".into() } else { show_units(ms.unsigned_abs(), &DURATIONS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let words = ["listen", "lease", "bound", "of"];
        for (typed, meant) in
            [("listn", Some("listen")), ("Lease", Some("lease")), ("bounds", Some("bound")), ("xyz", None)]
        {
            assert_eq!(nearest(typed, words.into_iter()), meant, "{typed}");
        }
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("ab", "ab")), (3, 3, 0));
    }

    #[test]
    fn units_both_ways() {
        for text in ["250ms", "90s", "5m", "48h", "7d"] {
            let expected = if text == "48h" { "2d" } else { text };
            assert_eq!(parse_units(text, &DURATIONS).map(|ms| show_units(ms, &DURATIONS)).as_deref(), Some(expected));
        }
        assert_eq!((show_ms(0), show_units(1 << 30, &SIZES)), ("0s".into(), "1GiB".into()));
        assert_eq!(parse_units("18446744073709551615s", &DURATIONS), None);
        assert_eq!(either(&["a", "b", "c"]), "a, b or c");
    }
}
