//! The values of a baseline file: one a line.
//!
//! Owns how such a file is written and what is wrong with its lines, by number. Must not read
//! files: whoever calls has the text. No message repeats a value of the file.

use super::values::Wrong;
use super::words::either;
use crate::domain::event::{DURATION_MS_MAX, SCORE_MAX, TEXT_BYTES_MAX};
use crate::domain::{BaselineValues, DriftOf, Signal};
use std::ops::RangeInclusive;

/// Fewer values say too little about what is normal; more don't sharpen it, and stand in the journal.
const VALUES: RangeInclusive<usize> = 30..=20_000;
/// Bad lines that are named; further ones are counted.
const NAMED: usize = 5;

/// What the lines of a file must hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Holds {
    /// 0 or 1 for each output.
    Indicators,
    /// Numbers within a range.
    Numbers { low: f64, high: f64 },
    /// Values of an attribute.
    Categories,
}

impl Holds {
    /// What a guard with that signal can learn from.
    pub(super) fn of(signal: &Signal) -> Self {
        match signal {
            Signal::Drift { of: DriftOf::Score(_) } => Self::Numbers { low: -SCORE_MAX, high: SCORE_MAX },
            Signal::Drift { of: DriftOf::Attribute(_) } => Self::Categories,
            Signal::Drift { of: DriftOf::LatencyMs | DriftOf::CycleMs } => {
                Self::Numbers { low: 0.0, high: DURATION_MS_MAX }
            }
            Signal::Drift { of: DriftOf::CostPerUnit } => Self::Numbers { low: 0.0, high: f64::MAX },
            _ => Self::Indicators,
        }
    }

    /// A line's number, or what is wrong with it; `None` where it is no number at all.
    fn number(self, line: &str) -> Option<Result<f64, &'static str>> {
        let number = line.parse::<f64>().ok()?;
        Some(match self {
            _ if !number.is_finite() => Err("is not a finite number"),
            Self::Numbers { low, .. } if number < low => Err("is too small a number"),
            Self::Numbers { high, .. } if number > high => Err("is too large a number"),
            Self::Indicators if !matches!(line, "0" | "1" | "0.0" | "1.0") => Err("is neither 0 nor 1"),
            _ => Ok(number),
        })
    }

    /// How to write a line.
    const fn help(self) -> &'static str {
        match self {
            Self::Indicators => {
                "write 1 for each output that counts against the workflow and 0 for each other, one a line"
            }
            Self::Numbers { .. } => "write one number a line, without quotes; # begins a comment",
            Self::Categories => "write one value of the attribute a line, at most 256 bytes; # begins a comment",
        }
    }
}

/// Reads the text of a file: every line that is wrong, and a number of values that is.
pub(super) fn parse(text: &str, holds: Holds) -> Result<BaselineValues, Vec<Wrong>> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().zip(1_usize..);
    let lines =
        lines.map(|(line, at)| (line.trim(), at)).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let (mut numbers, mut categories, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (line, at)) in lines.enumerate() {
        match (holds, holds.number(line)) {
            (Holds::Categories, _) if line.len() > TEXT_BYTES_MAX => bad.push((at, "is longer than 256 bytes")),
            (Holds::Categories, _) => categories.push(line.to_owned()),
            (_, Some(Ok(number))) => numbers.push(number),
            (_, Some(Err(why))) => bad.push((at, why)),
            // The name of a column.
            (_, None) if index == 0 => {}
            (_, None) => bad.push((at, "is not a number")),
        }
    }
    let count = numbers.len() + categories.len() + bad.len();
    let mut wrong = Vec::new();
    if !bad.is_empty() {
        let more = bad.len().saturating_sub(NAMED);
        let mut said: Vec<String> = bad.iter().take(NAMED).map(|(at, why)| format!("line {at} {why}")).collect();
        if more > 0 {
            said.push(format!("and {more} more"));
        }
        let said = if more > 0 { said.join(", ") } else { either(&said).replace(" or line", " and line") };
        wrong.push(Wrong {
            message: format!("names a file with lines that can't be used: {said}"),
            help: holds.help().into(),
        });
    }
    if !VALUES.contains(&count) {
        let (least, most) = (VALUES.start(), VALUES.end());
        let help =
            if count < *least { "collect more outputs first" } else { "keep an even sample, such as every tenth" };
        wrong.push(Wrong {
            message: format!("must name a file with {least} to {most} values, and this one has {count}"),
            help: format!("{help}; or let andon collect them: `baseline = {{ outputs = 5000 }}`"),
        });
    }
    match wrong.is_empty() {
        true if holds == Holds::Categories => Ok(BaselineValues::Categories(categories)),
        true => Ok(BaselineValues::Numbers(numbers)),
        false => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: Holds = Holds::Numbers { low: -SCORE_MAX, high: SCORE_MAX };

    fn said(text: &str, holds: Holds) -> Vec<String> {
        parse(text, holds).err().unwrap_or_default().into_iter().map(|wrong| wrong.message).collect()
    }

    #[test]
    fn what_a_file_may_hold() {
        let hundred = "0.5\n".repeat(100);
        let numbers = BaselineValues::Numbers(vec![0.5; 100]);
        for text in ["", "brand_fit\n", "\u{feff}\"a b\"\r\n", "# of July\n\n", "# of July\nbrand_fit\n"] {
            assert_eq!(parse(&format!("{text}{hundred}"), SCORES), Ok(numbers.clone()), "{text:?}");
        }
        assert_eq!(parse(&hundred.replace('\n', "\r\n "), SCORES), Ok(numbers));
        let marks = "0\n1\n0.0\n1.0\n".repeat(25);
        assert_eq!(parse(&marks, Holds::Indicators), Ok(BaselineValues::Numbers([0.0, 1.0].repeat(50))));
        let locales = "  de\nen us\n".repeat(50);
        let values = ["de", "en us"].repeat(50).into_iter().map(str::to_owned).collect();
        assert_eq!(parse(&locales, Holds::Categories), Ok(BaselineValues::Categories(values)));
    }

    #[test]
    fn bad_lines_are_named_by_their_numbers() {
        let hundred = "0.5\n".repeat(100);
        let begin = "names a file with lines that can't be used: ";
        assert_eq!(said(&format!("{hundred}x\n"), SCORES), [format!("{begin}line 101 is not a number")]);
        assert_eq!(
            said(&format!("# c\nnan\n{hundred}2e12\n-2e12"), SCORES),
            [format!(
                "{begin}line 2 is not a finite number, line 103 is too large a number and line 104 is too small a number"
            )]
        );
        assert_eq!(
            said(&format!("of\n{}", "x\n".repeat(107)), SCORES),
            [format!(
                "{begin}{}, and 102 more",
                (2..7).map(|n| format!("line {n} is not a number")).collect::<Vec<_>>().join(", ")
            )]
        );
        assert_eq!(said(&"0.5\n".repeat(100), Holds::Indicators)[0].matches("is neither 0 nor 1").count(), 5);
        let long = format!("{}\n{}", "x".repeat(257), "de\n".repeat(100));
        assert_eq!(said(&long, Holds::Categories), [format!("{begin}line 1 is longer than 256 bytes")]);
        assert_eq!(said(&"-1\n".repeat(100), Holds::Numbers { low: 0.0, high: 1e9 }).len(), 1);
    }

    #[test]
    fn the_number_of_values_is_limited() {
        for (count, good) in [(0, false), (29, false), (30, true), (20_000, true), (20_001, false)] {
            assert_eq!(parse(&"1\n".repeat(count), SCORES).is_ok(), good, "{count}");
            assert_eq!(parse(&"de\n".repeat(count), Holds::Categories).is_ok(), good, "{count}");
        }
        assert_eq!(said("", SCORES), ["must name a file with 30 to 20000 values, and this one has 0"]);
        // A bad line is one problem, and that there are too few another.
        assert_eq!(said("1\nx\n", SCORES).len(), 2);
    }
}
