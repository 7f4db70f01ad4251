//! The pager: long texts scroll.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::output::outlet;
use crate::types::Printable;

/// The pager where $PAGER says none: it ends by itself where the text fits, keeps colours, cuts long lines and leaves the
/// text on the screen.
const LESS: &str = "less -RFSX";
/// The same options for whoever starts `less` without any.
const LESS_OPTIONS: &str = "RFSX";
/// The exit codes with which `sh` says that there is no such program.
const NO_PROGRAM: std::ops::RangeInclusive<i32> = 126..=127;

/// The pager of long texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Pager {
    /// $PAGER, or else `less`.
    #[default]
    Usual,
    /// None: texts are printed.
    Off,
    /// This command.
    Command(String),
}

impl Pager {
    /// The pager that `.pager` names.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "on" => Self::Usual,
            "off" => Self::Off,
            command => Self::Command(command.to_owned()),
        }
    }

    /// The command that shows texts, if any.
    pub(super) fn command(&self) -> Option<String> {
        match self {
            Self::Off => None,
            Self::Command(command) => Some(command.clone()),
            Self::Usual => match std::env::var("PAGER") {
                Ok(command) => Some(command).filter(|command| !command.trim().is_empty()),
                Err(_) => Some(LESS.to_owned()),
            },
        }
    }

    /// Whether the text was shown by the pager: it is printed where there is none, or it can't be started.
    pub(super) fn shows(&self, text: &Printable) -> bool {
        let Some(command) = self.command() else { return false };
        let _held = outlet().ask(&Printable::default());
        let _modes = Modes::kept();
        let mut pager = Command::new("sh");
        if std::env::var_os("LESS").is_none() {
            // Where $PAGER is `less` without a word, as it often is.
            pager.env("LESS", LESS_OPTIONS);
        }
        let Ok(mut pager) = pager.args(["-c", &command]).stdin(Stdio::piped()).spawn() else {
            return false;
        };
        if let Some(mut to) = pager.stdin.take() {
            // Whoever leaves the pager early has seen enough.
            let _ = to.write_all(text.as_str().as_bytes());
        }
        pager.wait().is_ok_and(|status| !status.code().is_some_and(|code| NO_PROGRAM.contains(&code)))
    }
}

/// The terminal's modes, which are as they were when this is dropped, whatever a program left behind.
pub(super) struct Modes(Option<rustix::termios::Termios>);

impl Modes {
    pub(super) fn kept() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        if let Some(modes) = &self.0 {
            // A terminal that is gone needs no restoring.
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, modes);
        }
    }
}
