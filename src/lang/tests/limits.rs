//! Inputs made to break parsers: each is refused fast, at its place, without a panic.

use super::registry::GRAMMAR;
use crate::lang::{Due, Splitter, due, parse, parse_expr};
use crate::types::Diagnostic;

fn refused(text: &str) -> Diagnostic {
    match parse(text, &GRAMMAR) {
        Err(error) => error,
        Ok(statements) => panic!("{} statements", statements.len()),
    }
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("bids | filter {}{inner}{}", open.repeat(count), close.repeat(count))
    };
    for (open, close) in [
        ("(", ")"),
        ("f(", ")"),
        ("a[", "]"),
        ("not ", ""),
        ("- ", ""),
        ("array[", "]"),
        ("case when ", " then 1 end"),
        ("cast(", " as int)"),
        ("trim(", ")"),
        ("a in (", ")"),
    ] {
        let error = refused(&nested(open, "1", close, 100_000));
        assert_eq!(error.message, "nested deeper than 200 levels", "{open}");
        assert!(error.span.unwrap().start > 14, "{open}");
        assert!(parse(&nested(open, "1", close, 199), &GRAMMAR).is_ok(), "{open}");
    }
    let arrays = format!("source s from file 'x' columns (a {}int)", "array<".repeat(100_000));
    assert_eq!(refused(&arrays).message, "nested deeper than 200 levels");
    let arrays = format!("source s from file 'x' columns (a int {})", "array ".repeat(100_000));
    assert_eq!(refused(&arrays).message, "nested deeper than 200 levels");
    assert_eq!(refused(&"(".repeat(100_000)).message, "unexpected `(`");
}

#[test]
fn long_chains_are_bounded_and_dropped_safely() {
    let sum = vec!["a"; 10_000].join(" + ");
    let error = parse_expr(&sum).unwrap_err();
    assert_eq!(error.message, "more than 500 operations stand inside each other");
    assert!(parse_expr(&vec!["a"; 500].join(" + ")).is_ok());
    for part in ["[1]", ".f[1]", " is null"] {
        let error = parse_expr(&format!("f(x){}", part.repeat(10_000))).unwrap_err();
        assert_eq!(error.message, "more than 500 operations stand inside each other", "{part}");
    }
    // Nesting and chains multiply.
    let inner = vec!["a"; 300].join(" + ");
    let error = parse_expr(&format!("(({inner}) + {inner})")).unwrap_err();
    assert_eq!(error.message, "more than 500 operations stand inside each other");
}

#[test]
fn wide_input_is_linear() {
    let columns: Vec<String> = (0..10_000).map(|i| format!("c{i} + {i} as d{i}")).collect();
    let text = format!("bids | map {}", columns.join(",\n  "));
    assert_eq!(parse(&text, &GRAMMAR).unwrap().len(), 1);
    assert_eq!(due(&text, &GRAMMAR), Due::Nothing);
    let statements = "bids | limit 5\n".repeat(20_000);
    assert_eq!(parse(&statements, &GRAMMAR).unwrap().len(), 20_000);
    let pipeline = format!("bids{}", "\n | limit 5".repeat(20_000));
    assert_eq!(parse(&pipeline, &GRAMMAR).unwrap().len(), 1);
    // A line at a time, each of which leaves the statement unfinished.
    let mut splitter = Splitter::default();
    for line in text.lines() {
        assert_eq!(splitter.push(&format!("{line}\n"), &GRAMMAR), Vec::<String>::new());
    }
    assert_eq!(splitter.push(";\n", &GRAMMAR).len(), 1);
}

#[test]
fn identifiers_and_numbers_have_a_greatest_length() {
    let error = refused(&format!("bids | filter {} > 1", "x".repeat(1_000_000)));
    assert_eq!(error.message, "identifier longer than 255 bytes");
    assert_eq!(error.span.unwrap().start, 14);
    assert_eq!(refused(&format!("`{}` | limit 1", "é".repeat(150))).message, "identifier longer than 255 bytes");
    assert_eq!(refused(&format!("bids | limit {}", "9".repeat(1_000))).message, "number longer than 255 bytes");
    assert!(parse(&format!("{} | limit 1", "x".repeat(255)), &GRAMMAR).is_ok());
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    for name in ["a/../b", "..", ".hidden", "a\\b"] {
        let error = refused(&format!("run `{name}` = bids | limit 1"));
        assert_eq!(error.message, format!("the name `{name}` can't be used"));
    }
    for (name, point) in [("a\u{202e}b", "U+202E"), ("a\u{1b}[2J", "U+001B"), ("a\0b", "U+0000"), ("\u{9b}", "U+009B")]
    {
        let error = refused(&format!("run `{name}` = bids | limit 1"));
        assert_eq!(error.message, format!("a name with the character {point}"));
    }
    // A column's name may be anything printable.
    assert!(parse("bids | map `km/h` as `m/s`", &GRAMMAR).is_ok());
}

#[test]
fn odd_bytes_are_shown_at_their_place_and_never_sent() {
    for (text, message) in [
        ("bids | limit\0 5", "unexpected character U+0000"),
        ("bids | \u{202e}limit 5", "unexpected character U+202E"),
        ("bids | filter a = 'x\0'", "a NUL character in a text"),
        ("bids | filter a = 1 & b", "unexpected character `&`"),
    ] {
        let error = refused(text);
        assert_eq!(error.message, message);
        assert!(!error.render(text, "f", false).contains(['\0', '\u{202e}']));
    }
    assert!(parse("\u{feff}bids | limit 5;\r\nbids\r\n| limit\u{a0}5\r\n", &GRAMMAR).is_ok());
}

#[test]
fn white_space_is_the_same_in_a_directive_as_elsewhere() {
    for space in
        ["\t", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{a0}", "\u{2028}", "\u{2029}", "\u{3000}", "\u{a0} \u{2028}"]
    {
        for text in ["\\d_bids_--json_", "help_\\d", "bids_|_limit_5_; \\d_bids"] {
            let parsed = |text: &str| parse(text, &GRAMMAR).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let (odd, plain) = (parsed(&text.replace('_', space)), parsed(&text.replace('_', " ")));
            assert_eq!(odd.len(), plain.len(), "{text} with {space:?}");
        }
    }
}

#[test]
fn what_has_no_end_is_reported_at_its_beginning() {
    for (text, start) in
        [("bids | filter a = 'x\n | limit 5", 18), ("bids /* x", 5), ("`a", 0), ("bids | filter x'0a", 14)]
    {
        let error = refused(text);
        assert_eq!(error.span.unwrap().start, start, "{text}: {error}");
        assert_eq!(error.label.as_deref(), Some("it begins here"));
        assert!(matches!(due(text, &GRAMMAR), Due::Closing(_)), "{text}");
    }
}

#[test]
fn numbers_and_durations_have_a_range() {
    for (text, message) in [
        ("bids | filter a > 1e999", "`1e999` is out of the range of a double"),
        ("bids | window tumble(1000000000000d)", "the duration `1000000000000d` is out of range"),
        ("run a with (memory = 9999999999999gb) = b | into c", "`9999999999999gb` is not a size"),
        ("bids | window tumble(10s) lateness -1s", "a duration here can't be negative"),
        ("bids | limit 18446744073709551616", "`18446744073709551616` is out of range"),
        ("bids | limit -1", "a negative number can't stand here"),
        ("bids | filter a > interval '9223372036854775807' day", "`9223372036854775807` is not such an interval"),
    ] {
        assert_eq!(refused(text).message, message);
    }
}

/// Whatever is typed, the parser answers.
#[test]
fn every_cut_of_a_statement_parses_or_is_refused() {
    let text = "source b from file 'x' columns (a decimal(3, 1) not null, `b c` row<x int>) event_time a watermark 4s with (k = -1.5e3);\n\
                run hot with (p = 2) { bids | key_by a.b[1] as k | window hop(10s, interval '2' second) lateness 5s late_to l\n\
                | aggregate count(distinct x) filter (where x is not null) as n | into file 'o' with (f = 'json'); };\n\
                restore hot from savepoint 'sp' with (p = 3)\nshow jobs --json\n\\d x\n.mode csv -- c\n/* c */ bids | map case when a then x'0a' end";
    for (at, _) in text.char_indices() {
        let _ = parse(&text[..at], &GRAMMAR);
        let _ = parse(&text[at..], &GRAMMAR);
        let _ = due(&text[..at], &GRAMMAR);
    }
    assert_eq!(parse(text, &GRAMMAR).map(|all| all.len()).map_err(|error| error.render(text, "f", false)), Ok(7));
}
