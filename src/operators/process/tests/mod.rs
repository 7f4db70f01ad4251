mod faults;
mod flink;
mod language;
mod models;
mod two_inputs;
mod window;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use lotic::lang::ast::Statement;

use crate::api::{Arg, NamedStream, ProcessFunction, Registries, StreamShape};
use crate::operators::testing::script::{Outcome, Step, broken, broken_anywhere, in_order};
use crate::operators::testing::{FakeStream, Random, Values, at, batch, names};
use crate::types::{Batch, Diagnostic, Schema};

/// The process function that `text` defines.
fn function(text: &str) -> Arc<ProcessFunction> {
    let registries = Registries { stages: crate::operators::stages(), ..Registries::default() };
    let mut parsed =
        lotic::lang::parse(text, &registries).unwrap_or_else(|error| panic!("{}", error.render(text, "", false)));
    match parsed.pop().map(|statement| statement.node) {
        Some(Statement::Process(function)) => Arc::new(function),
        other => panic!("{other:?}"),
    }
}

/// `k bigint, v bigint, s string`, some of them null.
fn rows(values: &[(Option<i64>, Option<i64>, i64)]) -> Batch {
    let word = |v: Option<i64>| v.map(|v| ["a", "b", "c"][usize::try_from(v.rem_euclid(3)).expect("small")]);
    let (_, rows) = batch(vec![
        ("k", Values::Int(values.iter().map(|(k, ..)| *k).collect())),
        ("v", Values::Int(values.iter().map(|(_, v, _)| *v).collect())),
        ("s", Values::Text(values.iter().map(|(_, v, _)| word(*v)).collect())),
    ]);
    rows.with_times(values.iter().map(|(.., time)| *time).collect::<Vec<_>>().into())
}

fn schema() -> Schema {
    Schema::from_arrow(rows(&[]).columns().schema_ref()).expect("the types are known")
}

/// `key_by k | process …` over [`rows`].
fn bound(text: &str) -> Result<FakeStream, Diagnostic> {
    let function = function(text);
    let mut stream = FakeStream::new(&schema());
    stream.stage("key_by", vec![names(&["k"])], vec![])?;
    stream.functions = vec![Arc::clone(&function)];
    stream.stage("process", vec![Arg::Name(function.name.clone())], vec![])?;
    Ok(stream)
}

fn planned(text: &str) -> FakeStream {
    bound(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The rows, in the order in which they came out.
fn run(text: &str, steps: &[Step]) -> Outcome {
    in_order(planned(text).last(), steps)
}

/// A random script: rows of few keys, null among them, watermarks that some rows are behind, and the clock.
fn random_steps(seed: u64, length: usize, most: u64) -> Vec<Step> {
    let mut random = Random(seed.wrapping_mul(7_919) + 1);
    let (mut now, mut watermark, mut clock) = (100, 0, 0);
    let mut steps = Vec::new();
    for _ in 0..length {
        match random.below(6) {
            0 => {
                watermark += 1 + random.int(12);
                steps.push(Step::Watermark(watermark));
                now = now.max(watermark);
            }
            1 => {
                clock += random.int(8);
                steps.push(Step::Clock(clock));
            }
            _ => {
                let count = 1 + random.below(most);
                let row = |random: &mut Random| {
                    let key = (random.below(6) > 0).then(|| random.int(3));
                    let value = (random.below(7) > 0).then(|| random.int(9));
                    (key, value, now - 8 + random.int(16))
                };
                let made: Vec<_> = (0..count).map(|_| row(&mut random)).collect();
                now += random.int(6);
                steps.push(Step::Rows(0, rows(&made)));
            }
        }
    }
    steps
}

/// The rows of a script in order, with the watermark and the clock at which each came.
fn each_row(steps: &[Step], mut f: impl FnMut(Option<i64>, Option<i64>, i64, i64)) {
    let mut clock = 0;
    for step in steps {
        match step {
            Step::Clock(now) => clock = *now,
            Step::Watermark(_) => {}
            Step::Rows(_, rows) => {
                for (row, &time) in rows.times().iter().enumerate() {
                    let value = |column: usize| {
                        let column = rows.column(column).as_primitive::<Int64Type>();
                        arrow_array::Array::is_valid(column, row).then(|| column.value(row))
                    };
                    f(value(0), value(1), time, clock);
                }
            }
        }
    }
}

fn shown(value: Option<i64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}
