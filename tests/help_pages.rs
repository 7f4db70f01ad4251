//! Every help page as it is printed.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use common::TestSession;
use lotic::commands::{HelpKind, HelpTopic, help_topics};
use lotic::session::Outcome;

/// What `help …` answers.
fn help(test: &mut TestSession, topic: &str) -> String {
    let typed = format!("help {topic}");
    let statements = test.session.parse(&typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
    match lotic::commands::execute(&mut test.session, &statements[0].node) {
        Ok(Outcome::Text(page)) => page,
        other => panic!("{typed}: {other:?}"),
    }
}

fn session() -> (tempfile::TempDir, TestSession) {
    let directory = tempfile::tempdir().expect("a directory");
    let test = TestSession::new(directory.path(), |_| {});
    (directory, test)
}

fn kind(topic: &HelpTopic) -> &'static str {
    match topic.kind {
        HelpKind::Statement => "statement",
        HelpKind::Stage => "stage",
        HelpKind::Window => "window",
        HelpKind::Function => "function",
        HelpKind::Connector => "connector",
        HelpKind::Command => "command",
    }
}

#[test]
fn every_page() {
    let (_directory, mut test) = session();
    let topics = help_topics(&test.session);
    assert!(topics.len() > 150, "{} topics", topics.len());
    let mut functions = String::new();
    for topic in &topics {
        let page = help(&mut test, topic.names[0]);
        for line in page.lines() {
            let width = line.chars().count();
            assert!(width <= 80, "{}: a line of {width} columns: {line}", topic.names[0]);
            assert!(!line.chars().any(char::is_control), "{}", topic.names[0]);
        }
        if topic.kind == HelpKind::Function {
            functions.push_str(&page);
            functions.push_str("────────\n");
        } else {
            // A command of the shell may be called like one of jobs.
            let own = if topic.names[0] == ".output" { ".output_file" } else { topic.names[0] };
            let name =
                own.replace(' ', "_").replace(['\\', '.'], "").replace('?', "short_help").replace('!', "outside");
            insta::assert_snapshot!(format!("{}@{name}", kind(topic)), page);
        }
    }
    insta::assert_snapshot!("functions", functions);
}

/// A page is wrapped between words: what it says word by word is what the registry says, and an example that takes
/// several lines is the statement that it was.
#[test]
fn no_word_of_a_page_is_broken_and_examples_stay_what_they_are() {
    let (_directory, mut test) = session();
    for topic in help_topics(&test.session) {
        let page = help(&mut test, topic.names[0]);
        let words: Vec<&str> = page.split_whitespace().collect();
        let syntax = topic.usage.split_whitespace().next().expect("a word");
        // Two things may have one name: their pages follow each other.
        let says = topic.summary.split_whitespace().next().expect("a word");
        let begins = page.find(&format!("{}: {says}", topic.names[0])).unwrap_or_default();
        let own = &page[begins..];
        let parts = [format!("{}: ", topic.names[0]), format!("\n\n  {syntax}"), "\n\nExample".to_owned()];
        let places = parts.map(|part| own.find(&part).unwrap_or_else(|| panic!("{part} is not in {own}")));
        assert!(places.is_sorted(), "what it is for, its syntax, examples: {page}");
        let mut whole = topic.summary.split_whitespace().chain(topic.usage.split_whitespace());
        let whole = whole.by_ref().chain(topic.help.split_whitespace());
        for word in whole.chain(topic.details.iter().flat_map(|(name, help)| name.split(' ').chain(help.split(' ')))) {
            assert!(words.contains(&word), "{}: `{word}` is broken in {page}", topic.names[0]);
        }
        if topic.kind == HelpKind::Function {
            continue;
        }
        for example in &topic.examples {
            let typed: Vec<&str> = example.split_whitespace().collect();
            let at = words.windows(typed.len()).position(|window| window == typed);
            assert!(at.is_some(), "{}: {example} is not in {page}", topic.names[0]);
            let lines: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("  ")).collect();
            let first = typed.first().expect("a word");
            let starts = lines.iter().enumerate().filter(|(_, line)| line.starts_with(first));
            // Some run of lines is the example, and parses to as many statements.
            let statements = test.session.parse(example).unwrap_or_else(|error| panic!("{example}: {error}")).len();
            let same = |from: usize| {
                (from + 1..=lines.len()).any(|to| {
                    let together = lines[from..to].join("\n");
                    together.split_whitespace().eq(typed.iter().copied())
                        && test.session.parse(&together).is_ok_and(|parsed| parsed.len() == statements)
                })
            };
            assert!(
                starts.map(|(from, _)| from).any(same),
                "{}: {example} is not to be typed from {page}",
                topic.names[0]
            );
        }
    }
}

#[test]
fn the_overview_names_every_topic() {
    let (_directory, mut test) = session();
    let overview = help(&mut test, "");
    for topic in help_topics(&test.session) {
        assert!(overview.contains(topic.names[0]), "{}", topic.names[0]);
    }
    assert!(overview.lines().all(|line| line.chars().count() <= 80), "{overview}");
    insta::assert_snapshot!(overview);
}

#[test]
fn a_topic_is_found_by_any_of_its_names() {
    let (_directory, mut test) = session();
    for topic in help_topics(&test.session) {
        for name in &topic.names {
            let page = help(&mut test, &name.to_uppercase());
            let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(topic.summary), "help {name}: {page}");
        }
    }
    for (asked, found) in [
        ("where", "filter"),
        ("kill", "kill taskmanager"),
        ("mode", ".mode"),
        ("lateness", "window"),
        ("window tumble", "window tumble(size[, offset])"),
        ("tumble", "window tumble(size[, offset])"),
        ("window", "tumble(size[, offset])"),
        ("source file", "a source of NDJSON or CSV files"),
        ("show jobs", "show jobs"),
        ("key by", "key_by EXPRESSION"),
        ("watermark", "source"),
        ("max_parallelism", "run"),
    ] {
        assert!(help(&mut test, asked).contains(found), "help {asked} explains {found}");
    }
}
