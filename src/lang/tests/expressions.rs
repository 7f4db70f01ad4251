//! Expressions: what binds to what, and what each form becomes.

use std::fmt::Write;

use crate::expr::ast::{Expr, ExprNode, IsTest, Literal, UnaryOp};
use crate::lang::parse_expr;

/// The tree as text, every operator in brackets.
pub(super) fn tree(node: &ExprNode) -> String {
    let list = |items: &[ExprNode]| items.iter().map(tree).collect::<Vec<_>>().join(", ");
    let not = |negated: &bool| if *negated { "not " } else { "" };
    match &node.node {
        Expr::Column(parts) => parts.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join("."),
        Expr::Literal(literal) => match literal {
            Literal::Null => "null".into(),
            Literal::Boolean(flag) => flag.to_string(),
            Literal::Integer(digits) | Literal::Double(digits) => digits.clone(),
            Literal::Decimal(digits) => format!("{digits}dec"),
            Literal::String(text) => format!("'{text}'"),
            Literal::Bytes(bytes) => format!("x{bytes:?}"),
            Literal::Date(text) => format!("date'{text}'"),
            Literal::Time(text) => format!("time'{text}'"),
            Literal::Timestamp(text) => format!("timestamp'{text}'"),
            Literal::IntervalDayTime(ms) => format!("{ms}ms"),
            Literal::IntervalYearMonth(months) => format!("{months}months"),
        },
        Expr::Unary(UnaryOp::Not, inner) => format!("(not {})", tree(inner)),
        Expr::Unary(UnaryOp::Minus, inner) => format!("(-{})", tree(inner)),
        Expr::Unary(UnaryOp::Plus, inner) => format!("(+{})", tree(inner)),
        Expr::Binary(left, op, right) => format!("({} {} {})", tree(left), op.node.symbol(), tree(right)),
        Expr::Is { expr, test, negated } => {
            let test = match test {
                IsTest::Null => "null",
                IsTest::True => "true",
                IsTest::False => "false",
                IsTest::Unknown => "unknown",
            };
            format!("({} is {}{test})", tree(expr), not(negated))
        }
        Expr::Between { expr, negated, low, high } => {
            format!("({} {}between {} and {})", tree(expr), not(negated), tree(low), tree(high))
        }
        Expr::InList { expr, negated, list: items } => format!("({} {}in [{}])", tree(expr), not(negated), list(items)),
        Expr::Like { expr, negated, pattern, escape } => {
            let escape = escape.as_ref().map_or(String::new(), |escape| format!(" escape {}", tree(escape)));
            format!("({} {}like {}{escape})", tree(expr), not(negated), tree(pattern))
        }
        Expr::Case { operand, branches, otherwise } => {
            let mut text = "case".to_owned();
            if let Some(operand) = operand {
                write!(text, " {}", tree(operand)).unwrap();
            }
            for (when, then) in branches {
                write!(text, " when {} then {}", tree(when), tree(then)).unwrap();
            }
            if let Some(otherwise) = otherwise {
                write!(text, " else {}", tree(otherwise)).unwrap();
            }
            text + " end"
        }
        Expr::Cast { expr, ty, lenient, length } => {
            let length = length.map_or(String::new(), |length| {
                format!(" of {}{}", if length.fixed { "" } else { "at most " }, length.most)
            });
            format!("{}({} as {}{length})", if *lenient { "try_cast" } else { "cast" }, tree(expr), ty.node)
        }
        Expr::Call(call) => {
            let star = if call.star { "*" } else { "" };
            let distinct = if call.distinct { "distinct " } else { "" };
            let filter = call.filter.as_ref().map_or(String::new(), |filter| format!(" where {}", tree(filter)));
            format!("{}({star}{distinct}{}{filter})", call.name.node, list(&call.args))
        }
        Expr::Apply(function, args) => format!("{}({})", function.name.node, list(args)),
        Expr::Extract(unit, from) => format!("extract({} from {})", unit.node, tree(from)),
        Expr::Array(items) => format!("array[{}]", list(items)),
        Expr::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", tree(key), tree(value))).collect();
            format!("map[{}]", entries.join(", "))
        }
        Expr::Row(items) => format!("row({})", list(items)),
        Expr::Index(of, index) => format!("{}[{}]", tree(of), tree(index)),
        Expr::FieldAccess(of, field) => format!("{}->{}", tree(of), field.node),
    }
}

fn parsed(text: &str) -> String {
    match parse_expr(text) {
        Ok(node) => tree(&node),
        Err(error) => format!("error: {}", error.render(text, "test", false)),
    }
}

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(parsed(text), *expected, "{text}");
    }
}

#[test]
fn operators_bind_by_precedence() {
    all(&[
        ("a or b and c", "(a or (b and c))"),
        ("not a = b and c", "((not (a = b)) and c)"),
        ("not not a", "(not (not a))"),
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a - b - c", "((a - b) - c)"),
        ("-a * b", "((-a) * b)"),
        ("- -1", "(-(-1))"),
        ("a || b || c", "((a || b) || c)"),
        ("a + 1 || b", "((a + 1) || b)"),
        ("a < b = c >= d", "(((a < b) = c) >= d)"),
        ("a <> b", "(a <> b)"),
        ("a != b", "(a <> b)"),
        ("a = b in (1, 2)", "(a = (b in [1, 2]))"),
        ("a = b is not null", "((a = b) is not null)"),
        ("a is distinct from b + 1", "(a is distinct from (b + 1))"),
        ("a is not distinct from b or c", "((a is not distinct from b) or c)"),
        ("a between 1 + 1 and 2 and b", "((a between (1 + 1) and 2) and b)"),
        ("a not between 1 and 2", "(a not between 1 and 2)"),
        ("a not like 'x!%' escape '!' and b", "((a not like 'x!%' escape '!') and b)"),
        ("a not in (b) is unknown", "((a not in [b]) is unknown)"),
        ("a is true is false", "((a is true) is false)"),
        ("a % 2", "(a % 2)"),
        ("-x[1].f", "(-x[1]->f)"),
    ]);
}

#[test]
fn literals_keep_what_was_typed() {
    all(&[
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775808", "(-9223372036854775808)"),
        ("0.10", "0.10dec"),
        (".5", ".5dec"),
        ("1e-3", "1e-3"),
        ("'it''s'", "'it's'"),
        ("''", "''"),
        ("x'0aFF'", "x[10, 255]"),
        ("10s", "10000ms"),
        ("250ms", "250ms"),
        ("1h", "3600000ms"),
        ("1d", "86400000ms"),
        ("-5s", "(-5000ms)"),
        ("date '2020-01-01'", "date'2020-01-01'"),
        ("TIMESTAMP '2020-01-01 10:00:00.5'", "timestamp'2020-01-01 10:00:00.5'"),
        ("time '10:00:00'", "time'10:00:00'"),
        ("interval '4' seconds", "4000ms"),
        ("interval '4.5' second(3)", "4500ms"),
        ("INTERVAL -'2' DAY", "-172800000ms"),
        ("interval '-2' day", "-172800000ms"),
        ("interval '1-2' year to month", "14months"),
        ("interval '3' month", "3months"),
        ("interval '1 10:00:00' day to second", "122400000ms"),
        ("interval '10:30' hour to minute", "37800000ms"),
        ("null is null", "(null is null)"),
        ("`a b`.`c`", "a b.c"),
    ]);
}

#[test]
fn special_forms_become_calls_in_their_documented_order() {
    all(&[
        ("count(*)", "count(*)"),
        ("count(distinct a)", "count(distinct a)"),
        ("sum(a) filter (where b > 1)", "sum(a where (b > 1))"),
        ("now()", "now()"),
        ("current_timestamp", "current_timestamp()"),
        ("extract(YEARS from t)", "extract(year from t)"),
        ("position('a' in b || c)", "position('a', (b || c))"),
        ("trim(a)", "trim(a)"),
        ("trim('x' from a)", "btrim(a, 'x')"),
        ("trim(leading from a)", "ltrim(a)"),
        ("trim(trailing 'x' from a)", "rtrim(a, 'x')"),
        ("substring(a from 2 for 3)", "substring(a, 2, 3)"),
        ("substring(a, 2)", "substring(a, 2)"),
        ("overlay(a placing b from 2 for 3)", "overlay(a, b, 2, 3)"),
        ("floor(t to Hour)", "floor(t, 'hour')"),
        ("ceil(x)", "ceil(x)"),
        ("timestampadd(MINUTE, 5, t)", "timestampadd('minute', 5, t)"),
        ("timestampdiff(day, a, b)", "timestampdiff('day', a, b)"),
        ("array[1, 2][1]", "array[1, 2][1]"),
        ("map['a', 1, 'b', 2]['a']", "map['a': 1, 'b': 2]['a']"),
        ("map[k]", "map[k]"),
        ("row(1, 'a')", "row(1, 'a')"),
        ("(1, 'a')", "row(1, 'a')"),
        ("(a).b", "a->b"),
        ("f(x).y.z", "f(x)->y->z"),
        ("cast(a as decimal)", "cast(a as decimal(10, 0))"),
        ("try_cast(a as numeric(5, 2))", "try_cast(a as decimal(5, 2))"),
        (
            "cast(a as array<row<x int, y map<string, timestamp_ltz(3)>>>)",
            "cast(a as array<row<x int, y map<string, timestamp_ltz(3)>>>)",
        ),
        ("cast(a as varchar(10) array)", "cast(a as array<string>)"),
        ("cast(a as varchar(10))", "cast(a as string of at most 10)"),
        ("try_cast(a as VARBINARY)", "try_cast(a as bytes)"),
        ("cast(a as char)", "cast(a as string of 1)"),
        ("cast(a as binary(3))", "cast(a as bytes of 3)"),
        ("cast(a as timestamp(6) with local time zone)", "cast(a as timestamp_ltz(3))"),
        ("cast(a as double precision)", "cast(a as double)"),
        ("cast(a as interval day(3) to second(3))", "cast(a as interval day to second)"),
    ]);
}

#[test]
fn most_keywords_are_names_where_they_can_be() {
    all(&[
        ("count + window", "(count + window)"),
        ("end > 5", "(end > 5)"),
        ("case when (end > 5) then t.end else when_ end", "case when (end > 5) then t.end else when_ end"),
        ("case x when 1 then 'a' when 2 then 'b' end = 'a'", "(case x when 1 then 'a' when 2 then 'b' end = 'a')"),
        ("date + interval", "(date + interval)"),
        ("array + map + row", "((array + map) + row)"),
        ("from || filter || escape", "((from || filter) || escape)"),
        ("window_start = bids.case", "(window_start = bids.case)"),
        ("left(a, 2) = right", "(left(a, 2) = right)"),
    ]);
}

#[test]
fn spans_are_those_of_the_text() {
    let text = "price * (2 + x[1])";
    let node = parse_expr(text).unwrap();
    assert_eq!(&text[node.span.range()], text);
    let Expr::Binary(left, op, right) = &node.node else { panic!("{node:?}") };
    assert_eq!(
        (&text[left.span.range()], &text[op.span.range()], &text[right.span.range()]),
        ("price", "*", "(2 + x[1])")
    );
    let Expr::Binary(_, _, index) = &right.node else { panic!("{right:?}") };
    assert_eq!(&text[index.span.range()], "x[1]");
}

#[test]
fn long_chains_of_associative_operators_are_flat_trees() {
    let text = vec!["a = 1"; 10_000].join(" or ");
    let node = parse_expr(&text).unwrap();
    assert_eq!(node.span.range(), 0..text.len());
    // Sixteen and fewer keep the order of their terms as everybody expects it.
    assert_eq!(parsed("a and b and c"), "((a and b) and c)");
    assert!(tree(&node).starts_with("(((((((((((((("));
    assert_eq!(tree(&node).matches("(a = 1)").count(), 10_000);
}
