//! SQL's `similar to`: `%` and `_` as in `like`, the rest as in regular expressions; the whole text has to match.

use arrow_array::{Array, ArrayRef, cast::AsArray};

use crate::expr::functions::args::{Args, Prepared};
use crate::expr::functions::java_regex::JavaRegex;
use crate::expr::functions::spec::{Family, FunctionSpec, Kernel, Param, gives_boolean};
use crate::types::Result;

pub(super) const SIMILAR: FunctionSpec = FunctionSpec {
    flink: Some("SIMILAR TO"),
    ..FunctionSpec::new(
        Family::Regexp,
        "similar",
        "similar(text string, pattern string[, escape string]) -> boolean",
        "whether the whole text matches SQL's kind of regular expression: `%` is any text, `_` any character",
        &[("similar('abc', '_(b|x)%')", "TRUE"), ("similar('abc', 'b')", "FALSE")],
        Kernel::new(&[Param::Text, Param::Text, Param::Text], gives_boolean, similar)
            .least(2)
            .prepare(prepare)
            .fallible()
            .bind(),
    )
};

fn prepare(args: &[Option<&ArrayRef>]) -> std::result::Result<Option<Prepared>, String> {
    let text = |at: usize| {
        let array = args.get(at).copied().flatten()?.as_string_opt::<i32>()?;
        array.is_valid(0).then(|| array.value(0))
    };
    match (text(1), text(2), args.len()) {
        (Some(pattern), None, 2) => compile(pattern, None).map(|regex| Some(Prepared::Regex(regex))),
        (Some(pattern), Some(escape), _) => compile(pattern, Some(escape)).map(|regex| Some(Prepared::Regex(regex))),
        _ => Ok(None),
    }
}

fn similar(args: &mut Args<'_>) -> Result<ArrayRef> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let escapes = args.optional(2, Args::text)?;
    let constant = match args.prepared {
        Some(Prepared::Regex(regex)) => Some(regex),
        Some(_) | None => None,
    };
    let mut failures = Vec::new();
    let result = args.booleans(|row| {
        let text = texts.get(row)?;
        let matched = if let Some(regex) = constant {
            regex.is_match(text)
        } else {
            let pattern = patterns.get(row)?;
            let escape = match &escapes {
                Some(escapes) => Some(escapes.get(row)?),
                None => None,
            };
            compile(pattern, escape).and_then(|regex| regex.is_match(text))
        };
        matched.map_err(|message| failures.push((row, message))).ok()
    });
    args.failures.extend(failures);
    result
}

fn compile(pattern: &str, escape: Option<&str>) -> std::result::Result<JavaRegex, String> {
    let escape = match escape.map(|escape| (escape.chars().next(), escape.chars().nth(1))) {
        None => None,
        Some((Some(only), None)) => Some(only),
        Some(_) => return Err("an escape is one character".to_owned()),
    };
    let invalid = || format!("'{}' is not a pattern of `similar to`", crate::types::printable(pattern));
    JavaRegex::new(&format!("^(?:{})\\z", translate(pattern, escape).ok_or_else(invalid)?))
}

/// As Calcite's `Like.sqlToRegexSimilar`.
fn translate(pattern: &str, escape: Option<char>) -> Option<String> {
    const SPECIAL: &str = "[]()|^-+*_%?{}";
    const SPECIAL_IN_JAVA: &str = "[]()|^-+*?{}$\\.";
    let mut out = String::new();
    let mut chars = pattern.chars();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                let next = chars.next().filter(|&next| SPECIAL.contains(next) || Some(next) == escape)?;
                if SPECIAL_IN_JAVA.contains(next) {
                    out.push('\\');
                }
                out.push(next);
            }
            '[' if inside => {
                // A class by its name: `[:alpha:]`.
                let (name, rest) = chars.as_str().strip_prefix(':')?.split_once(":]")?;
                out.push_str(class(name)?);
                chars = rest.chars();
            }
            '[' => {
                inside = true;
                out.push('[');
            }
            ']' if inside => {
                inside = false;
                out.push(']');
            }
            ']' => return None,
            '\\' => out.push_str("\\\\"),
            '_' if !inside => out.push('.'),
            '%' if !inside => out.push_str("(?s:.*)"),
            '$' => out.push_str("\\$"),
            c => out.push(c),
        }
    }
    (!inside).then_some(out)
}

fn class(name: &str) -> Option<&'static str> {
    const CLASSES: [(&str, &str); 7] = [
        ("alpha", "\\p{Alpha}"),
        ("upper", "\\p{Upper}"),
        ("lower", "\\p{Lower}"),
        ("digit", "\\d"),
        ("alnum", "\\p{Alnum}"),
        ("space", " "),
        ("whitespace", "\\s"),
    ];
    CLASSES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, class)| class)
}
