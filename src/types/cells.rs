//! Values as text, as rows are shown at the prompt, and as JSON holds them.

use std::fmt::{self, Write};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Bytes of a value's text at which it is cut.
const TEXT_MAX: usize = 1_000;

/// The most digits of a decimal that JSON's readers take for the same number.
const DIGITS_EXACT: usize = 15;

/// A value as people read it and as JSON holds it: numbers as numbers, times in ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellValue {
    text: String,
    /// `None` where that is the text.
    json: Option<Value>,
}

impl CellValue {
    /// As people read it. This is data: it goes through [`printable`](super::printable) before it reaches a terminal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As JSON holds it. A text that is cut is an object that says so and how long it is.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json.clone().unwrap_or_else(|| Value::String(self.text.clone()))
    }

    /// Whether it is missing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.json == Some(Value::Null)
    }
}

impl From<String> for CellValue {
    fn from(text: String) -> Self {
        Self { text, json: None }
    }
}

impl From<&str> for CellValue {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl std::borrow::Borrow<str> for CellValue {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq<&str> for CellValue {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl fmt::Display for CellValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Columns whose values are shown one by one. What comes out is data: it goes through [`printable`](super::printable)
/// before it reaches a terminal.
pub struct Cells<'a> {
    columns: Vec<(&'a ArrayRef, Option<ArrayFormatter<'a>>)>,
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
        let formatter = |column: &'a ArrayRef| ArrayFormatter::try_new(column.as_ref(), &options).ok();
        Self { columns: columns.iter().map(|column| (column, formatter(column))).collect() }
    }

    /// Value `row` of column `column`, its text cut at a thousand bytes however long it is; `?` where it can't be shown.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> CellValue {
        let (text, cut) = self.cut(row, column);
        let Some((column, _)) = self.columns.get(column) else { return text.into() };
        let json = if cut {
            Some(json!({ "text": text, "truncated": true, "total": length(column, row) }))
        } else {
            typed(column, row, &text)
        };
        CellValue { text, json }
    }

    /// The text of value `row` of column `column`.
    #[must_use]
    pub fn text(&self, row: usize, column: usize) -> String {
        self.cut(row, column).0
    }

    /// The text of a value, and whether it is cut.
    fn cut(&self, row: usize, column: usize) -> (String, bool) {
        let Some((_, Some(formatter))) = self.columns.get(column) else { return ("?".to_owned(), false) };
        let mut text = Cut { text: String::new(), full: false };
        match write!(text, "{}", formatter.value(row)) {
            Ok(()) => (text.text, false),
            Err(_) if text.full => (text.text + "…", true),
            Err(_) => ("?".to_owned(), false),
        }
    }

    /// The values of row `row`.
    #[must_use]
    pub fn row(&self, row: usize) -> Vec<CellValue> {
        (0..self.columns.len()).map(|column| self.value(row, column)).collect()
    }
}

impl fmt::Debug for Cells<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({} columns)", self.columns.len())
    }
}

/// Value `row` of `column`, which reads as `text`, for JSON; `None` where that is the text.
#[expect(clippy::wildcard_enum_match_arm, reason = "everything else is text")]
fn typed(column: &ArrayRef, row: usize, text: &str) -> Option<Value> {
    if column.is_null(row) {
        return Some(Value::Null);
    }
    match column.data_type() {
        DataType::Null => Some(Value::Null),
        DataType::Boolean => Some(json!(column.as_boolean_opt()?.value(row))),
        integer if integer.is_integer() => {
            text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
        }
        // Not a number, and the infinities, are none to JSON.
        float if float.is_floating() => {
            text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) if text.len() <= DIGITS_EXACT => {
            text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        DataType::Timestamp(..) => Some(Value::String(iso(text))),
        DataType::Struct(fields) => {
            let of = column.as_struct_opt()?;
            let members = fields.iter().zip(of.columns());
            Some(Value::Object(
                members.map(|(field, column)| (field.name().clone(), alone(column, row))).collect::<Map<_, _>>(),
            ))
        }
        DataType::List(_) => {
            let items = column.as_list_opt::<i32>()?.value(row);
            Some(Value::Array((0..items.len()).map(|item| alone(&items, item)).collect()))
        }
        _ => None,
    }
}

/// A value inside another.
fn alone(column: &ArrayRef, row: usize) -> Value {
    Cells::new(std::slice::from_ref(column)).value(row, 0).to_json()
}

/// `2026-01-02T03:04:05.000Z` of a time as it is shown.
fn iso(shown: &str) -> String {
    let mut text = shown.replacen(' ', "T", 1);
    if !text.ends_with('Z') {
        text.push('Z');
    }
    text
}

/// The bytes of a text; `None` of any other value.
fn length(column: &ArrayRef, row: usize) -> Option<usize> {
    let short = column.as_string_opt::<i32>().map(|texts| texts.value(row).len());
    short.or_else(|| column.as_string_view_opt().map(|texts| texts.value(row).len()))
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

    use arrow_array::types::Int32Type;
    use arrow_array::{
        Float64Array, Int64Array, ListArray, StringArray, StructArray, TimestampMillisecondArray, UInt64Array,
    };

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
        let texts = |row| cells.row(row).iter().map(|value| value.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(0), ["7", "a", "1970-01-01 00:00:00.000", "1.5"]);
        let second = texts(1);
        assert_eq!((second[0].as_str(), second[2].as_str()), ("NULL", "1970-01-01 00:00:01.500"));
        assert!(second[1].ends_with("ü…") && second[1].len() <= TEXT_MAX + 3, "{}", second[1].len());
        let json = |row| cells.row(row).iter().map(CellValue::to_json).collect::<Vec<_>>();
        assert_eq!(json(0), [json!(7), json!("a"), json!("1970-01-01T00:00:00.000Z"), json!(1.5)]);
        let second = json(1);
        assert_eq!((&second[0], &second[3]), (&Value::Null, &json!(2.0)));
        assert_eq!((&second[1]["truncated"], &second[1]["total"]), (&json!(true), &json!(10_001)));
    }

    #[test]
    fn what_is_nested_is_nested_in_json_and_numbers_that_json_lacks_are_text() {
        let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let of = StructArray::try_from(vec![("n", number)]).expect("one member");
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(3), None])]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(of),
            Arc::new(list),
            Arc::new(Float64Array::from(vec![f64::NAN])),
            Arc::new(UInt64Array::from(vec![u64::MAX])),
        ];
        let json: Vec<Value> = Cells::new(&columns).row(0).iter().map(CellValue::to_json).collect();
        assert_eq!(json, [json!({ "n": 1 }), json!([3, null]), json!("NaN"), json!(u64::MAX)]);
    }
}
