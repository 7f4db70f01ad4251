//! The modes in which rows are shown.

use std::io::{self, IsTerminal};
use std::str::FromStr;

/// A mode, as `.mode` sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Aligned columns; a changelog as the table that it describes, which changes where it stands. Off a terminal the
    /// same as a table.
    Live,
    /// Aligned columns.
    Table,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with a header line.
    Csv,
    /// One column a line.
    Vertical,
    /// As Flink prints a changelog: `+I[1001, 5]`.
    Changelog,
}

impl Mode {
    /// Every mode by name.
    pub const NAMES: &'static [&'static str] = &["live", "table", "ndjson", "csv", "vertical", "changelog"];

    /// The mode's name, as `.mode` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Table => "table",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Vertical => "vertical",
            Self::Changelog => "changelog",
        }
    }

    /// Whether rows in this mode are read by a person, who is told how many they were; NDJSON and CSV are for programs.
    #[must_use]
    pub(super) const fn is_for_people(self) -> bool {
        match self {
            Self::Live | Self::Table | Self::Vertical | Self::Changelog => true,
            Self::Ndjson | Self::Csv => false,
        }
    }

    /// The mode that suits standard output: tables for a person, NDJSON for a program.
    #[must_use]
    pub fn default_for_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Live } else { Self::Ndjson }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "live" => Ok(Self::Live),
            "table" => Ok(Self::Table),
            "ndjson" | "json" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "vertical" => Ok(Self::Vertical),
            "changelog" => Ok(Self::Changelog),
            other => Err(format!("`{other}` is no output mode; there are {}", Self::NAMES.join(", "))),
        }
    }
}
