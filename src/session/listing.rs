//! Rows of a listing: shown as a table, or as JSON, from the same values.

use serde_json::{Map, Value};

/// The alignment of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The heading, and the name in JSON.
    pub name: &'static str,
    /// The side its values stand on.
    pub align: Align,
    /// Whether it is in the table, and not only in JSON.
    pub shown: bool,
}

impl Column {
    /// A column of text.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self { name, align: Align::Left, shown: true }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(name: &'static str) -> Self {
        Self { name, align: Align::Right, shown: true }
    }

    /// The same column, only in JSON.
    #[must_use]
    pub const fn only_in_json(self) -> Self {
        Self { shown: false, ..self }
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
}

impl Listing {
    /// An empty listing.
    #[must_use]
    pub const fn new(columns: Vec<Column>, empty: &'static str) -> Self {
        Self { columns, rows: Vec::new(), json: false, empty, note: None }
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

    /// The rows as an array of objects.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            Value::Object(
                self.columns
                    .iter()
                    .zip(row)
                    .map(|(column, value)| (column.name.to_owned(), value.clone()))
                    .collect::<Map<_, _>>(),
            )
        };
        Value::Array(self.rows.iter().map(object).collect())
    }
}
