//! A naive matcher: all ways in which rows can be read as the pattern, tried one after the other.
//!
//! A pattern is spelt out into words, each a list of variables with what may lie before them; each word is laid over the
//! rows from each beginning. No automaton, no partial matches.

use std::collections::BTreeSet;

use crate::api::{Link, Pattern};

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Event {
    pub(in super::super) key: Option<i64>,
    pub(in super::super) time: i64,
    pub(in super::super) p: Option<i64>,
    pub(in super::super) id: i64,
}

/// The rows of a match so far: the place of each among those of its key, and its variable.
pub(in super::super) type Path = Vec<(usize, &'static str)>;

/// Matches, or what ran out of time, each with its time.
pub(in super::super) type Timed = Vec<(Path, i64)>;

/// Whether the row at a place satisfies a variable behind a path.
pub(in super::super) type Test = fn(&[Event], &Path, usize, &'static str) -> bool;

/// A condition as text and as the model asks it.
#[derive(Debug, Clone)]
pub(in super::super) struct Condition {
    pub(in super::super) variable: &'static str,
    pub(in super::super) text: String,
    pub(in super::super) test: Test,
}

/// What must come out, without times where matches may wait.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Expected {
    pub(in super::super) rows: Vec<String>,
    pub(in super::super) over: Vec<String>,
    pub(in super::super) late: u64,
}

/// A variable of a word, with what may lie before its row, and which rows may not: the variable, and whether only the first.
#[derive(Debug, Clone)]
struct Letter {
    variable: &'static str,
    link: Link,
    bars: Vec<(&'static str, bool)>,
}

/// A word, and the rows that may not come behind it.
#[derive(Debug, Clone)]
struct Word {
    letters: Vec<Letter>,
    bars: Vec<(&'static str, bool)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Row(&'static str, Link),
    /// Rows that may not come, and what may lie before the next one at least.
    Bar(Link, Vec<(&'static str, bool)>),
}

/// When a match is complete: with this row, or before it, when its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(usize, bool);

#[derive(Debug, Clone)]
struct Found {
    path: Path,
    moment: Moment,
    time: i64,
}

pub(in super::super) struct Model<'a> {
    pub(in super::super) pattern: &'a Pattern,
    pub(in super::super) conditions: &'a [Condition],
    pub(in super::super) within_ms: Option<i64>,
    /// Where the next match begins: given the match and the first row of it.
    pub(in super::super) skip: Option<&'a dyn Fn(&Path) -> usize>,
    /// The variables in the order of the pattern.
    pub(in super::super) variables: &'a [&'static str],
}

pub(in super::super) fn name(of: &str) -> &'static str {
    ["A", "B", "C", "D", "N"].into_iter().find(|known| *known == of).expect("one of five")
}

fn begins(pattern: &Pattern) -> Vec<&'static str> {
    match pattern {
        Pattern::Variable(of) => vec![name(&of.node)],
        Pattern::Not(_) => Vec::new(),
        Pattern::Either(parts) => parts.iter().flat_map(begins).collect(),
        Pattern::Repeat { pattern, .. } => begins(pattern),
        Pattern::Sequence(parts) => {
            let mut found = Vec::new();
            for (_, part) in parts {
                found.extend(begins(part));
                if !matches!(part, Pattern::Not(_) | Pattern::Repeat { min: 0, .. }) {
                    break;
                }
            }
            found
        }
    }
}

/// All ways to spell a part, cut off behind `most` rows and one more.
fn spell(pattern: &Pattern, link: Link, most: usize) -> BTreeSet<Vec<Item>> {
    let is_row = |item: &&Item| matches!(item, Item::Row(..));
    let join = |all: BTreeSet<Vec<Item>>, more: &BTreeSet<Vec<Item>>| -> BTreeSet<Vec<Item>> {
        let mut joined = BTreeSet::new();
        for one in &all {
            for two in more {
                let mut word = one.clone();
                for item in two {
                    if word.iter().filter(is_row).count() <= most {
                        word.push(item.clone());
                    }
                }
                joined.insert(word);
            }
        }
        joined
    };
    let none = || BTreeSet::from([Vec::new()]);
    match pattern {
        Pattern::Variable(of) => BTreeSet::from([vec![Item::Row(name(&of.node), link)]]),
        Pattern::Not(of) => {
            BTreeSet::from([vec![Item::Bar(Link::Strict, vec![(name(&of.node), link == Link::Strict)])]])
        }
        Pattern::Either(parts) => parts.iter().flat_map(|part| spell(part, link, most)).collect(),
        Pattern::Sequence(parts) => {
            let mut all = none();
            for (at, (own, part)) in parts.iter().enumerate() {
                all = join(all, &spell(part, if at == 0 { link.max(*own) } else { *own }, most));
            }
            all
        }
        Pattern::Repeat { pattern, min, max, reluctant, .. } => {
            let greedy = !reluctant && *max != Some(*min) && (*min, *max) != (0, Some(1));
            let variables = begins(pattern).into_iter().filter(|_| greedy);
            let bars: Vec<_> = variables.map(|variable| (variable, link == Link::Strict)).collect();
            let one = spell(pattern, link, most);
            let (mut all, mut found) = (none(), BTreeSet::new());
            for count in 0..=max.map_or(most + 1, |max| max as usize) {
                if count > 0 {
                    all = join(all, &one);
                }
                if count >= *min as usize {
                    let bar = Item::Bar(if count == 0 { link } else { Link::Strict }, bars.clone());
                    found.extend(join(all.clone(), &BTreeSet::from([vec![bar]])));
                }
            }
            found
        }
    }
}

fn words(pattern: &Pattern, most: usize) -> Vec<Word> {
    let word = |items: Vec<Item>| {
        let mut word = Word { letters: Vec::new(), bars: Vec::new() };
        let mut least = Link::Strict;
        for item in items {
            match item {
                Item::Bar(link, bars) => {
                    least = least.max(link);
                    word.bars.extend(bars);
                }
                Item::Row(variable, link) => {
                    let bars = std::mem::take(&mut word.bars);
                    word.letters.push(Letter { variable, link: link.max(least), bars });
                    least = Link::Strict;
                }
            }
        }
        word
    };
    spell(pattern, Link::Strict, most).into_iter().map(word).collect()
}

impl Model<'_> {
    fn holds(&self, rows: &[Event], path: &Path, at: usize, variable: &'static str) -> bool {
        let condition = self.conditions.iter().find(|condition| condition.variable == variable);
        condition.is_none_or(|condition| (condition.test)(rows, path, at, variable))
    }

    /// The first row that comes too late for a match that begins with row `start`.
    fn over(&self, rows: &[Event], start: usize) -> usize {
        let Some(within) = self.within_ms else { return rows.len() };
        let late = |row: &Event| row.time >= rows[start].time + within;
        rows.iter().position(late).map_or(rows.len(), |late| late.max(start + 1))
    }

    fn barred(&self, rows: &[Event], path: &Path, bars: &[(&'static str, bool)], at: usize) -> bool {
        let first = path.last().is_none_or(|&(last, _)| at == last + 1);
        bars.iter().any(|&(variable, only)| (first || !only) && self.holds(rows, path, at, variable))
    }

    /// Lays the rest of a word behind `path`.
    fn lay(
        &self,
        rows: &[Event],
        path: &Path,
        letters: &[Letter],
        word: &Word,
        found: &mut Vec<Found>,
        open: &mut BTreeSet<Path>,
    ) {
        let (start, last) = (path[0].0, path[path.len() - 1].0);
        let over = self.over(rows, start);
        let Some((letter, rest)) = letters.split_first() else {
            found.extend(self.complete(rows, path, &word.bars, over));
            return;
        };
        for at in last + 1..over {
            if self.barred(rows, path, &letter.bars, at) {
                return;
            }
            let holds = self.holds(rows, path, at, letter.variable);
            if holds {
                let mut longer = path.clone();
                longer.push((at, letter.variable));
                self.lay(rows, &longer, rest, word, found, open);
            }
            if letter.link == Link::Strict || (holds && letter.link == Link::Next) {
                return;
            }
        }
        open.insert(path.clone());
    }

    fn complete(&self, rows: &[Event], path: &Path, bars: &[(&'static str, bool)], over: usize) -> Option<Found> {
        let (start, last) = (path[0].0, path[path.len() - 1].0);
        let found = |moment, time| Some(Found { path: path.clone(), moment, time });
        if bars.is_empty() {
            return found(Moment(last, true), rows[last].time);
        }
        let in_time = bars.iter().any(|(_, first)| !first);
        for at in last + 1..over {
            if self.barred(rows, path, bars, at) {
                return None;
            }
            if !in_time {
                return found(Moment(at, true), rows[at].time);
            }
        }
        // At the end of the input the time of the last row stands for that of the end.
        let time = self.within_ms.map_or(rows[last].time, |within| rows[start].time + within);
        found(Moment(over, false), time)
    }

    /// The matches and what ran out of time, of the rows of one key in their order.
    pub(in super::super) fn find(&self, rows: &[Event]) -> (Timed, Timed) {
        let words = words(self.pattern, rows.len());
        let (mut matches, mut timed_out) = (Vec::new(), Vec::new());
        let mut next = 0;
        for start in 0..rows.len() {
            if start < next {
                continue;
            }
            let (mut found, mut open) = (Vec::new(), BTreeSet::new());
            for word in &words {
                let Some((first, rest)) = word.letters.split_first() else { continue };
                let none = Path::new();
                if !self.barred(rows, &none, &first.bars, start) && self.holds(rows, &none, start, first.variable) {
                    self.lay(rows, &vec![(start, first.variable)], rest, word, &mut found, &mut open);
                }
            }
            let rank = |path: &Path| {
                let variable = |of: &str| self.variables.iter().position(|known| *known == of);
                let rows: Vec<usize> = path.iter().map(|(row, _)| *row).collect();
                let variables: Vec<_> = path.iter().map(|(_, of)| variable(of)).collect();
                (std::cmp::Reverse(path.len()), rows, variables)
            };
            found.sort_by_key(|found| (found.moment, rank(&found.path)));
            found.dedup_by_key(|found| (found.path.clone(), found.moment));
            // What ends when its time is over is complete then, and does not run out of it.
            for at_end in found.iter().filter(|found| !found.moment.1) {
                open.remove(&at_end.path);
            }
            let over = |path: &Path| self.within_ms.map(|within| (path.clone(), rows[start].time + within));
            match (self.skip, found.first()) {
                (None, _) => {
                    matches.extend(found.iter().map(|found| (found.path.clone(), found.time)));
                    timed_out.extend(open.iter().filter_map(over));
                }
                (Some(skip), Some(first)) => {
                    matches.push((first.path.clone(), first.time));
                    next = skip(&first.path);
                    if !first.moment.1 {
                        // The others of the same beginning ran out of time at the same moment.
                        timed_out.extend(open.iter().filter_map(over));
                    }
                }
                (Some(_), None) => timed_out.extend(open.iter().filter_map(over)),
            }
        }
        (matches, timed_out)
    }
}
