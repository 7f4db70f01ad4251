use super::Shell;
use super::language::{source, spanned};
use crate::api::OnError;
use crate::lang::ast::{ColumnDef, EventTimeClause};
use crate::lang::lower::define_source;
use crate::plan::testing::{duration, integer, option, text, word};
use crate::plan::{Entry, SourceDef};
use crate::types::{LogicalType, Span, Spanned};

fn defined<'a>(shell: &'a Shell, name: &str) -> &'a SourceDef {
    match shell.entry(name) {
        Some(Entry::Source(def)) => def,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn generic_options_are_ours_and_the_rest_the_connectors() {
    let mut shell = Shell::new();
    shell
        .source(
            "timed",
            "timed",
            &[
                option("pace", text("2.5x")),
                option("idle_timeout", duration(5_000)),
                option("on_error", word("dead_letter")),
                option("dead_letter", text("bad")),
            ],
        )
        .unwrap();
    let def = defined(&shell, "timed");
    assert_eq!(def.pace, Some(2.5));
    assert_eq!(def.on_error, Some(OnError::DeadLetter));
    assert_eq!(def.dead_letter.as_deref(), Some("bad"));
    let event_time = def.event_time.as_ref().expect("the source brings one");
    assert_eq!((event_time.watermark.delay_ms(), event_time.idle_timeout_ms), (1_000, Some(5_000)));
    assert_eq!(event_time.time.as_column(), Some(4));

    shell.source("plain", "fake", &[option("rate", integer("5")), option("on_error", text("skip"))]).unwrap();
    assert_eq!(defined(&shell, "plain").source.describe(), "fake(rate)");
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let mut shell = Shell::new();
    for (typed, message, help) in [
        (option("formt", text("json")), "the source `fake` has no option `formt`", Some("did you mean `format`?")),
        (option("pace", text("10x")), "`pace` needs an event time", None),
        (option("idle_timeout", duration(5)), "`idle_timeout` needs an event time", None),
        (option("idle_timeout", duration(0)), "option `idle_timeout` must be longer than 0s", None),
        (option("on_error", text("fial")), "option `on_error` can't be 'fial'", Some("did you mean 'fail'?")),
        (option("dead_letter", text("x")), "option `dead_letter` has no effect", None),
    ] {
        let error = shell.source("s", "fake", &[typed]).unwrap_err();
        assert_eq!(error.message, message);
        assert!(help.is_none() || error.help.as_deref() == help, "{error}");
    }
    for bad in ["x", "0x", "-1x", "infx", "nanx", "10"] {
        let error = shell.source("s", "timed", &[option("pace", text(bad))]).unwrap_err();
        assert_eq!(error.message, "option `pace` takes how many times faster", "{bad}");
    }
    assert!(shell.entry("s").is_none());
}

#[test]
fn connectors_are_found_by_name_and_by_what_they_can() {
    let mut shell = Shell::new();
    let error = shell.source("s", "fkae", &[]).unwrap_err();
    assert_eq!(error.to_string(), "there is no connector `fkae` (did you mean `fake`?)");
    let error = shell.source("s", "print", &[]).unwrap_err();
    assert_eq!(error.to_string(), "the connector `print` can't be read from (connectors that can: fake, timed)");
    let error = shell.sink("s", "fake", &[]).unwrap_err();
    assert_eq!(error.to_string(), "the connector `fake` can't be written to (connectors that can: file, print)");
    let mut statement = source("s", "fake", &[]);
    statement.target = Some(spanned("x"));
    let error = define_source(&mut shell.catalog, &statement, &shell.environment).unwrap_err();
    assert_eq!(error.message, "`fake` takes nothing in quotes");
}

#[test]
fn an_event_time_is_a_timestamp_or_a_bigint() {
    let mut shell = Shell::new();
    for (column, fits) in [("date_time", true), ("price", true), ("channel", false), ("hot", false)] {
        let mut statement = source("s", "fake", &[]);
        let time = word(column);
        statement.event_time = Some(Box::new(EventTimeClause { time, watermark: None, align_ms: None }));
        let defined = define_source(&mut shell.catalog, &statement, &shell.environment);
        assert_eq!(defined.is_ok(), fits, "{column}");
        if let Err(error) = defined {
            assert!(error.message.starts_with("an event time can't be of type "), "{error}");
        }
    }
}

#[test]
fn columns_are_declared_once() {
    let mut shell = Shell::new();
    let column =
        |name| ColumnDef { name: spanned(name), ty: Spanned::new(LogicalType::Int, Span::default()), nullable: false };
    let mut statement = source("s", "fake", &[]);
    statement.columns = Some(vec![column("a"), column("b")]);
    define_source(&mut shell.catalog, &statement, &shell.environment).unwrap();
    assert_eq!(defined(&shell, "s").source.schema().to_string(), "(a int not null, b int not null)");
    statement.columns = Some(vec![column("a"), column("a")]);
    let error = define_source(&mut shell.catalog, &statement, &shell.environment).unwrap_err();
    assert_eq!(error.message, "the column `a` is declared twice");
}

#[test]
fn names_that_can_not_be_directories_are_refused() {
    let mut shell = Shell::new();
    for name in ["../../etc", "a/../b", "a\u{202e}b", "x\0"] {
        assert!(shell.source(name, "fake", &[]).is_err(), "{name:?}");
        assert!(shell.sink(name, "print", &[]).is_err(), "{name:?}");
        assert!(shell.stream(name, "bids").is_err(), "{name:?}");
    }
}

#[test]
fn a_stream_is_bound_when_it_is_defined() {
    let mut shell = Shell::new();
    assert!(shell.stream("hot", "bids | filter hot | map auction, price as eur").unwrap().is_none());
    let shape = shell.entry("hot").and_then(Entry::shape).unwrap();
    assert_eq!(shape.schema.to_string(), "(auction bigint, eur bigint)");
    assert!(shell.stream("bad", "bids | filter prise").is_err());
    assert!(shell.entry("bad").is_none());
    let error = shell.stream("out", "bids | into print").unwrap_err();
    assert_eq!(error.message, "only a job writes into a sink");
}

#[test]
fn a_stream_can_not_read_itself() {
    let mut shell = Shell::new();
    assert_eq!(shell.stream("a", "a | filter hot").unwrap_err().message, "the stream `a` reads itself");
    assert_eq!(shell.stream("a", "bids | union a").unwrap_err().message, "the stream `a` reads itself");
    shell.stream("a", "bids").unwrap();
    shell.stream("b", "a | filter hot").unwrap();
    // Not through another either, now that `a` is there to be replaced.
    let error = shell.stream("a", "b | filter hot").unwrap_err();
    assert_eq!(error.message, "in stream `b`: the stream `a` reads itself");
    assert_eq!(error.span, Some(Span::new(0, 1)), "at the name that leads there");
}

#[test]
fn streams_of_streams_end_somewhere() {
    let mut shell = Shell::new();
    shell.stream("s0", "bids").unwrap();
    let mut refused = None;
    for depth in 1..1_000 {
        if let Err(error) = shell.stream(&format!("s{depth}"), &format!("s{} | filter hot", depth - 1)) {
            refused = Some(error);
            break;
        }
    }
    assert!(refused.unwrap().message.ends_with("more than 100 streams read one another here"));
}
