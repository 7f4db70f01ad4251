//! Help that is searched by typing.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Paragraph;

use super::step::{Step, window};
use crate::dashboard::field::Field;
use crate::dashboard::keys::{self, KeyHelp};
use crate::dashboard::{PanelSpec, Theme};
use crate::types::wrapped;

/// One line of help.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// The subject of the lines below it.
    Heading(String),
    /// A key and what it does.
    Key(String, String),
    /// Prose.
    Text(String),
}

/// Help, searched by typing.
#[derive(Debug)]
pub(in crate::dashboard) struct Help {
    entries: Vec<Entry>,
    search: Field,
    top: usize,
    /// Lines that were last shown, and how many there were in all.
    shown: (usize, usize),
}

impl Help {
    /// Help on the dashboard and its panels, the one that has the keys first.
    pub(in crate::dashboard) fn new(panels: &[&'static PanelSpec], focus: usize) -> Self {
        let of_panel = |&(number, spec): &(usize, &&'static PanelSpec)| of_panel(number, spec);
        let (focused, others): (Vec<_>, Vec<_>) = panels.iter().enumerate().partition(|&(number, _)| number == focus);
        let entries = focused
            .iter()
            .flat_map(of_panel)
            .chain(section("The job", keys::JOB))
            .chain(section("The view", keys::VIEW))
            .chain(others.iter().flat_map(of_panel))
            .collect();
        Self { entries, search: Field::default(), top: 0, shown: (0, 0) }
    }

    pub(in crate::dashboard) fn key(&mut self, key: KeyEvent) -> Step {
        let page = i32::try_from(self.shown.0.saturating_sub(1).max(1)).unwrap_or(i32::MAX);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the search takes what it knows")]
        match key.code {
            // The first Esc takes the search back, the second closes.
            KeyCode::Esc if !self.search.text().is_empty() => self.search = Field::default(),
            KeyCode::Esc | KeyCode::Enter | KeyCode::F(1) => return Step::Close,
            KeyCode::Char('?' | 'q') if self.search.text().is_empty() => return Step::Close,
            KeyCode::Up => self.scroll(-1),
            KeyCode::Down => self.scroll(1),
            KeyCode::PageUp => self.scroll(-page),
            KeyCode::PageDown => self.scroll(page),
            _ => {
                if self.search.key(key) {
                    self.top = 0;
                }
            }
        }
        Step::Stay
    }

    pub(in crate::dashboard) fn paste(&mut self, text: &str) {
        self.search.paste(text);
    }

    /// Moves by `lines`, down when positive.
    pub(in crate::dashboard) fn scroll(&mut self, lines: i32) {
        let by = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let last = self.shown.1.saturating_sub(self.shown.0);
        self.top = if lines < 0 { self.top.saturating_sub(by) } else { self.top.saturating_add(by).min(last) };
    }

    /// The lines that the search leaves, each under its heading.
    fn found(&self) -> Vec<&Entry> {
        let wanted = self.search.text().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        let mut found = Vec::new();
        let mut heading = None;
        // A heading that is searched for shows all that is below it.
        let mut all = false;
        for entry in &self.entries {
            let fits = match entry {
                Entry::Heading(text) => {
                    heading = Some(entry);
                    all = has(text);
                    continue;
                }
                Entry::Key(keys, what) => all || has(keys) || has(what),
                Entry::Text(text) => all || has(text),
            };
            if fits {
                found.extend(heading.take());
                found.push(entry);
            }
        }
        found
    }

    pub(in crate::dashboard) fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let size = (area.width.saturating_sub(4).clamp(20, 96), area.height.saturating_sub(2).max(3));
        let inside = window(frame, area, size, "Help", "type to search · ↑ ↓ scroll · Esc closes", theme);
        let search = Rect { height: inside.height.min(1), ..inside };
        let below = Rect { y: search.bottom(), height: inside.height - search.height, ..inside };
        let found = self.found();
        let lines: Vec<Line<'_>> = if found.is_empty() {
            vec![Line::styled("nothing of that", theme.dim)]
        } else {
            found.into_iter().flat_map(|entry| lines(entry, usize::from(below.width), theme)).collect()
        };
        let (room, all) = (usize::from(below.height), lines.len());
        let top = self.top.min(all.saturating_sub(room));
        let shown: Vec<Line<'static>> = lines.into_iter().skip(top).take(room).map(owned).collect();
        self.shown = (room, all);
        self.top = top;
        frame.render_widget(Paragraph::new(Text::from(shown)), below);
        self.search.draw(frame, search, "search: ", theme);
    }
}

fn owned(line: Line<'_>) -> Line<'static> {
    let spans = line.spans.into_iter().map(|span| Span::styled(span.content.into_owned(), span.style));
    spans.collect::<Line<'_>>().style(line.style)
}

fn section(title: &str, keys: &[KeyHelp]) -> Vec<Entry> {
    let keys = keys.iter().map(|key| Entry::Key(key.keys.to_owned(), key.what.to_owned()));
    std::iter::once(Entry::Heading(title.to_owned())).chain(keys).collect()
}

fn of_panel(number: usize, spec: &PanelSpec) -> Vec<Entry> {
    let mut entries =
        vec![Entry::Heading(format!("Panel {}: {}", number + 1, spec.title)), Entry::Text(spec.help.to_owned())];
    entries.extend(spec.keys.iter().map(|&(key, what)| Entry::Key(key.to_owned(), what.to_owned())));
    entries.push(Entry::Text(format!("The same printed: `{} JOB`, with --json for programs.", spec.name)));
    entries
}

/// An entry in lines of at most `width` columns.
fn lines<'a>(entry: &'a Entry, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    match entry {
        Entry::Heading(text) => vec![Line::raw(""), Line::styled(text.as_str(), theme.heading)],
        Entry::Key(keys, what) => {
            let indent = KEYS_WIDTH.max(keys.chars().count() + 1);
            let mut lines = wrapped(what, width.saturating_sub(indent + 2)).into_iter();
            let first = lines.next().unwrap_or_default();
            let head = Line::from(vec![
                Span::styled(format!("  {keys:indent$}"), theme.accent),
                Span::styled(first, theme.text),
            ]);
            let rest = lines.map(|text| Line::styled(format!("  {:indent$}{text}", ""), theme.text));
            std::iter::once(head).chain(rest).collect()
        }
        Entry::Text(text) => wrapped(text, width.saturating_sub(2))
            .into_iter()
            .map(|text| Line::styled(format!("  {text}"), theme.text))
            .collect(),
    }
}

/// The column of what keys do.
const KEYS_WIDTH: usize = 15;
