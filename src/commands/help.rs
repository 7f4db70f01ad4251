//! `help [TOPIC]`, `\?`

use std::fmt::Write as _;

use super::command::Command;
use crate::api::{Clause, CommandSpec, ConnectorSpec, NOT_YET, OptionSpec, Shape, Signature, StageArgs, WindowFnSpec};
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
        help: "Without a topic, lists all topics. A topic may be called by any of its names. A clause or an option is explained on the page that it belongs to: `help lateness` shows the page of `window`. The examples of a page run as they stand, in their order, in a shell that was just started.",
        examples: &["help", "help window", "help tumble", "help why late", "help lateness"],
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
        help: "Without a topic, lists all topics; with one, explains it.",
        examples: &["\\?", "\\? window"],
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
    let found = find(&topics, &words);
    if found.is_empty() {
        let wanted = words.join(" ");
        let names = topics.iter().flat_map(|topic| topic.names.iter().copied());
        let span = args.word(0)?.span.to(args.word(args.head.len() - 1)?.span);
        let unknown = Diagnostic::at(span, format!("there is no help on `{wanted}`"))
            .label("expected a stage, function, connector, command or statement");
        return Err(unknown.did_you_mean(&wanted, names).into());
    }
    Ok(Outcome::Text(found.iter().map(|topic| page(topic)).collect::<Vec<_>>().join("\n")))
}

/// The topics that are meant by these words: by their name, by its first word, by a clause or option; else by one of the
/// words, as in `window tumble`, `source file` and `show jobs`.
fn find<'t>(topics: &'t [Topic], words: &[&str]) -> Vec<&'t Topic> {
    let by = |fits: &dyn Fn(&Topic) -> bool| topics.iter().filter(|topic| fits(topic)).collect::<Vec<_>>();
    let (wanted, joined) = (words.join(" "), words.join("_"));
    let called = by(&|topic| topic.is_called(&wanted) || topic.is_called(&joined));
    if !called.is_empty() {
        return called;
    }
    let first = by(&|topic| topic.begins_with(&wanted));
    if !first.is_empty() {
        return first;
    }
    let mut detailed = by(&|topic| topic.has_detail(&wanted));
    if !detailed.is_empty() {
        // An option that every connector has is explained once.
        detailed.dedup_by_key(|topic| topic.kind);
        return detailed;
    }
    let last_first = words.iter().rev().filter(|_| words.len() > 1);
    last_first.map(|word| by(&|topic| topic.is_called(word))).find(|found| !found.is_empty()).unwrap_or_default()
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
    text.push_str("`help NAME` explains one, with examples that run as they stand: `help window`.\n");
    text.push_str("New here? `tutorial` lists the lessons.\n");
    text
}

/// Columns that a page may have.
const WIDTH: usize = 80;

/// Adds `text` in lines that begin at column `indent`; the first is begun already and has `taken` columns.
fn push_wrapped(page: &mut String, text: &str, indent: usize, taken: usize) {
    for (index, line) in wrapped(&typed_whole(text), WIDTH - indent).iter().enumerate() {
        let spaces = if index == 0 { indent.saturating_sub(taken) } else { indent };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{:spaces$}{}", "", line.replace(TYPED_SPACE, " "));
    }
}

/// Stands for a space of typed text, where no line is broken.
const TYPED_SPACE: char = '␣';

/// The most columns of what is not broken for that reason.
const TYPED_WIDTH: usize = 60;

/// A form of a syntax with what stands in square brackets, if it is short, as one word each.
fn bracketed_whole(form: &str) -> String {
    let mut whole = String::new();
    let mut rest = form;
    while let Some(opens) = rest.find('[') {
        let mut depth = 0_usize;
        let closes = rest[opens..].find(|c| {
            depth = if c == '[' { depth + 1 } else { depth - usize::from(c == ']') };
            depth == 0
        });
        let end = closes.map_or(rest.len(), |closes| opens + closes + 1);
        whole.push_str(&rest[..opens]);
        let group = &rest[opens..end];
        let unbroken = group.chars().count() <= TYPED_WIDTH;
        whole.push_str(&if unbroken {
            group.replace(' ', TYPED_SPACE.encode_utf8(&mut [0; 4]))
        } else {
            group.to_owned()
        });
        rest = &rest[end..];
    }
    whole + rest
}

/// The text with what stands in backquotes, if it is short, as one word each.
fn typed_whole(text: &str) -> String {
    let piece = |(index, piece): (usize, &str)| match index % 2 {
        1 if piece.chars().count() <= TYPED_WIDTH => piece.replace(' ', TYPED_SPACE.encode_utf8(&mut [0; 4])),
        _ => piece.to_owned(),
    };
    text.split('`').enumerate().map(piece).collect::<Vec<_>>().join("`")
}

/// What the topic is for, its syntax, examples, and then the rest.
fn page(topic: &Topic) -> String {
    let mut text = String::new();
    push_wrapped(&mut text, &format!("{}: {}", topic.names[0], topic.summary), 0, 0);
    text.push('\n');
    for form in topic.usage.lines() {
        for (index, line) in wrapped(&bracketed_whole(form), WIDTH - 2 * INDENT).iter().enumerate() {
            let indent = if index == 0 { INDENT } else { 2 * INDENT };
            let _ = writeln!(text, "{:indent$}{}", "", line.replace(TYPED_SPACE, " "));
        }
    }
    text.push('\n');
    if !topic.examples.is_empty() {
        text.push_str(if topic.examples.len() == 1 { "Example\n" } else { "Examples\n" });
    }
    for example in &topic.examples {
        for line in example.lines().flat_map(|line| typed_lines(line, WIDTH - INDENT)) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if !topic.examples.is_empty() {
        text.push('\n');
    }
    for paragraph in topic.help.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        push_wrapped(&mut text, paragraph, 0, 0);
        text.push('\n');
    }
    push_details(&mut text, &topic.details);
    if let Some((first, rest)) = topic.names.split_first()
        && !rest.is_empty()
        && topic.kind != Kind::Statement
    {
        push_wrapped(&mut text, &format!("{first} is also written {}.", rest.join(", ")), 0, 0);
    }
    let flink =
        topic.flink.map_or_else(|| "Flink has no counterpart.".to_owned(), |flink| format!("In Flink: {flink}"));
    push_wrapped(&mut text, &flink, 0, 0);
    text
}

/// Clauses or options, each with its help beside it, or below it where its name is long.
fn push_details(text: &mut String, details: &[(String, &'static str)]) {
    let widest = details.iter().map(|(name, _)| name.chars().count()).filter(|&width| width <= DETAIL).max();
    let width = widest.unwrap_or(DETAIL);
    let column = INDENT + width + 2;
    for (name, help) in details {
        let long = name.chars().count() > width;
        if long {
            push_wrapped(text, name, INDENT, 0);
        } else {
            let _ = write!(text, "  {name:width$}");
        }
        push_wrapped(text, help, column, if long { 0 } else { INDENT + width });
    }
    if !details.is_empty() {
        text.push('\n');
    }
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
    for &Clause { keyword, shape: part, required, .. } in
        signature.clauses.iter().filter(|clause| clause.help != NOT_YET)
    {
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
    ("watermark DURATION", "behind `event_time`: the delay, which is how far rows may be out of order; 0s by default"),
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
            "source NAME from CONNECTOR ['TARGET'] [columns (…)] [event_time EXPRESSION [watermark DURATION]] [with (…)]",
            (
                "names where rows come from",
                "Nothing is read until a pipeline that begins with the name is shown or run. The clauses come in any \
                 order.\n\
                 \n\
                 The watermark says how far event time has come: it is the largest event time so far minus the \
                 delay. A window fires when the watermark has passed its end, and what comes for it after that is \
                 late.",
            ),
            clauses(SOURCE_CLAUSES),
            (
                &[
                    "source gen from nexmark 'bid' with (events = 1000, seed = 7);",
                    "source orders from values with (rows = array[row('ann', 1000), row('bob', 2000)])\n  columns (customer string, at bigint) event_time at watermark 5s;",
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
