//! Questions that a person answers with one key.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{event, terminal};

use super::output::outlet;
use super::signals::Interrupts;
use crate::types::{Error, Printable, Result};

/// Shows the line and waits for a key that `answer` takes; `None` when Ctrl-C, Ctrl-D or a signal came instead.
pub(super) fn key<T>(
    interrupts: &Interrupts,
    line: &Printable,
    answer: impl Fn(KeyCode) -> Option<T>,
) -> Result<Option<T>> {
    const POLL: Duration = Duration::from_millis(100);
    let broken = |error| Error::io("the terminal", error);
    // What jobs write meanwhile would run down the screen like stairs.
    let asked = outlet().ask(line);
    let raw = RawMode::enter().map_err(broken)?;
    let answered = loop {
        if interrupts.take() {
            break None;
        }
        if !event::poll(POLL).map_err(broken)? {
            continue;
        }
        if let Event::Key(key) = event::read().map_err(broken)?
            && let Some(answered) = pressed(key, &answer)
        {
            break answered;
        }
    };
    drop(raw);
    // The line gives way to what comes of the answer.
    drop(asked);
    Ok(answered)
}

/// What a key says: nothing, or that the person wants none of it (`Some(None)`), or an answer.
fn pressed<T>(key: KeyEvent, answer: impl Fn(KeyCode) -> Option<T>) -> Option<Option<T>> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return matches!(key.code, KeyCode::Char('c' | 'd')).then_some(None);
    }
    answer(key.code).map(Some)
}

/// A terminal that gives single keys; as it was when this is dropped.
struct RawMode;

impl RawMode {
    fn enter() -> std::io::Result<Self> {
        terminal::enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_answer() {
        let yes = |key| (key == KeyCode::Char('y')).then_some(true);
        let key = |code, modifiers| pressed(KeyEvent::new(code, modifiers), yes);
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::NONE), Some(Some(true)));
        assert_eq!(key(KeyCode::Char('x'), KeyModifiers::NONE), None);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(None));
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::CONTROL), None);
    }
}
