//! Rows of a listing: shown as a table, or as JSON, from the same values.

use serde_json::{Map, Value, json};

/// The alignment of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// The readers that see a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Everybody,
    People,
    Json,
}

/// One column of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The heading, and the name in JSON.
    pub name: &'static str,
    /// The side its values stand on.
    pub align: Align,
    /// Whether its values are times in ISO 8601, which people read without `T` and `Z`.
    time: bool,
    of: For,
}

impl Column {
    /// A column of text.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self { name, align: Align::Left, time: false, of: For::Everybody }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(name: &'static str) -> Self {
        Self { align: Align::Right, ..Self::text(name) }
    }

    /// A column of times (see [`time`](super::listings::time)).
    #[must_use]
    pub const fn time(name: &'static str) -> Self {
        Self { time: true, ..Self::text(name) }
    }

    /// The same column, in tables alone: what JSON has in parts.
    #[must_use]
    pub const fn for_people(self) -> Self {
        Self { of: For::People, ..self }
    }

    /// The same column, in JSON and files alone.
    #[must_use]
    pub const fn for_json(self) -> Self {
        Self { of: For::Json, ..self }
    }
}

/// A listing: what `show`, `describe`, `subtasks` and their like answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, a value a column.
    pub rows: Vec<Vec<Value>>,
    /// Whether JSON was asked for.
    pub json: bool,
    /// The text shown when there is no row.
    pub empty: &'static str,
    /// The note that people should know beside the rows: that there are more. Not part of the JSON.
    pub note: Option<String>,
    /// The number of rows that there are, of a listing that may leave some out.
    pub total: Option<u64>,
    /// The members of the JSON beside the rows, of such a listing.
    pub beside: Vec<(&'static str, Value)>,
}

impl Listing {
    /// An empty listing.
    #[must_use]
    pub const fn new(columns: Vec<Column>, empty: &'static str) -> Self {
        Self { columns, rows: Vec::new(), json: false, empty, note: None, total: None, beside: Vec::new() }
    }

    /// The same listing, to be shown as JSON if `json`.
    #[must_use]
    pub const fn json(mut self, json: bool) -> Self {
        self.json = json;
        self
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Value>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a value a column");
        self.rows.push(row);
    }

    /// The rows as an array of objects; of a listing that may leave some out, an object that has them as `rows` and says
    /// how many there are (`total`) and whether some are left out (`truncated`).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let listing = self.seen_by(For::Json);
        let object = |row: &Vec<Value>| {
            let named = listing.columns.iter().zip(row).map(|(column, value)| (column.name.to_owned(), value.clone()));
            Value::Object(named.collect::<Map<_, _>>())
        };
        let rows = Value::Array(listing.rows.iter().map(object).collect());
        let Some(total) = self.total else { return rows };
        let truncated = total > self.rows.len() as u64;
        let mut all = Map::new();
        all.insert("rows".to_owned(), rows);
        all.insert("total".to_owned(), json!(total));
        all.insert("truncated".to_owned(), json!(truncated));
        all.extend(self.beside.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(all)
    }

    /// The columns and rows of a file: what JSON has.
    #[must_use]
    pub fn for_files(&self) -> Self {
        self.seen_by(For::Json)
    }

    /// The columns and rows of a table, what is nested as text.
    #[must_use]
    pub fn for_people(&self) -> Self {
        let mut listing = self.seen_by(For::People);
        for row in &mut listing.rows {
            for (column, value) in listing.columns.iter().zip(row) {
                match value {
                    Value::String(text) if column.time => *text = without_marks(text),
                    Value::Array(_) | Value::Object(_) => *value = Value::String(plain(value)),
                    Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
                }
            }
        }
        listing
    }

    fn seen_by(&self, reader: For) -> Self {
        let seen: Vec<bool> =
            self.columns.iter().map(|column| matches!(column.of, For::Everybody) || column.of == reader).collect();
        let kept = |row: &Vec<Value>| {
            row.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(value, _)| value.clone()).collect()
        };
        Self {
            columns: self.columns.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(column, _)| *column).collect(),
            rows: self.rows.iter().map(kept).collect(),
            beside: Vec::new(),
            note: self.note.clone(),
            ..*self
        }
    }
}

/// `2026-01-02 03:04:05.000` of `2026-01-02T03:04:05.000Z`.
fn without_marks(iso: &str) -> String {
    iso.strip_suffix('Z').map_or_else(|| iso.to_owned(), |time| time.replacen('T', " ", 1))
}

/// What is nested as people read it: `auction=1001, n=5`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_json_read_the_same_values_in_their_own_way() {
        let columns = vec![
            Column::time("at"),
            Column::text("queue").for_people(),
            Column::number("waiting").for_json(),
            Column::text("key"),
        ];
        let mut listing = Listing::new(columns, "none");
        let key = json!({ "b": 1, "a": null, "of": [1.5, "x"] });
        listing.push(vec![json!("2026-01-02T03:04:05.000Z"), json!("3/8"), json!(3), key.clone()]);
        let shown = listing.for_people();
        let names: Vec<&str> = shown.columns.iter().map(|column| column.name).collect();
        assert_eq!(names, ["at", "queue", "key"]);
        assert_eq!(shown.rows[0], [json!("2026-01-02 03:04:05.000"), json!("3/8"), json!("b=1, a=NULL, of=1.5, x")]);
        let row = json!({ "at": "2026-01-02T03:04:05.000Z", "waiting": 3, "key": key });
        assert_eq!(listing.to_json(), json!([row]));
        listing.total = Some(7);
        listing.beside.push(("more", json!(1)));
        assert_eq!(listing.to_json(), json!({ "rows": [row], "total": 7, "truncated": true, "more": 1 }));
    }
}
