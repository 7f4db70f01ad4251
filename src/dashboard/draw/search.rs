//! The field that `/` opens.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use tui_input::{Input, InputRequest};

use super::{Canvas, clean, fit};
use crate::dashboard::Theme;

/// Characters taken: a search longer than that is a mistaken paste.
const LONGEST: usize = 200;

/// A text to search by, and whether it is being typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Search {
    input: Input,
    open: bool,
}

impl Search {
    /// Whether it is being typed.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// The text to search for; `None` for everything.
    pub(crate) fn text(&self) -> Option<&str> {
        Some(self.input.value()).filter(|text| !text.is_empty())
    }

    /// Whether `text` contains what is searched for, letter case aside.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.text().is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
    }

    /// Takes `/` when closed, and every key of an edited line when open: Enter keeps the text, Esc drops it.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if !self.open {
            let opens = key.code == KeyCode::Char('/') && !control;
            self.open |= opens;
            return opens;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "keys that edit nothing")]
        let request = match key.code {
            KeyCode::Enter => {
                self.open = false;
                return true;
            }
            KeyCode::Esc => {
                *self = Self::default();
                return true;
            }
            KeyCode::Char('u') if control => InputRequest::DeleteLine,
            KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
            KeyCode::Char('a') if control => InputRequest::GoToStart,
            KeyCode::Char('e') if control => InputRequest::GoToEnd,
            KeyCode::Char(_) if control => return false,
            KeyCode::Char(_) if self.input.value().chars().count() >= LONGEST => return true,
            KeyCode::Char(c) => InputRequest::InsertChar(c),
            KeyCode::Backspace => InputRequest::DeletePrevChar,
            KeyCode::Delete => InputRequest::DeleteNextChar,
            KeyCode::Left => InputRequest::GoToPrevChar,
            KeyCode::Right => InputRequest::GoToNextChar,
            KeyCode::Home => InputRequest::GoToStart,
            KeyCode::End => InputRequest::GoToEnd,
            _ => return false,
        };
        self.input.handle(request);
        true
    }

    /// Whether there is anything to draw.
    pub(crate) fn shown(&self) -> bool {
        self.open || self.text().is_some()
    }

    /// Draws `/text`, and `note` behind it.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, note: &str, theme: &Theme) {
        let x = canvas.put(area, 0, 0, "/", theme.heading);
        let room = usize::from(area.width.saturating_sub(x + 1));
        let value = clean(self.input.value());
        // The end of a long text is where typing happens.
        let scroll = self.input.visual_scroll(room);
        let shown: String = value.chars().skip(scroll).collect();
        let mut x = canvas.put(area, x, 0, &fit(&shown, room), theme.text);
        if self.open {
            let cursor = u16::try_from(self.input.visual_cursor().saturating_sub(scroll)).unwrap_or(u16::MAX);
            let under = shown.chars().nth(usize::from(cursor)).unwrap_or(' ');
            let style = theme.text.add_modifier(Modifier::REVERSED);
            canvas.put(area, cursor.saturating_add(1), 0, &under.to_string(), style);
            x = x.max(cursor.saturating_add(2));
        }
        let hint = if self.open { "Enter keeps, Esc drops" } else { "/ changes it" };
        let room = usize::from(area.width.saturating_sub(x.saturating_add(2)));
        canvas.put(area, x.saturating_add(2), 0, &fit(&format!("{note} · {hint}"), room), theme.dim);
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::Search;

    #[test]
    fn a_search_is_typed_kept_and_dropped() {
        let mut search = Search::default();
        let press = |search: &mut Search, code| search.key(KeyEvent::new(code, KeyModifiers::NONE));
        assert!(!press(&mut search, KeyCode::Char('a')));
        assert!(press(&mut search, KeyCode::Char('/')));
        for c in "Né/w".chars() {
            assert!(press(&mut search, KeyCode::Char(c)));
        }
        assert!(press(&mut search, KeyCode::Backspace));
        assert!(press(&mut search, KeyCode::Enter));
        assert_eq!((search.is_open(), search.text()), (false, Some("Né/")));
        assert!(search.matches("o NÉ/o") && !search.matches("ne/"));
        press(&mut search, KeyCode::Char('/'));
        press(&mut search, KeyCode::Esc);
        assert_eq!(search.text(), None);
        assert!(search.matches("anything"));
    }
}
