//! Layer 6: the shell's commands, one file each. A command returns values and prints nothing.
//!
//! A new command is a file with a `SPEC` and a line in `commands` below; the parser, help and completion follow from it.

pub mod bench;
mod cancel;
mod checkpoint;
mod checkpoints;
mod command;
mod dashboard;
mod describe;
mod display;
mod drop;
mod explain;
mod forget;
mod graph;
mod help;
mod kill;
mod log;
mod output;
mod outside;
mod pause;
mod rescale;
mod restore;
mod resume;
mod rounds;
mod savepoint;
mod shell;
mod show;
mod state;
mod stop;
mod subtasks;
mod timers;
mod tutorial;
mod wait;
mod watermarks;
mod why_late;
mod windows;

pub use command::Command;
pub use help::{Kind as HelpKind, Topic as HelpTopic, topics as help_topics};

use std::sync::LazyLock;

use crate::api::CommandSpec;
use crate::lang::ast::Statement;
use crate::session::{Failure, Outcome, Session};
use crate::types::Diagnostic;

/// Every command.
fn commands() -> &'static [&'static Command] {
    &[
        &show::SPEC,
        &describe::SPEC,
        &describe::SHORT,
        &drop::SPEC,
        &explain::SPEC,
        &checkpoint::SPEC,
        &checkpoints::SPEC,
        &savepoint::SPEC,
        &restore::SPEC,
        &rescale::SPEC,
        &pause::SPEC,
        &resume::SPEC,
        &stop::SPEC,
        &cancel::SPEC,
        &wait::SPEC,
        &kill::SUBTASK,
        &kill::TASK_MANAGER,
        &graph::SPEC,
        &subtasks::SPEC,
        &watermarks::SPEC,
        &windows::SPEC,
        &timers::SPEC,
        &rounds::SPEC,
        &state::SPEC,
        &output::SPEC,
        &log::SPEC,
        &why_late::SPEC,
        &dashboard::SPEC,
        &help::SPEC,
        &help::SHORT,
        &shell::MODE,
        &shell::ROWS,
        &display::EXPANDED,
        &display::FORMAT,
        &display::SET,
        &shell::TIMER,
        &shell::READ,
        &shell::RECORD,
        &outside::OUTPUT,
        &outside::EDIT,
        &outside::OUTSIDE,
        &outside::PAGER,
        &outside::CLEAR,
        &forget::SPEC,
        &tutorial::SPEC,
        &shell::QUIT,
    ]
}

/// The commands as parser, help and completion need them.
#[must_use]
pub fn specs() -> &'static [CommandSpec] {
    static ALL: LazyLock<Vec<CommandSpec>> = LazyLock::new(|| commands().iter().map(|command| command.spec).collect());
    &ALL
}

/// Runs a statement: a command, or a definition or pipeline.
///
/// # Errors
/// What was typed is wrong, or the engine failed.
pub fn execute(session: &mut Session, statement: &Statement) -> Result<Outcome, Failure> {
    let Statement::Command(args) = statement else { return session.define_or_run(statement) };
    let command = commands()
        .iter()
        .find(|command| command.spec.name == args.name.node)
        .ok_or_else(|| Diagnostic::at(args.name.span, format!("there is no command `{}`", args.name.node)))?;
    (command.run)(args, session)
}
