//! Errors in what the user typed: a message, its place, and a way out.

use std::borrow::Cow;
use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::Span;
use super::text::{Printable, printable, wrapped};

/// The origin of a text that a person has just typed at the prompt.
pub const TYPED: &str = "<input>";

/// A mistake in typed input. Rendered with a caret under `span` and a `help:` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The mistake, one line, no trailing stop.
    pub message: String,
    /// The place in the text; `None` for an error without one (a missing file found while binding, say).
    pub span: Option<Span>,
    /// The label under the caret: what was expected there.
    pub label: Option<String>,
    /// The way out: a near name, a working spelling.
    pub help: Option<String>,
    /// Other places that it is about, each with what stands there.
    pub others: Vec<(Span, String)>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::new(message) }
    }

    /// An error without a place.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, label: None, help: None, others: Vec::new() }
    }

    /// An answer of one line to what stands at `span`: whoever has just typed that needs no picture of the place.
    #[must_use]
    pub fn answer(span: Span, message: impl Into<String>) -> Self {
        Self { label: Some(String::new()), ..Self::at(span, message) }
    }

    /// Whether it is an [`Self::answer`]: an empty label says so, because another field would make every error larger.
    fn is_answer(&self) -> bool {
        self.label.as_ref().is_some_and(String::is_empty)
    }

    /// Adds the text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers the candidate nearest to `typed`, if one is near.
    #[must_use]
    pub fn did_you_mean<'a>(self, typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(typed, candidates) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Adds another place that the error is about, and what stands there.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.others.push((span, label.into()));
        self
    }

    /// The error of another text, that of `whose`, shown where that is named: its own places mean nothing here.
    #[must_use]
    pub fn inside(self, whose: &str, span: Span) -> Self {
        let help = self.help;
        Self { help, ..Self::at(span, format!("{whose}: {}", self.message)) }
    }

    /// Gives the error a place if it has none yet.
    #[must_use]
    pub fn or_at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// [`Self::render`] for a person: whole lines, the message and the way out in at most `width` columns.
    #[must_use]
    pub fn shown(&self, source: &str, origin: &str, colour: bool, width: Option<usize>) -> Printable {
        Printable::rendered(self.rendered(source, origin, colour, width) + "\n")
    }

    /// The error as text with a caret, for `source` named `origin` (a file, or `<input>`). Colour only if asked.
    /// Control characters of `source` are shown, never sent.
    #[must_use]
    pub fn render(&self, source: &str, origin: &str, colour: bool) -> String {
        self.rendered(source, origin, colour, None)
    }

    fn rendered(&self, source: &str, origin: &str, colour: bool, width: Option<usize>) -> String {
        // Columns that the renderer writes in front of both.
        const TITLE: usize = "error: ".len();
        const HELP: usize = "     = help: ".len();
        let fitted = |text: &str, before: usize| match width {
            Some(width) => wrapped(&printable(text), width.saturating_sub(before)).join("\n"),
            None => printable(text).into_owned(),
        };
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let message = fitted(&self.message, TITLE);
        let label = self.label.as_deref().filter(|label| !label.is_empty()).map(printable);
        let help = self.help.as_deref().map(|help| fitted(help, HELP));
        let origin = printable(origin);
        let placed = self.span.filter(|_| !(self.is_answer() && origin == TYPED));
        let shown = placed.map(|span| Excerpt::around(source, span));
        let others = self.others.iter().map(|(span, label)| (Excerpt::around(source, *span), printable(label)));
        let (beside, elsewhere): (Vec<_>, Vec<_>) =
            others.partition(|(other, _)| shown.as_ref().is_some_and(|shown| other.shows_as(shown)));
        let mut group = Group::with_title(Level::ERROR.primary_title(&*message));
        if let Some(excerpt) = &shown {
            let mut caret = AnnotationKind::Primary.span(excerpt.span.range());
            if let Some(label) = &label {
                caret = caret.label(&**label);
            }
            group = group.element(excerpt.snippet(&origin).annotation(caret).annotations(beside.iter().map(context)));
        }
        for other in &elsewhere {
            group = group.element(other.0.snippet(&origin).annotation(context(other)));
        }
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(&**help));
        }
        renderer.render(&[group]).clone()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// The candidate nearest to `typed` by Damerau–Levenshtein distance, if it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    let far = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, &name.to_lowercase()), name))
        .filter(|&(distance, _)| distance <= far)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// The lines around a span, shortened so that a megabyte on one line still makes a readable error.
struct Excerpt {
    text: String,
    span: Span,
    line: usize,
}

/// The mark of another place, with its label.
fn context<'a>((excerpt, label): &'a (Excerpt, Cow<'_, str>)) -> Annotation<'a> {
    AnnotationKind::Context.span(excerpt.span.range()).label(&**label)
}

impl Excerpt {
    /// Whether it shows the same text.
    fn shows_as(&self, other: &Self) -> bool {
        (self.line, &self.text) == (other.line, &other.text)
    }

    fn snippet<'a>(&'a self, origin: &'a str) -> Snippet<'a, Annotation<'a>> {
        Snippet::source(&*self.text).path(origin).line_start(self.line)
    }

    const SIDE: usize = 120;

    fn around(source: &str, span: Span) -> Self {
        let start = floor_char(source, span.start.min(source.len()));
        let end = floor_char(source, span.end.clamp(start, source.len()));
        let line_start = source[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |i| start + i);
        let end = end.min(line_end).max(start);
        let from = if start - line_start > Self::SIDE { floor_char(source, start - Self::SIDE) } else { line_start };
        let to = if line_end - start > 2 * Self::SIDE { floor_char(source, start + 2 * Self::SIDE) } else { line_end };
        let end = end.min(to);
        let before = printable(&source[from..start]);
        let marked = printable(&source[start..end]);
        let after = printable(&source[end..to]);
        let span = Span::new(before.len(), before.len() + marked.len());
        let line = source[..start].matches('\n').count() + 1;
        Self { text: format!("{before}{marked}{after}"), span, line }
    }
}

fn floor_char(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_under_the_span() {
        let text = "bids | fliter price > 1";
        let shown = Diagnostic::at(Span::new(7, 13), "there is no stage `fliter`")
            .did_you_mean("fliter", ["filter", "map"])
            .render(text, "<input>", false);
        insta::assert_snapshot!(shown, @"
        error: there is no stage `fliter`
         --> <input>:1:8
          |
        1 | bids | fliter price > 1
          |        ^^^^^^
          |
          = help: did you mean `filter`?
        ");
    }

    #[test]
    fn a_megabyte_on_one_line_is_shortened_and_control_characters_are_shown() {
        let text = format!("{}\u{1b}]0;x\u{7} | oops", "x".repeat(1_000_000));
        let shown = Diagnostic::at(Span::new(1_000_000, 1_000_001), "unexpected character").render(&text, "f", false);
        assert!(shown.len() < 2_000, "{}", shown.len());
        assert!(!shown.contains('\u{1b}'));
    }
}
