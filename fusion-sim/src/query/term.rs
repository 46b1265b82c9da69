//! One condition of `q`, after its attribute: what both grammars have in common.

use super::cursor::Cursor;
use super::{Literal, Operator, QueryError, Test};

/// How far an unquoted value reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unquoted {
    /// To the next blank or separator.
    Token,
    /// To the next `;`, `and` or `or`: blanks are part of it.
    Run,
}

/// Takes a comparison operator.
pub(super) fn operator(cursor: &mut Cursor<'_>) -> Option<Operator> {
    const OPERATORS: [(&str, Operator); 7] = [
        ("!=", Operator::Ne),
        ("<>", Operator::Ne),
        ("<=", Operator::Le),
        (">=", Operator::Ge),
        ("=", Operator::Eq),
        ("<", Operator::Lt),
        (">", Operator::Gt),
    ];
    OPERATORS.iter().find(|(token, _)| cursor.eat(token)).map(|(_, operator)| *operator)
}

/// Takes what stands after an attribute: operator and values.
pub(super) fn test(cursor: &mut Cursor<'_>, unquoted: Unquoted) -> Result<Test, QueryError> {
    cursor.skip_blanks();
    if let Some(operator) = operator(cursor) {
        return Ok(Test::Compare(operator, value(cursor, unquoted)?));
    }
    if cursor.keyword("is") {
        cursor.skip_blanks();
        let not = cursor.keyword("not");
        cursor.skip_blanks();
        return if cursor.keyword("null") { Ok(Test::Null { not }) } else { Err(cursor.expected("null")) };
    }
    let not = cursor.keyword("not");
    cursor.skip_blanks();
    if cursor.keyword("like") {
        return Ok(Test::Like { not, pattern: value(cursor, unquoted)? });
    }
    if cursor.keyword("between") {
        let low = value(cursor, Unquoted::Token)?;
        cursor.skip_blanks();
        if !cursor.keyword("and") {
            return Err(cursor.expected("and"));
        }
        return Ok(Test::Between { not, low, high: value(cursor, Unquoted::Token)? });
    }
    if cursor.keyword("in") {
        return Ok(Test::In { not, values: list(cursor)? });
    }
    Err(cursor.expected("an operator"))
}

fn list(cursor: &mut Cursor<'_>) -> Result<Vec<Literal>, QueryError> {
    cursor.skip_blanks();
    if !cursor.eat("(") {
        return Err(cursor.expected("("));
    }
    let mut values = Vec::new();
    loop {
        values.push(value(cursor, Unquoted::Token)?);
        cursor.skip_blanks();
        if cursor.eat(")") {
            return Ok(values);
        }
        if !cursor.eat(",") {
            return Err(cursor.expected(", or )"));
        }
    }
}

/// Takes a value.
pub(super) fn value(cursor: &mut Cursor<'_>, unquoted: Unquoted) -> Result<Literal, QueryError> {
    cursor.skip_blanks();
    if let Some(text) = cursor.quoted()? {
        return Ok(Literal { text, quoted: true });
    }
    let text = match unquoted {
        Unquoted::Token => {
            cursor.take_while(|c| !c.is_whitespace() && !matches!(c, ';' | ',' | '(' | ')' | '\'' | '"'))
        }
        Unquoted::Run => run(cursor),
    };
    if text.is_empty() {
        return Err(cursor.expected("a value"));
    }
    Ok(Literal { text: text.to_owned(), quoted: false })
}

fn run<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let rest = cursor.rest();
    let mut ahead = cursor.clone();
    let mut taken = 0;
    loop {
        taken += ahead.take_while(|c| c != ';' && !c.is_whitespace()).len();
        let mut next = ahead.clone();
        let blanks = next.take_while(char::is_whitespace).len();
        if blanks == 0 || next.done() || next.peek() == Some(';') || next.at_keyword("and") || next.at_keyword("or") {
            break;
        }
        taken += blanks;
        ahead = next;
    }
    debug_assert!(taken <= rest.len());
    cursor.take(taken)
}
