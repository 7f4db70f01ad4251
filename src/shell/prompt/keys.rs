//! Keys that mean something to the shell and not to the line editor.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::{Cmd, ConditionalEventHandler, Event, EventContext, RepeatCount};

/// The request of a key, with the line as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// F2: the dashboard; what was typed, and where the cursor stood in it.
    Dashboard(String, usize),
    /// Ctrl-X Ctrl-E: the editor, with what was typed.
    Edit(String),
    /// Ctrl-C: an empty line.
    Clear,
    /// Up, in a line that goes on with a statement: the lines before it, with what was typed in this one.
    Earlier(String),
}

/// The request that the last line was ended by, when that was not Enter.
#[derive(Debug, Clone, Default)]
pub(super) struct Pressed(Arc<Mutex<Option<Asked>>>);

impl Pressed {
    /// The request since the last call.
    pub(super) fn take(&self) -> Option<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, asked: Asked) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
    }
}

/// The key that ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// F2
    Dashboard,
    /// Ctrl-X Ctrl-E
    Edit,
    /// Ctrl-C
    Clear,
}

/// These keys end the line as Enter does, so that it is left on the screen without its hint.
pub(super) struct EndsLine {
    pub(super) pressed: Pressed,
    pub(super) key: Key,
}

impl ConditionalEventHandler for EndsLine {
    fn handle(&self, _event: &Event, _n: RepeatCount, _positive: bool, context: &EventContext<'_>) -> Option<Cmd> {
        self.pressed.set(match self.key {
            Key::Dashboard => Asked::Dashboard(context.line().to_owned(), context.pos()),
            Key::Edit => Asked::Edit(context.line().to_owned()),
            Key::Clear => Asked::Clear,
        });
        Some(Cmd::AcceptLine)
    }
}

/// In the first row of a line that goes on with a statement, the key goes to the lines before it. Elsewhere it is the line
/// editor's.
pub(super) struct ToEarlier {
    pub(super) pressed: Pressed,
    /// Whether the line goes on with a statement.
    pub(super) further: Arc<AtomicBool>,
}

impl ConditionalEventHandler for ToEarlier {
    fn handle(&self, _event: &Event, _n: RepeatCount, _positive: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let first_row = !context.line()[..context.pos()].contains('\n');
        (self.further.load(Ordering::Relaxed) && first_row).then(|| {
            self.pressed.set(Asked::Earlier(context.line().to_owned()));
            Cmd::AcceptLine
        })
    }
}
