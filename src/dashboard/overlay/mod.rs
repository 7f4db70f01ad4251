//! What lies over the panels while it is open: one thing at a time.

mod ask;
mod choose;
mod command;
mod confirm;
mod help;
mod popup;

pub(super) use ask::Ask;
pub(super) use choose::{Choice, Choose, Then};
pub(super) use command::CommandLine;
pub use command::Complete;
pub(super) use confirm::Confirm;
pub(super) use help::Help;
pub(super) use popup::{Popup, text_width};

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear};

use super::Theme;
use super::layout::centred;

/// What is open.
#[derive(Debug)]
pub(super) enum Overlay {
    /// Help with a search.
    Help(Help),
    /// The line behind `:`.
    Command(CommandLine),
    /// A list to choose from.
    Choose(Choose),
    /// A question to be answered with yes or no.
    Confirm(Confirm),
    /// A question to be answered with a text.
    Ask(Ask),
    /// What a statement answered.
    Popup(Popup),
}

/// What becomes of an overlay after a key.
#[derive(Debug)]
pub(super) enum Step {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
    /// Something else is opened in its place.
    Replace(Overlay),
    /// It is closed and a statement is run.
    Statement(String),
    /// It is closed and another job is shown.
    Job(String),
    /// The statement under way is to end.
    Interrupt,
}

/// Clears a box of at most this size in the middle and draws its border; returns what is inside.
fn window(frame: &mut Frame<'_>, area: Rect, size: (u16, u16), title: &str, foot: &str, theme: &Theme) -> Rect {
    let area = centred(area, size.0, size.1);
    let block = Block::bordered()
        .border_style(theme.focus)
        .title(Line::styled(format!(" {title} "), theme.heading))
        .title_bottom(Line::styled(format!(" {foot} "), theme.dim).right_aligned());
    let inside = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inside
}
