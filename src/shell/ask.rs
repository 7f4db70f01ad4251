//! Questions that a person answers with one key.

use std::io::IsTerminal;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::{event, terminal};

use super::output::outlet;
use super::signals::Interrupts;
use crate::types::{Error, Printable, Result};

/// The time between two looks for a signal.
const POLL: Duration = Duration::from_millis(100);

/// Whether there is a person to be asked.
pub(super) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Shows the line and waits for a key that `answer` takes; `None` when Ctrl-C, Ctrl-D or a signal came instead.
///
/// # Errors
/// When the terminal gives no keys.
pub(super) fn key<T>(
    interrupts: &Interrupts,
    line: &Printable,
    answer: impl Fn(KeyCode) -> Option<T>,
) -> Result<Option<T>> {
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
        let Event::Key(key) = event::read().map_err(broken)? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            if matches!(key.code, KeyCode::Char('c' | 'd')) {
                break None;
            }
        } else if let Some(answered) = answer(key.code) {
            break Some(answered);
        }
    };
    drop(raw);
    // The line gives way to what comes of the answer.
    drop(asked);
    Ok(answered)
}

/// Asks; whatever is pressed besides `y` is a no, because nobody loses anything by that.
///
/// # Errors
/// When the terminal gives no keys.
pub(super) fn yes(interrupts: &Interrupts, question: &Printable) -> Result<bool> {
    Ok(key(interrupts, question, |key| Some(matches!(key, KeyCode::Char('y' | 'Y'))))?.unwrap_or(false))
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
