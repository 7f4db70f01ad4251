//! `windows JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "windows",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "windows JOB [--json]",
        summary: "lists the open windows of a job",
        help: "Of each subtask with a window operator: the windows that hold state, the next to fire first, with the \
               number of their keys, the rows taken since the job was last started (`rows_in`), and how far the \
               watermark still is from their end. `values` shows some keys with the results that they would have if \
               the window fired now; up to twenty with `--json`.\n\
               \n\
               Behind them stand windows that have fired and still take late rows, and the windows that fired last, \
               with the rows that they gave (`rows_out`), one a key. A window of several slices (hop, cumulate) \
               shows how many keys it has if it is the next to fire and they are not too many; of the others at \
               least the keys of their fullest slice.",
        examples: &["windows hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::windows(&view).json(json(args))))
}
