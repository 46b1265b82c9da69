//! `create_invoice`: a payables invoice in its plain form, created once.
//!
//! The form names what an invoice usually takes; what else the resource knows passes through. The body is
//! the input's own text, so amounts arrive as they were spelt.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{SingleRecord, single};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::pod::Pod;
use crate::fusion::target::Target;
use crate::fusion::write;
use crate::problem::{Failure, Result};

/// See the module.
pub struct CreateInvoice;

/// An invoice, in Fusion's names. Further attributes of the invoice may be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Create an invoice")]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
pub struct Input {
    /// Number that the supplier gave it; one supplier cannot have two invoices with the same number.
    #[schemars(title = "Invoice number", length(min = 1, max = 50), extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    invoice_number: String,
    /// Amount of the whole invoice, tax included.
    #[schemars(title = "Amount", extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    invoice_amount: f64,
    /// Currency code, as in USD.
    #[schemars(title = "Currency", length(min = 3, max = 15), extend("x-connector-options" = {"source": "currencies", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 3))]
    invoice_currency: String,
    /// Business unit that owes it.
    #[schemars(title = "Business unit", length(min = 1), extend("x-connector-options" = {"source": "business_units", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 4))]
    business_unit: String,
    /// Name of the supplier.
    #[schemars(title = "Supplier", length(min = 1), extend("x-connector-options" = {"source": "suppliers", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 5))]
    supplier: String,
    /// Site of the supplier.
    #[schemars(title = "Supplier site", length(min = 1), extend("x-connector-options" = {"source": "supplier_sites", "depends-on": ["Supplier"], "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 6))]
    supplier_site: String,
    /// Date on the invoice; today where it is left out.
    #[schemars(title = "Invoice date", extend("format" = "date", "x-connector-order" = 7))]
    invoice_date: Option<String>,
    /// Date on which it is accounted.
    #[schemars(title = "Accounting date", extend("format" = "date", "x-connector-order" = 8))]
    accounting_date: Option<String>,
    /// Kind of invoice, as in Standard or Credit memo, in the user's language.
    #[schemars(title = "Type", extend("x-connector-order" = 9))]
    invoice_type: Option<String>,
    /// What it is about.
    #[schemars(title = "Description", extend("x-connector-order" = 10))]
    description: Option<String>,
    /// Terms of payment, as in Immediate.
    #[schemars(title = "Payment terms", extend("x-connector-options" = {"source": "payment_terms", "searchable": true}, "x-connector-order" = 11))]
    payment_terms: Option<String>,
    /// How it is paid, as in Check.
    #[schemars(title = "Payment method", extend("x-connector-visibility" = "advanced", "x-connector-order" = 12))]
    payment_method: Option<String>,
    /// Currency in which it is paid; that of the invoice where it is left out.
    #[schemars(title = "Payment currency", extend("x-connector-visibility" = "advanced", "x-connector-order" = 13))]
    payment_currency: Option<String>,
    /// Where it comes from, as in Manual invoice entry.
    #[schemars(title = "Source", extend("x-connector-visibility" = "advanced", "x-connector-order" = 14))]
    invoice_source: Option<String>,
    /// Lines.
    #[schemars(title = "Lines", extend("x-connector-visibility" = "important", "x-connector-order" = 15))]
    #[serde(rename = "invoiceLines")]
    lines: Option<Vec<Line>>,
}

/// A line of an invoice. Further attributes of the line may be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Line")]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
pub struct Line {
    /// Number within the invoice, from 1.
    #[schemars(title = "Number", range(min = 1))]
    line_number: Option<u64>,
    /// Item, Freight, Miscellaneous or Tax, in the user's language.
    #[schemars(title = "Type")]
    line_type: Option<String>,
    /// Amount of the line.
    #[schemars(title = "Amount")]
    line_amount: f64,
    /// What it is about.
    #[schemars(title = "Description")]
    description: Option<String>,
    /// Account to charge, its segments joined as the chart of accounts does.
    #[schemars(title = "Distribution combination")]
    distribution_combination: Option<String>,
    /// Purchase order to match.
    #[schemars(title = "Purchase order")]
    purchase_order_number: Option<String>,
    /// Line of the purchase order.
    #[schemars(title = "Purchase order line")]
    purchase_order_line_number: Option<u64>,
    /// Schedule of the purchase order's line.
    #[schemars(title = "Purchase order schedule")]
    purchase_order_schedule_line_number: Option<u64>,
    /// Distributions, where the line is charged to several accounts.
    #[schemars(title = "Distributions")]
    #[serde(rename = "invoiceDistributions")]
    distributions: Option<Vec<Distribution>>,
}

/// A distribution of a line. Further attributes may be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Distribution")]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
pub struct Distribution {
    /// Number within the line, from 1.
    #[schemars(title = "Number", range(min = 1))]
    distribution_line_number: Option<u64>,
    /// As the line's type.
    #[schemars(title = "Type")]
    distribution_line_type: Option<String>,
    /// Amount of the distribution.
    #[schemars(title = "Amount")]
    distribution_amount: Option<f64>,
    /// Account to charge.
    #[schemars(title = "Distribution combination")]
    distribution_combination: Option<String>,
}

impl Action for CreateInvoice {
    const SPEC: Spec = Spec {
        id: "create_invoice",
        title: "Create an invoice",
        description: "Creates a payables invoice with its lines, once: the supplier's invoice number is its business key, and an invoice that exists already with the same values is answered instead of a second one.",
        group: "Payables",
        effect: Effect::Create,
        idempotency: Idempotency::NaturalKey,
        paged: false,
        sample_input: r#"{"InvoiceNumber":"INV-1001","InvoiceAmount":2212.75,"InvoiceCurrency":"USD","BusinessUnit":"US1 Business Unit","Supplier":"Lee Supplies","SupplierSite":"Lee US1","InvoiceDate":"2026-02-01","invoiceLines":[{"LineNumber":1,"LineType":"Item","LineAmount":2212.75,"Description":"Chairs"}]}"#,
        sample_output: r#"{"record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","InvoiceAmount":2212.75}}"#,
    };
    type Input = Input;
    type Output = SingleRecord;

    fn run(pod: &Pod, _: Input, text: &str) -> Result<String> {
        let target = Target::known("invoices")?.ok_or_else(|| Failure::internal("the catalogue lacks invoices"))?;
        let created = write::create(pod, &target, text, &[])?;
        Ok(single(&created.record, &created.warnings))
    }
}
