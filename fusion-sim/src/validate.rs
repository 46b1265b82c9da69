//! Whether a payload fits its resource: names, types, lengths, required values, lists of values.
//!
//! Owns the messages of FACTS 1.11 that any resource can give. Promises that nothing is changed.
//! What one business object alone demands is in [`crate::defaults`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::metadata;
use crate::model::{AllowChanges, Attribute, Resource, Row, Type, Value};
use crate::payload::{Given, Payload};
use crate::store::{Refusal, Store};

/// Refuses names that the resource or a child of it does not have, in the whole tree, before
/// anything else is looked at.
pub(crate) fn names(resource: &Resource, payload: &Payload, path: &str) -> Result<(), Refusal> {
    for (name, given) in &payload.members {
        let here = format!("{path}/{name}");
        if resource.attribute(name).is_some() {
            continue;
        }
        let Some(child) = resource.child(name) else {
            return Err(Refusal::invalid(format!("Invalid attribute \"{name}\" in the payload.")).at(&here));
        };
        for (at, item) in children(given, name, &here)?.into_iter().enumerate() {
            names(child, item, &format!("{here}/{at}"))?;
        }
    }
    Ok(())
}

/// The rows given for a child: an array of objects.
pub(crate) fn children<'g>(given: &'g Given, name: &str, path: &str) -> Result<Vec<&'g Payload>, Refusal> {
    match given {
        Given::Null => Ok(Vec::new()),
        Given::List(items) => items
            .iter()
            .map(|item| match item {
                Given::Object(payload) => Ok(payload),
                _ => Err(invalid_value(name, path)),
            })
            .collect(),
        _ => Err(invalid_value(name, path)),
    }
}

/// A member as a value of its attribute.
pub(crate) fn value(attribute: &Attribute, given: &Given, path: &str) -> Result<Value, Refusal> {
    let wrong = || invalid_value(&attribute.name, path);
    let read = match (attribute.kind, given) {
        (_, Given::Null) => Some(Value::Null),
        (Type::Text, Given::Text(text)) => {
            let longest = attribute.max_length.and_then(|length| usize::try_from(length).ok());
            if let Some(longest) = longest.filter(|longest| text.chars().count() > *longest) {
                return Err(Refusal::invalid(format!(
                    "The value of the attribute {} isn't valid. The maximum length is {longest} characters.",
                    attribute.name
                ))
                .at(path));
            }
            Some(Value::Text(text.as_str().into()))
        }
        (Type::Attachment, Given::Text(text)) => {
            STANDARD.decode(text).is_ok().then(|| Value::Text(text.as_str().into()))
        }
        (Type::Integer, given) => given.as_integer().map(Value::Integer),
        (Type::Number, given) => given.as_decimal().map(Value::Decimal),
        (Type::Boolean, Given::Boolean(flag)) => Some(Value::Boolean(*flag)),
        (Type::Date, Given::Text(text)) if text.len() == 10 => text.parse::<Date>().ok().map(Value::Date),
        (Type::Timestamp, Given::Text(text)) => text.parse::<Timestamp>().ok().map(Value::Timestamp),
        (Type::List, Given::List(items)) => items
            .iter()
            .map(|item| match item {
                Given::Text(text) => Some(Value::Text(text.as_str().into())),
                Given::Boolean(flag) => Some(Value::Boolean(*flag)),
                given => given.as_integer().map(Value::Integer).or_else(|| given.as_decimal().map(Value::Decimal)),
            })
            .collect::<Option<Vec<Value>>>()
            .map(Value::List),
        _ => None,
    };
    read.ok_or_else(wrong)
}

/// `The value of the attribute X isn't valid.`
pub(crate) fn invalid_value(name: &str, path: &str) -> Refusal {
    Refusal::invalid(format!("The value of the attribute {name} isn't valid.")).at(path)
}

/// Refuses a value for what the server alone fills. Sent back as it stands, it is let through.
pub(crate) fn writable(attribute: &Attribute, now: &Value, sent: &Value, path: &str) -> Result<(), Refusal> {
    if attribute.allow_changes != AllowChanges::Never || sent == now || *sent == Value::Null {
        return Ok(());
    }
    Err(Refusal::invalid(format!("JBO-27008: Attribute {} is read-only.", attribute.name)).code("27008").at(path))
}

/// Refuses a row that lacks what must be there.
pub(crate) fn required(resource: &Resource, row: &Row, path: &str) -> Result<(), Refusal> {
    let missing = |name: &str| row.get(resource, name).is_none_or(|value| *value == Value::Null);
    for attribute in resource.attributes.iter().filter(|attribute| attribute.mandatory) {
        let name = attribute.name.as_str();
        if !missing(name) {
            continue;
        }
        // A party without a supplier is the other way to say whom the invoice is from (FACTS 4.1).
        if resource.name == "invoices" && matches!(name, "Supplier" | "SupplierSite") && !missing("Party") {
            continue;
        }
        let here = format!("{path}/{name}");
        return Err(match (resource.name.as_str(), name) {
            ("invoiceLines", "LineAmount") => {
                Refusal::invalid("You must enter an amount for the invoice line. (AP-810879)").code("AP-810879")
            }
            ("receivablesInvoices", "BillToCustomerNumber") => {
                Refusal::invalid("You must enter a bill-to customer. (AR-856520)").code("AR-856520")
            }
            (entity, name) => {
                Refusal::invalid(format!("JBO-27014: Attribute {name} in {entity} is required")).code("27014")
            }
        }
        .at(&here));
    }
    Ok(())
}

/// Refuses a value that is not among its list of values. Suppliers and their sites may have been
/// created since, and are looked up where the invoice is judged.
pub(crate) fn listed(
    store: &Store,
    resource: &Resource,
    attribute: &Attribute,
    value: &Value,
    path: &str,
) -> Result<(), Refusal> {
    let Some(lov) = attribute.lov.as_ref().filter(|_| *value != Value::Null) else { return Ok(()) };
    if matches!(lov.name.as_str(), "suppliersLOV" | "supplierSitesLOV") {
        return Ok(());
    }
    let Some(list) = metadata::resource(resource.root, &lov.name) else { return Ok(()) };
    let source = lov.attribute_map.iter().find(|(_, target)| *target == attribute.name);
    let Some((source, _)) = source else { return Ok(()) };
    if store.scan(list).any(|row| row.get(list, source) == Some(value)) {
        return Ok(());
    }
    Err(invalid_value(&attribute.name, path))
}
