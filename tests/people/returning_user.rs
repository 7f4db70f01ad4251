//! Somebody who comes back the next day: definitions, jobs and the history are there, and the job goes on.

use std::process::Command;

use super::common::{TUMBLE, bids, committed_lines, ndjson, source, tumble};
use super::pty::binary;
use super::{answer, answered, leave, sits_down};

#[test]
fn a_returning_user() {
    let directory = tempfile::tempdir().expect("a directory");
    let all = bids(31, 4_000, 10, 200, 1_000, 50, 60_000);
    let file = directory.path().join("bids.ndjson");
    std::fs::write(&file, ndjson(&all)).expect("written");
    let (counts, _) = tumble(&all, 10_000, 4_000);
    let out = directory.path().join("out");

    let mut pty = sits_down(directory.path());
    pty.statement(source(&file, " with (pace = '100x')").trim().replace('\n', " ").as_str());
    pty.statement("stream dear = bids | filter price > 9000;");
    pty.statement("sink counted to file 'out' with (format = 'json');");
    pty.press(&format!("run hot with (checkpoint = 200ms) = bids | {TUMBLE} | into counted;\r"));
    pty.says("job hot runs");
    pty.prompt();
    pty.until("rows", |_| out.is_dir() && committed_lines(&out).len() > 10);
    pty.press("\\q\r");
    pty.shows("restore hot");
    assert_eq!(pty.exit_code(), 0);
    let before = committed_lines(&out);
    assert!(before.len() < counts.len(), "left half way");

    // In between a demo is watched, which leaves nothing behind.
    let demo = Command::new(binary())
        .args(["demo", "clicks", "--rows", "500"])
        .current_dir(directory.path())
        .env("XDG_STATE_HOME", directory.path().join("state"))
        .output()
        .expect("lotic starts");
    assert_eq!(demo.status.code(), Some(0), "{}", String::from_utf8_lossy(&demo.stderr));

    let mut pty = sits_down(directory.path());
    for (listing, name) in [("show sources", "bids"), ("show streams", "dear"), ("show sinks", "counted")] {
        let said = answer(&mut pty, listing);
        let line = said.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default();
        assert!(line.ends_with("remembered"), "{listing}: {said}");
    }
    assert!(answer(&mut pty, "show sources").contains("demo data"));
    let functions = pty.json("show functions --json");
    assert!(functions.as_array().is_some_and(|all| all.iter().any(|one| one["flink"] == "upper")), "{functions}");
    let jobs = pty.json("show jobs --json");
    assert_eq!(jobs.as_array().map(Vec::len), Some(1), "of the demo there is none: {jobs}");
    assert!(jobs[0]["job"] == "hot" && jobs[0]["last_checkpoint"].as_u64() > Some(0), "{jobs}");
    assert!(answer(&mut pty, "show jobs").contains("`restore JOB` goes on from there"));
    // What was defined can be read, as can the demo data.
    let dearest = all.iter().find(|bid| bid.price > 9_000).expect("a dear one");
    assert!(answer(&mut pty, "dear | map price | limit 1").contains(&dearest.price.to_string()));
    assert!(answer(&mut pty, "quakes | limit 1").contains("(1 row)"));
    // The history is that of the last shell.
    pty.press("\u{12}into counted");
    pty.shows(&format!("{TUMBLE} | into counted;"));
    pty.clear();
    answered(&mut pty, "restore hot;", "goes on from checkpoint");
    pty.says("job hot finished");
    pty.prompt();
    assert_eq!(committed_lines(&out), counts);
    leave(pty);
}
