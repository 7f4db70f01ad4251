//! Listings, errors and JSON as text.

use std::io::IsTerminal;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::Value;

use super::cells;
use crate::session::{Align, Column, Failure, Listing};
use crate::types::{Error, Printable, printable_json};

/// The width that listings may have, in columns: the terminal's, or as wide as they are when there is none.
#[must_use]
pub(super) fn terminal_width() -> Option<u16> {
    if std::io::stdout().is_terminal() { crossterm::terminal::size().ok().map(|(width, _)| width) } else { None }
}

/// Whether what was written can be written over: rows and remarks go to a terminal whose cursor moves.
#[must_use]
pub(super) fn can_redraw() -> bool {
    std::io::stdout().is_terminal()
        && std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The width that messages may have, in columns: the terminal's that standard error is.
#[must_use]
pub(super) fn message_width() -> Option<usize> {
    let size = if std::io::stderr().is_terminal() { crossterm::terminal::size().ok() } else { None };
    size.map(|(width, _)| usize::from(width)).filter(|&width| width >= NARROWEST)
}

/// Words are not kept whole on a terminal that is narrower.
const NARROWEST: usize = 20;

/// Whether the text, with a prompt below it, fits the terminal; true when there is none.
#[must_use]
pub(super) fn fits_terminal(text: &Printable) -> bool {
    let Ok((columns, _)) = crossterm::terminal::size() else { return true };
    let widest = text.as_str().lines().map(cells::width).max().unwrap_or(0);
    fits_height(text) && widest <= usize::from(columns)
}

/// Whether the lines of the text, with a prompt below them, fit the terminal; true when there is none.
#[must_use]
pub(super) fn fits_height(text: &Printable) -> bool {
    crossterm::terminal::size().map_or(true, |(_, rows)| text.as_str().lines().count() < usize::from(rows))
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
pub(super) fn listing(listing: &Listing, width: Option<u16>) -> Printable {
    if listing.json {
        return json(&listing.to_json());
    }
    let listing = &listing.for_people();
    let note =
        listing.note.as_ref().map_or_else(String::new, |note| Printable::from(format!("{note}\n")).as_str().to_owned());
    if listing.rows.is_empty() {
        return format!("{}\n{note}", listing.empty).into();
    }
    let names: Vec<String> = listing.columns.iter().map(|column| column.name.to_owned()).collect();
    let rows: Vec<Vec<String>> = listing.rows.iter().map(|row| row.iter().map(text).collect()).collect();
    let mut widths: Vec<usize> = (0..names.len())
        .map(|index| rows.iter().chain([&names]).map(|row| cells::width(&row[index])).max().unwrap_or(0))
        .collect();
    let least: Vec<usize> = listing
        .columns
        .iter()
        .zip(&widths)
        .map(|(column, &widest)| match column.align {
            Align::Left => widest.min(COLUMN_LEAST.max(cells::width(column.name))),
            Align::Right => widest,
        })
        .collect();
    if width.is_some_and(|limit| !cells::fit(&mut widths, &least, usize::from(limit))) {
        return (vertical(&names, &rows) + &note).into();
    }
    (table(&listing.columns, &names, rows, &widths) + &note).into()
}

/// The narrowest that a column of text is wrapped into before a listing is shown vertically.
const COLUMN_LEAST: usize = 12;

/// A table of columns this wide; longer cells are wrapped.
fn table(columns: &[Column], names: &[String], rows: Vec<Vec<String>>, widths: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_row(names);
    table.add_row(widths.iter().map(|&width| "─".repeat(width)));
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        let gap = if index + 1 < widths.len() { u16::try_from(cells::GAP).unwrap_or(0) } else { 0 };
        column.set_padding((0, gap));
        let fixed = u16::try_from(widths[index]).unwrap_or(u16::MAX).saturating_add(gap);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(fixed)));
        if columns[index].align == Align::Right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut shown = String::new();
    for line in table.lines() {
        shown.push_str(line.trim_end());
        shown.push('\n');
    }
    shown
}

/// One column a line, an empty line between two rows.
fn vertical(names: &[String], rows: &[Vec<String>]) -> String {
    let widest = names.iter().map(|name| cells::width(name)).max().unwrap_or(0);
    let mut shown = String::new();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            shown.push('\n');
        }
        for (name, value) in names.iter().zip(row) {
            cells::pad(&mut shown, name, widest, true);
            shown.push_str(": ");
            shown.push_str(value);
            shown.push('\n');
        }
    }
    shown
}

/// JSON, indented, a final line end included. What drives a terminal and JSON allows as it is (the eight-bit escapes,
/// overrides of the writing direction) is escaped too.
#[must_use]
pub(super) fn json(value: &Value) -> Printable {
    // A Value has string keys only: writing it cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{}\n", printable_json(&text)).into()
}

/// One value of a listing for people: no quotes, nothing for null.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => cells::safe(text).into_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// An error as it is shown on standard error: with its place when it has one, its words in at most `width` columns.
#[must_use]
pub(super) fn failure(failure: &Failure, source: &str, origin: &str, colour: bool, width: Option<usize>) -> Printable {
    match failure {
        Failure::Typed(diagnostic) => diagnostic.shown(source, origin, colour, width),
        Failure::Engine(error) => {
            let shown = failed("error", error);
            width.map_or(shown.clone(), |width| shown.wrapped(width))
        }
    }
}

/// `what` failed, and why; below it what a person can do about it, where not only they know.
#[must_use]
pub(super) fn failed(what: &str, error: &Error) -> Printable {
    let text = format!("{what}: {error}");
    let mut shown = if matches!(error, Error::Unfit(_)) {
        // Its lines are ours.
        Printable::from(text + "\n")
    } else {
        Printable::line(&text)
    };
    shown.push(&way_out(error).into());
    shown
}

/// The way out of an error for a person, as a line below it; empty where only they know.
fn way_out(error: &Error) -> &'static str {
    if matches!(error, Error::Row { .. }) {
        "  = help: on_error = 'skip' or 'dead_letter' passes over such rows: an option of the source for what it reads, of \
         `run` for what operators can't process\n"
    } else {
        ""
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
        assert_eq!(listing(&jobs, None).as_str(), "no jobs\n");
        jobs.push(vec![json!("hot\u{1b}[2J"), json!(12)]);
        insta::assert_snapshot!(listing(&jobs, None).as_str());
        insta::assert_snapshot!(listing(&jobs.json(true), None).as_str());
    }

    #[test]
    fn json_never_drives_a_terminal() {
        let value = json!({ "k\u{9b}2J\u{202e}": "a\u{1b}[2J\u{7f}é" });
        let shown = json(&value);
        let drives = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.as_str().contains(drives), "{shown:?}");
        let back: Value = serde_json::from_str(shown.as_str()).expect("JSON");
        assert_eq!(back, value);
    }
}
