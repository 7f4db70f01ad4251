//! Values of rows in the cells of a table.

use super::Cell;
use crate::dashboard::Theme;
use crate::types::CellValue;

/// A value right-aligned when it is a number.
pub(crate) fn value(values: &[CellValue], nth: usize, theme: &Theme) -> Cell {
    values.get(nth).map_or_else(
        || Cell::Text("-".to_owned(), theme.dim),
        |value| Cell::Text(value.to_string(), if value.is_null() { theme.dim } else { theme.text }),
    )
}

/// Whether all of `values` are numbers, so that they stand right.
pub(crate) fn numeric<'a>(values: impl Iterator<Item = &'a CellValue>) -> bool {
    let mut some = false;
    for value in values.filter(|value| !value.is_null()) {
        if value.as_str().parse::<f64>().is_err() {
            return false;
        }
        some = true;
    }
    some
}
