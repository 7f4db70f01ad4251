//! The registry entry of a command.

use crate::api::{Clause, CommandSpec, Shape, StageArgs};
use crate::session::{Failure, Outcome, Session};

/// One command: the registry entry.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// The command's syntax and help.
    pub spec: CommandSpec,
    /// Runs it.
    pub run: fn(&StageArgs, &mut Session) -> Result<Outcome, Failure>,
}

/// `--json`, which every listing takes.
pub(super) const JSON: Clause = Clause { keyword: "--json", shape: Shape::Flag, required: false, help: "prints JSON" };

/// Whether `--json` was typed.
pub(super) fn json(args: &StageArgs) -> bool {
    args.clause("--json").is_some()
}
