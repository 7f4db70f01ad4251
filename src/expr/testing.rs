//! Expressions from text, for the tests of this layer: the language's own parser is above it. Flink SQL's spelling, as
//! far as the tests and the goldens of `tests/flink` use it.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};

use super::ast::{BinaryOp, Call, Expr, ExprNode, IsTest, Length, Literal, UnaryOp};
use super::{EvalContext, Evaluator, RowError, TypedExpr, bind};
use crate::types::{Diagnostic, Field, LogicalType, Schema, Span, Spanned};

/// Parses an expression.
///
/// # Panics
/// When it is not one.
pub(crate) fn parse(text: &str) -> ExprNode {
    try_parse(text).unwrap_or_else(|message| panic!("{text}: {message}"))
}

/// Parses an expression; the error is for people.
pub(super) fn try_parse(text: &str) -> Result<ExprNode, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let node = parser.expr(0)?;
    if parser.at < parser.tokens.len() {
        return Err(format!("unexpected {:?}", parser.tokens[parser.at].0));
    }
    Ok(node)
}

/// Binds `text` over `schema`.
pub(super) fn bound(text: &str, schema: &Schema) -> Result<TypedExpr, Diagnostic> {
    bind(&parse(text), schema)
}

/// Binds without columns.
///
/// # Panics
/// When it does not bind.
pub(super) fn constant(text: &str) -> TypedExpr {
    bound(text, &Schema::new(Vec::new())).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A batch of the given columns.
pub(super) fn batch(columns: Vec<(&str, LogicalType, ArrayRef)>) -> (Schema, RecordBatch) {
    let rows = columns.first().map_or(1, |(_, _, array)| array.len());
    let fields: Vec<Field> = columns.iter().map(|(name, ty, _)| Field::new(*name, ty.clone())).collect();
    let schema = Schema::new(fields);
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(schema.arrow().clone(), arrays, &options).expect("columns fit");
    (schema, batch)
}

/// Evaluates `text` over a batch: each row as printed, and the rows that failed.
///
/// # Panics
/// When it does not bind or a kernel refuses.
pub(super) fn run(text: &str, schema: &Schema, batch: &RecordBatch) -> (Vec<String>, Vec<RowError>) {
    let expr = bound(text, schema).unwrap_or_else(|error| panic!("{text}: {error}"));
    evaluate(&expr, batch)
}

/// Evaluates a bound expression, as [`run`].
pub(super) fn evaluate(expr: &TypedExpr, batch: &RecordBatch) -> (Vec<String>, Vec<RowError>) {
    let mut context = EvalContext::new(1_582_982_055_678, "test");
    let array = Evaluator::new(expr).evaluate(batch, &mut context).expect("kernels accept what is bound");
    assert_eq!(*array.data_type(), expr.ty().to_arrow(), "{expr}: the column is of another type");
    assert_eq!(array.len(), batch.num_rows(), "{expr}: one value a row");
    let shown = (0..array.len())
        .map(|row| {
            let mut out = String::new();
            super::cast::write_value(&mut out, &array, expr.ty(), row);
            out
        })
        .collect();
    (shown, context.errors)
}

/// The value of a constant expression as printed, or its error.
pub(super) fn value(text: &str) -> String {
    let (_, batch) = batch(Vec::new());
    let expr = match bound(text, &Schema::new(Vec::new())) {
        Ok(expr) => expr,
        Err(error) => return format!("refused: {error}"),
    };
    let (mut shown, errors) = evaluate(&expr, &batch);
    match errors.first() {
        Some(error) => format!("error: {}", error.message),
        None => shown.remove(0),
    }
}

/// A call of the function `name`.
fn calling(name: &str, args: Vec<ExprNode>, span: Span) -> Expr {
    let name = Spanned::new(name.to_owned(), span);
    Expr::Call(Call { name, args, star: false, distinct: false, filter: None })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Hex(Vec<u8>),
    Integer(String),
    Decimal(String),
    Double(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 24] = [
    "<>", "!=", "<=", ">=", "||", "=>", "(", ")", "[", "]", ",", ".", "+", "-", "*", "/", "%", "=", "<", ">", ";", ":",
    "?", "~",
];

fn tokens(text: &str) -> Result<Vec<(Token, Span)>, String> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let quoted = |start: usize, quote: char| -> Result<(String, usize), String> {
        let mut out = String::new();
        let mut chars = text[start..].char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c != quote {
                out.push(c);
            } else if chars.next_if(|&(_, next)| next == quote).is_some() {
                out.push(quote);
            } else {
                return Ok((out, start + i + 1));
            }
        }
        Err("unterminated text".to_owned())
    };
    while at < bytes.len() {
        let start = at;
        let b = bytes[at];
        let token = if b.is_ascii_whitespace() {
            at += 1;
            continue;
        } else if b == b'\'' {
            let (content, end) = quoted(at + 1, '\'')?;
            at = end;
            Token::Text(content)
        } else if b == b'`' {
            let (content, end) = quoted(at + 1, '`')?;
            at = end;
            Token::Quoted(content)
        } else if b == b'x' && bytes.get(at + 1) == Some(&b'\'') {
            let (content, end) = quoted(at + 2, '\'')?;
            at = end;
            let byte = |i: usize| u8::from_str_radix(&content[i..i + 2], 16).map_err(|e| e.to_string());
            Token::Hex((0..content.len()).step_by(2).map(byte).collect::<Result<_, _>>()?)
        } else if b.is_ascii_digit() || (b == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) {
            let digits = |at: &mut usize| {
                while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                    *at += 1;
                }
            };
            digits(&mut at);
            let point = bytes.get(at) == Some(&b'.');
            if point {
                at += 1;
                digits(&mut at);
            }
            let exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
            if exponent {
                at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                digits(&mut at);
            }
            let number = text[start..at].to_owned();
            match (exponent, point) {
                (true, _) => Token::Double(number),
                (false, true) => Token::Decimal(number),
                (false, false) => Token::Integer(number),
            }
        } else if b.is_ascii_alphabetic() || b == b'_' {
            while bytes.get(at).is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$') {
                at += 1;
            }
            Token::Word(text[start..at].to_owned())
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| text[at..].starts_with(**symbol));
            let symbol = symbol.ok_or_else(|| format!("unexpected character at {at}"))?;
            at += symbol.len();
            Token::Symbol(symbol)
        };
        found.push((token, Span::new(start, at)));
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
}

type Parsed = Result<ExprNode, String>;

impl Parser {
    fn span(&self) -> Span {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(Span::default(), |(_, span)| *span)
    }

    fn since(&self, start: Span) -> Span {
        start.to(self.tokens.get(self.at.saturating_sub(1)).map_or(start, |(_, span)| *span))
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.tokens.get(self.at + ahead), Some((Token::Word(found), _)) if found.eq_ignore_ascii_case(word))
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(0, word);
        self.at += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((Token::Symbol(found), _)) if *found == symbol);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, symbol: &str) -> Result<(), String> {
        if self.symbol(symbol) { Ok(()) } else { Err(format!("expected {symbol} at {:?}", self.span())) }
    }

    fn need_word(&mut self, word: &str) -> Result<(), String> {
        if self.word(word) { Ok(()) } else { Err(format!("expected {word} at {:?}", self.span())) }
    }

    fn name(&mut self) -> Result<Spanned<String>, String> {
        let span = self.span();
        match self.tokens.get(self.at) {
            Some((Token::Word(name) | Token::Quoted(name), _)) => {
                let name = name.clone();
                self.at += 1;
                Ok(Spanned::new(name, span))
            }
            other => Err(format!("expected a name, found {other:?}")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        match self.tokens.get(self.at) {
            Some((Token::Text(text), _)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            other => Err(format!("expected a text, found {other:?}")),
        }
    }

    /// Levels: 0 or, 1 and, 2 not, 3 comparison, 4 sum, 5 product.
    fn expr(&mut self, level: u8) -> Parsed {
        let start = self.span();
        if level == 2 && self.word("not") {
            let operand = self.expr(2)?;
            return Ok(Spanned::new(Expr::Unary(UnaryOp::Not, Box::new(operand)), self.since(start)));
        }
        if level > 5 {
            return self.sign();
        }
        let mut left = self.expr(level + 1)?;
        loop {
            let op_span = self.span();
            if level == 3
                && let Some(test) = self.test(&left)?
            {
                left = Spanned::new(test, self.since(start));
                continue;
            }
            let Some(op) = self.operator(level) else { return Ok(left) };
            let right = self.expr(level + 1)?;
            let node = Expr::Binary(Box::new(left), Spanned::new(op, op_span), Box::new(right));
            left = Spanned::new(node, self.since(start));
        }
    }

    fn operator(&mut self, level: u8) -> Option<BinaryOp> {
        use BinaryOp as B;
        let symbols: &[(&str, BinaryOp)] = match level {
            0 => return self.word("or").then_some(B::Or),
            1 => return self.word("and").then_some(B::And),
            3 => &[
                ("=", B::Eq),
                ("<>", B::NotEq),
                ("!=", B::NotEq),
                ("<=", B::LtEq),
                (">=", B::GtEq),
                ("<", B::Lt),
                (">", B::Gt),
            ],
            4 => &[("+", B::Plus), ("-", B::Minus), ("||", B::Concat)],
            5 => &[("*", B::Multiply), ("/", B::Divide), ("%", B::Modulo)],
            _ => return None,
        };
        symbols.iter().find(|(symbol, _)| self.symbol(symbol)).map(|&(_, op)| op)
    }

    /// `is …`, `between`, `in`, `like`.
    fn test(&mut self, left: &ExprNode) -> Result<Option<Expr>, String> {
        let expr = || Box::new(left.clone());
        let span = self.span();
        if self.word("is") {
            let negated = self.word("not");
            if self.word("distinct") {
                self.need_word("from")?;
                let op = if negated { BinaryOp::IsNotDistinctFrom } else { BinaryOp::IsDistinctFrom };
                return Ok(Some(Expr::Binary(expr(), Spanned::new(op, span), Box::new(self.expr(4)?))));
            }
            for (word, test) in
                [("null", IsTest::Null), ("true", IsTest::True), ("false", IsTest::False), ("unknown", IsTest::Unknown)]
            {
                if self.word(word) {
                    return Ok(Some(Expr::Is { expr: expr(), test, negated }));
                }
            }
            if self.word("json") {
                let kind = ["value", "scalar", "array", "object"].into_iter().find(|kind| self.word(kind));
                let mut args = vec![left.clone()];
                args.extend(kind.map(|kind| Spanned::new(Expr::Literal(Literal::String(kind.to_owned())), span)));
                return Ok(Some(self.negated(calling("is_json", args, span), negated)));
            }
            return Err("expected what it is".to_owned());
        }
        let negated = self.is_word(0, "not");
        let ahead = usize::from(negated);
        if self.is_word(ahead, "between") {
            self.at += ahead + 1;
            let low = Box::new(self.expr(4)?);
            self.need_word("and")?;
            return Ok(Some(Expr::Between { expr: expr(), negated, low, high: Box::new(self.expr(4)?) }));
        }
        if self.is_word(ahead, "in") {
            self.at += ahead + 1;
            self.need("(")?;
            return Ok(Some(Expr::InList { expr: expr(), negated, list: self.list(")")? }));
        }
        if self.is_word(ahead, "like") {
            self.at += ahead + 1;
            let pattern = Box::new(self.expr(4)?);
            let escape = if self.word("escape") { Some(Box::new(self.expr(4)?)) } else { None };
            return Ok(Some(Expr::Like { expr: expr(), negated, pattern, escape }));
        }
        if self.is_word(ahead, "similar") {
            self.at += ahead + 1;
            self.need_word("to")?;
            let mut args = vec![left.clone(), self.expr(4)?];
            if self.word("escape") {
                args.push(self.expr(4)?);
            }
            return Ok(Some(self.negated(calling("similar", args, span), negated)));
        }
        if let (Expr::Row(start), true) = (&left.node, self.word("overlaps")) {
            let Expr::Row(end) = self.expr(4)?.node else { return Err("expected a start and an end".to_owned()) };
            return Ok(Some(calling("overlaps", start.iter().cloned().chain(end).collect(), span)));
        }
        Ok(None)
    }

    fn negated(&self, expr: Expr, negated: bool) -> Expr {
        let span = self.span();
        if negated { Expr::Unary(UnaryOp::Not, Box::new(Spanned::new(expr, span))) } else { expr }
    }

    fn sign(&mut self) -> Parsed {
        let start = self.span();
        let op = if self.symbol("-") {
            UnaryOp::Minus
        } else if self.symbol("+") {
            UnaryOp::Plus
        } else {
            return self.postfix();
        };
        let operand = self.sign()?;
        Ok(Spanned::new(Expr::Unary(op, Box::new(operand)), self.since(start)))
    }

    fn postfix(&mut self) -> Parsed {
        let start = self.span();
        let mut node = self.atom()?;
        loop {
            if self.symbol("[") {
                let index = self.expr(0)?;
                self.need("]")?;
                node = Spanned::new(Expr::Index(Box::new(node), Box::new(index)), self.since(start));
            } else if self.symbol(".") {
                let name = self.name()?;
                node = Spanned::new(Expr::FieldAccess(Box::new(node), name), self.since(start));
            } else {
                return Ok(node);
            }
        }
    }

    fn list(&mut self, close: &str) -> Result<Vec<ExprNode>, String> {
        let mut found = Vec::new();
        if self.symbol(close) {
            return Ok(found);
        }
        loop {
            found.push(self.expr(0)?);
            if self.symbol(close) {
                return Ok(found);
            }
            self.need(",")?;
        }
    }

    fn atom(&mut self) -> Parsed {
        let start = self.span();
        let node = self.unplaced()?;
        Ok(Spanned::new(node, self.since(start)))
    }

    fn unplaced(&mut self) -> Result<Expr, String> {
        let Some((token, _)) = self.tokens.get(self.at).cloned() else { return Err("unexpected end".to_owned()) };
        self.at += 1;
        let word = match token {
            Token::Integer(digits) => return Ok(Expr::Literal(Literal::Integer(digits))),
            Token::Decimal(digits) => return Ok(Expr::Literal(Literal::Decimal(digits))),
            Token::Double(digits) => return Ok(Expr::Literal(Literal::Double(digits))),
            Token::Text(text) => return Ok(Expr::Literal(Literal::String(text))),
            Token::Hex(bytes) => return Ok(Expr::Literal(Literal::Bytes(bytes))),
            Token::Symbol("(") => {
                let inner = self.expr(0)?;
                if self.symbol(",") {
                    let rest = self.list(")")?;
                    return Ok(Expr::Row(std::iter::once(inner).chain(rest).collect()));
                }
                self.need(")")?;
                // `(later - earlier) unit`
                let unit = match self.tokens.get(self.at) {
                    Some((Token::Word(word), _)) => super::time::Unit::parse(word),
                    _ => None,
                };
                return Ok(match (inner.node, unit) {
                    (Expr::Binary(later, _, earlier), Some(unit)) => {
                        self.at += 1;
                        let unit = Spanned::new(Expr::Literal(Literal::String(unit.name().to_owned())), inner.span);
                        calling("interval_between", vec![unit, *earlier, *later], inner.span)
                    }
                    (inner, _) => inner,
                });
            }
            Token::Symbol(symbol) => return Err(format!("unexpected {symbol}")),
            Token::Quoted(name) => return self.column(name),
            Token::Word(word) => word,
        };
        let is_text = matches!(self.tokens.get(self.at), Some((Token::Text(_), _)));
        match word.to_lowercase().as_str() {
            "null" => Ok(Expr::Literal(Literal::Null)),
            "true" => Ok(Expr::Literal(Literal::Boolean(true))),
            "false" => Ok(Expr::Literal(Literal::Boolean(false))),
            "date" if is_text => Ok(Expr::Literal(Literal::Date(self.text()?))),
            "time" if is_text => Ok(Expr::Literal(Literal::Time(self.text()?))),
            "timestamp" if is_text => Ok(Expr::Literal(Literal::Timestamp(self.text()?))),
            "interval" if is_text => self.interval(),
            "case" => self.case(),
            "cast" => self.cast(false),
            "try_cast" => self.cast(true),
            "extract" => {
                self.need("(")?;
                let unit = self.name()?.map(|unit| unit.to_lowercase());
                self.need_word("from")?;
                let of = self.expr(0)?;
                self.need(")")?;
                Ok(Expr::Extract(unit, Box::new(of)))
            }
            "array" if self.symbol("[") => Ok(Expr::Array(self.list("]")?)),
            "map" if self.symbol("[") => {
                let entries = self.list("]")?;
                Ok(Expr::Map(entries.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()))
            }
            "row" if self.symbol("(") => Ok(Expr::Row(self.list(")")?)),
            name @ ("json_value" | "json_query" | "json_exists" | "json_object" | "json_array") if self.symbol("(") => {
                self.json(name)
            }
            _ if self.symbol("(") => self.call(&word),
            _ => self.column(word),
        }
    }

    fn column(&mut self, first: String) -> Result<Expr, String> {
        let mut parts = vec![Spanned::new(first, self.since(self.tokens[self.at - 1].1))];
        while self.symbol(".") {
            parts.push(self.name()?);
        }
        Ok(Expr::Column(parts))
    }

    /// Arguments, `*`, `distinct`; `floor(x to unit)`, `position(a in b)`, `overlay(a placing b from c for d)`.
    fn call(&mut self, word: &str) -> Result<Expr, String> {
        let name = Spanned::new(word.to_owned(), self.tokens[self.at - 2].1);
        if word.eq_ignore_ascii_case("trim")
            && let Some(side) = ["both", "leading", "trailing"].into_iter().find(|side| self.word(side))
        {
            let characters = self.expr(4)?;
            self.need_word("from")?;
            let args = vec![self.expr(0)?, characters];
            self.need(")")?;
            let name = name.map(|_| {
                match side {
                    "leading" => "ltrim",
                    "trailing" => "rtrim",
                    _ => "trim",
                }
                .to_owned()
            });
            return Ok(Expr::Call(Call { name, args, star: false, distinct: false, filter: None }));
        }
        let star = self.symbol("*");
        let distinct = self.word("distinct");
        let mut args = Vec::new();
        if star {
            self.need(")")?;
        } else if !self.symbol(")") {
            let level = if word.eq_ignore_ascii_case("position") { 4 } else { 0 };
            args.push(self.expr(level)?);
            loop {
                if self.symbol(")") {
                    break;
                }
                let separated = self.symbol(",")
                    || ["to", "in", "placing", "from", "for"].iter().any(|separator| self.word(separator));
                if !separated {
                    return Err(format!("expected , at {:?}", self.span()));
                }
                args.push(self.expr(0)?);
            }
        }
        Ok(Expr::Call(Call { name, args, star, distinct, filter: None }))
    }

    /// The calls of SQL/JSON, with the clauses that have arguments of ours.
    fn json(&mut self, name: &str) -> Result<Expr, String> {
        let span = self.span();
        let text = |text: &str| Spanned::new(Expr::Literal(Literal::String(text.to_owned())), span);
        let (mut args, mut name, mut ty) = (Vec::new(), name.to_owned(), None);
        let null = || Spanned::new(Expr::Literal(Literal::Null), span);
        let (mut wrapper, mut on_empty, mut on_error) = (None, None, None);
        while !self.symbol(")") {
            let clauses = ["default", "null", "error", "empty", "true", "false", "unknown"];
            let is_clause =
                clauses.iter().any(|word| self.is_word(0, word)) && (1..4).any(|ahead| self.is_word(ahead, "on"));
            if self.word("returning") {
                ty = Some(self.ty()?);
            } else if self.word("with") || self.word("without") {
                let with = self.tokens[self.at - 1].0 == Token::Word("WITH".to_owned());
                let conditional = self.word("conditional");
                let _ = self.word("unconditional") || self.word("array");
                let _ = self.word("array");
                self.need_word("wrapper")?;
                wrapper = Some(text(if !with {
                    "without"
                } else if conditional {
                    "conditional"
                } else {
                    "with"
                }));
            } else if self.word("absent") || is_clause && self.is_word(1, "on") && self.is_word(2, "null") {
                let absent = self.tokens[self.at - 1].0 == Token::Word("ABSENT".to_owned());
                self.at += usize::from(!absent) + 2;
                match (name.as_str(), absent) {
                    ("json_object", true) => name.push_str("_absent_on_null"),
                    ("json_array", false) => name.push_str("_null_on_null"),
                    _ => {}
                }
            } else if is_clause {
                let stands_in = if self.word("default") {
                    self.expr(4)?
                } else {
                    self.word("empty");
                    let Some((Token::Word(word), _)) = self.tokens.get(self.at).cloned() else {
                        return Err("clause".to_owned());
                    };
                    self.at += 1;
                    if name == "json_value" && word == "ERROR" {
                        return Err("an error in place of a value can't be said".to_owned());
                    }
                    let word = word.to_lowercase();
                    if name == "json_value" { null() } else { text(&word) }
                };
                self.need_word("on")?;
                if self.word("empty") {
                    on_empty = Some(stands_in);
                } else {
                    self.need_word("error")?;
                    on_error = Some(stands_in);
                }
            } else {
                let _ = self.symbol(",") || self.word("value");
                let _ = self.word("key");
                args.push(self.expr(0)?);
            }
        }
        let neutral = || if name == "json_value" { null() } else { text("null") };
        if name == "json_exists" {
            args.extend(on_error);
        } else if wrapper.is_some() || on_empty.is_some() || on_error.is_some() {
            if name == "json_query" {
                args.push(wrapper.unwrap_or_else(|| text("without")));
            }
            args.push(on_empty.unwrap_or_else(neutral));
            args.push(on_error.unwrap_or_else(neutral));
        }
        let call = calling(&name, args, span);
        Ok(match ty {
            Some(ty) => {
                let (expr, ty) = (Box::new(Spanned::new(call, span)), Spanned::new(ty, span));
                Expr::Cast { expr, ty, lenient: false, length: None }
            }
            None => call,
        })
    }

    fn case(&mut self) -> Result<Expr, String> {
        let operand = if self.is_word(0, "when") { None } else { Some(Box::new(self.expr(0)?)) };
        let mut branches = Vec::new();
        while self.word("when") {
            let when = self.expr(0)?;
            self.need_word("then")?;
            branches.push((when, self.expr(0)?));
        }
        let otherwise = if self.word("else") { Some(Box::new(self.expr(0)?)) } else { None };
        self.need_word("end")?;
        Ok(Expr::Case { operand, branches, otherwise })
    }

    fn cast(&mut self, lenient: bool) -> Result<Expr, String> {
        self.need("(")?;
        let expr = Box::new(self.expr(0)?);
        self.need_word("as")?;
        let start = self.span();
        let at = self.at;
        let ty = self.ty()?;
        let length = self.length(at);
        let ty = Spanned::new(ty, self.since(start));
        self.need(")")?;
        Ok(Expr::Cast { expr, ty, lenient, length })
    }

    /// The length of the type at token `at`.
    fn length(&self, at: usize) -> Option<Length> {
        let Some((Token::Word(word), _)) = self.tokens.get(at) else { return None };
        let word = word.to_lowercase();
        let fixed = matches!(word.as_str(), "char" | "binary");
        let most = match self.tokens.get(at + 2) {
            Some((Token::Integer(digits), _)) => digits.parse().ok(),
            _ => fixed.then_some(1),
        };
        (fixed || matches!(word.as_str(), "varchar" | "varbinary")).then_some(Length { most: most?, fixed })
    }

    fn ty(&mut self) -> Result<LogicalType, String> {
        use LogicalType as T;
        let name = self.name()?.node.to_lowercase();
        let mut numbers = Vec::new();
        if self.symbol("(") {
            for number in self.list(")")? {
                let Expr::Literal(Literal::Integer(digits)) = number.node else {
                    return Err(format!("{:?} is no precision", number.node));
                };
                numbers.push(digits.parse::<u32>().map_err(|e| e.to_string())?);
            }
        }
        Ok(match name.as_str() {
            "boolean" => T::Boolean,
            "tinyint" => T::TinyInt,
            "smallint" => T::SmallInt,
            "int" | "integer" => T::Int,
            "bigint" => T::BigInt,
            "float" => T::Float,
            "double" => T::Double,
            "decimal" => {
                let number = |i: usize, default: u8| numbers.get(i).map_or(Ok(default), |&n| u8::try_from(n));
                T::Decimal(number(0, 10).map_err(|e| e.to_string())?, number(1, 0).map_err(|e| e.to_string())?)
            }
            "string" | "varchar" | "char" => T::String,
            "bytes" | "varbinary" | "binary" => T::Bytes,
            "date" => T::Date,
            "time" => T::Time,
            "timestamp" => T::Timestamp,
            "timestamp_ltz" => T::TimestampLtz,
            "array" => {
                self.need("<")?;
                let item = self.ty()?;
                self.need(">")?;
                T::Array(Box::new(item))
            }
            other => return Err(format!("unknown type {other}")),
        })
    }

    fn interval(&mut self) -> Result<Expr, String> {
        let text = self.text()?;
        let unit = self.name()?.node.to_lowercase();
        if self.word("to") {
            self.name()?;
            if let Some((years, months)) = text.split_once('-') {
                let months = years.parse::<i32>().ok().zip(months.parse::<i32>().ok()).ok_or("interval")?;
                return Ok(Expr::Literal(Literal::IntervalYearMonth(months.0 * 12 + months.1)));
            }
            let (days, clock) = text.split_once(' ').ok_or("interval")?;
            let ms = super::time::parse_time(clock).ok_or("interval")?;
            let days: i64 = days.parse().map_err(|_| "interval")?;
            return Ok(Expr::Literal(Literal::IntervalDayTime(days * super::time::DAY_MS + ms)));
        }
        if self.symbol("(") {
            self.list(")")?;
        }
        let count: i64 = text.parse().map_err(|_| "interval")?;
        let unit = super::time::Unit::parse(unit.trim_end_matches('s')).ok_or("unit")?;
        Ok(Expr::Literal(match (unit.fixed_ms(), unit.months()) {
            (Some(ms), _) => Literal::IntervalDayTime(count * ms),
            (None, Some(months)) => {
                Literal::IntervalYearMonth(i32::try_from(count * months).map_err(|e| e.to_string())?)
            }
            (None, None) => return Err("unit".to_owned()),
        }))
    }
}
