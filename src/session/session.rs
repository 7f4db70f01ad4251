//! The session.

mod lasting;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::registries::{optimizer_ops, registries};
use super::remembered::Remembered;
use super::{
    Failure, FileRows, JobEntry, JobResults, Memory, Outcome, Preview, RestoreFrom, Settings, demo_data, kept,
    remembered,
};
use crate::api::{
    CommandSpec, OnError, Pipeline, PreviewStart, Registries, ResultSink, RunStatement, StartFrom, StreamShape,
};
use crate::expr::ast::ExprNode;
use crate::lang;
use crate::lang::ast::{SourceStatement, Statement};
use crate::lang::lower::{self, JobPlan};
use crate::plan::{Catalog, Entry, Environment, Item, JobSettings, Mode};
use crate::runtime::{DryRun, Job, JobOptions, JobSpec, Past, Restore};
use crate::state::{Definition, JobDir, StateDir};
use crate::types::{CheckpointId, Clock, Diagnostic, Error, Spanned};

/// The words about a job that was to be restored and never took a checkpoint.
const NOTHING: &str = "has nothing to restore and starts from the beginning";

/// One person's session. It prints nothing: rows go to the [`ResultSink`] it was given, the rest comes back as
/// [`Outcome`]s.
pub struct Session {
    settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    results: Arc<dyn ResultSink>,
    pub(super) interrupted: Arc<dyn Fn() -> bool + Send + Sync>,
    registries: Registries,
    catalog: Catalog,
    jobs: Vec<JobEntry>,
    /// The definitions as text, which last.
    remembered: Remembered,
    /// The state directory, from the first job that keeps state on.
    state: Option<StateDir>,
    /// The warnings that the person is to be told besides outcomes.
    warnings: Vec<String>,
}

impl Session {
    /// A session without definitions of its own, and without jobs.
    #[must_use]
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        results: Arc<dyn ResultSink>,
        commands: &'static [CommandSpec],
    ) -> Self {
        let registries = registries(commands);
        let remembered = Remembered::new(settings.memory);
        Self {
            catalog: catalog(&settings, &remembered, registries),
            remembered,
            settings,
            clock,
            results,
            interrupted: Arc::new(|| false),
            registries,
            jobs: Vec::new(),
            state: None,
            warnings: Vec::new(),
        }
    }

    /// The same session with these registries: the [built-in ones](super::registries) with what an extension adds.
    #[must_use]
    pub fn with_registries(mut self, registries: Registries) -> Self {
        self.registries = registries;
        self.catalog = catalog(&self.settings, &self.remembered, registries);
        self
    }

    /// The warnings that the person should know and no outcome says; told once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        self.warnings.extend(self.remembered.take_warning());
        std::mem::take(&mut self.warnings)
    }

    /// The registries.
    #[must_use]
    pub const fn registries(&self) -> &Registries {
        &self.registries
    }

    /// The catalog of what is defined, remembered or there from the start.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The catalog of what is defined, to define more.
    pub const fn catalog_mut(&mut self) -> &mut Catalog {
        &mut self.catalog
    }

    /// Sets the destination of the rows of what is planned from now on; returns the one before.
    pub fn set_results(&mut self, results: Arc<dyn ResultSink>) -> Arc<dyn ResultSink> {
        std::mem::replace(&mut self.results, results)
    }

    /// Sets how a command that waits learns that the person does not want to (Ctrl-C).
    pub fn set_interrupted(&mut self, interrupted: Arc<dyn Fn() -> bool + Send + Sync>) {
        self.interrupted = interrupted;
    }

    /// Whether the person has had enough of what runs now.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        (self.interrupted)()
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A path as typed, from the session's directory.
    #[must_use]
    pub fn path(&self, typed: &str) -> PathBuf {
        self.settings.base_dir.join(typed)
    }

    /// The statements of a text.
    ///
    /// # Errors
    /// At the first mistake.
    pub fn parse(&self, text: &str) -> Result<Vec<Spanned<Statement>>, Diagnostic> {
        lang::parse(text, &self.registries)
    }

    /// Runs a statement that is no command.
    ///
    /// # Errors
    /// When it is wrong, defines what this session has defined already, or starts something that fails at once.
    pub fn define_or_run(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        if let (Some(definition), Some(earlier)) = (statement.definition(), self.replaced_by(statement)) {
            let (kind, name) = (earlier.kind().name(), definition.name);
            return Err(Diagnostic::at(name.span, format!("{kind} `{}` is defined already", name.node))
                .help(format!("`drop {kind} {}` first, or give this one another name", name.node))
                .into());
        }
        self.define_anew_or_run(statement)
    }

    /// As [`Self::define_or_run`]; a definition takes the place of one of its name.
    pub(super) fn define_anew_or_run(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        let outcome = self.define_or_start(statement)?;
        if let Some(made) = statement.definition() {
            let definition = Definition {
                kind: made.kind.to_owned(),
                name: made.name.node.clone(),
                directory: self.settings.base_dir.clone(),
                text: made.text.to_owned(),
            };
            self.warnings.extend(self.remembered.put(definition, &self.settings.state_dir));
        }
        Ok(outcome)
    }

    fn define_or_start(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        match statement {
            Statement::Source(source) => self.define_source(source),
            Statement::Sink(sink) => {
                let environment = environment(&self.registries, &self.settings, &self.results);
                lower::define_sink(&mut self.catalog, sink, &environment)?;
                Ok(Outcome::Done)
            }
            Statement::Stream { name, pipeline, .. } => {
                let environment = environment(&self.registries, &self.settings, &self.results);
                lower::define_stream(&mut self.catalog, name, pipeline, &environment)?;
                Ok(Outcome::Done)
            }
            Statement::Process(process) => {
                lower::define_process(&mut self.catalog, process)?;
                Ok(Outcome::Done)
            }
            Statement::Function(function) => {
                lower::define_function(&mut self.catalog, function)?;
                Ok(Outcome::Done)
            }
            Statement::Preview(pipeline) => {
                if pipeline.stages.is_empty() {
                    self.check_word(&pipeline.from)?;
                }
                self.preview(pipeline)
            }
            Statement::Run(run) => self.run(run),
            Statement::Command(command) => {
                Err(Diagnostic::at(command.span, format!("there is no command `{}` here", command.name.node)).into())
            }
        }
    }

    fn define_source(&mut self, statement: &SourceStatement) -> Result<Outcome, Failure> {
        let environment = environment(&self.registries, &self.settings, &self.results);
        lower::define_source(&mut self.catalog, statement, &environment)?;
        let inferred = match self.catalog.get(&statement.name.node).and_then(Item::bound) {
            Some(Entry::Source(source)) => source.inferred(),
            _ => None,
        };
        Ok(inferred.map_or(Outcome::Done, |columns| Outcome::Message(format!("source {columns}"))))
    }

    /// The columns at the end of a pipeline that is not run: for `describe`.
    ///
    /// # Errors
    /// When the pipeline is wrong.
    pub fn shape(&self, pipeline: &Pipeline) -> Result<StreamShape, Failure> {
        Ok(lower::lower_open(&self.catalog, &[], pipeline, &self.environment())?)
    }

    pub(super) fn environment(&self) -> Environment<'_> {
        environment(&self.registries, &self.settings, &self.results)
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The plan of a pipeline that is not run: for `explain`.
    ///
    /// # Errors
    /// When the pipeline is wrong.
    pub fn plan(&self, pipeline: &Pipeline) -> Result<JobPlan, Failure> {
        Ok(lower::lower_explained(&self.catalog, pipeline, self.bare_settings(), &self.environment())?)
    }

    /// The plan of a job as `run` would start it.
    ///
    /// # Errors
    /// When an option or a pipeline is wrong.
    pub fn plan_job(&self, run: &RunStatement) -> Result<JobPlan, Failure> {
        self.plan_job_into(run, &self.results)
    }

    fn plan_job_into(&self, run: &RunStatement, results: &Arc<dyn ResultSink>) -> Result<JobPlan, Failure> {
        self.plan_job_in(&self.catalog, self.settings.base_dir.clone(), run, results)
    }

    /// The plan of a job as it would be in this catalog and directory.
    fn plan_job_in(
        &self,
        catalog: &Catalog,
        base_dir: PathBuf,
        run: &RunStatement,
        results: &Arc<dyn ResultSink>,
    ) -> Result<JobPlan, Failure> {
        let environment = Environment { base_dir, ..environment(&self.registries, &self.settings, results) };
        let defaults = JobSettings {
            batch_rows: self.settings.batch_rows,
            allow_non_restored_state: self.settings.allow_non_restored_state,
            zone: self.settings.zone.into(),
            mode: self.settings.mode,
            ..JobSettings::default()
        };
        let mut plan = lower::lower_job(catalog, run, defaults, &environment)?;
        if let Some(parallelism) = self.settings.parallelism {
            let parallelism = checked(parallelism, plan.settings.max_parallelism)?;
            Arc::make_mut(&mut plan.settings).parallelism = parallelism;
        }
        Ok(plan)
    }

    /// The settings of a pipeline that names no options.
    fn bare_settings(&self) -> JobSettings {
        let (zone, mode) = (self.settings.zone.into(), self.settings.mode);
        let defaults = JobSettings { zone, mode, ..JobSettings::default() };
        JobSettings { parallelism: self.settings.parallelism.unwrap_or(defaults.parallelism), ..defaults }
    }

    fn preview(&mut self, pipeline: &Pipeline) -> Result<Outcome, Failure> {
        let (pipeline, file) = match FileRows::of(pipeline, &self.settings.base_dir)? {
            Some((pipeline, file)) => (Cow::Owned(pipeline), Some(Arc::new(file))),
            None => (Cow::Borrowed(pipeline), None),
        };
        let results: Arc<dyn ResultSink> = match &file {
            Some(file) => file.clone(),
            None => self.results.clone(),
        };
        let results = JobResults::new(results);
        let shown: Arc<dyn ResultSink> = results.clone();
        let environment = environment(&self.registries, &self.settings, &shown);
        let settings = JobSettings {
            batch_rows: self.settings.batch_rows,
            restart_attempts: 0,
            on_error: OnError::Skip,
            ..self.bare_settings()
        };
        let plan = lower::lower_preview(&self.catalog, &pipeline, settings, &environment)?;
        results.begin(&PreviewStart { changelog: &plan.optimized.written(), remarks: &plan.remarks });
        let options = JobOptions {
            executor: self.settings.executor,
            stop_after_rows: self.settings.stop_after_rows,
            ..JobOptions::of(&plan.settings)
        };
        let spec = JobSpec::new(plan.stream_graph(), options, Restore::Fresh);
        Ok(Outcome::Preview(Preview { job: Job::launch(spec, self.clock.clone())?, results, file }))
    }

    fn run(&mut self, run: &RunStatement) -> Result<Outcome, Failure> {
        let name = &run.name.node;
        if let Some(entry) = self.jobs.iter().find(|entry| entry.name == *name)
            && !entry.job.view().status.is_final()
        {
            let help = match &run.from {
                Some(StartFrom::Latest) => {
                    format!("`stop {name}` first: it takes the checkpoint that this goes on from")
                }
                Some(_) | None => format!("`stop {name}` or `cancel {name}` ends it, or give this one another name"),
            };
            return Err(Diagnostic::at(run.name.span, format!("job `{name}` is running")).help(help).into());
        }
        let results = JobResults::new(self.results.clone());
        let shown: Arc<dyn ResultSink> = results.clone();
        let plan = self.plan_job_into(run, &shown)?;
        if let (Some(savepoint), Some(other)) = (&self.settings.savepoint, self.running().next()) {
            let other = &other.name;
            return Err(Diagnostic::at(
                run.name.span,
                format!("`--savepoint {}` is taken by job `{other}`", savepoint.display()),
            )
            .help(format!("a savepoint is of one job; `stop {other} with savepoint 'DIR'` writes that of `{other}`"))
            .into());
        }
        let options = JobOptions {
            statement: Some(self.kept_text(run)),
            final_savepoint: self.settings.savepoint.clone(),
            stop_after_rows: self.settings.stop_after_rows,
            drain: self.settings.drain,
            drain_at_limit: self.settings.drain_at_limit,
            executor: self.settings.executor,
            ..JobOptions::of(&plan.settings)
        };
        let restore = match (&run.from, &self.settings.restore) {
            (Some(from), _) => self.start_from(from),
            (None, None) => Restore::Fresh,
            (None, Some(RestoreFrom::Latest)) => Restore::Latest,
            (None, Some(RestoreFrom::Savepoint(directory))) => Restore::Savepoint(directory.clone()),
        };
        let spec = JobSpec::new(plan.stream_graph(), options, restore);
        // Until all that is kept is written, however soon the job is over.
        let directory = self.job_directory(name)?;
        let started = self.launch(plan, spec, results, &directory)?;
        self.keep_job(run, &directory);
        Ok(started)
    }

    /// The statement of a job as it is kept: with the session's time zone, unless it says one itself.
    fn kept_text(&self, run: &RunStatement) -> String {
        let says = run.options.iter().any(|(name, _)| name.node.eq_ignore_ascii_case("timezone"));
        // In front of the first option, or in a clause of its own behind the name.
        let option = run.options.first().map(|(name, _)| name.span.start);
        let place = option.unwrap_or(run.name.span.end).saturating_sub(run.span.start);
        match run.text.split_at_checked(place) {
            Some((head, rest)) if !says && self.settings.zone != chrono_tz::Tz::UTC => {
                let set = format!("timezone = '{}'", self.settings.zone.name());
                if option.is_some() { format!("{head}{set}, {rest}") } else { format!("{head} with ({set}){rest}") }
            }
            Some(_) | None => run.text.clone(),
        }
    }

    /// Sets the zone in which instants are read as dates and times of day, for what is run from now on.
    pub const fn set_zone(&mut self, zone: chrono_tz::Tz) {
        self.settings.zone = zone;
    }

    /// Sets the way in which pipelines and jobs run from now on, unless they say another.
    pub const fn set_mode(&mut self, mode: Mode) {
        self.settings.mode = mode;
    }

    /// Writes what a job that was started is made of beside its state, for a later session to restore it.
    fn keep_job(&mut self, run: &RunStatement, directory: &JobDir) {
        if self.settings.memory == Memory::None {
            return;
        }
        let (name, base_dir) = (&run.name.node, &self.settings.base_dir);
        let made_of = self.remembered.of_job(name, &self.kept_text(run), base_dir, &self.registries);
        if let Err(error) = remembered::write_job(directory.path(), &made_of) {
            self.warnings.push(format!("job {name} runs, but a later shell may not be able to restore it: {error}"));
        }
    }

    fn start_from(&self, from: &StartFrom) -> Restore {
        match from {
            StartFrom::Latest => Restore::Latest,
            StartFrom::Checkpoint(number) => Restore::Checkpoint(CheckpointId(*number)),
            StartFrom::Savepoint(directory) => Restore::Savepoint(self.path(directory)),
        }
    }

    /// The state that the job of `plan` would take up if it were started from `from`; `None` where its name has no
    /// checkpoint. Nothing is changed.
    ///
    /// # Errors
    /// When there is no such checkpoint or savepoint, or it can't be read, or is of another job.
    pub fn dry_run(&self, plan: &JobPlan, from: &StartFrom) -> Result<Option<DryRun>, Failure> {
        let mut spec = JobSpec::new(plan.stream_graph(), JobOptions::of(&plan.settings), self.start_from(from));
        if let Some(entry) = self.running().find(|entry| entry.name == plan.name) {
            spec.options.directory = Some(entry.directory.clone());
            return Ok(entry.job.dry_run(&spec)?);
        }
        if matches!(from, StartFrom::Savepoint(_)) {
            return Ok(Job::dry_launch(&spec)?);
        }
        // Held until the look is over.
        let Some(directory) = StateDir::existing_job(self.state_dir(), &plan.name)? else { return Ok(None) };
        spec.options.directory = Some(directory.path().to_path_buf());
        Ok(Job::dry_launch(&spec)?)
    }

    /// The directory of a job's state, which is this session's until the last owner is gone: a job that is over owns it no
    /// more.
    pub(super) fn job_directory(&mut self, name: &str) -> Result<Arc<JobDir>, Error> {
        let state = if let Some(state) = self.state.take() {
            state
        } else {
            let state = StateDir::open(&self.settings.state_dir)?;
            self.warnings.extend(state.warning().map(str::to_owned));
            state
        };
        self.state.insert(state).job(name).map(Arc::new)
    }

    fn launch(
        &mut self,
        plan: JobPlan,
        mut spec: JobSpec,
        results: Arc<JobResults>,
        lock: &Arc<JobDir>,
    ) -> Result<Outcome, Failure> {
        let (name, directory) = (plan.name.clone(), lock.path().to_path_buf());
        spec.options.directory = Some(directory.clone());
        spec.options.lock = Some(Arc::clone(lock));
        let (restore, statement) = (spec.restore.clone(), spec.options.statement.clone());
        // When this fails the job's last run stays what it was, to be described and restored in another way.
        let job = Job::launch(spec, self.clock.clone())?;
        let note = match (job.restored_from(), &restore) {
            (_, Restore::Savepoint(directory)) => Some(format!("goes on from savepoint {}", directory.display())),
            (Some(id), _) => Some(format!("goes on from checkpoint {id}")),
            (None, Restore::Fresh) => None,
            (None, Restore::Latest | Restore::Checkpoint(_)) => Some(NOTHING.to_owned()),
        };
        self.jobs.retain(|entry| entry.name != name);
        self.jobs.push(JobEntry { name: name.clone(), job: Arc::new(job), plan, statement, directory, results });
        Ok(Outcome::Started { job: name, note })
    }

    /// Starts a job again: one of this session, or one that the state directory keeps.
    ///
    /// # Errors
    /// When there is no such job, another process runs it, an option is wrong, or the state can't be restored.
    pub fn restore(
        &mut self,
        name: &Spanned<String>,
        from: &Restore,
        options: &[(Spanned<String>, ExprNode)],
    ) -> Result<Outcome, Failure> {
        if self.find_job(&name.node).is_none() {
            return self.restore_kept(name, from, options);
        }
        let entry = self.job(name)?;
        let results = entry.results.clone();
        let mut plan = entry.plan.clone();
        plan.settings = Arc::new(JobSettings::clone(&plan.settings).with(options)?);
        // The last checkpoint of a run that has none is not that of a run before it.
        let nothing = *from == Restore::Latest && !entry.job.has_checkpoint();
        let from = if nothing { Restore::Fresh } else { from.clone() };
        let options = JobOptions {
            statement: entry.statement.clone(),
            executor: self.settings.executor,
            ..JobOptions::of(&plan.settings)
        };
        let mut spec = JobSpec::new(plan.stream_graph(), options, from);
        // A running job is not ended for a slip of the keyboard.
        entry.job.check_restore(&spec)?;
        entry.job.cancel();
        let _ = entry.job.wait(None);
        spec.options.past = Past::of(&entry.job.view());
        let directory = self.job_directory(&plan.name)?;
        let outcome = self.launch(plan, spec, results, &directory)?;
        if let (Outcome::Started { job, .. }, true) = (&outcome, nothing) {
            return Ok(Outcome::Started { job: job.clone(), note: Some(NOTHING.to_owned()) });
        }
        Ok(outcome)
    }

    /// Takes a running job to another parallelism, at which it is restored from then on.
    ///
    /// # Errors
    /// When there is no such job, or it can't be rescaled now.
    pub fn rescale(&mut self, name: &Spanned<String>, parallelism: usize) -> Result<&JobEntry, Failure> {
        self.job(name)?.job.rescale(parallelism)?;
        let entries = self.jobs.iter_mut();
        for entry in entries.filter(|entry| entry.name.eq_ignore_ascii_case(&name.node)) {
            Arc::make_mut(&mut entry.plan.settings).parallelism = parallelism;
        }
        Ok(self.job(name)?)
    }

    /// The job called `name`.
    ///
    /// # Errors
    /// When there is none, with the near name.
    pub fn job(&self, name: &Spanned<String>) -> Result<&JobEntry, Diagnostic> {
        self.find_job(&name.node).ok_or_else(|| self.no_job(name))
    }

    fn find_job(&self, name: &str) -> Option<&JobEntry> {
        self.jobs.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// Every job of the session, in the order they were started.
    pub fn jobs(&self) -> impl Iterator<Item = &JobEntry> {
        self.jobs.iter()
    }

    /// The jobs that are not over.
    pub fn running(&self) -> impl Iterator<Item = &JobEntry> {
        self.jobs.iter().filter(|entry| !entry.job.view().status.is_final())
    }

    /// Cancels every job and waits for them.
    pub fn cancel_all(&self) {
        for entry in self.running() {
            entry.job.cancel();
            let _ = entry.job.wait(None);
        }
    }

    /// Stops every job with a last checkpoint; one that can't take it is cancelled.
    pub fn stop_all(&self) {
        for entry in self.running() {
            if entry.job.stop(None, false).is_err() {
                entry.job.cancel();
            }
            let _ = entry.job.wait(None);
        }
    }

    /// The directory of the jobs' state.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.settings.state_dir
    }
}

/// The catalog of a session that has defined nothing.
fn catalog(settings: &Settings, remembered: &Remembered, registries: Registries) -> Catalog {
    let catalog = Catalog::new().before(demo_data::level(registries));
    match remembered.level(settings, registries) {
        Some(level) => catalog.before(level),
        None => catalog,
    }
}

fn environment<'a>(registries: &'a Registries, settings: &Settings, results: &Arc<dyn ResultSink>) -> Environment<'a> {
    Environment {
        registries,
        optimizer: optimizer_ops(),
        base_dir: settings.base_dir.clone(),
        results: results.clone(),
    }
}

/// The parallelism of the command line, which no statement's place can be shown for.
fn checked(parallelism: usize, max_parallelism: u16) -> Result<usize, Diagnostic> {
    if (1..=usize::from(max_parallelism)).contains(&parallelism) {
        Ok(parallelism)
    } else {
        Err(Diagnostic::new(format!("--parallelism must be from 1 to {max_parallelism}, not {parallelism}")))
    }
}
