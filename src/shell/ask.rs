//! A question that one key answers.

use std::io::IsTerminal;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
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

/// Asks with `question`, which goes away again, until a key is an answer; a signal is a no.
///
/// # Errors
/// When the terminal gives no keys.
pub(super) fn ask(interrupts: &Interrupts, question: &Printable, answer: fn(KeyEvent) -> Option<bool>) -> Result<bool> {
    let broken = |error| Error::io("the terminal", error);
    // What jobs write meanwhile would run down the screen like stairs.
    let asked = outlet().ask(question);
    let raw = RawMode::enter().map_err(broken)?;
    let answered = loop {
        if interrupts.take() {
            break false;
        }
        if !event::poll(POLL).map_err(broken)? {
            continue;
        }
        if let Event::Key(key) = event::read().map_err(broken)?
            && key.kind != KeyEventKind::Release
            && let Some(answered) = answer(key)
        {
            break answered;
        }
    };
    drop(raw);
    // The question gives way to what comes of it.
    drop(asked);
    Ok(answered)
}

/// Yes and no; whatever else is pressed is a no, because nobody loses anything by that.
#[expect(clippy::unnecessary_wraps, reason = "other questions have keys that are no answer")]
pub(super) fn yes_or_no(key: KeyEvent) -> Option<bool> {
    Some(matches!(key.code, KeyCode::Char('y' | 'Y')) && !key.modifiers.contains(KeyModifiers::CONTROL))
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
