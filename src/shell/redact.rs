//! Keeps secrets out of the history and of recordings.
//!
//! The value of every option named like a secret (`password`, `api_key`, `access.token`, …) becomes `'***'`, as does a
//! text that carries one (`https://user:pass@host`, `…?token=…`). Plain names are looked for everywhere in a statement and
//! not only where options stand, because what is mistyped enters the history too; names that columns have as well (`key`)
//! only in `with (…)`. A text that cannot be cut into tokens and names a secret is not kept at all.

use std::borrow::Cow;

use crate::api::Registries;
use crate::lang::{Symbol, Token, TokenKind, lex};

/// The text that stands for a secret.
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
    "accesssignature",
    "privatekey",
    "connectionstring",
    "connectstring",
    "sessionid",
    "cookie",
    "jaas",
    "authorization",
    "bearer",
];
/// Last words of such names, among options.
const SECRET_LAST: &[&str] =
    &["key", "keys", "pwd", "pass", "pin", "auth", "sas", "sig", "session", "signature", "jwt", "dsn"];

/// A text without its secrets.
#[derive(Debug)]
pub(super) struct Redacted<'a> {
    /// The text, `'***'` in place of each secret.
    pub(super) text: Cow<'a, str>,
    /// The secrets, as they may be shown elsewhere.
    pub(super) secrets: Vec<String>,
}

/// `text` as it may be kept; `None` when it may not.
pub(super) fn redact<'a>(text: &'a str, grammar: &Registries) -> Option<Redacted<'a>> {
    let lexed = lex(text, grammar);
    if lexed.error.is_some() && mentions_secret(text) {
        return None;
    }
    let mut kept = String::new();
    let mut secrets = Vec::new();
    let mut from = 0;
    for value in values(&lexed.tokens) {
        let (Some(first), Some(last)) = (value.first(), value.last()) else { continue };
        kept.push_str(&text[from..first.span.start]);
        kept.push_str(HIDDEN);
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
        return Some(Redacted { text: Cow::Borrowed(text), secrets });
    }
    kept.push_str(&text[from..]);
    Some(Redacted { text: Cow::Owned(kept), secrets })
}

/// The values that are secrets, in order and apart.
fn values<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut found = Vec::new();
    // Brackets open behind `with (`, that one too; 0 outside.
    let mut options = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.is(Symbol::LeftParen) && (options > 0 || at > 0 && tokens[at - 1].is_word("with")) {
            options += 1;
        } else if token.is(Symbol::RightParen) {
            options = options.saturating_sub(1);
        } else if token.is(Symbol::Eq) && name_before(tokens, at).is_some_and(|name| is_secret(&name, options > 0)) {
            let end = value_behind(tokens, at + 1);
            found.push(&tokens[at + 1..end]);
            at = end;
            continue;
        } else if let TokenKind::Text(text) = &token.kind
            && carries_secret(text)
        {
            found.push(&tokens[at..=at]);
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
        | TokenKind::Size(_)
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

/// Whether something of this name holds a secret; `option` when it is known to be an option.
fn is_secret(name: &str, option: bool) -> bool {
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
        || option && words.last().is_some_and(|last| SECRET_LAST.contains(&last.as_str()))
}

/// Whether a text holds a secret itself: a URL with a password, a parameter named like one.
fn carries_secret(text: &str) -> bool {
    let password_in_url = text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    let in_parameter = text
        .split(['?', '&', ';', ',', ' '])
        .any(|part| part.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_secret(name, true)));
    password_in_url || in_parameter
}

/// Whether anything in `text` is named like a secret; behind a `with`, like one among options.
fn mentions_secret(text: &str) -> bool {
    let mut options = false;
    let mut names = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-'));
    names.any(|name| {
        options |= name.eq_ignore_ascii_case("with");
        is_secret(name, options)
    }) || carries_secret(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Option<String> {
        redact(text, &Registries::default()).map(|redacted| redacted.text.into_owned())
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
            ("sink s to k with (sas = 'v', b = 2)", "sink s to k with (sas = '***', b = 2)"),
            ("sink s to k with ('http.session' = 'v')", "sink s to k with ('http.session' = '***')"),
            ("sink s to k with (connection_string = 'v')", "sink s to k with (connection_string = '***')"),
            ("sink s to k with (ConnectionString = 'v')", "sink s to k with (ConnectionString = '***')"),
            (
                "sink s to k with (session_id = 'v', cookie = 'w')",
                "sink s to k with (session_id = '***', cookie = '***')",
            ),
            ("sink s to k 'Endpoint=sb://x/;SharedAccessKey=v'", "sink s to k '***'"),
            ("sink s to blob 'https://x.net/c?sv=2024&sig=v'", "sink s to blob '***'"),
            // Mistyped: no `with`, no end.
            ("sink s to k (connection_string = 'v'", "sink s to k (connection_string = '***'"),
            ("sink s to k (PASSWORD = 'v'", "sink s to k (PASSWORD = '***'"),
            ("source s from http 'https://me:pw@host/x'", "source s from http '***'"),
            ("source s from http 'https://host/x?page=1&token=abc'", "source s from http '***'"),
        ] {
            assert_eq!(kept(text).as_deref(), Some(wanted));
        }
        let redacted = redact("x with (token = 'it''s')", &Registries::default()).expect("kept");
        assert_eq!(redacted.secrets, ["it's"]);
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "bids | key_by auction | aggregate count(*) as n",
            "source s from file 'a.json' with (format = 'json', key.format = 'csv')",
            "bids | filter monkey = 'tokyo' and passage > 3",
            "source s from http 'https://host:8080/x?page=1'",
            "bids | filter channel = 'it''s a = b'",
            "bids | filter key = 'a' and (pin = 4 or pass = 'b')",
            "bids | window session(10s) | filter session = 'a' and sas = 'b'",
            "source s from k with ('session.timeout.ms' = 30000, 'sasl.mechanism' = 'PLAIN')",
        ] {
            assert_eq!(kept(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_text_without_an_end_that_names_a_secret_is_not_kept() {
        assert_eq!(kept("sink s to k with (password = 'hunter2"), None);
        assert_eq!(kept("sink s to k with (token = \"hunter2\")"), None);
        assert_eq!(kept("sink s to k WITH (sas = 'hunter2"), None);
        assert_eq!(kept("bids | filter channel = 'Goo").as_deref(), Some("bids | filter channel = 'Goo"));
    }
}
