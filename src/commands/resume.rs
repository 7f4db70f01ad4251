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
        summary: "lets a paused job go on",
        help: "The sources go on reading where `pause JOB` held them.",
        examples: &["pause hot", "resume hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let entry = session.job(args.word(0)?)?;
    entry.job.resume()?;
    Ok(Outcome::Message(format!("job {} goes on", entry.name)))
}
