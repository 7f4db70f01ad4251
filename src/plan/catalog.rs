//! The catalog: what is known by name. Sources, sinks and streams share one namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::builder::{Named, Names, StreamBody};
use super::definitions::{SinkDef, SourceDef};
use super::name;
use crate::api::StreamShape;
use crate::types::{Diagnostic, Spanned};

/// A stream, built anew into each job that reads it.
#[derive(Debug, Clone)]
pub struct StreamDef {
    /// The stream's name.
    pub name: String,
    /// The stream's body.
    pub body: Arc<dyn StreamBody>,
    /// The stream's shape when it was defined.
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
    /// The entry's name.
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
        name::unknown(what, name, self.entries.values().filter(|entry| fits(entry)).map(Entry::name).chain(others))
    }
}

impl Names for Catalog {
    fn find(&self, name: &str) -> Option<Named<'_>> {
        self.get(name).map(Named::from)
    }

    fn all(&self) -> Box<dyn Iterator<Item = Named<'_>> + '_> {
        Box::new(self.iter().map(Named::from))
    }
}

impl<'a> From<&'a Entry> for Named<'a> {
    fn from(entry: &'a Entry) -> Self {
        match entry {
            Entry::Source(source) => Self::Source(source),
            Entry::Sink(sink) => Self::Sink(sink),
            Entry::Stream(stream) => Self::Stream(&stream.name, &stream.body),
        }
    }
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
            on_error: None,
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
}
