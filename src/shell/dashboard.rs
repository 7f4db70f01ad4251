//! Between prompt and dashboard: the threads that keep it answering while the session works.
//!
//! The main thread owns the terminal and waits for nothing but keys. The session is lent to a thread that runs one
//! statement after another; a third reads what takes time to read (keyed state) and writes exported files.

mod capture;
mod fault;
mod job_control;
mod messages;
mod reader;
mod statements;
mod terminal;
mod ui;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{Scope, ScopedJoinHandle};

pub(super) use fault::{PanickingRows, panic_if_asked};
pub(super) use messages::Left;
pub(super) use terminal::give_back;

use super::output::outlet;
use super::print;
use super::shell::Shell;
use crate::dashboard::{Answer, App, AppOptions, Caption, Look, panels};
use crate::types::{Error, Printable, Result};
use capture::Capture;
use job_control::JobControl;
use ui::{Channels, Closed, Signals, Ui};

/// Messages that wait between two threads.
const QUEUE: usize = 64;

/// Shows the dashboard on `job` (or the job started last), until the person comes back to the prompt.
///
/// # Errors
/// When there is no terminal to draw on, or it is lost.
pub(super) fn open(shell: &mut Shell, job: Option<&str>) -> Result<Left> {
    watch(shell, job, None)
}

/// The same on the jobs of a demo, which end when it is left.
///
/// # Errors
/// As [`open`].
pub(super) fn watch(shell: &mut Shell, job: Option<&str>, demo: Option<Caption>) -> Result<Left> {
    check_terminal(job)?;
    shell.interrupts.follow_terminal();
    let job_control = JobControl::install()?;
    let mut options = shell.dashboard.take().unwrap_or_else(|| AppOptions { look: look(), ..AppOptions::default() });
    // Without a name the job started last, whichever was shown before.
    options.job = job.map(str::to_owned);
    options.demo = demo;
    let hidden = outlet().hide();
    let done = show(shell, options, job_control);
    drop(hidden);
    let Done { closed, undelivered } = done?;
    for answer in undelivered {
        print::error(format!("{}\n", answer.text.trim_end()));
    }
    shell.dashboard = Some(closed.options);
    closed.left
}

/// The state that is left when the dashboard is closed.
struct Done {
    closed: Closed,
    /// Answers that came after it was closed.
    undelivered: Vec<Answer>,
}

fn show(shell: &mut Shell, options: AppOptions, job_control: &JobControl) -> Result<Done> {
    let (clock, interrupts) = (Arc::clone(&shell.clock), shell.interrupts.clone());
    let directory = shell.session.settings().base_dir.clone();
    let capture = &Arc::new(Capture::default());
    let (asks, asked) = sync_channel(QUEUE);
    let (errands, errand) = sync_channel(QUEUE);
    let (report, reports) = sync_channel(QUEUE);
    std::thread::scope(|scope| {
        let reader = report.clone();
        let reading = spawn(scope, "reader", move || reader::serve(&errand, &reader, &directory))?;
        let running = spawn(scope, "statements", move || statements::serve(shell, &asked, &report, capture))?;
        let app = App::new(panels(), options);
        let closed =
            Ui::new(app, Channels { asks, errands, reports }, clock, Signals { interrupts, job_control }, capture)
                .run();
        if !closed.waiting.is_empty() && !running.is_finished() {
            // The session comes back when the statement has ended; a person who waits should know for what.
            print::error(Printable::line(&format!("waiting for: {}", closed.waiting.join("; "))));
        }
        let undelivered = running.join().map_err(|_| panicked("runs statements"))?;
        reading.join().map_err(|_| panicked("reads state"))?;
        Ok(Done { closed, undelivered })
    })
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, work)
        .map_err(|error| Error::io("the dashboard's threads", error))
}

fn panicked(what: &str) -> Error {
    Error::config(format!("the dashboard's thread that {what} panicked; this is a mistake in lotic"))
}

/// Whether there is a terminal that can show a full screen.
pub(super) fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !is_dumb()
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn check_terminal(job: Option<&str>) -> Result<()> {
    if has_terminal() {
        return Ok(());
    }
    let why = match (std::io::stdin().is_terminal(), std::io::stdout().is_terminal()) {
        (true, true) => "TERM=dumb can't show it",
        (false, _) => "standard input is not one",
        (_, false) => "standard output is not one",
    };
    let names: Vec<&str> = panels().iter().map(|panel| panel.name).collect();
    let job = job.unwrap_or("JOB");
    Err(Error::config(format!(
        "the dashboard needs a terminal, and {why}; {} print the same, such as `{} {job}`, as JSON with --json",
        names.join(", "),
        names.first().copied().unwrap_or("subtasks")
    )))
}

/// The colours that fit the terminal, as far as it says so.
fn look() -> Look {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return Look::Plain;
    }
    // `foreground;background`, as numbers of the palette; set by several terminals.
    let background = set("COLORFGBG").and_then(|value| value.rsplit(';').next().map(str::to_owned));
    if matches!(background.as_deref(), Some("7" | "15")) { Look::Light } else { Look::Dark }
}
