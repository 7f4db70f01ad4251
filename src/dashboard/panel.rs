//! The panels' interface.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Model, Theme};
use crate::inspect::StateQuery;
use crate::session::Listing;

/// One panel: the registry entry. Help, the tab bar and the keys 1 to 8 follow from it.
#[derive(Debug, Clone, Copy)]
pub struct PanelSpec {
    /// `graph`: what the command that prints the same is called.
    pub name: &'static str,
    /// As the tab bar shows it.
    pub title: &'static str,
    /// The content of the panel, for help.
    pub help: &'static str,
    /// The keys that it takes itself, and what they do.
    pub keys: &'static [(&'static str, &'static str)],
    /// A new one.
    pub create: fn() -> Box<dyn Panel>,
}

/// One panel of the dashboard. It draws what the [`Model`] holds and asks nobody.
pub trait Panel {
    /// Draws itself into `area`, whatever its size.
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, model: &Model, theme: &Theme);

    /// A key that the dashboard does not take itself.
    fn key(&mut self, _key: KeyEvent, _model: &Model) -> Reaction {
        Reaction::Ignored
    }

    /// A click or the wheel inside `area`, where it was last drawn.
    fn mouse(&mut self, _event: MouseEvent, _area: Rect, _model: &Model) -> Reaction {
        Reaction::Ignored
    }

    /// Whether the panel reads text now (a search): then every key but Esc, Enter and Ctrl-C goes to it first.
    fn takes_text(&self) -> bool {
        false
    }

    /// The content of the panel, as rows: what is exported, and what its command prints.
    fn listing(&self, model: &Model) -> Listing;

    /// What is chosen in it, as text: what `y` copies.
    fn chosen(&self, _model: &Model) -> Option<String> {
        None
    }

    /// The query for the job's keyed state that the panel wants read while it is on the screen.
    fn state_query(&self) -> Option<StateQuery> {
        None
    }
}

/// The reaction to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    Ignored,
    /// The panel has changed.
    Redraw,
    /// A statement of the shell is to be run.
    Statement(String),
    /// A statement is to be run if the person says yes to the question.
    Ask {
        /// `Kill subtask 1[0] of hot?`
        question: String,
        /// The statement that yes runs.
        statement: String,
    },
    /// Something to say on the status line.
    Message(String),
}
