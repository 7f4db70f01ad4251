//! `process name { … }` and `function f(x t) returns t = e`.

use nom::Parser;
use nom::combinator::{map, opt};
use nom::multi::separated_list1;

use super::data_type::data_type;
use super::expected::{Expected, Frame, Kind};
use super::input::{
    Fail, PResult, Tokens, bracketed, comma, field_name, keyword, keywords, labelled, name, refuse, soft, symbol,
    within,
};
use super::operand::expr;
use super::time::duration;
use crate::api::{Action, Handler, NamedExpr, On, ProcessFunction, StateDecl, StateKind, StateTtl};
use crate::expr::ast::{Expr, ExprNode, UserFunction};
use crate::lang::token::Symbol;
use crate::types::{Diagnostic, LogicalType, Spanned};

type Actions = Vec<Spanned<Action>>;

/// Actions inside one another.
const MAX_BLOCKS: usize = 50;

/// `process name { item … }`
pub(super) fn process(start: Tokens<'_>) -> PResult<'_, ProcessFunction> {
    let (rest, _) = keyword("process")(start)?;
    let (rest, name) = labelled(Kind::NewProcess, name)(rest)?;
    let inside = |input| within(input, || Frame::Process(Vec::new()), items);
    let (rest, (states, handlers)) = bracketed(Symbol::LeftBrace, inside, Symbol::RightBrace)(rest)?;
    let span = rest.span_from(start);
    let text = start.source.text.get(span.range()).unwrap_or_default().to_owned();
    Ok((rest, ProcessFunction { name, states, handlers, span, text }))
}

/// States and handlers, in any order.
fn items(mut input: Tokens<'_>) -> PResult<'_, (Vec<StateDecl>, Vec<Handler>)> {
    let (mut states, mut handlers) = (Vec::new(), Vec::<Handler>::new());
    loop {
        if let Ok((rest, _)) = keyword("state")(input) {
            let (rest, state) = state(rest)?;
            states.push(state);
            input = rest;
        } else if let Ok((rest, _)) = keyword("on")(input) {
            let names = || states.iter().map(|state: &StateDecl| state.name.node.clone()).collect();
            let (rest, handler) = within(rest, || Frame::Process(names()), handler)?;
            if handlers.iter().any(|earlier| earlier.on.node == handler.on.node) {
                return refuse(Diagnostic::at(handler.on.span, "this is handled already"));
            }
            handlers.push(handler);
            input = rest;
        } else {
            return Ok((input, (states, handlers)));
        }
    }
}

/// `name kind [ttl d] [on read] [on event_time] [broadcast] [per window] ;`
fn state(input: Tokens<'_>) -> PResult<'_, StateDecl> {
    let (rest, name) = field_name(input)?;
    let (mut rest, kind) = state_kind(rest)?;
    let mut state = StateDecl { name, kind, ttl: None, broadcast: None, per_window: None };
    loop {
        let here = rest;
        if let Ok((behind, _)) = keyword("ttl")(here) {
            let (behind, ttl) = duration(behind)?;
            if ttl.node == 0 {
                return refuse(Diagnostic::at(ttl.span, "a state that lives for no time keeps nothing"));
            }
            let mut found = StateTtl { ttl_ms: ttl.node, on_read: false, event_time: false };
            rest = behind;
            while let Ok((behind, _)) = keyword("on")(rest) {
                (rest, found) = ttl_clause(behind, found)?;
            }
            state.ttl = Some(found);
        } else if let Ok((behind, span)) = keyword("broadcast")(here) {
            state.broadcast = Some(span);
            rest = behind;
        } else if let Ok((behind, span)) = keywords("per window")(here) {
            state.per_window = Some(span);
            rest = behind;
        } else {
            let (rest, _) = symbol(Symbol::Semicolon)(here)?;
            return Ok((rest, state));
        }
    }
}

fn ttl_clause(input: Tokens<'_>, ttl: StateTtl) -> PResult<'_, StateTtl> {
    for (word, ttl) in [
        ("read", StateTtl { on_read: true, ..ttl }),
        ("write", StateTtl { on_read: false, ..ttl }),
        ("event_time", StateTtl { event_time: true, ..ttl }),
        ("processing_time", StateTtl { event_time: false, ..ttl }),
    ] {
        if let Ok((rest, _)) = keyword(word)(input) {
            return Ok((rest, ttl));
        }
    }
    soft()
}

fn state_kind(input: Tokens<'_>) -> PResult<'_, StateKind> {
    input.suggest(Expected::Exactly("list"));
    input.suggest(Expected::Exactly("reducing"));
    input.suggest(Expected::Exactly("aggregating"));
    let is = |word: &str| input.peek().is_some_and(|token| token.is_word(word));
    if is("list") {
        let (rest, item) = bracketed(Symbol::Lt, data_type, Symbol::Gt)(input.skip(1))?;
        let span = rest.span_from(input);
        return Ok((rest, StateKind::Value(Spanned::new(LogicalType::Array(Box::new(item.node)), span))));
    } else if is("reducing") {
        let (rest, ty) = bracketed(Symbol::Lt, data_type, Symbol::Gt)(input.skip(1))?;
        let (rest, _) = keyword("by")(rest)?;
        let (rest, by) = expr(rest)?;
        return Ok((rest, StateKind::Reducing(ty, by)));
    } else if is("aggregating") {
        let (rest, call) = expr(input.skip(1))?;
        let Expr::Call(call) = call.node else {
            return refuse(Diagnostic::at(call.span, "expected an aggregate, such as `sum(amount)`"));
        };
        return Ok((rest, StateKind::Aggregating(call)));
    }
    map(data_type, StateKind::Value).parse(input)
}

fn handler(input: Tokens<'_>) -> PResult<'_, Handler> {
    let simple = [("event", On::Event), ("left", On::Left), ("right", On::Right), ("window", On::Window)];
    for (word, on) in simple {
        if let Ok((rest, span)) = keyword(word)(input) {
            let (rest, body) = block(rest, 0)?;
            return Ok((rest, Handler { on: Spanned::new(on, span), body }));
        }
    }
    let (rest, _) = keyword("timer")(input)?;
    let (rest, name) = field_name(rest)?;
    let on = Spanned::new(On::Timer(name.node), rest.span_from(input));
    let (rest, body) = block(rest, 0)?;
    Ok((rest, Handler { on, body }))
}

/// `{ action … }`
fn block(input: Tokens<'_>, depth: usize) -> PResult<'_, Actions> {
    if depth > MAX_BLOCKS {
        return refuse(Diagnostic::at(input.span(), format!("blocks stand more than {MAX_BLOCKS} deep")));
    }
    bracketed(Symbol::LeftBrace, |input| actions(input, depth), Symbol::RightBrace)(input)
}

fn actions(mut input: Tokens<'_>, depth: usize) -> PResult<'_, Actions> {
    let mut all = Vec::new();
    while input.peek().is_none_or(|token| !token.is(Symbol::RightBrace)) {
        input.note(Expected::Exactly("}"));
        let (rest, action) = action(input, depth)?;
        all.push(Spanned::new(action, rest.span_from(input)));
        input = rest;
    }
    input.note(Expected::Exactly("}"));
    Ok((input, all))
}

/// The words that begin an action.
const ACTIONS: &[&str] = &["let", "if", "for", "while", "emit", "add", "clear", "timer", "delete"];

fn action(start: Tokens<'_>, depth: usize) -> PResult<'_, Action> {
    let behind = start.skip(1);
    // A variable may be called as an action is.
    let assigned =
        [Symbol::Eq, Symbol::LeftBracket].iter().any(|&sign| start.ahead(1).is_some_and(|token| token.is(sign)));
    let word = ACTIONS.iter().copied().find(|word| start.peek().is_some_and(|token| token.is_word(word)));
    for word in ACTIONS {
        start.suggest(Expected::Exactly(word));
    }
    let Some(word) = word.filter(|_| !assigned) else { return ended(assignment)(start) };
    match word {
        "let" => ended(variable)(behind),
        "if" => condition(behind, depth),
        "for" => {
            let (rest, names) = separated_list1(comma, field_name).parse(behind)?;
            let (rest, _) = keyword("in")(rest)?;
            let (rest, of) = expr(rest)?;
            if let Some(extra) = names.get(2) {
                return refuse(Diagnostic::at(extra.span, "a list has items, a map keys and values: nothing else"));
            }
            let (rest, body) = block(rest, depth + 1)?;
            Ok((rest, Action::For { names, of, body }))
        }
        "while" => {
            let (rest, condition) = expr(behind)?;
            let (rest, body) = block(rest, depth + 1)?;
            Ok((rest, Action::While { condition, body }))
        }
        "emit" => ended(emit)(behind),
        "add" => ended(add)(behind),
        "clear" => ended(map(place, |(name, index)| Action::Clear { name, index }))(behind),
        "timer" => ended(map((field_name, keyword("at"), expr), |(name, _, at)| Action::Timer { name, at }))(behind),
        _ => ended(map((keyword("timer"), field_name), |(_, name)| Action::DeleteTimer { name }))(behind),
    }
}

/// `parser`, then `;`.
fn ended<'a, P>(mut parser: P) -> impl FnMut(Tokens<'a>) -> PResult<'a, Action>
where
    P: Parser<Tokens<'a>, Output = Action, Error = Fail>,
{
    move |input| {
        let (rest, action) = parser.parse(input)?;
        let (rest, _) = symbol(Symbol::Semicolon)(rest)?;
        Ok((rest, action))
    }
}

/// `name`, `name[e]`
fn place(input: Tokens<'_>) -> PResult<'_, (Spanned<String>, Option<ExprNode>)> {
    let (rest, name) = field_name(input)?;
    let index = |input| within(input, || Frame::Brackets, expr);
    let (rest, index) = opt(bracketed(Symbol::LeftBracket, index, Symbol::RightBracket)).parse(rest)?;
    Ok((rest, (name, index)))
}

fn assignment(input: Tokens<'_>) -> PResult<'_, Action> {
    let (rest, (name, index)) = labelled(Kind::Action, place)(input)?;
    let (rest, _) = symbol(Symbol::Eq)(rest)?;
    let (rest, value) = expr(rest)?;
    Ok((rest, Action::Set { name, index, value }))
}

/// `name [type] = e`
fn variable(input: Tokens<'_>) -> PResult<'_, Action> {
    let (rest, name) = field_name(input)?;
    let (rest, ty) = match symbol(Symbol::Eq)(rest) {
        Ok(_) => (rest, None),
        Err(_) => map(data_type, Some).parse(rest)?,
    };
    let (rest, _) = symbol(Symbol::Eq)(rest)?;
    let (rest, value) = expr(rest)?;
    Ok((rest, Action::Let { name, ty, value }))
}

/// `e { … } [else if e { … }] … [else { … }]`
fn condition(input: Tokens<'_>, depth: usize) -> PResult<'_, Action> {
    let mut branches = Vec::new();
    let mut input = input;
    loop {
        let (rest, condition) = expr(input)?;
        let (rest, body) = block(rest, depth + 1)?;
        branches.push((condition, body));
        let Ok((behind, _)) = keyword("else")(rest) else {
            return Ok((rest, Action::If { branches, otherwise: Vec::new() }));
        };
        if let Ok((behind, _)) = keyword("if")(behind) {
            input = behind;
            continue;
        }
        let (rest, otherwise) = block(behind, depth + 1)?;
        return Ok((rest, Action::If { branches, otherwise }));
    }
}

/// `e [as n], … [to side]`
fn emit(input: Tokens<'_>) -> PResult<'_, Action> {
    let item = |input| {
        let (rest, expr) = expr(input)?;
        let (rest, name) = opt(|input| {
            let (rest, _) = keyword("as")(input)?;
            field_name(rest)
        })
        .parse(rest)?;
        Ok((rest, NamedExpr { expr, name }))
    };
    let (rest, items) = separated_list1(comma, item).parse(input)?;
    let (rest, to) = match keyword("to")(rest) {
        Ok((rest, _)) => map(name, Some).parse(rest)?,
        Err(_) => (rest, None),
    };
    Ok((rest, Action::Emit { items, to }))
}

/// `e to name`, `to name`
fn add(input: Tokens<'_>) -> PResult<'_, Action> {
    let to = input.peek().is_some_and(|token| token.is_word("to"));
    let bare = to && input.ahead(2).is_some_and(|token| token.is(Symbol::Semicolon));
    if to && input.ahead(1).is_none() {
        // A name may follow, whatever a column called `to` lets expect.
        let _expected = field_name(input.skip(1));
    }
    let (rest, value) = if bare { (input, None) } else { map(expr, Some).parse(input)? };
    let (rest, _) = keyword("to")(rest)?;
    let (rest, name) = field_name(rest)?;
    Ok((rest, Action::Add { name, value }))
}

/// `function name(x type, …) returns type = e`
pub(super) fn function(start: Tokens<'_>) -> PResult<'_, UserFunction> {
    let (rest, _) = keyword("function")(start)?;
    let (rest, name) = labelled(Kind::NewFunction, name)(rest)?;
    let params = |input| {
        opt(separated_list1(comma, |input| {
            let (rest, name) = field_name(input)?;
            let (rest, ty) = data_type(rest)?;
            Ok((rest, (name, ty)))
        }))
        .parse(input)
    };
    let (rest, params) = bracketed(Symbol::LeftParen, params, Symbol::RightParen)(rest)?;
    let (rest, _) = keyword("returns")(rest)?;
    let (rest, returns) = data_type(rest)?;
    let (rest, _) = symbol(Symbol::Eq)(rest)?;
    let (rest, body) = expr(rest)?;
    let text = start.source.text.get(rest.span_from(start).range()).unwrap_or_default().to_owned();
    Ok((rest, UserFunction { name, params: params.unwrap_or_default(), returns, body, text }))
}
