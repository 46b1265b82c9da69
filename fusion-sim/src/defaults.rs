//! What one business object alone demands and fills: invoices, suppliers, receivables, users.
//!
//! Owns the codes AP-810245 and POZ-2130479, and the values that the recorded create shows filled
//! by the server (FACTS 4.1). Never looks at a payload: it sees a row whose types already hold.

use jiff::ToSpan as _;
use rust_decimal::Decimal;

use crate::attachments;
use crate::auth::roles;
use crate::create::Owner;
use crate::data::setup;
use crate::effective;
use crate::interface;
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::store::{Context, Refusal, Store};
use crate::validate;

/// Fills what the server derives, where the payload left it open.
pub(crate) fn fill(store: &mut Store, ancestors: &[Owner<'_>], resource: &Resource, row: &mut Row, context: &Context) {
    if attachments::is_one(resource) {
        return attachments::fill(resource, row);
    }
    if interface::is_one(resource) {
        return interface::fill(ancestors, resource, row);
    }
    match resource.name.as_str() {
        "invoices" => invoice(store, resource, row, context),
        "invoiceLines" => invoice_line(ancestors, resource, row),
        "suppliers" => {
            let number = store.next_id().to_string();
            let party = store.next_id();
            default(resource, row, "SupplierNumber", number);
            row.set(resource, "SupplierPartyId", party.into());
            row.set(resource, "Status", "ACTIVE".into());
            default(resource, row, "BusinessRelationshipCode", "PROSPECTIVE");
            let relationship = match text(resource, row, "BusinessRelationshipCode") {
                Some("SPEND_AUTHORIZED") => "Spend Authorized",
                _ => "Prospective",
            };
            default(resource, row, "BusinessRelationship", relationship);
        }
        "sites" | "addresses" | "contacts" => default(resource, row, "Status", "ACTIVE"),
        "draftPurchaseOrders" => {
            let number = format!("US{}", store.next_id().rem_euclid(1_000_000));
            default(resource, row, "OrderNumber", number);
            default(resource, row, "Status", "Incomplete");
            default(resource, row, "StatusCode", "INCOMPLETE");
        }
        "lines" | "schedules" | "distributions" => order_part(ancestors, resource, row),
        "standardReceipts" => {
            default(resource, row, "ReceiptDate", context.today());
            default(resource, row, "AccountingDate", context.today());
            default(resource, row, "State", "Confirmed");
            default(resource, row, "Status", "Unapplied");
            for name in ["UnappliedAmount", "AccountedAmount"] {
                let amount = row.get(resource, "Amount").cloned().unwrap_or(Value::Null);
                default(resource, row, name, amount);
            }
        }
        "projects" => {
            let number = format!("P{}", store.next_id().rem_euclid(1_000_000));
            default(resource, row, "ProjectNumber", number);
            default(resource, row, "ProjectStatus", "Draft");
            default(resource, row, "ProjectStatusCode", "DRAFT");
            default(resource, row, "ProjectStartDate", context.today());
        }
        "receivablesInvoices" => {
            // Automatic numbering overrides what was sent (FACTS 8, W3).
            let number = store.next_id().rem_euclid(100_000_000).to_string();
            row.set(resource, "TransactionNumber", number.into());
            default(resource, row, "TransactionDate", context.today());
            default(resource, row, "AccountingDate", context.today());
            default(resource, row, "InvoiceStatus", "Complete");
        }
        "workers" => {
            let number = store.next_id().rem_euclid(1_000_000).to_string();
            default(resource, row, "PersonNumber", number);
        }
        "workRelationships" => default(resource, row, "StartDate", context.today()),
        "names" | "assignments" if effective::is_dated(resource) => dated(ancestors, resource, row, context),
        "userAccountRoles" => {
            if let Some(role) = text(resource, row, "RoleCode").and_then(roles::find) {
                row.set(resource, "RoleId", role.id.into());
                row.set(resource, "RoleName", role.name.into());
            }
        }
        "userAccounts" => {
            let id = store.next_id();
            row.set(resource, "UserId", id.into());
            default(resource, row, "SuspendedFlag", false);
            default(resource, row, "CredentialsEmailSentFlag", false);
        }
        _ => {}
    }
}

/// What is known only once the children are there.
pub(crate) fn complete(resource: &Resource, row: &mut Row, context: &Context) {
    match resource.name.as_str() {
        "invoices" => {
            let Some(child) = resource.child("invoiceInstallments") else { return };
            if row.child("invoiceInstallments").is_empty() {
                let mut installment = installment(resource, child, row);
                for name in ["CreationDate", "LastUpdateDate"] {
                    installment.set(child, name, context.now.into());
                }
                for name in ["CreatedBy", "LastUpdatedBy"] {
                    installment.set(child, name, context.user.as_str().into());
                }
                row.child_mut("invoiceInstallments").push(installment);
            }
        }
        "receivablesInvoices" => {
            let Some(child) = resource.child("receivablesInvoiceLines") else { return };
            let mut total = Decimal::ZERO;
            for line in row.child_mut("receivablesInvoiceLines") {
                let amount = match (line.get(child, "Quantity"), line.get(child, "UnitSellingPrice")) {
                    (Some(Value::Decimal(quantity)), Some(Value::Decimal(price))) => quantity.checked_mul(*price),
                    _ => None,
                };
                if let Some(amount) = amount {
                    line.set(child, "LineAmount", amount.into());
                }
                if let Some(Value::Decimal(amount)) = line.get(child, "LineAmount") {
                    total = total.checked_add(*amount).unwrap_or(total);
                }
            }
            row.set(resource, "EnteredAmount", total.into());
            row.set(resource, "InvoiceBalanceAmount", total.into());
        }
        _ => {}
    }
}

/// What processes of the pod fill right after a create, and its answer does not show yet (FACTS 8, W4).
pub(crate) fn derive(store: &mut Store, resource: &Resource, row: &Row) {
    interface::accepted(store, resource, row);
    if resource.name != "invoices" {
        return;
    }
    let mut row = row.clone();
    for (name, value) in [
        ("ValidationStatus", "Not validated"),
        ("ApprovalStatus", "Not required"),
        ("PaidStatus", "Unpaid"),
        ("AccountingStatus", "Unaccounted"),
    ] {
        default(resource, &mut row, name, value);
    }
    default(resource, &mut row, "CanceledFlag", false);
    default(resource, &mut row, "AmountPaid", Decimal::ZERO);
    store.insert(resource, row);
}

/// The rules of the object that hold for a new row.
pub(crate) fn judge_new(
    store: &Store,
    ancestors: &[Owner<'_>],
    resource: &Resource,
    row: &Row,
    path: &str,
) -> Result<(), Refusal> {
    if attachments::is_one(resource) {
        return attachments::judge(resource, row, path);
    }
    match resource.name.as_str() {
        "suppliers" => {
            for name in ["Supplier", "TaxpayerId", "TaxRegistrationNumber"] {
                if taken(store, resource, row, name) {
                    return Err(Refusal::invalid(format!(
                        "A supplier with this {} already exists. (POZ-2130479)",
                        if name == "Supplier" { "name" } else { "tax identifier" }
                    ))
                    .code("POZ-2130479")
                    .at(&format!("{path}/{name}")));
                }
            }
            Ok(())
        }
        "userAccountRoles" if text(resource, row, "RoleName").is_none() => {
            Err(validate::invalid_value("RoleCode", &format!("{path}/RoleCode")))
        }
        "userAccounts" if taken(store, resource, row, "Username") => {
            Err(Refusal::invalid("The user name is already used by another account.").at(&format!("{path}/Username")))
        }
        _ => judge(store, ancestors, resource, row, path),
    }
}

/// The rules of the object that hold after a create and after an update.
pub(crate) fn judge(
    store: &Store,
    _ancestors: &[Owner<'_>],
    resource: &Resource,
    row: &Row,
    path: &str,
) -> Result<(), Refusal> {
    if resource.name != "invoices" {
        return Ok(());
    }
    if let Some(name) = text(resource, row, "Supplier") {
        let supplier =
            supplier(store, name).ok_or_else(|| validate::invalid_value("Supplier", &format!("{path}/Supplier")))?;
        let suppliers = metadata::resource(Root::Fscm, "suppliers");
        let sites = suppliers.and_then(|suppliers| suppliers.child("sites"));
        let wanted = (text(resource, row, "SupplierSite"), text(resource, row, "BusinessUnit"));
        if let (Some(sites), (Some(site), Some(unit))) = (sites, wanted) {
            let known = supplier.child("sites").iter().any(|row| {
                text(sites, row, "SupplierSite") == Some(site) && text(sites, row, "ProcurementBU") == Some(unit)
            });
            if !known {
                let refusal = validate::invalid_value("SupplierSite", &format!("{path}/SupplierSite"));
                return Err(Refusal {
                    detail: format!("{} {site} is no site of {name} in {unit}.", refusal.detail),
                    ..refusal
                });
            }
        }
    }
    duplicate(store, resource, row, path)
}

/// AP-810245: the number is used once per supplier.
fn duplicate(store: &Store, resource: &Resource, row: &Row, path: &str) -> Result<(), Refusal> {
    let Some(number) = row.get(resource, "InvoiceNumber") else { return Ok(()) };
    let same = |name: &str, other: &Row| row.get(resource, name) == other.get(resource, name);
    let positions = store.lookup(resource, "InvoiceNumber", number).unwrap_or_default();
    let used = positions
        .iter()
        .filter_map(|position| store.row(resource, position))
        .any(|other| same("Supplier", &other) && same("Party", &other) && !same("InvoiceId", &other));
    if !used {
        return Ok(());
    }
    Err(Refusal::invalid("You must enter a different number. There's already an invoice with that number. (AP-810245)")
        .code("AP-810245")
        .at(&format!("{path}/InvoiceNumber")))
}

fn invoice(store: &Store, resource: &Resource, row: &mut Row, context: &Context) {
    let today = context.today();
    let unit = text(resource, row, "BusinessUnit").and_then(setup::unit_named);
    default(resource, row, "InvoiceDate", today);
    default(resource, row, "AccountingDate", today);
    default(resource, row, "BudgetDate", today);
    default(resource, row, "InvoiceType", "Standard");
    for (from, to) in [("InvoiceCurrency", "PaymentCurrency"), ("InvoiceDate", "TermsDate"), ("Supplier", "Party")] {
        let value = row.get(resource, from).cloned().unwrap_or(Value::Null);
        default(resource, row, to, value);
    }
    if let Some(unit) = unit {
        default(resource, row, "LegalEntity", unit.legal_entity);
        default(resource, row, "LiabilityDistribution", unit.liability);
        default(resource, row, "TaxationCountry", unit.country);
    }
    default(resource, row, "PayAloneFlag", false);
    default(resource, row, "InvoiceSourceCode", "External");
    row.set(resource, "ReferenceKeyFive", "CREATE_API".into());
    let method = text(resource, row, "PaymentMethod").map(|name| name.to_uppercase());
    default(resource, row, "PaymentMethodCode", method);
    let Some(suppliers) = metadata::resource(Root::Fscm, "suppliers") else { return };
    let Some(found) = text(resource, row, "Supplier").and_then(|name| supplier(store, name)) else { return };
    let number = found.get(suppliers, "SupplierNumber").cloned().unwrap_or(Value::Null);
    default(resource, row, "SupplierNumber", number);
    let Some(sites) = suppliers.child("sites") else { return };
    let site = found
        .child("sites")
        .iter()
        .find(|site| text(sites, site, "SupplierSite") == text(resource, row, "SupplierSite"));
    let address = site.and_then(|site| site.get(sites, "SupplierAddressName")).cloned().unwrap_or(Value::Null);
    default(resource, row, "PartySite", address);
}

/// The range of a date-effective row, and what follows from its parts.
fn dated(ancestors: &[Owner<'_>], resource: &Resource, row: &mut Row, context: &Context) {
    let start = ancestors.iter().rev().find_map(|(owner, above)| above.get(owner, "StartDate").cloned());
    default(resource, row, "EffectiveStartDate", start.unwrap_or_else(|| context.today().into()));
    default(resource, row, "EffectiveEndDate", effective::OPEN);
    default(resource, row, "AssignmentType", "E");
    default(resource, row, "AssignmentStatusType", "ACTIVE");
    let first = text(resource, row, "FirstName").map(|first| format!("{first} ")).unwrap_or_default();
    let last = text(resource, row, "LastName").unwrap_or_default().to_owned();
    default(resource, row, "DisplayName", format!("{first}{last}"));
    default(resource, row, "FullName", format!("{last}, {}", first.trim_end()));
}

/// The part of an order below another: what it takes over from above.
fn order_part(ancestors: &[Owner<'_>], resource: &Resource, row: &mut Row) {
    let Some((owner, above)) = ancestors.last() else { return };
    for name in ["OrderNumber", "POHeaderId", "POLineId", "CurrencyCode", "Price", "Quantity", "Status", "StatusCode"] {
        default(resource, row, name, above.get(owner, name).cloned().unwrap_or(Value::Null));
    }
}

/// Numbers a part of an order one above the highest beside it; invoice lines are numbered with their key.
pub(crate) fn number(resource: &Resource, row: &mut Row, siblings: &[Row]) {
    let name = match resource.name.as_str() {
        "lines" => "LineNumber",
        "schedules" => "ScheduleNumber",
        "distributions" => "DistributionNumber",
        _ => return,
    };
    let numbers = siblings.iter().filter_map(|row| match row.get(resource, name) {
        Some(Value::Decimal(number)) => Some(*number),
        _ => None,
    });
    let highest = numbers.max().unwrap_or(Decimal::ZERO);
    default(resource, row, name, highest.checked_add(Decimal::ONE).unwrap_or(highest));
}

fn invoice_line(ancestors: &[Owner<'_>], resource: &Resource, row: &mut Row) {
    let above = |name: &str| ancestors.last().and_then(|(owner, held)| held.get(owner, name)).cloned();
    for name in ["AccountingDate", "BudgetDate"] {
        default(resource, row, name, above(name).unwrap_or(Value::Null));
    }
    for name in ["TrackAsAssetFlag", "DiscardedFlag", "CanceledFlag"] {
        default(resource, row, name, false);
    }
    // The recorded line has these three as empty text, not null.
    for name in ["DistributionCombination", "AssetCategory", "MultiperiodAccountingAccrualAccount"] {
        default(resource, row, name, "");
    }
    let amount = row.get(resource, "LineAmount").cloned().unwrap_or(Value::Null);
    default(resource, row, "AssessableValue", amount);
    default(resource, row, "GenerateDistributions", "N");
    default(resource, row, "TransactionBusinessCategoryCodePath", "PURCHASE_TRANSACTION");
    default(resource, row, "MatchType", "NOT_MATCHED");
}

/// The one installment that terms without stages give, due after thirty days.
fn installment(resource: &Resource, child: &Resource, row: &Row) -> Row {
    let mut installment = Row::empty(child);
    let value = |name: &str| row.get(resource, name).cloned().unwrap_or(Value::Null);
    installment.set(child, "InstallmentNumber", 1_i64.into());
    installment.set(child, "GrossAmount", value("InvoiceAmount"));
    installment.set(child, "UnpaidAmount", value("InvoiceAmount"));
    installment.set(child, "HoldFlag", false.into());
    installment.set(child, "PaymentPriority", 99_i64.into());
    for name in ["PaymentMethod", "PaymentMethodCode"] {
        installment.set(child, name, value(name));
    }
    if let Value::Date(date) = value("TermsDate") {
        installment.set(child, "DueDate", date.checked_add(30.days()).ok().into());
    }
    installment
}

fn supplier(store: &Store, name: &str) -> Option<Row> {
    let suppliers = metadata::resource(Root::Fscm, "suppliers")?;
    let position = store.lookup(suppliers, "Supplier", &name.into())?.into_iter().next()?;
    store.row(suppliers, &position)
}

fn taken(store: &Store, resource: &Resource, row: &Row, name: &str) -> bool {
    let Some(value) = row.get(resource, name).filter(|value| **value != Value::Null) else { return false };
    let mut held = store.scan(resource);
    held.any(|other| match (other.get(resource, name), value) {
        (Some(Value::Text(other)), Value::Text(value)) => other.to_lowercase() == value.to_lowercase(),
        (other, value) => other == Some(value),
    })
}

fn text<'r>(resource: &Resource, row: &'r Row, name: &str) -> Option<&'r str> {
    match row.get(resource, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn default(resource: &Resource, row: &mut Row, name: &str, value: impl Into<Value>) {
    if row.get(resource, name) == Some(&Value::Null) {
        row.set(resource, name, value.into());
    }
}
