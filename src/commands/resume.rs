//! `resume JOB`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "resume",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[] },
        usage: "resume JOB",
        summary: "lets the sources of a paused job go on",
        help: "Lets the sources of a paused job go on from where they were held.",
        examples: &["resume hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let entry = session.job(args.word(0)?)?;
    entry.job.resume()?;
    Ok(Outcome::Message(format!("job {} goes on", entry.name)))
}
