//! Random sentences of the grammar, by seed.

use std::collections::BTreeMap;

use lotic::api::Registries;
use lotic::lang::lex;

use crate::ebnf::{Ebnf, Node};
use crate::recognise::recognises;

/// splitmix64
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}

pub(crate) struct Generator<'a> {
    ebnf: &'a Ebnf,
    /// The least number of rules inside one another that each rule needs.
    depths: BTreeMap<&'a str, usize>,
    pub(crate) rng: Rng,
}

const FAR: usize = 1_000;

impl<'a> Generator<'a> {
    pub(crate) fn new(ebnf: &'a Ebnf, seed: u64) -> Self {
        let mut depths: BTreeMap<&str, usize> = ebnf.rules.keys().map(|name| (name.as_str(), FAR)).collect();
        loop {
            let found: BTreeMap<&str, usize> =
                ebnf.rules.iter().map(|(name, node)| (name.as_str(), depth(node, &depths) + 1)).collect();
            if found == depths {
                break;
            }
            depths = found;
        }
        assert!(depths.values().all(|&depth| depth < FAR), "a rule has no finite sentence: {depths:?}");
        Self { ebnf, depths, rng: Rng(seed) }
    }

    /// A sentence of `rule` with about `depth` rules inside one another.
    pub(crate) fn sentence(&mut self, rule: &str, depth: usize) -> String {
        let mut words = Vec::new();
        let node = &self.ebnf.rules[rule];
        self.generate(node, depth, &mut words);
        words.join(" ")
    }

    fn generate(&mut self, node: &'a Node, left: usize, out: &mut Vec<String>) {
        match node {
            Node::Literal(text) => {
                let shout = text.starts_with(char::is_alphabetic) && self.rng.below(8) == 0;
                out.push(if shout { text.to_uppercase() } else { text.clone() });
            }
            Node::Token(class) => out.push(self.token(class)),
            Node::Rule(name) => {
                let node = &self.ebnf.rules[name];
                self.generate(node, left.saturating_sub(1), out);
            }
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.generate(node, left, out)),
            Node::Choice(nodes) => {
                let near: Vec<&Node> = nodes.iter().filter(|node| depth(node, &self.depths) <= left).collect();
                let node = if near.is_empty() {
                    nodes.iter().min_by_key(|node| depth(node, &self.depths)).expect("a choice has alternatives")
                } else {
                    *self.rng.pick(&near)
                };
                self.generate(node, left, out);
            }
            Node::Optional(node) => {
                if depth(node, &self.depths) <= left && self.rng.below(3) == 0 {
                    self.generate(node, left, out);
                }
            }
            Node::Repeat { node, at_least_once } => {
                if *at_least_once {
                    self.generate(node, left, out);
                }
                while depth(node, &self.depths) <= left && self.rng.below(4) == 0 {
                    self.generate(node, left, out);
                }
            }
            Node::Except(node, but) => loop {
                let mut words = Vec::new();
                self.generate(node, left, &mut words);
                if !self.is(but, &words.join(" ")) {
                    out.extend(words);
                    break;
                }
            },
        }
    }

    fn is(&self, node: &Node, text: &str) -> bool {
        let mut rules = self.ebnf.rules.clone();
        rules.insert("the exception".to_owned(), node.clone());
        let lexed = lex(text, &Registries::default());
        lexed.error.is_none() && recognises(&Ebnf { rules }, "the exception", text, &lexed.tokens)
    }

    fn token(&mut self, class: &str) -> String {
        let samples: &[&str] = match class {
            "WORD" => &["a", "price", "b1", "count", "löwe", "_x", "window_start", "value", "Auction"],
            "QUOTED" => &["`a b`", "`case`", "`x``y`"],
            "TEXT" => &["'1'", "'x'", "'it''s'", "'2020-01-01'", "''"],
            "BYTES" => &["x'0aFF'", "X''"],
            "INTEGER" => &["0", "1", "2", "9223372036854775808"],
            "DECIMAL" => &["1.5", ".5", "2."],
            "DOUBLE" => &["1e5", "1.5E-3"],
            "DURATION" => &["10s", "250ms", "5m", "1h", "1d"],
            "SIZE" => &["64kb", "256mb", "1gb"],
            "DIRECTIVE" => &["\\d", "\\q"],
            "RAW" => &["sessions/a.lotic", "x"],
            _ => panic!("no token is called {class}"),
        };
        (*self.rng.pick(samples)).to_owned()
    }
}

fn depth(node: &Node, depths: &BTreeMap<&str, usize>) -> usize {
    match node {
        Node::Literal(_) | Node::Token(_) | Node::Optional(_) | Node::Repeat { at_least_once: false, .. } => 0,
        Node::Rule(name) => depths[name.as_str()],
        Node::Choice(nodes) => nodes.iter().map(|node| depth(node, depths)).min().unwrap_or(FAR),
        Node::Sequence(nodes) => nodes.iter().map(|node| depth(node, depths)).max().unwrap_or(0),
        Node::Repeat { node, .. } | Node::Except(node, _) => depth(node, depths),
    }
}
