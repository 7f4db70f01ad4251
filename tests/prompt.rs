//! The prompt as a person meets it: through a pseudo-terminal, with a screen that is read.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;
mod pty;

use std::path::Path;
use std::time::Duration;

use common::{committed_lines, size};
use lotic::types::{Clock, SystemClock};
use pty::Pty;
use rustix::process::Signal;

const SIZE: (u16, u16) = (100, 30);

/// Bids without end, `rate` a second.
fn bids(rate: u32) -> String {
    format!("source g from nexmark 'bid' with (rate = {rate});")
}

#[test]
fn the_hot_job_is_typed_line_by_line_and_its_end_is_told_by_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let demo_data = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data");
    std::os::unix::fs::symlink(demo_data, directory.path().join("demo-data")).expect("linked");
    let mut terminal = Pty::shell(directory.path());
    let out = directory.path().join("hot");
    for text in [
        "source bids from file 'demo-data/nexmark/bid.ndjson'",
        "  columns (auction bigint, bidder bigint, price bigint, channel string, url string, date_time timestamp)",
        "  event_time date_time watermark 4s;",
        &format!("sink hot_file to file '{}' with (format = 'json');", out.display()),
        "run hot with (parallelism = 2, checkpoint = 5s) = bids",
        "  | key_by auction",
        "  | window hop(10s, 2s)",
        "  | aggregate count(*) as n, avg(price) as avg_price",
        "  | into hot_file;",
    ] {
        if text.ends_with(';') {
            terminal.statement(text);
        } else {
            terminal.line(text);
        }
    }
    terminal.shows("job hot runs");
    terminal.shows("job hot finished:");
    terminal.prompt();
    terminal.press("show jobs --json\r");
    terminal.shows("\"status\"");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    let files = std::fs::read_dir(&out).expect("the sink's directory").flatten();
    let written = files.filter(|file| !file.file_name().to_string_lossy().starts_with('.'));
    assert!(written.count() > 0);
}

#[test]
fn a_statement_goes_on_below_and_what_is_due_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.line("source g from nexmark 'bid'");
    terminal.shows("  ...> `;` or an empty line runs it");
    terminal.line("  with (events = 20,");
    terminal.shows("  ...> closing ) is due");
    terminal.line("        rate = 0)");
    terminal.press("\r");
    terminal.prompt();
    terminal.line("g |");
    terminal.shows("the statement goes on here");
    // What is typed is completed by the whole of the statement.
    terminal.press("filter pric\t");
    terminal.until("the column", |pty| pty.last_line().starts_with("  ...> filter price"));
    terminal.press("\u{3}");
    terminal.prompt();
    terminal.line("g | map 'a");
    terminal.shows("closing ' is due");
    terminal.press("b' as what | limit 1\r");
    terminal.shows("a\\nb");
    terminal.prompt();
    terminal.line("run r = g");
    terminal.press("\u{4}");
    terminal.prompt();
    terminal.press("show jobs\r");
    terminal.shows("no jobs");
    terminal.prompt();
    terminal.press("\u{4}");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn the_earlier_lines_of_a_statement_are_reached_and_recalled_as_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement("source g from nexmark 'bid' with (events = 20, rate = 0);");
    terminal.line("g | map auctio + 0 as a,");
    terminal.line("  'first' as what |");
    terminal.press("  limit 1");
    let stands = |terminal: &Pty, lines: [&str; 3]| {
        terminal.until("one text", |pty| pty.lines().ends_with(&lines.map(str::to_owned)));
        assert!(!terminal.screen().contains("...>"), "{}", terminal.screen());
    };
    // The first goes to the line before; the lines are one text from then on.
    terminal.press("\u{1b}[A");
    stands(&terminal, ["lotic> g | map auctio + 0 as a,", "  'first' as what |", "  limit 1"]);
    terminal.press(&format!("\u{1b}[A\u{1}{}n", "\u{1b}[C".repeat("g | map auctio".len())));
    stands(&terminal, ["lotic> g | map auction + 0 as a,", "  'first' as what |", "  limit 1"]);
    terminal.press("\r");
    terminal.until("the row", |pty| pty.lines().iter().any(|line| line.ends_with("  first")));
    terminal.prompt();
    emptied(&mut terminal);
    // One entry of the history, before `clear`, holds all of it, and is edited as a whole.
    terminal.press("\u{10}\u{10}");
    stands(&terminal, ["lotic> g | map auction + 0 as a,", "  'first' as what |", "  limit 1"]);
    terminal.press("\u{1b}[A\u{5}\u{2}\u{2}ever\r");
    terminal.until("the row", |pty| pty.lines().iter().any(|line| line.ends_with("  whatever")));
    terminal.prompt();
}

#[test]
fn a_line_that_begins_with_a_bar_goes_on_with_the_pipeline_that_ran() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement("source g from nexmark 'bid' with (events = 30, rate = 0);");
    terminal.press("g | map auction + 0 as a, 'first' as what | limit 1;\r");
    terminal.shows("first");
    terminal.prompt();
    terminal.press("show jobs\r");
    terminal.shows("no jobs");
    terminal.prompt();
    terminal.press("| map what || ' then' as w\r");
    terminal.shows("first then");
    terminal.prompt();
    terminal.line("  |");
    terminal.press("map w || ' last' as w\r");
    terminal.shows("first then last");
    terminal.prompt();
    // The history holds what ran.
    terminal.press("\u{10}");
    terminal.until("the whole", |pty| pty.screen().contains("limit 1\n| map what || ' then' as w\n  |\nmap w ||"));
    terminal.clear();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_preview_is_bounded_and_says_how_to_see_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement("source g from nexmark 'bid' with (events = 1000000, rate = 0);");
    // The last of a hundred rows stands above the line that says so.
    terminal.press("g | map 'row' as what\r");
    terminal.shows("100 rows; more: `| limit n`, `.rows n`, or `run`");
    terminal.prompt();
    let rows = |pty: &Pty| pty.bytes().matches("\nrow\r").count();
    assert_eq!(rows(&terminal), 100);
    for (mode, row) in [("changelog", "\n+I[row]\r"), ("ndjson", "\n{\"what\":\"row\"}\r")] {
        terminal.statement(&format!(".mode {mode}"));
        let before = terminal.bytes().len();
        terminal.press("g | map 'row' as what\r");
        terminal.until("the end", |pty| pty.bytes()[before..].contains("100 rows; more:"));
        terminal.prompt();
        assert_eq!(terminal.bytes()[before..].matches(row).count(), 100, "{mode}");
    }
    terminal.statement(".mode live");
    terminal.statement(".rows 7");
    terminal.press("g | map 'seven' as what\r");
    terminal.shows("\n7 rows; more: `| limit n`");
    terminal.prompt();
    assert_eq!(terminal.bytes().matches("\nseven\r").count(), 7);
    // One that has no more says only how many.
    terminal.press("g | map 'few' as what | limit 7\r");
    terminal.shows("(7 rows)");
    terminal.prompt();
    terminal.statement(".rows all");
    terminal.press("g | map 'all' as what | limit 150\r");
    terminal.shows("(150 rows)");
    terminal.prompt();
    terminal.press(".rows 0\r");
    terminal.shows("`.rows` takes a number above zero, or `all`");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn one_line_says_what_a_preview_waits_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(200));
    terminal.press("g | key_by auction | window tumble(1h) | aggregate count(*) as n\r");
    terminal.until("the wait", |pty| {
        let line = pty.last_line();
        line.contains(" rows read, watermark ")
            && line.contains(", the first window fires at ")
            && line.ends_with(":00:00; Ctrl-C ends it")
    });
    let line = terminal.last_line();
    // Written over, not below.
    terminal.until("a later one", |pty| pty.last_line() != line && pty.last_line().ends_with("; Ctrl-C ends it"));
    assert_eq!(terminal.screen().matches("rows read").count(), 1, "{}", terminal.screen());
    terminal.press("\u{3}");
    terminal.prompt();
    assert!(!terminal.screen().contains("rows read"), "{}", terminal.screen());
    // Rows come above it.
    terminal.press("g | filter bidder % 7 = 0 | map 'slow' as what, auction\r");
    terminal.until("rows", |pty| pty.lines().iter().filter(|line| line.starts_with("slow")).count() > 3);
    terminal.press("\u{3}");
    terminal.prompt();
    assert!(!terminal.screen().contains("rows read"), "{}", terminal.screen());
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_changelog_is_a_table_that_changes_where_it_stands() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(2_000));
    terminal.press("g | map 'k' || cast(bidder % 3 as string) as c, price | key_by c | aggregate count(*) as n, max(price) as dearest\r");
    terminal.until("the table", |pty| {
        let lines = pty.lines();
        lines.iter().any(|line| line.starts_with("c ") && line.ends_with("dearest"))
            && lines.last().is_some_and(|line| line.contains(" rows read") && line.ends_with("Ctrl-C ends it"))
    });
    let count = |pty: &Pty| {
        let lines = pty.lines();
        let line = lines.iter().find(|line| line.starts_with("k0 ")).cloned().unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
    };
    terminal.until("a count", |pty| count(pty) > 0);
    let first = count(&terminal);
    terminal.until("a larger count", |pty| count(pty) > first + 100);
    let headers = |pty: &Pty| pty.lines().iter().filter(|line| line.ends_with("dearest")).count();
    // One is what was typed.
    assert_eq!(headers(&terminal), 2, "{}", terminal.screen());
    assert!(!terminal.screen().contains("+U"), "{}", terminal.screen());
    terminal.press("\u{3}");
    terminal.prompt();
    // The last state stays.
    assert!(count(&terminal) > first && headers(&terminal) == 2, "{}", terminal.screen());
    assert!(!terminal.screen().contains("rows read"), "{}", terminal.screen());

    // More rows than the screen has lines.
    terminal.press("g | key_by auction | aggregate count(*) as n\r");
    terminal.until("all of it", |pty| {
        let lines = pty.lines();
        let header = lines.iter().any(|line| line.starts_with("auction ") && line.ends_with(" n"));
        header && lines.iter().any(|line| line.starts_with("… and ") && line.ends_with(" more rows"))
    });
    terminal.press("\u{3}");
    terminal.prompt();

    // One that ends, exactly (46 of 50 events are bids); and its changelog on request.
    terminal.statement("source few from nexmark 'bid' with (events = 3000, rate = 0);");
    terminal.press("few | aggregate count(*) as n\r");
    terminal.shows("(1 row)");
    terminal.prompt();
    let lines = terminal.lines();
    let at = lines.iter().position(|line| line == "(1 row)").expect("said");
    assert_eq!(lines[at - 3..at].iter().map(|line| line.trim()).collect::<Vec<_>>(), ["n", "────", "2760"]);
    terminal.statement(".mode changelog");
    terminal.press("few | limit 2 | aggregate count(*) as n\r");
    terminal.shows("+I[1]\n-U[1]\n+U[2]");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn bad_rows_of_a_preview_are_shown_and_passed_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut rows: Vec<String> = (0..8).map(|n| format!("{{\"id\":{n}}}")).collect();
    rows.insert(3, "{\"id\":\"x\u{1b}[2J\"}".to_owned());
    for _ in 0..9 {
        rows.push("broken".to_owned());
    }
    std::fs::write(directory.path().join("ids.ndjson"), rows.join("\n")).expect("written");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement("source ids from file 'ids.ndjson' columns (id bigint);");
    terminal.press("ids\r");
    terminal.shows("(10 rows were rejected)");
    terminal.prompt();
    terminal.shows("bad row at ids.ndjson:4: not JSON at byte 9:");
    terminal.shows("(8 rows)");
    assert_eq!(terminal.screen().matches("bad row at").count(), 5, "{}", terminal.screen());
    terminal.shows("further bad rows are only counted");
    // The source has the last word, and a job fails as ever.
    terminal.statement("source strict from file 'ids.ndjson' columns (id bigint) with (on_error = 'fail');");
    terminal.press("strict\r");
    terminal.shows("error: ids.ndjson:4:");
    terminal.prompt();
    terminal.press("run job = ids | into blackhole;\r");
    terminal.shows("job job failed: ids.ndjson:4:");
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn tab_completes_a_column_of_the_stream_at_that_point() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(10));
    terminal.press("g | map price * 2 as doubled, channel | filter dou\t");
    terminal.typed("g | map price * 2 as doubled, channel | filter doubled");
    terminal.press(" > 1 | win\t");
    terminal.until("window", |pty| pty.last_line().contains("| window"));
    // Several: they are listed, and the line stands below them.
    terminal.clear();
    terminal.press("run x = g | into \t");
    terminal.until("sinks", |pty| pty.lines().iter().any(|line| line.starts_with("blackhole")));
    assert!(terminal.lines().iter().any(|line| line.contains("print")), "{}", terminal.screen());
    terminal.until("the line", |pty| pty.last_line().starts_with("lotic> run x = g | into"));
}

#[test]
fn ctrl_c_clears_the_line_and_ends_a_query_and_never_the_shell() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.press("some words");
    terminal.typed("some words");
    terminal.clear();
    terminal.statement(&bids(1_000));
    terminal.press("g | map auction\r");
    terminal.until("rows", |pty| pty.lines().iter().filter(|line| line.trim().parse::<u64>().is_ok()).count() > 5);
    // Impatience does no harm.
    terminal.press("\u{3}\u{3}\u{3}\u{3}");
    terminal.prompt();
    terminal.press("show sources --json\r");
    terminal.shows("\"name\"");
    terminal.prompt();
    terminal.press("\u{4}");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn rows_of_a_background_job_appear_above_the_line_that_is_typed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(40));
    terminal.press("run shown = g | map auction, 'a row' as what | into print;\r");
    terminal.shows("job shown runs");
    let rows = |pty: &Pty| pty.lines().iter().filter(|line| line.ends_with("a row")).count();
    for (count, typed) in ["g | fil", "ter price", " > 1000"].iter().enumerate() {
        terminal.press(typed);
        terminal.until("more rows", |pty| rows(pty) > 3 * (count + 1));
    }
    terminal.typed("g | filter price > 1000");
    let torn = |line: &&String| line.contains("lotic>") && line.ends_with("a row");
    assert!(!terminal.lines().iter().any(|line| torn(&line)), "{}", terminal.screen());
    // The line goes on to be edited, and is a statement at last.
    terminal.press(" | limit 1\r");
    terminal.shows("bidder");
    terminal.press("kill subtask 0[0] of shown\r");
    terminal.shows("job shown: restart 1 of 3");
}

#[test]
fn output_waits_for_what_a_sink_writes_in_bursts_and_no_longer_than_the_person() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    // A second of event time is one of the clock: a burst every three.
    terminal.statement(&bids(10_000));
    terminal
        .statement("run bursts = g | key_by bidder | window tumble(3s) | aggregate count(*) as n | into blackhole;");
    terminal.statement("run silent = g | filter price < 0 | into blackhole;");
    for _ in 0..2 {
        terminal.press("output bursts --json\r");
        terminal.until("a row", |pty| pty.lines().iter().any(|line| line.contains("\"kind\": \"+I\"")));
        terminal.prompt();
        terminal.press("\u{c}");
        terminal.until("an empty screen", |pty| pty.lines().len() == 1);
    }
    terminal.press("output silent\r");
    terminal.until("the wait", |pty| pty.last_line().ends_with("output silent") && !pty.modes().bracketed_paste);
    terminal.press("\u{3}");
    terminal.shows("no sink has written a row while somebody looked");
    terminal.prompt();
}

#[test]
fn the_history_outlives_the_shell_and_holds_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.press("source s from nexmark 'bid' with (password = 'hunter2');\r");
    terminal.shows("has no option");
    terminal.prompt();
    for (name, secret) in [("sas", "hunter3"), ("session", "hunter4"), ("connection_string", "hunter5")] {
        terminal.press(&format!("sink s to blackhole with ({name} = '{secret}');\r"));
        terminal.shows(&format!("option `{name}`"));
        terminal.prompt();
    }
    terminal.line("stream two = s");
    terminal.statement("  | filter price > 7;");
    terminal.shows("there is no stream");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);

    let mut terminal = Pty::shell(directory.path());
    terminal.press("\u{10}\u{10}");
    terminal.shows("filter price > 7;");
    terminal.clear();
    terminal.press("\u{12}password");
    terminal.shows("password = '***'");
    terminal.clear();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    let kept = std::fs::read_to_string(directory.path().join("state/lotic/history")).expect("a history");
    assert!(!kept.contains("hunter") && kept.contains("connection_string = '***'"), "{kept}");

    let mut terminal = Pty::open(directory.path(), SIZE, &["--no-history"], &[]);
    terminal.prompt();
    terminal.press("show jobs\r");
    terminal.shows("no jobs");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(std::fs::read_to_string(directory.path().join("state/lotic/history")).expect("a history"), kept);
}

#[test]
fn ctrl_d_names_the_running_jobs_and_takes_a_last_checkpoint() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(100));
    terminal.press("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;\r");
    terminal.shows("job kept runs");
    terminal.prompt();
    terminal.press("\u{4}");
    terminal.shows("stopping kept with a last checkpoint … done");
    assert_eq!(terminal.exit_code(), 0);
    terminal.given_back();

    let mut terminal = Pty::open(directory.path(), SIZE, &["--restore", "latest"], &[]);
    terminal.prompt();
    terminal.statement(&bids(100));
    terminal.press("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;\r");
    terminal.shows("job kept goes on from checkpoint");
}

#[test]
fn sigterm_at_the_prompt_stops_the_jobs_and_gives_the_terminal_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(100));
    terminal.press("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;\r");
    terminal.shows("job kept runs");
    terminal.prompt();
    terminal.press("half a line");
    terminal.typed("half a line");
    terminal.signal(Signal::TERM);
    terminal.shows("stopping kept with a last checkpoint … done");
    assert_eq!(terminal.exit_code(), 143);
    terminal.given_back();
}

#[test]
fn a_paste_is_one_statement_and_a_large_one_does_no_harm() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(10));
    terminal.press("\u{1b}[200~g\n  | map 41 + 1 as pasted\n  | limit 1;\u{1b}[201~");
    terminal.shows("limit 1;");
    terminal.press("\r");
    terminal.until("42", |pty| pty.lines().iter().any(|line| line.trim() == "42"));
    terminal.prompt();
    let large = format!("\u{1b}[200~-- {}\n\u{1b}[201~", "x".repeat(500_000));
    terminal.press(&large);
    terminal.until("the end of it", |pty| pty.last_line().ends_with("xx"));
    terminal.press("\r");
    terminal.prompt();
    terminal.press("show jobs\r");
    terminal.shows("no jobs");
}

#[test]
fn odd_white_space_and_what_drives_a_terminal_do_no_harm_where_they_are_typed() {
    let directory = tempfile::tempdir().expect("a directory");
    for environment in [&[][..], &[("NO_COLOR", "1")]] {
        let mut terminal = Pty::open(directory.path(), SIZE, &[], environment);
        terminal.prompt();
        for space in ["\u{a0}", "\u{2028}", "\u{85}"] {
            terminal.press(&format!(".mode{space}csv"));
            terminal.until("the directive", |pty| pty.last_line().ends_with("csv"));
            terminal.press("\r");
            terminal.prompt();
        }
        terminal.press("\u{1b}[200~show jobs -- \u{9b}6n\u{202e}\u{1b}[201~");
        terminal.until("the paste", |pty| pty.last_line().contains("6n"));
        terminal.press("\r");
        terminal.shows("no jobs");
        let bytes = terminal.bytes();
        assert!(!bytes.contains(['\u{9b}', '\u{202e}', '\u{85}']), "{bytes:?}");
        terminal.prompt();
        terminal.press("\\q\r");
        assert_eq!(terminal.exit_code(), 0);
    }
}

#[test]
fn colours_are_shown_only_where_they_are_wanted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut coloured = Pty::shell(directory.path());
    coloured.press("show jobs\r");
    coloured.shows("no jobs");
    assert!(coloured.bytes().contains("\u{1b}[1;34mshow"), "{:?}", coloured.bytes());
    let mut plain = Pty::open(directory.path(), SIZE, &[], &[("NO_COLOR", "1")]);
    plain.prompt();
    plain.press("show jobs\r");
    plain.shows("no jobs");
    let bytes = plain.bytes();
    assert!(!bytes.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(rest.len());
        rest[end..].starts_with('m')
    }));
    let mut dumb = Pty::open(directory.path(), SIZE, &[], &[("TERM", "dumb")]);
    dumb.prompt();
    dumb.press("show jobs\n");
    dumb.shows("no jobs");
    dumb.prompt();
    assert!(!dumb.bytes().contains('\u{1b}'), "{:?}", dumb.bytes());
    dumb.press("\\q\n");
    assert_eq!(dumb.exit_code(), 0);
}

/// The definitions and the job of the test below: what it gives depends on its input alone.
fn lasting(rate: u32) -> [String; 4] {
    [
        format!("source b from nexmark 'bid' with (events = 30000, rate = {rate}, event_rate = 100, seed = 3);"),
        "stream pricey = b | filter price > 100;".to_owned(),
        "sink out to file 'out' with (format = 'json');".to_owned(),
        "run hot with (parallelism = 2, checkpoint = 200ms) = pricey | key_by auction | window tumble(10s) \
         | aggregate count(*) as n, sum(price) as total | into out;"
            .to_owned(),
    ]
}

/// Runs lotic without a terminal; what it says.
fn lotic(directory: &Path, state: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(pty::binary())
        .args(arguments)
        .current_dir(directory)
        .env("XDG_STATE_HOME", state)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("lotic starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

#[test]
fn a_new_shell_knows_what_the_last_one_defined_and_goes_on_with_its_job() {
    let directory = tempfile::tempdir().expect("a directory");
    let [first, second, straight] = ["first", "second", "straight"].map(|name| directory.path().join(name));
    for place in [&first, &second, &straight] {
        std::fs::create_dir(place).expect("made");
    }
    let state = directory.path().join("state");
    let environment = [("XDG_STATE_HOME", state.to_str().expect("UTF-8"))];
    let shell = |place: &Path| {
        let pty = Pty::open(place, (180, 40), &[], &environment);
        pty.prompt();
        pty
    };
    let mut terminal = shell(&first);
    for statement in lasting(6_000) {
        terminal.statement(&statement);
    }
    terminal.statement("wait hot until checkpoint 3 timeout 30s");
    terminal.press("\\q\r");
    terminal.shows("job hot: stopped with checkpoint ");
    terminal.shows("`restore hot` in a new shell goes on");
    assert_eq!(terminal.exit_code(), 0);

    let mut terminal = shell(&second);
    terminal.statement("show sources");
    terminal.until("the remembered source", |pty| {
        pty.lines().iter().any(|line| line.starts_with("b ") && line.trim_end().ends_with("remembered"))
    });
    terminal.shows("demo data");
    terminal.statement("show streams");
    terminal.shows("pricey");
    terminal.statement("show jobs");
    terminal.until("the kept job", |pty| {
        pty.lines().iter().any(|line| line.starts_with("hot ") && line.contains("stopped"))
    });
    terminal.shows("hot: last checkpoint ");
    terminal.shows("s ago; `restore JOB` goes on from there");
    terminal.statement("describe hot");
    terminal.shows("the job does not run in this shell; this is its last checkpoint ");
    terminal.statement("checkpoints hot");
    terminal.shows("completed");
    terminal.statement("pause hot");
    terminal.shows("job `hot` does not run in this shell");
    terminal.press("restore h\t");
    terminal.typed("restore hot");
    terminal.press("\r");
    terminal.shows("job hot goes on from checkpoint ");
    terminal.shows("job hot finished:");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);

    let (code, said) = lotic(&straight, &directory.path().join("other"), &["-c", &lasting(0).concat()]);
    assert_eq!(code, Some(0), "{said}");
    let wanted = committed_lines(&straight.join("out"));
    assert!(wanted.len() > 100, "{} rows", wanted.len());
    assert_eq!(committed_lines(&first.join("out")), wanted, "in the directory that the sink was defined in");
    assert!(!second.join("out").exists());
}

#[test]
fn shells_on_one_state_directory_have_different_jobs() {
    let directory = tempfile::tempdir().expect("a directory");
    let job = |name: &str| format!("run {name} = g | key_by auction | aggregate count(*) as n | into blackhole;");
    let mut first = Pty::open(directory.path(), (160, 30), &[], &[]);
    first.prompt();
    first.statement(&bids(100));
    first.statement(&job("hot"));
    first.statement("checkpoint hot");
    let mut second = Pty::open(directory.path(), (160, 30), &[], &[]);
    second.prompt();
    // What the first one has defined.
    second.statement(&job("cold"));
    second.shows("job cold runs");
    let refusal = format!("job `hot` runs in another lotic (pid {})", first.process_id());
    for statement in [&job("hot"), "restore hot", ".forget hot --yes", "rescale hot to 2"] {
        second.statement(".timer on");
        second.statement(statement);
        second.until(&refusal, |pty| pty.screen().replace('\n', "").contains(&refusal));
        second.press("\u{c}");
        second.prompt();
    }
    second.statement("show jobs");
    second.shows(&format!("in process {}", first.process_id()));
    first.press("\\q\r");
    assert_eq!(first.exit_code(), 0);
    second.statement("restore hot");
    second.shows("job hot goes on from checkpoint ");
    second.press("\\q\r");
    second.shows("job cold: stopped with checkpoint ");
    second.shows("job hot: stopped with checkpoint ");
    assert_eq!(second.exit_code(), 0);
}

#[test]
fn what_is_forgotten_is_asked_for_and_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::open(directory.path(), (160, 30), &[], &[]);
    terminal.prompt();
    terminal.statement(&bids(100));
    terminal.statement("run g = g | into blackhole;");
    terminal.statement("checkpoint g");
    terminal.statement(".forget g --job");
    terminal.shows("job `g` is running");
    terminal.statement("stop g");
    terminal.press(".forget g --job\r");
    terminal.shows("forget the job g with its state?");
    terminal.press("\u{3}");
    terminal.shows("nothing is changed");
    terminal.prompt();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);

    let mut terminal = Pty::open(directory.path(), (160, 30), &[], &[]);
    terminal.prompt();
    terminal.statement(".forget g");
    terminal.shows("`g` is a source and a job");
    terminal.press(".forget g --job\r");
    terminal.shows("forget the job g with its state (last checkpoint ");
    terminal.press("y");
    terminal.shows("job g is forgotten");
    terminal.prompt();
    terminal.press(".forget g\r");
    terminal.shows("forget the source g?");
    terminal.press("n");
    terminal.shows("nothing is changed");
    terminal.prompt();
    terminal.press(".forget g\r");
    terminal.shows("forget the source g?");
    terminal.press("y");
    terminal.shows("source g is forgotten");
    terminal.prompt();
    terminal.statement(".forget bids --yes");
    terminal.shows("`bids` is demo data, which is always there");
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    let state = directory.path().join("state");
    assert!(std::fs::read_dir(state.join("lotic/jobs")).expect("a folder").next().is_none());
    let (_, said) = lotic(directory.path(), &state, &["-c", "show sources --json; show jobs"]);
    assert!(!said.contains("remembered") && said.contains("no jobs"), "{said}");
}

#[test]
fn definitions_of_many_processes_are_all_kept_and_a_file_of_statements_knows_none_of_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    let say = |text: &str| lotic(directory.path(), &state, &["-c", text]);
    std::thread::scope(|scope| {
        for shell in 0..4 {
            let say = &say;
            scope.spawn(move || {
                for number in 0..3 {
                    let name = format!("s{shell}_{number}");
                    let (code, said) = say(&format!("source {name} from nexmark 'bid'; stream last = {name};"));
                    assert_eq!((code, said.as_str()), (Some(0), ""));
                }
            });
        }
    });
    let (_, listed) = say("show sources --json; show streams --json");
    assert_eq!(listed.matches("remembered").count(), 13, "{listed}");
    // One that is redefined, one whose file has gone, and one that reads it.
    std::fs::write(directory.path().join("t.csv"), "a,b\n1,2\n").expect("written");
    let (code, said) =
        say("source s0_0 from values with (rows = array[1]); s0_0; source t from file 't.csv'; stream u = t;");
    assert_eq!(code, Some(0), "{said}");
    std::fs::remove_file(directory.path().join("t.csv")).expect("removed");
    let (code, said) = say(".mode csv\ns0_0 | map f0 + 1 as n; show sources; show streams");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("n\n2\n") && said.contains("values 1 rows"), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("can't be used: ")).count(), 2, "{said}");
    let (code, said) = say("u | limit 1");
    assert!(
        code == Some(1) && said.contains("in stream `u`: source `t` can't be used: ") && said.contains("t.csv"),
        "{said}"
    );
    assert!(said.contains("`.forget t` forgets it"), "{said}");
    // A file of statements: the same wherever it runs.
    std::fs::write(directory.path().join("j.lotic"), "s0_0 | limit 1;").expect("written");
    std::fs::write(directory.path().join("k.lotic"), "source s0_0 from nexmark 'bid'; stream mine = s0_0;")
        .expect("written");
    let (code, said) = lotic(directory.path(), &state, &["run", "j.lotic"]);
    assert!(code == Some(1) && said.contains("there is no stream or source `s0_0`"), "{said}");
    let (code, said) = lotic(directory.path(), &state, &["run", "k.lotic"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(say("describe mine").1.contains("auction"), "what a file defines is remembered too");
    // A damaged file is said and kept.
    let file = state.join("lotic/definitions");
    let text = std::fs::read_to_string(&file).expect("definitions");
    std::fs::write(&file, text.replacen("{\"kind\"", "{\"kin", 1)).expect("damaged");
    let (code, said) = say("describe mine; source new from nexmark 'bid';");
    assert!(code == Some(0) && said.contains("warning: a line of ") && said.contains("is kept aside"), "{said}");
    assert!(state.join("lotic/definitions.damaged.1").exists());
    assert!(!say("describe new").1.contains("warning"));
}

#[test]
fn a_job_is_restored_with_what_it_was_made_of_whatever_the_names_mean_now() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    let say = |text: &str| lotic(directory.path(), &state, &["-c", text]);
    let count = "src | key_by auction | aggregate count(*) as n | into blackhole";
    let (code, said) = say(&format!(
        "source src from nexmark 'bid' with (rate = 1000); run r = {count}; wait r until rows 10; rescale r to 3; \
         savepoint r to 'sp'; stop r"
    ));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(say("source src from values with (rows = array[1])").0, Some(0));
    let (code, said) = say("restore R; show jobs --json; cancel r");
    assert!(code == Some(0) && said.contains("job r goes on from checkpoint "), "{said}");
    assert!(said.contains("\"parallelism\": 3"), "as it was rescaled to: {said}");
    let (code, said) = say("restore r from checkpoint 1 with (parallelism = 2); show jobs --json; cancel r");
    assert!(code == Some(0) && said.contains("\"parallelism\": 2"), "{said}");
    // What is defined in the shell itself goes before that.
    let (code, said) = say("source src from values with (rows = array[2]); restore r");
    assert!(code == Some(1) && said.contains("the statement of job `r`: there is no column `auction`"), "{said}");
    let (code, said) = say("restore nothing");
    assert!(code == Some(1) && said.contains("there is no job `nothing`"), "{said}");
    // In another state directory the savepoint is all there is.
    let other = directory.path().join("other");
    let say = |text: &str| lotic(directory.path(), &other, &["-c", text]);
    let (code, said) = say("source src from nexmark 'bid' with (rate = 1000); restore r from savepoint 'sp'; cancel r");
    assert!(code == Some(0) && said.contains("job r goes on from savepoint "), "{said}");
    let (code, said) = say("restore q from savepoint 'sp'");
    assert!(code == Some(1) && said.contains("the savepoint is of job `r`: name that one"), "{said}");
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/savepoint-v1");
    let (code, said) = say(&format!("restore hot from savepoint '{}'", old.display()));
    assert!(code == Some(1) && said.contains("the statement of job `hot` was not kept"), "{said}");
}

#[test]
fn a_lesson_leaves_its_sources() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    let (code, said) = lotic(directory.path(), &state, &["tutorial", "changelog", "--no-wait"]);
    assert!(code == Some(0) && said.contains("orders can be used from now on"), "{said}");
    let (code, said) = lotic(directory.path(), &state, &["-c", "orders | limit 2"]);
    assert!(code == Some(0) && said.lines().count() == 2, "{said}");
    // One's own stays.
    assert_eq!(lotic(directory.path(), &state, &["-c", "source orders from values with (rows = array[7])"]).0, Some(0));
    let (_, said) = lotic(directory.path(), &state, &["tutorial", "changelog", "--no-wait"]);
    assert!(!said.contains("orders can be used"), "{said}");
    assert_eq!(lotic(directory.path(), &state, &["-c", "orders"]).1, "{\"f0\":7}\n");
}

/// From the start of the process to the prompt, with a long history. `LOTIC_START_MS` sets what the median may take,
/// `LOTIC_STARTS` how many there are; with `LOTIC_BINARY` a release build and `--nocapture` it is a measurement.
#[test]
fn the_prompt_comes_soon() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state/lotic");
    std::fs::create_dir_all(&state).expect("made");
    let entries: Vec<String> = (0..2_000).map(|n| format!("g | filter price > {n} | map auction, price;")).collect();
    std::fs::write(state.join("history"), format!("#V2\n{}\n", entries.join("\n"))).expect("written");
    let source = |n| {
        format!("{{\"kind\":\"source\",\"name\":\"s{n}\",\"directory\":\"/\",\"text\":\"source s{n} from file 'x'\"}}")
    };
    let definitions: Vec<String> = (0..2_000).map(source).collect();
    // Damaged: whoever reads it says so.
    std::fs::write(state.join("definitions"), format!("{}\n", definitions.join("\n"))).expect("written");
    let clock = SystemClock::new();
    let mut took_us: Vec<u64> = (0..size("LOTIC_STARTS", 5).max(1))
        .map(|_| {
            let began = clock.nanos();
            let mut pty = Pty::open(directory.path(), SIZE, &[], &[]);
            while !pty.bytes().contains("lotic> ") {
                assert!(clock.nanos() - began < 60_000_000_000, "no prompt:\n{}", pty.screen());
                std::thread::park_timeout(Duration::from_micros(200));
            }
            let took_us = (clock.nanos() - began) / 1_000;
            pty.prompt();
            pty.press("\u{4}");
            assert_eq!(pty.exit_code(), 0);
            assert!(!pty.bytes().contains("warning"), "definitions are read before they are used: {}", pty.screen());
            took_us
        })
        .collect();
    took_us.sort_unstable();
    let (median, longest) = (took_us[took_us.len() / 2], took_us[took_us.len() - 1]);
    println!("start to prompt, of {}: median {median} us, longest {longest} us", took_us.len());
    assert!(median < size("LOTIC_START_MS", 20_000) * 1_000, "{took_us:?}");
}

/// Empties the screen.
fn emptied(terminal: &mut Pty) {
    terminal.press("clear\r");
    terminal.until("an empty screen", |pty| pty.screen().trim_end() == "lotic>");
}

#[test]
fn habits_of_other_shells_work_or_are_answered_in_one_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(10));
    for typed in [".tables", "\\dt", "show tables", "\\d"] {
        terminal.statement(typed);
        terminal.until(typed, |pty| pty.lines().iter().any(|line| line.starts_with("g ") && line.contains("source")));
        emptied(&mut terminal);
    }
    terminal.statement(".schema g");
    terminal.shows("event time");
    terminal.statement("?limit");
    terminal.shows("passes the first N rows");
    emptied(&mut terminal);
    for (typed, answer) in [
        ("history", "error: the Up key goes back through earlier statements"),
        ("ls", "error: `!ls` lists files; `\\d` lists what is defined"),
        ("select * from bids", "error: SQL is not available yet; as a pipeline: bids | filter price > 1000"),
    ] {
        terminal.statement(typed);
        terminal.shows(answer);
        assert!(!terminal.screen().contains("-->"), "one line: {}", terminal.screen());
    }
    terminal.statement("hlep");
    terminal.shows("did you mean `help`?");
    terminal.statement("\\timing");
    terminal.shows("the timer is on");
    terminal.press("exot\r");
    terminal.shows("did you mean `exit`?");
    terminal.prompt();
    terminal.press("exit\r");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_definition_is_replaced_only_when_the_person_says_so_and_dropped_only_when_nobody_reads_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement("source v from values with (rows = array[row(1)]) columns (a bigint);");
    terminal.statement("stream twice = v | map a * 2 as b;");
    let other = "source v from values with (rows = array[row(7)]) columns (c bigint);\r";
    for (key, said) in
        [("n", "source v stays as it is"), ("\r", "source v stays as it is"), ("\u{3}", "source v stays as it is")]
    {
        terminal.press(other);
        terminal.shows("source v is defined: replace it? [y/N]");
        terminal.press(key);
        terminal.shows(said);
        terminal.prompt();
        emptied(&mut terminal);
    }
    terminal.statement("twice");
    terminal.until("the first rows", |pty| pty.lines().iter().any(|line| line.trim() == "2"));
    terminal.statement("drop source v");
    terminal.shows("source `v` is in use: stream twice");
    terminal.press(other);
    terminal.shows("replace it? [y/N]");
    terminal.press("y");
    terminal.shows("source v is replaced; in stream `twice`: there is no column `a`");
    terminal.prompt();
    terminal.statement("drop stream twice");
    terminal.shows("stream twice is dropped");
    terminal.statement("drop source v");
    terminal.shows("source v is dropped");
    terminal.statement(&bids(10));
    terminal.statement("run endless = g | into blackhole;");
    terminal.statement("drop source g");
    terminal.shows("source `g` is in use: job endless");
    terminal.shows("`cancel endless` first");
}

#[test]
fn commands_of_the_system_and_the_editor_run_at_the_prompt_and_give_the_terminal_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let editor = directory.path().join("editor.sh");
    // It leaves the terminal as it should not be left.
    std::fs::write(&editor, "#!/bin/sh\nstty -echo -icanon\nsed -i 's/limit 1/limit 2/; s/oops/g | limit 3/' \"$1\"\n")
        .expect("written");
    let environment = [("EDITOR", format!("sh {}", editor.display())), ("SHELL", "/bin/sh".to_owned())];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut terminal = Pty::shell_with(directory.path(), &[&environment[..], &[("VISUAL", "")]].concat());
    terminal.statement("!echo sum-$((1 + 1)); exit 3");
    terminal.shows("sum-2");
    terminal.shows("(exit status: 3)");
    terminal.statement("source g from nexmark 'bid' with (events = 100, seed = 7);");
    let rows = |pty: &Pty, count: &str| pty.screen().contains(count);
    terminal.statement("g | map auction | limit 1");
    terminal.until("a row", |pty| rows(pty, "(1 row)"));
    terminal.press(".edit\r");
    terminal.shows("lotic> g | map auction | limit 2");
    terminal.until("two rows", |pty| rows(pty, "(2 rows)"));
    terminal.prompt();
    terminal.press("oops | map price");
    terminal.typed("oops | map price");
    terminal.press("\u{18}\u{5}");
    terminal.shows("lotic> g | limit 3 | map price");
    terminal.until("three rows", |pty| rows(pty, "(3 rows)"));
    terminal.prompt();
    // What was edited is what Up goes back to.
    terminal.press("\u{1b}[A");
    terminal.typed("g | limit 3 | map price");
    terminal.clear();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    terminal.given_back();
}

#[test]
fn rows_go_to_files_and_what_exists_is_not_overwritten() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    let file = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    terminal.statement(
        "source v from values with (rows = array[row(1234567, 'x'), row(null, '')]) columns (a bigint, t string);",
    );
    terminal.statement(".format thousands on");
    terminal.statement("v | into 'v.csv'");
    terminal.shows("(2 rows written to ");
    terminal.statement("v | into 'v.ndjson'");
    terminal.until("both", |_| file("v.ndjson").lines().count() == 2);
    assert_eq!(file("v.csv"), "a,t\n1234567,x\n,\"\"\n");
    assert_eq!(file("v.ndjson"), "{\"a\":1234567,\"t\":\"x\"}\n{\"a\":null,\"t\":\"\"}\n");
    terminal.statement("v | limit 1 | into 'v.csv'");
    terminal.shows("'v.csv' exists");
    terminal.statement("v | limit 1 | into 'v.csv' with (overwrite = true)");
    terminal.shows("(1 row written to ");
    assert_eq!(file("v.csv"), "a,t\n1234567,x\n");
    terminal.statement(".output rows.txt");
    terminal.statement("v");
    terminal.statement(".mode csv");
    terminal.statement("v");
    terminal.statement(".output");
    terminal.statement(".mode table");
    assert_eq!(file("rows.txt"), "        a  t\n─────────  ─\n1,234,567  x\n     NULL\na,t\n1234567,x\n,\"\"\n");
    emptied(&mut terminal);
    terminal.statement("v");
    terminal.until("rows on the screen", |pty| pty.lines().iter().any(|line| line == "1,234,567  x"));
    terminal.statement(".output rows.txt");
    terminal.shows("file exists");
}

#[test]
fn long_help_goes_through_the_pager_and_is_printed_where_there_is_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let paged = directory.path().join("paged");
    let mut terminal = Pty::shell_with(directory.path(), &[("PAGER", &format!("cat > {}", paged.display()))]);
    terminal.statement("help limit");
    terminal.shows("passes the first N rows");
    assert!(!paged.exists(), "it fits the screen");
    terminal.statement("help");
    terminal.until("the pages", |_| std::fs::read_to_string(&paged).is_ok_and(|text| text.contains("explains one")));
    assert!(!terminal.bytes().contains("Stages of a pipeline"));
    terminal.statement(".pager 'no-such-program-here'");
    terminal.statement("help");
    terminal.says("Stages of a pipeline");
    terminal.prompt();
    terminal.statement(".pager off");
    emptied(&mut terminal);
    terminal.statement(".pager");
    terminal.shows("the pager is off");
}

#[test]
fn the_rows_of_a_preview_that_ends_soon_go_through_the_pager_if_they_are_many() {
    let directory = tempfile::tempdir().expect("a directory");
    let paged = directory.path().join("paged");
    let mut terminal = Pty::shell_with(directory.path(), &[("PAGER", &format!("cat > {}", paged.display()))]);
    terminal.statement("source g from nexmark 'bid' with (events = 100, rate = 0);");
    terminal.statement("g | limit 2 | map 'few' as what");
    terminal.until("the rows", |pty| pty.lines().iter().filter(|line| *line == "few").count() == 2);
    assert!(!paged.exists(), "they fit the screen");
    emptied(&mut terminal);
    // Wider than the screen too: the pager gets the table whole.
    terminal.statement("g | limit 60 | map auction + bidder as both, repeat('x', 200) as wide");
    terminal.shows("(60 rows)");
    let text = std::fs::read_to_string(&paged).expect("the pager's text");
    assert_eq!(text.lines().count(), 62, "{text}");
    assert!(text.lines().skip(2).all(|line| line.ends_with(&"x".repeat(200))), "{text}");
    assert!(!terminal.screen().contains("xxx"));
    // What goes on is shown as it comes.
    std::fs::remove_file(&paged).expect("it was there");
    terminal.statement("source slow from nexmark 'bid' with (rate = 20);");
    emptied(&mut terminal);
    terminal.press("slow | map 'live' as what\r");
    terminal.until("rows", |pty| pty.lines().iter().filter(|line| *line == "live").count() > 3);
    terminal.press("\u{3}");
    terminal.prompt();
    assert!(!paged.exists());
}

#[test]
fn only_what_worked_is_suggested_and_tab_knows_lessons_jobs_and_checkpoints() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(&bids(1_000));
    terminal.statement("g | map auction + bidder as both | limit 1");
    terminal.statement("g | map auction + biddre as wrong | limit 1");
    terminal.shows("did you mean `bidder`?");
    terminal.press("g | map auction + bidd");
    // The suggestion of what worked stands behind the cursor, though what failed is newer.
    terminal.until("the suggestion", |pty| pty.last_line().ends_with("g | map auction + bidder as both | limit 1"));
    terminal.clear();
    terminal.press("g | map auction + biddr");
    terminal.typed("g | map auction + biddr");
    terminal.clear();
    terminal.press("tutorial ev\t");
    terminal.typed("tutorial event_time");
    terminal.clear();
    terminal.statement("run hot = g | into blackhole;");
    terminal.statement("checkpoint hot");
    terminal.press("cancel h\t");
    terminal.typed("cancel hot");
    terminal.clear();
    terminal.press("restore hot from checkpoint \t");
    terminal.until("the checkpoint", |pty| pty.last_line().starts_with("lotic> restore hot from checkpoint 1"));
    terminal.clear();
    terminal.press("\\q\r");
    assert_eq!(terminal.exit_code(), 0);
    // What failed is known in the next shell too.
    let mut terminal = Pty::shell(directory.path());
    terminal.press("g | map auction + bidd");
    terminal.until("the suggestion", |pty| pty.last_line().ends_with("g | map auction + bidder as both | limit 1"));
}

#[test]
fn instants_are_shown_in_the_zone_of_the_session_and_data_stays_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::shell(directory.path());
    terminal.statement(
        "source v from values with (rows = array[row(1767225600000, 0.125)]) columns (at bigint, x double);",
    );
    terminal.statement("stream s = v | map to_timestamp_ltz(at, 3) as at, x;");
    terminal.statement("s");
    terminal.shows("2026-01-01 00:00:00.000Z  0.125");
    terminal.statement("set timezone = 'Europe/Berlin'");
    terminal.statement(".format digits 2");
    terminal.statement("s");
    terminal.shows("2026-01-01 01:00:00.000+01:00  0.12");
    terminal.statement("\\x");
    terminal.shows("rows are shown in the mode vertical");
    terminal.statement("s");
    terminal.shows("at: 2026-01-01 01:00:00.000+01:00");
    terminal.statement(".mode ndjson");
    emptied(&mut terminal);
    terminal.statement("s");
    terminal.shows("2026-01-01 00:00:00Z\",\"x\":0.125}");
    terminal.statement(".format");
    terminal.shows("thousands off, digits 2, timezone Europe/Berlin");
}

#[test]
fn words_are_whole_on_a_narrow_terminal() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut terminal = Pty::open(directory.path(), (46, 40), &[], &[]);
    terminal.prompt();
    emptied(&mut terminal);
    terminal.press("drop job some_long_name_of_a_job\r");
    terminal.shows("remembered of it");
    terminal.press("set paralelism = 2\r");
    terminal.shows("`run NAME with (…)`");
    let lines = terminal.lines();
    for whole in
        ["`cancel some_long_name_of_a_job`", "`.forget", "remembered", "`timezone`", "`mode`;", "`run NAME with (…)`"]
    {
        assert!(lines.iter().any(|line| line.contains(whole)), "`{whole}` is broken:\n{}", terminal.screen());
    }
    terminal.press("tutorial windows\r");
    terminal.shows("Enter runs it");
    let screen = terminal.screen();
    for whole in ["apart,", "overlap,", "finite", "milliseconds."] {
        let found = screen.lines().any(|line| line.split_whitespace().any(|word| word == whole));
        assert!(found, "`{whole}` is broken:\n{screen}");
    }
}
