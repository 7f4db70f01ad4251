//! The catalog: what is known by name. Sources, sinks, streams and functions share one namespace.
//!
//! It has levels. What is defined in this session goes before what is remembered of earlier ones, and that before the demo
//! data. A definition of this session is bound when it comes in, all others when they are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use super::builder::{Named, Names, StreamBody};
use super::definitions::{EntryKind, SinkDef, SourceDef};
use super::name;
use crate::api::{ProcessFunction, StreamShape};
use crate::expr::ast::UserFunction;
use crate::types::{Diagnostic, Spanned};

/// A stream, built anew into each job that reads it.
#[derive(Debug, Clone)]
pub struct StreamDef {
    /// The stream's name.
    pub name: String,
    /// The stream's body.
    pub body: Arc<dyn StreamBody>,
    /// The stream's shape when it was defined; `None` for one that was not defined in this session, whose body is built
    /// when it is read.
    pub shape: Option<StreamShape>,
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
    /// `process …`
    Process(Arc<ProcessFunction>),
    /// `function …`
    Function(Arc<UserFunction>),
}

impl Entry {
    /// The entry's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Source(source) => &source.name,
            Self::Sink(sink) => &sink.name,
            Self::Stream(stream) => &stream.name,
            Self::Process(process) => &process.name.node,
            Self::Function(function) => &function.name.node,
        }
    }

    /// The kind of the entry.
    #[must_use]
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::Source(_) => EntryKind::Source,
            Self::Sink(_) => EntryKind::Sink,
            Self::Stream(_) => EntryKind::Stream,
            Self::Process(_) => EntryKind::Process,
            Self::Function(_) => EntryKind::Function,
        }
    }

    /// The columns a reader sees; `None` for what can't be read, and for a stream that has to be built to know them.
    #[must_use]
    pub fn shape(&self) -> Option<StreamShape> {
        match self {
            Self::Source(source) => Some(source.shape()),
            Self::Sink(_) | Self::Process(_) | Self::Function(_) => None,
            Self::Stream(stream) => stream.shape.clone(),
        }
    }
}

/// The place that a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This session.
    Session,
    /// An earlier session, by way of the state directory.
    Remembered,
    /// The data that every session begins with.
    Demo,
}

impl Origin {
    /// The origin in a listing.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "this session",
            Self::Remembered => "remembered",
            Self::Demo => "demo data",
        }
    }
}

/// Makes the entry of a definition.
type Bind = Box<dyn Fn() -> Result<Entry, Diagnostic> + Send + Sync>;

/// A definition that is bound when it is first used.
pub struct Deferred {
    name: String,
    kind: EntryKind,
    origin: Origin,
    bind: Bind,
    bound: OnceLock<Result<Entry, Diagnostic>>,
}

impl Deferred {
    /// The definition of `name`, which `bind` makes an entry of. `bind` must not look into the catalog that this is in.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        kind: EntryKind,
        origin: Origin,
        bind: impl Fn() -> Result<Entry, Diagnostic> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), kind, origin, bind: Box::new(bind), bound: OnceLock::new() }
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("name", &self.name).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Gives the definitions of a level by name.
type Load = Box<dyn FnOnce() -> BTreeMap<String, Deferred> + Send>;

/// Definitions that are looked up behind those of the session; loaded at the first look.
pub struct Level(LazyLock<BTreeMap<String, Deferred>, Load>);

impl Level {
    /// The level whose definitions `load` gives; of those with one name the last counts.
    #[must_use]
    pub fn new(load: impl FnOnce() -> Vec<Deferred> + Send + 'static) -> Self {
        let load = move || load().into_iter().map(|deferred| (deferred.name.clone(), deferred)).collect();
        Self(LazyLock::new(Box::new(load) as Load))
    }
}

/// One entry of the catalog, bound or not.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A definition of this session.
    Bound(&'a Entry),
    /// Another one.
    Deferred(&'a Deferred),
}

impl<'a> Item<'a> {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Bound(entry) => entry.name(),
            Self::Deferred(deferred) => &deferred.name,
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> EntryKind {
        match self {
            Self::Bound(entry) => entry.kind(),
            Self::Deferred(deferred) => deferred.kind,
        }
    }

    /// The place that it comes from.
    #[must_use]
    pub const fn origin(self) -> Origin {
        match self {
            Self::Bound(_) => Origin::Session,
            Self::Deferred(deferred) => deferred.origin,
        }
    }

    /// The entry, which is bound if it has not been before.
    ///
    /// # Errors
    /// When it can't be bound any more (its file is gone, say): an error without a place.
    pub fn entry(self) -> Result<&'a Entry, &'a Diagnostic> {
        match self {
            Self::Bound(entry) => Ok(entry),
            Self::Deferred(deferred) => deferred.bound.get_or_init(|| (deferred.bind)()).as_ref(),
        }
    }

    /// The entry, unless it would have to be bound first.
    #[must_use]
    pub fn bound(self) -> Option<&'a Entry> {
        match self {
            Self::Bound(entry) => Some(entry),
            Self::Deferred(deferred) => deferred.bound.get()?.as_ref().ok(),
        }
    }
}

/// Sources, sinks and streams by name.
#[derive(Clone, Default)]
pub struct Catalog {
    /// What is defined in this session.
    entries: BTreeMap<String, Entry>,
    /// The levels behind it, first to last.
    levels: Vec<Arc<Level>>,
    /// Remembered definitions that were removed in this session.
    removed: BTreeSet<String>,
}

impl Catalog {
    /// An empty catalog.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same catalog with `level` behind its own entries and before all other levels.
    #[must_use]
    pub fn before(mut self, level: Level) -> Self {
        self.levels.insert(0, Arc::new(level));
        self
    }

    /// As [`before`](Self::before), and what was removed under the names of the level does not hide it.
    #[must_use]
    pub fn before_removed(mut self, level: Level) -> Self {
        self.removed.retain(|name| !level.0.contains_key(name));
        self.before(level)
    }

    /// Adds `entry` to those of this session, or puts it in the place of the one that had its name, which is returned.
    /// Jobs that run keep what they were made of; streams that read the name read the new entry from their next use.
    pub fn define(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert(entry.name().to_owned(), entry)
    }

    /// Removes the entry called `name`, of this session or remembered: demo data of that name is seen again. Returns its
    /// name as defined and its kind.
    ///
    /// # Errors
    /// When there is none, with the near name; when it is demo data.
    pub fn drop(&mut self, name: &Spanned<String>) -> Result<(String, EntryKind), Diagnostic> {
        let Some(item) = self.get(&name.node) else {
            return Err(self.unknown("source, sink, stream or function", name, |_| true, []));
        };
        let (found, kind) = (item.name().to_owned(), item.kind());
        if item.origin() == Origin::Demo {
            return Err(Diagnostic::at(name.span, format!("`{found}` is demo data, which is always there"))
                .help(format!("define one of your own with this name, and `{found}` means that one")));
        }
        self.entries.remove(&found);
        self.removed.insert(found.clone());
        Ok((found, kind))
    }

    /// The entry called `name`. On each level an exact match goes before one that differs only in case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Item<'_>> {
        let deferred = || {
            let found = self.levels.iter().filter_map(|level| find(&level.0, name, |found| self.is_there(found)));
            found.map(Item::Deferred).next()
        };
        find(&self.entries, name, |_| true).map(Item::Bound).or_else(deferred)
    }

    fn is_there(&self, deferred: &Deferred) -> bool {
        deferred.origin == Origin::Demo || !self.removed.contains(&deferred.name)
    }

    /// All entries that their name stands for, by name.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        let mut found: Vec<Item<'_>> = self.entries.values().map(Item::Bound).collect();
        let lower = |items: &[Item<'_>]| -> BTreeSet<String> {
            items.iter().map(|item| item.name().to_ascii_lowercase()).collect()
        };
        for level in &self.levels {
            let before = lower(&found);
            let there = level.0.values().filter(|deferred| self.is_there(deferred)).map(Item::Deferred);
            found.extend(there.filter(|item| !before.contains(&item.name().to_ascii_lowercase())));
        }
        found.sort_by_key(|item| item.name());
        found.into_iter()
    }

    /// The error of a name that nothing has: `unknown <what> …`, with the near name among the entries of the kinds that
    /// `fits` allows and among `others`.
    #[must_use]
    pub fn unknown<'a>(
        &'a self,
        what: &str,
        name: &Spanned<String>,
        fits: impl Fn(EntryKind) -> bool,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        name::unknown(what, name, self.iter().filter(|item| fits(item.kind())).map(Item::name).chain(others))
    }
}

/// The value of `name` among those that `allowed` lets pass: an exact match first, else one that differs only in case.
fn find<'a, T>(all: &'a BTreeMap<String, T>, name: &str, allowed: impl Fn(&T) -> bool) -> Option<&'a T> {
    let exact = all.get(name).filter(|found| allowed(found));
    exact.or_else(|| {
        let near = all.iter().filter(|(called, _)| called.eq_ignore_ascii_case(name));
        near.map(|(_, found)| found).find(|found| allowed(found))
    })
}

impl Names for Catalog {
    fn find(&self, name: &str) -> Option<Named<'_>> {
        self.get(name).map(|item| match item.entry() {
            Ok(entry) => Named::from(entry),
            Err(error) => Named::Broken(item.name(), item.kind(), error),
        })
    }

    fn all(&self) -> Box<dyn Iterator<Item = (&str, EntryKind)> + '_> {
        Box::new(self.iter().map(|item| (item.name(), item.kind())))
    }

    /// A name within a job goes before all that nobody has typed in this session.
    fn is_taken(&self, name: &str) -> bool {
        find(&self.entries, name, |_| true).is_some()
    }
}

impl<'a> From<&'a Entry> for Named<'a> {
    fn from(entry: &'a Entry) -> Self {
        match entry {
            Entry::Source(source) => Self::Source(source),
            Entry::Sink(sink) => Self::Sink(sink),
            Entry::Stream(stream) => Self::Stream(&stream.name, &stream.body),
            Entry::Process(process) => Self::Process(process),
            Entry::Function(function) => Self::Function(function),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{FakeSource, name};

    fn source(called: &str) -> Entry {
        Entry::Source(SourceDef {
            primary_key: None,
            name: called.into(),
            source: Arc::new(FakeSource::bids()),
            event_time: None,
            pace: None,
            on_error: None,
            dead_letter: None,
            base_dir: std::path::PathBuf::new(),
        })
    }

    fn level(origin: Origin, names: &'static [&'static str]) -> Level {
        let deferred = move |called: &&'static str| {
            let called = *called;
            Deferred::new(called, EntryKind::Source, origin, move || match called {
                "gone" => Err(Diagnostic::new("gone.csv: no such file")),
                called => Ok(source(called)),
            })
        };
        Level::new(move || names.iter().map(deferred).collect())
    }

    fn catalog() -> Catalog {
        Catalog::new()
            .before(level(Origin::Demo, &["bids", "clicks"]))
            .before(level(Origin::Remembered, &["bids", "gone", "mine"]))
    }

    fn origin(catalog: &Catalog, called: &str) -> Option<Origin> {
        catalog.get(called).map(Item::origin)
    }

    #[test]
    fn one_namespace_is_replaced_and_dropped() {
        let mut catalog = Catalog::new();
        assert!(catalog.define(source("bids")).is_none());
        assert_eq!(catalog.define(source("bids")).map(|old| old.kind()), Some(EntryKind::Source));
        assert_eq!(catalog.get("BIDS").map(Item::name), Some("bids"));
        assert_eq!(catalog.iter().count(), 1);
        let unknown = catalog.drop(&name("bdis")).unwrap_err();
        assert_eq!(unknown.help.as_deref(), Some("did you mean `bids`?"));
        assert!(catalog.drop(&name("bids")).is_ok());
        assert_eq!(catalog.iter().count(), 0);
    }

    #[test]
    fn what_is_defined_here_goes_before_what_is_remembered_and_that_before_demo_data() {
        let mut catalog = catalog();
        assert_eq!(origin(&catalog, "BIDS"), Some(Origin::Remembered));
        assert_eq!(origin(&catalog, "clicks"), Some(Origin::Demo));
        let listed: Vec<_> = catalog.iter().map(|item| (item.name(), item.origin().name())).collect();
        let [remembered, demo] = ["remembered", "demo data"];
        assert_eq!(listed, [("bids", remembered), ("clicks", demo), ("gone", remembered), ("mine", remembered)]);
        assert!(catalog.define(source("Bids")).is_none());
        assert_eq!(catalog.get("bids").map(Item::name), Some("Bids"), "of the level that comes first");
        assert_eq!(catalog.iter().filter(|item| item.name().eq_ignore_ascii_case("bids")).count(), 1);
        assert!(catalog.is_taken("bids") && !catalog.is_taken("clicks"));
    }

    #[test]
    fn what_is_dropped_uncovers_demo_data_and_nothing_else() {
        let mut catalog = catalog();
        catalog.define(source("bids"));
        assert!(catalog.drop(&name("bids")).is_ok());
        assert_eq!(origin(&catalog, "bids"), Some(Origin::Demo));
        assert_eq!(catalog.drop(&name("Mine")).ok(), Some(("mine".to_owned(), EntryKind::Source)));
        assert_eq!(origin(&catalog, "mine"), None);
        insta::assert_snapshot!(catalog.drop(&name("clicks")).unwrap_err(), @"`clicks` is demo data, which is always there (define one of your own with this name, and `clicks` means that one)");
    }

    #[test]
    fn nothing_is_bound_before_it_is_used_and_what_can_not_be_hinders_nothing() {
        let catalog = catalog();
        assert!(catalog.iter().all(|item| item.bound().is_none()));
        assert!(matches!(catalog.find("gone"), Some(Named::Broken("gone", EntryKind::Source, _))));
        assert!(matches!(catalog.find("mine"), Some(Named::Source(_))));
        let bound: Vec<_> = catalog.iter().filter(|item| item.bound().is_some()).map(Item::name).collect();
        assert_eq!(bound, ["mine"]);
    }
}
