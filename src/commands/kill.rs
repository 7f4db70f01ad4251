//! `kill subtask VERTEX[I] of JOB`, `kill taskmanager N [of JOB]`

use super::command::Command;
use crate::api::{Arg, Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::inspect::{JobView, VertexView};
use crate::session::{Failure, Outcome, Session};
use crate::types::{Diagnostic, Spanned, SubtaskId, VertexId};

const OF: Clause = Clause { keyword: "of", shape: Shape::Name, required: true, help: "the job" };

/// Fails one subtask.
pub(super) const SUBTASK: Command = Command {
    spec: CommandSpec {
        name: "kill subtask",
        aliases: &[],
        signature: Signature { head: &[Shape::Subtask], optional: &[], clauses: &[OF] },
        usage: "kill subtask VERTEX[I] of JOB",
        summary: "fails one subtask on purpose",
        help: "The subtask fails as if it had crashed, and the job restarts from its last checkpoint. VERTEX is the \
               number or the name of a vertex in `subtasks JOB`, or a part of the name that no other vertex has. I \
               is the number of the subtask, from 0.",
        examples: &["kill subtask window[0] of hot"],
        flink: None,
    },
    run: kill_subtask,
};

/// Fails one task manager.
pub(super) const TASK_MANAGER: Command = Command {
    spec: CommandSpec {
        name: "kill taskmanager",
        aliases: &[],
        signature: Signature { head: &[Shape::Integer], optional: &[], clauses: &[Clause { required: false, ..OF }] },
        usage: "kill taskmanager N [of JOB]",
        summary: "fails all slots of one task manager on purpose",
        help: "Every subtask in the slots of the task manager fails, as if its process had died. The jobs that run \
               there restart from their last checkpoints: the job that is named, or all, as jobs share the task \
               managers of a Flink cluster. Task managers are numbered from 1.",
        examples: &["kill taskmanager 1 of hot", "wait hot until restart 1 timeout 60s", "kill taskmanager 1"],
        flink: None,
    },
    run: kill_task_manager,
};

fn kill_subtask(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let job = args.clause_word("of")?;
    let job = job.ok_or_else(|| Diagnostic::at(args.span, "of which job? write `kill subtask VERTEX[I] of JOB`"))?;
    let entry = session.job(job)?;
    let Some(Arg::Subtask(vertex, index)) = args.head.first() else {
        return Err(Diagnostic::at(args.span, "which subtask? write it as `window[1]`").into());
    };
    let view = entry.job.view();
    let subtask = find(&view, vertex, index)?;
    entry.job.kill_subtask(subtask)?;
    Ok(Outcome::Message(format!("subtask {}[{}] of {} is killed", vertex.node, index.node, entry.name)))
}

fn find(view: &JobView, vertex: &Spanned<String>, index: &Spanned<u64>) -> Result<SubtaskId, Diagnostic> {
    let wanted = vertex.node.to_lowercase();
    let named = |exact: bool| {
        let fits = |name: &str| if exact { name == wanted } else { name.contains(&wanted) };
        let by =
            |candidate: &&VertexView| candidate.id.to_string() == vertex.node || fits(&candidate.name.to_lowercase());
        view.vertices.iter().filter(by).collect::<Vec<_>>()
    };
    let found = Some(named(true)).filter(|found| !found.is_empty()).unwrap_or_else(|| named(false));
    let vertices = || view.vertices.iter().map(|v| format!("{} {}", v.id, v.name)).collect::<Vec<_>>().join(", ");
    let [one] = found[..] else {
        let what = if found.is_empty() { "no vertex" } else { "more than one vertex" };
        return Err(Diagnostic::at(vertex.span, format!("the job has {what} `{}`", vertex.node))
            .help(format!("the vertices are {}", vertices())));
    };
    match usize::try_from(index.node) {
        Ok(i) if i < one.subtasks.len() => Ok(SubtaskId { vertex: VertexId(one.id), index: i }),
        _ => Err(Diagnostic::at(index.span, format!("`{}` has subtasks 0 to {}", one.name, one.subtasks.len() - 1))),
    }
}

fn kill_task_manager(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let number = args.integer(0)?;
    let index = usize::try_from(number.node)
        .ok()
        .and_then(|n| n.checked_sub(1))
        .ok_or_else(|| Diagnostic::at(number.span, "task managers are numbered from 1"))?;
    if let Some(job) = args.clause_word("of")? {
        let entry = session.job(job)?;
        entry.job.kill_task_manager(index)?;
        return Ok(Outcome::Message(format!("task manager {} of {} is killed", number.node, entry.name)));
    }
    let mut killed = Vec::new();
    let mut refused = None;
    for entry in session.running() {
        match entry.job.kill_task_manager(index) {
            Ok(()) => killed.push(entry.name.as_str()),
            Err(error) => refused = Some(error),
        }
    }
    match (killed.is_empty(), refused) {
        (false, _) => Ok(Outcome::Message(format!("task manager {} of {} is killed", number.node, killed.join(", ")))),
        (true, Some(error)) => Err(error.into()),
        (true, None) => Err(Diagnostic::at(args.span, "no job is running").help("`show jobs` lists the jobs").into()),
    }
}
