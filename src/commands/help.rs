//! `help [TOPIC]`, `\?`

use std::fmt::Write as _;

use super::{CommandSpec, commands};
use crate::api::{Clause, CommandSyntax};
use crate::api::{Shape, Signature, StageArgs};
use crate::session::{Failure, Outcome, Session};
use crate::types::Diagnostic;

/// The registry entry.
pub(super) const SPEC: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "help",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
    },
    usage: "help [TOPIC]",
    summary: "explains a stage, function, connector, command or statement",
    help: "Without a topic lists all topics. With the name of a stage, window function, function, connector, command or statement, explains it with examples that run as they stand.",
    examples: &["help", "help window"],
    flink: Some("HELP"),
    run,
};

/// The short form.
pub(super) const SHORT: CommandSpec = CommandSpec {
    syntax: CommandSyntax {
        name: "\\?",
        aliases: &[],
        signature: Signature { head: &[], optional: &[Shape::Name], clauses: &[] },
    },
    usage: "\\? [TOPIC]",
    summary: "the same as help",
    help: "Without a topic lists all topics; with one, explains it.",
    examples: &["\\?"],
    flink: None,
    run,
};

/// What a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
pub(super) struct Topic {
    pub(super) kind: Kind,
    /// Its name, then its other names.
    pub(super) names: Vec<&'static str>,
    pub(super) summary: &'static str,
    pub(super) flink: Option<&'static str>,
    usage: String,
    help: &'static str,
    details: Vec<(String, &'static str)>,
    examples: Vec<String>,
}

fn run(args: &StageArgs, session: &mut Session) -> Result<Outcome, Failure> {
    let topics = topics(session);
    if args.head.is_empty() {
        return Ok(Outcome::Text(overview(&topics)));
    }
    let wanted = args.word(0)?;
    let found: Vec<&Topic> =
        topics.iter().filter(|topic| topic.names.iter().any(|name| name.eq_ignore_ascii_case(&wanted.node))).collect();
    if found.is_empty() {
        let names = topics.iter().flat_map(|topic| topic.names.iter().copied());
        let unknown = Diagnostic::at(wanted.span, format!("there is no help on `{}`", wanted.node))
            .label("expected a stage, function, connector, command or statement");
        return Err(unknown.did_you_mean(&wanted.node, names).into());
    }
    Ok(Outcome::Text(found.iter().map(|topic| page(topic)).collect::<Vec<_>>().join("\n")))
}

fn overview(topics: &[Topic]) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(text, "{}", kind.title());
        if kind == Kind::Function {
            let names: Vec<&str> = topics.iter().filter(|t| t.kind == kind).map(|t| t.names[0]).collect();
            for line in wrapped(&names, 100) {
                let _ = writeln!(text, "  {line}");
            }
        } else {
            for topic in topics.iter().filter(|topic| topic.kind == kind) {
                let _ = writeln!(text, "  {:18} {}", topic.names.join(", "), topic.summary);
            }
        }
        text.push('\n');
    }
    text.push_str("`help NAME` explains one, with examples that run as they stand.\n");
    text
}

fn wrapped(words: &[&str], width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last_mut().filter(|line| line.len() + word.len() < width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push((*word).to_owned()),
        }
    }
    lines
}

fn page(topic: &Topic) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}\n\n  {}\n", topic.usage, topic.summary);
    if !topic.help.is_empty() {
        for line in wrapped(&topic.help.split_whitespace().collect::<Vec<_>>(), 96) {
            let _ = writeln!(text, "  {line}");
        }
        text.push('\n');
    }
    for (name, help) in &topic.details {
        let _ = writeln!(text, "  {name:32} {help}");
    }
    if !topic.details.is_empty() {
        text.push('\n');
    }
    if let Some((first, rest)) = topic.names.split_first()
        && !rest.is_empty()
    {
        let _ = writeln!(text, "  {first} is also written {}.\n", rest.join(", "));
    }
    match topic.flink {
        Some(flink) => drop(writeln!(text, "  In Flink: {flink}\n")),
        None => text.push_str("  Flink has no counterpart.\n\n"),
    }
    for example in &topic.examples {
        let _ = writeln!(text, "  {}", example.replace('\n', "\n  "));
    }
    text
}

/// How a shape is shown in a usage line.
fn shape(shape: Shape) -> String {
    match shape {
        Shape::Expr => "EXPRESSION".into(),
        Shape::Exprs { .. } => "EXPRESSION [as NAME], …".into(),
        Shape::Duration => "DURATION".into(),
        Shape::Integer => "N".into(),
        Shape::Name => "NAME".into(),
        Shape::Names => "NAME, …".into(),
        Shape::Text => "'TEXT'".into(),
        Shape::Keyword(words) => words.join("|"),
        Shape::Window => "WINDOW(…)".into(),
        Shape::Sink => "SINK".into(),
        Shape::Options => "(OPTION = VALUE, …)".into(),
        Shape::Flag => String::new(),
        Shape::Subtask => "VERTEX[I]".into(),
        Shape::Pipeline => "PIPELINE|NAME".into(),
    }
}

fn usage(name: &str, signature: &Signature) -> String {
    let mut text = name.to_owned();
    for &part in signature.head {
        let _ = write!(text, " {}", shape(part));
    }
    for &part in signature.optional {
        let _ = write!(text, " [{}]", shape(part));
    }
    for &Clause { keyword, shape: part, required, .. } in signature.clauses {
        let clause = format!("{keyword} {}", shape(part));
        let clause = clause.trim_end();
        let _ = if required { write!(text, " {clause}") } else { write!(text, " [{clause}]") };
    }
    text
}

/// Everything there is help on.
pub(super) fn topics(session: &Session) -> Vec<Topic> {
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
            details: connector
                .options
                .iter()
                .map(|option| (format!("{} = {}", option.name, option.values), option.help))
                .collect(),
            examples: owned(connector.examples),
        });
    }
    for command in commands() {
        topics.push(Topic {
            kind: Kind::Command,
            names: std::iter::once(command.syntax.name).chain(command.syntax.aliases.iter().copied()).collect(),
            summary: command.summary,
            flink: command.flink,
            usage: command.usage.to_owned(),
            help: command.help,
            details: command
                .syntax
                .signature
                .clauses
                .iter()
                .map(|clause| (clause.keyword.to_owned(), clause.help))
                .collect(),
            examples: owned(command.examples),
        });
    }
    topics
}

fn owned(examples: &[&str]) -> Vec<String> {
    examples.iter().map(|&example| example.to_owned()).collect()
}

fn statements() -> Vec<Topic> {
    let statement = |name, usage: &str, summary, help, examples: &[&'static str]| Topic {
        kind: Kind::Statement,
        names: vec![name],
        summary,
        flink: match name {
            "source" | "sink" => Some("CREATE TABLE … WITH (…)"),
            "stream" => Some("CREATE TEMPORARY VIEW"),
            "run" => Some("INSERT INTO, EXECUTE STATEMENT SET"),
            _ => None,
        },
        usage: usage.to_owned(),
        help,
        details: Vec::new(),
        examples: owned(examples),
    };
    vec![
        statement(
            "source",
            "source NAME from CONNECTOR ['TARGET'] [columns (…)] [event_time EXPRESSION [watermark DURATION]] [with (…)]",
            "names where rows come from",
            "The clauses come in any order. Without columns a file's schema is inferred and printed. event_time takes a column or an expression; a bigint is epoch milliseconds. The watermark is the largest event time so far minus the duration, row by row. Every source takes on_error = 'fail' | 'skip' | 'dead_letter', dead_letter = 'DIR', pace = '10x' and idle_timeout = DURATION.",
            &["source gen from nexmark 'bid' with (events = 1000, seed = 7);"],
        ),
        statement(
            "sink",
            "sink NAME to CONNECTOR ['TARGET'] [with (…)]",
            "names where rows go",
            "A pipeline ends with `| into NAME`, or with the sink written out: `| into file 'out' with (format = 'csv')`.",
            &["sink nowhere to blackhole;"],
        ),
        statement(
            "stream",
            "stream NAME = PIPELINE",
            "names a pipeline",
            "Other pipelines can begin with the name. Nothing runs until a pipeline is shown or run.",
            &["stream pricey = bids | filter price > 1000;"],
        ),
        statement(
            "run",
            "run NAME [with (…)] = PIPELINE   or   run NAME [with (…)] { PIPELINE; … }",
            "starts a job",
            "Every pipeline ends with `| into SINK`; those of one job share their sources. Options: parallelism, max_parallelism, checkpoint = DURATION, retained_checkpoints, restart_attempts, restart_delay, batch_rows, task_managers, on_error, dead_letter, allow_non_restored_state.",
            &["run counts with (parallelism = 2) = bids | key_by auction | aggregate count(*) as n | into blackhole;"],
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
