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
        help: "For each subtask with a window operator: the windows that hold state, the next to fire first, with their keys, rows_in (rows taken since the job was last started), and how far the watermark still is from their end; values shows some keys with what their aggregates would come to if the window fired now, up to twenty with --json. rows_out are the rows of a window that fired, one a key. A window that has fired and still takes late rows is listed as such, and behind those the windows that fired last. Of windows made of several slices (hop, cumulate) the keys are counted for the next to fire, if they are not too many; else keys is at least that of the fullest slice.",
        examples: &["windows hot"],
        flink: None,
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::windows(&view).json(json(args))))
}
