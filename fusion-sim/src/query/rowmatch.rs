//! RowMatch, the grammar of `q` from framework 2 on (FACTS 1.5).

use super::cursor::Cursor;
use super::term::{self, Unquoted};
use super::{Expr, QueryError, Subject, Test};

/// How deep parentheses and `not` may nest: far beyond any use, and well within the stack.
const MAX_DEPTH: usize = 64;

pub(super) fn parse(text: &str) -> Result<Expr, QueryError> {
    let mut parser = Parser { cursor: Cursor::new(text), subject: None, depth: 0 };
    let mut terms = Vec::new();
    loop {
        terms.push(parser.any()?);
        parser.cursor.skip_blanks();
        if parser.cursor.done() {
            return Ok(one_or(terms, Expr::And));
        }
        if !parser.cursor.eat(";") {
            return Err(parser.cursor.expected("and, or, ; or the end"));
        }
        parser.subject = None;
    }
}

fn one_or(mut terms: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            many(terms)
        }
        None => many(terms),
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    /// The attribute of the term before, for `A >= 1 and <= 2`.
    subject: Option<Subject>,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expr, QueryError> {
        let mut terms = vec![self.all()?];
        loop {
            self.cursor.skip_blanks();
            if !self.cursor.keyword("or") {
                return Ok(one_or(terms, Expr::Or));
            }
            self.subject = None;
            terms.push(self.all()?);
        }
    }

    fn all(&mut self) -> Result<Expr, QueryError> {
        let mut terms = vec![self.one()?];
        loop {
            self.cursor.skip_blanks();
            if !self.cursor.keyword("and") {
                return Ok(one_or(terms, Expr::And));
            }
            terms.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Expr, QueryError> {
        self.cursor.skip_blanks();
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.expected("fewer nested conditions"));
        }
        if self.cursor.keyword("not") {
            self.subject = None;
            self.depth += 1;
            let inner = self.one()?;
            self.depth -= 1;
            return Ok(Expr::Not(Box::new(inner)));
        }
        if self.cursor.eat("(") {
            self.depth += 1;
            self.subject = None;
            let inner = self.any()?;
            self.depth -= 1;
            self.cursor.skip_blanks();
            self.subject = None;
            return if self.cursor.eat(")") { Ok(inner) } else { Err(self.cursor.expected("and, or or )")) };
        }
        let again = self.subject.clone();
        if let Some(subject) = again
            && let Some(operator) = term::operator(&mut self.cursor)
        {
            return Ok(Expr::Term(subject, Test::Compare(operator, term::value(&mut self.cursor, Unquoted::Token)?)));
        }
        let subject = self.subject()?;
        let test = term::test(&mut self.cursor, Unquoted::Token)?;
        self.subject = Some(subject.clone());
        Ok(Expr::Term(subject, test))
    }

    fn subject(&mut self) -> Result<Subject, QueryError> {
        let before = self.cursor.clone();
        if self.cursor.keyword("upper") {
            self.cursor.skip_blanks();
            if self.cursor.eat("(") {
                self.cursor.skip_blanks();
                let path = self.cursor.name()?.to_owned();
                self.cursor.skip_blanks();
                return if self.cursor.eat(")") {
                    Ok(Subject { path, upper: true })
                } else {
                    Err(self.cursor.expected(")"))
                };
            }
            self.cursor = before;
        }
        Ok(Subject { path: self.cursor.name()?.to_owned(), upper: false })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::query::{Literal, Operator};

    fn shape(text: &str) -> String {
        fn literal(value: &Literal) -> String {
            if value.quoted { format!("'{}'", value.text) } else { value.text.clone() }
        }
        fn show(expr: &Expr) -> String {
            match expr {
                Expr::And(all) => format!("({})", all.iter().map(show).collect::<Vec<_>>().join(" & ")),
                Expr::Or(any) => format!("({})", any.iter().map(show).collect::<Vec<_>>().join(" | ")),
                Expr::Not(one) => format!("!{}", show(one)),
                Expr::Term(subject, test) => {
                    let name = if subject.upper { format!("^{}", subject.path) } else { subject.path.clone() };
                    match test {
                        Test::Compare(operator, value) => format!("{name} {operator:?} {}", literal(value)),
                        Test::Between { not, low, high } => format!("{name} {not} {}..{}", literal(low), literal(high)),
                        Test::In { not, values } => {
                            format!("{name} in {not} {}", values.iter().map(literal).collect::<Vec<_>>().join("/"))
                        }
                        Test::Null { not } => format!("{name} null {not}"),
                        Test::Like { not, pattern } => format!("{name} like {not} {}", literal(pattern)),
                    }
                }
            }
        }
        parse(text).map_or_else(|error| format!("error: {error}"), |expr| show(&expr))
    }

    #[test]
    fn reads_what_the_fact_sheet_shows() {
        assert_eq!(shape("Dname like 'SA*' or Loc = 'BOSTON'"), "(Dname like false 'SA*' | Loc Eq 'BOSTON')");
        assert_eq!(shape("Deptno>=10 and <= 30;Loc!=NY"), "((Deptno Ge 10 & Deptno Le 30) & Loc Ne NY)");
        assert_eq!(shape("Status=Open; Supplier=ACME"), "(Status Eq Open & Supplier Eq ACME)");
        assert_eq!(shape("UPPER(Username)='ABC'"), "^Username Eq 'ABC'");
        assert_eq!(shape("names.FirstName like '%Ki%'"), "names.FirstName like false '%Ki%'");
        assert_eq!(shape("PersonNumber between 1000 and 1100"), "PersonNumber false 1000..1100");
        assert_eq!(
            shape("A not in (1,'b') and (B is not null or not C <> 'O''Brien')"),
            "(A in true 1/'b' & (B null true | !C Ne 'O'Brien'))"
        );
        assert_eq!(
            shape("LastUpdateDate>2026-01-31T10:00:00Z and <=2026-02-01T00:00:00Z"),
            "(LastUpdateDate Gt 2026-01-31T10:00:00Z & LastUpdateDate Le 2026-02-01T00:00:00Z)"
        );
    }

    #[test]
    fn says_where_it_stopped_and_what_could_have_stood_there() {
        for (text, at, expected) in [
            ("", 1, "an attribute"),
            ("A", 2, "an operator"),
            ("A =", 4, "a value"),
            ("A = 'x", 5, "a closing quote for this text"),
            ("A = 1 B = 2", 7, "and, or, ; or the end"),
            ("A = 1;", 7, "an attribute"),
            ("(A = 1", 7, "and, or or )"),
            ("A = 1 or <= 2", 10, "an attribute"),
            ("A in 1", 6, "("),
            ("A is 1", 6, "null"),
        ] {
            let QueryError::Syntax { at: place, expected: wanted, .. } = parse(text).unwrap_err() else {
                unreachable!()
            };
            assert_eq!((place, wanted), (at, expected), "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn a_quoted_value_comes_back_as_it_was(value in "\\PC*", double in any::<bool>()) {
            let quote = if double { "\"" } else { "'" };
            let text = format!("A = {quote}{}{quote}", value.replace(quote, &quote.repeat(2)));
            let expected = Expr::Term(
                Subject { path: "A".to_owned(), upper: false },
                Test::Compare(Operator::Eq, Literal { text: value, quoted: true }),
            );
            prop_assert_eq!(parse(&text).unwrap(), expected);
        }
    }
}
