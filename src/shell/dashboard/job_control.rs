//! SIGTSTP and SIGCONT, taken over from the system when the dashboard is first opened: nobody else could give the terminal
//! back before the process stops. They cannot be handed back, so they are acted on from then on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::super::caught::Caught;
use super::terminal;
use crate::types::{Error, Result};

/// The places of the two signals.
const STOPS: usize = 0;
const CONTINUES: usize = 1;
/// Between two looks at signals that have been waited for: nothing hangs on it.
const LOOK: Duration = Duration::from_mins(1);
/// How long a stop may take to come: so many looks.
const STOP_LOOKS: u32 = 30;
const STOP_LOOK: Duration = Duration::from_millis(10);

static JOB_CONTROL: OnceLock<JobControl> = OnceLock::new();

/// What was seen of SIGTSTP and SIGCONT.
#[derive(Debug)]
pub(super) struct JobControl {
    /// Whether SIGTSTP has come since somebody looked.
    stop: AtomicBool,
    /// How often the process has been continued.
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
        let caught = Caught::take_over([Signal::TSTP, Signal::CONT]).map_err(failed)?;
        let control = JOB_CONTROL.get_or_init(|| Self {
            stop: AtomicBool::new(false),
            continued: AtomicUsize::new(0),
            modes: tcgetattr(std::io::stdin()).ok(),
        });
        std::thread::Builder::new()
            .name("job-control".to_owned())
            .spawn(move || control.listen(caught))
            .map_err(failed)?;
        Ok(control)
    }

    /// Whether SIGTSTP has come since the last call.
    pub(super) fn take_stop(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }

    /// How often the process has been continued.
    pub(super) fn continued(&self) -> usize {
        self.continued.load(Ordering::SeqCst)
    }

    fn listen(&self, mut caught: Caught<2>) {
        loop {
            caught.wait(LOOK);
            if caught.take(STOPS) {
                if terminal::is_held() {
                    self.stop.store(true, Ordering::SeqCst);
                } else {
                    self.stop_here(&mut caught);
                }
            }
            if caught.take(CONTINUES) {
                self.continued.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// What the system does on SIGTSTP unless it is taken over. The prompt may have the terminal in a mode of its own:
    /// whoever gets it meanwhile finds it as statements do.
    fn stop_here(&self, caught: &mut Caught<2>) {
        let stdin = std::io::stdin();
        let modes = tcgetattr(&stdin).ok();
        if let Some(cooked) = &self.modes {
            let _ = tcsetattr(&stdin, OptionalActions::Now, cooked);
        }
        let _ = kill_process(getpid(), Signal::STOP);
        // The stop need not have come when `kill` returns.
        for _ in 0..STOP_LOOKS {
            caught.wait(STOP_LOOK);
            if caught.take(CONTINUES) {
                break;
            }
        }
        self.continued.fetch_add(1, Ordering::SeqCst);
        if let Some(modes) = &modes {
            let _ = tcsetattr(&stdin, OptionalActions::Now, modes);
        }
    }
}
