//! The matcher: partial matches of many keys, moved on by one row at a time. Knows neither columns nor where rows come from.
//!
//! Partial matches share what they have in common, as in SASE ("Efficient Pattern Matching over Event Streams", Agrawal,
//! Diao, Gyllstrom, Immerman, SIGMOD 2008) and in Flink's CEP library after it: a match is a chain of nodes, each a row
//! taken by a state behind the node before it, and what branches off has the chain in common up to there. A node here has
//! one before it, so that the last node of a chain tells which chain is meant; the version numbers that tell it where
//! nodes have several are not needed. Which rows satisfy which variable is asked of whoever calls.
//!
//! The order in which matches are given and what a match discards are Flink's (`NFA.processMatchesAccordingToSkipStrategy`):
//! a match waits while another that began earlier could still become one, unless nothing is skipped.

use std::cmp::Reverse;

use super::nfa::Nfa;
use crate::api::Link;

/// The number that no node and no row has.
pub(super) const NONE: u32 = u32::MAX;

/// Where the search goes on after a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// Behind the last row of the match.
    PastLastRow,
    /// With the row behind the first one.
    ToNextRow,
    /// With the first row of this variable; where there is none, or the match begins with it, with the next row.
    ToFirst(usize),
    /// With the last one.
    ToLast(usize),
    /// Nothing is discarded.
    None,
}

/// A row as the matcher sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The number under which its columns are found, [`NONE`] for one that no variable takes.
    pub(super) id: u32,
    /// Its place among the rows of its key.
    pub(super) order: i64,
    /// Its time, epoch milliseconds.
    pub(super) time: i64,
}

/// A row taken by a state, behind the node before it.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is noted by itself")]
pub(super) struct Node {
    pub(super) before: u32,
    pub(super) row: u32,
    /// The row's [`order`](Row::order).
    pub(super) order: i64,
    pub(super) state: u32,
    pub(super) group: u32,
    /// The order of the first row of the chain.
    pub(super) start: i64,
    /// The time of it.
    pub(super) start_time: i64,
    /// Tells nodes of a key apart; greater than that of the node before it.
    pub(super) number: i64,
    /// The ways of its state that a further row can take, a bit each. None: it is only part of longer chains.
    pub(super) open: u64,
    /// Whether no row has come since.
    pub(super) fresh: bool,
    /// Whether it is the end of a match that waits for others.
    pub(super) held: bool,
    /// Nodes behind it, and whether it is a partial match or a match that waits.
    pub(super) uses: u32,
    pub(super) dirty: bool,
    pub(super) stored: bool,
}

/// The partial matches of a key.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Ends of partial matches, those that began first first.
    pub(super) runs: Vec<u32>,
    /// Ends of matches that wait, likewise.
    pub(super) held: Vec<u32>,
    /// Stored nodes that are gone, of which the next snapshot tells.
    pub(super) unsaid: u32,
}

/// Matches, each a list of rows with their variables.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) groups: Vec<u32>,
    pub(super) times: Vec<i64>,
    /// The end of each one's rows.
    pub(super) ends: Vec<usize>,
    pub(super) rows: Vec<u32>,
    pub(super) variables: Vec<usize>,
}

impl Found {
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.times.clear();
        self.ends.clear();
        self.rows.clear();
        self.variables.clear();
    }
}

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) matches: Found,
    /// Partial matches whose time was over.
    pub(super) timed_out: Found,
}

/// The partial matches of an operator instance.
#[derive(Debug)]
pub(super) struct Matcher {
    nfa: Nfa,
    skip: Skip,
    within_ms: Option<i64>,
    pub(super) nodes: Vec<Node>,
    free: Vec<u32>,
    pub(super) groups: Vec<Group>,
    /// For each row the nodes that are it.
    row_uses: Vec<u32>,
    /// Rows that are no node any more.
    pub(super) unused: Vec<u32>,
    pub(super) next_number: i64,
    pub(super) dirty: Vec<u32>,
    /// Groups and numbers of stored nodes that are gone.
    pub(super) removed: Vec<(u32, i64)>,
}

impl Matcher {
    pub(super) fn new(nfa: Nfa, skip: Skip, within_ms: Option<i64>) -> Self {
        Self {
            nfa,
            skip,
            within_ms,
            nodes: Vec::new(),
            free: Vec::new(),
            groups: Vec::new(),
            row_uses: Vec::new(),
            unused: Vec::new(),
            next_number: 0,
            dirty: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Makes room for groups below `groups`.
    pub(super) fn make_room(&mut self, groups: usize) {
        if self.groups.len() < groups {
            self.groups.resize_with(groups, Group::default);
        }
    }

    /// Whether nothing is under way in a group.
    pub(super) fn is_idle(&self, group: u32) -> bool {
        self.groups.get(group as usize).is_none_or(|group| group.runs.is_empty() && group.held.is_empty())
    }

    /// The number of partial matches, and of matches that wait.
    pub(super) fn partial(&self) -> usize {
        self.groups.iter().map(|group| group.runs.len() + group.held.len()).sum()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.row_uses.capacity() * size_of::<u32>()
            + self.groups.capacity() * size_of::<Group>()
    }

    /// Keeps a row that need be no node; given up by [`let_go`](Self::let_go).
    pub(super) fn keep(&mut self, row: u32) {
        let row = row as usize;
        if self.row_uses.len() <= row {
            self.row_uses.resize(row + 1, 0);
        }
        self.row_uses[row] += 1;
    }

    /// Gives up one use of a row.
    pub(super) fn let_go(&mut self, row: u32) {
        let uses = &mut self.row_uses[row as usize];
        *uses -= 1;
        if *uses == 0 {
            self.unused.push(row);
        }
    }

    /// Whether a row is needed.
    pub(super) fn uses(&self, row: u32) -> bool {
        self.row_uses.get(row as usize).is_some_and(|&uses| uses > 0)
    }

    /// The time at which the first partial match of a group is over.
    pub(super) fn deadline(&self, group: u32) -> Option<i64> {
        let first = *self.groups.get(group as usize)?.runs.first()?;
        Some(self.over_at(first))
    }

    fn over_at(&self, node: u32) -> i64 {
        self.within_ms.map_or(i64::MAX, |within| self.nodes[node as usize].start_time.saturating_add(within))
    }

    /// The variable of the row that `node` is.
    pub(super) fn variable(&self, node: u32) -> usize {
        self.nfa.variables[self.nodes[node as usize].state as usize]
    }

    /// The rows of the chain that ends with `node` and their variables, pushed in order.
    pub(super) fn chain(&self, node: u32, rows: &mut Vec<u32>, variables: &mut Vec<usize>) {
        let from = rows.len();
        let mut at = node;
        while at != NONE {
            rows.push(self.nodes[at as usize].row);
            variables.push(self.variable(at));
            at = self.nodes[at as usize].before;
        }
        rows[from..].reverse();
        variables[from..].reverse();
    }

    /// Calls `ask` with each variable and partial match that the next row of `group` is asked about; [`NONE`] where it
    /// begins one.
    pub(super) fn ask(&self, group: u32, mut ask: impl FnMut(usize, u32)) {
        for &run in &self.groups[group as usize].runs {
            let node = &self.nodes[run as usize];
            for way in self.open_ways(node.state, node.open) {
                let way = &self.nfa.ways[node.state as usize][way];
                for guard in way.guards.iter().filter(|guard| node.fresh || !guard.first) {
                    ask(guard.variable, run);
                }
                if let Some(to) = way.to {
                    ask(self.nfa.variables[to], run);
                }
            }
        }
        for way in &self.nfa.start {
            way.guards.iter().for_each(|guard| ask(guard.variable, NONE));
            if let Some(to) = way.to {
                ask(self.nfa.variables[to], NONE);
            }
        }
    }

    fn open_ways(&self, state: u32, open: u64) -> impl Iterator<Item = usize> + use<> {
        (0..self.nfa.ways[state as usize].len()).filter(move |way| open & (1 << way) != 0)
    }

    /// Moves the partial matches of `group` on by its next row, whose time none of them has run out of. `holds` says whether
    /// the row satisfies a variable behind a partial match.
    pub(super) fn advance(&mut self, group: u32, row: Row, holds: impl Fn(usize, u32) -> bool, out: &mut Results) {
        let runs = std::mem::take(&mut self.groups[group as usize].runs);
        let mut next = Vec::with_capacity(runs.len() + 1);
        let mut complete = Vec::new();
        for &run in &runs {
            let Node { state, open, fresh, .. } = self.nodes[run as usize];
            let mut left = open;
            let first_child = next.len();
            let mut ended = false;
            for at in 0..self.nfa.ways[state as usize].len() {
                let bit = 1 << at;
                if open & bit == 0 {
                    continue;
                }
                let way = &self.nfa.ways[state as usize][at];
                if way.guards.iter().any(|guard| (fresh || !guard.first) && holds(guard.variable, run)) {
                    left &= !bit;
                    continue;
                }
                let (link, to) = (way.link, way.to);
                let Some(to) = to else {
                    if !way.ends_in_time() {
                        left &= !bit;
                        ended = true;
                    }
                    continue;
                };
                let taken = holds(self.nfa.variables[to], run);
                if link == Link::Strict || (taken && link == Link::Next) {
                    left &= !bit;
                }
                let again =
                    next[first_child..].iter().any(|&child: &u32| self.nodes[child as usize].state == index(to));
                if taken && !again {
                    let child = self.push(group, run, to, row);
                    self.complete_or_go_on(child, &mut next, &mut complete);
                }
            }
            self.nodes[run as usize].open = left;
            self.nodes[run as usize].fresh = false;
            if ended {
                self.nodes[run as usize].uses += 1;
                complete.push(run);
            }
            if left != open || fresh {
                self.touch(run);
            }
            if left == 0 {
                self.release(run);
            } else {
                next.push(run);
            }
        }
        let first_child = next.len();
        for at in 0..self.nfa.start.len() {
            let way = &self.nfa.start[at];
            let Some(to) = way.to else { continue };
            let again = next[first_child..].iter().any(|&child| self.nodes[child as usize].state == index(to));
            if again || way.guards.iter().any(|guard| holds(guard.variable, NONE)) {
                continue;
            }
            if holds(self.nfa.variables[to], NONE) {
                let child = self.push(group, NONE, to, row);
                self.complete_or_go_on(child, &mut next, &mut complete);
            }
        }
        self.groups[group as usize].runs = next;
        if !complete.is_empty() {
            self.settle(group, row.time, complete, out);
        }
    }

    /// Ends the partial matches of `group` whose time is over at `now`, one beginning after the other. What is freed by one
    /// without an end of its time is given the time `late`.
    pub(super) fn expire(&mut self, group: u32, now: i64, late: i64, out: &mut Results) {
        while let Some(deadline) = self.deadline(group).filter(|&deadline| deadline <= now) {
            let runs = &mut self.groups[group as usize].runs;
            let start = self.nodes[runs[0] as usize].start;
            let same = runs.iter().take_while(|&&run| self.nodes[run as usize].start == start).count();
            let over: Vec<u32> = runs.drain(..same).collect();
            let time = if self.within_ms.is_some() && deadline < i64::MAX { deadline } else { late };
            let mut complete = Vec::new();
            for run in over {
                let Node { state, open, .. } = self.nodes[run as usize];
                let ends = self.open_ways(state, open).any(|way| self.nfa.ways[state as usize][way].to.is_none());
                self.close(run);
                if ends {
                    complete.push(run);
                    continue;
                }
                if self.within_ms.is_some() {
                    self.give(group, time, run, false, out);
                }
                self.release(run);
            }
            self.settle(group, time, complete, out);
        }
    }

    /// No further row goes on from `node`.
    fn close(&mut self, node: u32) {
        self.nodes[node as usize].open = 0;
        self.touch(node);
    }

    fn push(&mut self, group: u32, before: u32, state: usize, row: Row) -> u32 {
        let (mut start, mut start_time) = (row.order, row.time);
        if before != NONE {
            let before = &mut self.nodes[before as usize];
            before.uses += 1;
            (start, start_time) = (before.start, before.start_time);
        }
        let ways = &self.nfa.ways[state];
        let open =
            ways.iter().enumerate().filter(|(_, way)| !way.ends_at_once()).fold(0, |open, (at, _)| open | 1 << at);
        let number = self.next_number;
        self.next_number += 1;
        let (state, order, row) = (index(state), row.order, row.id);
        let (fresh, held, dirty, stored, uses) = (true, false, false, false, 0);
        let node = self.put(Node {
            before,
            row,
            order,
            state,
            group,
            start,
            start_time,
            number,
            open,
            fresh,
            held,
            uses,
            dirty,
            stored,
        });
        self.touch(node);
        node
    }

    /// Takes a node in; those that use it are counted by whoever makes them.
    pub(super) fn put(&mut self, node: Node) -> u32 {
        self.keep(node.row);
        if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = node;
            return id;
        }
        self.nodes.push(node);
        index(self.nodes.len() - 1)
    }

    fn complete_or_go_on(&mut self, node: u32, next: &mut Vec<u32>, complete: &mut Vec<u32>) {
        let Node { state, open, .. } = self.nodes[node as usize];
        if self.nfa.ways[state as usize].iter().any(super::nfa::Way::ends_at_once) {
            self.nodes[node as usize].uses += 1;
            complete.push(node);
        }
        if open != 0 {
            self.nodes[node as usize].uses += 1;
            next.push(node);
        }
    }

    fn touch(&mut self, node: u32) {
        if !std::mem::replace(&mut self.nodes[node as usize].dirty, true) {
            self.dirty.push(node);
        }
        if self.dirty.len() > 2 * self.nodes.len() + 1_024 {
            // Without checkpoints nobody else empties the list.
            let nodes = &self.nodes;
            self.dirty = (0..index(nodes.len())).filter(|&node| nodes[node as usize].dirty).collect();
        }
    }

    /// Gives one use of a node up, and with its last one the node, and so on down the chain.
    fn release(&mut self, node: u32) {
        let mut at = node;
        while at != NONE {
            let node = &mut self.nodes[at as usize];
            node.uses -= 1;
            if node.uses > 0 {
                return;
            }
            node.dirty = false;
            if node.stored {
                self.removed.push((node.group, node.number));
                self.groups[node.group as usize].unsaid += 1;
            }
            let (row, before) = (node.row, node.before);
            self.let_go(row);
            self.free.push(at);
            at = before;
        }
    }

    /// Gives the matches that are complete at `time`, or lets them wait.
    fn settle(&mut self, group: u32, time: i64, mut complete: Vec<u32>, out: &mut Results) {
        if complete.len() > 1 {
            self.in_order(&mut complete);
        }
        if self.skip == Skip::None {
            for node in complete {
                self.give(group, time, node, true, out);
                self.release(node);
            }
            return;
        }
        for &node in &complete {
            self.nodes[node as usize].held = true;
            self.touch(node);
        }
        let held = &mut self.groups[group as usize].held;
        held.extend(complete);
        if held.is_empty() {
            return;
        }
        // Those that wait already come first.
        let nodes = &self.nodes;
        held.sort_by_key(|&node| nodes[node as usize].start);
        while let Some(&first) = self.groups[group as usize].held.first() {
            let start = self.nodes[first as usize].start;
            let earlier = self.groups[group as usize].runs.first();
            if earlier.is_some_and(|&run| self.nodes[run as usize].start < start) {
                return;
            }
            self.give(group, time, first, true, out);
            let from = self.goes_on_from(first);
            self.discard(group, from);
        }
    }

    /// Matches that are complete with the same row: by their beginning; the one of most rows first; then the one whose rows
    /// come first, then whose variables do. The same match reached twice is one.
    fn in_order(&mut self, complete: &mut Vec<u32>) {
        let mut keyed: Vec<_> = complete
            .drain(..)
            .map(|node| {
                let (mut rows, mut variables) = (Vec::new(), Vec::new());
                let mut at = node;
                while at != NONE {
                    rows.push(self.nodes[at as usize].order);
                    variables.push(self.variable(at));
                    at = self.nodes[at as usize].before;
                }
                rows.reverse();
                variables.reverse();
                (self.nodes[node as usize].start, Reverse(rows.len()), rows, variables, node)
            })
            .collect();
        keyed.sort();
        for at in 0..keyed.len() {
            let same = at > 0 && keyed[at].2 == keyed[at - 1].2 && keyed[at].3 == keyed[at - 1].3;
            if same { self.release(keyed[at].4) } else { complete.push(keyed[at].4) }
        }
    }

    fn give(&self, group: u32, time: i64, node: u32, whole: bool, out: &mut Results) {
        let found = if whole { &mut out.matches } else { &mut out.timed_out };
        self.chain(node, &mut found.rows, &mut found.variables);
        found.groups.push(group);
        found.times.push(time);
        found.ends.push(found.rows.len());
    }

    /// The order below which nothing begins any more after the match that ends with `node`.
    fn goes_on_from(&self, node: u32) -> i64 {
        let Node { order, start, .. } = self.nodes[node as usize];
        let rows_of = |wanted: usize| {
            let chain = std::iter::successors(Some(node), |&at| {
                let before = self.nodes[at as usize].before;
                (before != NONE).then_some(before)
            });
            chain.filter(move |&at| self.variable(at) == wanted).map(|at| self.nodes[at as usize].order)
        };
        let at = match self.skip {
            Skip::PastLastRow => return order + 1,
            Skip::ToFirst(variable) => rows_of(variable).last(),
            Skip::ToLast(variable) => rows_of(variable).next(),
            Skip::ToNextRow | Skip::None => None,
        };
        at.filter(|&at| at > start).unwrap_or(start + 1)
    }

    fn discard(&mut self, group: u32, from: i64) {
        for held in [false, true] {
            let of = &mut self.groups[group as usize];
            let list = if held { &mut of.held } else { &mut of.runs };
            let count = list.iter().take_while(|&&node| self.nodes[node as usize].start < from).count();
            let gone: Vec<u32> = list.drain(..count).collect();
            for node in gone {
                if held {
                    self.nodes[node as usize].held = false;
                    self.touch(node);
                } else {
                    self.close(node);
                }
                self.release(node);
            }
        }
    }
}

/// Nodes and rows fit into memory, so their number fits 32 bits.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
