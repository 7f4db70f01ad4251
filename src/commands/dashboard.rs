//! `dashboard [JOB]`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, ShellRequest};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "dashboard",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
        usage: "dashboard [JOB]",
        summary: "watches a job on the whole screen",
        help: "The dashboard shows a job while it runs, the one started last when none is named: its graph, \
               subtasks, watermarks, windows, keyed state, checkpoints, output and log. The keys stand in the last \
               line; `?` explains them, `:` takes any statement, `q` and F2 go back to the prompt. Every panel is \
               also a command that prints it: `graph JOB`, `windows JOB` and so on.",
        examples: &["dashboard hot"],
        flink: Some("the web dashboard"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let job = match args.head.first() {
        Some(_) => Some(session.job(args.word(0)?)?.name.clone()),
        None => None,
    };
    Ok(Outcome::Shell(ShellRequest::Dashboard(job)))
}
