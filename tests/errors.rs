//! Mistakes that people make, and what they are told: the message, the place, and a way out.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use common::TestSession;
use lotic::session::{Failure, Outcome};

/// What is defined when the mistakes are made.
const DEFINED: &str = "
    source bids from nexmark 'bid' with (events = 100, seed = 7);
    source v from values with (rows = array[row('a', 1), row('b', 2)]) columns (k string, n bigint);
    source timed from values with (rows = array[row('a', 1000)]) columns (k string, at bigint) event_time at;
    stream pricey = bids | filter price > 1000;
    sink nowhere to blackhole;
    run done = v | into nowhere;
";

/// One statement each, over the whole language.
const MISTAKES: &[&str] = &[
    // Names.
    "bid | limit 5",
    "bids | fliter price > 100",
    "bids | filter prise > 100",
    "bids | map auction, pirce * 2 as double",
    "bids | map uper(channel)",
    "describe bidz",
    "shw jobs",
    "show job",
    "help windwo",
    "checkpoint hot",
    "restore dnoe from checkpoint 7",
    // Types.
    "bids | filter price",
    "bids | filter price > 'dear'",
    "bids | filter channel + 1 > 2",
    "bids | map upper(price, channel)",
    "bids | map cast(price as strng) as p",
    "bids | map price as p, auction as p",
    "bids | union v",
    "bids | flat_map channel",
    // Signs.
    "bids | filter channel = \"Google\"",
    "bids | filter price == 100",
    "bids | filter price > 100 && auction = 1",
    "bids | filter (price > 100",
    "bids | filter channel = 'Google",
    "bids | key_by auction aggregate count(*) as n",
    "bids |",
    "bids | limit -1",
    "pricey = bids | limit 5",
    // Aggregates and windows.
    "bids | map sum(price) as total",
    "bids | key_by auction | aggregate price",
    "bids | key_by auction | aggregate median(price) as m",
    "bids | key_by auction | window tumble(10) | aggregate count(*) as n",
    "bids | key_by auction | window tumble(0s) | aggregate count(*) as n",
    "bids | key_by auction | window tumbel(10s) | aggregate count(*) as n",
    "bids | key_by auction | window hop(10s) | aggregate count(*) as n",
    "bids | key_by auction | window tumble(10s) latness 5s | aggregate count(*) as n",
    "bids | key_by auction | window tumble(10s) | limit 3",
    "v | key_by k | window tumble(10s) | aggregate count(*) as n",
    "timed | map k | event_time at watermark 5s",
    // Sources and sinks.
    "source s from flie 'bids.ndjson'",
    "source s from file 'nothere.ndjson'",
    "source s from nexmark 'bids'",
    "source s from nexmark 'bid' with (evnts = 5)",
    "source s from nexmark 'bid' with (events = 'many')",
    "source s from values with (rows = array[1]) columns (a bigit)",
    "source s from values with (rows = array[1]) columns (a bigint) event_time b",
    "source s from values with (rows = array[1]) columns (a bigint) event_time a watermark 5",
    "sink s to nexmark 'bid'",
    "stream s = s | limit 1",
    // Jobs.
    "run j = bids | filter price > 100",
    "run j = bids | into nowehre",
    "run j with (paralelism = 2) = bids | into nowhere",
    "run j with (parallelism = 200) = bids | into nowhere",
    "run j with (checkpoint = 5) = bids | into nowhere",
    "run j { bids | into nowhere; late | into print; }",
    "rescale done",
    "kill subtask window of done",
    "kill subtask windw[0] of done",
    "wait done until rows 5 until checkpoint 1",
    "stop done with savepoint sp/1",
    // What is Flink SQL's, and what is the shell's.
    "SELECT * FROM bids",
    "CREATE TABLE orders (id BIGINT) WITH ('connector' = 'filesystem')",
    "INSERT INTO nowhere SELECT * FROM bids",
    "alter source bids",
    "stream s = select * from bids",
    "drop table bids",
    ".mode jsn",
    // Habits of other shells.
    "hlep",
    "exot",
    "history",
    "ls",
    "ls -l",
    "\\l",
    ".tabels",
    ".frobnicate",
    "pwd",
    // Definitions.
    "source bids from nexmark 'bid'",
    "drop source clicks",
    "drop stream bids",
    "drop sink bdis",
    "drop job done",
    "run j = bids | into 'x.csv'",
    "bids | limit 1 | into 'x.txt'",
    "bids | limit 1 | into 'x.csv' with (overwrit = true)",
    // How values are shown.
    ".format digits",
    ".format digits many",
    ".format thousands maybe",
    "set timezone = 'Berlin'",
    "set timezone = 'Europe/Berlim'",
    "set timezone = Europe",
    "set paralelism = 2",
    // Values and functions that do not fit.
    "bids | map price % 2.5e0 as r",
    "bids | map greatest(price, channel) as g",
    "bids | filter date_time > 'noon'",
    "bids | map cast(date_time as bigint) as t",
    "bids | map extract(yeer from date_time) as y",
    "bids | map date '2020-02-30' as d",
    "bids | map regexp_extract(url, '(a', 1) as a",
    "bids | filter price > 99999999999999999999999999999999999999999",
    // Stages in the wrong place.
    "bids | key_by *",
    "bids | key_by auction, auction | aggregate count(*) as n",
    "bids | key_by auction | aggregate *",
    "bids | key_by auction | aggregate count(*) as n | event_time n",
    "bids | key_by auction | window tumble(10s)",
    "bids | key_by auction | window tumble(10s) | window tumble(20s) | aggregate count(*) as n",
    "bids | key_by auction | window hop(12d, 1s) | aggregate count(*) as n",
    "bids | filter price > 1 uid 'a' | map price uid 'a'",
    "nowhere | limit 1",
    "run j = bids | into pricey",
    "run j = bids | into nowhere | limit 1",
    "run j = bids | key_by auction | window tumble(10s) | into nowhere",
    "run j with (on_error = 'ignore') = bids | into nowhere",
    "run j with (parallelism = 2, parallelism = 3) = bids | into nowhere",
    // What connectors need.
    "source s from nexmark",
    "source s from nexmark 'bid' columns (a int)",
    "source s from demo 'sensor'",
    "source s from datagen",
    "source s from values",
    "source s from values with (rows = array[row(1, 'a')]) columns (a int)",
    "source s from nexmark 'bid' with (rate = -1)",
    // Commands that miss something.
    "savepoint done",
    "kill subtask window[0]",
    "kill taskmanager 0",
    "kill taskmanager 9 of done",
    "explain bids from latest",
    "describe run j = bids | into nowhere",
    ".forget bidz",
    // What only shows when it runs.
    "run zero with (restart_attempts = 0) = v | filter 10 / (n - 1) > 0 | into blackhole",
    "run text with (restart_attempts = 0) = v | map cast(k as int) as n | into blackhole",
];

fn failure(test: &mut TestSession, typed: &str) -> Option<Failure> {
    let statements = match test.session.parse(typed) {
        Ok(statements) => statements,
        Err(error) => return Some(error.into()),
    };
    for statement in statements {
        match lotic::commands::execute(&mut test.session, &statement.node) {
            Ok(Outcome::Preview(preview)) => {
                let _ = preview.job.wait(None);
                if let Some(error) = preview.job.failure() {
                    return Some(error.into());
                }
            }
            Ok(Outcome::Started { job, .. }) => {
                let started = test.session.jobs().find(|entry| entry.name == job)?;
                let _ = started.job.wait(None);
                if let Some(error) = started.job.failure() {
                    return Some(error.into());
                }
            }
            Ok(_) => {}
            Err(failure) => return Some(failure),
        }
    }
    None
}

#[test]
fn mistakes_are_told_at_their_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    test.run(DEFINED).unwrap_or_else(|failure| panic!("{failure}"));
    let (mut shown, mut accepted, mut messages) = (String::new(), Vec::new(), BTreeSet::new());
    let mut unplaced = Vec::new();
    for text in MISTAKES {
        let Some(failure) = failure(&mut test, text) else {
            accepted.push(text);
            continue;
        };
        let rendered = match &failure {
            Failure::Typed(diagnostic) => {
                if diagnostic.span.is_none() {
                    unplaced.push(text);
                }
                diagnostic.render(text, "<input>", false)
            }
            Failure::Engine(error) => format!("error: {error}"),
        };
        messages.insert(failure.to_string());
        let rendered = rendered.replace(&format!("{}/", directory.path().display()), "");
        // Writing to a String cannot fail.
        let _ = writeln!(shown, "{text}\n{rendered}\n");
    }
    assert!(accepted.is_empty(), "these are no mistakes: {accepted:#?}");
    assert!(unplaced.is_empty(), "these have no place: {unplaced:#?}");
    assert!(messages.len() >= 60, "{} different messages", messages.len());
    insta::assert_snapshot!(shown);
}
