//! Names: of tokens, and as they must be typed.

use crate::lang::{Symbol, Token, TokenKind};

/// Words that can't be a column's name as they are (`reserved` of the grammar).
const RESERVED: &[&str] =
    &["and", "as", "between", "case", "distinct", "false", "in", "is", "like", "not", "null", "or", "true"];

/// The word that `token` is: a keyword or an unquoted name.
pub(super) fn word<'a>(token: &Token<'a>) -> Option<&'a str> {
    match token.kind {
        TokenKind::Word(word) | TokenKind::Flag(word) | TokenKind::Directive(word) | TokenKind::Raw(word) => Some(word),
        TokenKind::Quoted(_)
        | TokenKind::Text(_)
        | TokenKind::Bytes(_)
        | TokenKind::Integer(_)
        | TokenKind::Decimal(_)
        | TokenKind::Double(_)
        | TokenKind::Duration(_)
        | TokenKind::Symbol(_) => None,
    }
}

/// The name that `token` is, quoted or not; a text too, because options may be named by one.
pub(super) fn name(token: &Token<'_>) -> Option<String> {
    match &token.kind {
        TokenKind::Quoted(text) | TokenKind::Text(text) => Some(text.clone().into_owned()),
        TokenKind::Word(_)
        | TokenKind::Flag(_)
        | TokenKind::Directive(_)
        | TokenKind::Raw(_)
        | TokenKind::Bytes(_)
        | TokenKind::Integer(_)
        | TokenKind::Decimal(_)
        | TokenKind::Double(_)
        | TokenKind::Duration(_)
        | TokenKind::Symbol(_) => word(token).map(str::to_owned),
    }
}

/// Whether `token` is a text in quotes.
pub(super) const fn is_text(token: &Token<'_>) -> bool {
    matches!(token.kind, TokenKind::Text(_))
}

/// How many of the words of `name` the tokens begin with, and whether those are all of them.
pub(super) fn begins_with(tokens: &[Token<'_>], name: &str) -> (usize, bool) {
    let mut words = name.split(' ').peekable();
    let mut count = 0;
    while let Some(next) = words.peek() {
        if !tokens.get(count).is_some_and(|token| token.is_word(next)) {
            return (count, false);
        }
        words.next();
        count += 1;
    }
    (count, true)
}

/// The one of `named` whose name the tokens begin with, and its number of words; the longest wins.
pub(super) fn longest<'n, T>(tokens: &[Token<'_>], named: impl Iterator<Item = (&'n str, T)>) -> Option<(usize, T)> {
    let mut found: Option<(usize, T)> = None;
    for (name, value) in named {
        if let (words, true) = begins_with(tokens, name)
            && found.as_ref().is_none_or(|(longest, _)| words > *longest)
        {
            found = Some((words, value));
        }
    }
    found
}

/// The word that must follow `tokens` if they are the beginning of `name` and no more.
pub(super) fn next_word<'n>(tokens: &[Token<'_>], name: &'n str) -> Option<&'n str> {
    let (words, all) = begins_with(tokens, name);
    if all || words == 0 || words != tokens.len() { None } else { name.split(' ').nth(words) }
}

/// Tokens behind the bracket that `tokens` begin with up to the one that closes it, and whether it is closed.
pub(super) fn bracketed<'t, 'a>(tokens: &'t [Token<'a>]) -> (&'t [Token<'a>], bool) {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        depth = depth_behind(token, depth);
        if index > 0 && depth == 0 {
            return (&tokens[1..index], true);
        }
    }
    (tokens.get(1..).unwrap_or_default(), false)
}

/// The brackets that are open behind `token`, when `depth` are before it.
pub(super) fn depth_behind(token: &Token<'_>, depth: usize) -> usize {
    let opens = [Symbol::LeftParen, Symbol::LeftBracket, Symbol::LeftBrace];
    let closes = [Symbol::RightParen, Symbol::RightBracket, Symbol::RightBrace];
    if opens.iter().any(|&symbol| token.is(symbol)) {
        depth + 1
    } else if closes.iter().any(|&symbol| token.is(symbol)) {
        depth.saturating_sub(1)
    } else {
        depth
    }
}

/// What stands behind the last `separator` outside of brackets.
pub(super) fn last_part<'t, 'a>(tokens: &'t [Token<'a>], separator: Symbol) -> &'t [Token<'a>] {
    let mut depth = 0;
    let mut from = 0;
    for (index, token) in tokens.iter().enumerate() {
        depth = depth_behind(token, depth);
        if depth == 0 && token.is(separator) {
            from = index + 1;
        }
    }
    &tokens[from..]
}

/// `name` as it must be typed: in backquotes unless it is a plain word.
pub(super) fn typed(name: &str) -> String {
    let plain = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name));
    if plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(typed("price"), "price");
        assert_eq!(typed("event time"), "`event time`");
        assert_eq!(typed("case"), "`case`");
        assert_eq!(typed("a`b"), "`a``b`");
    }
}
