//! What a request asks of a collection: `q` in both grammars, `orderBy`, `finder`, `fields`, `expand`.
//!
//! Text is parsed into one syntax tree ([`Expr`]), then bound to a resource ([`filter::Filter`]), where
//! names and values are checked against its attributes. Nothing here knows HTTP.

mod cursor;
pub mod filter;
pub mod finder;
mod like;
pub mod order;
mod qbe;
mod rowmatch;
pub mod selection;
mod term;

/// Which grammar `q` is written in (FACTS 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Framework 1: query by example.
    Qbe,
    /// Framework 2 and up.
    RowMatch,
}

impl Grammar {
    /// The grammar of a framework version.
    #[must_use]
    pub fn of(version: u8) -> Grammar {
        if version >= 2 { Grammar::RowMatch } else { Grammar::Qbe }
    }
}

/// Why a query was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is not in the grammar.
    #[error("The expression in the query parameter isn't valid at position {at}: expected {expected}, found {found}.")]
    Syntax {
        /// Where, in characters from the start of the text, starting at 1.
        at: usize,
        /// What could have stood there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The resource has no such attribute (or child).
    #[error("The attribute {name} in the {parameter} parameter doesn't exist in {resource}.")]
    UnknownAttribute {
        /// The query parameter.
        parameter: &'static str,
        /// The name, as it was sent.
        name: String,
        /// The resource or child that was looked in.
        resource: String,
    },
    /// The attribute may not stand in `q` (FACTS 1.4).
    #[error("The attribute {name} of {resource} isn't queryable.")]
    NotQueryable {
        /// The attribute.
        name: String,
        /// The resource that has it.
        resource: String,
    },
    /// The value does not fit the attribute's type.
    #[error("The value {value} for the attribute {name} isn't valid: expected {expected}.")]
    BadValue {
        /// The attribute or finder variable.
        name: String,
        /// The value, as it was sent.
        value: String,
        /// What the attribute takes.
        expected: &'static str,
    },
    /// The resource has no such finder, or the finder no such variable, or one is missing.
    #[error("{0}")]
    Finder(String),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Eq,
    /// `!=`, `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The text, without its quotes.
    pub text: String,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

/// What a term asks of its attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `attr op value`
    Compare(Operator, Literal),
    /// `attr [not] between low and high`
    Between {
        /// `not between`
        not: bool,
        /// Lower bound, included.
        low: Literal,
        /// Upper bound, included.
        high: Literal,
    },
    /// `attr [not] in (…)`
    In {
        /// `not in`
        not: bool,
        /// The values, at least one.
        values: Vec<Literal>,
    },
    /// `attr is [not] null`
    Null {
        /// `is not null`
        not: bool,
    },
    /// `attr [not] like 'pattern'`
    Like {
        /// `not like`
        not: bool,
        /// With `*` or `%` for any run.
        pattern: Literal,
    },
}

/// The attribute a term is about: `Name`, `child.Name`, `upper(Name)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Names with dots between them, as they were written.
    pub path: String,
    /// Compared in upper case.
    pub upper: bool,
}

/// A parsed `q`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All hold.
    And(Vec<Expr>),
    /// At least one holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// One condition.
    Term(Subject, Test),
}

/// Parses `q`.
///
/// # Errors
///
/// [`QueryError::Syntax`] where the text is not in the grammar.
pub fn parse(text: &str, grammar: Grammar) -> Result<Expr, QueryError> {
    match grammar {
        Grammar::Qbe => qbe::parse(text),
        Grammar::RowMatch => rowmatch::parse(text),
    }
}
