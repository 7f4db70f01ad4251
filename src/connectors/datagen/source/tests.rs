use std::path::Path;

use super::*;
use crate::api::OptionValue;
use crate::connectors::testing::{read, read_with_failures, request, start};
use crate::expr::ast::{Expr, Literal};
use crate::types::{Field, LogicalType, Span, Spanned};

fn columns() -> Schema {
    Schema::new([
        Field::new("id", LogicalType::BigInt),
        Field::new("price", LogicalType::Decimal(10, 2)),
        Field::new("share", LogicalType::Double),
        Field::new("name", LogicalType::String),
        Field::new("flag", LogicalType::Boolean),
        Field::new("small", LogicalType::TinyInt),
        Field::new("day", LogicalType::Date),
        Field::new("ts", LogicalType::Timestamp),
    ])
}

fn of_column(column: &str, value: Literal) -> OptionValue {
    let node = |expr| Spanned::new(expr, Span::new(31, 34));
    let key = node(Expr::Literal(Literal::String(column.to_owned())));
    OptionValue::Expr(node(Expr::Map(vec![(key, node(Expr::Literal(value)))])))
}

fn options() -> Vec<(&'static str, OptionValue)> {
    vec![
        ("rows", OptionValue::Integer(500)),
        ("seed", OptionValue::Integer(7)),
        ("kind", of_column("id", Literal::String("sequence".to_owned()))),
        ("start", of_column("id", Literal::Integer("1000".to_owned()))),
        ("step", of_column("ts", Literal::IntervalDayTime(250))),
        ("max", of_column("price", Literal::Decimal("99.99".to_owned()))),
        ("length", OptionValue::Integer(5)),
        ("null_rate", of_column("name", Literal::Decimal("0.25".to_owned()))),
    ]
}

fn datagen(options: &[(&str, OptionValue)]) -> Arc<dyn PlannedSource> {
    source(&request(None, Some(columns()), options, Path::new("."))).unwrap()
}

#[test]
fn rows_follow_the_options_and_stay_what_they_are() {
    let got = read(&*datagen(&options()), &start(1, &[0, 1, 2, 3, 4, 5, 6, 7], 500)).unwrap();
    let rows = crate::connectors::testing::shown(&got.batches[0]);
    insta::assert_snapshot!(rows[..4].join("\n"), @"
    1000 12.89 0.726689351815185 wtebf true -116 2024-01-01 2024-01-01T00:00:00
    1001 39.23 0.11506578228467224 vrmtc false 10 2024-01-02 2024-01-01T00:00:00.250
    1002 81.23 0.74697606081563 zpcgc true 52 2024-01-03 2024-01-01T00:00:00.500
    1003 94.75 0.36909128562538307 joigq true -123 2024-01-04 2024-01-01T00:00:00.750
    ");
    let nulls = got.batches[0].column(3).null_count();
    assert!((80..170).contains(&nulls), "{nulls}");
}

#[test]
fn every_parallelism_and_every_restore_gives_the_same_rows() {
    let source = datagen(&options());
    let columns = [0, 1, 3, 7];
    let straight = read(&*source, &start(1, &columns, 16)).unwrap().sorted();
    assert_eq!(straight.len(), 500);
    assert_eq!(read(&*source, &start(3, &columns, 16)).unwrap().sorted(), straight);
    for seed in 0..20 {
        assert_eq!(read_with_failures(&*source, &start(1, &columns, 16), seed).unwrap().sorted(), straight);
    }
}

#[test]
fn times_come_out_of_order_by_no_more_than_was_asked_for() {
    use arrow_array::cast::AsArray;
    let mut options = options();
    options.push(("out_of_order", OptionValue::Duration(2_000)));
    let got = read(&*datagen(&options), &start(1, &[7], 500)).unwrap();
    let times =
        got.batches[0].column(0).as_primitive::<arrow_array::types::TimestampMillisecondType>().values().clone();
    let held_back: Vec<i64> = (0_i64..).zip(&times).map(|(row, time)| 1_704_067_200_000 + row * 250 - time).collect();
    assert!(held_back.iter().all(|ms| (0..=2_000).contains(ms)));
    assert!(times.windows(2).any(|pair| pair[0] > pair[1]) && held_back.iter().any(|&ms| ms > 1_500));
}

#[test]
fn a_sequence_with_an_end_ends_the_source() {
    let mut options = options();
    options.push(("end", of_column("id", Literal::Integer("1009".to_owned()))));
    assert_eq!(read(&*datagen(&options), &start(2, &[0], 16)).unwrap().rows(), 10);
    let tiny = [("kind", of_column("small", Literal::String("sequence".to_owned())))];
    // A TINYINT counts from 0 to 127.
    assert_eq!(read(&*datagen(&tiny), &start(1, &[5], 16)).unwrap().rows(), 128);
}

#[test]
fn extreme_ranges_neither_overflow_nor_leave_the_type() {
    let source = datagen(&[("rows", OptionValue::Integer(1_000))]);
    let got = read(&*source, &start(1, &[0, 5], 1_000)).unwrap();
    assert_eq!(got.rows(), 1_000);
    let mut options = options();
    options.push(("min", of_column("id", Literal::Integer("0".to_owned()))));
    options.retain(|(name, _)| *name != "start");
    options.push(("start", of_column("id", Literal::Integer(i64::MAX.to_string()))));
    assert_eq!(read(&*datagen(&options), &start(1, &[0], 16)).unwrap().rows(), 500);
}

#[test]
fn mistakes_are_refused_at_their_place() {
    let refused = |columns: Option<Schema>, options: &[(&str, OptionValue)]| {
        let error = source(&request(None, columns, options, Path::new("."))).unwrap_err();
        assert!(error.span.is_some());
        error.to_string()
    };
    insta::assert_snapshot!(refused(None, &[]), @"the connector `datagen` needs columns (write source s from datagen columns (id bigint, name string) with (rows = 100))");
    insta::assert_snapshot!(refused(Some(columns()), &[("max", of_column("prise", Literal::Integer("1".to_owned())))]), @"there is no column `prise` (did you mean `price`?)");
    insta::assert_snapshot!(refused(Some(columns()), &[("max", of_column("small", Literal::Integer("1000".to_owned())))]), @"`min` to `max` is not a range of column `small` of type tinyint");
    insta::assert_snapshot!(refused(Some(columns()), &[("length", OptionValue::Integer(-1))]), @"option `length` does not fit column `name` of type string");
    insta::assert_snapshot!(refused(Some(columns()), &[("null_rate", OptionValue::Double(1.5))]), @"option `null_rate` does not fit column `id` of type bigint");
    let array = Schema::new([Field::new("a", LogicalType::Array(Box::new(LogicalType::Int)))]);
    insta::assert_snapshot!(refused(Some(array), &[]), @"the connector `datagen` can't make column `a` of type array<int> (leave the column out, and compute it with `map`)");
}
