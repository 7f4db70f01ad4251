//! Tests of the look of the dashboard, and that no size is too small for it.

use std::sync::Arc;

use crossterm::event::KeyCode;

use crate::dashboard::testing::{PANELS, START_MS, app, app_of, at, line, press, screen, typed};
use crate::dashboard::{Answer, App, AppOptions, Caption, JobFacts, JobLine};
use crate::inspect::{JobStatus, JobView};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// A snapshot at each of the sizes.
fn shown(name: &str, make: impl Fn() -> App) {
    for (width, height) in SIZES {
        let mut app = make();
        // Some of what is open goes by what was on the screen before.
        screen(&mut app, width, height);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(&mut app, width, height));
    }
}

/// A snapshot at each of the sizes of what these keys open.
fn opened(name: &str, keys: &str) {
    shown(name, || {
        let mut app = app();
        screen(&mut app, 80, 24);
        typed(&mut app, keys);
        app
    });
}

#[test]
fn the_frame() {
    shown("frame", || {
        let mut app = app();
        typed(&mut app, "3");
        app
    });
}

#[test]
fn help() {
    shown("help", || {
        let mut app = app();
        typed(&mut app, "2?");
        app
    });
    opened("help_searched", "?chec");
}

#[test]
fn dialogs() {
    opened("savepoint", "s");
    opened("restore", "r");
    opened("kill", "x");
    opened("kill_asks", "x\n");
}

#[test]
fn jobs() {
    shown("jobs", || {
        let mut app = app();
        let failed =
            JobFacts { cause: Some("bids.ndjson:17: not a number".to_owned()), restarts: 3, ..JobFacts::default() };
        let cold = JobLine { facts: failed, ..line("cold", JobStatus::Failed) };
        app.set_jobs(vec![line("hot", JobStatus::Running), cold], START_MS + 31_000);
        typed(&mut app, "J");
        app
    });
}

#[test]
fn a_demo_with_its_caption_and_the_question_of_who_leaves_it() {
    let caption = Caption {
        question: "Which auctions get the most bids, and at what price, in each ten seconds?",
        look: "Look: bids flow from left to right.  4 windows fill  5 state by key  x kill one",
    };
    for (name, keys) in [("demo", ""), ("demo_is_left", "q")] {
        shown(name, || {
            let mut app = App::new(PANELS, AppOptions { demo: Some(caption), ..AppOptions::default() });
            app.set_jobs(vec![line("hot", JobStatus::Running)], START_MS);
            app.update(Arc::new(at(30)));
            typed(&mut app, keys);
            app
        });
    }
}

#[test]
fn a_command_line_with_candidates() {
    shown("candidates", || {
        let mut app = app();
        let candidates = || vec!["checkpoint".to_owned(), "checkpoints".to_owned()];
        app.set_complete(Box::new(move |_, at| (at.saturating_sub(2), candidates())));
        screen(&mut app, 80, 24);
        typed(&mut app, ":ch\t\t");
        app
    });
}

#[test]
fn answers() {
    let text = "error: there is no stage `fliter`\n --> <dashboard>:1:8\n  |\n1 | bids | fliter price > 1\n  |        ^^^^^^\n  |\nhelp: did you mean `filter`?";
    shown("answer_error", || {
        let mut app = app();
        screen(&mut app, 80, 24);
        typed(&mut app, ":fliter\n");
        app.answer(&Answer { statement: "fliter".into(), text: text.into(), failed: true });
        app
    });
    let rows: Vec<String> = (1..90).map(|row| format!("{row:4}  auction {}", 1_000 + row)).collect();
    for (width, height) in SIZES {
        let mut app = app();
        app.answer(&Answer { statement: "show rows".into(), text: rows.join("\n"), failed: false });
        for _ in 0..2 {
            screen(&mut app, width, height);
            press(&mut app, KeyCode::PageDown);
        }
        insta::assert_snapshot!(format!("answer_long_{width}x{height}"), screen(&mut app, width, height));
    }
}

#[test]
fn a_preview() {
    shown("preview", || {
        let mut app = app();
        screen(&mut app, 80, 24);
        app.preview("bids | filter price > 100 | map auction, price");
        app.preview_rows((0..30).map(|row| format!("{:7}  {:5}", 1_000 + row, row * 17)).collect(), 1_200);
        app
    });
}

#[test]
fn before_there_is_a_job() {
    shown("before_there_is_a_job", || {
        let mut app = App::new(PANELS, AppOptions::default());
        app.set_jobs(Vec::new(), START_MS);
        app
    });
}

#[test]
fn a_job_that_failed_says_why() {
    let failed = JobView {
        status: JobStatus::Failed,
        cause: Some("bids.ndjson:17: not a number \u{1b}[2J".into()),
        restarts: 3,
        ..at(31)
    };
    let failed = Arc::new(failed);
    shown("a_job_that_failed_says_why", || {
        let mut app = app();
        app.update(Arc::clone(&failed));
        app.set_jobs(vec![line("cold", JobStatus::Running), line("hot", JobStatus::Failed)], START_MS + 31_000);
        app
    });
}

#[test]
fn nothing_of_the_data_drives_the_terminal() {
    let evil = "\u{1b}]0;x\u{7}\u{9b}6n\u{202e}".to_owned() + &"e\u{301}\u{200d}".repeat(10_000) + "宽";
    let mut app = app_of(PANELS);
    app.set_jobs(vec![line(&evil, JobStatus::Running), line("b", JobStatus::Running)], START_MS);
    app.select(&evil);
    let mut job = JobView { name: evil.clone(), cause: Some(evil.clone()), ..at(31) };
    for vertex in &mut job.vertices {
        vertex.name.clone_from(&evil);
    }
    for savepoint in &mut job.savepoints {
        savepoint.directory.clone_from(&evil);
    }
    app.update(Arc::new(job));
    for keys in ["", "r", "x", "x\n", "J", "s"] {
        typed(&mut app, keys);
        for (width, height) in [(80, 24), (200, 60), (7, 5)] {
            let shown = screen(&mut app, width, height);
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{keys}");
        }
        typed(&mut app, "\u{1b}");
        app.overlay = None;
    }
    app.answer(&Answer { statement: evil.clone(), text: format!("{evil}\n{evil}"), failed: true });
    assert!(!screen(&mut app, 80, 24).contains(|c: char| c.is_control() && c != '\n'));
}

#[test]
fn every_size_is_drawn() {
    for keys in ["", "?", "s", "r", "x", "x\n", ":ch\t", "z3", "v"] {
        let mut app = app();
        app.set_complete(Box::new(|_, at| (at, vec!["a".to_owned(), "b宽".to_owned()])));
        typed(&mut app, keys);
        let sizes = (1..=130).step_by(3).flat_map(|width| (1..=45).step_by(2).map(move |height| (width, height)));
        for (width, height) in sizes.chain([(1, 1), (2, 1), (1, 2), (40, 12), (200, 60), (500, 200)]) {
            screen(&mut app, width, height);
        }
    }
    let mut app = app();
    app.answer(&Answer { statement: "x".into(), text: "1\n2\n3".into(), failed: false });
    for size in 1..60 {
        screen(&mut app, size, size);
    }
    let mut none = app_of(&[]);
    typed(&mut none, "\t1zeE?");
    for size in 1..60 {
        screen(&mut none, size * 3, size);
    }
}
