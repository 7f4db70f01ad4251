//! Colours and marks. Nothing is told by colour alone: what has a colour has a mark or a word too.

use ratatui::style::{Color, Modifier, Style};

use super::Load;
use crate::inspect::Severity;

/// The styles of one theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Labels, rulers, what matters less.
    pub dim: Style,
    /// Headings and the panel's title.
    pub heading: Style,
    /// Borders.
    pub border: Style,
    /// The border of the panel that has the keys.
    pub focus: Style,
    /// The chosen row.
    pub selected: Style,
    /// The style of what goes well; busy.
    pub good: Style,
    /// The style of what deserves a look; back-pressured.
    pub warn: Style,
    /// The style of what failed.
    pub bad: Style,
    /// Plots and rulers.
    pub accent: Style,
}

impl Theme {
    /// For a dark background.
    #[must_use]
    pub const fn dark() -> Self {
        Self {
            text: Style::new(),
            dim: Style::new().fg(Color::DarkGray),
            heading: Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
            border: Style::new().fg(Color::DarkGray),
            focus: Style::new().fg(Color::Cyan),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            good: Style::new().fg(Color::Green),
            warn: Style::new().fg(Color::Yellow),
            bad: Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            accent: Style::new().fg(Color::LightBlue),
        }
    }

    /// For a light background.
    #[must_use]
    pub const fn light() -> Self {
        Self {
            text: Style::new(),
            dim: Style::new().fg(Color::Gray),
            heading: Style::new().fg(Color::Blue).add_modifier(Modifier::BOLD),
            border: Style::new().fg(Color::Gray),
            focus: Style::new().fg(Color::Blue),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            good: Style::new().fg(Color::Green),
            warn: Style::new().fg(Color::Magenta),
            bad: Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            accent: Style::new().fg(Color::Blue),
        }
    }

    /// Without colour (`NO_COLOR`).
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            text: Style::new(),
            dim: Style::new().add_modifier(Modifier::DIM),
            heading: Style::new().add_modifier(Modifier::BOLD),
            border: Style::new(),
            focus: Style::new().add_modifier(Modifier::BOLD),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            good: Style::new(),
            warn: Style::new().add_modifier(Modifier::UNDERLINED),
            bad: Style::new().add_modifier(Modifier::BOLD),
            accent: Style::new(),
        }
    }

    /// The style of a load.
    #[must_use]
    pub const fn load(&self, load: Load) -> Style {
        match load {
            Load::Busy => self.good,
            Load::Backpressured => self.warn,
            Load::Idle => self.dim,
        }
    }

    /// The style of an event.
    #[must_use]
    pub const fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Info => self.text,
            Severity::Warning => self.warn,
            Severity::Error => self.bad,
        }
    }
}

/// The mark of a load, beside its colour.
#[must_use]
pub const fn load_mark(load: Load) -> &'static str {
    match load {
        Load::Busy => "▶",
        Load::Backpressured => "‖",
        Load::Idle => "·",
    }
}
