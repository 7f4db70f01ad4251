//! The effect of a key on an overlay, and the box that overlays are drawn in.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear};

use crate::dashboard::layout::centred;
use crate::dashboard::{Leave, Theme};

/// The next step of an overlay after a key.
#[derive(Debug)]
pub(in crate::dashboard) enum Step {
    /// The overlay stays.
    Stay,
    /// The overlay is closed.
    Close,
    /// A question is asked in its place, and yes runs the statement.
    Confirm {
        /// The question that is asked.
        question: String,
        /// The statement that yes runs.
        statement: String,
    },
    /// The overlay is closed and a statement is run.
    Statement(String),
    /// The overlay is closed and another job is shown.
    Job(String),
    /// The statement under way is to end.
    Interrupt,
    /// The dashboard is left.
    Leave(Leave),
}

/// Clears a box of at most this size in the middle and draws its border; returns what is inside.
pub(super) fn window(
    frame: &mut Frame<'_>,
    area: Rect,
    size: (u16, u16),
    title: &str,
    foot: &str,
    theme: &Theme,
) -> Rect {
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
