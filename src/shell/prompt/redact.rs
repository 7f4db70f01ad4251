//! Keeps secrets out of the history.
//!
//! The value of every option named like a secret (`password`, `api_key`, `access.token`, `key`, …) becomes `'***'`, as
//! does a text that carries one (`https://user:pass@host`, `…?token=…`). It is looked for everywhere in a statement and
//! not only where options stand, because what is mistyped enters the history too. A text that cannot be cut into tokens
//! and names a secret does not enter it at all.

use std::borrow::Cow;

use crate::lang::{Grammar, Symbol, Token, TokenKind, lex};

/// What stands for a secret.
const HIDDEN: &str = "'***'";
/// Parts of names that make them secrets'.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "jaas",
    "authorization",
    "bearer",
];
/// Last words of such names.
const SECRET_LAST: &[&str] = &["key", "pwd", "pass", "pin", "auth"];

/// `text` as it may be kept; `None` when it may not.
pub(super) fn redacted<'a>(text: &'a str, grammar: &Grammar<'_>) -> Option<Cow<'a, str>> {
    let lexed = lex(text, grammar);
    if lexed.error.is_some() {
        return if mentions_secret(text) { None } else { Some(Cow::Borrowed(text)) };
    }
    let mut kept = String::new();
    let mut from = 0;
    for (start, end) in secrets(&lexed.tokens) {
        kept.push_str(&text[from..start]);
        kept.push_str(HIDDEN);
        from = end;
    }
    if from == 0 {
        return Some(Cow::Borrowed(text));
    }
    kept.push_str(&text[from..]);
    Some(Cow::Owned(kept))
}

/// Where values of secrets stand, in order and apart.
fn secrets(tokens: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is(Symbol::Eq) && name_before(tokens, at).is_some_and(|name| is_secret(&name)) {
            let value = value_behind(tokens, at + 1);
            if let (Some(first), Some(last)) = (tokens.get(at + 1), value.checked_sub(1).and_then(|i| tokens.get(i)))
                && value > at + 1
            {
                found.push((first.span.start, last.span.end));
            }
            at = value.max(at + 1);
            continue;
        }
        if let TokenKind::Text(text) = &tokens[at].kind
            && carries_secret(text)
        {
            found.push((tokens[at].span.start, tokens[at].span.end));
        }
        at += 1;
    }
    found
}

/// The name in front of the `=` at `at`: words joined by points, or a text.
fn name_before(tokens: &[Token<'_>], at: usize) -> Option<String> {
    let part = |token: &Token<'_>| match &token.kind {
        TokenKind::Word(word) | TokenKind::Raw(word) => Some((*word).to_owned()),
        TokenKind::Quoted(name) | TokenKind::Text(name) => Some(name.clone().into_owned()),
        TokenKind::Bytes(_)
        | TokenKind::Integer(_)
        | TokenKind::Decimal(_)
        | TokenKind::Double(_)
        | TokenKind::Duration(_)
        | TokenKind::Symbol(_)
        | TokenKind::Flag(_)
        | TokenKind::Directive(_) => None,
    };
    let mut index = at.checked_sub(1)?;
    let mut name = part(&tokens[index])?;
    // `sasl.password`, and `x-api-key` as it is typed by mistake.
    while index >= 2 && (tokens[index - 1].is(Symbol::Dot) || tokens[index - 1].is(Symbol::Minus)) {
        let Some(before) = part(&tokens[index - 2]) else { break };
        name = format!("{before}.{name}");
        index -= 2;
    }
    Some(name)
}

/// The token behind the value that begins at `from`: up to a comma or closing bracket, a `|` or `;`.
fn value_behind(tokens: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        let opens = [Symbol::LeftParen, Symbol::LeftBracket, Symbol::LeftBrace];
        let closes = [Symbol::RightParen, Symbol::RightBracket, Symbol::RightBrace];
        if opens.iter().any(|&symbol| token.is(symbol)) {
            depth += 1;
        } else if closes.iter().any(|&symbol| token.is(symbol)) {
            if depth == 0 {
                return index;
            }
            depth -= 1;
        } else if depth == 0 && (token.is(Symbol::Comma) || token.is(Symbol::Semicolon) || token.is(Symbol::Pipe)) {
            return index;
        }
    }
    tokens.len()
}

/// Whether an option of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && before_lower);
        if begins {
            words.push(String::new());
        }
        before_lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    let joined = words.concat();
    SECRET.iter().any(|part| joined.contains(part))
        || words.last().is_some_and(|last| SECRET_LAST.contains(&last.as_str()))
}

/// Whether a text holds a secret itself: a URL with a password, a parameter named like one.
fn carries_secret(text: &str) -> bool {
    let password_in_url = text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let in_parameter = text
        .split(['?', '&', ';', ',', ' '])
        .any(|part| part.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_secret(name)));
    password_in_url || in_parameter
}

/// Whether anything in `text` is named like a secret.
fn mentions_secret(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-')).any(is_secret) || carries_secret(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Option<String> {
        redacted(text, &Grammar::default()).map(Cow::into_owned)
    }

    #[test]
    fn values_of_options_named_like_a_secret_are_hidden() {
        for (text, wanted) in [
            ("source s from k with (password = 'hunter2')", "source s from k with (password = '***')"),
            (
                "source s from k with ('password' = 'hun''ter2', a = 1)",
                "source s from k with ('password' = '***', a = 1)",
            ),
            ("sink s to k with (api_key = abc)", "sink s to k with (api_key = '***')"),
            (
                "sink s to k with (access.token = 'abc' || 'def', a = 1);",
                "sink s to k with (access.token = '***', a = 1);",
            ),
            (
                "sink s to k with ('sasl.jaas.config' = 'x password=\"y\"')",
                "sink s to k with ('sasl.jaas.config' = '***')",
            ),
            ("sink s to k with (apiKey = x'00ff')", "sink s to k with (apiKey = '***')"),
            (
                "sink s to k with (`Client-Secret` = f(a, b), c = 2)",
                "sink s to k with (`Client-Secret` = '***', c = 2)",
            ),
            ("sink s to k with (key = 'v')", "sink s to k with (key = '***')"),
            ("x-api-key = 'v'", "x-api-key = '***'"),
            // Mistyped: no `with`, no end.
            ("sink s to k (PASSWORD = 'v'", "sink s to k (PASSWORD = '***'"),
            ("source s from http 'https://me:pw@host/x'", "source s from http '***'"),
            ("source s from http 'https://host/x?page=1&token=abc'", "source s from http '***'"),
        ] {
            assert_eq!(kept(text).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "bids | key_by auction | aggregate count(*) as n",
            "source s from file 'a.json' with (format = 'json', key.format = 'csv')",
            "bids | filter monkey = 'tokyo' and passage > 3",
            "source s from http 'https://host:8080/x?page=1'",
            "bids | filter channel = 'it''s a = b'",
        ] {
            assert_eq!(kept(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_text_without_an_end_that_names_a_secret_is_not_kept() {
        assert_eq!(kept("sink s to k with (password = 'hunter2"), None);
        assert_eq!(kept("sink s to k with (token = \"hunter2\")"), None);
        assert_eq!(kept("bids | filter channel = 'Goo").as_deref(), Some("bids | filter channel = 'Goo"));
    }
}
