//! Rows of cells, in columns.

use crate::render::{columns, fit};

/// Columns between two cells.
const GAP: usize = 2;
/// Columns of a cell that is not the last; a longer one is cut.
const CELL: usize = 44;
/// Fewer columns than this are not heeded for the last cell.
const LAST: usize = 24;

/// Lines of the rows, each cell but the last padded to its column, and the last broken at blanks so that
/// no line is wider than `width`. Cells are harmless lines without colours.
pub(super) fn lines(rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |nth: usize| {
        let cells = rows.iter().filter_map(|row| row.get(nth));
        cells.map(|cell| columns(cell).min(CELL)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count.saturating_sub(1)).map(wide).collect();
    let before: usize = widths.iter().map(|width| width + GAP).sum();
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before).max(LAST));
    rows.iter().flat_map(|row| row_lines(row, &widths, room)).collect()
}

fn row_lines(row: &[String], widths: &[usize], room: usize) -> Vec<String> {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let cell = fit(cell, CELL);
        let pad = width.saturating_sub(columns(&cell)) + GAP;
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', pad));
    }
    let indent = columns(&line);
    let last = row.get(widths.len()).map(String::as_str).unwrap_or_default();
    let mut lines = vec![];
    for piece in wrapped(last, room) {
        lines.push(format!("{line}{piece}").trim_end().to_owned());
        line = " ".repeat(indent);
    }
    lines
}

/// The text in lines of at most `room` columns, broken at blanks; a longer word stands as it is.
pub(super) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let wide = columns(word);
        let line = lines.last_mut().expect("never empty");
        if line.is_empty() {
            line.push_str(word);
            used = wide;
        } else if used + 1 + wide <= room {
            line.push(' ');
            line.push_str(word);
            used += 1 + wide;
        } else {
            lines.push(word.to_owned());
            used = wide;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn cells_stand_in_columns_and_the_last_is_broken() {
        let rows = [row(&["a", "ü🦀", "x"]), row(&["long", "", "one two three four five six"])];
        let expected = ["a     ü🦀  x", "long       one two three four five", "           six"];
        assert_eq!(lines(&rows, Some(36)), expected);
        assert_eq!(lines(&rows, None)[1], "long       one two three four five six");
        assert_eq!(lines(&[], Some(10)), Vec::<String>::new());
        assert_eq!(lines(&[row(&["only"])], Some(2)), ["only"]);
    }
}
