//! The helper of the line editor: completion, hints and colours of a line, which may go on with a statement.

use std::borrow::Cow;
use std::collections::HashSet;

use rustyline::completion::{Candidate, Completer as Completes};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::SearchDirection;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Context, Helper};
use unicode_width::UnicodeWidthStr;

use super::highlight::{self, harmless, highlighted};
use crate::api::Registries;
use crate::lang::Due;
use crate::session::completion::Completer;
use crate::types::printable;

/// Longer texts get no hint: each key press looks for one.
const HINTED_BYTES: usize = 4 * 1_024;
/// So many candidates are listed with a line of help each.
const EXPLAINED: usize = 16;
/// Hints are cut at this width.
const HINT_WIDTH: usize = 60;

/// The line editor's helper.
pub(super) struct Lines {
    /// The completer of what there is, as of the last statement.
    pub(super) completer: Completer,
    pub(super) registries: Registries,
    /// The lines of the statement that this one goes on with, each with its end.
    pub(super) earlier: String,
    /// What they wait for.
    pub(super) due: Due,
    /// The entries of the history that failed when they were last run.
    pub(super) failed: HashSet<String>,
    /// Whether the terminal shows colours; without them a hint could not be told from what is typed.
    pub(super) colour: bool,
    /// The width of the terminal, in columns.
    pub(super) width: fn() -> usize,
}

impl Helper for Lines {}

impl Lines {
    /// The statement so far.
    fn statement<'l>(&self, line: &'l str) -> Cow<'l, str> {
        if self.earlier.is_empty() { line.into() } else { format!("{}{line}", self.earlier).into() }
    }
}

/// What a person can type next, in words.
fn in_words(due: Due) -> Cow<'static, str> {
    match due {
        Due::Nothing => "".into(),
        Due::End => "`;` or an empty line runs it".into(),
        Due::Closing(sign) => format!("closing {sign} is due").into(),
        Due::More => "the statement goes on here; Ctrl-C drops it".into(),
    }
}

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
        let completions = self.completer.complete(&self.statement(line), self.earlier.len() + pos);
        let Some(start) = completions.start.checked_sub(self.earlier.len()) else { return Ok((pos, Vec::new())) };
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
        Ok((start, listed.collect()))
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
        if !self.colour || pos < line.len() || self.earlier.len() + line.len() > HINTED_BYTES {
            return None;
        }
        if line.trim().is_empty() {
            let due = line.is_empty().then(|| in_words(self.due)).filter(|due| !due.is_empty())?;
            return Some(LineHint { shown: cut(&due, HINT_WIDTH), taken: None });
        }
        let text = self.statement(line);
        let rest = self.worked_before(&text, context).or_else(|| self.completer.suffix(&text, text.len()));
        if let Some(rest) = rest {
            return Some(LineHint { shown: cut(&rest, HINT_WIDTH), taken: Some(rest) });
        }
        let usage = self.completer.hint(&text, text.len())?;
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
        if !self.colour || self.earlier.len() + line.len() > highlight::LONGEST_BYTES {
            return harmless(line);
        }
        Cow::Owned(highlighted(&self.statement(line), self.earlier.len(), &self.registries))
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

/// Enter ends every line: whether the statement ends there, whoever reads the lines finds out.
impl Validator for Lines {}

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
