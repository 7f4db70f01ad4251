//! Five people and their first ten minutes: each types keys on a terminal (or writes a script), and what the screen shows
//! and the files hold is compared with what follows from the input.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests are tests")]

mod common;
#[path = "people/engineer.rs"]
mod engineer;
#[path = "inspect/model.rs"]
mod model;
#[path = "people/operator.rs"]
mod operator;
mod pty;
#[path = "people/returning_user.rs"]
mod returning_user;
#[path = "people/script_writer.rs"]
mod script_writer;
#[path = "people/student.rs"]
mod student;

use pty::Pty;

const SIZE: (u16, u16) = (120, 40);

/// The prompt of a person who sits in `directory`.
fn sits_down(directory: &std::path::Path) -> Pty {
    let pty = Pty::open(directory, SIZE, &[], &[]);
    pty.prompt();
    pty
}

/// Types a statement, waits for what answers it, and for the next prompt. What is typed is echoed, so the answer must be
/// no part of it.
fn answered(pty: &mut Pty, typed: &str, answer: &str) {
    assert!(!typed.contains(answer), "{answer} is what is typed");
    let before = pty.bytes().len();
    pty.press(&format!("{typed}\r"));
    pty.until(&format!("{typed}: {answer}"), |pty| {
        pty.bytes().get(before..).is_some_and(|bytes| plain(bytes).contains(answer))
    });
    pty.prompt();
}

/// Types a statement on an empty screen, where nothing else is under way; all that is shown up to the next prompt.
fn answer(pty: &mut Pty, typed: &str) -> String {
    pty.press("\u{c}");
    pty.until("an empty screen", |pty| pty.lines() == ["lotic>"]);
    pty.press(&format!("{typed}\r"));
    pty.until(typed, |pty| pty.lines().len() > 1 && pty.last_line() == "lotic>");
    let screen = pty.screen();
    let said = screen.trim_end().strip_suffix("lotic>").unwrap_or_default();
    said.strip_prefix(&format!("lotic> {typed}")).unwrap_or(said).trim_matches('\n').to_owned()
}

/// A terminal's bytes without what moves its cursor or colours it.
fn plain(bytes: &str) -> String {
    let mut text = String::new();
    let mut parts = bytes.split("\u{1b}[");
    text.extend(parts.next());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        text.push_str(&part[end..]);
    }
    text
}

/// Leaves the shell.
fn leave(mut pty: Pty) {
    pty.press("\\q\r");
    assert_eq!(pty.exit_code(), 0);
}
