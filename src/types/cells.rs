//! Values as text, as rows are shown at the prompt.

use std::fmt::{self, Write};

use arrow_array::ArrayRef;
use arrow_cast::display::{ArrayFormatter, FormatOptions};

/// Bytes of a value's text at which it is cut.
const TEXT_MAX: usize = 1_000;

/// Columns whose values are shown one by one. What comes out is data: it goes through [`printable`](super::printable)
/// before it reaches a terminal.
pub struct Cells<'a> {
    columns: Vec<Option<ArrayFormatter<'a>>>,
}

impl<'a> Cells<'a> {
    /// The values of `columns`.
    #[must_use]
    pub fn new(columns: &'a [ArrayRef]) -> Self {
        let options = FormatOptions::new()
            .with_null("NULL")
            .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
            .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.3fZ"))
            .with_time_format(Some("%H:%M:%S%.3f"));
        Self { columns: columns.iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).ok()).collect() }
    }

    /// Value `row` of column `column`, cut at a thousand bytes however long it is; `?` where it can't be shown.
    #[must_use]
    pub fn text(&self, row: usize, column: usize) -> String {
        let Some(Some(formatter)) = self.columns.get(column) else { return "?".to_owned() };
        let mut text = Cut { text: String::new(), full: false };
        match write!(text, "{}", formatter.value(row)) {
            Ok(()) => text.text,
            Err(_) if text.full => text.text + "…",
            Err(_) => "?".to_owned(),
        }
    }

    /// The values of row `row`.
    #[must_use]
    pub fn row(&self, row: usize) -> Vec<String> {
        (0..self.columns.len()).map(|column| self.text(row, column)).collect()
    }
}

impl fmt::Debug for Cells<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({} columns)", self.columns.len())
    }
}

/// A text that takes no more than [`TEXT_MAX`] bytes: a value of a megabyte is not written out to be cut.
struct Cut {
    text: String,
    full: bool,
}

impl Write for Cut {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = TEXT_MAX - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        self.text.push_str(&piece[..piece.floor_char_boundary(room)]);
        self.full = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    #[test]
    fn values_read_as_at_the_prompt_and_long_ones_are_cut_between_characters() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(7), None])),
            Arc::new(StringArray::from(vec!["a".to_owned(), format!("x{}", "ü".repeat(5_000))])),
            Arc::new(TimestampMillisecondArray::from(vec![0, 1_500])),
            Arc::new(Float64Array::from(vec![1.5, 2.0])),
        ];
        let cells = Cells::new(&columns);
        assert_eq!(cells.row(0), ["7", "a", "1970-01-01 00:00:00.000", "1.5"]);
        let second = cells.row(1);
        assert_eq!((second[0].as_str(), second[2].as_str()), ("NULL", "1970-01-01 00:00:01.500"));
        assert!(second[1].ends_with("ü…") && second[1].len() <= TEXT_MAX + 3, "{}", second[1].len());
    }
}
