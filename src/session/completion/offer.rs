//! From what may stand at the cursor to what of it there is.

mod kinds;

use std::collections::BTreeSet;

use super::candidate::{Candidate, CandidateKind as Kind, Completions};
use super::completer::Completer;
use super::cursor::{Cursor, Part};
use super::names::typed;
use super::options::{enumerated, is_path};
use super::usage;
use super::want::{Place, Scope, Want};
use crate::plan::Entry;
use crate::types::printable;
use kinds::{STATEMENTS, TYPES};

/// More candidates help nobody.
const MOST: usize = 1_000;
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
                for command in registries.commands {
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
}
