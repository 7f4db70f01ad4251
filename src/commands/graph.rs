//! `graph JOB`

use super::command::{Command, JSON, json};
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, listings};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "graph",
        aliases: &[],
        signature: Signature { head: &[Shape::Name], optional: &[], clauses: &[JSON] },
        usage: "graph JOB [--json]",
        summary: "lists the vertices of a job and the exchanges between them",
        help: "One row is one vertex of the job graph: the operators that are chained in it, its parallelism, the \
               vertices that it reads from with the kind of exchange and its rows, the rows in and out, and the \
               share of time that its subtasks were busy, back-pressured and idle.",
        examples: &["graph hot"],
        flink: Some("the job graph of the web UI"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let view = session.job(args.word(0)?)?.job.fresh_view();
    Ok(Outcome::Listing(listings::graph(&view).json(json(args))))
}
