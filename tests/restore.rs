//! What a restore accepts, what it refuses and in which words; and that a job restored again and again, each time at
//! another parallelism, gives the rows and the late rows of a straight run, whatever makes its watermarks.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;
#[path = "runtime_support/failing.rs"]
mod failing;
#[path = "runtime_support/memory_state.rs"]
mod memory_state;
#[path = "runtime_support/memory_storage.rs"]
mod memory_storage;
#[path = "runtime_support/toy.rs"]
mod toy;

use std::path::Path;
use std::sync::Arc;

use common::{
    Bid, Rng, TestSession, bids, committed_lines, late_rows, ndjson, size, source, timestamp, tumble, tumble_job,
    tumble_marked, tumble_met,
};
use failing::Failing;
use lotic::api::Registries;
use lotic::inspect::{CheckpointStatus, JobStatus};
use lotic::lang::ast::Statement;
use lotic::plan::{JobGraph, JobSettings, StreamGraph};
use lotic::runtime::{CheckpointStorage, JobOptions, Restore, Stepper, open_storage};
use lotic::session::completion::Completer;
use lotic::session::{Outcome, RestoreFrom, Settings, registries};
use lotic::types::{MAX_WATERMARK, SubtaskId, VertexId};
use memory_storage::MemoryStorage;

fn script(options: &str, aggregate: &str, uid: &str) -> String {
    format!(
        "source g from nexmark 'bid' with (events = 3000, seed = 1);
         run t{options} = g | key_by auction | window tumble(10s) | aggregate {aggregate} | uid '{uid}' | into blackhole;"
    )
}

/// A table without its line ends and blanks.
fn words(table: &str) -> String {
    table.split_whitespace().collect::<Vec<_>>().join(" ")
}

const COUNT: &str = "count(*) as n";

/// Runs the script; the number that its job was restored from, or the failure.
fn run(directory: &Path, statements: &str, change: impl FnOnce(&mut Settings)) -> Result<Option<u64>, String> {
    let mut shell = TestSession::new(directory, |settings| {
        settings.drain = false;
        change(settings);
    });
    shell.run(statements).map_err(|failure| failure.to_string())?;
    let job = shell.session.jobs().next().expect("one job");
    Ok(job.job.restored_from().map(|id| id.0))
}

fn latest(settings: &mut Settings) {
    settings.restore = Some(RestoreFrom::Latest);
}

#[test]
fn state_of_a_mistyped_uid_is_an_error_with_the_near_name_unless_it_may_be_left_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    run(path, &script("", COUNT, "per-auction"), |_| {}).expect("it runs");
    let error = run(path, &script("", COUNT, "per-aution"), latest).expect_err("a mistyped uid");
    insta::assert_snapshot!(error);
    assert!(run(path, &script("", COUNT, "per-auction"), latest).expect("its own").is_some());
    let allowed = script(" with (allow_non_restored_state = true)", COUNT, "per-aution");
    assert!(run(path, &allowed, latest).expect("left behind").is_some());
    let gone = run(path, &script("", COUNT, "per-aution"), latest).expect("what was left behind is gone");
    assert!(gone.is_some());
    let flag = |settings: &mut Settings| {
        latest(settings);
        settings.allow_non_restored_state = true;
    };
    assert!(run(path, &script("", COUNT, "other"), flag).expect("left behind").is_some());
}

#[test]
fn state_of_other_columns_is_an_error_that_names_both_layouts() {
    let directory = tempfile::tempdir().expect("a directory");
    run(directory.path(), &script("", COUNT, "w"), |_| {}).expect("it runs");
    for options in ["", " with (allow_non_restored_state = true)"] {
        let text = script(options, "avg(price) as mean", "w");
        let error = run(directory.path(), &text, latest).expect_err("another aggregate");
        assert!(words(&error).contains("w accumulators has no `sum(price)`, but `count(*)`"), "{error}");
    }
    let text = script("", COUNT, "w").replace("key_by auction", "key_by bidder");
    let error = run(directory.path(), &text, latest).expect_err("another key");
    assert!(words(&error).contains("has the key (auction bigint), not (bidder bigint)"), "{error}");
}

/// The rows of job `t` over the first bids and, in a second run that is restored with another aggregate, over the rest.
fn aggregated_in_two(first: &str, second: &str, window: &str) -> Result<Vec<String>, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let input = path.join("bids.ndjson");
    std::fs::write(&input, ndjson(&bids(7, 2_000, 40, 20, 500, 0, 0))).expect("written");
    let text = |aggregate: &str| {
        let (aggregate, rest) = aggregate.split_once(" | ").unwrap_or((aggregate, "filter true"));
        let source = source(&input, "");
        format!(
            "{source} run t = bids | key_by auction {window} | {aggregate} | uid 'w' | {rest}
               | into file 'out' with (format = 'json');"
        )
    };
    run(path, &text(first), |settings| settings.stop_after_rows = Some(1_100))?;
    run(path, &text(second), |settings| {
        latest(settings);
        settings.drain = true;
    })?;
    Ok(committed_lines(&path.join("out")))
}

const TUMBLE: &str = "| window tumble(10s)";

#[test]
fn exchanged_aggregates_are_restored_right() {
    let both = "aggregate sum(price) as total, count(*) filter (where price > 5000) as dear, avg(price) as mean";
    let exchanged = "aggregate avg(price) as mean, count(*) filter (where price > 5000) as dear, sum(price) as total";
    for window in [TUMBLE, "| window hop(20s, 10s)", ""] {
        // The same columns in the same order leave either.
        let ordered = |aggregate: &str| format!("{aggregate} | select auction, total, dear, mean");
        let straight = aggregated_in_two(&ordered(both), &ordered(both), window).expect("restored");
        let found = aggregated_in_two(&ordered(both), &ordered(exchanged), window).expect("restored by name");
        assert!(straight.len() > 40, "{}", straight.len());
        assert_eq!(found, straight, "{window}");
    }
}

#[test]
fn another_aggregate_is_refused_by_name_and_so_is_one_that_nobody_reads_any_more() {
    let refused = |first: &str, second: &str, window: &str| {
        words(&aggregated_in_two(first, second, window).expect_err("refused"))
    };
    for window in [TUMBLE, ""] {
        let sum = "aggregate sum(price) as x";
        // The same type, the same place.
        let other = refused(sum, "aggregate sum(bidder) as x", window);
        assert!(other.contains("has no `sum(bidder)`, but `sum(price)`, `sum(price).count`"), "{other}");
        let filtered = refused(sum, "aggregate sum(price) filter (where price > 5) as x", window);
        assert!(filtered.contains("has no `sum(price) filter (where price > 5)`"), "{filtered}");
        let two = "aggregate min(price) as low, max(price) as high";
        let exchanged = refused("aggregate min(price) as x", "aggregate max(price) as x", window);
        assert!(exchanged.contains("has no `max(price)`"), "{exchanged}");
        // Reading another one downstream, one less, and one more.
        let other_read = refused(&format!("{two} | select low"), &format!("{two} | select high"), window);
        assert!(other_read.contains("has no `max(price)`"), "{other_read}");
        let fewer = refused(two, &format!("{two} | select low"), window);
        assert!(fewer.contains("w accumulators: max(price) belongs to no operator of the job"), "{fewer}");
        let more = refused("aggregate min(price) as low", two, window);
        assert!(more.contains("has no `max(price)`, but `min(price)` -> leave the new column out"), "{more}");
    }
}

#[test]
fn state_of_another_window_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = |window: &str| script("", COUNT, "w").replace("tumble(10s)", window);
    run(directory.path(), &text("hop(10s, 2s)"), |_| {}).expect("it runs");
    let refused = |window: &str| words(&run(directory.path(), &text(window), latest).expect_err("other slices"));
    assert!(refused("tumble(10s)").contains(
        "w accumulators is of hop(10s, 2s), not tumble(10s): \
         its slices of 2000 ms from 0 ms can't be cut into slices of 10000 ms from 0 ms -> keep the window"
    ));
    assert!(
        refused("tumble(2s, 1s)")
            .contains("its slices of 2000 ms from 0 ms can't be cut into slices of 2000 ms from 1000 ms")
    );
    assert!(refused("hop(12s, 2s)").contains("hop(12s, 2s) needs rows that hop(10s, 2s) has dropped already"));
    // Shorter windows over the same slices need nothing that is gone.
    assert!(run(directory.path(), &text("hop(6s, 2s)"), latest).expect("restored").is_some());
    assert!(refused("hop(10s, 2s)").contains("hop(10s, 2s) needs rows that hop(6s, 2s) has dropped already"));
}

/// Written by the lotic of format version 1, which named aggregates by their positions.
#[test]
fn savepoints_and_databases_of_version_1_go_on() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let of = |job: &str, window: &str, mean: &str| {
        format!(
            "source g from nexmark 'bid' with (events = 3000, seed = 1);
             run {job} = g | key_by auction {window} | aggregate sum(price) as total, count(*) as n{mean}
               | uid 'w' | into file 'out' with (format = 'json');"
        )
    };
    let mean = ", avg(price) as mean";
    for (place, job, window) in [("window", "t", TUMBLE), ("group", "u", "")] {
        let rows = |change: &dyn Fn(&Path, &mut Settings)| {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path();
            run(path, &of(job, window, mean), |settings| {
                settings.drain = true;
                change(path, settings);
            })
            .expect("it runs");
            committed_lines(&path.join("out"))
        };
        let savepoint = fixtures.join("savepoint-v1-aggregates").join(place);
        let from_savepoint = rows(&|_, settings| settings.restore = Some(RestoreFrom::Savepoint(savepoint.clone())));
        let straight = rows(&|_, _| {});
        // Of the rows that come after the savepoint, each is that of the straight run.
        assert!(from_savepoint.len() > 100, "{}", from_savepoint.len());
        assert!(from_savepoint.iter().all(|row| straight.binary_search(row).is_ok()), "{place}");
        if place == "window" {
            let from_database = rows(&|path, settings| {
                let own = path.join("state/jobs/t");
                std::fs::create_dir_all(&own).expect("created");
                std::fs::copy(fixtures.join("database-v1/state.redb"), own.join("state.redb")).expect("copied");
                latest(settings);
            });
            assert_eq!(from_database, from_savepoint);
        }
        let directory = tempfile::tempdir().expect("a directory");
        let fewer = run(directory.path(), &of(job, window, ""), |settings| {
            settings.restore = Some(RestoreFrom::Savepoint(savepoint.clone()));
        });
        // In a window `sum` and `avg` had shared their state already.
        assert_eq!(fewer.is_ok(), place == "window", "{fewer:?}");
    }
}

/// A job of two windows by uid and two sinks, whose windows wait for more; its savepoint is `sp`.
fn stopped(directory: &Path) -> TestSession {
    let mut shell = TestSession::new(directory, |settings| {
        settings.drain = false;
        settings.savepoint = Some(directory.join("sp"));
    });
    shell
        .run(&changed("", ["auction", "count(*) as n, max(price) as top"], "tumble(10s)", "kept", "hot", ""))
        .expect("it runs");
    shell.session.settings().savepoint.as_ref().expect("written");
    TestSession::new(directory, |settings| settings.drain = false)
}

/// That job with other keys and aggregates, another window, uid or sink.
fn changed(from: &str, [key, aggregate]: [&str; 2], window: &str, uid: &str, sink: &str, options: &str) -> String {
    format!(
        "source g from nexmark 'bid' with (events = 3000, seed = 1);
         sink hot to file 'hot'; sink cold to file 'cold';
         run t {from} {options} {{
           g | key_by {key} | window tumble(10s) | aggregate {aggregate} | uid 'by-key' | into blackhole;
           g | key_by bidder | window {window} | aggregate sum(price) as total | uid 'sums' | into {sink};
           g | key_by channel | window tumble(10s) | aggregate count(*) as n | uid '{uid}' | into blackhole;
         }}"
    )
}

const AS_IT_WAS: [&str; 2] = ["auction", "count(*) as n, max(price) as top"];

#[test]
fn a_savepoint_or_the_latest_or_a_checkpoint_is_where_a_changed_job_goes_on_from() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let mut shell = stopped(path);
    for from in ["from savepoint 'sp'", "from latest", "from checkpoint N"] {
        for options in [["", "with (parallelism = 3)"], ["with (parallelism = 2)", ""]] {
            let [before, behind] = options;
            let last = shell.session.jobs().next().and_then(|entry| Some(entry.job.view().checkpoints.last()?.id));
            let from = from.replace('N', &last.unwrap_or_default().to_string());
            let text = changed(&format!("{before} {from}"), AS_IT_WAS, "tumble(10s)", "kept", "hot", behind);
            // What was read before the savepoint is not read again.
            let text = text.replace("g | key_by", "g | filter price > 0 | key_by");
            if let Err(failure) = shell.run(&text) {
                panic!("{from} {options:?}: {failure}");
            }
            let entry = shell.session.jobs().next().expect("one job");
            assert!(entry.job.restored_from().is_some(), "{from}");
            let view = entry.job.view();
            assert!(view.vertices.iter().any(|vertex| vertex.subtasks.len() > 1), "{options:?}");
        }
    }
    let fresh = changed("", AS_IT_WAS, "tumble(10s)", "kept", "hot", "");
    shell.run(&fresh).expect("it runs");
    assert_eq!(shell.session.jobs().next().expect("one job").job.restored_from(), None, "from the beginning");
}

#[test]
fn all_that_does_not_fit_is_listed_at_once_and_explain_shows_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let mut shell = stopped(path);
    let other = |from: &str, options: &str| {
        changed(from, ["auction", "count(*) as n, min(price) as low"], "tumble(7s)", "kpet", "cold", options)
    };
    let text = other("from savepoint 'sp'", "with (max_parallelism = 64)");
    let error = shell.run(&text).expect_err("nearly all of it differs").to_string();
    insta::assert_snapshot!(error);
    // What may be left behind is; what differs is still refused.
    let allowed = shell.run(&other("from savepoint 'sp'", "with (allow_non_restored_state = true)"));
    let allowed = words(&allowed.expect_err("it differs").to_string());
    assert!(
        allowed.contains("by-key accumulators has no") && allowed.contains("sums accumulators is of tumble(10s)"),
        "{allowed}"
    );
    assert!(!allowed.contains(" kept ") && !allowed.contains("FileSink"), "{allowed}");
    let mut explained = |text: &str| {
        let run = text.find("run t").expect("a job");
        let statement = shell.session.parse(&format!("explain {}", &text[run..])).expect("it parses");
        lotic::commands::execute(&mut shell.session, &statement[0].node).expect("a dry run")
    };
    let Outcome::Listing(listing) = explained(&text) else { panic!("a listing") };
    let note = listing.note.clone().expect("what is refused");
    assert_eq!(note, error, "the same as the start says");
    let of = |operator: &str, state: &str| {
        let found = listing.rows.iter().find(|row| row[0] == operator && row[1] == state);
        found.unwrap_or_else(|| panic!("no {operator} {state}: {listing:?}")).clone()
    };
    assert_eq!(of("kpet", "accumulators")[4], "new, empty");
    assert_eq!(of("kept", "accumulators")[4], "refused");
    let taken = of("g.source", "reader");
    assert_eq!((&taken[4], &taken[2]), (&"taken".into(), &1.into()), "{taken:?}");
    let json = format!("{} --json", changed("from latest", AS_IT_WAS, "tumble(10s)", "kept", "hot", ""));
    let Outcome::Json(json) = explained(&json) else { panic!("JSON") };
    assert_eq!((&json["fits"], &json["job"]), (&true.into(), &"t".into()), "{json}");
    let states = json["states"].as_array().expect("states");
    let kept =
        states.iter().find(|state| state["operator"] == "kept" && state["state"] == "accumulators").expect("there");
    assert_eq!(
        (&kept["restore"], kept["rows"].as_u64() > Some(0), kept["bytes"].as_u64() > Some(0)),
        (&"taken".into(), true, true)
    );
    // Nothing was changed by any of it.
    shell.run(&changed("from latest", AS_IT_WAS, "tumble(10s)", "kept", "hot", "")).expect("as it was");
}

#[test]
fn a_running_job_goes_on_when_a_start_in_its_place_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut shell = TestSession::new(directory.path(), |_| {});
    let text = "source g from nexmark 'bid' with (rate = 1000, seed = 1);
        run t = g | key_by auction | window tumble(10s) | aggregate count(*) as n | uid 'w' | into blackhole;
        checkpoint t;";
    let execute = |shell: &mut TestSession, text: &str| {
        for statement in shell.session.parse(text).expect("it parses") {
            lotic::commands::execute(&mut shell.session, &statement.node).map_err(|failure| failure.to_string())?;
        }
        Ok::<_, String>(())
    };
    execute(&mut shell, text).expect("it runs");
    for (text, why) in [
        ("restore t with (max_parallelism = 64);", "max_parallelism"),
        ("restore t from checkpoint 77;", "there is no checkpoint 77; held: 1"),
        ("run t from latest = g | into blackhole;", "job `t` is running"),
        ("run t from checkpoint 1 from latest = g | into blackhole;", "`from` is given twice"),
        ("explain g from latest;", "only a job starts from a checkpoint or savepoint"),
        ("explain run u from latest = g | into blackhole;", "job `u` has no checkpoint to start from"),
    ] {
        let error = match shell.session.parse(text) {
            Ok(_) => execute(&mut shell, text).expect_err(text),
            Err(diagnostic) => diagnostic.to_string(),
        };
        assert!(error.contains(why), "{text}: {error}");
        assert_eq!(
            shell
                .session
                .job(&lotic::types::Spanned::new("t".to_owned(), lotic::types::Span::default()))
                .expect("there")
                .job
                .view()
                .status,
            JobStatus::Running
        );
    }
    execute(&mut shell, "explain t from latest; explain t from checkpoint 1;").expect("while it runs");
    shell.session.cancel_all();
}

/// What another process needs to go on, and to replay.
#[test]
fn a_savepoint_holds_the_statement_and_the_clock() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let text = script("", COUNT, "w");
    run(path, &text, |settings| settings.savepoint = Some(path.join("sp"))).expect("it runs");
    let restored = |settings: &mut Settings| {
        settings.savepoint = Some(path.join("again"));
        latest(settings);
    };
    run(path, &text, restored).expect("restored");
    for place in ["sp", "again"] {
        let text = std::fs::read_to_string(path.join(place).join("manifest.json")).expect("readable");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let statement = document["manifest"]["statement"].as_str().expect("the statement");
        assert!(
            statement.starts_with("run t = g | key_by auction") && statement.ends_with("into blackhole"),
            "{statement}"
        );
        let manifest = &document["manifest"];
        assert!(manifest["moment"]["clock_ms"].as_i64() >= manifest["taken_at_ms"].as_i64());
        assert!(manifest["moment"]["seed"].is_null(), "threads have no seed");
    }
}

#[test]
fn another_number_of_key_groups_is_an_error_that_names_both() {
    let directory = tempfile::tempdir().expect("a directory");
    run(directory.path(), &script("", COUNT, "w"), |_| {}).expect("it runs");
    let text = script(" with (max_parallelism = 64)", COUNT, "w");
    let error = run(directory.path(), &text, latest).expect_err("other key groups");
    assert!(
        words(&error).contains("the job max_parallelism is 128, not 64 -> `with (max_parallelism = 128)`"),
        "{error}"
    );
}

#[test]
fn rows_that_were_read_ahead_without_a_column_that_is_read_now_are_read_again_or_refused_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let bids = bids(7, 100, 40, 20, 500, 0, 0);
    std::fs::write(path.join("bid.ndjson"), ndjson(&bids)).expect("written");
    let text = |columns: &str| {
        let source = source(Path::new("bid.ndjson"), "");
        format!(
            "{source} run t with (restart_delay = 1h) = bids | map {columns} | into file 'out' with (format = 'json');"
        )
    };
    // The rest of the batch has been read, and waits.
    run(path, &text("auction, price"), |settings| settings.stop_after_rows = Some(10)).expect("it runs");
    let held = path.join("held");
    let parts = ["state", "out"];
    for part in parts {
        copy(&path.join(part), &held.join(part));
    }
    let back = || {
        for part in parts {
            std::fs::remove_dir_all(path.join(part)).expect("removed");
            copy(&held.join(part), &path.join(part));
        }
    };
    run(path, &text("price"), latest).expect("what is read was read");
    assert_eq!(committed_lines(&path.join("out")).len(), 100);
    back();
    // They stand in the file in one place.
    run(path, &text("auction, bidder"), latest).expect("the column is read again");
    let mut expected: Vec<String> =
        bids[..10].iter().map(|bid| format!(r#"{{"auction":{},"price":{}}}"#, bid.auction, bid.price)).collect();
    expected.extend(bids[10..].iter().map(|bid| format!(r#"{{"auction":{},"bidder":{}}}"#, bid.auction, bid.bidder)));
    expected.sort();
    assert_eq!(committed_lines(&path.join("out")), expected);
    // In two places it is not known which it was; with a restart this would take an hour.
    back();
    let twice = ndjson(&[&bids[..], &bids[..]].concat());
    std::fs::write(path.join("bid.ndjson"), &twice).expect("written");
    let error = words(&run(path, &text("auction, bidder"), latest).expect_err("a column is missing"));
    assert!(
        error.contains("bids.source held has no column `bidder`, and the source has rows like these in 2 places"),
        "{error}"
    );
    assert!(error.contains("-> read only columns that were read then"), "{error}");
    // Nor where they are no more.
    std::fs::write(path.join("bid.ndjson"), ndjson(&common::bids(8, 100, 40, 20, 500, 0, 0))).expect("written");
    let error = words(&run(path, &text("auction, bidder"), latest).expect_err("a column is missing"));
    assert!(
        error.contains("bids.source held has no column `bidder`, and the source has these rows no more"),
        "{error}"
    );
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("created");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

/// A second shell of the state directory, as another process would be.
fn later(directory: &Path) -> TestSession {
    TestSession::new(directory, |settings| settings.memory = lotic::session::Memory::Shared)
}

fn answered(shell: &mut TestSession, statement: &str) -> Result<Outcome, String> {
    let statements = shell.session.parse(statement).map_err(|error| error.to_string())?;
    lotic::commands::execute(&mut shell.session, &statements[0].node).map_err(|failure| match failure {
        lotic::session::Failure::Typed(error) => format!("{} ({})", error.message, error.help.unwrap_or_default()),
        failure @ lotic::session::Failure::Engine(_) => failure.to_string(),
    })
}

#[test]
fn a_job_that_is_over_is_given_back_while_its_shell_lives() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut first = later(directory.path());
    let endless = "source g from nexmark 'bid' with (rate = 1000, seed = 1);
        run t = g | key_by auction | window tumble(10s) | aggregate count(*) as n | into blackhole;
        checkpoint t;";
    for statement in first.session.parse(endless).expect("it parses") {
        lotic::commands::execute(&mut first.session, &statement.node).expect("it runs");
    }
    let mut second = later(directory.path());
    answered(&mut second, "restore t").expect_err("it runs in the first");
    answered(&mut first, "cancel t").expect("it runs");
    assert_eq!(first.session.jobs().next().expect("t").job.wait(Some(60_000)), Some(JobStatus::Cancelled));
    answered(&mut second, "restore t").expect("the first has given it back");
    assert!(second.session.jobs().next().expect("t").job.restored_from().is_some());
    // And back.
    answered(&mut first, "restore t").expect_err("it runs in the second");
    answered(&mut second, "stop t").expect("it runs");
    answered(&mut first, "restore t").expect("given back");
    answered(&mut first, "stop t").expect("it runs");
    answered(&mut second, ".forget t --job --yes").expect("nobody has it");
}

#[test]
fn a_job_that_does_not_run_is_explained_and_a_look_makes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let mut shell = later(path);
    let run = "run nowhere from latest = bids | into blackhole";
    let said = answered(&mut shell, &format!("explain {run};")).expect_err("no checkpoint");
    assert!(said.contains("job `nowhere` has no checkpoint to start from"), "{said}");
    assert!(!path.join("state").exists(), "made for a look");

    let text = "source g from nexmark 'bid' with (events = 3000, seed = 1);
        stream dear = g | filter price > 1000;
        run t with (parallelism = 2) = dear | key_by auction | window tumble(10s) | aggregate count(*) as n | into blackhole;";
    shell.run(text).expect("it runs");
    let of = |outcome: Result<Outcome, String>| match outcome {
        Ok(Outcome::Text(text)) => text,
        other => panic!("no text: {other:?}"),
    };
    let ran = of(answered(&mut shell, "explain t;"));
    assert!(!ran.contains("does not run"), "{ran}");
    drop(shell);
    let mut shell = later(path);
    shell.run("drop stream dear;").expect("defined");
    let kept = of(answered(&mut shell, "explain t;"));
    let note = "Job t does not run. `restore t` would start this plan:\n\n";
    assert_eq!(kept.strip_prefix(note), Some(&ran[..]), "{kept}");
    let Ok(Outcome::Json(json)) = answered(&mut shell, "explain t --json;") else { panic!("JSON") };
    assert_eq!((&json["job"], &json["runs_here"]), (&"t".into(), &false.into()), "{json}");
    let Ok(Outcome::Listing(from)) = answered(&mut shell, "explain t from latest;") else { panic!("a listing") };
    assert!(from.rows.iter().any(|row| row[1] == "accumulators" && row[4] == "taken"), "{from:?}");
    answered(&mut shell, "explain u;").expect_err("no job");
    let jobs: Vec<_> = std::fs::read_dir(path.join("state/jobs")).expect("jobs").collect();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
}

#[test]
fn relative_paths_of_what_is_remembered_are_those_of_where_it_was_typed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    for path in [&first, &second] {
        std::fs::create_dir(path).expect("created");
    }
    std::fs::write(first.join("v.ndjson"), "{\"a\":1}\nnot json\n{\"a\":2}\n").expect("written");
    std::fs::write(first.join("w.ndjson"), "{\"a\":7}\n").expect("written");
    let shell = |base: &Path| {
        TestSession::new(directory.path(), |settings| {
            settings.memory = lotic::session::Memory::Shared;
            settings.base_dir = base.to_path_buf();
        })
    };
    let mut typed = shell(&first);
    typed
        .run(
            "source v from file 'v.ndjson' columns (a bigint) with (on_error = 'dead_letter', dead_letter = 'bad');
             stream w = 'w.ndjson' | map a + 1 as b;
             sink out to file 'out' with (format = 'json');",
        )
        .expect("defined");
    let mut shell = shell(&second);
    shell.run("run t = v | into out;").expect("it runs");
    assert_eq!(committed_lines(&first.join("out")).len(), 2);
    assert_eq!(committed_lines(&first.join("bad")).len(), 1);
    assert!(!second.join("bad").exists());
    shell.run("w;").expect("the file is found");
    assert_eq!(shell.rows.take_sorted(), [r#"{"b":8}"#]);
}

#[test]
fn a_checkpoint_of_another_job_is_refused_and_a_savepoint_of_one_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let savepoint = path.join("sp");
    run(path, &script("", COUNT, "w"), |settings| settings.savepoint = Some(savepoint.clone())).expect("it runs");
    let jobs = path.join("state/jobs");
    std::fs::rename(jobs.join("t"), jobs.join("u")).expect("moved");
    let text = script("", COUNT, "w").replace("run t", "run u");
    let error = run(path, &text, latest).expect_err("of another job");
    assert!(error.contains("is of job `t`, not of `u`"), "{error}");
    let from = |settings: &mut Settings| settings.restore = Some(RestoreFrom::Savepoint(savepoint));
    assert!(run(path, &text, from).expect("a savepoint may move").is_some());
}

#[test]
fn a_savepoint_that_does_not_fit_leaves_the_jobs_own_checkpoints_where_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let savepoint = path.join("sp");
    run(path, &script("", COUNT, "w"), |settings| settings.savepoint = Some(savepoint.clone())).expect("it runs");
    let from = |settings: &mut Settings| settings.restore = Some(RestoreFrom::Savepoint(savepoint));
    assert!(run(path, &script("", COUNT, "other"), from).is_err());
    assert!(run(path, &script("", COUNT, "w"), latest).expect("as before").is_some(), "they were not set aside");
}

#[test]
fn a_restore_that_fails_leaves_the_job_in_the_session() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut shell = TestSession::new(directory.path(), |settings| settings.drain = false);
    shell.run(&script("", COUNT, "w")).expect("it runs");
    for _ in 0..2 {
        let error = shell.run("restore t with (max_parallelism = 64);").expect_err("other key groups").to_string();
        assert!(error.contains("128") && error.contains("64"), "{error}");
    }
    shell.run("restore t with (parallelism = 3);").expect("the job is still known");
    assert_eq!(shell.session.jobs().next().expect("one job").job.view().parallelism, 3);
}

/// The plan of a job over the session's sources, not run.
fn planned(shell: &TestSession, job: &str) -> StreamGraph {
    let statements = shell.session.parse(job).expect("it parses");
    let [statement] = &statements[..] else { panic!("one statement") };
    let Statement::Run(run) = &statement.node else { panic!("a job") };
    shell.session.plan_job(run).expect("it binds").stream_graph()
}

/// A time without the zeros that end its fraction.
fn plain(time: &str) -> String {
    if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.').to_owned() } else { time.to_owned() }
}

fn late_of(lines: &[String]) -> Vec<(i64, i64, i64, String)> {
    let number = |value: &serde_json::Value| value.as_i64().expect("a number");
    let row = |line: &String| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let time = plain(row["date_time"].as_str().expect("text"));
        (number(&row["auction"]), number(&row["bidder"]), number(&row["price"]), time)
    };
    let mut rows: Vec<_> = lines.iter().map(row).collect();
    rows.sort();
    rows
}

fn late_bids(late: &[Bid]) -> Vec<(i64, i64, i64, String)> {
    let time = |bid: &Bid| plain(&timestamp(bid.time));
    let mut rows: Vec<_> = late.iter().map(|bid| (bid.auction, bid.bidder, bid.price, time(bid))).collect();
    rows.sort();
    rows
}

/// What the runs of one seed went through.
#[derive(Debug, Default)]
struct Survived {
    crashes: u32,
    restarts: u32,
    /// Checkpoints that timed out, could not be written or were aborted.
    failed: usize,
}

/// A watermark's clause, and what each bid raises the watermark to by it.
type Watermark = (&'static str, fn(&Bid) -> i64);

const BOUNDED: Watermark = ("watermark 4s", |bid| bid.time - 4_000);
const PUNCTUATED: [Watermark; 3] = [
    ("watermark 2s when price > 7000", |bid| if bid.price > 7_000 { bid.time - 2_000 } else { i64::MIN }),
    ("watermark as case when bidder % 4 = 1 then date_time - interval '3' second end", |bid| {
        if bid.bidder % 4 == 1 { bid.time - 3_000 } else { i64::MIN }
    }),
    ("watermark ascending", |bid| bid.time - 1),
];

/// Runs a windowed job to its end through crashes and kills at moments chosen by seed, each launch at another
/// parallelism; with `early` its checkpoints are kept in memory, and many of them end early. Then its rows, its late rows
/// and its watermarks are those of a straight run. One reader gives the rows one order, so that which of them are late is
/// defined.
fn survive(seed: u64, rows: u64, early: bool) -> Survived {
    survive_with(seed, rows, early, BOUNDED)
}

fn survive_with(seed: u64, rows: u64, early: bool, (watermark, mark): Watermark) -> Survived {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let data = bids(seed, rows, 20, 400, 3_900, 20, 60_000);
    let came = tumble_marked(&data, 10_000, mark);
    assert!(!came.1.is_empty(), "no late rows");
    std::fs::write(path.join("bid.ndjson"), ndjson(&data)).expect("written");
    let mut shell = TestSession::new(path, |_| {});
    let source =
        source(Path::new("bid.ndjson"), "").replace("event_time date_time watermark 4s", &event_time(seed, watermark));
    shell.run(&source).expect("a source");
    // A stage gives the rows of some seeds their times, and the watermark.
    let stage = if seed % 4 == 3 { format!("| event_time date_time {watermark}") } else { String::new() };
    // One subtask that reads, or as many as there are windows, all but one of which have nothing to read.
    let narrow = if seed.is_multiple_of(2) || !stage.is_empty() { "| parallelism 1" } else { "" };
    through_crashes(path, &shell, seed, early, &format!("{narrow} {stage}"), &came, |_| {})
}

/// What gives the rows of a source their times, but for seeds of which a stage does.
fn event_time(seed: u64, watermark: &str) -> String {
    let source = if seed % 4 == 3 { "watermark 1s" } else { watermark };
    format!("event_time date_time {source}")
}

/// The same of any source called `bids`, with these stages behind it: it comes to these rows and these late ones. `look`
/// sees the job after every step.
fn through_crashes(
    path: &Path,
    shell: &TestSession,
    seed: u64,
    early: bool,
    stages: &str,
    (expected, late): &(Vec<String>, Vec<Bid>),
    mut look: impl FnMut(&Stepper),
) -> Survived {
    let mut rng = Rng::new(seed);
    let memory: Arc<dyn CheckpointStorage> = Arc::new(Failing::new(Arc::new(MemoryStorage::default()), 20, seed));
    let mut survived = Survived::default();
    for launch in 0_u64.. {
        let parallelism = 1 + rng.below(4);
        // Rows that become several batches, of which a checkpoint finds some not given yet.
        let copies = if seed.is_multiple_of(3) {
            "| flat_map unnest(array[1, 2, 3, 4, 5, 6, 7]) as copy | filter copy = 3"
        } else {
            ""
        };
        let graph = planned(shell, &tumble_job(&format!("parallelism = {parallelism}"), &format!("{stages} {copies}")));
        let storage = if early {
            Arc::clone(&memory)
        } else {
            open_storage(&path.join("state/jobs/t"), &Restore::Latest).expect("the database opens")
        };
        let restore = storage.checkpoints().expect("it can be read").last().copied();
        let settings = JobSettings {
            checkpoint_interval_ms: Some(1),
            checkpoint_timeout_ms: if early { 1 + rng.below(4).cast_signed() } else { 600_000 },
            tolerable_failed_checkpoints: u32::try_from(rng.below(20)).expect("small"),
            restart_attempts: 1_000,
            restart_delay_ms: 1,
            batch_rows: 50,
            channel_capacity: 1 + usize::try_from(rng.below(4)).expect("small"),
            ..JobSettings::default()
        };
        let options = JobOptions::of(&Arc::new(settings));
        let width = usize::try_from(parallelism).expect("small");
        let make = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&graph, Some(parallelism))));
        let mut job = Stepper::launch(make, width, options, restore, Some(storage), rng.next(), 0).expect("it starts");
        let steps = if launch < 4 { 50 + rng.below(400) } else { u64::MAX };
        let kill_at = rng.below(300);
        for step in 0..steps {
            if step % 61 == 30 {
                job.checkpoint();
            }
            if step == kill_at {
                let vertices = job.view().vertices.len().max(1);
                let vertex = VertexId(job.choose(vertices));
                job.kill_subtask(SubtaskId { vertex, index: 0 });
            }
            match rng.below(200) {
                0 if early => job.abort_checkpoint(),
                1 | 2 if early => job.advance(1),
                _ => {}
            }
            if !job.step() {
                break;
            }
            look(&job);
        }
        let view = job.view();
        survived.restarts += view.restarts;
        survived.failed +=
            view.checkpoints.iter().filter(|checkpoint| checkpoint.status == CheckpointStatus::Failed).count();
        if job.status().is_final() {
            assert_eq!(job.status(), JobStatus::Finished, "seed {seed}: {:?}", job.cause());
            assert_eq!(late_rows(&view), late.len() as u64, "seed {seed}");
            for subtask in view.vertices.iter().filter(|vertex| !vertex.source).flat_map(|vertex| &vertex.subtasks) {
                assert_eq!(subtask.watermark, Some(MAX_WATERMARK), "seed {seed}");
            }
            break;
        }
        survived.crashes += 1;
    }
    assert_eq!(committed_lines(&path.join("out")), *expected, "seed {seed}");
    assert_eq!(late_of(&committed_lines(&path.join("late"))), late_bids(late), "seed {seed}");
    survived
}

#[test]
fn punctuated_and_ascending_watermarks_survive_crashes_at_any_parallelism() {
    let crashes = (0..size("LOTIC_SEEDS", 12)).map(|seed| {
        let watermark = PUNCTUATED[usize::try_from(seed % 3).expect("small")];
        survive_with(seed, 1_000, false, watermark).crashes
    });
    let crashes: u32 = crashes.sum();
    assert!(crashes > 0, "some run must have crashed");
}

#[test]
fn windows_over_every_watermark_are_those_of_flink() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("flink/watermarks.json")).expect("JSON");
    let directory = tempfile::tempdir().expect("a directory");
    let row = |row: &serde_json::Value| {
        let until = row[2].as_i64().map_or("null".to_owned(), |until| format!("\"{}\"", timestamp(until)));
        let time = timestamp(row[0].as_i64().expect("a time"));
        format!("{{\"ts\":\"{time}\",\"price\":{},\"until\":{until}}}\n", row[1])
    };
    let rows: String = golden["rows"].as_array().expect("rows").iter().map(row).collect();
    std::fs::write(directory.path().join("r.ndjson"), rows).expect("written");
    let mut dropped = 0;
    for query in golden["queries"].as_array().expect("queries") {
        let typed = query["typed"].as_str().expect("text");
        let columns = "columns (ts timestamp, price bigint, until timestamp)";
        // At the source, and as a stage behind another time.
        for (source, stage) in [(typed, String::new()), ("1h", format!("| event_time ts watermark {typed}"))] {
            let mut shell = TestSession::new(directory.path(), |_| {});
            let text = format!(
                "source r from file 'r.ndjson' {columns} event_time ts watermark {source};
                 r {stage} | window tumble(10s) | aggregate count(*) as n, sum(price) as total;"
            );
            shell.run(&text).expect("it runs");
            let window = |line: &String| {
                let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
                let start = plain(row["window_start"].as_str().expect("text"));
                (start, row["n"].as_u64().expect("a number"), row["total"].as_i64().expect("a number"))
            };
            let came: Vec<_> = shell
                .rows
                .take_sorted()
                .iter()
                .map(window)
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect();
            let expected = query["windows"].as_array().expect("windows").iter().map(|row| {
                (
                    plain(row[0].as_str().expect("text")),
                    row[1].as_u64().expect("a number"),
                    row[2].as_i64().expect("a number"),
                )
            });
            let expected: Vec<_> = expected.collect();
            dropped += 300 - expected.iter().map(|(_, n, _)| n).sum::<u64>();
            assert_eq!(came, expected, "watermark {typed}");
        }
    }
    assert!(dropped > 100, "rows must be late");
}

/// A folder of partitions with rows of the same time each, some of them far between, `late_every`th ones late in their own.
fn partitions(path: &Path, seed: u64, rows: u64, late_every: u64) -> Vec<Vec<Bid>> {
    std::fs::create_dir(path.join("parts")).expect("a folder");
    let part = |part: u64| {
        let part_of = bids(seed * 7 + part, rows / (part + 1), 20, 300 * (part + 1), 3_900, late_every, 60_000);
        std::fs::write(path.join(format!("parts/{part}.ndjson")), ndjson(&part_of)).expect("written");
        part_of
    };
    (0..5).map(part).collect()
}

#[test]
fn no_partition_makes_the_rows_of_another_late_at_any_parallelism_and_through_crashes() {
    let mut crashes = 0;
    for seed in 0..size("LOTIC_SEEDS", 12) {
        let directory = tempfile::tempdir().expect("a directory");
        let parts = partitions(directory.path(), seed, 600, 0);
        let mut all = parts.concat();
        assert!(!tumble(&all, 10_000, 4_000).1.is_empty(), "one behind the other they would be late");
        all.sort_by_key(|bid| bid.time);
        let came = tumble(&all, 10_000, 4_000);
        assert!(came.1.is_empty(), "each is in the bound of its own");
        let mut shell = TestSession::new(directory.path(), |_| {});
        shell.run(&source(Path::new("parts"), " with (partitioned = true, format = 'json')")).expect("a source");
        crashes += through_crashes(directory.path(), &shell, seed, seed % 2 == 1, "", &came, |_| {}).crashes;
    }
    assert!(crashes > 0, "some run must have crashed");
}

/// The bids of the partitions in the order in which one reader takes them, `batch` at a time, the one furthest behind
/// first, each with the watermark that it meets: the least of those that have not ended.
fn side_by_side(parts: &[Vec<Bid>], batch: usize, delay_ms: i64) -> Vec<(Bid, i64)> {
    let mut open: Vec<(&[Bid], i64)> = parts.iter().map(|part| (&part[..], i64::MIN)).collect();
    let (mut met, mut watermark) = (Vec::new(), i64::MIN);
    let least = |open: &[(&[Bid], i64)]| open.iter().map(|(_, at)| *at).min().unwrap_or(i64::MIN);
    while let Some(next) = (0..open.len()).min_by_key(|&part| open[part].1) {
        let (taken, rest) = open[next].0.split_at(batch.min(open[next].0.len()));
        for bid in taken {
            met.push((*bid, watermark));
            open[next].1 = open[next].1.max(bid.time - delay_ms);
            watermark = watermark.max(least(&open));
        }
        open[next].0 = rest;
        if taken.is_empty() {
            open.remove(next);
            watermark = watermark.max(least(&open));
        }
    }
    met
}

#[test]
fn one_reader_of_partitions_gives_the_late_rows_of_a_plain_model_through_crashes() {
    let mut late = 0;
    for seed in 0..size("LOTIC_CASES", 12) {
        let directory = tempfile::tempdir().expect("a directory");
        let parts = partitions(directory.path(), seed, 400, 10);
        let came = tumble_met(&side_by_side(&parts, 50, 4_000), 10_000);
        late += came.1.len();
        let mut shell = TestSession::new(directory.path(), |_| {});
        shell.run(&source(Path::new("parts"), " with (partitioned = true, format = 'json')")).expect("a source");
        through_crashes(directory.path(), &shell, seed, seed % 2 == 1, "| parallelism 1", &came, |_| {});
    }
    assert!(late > 0, "some rows must be late");
}

/// How far the watermark of one source was ahead of the other's at most, milliseconds, in a run through crashes; the other
/// ends long before, or has few rows.
fn drift(seed: u64, align: &str) -> i64 {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let (fast, slow) = (bids(seed, 300, 20, 2_000, 3_900, 0, 0), bids(seed + 1, 900, 20, 400, 3_900, 0, 0));
    std::fs::write(path.join("fast.ndjson"), ndjson(&fast)).expect("written");
    std::fs::write(path.join("slow.ndjson"), ndjson(&slow)).expect("written");
    let mut all = [fast, slow].concat();
    all.sort_by_key(|bid| bid.time);
    let came = tumble(&all, 10_000, 4_000);
    let mut shell = TestSession::new(path, |_| {});
    for name in ["fast", "slow"] {
        let source = source(Path::new(&format!("{name}.ndjson")), "");
        let source = source.replace("source bids", &format!("source {name}")).replace("watermark 4s", align);
        shell.run(&source).expect("a source");
    }
    shell.run("stream bids = fast | union slow;").expect("a stream");
    let mut most = 0;
    through_crashes(path, &shell, seed, seed % 2 == 1, "", &came, |job| {
        let view = job.view();
        let reads = |vertex: &&lotic::inspect::VertexView| vertex.source;
        let at: Vec<i64> = view
            .vertices
            .iter()
            .filter(reads)
            .filter_map(|vertex| {
                vertex.subtasks.iter().filter(|subtask| !subtask.idle).filter_map(|subtask| subtask.watermark).min()
            })
            .collect();
        if let [one, other] = at[..]
            && one.max(other) < MAX_WATERMARK
        {
            most = most.max(one.abs_diff(other).cast_signed());
        }
    });
    most
}

#[test]
fn aligned_sources_stay_together_through_crashes_at_any_parallelism_and_come_to_their_end() {
    let (mut free, mut aligned) = (0, 0);
    for seed in 0..size("LOTIC_SEEDS", 12) {
        free = free.max(drift(seed, "watermark 4s"));
        aligned = aligned.max(drift(seed, "watermark 4s align 10s"));
    }
    // A row may bring it further than that by as much as two rows are apart.
    assert!(aligned > 10_000 && aligned <= 10_000 + 4_000 + 3_900, "{aligned} ms apart");
    assert!(free > 30_000, "{free} ms apart without it");
}

fn aligned_source(name: &str, file: &str, options: &str) -> String {
    let source = source(Path::new(&format!("{file}.ndjson")), options);
    source.replace("source bids", &format!("source {name}")).replace("watermark 4s", "watermark 4s align 10s")
}

#[test]
fn a_source_that_has_fallen_silent_or_has_ended_is_not_waited_for_in_either_executor() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let data = bids(3, 400, 20, 2_000, 3_900, 0, 0);
    std::fs::write(path.join("all.ndjson"), ndjson(&data)).expect("written");
    std::fs::write(path.join("one.ndjson"), ndjson(&data[..1])).expect("written");
    let mut shell = TestSession::new(path, |_| {});
    for (name, file, options) in [
        ("a", "all", ""),
        ("ended", "one", ""),
        ("silent", "one", " with (follow = true, idle_timeout = 1s)"),
        ("waits", "one", " with (follow = true)"),
    ] {
        shell.run(&aligned_source(name, file, options)).expect("a source");
    }
    for (other, all) in [("ended", true), ("silent", true), ("waits", false)] {
        let graph = planned(&shell, &format!("run t with (parallelism = 2) = a | union {other} | into blackhole;"));
        let make = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&graph, Some(parallelism))));
        let options = JobOptions::of(&Arc::new(JobSettings { batch_rows: 50, ..JobSettings::default() }));
        let mut job = Stepper::launch(make, 2, options, None, None, 7, 0).expect("it starts");
        job.run(5_000);
        let read = job.view().source_rows;
        assert_eq!(read == 401, all, "{other}: {read} rows");
        assert!(read > 1, "{other}");
    }
    let views =
        shell.run("run u with (parallelism = 2) = a | union ended | into blackhole;").expect("it runs on threads");
    assert_eq!(views[0].source_rows, 401);
    let mut shell = TestSession::new(path, |settings| settings.stop_after_rows = Some(401));
    for (name, file, options) in [("a", "all", ""), ("silent", "one", " with (follow = true, idle_timeout = 100ms)")] {
        shell.run(&aligned_source(name, file, options)).expect("a source");
    }
    let views =
        shell.run("run v with (parallelism = 2) = a | union silent | into blackhole;").expect("it comes to its end");
    assert_eq!(views[0].source_rows, 401);
}

#[test]
fn crashed_and_restored_at_any_parallelism_it_gives_the_rows_and_the_late_rows_of_a_straight_run() {
    let crashes: u32 = (0..size("LOTIC_SEEDS", 12)).map(|seed| survive(seed, 1_500, false).crashes).sum();
    assert!(crashes > 0, "some run must have crashed");
    println!("{crashes} crashes");
}

#[test]
fn checkpoints_that_end_early_change_neither_the_rows_nor_the_late_rows_nor_the_watermarks() {
    let mut all = Survived::default();
    let seeds = size("LOTIC_SEEDS", 12);
    for seed in 0..seeds {
        let Survived { crashes, restarts, failed } = survive(seed, 400, true);
        all =
            Survived { crashes: all.crashes + crashes, restarts: all.restarts + restarts, failed: all.failed + failed };
    }
    println!("{seeds} seeds: {all:?}");
    assert!(all.crashes > 0 && all.restarts > 0 && all.failed > 0, "{all:?}");
}

#[test]
fn the_time_of_ingestion_rises_with_the_clock_whether_or_not_rows_come() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("all.ndjson"), ndjson(&bids(3, 40, 1, 2_000, 0, 0, 0))).expect("written");
    let mut shell = TestSession::new(directory.path(), |_| {});
    let source = source(Path::new("all.ndjson"), " with (follow = true)");
    shell.run(&source.replace("date_time watermark 4s", "ingestion")).expect("a source");
    let graph = planned(
        &shell,
        "run t with (parallelism = 2) = bids | key_by auction | window tumble(10s) | aggregate count(*) as n | into blackhole;",
    );
    let make = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&graph, Some(parallelism))));
    let options = || JobOptions::of(&Arc::new(JobSettings::default()));
    let storage: Arc<dyn CheckpointStorage> = Arc::new(MemoryStorage::default());
    let launch = |restore, seed| {
        Stepper::launch(Arc::clone(&make) as _, 2, options(), restore, Some(Arc::clone(&storage)), seed, 1_000)
            .expect("it starts")
    };
    let given = |job: &Stepper| {
        let view = job.view();
        let windows = view.vertices.iter().find(|vertex| vertex.name.contains("Window")).expect("windows");
        windows.subtasks.iter().map(|subtask| subtask.rows_out).sum::<u64>()
    };
    let mut job = launch(None, 7);
    job.run(300);
    assert_eq!((job.view().source_rows, given(&job)), (40, 0), "the clock stands in the first window");
    let of_sources = |job: &Stepper| {
        let view = job.view();
        let sources = view.vertices.iter().filter(|vertex| vertex.source).flat_map(|vertex| vertex.subtasks.clone());
        sources.filter_map(|subtask| subtask.watermark).min()
    };
    assert!(of_sources(&job) < Some(9_999), "{:?}", of_sources(&job));
    job.checkpoint();
    job.run(100);
    let mut again = launch(storage.checkpoints().expect("they are read").last().copied(), 8);
    for job in [&mut job, &mut again] {
        job.advance(20_000);
        job.run(300);
        assert_eq!(given(job), 1, "the window fires without a row behind it");
        assert!(of_sources(job) >= Some(20_000), "{:?}", of_sources(job));
    }
}

/// Stages that keep no state and change neither the rows of the windows nor which are late.
const STATELESS: [&str; 6] = [
    "filter price >= 0",
    "filter auction is not null and price < 1000000000",
    "select * except (url)",
    "map auction, bidder, price, channel, date_time",
    "map *, price * 2 as twice",
    "map auction, bidder as who, price, date_time",
];
/// The same behind the window.
const BEHIND: [&str; 4] = [
    "filter n > 0",
    "map *, total / n as mean",
    "map auction, total as sum, n as rows | map auction, rows as n, sum as total",
    "select auction, n, total",
];

/// A job over the bids with stages chosen by `rng` around its stateful ones; with `two` a window behind the first. Rows go
/// to the sink `sink`, late rows to `late`.
fn edited(rng: &mut Rng, two: bool, sink: &str) -> String {
    let mut some = |stages: &[&str]| {
        let mut chosen = String::new();
        for _ in 0..rng.below(3) {
            let stage = stages[usize::try_from(rng.next()).unwrap_or(usize::MAX) % stages.len()];
            // A column is given up or renamed once.
            let starred = chosen.contains("map") && stage.contains('*');
            if !(starred || chosen.contains(" who") || chosen.contains("except")) {
                chosen.extend([" | ", stage]);
            }
        }
        chosen
    };
    let (before, between, behind) = (some(&STATELESS), some(&BEHIND), some(&BEHIND));
    let second = "key_by auction | window tumble(60s) | aggregate sum(n) as n, sum(total) as total";
    let second = if two { format!("| {second} {behind}") } else { String::new() };
    let aside = if rng.below(2) == 0 { "bids | filter price > 7 | into blackhole;" } else { "" };
    format!(
        "run t {{
           {aside}
           bids {before} | key_by auction | window tumble(10s) late_to strays | aggregate count(*) as n, sum(price) as total
             {between} {second} | select auction, n, total | into {sink};
           strays | map auction, price, date_time | into file 'late' with (format = 'json');
         }}"
    )
}

/// A job is stopped, and goes on with stages put in, taken out and changed between its stateful ones and with another sink.
/// Its rows, its late rows and its watermarks are those of a straight run of the changed pipeline. Some of what it goes on
/// from is stored under the uids that earlier builds made.
#[test]
fn a_changed_pipeline_goes_on_where_the_first_one_stopped() {
    let (mut restored, mut renamed) = (0, 0);
    for seed in 0..size("LOTIC_SEEDS", 24) {
        let mut rng = Rng::new(seed);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        std::fs::write(path.join("bid.ndjson"), ndjson(&bids(seed, 1_200, 20, 400, 3_900, 20, 60_000)))
            .expect("written");
        let (two, old) = (seed % 2 == 1, seed % 4 == 0);
        let sinks = if rng.below(2) == 0 { ["a", "a"] } else { ["a", "b"] };
        let jobs = [edited(&mut rng, two, sinks[0]), edited(&mut rng, two, sinks[1])];
        let session = |place: &str| {
            let mut shell = TestSession::new(path, |_| {});
            let sink = |name: &str| format!("sink {name} to file '{place}-{name}' with (format = 'json');");
            shell.run(&format!("{}{}{}", source(Path::new("bid.ndjson"), ""), sink("a"), sink("b"))).expect("defined");
            shell
        };
        let lines = |place: &str| {
            let of = |sink: &str| path.join(format!("{place}-{sink}"));
            let mut lines: Vec<_> =
                ["a", "b"].map(of).iter().filter(|sink| sink.exists()).flat_map(|sink| committed_lines(sink)).collect();
            lines.sort();
            lines
        };
        let settings = JobSettings {
            checkpoint_interval_ms: Some(1),
            allow_non_restored_state: sinks[0] != sinks[1],
            batch_rows: 50,
            ..JobSettings::default()
        };
        let options = JobOptions::of(&Arc::new(settings));
        let start = |place: &str, job: &str, old: bool, state: &str, seed: u64| {
            let mut graph = planned(&session(place), &job.replace("'late'", &format!("'{place}-late'")));
            for node in graph.nodes.iter_mut().filter(|_| old) {
                if let Some(placed) = node.node.former.placed.clone() {
                    node.node.uid = placed;
                }
            }
            let storage = open_storage(&path.join(state), &Restore::Latest).expect("the database opens");
            let restore = storage.checkpoints().expect("it can be read").last().copied();
            let make = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&graph, Some(parallelism))));
            let job = Stepper::launch(make, 1, options.clone(), restore, Some(storage), seed, 0);
            (job.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}\n{}", jobs[0], jobs[1])), restore)
        };
        let end = |job: &mut Stepper| {
            while job.step() {}
            assert_eq!(job.status(), JobStatus::Finished, "seed {seed}: {:?}", job.cause());
            let view = job.view();
            let watermarks: Vec<_> =
                view.vertices.iter().flat_map(|vertex| &vertex.subtasks).map(|own| own.watermark).collect();
            (late_rows(&view), watermarks.iter().filter(|own| **own == Some(MAX_WATERMARK)).count())
        };
        let (mut straight, _) = start("straight", &jobs[1], false, "straight", seed);
        let expected = end(&mut straight);
        let (mut first, _) = start("changed", &jobs[0], old, "state", seed);
        for step in 0..60 + rng.below(400) {
            if step % 40 == 20 {
                first.checkpoint();
            }
            first.step();
        }
        first.stop(false);
        while first.step() {}
        drop(first);
        // Through a crash behind the first checkpoint of the changed job.
        let (mut second, from) = start("changed", &jobs[1], false, "state", seed + 1);
        restored += u64::from(from.is_some());
        renamed += u64::from(old && from.is_some());
        for step in 0..100 {
            if step == 10 {
                second.checkpoint();
            }
            second.step();
        }
        drop(second);
        let (mut third, _) = start("changed", &jobs[1], false, "state", seed + 2);
        assert_eq!(end(&mut third), expected, "seed {seed}\n{}\n{}", jobs[0], jobs[1]);
        assert!(lines("straight").len() > 10, "{}", lines("straight").len());
        assert_eq!(lines("changed"), lines("straight"), "seed {seed}\n{}\n{}", jobs[0], jobs[1]);
        let late = |place: &str| committed_lines(&path.join(format!("{place}-late")));
        assert_eq!(late("changed"), late("straight"), "seed {seed}");
        assert!(!late("straight").is_empty(), "no late rows");
    }
    println!("{restored} restored, {renamed} of them from the uids of earlier builds");
    assert!(restored > 12 && renamed > 3, "{restored} {renamed}");
}

/// A session whose registry of stages has one line more.
fn with_toy(directory: &Path) -> TestSession {
    let TestSession { session, rows } = TestSession::new(directory, |_| {});
    let built_in = registries(lotic::commands::specs());
    let mut stages = built_in.stages.to_vec();
    stages.push(&toy::NUMBER);
    let mut shell =
        TestSession { session: session.with_registries(Registries { stages: stages.leak(), ..built_in }), rows };
    shell.run(&source(Path::new("bid.ndjson"), "")).expect("a source");
    shell
}

/// From the text through both executors, checkpoints and restores, to completion and help.
#[test]
fn a_stage_costs_its_file_and_a_line_of_the_registry() {
    let data = bids(5, 900, 20, 400, 3_900, 0, 0);
    let mut counts = std::collections::BTreeMap::<i64, i64>::new();
    let number = |bid: &Bid| {
        let number = counts.entry(bid.auction).or_default();
        *number += 1;
        format!(r#"{{"auction":{},"nth":{number}}}"#, bid.auction)
    };
    let mut expected: Vec<String> = data.iter().map(number).collect();
    expected.sort();
    let job = |parallelism: u64| {
        format!(
            "run t with (parallelism = {parallelism}) = bids | key_by auction | number nth | map auction, nth
               | into file 'out' with (format = 'json');"
        )
    };
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("bid.ndjson"), ndjson(&data)).expect("written");
    let mut shell = with_toy(directory.path());
    shell.run(&job(2)).expect("it runs");
    assert_eq!(committed_lines(&directory.path().join("out")), expected);

    let completions = Completer::new(&shell.session).complete("run u = bids | key_by auction | num", 35);
    assert!(completions.candidates.iter().any(|candidate| candidate.label == "number"), "{completions:?}");
    assert!(lotic::commands::help_topics(&shell.session).iter().any(|topic| topic.names.contains(&"number")));
    let help = shell.session.parse("help number").expect("it parses");
    let help = lotic::commands::execute(&mut shell.session, &help[0].node).expect("a page");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(matches!(&help, Outcome::Text(page) if words(page).contains(toy::NUMBER.help)), "{help:?}");
    let refused = shell.run("run u = bids | number nth | into blackhole;").expect_err("a key is missing").to_string();
    assert!(refused.contains("`number` needs one key"), "{refused}");

    let mut crashes = 0;
    for seed in 0..6 {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        std::fs::write(path.join("bid.ndjson"), ndjson(&data)).expect("written");
        let shell = with_toy(path);
        let mut rng = Rng::new(seed);
        for launch in 0.. {
            let graph = planned(&shell, &job(1 + rng.below(4)));
            let storage = open_storage(&path.join("state/jobs/t"), &Restore::Latest).expect("the database opens");
            let restore = storage.checkpoints().expect("it can be read").last().copied();
            let settings = JobSettings { checkpoint_interval_ms: Some(1), batch_rows: 40, ..JobSettings::default() };
            let options = JobOptions::of(&Arc::new(settings));
            let make = Arc::new(move |parallelism| Ok(JobGraph::from_stream_graph(&graph, Some(parallelism))));
            let width = usize::try_from(1 + rng.below(4)).expect("small");
            let mut stepper =
                Stepper::launch(make, width, options, restore, Some(storage), rng.next(), 0).expect("it starts");
            let steps = if launch < 3 { 40 + rng.below(200) } else { u64::MAX };
            for step in 0..steps {
                if step % 31 == 15 {
                    stepper.checkpoint();
                }
                if !stepper.step() {
                    break;
                }
            }
            if stepper.status().is_final() {
                assert_eq!(stepper.status(), JobStatus::Finished, "seed {seed}: {:?}", stepper.cause());
                break;
            }
            crashes += 1;
        }
        assert_eq!(committed_lines(&path.join("out")), expected, "seed {seed}");
    }
    println!("{crashes} crashes");
    assert!(crashes > 5);
}

/// Stages that keep state, each with what makes its result the same whatever the order in which rows of several readers come.
/// `o` has every other bid under other names.
const STATEFUL: &[&str] = &[
    "top 3 by price desc, bidder, date_time per auction as rank | map auction, price, bidder, rank | to_changelog",
    "top 2 by price desc, bidder, date_time | map price, bidder | to_changelog",
    "window tumble(10s) | top 2 by price desc, bidder, date_time per auction, window",
    "key_by auction | window tumble(10s) | aggregate count(*) as n | top 2 by n desc, auction per window",
    "map auction, bidder % 5 as b | distinct | to_changelog",
    "map auction, bidder % 7 as b | intersect o_b | to_changelog",
    "map auction, bidder % 7 as b | except o_b | to_changelog",
    "key_by auction | window session(5s) | aggregate count(*) as n, sum(price) as total",
    "key_by auction | window tumble(10s) | reduce greatest(left.price, right.price) as price | map auction, price",
    "join o on bids.auction = o.a within -1s..1s | map bidder, b, price, p",
    "join o on bids.auction = o.a window tumble(4s) | map bidder, b, price, p",
    "filter price > 9000 | left join o on bids.auction = o.a and bids.bidder < o.b | map bidder, b, price, p | to_changelog",
    "filter price > 5000 | left join last as l as of bids.date_time on bids.auction = l.auction | map bids.bidder, l.price as p",
    "cogroup o on bids.auction = o.a window tumble(10s) | aggregate count(left.bidder) as n, sum(right.p) as total",
    "match (LOW HIGH) per auction within 20s define LOW as price < 3000, HIGH as price > LOW.price + 2000
       measures LOW.price as low, HIGH.price as high",
    "key_by auction | process ticks",
    "order_by event_time | map auction, price, date_time",
    "map bidder | primary key bidder | aggregate count(*) as n | to_changelog",
];

/// The rows that are left of these lines, changes or not, with how often each is there.
fn left_of(lines: &[String]) -> std::collections::BTreeMap<String, i64> {
    let mut rows = std::collections::BTreeMap::new();
    for line in lines {
        let taken_back =
            ["UPDATE_BEFORE", "DELETE"].iter().any(|kind| line.starts_with(&format!("{{\"op\":\"{kind}\"")));
        let row = if line.starts_with("{\"op\"") { line.split_once(',').map_or("", |(_, rest)| rest) } else { line };
        *rows.entry(row.to_owned()).or_insert(0) += if taken_back { -1 } else { 1 };
    }
    rows.retain(|_, count| *count != 0);
    rows
}

#[test]
fn every_stage_that_keeps_state_goes_on_in_a_whole_job_at_another_parallelism() {
    for stage in STATEFUL {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let input = path.join("bids.ndjson");
        std::fs::write(&input, ndjson(&bids(11, 2_000, 40, 250, 500, 0, 0))).expect("written");
        let text = |out: &str, parallelism: usize| {
            format!(
                "{} stream o = bids | filter bidder % 2 = 0 | map auction as a, bidder as b, price as p;
                 stream o_b = bids | filter price > 9000 | map auction, bidder % 7 as b;
                 stream last = bids | filter price < 2000 | map auction, price, date_time | primary key auction;
                 process ticks {{
                   on event {{ timer tick at event_time + 3s; }}
                   on timer tick {{ emit auction, timer_time as at; }}
                 }}
                 run {out} with (parallelism = {parallelism}) = bids | {stage} | into file '{out}' with (format = 'json');",
                source(&input, "")
            )
        };
        run(path, &text("whole", 1), |settings| settings.drain = true).expect("it runs");
        let whole = left_of(&committed_lines(&path.join("whole")));
        assert!(!whole.is_empty(), "{stage}");
        run(path, &text("broken", 2), |settings| settings.stop_after_rows = Some(700)).expect("it stops");
        for (parallelism, stop_after) in [(1, Some(600)), (3, None)] {
            let restored = run(path, &text("broken", parallelism), |settings| {
                latest(settings);
                settings.stop_after_rows = stop_after;
                settings.drain = stop_after.is_none();
            });
            assert!(restored.expect(stage).is_some(), "{stage}");
        }
        assert_eq!(left_of(&committed_lines(&path.join("broken"))), whole, "{stage}");
    }
}
