//! Problems of a configuration file: collected all together, shown with their place and a way out.
//!
//! Owns the collecting [`Sink`], the order, and the two forms: text for people (like a compiler's)
//! and a list for machines. Must not know what any key means.

use crate::domain::access::without_tokens;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// Longest piece of a source line that is shown, in characters.
const TEXT_CHARS_MAX: usize = 160;
/// Most problems of one file; who has more has probably given the wrong file.
const PROBLEMS_MAX: usize = 1_000;

/// One thing that is wrong in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// The line's text; of a very long line the part around the column.
    pub text: String,
    #[serde(skip)]
    caret: usize,
    #[serde(skip)]
    width: usize,
}

/// Everything that is wrong in a configuration file, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems {
    #[serde(skip)]
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    /// The problems, first line first.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    /// One block for each problem, and a last line with their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            problem.render(f, &self.file)?;
        }
        match self.list.len() {
            1 => write!(f, "1 problem in {}", self.file),
            PROBLEMS_MAX => write!(f, "{PROBLEMS_MAX} problems in {}, and perhaps more", self.file),
            many => write!(f, "{many} problems in {}", self.file),
        }
    }
}

impl Problem {
    fn new(source: &str, found: Found) -> Self {
        let start = floor_boundary(source, found.span.start);
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = source[line_start..].lines().next().unwrap_or_default();
        // A byte order mark is no column of its own.
        let (line_start, line_text) = match line_text.strip_prefix('\u{feff}') {
            Some(rest) => (line_start + '\u{feff}'.len_utf8(), rest),
            None => (line_start, line_text),
        };
        let in_line = |offset: usize| floor_boundary(line_text, offset.saturating_sub(line_start));
        let before = line_text[..in_line(start)].chars().count();
        let width = line_text[in_line(start)..in_line(found.span.end).max(in_line(start))].chars().count();
        let skipped = if line_text.chars().count() > TEXT_CHARS_MAX { before.saturating_sub(60) } else { 0 };
        // Control characters could play tricks on a terminal; a tab keeps the caret line simple as a space.
        let shown = |c: char| if c == '\t' { ' ' } else { std::char::REPLACEMENT_CHARACTER };
        let text: String = line_text.chars().skip(skipped).take(TEXT_CHARS_MAX).collect();
        Self {
            line: line_of(source, line_start),
            column: before + 1,
            // Whoever mistakes a file pastes a secret into it, and what is said here goes to logs.
            message: without_tokens(&found.message),
            help: without_tokens(&found.help),
            text: without_tokens(&text).chars().map(|c| if c.is_control() { shown(c) } else { c }).collect(),
            caret: before - skipped,
            width: width.clamp(1, TEXT_CHARS_MAX - (before - skipped).min(TEXT_CHARS_MAX - 1)),
        }
    }

    fn render(&self, f: &mut fmt::Formatter<'_>, file: &str) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{margin}--> {file}:{}:{}", self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.text)?;
        writeln!(f, "{margin} | {}{}", " ".repeat(self.caret), "^".repeat(self.width))?;
        writeln!(f, "{margin} = help: {}\n", self.help)
    }
}

/// A problem whose place is still a range of bytes.
#[derive(Debug)]
struct Found {
    span: Range<usize>,
    message: String,
    help: String,
    kind: Kind,
}

/// How a problem is treated when the file isn't TOML all over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The structure is broken: nothing else in the file can be judged.
    Structure,
    /// One value or key isn't TOML.
    Syntax,
    /// Something is there and wrong.
    Wrong,
    /// Something isn't there; with syntax errors it may well be, so it isn't reported then.
    Absent,
}

impl Kind {
    const fn is_syntax(self) -> bool {
        matches!(self, Self::Structure | Self::Syntax)
    }
}

/// Collects problems while a file is read.
#[derive(Debug)]
pub(super) struct Sink<'t> {
    source: &'t str,
    found: RefCell<Vec<Found>>,
}

impl<'t> Sink<'t> {
    pub(super) fn new(source: &'t str) -> Self {
        Self { source, found: RefCell::default() }
    }

    /// Notes a problem.
    pub(super) fn push(&self, kind: Kind, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), help.into());
        let mut found = self.found.borrow_mut();
        if found.len() < PROBLEMS_MAX {
            found.push(Found { span, message, help, kind });
        }
    }

    /// How many problems there are, to tell whether a part of the file was clean.
    pub(super) fn len(&self) -> usize {
        self.found.borrow().len()
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        line_of(self.source, offset)
    }

    /// The problems in the order of the file; `None` where there are none.
    pub(super) fn finish(self, file: &str) -> Option<Problems> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|found| (found.span.start, found.span.end));
        let line = |found: &Found| line_of(self.source, found.span.start);
        let broken: BTreeSet<usize> = found.iter().filter(|found| found.kind.is_syntax()).map(line).collect();
        let structure = found.iter().any(|found| found.kind == Kind::Structure);
        // One mistake in the syntax makes others appear: one a line, and nothing else on that line.
        let mut seen = BTreeSet::new();
        found.retain(|found| match found.kind {
            Kind::Structure | Kind::Syntax => seen.insert(line(found)),
            Kind::Wrong => !structure && !broken.contains(&line(found)),
            Kind::Absent => broken.is_empty(),
        });
        let list: Vec<Problem> = found.into_iter().map(|found| Problem::new(self.source, found)).collect();
        (!list.is_empty()).then(|| Problems { file: file.to_owned(), list })
    }
}

fn line_of(source: &str, offset: usize) -> usize {
    source.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// The nearest character boundary at or before `offset`, within the text.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, span: Range<usize>) -> (usize, usize, String, usize, usize) {
        let found = Found { span, message: String::new(), help: String::new(), kind: Kind::Wrong };
        let problem = Problem::new(source, found);
        (problem.line, problem.column, problem.text, problem.caret, problem.width)
    }

    #[test]
    fn places_are_counted_in_characters() {
        assert_eq!(shown("a = 1\nü = x\n", 11..12), (2, 5, "ü = x".into(), 4, 1));
        assert_eq!(shown("\u{feff}a = 1", 3..4), (1, 1, "a = 1".into(), 0, 1));
        assert_eq!(shown("a = [\r\n1]\r\n", 4..8), (1, 5, "a = [".into(), 4, 1));
        assert_eq!(shown("a = ", 4..4), (1, 5, "a = ".into(), 4, 1));
        assert_eq!(shown("", 0..0), (1, 1, String::new(), 0, 1));
        assert_eq!(shown("a", 99..120), (1, 2, "a".into(), 1, 1));
        assert_eq!(shown("\tk\u{1b} = 1", 1..2), (1, 2, " k\u{fffd} = 1".into(), 1, 1));
    }

    #[test]
    fn a_very_long_line_shows_the_part_that_matters() {
        let source = format!("a = \"{}\" # {}", "x".repeat(1_000), "y".repeat(1_000));
        let (line, column, text, caret, width) = shown(&source, 4..1_006);
        assert_eq!((line, column, caret, width, text.chars().count()), (1, 5, 4, 156, 160));
        let (_, column, text, caret, width) = shown(&source, 1_007..1_008);
        assert_eq!((column, caret, width, text.chars().nth(60)), (1_008, 60, 1, Some('#')));
    }
}
