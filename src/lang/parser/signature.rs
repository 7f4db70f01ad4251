//! Stages and commands, by the [`Signature`] their registry entry declares.

use std::cell::RefCell;

use nom::Parser;
use nom::combinator::{map, opt};
use nom::multi::separated_list1;
use nom::sequence::preceded;

use super::expected::{Expected, Frame, Kind};
use super::input::{
    PResult, Tokens, bracketed, comma, field_name, keyword, labelled, name, on_line, refuse, soft, symbol, text, within,
};
use super::operand::expr;
use super::pattern::pattern;
use super::time::{duration, range, watermark, watermark_words};
use crate::api::{
    Arg, Clause, EvictorCall, NamedExpr, NamedStream, OrderItem, Rounds, SelectItem, Shape, Signature, Stage,
    StageArgs, TriggerCall, TriggerWhen, WindowCall,
};
use crate::expr::ast::ExprNode;
use crate::lang::grammar::begins_with;
use crate::lang::token::{Symbol, Token, TokenKind};
use crate::types::{Diagnostic, Span, Spanned};

/// `(k = v, …)` as parsed.
pub(super) type Options = Vec<(Spanned<String>, ExprNode)>;

/// The parser of stages that stand within one.
pub(super) type Stages = for<'t> fn(Tokens<'t>) -> PResult<'t, Vec<Stage>>;

/// The stage or command whose arguments are parsed.
#[derive(Clone, Copy)]
pub(super) struct Owner<'s> {
    /// The name of it as registered.
    pub(super) name: &'static str,
    /// The syntax of it.
    pub(super) signature: &'s Signature,
    /// The parser of a [`Shape::Pipeline`], when the owner is a command.
    pub(super) pipeline: Option<for<'t> fn(Tokens<'t>) -> PResult<'t, Arg>>,
    /// The parser of stages within a stage.
    pub(super) stages: Option<Stages>,
}

impl Owner<'_> {
    fn argument<'a>(
        self,
        input: Tokens<'a>,
        shape: Shape,
        before: usize,
        clause: Option<&'static Clause>,
    ) -> PResult<'a, Arg> {
        let parser = |input: Tokens<'a>| {
            input.suggest(Expected::Argument(shape));
            match (shape, self.pipeline, self.stages) {
                (Shape::Pipeline, Some(pipeline), _) => pipeline(input),
                (Shape::Rounds, _, Some(stages)) => map(|input| rounds(input, stages), Arg::Rounds).parse(input),
                _ => argument(input, shape),
            }
        };
        within(input, || self.frame(before, clause), parser)
    }

    fn frame(self, argument: usize, clause: Option<&'static Clause>) -> Frame {
        let (of, command, signature) = (self.name, self.pipeline.is_some(), *self.signature);
        Frame::Arguments { of, command, signature, argument, clause }
    }
}

/// The name of `owner`, `words` tokens long, and what its signature says may follow it.
pub(super) fn by_signature<'a>(start: Tokens<'a>, words: usize, owner: Owner<'_>) -> PResult<'a, StageArgs> {
    let signature = owner.signature;
    let mut input = start.skip(words);
    let typed = input.span_from(start);
    let mut head = Vec::new();
    for &shape in signature.head {
        let (rest, arg) = owner.argument(input, shape, head.len(), None)?;
        head.push(arg);
        input = rest;
    }
    for &shape in signature.optional {
        if !input.continues() || clause_at(input, signature.clauses).is_some() || ends(input) {
            let noted = |input: Tokens<'a>| Ok((input, note_optional(input, shape)));
            within(input, || owner.frame(head.len(), None), noted)?;
            break;
        }
        let (rest, arg) = owner.argument(input, shape, head.len(), None)?;
        head.push(arg);
        input = rest;
    }
    let (rest, clauses) = clauses(input, owner)?;
    let span = rest.span_from(start);
    Ok((rest, StageArgs { name: Spanned::new(owner.name.to_owned(), typed), span, head, clauses }))
}

fn ends(input: Tokens<'_>) -> bool {
    let closes = [Symbol::Pipe, Symbol::Semicolon, Symbol::RightBrace];
    let ends = |token: &Token<'_>| matches!(token.kind, TokenKind::Flag(_)) || closes.iter().any(|&end| token.is(end));
    input.peek().is_none_or(ends)
}

/// The clause that begins here; the one with the most words wins.
fn clause_at(input: Tokens<'_>, clauses: &'static [Clause]) -> Option<&'static Clause> {
    clauses
        .iter()
        .filter_map(|clause| Some((begins_with(input.rest(), clause.keyword)?, clause)))
        .max_by_key(|&(words, _)| words)
        .map(|(_, clause)| clause)
}

/// The clauses of a stage, command or definition: keyword and argument.
pub(super) type Clauses = Vec<(Spanned<&'static str>, Arg)>;

/// The clauses of `owner` that stand here, in any order.
pub(super) fn clauses<'a>(start: Tokens<'a>, owner: Owner<'_>) -> PResult<'a, Clauses> {
    let declared = owner.signature.clauses;
    let mut input = start;
    let mut found: Clauses = Vec::new();
    while input.continues_clause()
        && let Some(clause) = clause_at(input, declared)
    {
        let (rest, span) = clause_words(input, clause)?;
        if found.iter().any(|(earlier, _)| earlier.node == clause.keyword) {
            return refuse(Diagnostic::at(span, format!("`{}` is given twice", clause.keyword)));
        }
        let (rest, arg) = owner.argument(rest, clause.shape, 0, Some(clause))?;
        found.push((Spanned::new(clause.keyword, span), arg));
        input = rest;
    }
    let mut missing = false;
    for clause in declared {
        if !found.iter().any(|(earlier, _)| earlier.node == clause.keyword) {
            // Notes the clause as expected here; that it is missing was seen above.
            missing |= clause_words(input, clause).is_err() && clause.required;
        }
    }
    if missing {
        return soft();
    }
    Ok((input, found))
}

/// The words that `clause` begins with.
fn clause_words<'a>(start: Tokens<'a>, clause: &'static Clause) -> PResult<'a, Span> {
    let mut input = start;
    for (index, word) in clause.keyword.split(' ').enumerate() {
        if !input.peek().is_some_and(|token| token.is_word(word)) {
            input.note(Expected::Clause(clause, index));
            return soft();
        }
        input = input.skip(1);
    }
    Ok((input, input.span_from(start)))
}

/// Notes what could have stood at the end of a stage.
fn note_optional(input: Tokens<'_>, shape: Shape) {
    input.suggest(Expected::Argument(shape));
    match shape {
        Shape::Expr | Shape::Exprs { .. } | Shape::Order => input.note(Expected::Kind(Kind::Expression)),
        Shape::Duration | Shape::Range => input.note(Expected::Kind(Kind::Duration)),
        Shape::Integer | Shape::Rounds => input.note(Expected::Kind(Kind::Integer)),
        Shape::Pattern | Shape::Options => input.note(Expected::Exactly("(")),
        Shape::Stream => input.note(Expected::Kind(Kind::Stream)),
        Shape::Name
        | Shape::Names
        | Shape::Definitions
        | Shape::Window
        | Shape::Sink
        | Shape::Subtask
        | Shape::Pipeline => {
            input.note(Expected::Kind(Kind::Name));
        }
        Shape::Watermark => watermark_words(input),
        Shape::Text => input.note(Expected::Kind(Kind::Text)),
        Shape::Keyword(words) => words.iter().for_each(|word| input.note(Expected::Exactly(word))),
        Shape::Trigger => TRIGGERS.iter().for_each(|word| input.note(Expected::Exactly(word))),
        Shape::Evictor => EVICTORS.iter().for_each(|word| input.note(Expected::Exactly(word))),
        Shape::Setting => input.note(Expected::Kind(Kind::OptionName)),
        Shape::Flag => {}
    }
}

fn argument(input: Tokens<'_>, shape: Shape) -> PResult<'_, Arg> {
    match shape {
        Shape::Expr => map(expr, Arg::Expr).parse(input),
        Shape::Exprs { star } => map(|input| select_list(input, star), Arg::Exprs).parse(input),
        Shape::Order => map(separated_list1(comma, order_item), Arg::Order).parse(input),
        Shape::Duration => map(duration, Arg::Duration).parse(input),
        Shape::Integer => map(integer, Arg::Integer).parse(input),
        Shape::Name => map(command_name, Arg::Name).parse(input),
        Shape::Names => map(separated_list1(comma, one_of_names), Arg::Names).parse(input),
        Shape::Stream => map(named_stream, Arg::Stream).parse(input),
        Shape::Range => map(range, Arg::Range).parse(input),
        Shape::Pattern => map(pattern, Arg::Pattern).parse(input),
        Shape::Definitions => map(separated_list1(comma, definition), Arg::Exprs).parse(input),
        Shape::Watermark => map(watermark, Arg::Watermark).parse(input),
        Shape::Text => map(text, Arg::Name).parse(input),
        Shape::Keyword(words) => map(|input| one_of(input, words), Arg::Name).parse(input),
        Shape::Window => map(window, Arg::Window).parse(input),
        Shape::Trigger => map(trigger, Arg::Trigger).parse(input),
        Shape::Evictor => map(evictor, Arg::Evictor).parse(input),
        Shape::Sink => sink(input),
        Shape::Options => map(options, Arg::Options).parse(input),
        Shape::Setting => map(setting, |setting| Arg::Options(vec![setting])).parse(input),
        Shape::Flag => Ok((input, Arg::Flag)),
        Shape::Subtask => subtask(input),
        // Of a command, or of a stage, only.
        Shape::Pipeline | Shape::Rounds => input.fail(Kind::Stage),
    }
}

/// `10 until changed = 0 { map … }`
fn rounds(start: Tokens<'_>, stages: Stages) -> PResult<'_, Rounds> {
    let (input, most) = integer(start)?;
    let (input, until) = opt(keyword("until")).parse(input)?;
    let (input, until) = if until.is_some() { map(expr, Some).parse(input)? } else { (input, None) };
    let (rest, stages) = bracketed(Symbol::LeftBrace, stages, Symbol::RightBrace)(input)?;
    Ok((rest, Rounds { most, until, stages }))
}

fn one_of_names(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    input.suggest(Expected::Argument(Shape::Name));
    name(input)
}

/// A name; behind `help` also a directive, behind `tutorial` the number of a lesson.
fn command_name(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    let behind = |word: &str| input.at > 0 && input.source.tokens[input.at - 1].is_word(word);
    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Directive(word)) if behind("help") => {
            Ok((input.skip(1), Spanned::new((*word).to_owned(), input.span())))
        }
        Some(TokenKind::Integer(word)) if behind("tutorial") => {
            Ok((input.skip(1), Spanned::new((*word).to_owned(), input.span())))
        }
        _ => name(input),
    }
}

fn one_of<'a>(input: Tokens<'a>, words: &'static [&'static str]) -> PResult<'a, Spanned<String>> {
    let typed = match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Word(typed) | TokenKind::Raw(typed)) => *typed,
        _ => "",
    };
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(typed)) {
        return Ok((input.skip(1), Spanned::new((*word).to_owned(), input.span())));
    }
    for word in words {
        input.note(Expected::Exactly(word));
    }
    soft()
}

/// `a, b + 1 as c`, with `star` also `*` and `* except (a)`.
fn select_list(input: Tokens<'_>, star: bool) -> PResult<'_, Vec<SelectItem>> {
    separated_list1(comma, |input| select_item(input, star)).parse(input)
}

fn select_item(input: Tokens<'_>, star: bool) -> PResult<'_, SelectItem> {
    if star && let Ok((rest, span)) = symbol(Symbol::Star)(input) {
        let names = bracketed(Symbol::LeftParen, separated_list1(comma, column), Symbol::RightParen);
        let (rest, except) = opt(on_line(preceded(keyword("except"), names))).parse(rest)?;
        // A bare `except` is a mistake, not the end of the list.
        if except.is_none() && rest.continues() && rest.peek().is_some_and(|token| token.is_word("except")) {
            return soft();
        }
        let span = span.to(Span::new(span.start, rest.last_end()));
        return Ok((rest, SelectItem::Star { except: except.unwrap_or_default(), span }));
    }
    let (rest, expr) = expr(input)?;
    let (rest, alias) = if rest.continues() && rest.peek().is_some_and(|token| token.is_word("as")) {
        map(preceded(keyword("as"), field_name), Some).parse(rest)?
    } else {
        rest.note(Expected::Exactly("as"));
        if rest.continues() {
            rest.note(Expected::Exactly(","));
        }
        (rest, None)
    };
    Ok((rest, SelectItem::Expr(NamedExpr { expr, name: alias })))
}

/// `n`, `n desc`, `n nulls last`
fn order_item(input: Tokens<'_>) -> PResult<'_, OrderItem> {
    let (rest, expr) = expr(input)?;
    let (rest, way) = one_word(rest, &["asc", "desc"]);
    let (rest, nulls) = one_word(rest, &["nulls"]);
    let (rest, nulls_first) = if nulls.is_some() {
        let (rest, place) = one_of(rest, &["first", "last"])?;
        (rest, Some(place.node == "first"))
    } else {
        (rest, None)
    };
    if rest.continues() {
        rest.note(Expected::Exactly(","));
    }
    Ok((rest, OrderItem { expr, descending: way == Some("desc"), nulls_first }))
}

/// The one of `words` that stands here, if one does.
fn one_word<'a>(input: Tokens<'a>, words: &'static [&'static str]) -> (Tokens<'a>, Option<&'static str>) {
    let found = words.iter().find(|word| input.peek().is_some_and(|token| token.is_word(word)));
    if let Some(word) = found.filter(|_| input.continues()) {
        return (input.skip(1), Some(word));
    }
    for word in words {
        input.note(Expected::Exactly(word));
    }
    (input, None)
}

/// `A as price > 10`
fn definition(input: Tokens<'_>) -> PResult<'_, SelectItem> {
    let (rest, name) = field_name(input)?;
    let (rest, _) = keyword("as")(rest)?;
    let (rest, expr) = expr(rest)?;
    if rest.continues() {
        rest.note(Expected::Exactly(","));
    }
    Ok((rest, SelectItem::Expr(NamedExpr { expr, name: Some(name) })))
}

fn column(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    labelled(Kind::Column, field_name)(input)
}

/// `payments as p`
fn named_stream(input: Tokens<'_>) -> PResult<'_, NamedStream> {
    let (rest, name) = labelled(Kind::Stream, name)(input)?;
    let (rest, alias) = alias(rest)?;
    Ok((rest, NamedStream { name, alias }))
}

/// `as p`, what qualifies the columns of the stream before it, if it stands here; `as of` is something else.
pub(super) fn alias(input: Tokens<'_>) -> PResult<'_, Option<Spanned<String>>> {
    let is_word = |ahead: usize, word: &str| input.ahead(ahead).is_some_and(|token| token.is_word(word));
    if !input.continues() || !is_word(0, "as") || is_word(1, "of") {
        input.note(Expected::Exactly("as"));
        return Ok((input, None));
    }
    map(preceded(keyword("as"), name), Some).parse(input)
}

fn integer(input: Tokens<'_>) -> PResult<'_, Spanned<u64>> {
    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Integer(digits) | TokenKind::Raw(digits))
            if digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            match digits.parse() {
                Ok(number) => Ok((input.skip(1), Spanned::new(number, input.span()))),
                Err(_) => refuse(
                    Diagnostic::at(input.span(), format!("`{digits}` is out of range"))
                        .label(format!("expected a whole number up to {}", u64::MAX)),
                ),
            }
        }
        Some(TokenKind::Symbol(Symbol::Minus)) => {
            refuse(Diagnostic::at(input.span(), "a negative number can't stand here").label("expected a whole number"))
        }
        _ => input.fail(Kind::Integer),
    }
}

/// `tumble(10s)`
fn window<'a>(input: Tokens<'a>) -> PResult<'a, WindowCall> {
    let (rest, typed) = labelled(Kind::Window, field_name)(input)?;
    let grammar = input.source.grammar;
    let Some(registered) = grammar.window_named(&typed.node) else {
        let mut unknown = Diagnostic::at(typed.span, format!("there is no window `{}`", typed.node))
            .did_you_mean(&typed.node, grammar.window_names());
        if unknown.help.is_none() {
            unknown =
                unknown.help(format!("the windows are {}", grammar.window_names().collect::<Vec<_>>().join(", ")));
        }
        return refuse(unknown);
    };
    let name = typed.map(|_| registered.to_owned());
    let opens = rest.continues() && rest.peek().is_some_and(|token| token.is(Symbol::LeftParen));
    if registered == "global" && !opens {
        rest.note(Expected::Exactly("("));
        return Ok((rest, WindowCall { name, args: Vec::new() }));
    }
    // Whoever types on is told what may come by the cursor.
    if !opens && input.source.cursor.is_none() {
        let syntax = format!("`window {registered}({})`", grammar.window_arguments(registered));
        return refuse(
            Diagnostic::at(name.span, format!("the window `{registered}` needs its arguments in parentheses"))
                .help(format!("write {syntax}; `help {registered}` has examples")),
        );
    }
    let args = |input: Tokens<'a>| {
        input.suggest(Expected::Kind(Kind::Arguments));
        opt(separated_list1(comma, expr)).parse(input)
    };
    let call = bracketed(Symbol::LeftParen, args, Symbol::RightParen);
    let (rest, args) = within(rest, || Frame::Window(name.node.clone()), call)?;
    Ok((rest, WindowCall { name, args: args.unwrap_or_default() }))
}

const TRIGGERS: &[&str] = &["on_watermark", "every", "count", "on_event", "delta", "never", "purging"];
const EVICTORS: &[&str] = &["last", "within", "delta"];

/// `on_watermark`, `every 5s`, `purging count 10`
fn trigger(start: Tokens<'_>) -> PResult<'_, TriggerCall> {
    let (rest, word) = one_of(start, TRIGGERS)?;
    let purging = word.node == "purging";
    let (rest, word) = if purging { one_of(rest, &TRIGGERS[..TRIGGERS.len() - 1])? } else { (rest, word) };
    let (rest, when) = match word.node.as_str() {
        "on_watermark" => (rest, TriggerWhen::OnWatermark),
        "every" => map(duration, TriggerWhen::Every).parse(rest)?,
        "count" => map(integer, TriggerWhen::Count).parse(rest)?,
        "on_event" => (rest, TriggerWhen::OnEvent),
        "delta" => map(delta, |(by, of)| TriggerWhen::Delta(by, of)).parse(rest)?,
        _ => (rest, TriggerWhen::Never),
    };
    Ok((rest, TriggerCall { purging, when, span: rest.span_from(start) }))
}

/// `last 10`, `within 5s`, `delta 10 of speed`
fn evictor(start: Tokens<'_>) -> PResult<'_, EvictorCall> {
    let (rest, word) = one_of(start, EVICTORS)?;
    match word.node.as_str() {
        "last" => map(integer, EvictorCall::Last).parse(rest),
        "within" => map(duration, EvictorCall::Within).parse(rest),
        _ => map(delta, |(by, of)| EvictorCall::Delta(by, of)).parse(rest),
    }
}

/// `10 of speed`
fn delta(input: Tokens<'_>) -> PResult<'_, (ExprNode, ExprNode)> {
    let (rest, by) = super::expr::signed(input)?;
    map(preceded(keyword("of"), expr), |of| (by.clone(), of)).parse(rest)
}

/// `hot_file`, `print`, or `file 'out' with (format = 'json')`; of a preview also `'rows.csv'`
fn sink(input: Tokens<'_>) -> PResult<'_, Arg> {
    if input.continues() && input.peek().is_some_and(|token| matches!(token.kind, TokenKind::Text(_))) {
        let (rest, path) = text(input)?;
        let (rest, options) = with_options(rest)?;
        return Ok((rest, Arg::File { path, options: options.unwrap_or_default() }));
    }
    input.suggest(Expected::Kind(Kind::Text));
    let (rest, name) = labelled(Kind::Sink, name)(input)?;
    let (rest, (path, options)) = within(rest, || written_to(&name), target_and_options)?;
    Ok((rest, Arg::Sink { name, path, options }))
}

/// The frame behind a connector that is written to.
pub(super) fn written_to(connector: &Spanned<String>) -> Frame {
    Frame::Connector { name: connector.node.clone(), sink: true }
}

/// `['target'] [with (…)]`
pub(super) fn target_and_options(input: Tokens<'_>) -> PResult<'_, (Option<Spanned<String>>, Options)> {
    let (rest, target) = target(input)?;
    let (rest, options) = with_options(rest)?;
    Ok((rest, (target, options.unwrap_or_default())))
}

/// The text behind the name of a connector, if it stands here.
pub(super) fn target(input: Tokens<'_>) -> PResult<'_, Option<Spanned<String>>> {
    input.suggest(Expected::Kind(Kind::Target));
    opt(on_line(text)).parse(input)
}

/// `with (…)`, if it stands here.
pub(super) fn with_options(input: Tokens<'_>) -> PResult<'_, Option<Options>> {
    if !input.continues_clause() || !input.peek().is_some_and(|token| token.is_word("with")) {
        input.note(Expected::Exactly("with"));
        return Ok((input, None));
    }
    let (rest, _) = keyword("with")(input)?;
    map(options, Some).parse(rest)
}

/// `(k = v, …)`
pub(super) fn options<'a>(input: Tokens<'a>) -> PResult<'a, Options> {
    fn option(input: Tokens<'_>) -> PResult<'_, (Spanned<String>, ExprNode)> {
        let (rest, key) = option_key(input)?;
        let (rest, _) = symbol(Symbol::Eq)(rest)?;
        let (rest, value) = within(rest, || Frame::Option(key.node.clone()), expr)?;
        Ok((rest, (key, value)))
    }
    let given = RefCell::new(Vec::new());
    let one = |input: Tokens<'a>| {
        // Those before it matter only where the cursor is.
        let before = || if input.peek().is_none() { given.borrow().clone() } else { Vec::new() };
        let (rest, found) = within(input, || Frame::Options(before()), option)?;
        if input.source.cursor.is_some() {
            given.borrow_mut().push(found.0.node.clone());
        }
        Ok((rest, found))
    };
    let list = bracketed(Symbol::LeftParen, opt(separated_list1(comma, one)), Symbol::RightParen);
    let (rest, found) = within(input, || Frame::Options(Vec::new()), list)?;
    let found = found.unwrap_or_default();
    let mut names = std::collections::BTreeSet::new();
    for (name, _) in &found {
        if !names.insert(&name.node) {
            return refuse(Diagnostic::at(name.span, format!("the option `{}` is given twice", name.node)));
        }
    }
    Ok((rest, found))
}

/// `timezone = 'UTC'`, the sign being optional as in Flink's older `SET`.
fn setting(input: Tokens<'_>) -> PResult<'_, (Spanned<String>, ExprNode)> {
    let (rest, key) = option_key(input)?;
    let rest = symbol(Symbol::Eq)(rest).map_or(rest, |(behind, _)| behind);
    let (rest, value) = within(rest, || Frame::Option(key.node.clone()), expr)?;
    Ok((rest, (key, value)))
}

/// `format`, `key.format`
fn option_key(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    let (mut rest, mut key) = labelled(Kind::OptionName, option_name)(input)?;
    while let Ok((behind, _)) = symbol(Symbol::Dot)(rest) {
        let (behind, part) = field_name(behind)?;
        key = Spanned::new(format!("{}.{}", key.node, part.node), key.span.to(part.span));
        rest = behind;
    }
    Ok((rest, key))
}

/// A word, a quoted name, or a text as in Flink's `with ('format' = 'json')`.
fn option_name(input: Tokens<'_>) -> PResult<'_, Spanned<String>> {
    match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Text(_)) => text(input),
        _ => field_name(input),
    }
}

/// `window[1]`, `'Source: bids'[0]`, `2[1]`
fn subtask(input: Tokens<'_>) -> PResult<'_, Arg> {
    let (rest, vertex) = match input.peek().map(|token| &token.kind) {
        Some(TokenKind::Text(_)) => text(input)?,
        Some(TokenKind::Integer(digits)) => (input.skip(1), Spanned::new((*digits).to_owned(), input.span())),
        _ => labelled(Kind::Subtask, field_name)(input)?,
    };
    let (rest, index) = bracketed(Symbol::LeftBracket, integer, Symbol::RightBracket)(rest)?;
    Ok((rest, Arg::Subtask(vertex, index)))
}
