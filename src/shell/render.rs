//! Listings, errors and JSON as text.

use std::io::IsTerminal;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::session::{Align, Failure, Listing};
use crate::types::printable;

/// How wide listings may be: the terminal's width, or as wide as they are when there is none.
#[must_use]
pub(super) fn terminal_width() -> Option<u16> {
    if std::io::stdout().is_terminal() { crossterm::terminal::size().ok().map(|(width, _)| width) } else { None }
}

/// Whether messages may be coloured: standard error is a terminal, and `NO_COLOR` is not set.
#[must_use]
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A listing as text, a final line end included.
#[must_use]
pub(super) fn listing(listing: &Listing, width: Option<u16>) -> String {
    if listing.json {
        return json(&listing.to_json());
    }
    let note = listing.note.as_ref().map_or_else(String::new, |note| format!("{}\n", printable(note)));
    if listing.rows.is_empty() {
        return format!("{}\n{note}", listing.empty);
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(listing.columns.iter().map(|column| Cell::new(column.name)));
    for row in &listing.rows {
        table.add_row(row.iter().zip(&listing.columns).map(|(value, column)| {
            let cell = Cell::new(text(value));
            match column.align {
                Align::Left => cell,
                Align::Right => cell.set_alignment(CellAlignment::Right),
            }
        }));
    }
    let mut shown = String::new();
    for line in table.lines() {
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown + &note
}

/// JSON, indented, a final line end included.
#[must_use]
pub(super) fn json(value: &Value) -> String {
    // A Value has string keys only: writing it cannot fail.
    format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default())
}

/// One value of a listing for people: no quotes, nothing for null.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text).into_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// An error as it is shown on standard error: with its place when it has one.
#[must_use]
pub(super) fn failure(failure: &Failure, source: &str, origin: &str) -> String {
    match failure {
        Failure::Typed(diagnostic) => format!("{}\n", diagnostic.render(source, origin, colour())),
        Failure::Engine(error) => format!("error: {}\n", printable(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::session::Column;

    #[test]
    fn a_listing_is_a_table_or_json() {
        let mut jobs = Listing::new(vec![Column::text("job"), Column::number("rows")], "no jobs");
        assert_eq!(listing(&jobs, None), "no jobs\n");
        jobs.push(vec![json!("hot\u{1b}[2J"), json!(12)]);
        insta::assert_snapshot!(listing(&jobs, None));
        insta::assert_snapshot!(listing(&jobs.json(true), None));
    }
}
