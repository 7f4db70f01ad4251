//! A registry with the language's first stages and commands, for tests of the parser alone.

use crate::api::{Clause, CommandSpec, Registries, Shape, Signature, StageArgs, StageContext, StageSpec, WindowFnSpec};
use crate::types::Diagnostic;

#[expect(clippy::unnecessary_wraps, reason = "the registry's type")]
fn bind(_: &StageArgs, _: &mut dyn StageContext) -> Result<(), Diagnostic> {
    Ok(())
}

const fn clause(keyword: &'static str, shape: Shape) -> Clause {
    Clause { keyword, shape, required: false, help: "" }
}

const fn stage(
    name: &'static str,
    aliases: &'static [&'static str],
    head: &'static [Shape],
    clauses: &'static [Clause],
) -> StageSpec {
    StageSpec {
        name,
        aliases,
        signature: Signature { head, optional: &[], clauses },
        summary: "",
        help: "",
        examples: &[],
        flink: None,
        bind,
    }
}

const fn window(name: &'static str) -> WindowFnSpec {
    WindowFnSpec {
        name,
        arguments: "size",
        summary: "",
        help: "",
        examples: &[],
        flink: None,
        bind: |call, _| Err(Diagnostic::at(call.name.span, "only parsed here")),
    }
}

const fn command(
    name: &'static str,
    head: &'static [Shape],
    optional: &'static [Shape],
    clauses: &'static [Clause],
) -> CommandSpec {
    let signature = Signature { head, optional, clauses };
    CommandSpec { name, aliases: &[], signature, usage: name, summary: "", help: "", examples: &[], flink: None }
}

const JSON: &[Clause] = &[clause("--json", Shape::Flag)];

pub(super) static STAGES: &[&StageSpec] = &[
    &stage("filter", &["where"], &[Shape::Expr], &[]),
    &stage("map", &["select"], &[Shape::Exprs { star: true }], &[]),
    &stage("flat_map", &[], &[Shape::Expr], &[Clause { keyword: "as", shape: Shape::Names, required: true, help: "" }]),
    &stage("key_by", &["group_by"], &[Shape::Exprs { star: false }], &[]),
    &stage(
        "window",
        &[],
        &[Shape::Window],
        &[
            clause("lateness", Shape::Duration),
            clause("late_to", Shape::Name),
            clause("trigger", Shape::Trigger),
            clause("evict", Shape::Evictor),
        ],
    ),
    &stage("aggregate", &[], &[Shape::Exprs { star: false }], &[]),
    &stage("union", &[], &[Shape::Names], &[]),
    &stage(
        "join",
        &[],
        &[Shape::Stream],
        &[clause("on", Shape::Expr), clause("as of", Shape::Expr), clause("within", Shape::Range)],
    ),
    &stage(
        "match",
        &[],
        &[Shape::Pattern],
        &[
            clause("per", Shape::Names),
            clause("within", Shape::Duration),
            clause("define", Shape::Definitions),
            clause("measures", Shape::Exprs { star: false }),
        ],
    ),
    &stage("limit", &[], &[Shape::Integer], &[]),
    &stage("uid", &[], &[Shape::Text], &[]),
    &stage("parallelism", &[], &[Shape::Integer], &[]),
    &stage("into", &[], &[Shape::Sink], &[]),
];

pub(super) const COMMANDS: &[CommandSpec] = &[
    command(
        "show",
        &[Shape::Keyword(&["jobs", "sources", "sinks", "streams", "functions", "stages", "connectors"])],
        &[],
        JSON,
    ),
    command("describe", &[Shape::Name], &[], JSON),
    command("explain", &[Shape::Pipeline], &[], &[clause("--json", Shape::Flag), clause("--mermaid", Shape::Flag)]),
    command("checkpoint", &[Shape::Name], &[], &[]),
    command(
        "savepoint",
        &[Shape::Name],
        &[],
        &[Clause { keyword: "to", shape: Shape::Text, required: true, help: "" }],
    ),
    command(
        "restore",
        &[Shape::Name],
        &[],
        &[
            clause("from savepoint", Shape::Text),
            clause("from checkpoint", Shape::Integer),
            clause("with", Shape::Options),
        ],
    ),
    command("stop", &[Shape::Name], &[], &[clause("with savepoint", Shape::Text), clause("drain", Shape::Flag)]),
    command("cancel", &[Shape::Name], &[], &[]),
    command(
        "rescale",
        &[Shape::Name],
        &[],
        &[Clause { keyword: "to", shape: Shape::Integer, required: true, help: "" }],
    ),
    command("subtasks", &[], &[Shape::Name], JSON),
    command("state", &[Shape::Name], &[], &[clause("where", Shape::Expr), clause("--json", Shape::Flag)]),
    command(
        "kill subtask",
        &[Shape::Subtask],
        &[],
        &[Clause { keyword: "of", shape: Shape::Name, required: true, help: "" }],
    ),
    command("kill taskmanager", &[Shape::Integer], &[], &[]),
    command("why late", &[Shape::Name], &[], &[]),
    command("help", &[], &[Shape::Name], &[]),
    command("\\d", &[], &[Shape::Name], &[]),
    command("\\q", &[], &[], &[]),
    command("\\?", &[], &[Shape::Name], &[]),
    command(".mode", &[Shape::Keyword(&["table", "ndjson", "csv", "vertical", "changelog"])], &[], &[]),
    command(".read", &[Shape::Text], &[], &[]),
];

/// The grammar of these.
pub(super) const GRAMMAR: Registries =
    Registries { stages: STAGES, commands: COMMANDS, windows: &[&window("tumble"), &window("hop")], connectors: &[] };
