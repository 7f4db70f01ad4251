//! The helper of the line editor: completion, hints, colours, and whether a statement is complete.

use std::borrow::Cow;
use std::collections::HashSet;

use rustyline::completion::{Candidate, Completer as Completes};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Context, Helper};
use unicode_width::UnicodeWidthStr;

use super::highlight::{self, harmless, highlighted};
use super::keys::Pressed;
use crate::api::Registries;
use crate::lang::Completeness;
use crate::session::completion::Completer;
use crate::types::printable;

/// Longer texts get no hint: each key press looks for one.
const HINTED_BYTES: usize = 4 * 1_024;
/// Longer texts are not looked through for a missing bracket: Enter runs them, and what is wrong is said then.
const VALIDATED_BYTES: usize = 1024 * 1_024;
/// So many candidates are listed with a line of help each.
const EXPLAINED: usize = 16;
/// Hints are cut at this width.
const HINT_WIDTH: usize = 60;

/// The line editor's helper.
pub(super) struct Lines {
    /// The completer of what there is, as of the last statement.
    pub(super) completer: Completer,
    pub(super) registries: Registries,
    pub(super) completeness: Box<dyn Fn(&str) -> Completeness>,
    pub(super) pressed: Pressed,
    /// The entries of the history that failed when they were last run.
    pub(super) failed: HashSet<String>,
    /// Whether the terminal shows colours; without them a hint could not be told from what is typed.
    pub(super) colour: bool,
    /// The width of the terminal, in columns.
    pub(super) width: fn() -> usize,
}

impl Helper for Lines {}

/// A candidate as it is listed.
pub(super) struct Listed {
    shown: String,
    replacement: String,
}

impl Candidate for Listed {
    fn display(&self) -> &str {
        &self.shown
    }

    fn replacement(&self) -> &str {
        &self.replacement
    }
}

impl Completes for Lines {
    type Candidate = Listed;

    fn complete(&self, line: &str, pos: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Listed>)> {
        let completions = self.completer.complete(line, pos);
        let candidates = completions.candidates;
        let explained = candidates.len() <= EXPLAINED;
        let widest = candidates.iter().map(|candidate| candidate.label.width()).max().unwrap_or(0);
        let room = (self.width)().saturating_sub(widest + 5);
        let listed = candidates.into_iter().map(|candidate| {
            let mut shown = printable(&candidate.label).into_owned();
            if explained && !candidate.help.is_empty() && room > 10 {
                let pad = widest.saturating_sub(shown.width());
                shown.push_str(&" ".repeat(pad + 2));
                shown.push_str(&cut(&printable(&candidate.help), room));
            }
            Listed { shown, replacement: candidate.replacement }
        });
        Ok((completions.start, listed.collect()))
    }
}

/// `text`, cut so that it is at most `width` wide, which is shown by `…`.
fn cut(text: &str, width: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.width() <= width && line.len() == text.len() {
        return line.to_owned();
    }
    let mut kept = String::new();
    for c in line.chars() {
        if kept.width() + 2 > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// A hint behind what is typed.
pub(super) struct LineHint {
    shown: String,
    /// The text that the right arrow takes over; nothing where the hint only explains.
    taken: Option<String>,
}

impl Hint for LineHint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.taken.as_deref()
    }
}

impl Hinter for Lines {
    type Hint = LineHint;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<LineHint> {
        if !self.colour || line.trim().is_empty() || pos < line.len() || line.len() > HINTED_BYTES {
            return None;
        }
        let rest = self.worked_before(line, context).or_else(|| self.completer.suffix(line, pos));
        if let Some(rest) = rest {
            return Some(LineHint { shown: cut(&rest, HINT_WIDTH), taken: Some(rest) });
        }
        let usage = self.completer.hint(line, pos)?;
        Some(LineHint { shown: cut(&usage, HINT_WIDTH), taken: None })
    }
}

impl Lines {
    /// The rest of the newest entry that begins with `line` and worked.
    fn worked_before(&self, line: &str, context: &Context<'_>) -> Option<String> {
        let history = context.history();
        let last = history.len().checked_sub(1)?;
        let mut start = context.history_index().min(last);
        loop {
            let found = history.starts_with(line, start, SearchDirection::Reverse).ok()??;
            if !self.failed.contains(&*found.entry) {
                let rest = found.entry.get(line.len()..)?;
                return (!rest.is_empty()).then(|| rest.to_owned());
            }
            start = found.idx.checked_sub(1)?;
        }
    }
}

impl Highlighter for Lines {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if !self.colour || line.len() > highlight::LONGEST_BYTES {
            return harmless(line);
        }
        Cow::Owned(highlighted(line, &self.registries))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        if self.colour { Cow::Owned(format!("\x1b[1;36m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _completion: CompletionType) -> Cow<'c, str> {
        match candidate.split_once("  ") {
            Some((label, help)) if self.colour => Cow::Owned(format!("{label}\x1b[2m  {help}\x1b[0m")),
            Some(_) | None => Cow::Borrowed(candidate),
        }
    }

    fn highlight_char(&self, line: &str, _pos: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor && (self.colour && line.len() <= highlight::LONGEST_BYTES || harmless(line) != line)
    }
}

impl Validator for Lines {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        if self.pressed.is_any() || input.len() > VALIDATED_BYTES {
            return Ok(ValidationResult::Valid(None));
        }
        Ok(match (self.completeness)(input) {
            Completeness::Complete => ValidationResult::Valid(None),
            Completeness::Incomplete => ValidationResult::Incomplete,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn hints_and_help_are_cut_to_one_line() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("one line\nand another", 40), "one line…");
        assert_eq!(cut("a rather long text", 8), "a rathe…");
    }
}
