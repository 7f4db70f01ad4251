//! From what may stand at the cursor to what of it there is.

use std::collections::BTreeSet;

use super::candidate::{Candidate, CandidateKind as Kind, Completions};
use super::completer::Completer;
use super::cursor::{Cursor, Part};
use super::names::typed;
use super::options::{enumerated, is_path};
use super::scope::Lookup;
use super::want::{Place, Scope, Want};
use super::{files, usage};
use crate::api::OptionSpec;
use crate::plan::Entry;
use crate::types::{LogicalType, printable};

/// More candidates help nobody.
const MOST: usize = 1_000;
/// Data types by name.
const TYPES: &[(&str, &str)] = &[
    ("bigint", "64 bits"),
    ("string", "text"),
    ("int", "32 bits"),
    ("double", "64 bits, floating"),
    ("boolean", "true or false"),
    ("timestamp", "date and time, milliseconds"),
    ("timestamp_ltz", "an instant, milliseconds"),
    ("decimal", "(precision, scale)"),
    ("date", "days"),
    ("time", "of day, milliseconds"),
    ("float", "32 bits, floating"),
    ("tinyint", "8 bits"),
    ("smallint", "16 bits"),
    ("bytes", "binary"),
    ("varchar", "(length): text"),
    ("array<", "type>"),
    ("map<", "type, type>"),
    ("row<", "name type, …>"),
];
/// Words that an expression can begin with, besides functions.
const BEGINNINGS: &[(&str, &str)] = &[
    ("case", "when … then … else … end"),
    ("cast(", "value as type)"),
    ("try_cast(", "value as type): null where it does not fit"),
    ("extract(", "unit from time)"),
    ("not", ""),
    ("null", ""),
    ("true", ""),
    ("false", ""),
    ("interval", "'10' second"),
    ("timestamp", "'2026-01-01 00:00:00'"),
    ("date", "'2026-01-01'"),
    ("array[", "value, …]"),
    ("map[", "key, value, …]"),
    ("row(", "value, …)"),
];
/// The statements that are no commands.
const STATEMENTS: &[(&str, &str)] = &[
    ("source", "names where rows come from"),
    ("sink", "names where rows go"),
    ("stream", "names a pipeline"),
    ("run", "starts a job"),
];

/// Collects candidates that fit what is typed.
pub(super) struct Offer<'a> {
    completer: &'a Completer,
    cursor: &'a Cursor<'a>,
    scope: &'a Scope,
    seen: BTreeSet<String>,
    candidates: Vec<Candidate>,
}

impl<'a> Offer<'a> {
    /// What there is of `place` at `cursor`.
    pub(super) fn of(completer: &'a Completer, cursor: &'a Cursor<'a>, place: &'a Place) -> Completions {
        let mut offer = Self { completer, cursor, scope: &place.scope, seen: BTreeSet::new(), candidates: Vec::new() };
        for want in &place.wants {
            offer.want(want);
        }
        Completions { start: cursor.start, candidates: offer.candidates }
    }

    fn want(&mut self, want: &Want) {
        match self.cursor.part {
            Part::Text => self.texts(want),
            Part::Quoted => self.names(want),
            Part::Bare | Part::Raw => {
                self.words(want);
                self.names(want);
                self.texts(want);
            }
        }
    }

    /// Whether `name` begins as typed.
    fn fits(&self, name: &str) -> bool {
        let typed = self.cursor.typed;
        name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
            || (!typed.is_ascii() && name.to_lowercase().starts_with(&typed.to_lowercase()))
    }

    fn add(&mut self, candidate: Candidate) {
        if self.candidates.len() < MOST && self.seen.insert(candidate.replacement.clone()) {
            self.candidates.push(candidate);
        }
    }

    /// A word of the language, in the case that is typed.
    fn word(&mut self, word: &str, kind: Kind, help: &str) {
        if !self.fits(word) {
            return;
        }
        let typed = self.cursor.typed;
        let upper = typed.len() > 1 && typed.chars().all(|c| c.is_uppercase() || c == '_');
        let word = if upper { word.to_uppercase() } else { word.to_owned() };
        self.add(Candidate::plain(word, kind, help));
    }

    /// A name somebody gave.
    fn name(&mut self, name: &str, kind: Kind, help: &str) {
        if !self.fits(name) || printable(name) != name {
            return;
        }
        let replacement = match self.cursor.part {
            Part::Quoted => {
                let close = if self.cursor.closed { "" } else { "`" };
                format!("{}{close}", name.replace('`', "``"))
            }
            Part::Bare | Part::Raw | Part::Text => typed(name),
        };
        self.add(Candidate::plain(replacement, kind, help).labelled(name));
    }

    /// A value in quotes, or with `text` false a bare word.
    fn value(&mut self, value: &str, text: bool, kind: Kind, help: &str) {
        let close = if self.cursor.closed { "" } else { "'" };
        match (self.cursor.part, text) {
            (Part::Text, true) if value.starts_with(self.cursor.typed) => {
                let replacement = format!("{}{close}", value.replace('\'', "''"));
                self.add(Candidate::plain(replacement, kind, help).labelled(value));
            }
            (Part::Bare | Part::Raw, true) if self.fits(value) => {
                self.add(Candidate::plain(format!("'{}'", value.replace('\'', "''")), kind, help).labelled(value));
            }
            (Part::Bare | Part::Raw, false) => self.word(value, kind, help),
            (Part::Text | Part::Bare | Part::Raw | Part::Quoted, _) => {}
        }
    }

    /// Words of the language.
    fn words(&mut self, want: &Want) {
        let registries = &self.completer.registries;
        let nothing_typed = self.cursor.typed.is_empty();
        match want {
            Want::Statement => {
                for (word, help) in STATEMENTS {
                    self.word(word, Kind::Keyword, help);
                }
                for command in &registries.commands {
                    for name in std::iter::once(&command.name).chain(command.aliases) {
                        let signature = &command.signature;
                        let help = usage::rest(signature.head, signature.optional, signature.clauses);
                        self.word(name, Kind::Command, &help.unwrap_or_default());
                    }
                }
            }
            Want::Words(kind, words) => {
                for (word, help) in words {
                    self.word(word, *kind, help);
                }
            }
            Want::Stage => {
                for stage in registries.stages {
                    for name in std::iter::once(&stage.name).chain(stage.aliases) {
                        self.word(name, Kind::Stage, stage.summary);
                    }
                }
            }
            Want::Window => {
                for window in registries.windows {
                    let label = format!("{}({})", window.name, window.arguments);
                    if self.fits(window.name) {
                        let call = format!("{}(", window.name);
                        self.add(Candidate::plain(call, Kind::Window, window.summary).labelled(label));
                    }
                }
            }
            Want::Connector(sink) => self.connectors(*sink),
            Want::Sink => {
                self.names_of(|entry| matches!(entry, Entry::Sink(_)));
                self.connectors(true);
            }
            Want::Clauses(clauses) => {
                for clause in clauses {
                    self.word(clause.keyword, Kind::Clause, clause.help);
                }
            }
            Want::Pipe if nothing_typed => self.word("|", Kind::Keyword, "the next stage"),
            Want::Operand { aggregates, star } => self.operand(*aggregates, *star),
            Want::Type => {
                for (ty, help) in TYPES {
                    self.word(ty, Kind::Type, help);
                }
            }
            Want::Topic => self.topics(),
            Want::Checkpoint => {
                let completer = self.completer;
                for job in &completer.jobs {
                    for id in &job.checkpoints {
                        self.word(&id.to_string(), Kind::Value, &format!("checkpoint of {}", job.name));
                    }
                }
            }
            Want::Pipe
            | Want::Stream(_)
            | Want::Column
            | Want::Field(_)
            | Want::Option(_)
            | Want::OptionValue(_)
            | Want::Target(_)
            | Want::Job
            | Want::Entry
            | Want::Subtask
            | Want::Path => {}
        }
    }

    /// Names that people gave.
    fn names(&mut self, want: &Want) {
        let completer = self.completer;
        match want {
            Want::Statement => self.names_of(|entry| !matches!(entry, Entry::Sink(_))),
            Want::Stream(others) => {
                self.names_of(|entry| !matches!(entry, Entry::Sink(_)));
                for name in others {
                    self.name(name, Kind::Stream, "of this job");
                }
            }
            Want::Sink if self.cursor.part == Part::Quoted => self.names_of(|entry| matches!(entry, Entry::Sink(_))),
            Want::Entry => self.names_of(|_| true),
            Want::Operand { .. } | Want::Column => {
                for (column, ty) in self.columns() {
                    self.name(&column, Kind::Column, &ty);
                }
            }
            Want::Field(column) => {
                for (field, ty) in self.fields(column) {
                    self.name(&field, Kind::Column, &ty);
                }
            }
            Want::Job => {
                for job in &completer.jobs {
                    self.name(&job.name, Kind::Job, &job.status);
                }
            }
            Want::Option(specs) => {
                for spec in specs {
                    self.option(spec);
                }
            }
            Want::Words(..)
            | Want::Sink
            | Want::Connector(_)
            | Want::Stage
            | Want::Window
            | Want::Clauses(_)
            | Want::Pipe
            | Want::OptionValue(_)
            | Want::Target(_)
            | Want::Type
            | Want::Topic
            | Want::Subtask
            | Want::Checkpoint
            | Want::Path => {}
        }
    }

    /// What stands in quotes.
    fn texts(&mut self, want: &Want) {
        match want {
            Want::Target(connector) => {
                let target = connector.target.unwrap_or_default();
                for (value, _) in enumerated(target) {
                    self.value(&value, true, Kind::Value, connector.name);
                }
                if is_path(target) {
                    self.paths();
                }
            }
            Want::OptionValue(spec) => {
                for (value, text) in enumerated(spec.values) {
                    self.value(&value, text, Kind::Value, spec.name);
                }
                if is_path(spec.values) {
                    self.paths();
                }
            }
            Want::Option(specs) if self.cursor.part == Part::Text => {
                for spec in specs {
                    self.value(spec.name, true, Kind::Option, spec.help);
                }
            }
            Want::Path => self.paths(),
            Want::Subtask => self.subtasks(),
            Want::Statement
            | Want::Words(..)
            | Want::Stream(_)
            | Want::Sink
            | Want::Connector(_)
            | Want::Stage
            | Want::Window
            | Want::Operand { .. }
            | Want::Column
            | Want::Field(_)
            | Want::Clauses(_)
            | Want::Pipe
            | Want::Option(_)
            | Want::Type
            | Want::Job
            | Want::Entry
            | Want::Topic
            | Want::Checkpoint => {}
        }
    }

    fn option(&mut self, spec: &OptionSpec) {
        let help = format!("{}: {}", spec.values, spec.help);
        // A name with a point needs no quotes: `key.format = …`.
        if self.cursor.part != Part::Quoted && self.fits(spec.name) {
            self.add(Candidate::plain(spec.name, Kind::Option, help));
        }
    }

    fn connectors(&mut self, sink: bool) {
        for connector in self.completer.registries.connectors {
            let can = if sink { connector.sink.is_some() } else { connector.source.is_some() };
            if can && self.cursor.part != Part::Quoted {
                self.word(connector.name, Kind::Connector, connector.summary);
            }
        }
    }

    fn names_of(&mut self, wanted: impl Fn(&Entry) -> bool) {
        let completer = self.completer;
        for entry in completer.catalog.iter().filter(|entry| wanted(entry)) {
            let (kind, help) = match entry {
                Entry::Source(source) => (Kind::Source, source.source.describe()),
                Entry::Sink(sink) => (Kind::Sink, sink.connector.name.to_owned()),
                Entry::Stream(stream) => (Kind::Stream, stream.shape.schema.to_string()),
            };
            self.name(entry.name(), kind, &printable(&help));
        }
    }

    fn columns(&self) -> Vec<(String, String)> {
        self.lookup().columns(self.scope)
    }

    fn lookup(&self) -> Lookup<'a> {
        Lookup {
            registries: &self.completer.registries,
            catalog: &self.completer.catalog,
            base_dir: &self.completer.base_dir,
        }
    }

    fn fields(&self, column: &str) -> Vec<(String, String)> {
        let Some(schema) = self.lookup().schema(self.scope) else { return Vec::new() };
        let field = schema.index_of(column).map(|index| &schema.fields()[index].ty);
        match field {
            Some(LogicalType::Row(fields)) => fields.iter().map(|(name, ty)| (name.clone(), ty.to_string())).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// Columns come first; the many functions only when a letter of one is typed, or there is nothing else.
    fn operand(&mut self, aggregates: bool, star: bool) {
        if aggregates {
            for function in crate::expr::aggregate::aggregates() {
                let label = format!("{}({})", function.name, function.arguments);
                if self.fits(function.name) {
                    let call = format!("{}(", function.name);
                    self.add(Candidate::plain(call, Kind::Aggregate, function.summary).labelled(label));
                }
            }
        }
        self.names(&Want::Column);
        if star && self.cursor.typed.is_empty() {
            self.word("*", Kind::Keyword, "all columns");
        }
        if self.cursor.typed.is_empty() && !self.candidates.is_empty() {
            return;
        }
        for function in crate::expr::functions() {
            for name in std::iter::once(&function.name).chain(function.aliases) {
                if !self.fits(name) {
                    continue;
                }
                let call = format!("{name}(");
                let arguments = function.signature.split_once('(').map_or("", |(_, rest)| rest);
                let label = format!("{name}({}", arguments.split(" -> ").next().unwrap_or_default());
                self.add(Candidate::plain(call, Kind::Function, function.summary).labelled(label));
            }
        }
        for (word, help) in BEGINNINGS {
            self.word(word, Kind::Keyword, help);
        }
    }

    fn topics(&mut self) {
        let registries = &self.completer.registries;
        let completer = self.completer;
        for (statement, help) in STATEMENTS {
            self.word(statement, Kind::Topic, help);
        }
        for stage in registries.stages {
            self.word(stage.name, Kind::Topic, stage.summary);
        }
        for window in registries.windows {
            self.word(window.name, Kind::Topic, window.summary);
        }
        for connector in registries.connectors {
            self.word(connector.name, Kind::Topic, connector.summary);
        }
        // `help` takes one word.
        for command in completer.registries.commands.iter().filter(|command| !command.name.contains(' ')) {
            self.word(command.name, Kind::Topic, "a command");
        }
        for function in crate::expr::aggregate::aggregates() {
            self.word(function.name, Kind::Topic, function.summary);
        }
        if !self.cursor.typed.is_empty() {
            for function in crate::expr::functions() {
                self.word(function.name, Kind::Topic, function.summary);
            }
        }
    }

    fn subtasks(&mut self) {
        let completer = self.completer;
        for job in &completer.jobs {
            for (vertex, name, subtasks) in &job.vertices {
                for index in 0..*subtasks {
                    let help = format!("{} of {}", printable(name), job.name);
                    match self.cursor.part {
                        Part::Text => {
                            if self.fits(name) {
                                let close = if self.cursor.closed { "" } else { "'" };
                                let replacement = format!("{}{close}[{index}]", name.replace('\'', "''"));
                                self.add(Candidate::plain(replacement, Kind::Subtask, help));
                            }
                        }
                        Part::Bare | Part::Raw => self.word(&format!("{vertex}[{index}]"), Kind::Subtask, &help),
                        Part::Quoted => {}
                    }
                }
            }
        }
    }

    fn paths(&mut self) {
        let typed = match self.cursor.part {
            // Doubled quotes stand for one.
            Part::Text => self.cursor.typed.replace("''", "'"),
            Part::Bare | Part::Raw => self.cursor.typed.to_owned(),
            Part::Quoted => return,
        };
        let bare_word = self.cursor.part == Part::Raw;
        for found in files::beginning_with(&self.completer.base_dir, &typed) {
            let escaped = found.path.replace('\'', "''");
            let plain = !found.path.contains([' ', ';', '\'']);
            let replacement = match self.cursor.part {
                Part::Text if found.directory || self.cursor.closed => escaped,
                Part::Text => format!("{escaped}'"),
                Part::Bare | Part::Raw | Part::Quoted if bare_word && plain => found.path,
                // A directory's quote stays open, to go on into it.
                Part::Bare | Part::Raw | Part::Quoted if found.directory => format!("'{escaped}"),
                Part::Bare | Part::Raw | Part::Quoted => format!("'{escaped}'"),
            };
            let help = if found.directory { "directory" } else { "" };
            self.add(Candidate::plain(replacement, Kind::File, help).labelled(found.name));
        }
    }
}
