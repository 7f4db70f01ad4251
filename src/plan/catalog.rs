//! The catalog: what is known by name. Sources, sinks and streams share one namespace.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::api::{
    ConnectorSpec, EventTimeSpec, OnError, Options, Pipeline, PlannedSource, StreamShape, TimeAttributes,
};
use crate::types::{Diagnostic, Spanned, printable};

/// The longest name, in bytes: what a file name can hold, because names become directories.
pub const MAX_NAME_BYTES: usize = 255;

/// A source: where rows come from, and their time.
#[derive(Debug, Clone)]
pub struct SourceDef {
    /// Its name.
    pub name: String,
    /// The connector's side of it.
    pub source: Arc<dyn PlannedSource>,
    /// Event time over all its columns; `None` when the stream has none.
    pub event_time: Option<EventTimeSpec>,
    /// `pace = '10x'`: rows flow by their event time, this many times faster than it happened.
    pub pace: Option<f64>,
    /// What becomes of rows that can't be read.
    pub on_error: OnError,
    /// Where they are written under [`OnError::DeadLetter`]; `None` for `dead_letters/<name>`.
    pub dead_letter: Option<String>,
}

impl SourceDef {
    /// What a pipeline that begins with it knows.
    #[must_use]
    pub fn shape(&self) -> StreamShape {
        let time = self.event_time.as_ref().map(|spec| TimeAttributes::of_event_time(spec.time.as_column()));
        StreamShape { time: time.unwrap_or_default(), ..StreamShape::of(self.source.schema().clone()) }
    }
}

/// A sink: made into an operator when the columns that arrive are known.
#[derive(Clone)]
pub struct SinkDef {
    /// Its name.
    pub name: String,
    /// The connector.
    pub connector: ConnectorSpec,
    /// The text behind the connector's name.
    pub target: Option<Spanned<String>>,
    /// `with (…)`, names checked.
    pub options: Options,
}

impl fmt::Debug for SinkDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkDef")
            .field("name", &self.name)
            .field("connector", &self.connector.name)
            .field("target", &self.target)
            .field("options", &self.options)
            .finish()
    }
}

/// A named pipeline, lowered anew into each job that reads it.
#[derive(Debug, Clone)]
pub struct StreamDef {
    /// Its name.
    pub name: String,
    /// As typed.
    pub pipeline: Pipeline,
    /// What was known of it when it was defined.
    pub shape: StreamShape,
}

/// One entry.
#[derive(Debug, Clone)]
pub enum Entry {
    /// `source …`
    Source(SourceDef),
    /// `sink …`
    Sink(SinkDef),
    /// `stream …`
    Stream(StreamDef),
}

impl Entry {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Source(source) => &source.name,
            Self::Sink(sink) => &sink.name,
            Self::Stream(stream) => &stream.name,
        }
    }

    /// `source`, `sink` or `stream`, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Sink(_) => "sink",
            Self::Stream(_) => "stream",
        }
    }

    /// The columns a reader sees; `None` for a sink.
    #[must_use]
    pub fn shape(&self) -> Option<StreamShape> {
        match self {
            Self::Source(source) => Some(source.shape()),
            Self::Sink(_) => None,
            Self::Stream(stream) => Some(stream.shape.clone()),
        }
    }
}

/// Sources, sinks and streams by name, in the order of their names.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    entries: BTreeMap<String, Entry>,
}

impl Catalog {
    /// An empty catalog.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `entry`, or puts it in the place of what had its name, which is returned. Jobs that run keep what they were
    /// made of; streams that read the name read the new entry from their next use.
    pub fn define(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert(entry.name().to_owned(), entry)
    }

    /// Removes the entry called `name`.
    ///
    /// # Errors
    /// When there is none, with the near name.
    pub fn drop(&mut self, name: &Spanned<String>) -> Result<Entry, Diagnostic> {
        let found = self.get(&name.node).map(|entry| entry.name().to_owned());
        found
            .and_then(|found| self.entries.remove(&found))
            .ok_or_else(|| self.unknown("source, sink or stream", name, |_| true, []))
    }

    /// The entry called `name`: an exact match first, else one that differs only in case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name).or_else(|| self.entries.values().find(|entry| entry.name().eq_ignore_ascii_case(name)))
    }

    /// The sources, by name.
    pub fn sources(&self) -> impl Iterator<Item = &SourceDef> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Source(source) => Some(source),
            Entry::Sink(_) | Entry::Stream(_) => None,
        })
    }

    /// The sinks, by name.
    pub fn sinks(&self) -> impl Iterator<Item = &SinkDef> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Sink(sink) => Some(sink),
            Entry::Source(_) | Entry::Stream(_) => None,
        })
    }

    /// The streams, by name.
    pub fn streams(&self) -> impl Iterator<Item = &StreamDef> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Stream(stream) => Some(stream),
            Entry::Source(_) | Entry::Sink(_) => None,
        })
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The error of a name that nothing has: `unknown <what> …`, with the near name among the entries that `fits` allows
    /// and among `others`.
    #[must_use]
    pub fn unknown<'a>(
        &'a self,
        what: &str,
        name: &Spanned<String>,
        fits: impl Fn(&Entry) -> bool,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        let known = self.entries.values().filter(|entry| fits(entry)).map(Entry::name).chain(others);
        Diagnostic::at(name.span, format!("unknown {what} `{}`", shortened(&name.node))).did_you_mean(&name.node, known)
    }
}

/// A name as an error shows it: a megabyte of it says no more than its beginning.
fn shortened(name: &str) -> String {
    const SHOWN: usize = 60;
    if name.chars().count() <= SHOWN { name.to_owned() } else { name.chars().take(SHOWN).chain(['…']).collect() }
}

/// Refuses names that can't be directories of the state or file names of dead letters: `what` is `source`, `job`, ….
///
/// # Errors
/// At the name, for an empty one, one of over [`MAX_NAME_BYTES`], and one with a slash, `..`, a control character or a
/// bidirectional override.
pub fn check_name(what: &str, name: &Spanned<String>) -> Result<(), Diagnostic> {
    let text = name.node.as_str();
    let refused = |why: &str| {
        Err(Diagnostic::at(name.span, format!("`{}` can't name a {what}: {why}", shortened(text)))
            .help("use letters, digits and `_`"))
    };
    if text.trim().is_empty() {
        return refused("it is empty");
    }
    if text.len() > MAX_NAME_BYTES {
        return refused(&format!("it has {} bytes, at most {MAX_NAME_BYTES} are allowed", text.len()));
    }
    if text.contains(['/', '\\']) {
        return refused("it contains a slash");
    }
    if text == "." || text.contains("..") {
        return refused("it would name another directory");
    }
    // `printable` leaves a tab alone, because it does no harm on a terminal; in a name it does.
    if text.contains('\t') || printable(text) != text {
        return refused("it contains a control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{FakeSource, name};

    fn source(called: &str) -> Entry {
        Entry::Source(SourceDef {
            name: called.into(),
            source: Arc::new(FakeSource::bids()),
            event_time: None,
            pace: None,
            on_error: OnError::Fail,
            dead_letter: None,
        })
    }

    #[test]
    fn one_namespace_is_replaced_and_dropped() {
        let mut catalog = Catalog::new();
        assert!(catalog.define(source("bids")).is_none());
        assert_eq!(catalog.define(source("bids")).map(|old| old.kind()), Some("source"));
        assert_eq!(catalog.get("BIDS").map(Entry::name), Some("bids"));
        assert_eq!(catalog.sources().count(), 1);
        let unknown = catalog.drop(&name("bdis")).unwrap_err();
        assert_eq!(unknown.help.as_deref(), Some("did you mean `bids`?"));
        assert!(catalog.drop(&name("bids")).is_ok());
        assert_eq!(catalog.iter().count(), 0);
    }

    #[test]
    fn names_that_are_no_file_names_are_refused() {
        for bad in
            ["", " ", "a/../b", "a\\b", "..", "a..b", ".", "a\u{1b}[6n", "a\tb", "\u{202e}bids", &"x".repeat(300)]
        {
            assert!(check_name("source", &name(bad)).is_err(), "{bad:?}");
        }
        for good in ["bids", "a.b", "Gebote_2", "börse", &"x".repeat(255)] {
            assert_eq!(check_name("source", &name(good)), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_megabyte_of_name_makes_a_short_error() {
        let error = check_name("job", &name(&"é".repeat(500_000))).unwrap_err();
        assert!(error.message.len() < 250, "{}", error.message.len());
    }
}
