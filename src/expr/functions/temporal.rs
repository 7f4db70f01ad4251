//! Dates and times. Instants are read as those of the session's time zone.

mod kernels;

use super::args::Prepared;
use super::call::kernel;
use super::spec::{Binding, Family, FunctionSpec, Kernel, Nulls, Param, gives_bigint, gives_int, gives_string};
use crate::expr::TypedExpr;
use crate::expr::coerce::coerce_all;
use crate::expr::operators;
use crate::expr::time::{Pattern, Unit};
use crate::expr::typed::{ArithmeticOp, CompareOp, Op};
use crate::types::{Diagnostic, LogicalType, Result, Span};
use Param::{BigInt, Instant, InstantOrInterval, NumberOrText, Text, TimestampOrText};
use arrow_array::{Array, ArrayRef, StringArray, cast::AsArray};

const fn time(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    examples: &'static [(&'static str, &'static str)],
    binding: Binding,
) -> FunctionSpec {
    FunctionSpec::new(Family::Time, name, signature, summary, examples, binding)
}

/// `year(x)` and its like: `extract(year from x)`.
macro_rules! field {
    ($name:literal, $unit:expr, $summary:literal, $example:expr) => {
        time(
            $name,
            concat!($name, "(time) -> bigint"),
            $summary,
            &[$example],
            Binding::Special { arity: (1, 1), build: |args, span| extract($unit, args, span) },
        )
    };
}

const EXTRACT_SPEC: FunctionSpec = time(
    "extract",
    "extract(unit from time) -> bigint",
    "a field of a date, time, timestamp or interval: year, month, day, hour, minute, second, dow, doy, week and so on",
    &[("extract(year from date '2020-02-29')", "2020")],
    Kernel::new(&[Param::Unit, InstantOrInterval], extract_type, kernels::extract).bind(),
);

/// The function that `extract(… from …)` calls.
pub(in crate::expr) static EXTRACT: FunctionSpec = EXTRACT_SPEC;

pub(super) const FUNCTIONS: &[FunctionSpec] = &[
    EXTRACT_SPEC,
    field!("year", Unit::Year, "the year of a date or timestamp", ("year(date '2020-02-29')", "2020")),
    field!("quarter", Unit::Quarter, "the quarter of a date or timestamp, 1 to 4", ("quarter(date '2020-02-29')", "1")),
    field!("month", Unit::Month, "the month of a date or timestamp, 1 to 12", ("month(date '2020-02-29')", "2")),
    field!("week", Unit::Week, "the ISO 8601 week of a date or timestamp, 1 to 53", ("week(date '2020-02-29')", "9")),
    field!(
        "dayofyear",
        Unit::DayOfYear,
        "the day of the year of a date or timestamp, 1 to 366",
        ("dayofyear(date '2020-02-29')", "60")
    ),
    field!(
        "dayofmonth",
        Unit::Day,
        "the day of the month of a date or timestamp, 1 to 31",
        ("dayofmonth(date '2020-02-29')", "29")
    ),
    field!(
        "dayofweek",
        Unit::DayOfWeek,
        "the day of the week of a date or timestamp; Sunday is 1",
        ("dayofweek(date '2020-02-29')", "7")
    ),
    field!("hour", Unit::Hour, "the hour of a time or timestamp, 0 to 23", ("hour(time '13:14:15')", "13")),
    field!("minute", Unit::Minute, "the minute of a time or timestamp, 0 to 59", ("minute(time '13:14:15')", "14")),
    field!("second", Unit::Second, "the second of a time or timestamp, 0 to 59", ("second(time '13:14:15')", "15")),
    time(
        "timestampadd",
        "timestampadd(unit, count bigint, time) -> the type of the time",
        "a time moved by so many units; earlier if the count is negative",
        &[("timestampadd(day, 1, timestamp '2020-02-29 13:14:15')", "2020-03-01 13:14:15.000")],
        Kernel::new(&[Param::Unit, BigInt, Instant], add_type, kernels::timestampadd).bind(),
    ),
    time(
        "timestampdiff",
        "timestampdiff(unit, from time, to time) -> int",
        "how many whole units lie between two times; negative if `to` is the earlier",
        &[("timestampdiff(day, date '2020-02-29', date '2020-03-01')", "1")],
        Kernel::new(&[Param::Unit, Instant, Instant], gives_int, kernels::timestampdiff).bind(),
    ),
    time(
        "date_format",
        "date_format(time timestamp or string, pattern string) -> string",
        "a time as text, by a pattern of the letters y M d H h m s S a E D Q and quoted text",
        &[("date_format(timestamp '2020-02-29 13:14:15', 'yyyy/MM/dd HH:mm')", "2020/02/29 13:14")],
        Kernel::new(&[TimestampOrText, Text], gives_string, kernels::date_format)
            .nulls(Nulls::Possible)
            .fallible()
            .prepare(pattern_in_second)
            .bind(),
    ),
    time(
        "to_timestamp",
        "to_timestamp(text string[, pattern string]) -> timestamp(3)",
        "the timestamp that a text tells, as `yyyy-MM-dd HH:mm:ss[.SSS]` unless a pattern is given; null if it tells none",
        &[
            ("to_timestamp('2020-02-29 10:11:12')", "2020-02-29 10:11:12.000"),
            ("to_timestamp('29/02/2020 10:11', 'dd/MM/yyyy HH:mm')", "2020-02-29 10:11:00.000"),
        ],
        Kernel::new(&[Text, Text], |_| Ok(LogicalType::Timestamp), kernels::to_timestamp)
            .least(1)
            .nulls(Nulls::Possible)
            .prepare(pattern_in_second)
            .bind(),
    ),
    time(
        "to_timestamp_ltz",
        "to_timestamp_ltz(epoch number[, precision int]) -> timestamp_ltz(3)",
        "the instant of epoch milliseconds, of epoch seconds (precision 0), or of a text and its pattern",
        &[
            ("to_timestamp_ltz(1000, 3)", "1970-01-01 00:00:01.000"),
            ("to_timestamp_ltz(1000, 0)", "1970-01-01 00:16:40.000"),
        ],
        Kernel::new(&[NumberOrText, NumberOrText], |_| Ok(LogicalType::TimestampLtz), kernels::to_timestamp_ltz)
            .least(1)
            .nulls(Nulls::Possible)
            .fallible()
            .prepare(pattern_in_second)
            .bind(),
    ),
    time(
        "to_date",
        "to_date(text string[, pattern string]) -> date",
        "the date that a text tells, as `yyyy-MM-dd` unless a pattern is given; null if it tells none",
        &[("to_date('2020-02-29')", "2020-02-29"), ("to_date('nope')", "NULL")],
        Kernel::new(&[Text, Text], |_| Ok(LogicalType::Date), kernels::to_date)
            .least(1)
            .nulls(Nulls::Possible)
            .prepare(pattern_in_second)
            .bind(),
    ),
    time(
        "unix_timestamp",
        "unix_timestamp([text string[, pattern string]]) -> bigint",
        "the epoch seconds of now, or of the time that a text tells; the least bigint if it tells none",
        &[("unix_timestamp('2020-02-29 10:11:12')", "1582971072")],
        Kernel::new(&[Text, Text], gives_bigint, kernels::unix_timestamp)
            .least(0)
            .volatile()
            .prepare(simple_pattern_in_second)
            .bind(),
    ),
    time(
        "from_unixtime",
        "from_unixtime(seconds bigint[, pattern string]) -> string",
        "epoch seconds as text, as `yyyy-MM-dd HH:mm:ss` unless a pattern is given",
        &[("from_unixtime(0)", "1970-01-01 00:00:00")],
        Kernel::new(&[BigInt, Text], gives_string, kernels::from_unixtime)
            .least(1)
            .nulls(Nulls::Possible)
            .fallible()
            .prepare(simple_pattern_in_second)
            .bind(),
    ),
    time(
        "convert_tz",
        "convert_tz(text string, from string, to string) -> string",
        "a time `yyyy-MM-dd HH:mm:ss` of one time zone as the clock of another shows it; null if it is none",
        &[("convert_tz('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles')", "1969-12-31 16:00:00")],
        Kernel::new(&[Text, Text, Text], gives_string, kernels::convert_tz).nulls(Nulls::Possible).bind(),
    ),
    FunctionSpec {
        flink: Some("OVERLAPS"),
        ..time(
            "overlaps",
            "overlaps(start, end or interval, start, end or interval) -> boolean",
            "whether two stretches of time meet, their ends included",
            &[("overlaps(time '9:00:00', time '10:00:00', time '10:15:00', interval '3' hour)", "FALSE")],
            Binding::Special { arity: (4, 4), build: overlaps },
        )
    },
    FunctionSpec {
        flink: None,
        ..time(
            "interval_between",
            "interval_between(unit, from time, to time) -> interval",
            "the time from one to the other: days to seconds, or for years and months whole months; Flink's `(to - from) unit`",
            &[("interval_between(day, date '2020-02-28', date '2020-03-01')", "+2 00:00:00.000")],
            Kernel::new(&[Param::Unit, Instant, Instant], between_type, kernels::interval_between).bind(),
        )
    },
    now(
        "current_timestamp",
        "current_timestamp() -> timestamp_ltz(3), brackets optional",
        "the processing time: when the row is processed",
        |_| Ok(LogicalType::TimestampLtz),
        kernels::now,
    )
    .aliases(&["now"]),
    now(
        "current_row_timestamp",
        "current_row_timestamp() -> timestamp_ltz(3), brackets optional",
        "the processing time: when the row is processed",
        |_| Ok(LogicalType::TimestampLtz),
        kernels::now,
    ),
    now(
        "proctime",
        "proctime() -> timestamp_ltz(3), brackets optional",
        "the processing time; a column that `map` makes of it alone is a time attribute",
        |_| Ok(LogicalType::TimestampLtz),
        kernels::now,
    ),
    now(
        "localtimestamp",
        "localtimestamp() -> timestamp(3), brackets optional",
        "the processing time as a clock in UTC shows it",
        |_| Ok(LogicalType::Timestamp),
        kernels::now,
    ),
    now(
        "current_date",
        "current_date() -> date, brackets optional",
        "the day of the processing time",
        |_| Ok(LogicalType::Date),
        kernels::today,
    ),
    now(
        "current_time",
        "current_time() -> time, brackets optional",
        "the time of day of the processing time",
        |_| Ok(LogicalType::Time),
        kernels::time_of_day,
    )
    .aliases(&["localtime"]),
];

const fn now(
    name: &'static str,
    signature: &'static str,
    summary: &'static str,
    result: fn(&[TypedExpr]) -> Result<LogicalType, String>,
    run: fn(&mut super::Args<'_>) -> Result<ArrayRef>,
) -> FunctionSpec {
    time(name, signature, summary, &[], Kernel::new(&[], result, run).volatile().nulls(Nulls::Never).bind())
}

fn extract(unit: Unit, args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let name = StringArray::from(vec![unit.name()]);
    let unit = TypedExpr::literal(std::sync::Arc::new(name), LogicalType::String);
    kernel(&EXTRACT, std::iter::once(unit).chain(args).collect(), span)
}

/// The type of `extract`. A time that has no days has no year either.
fn extract_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let [unit, of] = args else { return Err("`extract` takes a unit and a time".to_owned()) };
    let name = unit.as_literal().map_or("", |unit| unit.as_string_opt::<i32>().map_or("", |unit| unit.value(0)));
    let unit = Unit::parse(name);
    #[expect(clippy::wildcard_enum_match_arm, reason = "dates and timestamps have every field")]
    let has = match of.ty() {
        LogicalType::Time => matches!(
            unit,
            Some(Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond | Unit::Microsecond | Unit::Epoch)
        ),
        LogicalType::IntervalDayTime => {
            matches!(unit, Some(Unit::Day | Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond | Unit::Epoch))
        }
        LogicalType::IntervalYearMonth => {
            matches!(unit, Some(Unit::Year | Unit::Quarter | Unit::Month | Unit::Century | Unit::Millennium))
        }
        _ => true,
    };
    if has { gives_bigint(args) } else { Err(format!("{} has no field `{name}`", of.ty())) }
}

/// `start1 <= end2 and start2 <= end1`, whichever end was named first.
fn overlaps(args: Vec<TypedExpr>, span: Span) -> Result<TypedExpr, Diagnostic> {
    let Ok([a, b, c, d]) = <[TypedExpr; 4]>::try_from(args) else {
        return Err(Diagnostic::at(span, "an argument is missing"));
    };
    let (first, second) = (stretch(a, b, span)?, stretch(c, d, span)?);
    let before = operators::compare(CompareOp::LtEq, first.0, second.1, span)?;
    let behind = operators::compare(CompareOp::LtEq, second.0, first.1, span)?;
    Ok(before.and(behind))
}

/// The earlier and the later end.
fn stretch(start: TypedExpr, end: TypedExpr, span: Span) -> Result<(TypedExpr, TypedExpr), Diagnostic> {
    let is_interval = matches!(end.ty(), LogicalType::IntervalDayTime | LogicalType::IntervalYearMonth);
    let end = if is_interval { operators::arithmetic(ArithmeticOp::Add, start.clone(), end, span)? } else { end };
    let (ends, ty) = coerce_all("overlaps", vec![start, end], span)?;
    let nullable = ends.iter().any(TypedExpr::nullable);
    let extreme = |op| TypedExpr::op(Op::Extreme(op), ends.clone(), ty.clone(), nullable);
    Ok((extreme(CompareOp::LtEq), extreme(CompareOp::GtEq)))
}

fn between_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let name = args.first().and_then(|unit| unit.as_literal()?.as_string_opt::<i32>().map(|unit| unit.value(0)));
    let unit = name.and_then(Unit::parse).filter(|unit| unit.fixed_ms().is_some() || unit.months().is_some());
    match unit {
        _ if args.get(1).map(TypedExpr::ty) != args.get(2).map(TypedExpr::ty) => {
            Err("the two times are of different types".to_owned())
        }
        Some(unit) if unit.months().is_some() => Ok(LogicalType::IntervalYearMonth),
        Some(_) => Ok(LogicalType::IntervalDayTime),
        None => Err("an interval has no such unit".to_owned()),
    }
}

/// A date stays one while only whole days are added.
fn add_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let [unit, _, time] = args else { return Err("`timestampadd` takes a unit, a count and a time".to_owned()) };
    let unit = unit.as_literal().and_then(|unit| Unit::parse(unit.as_string_opt::<i32>()?.value(0)));
    let Some(unit) = unit.filter(|unit| unit.fixed_ms().is_some() || unit.months().is_some()) else {
        return Err("only units from millisecond to year can be added".to_owned());
    };
    let of_days = unit.months().is_some() || matches!(unit, Unit::Day | Unit::Week);
    Ok(if *time.ty() == LogicalType::Date && !of_days { LogicalType::Timestamp } else { time.ty().clone() })
}

/// Compiles the constant pattern that stands second.
fn pattern_in_second(args: &[Option<&ArrayRef>]) -> Result<Option<Prepared>, String> {
    prepared(args, Pattern::new)
}

/// As `SimpleDateFormat` understands it.
fn simple_pattern_in_second(args: &[Option<&ArrayRef>]) -> Result<Option<Prepared>, String> {
    prepared(args, Pattern::simple)
}

fn prepared(
    args: &[Option<&ArrayRef>],
    compile: fn(&str) -> Result<Pattern, String>,
) -> Result<Option<Prepared>, String> {
    let Some(pattern) = args.get(1).copied().flatten().and_then(|pattern| pattern.as_string_opt::<i32>()) else {
        return Ok(None);
    };
    if pattern.is_null(0) {
        return Ok(None);
    }
    compile(pattern.value(0)).map(|pattern| Some(Prepared::Pattern(pattern)))
}
