//! The commands that concern the shell itself: `.mode`, `.timer`, `.read`, `.record`, `\q`.

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session, ShellRequest};

/// The command that sets how rows are shown.
pub(super) const MODE: Command = Command {
    spec: CommandSpec {
        name: ".mode",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Keyword(&["table", "ndjson", "csv", "vertical", "changelog"])],
            optional: &[],
            clauses: &[],
        },
        usage: ".mode table|ndjson|csv|vertical|changelog",
        summary: "how rows are shown",
        help: "table: aligned columns, fitted to the terminal; long texts end in … and rows that can't fit are shown vertically, and both is said. ndjson: one JSON object a line. csv: comma-separated values below a header. vertical: one column a line, nothing cut. changelog: as Flink prints it, +I[…] -U[…] +U[…] -D[…].",
        examples: &[".mode ndjson"],
        flink: Some("SET 'sql-client.execution.result-mode'"),
    },
    run: |args, _| Ok(Outcome::Shell(ShellRequest::Mode(args.word(0)?.node.clone()))),
};

/// Whether to say how long each statement took.
pub(super) const TIMER: Command = Command {
    spec: CommandSpec {
        name: ".timer",
        aliases: &[],
        signature: Signature { head: &[Shape::Keyword(&["on", "off"])], optional: &[], clauses: &[] },
        usage: ".timer on|off",
        summary: "says how long each statement took",
        help: "With `.timer on`, the time that each statement took is printed behind its result.",
        examples: &[".timer on"],
        flink: None,
    },
    run: timer,
};

/// Runs a file.
pub(super) const READ: Command = Command {
    spec: CommandSpec {
        name: ".read",
        aliases: &[],
        signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
        usage: ".read FILE",
        summary: "runs the statements of a file",
        help: "Runs the statements of the file as if they were typed here.",
        examples: &[".read 'sessions/first_pipeline.lotic'"],
        flink: Some("sql-client -f"),
    },
    run: read,
};

/// Writes a session.
pub(super) const RECORD: Command = Command {
    spec: CommandSpec {
        name: ".record",
        aliases: &[],
        signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
        usage: ".record FILE | .record off",
        summary: "writes what is typed and shown to a session file",
        help: "From now on each statement is written to the file, with what it shows below it in lines that begin with `-->`: `lotic test FILE` replays it and compares. The file must not exist yet, and is readable by you alone. Values of options named like a password, secret, token or key are written as '***'. `.record off` ends it.",
        examples: &[".record mine.lotic", ".record off"],
        flink: None,
    },
    run: record,
};

/// Leaves.
pub(super) const QUIT: Command = Command {
    spec: CommandSpec {
        name: "\\q",
        aliases: &["quit", "exit"],
        signature: Signature { head: &[], optional: &[], clauses: &[] },
        usage: "\\q",
        summary: "leaves the shell",
        help: "Leaves the shell, as Ctrl-D does. Running jobs take a last checkpoint, from which `restore` in a new shell goes on.",
        examples: &["\\q"],
        flink: Some("QUIT"),
    },
    run: |_, _| Ok(Outcome::Shell(ShellRequest::Quit)),
};

fn timer(args: &StageArgs, _: &mut Session) -> Result<Outcome, Failure> {
    Ok(Outcome::Shell(ShellRequest::Timer(args.word(0)?.node == "on")))
}

fn read(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    Ok(Outcome::Shell(ShellRequest::Read(session.path(&args.word(0)?.node))))
}

fn record(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let file = &args.word(0)?.node;
    let file = if file == "off" { None } else { Some(session.path(file)) };
    Ok(Outcome::Shell(ShellRequest::Record(file)))
}
