//! The look of the dashboard.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use super::app::App;
use super::header::{self, Around};
use super::layout::tiles;
use super::overlay::Overlay;
use super::{PanelSpec, plots};
use crate::inspect::JobStatus;
use crate::types::printable;

/// The text to see before there is a job.
const NO_JOB: &str = "No job runs in this session.\n\n\
    : opens a line that takes any statement, for instance\n\n\
    source bids from nexmark 'bid' with (events = 10000000, rate = 50000)\n\
    run hot with (checkpoint = 5s) = bids | key_by auction | window tumble(10s) | aggregate count(*) as n | into print\n\n\
    q goes back to the prompt, ? explains the keys.";

impl App {
    /// Draws it all.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let screen = frame.area();
        self.areas.screen = screen;
        if screen.is_empty() {
            return;
        }
        // The panel is what one came for: the lines around it go first when there is hardly any room.
        let line = |rows: u16| Constraint::Length(u16::from(screen.height >= rows));
        let caption = self.caption(screen.height);
        let told = Constraint::Length(u16::try_from(caption.len()).unwrap_or(0));
        let [head, tabs, body, tell, foot] =
            Layout::vertical([line(3), line(4), Constraint::Fill(1), told, line(2)]).areas(screen);
        self.header(frame, head);
        self.tab_bar(frame, tabs);
        if self.jobs.is_empty() {
            self.areas.tiles = super::layout::Tiles::default();
            self.areas.inside.clear();
            let text = Paragraph::new(Text::styled(NO_JOB, self.theme.text)).wrap(Wrap { trim: false });
            frame.render_widget(text, body.inner(ratatui::layout::Margin::new(2, 1)));
        } else {
            self.body(frame, body);
        }
        frame.render_widget(Text::from(caption), tell);
        self.foot(frame, foot);
        self.overlay(frame, screen);
    }

    /// What the demo's watcher is told, where the height allows: the question, and what to look at.
    fn caption(&self, height: u16) -> Vec<Line<'static>> {
        let lines = if height >= 24 { 2 } else { usize::from(height >= 18) };
        let told = self.demo.iter().flat_map(|demo| {
            [
                Line::styled(format!(" {}", demo.question), self.theme.heading),
                Line::styled(format!(" {}", demo.look), self.theme.text),
            ]
        });
        told.take(lines).collect()
    }

    fn header(&self, frame: &mut Frame<'_>, area: Rect) {
        let line = if self.jobs.is_empty() {
            Line::styled(" lotic │ no job", self.theme.heading)
        } else {
            let around = Around {
                job: (self.job_number() + 1, self.jobs.len()),
                frozen_ms: self.frozen_ms.map(|since| self.now_ms.saturating_sub(since)),
            };
            header::header(&self.model, &self.live, around, area.width, &self.theme)
        };
        frame.render_widget(line, area);
    }

    fn tab_bar(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let specs: Vec<&'static PanelSpec> = self.panels.iter().map(|mounted| mounted.spec).collect();
        let (line, places) = header::tabs(&specs, self.focus, area, &self.theme);
        self.areas.tabs = places;
        frame.render_widget(line, area);
    }

    fn body(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let count = self.panels.len();
        let mut shown = tiles(area, count, self.main, self.zoom);
        if !shown.shows(self.focus) {
            self.main = self.focus;
            shown = tiles(area, count, self.main, self.zoom);
        }
        let boxed = shown.boxed();
        self.areas.inside.clear();
        for &(panel, place) in &shown.panels {
            let Some(mounted) = self.panels.get_mut(panel) else { continue };
            let focused = panel == self.focus;
            let block = frame_of(mounted.spec, panel, boxed, focused, self.zoom, &self.theme, place.width);
            let inside = block.inner(place);
            frame.render_widget(block, place);
            if !inside.is_empty() {
                mounted.panel.draw(frame, inside, &self.model, &self.theme);
                self.areas.inside.push((panel, inside));
            }
        }
        if let Some(place) = shown.plots {
            plots::draw(frame, place, &self.model, &self.theme);
        }
        self.areas.tiles = shown;
    }

    /// Whether the job does not do its work for a cause that it names: behind a restart the cause is history, and the log's.
    fn is_failing(&self) -> bool {
        matches!(self.live.status, JobStatus::Failed | JobStatus::Restarting) && !self.jobs.is_empty()
    }

    /// The last line: what was said, what runs, why the job fails, or the keys.
    fn foot(&self, frame: &mut Frame<'_>, area: Rect) {
        let said = |text: &str, style: Style| Line::styled(format!(" {}", printable(text)), style);
        let line = if let Some(message) = &self.message {
            said(&message.text, if message.failed { self.theme.bad } else { self.theme.text })
        } else if let Some(statement) = self.pending.first() {
            let more = match self.pending.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            said(&format!("… {statement}{more}"), self.theme.warn)
        } else if let Some(cause) = self.live.cause.as_ref().filter(|_| self.is_failing()) {
            said(cause, self.theme.bad)
        } else {
            header::hints(area.width, &self.theme)
        };
        frame.render_widget(line, area);
    }

    fn overlay(&mut self, frame: &mut Frame<'_>, screen: Rect) {
        let theme = self.theme;
        match &mut self.overlay {
            None => {}
            Some(Overlay::Help(help)) => help.draw(frame, screen, &theme),
            Some(Overlay::Command(line)) => {
                line.draw(frame, screen, &theme);
                // It lies where things are said: those go one line up.
                let above = screen.rows().rev().nth(1);
                let said = self.message.as_ref().map(|message| (message.text.as_str(), message.failed));
                // Of the line itself first: answers of statements before may come at any time.
                let said = if line.is_cut() { Some(("the paste was too long and is cut", true)) } else { said };
                if let (Some(row), Some((text, failed))) = (above, said) {
                    let style = if failed { theme.bad } else { theme.text };
                    frame.render_widget(ratatui::widgets::Clear, row);
                    frame.render_widget(Line::styled(format!(" {}", printable(text)), style), row);
                }
            }
            Some(Overlay::Choose(choose)) => choose.draw(frame, screen, &theme),
            Some(Overlay::Confirm(confirm)) => confirm.draw(frame, screen, &theme),
            Some(Overlay::Ask(ask)) => ask.draw(frame, screen, &theme),
            Some(Overlay::Popup(popup)) => popup.draw(frame, screen, &theme),
        }
    }
}

/// The border of a panel: a box among others, a single line when it is alone.
fn frame_of(
    spec: &PanelSpec,
    panel: usize,
    boxed: bool,
    focused: bool,
    zoom: bool,
    theme: &super::Theme,
    width: u16,
) -> Block<'static> {
    let style = if focused { theme.focus } else { theme.border };
    let number = if panel < 9 { format!("{} ", panel + 1) } else { String::new() };
    let zoomed = if zoom { "zoomed, z takes it back " } else { "" };
    // The one that has the keys is marked, not only coloured.
    let mark = if focused && boxed { "▸" } else { " " };
    let title = Line::from(vec![
        Span::styled(format!("{mark}{number}{} ", spec.title), if focused { theme.heading } else { theme.dim }),
        Span::styled(zoomed, theme.dim),
    ]);
    let block = Block::new().borders(if boxed { Borders::ALL } else { Borders::TOP }).border_style(style);
    let mut left = usize::from(width).saturating_sub(title.width() + 4);
    let block = block.title(title);
    if !focused {
        return block;
    }
    let mut keys = String::from(" ");
    // That arrows move needs no words.
    for (key, what) in spec.keys.iter().filter(|(key, _)| !key.starts_with(['↑', '←'])) {
        let hint = format!("{key} {what}  ");
        if hint.chars().count() > left {
            break;
        }
        left -= hint.chars().count();
        keys.push_str(&hint);
    }
    let keys = keys.trim_end();
    if keys.is_empty() { block } else { block.title(Line::styled(format!("{keys} "), theme.dim).right_aligned()) }
}
