//! Files and formats together: what no half can show alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::SPEC;
use crate::api::{OptionValue, PlannedSource};
use crate::connectors::testing::{Got, read, read_with_failures, request, start};
use crate::types::{Field, LogicalType, Schema};

fn source(
    dir: &Path,
    target: &str,
    columns: Option<Schema>,
    options: &[(&'static str, OptionValue)],
) -> Arc<dyn PlannedSource> {
    SPEC.source.unwrap()(&request(Some(target), columns, options, dir)).unwrap()
}

fn refused(dir: &Path, target: &str, columns: Option<Schema>, options: &[(&'static str, OptionValue)]) -> String {
    let error = SPEC.source.unwrap()(&request(Some(target), columns, options, dir)).unwrap_err();
    assert!(error.span.is_some(), "{error}");
    error.to_string()
}

fn rejected(got: &Got) -> Vec<String> {
    let mut places: Vec<_> = got.rejected.iter().map(|row| row.place.clone()).collect();
    places.sort_unstable();
    places
}

fn columns() -> Schema {
    Schema::new([
        Field::new("id", LogicalType::BigInt),
        Field::new("name", LogicalType::String),
        Field::new("price", LogicalType::Double),
    ])
}

const JSON: &str = "\u{feff}{\"id\": 1, \"name\": \"a\", \"price\": 1.5}\r\n{\"id\": 2, \"name\": \"b\\nc\", \"price\": null}\n\
                    {\"id\": 3, \"name\"\n{\"price\": 2, \"id\": 4, \"name\": \"d\"}\n{\"id\": \"x\"}\n{\"id\": 5}";
const CSV: &str = "\u{feff}id,name,price\r\n1,a,1.5\r\n2,\"b,c\",\n3,\"open,2\n4,d,2,5\n5,e,x\n6,f,3";

#[test]
fn at_every_split_size_json_and_csv_are_read_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content, rows, bad) in [("f.ndjson", JSON, 4, 2), ("f.csv", CSV, 3, 3)] {
        fs::write(dir.path().join(name), content).unwrap();
        let straight = read(&*source(dir.path(), name, Some(columns()), &[]), &start(1, &[0, 1, 2], 100)).unwrap();
        assert_eq!((straight.rows(), straight.rejected.len()), (rows, bad), "{:?}", rejected(&straight));
        for split in 1..=i64::try_from(content.len() + 2).unwrap() {
            let source = source(dir.path(), name, Some(columns()), &[("split", OptionValue::Integer(split))]);
            let got = read(&*source, &start(2, &[0, 1, 2], 3)).unwrap();
            assert_eq!(got.sorted(), straight.sorted(), "{name} in splits of {split}");
            assert_eq!(rejected(&got), rejected(&straight), "{name} in splits of {split}");
            let got = read_with_failures(&*source, &start(1, &[0, 1, 2], 2), split.unsigned_abs()).unwrap();
            assert_eq!((got.sorted(), rejected(&got)), (straight.sorted(), rejected(&straight)), "{name}, {split}");
        }
    }
    let places =
        |name: &str| rejected(&read(&*source(dir.path(), name, Some(columns()), &[]), &start(1, &[], 9)).unwrap());
    insta::assert_snapshot!(places("f.csv").join(" "), @"f.csv:4 f.csv:5");
    insta::assert_snapshot!(places("f.ndjson").join(" "), @"f.ndjson:3");
}

#[test]
fn columns_are_inferred_and_every_file_may_have_its_header() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), "id,name\n1,x\n").unwrap();
    fs::write(dir.path().join("b.csv"), "id,name\n2,y\n").unwrap();
    let csv = source(dir.path(), "*.csv", None, &[]);
    insta::assert_snapshot!(csv.schema(), @"(id bigint, name string)");
    assert_eq!(
        (csv.inferred_from(), source(dir.path(), "*.csv", Some(columns()), &[]).inferred_from()),
        (Some(1), None)
    );
    assert_eq!(read(&*csv, &start(2, &[0, 1], 10)).unwrap().sorted(), ["1 x", "2 y"]);
    fs::write(dir.path().join("c.ndjson"), "{\"id\": 1, \"at\": \"2024-01-01 00:00:00\"}\n").unwrap();
    insta::assert_snapshot!(source(dir.path(), "c.ndjson", None, &[]).schema(), @"(id bigint, at timestamp(3))");
    insta::assert_snapshot!(refused(dir.path(), "*", None, &[]), @"'a.csv' is csv and 'c.ndjson' is json: files of one source have one format");
}

/// Bad input 25: with `multiline` a quoted cell goes on over line ends, without it the line is an error of its own.
#[test]
fn quoted_line_ends_are_read_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f.csv"), "id,name,price\n1,\"two\nlines\",2\n2,b,3\n").unwrap();
    for split in [1, 20, 1_000] {
        let options = [("split", OptionValue::Integer(split)), ("multiline", OptionValue::Boolean(true))];
        let got = read(&*source(dir.path(), "f.csv", Some(columns()), &options), &start(2, &[0, 1], 10)).unwrap();
        assert_eq!(got.sorted(), ["1 two\nlines", "2 b"], "{split}");
        let got = read(&*source(dir.path(), "f.csv", Some(columns()), &options[..1]), &start(2, &[0], 10)).unwrap();
        assert_eq!(
            (got.sorted(), rejected(&got)),
            (vec!["2".to_owned()], vec!["f.csv:2".to_owned(), "f.csv:3".to_owned()])
        );
    }
}

/// Bad input 17 with the formats' own skipping.
#[test]
fn a_long_record_is_one_rejected_record() {
    let dir = tempfile::tempdir().unwrap();
    let long = "9".repeat(3 << 20);
    fs::write(dir.path().join("f.ndjson"), format!("{{\"id\":1}}\n{{\"id\":{long}}}\n{{\"id\":2}}\n")).unwrap();
    fs::write(dir.path().join("f.csv"), format!("1,a,1\n{long},b,2\n2,c,3\n")).unwrap();
    for (name, seed) in [("f.ndjson", 1), ("f.csv", 2)] {
        for split in [1 << 18, 1 << 20, 1 << 30] {
            let limit = ("max_record_bytes", OptionValue::Integer(1 << 19));
            let options = [("split", OptionValue::Integer(split)), limit];
            let source = source(dir.path(), name, Some(columns()), &options);
            for got in [read(&*source, &start(2, &[0], 10)), read_with_failures(&*source, &start(2, &[0], 10), seed)] {
                let got = got.unwrap();
                assert_eq!((got.sorted(), rejected(&got)), (vec!["1".into(), "2".into()], vec![format!("{name}:2")]));
            }
        }
    }
}

#[test]
fn options_of_the_format_are_checked_when_the_source_is_typed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f.csv"), "1,a,1\n").unwrap();
    let refused =
        |name: &'static str, value: OptionValue| refused(dir.path(), "f.csv", Some(columns()), &[(name, value)]);
    insta::assert_snapshot!(refused("delimiter", OptionValue::Text("ab".to_owned())), @"option `delimiter` takes one ASCII character, but no quote and no line end");
    insta::assert_snapshot!(refused("header", OptionValue::Integer(3)), @"option `header` takes true or false, not `3`");
    insta::assert_snapshot!(refused("max_record_bytes", OptionValue::Integer(1 << 40)), @"option `max_record_bytes` takes a number of bytes from 1 to 536870912, not `1099511627776`");
    let permuted = Schema::new([Field::new("b", LogicalType::String), Field::new("a", LogicalType::String)]);
    fs::write(dir.path().join("g.csv"), "a,b\n1,2\n").unwrap();
    let got = source(dir.path(), "g.csv", Some(permuted), &[("header", OptionValue::Boolean(true))]);
    insta::assert_snapshot!(read(&*got, &start(1, &[0], 1)).err().unwrap(), @"the header has the columns in the order (a, b), the source in the order (b, a): declare them in the order of the header");
}
