//! Names that a person gives: which there may be, and what is said of one that nothing has.

use crate::types::{Diagnostic, Spanned, printable};

/// The longest name, in bytes: what a file name can hold, because names become directories.
pub const MAX_NAME_BYTES: usize = 255;

/// A name as an error shows it: a megabyte of it says no more than its beginning.
fn shortened(name: &str) -> String {
    const SHOWN: usize = 60;
    if name.chars().count() <= SHOWN { name.to_owned() } else { name.chars().take(SHOWN).chain(['…']).collect() }
}

/// The error of a name that nothing has: `unknown <what> …`, with the near one of `known`.
pub(super) fn unknown<'a>(what: &str, name: &Spanned<String>, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    Diagnostic::at(name.span, format!("there is no {what} `{}`", shortened(&name.node)))
        .help("`show tables` lists what is defined")
        .did_you_mean(&name.node, known)
}

/// Refuses names that can't be directories of the state or file names of dead letters: `what` is `source`, `job`, ….
///
/// # Errors
/// At the name, for an empty one, one of over [`MAX_NAME_BYTES`], and one with a slash, `..`, a control character or a
/// bidirectional override.
pub fn check_name(what: &str, name: &Spanned<String>) -> Result<(), Diagnostic> {
    let text = name.node.as_str();
    let refused = |why: &str| {
        Err(Diagnostic::at(name.span, format!("`{}` can't name a {what}: {why}", shortened(text)))
            .help("use letters, digits and `_`"))
    };
    if text.trim().is_empty() {
        return refused("it is empty");
    }
    if text.len() > MAX_NAME_BYTES {
        return refused(&format!("it has {} bytes, at most {MAX_NAME_BYTES} are allowed", text.len()));
    }
    if text.contains(['/', '\\']) {
        return refused("it contains a slash");
    }
    if text == "." || text.contains("..") {
        return refused("it would name another directory");
    }
    // `printable` leaves a tab alone, because it does no harm on a terminal; in a name it does.
    if text.contains('\t') || printable(text) != text {
        return refused("it contains a control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::name;

    #[test]
    fn names_that_are_no_file_names_are_refused() {
        for bad in
            ["", " ", "a/../b", "a\\b", "..", "a..b", ".", "a\u{1b}[6n", "a\tb", "\u{202e}bids", &"x".repeat(300)]
        {
            assert!(check_name("source", &name(bad)).is_err(), "{bad:?}");
        }
        for good in ["bids", "a.b", "Gebote_2", "börse", &"x".repeat(255)] {
            assert_eq!(check_name("source", &name(good)), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_megabyte_of_name_makes_a_short_error() {
        let error = check_name("job", &name(&"é".repeat(500_000))).unwrap_err();
        assert!(error.message.len() < 250, "{}", error.message.len());
    }
}
