//! The scope in which the columns of an expression are looked up.

use crate::expr::Zone;
use crate::types::{Diagnostic, Field, Schema, Spanned};

/// The inputs that an expression may read, each with its columns and the name that qualifies them. In the bound
/// expression the columns of an input stand behind those of the inputs before it.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    inputs: Vec<Input<'a>>,
    /// The zone in which instants are read as dates and times of day.
    zone: Zone,
}

#[derive(Debug, Clone, Copy)]
struct Input<'a> {
    name: Option<&'a Spanned<String>>,
    schema: &'a Schema,
    /// The position of its first column.
    first: usize,
    /// Whether it only names columns that another input has too: they are found here where its name stands before them.
    named_only: bool,
}

/// A column that was found: its position over all inputs.
pub(super) type Found<'a> = (usize, &'a Field);

impl<'a> Scope<'a> {
    /// One input; without a name its columns can't be qualified.
    #[must_use]
    pub fn named(name: Option<&'a Spanned<String>>, schema: &'a Schema) -> Self {
        Self::default().and(name, schema)
    }

    /// The same inputs and one more behind them.
    #[must_use]
    pub fn and(mut self, name: Option<&'a Spanned<String>>, schema: &'a Schema) -> Self {
        let first = self.inputs.iter().map(|input| input.first + input.schema.len()).max().unwrap_or(0);
        self.inputs.push(Input { name, schema, first, named_only: false });
        self
    }

    /// The same inputs, whose columns from `first` on are also those of `schema` behind `name`: where they came from.
    #[must_use]
    pub fn also(mut self, name: &'a Spanned<String>, schema: &'a Schema, first: usize) -> Self {
        self.inputs.push(Input { name: Some(name), schema, first, named_only: true });
        self
    }

    /// The inputs whose columns need no name before them.
    fn plain(&self) -> impl Iterator<Item = &Input<'a>> {
        self.inputs.iter().filter(|input| !input.named_only)
    }

    /// The same inputs, instants being read as dates and times of day in `zone`; in UTC unless this is called.
    #[must_use]
    pub const fn in_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The zone in which instants are read.
    pub(in crate::expr) const fn zone(&self) -> Zone {
        self.zone
    }

    /// The names of all columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.plain().flat_map(|input| input.schema.names())
    }

    /// The names of the inputs.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &'a str> {
        self.inputs.iter().filter_map(|input| input.name).map(|name| name.node.as_str())
    }

    /// The scope of only the input called `name`: an exact match first, else one that differs only in case.
    pub(super) fn input(&self, name: &str) -> Option<Self> {
        let called = |same: fn(&str, &str) -> bool| {
            self.inputs.iter().find(|input| input.name.is_some_and(|known| same(&known.node, name)))
        };
        let input = called(|a, b| a == b).or_else(|| called(str::eq_ignore_ascii_case))?;
        Some(Self { inputs: vec![Input { named_only: false, ..*input }], zone: self.zone })
    }

    /// The column called `name`, which only one input may have: spelt like this, else in another case.
    ///
    /// # Errors
    /// When several inputs have it, with their places.
    pub(super) fn column(&self, name: &Spanned<String>) -> Result<Option<Found<'a>>, Diagnostic> {
        let mut found: Vec<(&Input<'a>, Found<'a>)> = Vec::new();
        for input in self.plain() {
            if let Some(at) = input.schema.index_of(&name.node) {
                found.push((input, (input.first + at, &input.schema.fields()[at])));
            }
        }
        if found.len() > 1 && found.iter().any(|(_, (_, field))| field.name == name.node) {
            found.retain(|(_, (_, field))| field.name == name.node);
        }
        match found.as_slice() {
            [] => Ok(None),
            [(_, only)] => Ok(Some(*only)),
            several => Err(ambiguous(name, several)),
        }
    }
}

fn ambiguous(name: &Spanned<String>, found: &[(&Input<'_>, Found<'_>)]) -> Diagnostic {
    let inputs = found.iter().filter_map(|(input, (_, field))| Some((input.name?, &field.name)));
    let spelt: Vec<String> = inputs.clone().map(|(input, field)| format!("`{}.{field}`", input.node)).collect();
    let error = Diagnostic::at(name.span, format!("`{}` is a column of {} inputs", name.node, found.len()))
        .help(format!("say of which: {}", spelt.join(" or ")));
    inputs.fold(error, |error, (input, field)| error.also(input.span, format!("`{}` has `{field}`", input.node)))
}

/// The scope of one input without a name.
impl<'a> From<&'a Schema> for Scope<'a> {
    fn from(schema: &'a Schema) -> Self {
        Self::named(None, schema)
    }
}

impl<'a> From<&Scope<'a>> for Scope<'a> {
    fn from(scope: &Scope<'a>) -> Self {
        scope.clone()
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::bind::Scope;
    use crate::expr::testing::parse;
    use crate::expr::{bind, bind_predicate};
    use crate::types::{Field, LogicalType, Schema, Span, Spanned};

    const TEXT: &str = "orders as o | join payments as p on id = 7";

    fn schemas() -> [Schema; 2] {
        let schema = |names: &[&str]| {
            Schema::new(names.iter().map(|name| Field::new(*name, LogicalType::BigInt)).collect::<Vec<_>>())
        };
        [schema(&["id", "item", "Ts"]), schema(&["id", "order_id", "ts", "o"])]
    }

    fn name(text: &str, at: usize) -> Spanned<String> {
        Spanned::new(text.to_owned(), Span::new(at, at + text.len()))
    }

    #[test]
    fn a_qualified_column_is_that_of_its_input() {
        let [orders, payments] = schemas();
        let (o, p) = (name("o", 10), name("p", 31));
        let scope = Scope::named(Some(&o), &orders).and(Some(&p), &payments);
        for (text, expected) in
            [("o.id", 0), ("p.id", 3), ("P.order_id", 4), ("item", 1), ("order_id", 4), ("ts", 5), ("Ts", 2), ("o", 6)]
        {
            assert_eq!(bind(&parse(text), &scope).unwrap().as_column(), Some(expected), "{text}");
        }
        let on = bind_predicate(&parse("o.id = p.order_id and p.ts between o.ts and 9"), &scope).unwrap();
        assert_eq!(on.columns(), [0, 2, 4, 5]);
    }

    #[test]
    fn a_name_of_two_inputs_is_refused_with_both_places() {
        let [orders, payments] = schemas();
        let (o, p) = (name("o", 10), name("p", 31));
        let scope = Scope::named(Some(&o), &orders).and(Some(&p), &payments);
        let mut typed = parse("id");
        typed.node = crate::expr::ast::Expr::Column(vec![name("id", 36)]);
        typed.span = Span::new(36, 38);
        let shown = |error: crate::types::Diagnostic| error.render(TEXT, "<input>", false);
        insta::assert_snapshot!(shown(bind(&typed, &scope).unwrap_err()), @r"
        error: `id` is a column of 2 inputs
         --> <input>:1:37
          |
        1 | orders as o | join payments as p on id = 7
          |           -                    -    ^^
          |           |                    |
          |           `o` has `id`         `p` has `id`
          |
          = help: say of which: `o.id` or `p.id`
        ");
        let refused = |text: &str| bind(&parse(text), &scope).unwrap_err().to_string();
        insta::assert_snapshot!([refused("tS"), refused("p.item"), refused("q.id"), refused("o.x.y")].join("\n"), @r"
        `tS` is a column of 2 inputs (say of which: `o.Ts` or `p.ts`)
        there is no column `item` (the columns here are id, order_id, ts, o)
        there is no input or column `q` (did you mean `o`?)
        `o` has no fields: it is of type bigint
        ");
        // Without a name there is nothing to qualify by.
        insta::assert_snapshot!(bind(&parse("orders.id"), &orders).unwrap_err().to_string(), @"there is no input or column `orders`");
    }
}
