//! `pause JOB`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "pause",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[] },
        usage: "pause JOB",
        summary: "holds a job: its sources read nothing until it is resumed",
        help: "What is already inside the job flows on. Checkpoints can still be taken. `resume JOB` lets the \
               sources go on.",
        examples: &["pause hot", "resume hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let entry = session.job(args.word(0)?)?;
    entry.job.pause()?;
    Ok(Outcome::Message(format!("job {} is paused; `resume {}` lets it go on", entry.name, entry.name)))
}
