//! `cancel JOB`

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "cancel",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[] },
        usage: "cancel JOB",
        summary: "ends a job at once",
        help: "The job ends without a last checkpoint. Output that no checkpoint has committed is lost. Earlier \
               checkpoints stay, and `restore JOB` goes on from the last one. `stop JOB` ends a job and loses \
               nothing.",
        examples: &["cancel hot"],
        flink: Some("CANCEL JOB"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let entry = session.job(args.word(0)?)?;
    if let Some(status) = entry.job.wait(Some(0)) {
        return Ok(Outcome::Message(format!("job {} is {} already", entry.name, status.name())));
    }
    entry.job.cancel();
    Ok(Outcome::Message(format!("job {} is cancelled", entry.name)))
}
