//! `help [TOPIC]`, `\?`

use std::fmt::Write as _;

use super::command::Command;
use crate::api::{Clause, CommandSpec, OptionSpec, Shape, Signature, StageArgs};
use crate::lang::lower::JOB_OPTIONS;
use crate::session::{Failure, Outcome, Session};
use crate::types::{Diagnostic, wrapped};

/// The registry entry.
pub(super) const SPEC: Command = Command {
    spec: CommandSpec {
        name: "help",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name, Shape::Name, Shape::Name], clauses: &[] },
        usage: "help [TOPIC]",
        summary: "explains a stage, function, connector, command or statement",
        help: "Without a topic lists all topics. With the name of a stage, window function, function, connector, command or statement, by whatever alias, explains it with examples that run as they stand. A clause or an option is explained where it belongs.",
        examples: &["help", "help window", "help why late", "help lateness"],
        flink: Some("HELP"),
    },
    run,
};

/// The short form.
pub(super) const SHORT: Command = Command {
    spec: CommandSpec {
        name: "\\?",
        aliases: &["?", "\\h", ".help"],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
        usage: "\\? [TOPIC]",
        summary: "the same as help",
        help: "Without a topic lists all topics; with one, explains it.",
        examples: &["\\?"],
        flink: None,
    },
    run,
};

/// The kind of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `source`, `sink`, `stream`, `run`
    Statement,
    /// A stage of a pipeline.
    Stage,
    /// A window function.
    Window,
    /// A scalar or aggregate function.
    Function,
    /// A connector.
    Connector,
    /// A command.
    Command,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Statement, Self::Stage, Self::Window, Self::Function, Self::Connector, Self::Command];

    /// The word behind `show` that lists it.
    pub(super) const fn listing(self) -> Option<&'static str> {
        match self {
            Self::Statement => None,
            Self::Stage => Some("stages"),
            Self::Window => Some("windows"),
            Self::Function => Some("functions"),
            Self::Connector => Some("connectors"),
            Self::Command => Some("commands"),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Statement => "Statements",
            Self::Stage => "Stages of a pipeline",
            Self::Window => "Window functions",
            Self::Function => "Functions",
            Self::Connector => "Connectors",
            Self::Command => "Commands",
        }
    }
}

/// One thing that help explains.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The kind of the topic.
    pub kind: Kind,
    /// The topic's name, then its other names.
    pub names: Vec<&'static str>,
    /// One line.
    pub summary: &'static str,
    /// The Flink counterpart.
    pub flink: Option<&'static str>,
    /// Statements that show it; of scalar functions, expressions with their values.
    pub examples: Vec<String>,
    /// The usage line.
    pub usage: String,
    /// The help text.
    pub help: &'static str,
    /// Clauses or options.
    pub details: Vec<(String, &'static str)>,
}

impl Topic {
    /// Whether it has this name, `mode` for `.mode` too.
    fn is_called(&self, wanted: &str) -> bool {
        let called = |name: &str| name.eq_ignore_ascii_case(wanted);
        self.names.iter().any(|name| called(name) || called(name.trim_start_matches(['.', '\\'])))
    }

    /// Whether a name of several words begins with this one: `kill`.
    fn begins_with(&self, wanted: &str) -> bool {
        let first = |name: &str| name.split_once(' ').is_some_and(|(first, _)| first.eq_ignore_ascii_case(wanted));
        self.names.iter().any(|name| first(name))
    }

    /// Whether it has a clause or option of this name, or one that begins with it.
    fn has_detail(&self, wanted: &str) -> bool {
        self.details.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case(wanted) || name.split(' ').next().is_some_and(|n| n.eq_ignore_ascii_case(wanted))
        })
    }
}

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let topics = topics(session);
    if args.head.is_empty() {
        return Ok(Outcome::Text(overview(&topics)));
    }
    let mut words = Vec::new();
    for index in 0..args.head.len() {
        words.push(args.word(index)?.node.as_str());
    }
    let wanted = words.join(" ");
    let by = |fits: &dyn Fn(&Topic) -> bool| topics.iter().filter(|topic| fits(topic)).collect::<Vec<_>>();
    let mut found = by(&|topic| topic.is_called(&wanted));
    if found.is_empty() {
        found = by(&|topic| topic.begins_with(&wanted));
    }
    if found.is_empty() {
        found = by(&|topic| topic.has_detail(&wanted));
        // An option that every connector has is explained once.
        found.dedup_by_key(|topic| topic.kind);
    }
    if found.is_empty() {
        let names = topics.iter().flat_map(|topic| topic.names.iter().copied());
        let span = args.word(0)?.span.to(args.word(args.head.len() - 1)?.span);
        let unknown = Diagnostic::at(span, format!("there is no help on `{wanted}`"))
            .label("expected a stage, function, connector, command or statement");
        return Err(unknown.did_you_mean(&wanted, names).into());
    }
    Ok(Outcome::Text(found.iter().map(|topic| page(topic)).collect::<Vec<_>>().join("\n")))
}

/// The column at which summaries begin.
const SUMMARY: usize = 21;

fn overview(topics: &[Topic]) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(text, "{}", kind.title());
        if kind == Kind::Function {
            let names: Vec<&str> = topics.iter().filter(|t| t.kind == kind).map(|t| t.names[0]).collect();
            push_wrapped(&mut text, &names.join(" "), INDENT, 0);
        } else {
            for topic in topics.iter().filter(|topic| topic.kind == kind) {
                let names = topic.names.join(", ");
                let _ = write!(text, "  {names}");
                let taken = INDENT + names.chars().count();
                if taken >= SUMMARY {
                    text.push('\n');
                }
                push_wrapped(&mut text, topic.summary, SUMMARY, if taken >= SUMMARY { 0 } else { taken });
            }
        }
        text.push('\n');
    }
    text.push_str("`help NAME` explains one, with examples that run as they stand.\n");
    text
}

/// Columns that a page may have.
const WIDTH: usize = 80;

/// Adds `text` in lines that begin at column `indent`; the first is begun already and has `taken` columns.
fn push_wrapped(page: &mut String, text: &str, indent: usize, taken: usize) {
    for (index, line) in wrapped(text, WIDTH - indent).iter().enumerate() {
        let spaces = if index == 0 { indent.saturating_sub(taken) } else { indent };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{:spaces$}{line}", "");
    }
}

fn page(topic: &Topic) -> String {
    let mut text = String::new();
    for (index, line) in wrapped(&topic.usage, WIDTH - INDENT).iter().enumerate() {
        let _ = writeln!(text, "{:1$}{line}", "", if index == 0 { 0 } else { INDENT });
    }
    text.push('\n');
    push_wrapped(&mut text, topic.summary, INDENT, 0);
    text.push('\n');
    if !topic.help.is_empty() {
        push_wrapped(&mut text, topic.help, INDENT, 0);
        text.push('\n');
    }
    let widest = topic.details.iter().map(|(name, _)| name.chars().count()).filter(|&width| width <= DETAIL).max();
    let width = widest.unwrap_or(DETAIL);
    let column = INDENT + width + 2;
    for (name, help) in &topic.details {
        let long = name.chars().count() > width;
        if long {
            push_wrapped(&mut text, name, INDENT, 0);
        } else {
            let _ = write!(text, "  {name:width$}");
        }
        push_wrapped(&mut text, help, column, if long { 0 } else { INDENT + width });
    }
    if !topic.details.is_empty() {
        text.push('\n');
    }
    if let Some((first, rest)) = topic.names.split_first()
        && !rest.is_empty()
        && topic.kind != Kind::Statement
    {
        push_wrapped(&mut text, &format!("{first} is also written {}.", rest.join(", ")), INDENT, 0);
        text.push('\n');
    }
    let flink =
        topic.flink.map_or_else(|| "Flink has no counterpart.".to_owned(), |flink| format!("In Flink: {flink}"));
    push_wrapped(&mut text, &flink, INDENT, 0);
    text.push('\n');
    for example in &topic.examples {
        for line in example.lines().flat_map(|line| typed_lines(line, WIDTH - INDENT)) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// The columns that the text of a page is further in than its first line.
const INDENT: usize = 2;

/// A line of an example as lines of at most `width` columns that can be typed as they stand: broken before `|`, where
/// that is not enough inside brackets, and before a comment.
fn typed_lines(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = line.to_owned();
    while rest.chars().count() > width {
        let Some(at) = break_of(&rest, width) else { break };
        let behind = rest.split_off(at);
        lines.push(rest.trim_end().to_owned());
        rest = format!("  {}", behind.trim_start());
    }
    lines.push(rest);
    lines
}

/// The byte at which a line of an example is broken: the last place that fits, of the best kind there is.
fn break_of(line: &str, width: usize) -> Option<usize> {
    let begins = line.len() - line.trim_start().len();
    let (mut depth, mut quoted) = (0_usize, false);
    let (mut pipe, mut bracket, mut clause) = (None, None, None);
    for (column, (at, c)) in line.char_indices().enumerate() {
        if column > width {
            break;
        }
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            ' ' if !quoted && at > begins => {
                let next = &line[at + 1..];
                if next.starts_with("| ") || next.starts_with("-- ") {
                    pipe = Some(at);
                } else if depth > 0 {
                    bracket = Some(at);
                } else if CLAUSES.iter().any(|word| next.starts_with(word)) {
                    clause = Some(at);
                }
            }
            _ => {}
        }
    }
    pipe.or(clause).or(bracket)
}

/// Words that a line may begin with that goes on with a definition.
const CLAUSES: &[&str] = &["columns ", "event_time ", "with "];

/// The widest name of a clause or option that has its help on the same line.
const DETAIL: usize = 34;

fn usage(name: &str, signature: &Signature) -> String {
    let mut text = name.to_owned();
    for &part in signature.head {
        let _ = write!(text, " {}", part.usage());
    }
    for &part in signature.optional {
        let _ = write!(text, " [{}]", part.usage());
    }
    for &Clause { keyword, shape: part, required, .. } in signature.clauses {
        let clause = format!("{keyword} {}", part.usage());
        let clause = clause.trim_end();
        let _ = if required { write!(text, " {clause}") } else { write!(text, " [{clause}]") };
    }
    text
}

/// Everything there is help on.
#[must_use]
pub fn topics(session: &Session) -> Vec<Topic> {
    let registries = session.registries();
    let mut topics = statements();
    for stage in registries.stages {
        topics.push(Topic {
            kind: Kind::Stage,
            names: std::iter::once(stage.name).chain(stage.aliases.iter().copied()).collect(),
            summary: stage.summary,
            flink: stage.flink,
            usage: usage(stage.name, &stage.signature),
            help: stage.help,
            details: stage.signature.clauses.iter().map(|clause| (clause.keyword.to_owned(), clause.help)).collect(),
            examples: owned(stage.examples),
        });
    }
    for window in registries.windows {
        topics.push(Topic {
            kind: Kind::Window,
            names: vec![window.name],
            summary: window.summary,
            flink: window.flink,
            usage: format!("{}({})", window.name, window.arguments),
            help: "",
            details: Vec::new(),
            examples: owned(window.examples),
        });
    }
    topics.extend(functions());
    for connector in registries.connectors {
        topics.push(Topic {
            kind: Kind::Connector,
            names: vec![connector.name],
            summary: connector.summary,
            flink: connector.flink,
            usage: match connector.target {
                Some(target) => format!("{} '{target}'", connector.name),
                None => connector.name.to_owned(),
            },
            help: connector.help,
            details: options(connector.options),
            examples: owned(connector.examples),
        });
    }
    for command in registries.commands {
        topics.push(Topic {
            kind: Kind::Command,
            names: std::iter::once(command.name).chain(command.aliases.iter().copied()).collect(),
            summary: command.summary,
            flink: command.flink,
            usage: command.usage.to_owned(),
            help: command.help,
            details: command.signature.clauses.iter().map(|clause| (clause.keyword.to_owned(), clause.help)).collect(),
            examples: owned(command.examples),
        });
    }
    topics
}

fn owned(examples: &[&str]) -> Vec<String> {
    examples.iter().map(|&example| example.to_owned()).collect()
}

/// Clauses or options, each with its help.
type Details = Vec<(String, &'static str)>;

fn options(specs: &[OptionSpec]) -> Details {
    specs.iter().map(|option| (format!("{} = {}", option.name, option.values), option.help)).collect()
}

fn clauses(clauses: &[(&str, &'static str)]) -> Details {
    clauses.iter().map(|&(name, help)| (name.to_owned(), help)).collect()
}

const SOURCE_CLAUSES: &[(&str, &str)] = &[
    ("columns (NAME TYPE [not null], …)", "what the rows have; without it a file's schema is inferred and printed"),
    ("event_time EXPRESSION", "when a row happened: a timestamp, or a bigint of epoch milliseconds"),
    ("watermark DURATION", "behind event_time: how far rows may be out of order; or ascending, when …, as …"),
    ("align DURATION", "behind watermark: how far a source may be ahead of the slowest one that says so too"),
    ("with (OPTION = VALUE, …)", "options of the connector: `help CONNECTOR` lists them"),
];

fn statement(
    names: &[&'static str],
    usage: &str,
    (summary, help): (&'static str, &'static str),
    details: Details,
    (examples, flink): (&[&'static str], &'static str),
) -> Topic {
    Topic {
        kind: Kind::Statement,
        names: names.to_vec(),
        summary,
        flink: Some(flink),
        usage: usage.to_owned(),
        help,
        details,
        examples: owned(examples),
    }
}

fn statements() -> Vec<Topic> {
    vec![
        statement(
            &["source"],
            "source NAME from CONNECTOR ['TARGET'] [columns (…)] [event_time EXPRESSION [watermark DURATION [align DURATION]]] [with (…)]",
            (
                "names where rows come from",
                "The clauses come in any order. The watermark is the largest event time so far minus the duration, row by row; a row behind it may be late. `watermark 4s when CONDITION` is raised by some rows only, `watermark ascending` lets rows of the newest time come still, `watermark as EXPRESSION` says it outright, as Flink SQL's WATERMARK FOR. `event_time ingestion` is the clock when a row is read. Sources with `align 10s` wait for each other: none is more than that ahead of the slowest.",
            ),
            clauses(SOURCE_CLAUSES),
            (
                &[
                    "source gen from nexmark 'bid' with (events = 1000, seed = 7);",
                    "source orders from values with (rows = array[row('ann', 1000), row('bob', 2000)])\n  columns (customer string, at bigint) event_time at watermark 5s;",
                    "source marked from values with (rows = array[row(1000, true), row(2000, false)])\n  columns (at bigint, marks boolean) event_time at watermark 1s when marks align 10s;",
                ],
                "CREATE TABLE … WITH (…)",
            ),
        ),
        statement(
            &["sink"],
            "sink NAME to CONNECTOR ['TARGET'] [with (…)]",
            (
                "names where rows go",
                "A pipeline ends with `| into NAME`, or with the sink written out: `| into file 'out' with (format = 'csv')`.",
            ),
            clauses(&[("with (OPTION = VALUE, …)", "options of the connector: `help CONNECTOR` lists them")]),
            (&["sink nowhere to blackhole;\nrun dropped = bids | into nowhere;"], "CREATE TABLE … WITH (…)"),
        ),
        statement(
            &["stream"],
            "stream NAME = PIPELINE",
            (
                "names a pipeline",
                "Other pipelines can begin with the name. Nothing runs until a pipeline is shown or run.",
            ),
            Vec::new(),
            (&["stream pricey = bids | filter price > 1000;\npricey | limit 3;"], "CREATE TEMPORARY VIEW"),
        ),
        statement(
            &["pipeline", "preview"],
            "NAME | STAGE | STAGE …",
            (
                "shows the rows of a pipeline",
                "A pipeline begins with the name of a source or stream, with the path of a file in quotes ('orders.ndjson', a glob, a directory), or with `stdin`; rows flow through its stages from left to right. By itself it is a preview: it runs in the foreground and shows its rows, until they end or Ctrl-C. At the prompt it ends after its first 100 rows (`.rows` sets how many), and on a terminal a changelog is the table that it describes (`.mode`). Rows that can't be read or processed are shown, passed over and counted, unless the source says on_error = 'fail'. A line that begins with `|` goes on with the pipeline shown last. Its last stage may be `into SINK` only behind `run`; `into 'rows.csv'` or `into 'rows.ndjson'` writes its rows to that file, which must not exist unless `with (overwrite = true)` stands behind it.",
            ),
            Vec::new(),
            (&["bids | filter price > 1000 | map auction, price | limit 3;"], "SELECT"),
        ),
        statement(
            &["run", "job"],
            "run NAME [from …] [with (…)] = PIPELINE   or   run NAME [from …] [with (…)] { PIPELINE; … }",
            (
                "starts a job",
                "Every pipeline ends with `| into SINK`; those of one job share their sources, and a side output (`late_to`) is a stream inside the job. The job runs in the background: `show jobs` lists it, `wait JOB` waits for it.\n\nIt starts from the beginning; with `from latest`, `from checkpoint N` or `from savepoint 'DIR'` from the state of an earlier run of its name, or of any savepoint. The pipelines may have changed meanwhile: operators find their state by uid, and an automatic uid does not depend on stages that keep none. All that does not fit is listed before anything is changed; `explain run NAME from … = …` shows it without a start.",
            ),
            options(JOB_OPTIONS),
            (
                &[
                    "run counts with (parallelism = 2) = bids | key_by auction | aggregate count(*) as n | into blackhole;",
                    "run both {\n  bids | key_by auction | window tumble(10s) late_to late | aggregate count(*) as n | into blackhole;\n  late | into print;\n}",
                    "run counts from latest with (parallelism = 2) = bids | filter price > 100 | key_by auction | aggregate count(*) as n | into blackhole;",
                ],
                "INSERT INTO, EXECUTE STATEMENT SET",
            ),
        ),
    ]
}

fn functions() -> Vec<Topic> {
    let mut topics = Vec::new();
    for function in crate::expr::functions() {
        topics.push(Topic {
            kind: Kind::Function,
            names: std::iter::once(function.name).chain(function.aliases.iter().copied()).collect(),
            summary: function.summary,
            flink: function.flink,
            usage: function.signature.to_owned(),
            help: "",
            details: Vec::new(),
            examples: function.examples.iter().map(|(typed, value)| format!("{typed}   -- {value}")).collect(),
        });
    }
    for function in crate::expr::aggregate::aggregates() {
        topics.push(Topic {
            kind: Kind::Function,
            names: std::iter::once(function.name).chain(function.aliases.iter().copied()).collect(),
            summary: function.summary,
            flink: function.flink,
            usage: format!("{}({})", function.name, function.arguments),
            help: "An aggregate function: it stands in the stage `aggregate`.",
            details: Vec::new(),
            examples: owned(function.examples),
        });
    }
    topics
}
