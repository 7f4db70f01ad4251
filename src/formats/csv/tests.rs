use proptest::prelude::*;

use super::super::testing::{Decoded, a_value_each, all_types, decode, decode_in, options, schema};
use super::super::{DecoderRequest, FormatOptions, format_named};
use crate::types::{Batch, Field, LogicalType, Schema};

fn two() -> Schema {
    schema(&[("n", LogicalType::BigInt), ("s", LogicalType::String)])
}

fn rows(text: &str, entries: &[(&str, &str)]) -> Vec<String> {
    let decoded = decode("csv", &two(), entries, text.as_bytes());
    assert_eq!(decoded.bad, [], "{text}");
    decoded.rows
}

#[test]
fn cells_quotes_and_nulls() {
    for (line, expected) in [
        ("1,x", r#"{"n":1,"s":"x"}"#),
        ("-1,x", r#"{"n":-1,"s":"x"}"#),
        (" 1 , x ", r#"{"n":1,"s":" x "}"#),
        (",", r#"{"n":null,"s":null}"#),
        ("\"\",\"\"", r#"{"n":null,"s":""}"#),
        ("\"1\",\"a,b\"", r#"{"n":1,"s":"a,b"}"#),
        ("1,\"say \"\"hi\"\"\"", r#"{"n":1,"s":"say \"hi\""}"#),
        ("1,\"\"\"\"", r#"{"n":1,"s":"\""}"#),
        ("1,a\"b\"c", r#"{"n":1,"s":"a\"b\"c"}"#),
        ("9223372036854775807,żółć", r#"{"n":9223372036854775807,"s":"żółć"}"#),
    ] {
        for text in [format!("{line}\n"), format!("{line}\r\n"), line.to_owned(), format!("\u{feff}{line}\n\n\r\n")] {
            assert_eq!(rows(&text, &[]), [expected], "{text:?}");
        }
    }
    assert_eq!(rows("1;a,b\n", &[("delimiter", ";")]), [r#"{"n":1,"s":"a,b"}"#]);
    assert_eq!(rows("1\ta\n", &[("delimiter", "\\t")]), [r#"{"n":1,"s":"a"}"#]);
    assert_eq!(
        rows("\\N,\\N\n1,\n1,\"\\N\"\n", &[("null_literal", "\\N")]),
        [r#"{"n":null,"s":null}"#, r#"{"n":1,"s":""}"#, r#"{"n":1,"s":"\\N"}"#]
    );
    assert_eq!(rows("-1,-1\n", &[("null_literal", "-1")]), [r#"{"n":null,"s":null}"#]);
}

#[test]
fn no_bytes_are_not_null() {
    let schema = schema(&[("b", LogicalType::Bytes), ("n", LogicalType::BigInt)]);
    let decoded = decode("csv", &schema, &[], b"\"\",1\n,2\naGk=,3\n");
    assert_eq!(decoded.rows, [r#"{"b":"","n":1}"#, r#"{"b":null,"n":2}"#, r#"{"b":"aGk=","n":3}"#]);
}

#[test]
fn the_header_is_found_demanded_or_denied() {
    assert_eq!(rows("n,s\n1,x\n", &[]), [r#"{"n":1,"s":"x"}"#]);
    assert_eq!(rows("N ,\"S\"\r\n1,x\r\n", &[]), [r#"{"n":1,"s":"x"}"#]);
    assert_eq!(rows("number,text\n1,x\n", &[("header", "true")]), [r#"{"n":1,"s":"x"}"#]);
    let denied = decode("csv", &two(), &[("header", "false")], b"n,s\n1,x\n");
    assert_eq!((denied.rows.len(), denied.messages()), (1, vec!["column n: expected a bigint, found 'n'"]));

    let spec = format_named("csv").expect("registered");
    let schema = two();
    let header = options(&[("header", "true")]);
    let request = DecoderRequest { schema: &schema, projection: &[0], options: &header, at_file_start: true };
    let mut decoder = (spec.decoder)(&request).expect("valid options");
    let error = decoder.decode(b"s,n\nx,1\n", true, 10).expect_err("permuted");
    assert!(error.to_string().contains("in the order (s, n), the source in the order (n, s)"), "{error}");
    let middle = DecoderRequest { at_file_start: false, ..request };
    assert_eq!(decode_in("csv", &middle, b"1,x\n2,y\n", &[usize::MAX], 10).rows.len(), 2);
}

#[test]
fn broken_lines_are_errors_of_themselves_whichever_columns_are_read() {
    for (line, message) in [
        ("1", "expected 2 columns, found 1"),
        ("1,x,y", "expected 2 columns, found 3"),
        ("1,\"x", "not CSV at byte 5: a quote is still open at the end of the line"),
        ("1,\"x\"y", "not CSV at byte 6: text stands behind a closing quote"),
        ("1,\"x\" ", "not CSV at byte 6: text stands behind a closing quote"),
        ("\"1\"\",x", "not CSV at byte 7: a quote is still open at the end of the line"),
    ] {
        let text = format!("7,a\n{line}\n8,b\n{line}\n9,c\n");
        for projection in [&[0, 1][..], &[1], &[]] {
            let schema = two();
            let options = FormatOptions::default();
            let request = DecoderRequest { schema: &schema, projection, options: &options, at_file_start: true };
            let decoded = decode_in("csv", &request, text.as_bytes(), &[usize::MAX], 100);
            assert_eq!(decoded.messages(), [message; 2], "{line}");
            assert_eq!(decoded.rows.len(), 3, "{line}");
            assert!(decoded.bad.iter().all(|bad| bad.record == line.as_bytes()));
            assert_eq!(decoded.bad[0].offset, 4);
        }
    }
    let decoded = decode("csv", &two(), &[], b"1,a\n2,\xff\n3,b\n");
    assert_eq!((decoded.rows.len(), decoded.messages()), (2, vec!["not UTF-8 at byte 3"]));
    let decoded = decode("csv", &two(), &[], b"x,a\n9223372036854775808,b\n1,c\n,d\n");
    assert_eq!(
        decoded.messages(),
        ["column n: expected a bigint, found 'x'", "column n: expected a bigint, found '9223372036854775808'"]
    );
    let last = decode("csv", &two(), &[], b"1,a\n2,\"b");
    assert_eq!(last.messages(), ["not CSV at byte 5: a quote is still open at the end of the file"]);
    let last = decode("csv", &two(), &[], b"1,a\n2,\"b\"x");
    assert_eq!(last.messages(), ["not CSV at byte 6: text stands behind a closing quote"]);
    let strict = Schema::new(vec![Field::new("n", LogicalType::BigInt).not_null()]);
    let decoded = decode("csv", &strict, &[], b"1\n\n2\n");
    assert_eq!(decoded.messages(), ["column n: expected a value (bigint not null), found none"]);
}

#[test]
fn cells_of_several_lines_need_the_option() {
    let text = "1,\"a\nb\"\n2,\"c\r\n\"\"\n\"\n3,d\n";
    assert_eq!(
        rows(text, &[("multiline", "true")]),
        [r#"{"n":1,"s":"a\nb"}"#, r#"{"n":2,"s":"c\r\n\"\n"}"#, r#"{"n":3,"s":"d"}"#]
    );
    let single = decode("csv", &two(), &[], text.as_bytes());
    assert_eq!(single.rows, [r#"{"n":3,"s":"d"}"#]);
    let unclosed = decode("csv", &two(), &[("multiline", "true")], b"1,a\n2,\"b\n3,c\n");
    assert_eq!(
        (unclosed.rows.len(), unclosed.messages()),
        (1, vec!["not CSV at byte 10: a quote is still open at the end of the file"])
    );
    let spec = format_named("csv").expect("registered");
    assert_eq!(spec.is_splittable(&options(&[("multiline", "true")])), Ok(false));
    assert_eq!(spec.is_splittable(&FormatOptions::default()), Ok(true));
}

#[test]
fn options_are_checked() {
    let schema = two();
    for (name, value) in [
        ("delimiter", ""),
        ("delimiter", "ab"),
        ("delimiter", "\""),
        ("delimiter", "é"),
        ("header", "yes"),
        ("multiline", "1"),
        ("max_record_bytes", "-1"),
    ] {
        let options = options(&[(name, value)]);
        let request = DecoderRequest { schema: &schema, projection: &[0], options: &options, at_file_start: true };
        let error = (format_named("csv").expect("registered").decoder)(&request).err().expect("refused");
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_record_beyond_the_limit_is_skipped_without_being_held() {
    let long = format!("1,{}", "y".repeat(5_000));
    let quoted = format!("1,\"{}\"", "y,".repeat(5_000));
    let text = format!("1,a\n{long}\n2,b\n{quoted}\n3,c\n{long}");
    let schema = two();
    let options = options(&[("max_record_bytes", "100")]);
    let request = DecoderRequest { schema: &schema, projection: &[0, 1], options: &options, at_file_start: true };
    for reads in [vec![usize::MAX], vec![100], vec![33]] {
        let decoded = decode_in("csv", &request, text.as_bytes(), &reads, 2);
        assert_eq!(decoded.rows.len(), 3, "{reads:?}");
        assert_eq!(decoded.messages(), ["the record is longer than 100 bytes (option max_record_bytes)"; 3]);
    }
}

#[test]
fn every_type_survives_the_way_through_text() {
    let columns: Vec<Field> =
        all_types().into_iter().enumerate().map(|(i, ty)| Field::new(format!("c{i}"), ty)).collect();
    let schema = Schema::new(columns);
    let fields: Vec<String> = a_value_each().iter().enumerate().map(|(i, value)| format!("\"c{i}\":{value}")).collect();
    let nulls: Vec<String> = (0..schema.len()).map(|i| format!("\"c{i}\":null")).collect();
    let lines = [format!("{{{}}}", fields.join(",")), format!("{{{}}}", nulls.join(","))];
    let all: Vec<usize> = (0..schema.len()).collect();
    let none = FormatOptions::default();
    let request = DecoderRequest { schema: &schema, projection: &all, options: &none, at_file_start: true };
    let mut json = (format_named("json").expect("registered").decoder)(&request).expect("valid options");
    json.decode(lines.join("\n").as_bytes(), true, 100).expect("decodes");
    let batch = Batch::untimed(json.flush().expect("flushes").0);
    for entries in [&[][..], &[("delimiter", ";"), ("null_literal", "NULL")]] {
        // A value holds line ends.
        let mut entries = entries.to_vec();
        entries.push(("multiline", "true"));
        let mut encoder =
            (format_named("csv").expect("registered").encoder)(&schema, &options(&entries)).expect("an encoder");
        let mut out = Vec::new();
        encoder.header(&mut out);
        encoder.encode(&batch, &mut out).expect("encodes");
        assert_eq!(decode("csv", &schema, &entries, &out), Decoded { rows: lines.to_vec(), bad: vec![] });
    }
}

#[test]
fn columns_are_inferred() {
    for (sample, expected) in [
        ("a,b,c\n1,x,2026-01-01\n2,y,2026-01-02\n", "(a bigint, b string, c date)"),
        ("1,x\n2.5,y\n", "(f0 double, f1 string)"),
        ("a,b\n1,\n,\n", "(a bigint, b string)"),
        ("id,zip,ok,t\n1,01234,true,2026-01-01T00:00:00Z\n", "(id bigint, zip string, ok boolean, t timestamp_ltz(3))"),
        ("\u{feff}a,\"b c\"\r\n1,\"1\"\r\ncut,", "(a bigint, b c string)"),
        ("time,mag\n2026-01-01T00:00:00.000Z,1e2\n", "(time timestamp_ltz(3), mag double)"),
    ] {
        let inferred = super::infer(sample.as_bytes(), &FormatOptions::default()).expect("columns");
        assert_eq!(inferred.schema.to_string(), expected, "{sample}");
    }
    let records = |sample: &str| super::infer(sample.as_bytes(), &FormatOptions::default()).expect("columns").records;
    assert_eq!((records("a,b\n1,x\n2,y\n"), records("1,x\n2,y\n")), (2, 2));
    assert_eq!(records(&format!("a\n{}", "1\n".repeat(5_000))), 999);
    let inferred = super::infer(b"x,y\nz,w\n", &options(&[("header", "false")])).expect("columns");
    assert_eq!(inferred.schema.to_string(), "(f0 string, f1 string)");
    assert!(super::infer(b"1,2\n", &options(&[("header", "true")])).is_err());
    assert!(super::infer(b"", &FormatOptions::default()).is_err());
}

/// RFC 4180 one byte after the other: the cells of a line and whether each is quoted; `None` when it is broken.
fn reference(line: &[u8]) -> Option<Vec<(Vec<u8>, bool)>> {
    enum At {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut cells = vec![(Vec::new(), false)];
    let mut at = At::Start;
    for &byte in line {
        let cell = cells.last_mut().expect("never empty");
        at = match (at, byte) {
            (At::Start, b'"') => {
                cell.1 = true;
                At::Quoted
            }
            (At::Start | At::Plain | At::Closed, b',') => {
                cells.push((Vec::new(), false));
                At::Start
            }
            (At::Closed, b'"') => {
                cell.0.push(b'"');
                At::Quoted
            }
            (At::Closed, _) => return None,
            (At::Quoted, b'"') => At::Closed,
            (At::Start | At::Plain, other) => {
                cell.0.push(other);
                At::Plain
            }
            (At::Quoted, other) => {
                cell.0.push(other);
                At::Quoted
            }
        };
    }
    (!matches!(at, At::Quoted)).then_some(cells)
}

fn expected(text: &[u8]) -> (Vec<String>, usize) {
    let (mut rows, mut bad) = (Vec::new(), 0);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|&byte| byte == b'\n').filter(|line| !matches!(*line, b"" | b"\r")) {
        let row = reference(line).and_then(|cells| {
            std::str::from_utf8(line).ok()?;
            let [n, s]: [(Vec<u8>, bool); 2] = cells.try_into().ok()?;
            let n = String::from_utf8(n.0).ok()?;
            let n = if n.is_empty() { None } else { Some(n.trim_ascii().parse::<i64>().ok()?) };
            let s = if s.0.is_empty() && !s.1 { None } else { Some(String::from_utf8(s.0).ok()?) };
            Some(serde_json::json!({"n": n, "s": s}))
        });
        match row {
            Some(row) => rows.push(row.to_string()),
            None => bad += 1,
        }
    }
    (rows, bad)
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (any::<i64>(), "[ -~]{0,60}").prop_map(|(n, s)| format!("{n},\"{}\"", s.replace('"', "\"\"")).into_bytes()),
        4 => (0..100_000_i64, "[a-z é]{0,90}").prop_map(|(n, s)| format!("{n},{s}").into_bytes()),
        2 => "[0-9,\"a\r]{0,12}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..20),
        1 => Just(Vec::new()),
    ]
}

proptest! {
    #[test]
    fn random_files_are_what_a_slow_reader_reads(
        lines in proptest::collection::vec(any_line(), 0..20),
        reads in proptest::collection::vec(1..300_usize, 1..6),
        max_rows in 1..9_usize,
        ended in any::<bool>(),
    ) {
        let mut text = lines.join(&b'\n');
        if ended {
            text.push(b'\n');
        }
        let schema = two();
        let options = super::super::testing::options(&[("header", "false")]);
        let request = DecoderRequest { schema: &schema, projection: &[0, 1], options: &options, at_file_start: true };
        let whole = decode_in("csv", &request, &text, &[usize::MAX], 8_192);
        let (rows, bad) = expected(&text);
        let plain = |rows: &[String]| -> Vec<serde_json::Value> {
            rows.iter().map(|row| serde_json::from_str(row).expect("JSON")).collect()
        };
        prop_assert_eq!(plain(&whole.rows), plain(&rows), "{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(whole.bad.len(), bad);
        let parts = decode_in("csv", &request, &text, &reads, max_rows);
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn what_is_written_is_read_again(rows in proptest::collection::vec((any::<Option<i64>>(), any::<Option<String>>()), 1..20)) {
        use std::sync::Arc;
        let (numbers, texts): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let schema = two();
        let batch = arrow_array::RecordBatch::try_new(schema.arrow().clone(), vec![
            Arc::new(arrow_array::Int64Array::from(numbers)),
            Arc::new(arrow_array::StringArray::from(texts)),
        ]).expect("a batch");
        let entries = [("multiline", "true")];
        for format in ["csv", "json"] {
            let spec = format_named(format).expect("registered");
            let entries = if format == "csv" { &entries[..] } else { &[] };
            let options = options(entries);
            let mut encoder = (spec.encoder)(&schema, &options).expect("an encoder");
            let mut out = Vec::new();
            encoder.header(&mut out);
            encoder.encode(&Batch::untimed(batch.clone()), &mut out).expect("encodes");
            let request = DecoderRequest { schema: &schema, projection: &[0, 1], options: &options, at_file_start: true };
            let mut decoder = (spec.decoder)(&request).expect("valid options");
            let taken = decoder.decode(&out, true, 100).expect("decodes");
            prop_assert_eq!(taken, out.len());
            let (read, bad) = decoder.flush().expect("flushes");
            prop_assert_eq!(bad, vec![]);
            prop_assert_eq!(&read, &batch);
        }
    }
}
