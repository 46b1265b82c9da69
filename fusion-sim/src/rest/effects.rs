//! What custom actions do (FACTS 1.9, 4.1): the invoices' own, and those that move a document from one status on.
//!
//! Invoices are addressed by names and answer with text; documents are addressed by their path and answer with a
//! `ReturnStatus`, which is `E` inside a 200 where the document is not in a status for the action.

use rust_decimal::Decimal;

use super::error::PodError;
use super::handle::{Call, Target};
use crate::keys::{self, Place};
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::payload::{Given, Payload};
use crate::store::Store;

/// What an action says.
pub(crate) enum Outcome {
    /// `{"result": "…"}`
    Text(&'static str),
    /// `{"result": {"Message": "…", "ReturnStatus": "S" | "E"}}`
    Status { done: bool, message: String },
}

/// One action: whose, its name, its parameters, the statuses that it starts from (any where none), what it sets, what
/// it says.
struct Step {
    resource: &'static str,
    action: &'static str,
    parameters: &'static [&'static str],
    from: &'static [&'static str],
    sets: &'static [(&'static str, &'static str)],
    says: &'static str,
}

const fn step(
    (resource, action): (&'static str, &'static str),
    parameters: &'static [&'static str],
    from: &'static [&'static str],
    sets: &'static [(&'static str, &'static str)],
    says: &'static str,
) -> Step {
    Step { resource, action, parameters, from, sets, says }
}

const DRAFT: &str = "draftPurchaseOrders";
const ORDER: &str = "purchaseOrders";
const SUBMIT: [&str; 4] =
    ["defaultTaxAttributesFlag", "requestFundsOverrideFlag", "validateBeforeSubmitFlag", "bypassApprovalsFlag"];
const OPEN: [(&str, &str); 2] = [("Status", "Open"), ("StatusCode", "OPEN")];
const CANCELED: [(&str, &str); 2] = [("Status", "Canceled"), ("StatusCode", "CANCELED")];

/// Parameters as in the published interface description.
const STEPS: [Step; 21] = [
    step((DRAFT, "submit"), &SUBMIT, &["Incomplete", "Rejected", "Withdrawn"], &OPEN, "The order was submitted."),
    step((DRAFT, "validateDocument"), &[], &[], &[], "The order is valid."),
    step((DRAFT, "checkFunds"), &["initiatingParty"], &[], &[], "Funds are available."),
    step(
        (DRAFT, "withdraw"),
        &["withdrawReason", "initiatingParty"],
        &["Pending Approval"],
        &[("Status", "Withdrawn"), ("StatusCode", "WITHDRAWN")],
        "The order was withdrawn.",
    ),
    step(
        (DRAFT, "calculateTaxAndAccounting"),
        &["deriveAccountsFlag", "initiatingParty", "calculateTaxFlag"],
        &[],
        &[],
        "Tax and accounts were calculated.",
    ),
    step((ORDER, "acknowledge"), &["supplierOrder", "acknowledgementNote"], &["Open"], &[], "Acknowledged."),
    step(
        (ORDER, "cancel"),
        &["cancellationReason", "initiatingParty", "communicationMethod", "email"],
        &["Open", "On Hold", "Pending Approval"],
        &CANCELED,
        "The order was canceled.",
    ),
    step(
        (ORDER, "close"),
        &["closeAction", "closeReason"],
        &["Open", "Closed for Invoicing", "Closed for Receiving"],
        &[("Status", "Closed"), ("StatusCode", "CLOSED")],
        "The order was closed.",
    ),
    step(
        (ORDER, "reopen"),
        &["reopenAction", "reopenBudgetDate", "reopenReason"],
        &["Closed", "Closed for Invoicing", "Closed for Receiving"],
        &OPEN,
        "The order was reopened.",
    ),
    step(
        (ORDER, "hold"),
        &["holdReason"],
        &["Open"],
        &[("Status", "On Hold"), ("StatusCode", "ON HOLD")],
        "The order was put on hold.",
    ),
    step((ORDER, "removeHold"), &["removeHoldReason"], &["On Hold"], &OPEN, "The hold was released."),
    step((ORDER, "freeze"), &["freezeReason"], &["Open"], &[("FrozenFlag", "true")], "The order was frozen."),
    step((ORDER, "unfreeze"), &["unfreezeReason"], &[], &[("FrozenFlag", "false")], "The order was unfrozen."),
    step(
        (ORDER, "communicate"),
        &["forceCommunicationFlag", "changeOrderNumber"],
        &["Open"],
        &[],
        "The order was communicated.",
    ),
    step((ORDER, "submit"), &["bypassApprovalsFlag"], &["Incomplete", "Rejected"], &OPEN, "The order was submitted."),
    step(
        ("receivablesInvoices", "approve"),
        &["comment"],
        &["Pending approval"],
        &[("InvoiceStatus", "Complete")],
        "The invoice was approved.",
    ),
    step(
        ("receivablesInvoices", "rework"),
        &["comment"],
        &["Pending approval"],
        &[("InvoiceStatus", "Incomplete")],
        "Rework was requested.",
    ),
    step(
        ("suppliers", "submitSpendAuthorizationRequest"),
        &["justification"],
        &[],
        &[("BusinessRelationship", "Spend Authorized"), ("BusinessRelationshipCode", "SPEND_AUTHORIZED")],
        "The supplier was authorized.",
    ),
    step(("userAccounts", "resetPassword"), &[], &[], &[], "SUCCESS"),
    step(("userAccounts", "updatePassword"), &["pwd"], &[], &[], "SUCCESS"),
    step(("userAccounts", "autoprovisionRoles"), &["processImmediateFlag"], &[], &[], "SUCCESS"),
];

/// Does an action that describe lists.
pub(crate) fn run(
    store: &mut Store,
    call: &Call<'_>,
    target: &Target,
    name: &str,
    parameters: &Payload,
) -> Result<Outcome, PodError> {
    let resource = target.resource;
    if target.trail.len() == usize::from(target.item) {
        match resource.name.as_str() {
            "invoices" => return invoice(store, call, resource, name, parameters),
            "payablesPayments" => return payment(store, call, resource, name, parameters),
            of => {
                if let Some(step) = STEPS.iter().find(|step| step.resource == of && step.action == name) {
                    return document(store, call, target, step, parameters);
                }
            }
        }
    }
    Err(PodError::bad(format!("The action {name} of {} isn't available on this pod.", resource.name)))
}

fn document(
    store: &mut Store,
    call: &Call<'_>,
    target: &Target,
    step: &Step,
    parameters: &Payload,
) -> Result<Outcome, PodError> {
    known(parameters, step.parameters)?;
    let (resource, row) = target.trail.last().ok_or_else(PodError::not_found)?;
    let key = target.key.as_ref().ok_or_else(PodError::not_found)?;
    let status = ["Status", "InvoiceStatus"].iter().find_map(|name| text_of(resource, row, name)).unwrap_or_default();
    if !step.from.is_empty() && !step.from.contains(&status) {
        let message = format!("The action {} can't be done while the status is {status}.", step.action);
        return Ok(Outcome::Status { done: false, message });
    }
    let values: Vec<(&str, Value)> = step
        .sets
        .iter()
        .map(|(name, value)| (*name, value.parse::<bool>().map_or_else(|_| (*value).into(), Value::Boolean)))
        .collect();
    store.touch(resource, key, &values, call.now);
    if step.resource == DRAFT
        && step.action == "submit"
        && let Some(orders) = metadata::resource(Root::Fscm, ORDER)
        && let Some(row) = store.get(resource, key)
    {
        store.insert(orders, copied(resource, &row, orders));
    }
    Ok(match step.says {
        "SUCCESS" => Outcome::Text(step.says),
        says => Outcome::Status { done: true, message: says.to_owned() },
    })
}

/// A row as another resource shows it: what both have, by name.
fn copied(from: &Resource, row: &Row, to: &Resource) -> Row {
    let mut made = Row::empty(to);
    made.version = row.version;
    for (attribute, place) in to.attributes.iter().zip(&mut made.values) {
        *place = row.get(from, &attribute.name).cloned().unwrap_or(Value::Null);
    }
    for child in &to.children {
        let rows = from
            .child(&child.name)
            .map(|source| row.child(&child.name).iter().map(|row| copied(source, row, child)).collect::<Vec<_>>());
        made.children.push((child.name.clone(), rows.unwrap_or_default()));
    }
    made
}

fn invoice(
    store: &mut Store,
    call: &Call<'_>,
    resource: &Resource,
    name: &str,
    parameters: &Payload,
) -> Result<Outcome, PodError> {
    let more: &[&str] = match name {
        "validateInvoice" => &["ProcessAction"],
        "cancelInvoice" => &["Party", "PartyId"],
        "cancelLine" | "generateDistributions" => &["LineNumber"],
        "reverseDistributions" => &["LineNumber", "DistributionLineNumber"],
        "applyPrepayments" => &[
            "PrepaymentInvoiceNumber",
            "PrepaymentLineNumber",
            "PrepaymentApplicationAmount",
            "PrepaymentAccountingDate",
            "InvoiceIncludesPrepaymentFlag",
        ],
        "unapplyPrepayments" => &[
            "PrepaymentInvoiceNumber",
            "PrepaymentLineNumber",
            "PrepaymentAppliedAmount",
            "PrepaymentUnapplicationAccountingDate",
            "PurchaseOrder",
        ],
        _ => &[],
    };
    known(parameters, &[&["BusinessUnit", "Supplier", "InvoiceNumber"], more].concat())?;
    let mut row = invoice_named(store, resource, text(parameters, "InvoiceNumber")?, Some(parameters))?;
    let set = |row: &mut Row, name: &str, value: Value| row.set(resource, name, value);
    let says = match name {
        "validateInvoice" => {
            if text(parameters, "ProcessAction")? != "Validate" {
                return Err(PodError::bad("The value of the attribute ProcessAction isn't valid."));
            }
            set(&mut row, "ValidationStatus", "Validated".into());
            "The invoice was validated."
        }
        "cancelInvoice" => {
            if matches!(text_of(resource, &row, "PaidStatus"), Some("Paid" | "Partially paid")) {
                return Err(PodError::bad("You can't cancel the invoice because it's paid."));
            }
            set(&mut row, "ValidationStatus", "Canceled".into());
            set(&mut row, "CanceledFlag", true.into());
            set(&mut row, "CanceledDate", call.today().into());
            set(&mut row, "CanceledBy", call.user.username.into());
            "The invoice was canceled."
        }
        "cancelLine" => {
            let (child, line) = line(resource, &mut row, parameters)?;
            line.set(child, "CanceledFlag", true.into());
            line.set(child, "LineAmount", Decimal::ZERO.into());
            "The invoice line was canceled."
        }
        "generateDistributions" | "calculateTax" => {
            if parameters.get("LineNumber").is_some() {
                line(resource, &mut row, parameters)?;
            }
            if name == "calculateTax" { "The tax was calculated." } else { "The distributions were generated." }
        }
        "reverseDistributions" => {
            line(resource, &mut row, parameters)?;
            "The distributions were reversed."
        }
        "applyPrepayments" => {
            apply(store, resource, &mut row, parameters, call)?;
            "The prepayment was applied."
        }
        _ => {
            unapply(resource, &mut row, parameters)?;
            "The prepayment was unapplied."
        }
    };
    row.version = row.version.saturating_add(1);
    row.set(resource, "LastUpdateDate", call.now.into());
    store.insert(resource, row);
    Ok(Outcome::Text(says))
}

/// The line that `LineNumber` names.
fn line<'m>(
    resource: &'m Resource,
    row: &'m mut Row,
    parameters: &Payload,
) -> Result<(&'m Resource, &'m mut Row), PodError> {
    let number = integer(parameters, "LineNumber")?;
    let child = resource.child("invoiceLines").ok_or_else(PodError::not_found)?;
    let mut lines = row.child_mut("invoiceLines").iter_mut();
    let line = lines.find(|line| line.get(child, "LineNumber") == Some(&Value::Integer(number)));
    Ok((child, line.ok_or_else(|| PodError::bad("The invoice line doesn't exist."))?))
}

fn apply(
    store: &Store,
    resource: &Resource,
    row: &mut Row,
    parameters: &Payload,
    call: &Call<'_>,
) -> Result<(), PodError> {
    let from = text(parameters, "PrepaymentInvoiceNumber")?;
    invoice_named(store, resource, from, None)?;
    let amount = parameters.get("PrepaymentApplicationAmount").and_then(Given::as_decimal);
    let amount = amount.ok_or_else(|| missing("PrepaymentApplicationAmount"))?;
    if !matches!(row.get(resource, "InvoiceAmount"), Some(Value::Decimal(whole)) if amount > Decimal::ZERO && amount <= *whole)
    {
        return Err(PodError::bad("The value of the attribute PrepaymentApplicationAmount isn't valid."));
    }
    let child = resource.child("appliedPrepayments").ok_or_else(PodError::not_found)?;
    let number = row.child("appliedPrepayments").len().saturating_add(1);
    let mut applied = Row::empty(child);
    applied.set(child, "LineNumber", Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
    applied.set(child, "InvoiceNumber", from.into());
    applied.set(child, "AppliedAmount", amount.into());
    applied.set(child, "Currency", row.get(resource, "InvoiceCurrency").cloned().unwrap_or(Value::Null));
    applied.set(child, "ApplicationAccountingDate", call.today().into());
    row.child_mut("appliedPrepayments").push(applied);
    Ok(())
}

fn unapply(resource: &Resource, row: &mut Row, parameters: &Payload) -> Result<(), PodError> {
    let from = Value::from(text(parameters, "PrepaymentInvoiceNumber")?);
    let child = resource.child("appliedPrepayments").ok_or_else(PodError::not_found)?;
    let rows = row.child_mut("appliedPrepayments");
    let before = rows.len();
    rows.retain(|row| row.get(child, "InvoiceNumber") != Some(&from));
    if rows.len() == before { Err(PodError::bad("The prepayment isn't applied to the invoice.")) } else { Ok(()) }
}

fn payment(
    store: &mut Store,
    call: &Call<'_>,
    resource: &Resource,
    name: &str,
    parameters: &Payload,
) -> Result<Outcome, PodError> {
    let common = ["BusinessUnit", "PaymentNumber", "DisbursementBankAccountName", "PaymentType", "PaymentDocument"];
    let (more, status, says): (&[&str], _, _) = match name {
        "initiateStopPayment" => {
            (&["StopDate", "StopReference", "StopReason"], "Stop initiated", "The stop payment was initiated.")
        }
        _ => (&[], "Escheat initiated", "The escheatment was initiated."),
    };
    known(parameters, &[&common, more].concat())?;
    let number = Value::Integer(integer(parameters, "PaymentNumber")?);
    let row = store.scan(resource).find(|row| row.get(resource, "PaymentNumber") == Some(&number));
    let row = row.ok_or_else(|| PodError::bad("The payment doesn't exist."))?;
    if text_of(resource, &row, "PaymentStatus") != Some("Negotiable") {
        return Err(PodError::bad("The payment's status doesn't allow the action."));
    }
    let key = keys::of(&Place::top(resource, &row), call.today());
    store.touch(resource, &key, &[("PaymentStatus", status.into())], call.now);
    Ok(Outcome::Text(says))
}

fn invoice_named(store: &Store, resource: &Resource, number: &str, whose: Option<&Payload>) -> Result<Row, PodError> {
    let mut wanted = vec![("InvoiceNumber", Value::from(number))];
    if let Some(parameters) = whose {
        for name in ["Supplier", "BusinessUnit"] {
            wanted.push((name, text(parameters, name)?.into()));
        }
    }
    let fits = |row: &Row| wanted.iter().all(|(name, value)| row.get(resource, name) == Some(value));
    let row = match store.lookup(resource, "InvoiceNumber", &number.into()) {
        Some(positions) => positions.iter().filter_map(|position| store.row(resource, position)).find(fits),
        None => store.scan(resource).find(fits),
    };
    row.ok_or_else(|| PodError::bad("The invoice doesn't exist."))
}

fn known(parameters: &Payload, names: &[&str]) -> Result<(), PodError> {
    match parameters.members.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        Some((name, _)) => Err(PodError::bad(format!("Invalid attribute \"{name}\" in the payload."))),
        None => Ok(()),
    }
}

fn missing(name: &str) -> PodError {
    PodError::bad(format!("The attribute {name} is required."))
}

fn text<'p>(parameters: &'p Payload, name: &str) -> Result<&'p str, PodError> {
    parameters.get(name).and_then(Given::as_text).ok_or_else(|| missing(name))
}

fn integer(parameters: &Payload, name: &str) -> Result<i64, PodError> {
    parameters.get(name).and_then(Given::as_integer).ok_or_else(|| missing(name))
}

fn text_of<'r>(resource: &Resource, row: &'r Row, name: &str) -> Option<&'r str> {
    match row.get(resource, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}
