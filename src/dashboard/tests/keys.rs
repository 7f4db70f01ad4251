//! Tests of the effect of keys, pastes and clicks.

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::dashboard::testing::{PANELS, START_MS, app, app_of, at, control, line, press, screen, statement, typed};
use crate::dashboard::{Answer, App, AppOptions, Caption, Effect, Leave, Look, keys, panels};
use crate::inspect::{JobStatus, JobView};
use std::sync::Arc;

fn answer(text: &str, failed: bool) -> Answer {
    Answer { statement: "checkpoint hot".into(), text: text.into(), failed }
}

#[test]
fn keys_of_the_job_are_statements() {
    let mut app = app();
    assert_eq!(statement(typed(&mut app, " ")), "pause hot");
    assert_eq!(statement(typed(&mut app, "c")), "checkpoint hot");
    assert_eq!(statement(typed(&mut app, "+")), "rescale hot to 5");
    assert_eq!(statement(typed(&mut app, "-")), "rescale hot to 3");
    let mut paused = JobView { status: JobStatus::Paused, ..at(31) };
    paused.name = "hot".into();
    app.update(Arc::new(paused));
    assert_eq!(statement(typed(&mut app, " ")), "resume hot");
}

#[test]
fn a_savepoint_goes_where_the_person_says() {
    let mut app = app();
    assert_eq!(typed(&mut app, "s"), []);
    assert_eq!(statement(typed(&mut app, "\n")), "savepoint hot to 'savepoints/hot-20260101-000030'");
    typed(&mut app, "s");
    control(&mut app, 'u');
    assert_eq!(typed(&mut app, "\n"), [], "no directory is no answer");
    assert_eq!(statement(typed(&mut app, "it's\n")), "savepoint hot to 'it''s'");
    typed(&mut app, "s\u{1b}");
    assert_eq!(statement(typed(&mut app, "c")), "checkpoint hot");
}

#[test]
fn restore_lists_what_can_be_restored_newest_first() {
    let mut app = app();
    typed(&mut app, "r");
    let shown = screen(&mut app, 80, 24);
    assert!(!shown.contains("checkpoint 6") && !shown.contains("checkpoint 8"), "{shown}");
    assert_eq!(statement(typed(&mut app, "\n")), "restore hot from checkpoint 7");
    typed(&mut app, "r");
    press(&mut app, KeyCode::Down);
    assert_eq!(statement(typed(&mut app, "\n")), "restore hot from checkpoint 5");
    typed(&mut app, "r");
    press(&mut app, KeyCode::End);
    assert_eq!(statement(typed(&mut app, "\n")), "restore hot from savepoint 'sp/hot''s'");
}

#[test]
fn a_subtask_is_killed_only_after_a_yes() {
    let mut app = app();
    typed(&mut app, "x");
    press(&mut app, KeyCode::Down);
    assert_eq!(typed(&mut app, "\n"), []);
    assert_eq!(typed(&mut app, "\n"), [], "Enter is not yes");
    assert_eq!(statement(typed(&mut app, "y")), "kill subtask 0[1] of hot");
    assert_eq!(typed(&mut app, "x\nn"), []);
    assert_eq!(statement(typed(&mut app, "c")), "checkpoint hot", "n has closed it");
    typed(&mut app, "K");
    assert_eq!(statement(typed(&mut app, "y")), "kill subtask 1[0] of hot", "panels ask the same way");
}

#[test]
fn the_command_line_runs_completes_and_remembers() {
    let mut app = app();
    app.set_complete(Box::new(|line, at| {
        let from = line[..at].rfind(' ').map_or(0, |blank| blank + 1);
        (from, if line[from..at].starts_with('h') { vec!["hot".to_owned()] } else { Vec::new() })
    }));
    assert_eq!(statement(typed(&mut app, ":checkpoints h\t\n")), "checkpoints hot");
    assert_eq!(statement(typed(&mut app, ":  show jobs \n")), "show jobs");
    typed(&mut app, ":");
    press(&mut app, KeyCode::Up);
    press(&mut app, KeyCode::Up);
    assert_eq!(statement(typed(&mut app, "\n")), "checkpoints hot");
    assert_eq!(typed(&mut app, ":q\u{1b}"), [], "what is typed into the line is no key");
    app.paste("never\nrun");
    assert_eq!(typed(&mut app, ":"), []);
    app.paste("show\njobs");
    assert_eq!(statement(typed(&mut app, "\n")), "show jobs");
    assert_eq!(app.into_options().history, ["checkpoints hot", "show jobs"]);
}

#[test]
fn one_line_is_said_and_more_are_shown() {
    let mut app = app();
    typed(&mut app, "c");
    assert!(screen(&mut app, 80, 24).contains("… checkpoint hot"));
    app.answer(&answer("checkpoint 10 of hot took 3 ms\n", false));
    assert!(screen(&mut app, 80, 24).contains("checkpoint 10 of hot took 3 ms"));
    assert!(app.waiting().is_empty());
    app.set_jobs(vec![line("hot", JobStatus::Running)], START_MS + 60_000);
    assert!(!screen(&mut app, 80, 24).contains("took 3 ms"), "what was said goes away");
    typed(&mut app, "c");
    app.answer(&answer("error: no\n  ^^ here\n", true));
    assert!(screen(&mut app, 80, 24).contains("^^ here"));
    assert_eq!(typed(&mut app, "\u{1b}"), [], "Esc closes what is open");
    assert_eq!(typed(&mut app, "\u{1b}"), [Effect::Leave(Leave::Back)]);
}

#[test]
fn that_a_paste_is_cut_is_said_until_the_next_key_whatever_is_answered_meanwhile() {
    let mut app = app();
    typed(&mut app, "c:");
    app.paste(&"x".repeat(1_000_000));
    app.answer(&answer("checkpoint 10 of hot took 3 ms\n", false));
    assert!(screen(&mut app, 80, 24).contains("too long and is cut"));
    control(&mut app, 'u');
    let shown = screen(&mut app, 80, 24);
    assert!(!shown.contains("is cut") && shown.contains("checkpoint 10"), "{shown}");
}

#[test]
fn a_preview_is_ended_before_it_is_closed() {
    let mut app = app();
    typed(&mut app, ":bids\n");
    app.preview("bids");
    app.preview_rows((0..100).map(|row| format!("row {row}")).collect(), 3);
    assert!(screen(&mut app, 80, 24).contains("row 99"));
    assert_eq!(control(&mut app, 'c'), [Effect::Interrupt]);
    assert_eq!(typed(&mut app, "\u{1b}"), [Effect::Interrupt]);
    app.answer(&Answer { statement: "bids".into(), text: "-- ended".into(), failed: true });
    assert!(screen(&mut app, 80, 24).contains("-- ended"));
    press(&mut app, KeyCode::Home);
    assert!(screen(&mut app, 80, 24).contains("row 0"));
    assert_eq!(typed(&mut app, "\u{1b}"), []);
    assert_eq!(control(&mut app, 'c'), [Effect::Leave(Leave::Back)]);
}

#[test]
fn statements_that_pile_up_are_refused() {
    let mut app = app();
    let sent: usize = (0..50).map(|_| typed(&mut app, "c").len()).sum();
    assert_eq!(sent, 8);
    assert!(screen(&mut app, 80, 24).contains("still under way"));
}

#[test]
fn panels_take_turns() {
    let mut app = app();
    assert!(screen(&mut app, 80, 24).contains("graph of hot"));
    typed(&mut app, "\t");
    assert!(screen(&mut app, 80, 24).contains("subtasks of hot"));
    press(&mut app, KeyCode::BackTab);
    press(&mut app, KeyCode::BackTab);
    assert!(screen(&mut app, 80, 24).contains("log of hot"));
    typed(&mut app, "49");
    assert!(screen(&mut app, 80, 24).contains("windows of hot"), "there is no ninth");
    screen(&mut app, 200, 60);
    typed(&mut app, "2");
    let shown = screen(&mut app, 200, 60);
    assert!(
        shown.contains("windows of hot") && shown.contains("▸2 subtasks"),
        "a tile on the screen gets the keys where it is"
    );
    typed(&mut app, "z");
    let shown = screen(&mut app, 200, 60);
    assert!(shown.contains("subtasks of hot in 200x56") && !shown.contains("windows of"), "{shown}");
    assert_eq!(typed(&mut app, "\u{1b}"), [], "Esc takes the zoom back first");
    assert!(screen(&mut app, 200, 60).contains("graph of hot"));
}

#[test]
fn a_panel_gets_the_keys_that_are_left_and_every_one_while_it_reads_text() {
    let mut app = app();
    assert_eq!(typed(&mut app, "o/cq"), []);
    assert!(screen(&mut app, 80, 24).contains("/cq"));
    assert_eq!(typed(&mut app, "\u{1b}"), [], "Esc ends the search");
    assert_eq!(statement(typed(&mut app, "c")), "checkpoint hot");
    typed(&mut app, "m");
    assert!(screen(&mut app, 80, 24).contains("of the panel"));
    typed(&mut app, "/");
    app.paste("a\nb");
    assert!(screen(&mut app, 80, 24).contains("/ab"));
    assert_eq!(control(&mut app, 'c'), [Effect::Leave(Leave::Back)]);
}

#[test]
fn a_frozen_view_stays_while_the_job_goes_on() {
    let mut app = app();
    typed(&mut app, "v");
    app.update(Arc::new(JobView { status: JobStatus::Paused, ..at(40) }));
    app.set_jobs(vec![line("hot", JobStatus::Paused)], START_MS + 42_000);
    let shown = screen(&mut app, 120, 40);
    assert!(shown.contains("VIEW FROZEN 12s") && shown.contains("paused"), "{shown}");
    assert_eq!(statement(typed(&mut app, " ")), "resume hot", "keys act on the job as it is now");
    assert_eq!(app.model.view.now_ms, START_MS + 30_000);
    typed(&mut app, "v");
    assert_eq!(app.model.view.now_ms, START_MS + 40_000);
}

#[test]
fn jobs_take_turns_and_one_that_is_gone_is_left() {
    let mut app = app();
    let jobs = vec![line("hot", JobStatus::Running), line("cold", JobStatus::Finished)];
    app.set_jobs(jobs, START_MS);
    typed(&mut app, "]");
    assert_eq!(app.job(), Some("cold"));
    app.update(Arc::new(at(33)));
    assert_eq!(app.model.view.now_ms, START_MS + 30_000, "a late view of the job before changes nothing");
    typed(&mut app, "]");
    assert_eq!(app.job(), Some("hot"));
    typed(&mut app, "[");
    assert_eq!(app.job(), Some("cold"));
    typed(&mut app, "J");
    let shown = screen(&mut app, 120, 24);
    assert!(shown.contains("✓ cold  finished") && shown.contains("parallelism 2  rows in 1.2k"), "{shown}");
    assert!(shown.contains("restarts 0  checkpoints 0"), "{shown}");
    press(&mut app, KeyCode::Up);
    typed(&mut app, "\n");
    assert_eq!(app.job(), Some("hot"));
    app.set_jobs(vec![line("cold", JobStatus::Finished)], START_MS);
    assert_eq!(app.job(), Some("cold"));
}

#[test]
fn without_a_job_nothing_is_asked_of_it() {
    let mut app = App::new(PANELS, AppOptions::default());
    app.set_jobs(Vec::new(), START_MS);
    for key in " csr+-x[]Jvvzeto?".chars() {
        assert!(!matches!(typed(&mut app, &key.to_string())[..], [Effect::Run(_), ..]), "{key}");
    }
    let mut app = App::new(PANELS, AppOptions::default());
    app.set_jobs(Vec::new(), START_MS);
    typed(&mut app, "c");
    assert!(screen(&mut app, 80, 24).contains("there is no job"));
    assert_eq!(app.state_query(), None);
    assert_eq!(statement(typed(&mut app, ":show jobs\n")), "show jobs");
}

#[test]
fn the_hints_name_as_many_panels_as_there_are() {
    let named = keys::VIEW.iter().find(|key| key.hint == "panel").expect("a key");
    assert_eq!(named.keys, format!("1 … {}", panels().len()));
}

#[test]
fn leaving_and_stopping() {
    assert_eq!(typed(&mut app(), "q"), [Effect::Leave(Leave::Back)]);
    assert_eq!(press(&mut app(), KeyCode::F(2)), [Effect::Leave(Leave::ToPrompt)]);
    assert_eq!(control(&mut app(), 'z'), [Effect::Suspend]);
    assert_eq!(control(&mut app(), 'l'), [Effect::Repaint]);
    let mut app = app();
    typed(&mut app, "?");
    assert_eq!(press(&mut app, KeyCode::F(2)), [Effect::Leave(Leave::ToPrompt)]);
}

#[test]
fn a_demo_is_not_left_without_a_word_while_its_job_runs() {
    let demo = Caption { question: "What is hot?", look: "Look at the windows." };
    let watched = |status| {
        let mut app = App::new(PANELS, AppOptions { demo: Some(demo), ..AppOptions::default() });
        app.set_jobs(vec![line("hot", status)], START_MS);
        app
    };
    for leave in ["q", "\u{1b}"] {
        let mut app = watched(JobStatus::Running);
        assert_eq!(typed(&mut app, leave), []);
        let shown = screen(&mut app, 80, 24);
        assert!(shown.contains("leave it running") && shown.contains("What is hot?"), "{shown}");
        assert_eq!(typed(&mut app, "\n"), [Effect::Leave(Leave::ToPrompt)]);
    }
    let mut app = watched(JobStatus::Running);
    assert_eq!(control(&mut app, 'c'), []);
    assert_eq!(control(&mut app, 'c'), [Effect::Leave(Leave::Back)], "pressed again it is meant");
    let mut app = watched(JobStatus::Running);
    typed(&mut app, "q");
    press(&mut app, KeyCode::Down);
    assert_eq!(typed(&mut app, "\n"), [Effect::Leave(Leave::Back)]);
    let mut app = watched(JobStatus::Running);
    assert_eq!(typed(&mut app, "q\u{1b}"), [], "and stays");
    assert!(!screen(&mut app, 80, 24).contains("leave it running"));
    assert!(!screen(&mut app, 80, 16).contains("What is hot?"), "no room for it");
    assert_eq!(typed(&mut watched(JobStatus::Finished), "q"), [Effect::Leave(Leave::Back)]);
}

#[test]
fn what_is_chosen_is_copied_only_by_its_key() {
    let mut app = app();
    assert_eq!(typed(&mut app, "1y"), [], "nothing is chosen in this panel");
    assert!(screen(&mut app, 80, 24).contains("nothing is chosen"));
    assert_eq!(typed(&mut app, "5y"), [Effect::Copy("{\"job\":\"hot\"}".to_owned())]);
    let [Effect::Export(file)] = &typed(&mut app, "Y")[..] else { panic!("a file") };
    assert_eq!((file.stem.as_str(), file.extension), ("hot-value-20260101-000030", "txt"));
    assert_eq!(file.text, "{\"job\":\"hot\"}\n");
}

#[test]
fn an_export_is_named_after_job_panel_and_time() {
    let mut app = app();
    typed(&mut app, "6");
    let [Effect::Export(json)] = &typed(&mut app, "e")[..] else { panic!("an export") };
    assert_eq!((json.stem.as_str(), json.extension), ("hot-checkpoints-20260101-000030", "json"));
    assert!(json.text.contains("\"job\": \"hot\""));
    let [Effect::Export(csv)] = &typed(&mut app, "E")[..] else { panic!("an export") };
    assert_eq!((csv.extension, csv.text.as_str()), ("csv", "job,rows\r\nhot,3661000\r\n"));
}

#[test]
fn themes_change_unless_colours_are_unwanted() {
    let mut app = app();
    typed(&mut app, "t");
    assert_eq!(app.look, Look::Light);
    typed(&mut app, "t");
    assert_eq!(app.look, Look::Dark);
    let mut app = App::new(PANELS, AppOptions { look: Look::Plain, ..AppOptions::default() });
    typed(&mut app, "t");
    assert_eq!(app.look, Look::Plain);
}

#[test]
fn the_state_is_read_for_the_panel_that_is_seen() {
    let mut app = app();
    screen(&mut app, 80, 24);
    assert_eq!(app.state_query(), None);
    typed(&mut app, "5");
    assert!(app.state_query().is_some());
    typed(&mut app, "1");
    screen(&mut app, 80, 24);
    assert_eq!(app.state_query(), None);
    screen(&mut app, 200, 60);
    assert!(app.state_query().is_some(), "it is one of the tiles");
    typed(&mut app, "v");
    assert_eq!(app.state_query(), None, "not for a frozen view");
}

fn click(column: u16, row: u16) -> MouseEvent {
    MouseEvent { kind: MouseEventKind::Down(MouseButton::Left), column, row, modifiers: KeyModifiers::NONE }
}

#[test]
fn the_mouse_chooses_tabs_panels_and_lines() {
    let mut app = app();
    let shown = screen(&mut app, 80, 24);
    let tab = shown.lines().nth(1).and_then(|line| line.find("4 windows")).expect("the tab is there");
    app.mouse(click(u16::try_from(tab).expect("small"), 1));
    assert!(screen(&mut app, 80, 24).contains("windows of hot"));
    app.mouse(click(10, 10));
    assert!(screen(&mut app, 80, 24).contains("keys *"), "the panel gets what happens in it");
    screen(&mut app, 120, 40);
    app.mouse(click(5, 14));
    assert!(screen(&mut app, 120, 40).contains("▸1 graph"));
    typed(&mut app, "r");
    let shown = screen(&mut app, 80, 24);
    let (row, text) = shown.lines().enumerate().find(|(_, text)| text.contains("checkpoint 5")).expect("listed");
    let column = text.chars().position(|c| c == 'c').expect("listed");
    let at = click(u16::try_from(column).expect("small"), u16::try_from(row).expect("small"));
    assert_eq!(app.mouse(at), [], "the first click chooses");
    assert_eq!(statement(app.mouse(at)), "restore hot from checkpoint 5");
}

#[test]
fn no_key_does_harm_anywhere() {
    let keys = "qwertyuiopasdfghjklzxcvbnm1234567890[]+-=/?: \n\t\u{1b}EJKGOT";
    for first in keys.chars() {
        for second in keys.chars() {
            let mut app = app_of(PANELS);
            typed(&mut app, &format!("{first}{second}"));
            press(&mut app, KeyCode::PageDown);
            screen(&mut app, 61, 17);
            press(&mut app, KeyCode::End);
            screen(&mut app, 9, 4);
        }
    }
}
