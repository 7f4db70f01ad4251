//! `kill -9` at random moments, restored each time at another parallelism: nothing is lost, nothing comes twice, and the
//! late rows are those of a straight run.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Rng, bids, committed_lines, ndjson, size, source, tumble, tumble_job};

fn start(directory: &Path, parallelism: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(["run", "job.lotic", "--restore", "latest", "--state-dir", "state", "--quiet", "--parallelism"])
        .arg(parallelism.to_string())
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lotic starts")
}

#[test]
fn a_job_killed_again_and_again_ends_with_the_output_of_a_straight_run() {
    let kills = size("LOTIC_KILLS", 6);
    let directory = tempfile::tempdir().expect("a directory");
    // Paced, so that the job lasts for all the kills: each attempt gets about a quarter of a second of it.
    let seconds = kills * 4 / 10 + 2;
    let rows = 40_000 * seconds;
    let data = bids(3, rows, 200, 25, 3_900, 500, 60_000);
    let (expected, late) = tumble(&data, 10_000, 4_000);
    std::fs::write(directory.path().join("bid.ndjson"), ndjson(&data)).expect("written");
    let script = format!(
        "{}\n{}\n",
        // In one split, so that one reader has all rows and which of them are late is defined.
        source(Path::new("bid.ndjson"), " with (split = 1000000000, pace = '1000x')"),
        tumble_job("checkpoint = 100ms", "")
    );
    std::fs::write(directory.path().join("job.lotic"), script).expect("written");
    let mut rng = Rng::new(99);
    let mut killed = 0;
    for attempt in 0..kills {
        let mut child = start(directory.path(), 1 + attempt % 4);
        let patience = Duration::from_millis(60 + rng.below(400));
        let ended = wait(&mut child, patience);
        if ended {
            break;
        }
        child.kill().expect("kill -9");
        child.wait().expect("it is gone");
        killed += 1;
    }
    assert!(killed * 2 >= kills, "the job lasted for {killed} of {kills} kills only");
    let last = start(directory.path(), 3).wait_with_output().expect("it ends");
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let lines = committed_lines(&directory.path().join("out"));
    let missing: Vec<_> = expected.iter().filter(|line| lines.binary_search(line).is_err()).collect();
    let surplus: Vec<_> = lines.iter().filter(|line| expected.binary_search(line).is_err()).collect();
    let shown = |rows: &[&String]| rows.iter().take(3).map(|row| (*row).clone()).collect::<Vec<_>>();
    assert!(
        lines == expected,
        "after {killed} kills: {} rows, not {}; {} missing {:?}, {} surplus {:?}",
        lines.len(),
        expected.len(),
        missing.len(),
        shown(&missing),
        surplus.len(),
        shown(&surplus)
    );
    let strays = committed_lines(&directory.path().join("late"));
    assert_eq!(strays.len(), late.len(), "late rows after {killed} kills");
    println!(
        "{killed} kills, {} rows in, {} rows out, {} late, all as expected",
        data.len(),
        lines.len(),
        strays.len()
    );
}

/// Whether the child ended within that time.
fn wait(child: &mut Child, patience: Duration) -> bool {
    let mut left = patience;
    let step = Duration::from_millis(5);
    while left > Duration::ZERO {
        if child.try_wait().expect("it can be asked").is_some() {
            return true;
        }
        #[expect(clippy::disallowed_methods, reason = "the moment of the kill is wall time")]
        std::thread::sleep(step);
        left = left.saturating_sub(step);
    }
    false
}
