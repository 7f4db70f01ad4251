//! Pages of help, as they are drawn.

use std::fmt::Write as _;

use super::topics::{Kind, Topic};
use crate::types::wrapped;

/// The column at which summaries begin.
const SUMMARY: usize = 21;

/// All topics, by their kinds.
pub(super) fn overview(topics: &[Topic]) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(text, "{}", kind.title());
        if kind == Kind::Function {
            let names: Vec<&str> = topics.iter().filter(|t| t.kind == kind).map(|t| t.names[0]).collect();
            push_wrapped(&mut text, &names.join(" "), INDENT, 0);
        } else {
            for topic in topics.iter().filter(|topic| topic.kind == kind) {
                let names = topic.names.join(", ");
                let _ = write!(text, "  {names}");
                let taken = INDENT + names.chars().count();
                if taken >= SUMMARY {
                    text.push('\n');
                }
                push_wrapped(&mut text, topic.summary, SUMMARY, if taken >= SUMMARY { 0 } else { taken });
            }
        }
        text.push('\n');
    }
    text.push_str("`help NAME` explains one, with examples that run as they stand: `help window`.\n");
    text.push_str("New here? `tutorial` lists the lessons.\n");
    text
}

/// Columns that a page may have.
const WIDTH: usize = 80;

/// Adds `text` in lines that begin at column `indent`; the first is begun already and has `taken` columns.
fn push_wrapped(page: &mut String, text: &str, indent: usize, taken: usize) {
    for (index, line) in wrapped(text, WIDTH - indent).iter().enumerate() {
        let spaces = if index == 0 { indent.saturating_sub(taken) } else { indent };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{:spaces$}{line}", "");
    }
}

/// Stands for a space of typed text, where no line is broken.
const TYPED_SPACE: char = '␣';

/// The most columns of what is not broken for that reason.
const TYPED_WIDTH: usize = 60;

/// A form of a syntax with what stands in square brackets, if it is short, as one word each.
fn bracketed_whole(form: &str) -> String {
    let mut whole = String::new();
    let mut rest = form;
    while let Some(opens) = rest.find('[') {
        let mut depth = 0_usize;
        let closes = rest[opens..].find(|c| {
            depth = if c == '[' { depth + 1 } else { depth - usize::from(c == ']') };
            depth == 0
        });
        let end = closes.map_or(rest.len(), |closes| opens + closes + 1);
        whole.push_str(&rest[..opens]);
        let group = &rest[opens..end];
        let unbroken = group.chars().count() <= TYPED_WIDTH;
        whole.push_str(&if unbroken {
            group.replace(' ', TYPED_SPACE.encode_utf8(&mut [0; 4]))
        } else {
            group.to_owned()
        });
        rest = &rest[end..];
    }
    whole + rest
}

/// What the topic is for, its syntax, examples, and then the rest.
pub(super) fn page(topic: &Topic) -> String {
    let mut text = String::new();
    push_wrapped(&mut text, &format!("{}: {}", topic.names[0], topic.summary), 0, 0);
    text.push('\n');
    for form in topic.usage.lines() {
        for (index, line) in wrapped(&bracketed_whole(form), WIDTH - 2 * INDENT).iter().enumerate() {
            let indent = if index == 0 { INDENT } else { 2 * INDENT };
            let _ = writeln!(text, "{:indent$}{}", "", line.replace(TYPED_SPACE, " "));
        }
    }
    text.push('\n');
    if !topic.examples.is_empty() {
        text.push_str(if topic.examples.len() == 1 { "Example\n" } else { "Examples\n" });
    }
    for example in &topic.examples {
        for line in example.lines().flat_map(|line| typed_lines(line, WIDTH - INDENT)) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if !topic.examples.is_empty() {
        text.push('\n');
    }
    for paragraph in topic.help.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        push_wrapped(&mut text, paragraph, 0, 0);
        text.push('\n');
    }
    push_details(&mut text, &topic.details);
    if let Some((first, rest)) = topic.names.split_first()
        && !rest.is_empty()
        && topic.kind != Kind::Statement
    {
        push_wrapped(&mut text, &format!("{first} is also written {}.", rest.join(", ")), 0, 0);
    }
    let flink =
        topic.flink.map_or_else(|| "Flink has no counterpart.".to_owned(), |flink| format!("In Flink: {flink}"));
    push_wrapped(&mut text, &flink, 0, 0);
    text
}

/// Clauses or options, each with its help beside it, or below it where its name is long.
fn push_details(text: &mut String, details: &[(String, &'static str)]) {
    let widest = details.iter().map(|(name, _)| name.chars().count()).filter(|&width| width <= DETAIL).max();
    let width = widest.unwrap_or(DETAIL);
    let column = INDENT + width + 2;
    for (name, help) in details {
        let long = name.chars().count() > width;
        if long {
            push_wrapped(text, name, INDENT, 0);
        } else {
            let _ = write!(text, "  {name:width$}");
        }
        push_wrapped(text, help, column, if long { 0 } else { INDENT + width });
    }
    if !details.is_empty() {
        text.push('\n');
    }
}

/// The columns that the text of a page is further in than its first line.
const INDENT: usize = 2;

/// A line of an example as lines of at most `width` columns that can be typed as they stand: broken before `|`, where
/// that is not enough inside brackets, and before a comment.
fn typed_lines(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = line.to_owned();
    while rest.chars().count() > width {
        let Some(at) = break_of(&rest, width) else { break };
        let behind = rest.split_off(at);
        lines.push(rest.trim_end().to_owned());
        rest = format!("  {}", behind.trim_start());
    }
    lines.push(rest);
    lines
}

/// The byte at which a line of an example is broken: the last place that fits, of the best kind there is.
fn break_of(line: &str, width: usize) -> Option<usize> {
    let begins = line.len() - line.trim_start().len();
    let (mut depth, mut quoted) = (0_usize, false);
    let (mut pipe, mut bracket, mut clause) = (None, None, None);
    for (column, (at, c)) in line.char_indices().enumerate() {
        if column > width {
            break;
        }
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            ' ' if !quoted && at > begins => {
                let next = &line[at + 1..];
                if next.starts_with("| ") || next.starts_with("-- ") {
                    pipe = Some(at);
                } else if depth > 0 {
                    bracket = Some(at);
                } else if CLAUSES.iter().any(|word| next.starts_with(word)) {
                    clause = Some(at);
                }
            }
            _ => {}
        }
    }
    pipe.or(clause).or(bracket)
}

/// Words that a line may begin with that goes on with a definition.
const CLAUSES: &[&str] = &["columns ", "event_time ", "with "];

/// The widest name of a clause or option that has its help on the same line.
const DETAIL: usize = 34;
