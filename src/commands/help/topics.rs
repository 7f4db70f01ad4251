//! What there is help on.

use std::fmt::Write as _;

use crate::api::{Clause, CommandSpec, ConnectorSpec, OptionSpec, Shape, Signature, WindowFnSpec};
use crate::lang::lower::JOB_OPTIONS;
use crate::session::Session;

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
    pub(super) const ALL: [Self; 6] =
        [Self::Statement, Self::Stage, Self::Window, Self::Function, Self::Connector, Self::Command];

    /// The word behind `show` that lists it.
    pub(in crate::commands) const fn listing(self) -> Option<&'static str> {
        match self {
            Self::Statement => None,
            Self::Stage => Some("stages"),
            Self::Window => Some("windows"),
            Self::Function => Some("functions"),
            Self::Connector => Some("connectors"),
            Self::Command => Some("commands"),
        }
    }

    pub(super) const fn title(self) -> &'static str {
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
    /// Statements that show it, to be typed one after the other; of scalar functions with their values behind them.
    pub examples: Vec<String>,
    /// The syntax, a form a line.
    pub usage: String,
    /// The help text.
    pub help: &'static str,
    /// Clauses or options.
    pub details: Vec<(String, &'static str)>,
}

impl Topic {
    /// Whether it has this name, `mode` for `.mode` too.
    pub(super) fn is_called(&self, wanted: &str) -> bool {
        let called = |name: &str| name.eq_ignore_ascii_case(wanted);
        self.names.iter().any(|name| called(name) || called(name.trim_start_matches(['.', '\\'])))
    }

    /// Whether a name of several words begins with this one: `kill`.
    pub(super) fn begins_with(&self, wanted: &str) -> bool {
        let first = |name: &str| name.split_once(' ').is_some_and(|(first, _)| first.eq_ignore_ascii_case(wanted));
        self.names.iter().any(|name| first(name))
    }

    /// Whether it has a clause or option of this name, or one that begins with it.
    pub(super) fn has_detail(&self, wanted: &str) -> bool {
        self.details.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case(wanted) || name.split(' ').next().is_some_and(|n| n.eq_ignore_ascii_case(wanted))
        })
    }
}

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
    let mut topics = definitions();
    topics.extend(runs());
    for stage in registries.stages {
        topics.push(Topic {
            kind: Kind::Stage,
            names: std::iter::once(stage.name).chain(stage.aliases.iter().copied()).collect(),
            summary: stage.summary,
            flink: stage.flink,
            usage: usage(stage.name, &stage.signature),
            help: stage.help,
            details: windows_of(&stage.signature, registries.windows).chain(clauses_of(&stage.signature)).collect(),
            examples: owned(stage.examples),
        });
    }
    for window in registries.windows {
        topics.push(Topic {
            kind: Kind::Window,
            names: vec![window.name],
            summary: window.summary,
            flink: window.flink,
            usage: format!("window {}", call(window)),
            help: window.help,
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
            usage: forms(connector),
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
            details: clauses_of(&command.signature).collect(),
            examples: command_examples(command),
        });
    }
    topics
}

fn clauses_of(signature: &Signature) -> impl Iterator<Item = (String, &'static str)> {
    signature.clauses.iter().map(|clause| (clause.keyword.to_owned(), clause.help))
}

/// The window functions, of a stage that takes one.
fn windows_of(
    signature: &Signature,
    windows: &'static [&'static WindowFnSpec],
) -> impl Iterator<Item = (String, &'static str)> {
    let takes_one = signature.head.contains(&Shape::Window);
    windows.iter().filter(move |_| takes_one).map(|window| (call(window), window.summary))
}

/// `tumble(size[, offset])`
fn call(window: &WindowFnSpec) -> String {
    format!("{}({})", window.name, window.arguments)
}

/// Where a connector may stand.
fn forms(connector: &ConnectorSpec) -> String {
    let target = match connector.target {
        Some(values) if values.starts_with('\'') => format!(" {values}"),
        Some(_) => " 'PATH'".to_owned(),
        None => String::new(),
    };
    let with = if connector.options.is_empty() { "" } else { " [with (OPTION = VALUE, …)]" };
    let mut forms = Vec::new();
    if connector.source.is_some() {
        forms.push(format!("source NAME from {}{target} [columns (…)] [event_time …]{with}", connector.name));
    }
    if connector.sink.is_some() {
        forms.push(format!("sink NAME to {}{target}{with}", connector.name));
        forms.push(format!("… | into {}{target}{with}", connector.name));
    }
    forms.join("\n")
}

/// The job that examples of commands are about.
const HOT: &str = "run hot = bids | key_by auction | window tumble(10s) | aggregate count(*) as n | into blackhole;   -- a job to try it on";

/// The examples of a command, behind the job that they are about.
fn command_examples(command: &CommandSpec) -> Vec<String> {
    let about_hot =
        command.examples.iter().any(|example| example.split(' ').any(|word| word.trim_end_matches(';') == "hot"));
    about_hot.then_some(HOT).into_iter().chain(command.examples.iter().copied()).map(str::to_owned).collect()
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
    (
        "columns (NAME TYPE [not null], …)",
        "the columns and their types; without it the columns of a file are \
                                           inferred and printed",
    ),
    ("event_time EXPRESSION", "when a row happened: a timestamp, or a bigint of milliseconds since 1970"),
    (
        "watermark DURATION",
        "behind `event_time`: the delay, which is how far rows may be out of order; 0s by default; or `ascending`, \
         `DURATION when CONDITION`, `as EXPRESSION`",
    ),
    ("align DURATION", "behind `watermark`: how far the source may be ahead of the slowest one that says so too"),
    ("primary key (NAME, …)", "the columns by which the rows of a changelog replace each other"),
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

/// The statements that give things names.
fn definitions() -> Vec<Topic> {
    vec![
        statement(
            &["source"],
            "source NAME from CONNECTOR ['TARGET'] [columns (…)] [event_time EXPRESSION [watermark DURATION [align DURATION]]] [primary key (NAME, …)] [with (…)]",
            (
                "names where rows come from",
                "Nothing is read until a pipeline that begins with the name is shown or run. The clauses come in any \
                 order.\n\
                 \n\
                 The watermark says how far event time has come: it is the largest event time so far minus the \
                 delay. A window fires when the watermark has passed its end, and what comes for it after that is \
                 late. `watermark 4s when CONDITION` is raised by some rows only, `watermark ascending` lets rows of \
                 the newest time come still, and `watermark as EXPRESSION` says the watermark itself, as Flink SQL's \
                 WATERMARK FOR. `event_time ingestion` is the time at which a row is read. Sources with `align 10s` \
                 wait for each other: none is more than 10 seconds ahead of the slowest.",
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
                "Each pipeline of a job ends with `| into NAME`, or with the sink written out: `| into file 'out' \
                 with (format = 'csv')`.",
            ),
            clauses(&[("with (OPTION = VALUE, …)", "options of the connector: `help CONNECTOR` lists them")]),
            (&["sink nowhere to blackhole;\nrun dropped = bids | into nowhere;"], "CREATE TABLE … WITH (…)"),
        ),
        statement(
            &["stream"],
            "stream NAME = PIPELINE",
            (
                "names a pipeline",
                "Other pipelines can begin with the name, as with that of a source. Nothing runs until one of them \
                 is shown or run.",
            ),
            Vec::new(),
            (&["stream pricey = bids | filter price > 1000;\npricey | limit 3;"], "CREATE TEMPORARY VIEW"),
        ),
        statement(
            &["function"],
            "function NAME(PARAMETER TYPE, …) returns TYPE = EXPRESSION",
            (
                "names an expression",
                "The function is called like those that are built in, in every expression of a pipeline, of a process function and of another function. Its parameters stand for the arguments, which are brought to their types. What is built in can't be defined anew.",
            ),
            Vec::new(),
            (
                &[
                    "function in_euro(cents bigint) returns double = cents * 0.908 / 100;\nbids | map auction, in_euro(price) as eur | limit 3;",
                ],
                "CREATE FUNCTION",
            ),
        ),
    ]
}

/// The statements that let rows flow.
fn runs() -> Vec<Topic> {
    vec![
        statement(
            &["pipeline", "preview"],
            "NAME | STAGE | STAGE …",
            (
                "shows the rows of a pipeline",
                "A pipeline begins with the name of a source or stream, with a file in quotes ('orders.ndjson', a \
                 glob, a folder), or with `stdin`. Rows flow through its stages from left to right.\n\
                 \n\
                 A pipeline by itself is a preview. It runs in the foreground and shows its rows, until they end or \
                 Ctrl-C is pressed. At the prompt it ends after 100 rows (`.rows` sets how many). On a terminal a \
                 running aggregate is a table that changes in place (`.mode` sets it otherwise).\n\
                 \n\
                 A row that can't be read or processed is shown, passed over and counted, unless the source says \
                 `on_error = 'fail'`.\n\
                 \n\
                 A line that begins with `|` goes on with the pipeline shown last.\n\
                 \n\
                 With `| into 'rows.csv'` or `| into 'rows.ndjson'` at its end a preview writes its rows to that \
                 file. A file that exists is refused, unless `with (overwrite = true)` stands behind it. For all \
                 other sinks a pipeline must be a job: `help run`.",
            ),
            Vec::new(),
            (&["bids | filter price > 1000 | map auction, price | limit 3;"], "SELECT"),
        ),
        statement(
            &["run", "job"],
            "run NAME [from …] [with (…)] = PIPELINE\nrun NAME [from …] [with (…)] { PIPELINE; … }",
            (
                "starts a job",
                "A job runs in the background, until its input ends. `show jobs` lists it, `wait JOB` waits for its \
                 end, `stop JOB` ends it. Every pipeline of a job ends with `| into SINK`. The pipelines of one job \
                 share their sources; late rows (`late_to`) are a stream inside it.\n\
                 \n\
                 A job starts from the beginning of its input. With `from latest`, `from checkpoint N` or `from \
                 savepoint 'DIR'` it goes on with the state of an earlier run. Its pipelines may have changed since: \
                 an operator finds its state by its uid, and an automatic uid does not depend on stages without \
                 state, such as `filter` and `map`. What does not fit is listed before anything is changed. `explain \
                 run NAME from … = …` shows it without a start.",
            ),
            options(JOB_OPTIONS),
            (
                &[
                    "run counts with (parallelism = 2) = bids | key_by auction | aggregate count(*) as n | into blackhole;",
                    "run both {\n  bids | key_by auction | window tumble(10s) late_to late | aggregate count(*) as n | into blackhole;\n  late | into print;\n}",
                    "stop counts;",
                    "run counts from latest with (parallelism = 2) = bids | filter price > 100 | key_by auction | aggregate count(*) as n | into blackhole;",
                ],
                "INSERT INTO, EXECUTE STATEMENT SET",
            ),
        ),
    ]
}

/// A statement that shows the value of an expression.
fn tried(expression: &str) -> String {
    format!("bids | limit 1 | map {expression};")
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
            examples: match function.examples {
                [] => vec![tried(function.name)],
                examples => examples.iter().map(|(typed, value)| format!("{}   -- {value}", tried(typed))).collect(),
            },
        });
    }
    for function in crate::expr::aggregate::aggregates() {
        topics.push(Topic {
            kind: Kind::Function,
            names: std::iter::once(function.name).chain(function.aliases.iter().copied()).collect(),
            summary: function.summary,
            flink: function.flink,
            usage: format!("{}({})", function.name, function.arguments),
            help: "This is an aggregate function: it stands in the stage `aggregate`.",
            details: Vec::new(),
            examples: owned(function.examples),
        });
    }
    topics
}
