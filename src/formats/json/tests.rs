use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::testing::{Decoded, a_value_each, all_types, decode, decode_in, options, schema};
use super::super::{DecoderRequest, FormatOptions, encoder, format_named};
use crate::types::{Batch, Field, LogicalType, RowKind, Schema};

fn one(ty: LogicalType) -> Schema {
    schema(&[("v", ty)])
}

/// The value read from `{"v":…}`, as JSON, or the message.
fn read(ty: &LogicalType, value: &str) -> Result<String, String> {
    let decoded = decode("json", &one(ty.clone()), &[], format!("{{\"v\":{value}}}\n").as_bytes());
    match (decoded.rows.as_slice(), decoded.bad.as_slice()) {
        ([row], []) => {
            Ok(row.strip_prefix("{\"v\":").and_then(|row| row.strip_suffix('}')).expect("one column").into())
        }
        ([], [bad]) => Err(bad.message.clone()),
        other => panic!("one row or one bad record, not {other:?}"),
    }
}

#[test]
fn values_that_fit() {
    use LogicalType as T;
    for (ty, value, expected) in [
        (T::BigInt, "0", "0"),
        (T::BigInt, "-0", "0"),
        (T::BigInt, "-9223372036854775808", "-9223372036854775808"),
        (T::BigInt, "1.0", "1"),
        (T::BigInt, "1e3", "1000"),
        (T::BigInt, "\"12\"", "12"),
        (T::BigInt, "\" 12 \"", "12"),
        (T::BigInt, "null", "null"),
        (T::TinyInt, "127", "127"),
        (T::Double, "1", "1.0"),
        (T::Double, "\"NaN\"", "\"NaN\""),
        (T::Double, "\"-Infinity\"", "\"-Infinity\""),
        (T::Double, "1e-400", "0.0"),
        (T::Float, "0.1", "0.1"),
        (T::Decimal(5, 2), "1.005", "1.01"),
        (T::Decimal(5, 2), "\"-999.99\"", "-999.99"),
        (T::Decimal(5, 2), "0.001", "0.00"),
        (T::Decimal(38, 0), "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        (T::Boolean, "\"TRUE\"", "true"),
        (T::String, "\"\"", "\"\""),
        (T::String, "\"\\u0041\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"A😀/\\u0008\\u000c\\n\\r\\t\\\"\\\\\""),
        (T::String, "\"żółć and more than sixteen bytes of it\"", "\"żółć and more than sixteen bytes of it\""),
        (T::String, "12.50", "\"12.50\""),
        (T::String, "false", "\"false\""),
        (T::String, "{ \"a\" : [ 1, \"x \\\" y\" ] }", "\"{\\\"a\\\":[1,\\\"x \\\\\\\" y\\\"]}\""),
        (T::Bytes, "\"Zm9v\"", "\"Zm9v\""),
        (T::Date, "\"2024-02-29\"", "\"2024-02-29\""),
        (T::Time, "\"07:08:09.010\"", "\"07:08:09.01\""),
        (T::Timestamp, "\"2026-01-01 00:00:00.123\"", "\"2026-01-01 00:00:00.123\""),
        (T::Timestamp, "\"2026-01-01T00:00:00.120Z\"", "\"2026-01-01 00:00:00.12\""),
        (T::Timestamp, "1767225600123", "\"2026-01-01 00:00:00.123\""),
        (T::Timestamp, "-9223372036854775808", "\"-292275055-05-16 16:47:04.192\""),
        (T::Timestamp, "\"9999-12-31 23:59:59.999\"", "\"9999-12-31 23:59:59.999\""),
        (T::TimestampLtz, "\"2026-01-01T02:00:00+02:00\"", "\"2026-01-01 00:00:00Z\""),
        (T::Array(Box::new(T::Int)), "[ ]", "[]"),
        (T::Array(Box::new(T::Array(Box::new(T::Int)))), "[[1],[],null,[2,3]]", "[[1],[],null,[2,3]]"),
        (T::Map(Box::new(T::String), Box::new(T::Int)), "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"),
        (T::Map(Box::new(T::Int), Box::new(T::Boolean)), "{\"1\":true}", "{\"1\":true}"),
        (
            T::Row(vec![("a".into(), T::Int), ("b".into(), T::Int)]),
            "{\"b\":1,\"c\":[{}],\"b\":2}",
            "{\"a\":null,\"b\":2}",
        ),
        (T::Row(vec![("ä".into(), T::Int)]), "{\"\\u00e4\":1}", "{\"ä\":1}"),
    ] {
        assert_eq!(read(&ty, value).as_deref(), Ok(expected), "{ty} from {value}");
    }
}

#[test]
fn values_that_do_not_fit_are_told_by_column() {
    use LogicalType as T;
    let row = T::Row(vec![("a".into(), T::Array(Box::new(T::Int)))]);
    for (ty, value, message) in [
        (T::BigInt, "9223372036854775808", "column v: expected a bigint, found '9223372036854775808'"),
        (T::BigInt, "1.5", "column v: expected a bigint, found '1.5'"),
        (T::BigInt, "\"x\"", "column v: expected a bigint, found 'x'"),
        (T::BigInt, "\"\"", "column v: expected a bigint, found ''"),
        (T::BigInt, "true", "column v: expected a bigint, found 'true'"),
        (T::BigInt, "{\"a\":1}", "column v: expected a bigint, found '{\"a\":1}'"),
        (T::TinyInt, "128", "column v: expected a tinyint, found '128'"),
        (T::Int, "2147483648", "column v: expected an int, found '2147483648'"),
        (T::Double, "1e999", "column v: expected a double, found '1e999'"),
        (T::Decimal(5, 2), "1000", "column v: expected a decimal(5, 2), found '1000'"),
        (T::Boolean, "1", "column v: expected a boolean, found '1'"),
        (T::Bytes, "\"Zg\"", "column v: expected a bytes, found 'Zg'"),
        (T::Date, "\"2026-02-30\"", "column v: expected a date, found '2026-02-30'"),
        (T::Timestamp, "\"2016-12-31 23:59:60\"", "column v: expected a timestamp(3), found '2016-12-31 23:59:60'"),
        (
            T::Timestamp,
            "\"2026-01-01 00:00:00+02:00\"",
            "column v: expected a timestamp(3), found '2026-01-01 00:00:00+02:00'",
        ),
        (T::Array(Box::new(T::Int)), "{}", "column v: expected an array<int>, found '{}'"),
        (T::Map(Box::new(T::String), Box::new(T::Int)), "{\"k\":\"x\"}", "column v['k']: expected an int, found 'x'"),
        (row, "{\"a\":[1,\"x\",\"y\"]}", "column v.a[1]: expected an int, found 'x'"),
        (T::BigInt, "\"\\u001b]0;x\\u0007\"", "column v: expected a bigint, found '\\x1b]0;x\\x07'"),
    ] {
        assert_eq!(read(&ty, value), Err(message.to_owned()), "{ty} from {value}");
    }
    let long = read(&LogicalType::BigInt, &format!("\"{}\"", "x".repeat(100_000))).expect_err("no number");
    assert!(long.len() < 200 && long.ends_with("…'"), "{long}");
}

#[test]
fn a_broken_line_is_an_error_of_that_line_whichever_fields_are_read() {
    let schema = schema(&[("a", LogicalType::BigInt)]);
    for (line, message) in [
        ("{\"a\":1,\"b\":[1,2}", "not JSON at byte 16: expected ',' or ']', found '}'"),
        ("{\"a\":1,\"b\":01}", "not JSON at byte 13: expected ',' or '}', found '1'"),
        ("{\"a\":1,\"b\":1.}", "not JSON at byte 14: expected a digit, found '}'"),
        ("{\"a\":1,\"b\":-}", "not JSON at byte 13: expected a digit, found '}'"),
        ("{\"a\":1,\"b\":tru}", "not JSON at byte 15: expected a value, found '}'"),
        ("{\"a\":1,\"b\":\"\\x\"}", "not JSON at byte 14: expected an escape such as \\n or \\u0041, found 'x'"),
        (
            "{\"a\":1,\"b\":\"\\ud800\"}",
            "not JSON at byte 19: expected a low surrogate behind the high one, found '\"'",
        ),
        (
            "{\"a\":1,\"b\":\"\\udc00\"}",
            "not JSON at byte 13: expected a high surrogate before the low one, found '\\'",
        ),
        ("{\"a\":1,\"b\":\"\t\"}", "not JSON at byte 13: expected control characters to be escaped, found '\t'"),
        ("{\"a\":1,\"b\":\"\0\"}", "not JSON at byte 13: expected control characters to be escaped, found '\\x00'"),
        ("{\"a\":1}x", "not JSON at byte 8: expected the end of the line, found 'x'"),
        ("{\"a\":1}{\"a\":2}", "not JSON at byte 8: expected the end of the line, found '{'"),
        ("{\"a\":1,}", "not JSON at byte 8: expected a field name in quotes, found '}'"),
        ("{\"a\" 1}", "not JSON at byte 6: expected ':', found '1'"),
        ("{\"a\":1", "not JSON at byte 7: expected ',' or '}', found the end of the line"),
        ("{\"a\":1,\"b\":\"x", "not JSON at byte 14: expected a closing quote, found the end of the line"),
        ("{'a':1}", "not JSON at byte 2: expected a field name in quotes, found '''"),
        ("{\"a\":NaN}", "not JSON at byte 6: expected a value, found 'N'"),
        ("[1]", "not JSON at byte 1: expected an object, found '['"),
        ("1", "not JSON at byte 1: expected an object, found '1'"),
        ("\0", "not JSON at byte 1: expected an object, found '\\x00'"),
    ] {
        // Between two good lines, so that the line is met with and without a prediction, and is seen to spoil neither.
        let text = format!("{line}\n{{\"a\":7,\"b\":0}}\n{line}\n{{\"a\":8,\"b\":0}}\n{line}");
        for projection in [&[0][..], &[]] {
            let options = FormatOptions::default();
            let request = DecoderRequest { schema: &schema, projection, options: &options, at_file_start: true };
            let decoded = decode_in("json", &request, text.as_bytes(), &[usize::MAX], 100);
            assert_eq!(decoded.messages(), [message; 3], "{line}");
            assert_eq!(decoded.rows.len(), 2, "{line}");
            for bad in &decoded.bad {
                assert_eq!(bad.record, line.as_bytes());
                let at = usize::try_from(bad.offset).expect("small");
                assert!(text[at..].starts_with(line));
            }
        }
    }
}

#[test]
fn invalid_utf8_is_an_error_of_its_line() {
    let schema = one(LogicalType::String);
    let mut text = b"{\"v\":\"a\"}\n{\"v\":\"".to_vec();
    text.extend_from_slice(b"\xc3\x28\"}\n{\"u\":\"\xf0\x9f\x98\"}\n{\"\xff\":1}\n{\"v\":\"b\"}\n");
    let decoded = decode("json", &schema, &[], &text);
    assert_eq!(decoded.rows, ["{\"v\":\"a\"}", "{\"v\":\"b\"}"]);
    assert_eq!(decoded.bad.len(), 3);
    assert!(decoded.messages().iter().all(|message| message.contains("expected UTF-8")), "{:?}", decoded.messages());
}

#[test]
fn lines_may_be_empty_end_in_crlf_and_follow_a_byte_order_mark() {
    let text = "\u{feff}{\"v\":1}\r\n\r\n  \t\n\n{ \"v\" : 2 } \r\n{\"v\":3}\r\n{}\n{\"v\":4}";
    for reads in [vec![usize::MAX], vec![1], vec![2], vec![3, 7]] {
        let all = [0];
        let schema = one(LogicalType::BigInt);
        let options = FormatOptions::default();
        let request = DecoderRequest { schema: &schema, projection: &all, options: &options, at_file_start: true };
        let decoded = decode_in("json", &request, text.as_bytes(), &reads, 3);
        assert_eq!(decoded.bad, []);
        assert_eq!(decoded.rows, ["{\"v\":1}", "{\"v\":2}", "{\"v\":3}", "{\"v\":null}", "{\"v\":4}"]);
    }
}

#[test]
fn the_last_of_several_fields_of_one_name_counts() {
    let schema = schema(&[("a", LogicalType::BigInt), ("s", LogicalType::String)]);
    let text = "{\"a\":\"x\",\"s\":\"first\",\"a\":2,\"s\":\"second\"}\n".repeat(3) + "{\"a\":1,\"a\":\"x\"}\n";
    let decoded = decode("json", &schema, &[], text.as_bytes());
    assert_eq!(decoded.rows, ["{\"a\":2,\"s\":\"second\"}"; 3]);
    assert_eq!(decoded.messages(), ["column a: expected a bigint, found 'x'"]);
}

#[test]
fn a_column_that_is_not_null_refuses_nulls_and_missing_fields() {
    let schema =
        Schema::new(vec![Field::new("a", LogicalType::BigInt).not_null(), Field::new("b", LogicalType::BigInt)]);
    let decoded = decode("json", &schema, &[], b"{\"a\":1}\n{\"b\":1}\n{\"a\":null,\"b\":1}\n{\"a\":2,\"b\":2}\n");
    assert_eq!(decoded.rows, ["{\"a\":1,\"b\":null}", "{\"a\":2,\"b\":2}"]);
    assert_eq!(decoded.messages(), ["column a: expected a value (bigint not null), found none"; 2]);
}

#[test]
fn a_hundred_thousand_levels_are_an_error_and_no_overflow() {
    let schema = one(LogicalType::BigInt);
    for (open, close) in [("[", "]"), ("{\"v\":", "}")] {
        for field in ["v", "unread"] {
            let deep = format!("{{\"{field}\":{}1{}}}\n", open.repeat(100_000), close.repeat(100_000));
            let decoded = decode("json", &schema, &[], (deep + "{\"v\":1}\n").as_bytes());
            assert_eq!(decoded.rows, ["{\"v\":1}"]);
            assert!(decoded.bad[0].message.contains("at most 128 levels of nesting"), "{}", decoded.bad[0].message);
            assert_eq!(decoded.bad[0].record.len(), 64 << 10);
        }
    }
    let deepest = format!("{{\"x\":{}{}}}", "[".repeat(127), "]".repeat(127));
    assert_eq!(decode("json", &schema, &[], deepest.as_bytes()).rows, ["{\"v\":null}"]);
    let nested = (0..100).fold(LogicalType::Int, |ty, _| LogicalType::Array(Box::new(ty)));
    let value = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(read(&nested, &value).as_deref(), Ok(value.as_str()));
}

#[test]
fn a_record_beyond_the_limit_is_skipped_without_being_held() {
    let schema = one(LogicalType::BigInt);
    let long = format!("{{\"v\":1,\"x\":\"{}\"}}", "y".repeat(200_000));
    let text = format!("{{\"v\":1}}\n{long}\n{{\"v\":2}}\n{long}\n{long}\n{{\"v\":3}}\n{long}");
    let options = options(&[("max_record_bytes", "1000")]);
    let request = DecoderRequest { schema: &schema, projection: &[0], options: &options, at_file_start: true };
    for reads in [vec![usize::MAX], vec![1_000], vec![777], vec![64]] {
        let decoded = decode_in("json", &request, text.as_bytes(), &reads, 2);
        assert_eq!(decoded.rows, ["{\"v\":1}", "{\"v\":2}", "{\"v\":3}"], "{reads:?}");
        assert_eq!(decoded.messages(), ["the record is longer than 1000 bytes (option max_record_bytes)"; 4]);
    }
    let spec = format_named("json").expect("registered");
    let mut decoder = (spec.decoder)(&request).expect("valid options");
    let mut held = Vec::new();
    for chunk in text.as_bytes().chunks(500) {
        held.extend_from_slice(chunk);
        let taken = decoder.decode(&held, false, 100).expect("decodes");
        held.drain(..taken);
        assert!(held.len() <= 1_001, "a caller's buffer stays small");
    }
    assert!(decoder.mid_record());
    for value in ["0", "x", "600000000"] {
        let options = super::super::testing::options(&[("max_record_bytes", value)]);
        let request = DecoderRequest { options: &options, ..request };
        assert!((spec.decoder)(&request).is_err());
    }
}

#[test]
fn many_bad_records_fill_a_decoder_too() {
    let schema = one(LogicalType::BigInt);
    let request =
        DecoderRequest { schema: &schema, projection: &[0], options: &FormatOptions::default(), at_file_start: true };
    let mut decoder = (format_named("json").expect("registered").decoder)(&request).expect("valid options");
    let taken = decoder.decode(&b"x\n".repeat(100), true, 10).expect("decodes");
    assert_eq!(taken, 20);
    assert!(decoder.is_full(10));
    assert_eq!(decoder.rows(), 0);
    assert_eq!(decoder.flush().expect("flushes").1.len(), 10);
    assert!(!decoder.is_full(10));
}

#[test]
fn every_type_survives_the_way_through_text() {
    let columns: Vec<(String, LogicalType)> =
        all_types().into_iter().enumerate().map(|(i, ty)| (format!("c{i}"), ty)).collect();
    let schema = Schema::new(columns.iter().map(|(name, ty)| Field::new(name, ty.clone())).collect::<Vec<_>>());
    let line = |values: &[&str]| {
        let fields: Vec<String> = values.iter().enumerate().map(|(i, value)| format!("\"c{i}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    let nulls = vec!["null"; columns.len()];
    let lines = [line(&a_value_each()), line(&nulls), line(&a_value_each())];
    let decoded = decode("json", &schema, &[], lines.join("\n").as_bytes());
    assert_eq!(decoded, Decoded { rows: lines.to_vec(), bad: vec![] });
}

#[test]
fn a_changelog_is_written_with_its_kinds_when_asked() {
    use std::sync::Arc;
    let schema = one(LogicalType::BigInt);
    let columns = arrow_array::RecordBatch::try_new(
        schema.arrow().clone(),
        vec![Arc::new(arrow_array::Int64Array::from(vec![1, 1, 2]))],
    )
    .expect("a batch");
    let kinds = vec![RowKind::Insert as i8, RowKind::UpdateBefore as i8, RowKind::UpdateAfter as i8];
    let batch = Batch::untimed(columns).with_kinds(Some(kinds.into()));
    let write = |format: &str, entries: &[(&str, &str)]| {
        let mut encoder =
            (format_named(format).expect("registered").encoder)(&schema, &options(entries)).expect("an encoder");
        let mut out = Vec::new();
        encoder.header(&mut out);
        encoder.encode(&batch, &mut out).expect("encodes");
        String::from_utf8(out).expect("utf-8")
    };
    assert_eq!(write("json", &[]), "{\"v\":1}\n{\"v\":1}\n{\"v\":2}\n");
    let changelog = [("changelog", "true")];
    assert_eq!(
        write("json", &changelog),
        "{\"op\":\"+I\",\"v\":1}\n{\"op\":\"-U\",\"v\":1}\n{\"op\":\"+U\",\"v\":2}\n"
    );
    assert_eq!(write("csv", &changelog), "op,v\n+I,1\n-U,1\n+U,2\n");
    for format in ["json", "csv"] {
        let named = Schema::new([Field::new("op", LogicalType::BigInt)]);
        let error = encoder(format, &named, true).err().expect("two fields of one name");
        assert!(error.to_string().contains("there is a column `op` already"), "{error}");
        assert!(encoder(format, &named, false).is_ok());
    }
}

#[test]
fn columns_are_inferred() {
    for (sample, expected) in [
        ("{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"c\":true,\"a\":2}\n", "(a bigint, b string, c boolean)"),
        ("{\"a\":1}\n{\"a\":1.5}\n{\"a\":null}", "(a double)"),
        ("{\"a\":18446744073709551615}\n{\"a\":1}", "(a decimal(20, 0))"),
        (
            "{\"t\":\"2026-01-01 00:00:00\",\"d\":\"2026-01-01\",\"z\":\"2026-01-01T00:00:00Z\"}",
            "(t timestamp(3), d date, z timestamp_ltz(3))",
        ),
        ("{\"t\":\"2026-01-01 00:00:00\"}\n{\"t\":\"later\"}", "(t string)"),
        (
            "{\"n\":null,\"r\":{\"x\":[1,2.5],\"y\":{}}}\n{\"r\":{\"z\":\"\"}}",
            "(n string, r row<x array<double>, y string, z string>)",
        ),
        ("\u{feff}{\"a\":1}\r\nbroken\n{\"a\":\"cut", "(a bigint)"),
    ] {
        let inferred = super::infer(sample.as_bytes(), &FormatOptions::default()).expect("columns");
        assert_eq!(inferred.schema.to_string(), expected, "{sample}");
    }
    let records = |sample: &str| super::infer(sample.as_bytes(), &FormatOptions::default()).expect("columns").records;
    assert_eq!(records("{\"a\":1}\nbroken\n{\"a\":2}\n"), 2);
    assert_eq!(records(&"{\"a\":1}\n".repeat(5_000)), 1_000);
    for sample in ["", "[1]\n", "{}\n", "x"] {
        assert!(super::infer(sample.as_bytes(), &FormatOptions::default()).is_err(), "{sample}");
    }
}

/// The object that `serde_json` makes of a line, if it is one.
fn reference(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}

/// Whether `serde_json` refuses a line only because it can't hold a number that the grammar allows.
fn out_of_range(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(line).is_err_and(|error| error.to_string().contains("number out of range"))
}

fn compared() -> Schema {
    schema(&[("a", LogicalType::BigInt), ("s", LogicalType::String), ("d", LogicalType::Double)])
}

#[expect(clippy::cast_precision_loss, reason = "as serde_json reads the number")]
const fn double(number: i64) -> f64 {
    number as f64
}

/// Checks one line, decoded behind a good one of the same layout, against the reference.
fn check_against_reference(first: &[u8], line: &[u8]) {
    let mut text = first.to_vec();
    text.push(b'\n');
    text.extend_from_slice(line);
    text.push(b'\n');
    let decoded = decode("json", &compared(), &[], &text);
    let shown = String::from_utf8_lossy(line).into_owned();
    let blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    let whole = decoded.bad.first().is_none_or(|bad| bad.message.starts_with("column"));
    if blank {
        assert_eq!((decoded.rows.len(), decoded.bad.len()), (1, 0), "{shown:?}");
        return;
    }
    assert_eq!(decoded.rows.len() + decoded.bad.len(), 2, "{shown:?}");
    let Some(expected) = reference(line) else {
        assert!(!whole || out_of_range(line), "accepted but serde_json does not: {shown:?}");
        return;
    };
    assert!(whole, "refused but serde_json accepts: {shown:?}: {:?}", decoded.messages());
    let Some(row) = decoded.rows.get(1) else { return };
    let row: Value = serde_json::from_str(row).expect("our own JSON");
    let same = |name: &str| expected.get(name).cloned().unwrap_or(Value::Null);
    match same("a") {
        Value::String(_) => {}
        Value::Number(number) if number.is_f64() => assert_eq!(row["a"].as_i64().map(double), number.as_f64()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            assert_eq!(row["a"], other, "{shown:?}");
        }
    }
    match same("s") {
        text @ (Value::String(_) | Value::Null) => assert_eq!(row["s"], text, "{shown:?}"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => assert!(row["s"].is_string()),
    }
    if let Value::Number(number) = same("d") {
        assert_eq!(row["d"].as_f64(), number.as_f64(), "{shown:?}");
    }
}

const LINES: [&str; 3] = [
    r#"{"a":1234567,"s":"plain text of some length","d":-0.5e2,"u":[true,null,{"k":"v"}]}"#,
    r#"{"s":"é\"\u00e9\ud83d\ude00 \\","x":{"y":[]},"a":-12,"d":10}"#,
    r#" { "a" : 0 , "d" : 1E+2 , "s" : "" , "s":"t" } "#,
];

#[test]
fn every_prefix_is_accepted_exactly_when_serde_json_accepts() {
    for line in LINES {
        for end in 0..=line.len() {
            check_against_reference(line.as_bytes(), &line.as_bytes()[..end]);
        }
    }
}

#[test]
fn every_flipped_byte_is_accepted_exactly_when_serde_json_accepts() {
    for line in LINES {
        for at in 0..line.len() {
            let mut flipped = line.as_bytes().to_vec();
            for byte in (0..=255_u8).filter(|byte| *byte != b'\n') {
                flipped[at] = byte;
                check_against_reference(line.as_bytes(), &flipped);
            }
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// `value` with spaces wherever JSON allows them and characters escaped at random.
fn spell(value: &Value, noise: &mut impl Iterator<Item = u8>, out: &mut String) {
    let space = |noise: &mut dyn Iterator<Item = u8>, out: &mut String| {
        out.push_str(["", "", "", "", " ", "\t", "\r", "  "][usize::from(noise.next().unwrap_or(0) % 8)]);
    };
    space(noise, out);
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                spell(item, noise, out);
            }
            space(noise, out);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (i, (name, item)) in fields.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                spell(&Value::from(name.as_str()), noise, out);
                out.push(':');
                spell(item, noise, out);
            }
            space(noise, out);
            out.push('}');
        }
        Value::String(text) if noise.next().unwrap_or(0).is_multiple_of(4) => {
            out.push('"');
            for unit in text.encode_utf16() {
                write!(out, "\\u{unit:04x}").expect("a String takes all");
            }
            out.push('"');
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            out.push_str(&other.to_string());
        }
    }
    space(noise, out);
}

fn any_record() -> impl Strategy<Value = String> {
    let fields = (
        prop_oneof![any::<i64>().prop_map(Value::from), Just(Value::Null)],
        prop_oneof![any::<String>().prop_map(Value::from), "[ -~]{0,90}".prop_map(Value::from), Just(Value::Null)],
        prop_oneof![any::<f64>().prop_filter("finite", |d| d.is_finite()).prop_map(Value::from), Just(Value::Null)],
        any_value(),
        any_value(),
        0..120_usize,
        proptest::collection::vec(any::<u8>(), 32),
        any::<bool>(),
    );
    fields.prop_map(|(a, s, d, u, w, order, noise, compact)| {
        let mut fields = vec![("a", a), ("s", s), ("d", d), ("unread", u), ("whatever it is", w)];
        // One of the 120 orders.
        let (mut rest, mut ordered) = (order, Vec::new());
        while !fields.is_empty() {
            ordered.push(fields.remove(rest % fields.len()));
            rest /= fields.len() + 1;
        }
        let record = Value::Object(ordered.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        if compact {
            return record.to_string();
        }
        let mut out = String::new();
        spell(&record, &mut noise.into_iter().cycle(), &mut out);
        out
    })
}

proptest! {
    #[test]
    fn random_records_are_what_serde_json_reads(first in any_record(), second in any_record()) {
        check_against_reference(first.as_bytes(), second.as_bytes());
        check_against_reference(second.as_bytes(), second.as_bytes());
    }

    #[test]
    fn the_reads_make_no_difference(
        records in proptest::collection::vec(prop_oneof![
            4 => any_record(),
            1 => "[ -~]{0,30}",
            1 => Just(json!({"a": "x"}).to_string()),
            1 => Just(r#"{"a":1,"s":"cut"#.to_owned()),
            1 => Just(String::new()),
        ], 0..20),
        reads in proptest::collection::vec(1..400_usize, 1..6),
        max_rows in 1..9_usize,
        ended in any::<bool>(),
    ) {
        let mut text = records.join("\n");
        if ended {
            text.push('\n');
        }
        let schema = compared();
        let options = FormatOptions::default();
        let request = DecoderRequest { schema: &schema, projection: &[0, 1, 2], options: &options, at_file_start: true };
        let whole = decode_in("json", &request, text.as_bytes(), &[usize::MAX], 8_192);
        let parts = decode_in("json", &request, text.as_bytes(), &reads, max_rows);
        prop_assert_eq!(&parts, &whole);
        let request = DecoderRequest { projection: &[2], ..request };
        let fewer = decode_in("json", &request, text.as_bytes(), &reads, max_rows);
        prop_assert!(fewer.rows.len() >= whole.rows.len());
        prop_assert_eq!(fewer.rows.len() + fewer.bad.len(), whole.rows.len() + whole.bad.len());
    }
}
