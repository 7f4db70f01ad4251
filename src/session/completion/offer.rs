//! From what may stand at the cursor to what of it there is.

mod kinds;

use std::collections::BTreeSet;

use super::candidate::{Candidate, CandidateKind as Kind, Completions};
use super::cursor::{Cursor, Part};
use super::known::Known;
use super::options::{connector, option_of, options_of};
use super::words::{OPERATORS, TYPES, aggregates, offered};
use crate::api::Shape;
use crate::lang::typed_name;
use crate::lang::{Expectation, Expectations, Expected, Frame, Kind as Expects, Scope};
use crate::plan::EntryKind;
use crate::types::printable;

/// More candidates help nobody.
const MOST: usize = 1_000;

/// Collects candidates that fit what is typed.
pub(super) struct Offer<'a> {
    known: &'a Known,
    cursor: &'a Cursor<'a>,
    scope: &'a Scope,
    seen: BTreeSet<String>,
    candidates: Vec<Candidate>,
}

impl<'a> Offer<'a> {
    /// The completions at `cursor`: what there is of what may stand there.
    pub(super) fn of(known: &'a Known, cursor: &'a Cursor<'a>, found: &'a Expectations) -> Completions {
        let mut offer = Self { known, cursor, scope: &found.scope, seen: BTreeSet::new(), candidates: Vec::new() };
        let mut items: Vec<&Expectation> = found.items.iter().collect();
        items.sort_by_key(|item| rank(item));
        for item in items {
            offer.item(item);
        }
        Completions { start: cursor.start, candidates: offer.candidates }
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
        if !matches!(self.cursor.part, Part::Bare | Part::Raw) || !self.fits(word) {
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
            Part::Bare | Part::Raw => typed_name(name),
            Part::Text => return,
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

    /// Offers what may stand where `item` does.
    fn item(&mut self, item: &Expectation) {
        match item.expected {
            Expected::Exactly("|" | "*") if !self.cursor.typed.is_empty() => {}
            Expected::Exactly(word) => {
                if let Some((word, kind, help)) = offered(word, &item.within) {
                    self.word(word, kind, help);
                }
            }
            Expected::Clause(clause, 0) => self.word(clause.keyword, Kind::Clause, clause.help),
            Expected::Clause(clause, words) => {
                clause
                    .keyword
                    .split(' ')
                    .skip(words)
                    .take(1)
                    .for_each(|word| self.word(word, Kind::Clause, clause.help));
            }
            Expected::Argument(shape) => {
                if let Some(Frame::Arguments { of, command, clause, .. }) = item.within.last() {
                    self.argument(shape, of, *command, clause.map_or("", |clause| clause.keyword));
                }
            }
            // Arguments of windows are constants.
            Expected::Kind(_) if item.within.iter().any(|frame| matches!(frame, Frame::Window(_))) => {}
            Expected::Kind(kind) => {
                if matches!(kind, Expects::Expression | Expects::Action) {
                    self.of_process(&item.within);
                }
                self.kind(kind, &item.within);
            }
        }
    }

    /// The states and times that a process function may read.
    fn of_process(&mut self, within: &[Frame]) {
        let states =
            within.iter().rev().find_map(|frame| if let Frame::Process(states) = frame { Some(states) } else { None });
        let Some(states) = states else { return };
        for state in states {
            self.name(state, Kind::Column, "state");
        }
        for (word, help) in [
            ("event_time", "of the row or timer"),
            ("processing_time", "of the clock"),
            ("current_watermark", "the last one"),
            ("timer_time", "when the timer was due"),
        ] {
            self.word(word, Kind::Column, help);
        }
    }

    /// The argument of a stage or command, or of its clause `clause`.
    fn argument(&mut self, shape: Shape, of: &str, command: bool, clause: &str) {
        match shape {
            Shape::Keyword(words) => words.iter().for_each(|word| self.word(word, Kind::Value, "")),
            Shape::Name if command => self.name_for(of, clause),
            // A clause of a stage names a new stream (`late_to`); its head reads one.
            Shape::Name if of == "process" => self.names_of(|kind| kind == EntryKind::Process),
            Shape::Name if clause.is_empty() => self.streams(),
            Shape::Subtask => self.subtasks(),
            Shape::Text if command => self.paths(),
            Shape::Integer if clause.contains("checkpoint") || of.contains("checkpoint") => self.checkpoints(),
            Shape::Pipeline => self.jobs(),
            Shape::Name
            | Shape::Text
            | Shape::Integer
            | Shape::Duration
            | Shape::Names
            | Shape::Stream
            | Shape::Range
            | Shape::Order
            | Shape::Rounds
            | Shape::Pattern
            | Shape::Definitions
            | Shape::Watermark
            | Shape::Window
            | Shape::Trigger
            | Shape::Evictor
            | Shape::Sink
            | Shape::Options
            | Shape::Setting
            | Shape::Flag
            | Shape::Expr
            | Shape::Exprs { .. } => {}
        }
    }

    /// The name that the command `of` takes, or its clause `clause`.
    fn name_for(&mut self, of: &str, clause: &str) {
        match of {
            // `as NAME` names something new.
            _ if clause == "as" => {}
            "help" | "\\?" => self.topics(),
            "describe" | "\\d" => self.names_of(|_| true),
            "tutorial" => self.lessons(),
            "drop" => self.names_of(|_| true),
            _ => self.jobs(),
        }
    }

    fn kind(&mut self, kind: Expects, within: &[Frame]) {
        let registries = &self.known.registries;
        match kind {
            // A text is the path of a file.
            Expects::Stream | Expects::Statement if self.cursor.part == Part::Text => self.paths(),
            Expects::Statement => self.statements(),
            Expects::Stage => {
                for stage in registries.stages {
                    for name in std::iter::once(&stage.name).chain(stage.aliases) {
                        self.word(name, Kind::Stage, stage.summary);
                    }
                }
            }
            Expects::Stream => self.streams(),
            Expects::Sink => {
                self.names_of(|kind| kind == EntryKind::Sink);
                self.connectors(true);
            }
            Expects::SourceConnector => self.connectors(false),
            Expects::SinkConnector => self.connectors(true),
            Expects::Target => {
                if let Some(Frame::Connector { name, .. }) = within.last()
                    && let Some(connector) = connector(registries, name)
                {
                    self.values(connector.target.unwrap_or_default(), connector.name);
                }
            }
            Expects::Window => self.windows(),
            Expects::Expression => match within.last() {
                Some(Frame::Option(name)) => {
                    if let Some(spec) = option_of(registries, within, name) {
                        self.values(spec.values, spec.name);
                    }
                }
                _ if within.iter().any(|frame| matches!(frame, Frame::Option(_))) => {}
                Some(Frame::Arguments { of, .. }) => self.operand(aggregates(of)),
                _ => self.operand(false),
            },
            Expects::Operator => {
                for (operator, help) in OPERATORS {
                    self.word(operator, Kind::Keyword, help);
                }
            }
            Expects::Column => self.columns(),
            Expects::Field => {
                if let Some(Frame::Path(path)) = within.last() {
                    self.fields(path);
                }
            }
            Expects::OptionName => {
                let given = if let Some(Frame::Options(given)) = within.last() { &given[..] } else { &[] };
                for spec in options_of(registries, within) {
                    if !given.iter().any(|name| name.eq_ignore_ascii_case(spec.name)) {
                        self.option(spec);
                    }
                }
            }
            Expects::Type => {
                for (ty, help) in TYPES {
                    self.word(ty, Kind::Type, help);
                }
            }
            // What is new, a number, or offered as the argument that it is.
            Expects::NewSource
            | Expects::NewSink
            | Expects::NewStream
            | Expects::NewJob
            | Expects::NewProcess
            | Expects::NewFunction
            | Expects::Action
            | Expects::Subtask
            | Expects::Arguments
            | Expects::Unit
            | Expects::IntervalUnit
            | Expects::Duration
            | Expects::Integer
            | Expects::Text
            | Expects::Name
            | Expects::EndOfExpression
            | Expects::EndOfStatement => {}
        }
    }
}

/// Likelier things first: what is named before words, words before operators.
const fn rank(item: &Expectation) -> u8 {
    match item.expected {
        Expected::Kind(Expects::Operator) => 2,
        Expected::Kind(_) | Expected::Argument(_) => 0,
        Expected::Exactly(_) | Expected::Clause(..) => 1,
    }
}
