//! One line of text that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tui_input::{Input, InputRequest};

use super::Theme;
use crate::types::printable;

/// The most that is taken of what is pasted or typed, bytes. A statement of a person is far shorter.
const BYTES_MAX: usize = 16 * 1024;

/// One line of text that is being typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    input: Input,
}

impl Field {
    /// A line that begins with `text`, the cursor at its end.
    pub(super) fn with(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    /// The text that is typed.
    pub(super) fn text(&self) -> &str {
        self.input.value()
    }

    /// The position of the cursor, in bytes.
    pub(super) fn cursor(&self) -> usize {
        self.text().char_indices().nth(self.input.cursor()).map_or(self.text().len(), |(at, _)| at)
    }

    /// Takes `text` in place of `from..cursor`, in bytes.
    pub(super) fn replace(&mut self, from: usize, text: &str) {
        let (old, cursor) = (self.text(), self.cursor());
        let Some((before, after)) = old.get(..from.min(cursor)).zip(old.get(cursor..)) else { return };
        let chars = before.chars().count() + text.chars().count();
        self.input = Input::new(format!("{before}{text}{after}")).with_cursor(chars);
    }

    /// Takes what was pasted: its lines as one, cut where it grows too long. Returns whether it was cut.
    pub(super) fn paste(&mut self, text: &str) -> bool {
        let room = BYTES_MAX.saturating_sub(self.text().len());
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line: String = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.replace(self.cursor(), &line);
        end < text.len()
    }

    /// An editing key; returns whether it was one.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let Some(request) = request(key) else { return false };
        if !matches!(request, InputRequest::InsertChar(_)) || self.text().len() < BYTES_MAX {
            let _ = self.input.handle(request);
        }
        true
    }

    /// Draws it behind `prompt`, with the terminal's cursor in it.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect, prompt: &str, theme: &Theme) {
        if area.is_empty() {
            return;
        }
        let before = u16::try_from(Span::raw(prompt).width()).unwrap_or(u16::MAX).min(area.width);
        let room = usize::from(area.width - before);
        let scroll = self.input.visual_scroll(room.saturating_sub(1));
        let column = self.input.visual_cursor().saturating_sub(scroll);
        let shown = printable(self.text());
        let text = Rect { x: area.x + before, width: area.width - before, ..area };
        frame.render_widget(Line::from(Span::styled(prompt, theme.heading)), area);
        let scroll = u16::try_from(scroll).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(Line::styled(shown, theme.text)).scroll((0, scroll)), text);
        let x = text.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX)).min(area.right() - 1);
        frame.set_cursor_position(Position { x, y: area.y });
    }
}

/// The meaning of a key for a line of text: what it means in a shell.
fn request(key: KeyEvent) -> Option<InputRequest> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other keys are not for a line of text")]
    Some(match key.code {
        KeyCode::Char(c) if control => match c {
            'a' => InputRequest::GoToStart,
            'e' => InputRequest::GoToEnd,
            'b' => InputRequest::GoToPrevChar,
            'f' => InputRequest::GoToNextChar,
            'h' => InputRequest::DeletePrevChar,
            'd' => InputRequest::DeleteNextChar,
            'w' => InputRequest::DeletePrevWord,
            'u' => InputRequest::DeleteFromStart,
            'k' => InputRequest::DeleteTillEnd,
            'y' => InputRequest::Yank,
            _ => return None,
        },
        KeyCode::Char('b') if alt => InputRequest::GoToPrevWord,
        KeyCode::Char('f') if alt => InputRequest::GoToNextWord,
        KeyCode::Char('d') if alt => InputRequest::DeleteNextWord,
        KeyCode::Char(c) if !alt && !c.is_control() => InputRequest::InsertChar(c),
        KeyCode::Backspace if alt => InputRequest::DeletePrevWord,
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left if control => InputRequest::GoToPrevWord,
        KeyCode::Right if control => InputRequest::GoToNextWord,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(field: &mut Field, text: &str) {
        for c in text.chars() {
            assert!(field.key(KeyEvent::from(KeyCode::Char(c))));
        }
    }

    #[test]
    fn a_line_is_edited_as_in_a_shell() {
        let mut field = Field::default();
        typed(&mut field, "show jöbs");
        assert!(field.key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL)));
        assert_eq!(field.text(), "show ");
        assert!(field.key(KeyEvent::from(KeyCode::Home)));
        typed(&mut field, "x");
        assert_eq!((field.text(), field.cursor()), ("xshow ", 1));
        assert!(!field.key(KeyEvent::from(KeyCode::Enter)));
    }

    #[test]
    fn a_part_is_replaced_in_bytes_not_in_characters() {
        let mut field = Field::with("täst hö");
        field.replace(6, "hot");
        assert_eq!((field.text(), field.cursor()), ("täst hot", 9));
        field.replace(99, "!");
        assert_eq!(field.text(), "täst hot!");
    }

    #[test]
    fn ten_megabytes_are_cut_and_control_characters_are_blanks() {
        let mut field = Field::default();
        assert!(!field.paste("a\nb\u{1b}[2Jc"));
        assert_eq!(field.text(), "a b [2Jc");
        assert!(field.paste(&"ö".repeat(5_000_000)));
        assert!(field.text().len() <= BYTES_MAX);
        typed(&mut field, "more than fits");
        assert!(field.text().len() <= BYTES_MAX);
    }
}
