use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::*;
use crate::shell::cells;

fn batch(columns: Vec<(&str, ArrayRef)>) -> Batch {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    Batch::new(RecordBatch::try_from_iter(columns).unwrap(), vec![0; rows].into())
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

/// The text that a mode shows of a batch, and what it says about it.
fn shown(mode: Mode, batch: &Batch, limit: Option<usize>) -> (String, Option<String>) {
    let mut out = Vec::new();
    let remark = RowText::new(mode).write(batch, limit, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), remark)
}

#[test]
fn a_table_is_fitted_and_says_what_it_cut() {
    let rows = batch(vec![
        ("id", numbers(&[1, 1_000_000])),
        ("note", text(&["short", "a long text that goes on beyond the edge of the terminal"])),
        ("漢字", text(&["かな", "漢字かな交じり文"])),
    ]);
    let (whole, remark) = shown(Mode::Table, &rows, None);
    assert_eq!(remark, None, "a file gets every byte");
    assert!(whole.contains("edge of the terminal"));
    let (fitted, remark) = shown(Mode::Table, &rows, Some(40));
    insta::assert_snapshot!(fitted);
    assert!(remark.is_some_and(|remark| remark.contains(".mode vertical")));
    assert!(fitted.lines().all(|line| cells::width(line) <= 40), "{fitted}");
}

#[test]
fn rows_that_can_not_fit_are_shown_vertically_and_that_is_said_once() {
    let columns: Vec<(String, ArrayRef)> =
        (0..9).map(|index| (format!("column_{index}"), numbers(&[1_234_567, index]))).collect();
    let rows = batch(columns.iter().map(|(name, column)| (name.as_str(), column.clone())).collect());
    let mut writer = RowText::new(Mode::Table);
    let mut out = Vec::new();
    let remark = writer.write(&rows, Some(40), &mut out).unwrap();
    assert_eq!(remark.as_deref(), Some("these rows are 88 columns wide and the terminal 40: shown vertically"));
    assert!(String::from_utf8_lossy(&out).starts_with("column_0: 1234567\ncolumn_1: 1234567\n"));
    assert_eq!(writer.write(&rows, Some(40), &mut out).unwrap(), None);
    assert_eq!(writer.begin(), 4);
    assert!(writer.write(&rows, Some(40), &mut out).unwrap().is_some(), "the next result says it again");
}

#[test]
fn later_rows_keep_the_columns_and_no_number_is_cut() {
    let mut writer = RowText::new(Mode::Table);
    let mut out = Vec::new();
    let first = batch(vec![("n", numbers(&[1])), ("t", text(&["aaaaaaaaaaaaaaaa"]))]);
    assert_eq!(writer.write(&first, Some(20), &mut out).unwrap(), None);
    let later = batch(vec![("n", numbers(&[123_456_789])), ("t", text(&["bbbbbbbbbbbbbbbbbbbbbbbb"]))]);
    assert!(writer.write(&later, Some(20), &mut out).unwrap().is_some());
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn data_drives_no_terminal_in_any_mode() {
    let evil = "\u{1b}]0;x\u{7}\u{1b}]52;c;eA==\u{7}\u{1b}[6n\u{9b}6n\u{202e}\u{7f}\r\ttext";
    let rows = batch(vec![("\u{9b}name", text(&[evil]))]);
    for mode in [Mode::Table, Mode::Ndjson, Mode::Csv, Mode::Vertical, Mode::Changelog] {
        let (shown, _) = shown(mode, &rows, Some(200));
        let driving = shown.chars().find(|&c| (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}');
        assert!(driving.is_none() && shown.contains("text"), "{mode:?}: {driving:?} in {shown:?}");
    }
    let (json, _) = shown(Mode::Ndjson, &rows, Some(200));
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed["\u{9b}name"], evil, "it is still the same JSON");
    let (bytes, _) = shown(Mode::Csv, &rows, None);
    assert!(bytes.contains('\u{9b}'), "a file gets the bytes as they are");
}

#[test]
fn ten_thousand_marks_and_joined_glyphs_stay_in_their_cell() {
    let marks = format!("e{}", "\u{301}".repeat(10_000));
    let rows = batch(vec![("t", text(&[&marks, "👩\u{200d}💻", "漢"])), ("n", numbers(&[1, 2, 3]))]);
    let (table, _) = shown(Mode::Table, &rows, Some(20));
    assert!(table.len() < 400, "{}", table.len());
    let ends: Vec<usize> = table.lines().skip(2).map(cells::width).collect();
    assert!(ends.iter().all(|&end| end == ends[0]), "the numbers stand below each other: {ends:?}\n{table}");
}

/// The text that a look shows of a batch.
fn looked(mode: Mode, look: Look, batch: &Batch, limit: Option<usize>) -> String {
    let mut rows = RowText::new(mode);
    rows.set_look(look);
    let mut out = Vec::new();
    rows.write(batch, limit, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_null_is_no_empty_text_and_no_text_that_reads_like_it() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("NULL"), Some(""), None]));
    let untyped: ArrayRef = Arc::new(arrow_array::NullArray::new(3));
    let rows = batch(vec![("t", texts), ("n", untyped), ("i", numbers(&[1, 2, 3]))]);
    let (table, _) = shown(Mode::Table, &rows, Some(80));
    let lines: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(lines, ["\"NULL\"  NULL  1", "        NULL  2", "NULL    NULL  3"]);
    let dim = Look { dim: true, ..Look::default() };
    let coloured = looked(Mode::Table, dim, &rows, Some(80));
    assert_eq!(coloured.matches("\u{1b}[2mNULL\u{1b}[0m").count(), 4, "{coloured:?}");
    assert_eq!(coloured.replace("\u{1b}[2m", "").replace("\u{1b}[0m", ""), table, "colours move nothing");
    let vertical = looked(Mode::Vertical, dim, &rows, Some(80));
    assert_eq!(vertical.matches("\u{1b}[2mNULL\u{1b}[0m").count(), 4, "{vertical:?}");
}

#[test]
fn numbers_and_instants_look_as_asked_in_tables_and_never_in_data() {
    use arrow_array::{Float64Array, TimestampMillisecondArray};
    let instants = TimestampMillisecondArray::from(vec![1_767_225_600_000, 1_782_864_000_000]).with_timezone("UTC");
    let local = TimestampMillisecondArray::from(vec![1_767_225_600_000; 2]);
    let rows = batch(vec![
        ("i", numbers(&[-1_234_567, 12])),
        ("x", Arc::new(Float64Array::from(vec![1234.5678, 0.5]))),
        ("at", Arc::new(instants)),
        ("clock", Arc::new(local)),
    ]);
    let look = Look { thousands: true, digits: Some(1), zone: Some(chrono_tz::Europe::Berlin), dim: false };
    let table = looked(Mode::Table, look, &rows, Some(120));
    let lines: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(
        lines,
        [
            "-1,234,567  1,234.6  2026-01-01 01:00:00.000+01:00  2026-01-01 00:00:00.000",
            "        12      0.5  2026-07-01 02:00:00.000+02:00  2026-01-01 00:00:00.000",
        ],
        "summer has its own offset, and a timestamp is not moved"
    );
    for mode in [Mode::Ndjson, Mode::Csv, Mode::Changelog] {
        assert_eq!(looked(mode, look, &rows, Some(120)), looked(mode, Look::default(), &rows, Some(120)), "{mode:?}");
    }
}

#[test]
fn instants_in_arrays_maps_and_rows_are_shown_in_the_zone_too() {
    use arrow_array::builder::{ListBuilder, MapBuilder, StringBuilder, TimestampMillisecondBuilder};
    use arrow_array::{Array, StructArray, TimestampMillisecondArray};
    const AT: i64 = 1_767_225_600_000;
    let builder = || TimestampMillisecondBuilder::new().with_timezone("UTC");
    let mut list = ListBuilder::new(builder());
    list.append_value([Some(AT), None]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), builder());
    map.keys().append_value("k");
    map.values().append_value(AT);
    map.append(true).expect("an entry");
    let instants = TimestampMillisecondArray::from(vec![AT]).with_timezone("UTC");
    let field = Arc::new(arrow_schema::Field::new("f", instants.data_type().clone(), true));
    let row = StructArray::new(vec![field].into(), vec![Arc::new(instants)], None);
    let rows = batch(vec![("l", Arc::new(list.finish())), ("m", Arc::new(map.finish())), ("r", Arc::new(row))]);
    let look = Look { zone: Some(chrono_tz::Europe::Berlin), ..Look::default() };
    let table = looked(Mode::Vertical, look, &rows, Some(120));
    assert_eq!(table.matches("2026-01-01 01:00:00.000+01:00").count(), 3, "{table}");
    assert_eq!(looked(Mode::Vertical, Look::default(), &rows, Some(120)).matches("00:00:00.000Z").count(), 3);
}

#[test]
fn a_long_value_is_cut_with_its_length() {
    let long = "x".repeat(1_204);
    let rows = batch(vec![("t", text(&[&long, "short"])), ("n", numbers(&[1, 2]))]);
    let (table, remark) = shown(Mode::Table, &rows, Some(40));
    assert!(table.contains("xxx… (1,204 characters)  1"), "{table}");
    assert!(table.lines().all(|line| cells::width(line) <= 40) && remark.is_some(), "{table}");
    let (narrow, _) = shown(Mode::Table, &rows, Some(16));
    assert!(narrow.contains("xxx…  1"), "{narrow}");
}
