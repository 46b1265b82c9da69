//! An invoice of the pod, made from rows of the interface tables as the import makes it.

use jiff::ToSpan as _;

use super::check::{Found, FoundLine};
use super::{Document, Layouts};
use crate::data::setup;
use crate::metadata;
use crate::model::{Resource, Root, Row, Value};
use crate::store::{Context, Store};

/// Creates the invoice. It is not validated yet, as every imported one.
pub(super) fn create(store: &mut Store, layouts: Layouts, document: &Document, found: &Found, context: &Context) {
    let Some(resource) = metadata::resource(Root::Fscm, "invoices") else { return };
    let id = store.next_id();
    let mut row = blank(resource, context);
    let mut set = |name: &str, value: Value| {
        row.set(resource, name, value);
    };
    let text = |value: &str| Value::from(value);
    let header = |column: &str| Value::from(document.header.get(layouts.header, column).map(str::to_owned));
    set("InvoiceId", id.into());
    set("InvoiceNumber", text(&found.number));
    set("InvoiceCurrency", text(&found.currency));
    let payment = document.header.get(layouts.header, "PAYMENT_CURRENCY_CODE");
    set("PaymentCurrency", text(payment.unwrap_or(&found.currency)));
    set("InvoiceAmount", found.amount.into());
    set("InvoiceDate", found.date.into());
    let terms_date = document.header.get(layouts.header, "TERMS_DATE").and_then(|date| date.parse().ok());
    set("TermsDate", terms_date.unwrap_or(found.date).into());
    set("AccountingDate", found.accounting.into());
    set("BudgetDate", found.accounting.into());
    set("BusinessUnit", text(&found.unit));
    set("Supplier", text(&found.supplier.name));
    set("Party", text(&found.supplier.name));
    set("SupplierNumber", text(&found.supplier.number));
    set("SupplierSite", found.site.as_ref().map(|site| site.name.clone()).into());
    set("PartySite", found.site.as_ref().and_then(|site| site.address.clone()).into());
    set("Description", header("DESCRIPTION"));
    set("InvoiceGroup", header("GROUP_ID"));
    set("InvoiceSourceCode", text(&found.source.0));
    set("InvoiceSource", text(&found.source.1));
    set("InvoiceType", text(&found.kind));
    set("PaymentTerms", found.terms.clone().into());
    set("PayGroup", header("PAY_GROUP_LOOKUP_CODE"));
    set("VoucherNumber", header("VOUCHER_NUM"));
    set("PaymentMethodCode", found.method.as_ref().map(|(code, _)| code.clone()).into());
    set("PaymentMethod", found.method.as_ref().map(|(_, name)| name.clone()).into());
    if let Some(unit) = setup::unit_named(&found.unit) {
        set("LegalEntity", text(unit.legal_entity));
        set("LiabilityDistribution", text(unit.liability));
        set("TaxationCountry", text(unit.country));
    }
    set("PayAloneFlag", false.into());
    set("ValidationStatus", text("Not validated"));
    set("ApprovalStatus", text("Not required"));
    set("PaidStatus", text("Unpaid"));
    set("AccountingStatus", text("Unaccounted"));
    set("CanceledFlag", false.into());
    set("AmountPaid", rust_decimal::Decimal::ZERO.into());
    let lines = resource.child("invoiceLines").map(|child| {
        let rows = document.lines.iter().zip(&found.lines);
        let made = rows.map(|(given, line)| {
            let given = |column: &str| given.get(layouts.line, column).map(str::to_owned);
            self::line(store, child, line, &given, context)
        });
        made.collect::<Vec<Row>>()
    });
    let installment = resource.child("invoiceInstallments").map(|child| installment(child, found, context));
    for child in &resource.children {
        let rows = row.child_mut(&child.name);
        match child.name.as_str() {
            "invoiceLines" => rows.extend(lines.clone().unwrap_or_default()),
            "invoiceInstallments" => rows.extend(installment.clone()),
            _ => {}
        }
    }
    store.insert(resource, row);
}

fn blank(resource: &Resource, context: &Context) -> Row {
    let mut row = Row::empty(resource);
    for name in ["CreationDate", "LastUpdateDate"] {
        row.set(resource, name, context.now.into());
    }
    for name in ["CreatedBy", "LastUpdatedBy"] {
        row.set(resource, name, context.user.as_str().into());
    }
    row
}

fn line(
    store: &mut Store,
    child: &Resource,
    found: &FoundLine,
    given: &dyn Fn(&str) -> Option<String>,
    context: &Context,
) -> Row {
    let mut row = blank(child, context);
    let account = found.account.clone().unwrap_or_default();
    for (name, value) in [
        ("LineNumber", found.number.into()),
        ("LineAmount", found.amount.into()),
        ("AccountingDate", found.accounting.into()),
        ("BudgetDate", found.accounting.into()),
        ("LineType", Value::from(found.kind.as_str())),
        ("Description", given("DESCRIPTION").into()),
        ("DistributionCombination", account.as_str().into()),
        ("PurchaseOrderNumber", given("PO_NUMBER").into()),
        ("TaxClassification", given("TAX_CLASSIFICATION_CODE").into()),
        ("AssessableValue", found.amount.into()),
        ("TrackAsAssetFlag", (given("ASSETS_TRACKING_FLAG").as_deref() == Some("Y")).into()),
        ("DiscardedFlag", false.into()),
        ("CanceledFlag", false.into()),
        ("GenerateDistributions", if account.is_empty() { "Y" } else { "D" }.into()),
        ("MatchType", "NOT_MATCHED".into()),
    ] {
        row.set(child, name, value);
    }
    for grandchild in &child.children {
        row.child_mut(&grandchild.name);
    }
    if let (Some(distributions), false) = (child.child("invoiceDistributions"), account.is_empty()) {
        let mut made = blank(distributions, context);
        for (name, value) in [
            ("InvoiceDistributionId", store.next_id().into()),
            ("DistributionLineNumber", 1_i64.into()),
            ("DistributionLineType", Value::from(found.kind.as_str())),
            ("DistributionAmount", found.amount.into()),
            ("DistributionCombination", account.as_str().into()),
            ("AccountingDate", found.accounting.into()),
            ("BudgetDate", found.accounting.into()),
            ("CanceledFlag", false.into()),
        ] {
            made.set(distributions, name, value);
        }
        row.child_mut("invoiceDistributions").push(made);
    }
    row
}

/// The one installment that terms without stages give, due after thirty days.
fn installment(child: &Resource, found: &Found, context: &Context) -> Row {
    let mut row = blank(child, context);
    for (name, value) in [
        ("InstallmentNumber", 1_i64.into()),
        ("GrossAmount", Value::from(found.amount)),
        ("UnpaidAmount", found.amount.into()),
        ("DueDate", found.date.checked_add(30.days()).ok().into()),
        ("HoldFlag", false.into()),
        ("PaymentPriority", 99_i64.into()),
        ("PaymentMethod", found.method.as_ref().map(|(_, name)| name.clone()).into()),
        ("PaymentMethodCode", found.method.as_ref().map(|(code, _)| code.clone()).into()),
    ] {
        row.set(child, name, value);
    }
    row
}
