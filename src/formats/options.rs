//! The options of a format, as text: connectors pass on what they do not know themselves.

use crate::types::Schema;

/// The longest record that is decoded unless an option says otherwise.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// The longest record that the option may allow: with what a decoder takes between two flushes it keeps every column below 2 GiB.
const RECORD_BYTES_LIMIT: usize = 512 << 20;

/// One option of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatOption {
    /// `delimiter`
    pub name: &'static str,
    /// The values that the option takes: `one character`.
    pub values: &'static str,
    /// The meaning of the option, and its default.
    pub help: &'static str,
}

/// Names and values; a truth value is `true` or `false`, a number its digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormatOptions {
    entries: Vec<(String, String)>,
}

impl FormatOptions {
    /// These options.
    #[must_use]
    pub const fn new(entries: Vec<(String, String)>) -> Self {
        Self { entries }
    }

    /// The same options with `name` as `value`.
    #[must_use]
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.entries.retain(|(known, _)| known != name);
        self.entries.push((name.to_owned(), value));
        self
    }

    /// The value of option `name` as typed.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The names given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// A truth value.
    ///
    /// # Errors
    /// When it is another word.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, String> {
        match self.text(name) {
            None => Ok(None),
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(word) => Err(format!("option `{name}` takes true or false, not `{word}`")),
        }
    }

    /// A single ASCII character; `\t` may be spelt out.
    ///
    /// # Errors
    /// When it is anything else, or one that has a meaning of its own in a line.
    pub fn character(&self, name: &str) -> Result<Option<u8>, String> {
        match self.text(name).map(str::as_bytes) {
            None => Ok(None),
            Some(b"\\t") => Ok(Some(b'\t')),
            Some(&[byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Some(byte)),
            Some(_) => Err(format!("option `{name}` takes one ASCII character, but no quote and no line end")),
        }
    }
}

/// The option that both line formats have.
pub(super) const MAX_RECORD_BYTES: FormatOption = FormatOption {
    name: "max_record_bytes",
    values: "bytes, at most 536870912",
    help: "a longer record is an error and is skipped without being held in memory (default 67108864)",
};

pub(super) fn record_bytes_max(options: &FormatOptions) -> Result<usize, String> {
    let Some(text) = options.text(MAX_RECORD_BYTES.name) else { return Ok(RECORD_BYTES_MAX) };
    text.parse().ok().filter(|bytes| (1..=RECORD_BYTES_LIMIT).contains(bytes)).ok_or_else(|| {
        format!(
            "option `{}` takes a number of bytes from 1 to {RECORD_BYTES_LIMIT}, not `{text}`",
            MAX_RECORD_BYTES.name
        )
    })
}

/// The name of the field that holds a change's kind.
pub const CHANGE: &str = "op";

/// Whether an encoder of these columns writes the kind of each row.
pub(super) fn changelog(schema: &Schema, options: &FormatOptions) -> Result<bool, String> {
    let changelog = options.boolean(CHANGELOG.name)?.unwrap_or(false);
    if changelog && schema.index_of(CHANGE).is_some() {
        return Err(format!(
            "a changelog writes the kind of each row as `{CHANGE}`, and there is a column `{CHANGE}` already: rename it with `map`"
        ));
    }
    Ok(changelog)
}

/// The option of both encoders.
pub(super) const CHANGELOG: FormatOption = FormatOption {
    name: "changelog",
    values: "true | false",
    help: "writes each row's kind (+I, -U, +U, -D) as a first field `op` (default false)",
};
