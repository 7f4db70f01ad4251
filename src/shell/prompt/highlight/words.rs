//! The meaning of each token, from where it stands: a keyword, a stage, a clause, a function, or a mistake.

use crate::api::Registries;
use crate::api::Signature;
use crate::expr::aggregate::is_aggregate;
use crate::lang::{Symbol, Token, TokenKind};

pub(super) const KEYWORD: &str = "1;34";
pub(super) const STAGE: &str = "36";
pub(super) const CLAUSE: &str = "35";
pub(super) const FUNCTION: &str = "34";
pub(super) const TEXT: &str = "32";
pub(super) const NUMBER: &str = "33";
pub(super) const COMMENT: &str = "2";
pub(super) const MISTAKE: &str = "31";

/// Words of definitions, besides the first.
const DEFINITION_WORDS: &[&str] = &["from", "to", "columns", "event_time", "watermark", "with", "returns"];

/// The words that begin definitions.
const DEFINITIONS: &[&str] = &["source", "sink", "stream", "run", "process", "function"];

/// The words of a process function.
const PROCESS_WORDS: &[&str] = &[
    "state",
    "on",
    "event",
    "left",
    "right",
    "timer",
    "ttl",
    "list",
    "reducing",
    "aggregating",
    "by",
    "broadcast",
    "let",
    "if",
    "else",
    "for",
    "in",
    "while",
    "emit",
    "add",
    "to",
    "clear",
    "delete",
    "at",
];
/// Words of expressions.
const EXPRESSION_WORDS: &[&str] = &[
    "and", "or", "not", "in", "like", "between", "escape", "is", "case", "when", "then", "else", "end", "as", "null",
    "true", "false", "distinct", "interval", "except", "filter", "where",
];
/// Forms that look like calls and are none of the functions.
const FORMS: &[&str] = &[
    "cast",
    "try_cast",
    "row",
    "extract",
    "position",
    "trim",
    "substring",
    "overlay",
    "ceil",
    "ceiling",
    "floor",
    "timestampadd",
    "timestampdiff",
    "array",
    "map",
    "except",
    "filter",
    "in",
    "and",
    "or",
    "not",
    "with",
    "columns",
    "like",
    "between",
    "when",
    "then",
    "else",
    "decimal",
    "varchar",
    "char",
    "timestamp",
    "time",
    "binary",
    "varbinary",
    "numeric",
    "dec",
    "timestamp_ltz",
    "unnest",
    "values",
];

/// The place of the next word: what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first of a statement.
    Statement,
    /// So many further words of a command's name.
    Command(usize),
    /// The name of a stage, so many words of it.
    Stage(usize),
    /// The first of a stage.
    BeginsStage,
    /// In a definition.
    Definition,
    /// In the definition of a process function.
    Process,
    /// Anything else.
    Inside,
}

/// Walks the tokens once and says how each is shown.
pub(super) struct Reader<'a, 't> {
    registries: &'a Registries,
    tokens: &'a [Token<'t>],
    text: &'a str,
    place: Place,
    /// The signature of the stage or command at hand.
    signature: Option<Signature>,
    depth: usize,
}

impl<'a, 't> Reader<'a, 't> {
    /// Before the first of these tokens of `text`.
    pub(super) const fn new(registries: &'a Registries, tokens: &'a [Token<'t>], text: &'a str) -> Self {
        Self { registries, tokens, text, place: Place::Statement, signature: None, depth: 0 }
    }

    /// The style of the token at `index`; tokens are asked for in order.
    pub(super) fn style(&mut self, index: usize) -> Option<&'static str> {
        let token = &self.tokens[index];
        match &token.kind {
            TokenKind::Word(word) => self.word(index, word),
            TokenKind::Directive(_) => {
                self.place = Place::Inside;
                Some(KEYWORD)
            }
            TokenKind::Flag(_) => Some(CLAUSE),
            TokenKind::Text(_) | TokenKind::Bytes(_) => Some(TEXT),
            TokenKind::Integer(_)
            | TokenKind::Decimal(_)
            | TokenKind::Double(_)
            | TokenKind::Duration(_)
            | TokenKind::Size(_) => Some(NUMBER),
            TokenKind::Symbol(symbol) => {
                self.symbol(*symbol);
                None
            }
            TokenKind::Quoted(_) | TokenKind::Raw(_) => {
                self.place = Place::Inside;
                None
            }
        }
    }

    fn symbol(&mut self, symbol: Symbol) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other signs mean nothing here")]
        match symbol {
            Symbol::Pipe => self.place = Place::BeginsStage,
            Symbol::Semicolon => {
                self.signature = None;
                self.place = match self.place {
                    Place::Process if self.depth > 0 => Place::Process,
                    _ if self.depth > 0 => Place::Inside,
                    _ => Place::Statement,
                };
            }
            Symbol::LeftParen | Symbol::LeftBracket | Symbol::LeftBrace => self.depth += 1,
            Symbol::RightParen | Symbol::RightBracket | Symbol::RightBrace => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn word(&mut self, index: usize, word: &str) -> Option<&'static str> {
        let new_line = index > 0 && self.tokens[index].before > crate::lang::LineBreak::None && self.depth == 0;
        let begins = self.place == Place::Statement || (new_line && self.begins_statement(index));
        if begins {
            return self.statement(index, word);
        }
        match self.place {
            Place::BeginsStage => self.stage(index),
            Place::Command(more) => {
                self.place = if more > 1 { Place::Command(more - 1) } else { Place::Inside };
                Some(KEYWORD)
            }
            Place::Stage(more) => {
                self.place = if more > 1 { Place::Stage(more - 1) } else { Place::Inside };
                Some(STAGE)
            }
            Place::Definition if is_one_of(DEFINITION_WORDS, word) => Some(CLAUSE),
            Place::Process if is_one_of(PROCESS_WORDS, word) => Some(CLAUSE),
            Place::Statement | Place::Definition | Place::Process | Place::Inside => self.inside(index, word),
        }
    }

    /// Whether a word on a new line begins a statement for sure: a clause could stand there too.
    fn begins_statement(&self, index: usize) -> bool {
        let definition = DEFINITIONS.iter().any(|word| self.tokens[index].is_word(word));
        let clause = self.signature.is_some_and(|signature| {
            signature.clauses.iter().any(|clause| words_at(&self.tokens[index..], clause.keyword).is_some())
        });
        let after_pipe = self.tokens[index - 1].is(Symbol::Pipe);
        !after_pipe && !clause && (definition || command_at(self.registries, &self.tokens[index..]).is_some())
    }

    fn statement(&mut self, index: usize, word: &str) -> Option<&'static str> {
        let rest = &self.tokens[index..];
        self.signature = None;
        self.place = Place::Inside;
        if rest.get(1).is_some_and(|next| next.is(Symbol::Pipe)) {
            return None;
        }
        if is_one_of(DEFINITIONS, word) {
            self.place = if word.eq_ignore_ascii_case("process") { Place::Process } else { Place::Definition };
            return Some(KEYWORD);
        }
        if let Some((words, signature)) = command_at(self.registries, rest) {
            self.signature = Some(signature);
            if words > 1 {
                self.place = Place::Command(words - 1);
            }
            return Some(KEYWORD);
        }
        let begins_command = self.registries.commands.iter().any(|command| {
            let first = command.name.split(' ').next().unwrap_or_default();
            first.eq_ignore_ascii_case(word)
        });
        // A name alone is a pipeline; behind one, something must stand that goes on with it.
        let goes_on = rest.get(1).is_some_and(|next| matches!(next.kind, TokenKind::Word(_)));
        if begins_command {
            Some(KEYWORD)
        } else if goes_on {
            Some(MISTAKE)
        } else {
            None
        }
    }

    fn stage(&mut self, index: usize) -> Option<&'static str> {
        let rest = &self.tokens[index..];
        let named = self.registries.stages.iter().flat_map(|stage| {
            std::iter::once(&stage.name).chain(stage.aliases).map(move |name| (*name, stage.signature))
        });
        let found = named.filter_map(|(name, signature)| Some((words_at(rest, name)?, signature)));
        let Some((words, signature)) = found.max_by_key(|&(words, _)| words) else {
            self.place = Place::Inside;
            self.signature = None;
            return self.finished(index).then_some(MISTAKE);
        };
        self.signature = Some(signature);
        self.place = if words > 1 { Place::Stage(words - 1) } else { Place::Inside };
        Some(STAGE)
    }

    /// Whether something is typed behind the token: as long as it is not, it may still become right.
    fn finished(&self, index: usize) -> bool {
        self.tokens[index].span.end < self.text.len()
    }

    fn inside(&self, index: usize, word: &str) -> Option<&'static str> {
        let clause = self.signature.is_some_and(|signature| {
            signature.clauses.iter().any(|clause| clause.keyword.split(' ').any(|part| part.eq_ignore_ascii_case(word)))
                || signature
                    .head
                    .iter()
                    .chain(signature.optional)
                    .any(|shape| matches!(shape, crate::api::Shape::Keyword(words) if is_one_of(words, word)))
        });
        if clause {
            return Some(CLAUSE);
        }
        if self.tokens.get(index + 1).is_some_and(|next| next.is(Symbol::LeftParen)) {
            let known = crate::expr::function(word).is_some()
                || is_aggregate(word)
                || self.registries.windows.iter().any(|window| window.name.eq_ignore_ascii_case(word));
            let form = is_one_of(FORMS, word);
            return match (known, form) {
                (true, _) => Some(FUNCTION),
                (false, true) => Some(KEYWORD),
                (false, false) if self.signature.is_some() => Some(MISTAKE),
                (false, false) => None,
            };
        }
        if is_one_of(EXPRESSION_WORDS, word) || is_one_of(DEFINITION_WORDS, word) { Some(CLAUSE) } else { None }
    }
}

fn is_one_of(words: &[&str], typed: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(typed))
}

/// The number of words of `name`, if `tokens` begin with them.
fn words_at(tokens: &[Token<'_>], name: &str) -> Option<usize> {
    let mut count = 0;
    for word in name.split(' ') {
        if !tokens.get(count)?.is_word(word) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

fn command_at(grammar: &Registries, tokens: &[Token<'_>]) -> Option<(usize, Signature)> {
    let named = grammar.commands.iter().flat_map(|command| {
        std::iter::once(&command.name).chain(command.aliases).map(move |name| (*name, command.signature))
    });
    named.filter_map(|(name, signature)| Some((words_at(tokens, name)?, signature))).max_by_key(|&(words, _)| words)
}
