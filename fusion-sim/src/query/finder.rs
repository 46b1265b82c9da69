//! `finder=Name;v1=x,v2=y`: a named search with its variables (FACTS 1.4, 1.5).

use super::QueryError;
use super::filter::{Filter, read};
use crate::model::{Resource, Value};

/// A finder with its values, in the order they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The finder's name.
    pub name: String,
    /// Variable and value.
    pub variables: Vec<(String, Value)>,
}

impl Call {
    /// Parses a finder's text; values may stand in quotes, a comma inside quotes is part of the value.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: no such finder or variable, one missing or twice, a value that does not fit.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, QueryError> {
        let (name, rest) = text.split_once(';').unwrap_or((text, ""));
        let refused = |why: String| QueryError::Finder(why);
        let finder = resource
            .finders
            .iter()
            .find(|finder| finder.name == name)
            .ok_or_else(|| refused(format!("The finder {name} doesn't exist in {}.", resource.name)))?;
        let mut variables: Vec<(String, Value)> = Vec::new();
        for part in split(rest) {
            let (variable, value) = part
                .split_once('=')
                .ok_or_else(|| refused(format!("The finder {name} takes variables as name=value, not {part}.")))?;
            let variable = variable.trim();
            let (_, kind) = finder
                .variables
                .iter()
                .find(|(known, _)| known == variable)
                .ok_or_else(|| refused(format!("The variable {variable} doesn't exist in the finder {name}.")))?;
            if variables.iter().any(|(known, _)| known == variable) {
                return Err(refused(format!("The variable {variable} of the finder {name} is given twice.")));
            }
            variables.push((variable.to_owned(), read(variable, *kind, &unquote(value.trim()))?));
        }
        for required in &finder.required {
            if !variables.iter().any(|(known, _)| known == required) {
                return Err(refused(format!("The variable {required} is required in the finder {name}.")));
            }
        }
        Ok(Self { name: name.to_owned(), variables })
    }

    /// The rows that the finder means: those whose attributes have the values of the variables of their name
    /// (in any case, with a leading `Bind` ignored). `None` where no variable names an attribute.
    #[must_use]
    pub fn filter(&self, resource: &Resource) -> Option<Filter> {
        let mut filter: Option<Filter> = None;
        for (variable, value) in &self.variables {
            let name = variable.strip_prefix("Bind").unwrap_or(variable);
            // Balances call it so in the finder and otherwise in the row.
            let name = if name == "accountingPeriod" { "CurrentAccountingPeriod" } else { name };
            let at = resource.attributes.iter().position(|attribute| attribute.name.eq_ignore_ascii_case(name));
            let Some((at, attribute)) = at.and_then(|at| Some((at, resource.attributes.get(at)?))) else { continue };
            let text = match value {
                Value::Text(text) => text.to_string(),
                Value::Integer(number) => number.to_string(),
                Value::Decimal(number) => number.to_string(),
                Value::Date(date) => date.to_string(),
                Value::Timestamp(time) => time.to_string(),
                Value::Boolean(flag) => flag.to_string(),
                Value::Null | Value::List(_) => continue,
            };
            let Ok(value) = read(&attribute.name, attribute.kind, &text) else { continue };
            let one = Filter::equals(at, value);
            filter = Some(match filter {
                Some(before) => before.and(one),
                None => one,
            });
        }
        filter
    }
}

fn split(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut quote = None;
    text.split(move |c: char| {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        c == ',' && quote.is_none()
    })
    .collect()
}

fn unquote(text: &str) -> String {
    for quote in ["\"", "'"] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.replace(&quote.repeat(2), quote);
        }
    }
    text.to_owned()
}
