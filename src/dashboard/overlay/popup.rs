//! The popup of a statement's answer, when it is more than a line.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::step::{Step, window};
use crate::dashboard::Theme;
use crate::types::printable;

/// The most lines that are kept of an answer.
const LINES_MAX: usize = 5_000;

/// An answer that can be scrolled.
#[derive(Debug)]
pub(in crate::dashboard) struct Popup {
    title: String,
    lines: Vec<String>,
    /// The number of lines that are not shown because there are too many.
    left_out: u64,
    /// Whether more is to come.
    running: bool,
    failed: bool,
    top: usize,
    left: u16,
    /// Lines and columns that were last shown.
    shown: (usize, u16),
    /// Whether it stays at the end as lines come.
    follow: bool,
}

impl Popup {
    /// The popup of what `statement` answered.
    pub(in crate::dashboard) fn new(statement: &str, text: &str, failed: bool) -> Self {
        let mut popup = Self::running(statement);
        popup.running = false;
        popup.failed = failed;
        popup.follow = false;
        popup.set(text.lines().map(line).collect(), 0);
        popup
    }

    /// The popup of what `statement` will answer line by line.
    pub(in crate::dashboard) fn running(statement: &str) -> Self {
        Self {
            title: title(statement),
            lines: Vec::new(),
            left_out: 0,
            running: true,
            failed: false,
            top: 0,
            left: 0,
            shown: (0, 0),
            follow: true,
        }
    }

    /// Whether more is to come.
    pub(in crate::dashboard) const fn is_running(&self) -> bool {
        self.running
    }

    /// The lines so far, and how many before them are left out.
    pub(in crate::dashboard) fn set(&mut self, mut lines: Vec<String>, left_out: u64) {
        let over = lines.len().saturating_sub(LINES_MAX);
        if self.running {
            lines.drain(..over);
        } else {
            lines.truncate(LINES_MAX);
        }
        self.left_out = left_out + over as u64;
        self.lines = lines;
    }

    /// Nothing more comes; `text` says how it ended.
    pub(in crate::dashboard) fn end(&mut self, text: &str, failed: bool) {
        self.running = false;
        self.failed = failed;
        self.lines.extend(text.lines().map(line));
    }

    pub(in crate::dashboard) fn key(&mut self, key: KeyEvent) -> Step {
        let page = i32::try_from(self.shown.0.saturating_sub(1).max(1)).unwrap_or(i32::MAX);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other keys do nothing here")]
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') if self.running => return Step::Interrupt,
            KeyCode::Enter if self.running => {}
            KeyCode::Esc | KeyCode::Char('q') | KeyCode::Enter => return Step::Close,
            KeyCode::Up | KeyCode::Char('k') => self.scroll(-1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1),
            KeyCode::PageUp => self.scroll(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll(i32::MIN),
            KeyCode::End | KeyCode::Char('G') => self.scroll(i32::MAX),
            KeyCode::Left => self.left = self.left.saturating_sub(8),
            KeyCode::Right => {
                let widest = self.lines.iter().map(|line| line.width()).max().unwrap_or(0);
                let most = u16::try_from(widest).unwrap_or(u16::MAX).saturating_sub(self.shown.1);
                self.left = self.left.saturating_add(8).min(most);
            }
            _ => {}
        }
        Step::Stay
    }

    /// Moves by `lines`, down when positive.
    pub(in crate::dashboard) fn scroll(&mut self, lines: i32) {
        let by = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let last = self.lines.len().saturating_sub(self.shown.0);
        self.top = if lines < 0 { self.top.saturating_sub(by) } else { self.top.saturating_add(by).min(last) };
        self.follow = self.running && self.top == last;
    }

    pub(in crate::dashboard) fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let rows = if self.running { usize::MAX } else { self.lines.len() };
        let height =
            u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2).min(area.height.saturating_sub(2).max(3));
        let foot = match (self.running, self.left_out) {
            (true, 0) => format!("{} lines · running, Esc ends it", self.lines.len()),
            (true, n) => format!("{n} earlier lines left out · running, Esc ends it"),
            (false, 0) if rows + 2 > usize::from(height) => format!("{rows} lines · ↑ ↓ scroll · Esc closes"),
            (false, 0) => "Esc closes".to_owned(),
            (false, n) => format!("{n} lines left out · ↑ ↓ scroll · Esc closes"),
        };
        let widest = self.lines.iter().map(|line| line.width()).chain([self.title.width(), foot.width() + 2]).max();
        let width = u16::try_from(widest.unwrap_or(0).max(40) + 4).unwrap_or(u16::MAX);
        let width = width.min(area.width.saturating_sub(4).max(20));
        let inside = window(frame, area, (width, height), &self.title, &foot, theme);
        self.shown = (usize::from(inside.height), inside.width);
        let last = self.lines.len().saturating_sub(self.shown.0);
        self.top = if self.follow { last } else { self.top.min(last) };
        let style = if self.failed { theme.bad } else { theme.text };
        let lines = self.lines.iter().skip(self.top).take(self.shown.0);
        // Only what tells that it is an error is coloured: a caret is read better plain.
        let styled = lines.map(|line| {
            let error = line.starts_with("error");
            Line::styled(line.as_str(), if error { style } else { theme.text })
        });
        frame.render_widget(Paragraph::new(styled.collect::<Text<'_>>()).scroll((0, self.left)), inside);
    }
}

/// The greatest width of the text of a popup on a screen of this width, in columns.
pub(in crate::dashboard) const fn text_width(screen: u16) -> u16 {
    let width = screen.saturating_sub(8);
    if width < 40 { 40 } else { width }
}

/// A line as it is drawn.
fn line(text: &str) -> String {
    printable(text).replace('\t', "    ")
}

/// A statement in one short line.
fn title(statement: &str) -> String {
    let mut words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > 60 {
        words = words.chars().take(59).chain(['…']).collect();
    }
    printable(&words).into_owned()
}
