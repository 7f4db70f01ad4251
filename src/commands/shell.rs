//! The commands that concern the shell itself: `.mode`, `.rows`, `.timer`, `.read`, `.record`, `\q`.

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Display, Failure, Outcome, Session, ShellRequest};
use crate::types::Diagnostic;

/// The command that sets how rows are shown.
pub(super) const MODE: Command = Command {
    spec: CommandSpec {
        name: ".mode",
        aliases: &[],
        signature: Signature {
            head: &[Shape::Keyword(&["live", "table", "ndjson", "csv", "vertical", "changelog"])],
            optional: &[],
            clauses: &[],
        },
        usage: ".mode live|table|ndjson|csv|vertical|changelog",
        summary: "sets how rows are shown",
        help: "`live`, the mode of a terminal: tables, and the preview of a running aggregate is a table that \
               changes in place. Off a terminal it is the same as `table`.\n\
               \n\
               `table`: aligned columns that fit the terminal. A long text ends in …, and rows that can't fit are \
               shown vertically; both is said.\n\
               \n\
               `ndjson`: one JSON object a line. `csv`: values with commas between them, below a header. `vertical`: \
               one column a line, with nothing cut. `changelog`: as Flink prints it, +I[…] -U[…] +U[…] -D[…].",
        examples: &[".mode ndjson", "bids | limit 3", ".mode live"],
        flink: Some("SET 'sql-client.execution.result-mode'"),
    },
    run: |args, _| Ok(Outcome::Shell(ShellRequest::Display(Display::Mode(args.word(0)?.node.clone())))),
};

/// The number of rows of a preview.
pub(super) const ROWS: Command = Command {
    spec: CommandSpec {
        name: ".rows",
        aliases: &[],
        signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
        usage: ".rows N | .rows all",
        summary: "sets how many rows a preview shows",
        help: "A preview at the prompt ends after its first 100 rows, and says so. `.rows 500` sets another number, \
               `.rows all` shows all rows. Scripts and `-c` show all rows unless they say otherwise.",
        examples: &[".rows 500", ".rows all"],
        flink: Some("SET 'sql-client.execution.max-table-result.rows'"),
    },
    run: rows,
};

/// Whether to say how long each statement took.
pub(super) const TIMER: Command = Command {
    spec: CommandSpec {
        name: ".timer",
        aliases: &["\\timing"],
        signature: Signature { head: &[], optional: &[Shape::Keyword(&["on", "off"])], clauses: &[] },
        usage: ".timer [on|off]",
        summary: "says how long each statement took",
        help: "With `.timer on`, the time that a statement took stands behind its result. `.timer` alone turns it \
               on, or off again.",
        examples: &[".timer on", "bids | limit 3", ".timer off"],
        flink: None,
    },
    run: timer,
};

/// Runs a file.
pub(super) const READ: Command = Command {
    spec: CommandSpec {
        name: ".read",
        aliases: &["\\i"],
        signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
        usage: ".read FILE",
        summary: "runs the statements of a file",
        help: "The statements run one after the other, as if they were typed here.",
        examples: &[".record mine.lotic", "bids | limit 3", ".record off", ".read mine.lotic"],
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
        help: "From now on each statement is written to the file, and below it what it shows, in lines that begin \
               with `-->`. `lotic test FILE` types the statements again and compares. The file must not exist yet, \
               and is readable by you alone. The value of an option named like a password, secret, token or key is \
               written as '***'. `.record off` ends it.",
        examples: &[".record lesson.lotic", "bids | limit 3", ".record off"],
        flink: None,
    },
    run: record,
};

/// Leaves.
pub(super) const QUIT: Command = Command {
    spec: CommandSpec {
        name: "\\q",
        aliases: &["quit", "exit", ".quit", ".exit"],
        signature: Signature { head: &[], optional: &[], clauses: &[] },
        usage: "\\q",
        summary: "leaves the shell",
        help: "Ctrl-D does the same. Running jobs take a last checkpoint, and `restore JOB` in a new shell goes on \
               from it.",
        examples: &["\\q"],
        flink: Some("QUIT"),
    },
    run: |_, _| Ok(Outcome::Shell(ShellRequest::Quit)),
};

fn rows(args: &StageArgs, _: &mut Session) -> Result<Outcome, Failure> {
    let typed = args.word(0)?;
    if typed.node.eq_ignore_ascii_case("all") {
        return Ok(Outcome::Shell(ShellRequest::Display(Display::Rows(None))));
    }
    match typed.node.parse() {
        Ok(rows) if rows > 0 => Ok(Outcome::Shell(ShellRequest::Display(Display::Rows(Some(rows))))),
        Ok(_) | Err(_) => Err(Diagnostic::at(typed.span, "`.rows` takes a number above zero, or `all`").into()),
    }
}

fn timer(args: &StageArgs, _: &mut Session) -> Result<Outcome, Failure> {
    let on = if args.head.is_empty() { None } else { Some(args.word(0)?.node == "on") };
    Ok(Outcome::Shell(ShellRequest::Display(Display::Timer(on))))
}

fn read(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    Ok(Outcome::Shell(ShellRequest::Read(session.path(&args.word(0)?.node))))
}

fn record(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let file = &args.word(0)?.node;
    let file = if file == "off" { None } else { Some(session.path(file)) };
    Ok(Outcome::Shell(ShellRequest::Record(file)))
}
