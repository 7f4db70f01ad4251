//! The answers of Flink 2.3 to the expressions of `tests/flink/expressions.py`, beside ours.

use std::collections::BTreeSet;

use serde_json::Value;

use super::aggregate::bind_aggregate;
use super::ast::Expr;
use super::testing::{batch, evaluate, parse, try_parse};
use super::{EvalContext, Evaluator, bind};
use crate::types::{LogicalType, Schema};

const GOLDENS: &str = include_str!("../../tests/flink/expressions.json");

/// The expressions where we mean to differ, and why.
const DIFFERENT: &[(&str, &[&str])] = &[
    (
        "exact numbers have 38 digits, wherever they are written",
        &["9223372036854775808", "123456789012345678901234567890.12"],
    ),
    ("a boolean equals the text that it is written as; in Flink it equals none", &["t = 'TRUE'"]),
    ("a precision that there is not is an error of the row", &["TO_TIMESTAMP_LTZ(0, -1)"]),
    ("what coalesce does not choose does not fail", &["COALESCE(i, i / zero)"]),
    (
        "times and timestamps have milliseconds",
        &[
            "CAST(ts AS TIME)",
            "CAST('10:11:12.345' AS TIME)",
            "TO_TIMESTAMP_LTZ(1, 9)",
            "TO_TIMESTAMP_LTZ(123456789, 6)",
            "TO_TIMESTAMP_LTZ(123456789, 9)",
        ],
    ),
    ("Flink's planner computes constants without a negative zero", &["CEIL(-0.5e0)", "LOG(0, 5)"]),
    ("NaN stays NaN", &["ROUND(fzero / fzero)"]),
    ("null; Flink makes a date of its error code", &["TO_DATE('x', 'yyyy-MM-dd')"]),
    (
        "a constant text beside a number is that number",
        &["i = '7'", "'7' = i", "lmax = '5'", "f = '2.5'", "NULLIF(i, '7')"],
    ),
    ("a bare null takes the type that is wanted", &["LOWER(NULL)", "NULL + 1"]),
    (
        "NaN equals nothing; Flink's planner makes `x = x` true for every x",
        &["fzero / fzero = fzero / fzero", "fzero / fzero IS NOT DISTINCT FROM fzero / fzero"],
    ),
    (
        "works",
        &["str LIKE sabc", "SIGN(tmin)", "TIMESTAMPDIFF(DAY, TO_TIMESTAMP_LTZ(0, 3), ts)", "ts - INTERVAL '100' YEAR"],
    ),
    (
        "a constant pattern that does not compile is refused",
        &["REGEXP_REPLACE(str, '(', 'x')", "REGEXP_EXTRACT(str, '(', 1)", "REGEXP('abc', '(')"],
    ),
    ("maps are not compared", &["MAP['a', 1] = MAP['a', 1]"]),
    ("Java's cosh differs in the last digit", &["COSH(1)"]),
    ("null; Flink prints -1 because it believes the items NOT NULL", &["arr[4]", "m['z']"]),
    (
        "NaN is above all numbers, wherever it comes from; in this function Flink tells how it was made",
        &["ARRAY_SORT(ARRAY[CAST(snan AS DOUBLE), f, -f / fzero, fzero, fzero / fzero, -fzero, f / fzero])"],
    ),
    (
        "in arrays the two zeros are equal; Flink tells them apart in these two functions",
        &[
            "ARRAY_EXCEPT(ARRAY[CAST(snan AS DOUBLE), fzero], ARRAY[CAST(snan AS DOUBLE), -fzero])",
            "ARRAY_INTERSECT(ARRAY[CAST(snan AS DOUBLE), fzero], ARRAY[CAST(snan AS DOUBLE), -fzero])",
        ],
    ),
];

/// More of [`DIFFERENT`], beside the answers: reasons, each with its expressions.
fn different_here() -> Vec<(String, Vec<String>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flink/different.json");
    let reasons: std::collections::BTreeMap<String, Vec<String>> =
        serde_json::from_str(&std::fs::read_to_string(path).expect("reads")).expect("valid");
    reasons.into_iter().collect()
}

/// As [`DIFFERENT`], of aggregates: `NaN` is above all numbers, while Flink's minima and maxima over rows that are not taken
/// back depend on when it comes.
const DIFFERENT_AGGREGATES: &[(&str, &[&str])] = &[("MIN(x)", &["NaN", "1", "2"])];

/// A timestamp of Flink has as many digits of a second as its type; ours have three.
fn normalised(text: &str, ty: Option<&str>) -> String {
    match ty {
        Some("timestamp(3)" | "timestamp_ltz(3)") => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let fraction = fraction.trim_end_matches('0');
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
        _ => text.to_owned(),
    }
}

#[test]
fn expressions_mean_what_they_mean_in_flink() {
    let goldens: Value = serde_json::from_str(GOLDENS).expect("valid");
    let (_, one_row) = batch(Vec::new());
    let columns: Vec<(String, LogicalType, arrow_array::ArrayRef)> = goldens["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| {
            let expr = bind(&parse(column["expr"].as_str().expect("text")), &Schema::new(Vec::new())).expect("binds");
            let array = Evaluator::new(&expr).evaluate(&one_row, &mut EvalContext::default()).expect("evaluates");
            (column["name"].as_str().expect("text").to_owned(), expr.ty().clone(), array)
        })
        .collect();
    let (schema, one_row) = batch(columns.iter().map(|(n, t, a)| (n.as_str(), t.clone(), a.clone())).collect());
    let here = different_here();
    let different: BTreeSet<&str> = DIFFERENT
        .iter()
        .flat_map(|(_, texts)| texts.iter().copied())
        .chain(here.iter().flat_map(|(_, texts)| texts.iter().map(String::as_str)))
        .collect();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for golden in goldens["expressions"].as_array().expect("expressions") {
        let text = golden["expr"].as_str().expect("text");
        let ty = golden["type"].as_str();
        let expected = match (golden.get("value"), golden.get("error")) {
            (Some(Value::String(value)), _) => format!("{}: {}", ty.unwrap_or("?"), normalised(value, ty)),
            (Some(_), _) => format!("{}: NULL", ty.unwrap_or("?")),
            (None, Some(_)) if ty.is_none() => "refused".to_owned(),
            (None, _) => "error".to_owned(),
        };
        let found = match try_parse(text)
            .map_err(|message| format!("does not parse: {message}"))
            .and_then(|node| bind(&node, &schema).map_err(|error| format!("refused ({error})")))
        {
            Err(refused) => refused,
            Ok(expr) => {
                let (shown, errors) = evaluate(&expr, &one_row);
                let ty = expr.ty().to_string().to_lowercase();
                match errors.first() {
                    Some(error) => format!("error ({})", error.message),
                    None => format!("{ty}: {}", normalised(&shown[0], Some(&ty))),
                }
            }
        };
        checked += 1;
        let same = found == expected
            || (found.starts_with("refused") && matches!(expected.as_str(), "refused" | "error"))
            || (found.starts_with("error") && expected == "error");
        match (same, different.contains(text)) {
            (true, false) | (false, true) => {}
            (true, true) => wrong.push(format!("{text}\n  is as in Flink, though listed as different")),
            (false, false) => wrong.push(format!("{text}\n  Flink: {expected}\n  ours:  {found}")),
        }
    }
    assert!(checked > 2_000, "goldens are missing");
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn aggregates_give_what_they_give_in_flink() {
    let goldens: Value = serde_json::from_str(GOLDENS).expect("valid");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for golden in goldens["aggregates"].as_array().expect("aggregates") {
        let text = |field: &str| golden[field].as_str().expect("text");
        let values: Vec<&str> =
            golden["values"].as_array().expect("values").iter().map(|value| value.as_str().expect("text")).collect();
        let texts: arrow_array::ArrayRef = std::sync::Arc::new(arrow_array::StringArray::from(values.clone()));
        let (schema, rows) = batch(vec![("t", LogicalType::String, texts)]);
        let column = bind(&parse(&format!("CAST(t AS {})", text("of"))), &schema).expect("binds");
        let column_values = Evaluator::new(&column).evaluate(&rows, &mut EvalContext::default()).expect("evaluates");
        let (schema, rows) = batch(vec![("x", column.ty().clone(), column_values)]);
        let Expr::Call(call) = parse(text("call")).node else { panic!("{} is no call", text("call")) };
        let call = bind_aggregate(&call, &schema).expect("binds");
        let args: Vec<_> = call
            .args
            .iter()
            .map(|arg| Evaluator::new(arg).evaluate(&rows, &mut EvalContext::default()).expect("evaluates"))
            .collect();
        let mut accumulator = call.accumulator().expect("makes");
        accumulator.resize(1);
        accumulator.update(&vec![0; values.len()], &args, None).expect("updates");
        let mut found = format!("{}: ", call.ty.to_string().to_lowercase());
        super::cast::write_value(&mut found, &accumulator.values(&[0]).expect("reads"), &call.ty, 0);
        let expected = format!("{}: {}", text("type"), golden["value"].as_str().unwrap_or("NULL"));
        let different = DIFFERENT_AGGREGATES.contains(&(text("call"), values.as_slice()));
        checked += 1;
        if (found == expected) == different {
            wrong.push(format!(
                "{} of {values:?} as {}\n  Flink: {expected}\n  ours:  {found}",
                text("call"),
                text("of")
            ));
        }
    }
    assert!(checked > 20, "goldens are missing");
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
}
