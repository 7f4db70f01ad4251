//! Java's regular expressions: what is regular by a linear-time matcher, look-around, back-references, atomic groups and
//! possessive quantifiers by one that backtracks.

use std::fmt::Write;

/// A compiled regular expression.
#[derive(Debug)]
pub(in crate::expr) enum JavaRegex {
    Linear(regex::Regex),
    /// Within a bound on its steps.
    Backtracking(fancy_regex::Regex),
}

/// The places of a match, and of its groups.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

impl JavaRegex {
    /// # Errors
    /// The reason why it does not compile, for people.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let (translated, backtracks) = translate(pattern);
        if backtracks {
            return fancy_regex::Regex::new(&translated).map(Self::Backtracking).map_err(|error| reason(&error));
        }
        regex::Regex::new(&translated).map(Self::Linear).map_err(|error| reason(&error))
    }

    /// Whether it is the empty text.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Linear(regex) => regex.as_str().is_empty(),
            Self::Backtracking(regex) => regex.as_str().is_empty(),
        }
    }

    /// How many groups it has, the whole among them.
    pub(super) fn groups(&self) -> usize {
        match self {
            Self::Linear(regex) => regex.captures_len(),
            Self::Backtracking(regex) => regex.captures_len(),
        }
    }

    /// Whether some part of the text matches.
    ///
    /// # Errors
    /// When that takes too many steps.
    pub(super) fn is_match(&self, text: &str) -> Result<bool, String> {
        match self {
            Self::Linear(regex) => Ok(regex.is_match(text)),
            Self::Backtracking(regex) => regex.is_match(text).map_err(|error| steps(&error)),
        }
    }

    /// The first match at or behind `from`.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub(super) fn find_at(&self, text: &str, from: usize) -> Result<Option<(usize, usize)>, String> {
        match self {
            Self::Linear(regex) => Ok(regex.find_at(text, from).map(|found| (found.start(), found.end()))),
            Self::Backtracking(regex) => match regex.find_from_pos(text, from) {
                Ok(found) => Ok(found.map(|found| (found.start(), found.end()))),
                Err(error) => Err(steps(&error)),
            },
        }
    }

    /// The groups of the first match at or behind `from`.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub(super) fn groups_at(&self, text: &str, from: usize) -> Result<Option<Groups>, String> {
        match self {
            Self::Linear(regex) => {
                let place = |group: Option<regex::Match<'_>>| group.map(|found| (found.start(), found.end()));
                Ok(regex.captures_at(text, from).map(|groups| groups.iter().map(place).collect()))
            }
            Self::Backtracking(regex) => {
                let groups = regex.captures_from_pos(text, from).map_err(|error| steps(&error))?;
                let place = |group: Option<fancy_regex::Match<'_>>| group.map(|found| (found.start(), found.end()));
                Ok(groups.map(|groups| groups.iter().map(place).collect()))
            }
        }
    }

    /// At most `most` parts of what it separates, without empty ones at the end, as Java's `split`.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub(super) fn split<'t>(&self, text: &'t str, most: usize) -> Result<Vec<&'t str>, String> {
        let (mut parts, mut from, mut search) = (Vec::new(), 0, 0);
        while parts.len() + 1 < most && search <= text.len() {
            let Some((start, end)) = self.find_at(text, search)? else { break };
            let step = if start == end { text[end..].chars().next().map_or(1, char::len_utf8) } else { 0 };
            search = end + step;
            // No empty first part for a match of nothing.
            if end > 0 && !(start == end && end == text.len()) {
                parts.push(&text[from..start]);
                from = end;
            }
        }
        parts.push(&text[from..]);
        Ok(parts)
    }
}

fn reason(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    format!("this is not a regular expression: {reason}")
}

fn steps(error: &fancy_regex::Error) -> String {
    format!("the regular expression takes too long on this text: {error}")
}

/// ASCII classes by Java's names, as they stand inside brackets.
const CLASSES: [(&str, &str); 20] = [
    ("Lower", "a-z"),
    ("Upper", "A-Z"),
    ("ASCII", "\\x00-\\x7F"),
    ("Alpha", "A-Za-z"),
    ("Digit", "0-9"),
    ("Alnum", "A-Za-z0-9"),
    ("Punct", "!-/:-@\\[-`{-~"),
    ("Graph", "!-~"),
    ("Print", " -~"),
    ("Blank", " \\t"),
    ("Cntrl", "\\x00-\\x1F\\x7F"),
    ("XDigit", "0-9A-Fa-f"),
    ("Space", " \\t\\n\\x0B\\f\\r"),
    ("javaLowerCase", "\\p{Lowercase}"),
    ("javaUpperCase", "\\p{Uppercase}"),
    ("javaWhitespace", "\\s"),
    ("javaLetter", "\\p{L}"),
    ("javaDigit", "\\p{Nd}"),
    ("javaLetterOrDigit", "\\p{L}\\p{Nd}"),
    ("javaAlphabetic", "\\p{Alphabetic}"),
];

/// Java's syntax as the matchers read it, and whether only the one that backtracks can.
fn translate(pattern: &str) -> (String, bool) {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut backtracks = false;
    let mut depth = 0_usize;
    let mut rest = pattern;
    // Whether a quantifier stands in front, behind which a plus is possessive.
    let mut quantified = false;
    while let Some(c) = rest.chars().next() {
        let mut behind = &rest[c.len_utf8()..];
        let was = std::mem::take(&mut quantified);
        match c {
            '\\' => {
                let (length, needs) = escape(behind, depth > 0, &mut out);
                backtracks |= needs;
                behind = &behind[length..];
            }
            '[' => {
                depth += 1;
                out.push('[');
            }
            ']' => {
                depth = depth.saturating_sub(1);
                out.push(']');
            }
            '(' if depth == 0 => {
                out.push('(');
                backtracks |= ["?=", "?!", "?<=", "?<!", "?>"].iter().any(|group| behind.starts_with(group));
            }
            '+' | '?' | '*' | '}' if depth == 0 => {
                out.push(c);
                backtracks |= c == '+' && was;
                quantified = !was;
            }
            c => out.push(c),
        }
        rest = behind;
    }
    (out, backtracks)
}

/// Writes what an escape means, and gives its length behind the `\` and whether it needs backtracking.
fn escape(rest: &str, in_class: bool, out: &mut String) -> (usize, bool) {
    let Some(c) = rest.chars().next() else {
        out.push('\\');
        return (0, false);
    };
    // Java's `\d`, `\w` and `\s` are of ASCII.
    let set = |out: &mut String, inside: &str, negated: bool| {
        let _ = match (in_class, negated) {
            (true, false) => write!(out, "{inside}"),
            (_, true) => write!(out, "[^{inside}]"),
            (false, false) => write!(out, "[{inside}]"),
        };
    };
    match c {
        'd' | 'D' => set(out, "0-9", c == 'D'),
        'w' | 'W' => set(out, "0-9A-Za-z_", c == 'W'),
        's' | 'S' => set(out, " \\t\\n\\x0B\\f\\r", c == 'S'),
        'h' | 'H' => set(out, " \\t\\xA0\\u{1680}\\u{180e}\\u{2000}-\\u{200a}\\u{202f}\\u{205f}\\u{3000}", c == 'H'),
        'v' | 'V' => set(out, "\\n\\x0B\\f\\r\\x85\\u{2028}\\u{2029}", c == 'V'),
        'R' => out.push_str("(?:\\r\\n|[\\n\\x0B\\f\\r\\x85\\u{2028}\\u{2029}])"),
        'e' => out.push_str("\\x1B"),
        'Q' => {
            let quoted = &rest[1..];
            let (text, length) = quoted.find("\\E").map_or((quoted, rest.len()), |end| (&quoted[..end], end + 3));
            out.push_str(&regex::escape(text));
            return (length, false);
        }
        'p' | 'P' => {
            let Some((name, length)) = property(rest) else {
                out.push('\\');
                out.push(c);
                return (1, false);
            };
            if let Some((_, inside)) = CLASSES.iter().find(|(known, _)| *known == name) {
                set(out, inside, c == 'P');
            } else {
                let name = name.strip_prefix("Is").or_else(|| name.strip_prefix("In")).unwrap_or(name);
                let _ = write!(out, "\\{c}{{{name}}}");
            }
            return (length, false);
        }
        'Z' => {
            out.push_str("(?=\\n?\\z)");
            return (1, true);
        }
        'k' | '1'..='9' if !in_class => {
            out.push('\\');
            out.push(c);
            return (1, true);
        }
        c => {
            out.push('\\');
            out.push(c);
        }
    }
    (c.len_utf8(), false)
}

/// The name of `p{Name}` or `pL`, and its length.
fn property(rest: &str) -> Option<(&str, usize)> {
    match rest[1..].strip_prefix('{') {
        Some(inside) => inside.find('}').map(|end| (&inside[..end], end + 3)),
        None => rest[1..].chars().next().map(|c| (&rest[1..=c.len_utf8()], 1 + c.len_utf8())),
    }
}

#[cfg(test)]
mod tests {
    use super::JavaRegex;

    #[test]
    fn only_what_is_not_regular_backtracks() {
        for (pattern, backtracks) in [
            ("a+b*c?", false),
            ("a+?b{2,3}?", false),
            ("[a(?=)]", false),
            ("(?i)a|(?:b)|(?<n>c)", false),
            ("a++", true),
            ("a{2}+", true),
            ("(?=a)", true),
            ("(?<!a)b", true),
            ("(a)\\1", true),
            ("(?<n>a)\\k<n>", true),
            ("(?>a|ab)c", true),
        ] {
            let regex = JavaRegex::new(pattern).expect(pattern);
            assert_eq!(matches!(regex, JavaRegex::Backtracking(_)), backtracks, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_explodes_is_an_error_of_the_row() {
        let regex = JavaRegex::new("(?=x)|(a+)+\\1b").expect("compiles");
        assert!(regex.is_match(&"a".repeat(5_000)).is_err());
    }

    #[test]
    fn parts_are_those_of_javas_split() {
        let parts = |pattern: &str, text: &'static str| {
            JavaRegex::new(pattern).expect(pattern).split(text, 99).expect("splits")
        };
        assert_eq!(parts("[0-9]", "a1b2c"), ["a", "b", "c"]);
        assert_eq!(parts("", "abc"), ["a", "b", "c"]);
        assert_eq!(parts(",", "a,,b"), ["a", "", "b"]);
    }
}
