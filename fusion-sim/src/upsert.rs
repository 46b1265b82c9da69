//! `Upsert-Mode: true`: match, then update, else create (FACTS 1.2).
//!
//! Owns the match rules, which are each service's own: a key that is sent whole, else the number or the name that
//! people know a row by. Never matches a date-effective resource, which pods refuse.

use jiff::civil::Date;

use crate::create::Owner;
use crate::keys::{self, EFFECTIVE_DATE, KeyValues, Place};
use crate::model::{Resource, Row, Value};
use crate::payload::Payload;
use crate::store::{Refusal, Store, with_places};
use crate::validate;

/// Attributes that people know a row by, all of them together; the first set that is sent whole counts.
fn natural(resource: &str) -> &'static [&'static [&'static str]] {
    match resource {
        "invoices" => &[&["InvoiceNumber", "Supplier", "BusinessUnit"]],
        "suppliers" => &[&["SupplierNumber"], &["Supplier"]],
        "draftPurchaseOrders" => &[&["OrderNumber"]],
        "standardReceipts" => &[&["ReceiptNumber", "BusinessUnit"]],
        "projects" => &[&["ProjectNumber"], &["ProjectName"]],
        "userAccounts" => &[&["Username"]],
        "sites" => &[&["SupplierSite", "ProcurementBU"]],
        "addresses" => &[&["AddressName"]],
        "lines" => &[&["LineNumber"]],
        _ => &[],
    }
}

/// The key of the row that a payload means, among the rows at the top or below the last of `ancestors`.
///
/// # Errors
///
/// [`Refusal`]: the resource is date-effective.
pub(crate) fn matched(
    store: &Store,
    ancestors: &[Owner<'_>],
    resource: &Resource,
    payload: &Payload,
) -> Result<Option<KeyValues>, Refusal> {
    let own = keys::attributes(resource);
    if own.contains(&EFFECTIVE_DATE) {
        return Err(Refusal::invalid(format!(
            "Upsert isn't supported for the date-effective resource {}.",
            resource.name
        )));
    }
    let given = |name: &str| {
        let attribute = resource.attribute(name)?;
        validate::value(attribute, payload.get(name)?, "").ok().filter(|value| *value != Value::Null)
    };
    let above = |name: &str| ancestors.iter().rev().find_map(|(owner, row)| row.get(owner, name)).cloned();
    let key: Option<Vec<Value>> = own.iter().map(|name| given(name).or_else(|| above(name))).collect();
    let sent_some = own.iter().any(|name| given(name).is_some());
    let fits: Vec<(&str, Value)> = match key.filter(|_| sent_some) {
        Some(key) => own.iter().copied().zip(key).collect(),
        None => {
            let whole = natural(&resource.name)
                .iter()
                .find_map(|set| set.iter().map(|name| Some((*name, given(name)?))).collect::<Option<Vec<_>>>());
            match whole {
                Some(whole) => whole,
                None => return Ok(None),
            }
        }
    };
    with_places(ancestors, |parent| {
        let same =
            |row: &Row| fits.iter().all(|(name, value)| Place { resource, row, parent }.value(name) == Some(value));
        // No date is part of these keys.
        let named = |row: &Row| keys::of(&Place { resource, row, parent }, Date::ZERO);
        Ok(match parent {
            Some(parent) => parent.row.child(&resource.name).iter().find(|row| same(row)).map(named),
            None => {
                let quick = fits.iter().find_map(|(name, value)| store.lookup(resource, name, value));
                match quick {
                    Some(positions) => positions
                        .iter()
                        .filter_map(|position| store.row(resource, position))
                        .find(|row| same(row))
                        .map(|row| named(&row)),
                    None => store.scan(resource).find(|row| same(row)).map(|row| named(&row)),
                }
            }
        })
    })
}
