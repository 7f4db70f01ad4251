//! `stop JOB [with savepoint 'DIR'] [drain]`

use super::command::Command;
use crate::api::{Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "stop",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[
                Clause {
                    keyword: "with savepoint",
                    shape: Shape::Text,
                    required: false,
                    help: "the directory to write a savepoint to",
                },
                Clause {
                    keyword: "drain",
                    shape: Shape::Flag,
                    required: false,
                    help: "fires every open window first, as if the input had ended",
                },
            ],
        },
        usage: "stop JOB [with savepoint 'DIR'] [drain]",
        summary: "ends a job after a last checkpoint",
        help: "The sources stop, the job takes a last checkpoint, the sinks commit what they have, and the job ends. \
               Open windows stay in the state, and go on after a `restore`. With `drain` they fire first.",
        examples: &["stop hot with savepoint 'sp/hot-3'", "restore hot", "stop hot drain"],
        flink: Some("STOP JOB … WITH SAVEPOINT"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let to = args.clause_word("with savepoint")?;
    let savepoint = to.map(|to| session.path(&to.node));
    let entry = session.job(args.word(0)?)?;
    entry.job.stop(savepoint.as_deref(), args.clause("drain").is_some())?;
    let written = to.map_or_else(String::new, |to| format!("; savepoint {} is written", to.node));
    Ok(Outcome::Message(format!("job {} is stopped{written}", entry.name)))
}
