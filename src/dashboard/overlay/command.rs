//! The line behind `:`: any statement of the shell, with completion and history.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, List, ListState};
use unicode_width::UnicodeWidthStr;

use super::step::Step;
use crate::dashboard::Theme;
use crate::dashboard::field::Field;
use crate::types::printable;

/// Given a line and the cursor in bytes: where the word begins that is to be replaced, and what may stand in its place.
pub type Complete = Box<dyn Fn(&str, usize) -> (usize, Vec<String>) + Send>;

/// The most candidates shown at a time.
const ROWS_MAX: u16 = 8;

/// The line behind `:`.
#[derive(Debug, Default)]
pub(in crate::dashboard) struct CommandLine {
    field: Field,
    /// The statement of the history that is shown, counted from the newest; `None` for what is being typed.
    recalled: Option<usize>,
    /// The text that was being typed before the history was asked.
    draft: String,
    candidates: Option<Candidates>,
    /// Whether the last paste did not fit: said until the next key.
    cut: bool,
}

struct Candidates {
    from: usize,
    words: Vec<String>,
    state: ListState,
}

impl fmt::Debug for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates").field("words", &self.words).finish_non_exhaustive()
    }
}

impl CommandLine {
    /// A line that begins with `text`.
    #[cfg(test)]
    pub(in crate::dashboard) fn with(text: &str) -> Self {
        Self { field: Field::with(text), ..Self::default() }
    }

    /// The text that is typed.
    pub(in crate::dashboard) fn text(&self) -> &str {
        self.field.text()
    }

    /// Takes what was pasted.
    pub(in crate::dashboard) fn paste(&mut self, text: &str) {
        self.candidates = None;
        self.cut = self.field.paste(text);
    }

    /// Whether the end of the last paste is missing.
    pub(in crate::dashboard) const fn is_cut(&self) -> bool {
        self.cut
    }

    pub(in crate::dashboard) fn key(&mut self, key: KeyEvent, history: &[String], complete: &Complete) -> Step {
        self.cut = false;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the field takes what it knows")]
        match key.code {
            KeyCode::Tab => self.complete(complete, 1),
            KeyCode::BackTab => self.complete(complete, -1),
            KeyCode::Esc if self.candidates.is_some() => self.candidates = None,
            KeyCode::Esc => return Step::Close,
            KeyCode::Enter if self.candidates.as_ref().is_some_and(|list| list.state.selected().is_some()) => {
                self.candidates = None;
            }
            KeyCode::Enter if self.text().trim().is_empty() => return Step::Close,
            KeyCode::Enter => return Step::Statement(self.text().trim().to_owned()),
            // As in vi: what deletes an empty line leaves it.
            KeyCode::Backspace if self.text().is_empty() => return Step::Close,
            KeyCode::Up => self.recall(history, true),
            KeyCode::Down => self.recall(history, false),
            KeyCode::Char('p') if control => self.recall(history, true),
            KeyCode::Char('n') if control => self.recall(history, false),
            _ => {
                if self.field.key(key) {
                    self.candidates = None;
                    self.recalled = None;
                }
            }
        }
        Step::Stay
    }

    /// Shows the statement before (or after) in the history that begins as what was typed.
    fn recall(&mut self, history: &[String], back: bool) {
        self.candidates = None;
        if self.recalled.is_none() {
            self.draft = self.text().to_owned();
        }
        let mut fitting = history.iter().rev().enumerate().filter(|(_, line)| line.starts_with(&self.draft));
        let found = match (self.recalled, back) {
            (None, false) => return,
            (None, true) => fitting.next(),
            (Some(at), true) => fitting.find(|&(number, _)| number > at),
            (Some(at), false) => fitting.take_while(|&(number, _)| number < at).last(),
        };
        match found {
            Some((number, line)) => {
                self.recalled = Some(number);
                self.field = Field::with(line);
            }
            None if back => {}
            None => {
                self.recalled = None;
                self.field = Field::with(&std::mem::take(&mut self.draft));
            }
        }
    }

    /// Completes what all candidates share; then walks through them.
    fn complete(&mut self, complete: &Complete, step: isize) {
        if let Some(list) = &mut self.candidates {
            let count = list.words.len();
            let at = match (list.state.selected(), step < 0) {
                (None, true) => count - 1,
                (None, false) => 0,
                (Some(at), true) => (at + count - 1) % count,
                (Some(at), false) => (at + 1) % count,
            };
            list.state.select(Some(at));
            let (from, word) = (list.from, list.words[at].clone());
            self.field.replace(from, &word);
            return;
        }
        let (from, words) = complete(self.field.text(), self.field.cursor());
        let words: Vec<String> = words.iter().map(|word| printable(word).into_owned()).collect();
        match &words[..] {
            [] => {}
            [only] => self.field.replace(from, only),
            _ => {
                let typed = self.field.cursor().saturating_sub(from);
                let shared = shared(&words);
                if shared.len() > typed {
                    self.field.replace(from, shared);
                }
                self.candidates = Some(Candidates { from, words, state: ListState::default() });
            }
        }
    }

    /// Draws it in the last line of `area`, its candidates above.
    pub(in crate::dashboard) fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let Some(row) = area.rows().next_back() else { return };
        frame.render_widget(Clear, row);
        self.field.draw(frame, row, ":", theme);
        let Some(list) = &mut self.candidates else { return };
        let widest = list.words.iter().map(|word| word.width()).max().unwrap_or(0);
        let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
        let rows = u16::try_from(list.words.len()).unwrap_or(u16::MAX).min(ROWS_MAX);
        let height = rows.saturating_add(2).min(area.height - 1);
        let before = u16::try_from(self.field.text()[..list.from.min(self.field.text().len())].width());
        let x = area.x + before.unwrap_or(u16::MAX).min(area.width - width);
        let place = Rect { x, y: row.y - height, width, height };
        let title = format!(" {} ", list.words.len());
        let block = Block::bordered().border_style(theme.focus).title_bottom(Line::raw(title).right_aligned());
        let words = list.words.iter().map(String::as_str);
        frame.render_widget(Clear, place);
        frame.render_stateful_widget(
            List::new(words).block(block).style(theme.text).highlight_style(theme.selected),
            place,
            &mut list.state,
        );
    }
}

/// The beginning that all words share, letter case aside only where they agree.
fn shared(words: &[String]) -> &str {
    let Some((first, rest)) = words.split_first() else { return "" };
    let mut length = first.len();
    for word in rest {
        let same = first.char_indices().zip(word.chars()).take_while(|&((_, a), b)| a == b).last();
        length = length.min(same.map_or(0, |((at, c), _)| at + c.len_utf8()));
    }
    &first[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut CommandLine, code: KeyCode, history: &[String]) -> Step {
        let complete: Complete = Box::new(|text, at| {
            let from = text[..at].rfind(' ').map_or(0, |blank| blank + 1);
            let words = ["checkpoint", "checkpoints", "cancel", "show"];
            (from, words.iter().filter(|word| word.starts_with(&text[from..at])).map(|&w| w.to_owned()).collect())
        });
        line.key(KeyEvent::from(code), history, &complete)
    }

    #[test]
    fn tab_completes_what_is_shared_and_then_walks_through_the_rest() {
        let mut line = CommandLine::with("ch");
        press(&mut line, KeyCode::Tab, &[]);
        assert_eq!(line.text(), "checkpoint");
        press(&mut line, KeyCode::Tab, &[]);
        press(&mut line, KeyCode::Tab, &[]);
        assert_eq!(line.text(), "checkpoints");
        press(&mut line, KeyCode::BackTab, &[]);
        assert_eq!(line.text(), "checkpoint");
        // Enter takes the candidate; only the next one runs the line.
        assert!(matches!(press(&mut line, KeyCode::Enter, &[]), Step::Stay));
        assert!(matches!(press(&mut line, KeyCode::Enter, &[]), Step::Statement(text) if text == "checkpoint"));
        let mut line = CommandLine::with("explain sh");
        press(&mut line, KeyCode::Tab, &[]);
        assert_eq!(line.text(), "explain show");
    }

    #[test]
    fn the_history_is_recalled_by_its_beginning_and_the_draft_comes_back() {
        let history = ["show jobs", "checkpoint hot", "show sources"].map(str::to_owned);
        let mut line = CommandLine::with("show");
        press(&mut line, KeyCode::Up, &history);
        assert_eq!(line.text(), "show sources");
        press(&mut line, KeyCode::Up, &history);
        assert_eq!(line.text(), "show jobs");
        press(&mut line, KeyCode::Up, &history);
        assert_eq!(line.text(), "show jobs");
        press(&mut line, KeyCode::Down, &history);
        press(&mut line, KeyCode::Down, &history);
        assert_eq!(line.text(), "show");
    }

    #[test]
    fn an_empty_line_is_left() {
        let mut line = CommandLine::default();
        assert!(matches!(press(&mut line, KeyCode::Enter, &[]), Step::Close));
        assert!(matches!(press(&mut line, KeyCode::Backspace, &[]), Step::Close));
    }

    #[test]
    fn what_is_shared_ends_at_a_whole_character() {
        assert_eq!(shared(&["größe".to_owned(), "grün".to_owned()]), "gr");
        assert_eq!(shared(&["a".to_owned()]), "a");
    }
}
