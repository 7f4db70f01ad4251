//! Session files: prose in comments, statements, and what each shows in comments right below it.
//!
//! ```text
//! -- The first line is the title.
//! --
//! -- Prose: what is about to be seen, and why.
//! bids | limit 1;
//! --> auction  price
//! --> ───────  ─────
//! -->    1001    ‹1›
//! ```
//!
//! A session is valid input of the shell as it stands. In what is shown, `…` stands for anything within a line, a line
//! of nothing but `…` for any lines, and lines that begin with `--~` instead of `-->` may come in any order.

use std::ops::Range;

use crate::api::Registries;
use crate::lang::{Splitter, lex};

/// Begins a line that a statement shows.
pub(super) const SHOWN: &str = "-->";
/// The same, in any order.
pub(super) const SHOWN_SOMEWHERE: &str = "--~";

/// A session file taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lesson {
    /// The lesson's lines as they stand.
    pub(super) lines: Vec<String>,
    /// The lesson's statements in order.
    pub(super) steps: Vec<Step>,
    /// The prose behind the last statement.
    pub(super) closing: Vec<String>,
}

/// A statement, the prose in front of it, and what it shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Lines without the comment sign.
    pub(super) prose: Vec<String>,
    /// As typed: a whole number of lines.
    pub(super) statement: String,
    /// The line it begins with, from 1.
    pub(super) line: usize,
    /// The lines of [`Lesson::lines`] that say what it shows.
    pub(super) shown: Range<usize>,
    /// The lines that the statement shows.
    pub(super) expected: Vec<String>,
    /// Whether the lines may come in any order.
    pub(super) any_order: bool,
}

impl Lesson {
    /// Takes a session apart.
    pub(super) fn parse(text: &str, grammar: &Registries) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut steps: Vec<Step> = Vec::new();
        let mut from = 0;
        for statement in statement_lines(text, grammar) {
            if let Some(last) = steps.last_mut()
                && statement.start < last.shown.start
            {
                // It begins on the line where the last one ends: the two are one step.
                let end = statement.end.max(last.shown.start);
                last.statement = lines[last.line - 1..end].join("\n");
                from = take_shown(&lines, end, last);
                continue;
            }
            let mut step = Step {
                prose: prose(&lines[from..statement.start]),
                statement: lines[statement.clone()].join("\n"),
                line: statement.start + 1,
                shown: 0..0,
                expected: Vec::new(),
                any_order: false,
            };
            from = take_shown(&lines, statement.end, &mut step);
            steps.push(step);
        }
        let closing = prose(&lines[from..]);
        Self { lines, steps, closing }
    }

    /// The first line of its prose.
    pub(super) fn title(&self) -> &str {
        let prose = self.steps.first().map_or(&self.closing, |step| &step.prose);
        prose.first().map_or("", String::as_str)
    }

    /// The text with what `step` shows replaced by `shown`, for each of `changes`: steps by index, ascending.
    pub(super) fn with(&self, changes: &[(usize, Vec<String>)]) -> String {
        let mut text = String::new();
        let mut from = 0;
        let mut push = |lines: &[String]| lines.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        for (index, shown) in changes {
            let step = &self.steps[*index];
            push(&self.lines[from..step.shown.start]);
            let sign = if step.any_order { SHOWN_SOMEWHERE } else { SHOWN };
            let shown: Vec<String> = shown.iter().map(|line| format!("{sign} {line}").trim_end().to_owned()).collect();
            push(&shown);
            from = step.shown.end;
        }
        push(&self.lines[from..]);
        text
    }
}

/// The lines that each statement takes, from 0.
fn statement_lines(text: &str, grammar: &Registries) -> Vec<Range<usize>> {
    let mut splitter = Splitter::default();
    let mut pieces = splitter.push(text, grammar);
    pieces.extend(splitter.finish());
    let mut offset = 0;
    let mut found = Vec::new();
    let line_of = |at: usize| text[..at].matches('\n').count();
    for piece in pieces {
        let lexed = lex(&piece, grammar);
        let first = lexed.tokens.first().map(|token| token.span.start);
        let error = lexed.error.as_ref().and_then(|error| error.diagnostic.span);
        if let Some(first) = first.or(error.map(|span| span.start)) {
            let last = match error {
                // What can't be read as tokens goes to the end of its line.
                Some(span) => piece[span.start..].find('\n').map_or(piece.len(), |end| span.start + end),
                None => lexed.tokens.last().map_or(first, |token| token.span.end),
            };
            found.push(line_of(offset + first)..line_of(offset + last.max(first + 1) - 1) + 1);
        }
        offset += piece.len();
    }
    found
}

/// Notes the lines from `from` on that say what `step` shows; returns the line behind them.
fn take_shown(lines: &[String], from: usize, step: &mut Step) -> usize {
    let shown = |line: &String| -> Option<(bool, String)> {
        let line = line.trim();
        let (any_order, text) = match (line.strip_prefix(SHOWN), line.strip_prefix(SHOWN_SOMEWHERE)) {
            (Some(text), _) => (false, text),
            (None, Some(text)) => (true, text),
            (None, None) => return None,
        };
        Some((any_order, text.strip_prefix(' ').unwrap_or(text).to_owned()))
    };
    let found: Vec<(bool, String)> = lines[from.min(lines.len())..].iter().map_while(shown).collect();
    step.shown = from..from + found.len();
    step.any_order = found.iter().any(|(any_order, _)| *any_order);
    step.expected = found.into_iter().map(|(_, text)| text).collect();
    step.shown.end
}

/// Comment lines without their sign, without empty lines around them.
fn prose(lines: &[String]) -> Vec<String> {
    let text = |line: &String| {
        let line = line.trim();
        let line = line.strip_prefix("--").unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    };
    let mut prose: Vec<String> = lines.iter().map(text).collect();
    while prose.last().is_some_and(String::is_empty) {
        prose.pop();
    }
    let blank = prose.iter().take_while(|line| line.is_empty()).count();
    prose.drain(..blank);
    prose
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
-- A title
--
-- What comes.

source v from values
  with (rows = array[1]);

-- Look.
v | limit 1;
--> f0
--> ──
-->
.mode csv
v; v | limit 2
--~ b
--~ a

-- The end.
";

    fn parsed() -> Lesson {
        Lesson::parse(TEXT, &crate::session::registries(crate::commands::specs()))
    }

    #[test]
    fn a_session_is_prose_statements_and_what_they_show() {
        let lesson = parsed();
        assert_eq!(lesson.title(), "A title");
        let steps: Vec<(usize, &str, usize, usize)> = lesson
            .steps
            .iter()
            .map(|step| (step.line, step.statement.as_str(), step.prose.len(), step.expected.len()))
            .collect();
        assert_eq!(
            steps,
            [
                (5, "source v from values\n  with (rows = array[1]);", 3, 0),
                (9, "v | limit 1;", 1, 3),
                (13, ".mode csv", 0, 0),
                (14, "v; v | limit 2", 0, 2),
            ]
        );
        assert_eq!(lesson.steps[1].expected, ["f0", "──", ""]);
        assert!(lesson.steps[3].any_order && !lesson.steps[1].any_order);
        assert_eq!(lesson.closing, ["The end."]);
    }

    #[test]
    fn what_is_new_is_written_in_its_place_and_nothing_else_changes() {
        let lesson = parsed();
        assert_eq!(lesson.with(&[]), TEXT);
        let blessed = lesson.with(&[(0, vec!["new".into()]), (1, Vec::new()), (3, vec!["c".into(), String::new()])]);
        let expected = TEXT
            .replace("array[1]);\n", "array[1]);\n--> new\n")
            .replace("--> f0\n--> ──\n-->\n", "")
            .replace("--~ b\n--~ a\n", "--~ c\n--~\n");
        assert_eq!(blessed, expected);
    }

    #[test]
    fn a_mistake_is_a_statement_too() {
        let grammar = crate::session::registries(crate::commands::specs());
        let lesson = Lesson::parse("-- t\nbids | fliter x;\n--> error\nbids | limit 1;\n", &grammar);
        let statements: Vec<&str> = lesson.steps.iter().map(|step| step.statement.as_str()).collect();
        assert_eq!(statements, ["bids | fliter x;", "bids | limit 1;"]);
        assert_eq!(lesson.steps[0].expected, ["error"]);
    }
}
