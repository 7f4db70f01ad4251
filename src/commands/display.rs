//! The commands that say how values are shown: `.format`, `\x`, `set timezone`; and `set mode`, how what is run gets there.

use super::command::Command;
use crate::api::{CommandSpec, Shape, Signature, StageArgs};
use crate::expr::ast::{Expr, ExprNode, Literal};
use crate::lang::lower::MODES;
use crate::plan::Mode;
use crate::session::{Cells, Display, Failure, Outcome, Session, ShellRequest};
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
        summary: "sets how numbers are shown in tables",
        help: "`thousands on` shows 1234567 as 1,234,567. `digits 2` rounds floating-point numbers to two digits \
               behind the point; `digits all` shows them as they are. Both hold for the modes `table` and \
               `vertical`: NDJSON, CSV and changelogs are never changed. `.format` alone says what is set.",
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
        help: "From any mode it goes to `.mode vertical`, in which no value is cut, and from there to `.mode table`.",
        examples: &["\\x"],
        flink: None,
    },
    run: |_, _| Ok(Outcome::Shell(ShellRequest::Display(Display::Expanded))),
};

/// The command that sets the session's time zone and mode.
pub(super) const SET: Command = Command {
    spec: CommandSpec {
        name: "set",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Setting], clauses: &[] },
        usage: "set [timezone = 'ZONE' | mode = 'batch' | mode = 'streaming']",
        summary: "sets the session's time zone and mode",
        help: "A value of the type TIMESTAMP_LTZ is an instant. In the modes `table` and `vertical` it is shown in \
               this zone, with the zone's offset, and the expressions of pipelines read its date and time of day in \
               it; in UTC until a zone is set. A zone is a name such as 'Europe/Berlin', or 'UTC'. A TIMESTAMP is \
               what some clock showed, and is never moved. NDJSON and CSV write instants in UTC. A job keeps the \
               zone that it was started in. In the mode 'batch' pipelines read all of their bounded input first and give \
               final rows only, as jobs with (mode = 'batch') do. `set` alone says what is set.",
        examples: &["set timezone = 'Europe/Berlin'", "set mode = 'streaming'", "set"],
        flink: Some("SET 'table.local-time-zone' = 'Europe/Berlin'; SET 'execution.runtime-mode' = 'batch'"),
    },
    run: set,
};

/// The names of the setting.
const TIMEZONE: &[&str] = &["timezone", "time_zone", "table.local-time-zone"];
const MODE: &[&str] = &["mode", "execution.runtime-mode"];

fn format(args: &StageArgs, _: &mut Session) -> Result<Outcome, Failure> {
    let change = match &args.head[..] {
        [] => Cells::Show,
        [_] => {
            let word = args.word(0)?;
            let ways = if word.node == "digits" {
                "such as `.format digits 2` or `.format digits all`"
            } else {
                "`.format thousands on` or `.format thousands off`"
            };
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
    Ok(Outcome::Shell(ShellRequest::Display(Display::Cells(change))))
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
        return Ok(Outcome::Shell(ShellRequest::Display(Display::Cells(Cells::Show))));
    }
    let [(name, value)] = &args.options(0)?[..] else { return Ok(Outcome::Done) };
    if TIMEZONE.iter().any(|known| known.eq_ignore_ascii_case(&name.node)) {
        let zone = zone(value)?;
        session.set_zone(zone);
        return Ok(Outcome::Shell(ShellRequest::Display(Display::Cells(Cells::Zone(zone)))));
    }
    if MODE.iter().any(|known| known.eq_ignore_ascii_case(&name.node)) {
        session.set_mode(mode(value)?);
        return Ok(Outcome::Done);
    }
    let unknown = Diagnostic::at(name.span, format!("there is no setting `{}`", name.node))
        .did_you_mean(&name.node, TIMEZONE.iter().chain(MODE).copied());
    Err(if unknown.help.is_some() { unknown } else { unknown.help(SETTINGS) }.into())
}

const SETTINGS: &str = "the settings are `timezone` and `mode`; options of a job stand in `run NAME with (…)`";

/// The way that jobs run, by its name.
fn mode(value: &ExprNode) -> Result<Mode, Diagnostic> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a word")]
    let word = match &value.node {
        Expr::Literal(Literal::String(word)) => Some(word),
        Expr::Column(parts) => parts.first().map(|part| &part.node),
        _ => None,
    };
    let found = MODES.iter().find(|(name, _)| word.is_some_and(|word| word.eq_ignore_ascii_case(name)));
    found.map(|(_, mode)| *mode).ok_or_else(|| {
        Diagnostic::at(value.span, "a mode is 'streaming' or 'batch'").help("such as `set mode = 'batch'`")
    })
}

/// A time zone by its name.
fn zone(value: &ExprNode) -> Result<chrono_tz::Tz, Diagnostic> {
    let Expr::Literal(Literal::String(name)) = &value.node else {
        return Err(Diagnostic::at(value.span, "a time zone stands in single quotes")
            .help("such as `set timezone = 'Europe/Berlin'`"));
    };
    let found = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| {
        let unknown = Diagnostic::at(value.span, format!("there is no time zone `{name}`"));
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
