//! The syntax of a stage or a command as data: the parser, completion, help and the grammar test all read it.
//!
//! Both are a name, positional arguments, then clauses in any order: `window tumble(10s) lateness 5s late_to s`,
//! `restore hot from savepoint 'sp/1' with (parallelism = 3)`.

use crate::expr::ast::{Call, ExprNode};
use crate::types::{Diagnostic, Span, Spanned};

/// What may stand at one place of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One expression: `price > 1000`.
    Expr,
    /// Expressions with optional names, separated by commas: `a, b + 1 as c`; with `star`, `*` and `* except (a, b)` too.
    Exprs {
        /// Whether `*` may stand there.
        star: bool,
    },
    /// A duration: `10s`.
    Duration,
    /// A whole number: `5`.
    Integer,
    /// One name: `late_bids`.
    Name,
    /// Names separated by commas: `a, b`.
    Names,
    /// A quoted text: `'x'`.
    Text,
    /// One of these words.
    Keyword(&'static [&'static str]),
    /// A window with its arguments: `tumble(10s, 1s)`.
    Window,
    /// A sink by name, or one written out: `hot_file`, `print`, `file 'out' with (format = 'json')`.
    Sink,
    /// `(k = v, …)`, behind the clause keyword `with`.
    Options,
    /// Nothing follows: `--json`, `drain`.
    Flag,
    /// A subtask: `window[1]`.
    Subtask,
    /// A pipeline, the name of a job, stream, source or sink (a pipeline without stages), or a `run` statement.
    Pipeline,
}

/// One clause: its keyword, then what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The word or words that begin it: `lateness`, `from savepoint`.
    pub keyword: &'static str,
    /// What follows.
    pub shape: Shape,
    /// Whether the stage is incomplete without it.
    pub required: bool,
    /// What it does, for help and completion.
    pub help: &'static str,
}

/// The syntax of one stage or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// What stands directly behind the name, all required.
    pub head: &'static [Shape],
    /// What may stand behind those.
    pub optional: &'static [Shape],
    /// What may follow.
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

/// One item of a select list.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// An expression, possibly named.
    Expr(NamedExpr),
    /// `*`, without the columns listed in `except`.
    Star {
        /// `except (a, b)`
        except: Vec<Spanned<String>>,
        /// Where the star stands.
        span: Span,
    },
}

/// A window function as typed: its name and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowCall {
    /// `tumble`
    pub name: Spanned<String>,
    /// Durations are interval literals, counts integer literals.
    pub args: Vec<ExprNode>,
}

/// One parsed argument.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// For [`Shape::Expr`].
    Expr(ExprNode),
    /// For [`Shape::Exprs`].
    Exprs(Vec<SelectItem>),
    /// For [`Shape::Duration`], milliseconds, not negative.
    Duration(Spanned<i64>),
    /// For [`Shape::Integer`].
    Integer(Spanned<u64>),
    /// For [`Shape::Name`], [`Shape::Text`] and [`Shape::Keyword`].
    Name(Spanned<String>),
    /// For [`Shape::Names`].
    Names(Vec<Spanned<String>>),
    /// For [`Shape::Window`].
    Window(WindowCall),
    /// For [`Shape::Options`].
    Options(Vec<(Spanned<String>, ExprNode)>),
    /// For [`Shape::Flag`].
    Flag,
    /// For [`Shape::Subtask`]: a vertex by number, name or part of its name, and the instance.
    Subtask(Spanned<String>, Spanned<u64>),
    /// For [`Shape::Pipeline`].
    Pipeline(Pipeline),
    /// For [`Shape::Pipeline`] too.
    Run(RunStatement),
    /// For [`Shape::Sink`]: the connector call when written out, else the sink's name alone.
    Sink {
        /// The sink's or connector's name.
        name: Spanned<String>,
        /// `file 'path'`
        path: Option<Spanned<String>>,
        /// `with (k = v, …)`
        options: Vec<(Spanned<String>, ExprNode)>,
    },
}

/// A pipeline: where it begins and its stages.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The source or stream it reads.
    pub from: Spanned<String>,
    /// Its stages in order.
    pub stages: Vec<StageArgs>,
    /// All of it.
    pub span: Span,
}

/// `run name with (…) = …`
#[derive(Debug, Clone, PartialEq)]
pub struct RunStatement {
    /// The job's name.
    pub name: Spanned<String>,
    /// `with (…)`
    pub options: Vec<(Spanned<String>, ExprNode)>,
    /// Its pipelines: one behind `=`, any number in braces.
    pub pipelines: Vec<Pipeline>,
    /// The whole statement.
    pub span: Span,
    /// Its text, as typed.
    pub text: String,
}

/// The syntax of one shell command, as the parser needs it; the command itself is in a layer above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSyntax {
    /// Its word or words: `checkpoint`, `why late`.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What follows.
    pub signature: Signature,
}

/// The parsed arguments of one stage or command. The accessors fail only when the stage's [`Signature`] does not declare what is
/// asked for, and then as an error of ours, not a panic.
#[derive(Debug, Clone, PartialEq)]
pub struct StageArgs {
    /// The stage's or command's name as it is registered, whichever alias was typed.
    pub name: Spanned<String>,
    /// The whole stage.
    pub span: Span,
    /// One for each of [`Signature::head`], then those of [`Signature::optional`] that were typed.
    pub head: Vec<Arg>,
    /// The clauses that were typed: keyword and argument.
    pub clauses: Vec<(Spanned<&'static str>, Arg)>,
}

macro_rules! accessor {
    ($(#[$doc:meta])* $head:ident, $clause:ident, $variant:ident, $ty:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// When the signature says otherwise.
        pub fn $head(&self, index: usize) -> Result<&$ty, Diagnostic> {
            match self.head.get(index) {
                Some(Arg::$variant(value)) => Ok(value),
                _ => Err(self.undeclared()),
            }
        }

        /// The argument of clause `keyword`, if it was typed.
        ///
        /// # Errors
        /// When the signature says otherwise.
        pub fn $clause(&self, keyword: &str) -> Result<Option<&$ty>, Diagnostic> {
            match self.clause(keyword) {
                None => Ok(None),
                Some(Arg::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(self.undeclared()),
            }
        }
    };
}

impl StageArgs {
    /// The argument of clause `keyword`, if it was typed.
    #[must_use]
    pub fn clause(&self, keyword: &str) -> Option<&Arg> {
        self.clauses.iter().find(|(name, _)| name.node == keyword).map(|(_, arg)| arg)
    }

    accessor!(/// The expression at head position `index`.
        expr, clause_expr, Expr, ExprNode);
    accessor!(/// The select list at head position `index`.
        exprs, clause_exprs, Exprs, Vec<SelectItem>);
    accessor!(/// The duration at head position `index`, milliseconds.
        duration, clause_duration, Duration, Spanned<i64>);
    accessor!(/// The whole number at head position `index`.
        integer, clause_integer, Integer, Spanned<u64>);
    accessor!(/// The name, text or keyword at head position `index`.
        word, clause_word, Name, Spanned<String>);
    accessor!(/// The names at head position `index`.
        words, clause_words, Names, Vec<Spanned<String>>);
    accessor!(/// The pipeline at head position `index`.
        pipeline, clause_pipeline, Pipeline, Pipeline);
    accessor!(/// The options at head position `index`.
        options, clause_options, Options, Vec<(Spanned<String>, ExprNode)>);
    accessor!(/// The window at head position `index`.
        window, clause_window, Window, WindowCall);

    fn undeclared(&self) -> Diagnostic {
        Diagnostic::at(self.span, format!("the stage `{}` reads an argument its signature lacks", self.name.node))
    }
}

/// The aggregate call of an item like `count(*) as n`, if it is a call.
impl NamedExpr {
    /// The call, when the expression is one.
    #[must_use]
    pub fn as_call(&self) -> Option<&Call> {
        let crate::expr::ast::Expr::Call(call) = &self.expr.node else { return None };
        Some(call)
    }
}
