//! Reads `grammar/lotic.ebnf`: W3C EBNF, the tokens named in capitals left to the recogniser and the generator.

use std::collections::BTreeMap;

/// The rules by name.
pub(crate) struct Ebnf {
    pub(crate) rules: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// `'word'` or `'('`
    Literal(String),
    /// `expr`
    Rule(String),
    /// `WORD`
    Token(String),
    Choice(Vec<Node>),
    Sequence(Vec<Node>),
    Optional(Box<Node>),
    Repeat {
        node: Box<Node>,
        at_least_once: bool,
    },
    /// `A - B`
    Except(Box<Node>, Box<Node>),
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Name(String),
    Literal(String),
    Sign(char),
    Defines,
}

impl Ebnf {
    /// # Panics
    /// When the text is no EBNF, or a rule is used and not defined.
    pub(crate) fn read(text: &str) -> Self {
        let pieces = pieces(text);
        let mut rules = BTreeMap::new();
        let mut at = 0;
        while at < pieces.len() {
            let Piece::Name(name) = &pieces[at] else { panic!("a rule begins with {:?}", pieces[at]) };
            assert_eq!(pieces.get(at + 1), Some(&Piece::Defines), "behind {name}");
            let end =
                (at + 2..pieces.len()).find(|&i| pieces.get(i + 1) == Some(&Piece::Defines)).unwrap_or(pieces.len());
            let mut reader = Reader { pieces: &pieces[at + 2..end], at: 0 };
            let node = reader.choice();
            assert_eq!(reader.at, reader.pieces.len(), "left over in {name}");
            assert!(rules.insert(name.clone(), node).is_none(), "{name} is defined twice");
            at = end;
        }
        let ebnf = Self { rules };
        for node in ebnf.rules.values() {
            node.visit(&mut |node| {
                if let Node::Rule(name) = node {
                    assert!(ebnf.rules.contains_key(name), "{name} is not defined");
                }
            });
        }
        ebnf
    }

    /// The literals of `rule` and of the rules it uses, as far as `follow` says.
    pub(crate) fn literals(&self, rule: &str, follow: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        self.rules[rule].visit(&mut |node| match node {
            Node::Literal(text) => found.push(text.clone()),
            Node::Rule(name) if follow(name) => found.extend(self.literals(name, follow)),
            _ => {}
        });
        found
    }
}

impl Node {
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&Node)) {
        see(self);
        match self {
            Self::Literal(_) | Self::Rule(_) | Self::Token(_) => {}
            Self::Choice(nodes) | Self::Sequence(nodes) => nodes.iter().for_each(|node| node.visit(see)),
            Self::Optional(node) | Self::Repeat { node, .. } => node.visit(see),
            Self::Except(node, but) => {
                node.visit(see);
                but.visit(see);
            }
        }
    }

    /// The literals that can stand first, without following rules.
    pub(crate) fn first_literals(&self) -> Vec<String> {
        match self {
            Self::Literal(text) => vec![text.clone()],
            Self::Choice(nodes) => nodes.iter().flat_map(Node::first_literals).collect(),
            Self::Sequence(nodes) => nodes.first().map(Node::first_literals).unwrap_or_default(),
            Self::Rule(_) | Self::Token(_) | Self::Optional(_) | Self::Repeat { .. } | Self::Except(..) => Vec::new(),
        }
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return pieces };
        let length = if rest.starts_with("/*") {
            rest.find("*/").expect("a comment ends") + 2
        } else if rest.starts_with("::=") {
            pieces.push(Piece::Defines);
            3
        } else if first == '\'' || first == '"' {
            let end = rest[1..].find(first).expect("a literal ends");
            pieces.push(Piece::Literal(rest[1..=end].to_owned()));
            end + 2
        } else if first.is_alphabetic() {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            pieces.push(Piece::Name(rest[..end].to_owned()));
            end
        } else {
            assert!("()|?*+-".contains(first), "what is `{first}`?");
            pieces.push(Piece::Sign(first));
            1
        };
        rest = &rest[length..];
    }
}

struct Reader<'a> {
    pieces: &'a [Piece],
    at: usize,
}

impl Reader<'_> {
    fn sign(&mut self, sign: char) -> bool {
        let found = self.pieces.get(self.at) == Some(&Piece::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn choice(&mut self) -> Node {
        let mut choices = vec![self.sequence()];
        while self.sign('|') {
            choices.push(self.sequence());
        }
        if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) }
    }

    fn sequence(&mut self) -> Node {
        let mut items = Vec::new();
        while let Some(piece) = self.pieces.get(self.at) {
            if matches!(piece, Piece::Sign('|' | ')')) {
                break;
            }
            items.push(self.difference());
        }
        assert!(!items.is_empty(), "an empty sequence");
        if items.len() == 1 { items.remove(0) } else { Node::Sequence(items) }
    }

    fn difference(&mut self) -> Node {
        let node = self.repeated();
        if self.sign('-') { Node::Except(Box::new(node), Box::new(self.repeated())) } else { node }
    }

    fn repeated(&mut self) -> Node {
        let mut node = match &self.pieces[self.at] {
            Piece::Literal(text) => Node::Literal(text.clone()),
            Piece::Name(name) if name.chars().all(char::is_uppercase) => Node::Token(name.clone()),
            Piece::Name(name) => Node::Rule(name.clone()),
            Piece::Sign('(') => {
                self.at += 1;
                let node = self.choice();
                assert_eq!(self.pieces.get(self.at), Some(&Piece::Sign(')')));
                node
            }
            piece => panic!("unexpected {piece:?}"),
        };
        self.at += 1;
        loop {
            node = if self.sign('?') {
                Node::Optional(Box::new(node))
            } else if self.sign('*') {
                Node::Repeat { node: Box::new(node), at_least_once: false }
            } else if self.sign('+') {
                Node::Repeat { node: Box::new(node), at_least_once: true }
            } else {
                return node;
            };
        }
    }
}
