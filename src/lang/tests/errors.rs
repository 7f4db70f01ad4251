//! Error messages as golden files: place, what was expected, and the near name.

use super::registry::GRAMMAR;
use crate::lang::parse;

#[track_caller]
fn golden(name: &str, statements: &[&str]) {
    let mut shown = String::new();
    for text in statements {
        let error = match parse(text, &GRAMMAR) {
            Err(error) => error.render(text, "<input>", false),
            Ok(_) => panic!("no error: {text}"),
        };
        shown.push_str(&error);
        shown.push_str("\n\n");
    }
    insta::assert_snapshot!(name, shown.trim_end());
}

#[test]
fn in_pipelines() {
    golden(
        "pipelines",
        &[
            "bids | fliter price > 1",
            "bids | frobnicate price",
            "bids |",
            "bids | | limit 5",
            "bids | limit",
            "bids | limit five",
            "bids | limit 5 6",
            "bids | filter",
            "bids | filter price >",
            "bids | filter price 5",
            "bids | filter price betwen 1 and 2",
            "bids | map price as",
            "bids | map a, , b",
            "bids | map * excep (a)",
            "bids | map * except a",
            "bids | match A B",
            "bids | window tumbel(10s)",
            "bids | window tumble 10s",
            "bids | window tumble(10x)",
            "bids | window tumble(10s) latness 5s",
            "bids | window tumble(10s) lateness 5",
            "bids | window tumble(10s) lateness 5s lateness 6s",
            "bids | window tumble(10s) trigger on_evnt",
            "bids | flat_map unnest(e)",
            "bids | flat_map unnest(e) n",
            "bids | uid x",
            "bids | into",
            "bids | into file 'x' with (format 'json')",
            "bids | union a b",
        ],
    );
}

#[test]
fn in_expressions() {
    golden(
        "expressions",
        &[
            "bids | filter (price > 1",
            "bids | filter price > 1)",
            "bids | filter price == 1",
            "bids | filter price = \"x\"",
            "bids | filter a not b",
            "bids | filter a is nul",
            "bids | filter a between 1 or 2",
            "bids | filter a in 1",
            "bids | filter a in ()",
            "bids | filter a in (select b)",
            "bids | filter and a",
            "bids | map case a when 1 then 2",
            "bids | map case end",
            "bids | map cast(a as strng)",
            "bids | map cast(a int)",
            "bids | map cast(a as decimal(39, 2))",
            "bids | map cast(a as timestamp with time zone)",
            "bids | map cast(a as multiset<int>)",
            "bids | map extract(yeer from t)",
            "bids | map interval '4' lightyears",
            "bids | map interval 'four' second",
            "bids | map interval '1 25:00:00' day to second",
            "bids | map interval '1' month to day",
            "bids | map map['a', 1, 'b']",
            "bids | map x'0g'",
            "bids | map 1.5s",
            "bids | map a.",
            "bids | map array[]",
            "bids | filter a = 'x",
            "bids | filter a && b",
        ],
    );
}

#[test]
fn in_statements() {
    golden(
        "statements",
        &[
            "soruce bids from file 'x'",
            "source bids frm file 'x'",
            "source bids",
            "source bids from file 'x' colums (a int)",
            "source bids from file 'x' columns (a)",
            "source bids from file 'x' columns (a int b int)",
            "source bids from file 'x' columns (a int, a int)",
            "source bids from file 'x' columns (a int not nul)",
            "source bids from file 'x' with (a = 1) with (b = 1)",
            "source bids from file 'x' with (a = 1, a = 2)",
            "source bids from file 'x' event_time t watermrk 4s",
            "source bids from file 'x' event_time t watermark 4",
            "source bids from file x",
            "sink s from file 'x'",
            "stream s bids",
            "run hot with parallelism = 2 = bids",
            "run hot",
            "run hot from = bids",
            "run hot from savepoint sp = bids",
            "run hot from latest from checkpoint 7 = bids",
            "run hot with (a = 1) with (b = 1) = bids",
            "run hot { bids | into print late | into print }",
            "run hot { }",
            "run `a/b` = bids",
            "pricey = bids | limit 5",
            "filter price > 5",
            "show job",
            "shw jobs",
            "describe",
            "rescale hot",
            "kill subtsk window[1] of hot",
            "kill subtask window of hot",
            "restore hot from savpoint 'x'",
            "why hot",
            "whatif hot watermark 5s",
            "SELECT * FROM bids",
            "create table t (a int)",
            "stream s = select a from b",
            "| limit 5",
            "bids | limit 5\n, b",
            ".mode xml",
            "show jobs -json",
            "bids | limit 5;\nbids | limt 5",
        ],
    );
}
