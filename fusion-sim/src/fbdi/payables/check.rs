//! The rules of an invoice import, and the codes of AP_INTERFACE_REJECTIONS that they reject with.
//!
//! Promises that every rule is asked, so that a rejected invoice names all that is wrong with it. Never writes a row.

use std::collections::HashSet;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::suppliers::{Directory, Site, Supplier};
use super::{Document, Layouts};
use crate::fbdi::Run;
use crate::fbdi::reference::{self, text};
use crate::fbdi::tables::Line;
use crate::metadata;
use crate::model::Root;
use crate::store::Store;

/// What the header stands for, once it is known to be right.
pub(super) struct Found {
    pub(super) unit: String,
    pub(super) supplier: Supplier,
    pub(super) site: Option<Site>,
    pub(super) number: String,
    pub(super) amount: Decimal,
    pub(super) currency: String,
    pub(super) date: Date,
    pub(super) accounting: Date,
    /// Meanings: `Standard`, `Manual invoice entry`, `Item` for each line.
    pub(super) kind: String,
    pub(super) source: (String, String),
    pub(super) terms: Option<String>,
    pub(super) method: Option<(String, String)>,
    pub(super) lines: Vec<FoundLine>,
}

/// What a line stands for.
pub(super) struct FoundLine {
    pub(super) number: i64,
    pub(super) kind: String,
    pub(super) amount: Decimal,
    pub(super) accounting: Date,
    pub(super) account: Option<String>,
}

/// The pod's setup, read once for a run.
pub(super) struct Rules {
    today: Date,
    accounting: Option<Date>,
    units: Vec<reference::Unit>,
    ledgers: Vec<reference::Ledger>,
    directory: Directory,
    currencies: Vec<(String, String)>,
    terms: HashSet<String>,
    kinds: Vec<(String, String)>,
    sources: Vec<(String, String)>,
    line_kinds: Vec<(String, String)>,
    methods: Vec<(String, String)>,
    /// Supplier and number of the invoices that were written since the start.
    written: HashSet<(String, String)>,
}

impl Rules {
    pub(super) fn new(store: &Store, run: &Run<'_>) -> Self {
        let mut written = HashSet::new();
        if let Some(invoices) = metadata::resource(Root::Fscm, "invoices") {
            for row in store.written(invoices) {
                if let (Some(supplier), Some(number)) =
                    (text(invoices, row, "Supplier"), text(invoices, row, "InvoiceNumber"))
                {
                    written.insert((supplier.to_owned(), number.to_owned()));
                }
            }
        }
        let terms = reference::pairs(store, "payablesPaymentTermsLOV", "TermsName", "TermsName");
        Self {
            today: run.context().today(),
            accounting: run.argument(4).and_then(|date| date.replace('/', "-").parse().ok()),
            units: reference::units(store),
            ledgers: reference::ledgers(store),
            directory: Directory::new(store),
            currencies: reference::pairs(store, "currenciesLOV", "CurrencyCode", "Name"),
            terms: terms.into_iter().map(|(name, _)| name).collect(),
            kinds: reference::pairs(store, "invoiceTypesLOV", "LookupCode", "Meaning"),
            sources: reference::pairs(store, "invoiceSourcesLOV", "LookupCode", "Meaning"),
            line_kinds: reference::pairs(store, "invoiceLineTypesLOV", "LookupCode", "Meaning"),
            methods: reference::pairs(store, "paymentMethodsLOV", "PaymentMethodCode", "PaymentMethodName"),
            written,
        }
    }

    /// Notes on the document what is wrong with it; what it stands for where its header is whole.
    pub(super) fn check(&mut self, store: &Store, layouts: Layouts, document: &mut Document) -> Option<Found> {
        let mut header = Checked { line: &mut document.header, layout: layouts.header };
        let unit = header.need("OPERATING_UNIT", "NO OPERATING UNIT");
        let unit = unit.filter(|name| {
            self.units.iter().any(|unit| unit.name == *name) || {
                header.reject("INVALID OPERATING UNIT", "OPERATING_UNIT");
                false
            }
        });
        let number = header.need("INVOICE_NUM", "NO INVOICE NUMBER");
        let supplier = self.supplier(&mut header);
        let site = supplier.as_ref().and_then(|supplier| self.site(&mut header, supplier, unit.as_deref()));
        if let (Some(supplier), Some(number)) = (&supplier, &number)
            && self.is_used(store, supplier, number)
        {
            header.reject("DUPLICATE INVOICE NUMBER", "INVOICE_NUM");
        }
        let amount = header.decimal("INVOICE_AMOUNT");
        if amount.is_none() {
            header.reject("INVALID INVOICE AMOUNT", "INVOICE_AMOUNT");
        }
        let kind = self.kind(&mut header, amount);
        let source = header.get("SOURCE").and_then(|source| lookup(&self.sources, &source));
        if source.is_none() {
            header.reject("INVALID SOURCE", "SOURCE");
        }
        let currency = self.currency(&mut header, unit.as_deref(), site.as_ref());
        let date = header.date("INVOICE_DATE").unwrap_or(self.today);
        let accounting = header.date("GL_DATE").or(self.accounting).unwrap_or(date);
        if !reference::is_open(accounting, self.today) {
            header.reject("ACCT DATE NOT IN OPEN PD", "GL_DATE");
        }
        let terms = header.get("TERMS_NAME");
        if terms.as_ref().is_some_and(|terms| !self.terms.contains(terms)) {
            header.reject("INVALID TERMS", "TERMS_NAME");
        }
        let method = header.get("PAYMENT_METHOD_CODE");
        let known = method.as_deref().and_then(|method| lookup(&self.methods, method));
        if method.is_some() && known.is_none() {
            header.reject("INVALID PAYMENT METHOD", "PAYMENT_METHOD_CODE");
        }
        let lines = self.lines(layouts, document, amount, accounting);
        Some(Found {
            unit: unit?,
            supplier: supplier?,
            terms: terms.or_else(|| site.as_ref()?.terms.clone()),
            site,
            number: number?,
            amount: amount?,
            currency: currency?,
            date,
            accounting,
            kind: kind?,
            source: source?,
            method: known,
            lines,
        })
    }

    fn supplier(&self, header: &mut Checked<'_>) -> Option<Supplier> {
        let (name, number) = (header.get("VENDOR_NAME"), header.get("VENDOR_NUM"));
        if name.is_none() && number.is_none() {
            header.reject("NO SUPPLIER", "VENDOR_NAME");
            return None;
        }
        let by_number = number.as_deref().map(|number| self.directory.numbered(number));
        let by_name = name.as_deref().map(|name| self.directory.named(name));
        match (by_name, by_number) {
            (Some(Some(named)), Some(Some(numbered))) if named.name != numbered.name => {
                header.reject("INCONSISTENT SUPPLIER", "VENDOR_NUM");
                None
            }
            (Some(Some(found)), Some(Some(_)) | None) | (None, Some(Some(found))) => Some(found.clone()),
            (Some(None), _) => {
                header.reject("INVALID SUPPLIER", "VENDOR_NAME");
                None
            }
            _ => {
                header.reject("INVALID SUPPLIER", "VENDOR_NUM");
                None
            }
        }
    }

    fn site(&self, header: &mut Checked<'_>, supplier: &Supplier, unit: Option<&str>) -> Option<Site> {
        let fits = |site: &&Site| unit.is_none_or(|unit| site.units.iter().any(|known| known == unit));
        match header.get("VENDOR_SITE_CODE") {
            Some(code) => {
                let found = supplier.sites.iter().filter(fits).find(|site| site.name == code);
                if found.is_none() {
                    header.reject("INVALID SUPPLIER SITE", "VENDOR_SITE_CODE");
                }
                found.cloned()
            }
            None => {
                let mut fitting = supplier.sites.iter().filter(fits);
                let only = fitting.next().filter(|_| fitting.next().is_none());
                if only.is_none() {
                    header.reject("NO SUPPLIER SITE", "VENDOR_SITE_CODE");
                }
                only.cloned()
            }
        }
    }

    /// The number is used once per supplier, here as over REST (FACTS 3.8).
    fn is_used(&self, store: &Store, supplier: &Supplier, number: &str) -> bool {
        if self.written.contains(&(supplier.name.clone(), number.to_owned())) {
            return true;
        }
        let Some(invoices) = metadata::resource(Root::Fscm, "invoices") else { return false };
        let positions = store.lookup_computed(invoices, "InvoiceNumber", &number.into());
        positions
            .iter()
            .filter_map(|position| store.row(invoices, position))
            .any(|row| text(invoices, &row, "Supplier") == Some(&*supplier.name))
    }

    fn kind(&self, header: &mut Checked<'_>, amount: Option<Decimal>) -> Option<String> {
        let negative = amount.is_some_and(|amount| amount < Decimal::ZERO);
        let code = header.get("INVOICE_TYPE_LOOKUP_CODE");
        let code = code.unwrap_or_else(|| if negative { "CREDIT" } else { "STANDARD" }.to_owned());
        let Some((code, meaning)) = self.kinds.iter().find(|(known, _)| *known == code) else {
            header.reject("INVALID INV TYPE LOOKUP", "INVOICE_TYPE_LOOKUP_CODE");
            return None;
        };
        let positive = amount.is_some_and(|amount| amount > Decimal::ZERO);
        let wrong = match code.as_str() {
            "STANDARD" | "PREPAYMENT" => negative,
            "CREDIT" | "DEBIT" => positive,
            _ => false,
        };
        if wrong {
            header.reject("INCONSISTENT INV TYPE/AMT", "INVOICE_TYPE_LOOKUP_CODE");
        }
        Some(meaning.clone())
    }

    fn currency(&self, header: &mut Checked<'_>, unit: Option<&str>, site: Option<&Site>) -> Option<String> {
        let Some(code) = header.get("INVOICE_CURRENCY_CODE") else {
            let unit = self.units.iter().find(|known| Some(known.name.as_str()) == unit)?;
            let ledger = self.ledgers.iter().find(|ledger| ledger.id == unit.ledger)?;
            return Some(site.and_then(|site| site.currency.clone()).unwrap_or_else(|| ledger.currency.clone()));
        };
        if !self.currencies.iter().any(|(known, _)| *known == code) {
            header.reject("INVALID CURRENCY CODE", "INVOICE_CURRENCY_CODE");
        }
        Some(code)
    }

    fn lines(
        &self,
        layouts: Layouts,
        document: &mut Document,
        amount: Option<Decimal>,
        accounting: Date,
    ) -> Vec<FoundLine> {
        let mut found: Vec<FoundLine> = Vec::new();
        for line in &mut document.lines {
            let mut line = Checked { line, layout: layouts.line };
            let number = line.get("LINE_NUMBER").and_then(|number| number.parse().ok());
            let number = number.unwrap_or_else(|| i64::try_from(found.len()).unwrap_or(0).saturating_add(1));
            if found.iter().any(|other| other.number == number) {
                line.reject("DUPLICATE LINE NUMBER", "LINE_NUMBER");
            }
            let kind = line.get("LINE_TYPE_LOOKUP_CODE").and_then(|code| lookup(&self.line_kinds, &code));
            if kind.is_none() {
                line.reject("INVALID LINE TYPE LOOKUP", "LINE_TYPE_LOOKUP_CODE");
            }
            let line_amount = line.decimal("AMOUNT");
            if line_amount.is_none() {
                line.reject("LINE AMOUNT IS NULL", "AMOUNT");
            }
            let day = line.date("ACCOUNTING_DATE").unwrap_or(accounting);
            if !reference::is_open(day, self.today) {
                line.reject("ACCT DATE NOT IN OPEN PD", "ACCOUNTING_DATE");
            }
            let account = line.get("DIST_CODE_CONCATENATED");
            if account.as_deref().is_some_and(|account| !reference::is_account(account)) {
                line.reject("INVALID DISTRIBUTION ACCT", "DIST_CODE_CONCATENATED");
            }
            found.push(FoundLine {
                number,
                kind: kind.map(|(_, meaning)| meaning).unwrap_or_default(),
                amount: line_amount.unwrap_or_default(),
                accounting: day,
                account,
            });
        }
        let mut header = Checked { line: &mut document.header, layout: layouts.header };
        if found.is_empty() {
            header.reject("NO INVOICE LINES", "INVOICE_ID");
        } else if let Some(amount) = amount
            && found.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount)) != Some(amount)
        {
            header.reject("INVALID INVOICE AMOUNT", "INVOICE_AMOUNT");
        }
        found
    }
}

/// A row under examination.
struct Checked<'a> {
    line: &'a mut Line,
    layout: &'static crate::fbdi::layout::Layout,
}

impl Checked<'_> {
    fn get(&self, column: &str) -> Option<String> {
        self.line.get(self.layout, column).map(str::to_owned)
    }

    fn reject(&mut self, code: &str, column: &str) {
        self.line.reject(self.layout, code, column);
    }

    fn need(&mut self, column: &str, code: &str) -> Option<String> {
        let value = self.get(column);
        if value.is_none() {
            self.reject(code, column);
        }
        value
    }

    fn decimal(&self, column: &str) -> Option<Decimal> {
        let text = self.get(column)?;
        if text.contains(['e', 'E']) { Decimal::from_scientific(&text).ok() } else { text.parse().ok() }
    }

    fn date(&self, column: &str) -> Option<Date> {
        self.get(column)?.parse().ok()
    }
}

/// The code and meaning of a lookup, by either.
fn lookup(list: &[(String, String)], wanted: &str) -> Option<(String, String)> {
    list.iter().find(|(code, meaning)| code == wanted || meaning.eq_ignore_ascii_case(wanted)).cloned()
}
