//! A recogniser built from the EBNF: every place where what a rule matches can end, memoised.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lotic::lang::{Token, TokenKind};

use crate::ebnf::{Ebnf, Node};

/// Whether `tokens` of `text` are a sentence of `rule`.
pub(crate) fn recognises(ebnf: &Ebnf, rule: &str, text: &str, tokens: &[Token<'_>]) -> bool {
    let recogniser = Recogniser { ebnf, text, tokens, in_case: in_case(tokens), memo: RefCell::default() };
    recogniser.rule(rule, 0).contains(&tokens.len())
}

type Ends = Rc<BTreeSet<usize>>;

struct Recogniser<'a> {
    ebnf: &'a Ebnf,
    text: &'a str,
    tokens: &'a [Token<'a>],
    in_case: Vec<bool>,
    memo: RefCell<BTreeMap<(&'a str, usize), Ends>>,
}

impl<'a> Recogniser<'a> {
    fn rule(&self, name: &str, at: usize) -> Ends {
        let (name, node) = self.ebnf.rules.get_key_value(name).expect("rules are checked when read");
        if let Some(known) = self.memo.borrow().get(&(name.as_str(), at)) {
            return Rc::clone(known);
        }
        let ends = Rc::new(self.ends(node, at));
        self.memo.borrow_mut().insert((name, at), Rc::clone(&ends));
        ends
    }

    fn ends(&self, node: &'a Node, at: usize) -> BTreeSet<usize> {
        match node {
            Node::Literal(word) => self.one(at, self.literal(at, word)),
            Node::Token(class) => self.one(at, self.token(at, class)),
            Node::Rule(name) => (*self.rule(name, at)).clone(),
            Node::Choice(nodes) => nodes.iter().flat_map(|node| self.ends(node, at)).collect(),
            Node::Sequence(nodes) => nodes
                .iter()
                .fold(BTreeSet::from([at]), |from, node| from.into_iter().flat_map(|at| self.ends(node, at)).collect()),
            Node::Optional(node) => {
                let mut ends = self.ends(node, at);
                ends.insert(at);
                ends
            }
            Node::Repeat { node, at_least_once } => {
                let mut ends = BTreeSet::new();
                let mut open = vec![at];
                while let Some(from) = open.pop() {
                    open.extend(self.ends(node, from).into_iter().filter(|end| ends.insert(*end)));
                }
                if !at_least_once {
                    ends.insert(at);
                }
                ends
            }
            Node::Except(node, but) => {
                let but = self.ends(but, at);
                self.ends(node, at).into_iter().filter(|end| !but.contains(end)).collect()
            }
        }
    }

    fn one(&self, at: usize, matches: bool) -> BTreeSet<usize> {
        if matches && at < self.tokens.len() { BTreeSet::from([at + 1]) } else { BTreeSet::new() }
    }

    fn literal(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            let is_word = matches!(
                token.kind,
                TokenKind::Word(_)
                    | TokenKind::Flag(_)
                    | TokenKind::Directive(_)
                    | TokenKind::Raw(_)
                    | TokenKind::Symbol(_)
            );
            is_word && self.text[token.span.range()].eq_ignore_ascii_case(word)
        })
    }

    fn token(&self, at: usize, class: &str) -> bool {
        let Some(token) = self.tokens.get(at) else { return false };
        match class {
            "TOKEN" => true,
            "WORD" => match token.kind {
                TokenKind::Word(_) => !self.in_case[at],
                TokenKind::Raw(_) => true,
                _ => false,
            },
            "QUOTED" => matches!(token.kind, TokenKind::Quoted(_)),
            "TEXT" => matches!(token.kind, TokenKind::Text(_)),
            "BYTES" => matches!(token.kind, TokenKind::Bytes(_)),
            "INTEGER" => matches!(token.kind, TokenKind::Integer(_)),
            "DECIMAL" => matches!(token.kind, TokenKind::Decimal(_)),
            "DOUBLE" => matches!(token.kind, TokenKind::Double(_)),
            "DURATION" => matches!(token.kind, TokenKind::Duration(_)),
            "SIZE" => matches!(token.kind, TokenKind::Size(_)),
            "DIRECTIVE" => matches!(token.kind, TokenKind::Directive(_)),
            "RAW" => matches!(token.kind, TokenKind::Raw(_)),
            _ => panic!("no token is called {class}"),
        }
    }
}

/// Which tokens are `when`, `then`, `else` or `end` of a `case` around them.
fn in_case(tokens: &[Token<'_>]) -> Vec<bool> {
    let mut around: Vec<bool> = Vec::new();
    let mut marks = Vec::with_capacity(tokens.len());
    let mut after_point = false;
    for (at, token) in tokens.iter().enumerate() {
        // A stream may be called `case`: no expression goes on so.
        let of_stream = tokens
            .get(at + 1)
            .is_some_and(|next| matches!(next.kind, TokenKind::Symbol(symbol) if symbol.text() == "|"));
        let word = |words: &[&str]| !after_point && words.iter().any(|word| token.is_word(word));
        let inside = around.last() == Some(&true);
        marks.push(inside && word(&["when", "then", "else", "end"]));
        match token.kind {
            TokenKind::Symbol(symbol) if "([{".contains(symbol.text()) => around.push(false),
            TokenKind::Symbol(symbol) if ")]}".contains(symbol.text()) => while around.pop() == Some(true) {},
            _ if word(&["case"]) && !of_stream => around.push(true),
            _ if inside && word(&["end"]) => {
                around.pop();
            }
            _ => {}
        }
        after_point = matches!(token.kind, TokenKind::Symbol(symbol) if symbol.text() == ".");
    }
    marks
}
