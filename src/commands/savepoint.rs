//! `savepoint JOB to 'DIR'`

use super::command::Command;
use crate::api::{Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};
use crate::types::Diagnostic;

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "savepoint",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[Clause { keyword: "to", shape: Shape::Text, required: true, help: "the directory to write" }],
        },
        usage: "savepoint JOB to 'DIR'",
        summary: "writes a savepoint of a job",
        help: "A savepoint is the state of the job at one moment, in files of your own: a directory of a JSON \
               manifest and Parquet files, which never expires. The directory must not exist yet, or be empty. \
               `restore JOB from savepoint 'DIR'` goes on from it.",
        examples: &["savepoint hot to 'sp/hot-1'"],
        flink: Some("savepoint"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let to =
        args.clause_word("to")?.ok_or_else(|| Diagnostic::at(args.span, "where to? write `savepoint JOB to 'DIR'`"))?;
    let directory = session.path(&to.node);
    let entry = session.job(args.word(0)?)?;
    let taken = entry.job.savepoint(&directory)?;
    Ok(Outcome::Message(format!("savepoint {} of {} took {} ms", to.node, entry.name, taken.duration_ms.unwrap_or(0))))
}
