//! SIGTSTP and SIGCONT, taken over from the system when the dashboard is first opened: nobody else could give the terminal
//! back before the process stops. They cannot be handed back, so they are acted on from then on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use super::terminal;
use crate::types::{Error, Result};

/// The time that a stop may take to come, milliseconds.
const STOP_MS: u64 = 300;

static JOB_CONTROL: OnceLock<JobControl> = OnceLock::new();

/// The state of what was seen of SIGTSTP and SIGCONT.
#[derive(Debug)]
pub(super) struct JobControl {
    /// Whether SIGTSTP has come since somebody looked.
    stop: AtomicBool,
    /// The number of times the process has been continued.
    continued: AtomicUsize,
    /// The terminal's modes when the dashboard was first opened: those that statements run in.
    modes: Option<Termios>,
}

impl JobControl {
    /// Takes the signals over, once.
    ///
    /// # Errors
    /// When they can't be had.
    pub(super) fn install() -> Result<&'static Self> {
        if let Some(installed) = JOB_CONTROL.get() {
            return Ok(installed);
        }
        let failed = |error| Error::io("job control", error);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
        let guard = runtime.enter();
        let stops = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).map_err(failed)?;
        let continues = signal(SignalKind::from_raw(Signal::CONT.as_raw())).map_err(failed)?;
        drop(guard);
        let control = JOB_CONTROL.get_or_init(|| Self {
            stop: AtomicBool::new(false),
            continued: AtomicUsize::new(0),
            modes: tcgetattr(std::io::stdin()).ok(),
        });
        std::thread::Builder::new()
            .name("job-control".to_owned())
            .spawn(move || runtime.block_on(control.listen(stops, continues)))
            .map_err(failed)?;
        Ok(control)
    }

    /// Whether SIGTSTP has come since the last call.
    pub(super) fn take_stop(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }

    /// The number of times the process has been continued.
    pub(super) fn continued(&self) -> usize {
        self.continued.load(Ordering::SeqCst)
    }

    async fn listen(&self, mut stops: Receiver, mut continues: Receiver) {
        loop {
            tokio::select! {
                _ = stops.recv() => {
                    if terminal::is_held() {
                        self.stop.store(true, Ordering::SeqCst);
                    } else {
                        self.stop_here(&mut continues).await;
                    }
                }
                _ = continues.recv() => {
                    self.continued.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    /// Stops as the system does on SIGTSTP unless it is taken over. The prompt may have the terminal in a mode of its
    /// own: whoever gets it meanwhile finds it as statements do.
    async fn stop_here(&self, continues: &mut Receiver) {
        let stdin = std::io::stdin();
        let modes = tcgetattr(&stdin).ok();
        if let Some(cooked) = &self.modes {
            let _ = tcsetattr(&stdin, OptionalActions::Now, cooked);
        }
        let _ = kill_process(getpid(), Signal::STOP);
        // The stop need not have come when `kill` returns.
        let _ = tokio::time::timeout(Duration::from_millis(STOP_MS), continues.recv()).await;
        self.continued.fetch_add(1, Ordering::SeqCst);
        if let Some(modes) = &modes {
            let _ = tcsetattr(&stdin, OptionalActions::Now, modes);
        }
    }
}

type Receiver = tokio::signal::unix::Signal;
