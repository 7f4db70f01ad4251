//! `.forget NAME`

use super::command::Command;
use crate::api::{Clause, CommandSpec, Shape, Signature, StageArgs};
use crate::lang::typed_name;
use crate::plan::{Item, Origin};
use crate::session::{Failure, Outcome, Session, ShellRequest};
use crate::types::{Diagnostic, Spanned};

const fn flag(keyword: &'static str, help: &'static str) -> Clause {
    Clause { keyword, shape: Shape::Flag, required: false, help }
}

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: ".forget",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Name],
            optional: &[],
            clauses: &[
                flag("--definition", "the source, sink or stream of this name"),
                flag("--job", "the job of this name"),
                flag("--yes", "does not ask"),
            ],
        },
        usage: ".forget NAME [--definition | --job] [--yes]",
        summary: "forgets a definition, or a job with its state",
        help: "Sources, sinks and streams are remembered in the state directory as they were typed, passwords too, \
               readable by you alone: a new shell knows them. So are jobs with their checkpoints, from which \
               `restore` goes on.\n\
               \n\
               `.forget` takes away the source, sink or stream of this name, or the job of this name with all its \
               checkpoints. Savepoints, and what the job's sinks have written, stay. The command asks first; `--yes` \
               is for scripts. A job that runs is not forgotten.",
        examples: &["source old from nexmark 'bid';\n.forget old --yes"],
        flink: Some("DROP TABLE"),
    },
    run,
};

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let name = args.word(0)?;
    let given = |keyword| args.clause(keyword).is_some();
    let own = |item: &Item<'_>| item.origin() != Origin::Demo;
    let definition = session.catalog().get(&name.node).filter(own);
    let definition = definition.map(|item| (item.name().to_owned(), item.kind().name()));
    let job = job_called(session, name);
    let (definition, job) = match (given("--definition"), given("--job")) {
        (false, false) => (definition, job),
        (wants_definition, wants_job) => (definition.filter(|_| wants_definition), job.filter(|_| wants_job)),
    };
    match (definition, job) {
        (Some((called, kind)), Some(_)) => {
            let called = typed_name(&called);
            Err(Diagnostic::at(name.span, format!("`{called}` is a {kind} and a job"))
                .help(format!("`.forget {called} --definition` forgets the {kind}, `.forget {called} --job` the job"))
                .into())
        }
        (Some((called, kind)), None) => {
            if given("--yes") {
                session.forget_definition(name)?;
                return Ok(Outcome::Message(format!("{kind} {called} is forgotten")));
            }
            let then = format!(".forget {} --definition --yes", typed_name(&called));
            Ok(asks(format!("forget the {kind} {called}?"), then))
        }
        (None, Some((called, kept))) => {
            if given("--yes") {
                session.forget_job(name)?;
                return Ok(Outcome::Message(format!("job {called} is forgotten")));
            }
            session.forgettable_job(name)?;
            let then = format!(".forget {} --job --yes", typed_name(&called));
            Ok(asks(format!("forget the job {called}{kept}?"), then))
        }
        (None, None) => {
            // Says why: demo data, or no such name.
            session.catalog_mut().drop(name)?;
            Ok(Outcome::Done)
        }
    }
}

/// The job called `name`, and in words what is lost with it.
fn job_called(session: &Session, name: &Spanned<String>) -> Option<(String, String)> {
    if let Ok(entry) = session.job(name) {
        return Some((entry.name.clone(), " with its state".to_owned()));
    }
    let kept = session.kept_job(&name.node)?;
    let last = kept.last_checkpoint(session.now_ms());
    let with_it = last.map_or_else(String::new, |last| format!(" with its state (last {last})"));
    Some((kept.name, with_it))
}

fn asks(question: String, then: String) -> Outcome {
    Outcome::Shell(ShellRequest::Confirm { question, then })
}
