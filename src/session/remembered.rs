//! What lasts of a session: the definitions that its state directory remembers.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::registries::optimizer_ops;
use super::results::Nobody;
use super::{Memory, Settings};
use crate::api::{Pipeline, Registries};
use crate::lang::ast::Statement;
use crate::lang::lower;
use crate::lang::{self, TokenKind};
use crate::plan::{Catalog, Deferred, Entry, EntryKind, Environment, Item, Level, Origin, StreamDef};
use crate::state::{Definition, Definitions, DefinitionsFile, StateDir};
use crate::types::{Diagnostic, Error, Result, Spanned};

/// The file of definitions in a state directory, and in the directory of a job.
const FILE: &str = "definitions";
/// The kind of the definition that is a job's own statement.
const JOB: &str = "run";

/// The definitions of a session as text, and what it has to do with those that the state directory remembers.
#[derive(Debug)]
pub(super) struct Remembered {
    memory: Memory,
    /// Those made in this session.
    own: Vec<Definition>,
    /// Those loaded, and what was wrong with them; shared with the catalog, which loads them when it needs them.
    loaded: Arc<Mutex<Loaded>>,
    /// Whether it was said that nothing can be remembered.
    told: bool,
}

#[derive(Debug, Default)]
struct Loaded {
    all: Vec<Definition>,
    warning: Option<String>,
}

impl Remembered {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, own: Vec::new(), loaded: Arc::default(), told: false }
    }

    /// The level of the catalog that holds what is remembered. Nothing is read before somebody looks.
    pub(super) fn level(&self, settings: &Settings, registries: Registries) -> Option<Level> {
        if self.memory != Memory::Shared {
            return None;
        }
        let (state_dir, loaded) = (settings.state_dir.clone(), Arc::clone(&self.loaded));
        Some(Level::new(move || {
            let (all, warning) = match load(&state_dir) {
                Ok(found) => (found.all, found.damage),
                Err(error) => (Vec::new(), Some(format!("definitions of earlier sessions: {error}"))),
            };
            let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.all.clone_from(&all);
            loaded.warning = warning;
            all.into_iter().filter_map(|definition| deferred(definition, Origin::Remembered, registries)).collect()
        }))
    }

    /// What was wrong with what was loaded; told once.
    pub(super) fn take_warning(&self) -> Option<String> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).warning.take()
    }

    /// Remembers a definition of this session; what there is to say when that can't be. It is said once: a state directory
    /// that can't be written is no reason to refuse a statement.
    pub(super) fn put(&mut self, definition: Definition, state_dir: &Path) -> Option<String> {
        let kept = if self.memory == Memory::None { Ok(()) } else { put(&definition, state_dir) };
        let what = format!("{} {}", definition.kind, definition.name);
        self.own.retain(|earlier| earlier.name != definition.name);
        self.own.push(definition);
        let error = kept.err()?;
        (!std::mem::replace(&mut self.told, true)).then(|| format!("{what} is not remembered: {error}"))
    }

    /// Whether this session has defined `name` by just this text.
    pub(super) fn has(&self, name: &str, text: &str) -> bool {
        self.own.iter().any(|own| own.name == name && own.text == text)
    }

    /// Forgets the definition called `name`, as defined.
    ///
    /// # Errors
    /// When the state directory can't be written.
    pub(super) fn remove(&mut self, name: &str, state_dir: &Path) -> Result<()> {
        self.own.retain(|definition| definition.name != name);
        if self.memory != Memory::None {
            file_in(state_dir).remove(name)?;
        }
        Ok(())
    }

    /// The definitions that the statement of a job is made of, those that they are made of before them, and the statement
    /// itself last.
    pub(super) fn of_job(&self, name: &str, text: &str, base_dir: &Path, registries: &Registries) -> Vec<Definition> {
        let mut found = Vec::new();
        self.used_in(text, registries, &mut found);
        found.push(Definition {
            kind: JOB.to_owned(),
            name: name.to_owned(),
            directory: base_dir.to_path_buf(),
            text: text.to_owned(),
        });
        found
    }

    /// Adds the definitions that `text` names, and those that they name. A word that is no name but reads like one does no
    /// harm.
    fn used_in(&self, text: &str, registries: &Registries, found: &mut Vec<Definition>) {
        for token in lang::lex(text, registries).tokens {
            let name = if let TokenKind::Word(word) = &token.kind {
                word
            } else if let TokenKind::Quoted(name) = &token.kind {
                name.as_ref()
            } else {
                continue;
            };
            let Some(definition) = self.definition(name) else { continue };
            if found.iter().all(|earlier| earlier.name != definition.name) {
                // Before it is looked into: two may name each other.
                let at = found.len();
                found.push(definition.clone());
                self.used_in(&definition.text, registries, found);
                found[at..].rotate_left(1);
            }
        }
    }

    /// The definitions of this session, in the order they were made.
    pub(super) fn own(&self) -> &[Definition] {
        &self.own
    }

    fn definition(&self, name: &str) -> Option<Definition> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |exact: bool| {
            let is = |definition: &&Definition| {
                if exact { definition.name == name } else { definition.name.eq_ignore_ascii_case(name) }
            };
            self.own.iter().find(is).or_else(|| loaded.all.iter().find(is)).cloned()
        };
        of(true).or_else(|| of(false))
    }
}

fn file_in(directory: &Path) -> DefinitionsFile {
    DefinitionsFile::new(directory.join(FILE))
}

fn load(state_dir: &Path) -> Result<Definitions> {
    // Nothing is made for a look.
    if !state_dir.exists() {
        return Ok(Definitions::default());
    }
    file_in(StateDir::open(state_dir)?.path()).load()
}

fn put(definition: &Definition, state_dir: &Path) -> Result<()> {
    if definition.directory.to_str().is_none() {
        return Err(Error::config(format!("the name of {} is not UTF-8", definition.directory.display())));
    }
    let state = StateDir::open(state_dir)?;
    file_in(state.path()).put(definition).map(|_| ())
}

/// Writes what a job is made of into its directory.
///
/// # Errors
/// When it can't be written.
pub(super) fn write_job(directory: &Path, definitions: &[Definition]) -> Result<()> {
    file_in(directory).replace(definitions)
}

/// What a job is made of, as its directory says: its definitions, and its own statement with the directory it was typed in.
pub(super) fn read_job(directory: &Path) -> Result<(Vec<Definition>, Option<Definition>)> {
    let mut all = file_in(directory).load()?.all;
    let own = all.pop_if(|last| last.kind == JOB);
    Ok((all, own))
}

/// The level of the catalog that holds what a job is made of.
pub(super) fn job_level(definitions: Vec<Definition>, registries: Registries) -> Level {
    Level::new(move || {
        definitions.into_iter().filter_map(|each| deferred(each, Origin::Remembered, registries)).collect()
    })
}

/// The entry of the catalog that `definition` becomes when it is used; `None` for a kind that this build does not know.
pub(super) fn deferred(definition: Definition, origin: Origin, registries: Registries) -> Option<Deferred> {
    let kind = EntryKind::named(&definition.kind)?;
    Some(Deferred::new(definition.name.clone(), kind, origin, move || bind(&definition, kind, &registries)))
}

fn bind(definition: &Definition, kind: EntryKind, registries: &Registries) -> Result<Entry, Diagnostic> {
    let environment = Environment {
        registries,
        optimizer: optimizer_ops(),
        base_dir: definition.directory.clone(),
        results: Arc::new(Nobody),
    };
    // The places in it are those of another text.
    let placeless = |error: Diagnostic| Diagnostic { span: None, ..error };
    let mut catalog = Catalog::new();
    let statements = lang::parse(&definition.text, registries).map_err(placeless)?;
    let [Spanned { node: statement, .. }] = &statements[..] else {
        return Err(Diagnostic::new("what is remembered is not one statement"));
    };
    match statement {
        Statement::Source(source) => {
            lower::define_source(&mut catalog, source, &environment).map_err(placeless)?;
        }
        Statement::Sink(sink) => {
            lower::define_sink(&mut catalog, sink, &environment).map_err(placeless)?;
        }
        Statement::Stream { name, pipeline, .. } => {
            let body = lower::stream_body(&of_directory(pipeline, &definition.directory));
            catalog.define(Entry::Stream(StreamDef { name: name.node.clone(), body, shape: None }));
        }
        Statement::Process(process) => {
            catalog.define(Entry::Process(Arc::new(process.clone())));
        }
        Statement::Function(function) => {
            catalog.define(Entry::Function(Arc::new(function.clone())));
        }
        Statement::Preview(_) | Statement::Run(_) | Statement::Command(_) => {}
    }
    let entry = catalog.iter().find_map(Item::bound).cloned();
    entry
        .filter(|entry| entry.name() == definition.name && entry.kind() == kind)
        .ok_or_else(|| Diagnostic::new("what is remembered is another statement"))
}

/// The pipeline as it reads in another directory: a file that it begins with is still that of `directory`.
fn of_directory<'a>(pipeline: &'a Pipeline, directory: &Path) -> Cow<'a, Pipeline> {
    // What stands for standard input is no path.
    match directory.join(&pipeline.from.node).to_str() {
        Some(path) if pipeline.file && pipeline.from.node != "-" => {
            let mut pipeline = pipeline.clone();
            path.clone_into(&mut pipeline.from.node);
            Cow::Owned(pipeline)
        }
        _ => Cow::Borrowed(pipeline),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registries() -> Registries {
        crate::session::registries(&[])
    }

    fn definition(kind: &str, name: &str, text: &str) -> Definition {
        Definition { kind: kind.into(), name: name.into(), directory: "/".into(), text: text.into() }
    }

    #[test]
    fn a_job_is_remembered_with_all_that_it_is_made_of() {
        let mut remembered = Remembered::new(Memory::None);
        for (kind, name, text) in [
            ("source", "s", "source s from nexmark 'bid'"),
            ("source", "unused", "source unused from nexmark 'bid'"),
            ("stream", "inner", "stream inner = S | filter price > 1"),
            ("stream", "outer one", "stream `outer one` = inner | limit 3"),
            ("sink", "out", "sink out to blackhole"),
        ] {
            assert_eq!(remembered.put(definition(kind, name, text), Path::new("/")), None);
        }
        let text = "run hot = `outer one` | union inner | into out";
        let found = remembered.of_job("hot", text, Path::new("/here"), &registries());
        let names: Vec<&str> = found.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names, ["s", "inner", "outer one", "out", "hot"]);
        assert_eq!((found[4].text.as_str(), found[4].directory.as_path()), (text, Path::new("/here")));
    }

    #[test]
    fn what_is_remembered_is_bound_only_as_what_it_says_it_is() {
        let bound = |kind, name, text| deferred(definition(kind, name, text), Origin::Remembered, registries());
        let entry = |kind, name, text| {
            let catalog = Catalog::new().before(Level::new(move || bound(kind, name, text).into_iter().collect()));
            catalog.get(name).map(|item| item.entry().map(Entry::kind).map_err(ToString::to_string))
        };
        assert_eq!(entry("source", "s", "source s from nexmark 'bid'"), Some(Ok(EntryKind::Source)));
        assert_eq!(entry("stream", "s", "stream s = s"), Some(Ok(EntryKind::Stream)));
        assert_eq!(entry("process", "p", "process p { }"), Some(Ok(EntryKind::Process)));
        assert_eq!(entry("planet", "p", "planet p"), None, "a kind of a later build");
        for (kind, name, text) in [
            ("source", "s", "source t from nexmark 'bid'"),
            ("sink", "s", "source s from nexmark 'bid'"),
            ("source", "s", "run s = bids | into print"),
            ("source", "s", "source s from nexmark 'bid'; run s = s | into print"),
            ("source", "s", "\u{1b}[2J"),
            ("source", "s", "source s from file '/nowhere/at/all.csv'"),
        ] {
            assert!(entry(kind, name, text).is_some_and(|bound| bound.is_err()), "{text}");
        }
    }
}
