use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    cast::AsArray, types::Decimal128Type,
};

use super::*;
use crate::expr::bind_predicate;
use crate::expr::testing::{batch, bound, evaluate, parse, run};
use crate::types::{Schema, Span};

/// `a` 1 2 3 null, `b` 0 1 null 0, `s` texts.
fn rows() -> (Schema, RecordBatch) {
    batch(vec![
        ("a", LogicalType::Int, Arc::new(Int32Array::from(vec![Some(1), Some(2), Some(3), None])) as ArrayRef),
        ("b", LogicalType::Int, Arc::new(Int32Array::from(vec![Some(0), Some(1), None, Some(0)]))),
        ("s", LogicalType::String, Arc::new(StringArray::from(vec![Some("1"), Some("x"), None, Some("4")]))),
        (
            "d",
            LogicalType::Decimal(5, 2),
            Arc::new(
                Decimal128Array::from(vec![Some(150), Some(0), None, Some(-25)])
                    .with_precision_and_scale(5, 2)
                    .unwrap(),
            ),
        ),
    ])
}

fn check(text: &str, values: [&str; 4], failed: &[(usize, &str)]) {
    let (schema, batch) = rows();
    let (shown, errors) = run(text, &schema, &batch);
    assert_eq!(shown, values, "{text}");
    let mut errors: Vec<_> = errors.iter().map(|error| (error.row, error.message.as_str())).collect();
    errors.sort_unstable();
    assert_eq!(errors, failed, "{text}");
}

const ZERO: &str = "division by zero";

#[test]
fn rows_fail_by_themselves() {
    check("a / b", ["NULL", "2", "NULL", "NULL"], &[(0, ZERO)]);
    check("a % b", ["NULL", "0", "NULL", "NULL"], &[(0, ZERO)]);
    check("10 / b", ["NULL", "10", "NULL", "NULL"], &[(0, ZERO), (3, ZERO)]);
    check("a / 2", ["0", "1", "1", "NULL"], &[]);
    check("a / d", ["0.666667", "NULL", "NULL", "NULL"], &[(1, ZERO)]);
    check("cast(s as int)", ["1", "NULL", "NULL", "4"], &[(1, "can't cast 'x' to int")]);
    check("try_cast(s as int)", ["1", "NULL", "NULL", "4"], &[]);
    check("a / 0", ["NULL", "NULL", "NULL", "NULL"], &[(0, ZERO), (1, ZERO), (2, ZERO)]);
    check("1 / 0", ["NULL"; 4], &[(0, ZERO), (1, ZERO), (2, ZERO), (3, ZERO)]);
}

#[test]
fn a_failed_row_is_null_whatever_is_made_of_it() {
    check("coalesce(a / b, 7)", ["NULL", "2", "7", "7"], &[(0, ZERO)]);
    check("(a / b) is null", ["NULL", "FALSE", "TRUE", "TRUE"], &[(0, ZERO)]);
}

#[test]
fn a_row_has_its_first_error_only() {
    check(
        "a / b + cast('x' || s as int)",
        ["NULL"; 4],
        &[(0, ZERO), (1, "can't cast 'xx' to int"), (3, "can't cast 'x4' to int")],
    );
}

#[test]
fn what_is_not_chosen_does_not_fail() {
    check("case when b <> 0 then a / b else 0 end", ["0", "2", "0", "0"], &[]);
    check("case b when 0 then -1 else a / b end", ["-1", "2", "NULL", "-1"], &[]);
    check("b <> 0 and a / b > 1", ["FALSE", "TRUE", "NULL", "FALSE"], &[]);
    check("b = 0 or a / b > 1", ["TRUE", "TRUE", "NULL", "TRUE"], &[]);
    check("not (b = 0 or a / b > 1)", ["FALSE", "FALSE", "NULL", "FALSE"], &[]);
    check("if(b = 0, null, a / b)", ["NULL", "2", "NULL", "NULL"], &[]);
    check("coalesce(b, 10 / (a - 3))", ["0", "1", "NULL", "0"], &[(2, ZERO)]);
    check("coalesce(a, 1 / 0)", ["1", "2", "3", "NULL"], &[(3, ZERO)]);
    check("case when a > 1 then 1 / 0 end", ["NULL"; 4], &[(1, ZERO), (2, ZERO)]);
    check("case when false then 1 / 0 else a end", ["1", "2", "3", "NULL"], &[]);
    check("case when true then a else 1 / 0 end", ["1", "2", "3", "NULL"], &[]);
    // Nested masks narrow.
    check("case when b = 0 then case when a > 0 then 5 else a / b end else a / b end", ["5", "2", "NULL", "NULL"], &[]);
    // A condition is asked only where no earlier one held.
    check("case when b = 0 then 0 when a / b > 1 then 1 end", ["0", "1", "NULL", "0"], &[]);
}

#[test]
fn an_error_before_the_deciding_side_counts() {
    check("a / b > 1 and b <> 0", ["NULL", "TRUE", "NULL", "FALSE"], &[(0, ZERO)]);
    check("a / b > 0 and false", ["NULL", "FALSE", "FALSE", "FALSE"], &[(0, ZERO)]);
}

#[test]
fn nulls_pass_through_every_kernel() {
    check("a + b", ["1", "3", "NULL", "NULL"], &[]);
    check("a * d", ["1.50", "0.00", "NULL", "NULL"], &[]);
    check("-d", ["-1.50", "0.00", "NULL", "0.25"], &[]);
    check("a > b", ["TRUE", "TRUE", "NULL", "NULL"], &[]);
    check("a is distinct from b", ["TRUE", "TRUE", "TRUE", "TRUE"], &[]);
    check("null > a", ["NULL"; 4], &[]);
    check("a in (1, 3)", ["TRUE", "FALSE", "TRUE", "NULL"], &[]);
    check("a in (1, null)", ["TRUE", "NULL", "NULL", "NULL"], &[]);
    check("a not in (1, 3)", ["FALSE", "TRUE", "FALSE", "NULL"], &[]);
    check("a in (1, 11, 12, 13, 14, 15, 16, 17, 3)", ["TRUE", "FALSE", "TRUE", "NULL"], &[]);
    check("a not in (1, 11, 12, 13, 14, 15, 16, 17, null)", ["FALSE", "NULL", "NULL", "NULL"], &[]);
    check("s in ('1', 'a', 'b', 'c', 'd', 'e', 'f', 'g')", ["TRUE", "FALSE", "NULL", "FALSE"], &[]);
    check("a between b and 2", ["TRUE", "TRUE", "FALSE", "NULL"], &[]);
    check("s like '%'", ["TRUE", "TRUE", "NULL", "TRUE"], &[]);
    check("s like s", ["TRUE", "TRUE", "NULL", "TRUE"], &[]);
    check("upper(s)", ["1", "X", "NULL", "4"], &[]);
    check("s || '!'", ["1!", "x!", "NULL", "4!"], &[]);
    check("greatest(a, b)", ["1", "2", "NULL", "NULL"], &[]);
    check("array[a, b][2]", ["0", "1", "NULL", "0"], &[]);
    check("row(a, s)", ["(1, 1)", "(2, x)", "(3, NULL)", "(NULL, 4)"], &[]);
    check("map['a', a]['a']", ["1", "2", "3", "NULL"], &[]);
}

#[test]
fn a_predicate_has_no_nulls() {
    let (schema, batch) = rows();
    for (text, expected) in [
        ("a > b", [true, true, false, false]),
        ("true", [true; 4]),
        ("null", [false; 4]),
        ("a / b > 1", [false, true, false, false]),
    ] {
        let expr = bind_predicate(&parse(text), &schema).unwrap();
        let mask = Evaluator::new(&expr).evaluate_predicate(&batch, &mut EvalContext::default()).unwrap();
        assert_eq!(mask, BooleanArray::from(expected.to_vec()), "{text}");
        assert!(mask.nulls().is_none());
    }
}

#[test]
fn an_empty_batch_is_no_problem() {
    let (schema, batch) = rows();
    let empty = batch.slice(0, 0);
    for text in ["a / b", "1 / 0", "case when a > b then s end", "coalesce(a, b)", "array[a, b]", "s like 'x'", "1 + 1"]
    {
        let (shown, errors) = run(text, &schema, &empty);
        assert!(shown.is_empty() && errors.is_empty(), "{text}");
    }
}

#[test]
fn a_slice_of_a_batch_is_evaluated_as_such() {
    let (schema, batch) = rows();
    let (shown, errors) = run("a / b", &schema, &batch.slice(1, 3));
    assert_eq!((shown, errors.len()), (vec!["2".to_owned(), "NULL".into(), "NULL".into()], 0));
}

#[test]
fn processing_time_is_the_contexts() {
    let (schema, batch) = rows();
    let (shown, _) = run("current_timestamp", &schema, &batch);
    assert_eq!(shown, ["2020-02-29 13:14:15.678"; 4]);
    let (shown, _) = run("unix_timestamp()", &schema, &batch);
    assert_eq!(shown, ["1582982055"; 4]);
}

#[test]
fn sizes_do_not_change_the_result() {
    let a: Int64Array = (0..1_000).map(|i| (i % 7 != 0).then_some(i - 500)).collect();
    let b: Int64Array = (0..1_000).map(|i| (i % 5 != 0).then_some(i % 11 - 5)).collect();
    let (schema, all) =
        batch(vec![("a", LogicalType::BigInt, Arc::new(a) as ArrayRef), ("b", LogicalType::BigInt, Arc::new(b))]);
    for text in [
        "a / b",
        "a % b",
        "case when b > 0 then a / b when b < 0 then a * 0.5 else null end",
        "coalesce(a, b, 0) between -10 and 10 or a / b = 3",
        "a in (1, 2, 3) and not b is null",
    ] {
        let (whole, mut errors) = run(text, &schema, &all);
        let mut parts = Vec::new();
        let mut part_errors = Vec::new();
        for start in (0..1_000).step_by(97) {
            let (shown, errors) = run(text, &schema, &all.slice(start, 97.min(1_000 - start)));
            parts.extend(shown);
            part_errors.extend(errors.into_iter().map(|error| RowError { row: error.row + start, ..error }));
        }
        assert_eq!(whole, parts, "{text}");
        errors.sort_by_key(|error| error.row);
        part_errors.sort_by_key(|error| error.row);
        assert_eq!(errors, part_errors, "{text}");
    }
}

#[test]
fn multiples_are_told_as_by_the_remainder() {
    let ends = [None, Some(i64::MIN), Some(i64::MIN + 1), Some(i64::MAX), Some(0), Some(1_256)];
    let a: Int64Array = ends.into_iter().chain((-60..60).map(|i| Some(i * 1_000_000_007 + i))).collect();
    let (schema, all) = batch(vec![("a", LogicalType::BigInt, Arc::new(a) as ArrayRef)]);
    let part = all.slice(2, 100);
    for divisor in ["1", "2", "3", "6", "96", "5000000000", "-3", "cast(7 as tinyint)", "9223372036854775807"] {
        for test in ["= 0", "<> 0", "= cast(0 as bigint)"] {
            for rows in [&all, &part] {
                let told = run(&format!("a % {divisor} {test}"), &schema, rows);
                assert_eq!(told, run(&format!("(a % {divisor}) + 0 {test}"), &schema, rows), "{divisor} {test}");
            }
        }
    }
    let (cast, _) = run("cast(a % 1000 as tinyint) = 0", &schema, &all);
    assert_eq!(cast[5], "TRUE", "a cast that somebody asked for is made: 256 is 0 in eight bits");
}

#[test]
fn bigint_by_decimal_is_exact_in_every_layout() {
    let longs: Vec<i64> = vec![0, 1, -1, 1_000, i64::MAX, i64::MIN, 123_456_789];
    let (schema, batch) = batch(vec![
        ("price", LogicalType::BigInt, Arc::new(Int64Array::from(longs.clone())) as ArrayRef),
        ("small", LogicalType::Int, Arc::new(Int32Array::from(vec![7; longs.len()]))),
    ]);
    let compute = |text: &str| {
        let expr = bound(text, &schema).unwrap();
        let array = Evaluator::new(&expr).evaluate(&batch, &mut EvalContext::default()).unwrap();
        array.as_primitive::<Decimal128Type>().values().to_vec()
    };
    let expected: Vec<i128> = longs.iter().map(|&long| i128::from(long) * 908).collect();
    assert_eq!(compute("price * 0.908"), expected);
    assert_eq!(compute("0.908 * price"), expected);
    assert_eq!(compute("cast(price as decimal(19, 0)) * 0.908"), expected);
    assert_eq!(compute("price * cast(0.908 as decimal(4, 3))"), expected);
    let sevens: Vec<i128> = longs.iter().map(|&long| i128::from(long) * 10 - 70).collect();
    assert_eq!(compute("price - small * 1.0"), sevens);
}

#[test]
fn deep_expressions_stay_inside_a_small_stack() {
    let run_deep = || {
        let mut node = parse("a");
        for _ in 0..190 {
            node = crate::types::Spanned::new(
                crate::expr::ast::Expr::Unary(crate::expr::ast::UnaryOp::Minus, Box::new(node)),
                Span::default(),
            );
        }
        let (schema, batch) = rows();
        let expr = crate::expr::bind(&node, &schema).unwrap();
        let again = expr.clone().fold().remap(&|i| i);
        assert_eq!(expr, again);
        assert!(expr.to_string().len() > 190);
        let (shown, _) = crate::expr::testing::evaluate(&expr, &batch);
        assert_eq!(shown, ["1", "2", "3", "NULL"]);
        // As deep as binding allows, where brackets are not needed.
        let (shown, _) = run(&vec!["a"; 490].join(" + "), &schema, &batch);
        assert_eq!(shown, ["490", "980", "1470", "NULL"]);
        let nested = format!("{}a{}", "coalesce(if(a > 0, ".repeat(60), ", 1), 2)".repeat(60));
        assert_eq!(run(&nested, &schema, &batch).0, ["1", "2", "3", "1"]);
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run_deep).unwrap().join().unwrap();
}

#[test]
fn floats_compare_as_javas_do() {
    let (schema, batch) = batch(vec![(
        "f",
        LogicalType::Double,
        Arc::new(Float64Array::from(vec![f64::NAN, -0.0, 0.0, 1.0])) as ArrayRef,
    )]);
    for (text, expected) in [
        ("f = f", ["FALSE", "TRUE", "TRUE", "TRUE"]),
        ("f = 0e0", ["FALSE", "TRUE", "TRUE", "FALSE"]),
        ("f < 1", ["FALSE", "TRUE", "TRUE", "FALSE"]),
        ("f >= 0", ["FALSE", "TRUE", "TRUE", "TRUE"]),
    ] {
        assert_eq!(run(text, &schema, &batch).0, expected, "{text}");
    }
}

#[test]
fn functions_that_fail_do_so_only_where_they_are_asked() {
    check(
        "case when a < 3 then element(array[a]) else element(array[a, a]) end",
        ["1", "2", "NULL", "NULL"],
        &[(2, "`element` takes an array of at most one item"), (3, "`element` takes an array of at most one item")],
    );
    check(
        "if(s like '%x%', '-', from_base64(s || '!'))",
        ["NULL", "-", "NULL", "NULL"],
        &[(0, "not valid base64"), (3, "not valid base64")],
    );
    check("s <> 'x' and cast(s as int) > 0", ["TRUE", "FALSE", "NULL", "TRUE"], &[]);
}

#[test]
fn patterns_may_differ_from_row_to_row() {
    check("regexp('1x', s)", ["TRUE", "TRUE", "NULL", "FALSE"], &[]);
    check("regexp_replace('1x4', '[' || s || ']', '.')", [".x4", "1.4", "NULL", "1x."], &[]);
    check("split_index('1x4', s, 0)", ["", "1", "NULL", "1x"], &[]);
    check("'a' like case when a = 1 then 'a' else '_' end", ["TRUE"; 4], &[]);
    check(
        "date_format(timestamp '2020-02-29 13:14:15', if(a = 1, 'yyyy', 'bb'))",
        ["2020", "NULL", "NULL", "NULL"],
        &[
            (
                1,
                "pattern letter `b` is not supported; known are y u Y G Q q M L d D E e c w W F a H k h K m s S A n N g X x Z z V O p",
            ),
            (
                2,
                "pattern letter `b` is not supported; known are y u Y G Q q M L d D E e c w W F a H k h K m s S A n N g X x Z z V O p",
            ),
            (
                3,
                "pattern letter `b` is not supported; known are y u Y G Q q M L d D E e c w W F a H k h K m s S A n N g X x Z z V O p",
            ),
        ],
    );
}

#[test]
fn a_pattern_that_backtracks_elsewhere_does_not_hang() {
    let text: ArrayRef = Arc::new(StringArray::from(vec![format!("{}!", "a".repeat(50_000))]));
    let (schema, batch) = batch(vec![("t", LogicalType::String, text)]);
    assert_eq!(run("regexp(t, '(a+)+$')", &schema, &batch).0, ["FALSE"]);
    assert_eq!(run("char_length(regexp_extract(t, '(a+)+', 0))", &schema, &batch).0, ["50000"]);
}

/// Run by hand: `cargo test --release --lib expr::eval::tests::throughput -- --nocapture`.
#[test]
#[expect(clippy::disallowed_methods, reason = "this measures")]
fn throughput() {
    const ROWS: usize = 8_192;
    let batches = if cfg!(debug_assertions) { 4 } else { 20_000 };
    let prices: Int64Array = (0..i64::try_from(ROWS).unwrap()).map(|i| Some(i * 7_919 % 2_000)).collect();
    let texts: StringArray =
        (0..ROWS).map(|i| Some(format!("https://www.nexmark.com/{}/item.htm?query=1", i % 91))).collect();
    let (schema, batch) = batch(vec![
        ("price", LogicalType::BigInt, Arc::new(prices) as ArrayRef),
        ("url", LogicalType::String, Arc::new(texts)),
    ]);
    for text in [
        "price > 1000",
        "price * 0.908",
        "price + 1",
        "price / 7",
        "price > 1000 and price < 1500",
        "case when price > 1000 then price / (price - 1000) else 0 end",
        "url like '%/12/%'",
        "char_length(url)",
        "split_index(url, '/', 3)",
    ] {
        let expr = bound(text, &schema).unwrap();
        let evaluator = Evaluator::new(&expr);
        let start = std::time::Instant::now();
        let mut rows = 0;
        for _ in 0..batches {
            rows += evaluator.evaluate(&batch, &mut EvalContext::default()).unwrap().len();
        }
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(rows, ROWS * batches);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = rows as f64 / seconds / 1e6;
        println!("{text:<64} {rate:>8.0} M rows/s");
    }
}

#[test]
fn instants_are_read_in_the_zone_of_the_scope() {
    let berlin = crate::expr::Zone::named("Europe/Berlin").expect("a zone");
    let schema = Schema::new(Vec::new());
    for (text, expected) in [
        ("cast(to_timestamp_ltz(0, 3) as string)", "1970-01-01 01:00:00.000"),
        ("cast(to_timestamp_ltz(0, 3) as timestamp(3))", "1970-01-01 01:00:00.000"),
        ("cast(to_timestamp_ltz(82800000, 3) as date)", "1970-01-02"),
        ("cast(timestamp '2020-07-01 12:00:00' as timestamp_ltz(3))", "2020-07-01 10:00:00.000"),
        ("cast('2020-07-01 12:00:00' as timestamp_ltz(3))", "2020-07-01 10:00:00.000"),
        ("to_timestamp_ltz('1970-01-01 01:00:00')", "1970-01-01 00:00:00.000"),
        ("extract(hour from to_timestamp_ltz(0, 3))", "1"),
        ("date_format(to_timestamp_ltz(0, 3), 'HH:mm')", "01:00"),
        ("from_unixtime(0)", "1970-01-01 01:00:00"),
        ("unix_timestamp('1970-01-01 01:00:00')", "0"),
        ("floor(to_timestamp_ltz(0, 3) to day)", "1969-12-31 23:00:00.000"),
        ("timestampadd(day, 1, to_timestamp_ltz('2020-03-28 12:00:00'))", "2020-03-29 10:00:00.000"),
        ("to_timestamp_ltz(0, 3) = '1970-01-01 01:00:00'", "TRUE"),
        ("to_timestamp_ltz(0, 3) < timestamp '1970-01-01 00:59:59'", "FALSE"),
        ("localtimestamp()", "2020-02-29 14:14:15.678"),
        ("current_timestamp()", "2020-02-29 13:14:15.678"),
        ("cast(timestamp '2020-07-01 12:00:00' as string)", "2020-07-01 12:00:00.000"),
    ] {
        let scope = crate::expr::Scope::named(None, &schema).in_zone(berlin);
        let expr = crate::expr::bind(&parse(text), scope).expect(text);
        let (shown, errors) = evaluate(&expr, &batch(Vec::new()).1);
        assert_eq!((shown[0].as_str(), errors.len()), (expected, 0), "{text}");
    }
}

#[test]
fn random_numbers_differ_from_row_to_row_and_repeat_with_the_run() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let (schema, rows) = batch(vec![("n", LogicalType::BigInt, numbers)]);
    for text in ["rand()", "uuid()", "rand_integer(1000000000)", "rand(42)"] {
        let expr = crate::expr::bind(&parse(text), &schema).expect(text);
        let (first, again) = (evaluate(&expr, &rows).0, evaluate(&expr, &rows).0);
        assert_eq!(first, again, "{text}");
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), 4, "{text}: {first:?}");
    }
    let drawn = |place: &str| {
        let evaluator = Evaluator::new(&crate::expr::bind(&parse("uuid()"), &schema).expect("binds"));
        let draw = || evaluator.evaluate(&rows, &mut EvalContext::new(5, place)).expect("draws");
        (draw(), draw())
    };
    let ((first, second), (elsewhere, _)) = (drawn("a[0]"), drawn("a[1]"));
    assert!(first != second && first != elsewhere, "batches and subtasks draw others");
}
