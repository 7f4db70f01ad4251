//! A list to choose from.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, List, ListItem, ListState};
use unicode_width::UnicodeWidthStr;

use super::step::{Step, window};
use crate::dashboard::{Leave, Theme};
use crate::types::printable;

/// The action on a choice.
#[derive(Debug, Clone)]
pub(in crate::dashboard) enum Then {
    /// A statement is run.
    Statement(String),
    /// A statement is run if the person says yes.
    Confirm {
        /// The question that is asked.
        question: String,
        /// The statement that yes runs.
        statement: String,
    },
    /// This job is shown.
    Job(String),
    /// The dashboard is left.
    Leave(Leave),
    /// Nothing.
    Stay,
}

/// One line of the list.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Choice {
    /// As it is shown.
    pub(in crate::dashboard) text: String,
    /// The action on the choice.
    pub(in crate::dashboard) then: Then,
}

/// A list to choose from.
#[derive(Debug)]
pub(in crate::dashboard) struct Choose {
    title: String,
    choices: Vec<Choice>,
    state: ListState,
    /// The area where the lines were last drawn, for the mouse.
    lines: Rect,
}

impl Choose {
    /// A list of at least one line, the `at`th chosen.
    pub(in crate::dashboard) fn new(title: String, choices: Vec<Choice>, at: usize) -> Self {
        let state = ListState::default().with_selected(Some(at));
        Self { title, choices, state, lines: Rect::default() }
    }

    pub(in crate::dashboard) fn key(&mut self, key: KeyEvent) -> Step {
        let page = self.lines.height.saturating_sub(1).max(1);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other keys do nothing here")]
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return Step::Close,
            KeyCode::Enter => return self.take(),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1),
            KeyCode::Down | KeyCode::Char('j') => self.go(1),
            KeyCode::PageUp => self.go(-i32::from(page)),
            KeyCode::PageDown => self.go(i32::from(page)),
            KeyCode::Home => self.state.select(Some(0)),
            KeyCode::End => self.state.select(Some(self.choices.len().saturating_sub(1))),
            _ => {}
        }
        Step::Stay
    }

    /// Whether it asks how to leave.
    pub(in crate::dashboard) fn asks_to_leave(&self) -> bool {
        self.choices.iter().any(|choice| matches!(choice.then, Then::Leave(_)))
    }

    /// Moves by `lines`, down when positive.
    pub(in crate::dashboard) fn go(&mut self, lines: i32) {
        let at = self.state.selected().unwrap_or(0);
        let by = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if lines < 0 { at.saturating_sub(by) } else { at.saturating_add(by) };
        self.state.select(Some(to.min(self.choices.len().saturating_sub(1))));
    }

    /// A click: the first chooses, a second on the same line takes.
    pub(in crate::dashboard) fn click(&mut self, column: u16, row: u16) -> Step {
        if !self.lines.contains((column, row).into()) {
            return Step::Stay;
        }
        let at = self.state.offset() + usize::from(row - self.lines.y);
        if at >= self.choices.len() {
            return Step::Stay;
        }
        if self.state.selected() == Some(at) {
            return self.take();
        }
        self.state.select(Some(at));
        Step::Stay
    }

    fn take(&self) -> Step {
        match self.state.selected().and_then(|at| self.choices.get(at)).map(|choice| choice.then.clone()) {
            None => Step::Stay,
            Some(Then::Statement(statement)) => Step::Statement(statement),
            Some(Then::Job(job)) => Step::Job(job),
            Some(Then::Leave(leave)) => Step::Leave(leave),
            Some(Then::Stay) => Step::Close,
            Some(Then::Confirm { question, statement }) => Step::Confirm { question, statement },
        }
    }

    pub(in crate::dashboard) fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let widest = self.choices.iter().map(|choice| printable(&choice.text).width()).max().unwrap_or(0);
        let width = u16::try_from(widest.max(self.title.width()).max(36) + 6).unwrap_or(u16::MAX);
        let height = u16::try_from(self.choices.len()).unwrap_or(u16::MAX).saturating_add(2);
        let size = (width.min(area.width.saturating_sub(4).max(20)), height.min(area.height.saturating_sub(2).max(3)));
        let title = printable(&self.title).into_owned();
        let inside = window(frame, area, size, &title, "↑ ↓ Enter · Esc closes", theme);
        self.lines = inside;
        frame.render_widget(Clear, inside);
        let items = self.choices.iter().map(|choice| ListItem::new(Line::raw(printable(&choice.text).into_owned())));
        let list = List::new(items).style(theme.text).highlight_style(theme.selected).highlight_symbol("▸ ");
        frame.render_stateful_widget(list, inside, &mut self.state);
    }
}
