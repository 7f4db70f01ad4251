//! The candidates of each kind: words of the language from the registries, things that people made from the session.

use super::super::scope::side_outputs;
use super::Offer;
use crate::api::OptionSpec;
use crate::lang::TokenKind;
use crate::plan::{Entry, EntryKind};
use crate::session::completion::candidate::{Candidate, CandidateKind as Kind};
use crate::session::completion::cursor::Part;
use crate::session::completion::files;
use crate::session::completion::options::{enumerated, is_path};
use crate::session::completion::scope::Lookup;
use crate::session::completion::usage;
use crate::session::completion::words::{BEGINNINGS, STATEMENTS};
use crate::session::{TUTORIALS, kept};
use crate::types::{LogicalType, printable};

impl<'a> Offer<'a> {
    pub(super) fn option(&mut self, spec: &OptionSpec) {
        let help = format!("{}: {}", spec.values, spec.help);
        match self.cursor.part {
            Part::Text => self.value(spec.name, true, Kind::Option, spec.help),
            // A name with a point needs no quotes: `key.format = …`.
            Part::Bare | Part::Raw if self.fits(spec.name) => {
                self.add(Candidate::plain(spec.name, Kind::Option, help));
            }
            Part::Bare | Part::Raw | Part::Quoted => {}
        }
    }

    /// Offers what a description of an option or target enumerates, and paths where it asks for one.
    pub(super) fn values(&mut self, description: &str, of: &str) {
        for (value, text) in enumerated(description) {
            self.value(&value, text, Kind::Value, of);
        }
        if is_path(description) {
            self.paths();
        }
    }

    /// The first words of statements.
    pub(super) fn statements(&mut self) {
        for (word, help) in STATEMENTS {
            self.word(word, Kind::Keyword, help);
        }
        let known = self.known;
        for command in known.registries.commands {
            for name in std::iter::once(&command.name).chain(command.aliases) {
                let signature = &command.signature;
                let help = usage::rest(signature.head, signature.optional, signature.clauses);
                self.word(name, Kind::Command, &help.unwrap_or_default());
            }
        }
        self.names_of(EntryKind::is_stream);
    }

    pub(super) fn windows(&mut self) {
        for window in self.known.registries.windows {
            let label = format!("{}({})", window.name, window.arguments);
            if self.cursor.part != Part::Quoted && self.fits(window.name) {
                let call = format!("{}(", window.name);
                self.add(Candidate::plain(call, Kind::Window, window.summary).labelled(label));
            }
        }
    }

    pub(super) fn jobs(&mut self) {
        let known = self.known;
        for job in &known.jobs {
            self.name(&job.name, Kind::Job, &job.status);
        }
        for name in kept::names(&known.state_dir) {
            if known.jobs.iter().all(|job| job.name != name) {
                self.name(&name, Kind::Job, "does not run here");
            }
        }
    }

    pub(super) fn lessons(&mut self) {
        for lesson in TUTORIALS {
            self.word(lesson.name, Kind::Topic, "lesson");
        }
    }

    pub(super) fn checkpoints(&mut self) {
        let known = self.known;
        // The name of a job stands behind every word that takes a checkpoint.
        let job = match self.cursor.tokens.get(1).map(|token| &token.kind) {
            Some(TokenKind::Word(name)) => *name,
            Some(TokenKind::Quoted(name)) => &**name,
            _ => return,
        };
        let ids = match known.jobs.iter().find(|known| known.name.eq_ignore_ascii_case(job)) {
            Some(job) => job.checkpoints.clone(),
            None => kept::checkpoints(&known.state_dir, job),
        };
        for id in ids {
            self.word(&id.to_string(), Kind::Value, &format!("checkpoint of {}", printable(job)));
        }
    }

    pub(super) fn connectors(&mut self, sink: bool) {
        for connector in self.known.registries.connectors {
            let can = if sink { connector.sink.is_some() } else { connector.source.is_some() };
            if can {
                self.word(connector.name, Kind::Connector, connector.summary);
            }
        }
    }

    pub(super) fn names_of(&mut self, wanted: impl Fn(EntryKind) -> bool) {
        let known = self.known;
        for item in known.catalog.iter().filter(|item| wanted(item.kind())) {
            let kind = match item.kind() {
                EntryKind::Source => Kind::Source,
                EntryKind::Sink => Kind::Sink,
                EntryKind::Stream => Kind::Stream,
                EntryKind::Process | EntryKind::Function => Kind::Function,
            };
            let help = match item.bound() {
                Some(Entry::Source(source)) => source.source.describe(),
                Some(Entry::Sink(sink)) => sink.connector.name.to_owned(),
                Some(Entry::Stream(stream)) => {
                    stream.shape.as_ref().map_or_else(String::new, |shape| shape.schema.to_string())
                }
                Some(Entry::Process(process)) => {
                    let states = process.states.iter().map(|state| state.name.node.as_str());
                    format!("process function with state {}", states.collect::<Vec<_>>().join(", "))
                }
                Some(Entry::Function(function)) => function.signature(),
                // A list of names is no use of them: nothing is bound for it.
                None => item.origin().name().to_owned(),
            };
            self.name(item.name(), kind, &printable(&help));
        }
    }

    /// Sources and streams, those of the job at hand too.
    pub(super) fn streams(&mut self) {
        self.names_of(EntryKind::is_stream);
        for name in side_outputs(self.scope) {
            self.name(&name, Kind::Stream, "of this job");
        }
    }

    pub(super) fn columns(&mut self) {
        for (column, ty) in self.lookup().columns(self.scope) {
            self.name(&column, Kind::Column, &ty);
        }
    }

    fn lookup(&self) -> Lookup<'a> {
        Lookup { registries: &self.known.registries, catalog: &self.known.catalog, base_dir: &self.known.base_dir }
    }

    /// The fields of the row at `path`: a column, then fields in it.
    pub(super) fn fields(&mut self, path: &[String]) {
        let Some((column, fields)) = path.split_first() else { return };
        let Some(schema) = self.lookup().schema(self.scope) else { return };
        let Some(index) = schema.index_of(column) else { return };
        let mut ty = &schema.fields()[index].ty;
        for field in fields {
            let LogicalType::Row(within) = ty else { return };
            let Some((_, found)) = within.iter().find(|(name, _)| name == field) else { return };
            ty = found;
        }
        if let LogicalType::Row(within) = ty {
            for (name, ty) in within {
                self.name(name, Kind::Column, &ty.to_string());
            }
        }
    }

    /// Columns come first; the many functions only when a letter of one is typed, or there is nothing else.
    pub(super) fn operand(&mut self, aggregates: bool) {
        if aggregates && self.cursor.part != Part::Quoted {
            for function in crate::expr::aggregate::aggregates() {
                let label = format!("{}({})", function.name, function.arguments);
                if self.fits(function.name) {
                    let call = format!("{}(", function.name);
                    self.add(Candidate::plain(call, Kind::Aggregate, function.summary).labelled(label));
                }
            }
        }
        self.columns();
        if self.cursor.part == Part::Quoted || (self.cursor.typed.is_empty() && !self.candidates.is_empty()) {
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
        let registries = &self.known.registries;
        let known = self.known;
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
        for command in known.registries.commands.iter().filter(|command| !command.name.contains(' ')) {
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
        let known = self.known;
        for job in &known.jobs {
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
        for found in files::beginning_with(&self.known.base_dir, &typed) {
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
