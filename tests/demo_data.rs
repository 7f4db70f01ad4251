//! The generated files of `demo-data/` are what their generators make. `LOTIC_BLESS=1` writes them anew.

#![allow(clippy::expect_used, clippy::wildcard_enum_match_arm, reason = "helpers of tests are tests")]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use chrono::DateTime;
use common::TestSession;
use lotic::api::{OptionValue, Options, SourcePoll, SourceRequest, SourceStart};
use lotic::connectors::connectors;
use lotic::types::{LogicalType, Schema, Span, Spanned, VirtualClock};

/// Set, rows and seed of each file; the same in `demo-data/README.md`.
const FILES: [(&str, i64); 3] = [("transactions", 2_000), ("sensors", 2_400), ("clicks", 2_400)];
const SEED: i64 = 7;
const MAX_BYTES: usize = 300 * 1_024;

fn generate(set: &str, rows: i64) -> String {
    let spec = connectors().iter().find(|spec| spec.name == "demo").expect("demo is registered");
    let option = |name: &str, value| (name.to_owned(), Spanned::new(OptionValue::Integer(value), Span::default()));
    let source = spec.source.expect("demo is a source")(&SourceRequest {
        name: set.to_owned(),
        target: Some(Spanned::new(set.to_owned(), Span::default())),
        columns: None,
        options: Options::new(vec![option("rows", rows), option("seed", SEED)]),
        base_dir: PathBuf::new(),
        span: Span::default(),
    })
    .expect("the set exists");
    let schema = source.schema().clone();
    let start = SourceStart {
        parallelism: 1,
        projection: (0..schema.len()).collect(),
        restored: None,
        batch_rows: 1_000,
        clock: Arc::new(VirtualClock::at(0)),
    };
    let mut reader = source.start(&start).expect("it starts").remove(0);
    let mut out = String::new();
    loop {
        match reader.poll().expect("it generates") {
            SourcePoll::Rows { rows, .. } => write_rows(&schema, &rows, &mut out),
            SourcePoll::Pending(_) => {}
            SourcePoll::End => return out,
        }
    }
}

fn write_rows(schema: &Schema, rows: &RecordBatch, out: &mut String) {
    for row in 0..rows.num_rows() {
        let fields = schema.fields().iter().enumerate().map(|(index, field)| {
            let value = value(&field.ty, rows.column(index).as_ref(), row);
            format!("{}:{value}", serde_json::Value::from(field.name.as_str()))
        });
        writeln!(out, "{{{}}}", fields.collect::<Vec<_>>().join(",")).expect("a String takes everything");
    }
}

fn value(ty: &LogicalType, column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match ty {
        LogicalType::BigInt => column.as_primitive::<Int64Type>().value(row).to_string(),
        LogicalType::Double => column.as_primitive::<Float64Type>().value(row).to_string(),
        LogicalType::Decimal(..) => column.as_primitive::<Decimal128Type>().value_as_string(row),
        LogicalType::String => serde_json::Value::from(column.as_string::<i32>().value(row)).to_string(),
        LogicalType::Timestamp => {
            let ms = column.as_primitive::<TimestampMillisecondType>().value(row);
            let time = DateTime::from_timestamp_millis(ms).expect("a time of the demo");
            format!("\"{}\"", time.format("%Y-%m-%d %H:%M:%S%.3f"))
        }
        other => panic!("no demo column is a {other}"),
    }
}

/// Holds a file of `demo-data/` to what was made, or writes it anew.
fn check(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data").join(file);
    assert!(made.len() <= MAX_BYTES, "{file} has {} bytes", made.len());
    if std::env::var_os("LOTIC_BLESS").is_some() {
        fs::write(&path, made).expect("demo-data can be written");
    }
    let kept = fs::read_to_string(&path).expect("the file is there");
    assert!(kept == made, "{} is not what its generator makes; LOTIC_BLESS=1 writes it anew", path.display());
}

#[test]
fn the_files_are_what_the_generators_make() {
    for (set, rows) in FILES {
        check(&format!("{set}/{set}.ndjson"), &generate(set, rows));
    }
}

#[test]
fn the_nexmark_files_are_what_the_statement_in_the_readme_makes() {
    for kind in ["person", "auction", "bid"] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut shell = TestSession::new(directory.path(), |settings| settings.parallelism = Some(1));
        let statement = format!("source {kind} from nexmark '{kind}' with (events = 1250, event_rate = 20, seed = 7);");
        if let Err(failure) = shell.run(&format!("{statement} {kind};")) {
            panic!("{statement} {failure}");
        }
        check(&format!("nexmark/{kind}.ndjson"), &(shell.rows.take().join("\n") + "\n"));
    }
}

#[test]
fn the_earthquakes_are_whole_and_in_order() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data/earthquakes/earthquakes.ndjson");
    let text = fs::read_to_string(path).expect("the file is there");
    let mut times = Vec::new();
    for line in text.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        assert!(event["magnitude"].is_number() && event["place"].is_string(), "{line}");
        times.push(event["time"].as_str().expect("a time").to_owned());
    }
    assert_eq!(times.len(), 1_707);
    assert!(times.is_sorted());
}
