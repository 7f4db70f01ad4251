//! What is defined anew or dropped, and who reads it.

use super::{Failure, Outcome, Session};
use crate::lang::answer_to_word;
use crate::lang::ast::Statement;
use crate::lang::lower::lower_job;
use crate::plan::{Builder, Catalog, EntryKind, Item, JobSettings, Origin};
use crate::types::{Diagnostic, Span, Spanned, nearest};

/// The first words of statements that are no commands.
const DEFINITIONS: &[&str] = &["source", "sink", "stream", "run", "process", "function"];

impl Session {
    /// What this session has defined under the name that `statement` defines: a person is asked before it is replaced.
    #[must_use]
    pub fn replaced_by(&self, statement: &Statement) -> Option<Item<'_>> {
        let definition = statement.definition()?;
        // A file of definitions may be read again.
        let changed = !self.has_defined(&definition.name.node, definition.text);
        self.catalog().get(&definition.name.node).filter(|item| changed && item.origin() == Origin::Session)
    }

    /// Runs a definition that takes the place of one of its name. Streams that read the name read the new one from now
    /// on; those that can't are named.
    ///
    /// # Errors
    /// When the definition is wrong; the earlier one stays then.
    pub fn redefine(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        let replaced =
            self.replaced_by(statement).map(|entry| format!("{} {} is replaced", entry.kind().name(), entry.name()));
        let before = self.broken_streams(self.catalog());
        let outcome = self.define_anew_or_run(statement)?;
        let mut said: Vec<String> = replaced.into_iter().collect();
        if let Outcome::Message(message) = outcome {
            said.push(message);
        }
        let broken = self.broken_streams(self.catalog());
        let broken = broken.into_iter().filter(|(name, _)| !before.iter().any(|(earlier, _)| earlier == name));
        said.extend(broken.map(|(_, error)| error.message));
        Ok(Outcome::Message(said.join("; ")))
    }

    /// Takes the definition of this kind and name away.
    ///
    /// # Errors
    /// When there is none, or something reads it: the readers are named.
    pub fn drop_definition(&mut self, kind: &str, name: &Spanned<String>) -> Result<Outcome, Failure> {
        let catalog = self.catalog();
        let Some(item) = catalog.get(&name.node) else {
            return Err(catalog.unknown(kind, name, |found| found.name() == kind, []).into());
        };
        let (called, found) = (item.name().to_owned(), item.kind().name());
        if found != kind {
            return Err(Diagnostic::at(name.span, format!("`{called}` is a {found}"))
                .help(format!("`drop {found} {called}` drops it"))
                .into());
        }
        let mut without = catalog.clone();
        without.drop(name)?;
        let before = self.broken_streams(catalog);
        let streams: Vec<String> = self
            .broken_streams(&without)
            .into_iter()
            .map(|(stream, _)| stream)
            .filter(|stream| *stream != called && !before.iter().any(|(earlier, _)| earlier == stream))
            .collect();
        let jobs = self.jobs_that_need(&without);
        if streams.is_empty() && jobs.is_empty() {
            self.forget_definition(name)?;
            return Ok(Outcome::Message(format!("{kind} {called} is dropped")));
        }
        let readers = streams.iter().map(|stream| format!("stream {stream}"));
        let readers: Vec<String> = readers.chain(jobs.iter().map(|job| format!("job {job}"))).collect();
        let ways = streams.iter().map(|stream| format!("`drop stream {stream}`"));
        let ways: Vec<String> = ways.chain(jobs.iter().map(|job| format!("`cancel {job}`"))).collect();
        Err(Diagnostic::at(name.span, format!("{kind} `{called}` is in use: {}", readers.join(", ")))
            .help(format!("{} first", ways.join(", ")))
            .into())
    }

    /// The streams that can't be built from `catalog`, each with the reason.
    fn broken_streams(&self, catalog: &Catalog) -> Vec<(String, Diagnostic)> {
        let environment = self.environment();
        let max_parallelism = JobSettings::default().max_parallelism;
        let broken = catalog.iter().filter(|item| item.kind() == EntryKind::Stream).filter_map(|stream| {
            let name = Spanned::new(stream.name().to_owned(), Span::default());
            let error = Builder::new(catalog, &environment, max_parallelism).stream(&name).err()?;
            Some((name.node, error))
        });
        broken.collect()
    }

    /// The running jobs that could be started from what there is, and not from what is left `without` it.
    fn jobs_that_need(&self, without: &Catalog) -> Vec<String> {
        let environment = self.environment();
        let plans = |catalog: &Catalog, text: &str| {
            let Ok(statements) = self.parse(text) else { return false };
            statements.iter().all(|statement| {
                matches!(&statement.node, Statement::Run(run)
                    if lower_job(catalog, run, JobSettings::default(), &environment).is_ok())
            })
        };
        let needing = self.running().filter(|entry| {
            entry.statement.as_ref().is_some_and(|text| plans(self.catalog(), text) && !plans(without, text))
        });
        needing.map(|entry| entry.name.clone()).collect()
    }

    /// Refuses a word by itself that names nothing: what another shell has is answered, and what is near to a command or
    /// a stream is offered.
    pub(super) fn check_word(&self, word: &Spanned<String>) -> Result<(), Diagnostic> {
        if self.catalog().get(&word.node).is_some() {
            return Ok(());
        }
        if let Some(answer) = answer_to_word(&word.node, word.span) {
            return Err(answer);
        }
        let commands = self.registries().commands.iter();
        let commands =
            commands.flat_map(|command| std::iter::once(command.name).chain(command.aliases.iter().copied()));
        let words = commands.map(|name| name.split(' ').next().unwrap_or(name)).chain(DEFINITIONS.iter().copied());
        let streams = self.catalog().iter().filter(|item| item.kind().is_stream()).map(Item::name);
        match nearest(&word.node, streams.chain(words)) {
            Some(near) => Err(Diagnostic::at(word.span, format!("there is no stream or command `{}`", word.node))
                .help(format!("did you mean `{near}`?"))),
            None => Ok(()),
        }
    }
}
