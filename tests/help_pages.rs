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
            // Usage lines and examples are typed as they stand, so they are not broken.
            assert!(width <= 180, "{}: a line of {width} columns: {line}", topic.names[0]);
            assert!(!line.chars().any(char::is_control), "{}", topic.names[0]);
        }
        if topic.kind == HelpKind::Function {
            functions.push_str(&page);
            functions.push_str("────────\n");
        } else {
            let name = topic.names[0].replace(' ', "_").replace(['\\', '.'], "").replace('?', "short_help");
            insta::assert_snapshot!(format!("{}@{name}", kind(topic)), page);
        }
    }
    insta::assert_snapshot!("functions", functions);
}

#[test]
fn the_overview_names_every_topic() {
    let (_directory, mut test) = session();
    let overview = help(&mut test, "");
    for topic in help_topics(&test.session) {
        assert!(overview.contains(topic.names[0]), "{}", topic.names[0]);
    }
    insta::assert_snapshot!(overview);
}

#[test]
fn a_topic_is_found_by_any_of_its_names() {
    let (_directory, mut test) = session();
    for topic in help_topics(&test.session) {
        for name in &topic.names {
            let page = help(&mut test, &name.to_uppercase());
            assert!(page.contains(topic.summary), "help {name}: {page}");
        }
    }
    for (asked, found) in [
        ("where", "filter"),
        ("kill", "kill taskmanager"),
        ("mode", ".mode"),
        ("lateness", "window"),
        ("watermark", "source"),
        ("max_parallelism", "run"),
    ] {
        assert!(help(&mut test, asked).contains(found), "help {asked} explains {found}");
    }
}
