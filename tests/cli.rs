//! The command line as a user meets it: data on standard output, the rest on standard error, exit codes.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{Bid, Came, EPOCH_MS, bids, committed_lines, lotic, ndjson, source, timestamp, tumble, tumble_job};
use lotic::types::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

const GENERATED: &str = "source g from nexmark 'bid' with (events = 1000, seed = 7);";

#[test]
fn a_preview_prints_data_and_nothing_else_on_standard_output() {
    let directory = tempfile::tempdir().expect("a directory");
    let done = lotic(directory.path(), &["-c", &format!("{GENERATED} g | limit 3;")], None);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let lines: Vec<String> = out(&done).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
    }
}

#[test]
fn statements_come_from_standard_input_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let done =
        lotic(directory.path(), &["--output", "csv"], Some(&format!("{GENERATED}\ng | map 1 as one | limit 2\n")));
    assert_eq!(out(&done), "one\n1\n1\n", "{}", err(&done));
}

#[test]
fn a_source_without_columns_says_from_how_many_records_it_has_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write("one.ndjson", "{\"a\":1}\n");
    write("three.csv", "a,b\n1,x\n2,\"y\"\n3,z");
    write("many.ndjson", &"{\"a\":1}\n".repeat(1_000_000));
    let notice = |file: &str| {
        let done = lotic(directory.path(), &["-c", &format!("source s from file '{file}';")], None);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        err(&done).trim_end().to_owned()
    };
    assert_eq!(notice("one.ndjson"), "source s has columns (a bigint), by its first 1 record");
    assert_eq!(notice("three.csv"), "source s has columns (a bigint, b string), by its first 3 records");
    let many = notice("many.ndjson");
    let (_, records) = many.split_once(", by its first ").expect("said");
    let records: u64 = records.strip_suffix(" records").and_then(|n| n.parse().ok()).expect("a number");
    assert!((1_000..1_000_000).contains(&records), "{many}");
}

#[test]
fn a_mistake_has_a_caret_and_exit_code_1_and_a_wrong_option_exit_code_2() {
    let directory = tempfile::tempdir().expect("a directory");
    let done = lotic(directory.path(), &["-c", &format!("{GENERATED} g | fliter price > 1;")], None);
    assert_eq!(done.status.code(), Some(1));
    assert!(out(&done).is_empty());
    assert!(err(&done).contains("^^^^^^") && err(&done).contains("did you mean `filter`?"), "{}", err(&done));
    assert_eq!(lotic(directory.path(), &["--no-such-option"], None).status.code(), Some(2));
    assert_eq!(lotic(directory.path(), &["demo", "nexmrak"], None).status.code(), Some(2));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let done = Command::new("sh")
        .arg("-c")
        .arg("\"$LOTIC\" -c \"source g from nexmark 'bid' with (events = 200000); g | map auction\" | head -2")
        .env("LOTIC", env!("CARGO_BIN_EXE_lotic"))
        .current_dir(directory.path())
        .output()
        .expect("sh runs");
    assert_eq!(out(&done).lines().count(), 2);
    assert!(!err(&done).contains("panic"), "{}", err(&done));
}

#[test]
fn a_reader_that_leaves_ends_the_job_and_its_other_sinks_have_their_rows() {
    let directory = tempfile::tempdir().expect("a directory");
    // Without an end of its own.
    let script = "source g from nexmark 'bid' with (rate = 20000, seed = 7);
        run t with (checkpoint = 1h) { g | map auction | into print; g | map auction, price | into file 'out' with (format = 'json') };";
    std::fs::write(directory.path().join("j.lotic"), script).expect("written");
    let done = Command::new("sh")
        .arg("-c")
        .arg("{ \"$LOTIC\" run j.lotic --state-dir s; echo \"exit code $?\" >&2; } | head -2")
        .env("LOTIC", env!("CARGO_BIN_EXE_lotic"))
        .current_dir(directory.path())
        .output()
        .expect("sh runs");
    assert_eq!(out(&done).lines().count(), 2);
    let said = err(&done);
    assert!(said.contains("job t: nobody reads its rows any more") && said.contains("exit code 0"), "{said}");
    assert!(!committed_lines(&directory.path().join("out")).is_empty(), "{said}");
}

#[test]
fn what_never_ends_is_no_script() {
    let directory = tempfile::tempdir().expect("a directory");
    for arguments in [&["run", "/dev/zero"][..], &["-c", ".read '/dev/zero'"]] {
        let done = lotic(directory.path(), arguments, None);
        assert_eq!(done.status.code(), Some(1), "{}", err(&done));
        assert!(err(&done).contains("/dev/zero: statements end after 64 MiB"), "{}", err(&done));
    }
}

#[cfg(unix)]
#[test]
fn a_state_directory_that_others_can_write_to_is_told_once() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("s");
    std::fs::create_dir(&state).expect("created");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o777)).expect("ours");
    let jobs = "run a = g | into blackhole; run b = g | into blackhole;";
    let done = lotic(directory.path(), &["-c", &format!("{GENERATED} {jobs}"), "--state-dir", "s"], None);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let warnings = err(&done).lines().filter(|line| line.starts_with("warning: other users can write to")).count();
    assert_eq!(warnings, 1, "{}", err(&done));
}

#[test]
fn restore_latest_with_nothing_to_restore_starts_from_the_beginning_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = format!("{GENERATED} run t = g | map auction | into blackhole;");
    std::fs::write(directory.path().join("j.lotic"), script).expect("written");
    let done = lotic(directory.path(), &["run", "j.lotic", "--restore", "latest", "--state-dir", "s"], None);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert!(err(&done).contains("nothing to restore"), "{}", err(&done));
}

/// A [`tumble_job`] in `directory` as a script that ends with its counters, over these bids.
fn write_counting_job(directory: &Path, data: &[Bid]) {
    std::fs::write(directory.join("bid.ndjson"), ndjson(data)).expect("written");
    let declared = source(Path::new("bid.ndjson"), " with (split = 8192)");
    let job = tumble_job("checkpoint = 1h", "");
    std::fs::write(directory.join("j.lotic"), format!("{declared} {job}; wait t; subtasks t --json;"))
        .expect("written");
}

/// Runs the script of [`write_counting_job`]; what the job has come to.
fn counted(directory: &Path, options: &[&str]) -> Came {
    let done = lotic(directory, &[&["run", "j.lotic"][..], options].concat(), None);
    assert_eq!(done.status.code(), Some(0), "{options:?}: {}", err(&done));
    let subtasks: Vec<serde_json::Value> = serde_json::from_str(&out(&done)).expect("a listing");
    let sum = |column: &str, of: &dyn Fn(&str) -> bool| -> u64 {
        let counted = subtasks.iter().filter(|subtask| of(subtask["vertex"].as_str().expect("a name")));
        counted.map(|subtask| subtask[column].as_u64().expect("a counter")).sum()
    };
    let source = |vertex: &str| vertex.starts_with("Source: ");
    Came {
        rows: committed_lines(&directory.join("out")),
        late: committed_lines(&directory.join("late")),
        late_rows: sum("late", &|_| true),
        read: (sum("rows_in", &source), sum("rejected", &source)),
    }
}

fn forget(directory: &Path, names: &[&str]) {
    for name in names {
        let _ = std::fs::remove_dir_all(directory.join(name));
    }
}

#[test]
fn stopped_after_some_rows_and_restored_from_the_savepoint_it_comes_to_what_the_straight_run_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let data = bids(5, 6_000, 30, 40, 3_900, 0, 0);
    write_counting_job(directory, &data);
    let straight = counted(directory, &["--state-dir", "straight"]);
    assert_eq!((&straight.rows, straight.late_rows, straight.read), (&tumble(&data, 10_000, 4_000).0, 0, (6_000, 0)));
    for (parallelism, restored) in [("2", "3"), ("1", "4"), ("3", "1")] {
        forget(directory, &["out", "late", "sp", "first", "second"]);
        let stop = ["--state-dir", "first", "--parallelism", parallelism, "--stop-after", "2500", "--savepoint", "sp"];
        let before = counted(directory, &stop);
        assert!(directory.join("sp/manifest.json").is_file());
        assert!(!before.rows.is_empty() && before.rows.len() < straight.rows.len(), "{} rows", before.rows.len());
        assert_eq!(before.read, (2_500, 0));
        let came = counted(directory, &["--state-dir", "second", "--parallelism", restored, "--restore", "sp"]);
        assert_eq!(came, straight, "{parallelism} to {restored}");
    }
}

#[test]
fn late_rows_too_are_those_of_the_straight_run_and_with_drain_nothing_stays_open() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let data = bids(9, 6_000, 30, 40, 3_900, 50, 20_000);
    write_counting_job(directory, &data);
    let straight = counted(directory, &["--state-dir", "straight"]);
    let (expected, late) = tumble(&data, 10_000, 4_000);
    assert_eq!((&straight.rows, straight.late.len(), straight.late_rows), (&expected, late.len(), late.len() as u64));
    assert!(late.len() > 20, "{}", late.len());
    for stop_after in ["1", "1700", "2500", "5999"] {
        forget(directory, &["out", "late", "sp", "first", "second"]);
        counted(directory, &["--state-dir", "first", "--stop-after", stop_after, "--savepoint", "sp"]);
        let came = counted(directory, &["--state-dir", "second", "--restore", "sp"]);
        assert_eq!(came, straight, "stopped after {stop_after} rows");
    }
    forget(directory, &["out", "late", "sp"]);
    let drained =
        counted(directory, &["--state-dir", "drained", "--stop-after", "2500", "--savepoint", "sp", "--drain"]);
    assert_eq!(drained.rows, tumble(&data[..2_500], 10_000, 4_000).0, "what was open has fired");
    assert!(directory.join("sp/manifest.json").is_file());
}

#[test]
fn options_in_front_of_the_command_hold() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = format!("{GENERATED} run t with (checkpoint = 10ms) = g | map 1 as one | into print;");
    std::fs::write(directory.path().join("j.lotic"), script).expect("written");
    let options = ["--state-dir", "s", "--output", "csv", "--parallelism", "2", "--savepoint", "sp", "--quiet"];
    let first = lotic(directory.path(), &[&options[..], &["run", "j.lotic"]].concat(), None);
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert!(out(&first).starts_with("one\n1\n"), "{}", out(&first));
    assert!(directory.path().join("s/jobs/t").is_dir() && directory.path().join("sp/manifest.json").is_file());
    for from in ["latest", "sp"] {
        let again = lotic(directory.path(), &["--state-dir", "s", "--restore", from, "run", "j.lotic"], None);
        assert_eq!(again.status.code(), Some(0), "{}", err(&again));
        assert!(err(&again).contains("goes on from") && out(&again).is_empty(), "{}", err(&again));
    }
    for arguments in [&["--parallelism", "2", "bench"][..], &["--seed", "1", "run", "j.lotic", "--seed", "2"]] {
        let refused = lotic(directory.path(), arguments, None);
        assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
        assert!(err(&refused).contains(arguments[0]), "{}", err(&refused));
    }
}

/// Starts lotic, waits until it has said what its first statement shows, sends the signal, and waits for the end.
/// Returns the exit code and the milliseconds that it took.
fn signalled(directory: &Path, arguments: &[&str], input: &str, signal: Signal) -> (Option<i32>, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(arguments)
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join("xdg"))
        .stdin(std::fs::File::open(directory.join(input)).expect("an input"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lotic starts");
    let mut said = String::new();
    let mut messages = BufReader::new(child.stderr.take().expect("a pipe"));
    messages.read_line(&mut said).expect("it is read");
    assert!(said.contains("has columns"), "{said}");
    let reading = std::thread::spawn(move || std::io::copy(&mut messages, &mut std::io::sink()));
    // On its way in what comes behind that.
    std::thread::park_timeout(Duration::from_millis(100));
    let clock = SystemClock::new();
    let sent = clock.nanos();
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    kill_process(pid, signal).expect("it runs");
    let code = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status.code();
        }
        if clock.nanos() - sent > 60_000_000_000 {
            child.kill().expect("it runs");
        }
        std::thread::park_timeout(Duration::from_millis(2));
    };
    let took_ms = (clock.nanos() - sent) / 1_000_000;
    reading.join().expect("no panic").expect("it is read");
    (code, took_ms)
}

/// What the scripts of [`signalled`] begin with: it is answered with a notice.
const BEGIN: &str = "source i from file 'i.ndjson';\n";

#[test]
fn a_script_hears_signals_within_two_seconds_whatever_it_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write("i.ndjson", "{\"a\":1}\n");
    write("nothing", "");
    assert!(Command::new("mkfifo").arg(directory.path().join("fifo")).status().expect("mkfifo runs").success());
    write("many.lotic", &format!("{BEGIN}{}", "show functions;\n".repeat(40_000)));
    let wide: Vec<String> = (0..60_000).map(|n| format!("a + {n} as c{n}")).collect();
    write("wide.lotic", &format!("{BEGIN}i | map {};", wide.join(", ")));
    write("previews.lotic", &format!("{BEGIN}{}", "i | map a;\n".repeat(20_000)));
    write("endless.lotic", &format!("{BEGIN}source g from nexmark 'bid' with (rate = 1000); g | map price;"));
    // Nobody writes into it: the statement does not end by itself.
    write("blocked.lotic", &format!("{BEGIN}.read 'fifo'\n"));
    // A hundred thousand windows a row, all of which fire at the end of the input.
    let rows = |n: i64| format!("{{\"t\":\"{}\"}}\n", timestamp(EPOCH_MS + n * 100_000));
    write("w.ndjson", &(0..3_000).map(rows).collect::<String>());
    let windows = "source w from file 'w.ndjson' event_time t watermark 30d;
        run j = w | window hop(100s, 1ms) | aggregate count(*) as n | into blackhole;";
    write("windows.lotic", &format!("{BEGIN}{windows}"));
    write("job.lotic", &format!("{BEGIN}source g from nexmark 'bid' with (rate = 1000); run j = g | into blackhole;"));
    let ways: &[(&[&str], &str)] = &[
        (&["run", "many.lotic"], "nothing"),
        (&["-c", ".read 'many.lotic'"], "nothing"),
        (&[], "many.lotic"),
        (&["run", "wide.lotic"], "nothing"),
        (&["run", "previews.lotic"], "nothing"),
        (&["run", "endless.lotic"], "nothing"),
        (&["run", "blocked.lotic"], "nothing"),
        (&["-c", ".read 'blocked.lotic'"], "nothing"),
        (&[], "blocked.lotic"),
        (&["run", "job.lotic"], "nothing"),
        (&["run", "windows.lotic"], "nothing"),
    ];
    let mut longest = 0;
    for (arguments, input) in ways {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
            let (ended, took_ms) = signalled(directory.path(), arguments, input, signal);
            println!("{arguments:?} < {input}: {signal:?} after {took_ms} ms");
            assert_eq!(ended, Some(code), "{arguments:?} < {input}: {signal:?}");
            assert!(took_ms < 2_000, "{arguments:?} < {input}: {signal:?} after {took_ms} ms");
            longest = longest.max(took_ms);
        }
    }
    println!("the longest: {longest} ms");
}

#[test]
fn a_task_manager_is_killed_in_every_running_job_and_explain_shows_the_job_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = "source g from nexmark 'bid' with (rate = 1000);
        kill taskmanager 1;";
    let done = lotic(directory.path(), &["-c", script], None);
    assert_eq!(done.status.code(), Some(1), "{}", err(&done));
    assert!(err(&done).contains("no job is running"), "{}", err(&done));
    let script = "source g from nexmark 'bid' with (rate = 1000);
        run a with (restart_delay = 1ms, task_managers = 2, parallelism = 2) = g | map price | into blackhole;
        kill taskmanager 1;
        wait a until restart 1 timeout 30s;
        run b with (restart_delay = 1ms) = g | map price | into blackhole;
        kill taskmanager 1;
        wait a until restart 2 timeout 30s;
        wait b until restart 1 timeout 30s;
        kill taskmanager 2;
        kill taskmanager 1 of b;
        wait b until restart 2 timeout 30s;
        explain b;
        rescale b to 3;
        explain B;
        cancel a; cancel b;";
    let done = lotic(directory.path(), &["-c", script], None);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    for said in ["task manager 1 of a is killed", "task manager 1 of a, b is killed", "task manager 2 of a is killed"] {
        assert!(err(&done).contains(said), "{said}: {}", err(&done));
    }
    let shown = out(&done);
    let plans: Vec<bool> = shown
        .split("== Logical plan ==")
        .skip(1)
        .map(|plan| plan.contains("parallelism 3") && plan.contains("0[2]"))
        .collect();
    assert_eq!(plans, [false, true], "the third subtask is there once rescaled: {shown}");
    let done = lotic(
        directory.path(),
        &["-c", "source g from nexmark 'bid' with (rate = 9); run a = g | into print; kill taskmanager 2;"],
        None,
    );
    assert!(err(&done).contains("there is no task manager 2: the job runs on 1 task manager"), "{}", err(&done));
}

/// What would drive a terminal: an escape sequence of seven bits and of eight, a bell, a carriage return, DEL, and an
/// override of the writing direction.
const HOSTILE: &str = "\u{1b}]0;x\u{7}\r\u{9b}6n\u{202e}\u{7f}y";

#[track_caller]
fn drives_nothing(what: &str, bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let driving = text.chars().find(|&c| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    });
    assert_eq!(driving, None, "{what}: {text:?}");
    text
}

#[test]
fn no_notice_listing_or_error_drives_the_terminal_whatever_things_are_called() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &[u8]| std::fs::write(directory.path().join(name), text).expect("written");
    let json = serde_json::to_string(HOSTILE).expect("JSON");
    let row = |minute: usize| format!("{{{json}:1,\"k\":{json},\"t\":\"2026-01-01 00:{minute:02}:00\"}}\n");
    let rows: String = (0..30).chain([1]).map(row).collect();
    write("i.ndjson", rows.as_bytes());
    write(&format!("{HOSTILE}.ndjson"), rows.as_bytes());
    write(&format!("{HOSTILE}.csv"), format!("{HOSTILE},k\n1,2\n").as_bytes());
    write(&format!("{HOSTILE}.lotic"), format!("source i from file 'i.ndjson'; i | map nope, '{HOSTILE}';").as_bytes());
    write(&format!("{HOSTILE}.good"), b"source i from file 'i.ndjson';");
    write(&format!("{HOSTILE}.bytes"), b"\xff");
    write(&format!("{HOSTILE}.session"), format!("-- t\nshow jobs;\n--> {HOSTILE}\n").as_bytes());
    let i = "source i from file 'i.ndjson';";
    let timed = "source i from file 'i.ndjson' event_time t watermark 1s with (pace = '60x');";
    let mut scripts: Vec<String> = [
        "describe i; show sources; show sources --json; describe i --json; \\d i",
        "explain i | filter k = 'H'; explain i | map * --json; explain i | map *, 'H' --mermaid",
        ".mode table\ni | limit 2; .mode vertical\ni | limit 2; .mode changelog\ni | limit 2;",
        "stream s = i | map k, 'H'; show streams; show streams --json; describe s; explain s; s | limit 1",
        "i | map cast(k as int) as n",
        "i | map k + 1",
        "i | filter k",
        "i | map nope(k)",
        "i | map `H`",
        "i | map H",
        "run j with (on_error = 'skip') = i | map cast(k as int) as n | into blackhole; wait j; log j; log j --json",
        "run j with (restart_attempts = 1, restart_delay = 1ms) = i | map cast(k as int) as n | into blackhole; wait j",
        "run j with (`H` = 1) = i | into blackhole",
        "run `H` = i | into blackhole",
        "run j = i | into `H`",
        "run j with (on_error = 'dead_letter', dead_letter = 'H-dead') = i | map cast(k as int) as n | into blackhole;
         wait j; explain j; show jobs; subtasks j",
        "sink s to file 'H-out' with (format = 'json'); show sinks; show sinks --json; describe s; run j = i | into s;
         wait j; savepoint j to 'H-sp'; show jobs; explain j",
        "sink s to file 'i.ndjson/H' with (format = 'json'); run j = i | into s; wait j",
        "sink s to file 'x' with (format = 'H')",
        "sink s to `H`",
        "source s from `H`",
        "source s from file 'H'",
        "source s from nexmark 'H'",
        "source s from file 'i.ndjson' with (format = 'H')",
        "source s from file 'i.ndjson' with (`H` = 1)",
        "source s from file 'i.ndjson' with (on_error = 'H')",
        "source s from file 'H.ndjson'; describe s; show sources",
        "source s from file 'H.csv'; describe s; show sources",
        "source s from file 'H.bytes' columns (a bigint); s",
        "source s from file 'H/*.ndjson'; s",
        "run j with (uid = 'H') = i | uid 'H' | into blackhole",
        "help `H`",
        "describe `H`",
        "kill taskmanager 1 of `H`",
        ".read 'H'",
        ".read 'H.lotic'",
        ".read 'H.bytes'",
        ".read 'H.good'; describe i",
        ".mode 'H'",
        ".H",
        "\\H",
        "H",
        "'H",
        ".record 'H.rec'\ndescribe i;\n i | map cast(k as int) as n;\n",
        ".record 'i.ndjson/H'",
        ".record 'H.rec2'\nshow jobs;\n.record off",
        "run j with (checkpoint = 1h) = i | key_by k | aggregate count(*) as n | into blackhole; wait j;
         restore j from savepoint 'H'; restore j from checkpoint 9",
        "diff 'H' 'H'",
        "tutorial `H`",
    ]
    .iter()
    .map(|text| format!("{i} {}", text.replace('H', HOSTILE)))
    .collect();
    // While it runs.
    scripts.push(
        format!("{timed} run j with (parallelism = 2) = i | key_by k | window tumble(5s) | aggregate count(*) as n, max(k) as h
             | into blackhole;
         wait j until rows 3 timeout 30s; state j; state j --json; windows j; windows j --json; output j; output j --json;
         watermarks j; subtasks j; subtasks j --json; graph j; log j; why late j; state j where k = 'H'; state j search 'H';
         kill subtask 'H'[0] of j; savepoint j to 'H-sp2'; savepoint j to 'i.ndjson/H'; stop j with savepoint 'H-sp3'")
            .replace('H', HOSTILE),
    );
    let mut calls: Vec<Vec<String>> = Vec::new();
    for script in scripts {
        // Each up to its first mistake, and each statement with what is defined before it.
        calls.push(vec!["--output".into(), "table".into(), "-c".into(), script]);
    }
    for arguments in [
        &["run", "H.lotic"][..],
        &["run", "H-none"],
        &["run", "H.bytes"],
        &["test", "H.session"],
        &["test", "H-none"],
        &["test", "--json", "H.session"],
        &["man", "H"],
        &["demo", "H"],
        &["tutorial", "H"],
        &["completions", "H"],
        &["bench", "H"],
        &["bench", "--inputs", "H"],
        &["H"],
        &["--H"],
        &["--output", "H"],
        &["--parallelism", "H"],
        &["run", "--batch-rows", "H"],
        &["--state-dir", "i.ndjson/H", "run", "j.lotic"],
        &["--restore", "H", "run", "j.lotic"],
        &["--restore", "H-sp", "run", "j.lotic"],
        &["--savepoint", "i.ndjson/H", "run", "j.lotic"],
        &["--savepoint", "H-sp4", "run", "j.lotic"],
        &["--savepoint", "H-sp4", "run", "j.lotic"],
        &["--state-dir", "H-state", "--restore", "latest", "run", "j.lotic"],
    ] {
        calls.push(arguments.iter().map(|argument| argument.replace('H', HOSTILE)).collect());
    }
    write("j.lotic", b"source i from file 'i.ndjson'; run j with (checkpoint = 1h) = i | into blackhole;");
    let mut escaped = 0;
    for call in calls {
        let arguments: Vec<&str> = call.iter().map(String::as_str).collect();
        let done = lotic(directory.path(), &arguments, None);
        let text = drives_nothing(&format!("{call:?}"), [done.stdout, done.stderr].concat());
        assert!(!text.contains("panicked"), "{call:?}: {text}");
        escaped += usize::from(text.contains("\\x1b") || text.contains("U+001B") || text.contains("\\u001b"));
    }
    assert!(escaped > 55, "the hostile name is shown in {escaped} answers");
    for recorded in [format!("{HOSTILE}.rec"), format!("{HOSTILE}.rec2")] {
        let path = directory.path().join(recorded);
        let text = std::fs::read(&path).expect("a recording");
        // What was typed is kept as it was typed, so that it can be replayed.
        let shown: Vec<&[u8]> = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"-->")).collect();
        drives_nothing("the recording", shown.concat());
        assert!(!shown.is_empty());
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_second_process_on_a_state_directory_is_refused_with_the_holders_pid() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = "source g from nexmark 'bid' with (rate = 1000); run t with (checkpoint = 1s) = g | into blackhole;";
    let mut first = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(["-c", script, "--state-dir", "s", "--quiet"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lotic starts");
    let mut waited = 0;
    while !directory.path().join("s/jobs/t/state.redb").exists() && waited < 500 {
        #[expect(clippy::disallowed_methods, reason = "waiting for another process")]
        std::thread::sleep(std::time::Duration::from_millis(10));
        waited += 1;
    }
    let second = lotic(directory.path(), &["-c", script, "--state-dir", "s", "--stop-after", "10"], None);
    let pid = first.id().to_string();
    first.kill().expect("it can be killed");
    first.wait().expect("it is gone");
    assert_eq!(second.status.code(), Some(1), "{}", err(&second));
    assert!(err(&second).contains(&pid), "{} names {pid}", err(&second));
}

#[test]
fn a_demo_off_a_terminal_runs_to_its_end_and_prints_the_result() {
    let directory = tempfile::tempdir().expect("a directory");
    for demo in ["nexmark", "sensors", "clicks", "fraud"] {
        let done = lotic(directory.path(), &["demo", demo, "--rows", "15000"], None);
        assert_eq!(done.status.code(), Some(0), "{demo}: {}", err(&done));
        assert!(!out(&done).is_empty(), "{demo} prints rows");
        assert!(!err(&done).contains('\u{1b}'), "{demo}: no control sequence off a terminal");
    }
}

/// A record of one column.
fn id_row(id: u32) -> String {
    format!("{{\"id\":{id}}}\n")
}

/// lotic with its input open, to be written to while it runs.
fn fed(directory: &Path, arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lotic"));
    command.args(arguments).current_dir(directory).env("XDG_STATE_HOME", directory.join("xdg"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("lotic starts")
}

#[test]
fn standard_input_is_data_where_statements_come_from_elsewhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let row = |id: u32| format!("{{\"id\":{id},\"name\":\"n{id}\"}}\n");
    let rows: String = (0..3_000).map(row).collect();
    let expected: String = (2_990..3_000).map(id_row).collect();
    for head in ["stdin", "STDIN", "'-'", "'/dev/stdin'"] {
        let done = lotic(directory.path(), &["-c", &format!("{head} | filter id >= 2990 | map id")], Some(&rows));
        assert_eq!((out(&done), done.status.code()), (expected.clone(), Some(0)), "{head}: {}", err(&done));
        assert!(err(&done).contains("stdin has columns (id bigint, name string), by its first"), "{}", err(&done));
    }
    std::fs::write(
        directory.path().join("s.lotic"),
        "run r = stdin | aggregate count(*) as n, sum(id) as s | into print;",
    )
    .expect("written");
    let done = lotic(directory.path(), &["run", "s.lotic"], Some(&rows));
    assert!(out(&done).ends_with("{\"op\":\"+U\",\"n\":3000,\"s\":4498500}\n"), "{}", err(&done));
    let done = lotic(directory.path(), &["--output", "csv", "-c", "stdin | map b"], Some("a,b\n1,x\n2,y\n"));
    assert_eq!(out(&done), "b\nx\ny\n", "{}", err(&done));
    // Declared, nobody need look at it before it runs; and redirected from a file it is that file.
    let declared = "source s from file '/dev/stdin' columns (id bigint) with (format = 'json'); s | limit 1";
    let done = lotic(directory.path(), &["-c", declared], Some(&rows));
    assert_eq!(out(&done), "{\"id\":0}\n", "{}", err(&done));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, rows.as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    std::fs::write(directory.path().join("packed"), &packed).expect("written");
    let mut child = fed(directory.path(), &["-c", "stdin | filter id >= 2990 | map id"]);
    let mut input = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut input, &packed).expect("it reads");
    drop(input);
    let piped = child.wait_with_output().expect("it ends");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lotic"));
    command.args(["-c", "stdin | filter id >= 2990 | map id"]).env("XDG_STATE_HOME", directory.path().join("xdg"));
    let redirected = command.stdin(std::fs::File::open(directory.path().join("packed")).expect("a file")).output();
    for done in [piped, redirected.expect("it ends")] {
        assert_eq!((out(&done), done.status.code()), (expected.clone(), Some(0)), "{}", err(&done));
    }
    let done = lotic(directory.path(), &["-c", "describe stdin --json"], Some(&rows));
    assert!(out(&done).contains("source stdin from file '/dev/stdin'"), "{}{}", out(&done), err(&done));
    // There is one, once.
    let done = lotic(directory.path(), &["-c", "stdin | limit 1; stdin | limit 1"], Some(&rows));
    assert_eq!((out(&done).lines().count(), done.status.code()), (1, Some(1)));
    assert!(err(&done).contains("standard input has been read already, and can be read once"), "{}", err(&done));
    for arguments in [&[][..], &["run", "-"]] {
        let done = lotic(directory.path(), arguments, Some("stdin | limit 1\n"));
        assert_eq!(done.status.code(), Some(1));
        let said = err(&done);
        assert!(said.contains("standard input can't be read: what lotic runs comes from it"), "{said}");
        assert!(said.contains("`lotic -c '…'` and `lotic run FILE` leave standard input to the data"), "{said}");
    }
    // A stream of that name goes before.
    let own = "source stdin from nexmark 'bid' with (events = 50); stdin | map 1 as one | limit 2";
    assert_eq!(out(&lotic(directory.path(), &["-c", own], None)), "{\"one\":1}\n{\"one\":1}\n");
}

#[test]
fn rows_of_a_pipe_come_as_they_are_written() {
    use std::io::Write;
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = fed(directory.path(), &["-c", "stdin | map a + 1 as b"]);
    let mut input = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for a in 0..5 {
        writeln!(input, "{{\"a\":{a}}}").expect("it reads");
        // The next is written only then.
        assert_eq!(lines.next().expect("a line").expect("UTF-8"), format!("{{\"b\":{}}}", a + 1));
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());

    assert!(Command::new("mkfifo").arg(directory.path().join("fifo")).status().expect("mkfifo runs").success());
    let child = fed(directory.path(), &["-c", "'fifo' | filter a > 1"]);
    std::fs::write(directory.path().join("fifo"), "{\"a\":1}\n{\"a\":2}\nnot json\n").expect("it reads");
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(out(&done), "{\"a\":2}\n", "{}", err(&done));
    assert!(err(&done).contains("bad row at fifo, byte 16: "), "{}", err(&done));
    assert!(err(&done).contains("(1 row was rejected)"), "{}", err(&done));
    // An idle pipe keeps no script from ending.
    let mut child = fed(directory.path(), &["-c", "stdin | limit 1"]);
    let idle = child.stdin.take();
    let began = SystemClock::new();
    std::thread::park_timeout(Duration::from_millis(300));
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(143));
    assert!(began.nanos() < 5_000_000_000);
    drop(idle);
}

#[test]
fn a_file_is_read_without_a_source() {
    use std::io::Write;
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &[u8]| std::fs::write(directory.path().join(name), text).expect("written");
    std::fs::create_dir(directory.path().join("days")).expect("made");
    write("orders.ndjson", b"{\"id\":1,\"price\":5}\n{\"id\":2,\"price\":50}\n");
    write("days/1.csv", b"id,price\n3,7\n");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"id,price\n4,70\n").expect("packed");
    write("days/2.csv.gz", &packed.finish().expect("packed"));
    let run = |text: &str| lotic(directory.path(), &["-c", text], None);
    let done = run("'orders.ndjson' | filter orders.price > 10 | map id");
    assert_eq!((out(&done).as_str(), done.status.code()), ("{\"id\":2}\n", Some(0)), "{}", err(&done));
    assert_eq!(err(&done), "orders has columns (id bigint, price bigint), by its first 2 records\n");
    for folder in ["days", "days/*"] {
        let done = run(&format!("'{folder}' | map id | aggregate sum(id) as s;"));
        assert!(out(&done).ends_with("{\"op\":\"+U\",\"s\":7}\n"), "{folder}: {}{}", out(&done), err(&done));
    }
    assert_eq!(out(&run("stream s = 'orders.ndjson' | map id; s | limit 1")), "{\"id\":1}\n");
    let done = run("run r = 'orders.ndjson' | map id | into print;");
    assert_eq!(out(&done), "{\"id\":1}\n{\"id\":2}\n", "{}", err(&done));
    let done = run("explain 'orders.ndjson' | map id");
    assert!(out(&done).contains("file 'orders.ndjson'"), "{}", out(&done));
    let done = run("'order.ndjson' | map id");
    assert_eq!(done.status.code(), Some(1));
    assert!(
        err(&done).contains("can't read 'order.ndjson'") && err(&done).contains("1 | 'order.ndjson'"),
        "{}",
        err(&done)
    );
}

#[test]
fn a_file_is_described_with_how_late_its_rows_come() {
    let directory = tempfile::tempdir().expect("a directory");
    // A row a second; every hundredth comes 90 s late, every tenth 4 s.
    let late = |n: i64| {
        if n % 100 == 99 {
            90_000
        } else if n % 10 == 5 {
            4_000
        } else {
            0
        }
    };
    let row = |n: i64| {
        format!("{{\"id\":{n},\"ts\":\"{}\",\"note\":\"a\\u001b[2J\"}}\n", timestamp(EPOCH_MS + n * 1_000 - late(n)))
    };
    let rows: String = (0..2_000).map(row).collect();
    std::fs::write(directory.path().join("rows.ndjson"), rows + "broken\n").expect("written");
    let done = lotic(directory.path(), &["-c", "describe 'rows.ndjson' --json"], None);
    let told: serde_json::Value = serde_json::from_str(&out(&done)).expect("JSON");
    assert_eq!((&told["rows"], &told["whole"], &told["rejected_rows"]), (&2_000.into(), &true.into(), &1.into()));
    assert_eq!(told["columns"][1]["type"], "timestamp(3)");
    assert_eq!(told["sample"][2]["id"], 2);
    let delays = told["event_time"][0]["delays"].as_array().expect("delays");
    let delays: Vec<_> = delays.iter().map(|of| (of["watermark_ms"].as_i64(), of["rows_lost"].as_u64())).collect();
    // 20 of 2,000 are 89 s behind the row before: 1 % may be lost, a thousandth may not.
    assert_eq!(delays, [(Some(89_000), Some(0)), (Some(89_000), Some(0)), (Some(3_000), Some(20))]);
    let done = lotic(directory.path(), &["--output", "table", "-c", "describe 'rows.ndjson'"], None);
    let shown = out(&done);
    assert!(shown.contains("watermark 3s loses at most 1 % (20 rows)") && !shown.contains('\u{1b}'), "{shown}");
    // What is to be pasted runs, and loses nothing.
    let statement = told["statement"].as_str().expect("a statement");
    assert!(statement.contains("event_time ts watermark 89s;"), "{statement}");
    let counted = "rows | key_by 1 as k | window tumble(10s) | aggregate count(*) as n | aggregate sum(n) as n";
    let script = format!("{} {counted}", statement.replace(';', " with (on_error = 'skip');"));
    let done = lotic(directory.path(), &["-c", &script], None);
    assert!(out(&done).ends_with("\"n\":2000}\n"), "{}{}", out(&done), err(&done));
    assert!(!err(&done).contains("late"), "{}", err(&done));
    let pipeline = lotic(directory.path(), &["-c", "describe 'rows.ndjson' | map id + 1 as next, ts --json"], None);
    let told: serde_json::Value = serde_json::from_str(&out(&pipeline)).expect("JSON");
    assert_eq!((&told[0]["column"], &told[0]["type"]), (&"next".into(), &"bigint".into()));
}

#[test]
fn a_followed_folder_is_read_exactly_once_over_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let folder = directory.path().join("in");
    std::fs::create_dir(&folder).expect("made");
    let append = |file: &str, ids: std::ops::Range<u32>| {
        use std::io::Write;
        let rows: String = ids.map(id_row).collect();
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(file));
        opened.and_then(|mut file| file.write_all(rows.as_bytes())).expect("written");
    };
    let script = "source s from file 'in' columns (id bigint) with (format = 'json', follow = true);
        run r with (checkpoint = 100ms, parallelism = 2) = s | into file 'out' with (format = 'json');";
    std::fs::write(directory.path().join("s.lotic"), script).expect("written");
    let out = directory.path().join("out");
    let committed = || if out.is_dir() { committed_lines(&out) } else { Vec::new() };
    let until = |count: usize| {
        for _ in 0..6_000 {
            if committed().len() >= count {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("{} of {count} rows are committed", committed().len());
    };
    append("a.ndjson", 0..1_000);
    let mut child = fed(directory.path(), &["run", "s.lotic"]);
    until(1_000);
    append("b.ndjson", 1_000..1_500);
    append("a.ndjson", 1_500..2_000);
    until(2_000);
    kill_process(Pid::from_child(&child), Signal::KILL).expect("it runs");
    child.wait().expect("it ends");
    append("a.ndjson", 2_000..2_500);
    append("c.ndjson", 2_500..3_000);
    let mut child = fed(directory.path(), &["run", "s.lotic", "--restore", "latest"]);
    until(3_000);
    append("b.ndjson", 3_000..3_200);
    until(3_200);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    child.wait().expect("it ends");
    let mut ids: Vec<u32> =
        committed().iter().filter_map(|line| line[6..].trim_end_matches('}').parse().ok()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..3_200).collect::<Vec<_>>());
}

#[test]
fn a_table_that_rows_are_looked_up_in_is_seen_as_it_is_now() {
    let directory = tempfile::tempdir().expect("a directory");
    let table = |name: &str| {
        let text = format!("id,name\n1,{name}\n1,{name} too\n");
        // Whoever reads sees all of it or nothing.
        std::fs::write(directory.path().join("t.new"), text).expect("written");
        std::fs::rename(directory.path().join("t.new"), directory.path().join("t.csv")).expect("renamed");
    };
    let order = |n: u32| {
        use std::io::Write;
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(directory.path().join("o.ndjson"));
        let rows = format!("{{\"n\":{n},\"c\":1}}\n{{\"n\":{n},\"c\":null}}\n");
        opened.and_then(|mut file| file.write_all(rows.as_bytes())).expect("written");
    };
    let script = "source t from file 't.csv';
        source o from file 'o.ndjson' columns (n bigint, c bigint) with (follow = true);
        run r with (checkpoint = 50ms) = o | left join t lookup on o.c = t.id with (cache = 20ms) | map n, name
          | into file 'out' with (format = 'json');";
    std::fs::write(directory.path().join("s.lotic"), script).expect("written");
    let out = directory.path().join("out");
    let until = |count: usize| {
        for _ in 0..6_000 {
            if out.is_dir() && committed_lines(&out).len() >= count {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("{count} rows are not committed");
    };
    table("ann");
    order(1);
    let mut child = fed(directory.path(), &["run", "s.lotic"]);
    until(3);
    // By now what was cached is too old.
    table("bob");
    order(2);
    until(6);
    kill_process(Pid::from_child(&child), Signal::KILL).expect("it runs");
    child.wait().expect("it ends");
    order(3);
    let mut child = fed(directory.path(), &["run", "s.lotic", "--restore", "latest"]);
    until(9);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    child.wait().expect("it ends");
    let mut lines = committed_lines(&out);
    lines.sort();
    let found = |n: u32, name: &str| format!("{{\"n\":{n},\"name\":{name}}}");
    let rows = [(1, "ann"), (2, "bob"), (3, "bob")]
        .map(|(n, name)| [found(n, &format!("\"{name} too\"")), found(n, &format!("\"{name}\"")), found(n, "null")]);
    assert_eq!(lines, rows.concat());
}

/// A timer that is due between two rows of a batch has not seen the second: at any size of batches.
#[test]
fn timers_run_where_the_watermark_stands() {
    let directory = tempfile::tempdir().expect("a directory");
    let row = |n: u32| format!("{{\"k\":{},\"ts\":\"2026-01-01T00:00:{n:02}\"}}\n", n % 2);
    let rows: String = (0..60).map(row).collect();
    std::fs::write(directory.path().join("r.ndjson"), rows).expect("written");
    let script = "process counted { state n bigint;
          on event { n = coalesce(n, 0) + 1; timer t at event_time + 10s; }
          on timer t { emit k, n, extract(second from timer_time) as s; } }
        source r from file 'r.ndjson' columns (k bigint, ts timestamp) event_time ts watermark 2s;
        r | filter k >= 0 | key_by k | process counted;";
    std::fs::write(directory.path().join("s.lotic"), script).expect("written");
    for seed in [&[][..], &["--seed", "3"]] {
        let done = lotic(directory.path(), &[&["run", "s.lotic", "--output", "csv"], seed].concat(), None);
        let mut lines: Vec<String> = out(&done).lines().skip(1).map(str::to_owned).collect();
        // The row of second s sets a timer of s + 10, which runs behind the row of s + 12: of its key every other row.
        let expected = |s: u32| format!("{},{},{}", s % 2, (s + 12).min(58 + s % 2) / 2 + 1, (s + 10) % 60);
        let mut all: Vec<String> = (0..60).map(expected).collect();
        lines.sort();
        all.sort();
        assert_eq!(lines, all, "{}", err(&done));
    }
}

#[test]
fn a_script_starts_no_programs_asks_nothing_and_names_the_way_out() {
    let directory = tempfile::tempdir().expect("a directory");
    for (script, said) in [
        ("!touch made", "only the prompt starts programs; a script can't"),
        (".edit", "only the prompt starts programs"),
        (".pager 'touch made'", "only the prompt starts programs"),
        ("select * from bids", "SQL is not available yet"),
        (&format!("{GENERATED} source g from nexmark 'bid';"), "`drop source g` first, or give this one another name"),
    ] {
        let done = lotic(directory.path(), &["-c", script], None);
        assert_eq!(done.status.code(), Some(1), "{script}");
        assert!(err(&done).contains(said), "{script}: {}", err(&done));
    }
    assert!(!directory.path().join("made").exists());
    // Where a script can't see what was typed, the place is shown.
    let done = lotic(directory.path(), &["-c", "show jobs;\nls -l"], None);
    assert!(err(&done).contains("--> <command>:2:1"), "{}", err(&done));
    let done = lotic(
        directory.path(),
        &["-c", &format!("{GENERATED} drop source g; {GENERATED} g | limit 3 | into 'g.csv'")],
        None,
    );
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let written = std::fs::read_to_string(directory.path().join("g.csv")).expect("written");
    assert_eq!(written.lines().count(), 4, "{written}");
}

/// The pipeline of a case of `tests/flink/windows.json`, and whether its windows can have late rows.
fn flink_pipeline(stages: &str, how: &str) -> (String, bool) {
    let two = matches!(how, "join" | "cogroup");
    let bounded = ["tumble", "hop", "session"].iter().any(|name| stages.contains(name));
    let late_to = if bounded && !two { " late_to late" } else { "" };
    let pipeline = match how {
        "aggregate" => {
            let gap = if stages.contains("gap") { "1ms * gap as gap" } else { "gap" };
            let bound = |name: &str| format!("extract(epoch from window_{name}) * 1000 as `{name}`");
            let bounds = if bounded { format!("{}, {}, ", bound("start"), bound("end")) } else { String::new() };
            format!(
                "rows | map ts, k, v, {gap} | key_by k | {stages}{late_to} | aggregate count(*) as n, sum(v) as total, \
                 first_value(v) as `first`, last_value(v) as `last` | map k, {bounds}n, total, `first`, `last`"
            )
        }
        "reduce" if stages.is_empty() => "rows | key_by k | reduce left.v - right.v as v".to_owned(),
        "reduce" => format!("rows | key_by k | {stages}{late_to} | reduce left.v - right.v as v"),
        "join" => format!("l | join r on l.k = r.k {stages} | map k, v, r_v as w"),
        _ => format!(
            "l | cogroup r on l.k = r.k {stages} | aggregate count(left.k) as n, count(right.k) as m | map k, n, m"
        ),
    };
    (pipeline, !late_to.is_empty())
}

#[test]
fn windows_triggers_evictors_and_joins_give_what_flink_gives() {
    use serde_json::Value;
    let golden: Value = serde_json::from_str(include_str!("flink/windows.json")).expect("JSON");
    let list = |of: &Value| of.as_array().expect("a list").clone();
    let mut differ = Vec::new();
    for case in list(&golden["cases"]) {
        let (stages, how) = (case["stages"].as_str().expect("text"), case["how"].as_str().expect("text"));
        // Flink leaves the order of rows in sessions that merge open; ours is that of their arrival.
        let unordered = stages.contains("session") && stages.contains("lateness");
        let text = |row: &Value| {
            let mut row = row.clone();
            if let Some(row) = row.as_object_mut().filter(|_| unordered) {
                row.remove("first");
                row.remove("last");
            }
            row.to_string()
        };
        let sorted = |rows: &[Value]| {
            let mut rows: Vec<String> = rows.iter().map(text).collect();
            rows.sort();
            rows
        };
        let directory = tempfile::tempdir().expect("a directory");
        let rows: Vec<String> = list(&golden["rows"]).iter().map(Value::to_string).collect();
        std::fs::write(directory.path().join("rows.ndjson"), rows.join("\n")).expect("writes");
        let (pipeline, late) = flink_pipeline(stages, how);
        let delay = if matches!(how, "join" | "cogroup") { 100 } else { 2 };
        let late_job = if late { "late | into file 'late' with (format = 'json');" } else { "" };
        // A row at a time, so that each has its watermark behind it.
        let job = format!(
            "source rows from file 'rows.ndjson' columns (ts bigint, k string, v bigint, gap bigint) event_time ts \
             watermark {delay}s;\nstream l = rows | filter v % 2 = 0;\nstream r = rows | filter v % 2 = 1;\n\
             run j with (parallelism = 1, batch_rows = 1) {{\n{pipeline} | into file 'out' with (format = 'json');\n\
             {late_job}\n}}\n"
        );
        std::fs::write(directory.path().join("job.lotic"), &job).expect("writes");
        let done = lotic(directory.path(), &["run", "job.lotic"], None);
        assert_eq!(done.status.code(), Some(0), "{job}{}", err(&done));
        let written = |folder: &str| -> Vec<Value> {
            let folder = directory.path().join(folder);
            // A sink that got no row has made none.
            let lines = if folder.exists() { committed_lines(&folder) } else { Vec::new() };
            lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        };
        let (found, expected) = (sorted(&written("out")), sorted(&list(&case["results"])));
        if found != expected {
            differ.push(format!("{how} {stages}:\n  {}\nFlink:\n  {}", found.join("\n  "), expected.join("\n  ")));
        }
        if late && how == "aggregate" {
            let times = |rows: &[Value]| {
                let mut times: Vec<i64> = rows.iter().filter_map(|row| row["ts"].as_i64()).collect();
                times.sort_unstable();
                times
            };
            assert_eq!(times(&written("late")), times(&list(&case["late"])), "{stages}");
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
