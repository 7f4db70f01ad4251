//! A question to be answered with yes or no.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use super::step::{Step, window};
use crate::dashboard::Theme;
use crate::types::printable;

/// A question, and the statement that yes runs.
#[derive(Debug)]
pub(in crate::dashboard) struct Confirm {
    question: String,
    statement: String,
}

impl Confirm {
    /// Asks `question`.
    pub(in crate::dashboard) const fn new(question: String, statement: String) -> Self {
        Self { question, statement }
    }

    /// Only `y` is yes: Enter is pressed by habit.
    #[expect(clippy::wildcard_enum_match_arm, reason = "any other key is no answer")]
    pub(in crate::dashboard) fn key(&mut self, key: KeyEvent) -> Step {
        match key.code {
            KeyCode::Char('y' | 'Y') => Step::Statement(std::mem::take(&mut self.statement)),
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => Step::Close,
            _ => Step::Stay,
        }
    }

    pub(in crate::dashboard) fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let question = printable(&self.question);
        let inside = window(frame, area, (64, 6), "Sure?", "y yes · n no", theme);
        let text = Text::from(vec![
            Line::styled(question, theme.text),
            Line::styled(format!("runs: {}", printable(&self.statement)), theme.dim),
        ]);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), inside);
    }
}
