//! The command line as a user meets it: data on standard output, the rest on standard error, exit codes.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{TUMBLE, bids, committed_lines, ndjson, source, tumble};

fn lotic(directory: &Path, arguments: &[&str], input: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lotic"));
    command.args(arguments).current_dir(directory).env("XDG_STATE_HOME", directory.join("xdg"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().expect("lotic starts");
    if let Some(input) = input {
        use std::io::Write;
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    }
    child.wait_with_output().expect("it ends")
}

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

#[test]
fn stopped_after_some_rows_and_restored_from_the_savepoint_gives_the_straight_output() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = bids(5, 6_000, 30, 40, 3_900, 0, 0);
    let (expected, _) = tumble(&data, 10_000, 4_000);
    std::fs::write(directory.path().join("bid.ndjson"), ndjson(&data)).expect("written");
    let script = format!(
        "{} run t with (checkpoint = 1h) = bids | {TUMBLE} | into file 'out' with (format = 'json');",
        source(Path::new("bid.ndjson"), " with (split = 8192)")
    );
    std::fs::write(directory.path().join("j.lotic"), script).expect("written");
    for (parallelism, restored) in [("2", "3"), ("1", "4"), ("3", "1")] {
        let _ = std::fs::remove_dir_all(directory.path().join("out"));
        let _ = std::fs::remove_dir_all(directory.path().join("sp"));
        let state = format!("s{parallelism}");
        let first = lotic(
            directory.path(),
            &[
                "run",
                "j.lotic",
                "--state-dir",
                &state,
                "--parallelism",
                parallelism,
                "--stop-after",
                "2500",
                "--savepoint",
                "sp",
                "--no-drain",
            ],
            None,
        );
        assert_eq!(first.status.code(), Some(0), "{}", err(&first));
        assert!(directory.path().join("sp/manifest.json").is_file());
        let before = committed_lines(&directory.path().join("out")).len();
        assert!(before > 0 && before < expected.len(), "{before} rows before the savepoint");
        let state = format!("r{restored}");
        let second = lotic(
            directory.path(),
            &["run", "j.lotic", "--state-dir", &state, "--parallelism", restored, "--restore", "sp"],
            None,
        );
        assert_eq!(second.status.code(), Some(0), "{}", err(&second));
        assert_eq!(committed_lines(&directory.path().join("out")), expected, "{parallelism} to {restored}");
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
