//! The shell, which every way of running statements shares.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Arc;

use super::cli::RunOptions;
use super::mode::Mode;
use super::pager::Pager;
use super::record::Recorder;
use super::row_text::Look;
use super::rows::RowPrinter;
use super::signals::Interrupts;
use super::transcript::{self, Transcript};
use super::{dashboard, paths, print, render};
use crate::lang::ast::Statement;
use crate::runtime::Executor;
use crate::session::{Failure, Listing, Memory, RestoreFrom, Session, Settings};
use crate::types::{Clock, Error, Printable, SystemClock, thousands};

/// A session, and how what it gives is shown.
pub(super) struct Shell {
    pub(super) session: Session,
    pub(super) rows: Arc<RowPrinter>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) interrupts: Interrupts,
    pub(super) quiet: bool,
    pub(super) timer: bool,
    /// What belongs to the prompt, if a person sits there: then programs may be started and questions asked.
    pub(super) prompt: Option<AtPrompt>,
    /// The transcript that what is shown goes to as well: a session is being recorded or replayed.
    pub(super) transcript: Option<Arc<Transcript>>,
    pub(super) recorder: Option<Recorder>,
    /// Jobs of which it was said how they ended.
    pub(super) told: BTreeSet<String>,
    /// The options of the dashboard that last between two openings.
    pub(super) dashboard: Option<crate::dashboard::AppOptions>,
    /// The pipeline shown last, as typed: a line that begins with `|` goes on with it.
    last_pipeline: Option<String>,
}

/// What belongs to the prompt.
#[derive(Debug, Default)]
pub(super) struct AtPrompt {
    /// The pager of long texts.
    pub(super) pager: Pager,
    /// Whether `.edit` was typed: the prompt knows the last statement.
    pub(super) edit: bool,
}

impl Shell {
    pub(super) fn new(options: &RunOptions, memory: Memory) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rows = Arc::new(RowPrinter::new(options.output.unwrap_or_else(Mode::default_for_stdout)));
        let dim = render::colour() && std::io::stdout().is_terminal();
        rows.set_look(Look { dim, ..Look::default() });
        let session = Session::new(
            Settings { memory, ..settings(options)? },
            clock.clone(),
            dashboard::PanickingRows::around(rows.clone()),
            crate::commands::specs(),
        );
        let interrupts = Interrupts::install()?;
        Ok(Self::with(session, rows, clock, interrupts, options.quiet))
    }

    pub(super) fn with(
        mut session: Session,
        rows: Arc<RowPrinter>,
        clock: Arc<dyn Clock>,
        interrupts: Interrupts,
        quiet: bool,
    ) -> Self {
        let told = BTreeSet::new();
        let asked = interrupts.clone();
        session.set_interrupted(Arc::new(move || asked.is_pending()));
        Self {
            session,
            rows,
            clock,
            interrupts,
            quiet,
            timer: false,
            prompt: None,
            transcript: None,
            recorder: None,
            told,
            dashboard: None,
            last_pipeline: None,
        }
    }

    /// The statement that a person means who types `line` when none is open: one that begins with `|` goes on with the
    /// pipeline that was shown last.
    pub(super) fn continued<'l>(&self, line: &'l str) -> Cow<'l, str> {
        match &self.last_pipeline {
            Some(pipeline) if line.trim_start().starts_with('|') => format!("{pipeline}\n{line}").into(),
            Some(_) | None => line.into(),
        }
    }

    /// Remembers a statement that ran, `typed` so, for [`continued`](Self::continued).
    pub(super) fn ran(&mut self, statement: &Statement, typed: &str) {
        if matches!(statement, Statement::Preview(_)) {
            self.last_pipeline = Some(typed.trim_end().to_owned());
        }
    }

    /// Shows data.
    pub(super) fn data(&self, text: impl Into<Printable>) -> Result<(), Error> {
        let text = text.into();
        if let Some(transcript) = &self.transcript {
            transcript.push(&text);
        }
        if self.rows.is_shown() { self.print(text) } else { Ok(()) }
    }

    /// Prints data; what does not fit the terminal goes through the pager at the prompt.
    fn print(&self, text: Printable) -> Result<(), Error> {
        if !render::fits_terminal(&text) && self.page(&text) { Ok(()) } else { print::data(text) }
    }

    /// Whether long texts go through a pager.
    pub(super) fn pages(&self) -> bool {
        std::io::stdout().is_terminal() && self.prompt.as_ref().is_some_and(|prompt| prompt.pager.command().is_some())
    }

    /// Shows the text by the pager; whether it did.
    pub(super) fn page(&self, text: &Printable) -> bool {
        let paged = self.pages() && self.prompt.as_ref().is_some_and(|prompt| prompt.pager.shows(text));
        if paged {
            // Ctrl-C there was meant for the pager.
            self.interrupts.take();
        }
        paged
    }

    /// Shows a remark.
    pub(super) fn message(&self, text: impl Into<Printable>) {
        let text = text.into();
        if let Some(transcript) = &self.transcript {
            transcript.push(&text);
        }
        if self.rows.is_shown() {
            print::error(text);
        }
    }

    /// Shows a listing: as wide as the terminal, or as a session's page.
    pub(super) fn listing(&self, listing: &Listing) -> Result<(), Error> {
        if let Some(transcript) = &self.transcript {
            transcript.push(&render::listing(listing, Some(transcript::WIDTH)));
        }
        if self.rows.is_shown() { self.print(render::listing(listing, render::terminal_width())) } else { Ok(()) }
    }

    /// Shows why a statement of `text` failed.
    pub(super) fn failure(&self, failure: &Failure, text: &str, origin: &str) {
        if let Some(transcript) = &self.transcript {
            transcript.push(&render::failure(failure, text, "<input>", false, None));
        }
        if self.rows.is_shown() {
            print::placed(render::failure(failure, text, origin, render::colour(), render::message_width()));
        }
    }

    /// Says how many rows a preview had, to a person.
    pub(super) fn count_rows(&self) {
        let counted = self.rows.begin();
        if let Some(transcript) = &self.transcript
            && let Some(rows) = counted.in_transcript
            && transcript.mode().is_for_people()
        {
            transcript.push(&row_count(rows));
        }
        if let Some(rows) = counted.on_screen
            && self.rows.mode().is_for_people()
            && std::io::stdout().is_terminal()
        {
            print::error(row_count(rows));
        }
    }

    /// Says that a preview had more rows than were wanted.
    pub(super) fn rows_are_cut(&self) {
        self.rows.begin();
        let wanted = self.rows.wanted().unwrap_or_default();
        let rows = if wanted == 1 { "1 row".to_owned() } else { format!("{} rows", thousands(wanted)) };
        self.message(format!("{rows}; more: `| limit n`, `.rows n`, or `run`\n"));
    }

    /// Puts the rows that jobs have printed meanwhile into the transcript.
    pub(super) fn release_rows(&self) {
        if let Some(transcript) = &self.transcript {
            transcript.release();
        }
    }

    /// Sets the transcript that what is shown goes to as well.
    pub(super) fn set_transcript(&mut self, transcript: Option<Arc<Transcript>>) {
        self.rows.set_transcript(transcript.clone());
        self.transcript = transcript;
    }

    pub(super) fn start_recording(&mut self, recorder: Recorder) {
        self.set_transcript(Some(recorder.transcript()));
        self.recorder = Some(recorder);
    }

    pub(super) fn stop_recording(&mut self) -> Option<Recorder> {
        let recorder = self.recorder.take()?;
        self.set_transcript(None);
        Some(recorder)
    }
}

fn row_count(rows: u64) -> Printable {
    match rows {
        0 => "(no rows)\n".into(),
        1 => "(1 row)\n".into(),
        rows => format!("({} rows)\n", thousands(rows)).into(),
    }
}

fn settings(options: &RunOptions) -> Result<Settings, Error> {
    let base_dir = std::env::current_dir().map_err(|error| Error::io(".", error))?;
    let state_dir = match &options.state_dir {
        Some(directory) => base_dir.join(directory),
        None => paths::state_dir()?,
    };
    let mut settings = Settings::new(base_dir.clone(), state_dir);
    settings.parallelism = options.parallelism;
    settings.restore = options.restore.as_deref().map(|from| match from {
        "latest" => RestoreFrom::Latest,
        directory => RestoreFrom::Savepoint(base_dir.join(directory)),
    });
    settings.allow_non_restored_state = options.allow_non_restored_state;
    settings.stop_after_rows = options.stop_after;
    settings.savepoint = options.savepoint.as_ref().map(|directory| base_dir.join(directory));
    settings.drain = !options.no_drain;
    settings.drain_at_limit = options.drain;
    if let Some(rows) = options.batch_rows {
        settings.batch_rows = rows.max(1);
    }
    if let Some(seed) = options.seed {
        settings.executor = Executor::Stepping { seed };
    }
    Ok(settings)
}
