//! Whatever happens to lotic while the dashboard has the terminal, the terminal is given back as it was.
//! `LOTIC_TERMINAL_RUNS` says how many times something happens.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;
mod pty;

use std::process::{Command, Stdio};

use common::size;
use pty::Pty;
use rustix::process::Signal;

/// Closes the terminal's window: with what keeps the end-of-file character from being typed then.
const NO_END_OF_FILE: &str = "stty eof undef";

/// What happens, and the exit code.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// A panic in this thread, after these keys.
    Panic(&'static str, &'static str, u32),
    /// A signal that ends it.
    Signal(Signal, u32),
    /// Stopped and continued, and left with `q`.
    Stopped(Signal),
}

const FATES: &[Fate] = &[
    Fate::Panic("ui", "", 101),
    Fate::Panic("statements", "c", 1),
    Fate::Panic("reader", "e", 1),
    Fate::Panic("worker", "", 1),
    Fate::Signal(Signal::INT, 130),
    Fate::Signal(Signal::TERM, 143),
    Fate::Signal(Signal::HUP, 129),
    Fate::Stopped(Signal::TSTP),
    Fate::Stopped(Signal::STOP),
];

fn meets(fate: Fate) {
    let directory = tempfile::tempdir().expect("a directory");
    let thread = match fate {
        Fate::Panic(thread, ..) => thread,
        Fate::Signal(..) | Fate::Stopped(_) => "",
    };
    let mut pty = Pty::open(directory.path(), (100, 30), &["demo", "clicks"], &[("LOTIC_TEST_PANIC", thread)]);
    let code = match fate {
        Fate::Panic(_, keys, code) => {
            if !keys.is_empty() {
                pty.dashboard();
                pty.press(keys);
            }
            code
        }
        Fate::Signal(signal, code) => {
            pty.dashboard();
            pty.signal(signal);
            code
        }
        Fate::Stopped(signal) => {
            pty.dashboard();
            pty.signal(signal);
            if signal == Signal::TSTP {
                pty.until("the terminal as it was, while stopped", |pty| pty.modes() == pty.untouched());
            }
            pty.signal(Signal::CONT);
            pty.until("the dashboard again", |pty| {
                pty.modes().alternate_screen && pty.modes() != pty.untouched() && pty.screen().contains("rows/s")
            });
            end_the_demo(&mut pty);
            0
        }
    };
    let ended = pty.exit_code();
    pty.given_back();
    assert_eq!(ended, code, "{fate:?}:\n{}", pty.screen());
    if matches!(fate, Fate::Panic(..)) {
        // Where it can be read.
        pty.shows("panicked");
    }
}

/// Leaves a demo that runs: the second of the answers ends it.
fn end_the_demo(pty: &mut Pty) {
    pty.press("q");
    pty.shows("end it and leave");
    pty.press("\u{1b}[B\r");
}

#[test]
fn the_terminal_is_given_back_whatever_happens() {
    let runs = usize::try_from(size("LOTIC_TERMINAL_RUNS", FATES.len() as u64)).expect("a number");
    for run in 0..runs {
        let fate = FATES[run % FATES.len()];
        println!("{fate:?}");
        meets(fate);
    }
}

#[test]
fn a_panic_of_the_thread_that_takes_signals_gives_it_back_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (100, 30), &["demo", "clicks"], &[("LOTIC_TEST_PANIC", "signals")]);
    pty.dashboard();
    pty.signal(Signal::TERM);
    assert_ne!(pty.exit_code(), 0);
    pty.given_back();
}

#[test]
fn a_storm_of_sizes_down_to_one_cell_and_a_paste_of_ten_megabytes_do_no_harm() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::open(directory.path(), (120, 40), &["demo", "clicks"], &[]);
    pty.dashboard();
    pty.press("c");
    for step in 0..200_u16 {
        pty.resize((1 + (step * 37) % 200, 1 + (step * 23) % 60));
        if step % 20 == 0 {
            pty.press("c");
            pty.resize((1, 1));
        }
        std::thread::park_timeout(std::time::Duration::from_millis(3));
    }
    pty.resize((120, 40));
    pty.shows("rows/s");
    pty.press(":");
    pty.press(&format!("\u{1b}[200~{}\u{1b}[201~", "show jobs\nquit\n".repeat(700_000)));
    pty.shows("cut");
    pty.press("\u{15}show jobs\r");
    pty.shows("rows_in");
    pty.escape("rows_in");
    end_the_demo(&mut pty);
    assert_eq!(pty.exit_code(), 0, "{}", pty.screen());
    pty.given_back();
}

#[test]
fn without_a_terminal_it_is_said_what_prints_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let done = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(["-c", "dashboard"])
        .current_dir(directory.path())
        .env("XDG_STATE_HOME", directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("lotic runs");
    let said = String::from_utf8(done.stderr).expect("UTF-8");
    assert_eq!(done.status.code(), Some(1));
    assert!(said.contains("needs a terminal") && said.contains("--json") && !said.contains('\u{1b}'), "{said}");
    let mut pty = Pty::open(directory.path(), (100, 30), &["-c", "dashboard"], &[("TERM", "dumb")]);
    assert_eq!(pty.exit_code(), 1);
    pty.shows("TERM=dumb");
}

/// The terminal of `script` goes away, with a job at work; `ready` and `key` lead to where it does.
fn is_left_alone(script: &str, dashboard: bool) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::script(directory.path(), (100, 30), &format!("{NO_END_OF_FILE}; {script}"));
    pty.prompt();
    pty.statement("source g from nexmark 'bid' with (rate = 100);");
    pty.statement("run kept = g | key_by auction | aggregate count(*) as n | into blackhole;");
    let key = if dashboard {
        pty.press("dashboard\r");
        pty.dashboard();
        ":"
    } else {
        "x"
    };
    pty.hang_up(key);
    // Not how: a signal may end it, or a terminal that can't be read.
    pty.exit_code();
}

#[test]
fn it_ends_when_its_terminal_goes_away() {
    for dashboard in [false, true] {
        is_left_alone("exec \"$0\"", dashboard);
    }
}

/// As under a shell that ignores SIGHUP and tells it to nobody: only the terminal itself says that it is gone.
#[test]
fn it_ends_when_its_terminal_goes_away_without_a_signal() {
    for dashboard in [false, true] {
        is_left_alone("trap '' HUP; \"$0\"; exit $?", dashboard);
    }
}
