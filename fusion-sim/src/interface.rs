//! Resources whose rows are only requests: accepted with 201, processed later, and told of in their status and below
//! them (FACTS 8, W6 and W7).
//!
//! Owns what becomes of receipts and shipments half a minute after they were sent. Never refuses a request at once.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::create::Owner;
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::store::Store;

const RECEIPTS: &str = "receivingReceiptRequests";
const TRANSACTIONS: &str = "receivingReceiptTransactionRequests";
const SHIPMENTS: &str = "shipmentTransactionRequests";
/// How long a request waits.
const WAIT: SignedDuration = SignedDuration::from_secs(30);

/// Whether rows are requests.
pub(crate) fn is_one(resource: &Resource) -> bool {
    ["ProcessingStatusCode", "TransactionStatus"].iter().any(|name| resource.attribute(name).is_some())
}

/// What a request says when it is accepted.
pub(crate) fn fill(ancestors: &[Owner<'_>], resource: &Resource, row: &mut Row) {
    row.set(resource, "ProcessingStatusCode", "PENDING".into());
    row.set(resource, "ReturnStatus", "SUCCESS".into());
    row.set(resource, "TransactionStatus", "AP".into());
    row.set(resource, "TransactionStatusMeaning", "Awaiting processing".into());
    if let Some((owner, above)) = ancestors.last() {
        let header = above.get(owner, "HeaderInterfaceId").cloned().unwrap_or(Value::Null);
        row.set(resource, "HeaderInterfaceId", header);
    }
}

/// Shows the lines of a receipt as transactions of their own.
pub(crate) fn accepted(store: &mut Store, resource: &Resource, row: &Row) {
    if resource.name != RECEIPTS {
        return;
    }
    let (Some(lines), Some(to)) = (resource.child("lines"), metadata::resource(Root::Fscm, TRANSACTIONS)) else {
        return;
    };
    for line in row.child("lines") {
        let mut made = Row::empty(to);
        for (attribute, place) in to.attributes.iter().zip(&mut made.values) {
            *place = line.get(lines, &attribute.name).cloned().unwrap_or(Value::Null);
        }
        made.child_mut("processingErrors");
        store.insert(to, made);
    }
}

/// Processes what has waited long enough.
pub(crate) fn settle(store: &mut Store, now: Timestamp) {
    for name in [TRANSACTIONS, SHIPMENTS] {
        let Some(resource) = metadata::resource(Root::Fscm, name) else { continue };
        let due: Vec<Row> = store.scan(resource).filter(|row| waited(resource, row, now)).collect();
        for mut row in due {
            let error = if name == SHIPMENTS { shipment(resource, &row) } else { receipt(store, resource, &row) };
            conclude(store, resource, &mut row, error, now);
            store.insert(resource, row.clone());
            if name == TRANSACTIONS {
                mirror(store, resource, &row);
            }
        }
    }
}

fn text<'r>(resource: &Resource, row: &'r Row, name: &str) -> Option<&'r str> {
    match row.get(resource, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn waited(resource: &Resource, row: &Row, now: Timestamp) -> bool {
    let waits = text(resource, row, "ProcessingStatusCode") == Some("PENDING")
        || text(resource, row, "TransactionStatus") == Some("AP");
    let sent = match row.get(resource, "CreationDate") {
        Some(Value::Timestamp(sent)) => *sent,
        _ => return false,
    };
    waits && now.duration_since(sent) >= WAIT
}

/// Code and text of an error.
type Failed = Option<(&'static str, &'static str)>;

fn shipment(resource: &Resource, row: &Row) -> Failed {
    let known = matches!(text(resource, row, "ActionType"), Some("SR" | "SA"));
    (!known).then_some(("WSH_INVALID_ACTION", "The action type isn't valid."))
}

/// A shipment is received once, and no more than was ordered.
fn receipt(store: &Store, resource: &Resource, row: &Row) -> Failed {
    let headers = metadata::resource(Root::Fscm, RECEIPTS)?;
    let done = |row: &Row| text(resource, row, "ProcessingStatusCode") == Some("SUCCESS");
    let header = row.get(resource, "HeaderInterfaceId");
    let number_of = |id: Option<&Value>| {
        let id = id.filter(|id| **id != Value::Null)?;
        let row = store.scan(headers).find(|row| row.get(headers, "HeaderInterfaceId") == Some(id))?;
        text(headers, &row, "ShipmentNumber").map(str::to_owned)
    };
    let shipment = number_of(header);
    let received_before = store.scan(resource).filter(done).any(|other| {
        let from = other.get(resource, "HeaderInterfaceId");
        shipment.is_some() && from != header && number_of(from) == shipment
    });
    if received_before {
        return Some(("RCV_ASN_SHIPMT_NOT_OPEN", "The shipment isn't open for receiving."));
    }
    let orders = metadata::resource(Root::Fscm, "purchaseOrders")?;
    let lines = orders.child("lines")?;
    let document = row.get(resource, "DocumentNumber")?;
    let order = store.scan(orders).find(|order| order.get(orders, "OrderNumber") == Some(document))?;
    let amount = |row: &Row| match row.get(resource, "Quantity") {
        Some(Value::Decimal(quantity)) => *quantity,
        _ => Decimal::ZERO,
    };
    let line = row.get(resource, "DocumentLineNumber");
    let ordered = order.child("lines").iter().find(|held| match (held.get(lines, "LineNumber"), line) {
        (Some(Value::Decimal(held)), Some(Value::Integer(line))) => *held == Decimal::from(*line),
        _ => false,
    })?;
    let Some(Value::Decimal(ordered)) = ordered.get(lines, "Quantity") else { return None };
    let same = |other: &Row| {
        done(other)
            && other.get(resource, "DocumentNumber") == Some(document)
            && other.get(resource, "DocumentLineNumber") == line
    };
    let received: Decimal = store.scan(resource).filter(same).map(|row| amount(&row)).sum();
    let wanted = received.checked_add(amount(row))?;
    (wanted > *ordered)
        .then_some(("RCV_TRX_QTY_EXCEEDS_AVAIL_UI", "The transaction quantity exceeds the available quantity."))
}

fn conclude(store: &mut Store, resource: &Resource, row: &mut Row, error: Failed, now: Timestamp) {
    row.version = row.version.saturating_add(1);
    row.set(resource, "LastUpdateDate", now.into());
    let failed = error.is_some();
    row.set(resource, "ProcessingStatusCode", if failed { "ERROR" } else { "SUCCESS" }.into());
    row.set(resource, "TransactionStatus", if failed { "ER" } else { "SC" }.into());
    row.set(resource, "TransactionStatusMeaning", if failed { "Error" } else { "Success" }.into());
    for child in &resource.children {
        let Some((code, message)) = error else { continue };
        let mut made = Row::empty(child);
        made.set(child, "InterfaceErrorId", store.next_id().into());
        made.set(child, "ErrorMessageName", code.into());
        made.set(child, "ErrorCode", code.into());
        made.set(child, "ErrorMessage", message.into());
        row.child_mut(&child.name).push(made);
    }
}

/// Tells the receipt's own line what became of its transaction.
fn mirror(store: &mut Store, resource: &Resource, row: &Row) {
    let Some(headers) = metadata::resource(Root::Fscm, RECEIPTS) else { return };
    let Some(lines) = headers.child("lines") else { return };
    let id = row.get(resource, "HeaderInterfaceId");
    let found = store.scan(headers).find(|header| header.get(headers, "HeaderInterfaceId") == id);
    let Some(mut header) = found else { return };
    let status = row.get(resource, "ProcessingStatusCode").cloned().unwrap_or(Value::Null);
    let own = row.get(resource, "InterfaceTransactionId");
    for line in header.child_mut("lines") {
        if line.get(lines, "InterfaceTransactionId") == own {
            line.set(lines, "ProcessingStatusCode", status.clone());
            *line.child_mut("processingErrors") = row.child("processingErrors").to_vec();
        }
    }
    header.set(headers, "ProcessingStatusCode", status);
    store.insert(headers, header);
}
