//! Query by example, the grammar of `q` in framework 1: `attr[op]value` terms with `;` between them, and the
//! simple terms of RowMatch (FACTS 1.3). It has no parentheses, no functions, no children, and `or` only
//! between values of one attribute.

use super::cursor::Cursor;
use super::term::{self, Unquoted};
use super::{Expr, Operator, QueryError, Subject, Test};

pub(super) fn parse(text: &str) -> Result<Expr, QueryError> {
    let mut cursor = Cursor::new(text);
    let mut terms = Vec::new();
    loop {
        group(&mut cursor, &mut terms)?;
        cursor.skip_blanks();
        if cursor.done() {
            return Ok(Expr::And(terms));
        }
        if !cursor.eat(";") {
            return Err(cursor.expected("; or the end"));
        }
    }
}

/// The terms up to a `;`.
fn group(cursor: &mut Cursor<'_>, terms: &mut Vec<Expr>) -> Result<(), QueryError> {
    let mut subject = name(cursor)?;
    terms.push(Expr::Term(subject.clone(), example(term::test(cursor, Unquoted::Run)?)));
    loop {
        cursor.skip_blanks();
        if cursor.keyword("and") {
            cursor.skip_blanks();
            let test = match term::operator(cursor) {
                Some(operator) => Test::Compare(operator, term::value(cursor, Unquoted::Run)?),
                None => {
                    subject = name(cursor)?;
                    term::test(cursor, Unquoted::Run)?
                }
            };
            terms.push(Expr::Term(subject.clone(), example(test)));
        } else if cursor.keyword("or") {
            cursor.skip_blanks();
            let Some(operator) = term::operator(cursor) else {
                return Err(cursor.expected("an operator: or stands between values of one attribute"));
            };
            let test = example(Test::Compare(operator, term::value(cursor, Unquoted::Run)?));
            let before = terms.pop().unwrap_or(Expr::And(Vec::new()));
            terms.push(Expr::Or(vec![before, Expr::Term(subject.clone(), test)]));
        } else {
            return Ok(());
        }
    }
}

fn name(cursor: &mut Cursor<'_>) -> Result<Subject, QueryError> {
    cursor.skip_blanks();
    let start = cursor.clone();
    let path = cursor.name()?;
    if path.contains('.') {
        return Err(start.expected("an attribute of the resource itself"));
    }
    Ok(Subject { path: path.to_owned(), upper: false })
}

/// An example with a wildcard is a pattern.
fn example(test: Test) -> Test {
    let wild = |text: &str| text.contains(['*', '%']);
    match test {
        Test::Compare(Operator::Eq, pattern) if wild(&pattern.text) => Test::Like { not: false, pattern },
        Test::Compare(Operator::Ne, pattern) if wild(&pattern.text) => Test::Like { not: true, pattern },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_belong_to_an_unquoted_value() {
        let Expr::And(terms) = parse("Supplier=Lee Supplies;Loc!=NY and Deptno>=10 and <= 30").unwrap() else {
            unreachable!()
        };
        let values: Vec<_> = terms
            .iter()
            .map(|term| match term {
                Expr::Term(subject, Test::Compare(operator, value)) => {
                    format!("{} {operator:?} {}", subject.path, value.text)
                }
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(values, ["Supplier Eq Lee Supplies", "Loc Ne NY", "Deptno Ge 10", "Deptno Le 30"]);
    }

    #[test]
    fn a_wildcard_makes_a_pattern() {
        let Expr::And(terms) = parse("Supplier=ACME*").unwrap() else { unreachable!() };
        assert!(matches!(terms.first(), Some(Expr::Term(_, Test::Like { not: false, .. }))));
    }

    #[test]
    fn what_only_rowmatch_has_is_refused() {
        for text in ["A = 'x' or B = 'y'", "(A = 'x')", "upper(A) = 'X'", "lines.A = 1", "not A = 1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
