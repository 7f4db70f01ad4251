//! A question to be answered with a text.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::step::{Step, window};
use crate::dashboard::Theme;
use crate::dashboard::field::Field;
use crate::dashboard::statement;

/// A question for a text, which goes quoted between the parts of a statement.
#[derive(Debug)]
pub(in crate::dashboard) struct Ask {
    title: &'static str,
    note: &'static str,
    before: String,
    field: Field,
}

impl Ask {
    /// Asks with `answer` proposed; the statement is `before` and the answer as a quoted text.
    pub(in crate::dashboard) fn new(title: &'static str, note: &'static str, before: String, answer: &str) -> Self {
        Self { title, note, before, field: Field::with(answer) }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the field takes what it knows")]
    pub(in crate::dashboard) fn key(&mut self, key: KeyEvent) -> Step {
        match key.code {
            KeyCode::Esc => Step::Close,
            KeyCode::Enter if self.field.text().trim().is_empty() => Step::Stay,
            KeyCode::Enter => Step::Statement(format!("{} {}", self.before, statement::text(self.field.text().trim()))),
            _ => {
                self.field.key(key);
                Step::Stay
            }
        }
    }

    pub(in crate::dashboard) fn paste(&mut self, text: &str) {
        self.field.paste(text);
    }

    pub(in crate::dashboard) fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let inside = window(frame, area, (72, 4), self.title, "Enter writes it · Esc closes", theme);
        let [above, below] = [0, 1].map(|row| Rect { y: inside.y + row, height: 1, ..inside }.intersection(inside));
        frame.render_widget(Line::styled(self.note, theme.dim), above);
        self.field.draw(frame, below, "to ", theme);
    }
}
