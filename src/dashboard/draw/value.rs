//! Values of rows in the cells of a table.

use super::Cell;
use crate::dashboard::Theme;

/// A value right-aligned when it is a number.
pub(crate) fn value(values: &[String], nth: usize, theme: &Theme) -> Cell {
    values.get(nth).map_or_else(
        || Cell::Text("-".to_owned(), theme.dim),
        |value| Cell::Text(value.clone(), if value == "NULL" { theme.dim } else { theme.text }),
    )
}

/// Whether all of `values` are numbers, so that they stand right.
pub(crate) fn numeric<'a>(values: impl Iterator<Item = &'a String>) -> bool {
    let mut some = false;
    for value in values.filter(|value| value.as_str() != "NULL") {
        if value.parse::<f64>().is_err() {
            return false;
        }
        some = true;
    }
    some
}
