//! A pattern as an automaton without empty steps: a state for each variable as often as it can stand, and the ways from one
//! to the next (Glushkov, "The abstract theory of automata", 1961). Quantifiers and optional parts become ways.

use crate::api::{Link, Pattern};
use crate::types::Diagnostic;

/// States of one automaton.
const MOST_STATES: usize = 1_000;
/// Ways out of a state: each is a bit of a partial match.
pub(super) const MOST_WAYS: usize = 62;

/// A condition that closes a way: the next state must be reached before a row of this variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guard {
    /// The variable.
    pub(super) variable: usize,
    /// Whether it is asked about the first row only.
    pub(super) first: bool,
}

/// A way out of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// The state that it leads to; `None` for the end of the pattern.
    pub(super) to: Option<usize>,
    pub(super) link: Link,
    pub(super) guards: Vec<Guard>,
}

impl Way {
    /// Whether the match ends without looking at another row.
    pub(super) fn ends_at_once(&self) -> bool {
        self.to.is_none() && self.guards.is_empty()
    }

    /// Whether the match ends only when its time is over.
    pub(super) fn ends_in_time(&self) -> bool {
        self.to.is_none() && self.guards.iter().any(|guard| !guard.first)
    }
}

/// The automaton of a pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct Nfa {
    /// The variable of each state.
    pub(super) variables: Vec<usize>,
    /// The ways out of each state.
    pub(super) ways: Vec<Vec<Way>>,
    /// The ways into the pattern.
    pub(super) start: Vec<Way>,
}

/// A part of the automaton under construction.
#[derive(Debug, Clone, Default)]
struct Part {
    /// The states it can begin with.
    entries: Vec<End>,
    /// The states it can end with.
    exits: Vec<End>,
    /// Whether nothing may stand for it, and what must hold then.
    skip: Option<(Link, Vec<Guard>)>,
}

/// A state at an end of a part, and what ways through that end take over.
#[derive(Debug, Clone)]
struct End {
    state: usize,
    link: Link,
    guards: Vec<Guard>,
}

impl End {
    fn further(&self, link: Link, guards: &[Guard]) -> Self {
        Self { state: self.state, link: self.link.max(link), guards: joined(guards, &self.guards) }
    }
}

fn joined(some: &[Guard], more: &[Guard]) -> Vec<Guard> {
    let mut all = some.to_vec();
    for guard in more {
        if !all.contains(guard) {
            all.push(*guard);
        }
    }
    all
}

impl Nfa {
    /// The automaton of `pattern`; `variable` numbers its variables.
    ///
    /// # Errors
    /// When no row need match, or there are too many states or ways.
    pub(super) fn compile(pattern: &Pattern, variable: &dyn Fn(&str) -> usize) -> Result<Self, String> {
        let mut nfa = Self::default();
        let whole = nfa.part(pattern, Link::Strict, variable)?;
        if whole.skip.is_some() {
            return Err("no row need match this pattern".to_owned());
        }
        nfa.start = whole
            .entries
            .into_iter()
            .map(|entry| Way { to: Some(entry.state), link: entry.link, guards: entry.guards })
            .collect();
        for exit in whole.exits {
            nfa.way(exit.state, Way { to: None, link: exit.link, guards: exit.guards });
        }
        match nfa.ways.iter().map(Vec::len).max() {
            Some(ways) if ways > MOST_WAYS => {
                Err(format!("too many ways lead on from one place of this pattern: {ways}, at most {MOST_WAYS}"))
            }
            _ => Ok(nfa),
        }
    }

    /// Whether a match ends only when its time is over.
    pub(super) fn ends_in_time(&self) -> bool {
        self.ways.iter().flatten().any(Way::ends_in_time)
    }

    fn way(&mut self, from: usize, way: Way) {
        let ways = &mut self.ways[from];
        if !ways.contains(&way) {
            ways.push(way);
        }
    }

    fn connect(&mut self, exits: &[End], entries: &[End]) {
        for exit in exits {
            for entry in entries {
                let entry = entry.further(exit.link, &exit.guards);
                self.way(exit.state, Way { to: Some(entry.state), link: entry.link, guards: entry.guards });
            }
        }
    }

    fn part(&mut self, pattern: &Pattern, link: Link, variable: &dyn Fn(&str) -> usize) -> Result<Part, String> {
        match pattern {
            Pattern::Variable(name) => {
                let state = self.variables.len();
                if state == MOST_STATES {
                    return Err(format!("this pattern is too long: at most {MOST_STATES} rows, repetitions counted"));
                }
                self.variables.push(variable(&name.node));
                self.ways.push(Vec::new());
                let end = |link| vec![End { state, link, guards: Vec::new() }];
                Ok(Part { entries: end(link), exits: end(Link::Strict), skip: None })
            }
            Pattern::Not(name) => {
                let guard = Guard { variable: variable(&name.node), first: link == Link::Strict };
                Ok(Part { skip: Some((Link::Strict, vec![guard])), ..Part::default() })
            }
            Pattern::Sequence(parts) => {
                let mut whole = Part { skip: Some((Link::Strict, Vec::new())), ..Part::default() };
                for (at, (own, part)) in parts.iter().enumerate() {
                    let part = self.part(part, if at == 0 { link.max(*own) } else { *own }, variable)?;
                    whole = self.behind(whole, part);
                }
                Ok(whole)
            }
            Pattern::Either(parts) => {
                let mut whole = Part::default();
                for part in parts {
                    let part = self.part(part, link, variable)?;
                    whole.entries.extend(part.entries);
                    whole.exits.extend(part.exits);
                    whole.skip = whole.skip.or(part.skip);
                }
                Ok(whole)
            }
            Pattern::Repeat { pattern, min, max, reluctant, .. } => {
                // Flink's: what can be one more is none of what follows. An optional one is tried both ways.
                let greedy = !reluctant && *max != Some(*min) && (*min, *max) != (0, Some(1));
                let mut whole = Part { skip: Some((Link::Strict, Vec::new())), ..Part::default() };
                for _ in 1..*min {
                    let part = self.part(pattern, link, variable)?;
                    whole = self.behind(whole, part);
                }
                let rest = match max {
                    None => {
                        let part = self.part(pattern, link, variable)?;
                        self.connect(&part.exits, &part.entries);
                        part
                    }
                    Some(max) => {
                        let first = self.part(pattern, link, variable)?;
                        self.up_to(first, pattern, link, max - (*min).max(1), variable)?
                    }
                };
                let guards = if greedy { self.more(&rest, link) } else { Vec::new() };
                let mut whole = self.behind(whole, rest);
                for exit in &mut whole.exits {
                    exit.guards = joined(&exit.guards, &guards);
                }
                if *min == 0 {
                    whole.skip = Some((link, guards));
                }
                Ok(whole)
            }
        }
    }

    /// `first`, and behind it up to `more` of `pattern`.
    fn up_to(
        &mut self,
        first: Part,
        pattern: &Pattern,
        link: Link,
        more: u32,
        variable: &dyn Fn(&str) -> usize,
    ) -> Result<Part, String> {
        let (mut whole, mut last) = (first.clone(), first.exits);
        for _ in 0..more {
            let next = self.part(pattern, link, variable)?;
            self.connect(&last, &next.entries);
            if next.skip.is_some() {
                last.extend(next.exits.iter().cloned());
            } else {
                last.clone_from(&next.exits);
            }
            whole.exits.extend(next.exits);
        }
        Ok(whole)
    }

    /// The guards that leave to a repetition what it can take.
    fn more(&self, part: &Part, link: Link) -> Vec<Guard> {
        let guards = part
            .entries
            .iter()
            .map(|entry| Guard { variable: self.variables[entry.state], first: link == Link::Strict });
        joined(&[], &guards.collect::<Vec<_>>())
    }

    /// `second` behind `first`.
    fn behind(&mut self, first: Part, second: Part) -> Part {
        self.connect(&first.exits, &second.entries);
        let mut entries = first.entries;
        if let Some((link, guards)) = &first.skip {
            entries.extend(second.entries.iter().map(|entry| entry.further(*link, guards)));
        }
        let mut exits = second.exits;
        if let Some((link, guards)) = &second.skip {
            exits.extend(first.exits.iter().map(|exit| exit.further(*link, guards)));
        }
        let skip = match (first.skip, second.skip) {
            (Some((a, some)), Some((b, more))) => Some((a.max(b), joined(&some, &more))),
            _ => None,
        };
        Part { entries, exits, skip }
    }
}

/// The variables of `pattern` in the order in which they stand, each once; with the flag, whether rows can be of it.
///
/// # Errors
/// When one stands for rows at two places, as Flink refuses it.
pub(super) fn variables(pattern: &Pattern) -> Result<Vec<(String, bool)>, Box<Diagnostic>> {
    fn walk<'p>(pattern: &'p Pattern, found: &mut Vec<(&'p crate::types::Spanned<String>, bool)>) {
        match pattern {
            Pattern::Variable(name) => found.push((name, true)),
            Pattern::Not(name) => found.push((name, false)),
            Pattern::Sequence(parts) => parts.iter().for_each(|(_, part)| walk(part, found)),
            Pattern::Either(parts) => parts.iter().for_each(|part| walk(part, found)),
            Pattern::Repeat { pattern, .. } => walk(pattern, found),
        }
    }
    let mut found = Vec::new();
    walk(pattern, &mut found);
    let mut variables: Vec<(String, bool)> = Vec::new();
    for (at, (name, of_rows)) in found.iter().enumerate() {
        let same = |other: &str| other.eq_ignore_ascii_case(&name.node);
        if let Some((earlier, _)) = found[..at].iter().find(|(other, rows)| same(&other.node) && *rows && *of_rows) {
            return Err(Box::new(
                Diagnostic::at(name.span, format!("`{}` stands in the pattern twice", name.node))
                    .also(earlier.span, "here already")
                    .help("give one of them another name, and define it alike"),
            ));
        }
        match variables.iter_mut().find(|(other, _)| same(other)) {
            Some((_, rows)) => *rows |= of_rows,
            None => variables.push((name.node.clone(), *of_rows)),
        }
    }
    Ok(variables)
}

/// The pattern as typed.
pub(super) fn show(pattern: &Pattern) -> String {
    fn inner(pattern: &Pattern, inside: bool) -> String {
        match pattern {
            Pattern::Variable(name) => name.node.clone(),
            Pattern::Not(name) => format!("not {}", name.node),
            Pattern::Sequence(parts) => {
                let mut text = String::new();
                for (at, (link, part)) in parts.iter().enumerate() {
                    match (at, link) {
                        (0, Link::Strict) => {}
                        (0, link) => text.push_str(link.text().trim_start()),
                        (_, link) => text.push_str(link.text()),
                    }
                    text.push_str(&inner(part, matches!(part, Pattern::Either(_))));
                }
                if inside { format!("({text})") } else { text }
            }
            Pattern::Either(parts) => {
                let text = parts.iter().map(|part| inner(part, false)).collect::<Vec<_>>().join(" | ");
                if inside { format!("({text})") } else { text }
            }
            Pattern::Repeat { pattern, min, max, reluctant, .. } => {
                let times = match (min, max) {
                    (0, None) => "*".to_owned(),
                    (1, None) => "+".to_owned(),
                    (0, Some(1)) => "?".to_owned(),
                    (min, None) => format!("{{{min},}}"),
                    (min, Some(max)) if min == max => format!("{{{min}}}"),
                    (min, Some(max)) => format!("{{{min},{max}}}"),
                };
                format!("{}{times}{}", inner(pattern, true), if *reluctant { "?" } else { "" })
            }
        }
    }
    format!("({})", inner(pattern, false))
}
