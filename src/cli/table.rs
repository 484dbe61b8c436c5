//! Plain tables for a terminal: columns as wide as their widest cell.
//!
//! Owns the alignment, and that a cell stays one line. Knows nothing else of what stands in the cells.

use super::words::one_line;

/// Which side of its column a cell keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Names and words.
    Left,
    /// Numbers.
    Right,
}

/// A table with a head.
pub(super) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| one_line(cell)).collect());
    }

    /// The lines, the head first.
    pub(super) fn lines(&self) -> Vec<String> {
        let wide = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(self.columns[column].0.chars().count())
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(wide).collect();
        let head: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let line = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&self.columns).zip(&widths).map(|((cell, (_, side)), width)| match side {
                Side::Left => format!("{cell:<width$}"),
                Side::Right => format!("{cell:>width$}"),
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        std::iter::once(&head).chain(&self.rows).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[("name", Side::Left), ("n", Side::Right)]);
        table.row(vec!["a".into(), "1,000".into()]);
        table.row(vec!["größer".into(), "7".into()]);
        table.row(vec!["b\n\u{1b}[J".into(), "0".into()]);
        assert_eq!(table.lines(), ["name        n", "a       1,000", "größer      7", "b  [J       0"]);
    }
}
