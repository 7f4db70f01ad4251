//! The answers of Flink 2.3 to the process functions of `tests/flink/process.py`, beside ours.

use arrow_array::Array;
use arrow_cast::cast;
use arrow_schema::DataType;
use serde_json::{Value, json};

use super::*;
use crate::api::{Armed, Moment, Operator, WatermarkGenerator};
use crate::operators::testing::{Recorder, context};
use crate::types::MAX_WATERMARK;

const GOLDENS: &str = include_str!("../../../../tests/flink/process.json");

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{row} has no {name}"))
}

fn reached(running: &mut dyn Operator, watermark: i64, out: &mut Recorder) {
    while out.armed.event_time.is_some_and(|due| due <= watermark) {
        out.armed = Armed::NOTHING;
        running.advance(Moment { watermark, now_ms: 0 }, out).expect("goes on");
    }
    running.watermark(watermark, out).expect("passes");
}

/// The rows of the main output, sorted as the script sorts them. Times are milliseconds. `at_once` gives the rows of one input
/// in one batch, each with the watermark that it meets.
fn ours(planned: &dyn crate::api::PlannedOperator, rows: &[Value], inputs: usize, at_once: bool) -> Vec<String> {
    let mut running = planned.create(&context()).expect("creates");
    let mut out = Recorder::default();
    let mut greatest = vec![i64::MIN; inputs];
    let one_by_one = if at_once { &[][..] } else { rows };
    if at_once {
        let all: Vec<_> =
            rows.iter().map(|row| (Some(number(row, "k")), Some(number(row, "v")), number(row, "ts"))).collect();
        let times: Vec<i64> = all.iter().map(|row| row.2).collect();
        let mut generator = WatermarkGenerator::new(5_000);
        let met = generator.met_by_each(&times);
        running.process(0, super::rows(&all).with_watermarks(Some(met.into())), &mut out).expect("processes");
        while out.armed.more {
            out.armed = Armed::NOTHING;
            running.advance(Moment { watermark: i64::MIN, now_ms: 0 }, &mut out).expect("goes on");
        }
        let last = times.iter().copied().filter_map(|time| generator.raise(time)).last().expect("rows");
        reached(&mut *running, last, &mut out);
    }
    for row in one_by_one {
        let (input, time) = (usize::try_from(number(row, "input")).expect("small"), number(row, "ts"));
        let one = super::rows(&[(Some(number(row, "k")), Some(number(row, "v")), time)]);
        running.process(input, one, &mut out).expect("processes");
        greatest[input] = greatest[input].max(time);
        let least = greatest.iter().min().copied().unwrap_or(i64::MIN);
        if least > i64::MIN {
            reached(&mut *running, least - 5_000, &mut out);
        }
    }
    reached(&mut *running, MAX_WATERMARK, &mut out);
    assert!(out.rejected.is_empty(), "{:?}", out.rejected);
    let mut found = Vec::new();
    for batch in &out.batches {
        let columns: Vec<_> = batch
            .columns()
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Int64).expect("a number or a time"))
            .collect();
        for row in 0..batch.rows() {
            let value = |column: &arrow_array::ArrayRef| {
                let column = column.as_primitive::<Int64Type>();
                if column.is_valid(row) { json!(column.value(row)) } else { Value::Null }
            };
            found.push(Value::Array(columns.iter().map(value).collect()).to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn process_functions_give_what_they_give_in_flink() {
    let cases: Vec<Value> = serde_json::from_str(GOLDENS).expect("the file is whole");
    assert!(cases.len() >= 20);
    for case in &cases {
        let rows = case["rows"].as_array().expect("rows");
        let inputs = rows.iter().map(|row| number(row, "input")).max().unwrap_or(0) + 1;
        let text = case["function"].as_str().expect("a function");
        let stream = match case["window"].as_str() {
            Some(over) => window::over(text, &format!("key_by k | {over}")).unwrap_or_else(|error| panic!("{error}")),
            None if inputs == 1 => planned(text),
            None => two_inputs::bind(text, case["broadcast"] == json!(true)),
        };
        let mut expected: Vec<String> =
            case["given"].as_array().expect("rows").iter().map(|row| row.to_string().replace(' ', "")).collect();
        expected.sort();
        assert!(!expected.is_empty());
        let inputs = usize::try_from(inputs).expect("few");
        assert_eq!(ours(stream.last(), rows, inputs, false), expected, "{}", case["name"]);
        // A batch is no place where watermarks gather: timers run between its rows.
        if inputs == 1 && case["window"].is_null() {
            assert_eq!(ours(stream.last(), rows, inputs, true), expected, "{} in one batch", case["name"]);
        }
    }
}
