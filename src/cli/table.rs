//! Tables for a terminal: aligned columns, safe cells, nothing drawn. Knows nothing of what is in them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::display::safe;
use crate::report::palette::{Palette, Tone};

/// Wider cells are cut.
const MAX_WIDTH: usize = 60;
const GAP: &str = "  ";

/// Rows below titles.
#[derive(Clone, Debug)]
pub struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(titles: &[&'static str]) -> Self {
        Self { titles: titles.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are blank. The cells may be hostile.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| cut(&safe(&cell))).collect());
    }

    /// The table as text, the last column not padded.
    #[must_use]
    pub fn text(&self, palette: Palette) -> String {
        let Self { titles, rows } = self;
        let widths: Vec<usize> = (0..titles.len()).map(|column| self.width(column)).collect();
        let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
        let mut out = format!("{}\n", palette.paint(Tone::Strong, line(&titles, &widths)));
        for row in rows {
            out.push_str(&line(row, &widths));
            out.push('\n');
        }
        out
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.max().unwrap_or(0).max(self.titles[column].width())
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        out.push_str(cell);
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        out.push_str(GAP);
    }
    out.truncate(out.trim_end().len());
    out
}

/// The text, cut to the widest that a cell may be.
fn cut(text: &str) -> String {
    if text.width() <= MAX_WIDTH {
        return text.to_owned();
    }
    let mut room = MAX_WIDTH - 1;
    let fits = |char: &char| {
        let width = char.width().unwrap_or(0);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_is_in_them() {
        let mut table = Table::new(&["ID", "NAME", "EMAIL"]);
        table.row(["7".into(), "山田太郎".into(), "a@b".into()]);
        table.row(["12".into(), "Zoë\u{1b}[2J".into(), String::new()]);
        assert_eq!(table.text(Palette::Plain), "ID  NAME          EMAIL\n7   山田太郎      a@b\n12  Zoë\\u{1b}[2J\n");
    }

    #[test]
    fn an_endless_cell_is_cut() {
        let mut table = Table::new(&["A", "B"]);
        table.row(["界".repeat(65_536), "b".into()]);
        let text = table.text(Palette::Plain);
        assert!(text.lines().all(|line| line.width() <= MAX_WIDTH + 3), "{text}");
        assert!(text.contains("…  b") || text.contains("… "), "{text}");
    }
}
