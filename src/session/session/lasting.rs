//! What a session finds in its state directory and leaves there: jobs that it does not run, definitions to forget.

use std::sync::Arc;

use super::{Failure, JobResults, Memory, Outcome, Session, kept, remembered};
use crate::api::{ResultSink, RunStatement, StreamShape};
use crate::checkpoint::{Manifest, open_savepoint};
use crate::expr::ast::ExprNode;
use crate::lang;
use crate::lang::ast::Statement;
use crate::lang::lower::{self, JobPlan};
use crate::lang::typed_name;
use crate::plan::{Entry, EntryKind, JobSettings};
use crate::runtime::{JobOptions, JobSpec, Restore};
use crate::session::KeptJob;
use crate::state::{Definition, StateDir};
use crate::types::{Diagnostic, Error, Span, Spanned};

impl Session {
    /// The jobs that the state directory keeps and this session has not run, by the names of their directories.
    ///
    /// # Errors
    /// When the state directory can't be read.
    pub fn kept_jobs(&self) -> Result<Vec<KeptJob>, Error> {
        kept::jobs(self.state_dir(), |name| self.find_job(name).is_none())
    }

    /// The job called `name` that the state directory keeps and this session has not run.
    #[must_use]
    pub fn kept_job(&self, name: &str) -> Option<KeptJob> {
        self.kept_name(name).map(|name| kept::job(self.state_dir(), &name).0)
    }

    fn kept_name(&self, name: &str) -> Option<String> {
        let mut names = kept::names(self.state_dir());
        names.retain(|kept| self.find_job(kept).is_none());
        let exact = names.iter().position(|kept| kept == name);
        let found = exact.or_else(|| names.iter().position(|kept| kept.eq_ignore_ascii_case(name)))?;
        Some(names.swap_remove(found))
    }

    /// The error of a job that this session does not have.
    pub(super) fn no_job(&self, name: &Spanned<String>) -> Diagnostic {
        if let Some(kept) = self.kept_job(&name.node) {
            let called = typed_name(&kept.name);
            return match kept.held_by {
                Some(pid) => runs_elsewhere(&kept.name, pid, name.span),
                None => Diagnostic::at(name.span, format!("job `{}` does not run in this shell", kept.name))
                    .help(format!("`restore {called}` starts it here; `checkpoints {called}` lists its checkpoints")),
            };
        }
        let kept = kept::names(self.state_dir());
        let known = self.jobs.iter().map(|entry| entry.name.as_str()).chain(kept.iter().map(String::as_str));
        Diagnostic::at(name.span, format!("there is no job `{}`", name.node))
            .help("`show jobs` lists the jobs")
            .did_you_mean(&name.node, known)
    }

    /// Starts a job that this session has not run, by the statement that it was started with.
    pub(super) fn restore_kept(
        &mut self,
        name: &Spanned<String>,
        from: &Restore,
        options: &[(Spanned<String>, ExprNode)],
    ) -> Result<Outcome, Failure> {
        let (kept, directory) = match self.kept_name(&name.node) {
            Some(found) => kept::job(self.state_dir(), &found),
            None => return self.restore_unknown(name, from, options),
        };
        // The launch takes it again.
        drop(directory);
        if let Some(pid) = kept.held_by {
            return Err(runs_elsewhere(&kept.name, pid, name.span).into());
        }
        let again = Again::of(name, from, &kept).ok_or_else(|| without_statement(name))?;
        let (own, definitions) = (kept.statement.clone(), kept.definitions.clone());
        kept.readable()?;
        self.start_again(&again, options, own, definitions)
    }

    /// The plan by which a job that this session has not run would be started from its last checkpoint, and the process
    /// that runs it now, if one does; `None` where nothing is kept of one called `name`.
    ///
    /// # Errors
    /// When its statement was not kept, or can't be planned any more.
    pub fn kept_plan(&self, name: &Spanned<String>) -> Result<Option<(JobPlan, Option<u32>)>, Failure> {
        let Some(kept) = self.kept_job(&name.node) else { return Ok(None) };
        let Some(again) = Again::of(name, &Restore::Latest, &kept) else {
            return Err(match kept.held_by {
                Some(pid) => runs_elsewhere(&kept.name, pid, name.span).into(),
                None => without_statement(name).into(),
            });
        };
        let plan = self.plan_again(&again, kept.statement, kept.definitions, &self.results)?;
        Ok(Some((plan, kept.held_by)))
    }

    /// Starts a job of which nothing is kept here from a savepoint, which holds its statement.
    fn restore_unknown(
        &mut self,
        name: &Spanned<String>,
        from: &Restore,
        options: &[(Spanned<String>, ExprNode)],
    ) -> Result<Outcome, Failure> {
        let Restore::Savepoint(directory) = from else { return Err(self.no_job(name).into()) };
        let manifest = Manifest::parse(open_savepoint(directory)?.manifest())?;
        if !manifest.job.eq_ignore_ascii_case(&name.node) {
            return Err(self
                .no_job(name)
                .help(format!("the savepoint is of job `{}`: name that one", manifest.job))
                .into());
        }
        let Some(text) = manifest.statement else { return Err(without_statement(name).into()) };
        let parallelism = Some(manifest.parallelism);
        let again = Again { name, text, parallelism, from: from.clone() };
        self.start_again(&again, options, None, Vec::new())
    }

    /// Plans it by its statement, as it was typed in the directory of `own`. What is defined in this session goes before
    /// `definitions`, and those before what is remembered.
    fn plan_again(
        &self,
        again: &Again<'_>,
        own: Option<Definition>,
        definitions: Vec<Definition>,
        shown: &Arc<dyn ResultSink>,
    ) -> Result<JobPlan, Failure> {
        let run = self.run_statement(again)?;
        let level = remembered::job_level(definitions, self.registries);
        let catalog = self.catalog.clone().before_removed(level);
        let base_dir = own.map_or_else(|| self.settings.base_dir.clone(), |own| own.directory);
        let whose = format!("the statement of job `{}`", run.name.node);
        let mut plan = self.plan_job_in(&catalog, base_dir, &run, shown).map_err(|failure| match failure {
            Failure::Typed(error) => Failure::Typed(error.inside(&whose, again.name.span)),
            Failure::Engine(_) => failure,
        })?;
        if let (Some(parallelism), None) = (again.parallelism, self.settings.parallelism) {
            // It was rescaled since it was typed.
            Arc::make_mut(&mut plan.settings).parallelism = parallelism;
        }
        Ok(plan)
    }

    /// Plans and launches it.
    fn start_again(
        &mut self,
        again: &Again<'_>,
        options: &[(Spanned<String>, ExprNode)],
        own: Option<Definition>,
        definitions: Vec<Definition>,
    ) -> Result<Outcome, Failure> {
        let results = JobResults::new(self.results.clone());
        let shown: Arc<dyn ResultSink> = results.clone();
        let mut plan = self.plan_again(again, own, definitions, &shown)?;
        plan.settings = Arc::new(JobSettings::clone(&plan.settings).with(options)?);
        let options = JobOptions { statement: Some(again.text.clone()), ..JobOptions::of(&plan.settings) };
        let spec = JobSpec::new(plan.stream_graph(), options, again.from.clone());
        let directory = self.job_directory(&plan.name)?;
        self.launch(plan, spec, results, &directory)
    }

    /// The `run` statement that a job was started with.
    fn run_statement(&self, again: &Again<'_>) -> Result<RunStatement, Diagnostic> {
        let unusable = |why: &str| {
            Diagnostic::at(again.name.span, format!("the statement of job `{}` can't be used: {why}", again.name.node))
                .help("type its `run` statement in a shell that is started with `--restore latest`")
        };
        let mut statements = lang::parse(&again.text, &self.registries).map_err(|error| unusable(&error.message))?;
        match (statements.pop().map(|statement| statement.node), statements.is_empty()) {
            (Some(Statement::Run(run)), true) if run.name.node.eq_ignore_ascii_case(&again.name.node) => Ok(run),
            _ => Err(unusable("it defines something else")),
        }
    }

    /// The columns of an entry of the catalog; `None` for a sink.
    ///
    /// # Errors
    /// When it can't be used any more, at `name`.
    pub fn shape_of(&self, name: &Spanned<String>) -> Result<Option<StreamShape>, Diagnostic> {
        let Some(item) = self.catalog.get(&name.node).filter(|item| item.kind().is_stream()) else {
            return Ok(None);
        };
        if let Some(shape) = item.bound().and_then(Entry::shape) {
            return Ok(Some(shape));
        }
        lower::shape_of(&self.catalog, name, &self.environment()).map(Some)
    }

    /// Takes a definition out of the catalog and out of what the state directory remembers: returns its name and kind.
    ///
    /// # Errors
    /// When there is none, with the near name; when it is demo data; when the state directory can't be written.
    pub fn forget_definition(&mut self, name: &Spanned<String>) -> Result<(String, EntryKind), Failure> {
        let dropped = self.catalog.drop(name)?;
        self.remembered.remove(&dropped.0, &self.settings.state_dir)?;
        Ok(dropped)
    }

    /// The name of the job that [`forget_job`](Self::forget_job) would forget, as it was given.
    ///
    /// # Errors
    /// When there is no such job, or it runs here or is another process's.
    pub fn forgettable_job(&self, name: &Spanned<String>) -> Result<String, Failure> {
        if let Some(entry) = self.find_job(&name.node) {
            let called = &entry.name;
            if entry.job.view().status.is_final() {
                return Ok(called.clone());
            }
            return Err(Diagnostic::at(name.span, format!("job `{called}` is running"))
                .help(format!("`stop {0}` or `cancel {0}` ends it", typed_name(called)))
                .into());
        }
        let kept = self.kept_job(&name.node).ok_or_else(|| self.no_job(name))?;
        match kept.held_by {
            Some(pid) => Err(runs_elsewhere(&kept.name, pid, name.span).into()),
            None => Ok(kept.name),
        }
    }

    /// Whether this session has defined `name` by just this text.
    pub(in crate::session) fn has_defined(&self, name: &str, text: &str) -> bool {
        self.remembered.has(name, text)
    }

    /// Forgets a job that does not run, with all its state.
    ///
    /// # Errors
    /// As [`forgettable_job`](Self::forgettable_job), and when its directory can't be removed.
    pub fn forget_job(&mut self, name: &Spanned<String>) -> Result<(), Failure> {
        let called = self.forgettable_job(name)?;
        self.jobs.retain(|entry| entry.name != called);
        StateDir::open(self.state_dir())?.job(&called)?.remove()?;
        Ok(())
    }

    /// The session's clock, milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Whether later sessions will know what this one defines and runs.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.settings.memory != Memory::None
    }

    /// Takes over the sources and streams of another session whose files are about to go: those that read no file, and
    /// whose names nothing has here. Returns the names.
    pub fn adopt(&mut self, other: &Self) -> Vec<String> {
        let mut adopted = Vec::new();
        for definition in other.remembered.own() {
            let taken = self.catalog.get(&definition.name).is_some();
            let statements = self.parse(&definition.text).unwrap_or_default();
            let [Spanned { node: statement, .. }] = &statements[..] else { continue };
            let lasts = match statement {
                Statement::Source(source) => source.connector.node != "file",
                // One that reads what does not last can't be defined.
                Statement::Stream { .. } | Statement::Process(_) | Statement::Function(_) => true,
                Statement::Sink(_) | Statement::Preview(_) | Statement::Run(_) | Statement::Command(_) => false,
            };
            if lasts && !taken && self.define_or_run(statement).is_ok() {
                adopted.push(definition.name.clone());
            }
        }
        adopted
    }
}

/// The error of a job that was written by a lotic that kept no statements.
fn without_statement(name: &Spanned<String>) -> Diagnostic {
    Diagnostic::at(name.span, format!("the statement of job `{}` was not kept", name.node))
        .help("type its `run` statement in a shell that is started with `--restore latest`, or with `--restore 'DIR'`")
}

/// A job to be started again.
struct Again<'a> {
    name: &'a Spanned<String>,
    text: String,
    /// The parallelism that it had.
    parallelism: Option<usize>,
    from: Restore,
}

impl<'a> Again<'a> {
    /// `kept` from `from`; `None` where its statement was not kept.
    fn of(name: &'a Spanned<String>, from: &Restore, kept: &KeptJob) -> Option<Self> {
        let checkpoints = &kept.checkpoints;
        let manifest = match from {
            Restore::Checkpoint(id) => checkpoints.iter().find(|manifest| manifest.checkpoint == *id),
            Restore::Latest => checkpoints.last(),
            Restore::Savepoint(_) | Restore::Fresh => None,
        };
        let last = || kept.last().and_then(|manifest| manifest.statement.clone());
        let typed = manifest.and_then(|manifest| manifest.statement.clone());
        let text = typed.or_else(|| kept.statement.as_ref().map(|own| own.text.clone())).or_else(last)?;
        Some(Self { name, text, parallelism: manifest.map(|manifest| manifest.parallelism), from: from.clone() })
    }
}

/// The error of a job that another process runs.
fn runs_elsewhere(job: &str, pid: u32, at: Span) -> Diagnostic {
    let called = typed_name(job);
    Diagnostic::at(at, format!("job `{job}` runs in another lotic (pid {pid})"))
        .help(format!("`stop {called}` there, then `restore {called}` goes on with it here"))
}
