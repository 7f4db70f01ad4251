//! The syntax of a stage or a command as data: the parser, completion, help and the grammar test all read it.
//!
//! Both are a name, positional arguments, then clauses in any order: `window tumble(10s) lateness 5s late_to s`,
//! `restore hot from savepoint 'sp/1' with (parallelism = 3)`.

use crate::expr::ast::{Call, ExprNode};
use crate::types::{Span, Spanned};

/// The shape of one place of a stage: what may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One expression: `price > 1000`.
    Expr,
    /// Expressions with optional names, separated by commas: `a, b + 1 as c`; with `star`, `*` and `* except (a, b)` too.
    Exprs {
        /// Whether `*` may stand there.
        star: bool,
    },
    /// Expressions to sort by, separated by commas: `n desc, a nulls last`.
    Order,
    /// A duration: `10s`.
    Duration,
    /// A whole number: `5`.
    Integer,
    /// One name: `late_bids`.
    Name,
    /// Names separated by commas: `a, b`.
    Names,
    /// A stream that is read beside the one at hand, and what qualifies its columns: `payments as p`.
    Stream,
    /// A stretch of time around a moment: `-1s..10s`, `-1s..<10s` without its end.
    Range,
    /// A pattern of rows: `(A B+ -> C?)`.
    Pattern,
    /// Names and what each stands for: `A as price > 10, B as price < 5`.
    Definitions,
    /// What raises the watermark: `4s`, `4s when e`, `ascending`, `as e`.
    Watermark,
    /// A quoted text: `'x'`.
    Text,
    /// One of these words.
    Keyword(&'static [&'static str]),
    /// A window with its arguments: `tumble(10s, 1s)`.
    Window,
    /// When a window fires: `every 5s`, `purging count 10`.
    Trigger,
    /// The rows that a window lets go before it fires: `last 10`.
    Evictor,
    /// A sink by name, or one written out: `hot_file`, `print`, `file 'out' with (format = 'json')`.
    Sink,
    /// `(k = v, …)`, behind the clause keyword `with`.
    Options,
    /// The name of a setting and its value, `=` between them or not: `timezone = 'Europe/Berlin'`.
    Setting,
    /// Nothing follows: `--json`, `drain`.
    Flag,
    /// A subtask: `window[1]`.
    Subtask,
    /// How often stages run, and the stages: `10 until changed = 0 { map … }`.
    Rounds,
    /// A pipeline, the name of a job, stream, source or sink (a pipeline without stages), or a `run` statement.
    Pipeline,
}

impl Shape {
    /// The shape in a usage line: `DURATION`.
    #[must_use]
    pub fn usage(self) -> String {
        let usage = match self {
            Self::Expr => "EXPRESSION",
            Self::Exprs { .. } => "EXPRESSION [as NAME], …",
            Self::Order => "EXPRESSION [desc], …",
            Self::Duration => "DURATION",
            Self::Integer => "N",
            Self::Name => "NAME",
            Self::Names => "NAME, …",
            Self::Stream => "STREAM [as NAME]",
            Self::Range => "DURATION..DURATION",
            Self::Pattern => "(PATTERN)",
            Self::Definitions => "NAME as EXPRESSION, …",
            Self::Watermark => "DURATION [when CONDITION]|ascending|as EXPRESSION",
            Self::Text => "'TEXT'",
            Self::Keyword(words) => return words.join("|"),
            Self::Window => "WINDOW(…)",
            Self::Trigger => "[purging] on_watermark|every DURATION|count N|on_event|delta NUMBER of EXPRESSION|never",
            Self::Evictor => "last N|within DURATION|delta NUMBER of EXPRESSION",
            Self::Sink => "SINK",
            Self::Options => "(OPTION = VALUE, …)",
            Self::Setting => "SETTING = VALUE",
            Self::Flag => "",
            Self::Subtask => "VERTEX[I]",
            Self::Rounds => "N [until CONDITION] { STAGE | … }",
            Self::Pipeline => "PIPELINE|NAME|run …",
        };
        usage.to_owned()
    }
}

/// One clause: its keyword, then what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The word or words that begin it: `lateness`, `from savepoint`.
    pub keyword: &'static str,
    /// The shape of what follows the keyword.
    pub shape: Shape,
    /// Whether the stage is incomplete without it.
    pub required: bool,
    /// The purpose of the clause, for help and completion.
    pub help: &'static str,
}

/// `from savepoint 'DIR'`
pub const FROM_SAVEPOINT: Clause =
    Clause { keyword: "from savepoint", shape: Shape::Text, required: false, help: "a savepoint's directory" };
/// `from checkpoint N`
pub const FROM_CHECKPOINT: Clause =
    Clause { keyword: "from checkpoint", shape: Shape::Integer, required: false, help: "a retained checkpoint" };
/// `from latest`
pub const FROM_LATEST: Clause =
    Clause { keyword: "from latest", shape: Shape::Flag, required: false, help: "the last checkpoint of that name" };

/// The syntax of one stage or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The shapes directly behind the name, all required.
    pub head: &'static [Shape],
    /// The shapes that may stand behind those.
    pub optional: &'static [Shape],
    /// The clauses that may follow.
    pub clauses: &'static [Clause],
}

/// An expression with the name it was given, if any.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedExpr {
    /// The expression.
    pub expr: ExprNode,
    /// `as name`
    pub name: Option<Spanned<String>>,
}

impl NamedExpr {
    /// The call of an item like `count(*) as n`, if it is one.
    #[must_use]
    pub fn as_call(&self) -> Option<&Call> {
        let crate::expr::ast::Expr::Call(call) = &self.expr.node else { return None };
        Some(call)
    }
}

/// One item of a select list.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// An expression, possibly named.
    Expr(NamedExpr),
    /// `*`, without the columns listed in `except`.
    Star {
        /// `except (a, b)`
        except: Vec<Spanned<String>>,
        /// The place of the star.
        span: Span,
    },
}

/// One expression to sort by.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    /// The expression.
    pub expr: ExprNode,
    /// `desc`
    pub descending: bool,
    /// `nulls first` or `nulls last`; as in Flink null is the least where neither is typed.
    pub nulls_first: Option<bool>,
}

/// A stream as typed where it is read beside another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStream {
    /// The stream or source.
    pub name: Spanned<String>,
    /// `as p`: what qualifies its columns in place of its name.
    pub alias: Option<Spanned<String>>,
}

/// A stretch of time around a moment, milliseconds: `-1s..10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first moment.
    pub from_ms: i64,
    /// The last moment, which is part of it.
    pub to_ms: i64,
}

/// A window function as typed: its name and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowCall {
    /// `tumble`
    pub name: Spanned<String>,
    /// Durations are interval literals, counts integer literals.
    pub args: Vec<ExprNode>,
}

/// A trigger as typed.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerCall {
    /// `purging`
    pub purging: bool,
    /// The moment.
    pub when: TriggerWhen,
    /// All of it.
    pub span: Span,
}

/// The moment of a [`TriggerCall`].
#[derive(Debug, Clone, PartialEq)]
pub enum TriggerWhen {
    /// `on_watermark`
    OnWatermark,
    /// `every 5s`
    Every(Spanned<i64>),
    /// `count 10`
    Count(Spanned<u64>),
    /// `on_event`
    OnEvent,
    /// `delta 10 of speed`
    Delta(ExprNode, ExprNode),
    /// `never`
    Never,
}

/// An evictor as typed.
#[derive(Debug, Clone, PartialEq)]
pub enum EvictorCall {
    /// `last 10`
    Last(Spanned<u64>),
    /// `within 5s`
    Within(Spanned<i64>),
    /// `delta 10 of speed`
    Delta(ExprNode, ExprNode),
}

/// One shell command, as parser, help and completion need it; what runs it is in a layer above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSpec {
    /// The command's word or words: `checkpoint`, `why late`.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// The syntax of what follows the name.
    pub signature: Signature,
    /// The usage line of the command, for help.
    pub usage: &'static str,
    /// One line for listings.
    pub summary: &'static str,
    /// The help text.
    pub help: &'static str,
    /// Statements that show it.
    pub examples: &'static [&'static str],
    /// The Flink counterpart.
    pub flink: Option<&'static str>,
}
