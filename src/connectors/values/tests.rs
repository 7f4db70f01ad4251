use std::path::Path;

use super::*;

use crate::connectors::testing::{read, request, start};
use crate::expr::ast::Literal;

fn node(expr: Expr) -> ExprNode {
    Spanned::new(expr, Span::new(31, 34))
}

fn rows(rows: Vec<Vec<Literal>>) -> [(&'static str, OptionValue); 1] {
    let row = |cells: Vec<Literal>| node(Expr::Row(cells.into_iter().map(|cell| node(Expr::Literal(cell))).collect()));
    [("rows", OptionValue::Expr(node(Expr::Array(rows.into_iter().map(row).collect()))))]
}

fn integer(digits: &str) -> Literal {
    Literal::Integer(digits.to_owned())
}

fn text(text: &str) -> Literal {
    Literal::String(text.to_owned())
}

fn columns() -> Schema {
    Schema::new([Field::new("id", LogicalType::BigInt).not_null(), Field::new("name", LogicalType::String)])
}

#[test]
fn rows_have_the_declared_types() {
    let options = rows(vec![vec![integer("1"), text("a")], vec![integer("2"), Literal::Null]]);
    let source = source(&request(None, Some(columns()), &options, Path::new("."))).unwrap();
    assert_eq!(read(&*source, &start(2, &[0, 1], 1)).unwrap().sorted(), ["1 a", "2 null"]);
    assert_eq!(read(&*source, &start(1, &[1], 10)).unwrap().sorted(), ["a", "null"]);
}

#[test]
fn types_are_inferred_over_all_rows() {
    let options = rows(vec![vec![integer("1"), text("a")], vec![Literal::Decimal("2.5".to_owned()), text("bcd")]]);
    let source = source(&request(None, None, &options, Path::new("."))).unwrap();
    assert!(matches!(source.schema().fields()[0].ty, LogicalType::Decimal(_, 1)), "{}", source.schema());
    assert_eq!(source.schema().fields()[1], Field::new("f1", LogicalType::String));
    assert_eq!(read(&*source, &start(1, &[0, 1], 10)).unwrap().sorted(), ["1.0 a", "2.5 bcd"]);
}

#[test]
fn mistakes_are_refused_at_their_place() {
    let refused = |columns: Option<Schema>, options: &[(&str, OptionValue)]| {
        let error = source(&request(None, columns, options, Path::new("."))).unwrap_err();
        assert!(error.span.is_some());
        error.to_string()
    };
    insta::assert_snapshot!(refused(None, &[]), @"the connector `values` needs the option `rows` (write with (rows = array[row(1, 'a'), row(2, 'b')]))");
    insta::assert_snapshot!(refused(None, &rows(Vec::new())), @"there are no rows to infer the columns from (declare them: columns (id bigint, name string))");
    insta::assert_snapshot!(refused(None, &rows(vec![vec![integer("1")], vec![integer("1"), text("x")]])), @"this row has 2 values for 1 column");
    insta::assert_snapshot!(refused(None, &[("rows", OptionValue::Integer(3))]), @"option `rows` takes an array of rows (write with (rows = array[row(1, 'a'), row(2, 'b')]))");
    insta::assert_snapshot!(refused(Some(columns()), &rows(vec![vec![Literal::Null, text("x")]])), @"column `id` is declared not null");
}
