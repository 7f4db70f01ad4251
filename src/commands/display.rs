//! The commands that say how values are shown: `.format`, `\x`, `set timezone`.

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::session::{Cells, Failure, Outcome, Session, ShellRequest};
use crate::types::{Diagnostic, Spanned};

/// The command that sets how numbers are shown.
pub(super) const FORMAT: Command = Command {
    spec: CommandSpec {
        name: ".format",
        aliases: &[],
        signature: Signature {
            head: &[],
            optional: &[Shape::Keyword(&["thousands", "digits"]), Shape::Text],
            clauses: &[],
        },
        usage: ".format [thousands on|off | digits N|all]",
        summary: "how numbers are shown in tables",
        help: "`thousands on` separates the thousands of numbers: 1,234,567. `digits 2` shows floating-point numbers rounded to so many digits behind the point, `digits all` as they are. Both hold for the modes table and vertical; NDJSON, CSV and changelogs are never changed. Alone it says what is set.",
        examples: &[".format thousands on", ".format digits 2", ".format"],
        flink: None,
    },
    run: format,
};

/// The command that turns rows by a quarter.
pub(super) const EXPANDED: Command = Command {
    spec: CommandSpec {
        name: "\\x",
        aliases: &[],
        signature: Signature { head: &[], optional: &[], clauses: &[] },
        usage: "\\x",
        summary: "shows rows in full, one column a line, or as a table again",
        help: "Goes from any mode to `.mode vertical`, in which no value is cut, and from that to `.mode table`.",
        examples: &["\\x"],
        flink: None,
    },
    run: |_, _| Ok(Outcome::Shell(ShellRequest::Expanded)),
};

/// The command that sets the session's time zone.
pub(super) const SET: Command = Command {
    spec: CommandSpec {
        name: "set",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Setting], clauses: &[] },
        usage: "set [timezone = 'ZONE']",
        summary: "sets the time zone in which instants are shown and read",
        help: "Values of the type TIMESTAMP_LTZ are instants: in the modes table and vertical they are shown in this zone with its offset, in UTC until one is set. A zone is a name such as 'Europe/Berlin', or 'UTC'. What is run from then on reads instants as dates and times of day in it (casts, `extract`, `date_format`, `floor` and their like), and a job keeps its zone: a restore goes on with it. A TIMESTAMP is a reading of some clock and is never moved; NDJSON and CSV show instants in UTC. Alone it says what is set.",
        examples: &["set timezone = 'Europe/Berlin'", "set"],
        flink: Some("SET 'table.local-time-zone' = 'Europe/Berlin'"),
    },
    run: set,
};

/// The names of the setting.
const TIMEZONE: &[&str] = &["timezone", "time_zone", "table.local-time-zone"];

fn format(args: &StageArgs, _: &mut Session) -> Result<Outcome, Failure> {
    let change = match &args.head[..] {
        [] => Cells::Show,
        [_] => {
            let word = args.word(0)?;
            let ways = if word.node == "digits" { "digits 2, digits all" } else { "thousands on, thousands off" };
            return Err(Diagnostic::at(word.span, format!("`.format {}` needs a value", word.node)).help(ways).into());
        }
        _ => {
            let value = args.word(1)?;
            match (args.word(0)?.node.as_str(), value.node.as_str()) {
                ("thousands", "on") => Cells::Thousands(true),
                ("thousands", "off") => Cells::Thousands(false),
                ("digits", "all") => Cells::Digits(None),
                ("digits", _) => Cells::Digits(Some(digits(value)?)),
                _ => return Err(Diagnostic::at(value.span, "expected `on` or `off`").into()),
            }
        }
    };
    Ok(Outcome::Shell(ShellRequest::Cells(change)))
}

/// The digits of a double, at most.
const DIGITS_MAX: u8 = 17;

fn digits(value: &Spanned<String>) -> Result<u8, Diagnostic> {
    value.node.parse().ok().filter(|&digits| digits <= DIGITS_MAX).ok_or_else(|| {
        Diagnostic::at(value.span, format!("expected a number of digits from 0 to {DIGITS_MAX}, or `all`"))
    })
}

fn set(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    if args.head.is_empty() {
        return Ok(Outcome::Shell(ShellRequest::Cells(Cells::Show)));
    }
    let [(name, value)] = &args.options(0)?[..] else { return Ok(Outcome::Done) };
    if TIMEZONE.iter().any(|known| known.eq_ignore_ascii_case(&name.node)) {
        let zone = zone(value)?;
        session.set_zone(zone);
        return Ok(Outcome::Shell(ShellRequest::Cells(Cells::Zone(zone))));
    }
    let unknown = Diagnostic::at(name.span, format!("unknown setting `{}`", name.node))
        .did_you_mean(&name.node, TIMEZONE.iter().copied());
    Err(if unknown.help.is_some() { unknown } else { unknown.help(SETTINGS) }.into())
}

const SETTINGS: &str = "the setting is timezone; `.mode` and `.format` set how rows are shown, options of a job stand behind `run NAME with`";

/// A time zone by its name.
fn zone(value: &ExprNode) -> Result<chrono_tz::Tz, Diagnostic> {
    let Expr::Literal(Literal::String(name)) = &value.node else {
        return Err(Diagnostic::at(value.span, "a time zone stands in single quotes").help("such as 'Europe/Berlin'"));
    };
    let found = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| {
        let unknown = Diagnostic::at(value.span, format!("unknown time zone `{name}`"));
        // `Berlin` is the end of one.
        let city = |zone: &&chrono_tz::Tz| {
            zone.name().rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name.replace(' ', "_")))
        };
        match chrono_tz::TZ_VARIANTS.iter().find(city) {
            Some(zone) => unknown.help(format!("did you mean `{}`?", zone.name())),
            None => unknown.did_you_mean(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
        }
        .label("expected a name such as 'Europe/Berlin'")
    })
}
