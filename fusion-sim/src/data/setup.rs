//! The few tables that everything else refers to: business units, ledgers, legal entities,
//! currencies, payment terms and the lookups behind the invoice form.

use jiff::civil::date;

use crate::data::record::Record;

/// A business unit with what hangs on it.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) legal_entity: &'static str,
    pub(crate) ledger: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) country: &'static str,
    pub(crate) country_code: &'static str,
    pub(crate) liability: &'static str,
}

/// The business units; a supplier is at home in one of them.
pub(crate) const UNITS: [Unit; 4] = [
    Unit {
        name: "US1 Business Unit",
        legal_entity: "US1 Legal Entity",
        ledger: "US Primary Ledger",
        currency: "USD",
        country: "United States",
        country_code: "US",
        liability: "101.10.22110.000.000.000",
    },
    Unit {
        name: "UK Business Unit",
        legal_entity: "UK Trading Ltd",
        ledger: "UK Primary Ledger",
        currency: "GBP",
        country: "United Kingdom",
        country_code: "GB",
        liability: "301.10.22110.000.000.000",
    },
    Unit {
        name: "Germany Business Unit",
        legal_entity: "Deutsche Handels GmbH",
        ledger: "DE Primary Ledger",
        currency: "EUR",
        country: "Germany",
        country_code: "DE",
        liability: "401.10.22110.000.000.000",
    },
    Unit {
        name: "US Services Business Unit",
        legal_entity: "US Services, Inc.",
        ledger: "US Primary Ledger",
        currency: "USD",
        country: "United States",
        country_code: "US",
        liability: "102.10.22110.000.000.000",
    },
];

const LEDGERS: [(&str, &str); 3] =
    [("US Primary Ledger", "USD"), ("UK Primary Ledger", "GBP"), ("DE Primary Ledger", "EUR")];

const CURRENCIES: [(&str, &str, i64); 8] = [
    ("AUD", "Australian Dollar", 2),
    ("CAD", "Canadian Dollar", 2),
    ("CHF", "Swiss Franc", 2),
    ("EUR", "Euro", 2),
    ("GBP", "Pound Sterling", 2),
    ("INR", "Indian Rupee", 2),
    ("JPY", "Yen", 0),
    ("USD", "US Dollar", 2),
];

/// Payment terms: name, description, days.
pub(crate) const TERMS: [(&str, &str, i64); 5] = [
    ("Immediate", "Due at once", 0),
    ("Net 30", "Due in 30 days", 30),
    ("Net 45", "Due in 45 days", 45),
    ("Net 60", "Due in 60 days", 60),
    ("2/10 Net 30", "2% discount within 10 days, due in 30 days", 30),
];

const INVOICE_TYPES: [(&str, &str); 5] = [
    ("CREDIT", "Credit memo"),
    ("DEBIT", "Debit memo"),
    ("MIXED", "Mixed"),
    ("PREPAYMENT", "Prepayment"),
    ("STANDARD", "Standard"),
];

const SOURCES: [(&str, &str); 5] = [
    ("EDI GATEWAY", "Electronic invoice"),
    ("EXTERNAL", "External"),
    ("INVOICE GATEWAY", "Invoice gateway"),
    ("MANUAL INVOICE ENTRY", "Manual invoice entry"),
    ("SPREADSHEET", "Spreadsheet"),
];

const LINE_TYPES: [(&str, &str); 4] =
    [("FREIGHT", "Freight"), ("ITEM", "Item"), ("MISCELLANEOUS", "Miscellaneous"), ("TAX", "Tax")];

const METHODS: [(&str, &str); 4] =
    [("CHECK", "Check"), ("EFT", "Electronic"), ("OUTSOURCED_CHECK", "Outsourced Check"), ("WIRE", "Wire")];

/// The business unit of a row that belongs to the index.
pub(crate) fn unit(index: u64) -> &'static Unit {
    let at = usize::try_from(index % 4).unwrap_or(0);
    UNITS.get(at).unwrap_or(&UNITS[0])
}

/// The business unit of that exact name.
pub(crate) fn unit_named(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.name == name)
}

/// The id of a unit, a ledger or a legal entity by its place.
pub(crate) fn id(base: i64, index: u64) -> i64 {
    base.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(11))
}

/// First id of the business units.
pub(crate) const UNIT_ID: i64 = 300_000_046_987_012;
const LEDGER_ID: i64 = 300_000_046_975_971;
const ENTITY_ID: i64 = 300_000_046_973_970;
const TERMS_ID: i64 = 300_000_046_990_010;

fn ledger_id(name: &str) -> i64 {
    let at = LEDGERS.iter().position(|(ledger, _)| *ledger == name).unwrap_or(0);
    id(LEDGER_ID, u64::try_from(at).unwrap_or(0))
}

/// How many rows one of these tables has; `None` for any other.
pub(crate) fn count(name: &str) -> Option<u64> {
    let length = match name {
        "finBusinessUnitsLOV" | "payablesBusinessUnitsLOV" | "legalEntitiesLOV" => UNITS.len(),
        "ledgersLOV" => LEDGERS.len(),
        "currenciesLOV" => CURRENCIES.len(),
        "payablesPaymentTerms" | "payablesPaymentTermsLOV" => TERMS.len(),
        "invoiceTypesLOV" => INVOICE_TYPES.len(),
        "invoiceSourcesLOV" => SOURCES.len(),
        "invoiceLineTypesLOV" => LINE_TYPES.len(),
        "paymentMethodsLOV" => METHODS.len(),
        _ => return None,
    };
    u64::try_from(length).ok()
}

/// A row of one of these tables.
pub(crate) fn record(name: &str, index: u64) -> Option<Record> {
    let at = usize::try_from(index).ok()?;
    let lookup = |rows: &[(&'static str, &'static str)]| {
        rows.get(at).map(|(code, meaning)| Record::new().set("LookupCode", *code).set("Meaning", *meaning))
    };
    Some(match name {
        "finBusinessUnitsLOV" => {
            let unit = UNITS.get(at)?;
            Record::new()
                .set("BusinessUnitId", id(UNIT_ID, index))
                .set("BusinessUnitName", unit.name)
                .set("PrimaryLedgerId", ledger_id(unit.ledger))
                .set("LegalEntityId", id(ENTITY_ID, index))
                .set("EnabledForHRFlag", true)
        }
        "payablesBusinessUnitsLOV" => {
            let unit = UNITS.get(at)?;
            Record::new()
                .set("BusinessUnitId", id(UNIT_ID, index))
                .set("BusinessUnitName", unit.name)
                .set("PrimaryLedgerId", ledger_id(unit.ledger))
        }
        "legalEntitiesLOV" => Record::new()
            .set("LegalEntityId", id(ENTITY_ID, index))
            .set("Name", UNITS.get(at)?.legal_entity)
            .set("LegalEntityIdentifier", format!("LE{}", 1000 + index)),
        "ledgersLOV" => {
            let (name, currency) = LEDGERS.get(at)?;
            Record::new()
                .set("LedgerId", id(LEDGER_ID, index))
                .set("Name", *name)
                .set("LedgerName", *name)
                .set("LedgerCategoryCode", "PRIMARY")
                .set("CurrencyCode", *currency)
                .set("ChartOfAccountsId", 21_i64)
                .set("PeriodSetName", "Accounting Calendar")
        }
        "currenciesLOV" => {
            let (code, name, precision) = CURRENCIES.get(at)?;
            Record::new()
                .set("CurrencyCode", *code)
                .set("Name", *name)
                .set("Precision", *precision)
                .set("EnabledFlag", true)
        }
        "payablesPaymentTermsLOV" => {
            let (name, description, _) = TERMS.get(at)?;
            Record::new().set("TermsId", id(TERMS_ID, index)).set("TermsName", *name).set("Description", *description)
        }
        "payablesPaymentTerms" => Record::new()
            .set("termsId", id(TERMS_ID, index))
            .set("name", TERMS.get(at)?.0)
            .set("enabledFlag", true)
            .set("fromDate", date(2000, 1, 1))
            .set("toDate", date(4712, 12, 31))
            .set("createdBy", super::people::OPERATOR),
        "invoiceTypesLOV" => lookup(&INVOICE_TYPES)?,
        "invoiceSourcesLOV" => lookup(&SOURCES)?,
        "invoiceLineTypesLOV" => lookup(&LINE_TYPES)?,
        "paymentMethodsLOV" => {
            let (code, name) = METHODS.get(at)?;
            Record::new().set("PaymentMethodCode", *code).set("PaymentMethodName", *name)
        }
        _ => return None,
    })
}
