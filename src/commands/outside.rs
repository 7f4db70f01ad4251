//! The commands that reach outside of the shell: `!`, `.output`, `.edit`, `.clear`, `.pager`.

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::session::{Display, Failure, Outcome, Session, ShellRequest};
use crate::types::Diagnostic;

/// The command that runs a command of the system.
pub(super) const OUTSIDE: Command = Command {
    spec: CommandSpec {
        name: "!",
        aliases: &["\\!"],
        signature: Signature { head: &[Shape::Text], optional: &[], clauses: &[] },
        usage: "!COMMAND",
        summary: "runs a command of the system, such as `ls`",
        help: "The rest of the line goes to $SHELL, or to sh, as it stands. What jobs print meanwhile is shown \
               behind it. It runs at the prompt only: a script that came from somebody else starts no programs.",
        examples: &["!ls -l"],
        flink: None,
    },
    run: |args, _| Ok(Outcome::Shell(ShellRequest::Outside(args.word(0)?.node.clone()))),
};

/// The command that sends rows to a file.
pub(super) const OUTPUT: Command = Command {
    spec: CommandSpec {
        name: ".output",
        aliases: &["\\o"],
        signature: Signature { head: &[], optional: &[Shape::Text, Shape::Keyword(&["overwrite"])], clauses: &[] },
        usage: ".output [FILE [overwrite]]",
        summary: "sends the rows of previews to a file",
        help: "From now on rows go to the file and not to the screen, in the mode that `.mode` sets. A file that \
               exists is refused, unless `overwrite` stands behind it. `.output` alone, or `.output stdout`, ends \
               it. For a single preview, end it with `| into 'rows.csv'`.",
        examples: &[".output rows.txt", ".output"],
        flink: None,
    },
    run: output,
};

/// The command that opens the editor.
pub(super) const EDIT: Command = Command {
    spec: CommandSpec {
        name: ".edit",
        aliases: &["\\e"],
        signature: Signature { head: &[], optional: &[], clauses: &[] },
        usage: ".edit",
        summary: "opens the last statement in an editor",
        help: "The last statement is opened in $VISUAL, or $EDITOR, or vi; what is saved is shown and run. Ctrl-X \
               Ctrl-E does the same with the statement that is being typed. An editor that fails, or leaves nothing, \
               runs nothing.",
        examples: &[".edit"],
        flink: None,
    },
    run: |_, _| Ok(Outcome::Shell(ShellRequest::Edit)),
};

/// The command that empties the screen.
pub(super) const CLEAR: Command = Command {
    spec: CommandSpec {
        name: ".clear",
        aliases: &["clear", "cls"],
        signature: Signature { head: &[], optional: &[], clauses: &[] },
        usage: ".clear",
        summary: "empties the screen",
        help: "Ctrl-L does the same.",
        examples: &[".clear"],
        flink: Some("CLEAR"),
    },
    run: |_, _| Ok(Outcome::Shell(ShellRequest::Clear)),
};

/// The command that chooses the pager.
pub(super) const PAGER: Command = Command {
    spec: CommandSpec {
        name: ".pager",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Text], clauses: &[] },
        usage: ".pager [on|off|COMMAND]",
        summary: "scrolls what is longer or wider than the screen",
        help: "Help and listings that are longer or wider than the screen are shown by a pager: $PAGER, or `less -RFSX`. \
                So are the rows of a preview that ends within a moment, if there are more than fit. `.pager off`, an empty $PAGER, \
               or no pager on this machine prints them instead. `.pager 'less -R'` takes another one. `.pager` alone \
               says which it is.",
        examples: &[".pager off", ".pager 'less -R'", ".pager"],
        flink: None,
    },
    run: pager,
};

fn output(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let overwrite = args.head.len() > 1;
    let file = match args.head.first() {
        None => None,
        Some(_) => match &args.word(0)?.node {
            stdout if stdout == "stdout" && !overwrite => None,
            file => Some((session.path(file), overwrite)),
        },
    };
    Ok(Outcome::Shell(ShellRequest::Display(Display::Output(file))))
}

fn pager(args: &StageArgs, _: &mut Session) -> Result<Outcome, Failure> {
    let Some(_) = args.head.first() else { return Ok(Outcome::Shell(ShellRequest::Pager(None))) };
    let word = args.word(0)?;
    if word.node.trim().is_empty() {
        return Err(Diagnostic::at(word.span, "the command of the pager is empty")
            .help("`.pager off` ends paging")
            .into());
    }
    Ok(Outcome::Shell(ShellRequest::Pager(Some(word.node.clone()))))
}
