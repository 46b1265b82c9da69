//! The other documents: receivables invoices, payments, holds, journal batches, rates, events.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::data::invoices;
use crate::data::people::OPERATOR;
use crate::data::random::{Life, Random};
use crate::data::record::Record;
use crate::data::setup;
use crate::data::suppliers::Supplier;
use crate::store::Options;

fn life(options: &Options, table: &str, index: u64, count: u64) -> (Life, Random) {
    let mut random = Random::of(options.seed, table, index);
    let life = Life::of(options.start, &mut random, index, count);
    (life, random)
}

fn day(life: &Life) -> Date {
    life.created.to_zoned(TimeZone::UTC).date()
}

fn offset(base: i64, index: u64, step: i64) -> i64 {
    base.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(step))
}

/// A row of `receivablesInvoices`.
pub(crate) fn receivable(options: &Options, index: u64, count: u64) -> Record {
    let (life, mut random) = life(options, "receivablesInvoices", index, count);
    let unit = setup::unit(index);
    let customer = format!("{}", 1000 + random.below(25));
    let name = format!("Customer {customer}, Inc.");
    let lines = 1 + random.signed_below(3);
    let id = offset(300_000_200_000_005, index, 3);
    let mut total = Decimal::ZERO;
    let lines: Vec<Record> = (1..=lines)
        .map(|line| {
            let price = Decimal::new(random.signed_below(90_000).saturating_add(110), 2);
            let quantity = Decimal::from(1 + random.signed_below(9));
            let amount = price.checked_mul(quantity).unwrap_or(price);
            total = total.checked_add(amount).unwrap_or(total);
            Record::new()
                .set("CustomerTransactionLineId", id.saturating_mul(10).saturating_add(line))
                .set("LineNumber", Decimal::from(line))
                .set("Description", format!("Service {line}"))
                .set("Quantity", quantity)
                .set("UnitSellingPrice", price)
                .set("LineAmount", amount)
                .set("LineAmountIncludesTax", "Use tax rate code")
                .life(&life)
        })
        .collect();
    let closed = index.is_multiple_of(3);
    Record::new()
        .set("CustomerTransactionId", id)
        .set("TransactionNumber", (10_001 + index).to_string())
        .set("TransactionDate", day(&life))
        .set("AccountingDate", day(&life))
        .set("DueDate", day(&life).checked_add(30.days()).ok())
        .set("TransactionType", "Invoice")
        .set("TransactionSource", "Distributed Order Orchestration")
        .set("InvoiceCurrencyCode", unit.currency)
        .set("BusinessUnit", unit.name)
        .set("LegalEntityIdentifier", format!("LE{}", 1000 + index % 4))
        .set("BillToCustomerName", name.clone())
        .set("BillToCustomerNumber", customer.clone())
        .set("BillToSite", "45")
        .set("BillToPartyId", offset(999_999_999_998_800_001, index % 25, 1))
        .set("ShipToCustomerName", name.clone())
        .set("ShipToCustomerNumber", customer.clone())
        .set("PayingCustomerName", name)
        .set("PayingCustomerAccount", customer)
        .set("PaymentTerms", "Net 30")
        .set("PurchaseOrder", index.is_multiple_of(2).then(|| format!("{:012}", 10_350_610_000 + index)))
        .set("InvoiceStatus", if index % 20 == 19 { "Pending approval" } else { "Complete" })
        .set("PrintOption", "Yes")
        .set("DefaultTaxationCountry", unit.country_code)
        .set("EnteredAmount", total)
        .set("InvoiceBalanceAmount", if closed { Decimal::new(0, 2) } else { total })
        .set("Prepayment", "No")
        .set("Intercompany", "No")
        .life(&life)
        .child("receivablesInvoiceLines", lines)
}

/// A row of `payablesPayments`; it pays one invoice.
pub(crate) fn payment(options: &Options, index: u64, count: u64) -> Record {
    let (life, mut random) = life(options, "payablesPayments", index, count);
    let supplier = Supplier::at(random.below(super::suppliers::COUNT));
    let amount = Decimal::new(random.signed_below(5_000_000).saturating_add(101), 2);
    let id = offset(300_000_300_000_009, index, 7);
    let related = Record::new()
        .set("InvoicePaymentId", id.saturating_add(1_000_000))
        .set("CheckId", id)
        .set("InvoiceId", invoices::id(index))
        .set("InvoiceNumber", invoices::number(index))
        .set("InvoiceCurrency", supplier.unit.currency)
        .set("InvoicePaymentAmount", amount)
        .set("AmountPaidInvoiceCurrency", amount)
        .set("AmountPaidPaymentCurrency", amount)
        .set("InstallmentNumber", 1_i64)
        .life(&life);
    Record::new()
        .set("CheckId", id)
        .set("PaymentId", id)
        .set("PaymentNumber", offset(20_001, index, 1))
        .set("PaymentDate", day(&life))
        .set("AccountingDate", day(&life))
        .set("PaymentAmount", amount)
        .set("PaymentCurrency", supplier.unit.currency)
        .set("PaymentStatus", if index % 7 == 3 { "Voided" } else { "Negotiable" })
        .set("VoidDate", (index % 7 == 3).then(|| day(&life)))
        .set("Payee", supplier.name())
        .set("PayeeSite", supplier.site())
        .set("SupplierNumber", supplier.number())
        .set("BusinessUnit", supplier.unit.name)
        .set("LegalEntity", supplier.unit.legal_entity)
        .set("DisbursementBankAccountName", "Operating Account")
        .set("PaymentMethod", "Check")
        .set("PaymentMethodCode", "CHECK")
        .set("ReconciledFlag", index.is_multiple_of(2))
        .life(&life)
        .child("relatedInvoices", vec![related])
}

/// A row of `invoiceHolds`.
pub(crate) fn hold(options: &Options, index: u64, count: u64) -> Record {
    let (life, _) = life(options, "invoiceHolds", index, count);
    Record::new()
        .set("HoldId", offset(300_000_310_000_001, index, 1))
        .set("HoldName", if index.is_multiple_of(2) { "Amount" } else { "Line Variance" })
        .set("HoldReason", "Invoice amount does not match")
        .set("HoldDate", day(&life))
        .set("HeldBy", OPERATOR)
        .set("InvoiceNumber", invoices::number(index * 10))
        .life(&life)
}

/// A row of `journalBatches`, balanced.
pub(crate) fn journal(options: &Options, index: u64, count: u64) -> Record {
    let (life, mut random) = life(options, "journalBatches", index, count);
    let amount = Decimal::new(random.signed_below(9_000_000).saturating_add(500), 2);
    let period = day(&life).strftime("%b-%y").to_string();
    let line = |number: i64, debit: Option<Decimal>, credit: Option<Decimal>| {
        Record::new()
            .set("JeLineNumber", number)
            .set("AccountCombination", format!("101.10.{}.000.000.000", 60_000 + number * 510))
            .set("EnteredDr", debit)
            .set("EnteredCr", credit)
            .set("AccountedDr", debit)
            .set("AccountedCr", credit)
            .set("CurrencyCode", "USD")
            .life(&life)
    };
    let header = Record::new()
        .set("JournalName", format!("Adjustment {} USD", 1 + index))
        .set("JournalDescription", "Monthly adjustment")
        .set("LedgerName", "US Primary Ledger")
        .set("CurrencyCode", "USD")
        .set("PeriodName", period.clone())
        .set("UserJeCategoryName", "Adjustment")
        .set("RunningTotalDr", amount)
        .set("RunningTotalCr", amount)
        .life(&life)
        .child("journalLines", vec![line(1, Some(amount), None), line(2, None, Some(amount))]);
    let posted = !index.is_multiple_of(4);
    Record::new()
        .set("JeBatchId", offset(300_000_400_000_011, index, 17))
        .set("BatchName", format!("Adjustment {}", 1 + index))
        .set("BatchDescription", "Monthly adjustment")
        .set("DefaultPeriodName", period)
        .set("UserJeSourceName", "Manual")
        .set("ActualFlagMeaning", "Actual")
        .set("Status", if posted { "P" } else { "U" })
        .set("StatusMeaning", if posted { "Posted" } else { "Unposted" })
        .set("PostedDate", posted.then(|| day(&life)))
        .set("RunningTotalDr", amount)
        .set("RunningTotalCr", amount)
        .set("RunningTotalAccountedDr", amount)
        .set("RunningTotalAccountedCr", amount)
        .life(&life)
        .child("journalHeaders", vec![header])
}

/// A row of `currencyRates`: three currencies against the dollar, day by day.
pub(crate) fn rate(index: u64) -> Record {
    let (currency, base) = match index % 3 {
        0 => ("EUR", 108_250),
        1 => ("GBP", 126_910),
        _ => ("CAD", 73_080),
    };
    let back = i64::try_from(index / 3).unwrap_or(0);
    Record::new()
        .set("FromCurrency", currency)
        .set("ToCurrency", "USD")
        .set("UserConversionType", "Corporate")
        .set("ConversionType", "Corporate")
        .set("ConversionDate", date(2026, 1, 31).checked_sub(back.days()).ok())
        .set("ConversionRate", Decimal::new(base + back, 5))
}

/// A row of `erpBusinessEvents`.
pub(crate) fn event(options: &Options, index: u64, count: u64) -> Record {
    let (life, _) = life(options, "erpBusinessEvents", index, count);
    let code = match index {
        0 => "AP_INVOICE_CREATED",
        1 => "AP_INVOICE_VALIDATED",
        _ => "ERP_IMPORT_BULK_DATA",
    };
    Record::new()
        .set("ErpBusinessEventId", offset(300_000_500_000_001, index, 1))
        .set("BusinessEventCode", code)
        .set("BusinessEventIdentifier", code.to_lowercase())
        .set("EnabledFlag", index == 2)
        .life(&life)
}

/// A row of `crossReferenceRelationships`: its key has a null part (FACTS 1.7).
pub(crate) fn cross_reference(options: &Options, index: u64, count: u64) -> Record {
    let (life, _) = life(options, "crossReferenceRelationships", index, count);
    let all = !index.is_multiple_of(3);
    Record::new()
        .set("ItemRelationshipId", offset(100_000_000_600_001, index, 9))
        .set("MasterOrganizationId", 300_000_002_332_353_i64)
        .set("MasterOrganizationCode", "000")
        .set("InventoryItemId", offset(100_000_000_500_001, index, 5))
        .set("Item", (4_300_000 + index).to_string())
        .set("CrossReferenceType", "UPC")
        .set("CrossReference", (640_410_000_000 + index * 101).to_string())
        .set("ApplyToAllOrganizationFlag", all)
        .set("ApplicableOrganizationId", (!all).then_some(300_000_002_332_360_i64))
        .set("ApplicableOrganizationCode", (!all).then_some("M1"))
        .set("CreationDateTime", life.created)
        .set("LastUpdateDateTime", life.updated)
        .set("CreatedBy", OPERATOR)
        .set("LastUpdatedBy", OPERATOR)
        .set("LastUpdateLogin", format!("{:032X}", 0x2B60_8B0D_u64 + index))
}
