use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int32Array,
    Int64Array, StringArray, TimestampMillisecondArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use super::{Accumulator, AggregateCall, Running, RunningEmit, aggregates, bind_aggregate, is_aggregate};
use crate::expr::ast::{Call, Expr, ExprNode, Literal};
use crate::types::key_group::mix;
use crate::types::{Field, LogicalType, Schema, Span, Spanned};

fn at<T>(node: T) -> Spanned<T> {
    Spanned::new(node, Span::default())
}

fn column(name: &str) -> ExprNode {
    at(Expr::Column(vec![at(name.to_owned())]))
}

fn call(function: &str, args: Vec<ExprNode>, distinct: bool) -> Call {
    Call { name: at(function.to_owned()), star: args.is_empty(), args, distinct, filter: None }
}

/// `function(x)` over a column of this type.
fn bound(function: &str, ty: &LogicalType, distinct: bool) -> AggregateCall {
    let schema = Schema::new([Field::new("x", ty.clone())]);
    bind_aggregate(&call(function, vec![column("x")], distinct), &schema).expect("binds")
}

fn shown(array: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).expect("formats");
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

/// The results of groups 0 and 1 when rows go to them in turn.
fn results(call: &AggregateCall, values: &ArrayRef) -> Vec<String> {
    let mut accumulator = call.accumulator().expect("makes");
    accumulator.resize(2);
    accumulator.update(&turns(values.len()), std::slice::from_ref(values), None).expect("updates");
    let results = accumulator.values(&[0, 1]).expect("reads");
    assert_eq!(*results.data_type(), call.ty.to_arrow());
    shown(&results)
}

fn turns(rows: usize) -> Vec<u32> {
    [0, 1].into_iter().cycle().take(rows).collect()
}

/// A column of each type that aggregates are over, with nulls, 64 rows.
fn columns() -> Vec<(LogicalType, ArrayRef)> {
    let number = |row: u64| (mix(row) % 13).cast_signed() - 6;
    let rows = |f: &dyn Fn(i64) -> i64| -> Vec<Option<i64>> {
        (0..64).map(|row| (!mix(row + 99).is_multiple_of(5)).then(|| f(number(row)))).collect()
    };
    let small = |value: Option<i64>| value.map(|value| i32::try_from(value).expect("small"));
    let plain = rows(&|value| value);
    vec![
        (
            LogicalType::TinyInt,
            Arc::new(plain.iter().map(|v| v.map(|v| i8::try_from(v).expect("small"))).collect::<Int8Array>()),
        ),
        (LogicalType::Int, Arc::new(plain.iter().map(|v| small(*v)).collect::<Int32Array>())),
        (LogicalType::BigInt, Arc::new(plain.iter().copied().collect::<Int64Array>())),
        (
            LogicalType::Double,
            Arc::new(
                plain
                    .iter()
                    .map(|v| v.map(|v| f64::from(small(Some(v)).expect("some")) / 4.0))
                    .collect::<Float64Array>(),
            ),
        ),
        (
            LogicalType::Decimal(10, 2),
            Arc::new(
                plain
                    .iter()
                    .map(|v| v.map(|v| i128::from(v) * 33))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(10, 2)
                    .expect("fits"),
            ),
        ),
        (
            LogicalType::String,
            Arc::new(
                plain
                    .iter()
                    .map(|v| v.map(|v| "xy".repeat(usize::try_from(v + 6).expect("small"))))
                    .collect::<StringArray>(),
            ),
        ),
        (LogicalType::Boolean, Arc::new(plain.iter().map(|v| v.map(|v| v > 0)).collect::<BooleanArray>())),
        (LogicalType::Date, Arc::new(plain.iter().map(|v| small(*v)).collect::<Date32Array>())),
        (LogicalType::Timestamp, Arc::new(plain.iter().copied().collect::<TimestampMillisecondArray>())),
        (
            LogicalType::TimestampLtz,
            Arc::new(plain.iter().copied().collect::<TimestampMillisecondArray>().with_timezone("UTC")),
        ),
    ]
}

/// Every function over every type it takes, `distinct` and not.
fn every_call() -> Vec<(AggregateCall, ArrayRef)> {
    let mut calls = Vec::new();
    for (ty, values) in columns() {
        let schema = Schema::new([Field::new("x", ty.clone())]);
        for spec in aggregates() {
            // Casting the argument is for binding to do, and not under test here.
            if spec.coerce.as_ref().is_some_and(|wanted| *wanted != ty) {
                continue;
            }
            for distinct in [false, true] {
                if let Ok(call) = bind_aggregate(&call(spec.name, vec![column("x")], distinct), &schema) {
                    calls.push((call, values.clone()));
                }
            }
        }
    }
    assert!(calls.len() > 80, "{}", calls.len());
    calls
}

#[test]
fn result_types_are_those_of_flink() {
    let mut lines = Vec::new();
    for (ty, _) in columns() {
        let schema = Schema::new([Field::new("x", ty.clone())]);
        for function in ["sum", "avg", "max", "first_value", "count"] {
            let bound = bind_aggregate(&call(function, vec![column("x")], false), &schema);
            let result = bound.map_or_else(|error| error.message, |call| call.ty.to_string());
            lines.push(format!("{function}({ty}): {result}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn nulls_are_left_out_and_nothing_gives_null() {
    let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, None, None, Some(-2), None]));
    let of = |function| results(&bound(function, &LogicalType::BigInt, false), &values);
    assert_eq!(of("sum"), ["5", "null"]);
    assert_eq!(of("avg"), ["2", "null"]);
    assert_eq!(of("count"), ["2", "0"]);
    assert_eq!(of("min"), ["-2", "null"]);
    assert_eq!(of("first"), ["7", "null"]);
    assert_eq!(of("last"), ["-2", "null"]);
}

#[test]
fn sums_overflow_as_in_flink() {
    let bigints: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, 1, 1, 1]));
    assert_eq!(results(&bound("sum", &LogicalType::BigInt, false), &bigints), [i64::MIN.to_string(), "2".to_owned()]);
    let bytes: ArrayRef = Arc::new(Int8Array::from(vec![100, 1, 100, 1]));
    assert_eq!(results(&bound("sum", &LogicalType::TinyInt, false), &bytes), ["-56", "2"]);
    // The average of TINYINT is of the exact sum.
    assert_eq!(results(&bound("avg", &LogicalType::TinyInt, false), &bytes), ["100", "1"]);
    let large = 10_i128.pow(38) - 1;
    let decimals: ArrayRef =
        Arc::new(Decimal128Array::from(vec![large, 5, 1, 5]).with_precision_and_scale(38, 0).expect("fits"));
    assert_eq!(results(&bound("sum", &LogicalType::Decimal(38, 0), false), &decimals), ["null", "10"]);
}

#[test]
fn averages_of_decimals_have_six_places_and_are_rounded_half_up() {
    let decimals: ArrayRef = Arc::new(
        Decimal128Array::from(vec![100, -100, 100, -100, 0, 0]).with_precision_and_scale(10, 2).expect("fits"),
    );
    assert_eq!(results(&bound("avg", &LogicalType::Decimal(10, 2), false), &decimals), ["0.666667", "-0.666667"]);
}

#[test]
fn variances_are_those_of_the_textbook() {
    let values: ArrayRef =
        Arc::new(Float64Array::from(vec![2.0, 5.0, 4.0, 5.0, 4.0, 5.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 7.0, 5.0, 9.0]));
    let of = |function| results(&bound(function, &LogicalType::Double, false), &values);
    assert_eq!(of("stddev_pop")[0], "2.0");
    assert_eq!(of("var_pop")[0], "4.0");
    assert_eq!(of("var_samp")[0], format!("{:?}", 32.0 / 7.0));
    let one: ArrayRef = Arc::new(Float64Array::from(vec![2.0]));
    assert_eq!(results(&bound("stddev_samp", &LogicalType::Double, false), &one), ["null", "null"]);
}

#[test]
fn listagg_joins_by_arrival() {
    let schema = Schema::new([Field::new("x", LogicalType::String)]);
    let separator = at(Expr::Literal(Literal::String("; ".to_owned())));
    let call = bind_aggregate(&call("listagg", vec![column("x"), separator], false), &schema).expect("binds");
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), None, Some("b")]));
    assert_eq!(results(&call, &values), ["b; a; b", "null"]);
    assert_eq!(call.describe(), "listagg(x, '; ')");
}

#[test]
fn all_values_are_collected_by_arrival() {
    let keys: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("b"), Some("c")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(4), Some(1), Some(9), Some(2), None]));
    let schema = Schema::new([Field::new("k", LogicalType::String), Field::new("x", LogicalType::BigInt)]);
    let of = |function: &str, columns: &[(&str, &ArrayRef)], more: Option<ExprNode>| {
        let args = columns.iter().map(|(name, _)| column(name)).chain(more.clone()).collect();
        let call = bind_aggregate(&call(function, args, false), &schema).expect("binds");
        let mut values: Vec<ArrayRef> = columns.iter().map(|(_, values)| Arc::clone(values)).collect();
        if more.is_some() {
            values.push(Arc::new(Float64Array::from(vec![0.0; 5])));
        }
        let mut straight = fresh(&call, false, 1);
        straight.update(&[0; 5], &values, None).expect("updates");
        let expected = shown(&straight.values(&[0]).expect("reads")).remove(0);
        // In slices, and those in another order.
        let call = call.in_slices();
        let slice = |range: std::ops::Range<i64>| {
            let (from, length) =
                (usize::try_from(range.start).expect("small"), usize::try_from(range.end - range.start));
            let (length, arrivals) = (length.expect("small"), Int64Array::from_iter_values(range));
            let mut args: Vec<ArrayRef> = values.iter().map(|column| column.slice(from, length)).collect();
            if call.by_arrival {
                args.push(Arc::new(arrivals));
            }
            let mut part = fresh(&call, false, 1);
            part.update(&vec![0; length], &args, None).expect("updates");
            part
        };
        let mut merged = slice(3..5);
        merged.merge(&[0], &slice(0..3).state(&[0]).expect("encodes")).expect("merges");
        assert_eq!(
            shown(&merged.values(&[0]).expect("reads")),
            std::slice::from_ref(&expected),
            "{function} in slices"
        );
        expected
    };
    let (k, x) = (("k", &keys), ("x", &numbers));
    let share = |digits: &str| Some(at(Expr::Literal(Literal::Decimal(digits.to_owned()))));
    assert_eq!(of("array_agg", &[x], None), "[4, 1, 9, 2, null]");
    assert_eq!(of("collect", &[k], None), "{b: 2, a: 1, c: 1}");
    assert_eq!(of("percentile", &[x], share("0.5")), "3.0");
    assert_eq!(of("percentile", &[x], share("0.25")), "1.75");
    assert_eq!(of("json_arrayagg", &[x], None), "[4,1,9,2]");
    assert_eq!(of("json_arrayagg_null_on_null", &[x], None), "[4,1,9,2,null]");
    assert_eq!(of("json_objectagg", &[k, x], None), r#"{"b":2,"a":1,"c":null}"#);
    assert_eq!(of("json_objectagg_absent_on_null", &[k, x], None), r#"{"b":2,"a":1}"#);
}

#[test]
fn a_filter_leaves_rows_out() {
    let keep = BooleanArray::from(vec![true, false, true, false]);
    for (function, expected) in [("count", "2"), ("sum", "4"), ("max", "3")] {
        let call = bound(function, &LogicalType::BigInt, false);
        let mut accumulator = call.accumulator().expect("makes");
        accumulator.resize(1);
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
        accumulator.update(&[0; 4], &[values], Some(&keep)).expect("updates");
        assert_eq!(shown(&accumulator.values(&[0]).expect("reads")), [expected], "{function}");
    }
}

/// Equal, floats but for their last bits.
fn assert_same(found: &[String], wanted: &[String], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.iter().zip(wanted) {
        match (found.parse::<f64>(), wanted.parse::<f64>()) {
            (Ok(left), Ok(right)) => assert!((left - right).abs() < 1e-6, "{what}: {found} {wanted}"),
            _ => assert_eq!(found, wanted, "{what}"),
        }
    }
}

fn fresh(call: &AggregateCall, retracts: bool, groups: usize) -> Box<dyn Accumulator> {
    let mut accumulator = call.accumulator_for(retracts).expect("makes");
    accumulator.resize(groups);
    accumulator
}

#[test]
fn state_goes_out_and_comes_back() {
    for (call, values) in every_call() {
        for retracts in [false, true] {
            let what = format!("{} over {} retracts {retracts}", call.describe(), values.data_type());
            let half = values.len() / 2;
            let mut straight = fresh(&call, retracts, 2);
            straight.update(&turns(values.len()), std::slice::from_ref(&values), None).expect("updates");
            let expected = shown(&straight.values(&[0, 1]).expect("reads"));

            let mut first = fresh(&call, retracts, 2);
            first.update(&turns(half), &[values.slice(0, half)], None).expect("updates");
            let state = first.state(&[1, 0]).expect("encodes");
            let types: Vec<_> = call.state_fields_for(retracts).iter().map(|field| field.ty.to_arrow()).collect();
            assert_eq!(state.iter().map(|column| column.data_type().clone()).collect::<Vec<_>>(), types, "{what}");
            let mut second = fresh(&call, retracts, 2);
            second.merge(&[1, 0], &state).expect("merges");
            assert_eq!(second.state(&[1, 0]).expect("encodes"), state, "{what}: the state changed on the way");
            second.update(&turns(half), &[values.slice(half, half)], None).expect("updates");
            assert_eq!(shown(&second.values(&[0, 1]).expect("reads")), expected, "{what}: restored");

            let mut other = fresh(&call, retracts, 2);
            other.update(&turns(half), &[values.slice(half, half)], None).expect("updates");
            first.merge_from(&[0, 1], other.as_ref(), 0).expect("merges");
            let merged = shown(&first.values(&[0, 1]).expect("reads"));
            assert_same(&merged, &expected, &what);

            first.clear(0);
            let empty = fresh(&call, retracts, 1);
            assert_eq!(first.values(&[0]).expect("reads").to_data(), empty.values(&[0]).expect("reads").to_data());
            assert_eq!(shown(&first.values(&[1]).expect("reads")), merged[1..], "{what}: another group was cleared");
        }
    }
}

#[test]
fn what_is_taken_back_leaves_no_trace() {
    for (call, values) in every_call() {
        let (half, groups) = (values.len() / 2, turns(values.len() / 2));
        let mut expected = fresh(&call, true, 2);
        expected.update(&groups, &[values.slice(0, half)], None).expect("updates");
        let mut accumulator = fresh(&call, true, 2);
        let second = [values.slice(half, half)];
        accumulator.update(&groups, &[values.slice(0, half)], None).expect("updates");
        accumulator.update(&groups, &second, None).expect("updates");
        accumulator.retract(&groups, &second, None).expect("retracts");
        let what = format!("{} over {}", call.describe(), values.data_type());
        let (found, wanted) = (accumulator.values(&[0, 1]).expect("reads"), expected.values(&[0, 1]).expect("reads"));
        // By arrival, the first of equal values goes: another order may be left, of the same values.
        if !call.in_slices().by_arrival {
            assert_same(&shown(&found), &shown(&wanted), &what);
        }
    }
}

#[test]
fn running_values_are_those_before_and_after_each_row() {
    for (call, values) in every_call() {
        for retracts in [false, true] {
            let groups = turns(values.len());
            let seen = |row: usize| row >= 2;
            let emits: Vec<RunningEmit> =
                (0..groups.len()).map(|row| if seen(row) { RunningEmit::BOTH } else { RunningEmit::AFTER }).collect();
            let emitted = emits.iter().map(|emit| emit.count()).sum();
            let rows = Running { groups: &groups, emits: &emits, emitted, adds: None };
            let mut running = fresh(&call, retracts, 2);
            let found = running.update_running(&rows, std::slice::from_ref(&values), None).expect("runs");
            let mut slow = fresh(&call, retracts, 2);
            let mut wanted = Vec::new();
            for row in 0..values.len() {
                let group = &groups[row..=row];
                if seen(row) {
                    wanted.extend(shown(&slow.values(group).expect("reads")));
                }
                slow.update(group, &[values.slice(row, 1)], None).expect("updates");
                wanted.extend(shown(&slow.values(group).expect("reads")));
            }
            assert_eq!(shown(&found), wanted, "{} over {}", call.describe(), values.data_type());
        }
    }
    // Dense rows take a way of their own.
    let values: ArrayRef = Arc::new(Int64Array::from(vec![3, 5, 8]));
    let emits = [RunningEmit::AFTER, RunningEmit::BOTH, RunningEmit::AFTER];
    let rows = Running { groups: &[0, 0, 1], emits: &emits, emitted: 4, adds: None };
    for (function, wanted) in
        [("sum", ["3", "3", "8", "8"]), ("avg", ["3", "3", "4", "8"]), ("count", ["1", "1", "2", "1"])]
    {
        let mut running = fresh(&bound(function, &LogicalType::BigInt, false), false, 2);
        assert_eq!(
            shown(&running.update_running(&rows, std::slice::from_ref(&values), None).expect("runs")),
            wanted,
            "{function}"
        );
    }
}

#[test]
fn zeros_and_nans_have_an_order() {
    let values: ArrayRef = Arc::new(Float32Array::from(vec![1.0, 0.0, f32::NAN, -1.0]));
    assert_eq!(results(&bound("max", &LogicalType::Float, false), &values), ["NaN", "0.0"]);
    assert_eq!(results(&bound("min", &LogicalType::Float, false), &values), ["1.0", "-1.0"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let schema = Schema::new([Field::new("x", LogicalType::String)]);
    let refused = |function: &str, args: Vec<ExprNode>| {
        bind_aggregate(&call(function, args, false), &schema).expect_err("is refused").to_string()
    };
    assert!(is_aggregate("Sum") && is_aggregate("FIRST") && !is_aggregate("upper"));
    insta::assert_snapshot!(
        [
            refused("sum", vec![column("x")]),
            refused("sum", vec![]),
            refused("avg", vec![column("x"), column("x")]),
            refused("conut", vec![column("x")]),
            refused("listagg", vec![column("x"), column("x")]),
        ]
        .join("\n"),
        @r"
    `sum` takes a number, not string
    `sum` takes an argument, not `*`
    `avg` takes one argument, not 2 (write `avg(x)`)
    there is no aggregate function `conut` (did you mean `count`?)
    the separator must be a text in single quotes
    "
    );
}
