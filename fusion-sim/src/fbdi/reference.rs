//! What imports ask of the pod's setup: business units, ledgers, lookups, accounts and open periods.
//!
//! Owns the rules that no resource of the pod tells: which accounts are valid and which periods are open.

use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::metadata;
use crate::model::{Resource, Root, Row, Type, Value};
use crate::store::Store;

/// A business unit with its ledger.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) ledger: i64,
}

/// A ledger.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) currency: String,
}

/// The text of an attribute.
pub(crate) fn text<'r>(resource: &Resource, row: &'r Row, name: &str) -> Option<&'r str> {
    match row.get(resource, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// The id in an attribute.
pub(crate) fn id(resource: &Resource, row: &Row, name: &str) -> Option<i64> {
    match row.get(resource, name) {
        Some(Value::Integer(id)) => Some(*id),
        _ => None,
    }
}

/// A column's text as the attribute's type has it; null where it cannot be.
pub(crate) fn typed(kind: Type, text: &str) -> Value {
    let value = match kind {
        Type::Text => Some(text.into()),
        Type::Integer => text.parse::<i64>().ok().map(Value::from),
        Type::Number => text.parse::<Decimal>().ok().map(Value::from),
        Type::Date => text.get(..10).unwrap_or(text).parse::<Date>().ok().map(Value::from),
        Type::Boolean => Some(text.starts_with(['Y', 'y']).into()),
        Type::Timestamp | Type::Attachment | Type::List => None,
    };
    value.unwrap_or(Value::Null)
}

/// The business units.
pub(crate) fn units(store: &Store) -> Vec<Unit> {
    rows(store, "finBusinessUnitsLOV", |resource, row| {
        Some(Unit {
            id: id(resource, row, "BusinessUnitId")?,
            name: text(resource, row, "BusinessUnitName")?.to_owned(),
            ledger: id(resource, row, "PrimaryLedgerId")?,
        })
    })
}

/// The ledgers.
pub(crate) fn ledgers(store: &Store) -> Vec<Ledger> {
    rows(store, "ledgersLOV", |resource, row| {
        Some(Ledger {
            id: id(resource, row, "LedgerId")?,
            name: text(resource, row, "Name")?.to_owned(),
            currency: text(resource, row, "CurrencyCode")?.to_owned(),
        })
    })
}

/// Two attributes of a list: code and meaning.
pub(crate) fn pairs(store: &Store, list: &str, code: &str, meaning: &str) -> Vec<(String, String)> {
    rows(store, list, |resource, row| {
        Some((text(resource, row, code)?.to_owned(), text(resource, row, meaning)?.to_owned()))
    })
}

fn rows<T>(store: &Store, list: &str, read: impl Fn(&Resource, &Row) -> Option<T>) -> Vec<T> {
    let Some(resource) = metadata::resource(Root::Fscm, list) else { return Vec::new() };
    store.scan(resource).filter_map(|row| read(resource, &row)).collect()
}

/// Where amounts go that no valid account takes, if a journal import may do so.
pub(crate) const SUSPENSE: &str = "101.10.11999.000.000.000";

/// Whether the chart of accounts has the combination: company, line of business, account, cost center, product,
/// intercompany, as in every account that this pod shows.
pub(crate) fn is_account(combination: &str) -> bool {
    let parts: Vec<&str> = combination.split('.').collect();
    let [company, business, account, center, product, other] = parts.as_slice() else { return false };
    let digits = |text: &str, count: usize| text.len() == count && text.chars().all(|digit| digit.is_ascii_digit());
    ["101", "102", "301", "401"].contains(company)
        && *business == "10"
        && digits(account, 5)
        && account.starts_with(|digit| ('1'..='7').contains(&digit))
        && [center, product, other].iter().all(|part| digits(part, 3))
}

/// Whether the period of a date is open: from January of the pod's year to the month after today's.
pub(crate) fn is_open(date: Date, today: Date) -> bool {
    let (Ok(first), Ok(next)) = (Date::new(today.year(), 1, 1), today.checked_add(1.month())) else { return false };
    date >= first && date <= next.last_of_month()
}

/// `Jul-26`
pub(crate) fn period(date: Date) -> String {
    date.strftime("%b-%y").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_accounts_that_the_pod_shows_are_valid_and_others_are_not() {
        for account in [SUSPENSE, "101.10.65110.120.000.000", "401.10.22110.000.000.000"] {
            assert!(is_account(account), "{account}");
        }
        for account in ["", "999.10.65110.120.000.000", "101.10.99999.000.000.000", "101-10-65110-120-000-000"] {
            assert!(!is_account(account), "{account}");
        }
    }

    #[test]
    fn a_year_ago_is_closed_and_the_month_after_the_next_not_opened_yet() {
        let today: Date = "2026-07-01".parse().unwrap();
        let open = |date: &str| is_open(date.parse().unwrap(), today);
        assert!(open("2026-07-03") && open("2026-01-01") && open("2026-08-31"));
        assert!(!open("2025-12-31") && !open("2026-09-01") && !open("0031-01-26"));
    }
}
