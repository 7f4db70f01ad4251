//! A panel's rows as the text of a file.

use serde_json::Value;

use crate::session::Listing;

/// The contents of an exported file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The file's name without its ending: `hot-subtasks-20260101-120000`.
    pub stem: String,
    /// `json` or `csv`.
    pub extension: &'static str,
    /// The text.
    pub text: String,
}

/// Rows as a JSON array of objects.
pub(super) fn json(listing: &Listing) -> String {
    // A Value has string keys only: writing it cannot fail.
    format!("{}\n", serde_json::to_string_pretty(&listing.to_json()).unwrap_or_default())
}

/// Rows as CSV (RFC 4180), the column names first.
pub(super) fn csv(listing: &Listing) -> String {
    let listing = listing.for_files();
    let mut text = String::new();
    line(&mut text, listing.columns.iter().map(|column| column.name.to_string()));
    for row in &listing.rows {
        line(&mut text, row.iter().map(cell));
    }
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}

/// Nothing for null, texts as they are, the rest as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A part of a file's name: nothing that a path or a shell reads in its own way.
pub(super) fn file_part(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).take(80).collect()
}

/// `20260102-150405`, for names of files and directories. UTC, so that they sort.
#[must_use]
pub(super) fn stamp(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map_or_else(|| "now".to_owned(), |time| time.format("%Y%m%d-%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::session::Column;

    #[test]
    fn csv_quotes_what_would_be_read_in_another_way() {
        let mut listing = Listing::new(vec![Column::text("key"), Column::number("rows")], "none");
        listing.push(vec![json!("a,\"b\"\nc"), json!(7)]);
        listing.push(vec![json!(null), json!([1, 2])]);
        assert_eq!(csv(&listing), "key,rows\r\n\"a,\"\"b\"\"\nc\",7\r\n,\"[1,2]\"\r\n");
        assert_eq!(json(&listing).lines().next(), Some("["));
    }

    #[test]
    fn a_file_keeps_to_its_directory() {
        assert_eq!(file_part("../a b\u{1b}"), "___a_b_");
    }

    #[test]
    fn stamps_sort() {
        assert_eq!(stamp(1_767_225_600_000), "20260101-000000");
        assert_eq!(stamp(i64::MAX), "now");
    }
}
