//! Completion at many places, on a session with a few definitions. `‸` is the cursor.

use std::sync::Arc;

use proptest::prelude::*;

use super::{CandidateKind, Completer, Completions};
use crate::api::{Clause, CommandSpec, ResultSink, Shape, Signature};
use crate::session::{Session, Settings};
use crate::types::{Batch, Result, SystemClock};

struct Nobody;

impl ResultSink for Nobody {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}

const fn command(name: &'static str, head: &'static [Shape], clauses: &'static [Clause]) -> CommandSpec {
    let signature = Signature { head, optional: &[], clauses };
    CommandSpec { name, aliases: &[], signature, usage: name, summary: "", help: "", examples: &[], flink: None }
}

const fn clause(keyword: &'static str, shape: Shape) -> Clause {
    Clause { keyword, shape, required: false, help: "" }
}

/// Commands of every shape; the shell's own are a layer above.
fn commands() -> &'static [CommandSpec] {
    const JSON: &[Clause] = &[clause("--json", Shape::Flag)];
    const TO: &[Clause] = &[clause("to", Shape::Text)];
    const OF: &[Clause] = &[clause("of", Shape::Name)];
    const FROM: &[Clause] = &[
        clause("from savepoint", Shape::Text),
        clause("from checkpoint", Shape::Integer),
        clause("with", Shape::Options),
    ];
    vec![
        command("show", &[Shape::Keyword(&["jobs", "sources", "functions"])], JSON),
        command("describe", &[Shape::Name], JSON),
        command("explain", &[Shape::Pipeline], JSON),
        command("checkpoint", &[Shape::Name], &[]),
        command("savepoint", &[Shape::Name], TO),
        command("restore", &[Shape::Name], FROM),
        command("kill subtask", &[Shape::Subtask], OF),
        command("kill taskmanager", &[Shape::Integer], OF),
        command("why late", &[Shape::Name], &[]),
        CommandSpec {
            signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
            ..command("help", &[], &[])
        },
        command(".mode", &[Shape::Keyword(&["table", "ndjson"])], &[]),
        command(".read", &[Shape::Text], &[]),
        command("\\d", &[Shape::Name], &[]),
    ]
    .leak()
}

const DEFINITIONS: &str = "
    source bids from nexmark 'bid' with (events = 10);
    source people from nexmark 'person' with (events = 10);
    stream pricey = bids | filter price > 1000 | map auction, price * 0.908 as eur;
    stream `odd name` = bids | map price as `a price`;
    sink hot_file to file 'out/hot' with (format = 'json');
    process counted { state n bigint; on event { n = coalesce(n, 0) + 1; emit auction, n; } };
    sink nowhere to blackhole;";

fn completer(directory: &std::path::Path) -> Completer {
    let settings = Settings::new(directory.to_path_buf(), directory.join("state"));
    let mut session = Session::new(settings, Arc::new(SystemClock::new()), Arc::new(Nobody), commands());
    for statement in session.parse(DEFINITIONS).expect("it parses") {
        session.define_or_run(&statement.node).expect("it is right");
    }
    let mut completer = Completer::new(&session);
    completer.known.jobs.push(super::known::KnownJob {
        name: "hot".to_owned(),
        status: "running".to_owned(),
        vertices: vec![(0, "Source: bids".to_owned(), 2), (1, "window".to_owned(), 2)],
        checkpoints: vec![7, 8],
    });
    completer
}

fn at(completer: &Completer, marked: &str) -> Completions {
    let pos = marked.find('‸').expect("a cursor");
    completer.complete(&marked.replace('‸', ""), pos)
}

fn replacements(completions: &Completions) -> Vec<&str> {
    completions.candidates.iter().map(|candidate| candidate.replacement.as_str()).collect()
}

/// Marked text, some of what must be offered, some of what must not.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

const STATEMENTS: &[Case] = &[
    ("‸", &["source", "run", "show", "kill subtask", ".mode", "bids", "pricey"], &["hot_file", "filter"]),
    ("so‸", &["source"], &["sink"]),
    ("SO‸", &["SOURCE"], &[]),
    ("bi‸", &["bids"], &[]),
    ("bids | limit 5; ki‸", &["kill subtask", "kill taskmanager"], &[]),
    ("\\‸", &["\\d"], &["show"]),
    (".‸", &[".mode", ".read"], &["show"]),
    (".mode ‸", &["table", "ndjson"], &["bids"]),
    (".mode nd‸", &["ndjson"], &["table"]),
    ("source s ‸", &["from"], &[]),
    ("source s from ‸", &["file", "nexmark"], &["print", "blackhole"]),
    ("sink s to ‸", &["file", "print"], &["nexmark"]),
    ("source s from nexmark ‸", &["'bid'", "'person'", "with", "columns"], &["'file'"]),
    ("source s from nexmark 'b‸", &["bid'"], &[]),
    ("source s from nexmark 'b‸'", &["bid"], &["bid'"]),
    ("source s from nexmark 'bid' ‸", &["columns", "event_time", "with"], &["watermark"]),
    ("source s from nexmark 'bid'\n  ev‸", &["event_time"], &[]),
    ("source s from nexmark 'bid' event_time ‸", &["price", "auction"], &["name"]),
    ("source s from nexmark 'bid' event_time date_time ‸", &["watermark", "with"], &["event_time"]),
    ("source s from file 'x' columns (a ‸", &["bigint", "string"], &[]),
    ("source s from file 'x' columns (a bigint ‸", &["not null"], &[]),
    ("source s from nexmark 'bid' with (‸", &["events", "rate", "on_error", "pace"], &["format"]),
    ("source s from nexmark 'bid' with (events = 5, ‸", &["rate", "seed"], &["events"]),
    ("source s from nexmark 'bid' with (on_error = ‸", &["'fail'", "'skip'", "'dead_letter'"], &["events"]),
    ("source s from nexmark 'bid' with (on_error = 'd‸", &["dead_letter'"], &["fail'"]),
    ("sink s to file 'out' with (form‸", &["format"], &["on_error"]),
    ("sink s to file 'out' with ('for‸", &["format'"], &[]),
    ("sink s to file 'out' with (format = ‸", &["'json'", "'csv'"], &[]),
    ("run j with (par‸", &["parallelism"], &["on_error"]),
    ("run j with (parallelism = 2, ch‸", &["checkpoint", "channel_capacity"], &["parallelism"]),
    ("run j with (allow_non_restored_state = ‸", &["true", "false"], &[]),
    ("run j ‸", &["from latest", "from savepoint", "from checkpoint", "with", "=", "{"], &[]),
    ("run j from ‸", &["latest", "savepoint", "checkpoint"], &["bids"]),
    ("run hot from checkpoint ‸", &["7", "8"], &[]),
    ("run j from checkpoint ‸", &[], &["7", "8"]),
    ("run j from latest ‸", &["with", "=", "{"], &["bids"]),
    ("run j = ‸", &["bids", "pricey"], &["hot_file", "filter"]),
    ("stream x = p‸", &["people", "pricey"], &["bids"]),
    ("process p { ‸", &["state", "on"], &["emit", "bids"]),
    ("process p { state n ‸", &["bigint", "list", "map<", "reducing", "aggregating"], &["emit"]),
    ("process p { state n bigint ‸", &["ttl", "broadcast", "per"], &["emit"]),
    ("process p { state n bigint; on ‸", &["event", "left", "right", "timer"], &["emit"]),
    ("process p { state num bigint; on event { ‸", &["emit", "if", "timer", "num"], &["state"]),
    ("process p { state num bigint; on event { emit ‸", &["num", "event_time"], &["emit"]),
    ("bids | key_by auction | process ‸", &["counted"], &["bids", "pricey"]),
];

const PIPELINES: &[Case] = &[
    ("bids ‸", &["|"], &["filter"]),
    ("bids | ‸", &["filter", "where", "window", "aggregate", "into"], &["bids", "show"]),
    ("bids | fi‸", &["filter"], &["where"]),
    ("bids\n| FIL‸", &["FILTER"], &[]),
    ("bids | filter ‸", &["auction", "price", "channel"], &["eur", "name", "filter"]),
    ("bids | filter pr‸", &["price"], &["auction"]),
    ("bids | filter price ‸", &["and", "is null", "|"], &["price"]),
    ("bids | filter price > ‸", &["price", "auction"], &["and"]),
    ("bids | filter upp‸", &["upper("], &[]),
    ("bids | filter upper(ch‸", &["channel", "chr("], &["count("]),
    ("bids | filter cast(price as ‸", &["bigint", "string"], &["price"]),
    ("pricey | map ‸", &["auction", "eur", "*"], &["price", "bidder"]),
    ("`odd name` | map ‸", &["`a price`"], &["price"]),
    ("bids | map * ‸", &["except"], &[]),
    ("bids | map * except (‸", &["auction", "url"], &["upper("]),
    ("bids | map auction, price * 2 as twice | filter ‸", &["auction", "twice"], &["price"]),
    ("bids | key_by auction | aggregate ‸", &["count(", "avg(", "sum("], &["upper("]),
    ("bids | key_by auction | aggregate avg(pr‸", &["price"], &["count("]),
    ("bids | key_by auction | aggregate count(*) ‸", &["as", "filter (where"], &[]),
    ("bids | key_by auction | aggregate count(*) filter (‸", &["where"], &["price"]),
    ("bids | window ‸", &["tumble(", "hop(", "cumulate("], &["price"]),
    ("bids | window tumble(10s) ‸", &["lateness", "late_to", "|"], &["tumble("]),
    ("bids | window tumble(10s) lateness 5s ‸", &["late_to"], &["lateness"]),
    (
        "bids | key_by auction | window tumble(10s) | aggregate avg(price) as mean | filter ‸",
        &["auction", "window_start", "window_end", "mean"],
        &["price"],
    ),
    ("bids | union ‸", &["people", "pricey"], &["hot_file"]),
    ("bids | union people, ‸", &["pricey"], &["hot_file"]),
    ("run j = bids | into ‸", &["hot_file", "nowhere", "file", "print"], &["nexmark", "bids"]),
    ("run j = bids | into file 'x' ‸", &["with"], &[]),
    ("run j = bids | into file 'x' with (format = 'c‸", &["csv'"], &[]),
    ("run j with (parallelism = 2) = bids | key_by auction, bi‸", &["bidder"], &["bids"]),
    ("run j { bids | filter price > 1 | into print; pri‸", &["pricey"], &["price"]),
    (
        "run j { bids | key_by auction | window tumble(1s) late_to late_bids | aggregate count(*) as n | into print; la‸",
        &["late_bids"],
        &[],
    ),
    (
        "run j { bids | key_by auction | window tumble(1s) late_to late_bids | aggregate count(*) as n | into print;
                late_bids | map ‸",
        &["auction", "price"],
        &["n", "window_start"],
    ),
    // What stands before does not lower: the columns of everything that is defined.
    ("bids | filter nonsense > 1 | map ‸", &["auction", "eur"], &[]),
    ("unknown | map pri‸", &["price"], &[]),
    // A mistake in one stage is none in the next, whose columns nobody knows then.
    ("bids | filter price > | map ‸", &["auction", "eur"], &[]),
    ("bids | nonsense | fi‸", &["filter"], &[]),
    ("run j { bids | filter ( | into print; pri‸", &[], &["pricey"]),
    ("run j { bids | nonsense 1 | into print; pri‸", &["pricey"], &["price"]),
    ("bids | filter price between 1 ‸", &["and"], &["between 1"]),
    ("bids | filter price in (1, ‸", &["price"], &["count("]),
    ("bids | map case ‸", &["when", "price"], &[]),
    ("bids | map extract(hour ‸", &["from"], &[]),
    ("source s from file 'x' columns (a timestamp ‸", &["without", "with", "not null"], &[]),
];

const COMMANDS: &[Case] = &[
    ("show ‸", &["jobs", "sources"], &["bids"]),
    ("show jobs --j‸", &["--json"], &[]),
    ("describe ‸", &["bids", "hot_file", "pricey"], &["hot"]),
    ("\\d pr‸", &["pricey"], &[]),
    ("explain ‸", &["hot", "bids"], &[]),
    ("explain bids | filter pri‸", &["price"], &[]),
    ("checkpoint ‸", &["hot"], &["bids"]),
    ("kill ‸", &["subtask", "taskmanager"], &["hot"]),
    ("kill subtask ‸", &["0[0]", "1[1]"], &["hot"]),
    ("kill subtask 'Sou‸", &["Source: bids'[0]"], &[]),
    ("kill subtask window[1] of ‸", &["hot"], &[]),
    ("restore hot ‸", &["from savepoint", "from checkpoint", "with"], &[]),
    ("restore hot from ‸", &["savepoint", "checkpoint"], &["with"]),
    ("restore hot from checkpoint ‸", &["7", "8"], &[]),
    ("restore hot with (pa‸", &["parallelism"], &[]),
    ("why ‸", &["late"], &[]),
    ("why late h‸", &["hot"], &[]),
    ("help wi‸", &["window"], &["bids"]),
];

#[test]
fn what_may_stand_at_a_place_is_offered() {
    let directory = tempfile::tempdir().expect("a directory");
    let completer = completer(directory.path());
    let mut wrong = Vec::new();
    for (marked, wanted, unwanted) in STATEMENTS.iter().chain(PIPELINES).chain(COMMANDS) {
        let completions = at(&completer, marked);
        let found = replacements(&completions);
        for missing in wanted.iter().filter(|wanted| !found.contains(wanted)) {
            wrong.push(format!("{marked}: `{missing}` is missing of {found:?}"));
        }
        for extra in unwanted.iter().filter(|unwanted| found.contains(unwanted)) {
            wrong.push(format!("{marked}: `{extra}` is offered"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_checkpoints_of_a_job_of_an_earlier_session_are_offered() {
    let directory = tempfile::tempdir().expect("a directory");
    let session = || {
        let settings = Settings::new(directory.path().to_path_buf(), directory.path().join("state"));
        Session::new(settings, Arc::new(SystemClock::new()), Arc::new(Nobody), commands())
    };
    let mut earlier = session();
    let text = "source bids from nexmark 'bid' with (rate = 100);
                run `kept job` with (checkpoint = 1h) = bids | into blackhole;";
    for statement in earlier.parse(text).expect("it parses") {
        earlier.define_or_run(&statement.node).expect("it is right");
    }
    let job = Arc::clone(&earlier.jobs().next().expect("the job").job);
    job.checkpoint().expect("a checkpoint");
    job.stop(None, false).expect("it stops with another");
    drop((job, earlier));
    let completer = Completer::new(&session());
    assert_eq!(replacements(&at(&completer, "restore `kept job` from checkpoint ‸")), ["1", "2"]);
    assert_eq!(replacements(&at(&completer, "restore other from checkpoint ‸")), [""; 0]);
}

#[test]
fn every_stage_window_connector_and_command_is_offered_from_its_registration() {
    let directory = tempfile::tempdir().expect("a directory");
    let completer = completer(directory.path());
    let offered = |marked: &str| {
        replacements(&at(&completer, marked)).into_iter().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    let stages = offered("bids | ‸");
    for stage in crate::operators::stages() {
        assert!(stages.contains(stage.name), "{}", stage.name);
    }
    let first = offered("‸");
    for command in commands() {
        assert!(first.contains(command.name), "{}", command.name);
    }
    for function in crate::expr::functions() {
        let call = format!("{}(", function.name);
        assert!(offered(&format!("bids | filter {}‸", function.name)).contains(&call), "{call}");
    }
}

#[test]
fn a_candidate_replaces_from_where_the_word_begins_and_says_what_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let completer = completer(directory.path());
    let completions = at(&completer, "bids | filter PRI‸");
    assert_eq!(completions.start, "bids | filter ".len());
    let price = &completions.candidates[0];
    assert_eq!((price.kind, price.help.as_str()), (CandidateKind::Column, "bigint"));
    let functions = at(&completer, "bids | key_by auction | aggregate av‸");
    assert_eq!(functions.candidates[0].label, "avg(x)");
}

#[test]
fn paths_are_completed_in_quotes() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("data")).expect("made");
    for file in ["data/bid.ndjson", "data/it's.csv", "data/.hidden", "data/evil\u{1b}[2J"] {
        std::fs::write(directory.path().join(file), "").expect("written");
    }
    let completer = completer(directory.path());
    for (marked, wanted) in [
        ("source s from file 'da‸", vec!["data/"]),
        ("source s from file 'data/‸", vec!["data/bid.ndjson'", "data/it''s.csv'"]),
        ("source s from file 'data/b‸'", vec!["data/bid.ndjson"]),
        ("source s from file 'data/.‸", vec!["data/.hidden'"]),
        ("savepoint hot to 'data/i‸", vec!["data/it''s.csv'"]),
        (".read data/b‸", vec!["data/bid.ndjson"]),
        (".read 'data/b‸", vec!["data/bid.ndjson'"]),
    ] {
        assert_eq!(replacements(&at(&completer, marked)), wanted, "{marked}");
    }
}

#[test]
fn nothing_is_offered_in_comments_texts_and_behind_mistakes() {
    let directory = tempfile::tempdir().expect("a directory");
    let completer = completer(directory.path());
    for marked in ["bids -- fil‸", "bids | filter channel = 'Goo‸", "/* bids | ‸", "bids | filter 10x‸", "5‸"]
    {
        assert!(at(&completer, marked).candidates.is_empty(), "{marked}");
    }
}

#[test]
fn hints_say_what_is_still_to_be_typed() {
    let directory = tempfile::tempdir().expect("a directory");
    let completer = completer(directory.path());
    let hint = |text: &str| completer.hint(text, text.len());
    let begins = |text: &str, wanted: &str| assert!(hint(text).is_some_and(|hint| hint.starts_with(wanted)), "{text}");
    begins("bids | window ", "WINDOW(…) [lateness DURATION] [late_to NAME]");
    begins("bids | window tumble(10s) ", "[lateness DURATION] [late_to NAME]");
    begins("bids | window tumble(10s) late_to l ", "[lateness DURATION]");
    assert_eq!(hint("bids | window tumble(").as_deref(), Some("size[, offset])"));
    assert_eq!(hint("bids | limit ").as_deref(), Some("N"));
    assert_eq!(hint("checkpoint ").as_deref(), Some("NAME"));
    assert_eq!(hint("source s from file 'x' with (format = ").as_deref(), Some("'json' | 'csv'"));
    assert_eq!(hint("bids | filter upper("), Some("text string) -> string".to_owned()));
    assert_eq!(hint("bids | win"), None);
    assert_eq!(hint("bids | limit 5"), None);
    assert_eq!(completer.suffix("bids | aggr", 11).as_deref(), Some("egate"));
    assert_eq!(completer.suffix("bids | filter auc", 17).as_deref(), Some("tion"));
}

#[test]
fn a_long_text_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let completer = completer(directory.path());
    let text = "bids | filter price > 1 | ".repeat(100_000);
    assert!(completer.complete(&text, text.len()).candidates.is_empty());
    assert!(completer.hint(&text, text.len()).is_none());
}

/// Beginnings of what the tables hold, put together anew.
fn sentence() -> impl Strategy<Value = (String, usize)> {
    let texts: Vec<&str> = STATEMENTS.iter().chain(PIPELINES).chain(COMMANDS).map(|(marked, _, _)| *marked).collect();
    let pieces = proptest::collection::vec((proptest::sample::select(texts), 0_usize..200), 1..4);
    (pieces, 0_usize..600).prop_map(|(pieces, pos)| {
        let parts = pieces.iter().map(|(text, end)| text.replace('‸', "").chars().take(*end).collect::<String>());
        (parts.collect::<Vec<_>>().join(" "), pos)
    })
}

/// One completer for all cases: only what is typed differs.
fn shared() -> &'static Completer {
    static SHARED: std::sync::OnceLock<Completer> = std::sync::OnceLock::new();
    SHARED.get_or_init(|| completer(std::path::Path::new("/nowhere")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_beginning_of_a_sentence_panics((text, pos) in sentence()) {
        let completions = shared().complete(&text, pos);
        prop_assert!(completions.start <= text.len() && text.is_char_boundary(completions.start));
        let _ = (shared().hint(&text, pos), shared().suffix(&text, pos));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), pos in 0_usize..200) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let completions = shared().complete(&text, pos);
        prop_assert!(completions.start <= text.len() && text.is_char_boundary(completions.start));
        let _ = (shared().hint(&text, pos), shared().suffix(&text, pos));
    }
}

#[test]
fn the_path_of_a_file_is_completed_at_the_head_of_a_pipeline() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("orders.ndjson"), "{\"price\":1}\n").expect("written");
    let completer = completer(directory.path());
    for text in ["'ord", "run x = 'ord", "explain 'ord"] {
        let found = completer.complete(text, text.len()).candidates;
        let replacements: Vec<_> = found.iter().map(|candidate| candidate.replacement.as_str()).collect();
        assert_eq!(replacements, ["orders.ndjson'"], "{text}");
    }
    let text = "'orders.ndjson' | filter pri";
    let found = completer.complete(text, text.len()).candidates;
    assert!(found.iter().any(|candidate| candidate.replacement == "price"), "{found:?}");
}
