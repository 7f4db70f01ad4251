//! What there is of each kind: words of the language from the registries, things that people made from the session.

use super::Offer;
use crate::api::OptionSpec;
use crate::plan::Entry;
use crate::session::completion::candidate::{Candidate, CandidateKind as Kind};
use crate::session::completion::cursor::Part;
use crate::session::completion::files;
use crate::session::completion::scope::Lookup;
use crate::session::completion::want::Want;
use crate::types::{LogicalType, printable};

/// Data types by name.
pub(super) const TYPES: &[(&str, &str)] = &[
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
pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("source", "names where rows come from"),
    ("sink", "names where rows go"),
    ("stream", "names a pipeline"),
    ("run", "starts a job"),
];

impl<'a> Offer<'a> {
    pub(super) fn option(&mut self, spec: &OptionSpec) {
        let help = format!("{}: {}", spec.values, spec.help);
        // A name with a point needs no quotes: `key.format = …`.
        if self.cursor.part != Part::Quoted && self.fits(spec.name) {
            self.add(Candidate::plain(spec.name, Kind::Option, help));
        }
    }

    pub(super) fn connectors(&mut self, sink: bool) {
        for connector in self.completer.registries.connectors {
            let can = if sink { connector.sink.is_some() } else { connector.source.is_some() };
            if can && self.cursor.part != Part::Quoted {
                self.word(connector.name, Kind::Connector, connector.summary);
            }
        }
    }

    pub(super) fn names_of(&mut self, wanted: impl Fn(&Entry) -> bool) {
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

    pub(super) fn columns(&self) -> Vec<(String, String)> {
        self.lookup().columns(self.scope)
    }

    fn lookup(&self) -> Lookup<'a> {
        Lookup {
            registries: &self.completer.registries,
            catalog: &self.completer.catalog,
            base_dir: &self.completer.base_dir,
        }
    }

    pub(super) fn fields(&self, column: &str) -> Vec<(String, String)> {
        let Some(schema) = self.lookup().schema(self.scope) else { return Vec::new() };
        let field = schema.index_of(column).map(|index| &schema.fields()[index].ty);
        match field {
            Some(LogicalType::Row(fields)) => fields.iter().map(|(name, ty)| (name.clone(), ty.to_string())).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// Columns come first; the many functions only when a letter of one is typed, or there is nothing else.
    pub(super) fn operand(&mut self, aggregates: bool, star: bool) {
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

    pub(super) fn topics(&mut self) {
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

    pub(super) fn subtasks(&mut self) {
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

    pub(super) fn paths(&mut self) {
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
