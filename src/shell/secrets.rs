//! Values that are nobody's business: those of options named like a password.

use std::borrow::Cow;

use crate::lang::{Grammar, Symbol, Token, TokenKind, lex};

/// What stands for a secret.
const HIDDEN: &str = "'***'";

/// Parts of an option's name that make its value a secret: `password`, `api_key`, `sasl.token`.
const SECRET: &[&str] = &["password", "passwd", "passphrase", "secret", "token", "key", "apikey", "credentials"];

/// A text without its secrets.
#[derive(Debug)]
pub(super) struct Redacted<'a> {
    /// The text, `'***'` in place of each secret.
    pub(super) text: Cow<'a, str>,
    /// The secrets, as they may be shown elsewhere.
    pub(super) secrets: Vec<String>,
}

/// Takes the values out of `with (password = '…')`.
pub(super) fn redact<'a>(text: &'a str, grammar: &Grammar<'_>) -> Redacted<'a> {
    let tokens = lex(text, grammar).tokens;
    let mut hidden = String::new();
    let mut secrets = Vec::new();
    let mut from = 0;
    for (name, value) in options(&tokens) {
        if !is_secret(name) {
            continue;
        }
        let (Some(first), Some(last)) = (value.first(), value.last()) else { continue };
        hidden.push_str(&text[from..first.span.start]);
        hidden.push_str(HIDDEN);
        from = last.span.end;
        for token in value {
            if let TokenKind::Text(secret) = &token.kind
                && !secret.is_empty()
            {
                secrets.push(secret.clone().into_owned());
            }
        }
    }
    if from == 0 {
        return Redacted { text: Cow::Borrowed(text), secrets };
    }
    hidden.push_str(&text[from..]);
    Redacted { text: Cow::Owned(hidden), secrets }
}

/// The options of every `with (…)`: the tokens of each name and of its value.
fn options<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<(&'t [Token<'a>], &'t [Token<'a>])> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let opens = tokens[at].is_word("with") && tokens.get(at + 1).is_some_and(|token| token.is(Symbol::LeftParen));
        at += if opens { 2 } else { 1 };
        if !opens {
            continue;
        }
        let (mut depth, mut from, mut equals) = (1_usize, at, None);
        while at < tokens.len() && depth > 0 {
            let token = &tokens[at];
            let ends = depth == 1 && (token.is(Symbol::Comma) || token.is(Symbol::RightParen));
            if ends {
                if let Some(equals) = equals.take() {
                    found.push((&tokens[from..equals], &tokens[equals + 1..at]));
                }
                from = at + 1;
            } else if depth == 1 && token.is(Symbol::Eq) {
                equals = Some(at);
            }
            depth = depth_behind(token, depth);
            at += 1;
        }
        // A statement that is cut off in its last option hides that one too.
        if let Some(equals) = equals {
            found.push((&tokens[from..equals], &tokens[equals + 1..at]));
        }
    }
    found
}

fn depth_behind(token: &Token<'_>, depth: usize) -> usize {
    if token.is(Symbol::LeftParen) || token.is(Symbol::LeftBracket) {
        depth + 1
    } else if token.is(Symbol::RightParen) || token.is(Symbol::RightBracket) {
        depth.saturating_sub(1)
    } else {
        depth
    }
}

fn is_secret(name: &[Token<'_>]) -> bool {
    name.iter().any(|token| {
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a part of a name")]
        let part: &str = match &token.kind {
            TokenKind::Word(word) => word,
            TokenKind::Quoted(word) | TokenKind::Text(word) => word,
            _ => return false,
        };
        part.split(['.', '_', '-']).any(|word| SECRET.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        redact(text, &Grammar::default()).text.into_owned()
    }

    #[test]
    fn values_of_options_named_like_a_secret_are_hidden() {
        assert_eq!(
            shown("source s from kafka 't' with (password = 'hunter2', format = 'json', 'sasl.token' = 'abc')"),
            "source s from kafka 't' with (password = '***', format = 'json', 'sasl.token' = '***')"
        );
        assert_eq!(shown("sink s to http with (api_key = 'a' || 'b')"), "sink s to http with (api_key = '***')");
        assert_eq!(shown("sink s to http with (auth.secret = 5"), "sink s to http with (auth.secret = '***'");
        assert_eq!(redact("x with (token = 'it''s')", &Grammar::default()).secrets, ["it's"]);
    }

    #[test]
    fn columns_of_that_name_are_not() {
        for text in ["s | filter key = 'a' | key_by token", "s | map a as password", "s with (monkey = 'x')"] {
            assert_eq!(shown(text), text);
        }
    }
}
