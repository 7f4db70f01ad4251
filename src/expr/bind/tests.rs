use super::*;
use crate::expr::testing::{bound, constant, parse, value};
use crate::types::{Clock, Field, Schema, Spanned, SystemClock};

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("auction", LogicalType::BigInt).not_null(),
        Field::new("price", LogicalType::BigInt),
        Field::new("Channel", LogicalType::String),
        Field::new("at", LogicalType::Timestamp),
        Field::new("day", LogicalType::Date),
        Field::new(
            "who",
            LogicalType::Row(vec![("name".into(), LogicalType::String), ("age".into(), LogicalType::Int)]),
        ),
    ])
}

fn refused(text: &str) -> String {
    match bound(text, &schema()) {
        Ok(expr) => panic!("{text} is {expr}"),
        Err(error) => error.render(text, "<input>", false),
    }
}

#[test]
fn columns_are_found_with_and_without_their_stream() {
    let (schema, name) = (schema(), Spanned::new("bids".to_owned(), Span::default()));
    let bound = |text| bind(&parse(text), Scope::named(Some(&name), &schema)).unwrap();
    for (text, index) in [("price", 1), ("PRICE", 1), ("channel", 2), ("bids.price", 1), ("`Channel`", 2)] {
        assert_eq!(bound(text).as_column(), Some(index), "{text}");
    }
    assert_eq!(bound("who.age").to_string(), "who.age");
    assert_eq!(bound("Bids.who.name").ty(), &LogicalType::String);
}

#[test]
fn mistakes_are_shown_at_their_place() {
    insta::assert_snapshot!(refused("1 + prise"), @r"
    error: there is no column `prise`
     --> <input>:1:5
      |
    1 | 1 + prise
      |     ^^^^^
      |
      = help: did you mean `price`?
    ");
    insta::assert_snapshot!(refused("uper(channel)"), @r"
    error: there is no function `uper`
     --> <input>:1:1
      |
    1 | uper(channel)
      | ^^^^
      |
      = help: did you mean `upper`?
    ");
    insta::assert_snapshot!(refused("price + sum(price)"), @r"
    error: `sum` is an aggregate function, which can't stand here
     --> <input>:1:9
      |
    1 | price + sum(price)
      |         ^^^
      |
      = help: it stands in the stage `aggregate`: … | aggregate sum(…) as NAME
    ");
    insta::assert_snapshot!(refused("price > 1 and channel"), @r"
    error: expected a condition (boolean), found string
     --> <input>:1:15
      |
    1 | price > 1 and channel
      |               ^^^^^^^
    ");
    insta::assert_snapshot!(refused("who.nam"), @r"
    error: `who` has no field `nam`
     --> <input>:1:5
      |
    1 | who.nam
      |     ^^^
      |
      = help: did you mean `name`?
    ");
    insta::assert_snapshot!(refused("upper(price)"), @r"
    error: expected string, found bigint
     --> <input>:1:7
      |
    1 | upper(price)
      |       ^^^^^
      |
      = help: cast it: cast(price as string)
    ");
    insta::assert_snapshot!(refused("at > '2020-02-29 10h'"), @r"
    error: '2020-02-29 10h' is not a value of type timestamp(3)
     --> <input>:1:6
      |
    1 | at > '2020-02-29 10h'
      |      ^^^^^^^^^^^^^^^^ compared with timestamp(3)
      |
      = help: a timestamp is written '2020-02-29 13:30:00'
    ");
    insta::assert_snapshot!(refused("regexp(channel, '(a')"), @r"
    error: this is not a regular expression: unclosed group
     --> <input>:1:17
      |
    1 | regexp(channel, '(a')
      |                 ^^^^
    ");
    insta::assert_snapshot!(refused("substring(channel)"), @r"
    error: `substring` does not take 1 argument
     --> <input>:1:1
      |
    1 | substring(channel)
      | ^^^^^^^^^^^^^^^^^^
      |
      = help: substring(text string, start int[, length int]) -> string
    ");
    insta::assert_snapshot!(refused("timestampadd(dya, 1, at)"), @r"
    error: there is no unit of time `dya`
     --> <input>:1:14
      |
    1 | timestampadd(dya, 1, at)
      |              ^^^ expected year, month, day, hour, minute, second, …
      |
      = help: did you mean `day`?
    ");
    insta::assert_snapshot!(refused("at - at"), @r"
    error: `-` can't be applied to timestamp(3) and timestamp(3)
     --> <input>:1:1
      |
    1 | at - at
      | ^^^^^^^
      |
      = help: timestampdiff(second, at, at) is the time between them
    ");
}

#[test]
fn numbers_out_of_range_are_refused_where_they_stand() {
    assert_eq!(value("9223372036854775807"), "9223372036854775807");
    assert_eq!(value("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(constant("-9223372036854775808").ty(), &LogicalType::BigInt);
    assert_eq!(constant("9223372036854775808").ty(), &LogicalType::Decimal(19, 0));
    insta::assert_snapshot!(refused("price + 1e999"), @r"
    error: the number is out of the range of a double
     --> <input>:1:9
      |
    1 | price + 1e999
      |         ^^^^^ the largest is 1.8e308
    ");
    assert!(refused(&"9".repeat(39)).contains("at most 38 digits"));
}

#[test]
fn conditions_and_coercion_to_a_type() {
    assert!(bind_predicate(&parse("price > 1"), &schema()).is_ok());
    assert!(bind_predicate(&parse("price"), &schema()).is_err());
    let double = bind_as(&parse("price"), &schema(), &LogicalType::Double).unwrap();
    assert_eq!((double.ty(), double.to_string().as_str()), (&LogicalType::Double, "price"));
    let error = bind_as(&parse("channel"), &schema(), &LogicalType::BigInt).unwrap_err();
    assert_eq!(error.to_string(), "expected bigint, found string (cast it: cast(Channel as bigint))");
    assert_eq!(bind_as(&parse("null"), &schema(), &LogicalType::Int).unwrap().ty(), &LogicalType::Int);
}

#[test]
fn long_chains_are_handled_or_refused() {
    let chain = |op: &str, term: &str| vec![term; 10_000].join(op);
    let check = move || {
        for (op, term) in [(" and ", "price > 1"), (" or ", "price > 1"), (" || ", "channel")] {
            let expr = bound(&chain(op, term), &schema()).unwrap();
            assert_eq!(expr.children().len(), 10_000);
        }
        let error = bound(&chain(" + ", "price"), &schema()).unwrap_err();
        assert!(error.message.ends_with("operations stand inside each other"), "{}", error.message);
        assert!(error.span.is_some());
        assert!(bound(&vec!["price"; 400].join(" + "), &schema()).is_ok());
        let list = vec!["1"; 10_000].join(", ");
        assert!(bound(&format!("price in ({list})"), &schema()).is_ok());
    };
    // The trees of such a length are the parser's; what is refused must also be dropped.
    std::thread::Builder::new().stack_size(8 << 20).spawn(check).unwrap().join().unwrap();
}

#[test]
fn expressions_print_as_they_would_be_typed() {
    for (text, expected) in [
        ("(price + 1) * 2 - -price", "(price + 1) * 2 - -price"),
        ("price - (price - 1)", "price - (price - 1)"),
        (
            "price > 1000 and (channel = 'x' or not auction is null)",
            "price > 1000 and (Channel = 'x' or not auction is null)",
        ),
        ("price * 0.908", "price * 0.908"),
        ("cast(price as double) / 3", "cast(price as double) / 3.0e0"),
        ("at + interval '90' minute", "at + interval '90' minute"),
        ("case price when 1 then 'it''s' else null end", "case when price = 1 then 'it''s' end"),
        ("channel not like 'a!%%' escape '!'", "Channel not like 'a!%%' escape '!'"),
        ("price between 1 and 1 + 2", "price >= 1 and price <= 3"),
        ("price in (1, 2)", "price in (1, 2)"),
        ("extract(year from at)", "extract(year from at)"),
        ("array[price, 1][2]", "array[price, 1][2]"),
        ("coalesce(price, auction, 0)", "coalesce(price, auction, 0)"),
        ("at > '2020-01-01 00:00:00'", "at > timestamp '2020-01-01 00:00:00.000'"),
        ("-(-5) + -(price)", "5 + -price"),
    ] {
        assert_eq!(bound(text, &schema()).unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn constants_are_folded_and_failing_ones_left() {
    for (text, expected) in [
        ("1 + 2 * 3", "7"),
        ("upper('a') || 'b'", "'Ab'"),
        ("price > 10 * 100", "price > 1000"),
        ("true and price > 1", "price > 1"),
        ("price > 1 and false", "price > 1 and false"),
        ("false and price > 1", "false"),
        ("case when 1 = 2 then price else auction end", "auction"),
        ("price + 1 / 0", "price + 1 / 0"),
        ("cast('x' as int)", "cast('x' as int)"),
        ("current_timestamp", "current_timestamp()"),
    ] {
        assert_eq!(bound(text, &schema()).unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn plans_can_move_expressions() {
    let expr = bound("price + auction > 5 and price is not null", &schema()).unwrap();
    assert_eq!(expr.columns(), [0, 1]);
    assert_eq!(expr.remap(&|i| i + 3).columns(), [3, 4]);
    let inputs = vec![bound("price * 2", &schema()).unwrap(), bound("7", &schema()).unwrap()];
    assert_eq!(expr.substitute(&inputs).to_string(), "7 + price * 2 > 5 and 7 is not null");
    assert_eq!(expr.conjuncts().len(), 2);
    let other = bound("channel = 'x'", &schema()).unwrap();
    assert_eq!(expr.clone().and(other).conjuncts().len(), 3);
    let always = bound("1 = 1", &schema()).unwrap();
    assert!(always.is_true() && !expr.is_true());
    assert_eq!(always.and(expr.clone()), expr);
    assert_eq!(bound("price+auction>5", &schema()).unwrap(), bound("price + auction > 5", &schema()).unwrap());
}

#[test]
fn every_function_is_documented_and_its_examples_hold() {
    let mut names = Vec::new();
    for spec in functions::functions() {
        assert!(!spec.summary.is_empty() && !spec.summary.ends_with('.'), "{}", spec.name);
        assert!(spec.signature.contains("->"), "{}", spec.name);
        for (example, expected) in spec.examples {
            assert_eq!(value(example), *expected, "{example}");
        }
        names.extend(std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is taken twice");
    assert_eq!(functions::function("SUBSTR").map(|spec| spec.name), Some("substring"));
}

#[test]
fn a_long_literal_is_bound_in_a_time_that_grows_as_it_does() {
    use crate::expr::ast::Literal;
    let nanos = |entries: usize| {
        let literal = |n: usize| Spanned::new(Expr::Literal(Literal::Integer(n.to_string())), Span::default());
        let map = Expr::Map((0..entries).map(|n| (literal(n), literal(n))).collect());
        let map = Spanned::new(map, Span::default());
        // The best of some: what else the machine does only adds.
        let once = || {
            let clock = SystemClock::new();
            let start = clock.nanos();
            let bound = bind(&map, &schema()).expect("binds");
            assert!(bound.as_literal().is_some(), "a constant");
            clock.nanos() - start
        };
        (0..5).map(|_| once()).min().expect("some")
    };
    // Three doublings of at most 2.6 each.
    let (few, many) = (nanos(5_000), nanos(40_000));
    assert!(many <= few * 18, "40,000 entries took {many} ns, 5,000 took {few} ns");
}

#[test]
fn the_call_of_a_defined_function_becomes_its_body() {
    use std::sync::Arc;

    use crate::expr::ast::{Expr, UserFunction};
    use crate::types::{Span, Spanned};

    let at = |text: &str| Spanned::new(text.to_owned(), Span::default());
    let function = |body: &str, returns: LogicalType| {
        Arc::new(UserFunction {
            name: at("f"),
            params: vec![(at("x"), Spanned::new(LogicalType::BigInt, Span::default()))],
            returns: Spanned::new(returns, Span::default()),
            body: parse(body),
            text: String::new(),
        })
    };
    let called =
        |function: &Arc<UserFunction>, arg| Spanned::new(Expr::Apply(Arc::clone(function), vec![arg]), Span::default());
    let schema = Schema::new([Field::new("a", LogicalType::Int), Field::new("s", LogicalType::String)]);
    let squared = function("x * x", LogicalType::BigInt);
    let bound = bind(&called(&squared, parse("a + 1")), &schema).expect("binds");
    assert_eq!((bound.to_string(), bound.ty()), ("(a + 1) * (a + 1)".to_owned(), &LogicalType::BigInt));
    let error = bind(&called(&squared, parse("s")), &schema).expect_err("is no number");
    assert_eq!(error.message, "expected bigint, found string");
    // What grows without end is refused before it does.
    let grown = (0..40).fold(parse("a"), |arg, _| called(&squared, arg));
    assert!(bind(&grown, &schema).expect_err("is too large").message.contains("too large an expression"));
    let error = bind(&called(&function("x + y", LogicalType::BigInt), parse("a")), &schema).expect_err("is wrong");
    assert_eq!(error.message, "in function `f`: there is no column `y`");
}
