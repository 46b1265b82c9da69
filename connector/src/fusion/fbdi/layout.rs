//! The layouts of Oracle's interface CSVs: which columns a file has, in which order, and what they hold.
//!
//! They lie in the component as text, and only the block of a file that is wanted is read. A title that a
//! person wrote is matched here, so that "Invoice Number", `InvoiceNumber` and `INVOICE_NUM` are one column.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::packed;

static TEXT: LazyLock<String> = LazyLock::new(|| packed::text("layouts.txt"));

/// Titles that people write, beside Oracle's names and what [`FileLayout::find`] makes of them by itself.
/// The left side is bare (capitals and digits), the right side holds columns of which a file has one.
const TITLES: &[(&str, &[&str])] = &[
    ("BUSINESSUNIT", &["OPERATING_UNIT", "BUSINESS_UNIT", "PROCUREMENT_BUSINESS_UNIT_NAME", "PRC_BU_NAME"]),
    ("BU", &["OPERATING_UNIT", "BUSINESS_UNIT", "PRC_BU_NAME"]),
    ("CURRENCY", &["INVOICE_CURRENCY_CODE", "CURRENCY_CODE", "PROJECT_CURRENCY_CODE"]),
    ("INVOICECURRENCY", &["INVOICE_CURRENCY_CODE"]),
    ("INVOICETYPE", &["INVOICE_TYPE_LOOKUP_CODE"]),
    ("AMOUNT", &["AMOUNT", "INVOICE_AMOUNT"]),
    ("LINEAMOUNT", &["AMOUNT"]),
    ("LINETYPE", &["LINE_TYPE_LOOKUP_CODE", "LINE_TYPE"]),
    ("SUPPLIER", &["VENDOR_NAME"]),
    ("SUPPLIERNUMBER", &["VENDOR_NUM", "SEGMENT1"]),
    ("SUPPLIERSITE", &["VENDOR_SITE_CODE"]),
    ("SITE", &["VENDOR_SITE_CODE"]),
    ("ADDRESSNAME", &["PARTY_SITE_NAME"]),
    ("PAYMENTTERMS", &["TERMS_NAME"]),
    ("TERMS", &["TERMS_NAME"]),
    ("IMPORTSET", &["GROUP_ID"]),
    ("INVOICEGROUP", &["GROUP_ID"]),
    ("DISTRIBUTIONCOMBINATION", &["DIST_CODE_CONCATENATED"]),
    ("ACCOUNT", &["DIST_CODE_CONCATENATED"]),
    ("DISTRIBUTIONSET", &["DISTRIBUTION_SET_NAME"]),
    ("JOURNALSOURCE", &["USER_JE_SOURCE_NAME"]),
    ("JOURNALCATEGORY", &["USER_JE_CATEGORY_NAME"]),
    ("SOURCE", &["SOURCE", "USER_JE_SOURCE_NAME"]),
    ("CATEGORY", &["USER_JE_CATEGORY_NAME", "CATEGORY"]),
    ("JOURNALSTATUS", &["STATUS"]),
    ("STATUSCODE", &["STATUS"]),
    ("EFFECTIVEDATEOFTRANSACTION", &["ACCOUNTING_DATE"]),
    ("JOURNALENTRYCREATIONDATE", &["DATE_CREATED"]),
    ("CREATIONDATE", &["DATE_CREATED"]),
    ("LEDGER", &["LEDGER_NAME"]),
    ("PERIOD", &["PERIOD_NAME"]),
    ("DEBIT", &["ENTERED_DR"]),
    ("ENTEREDDEBIT", &["ENTERED_DR"]),
    ("ENTEREDDEBITAMOUNT", &["ENTERED_DR"]),
    ("CREDIT", &["ENTERED_CR"]),
    ("ENTEREDCREDIT", &["ENTERED_CR"]),
    ("ENTEREDCREDITAMOUNT", &["ENTERED_CR"]),
    ("ACCOUNTEDDEBIT", &["ACCOUNTED_DR"]),
    ("CONVERTEDDEBITAMOUNT", &["ACCOUNTED_DR"]),
    ("ACCOUNTEDCREDIT", &["ACCOUNTED_CR"]),
    ("CONVERTEDCREDITAMOUNT", &["ACCOUNTED_CR"]),
    ("BATCHNAME", &["REFERENCE1", "BATCH_NAME"]),
    ("JOURNALBATCH", &["REFERENCE1"]),
    ("JOURNALNAME", &["REFERENCE4"]),
    ("JOURNALENTRYNAME", &["REFERENCE4"]),
    ("LINEDESCRIPTION", &["REFERENCE10", "DESCRIPTION"]),
    ("JOURNALENTRYLINEDESCRIPTION", &["REFERENCE10"]),
    ("INTERFACEGROUPIDENTIFIER", &["GROUP_ID"]),
    ("ITEM", &["ITEM_NUMBER", "ITEM"]),
    ("ORGANIZATION", &["ORGANIZATION_CODE", "ORGANIZATION_NAME"]),
    ("BUYER", &["AGENT_NAME"]),
    ("ORDER", &["DOCUMENT_NUM"]),
    ("PURCHASEORDER", &["PO_NUMBER", "DOCUMENT_NUM"]),
    ("ORDERNUMBER", &["DOCUMENT_NUM"]),
    ("UOM", &["UNIT_OF_MEASURE", "UOM_CODE", "PRIMARY_UOM_CODE", "UNIT_OF_MEAS_LOOKUP_CODE"]),
    ("ACCOUNTNUMBER", &["ACCOUNT_NUMBER"]),
    ("CUSTOMERNAME", &["ORGANIZATION_NAME"]),
    ("TRANSACTIONNUMBER", &["TRX_NUMBER"]),
    ("TRANSACTIONDATE", &["TRX_DATE", "EXPENDITURE_ITEM_DATE"]),
];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, taken as it is.
    Text,
    /// A day.
    Date,
    /// A day with a time.
    Moment,
    /// A decimal number.
    Number,
}

/// One column; its place in the list is its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Oracle's name without the number of a run.
    stem: &'static str,
    /// The number of a run, or `None`.
    number: Option<u16>,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// Oracle's name, as `GLOBAL_ATTRIBUTE12`; empty where it is not known.
    pub fn name(&self) -> String {
        match self.number {
            Some(number) => format!("{}{number}", self.stem),
            None => self.stem.to_owned(),
        }
    }

    /// Whether its name is known.
    pub fn is_named(&self) -> bool {
        !self.stem.is_empty()
    }
}

/// One interface CSV.
#[derive(Clone, Debug)]
pub struct FileLayout {
    /// Oracle's name, as `ApInvoicesInterface.csv`: it is fixed, and case counts (FACTS 3.6).
    pub name: &'static str,
    /// A name for its rows, as `AP_INVOICES_INTERFACE`.
    pub table: &'static str,
    /// Other names that are read.
    pub aliases: Vec<&'static str>,
    /// Its columns in order.
    pub columns: Vec<Column>,
    titles: HashMap<String, usize>,
}

impl FileLayout {
    /// The layout of a file of Oracle's name; `None` where it is not known.
    pub fn of(name: &str) -> Option<Self> {
        TEXT.split("\n= ").skip(1).find_map(|block| {
            let (head, body) = block.split_once('\n')?;
            let mut head = head.split(' ');
            if head.next() != Some(name) {
                return None;
            }
            let name = block.split(' ').next()?;
            Some(Self::read(name, head.next()?, head.collect(), body))
        })
    }

    fn read(name: &'static str, table: &'static str, aliases: Vec<&'static str>, body: &'static str) -> Self {
        let mut columns = Vec::new();
        for token in body.split_whitespace() {
            let (stem, run) = token.split_once('{').unwrap_or((token, ""));
            let stem = if stem == "-" { "" } else { stem };
            let run = run.trim_end_matches('}');
            let (first, last) = match run.split_once("..") {
                Some((first, last)) => (first.parse().unwrap_or(1), last.parse().unwrap_or(0)),
                None => (1, run.parse().unwrap_or(1)),
            };
            let numbered = run.contains("..");
            for number in first..=last {
                columns.push(Column { stem, number: numbered.then_some(number), kind: kind(stem) });
            }
        }
        let titles = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.is_named())
            .map(|(at, column)| (bare(&column.name()), at))
            .collect();
        Self { name, table, aliases, columns, titles }
    }

    /// Where the column of Oracle's name stands, from 0.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|candidate| candidate.is_named() && candidate.name() == column)
    }

    /// Where the column stands that a person's title means: Oracle's name in any case, with or without
    /// spaces and underscores, a common title, or a name that differs in words as "Number" for `NUM`.
    pub fn find(&self, title: &str) -> Option<usize> {
        let bare = bare(title);
        if bare.is_empty() {
            return None;
        }
        if let Some(at) = self.titles.get(&bare) {
            return Some(*at);
        }
        if let Some((_, columns)) = TITLES.iter().find(|(known, _)| *known == bare)
            && let Some(at) = columns.iter().find_map(|column| self.position(column))
        {
            return Some(at);
        }
        let mut spellings = vec![bare.clone()];
        for (word, oracles) in [
            ("SUPPLIER", "VENDOR"),
            ("NUMBER", "NUM"),
            ("IDENTIFIER", "ID"),
            ("TRANSACTION", "TRX"),
            ("TYPE", "TYPELOOKUP"),
        ] {
            for spelling in spellings.clone() {
                if spelling.contains(word) {
                    spellings.push(spelling.replace(word, oracles));
                }
            }
        }
        let endings = ["", "CODE", "NAME", "LOOKUPCODE", "FLAG", "NUM"];
        spellings.iter().find_map(|spelling| {
            endings.iter().find_map(|ending| self.titles.get(&format!("{spelling}{ending}"))).copied()
        })
    }

    /// Whether a file of this name is one of these: case, folder and `.csv` do not count.
    pub fn is_called(&self, name: &str) -> bool {
        let stem = |name: &str| {
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
            name.strip_suffix(".csv").map(str::to_owned).unwrap_or(name)
        };
        let wanted = stem(name);
        stem(self.name) == wanted
            || self.table.eq_ignore_ascii_case(&wanted)
            || self.aliases.iter().any(|alias| stem(alias) == wanted)
    }
}

/// Capitals and digits of a title; what else stands in it is how people write.
pub fn bare(title: &str) -> String {
    title.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The columns that the tables of FACTS 3.6 mark as days are exactly those that this finds by name.
fn kind(stem: &str) -> Kind {
    if stem.contains("TIMESTAMP") {
        return Kind::Moment;
    }
    if stem.starts_with("DATE_") || stem.ends_with("_DATE") || stem.ends_with("_DATE_ACTIVE") {
        return Kind::Date;
    }
    let number = matches!(stem, "AMOUNT" | "QUANTITY" | "UNIT_PRICE" | "QUANTITY_INVOICED")
        || matches!(stem, "INVOICE_ID" | "LEDGER_ID" | "LINE_NUMBER")
        || stem.ends_with("_AMOUNT")
        || stem.ends_with("_DR")
        || stem.ends_with("_CR")
        || stem.ends_with("ATTRIBUTE_NUMBER")
        || stem.ends_with("CONVERSION_RATE")
        || stem == "EXCHANGE_RATE";
    if number { Kind::Number } else { Kind::Text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_where_the_control_files_have_them() {
        let header = FileLayout::of("ApInvoicesInterface.csv").unwrap();
        // 134, and one that newer releases append (FACTS 3.6).
        assert_eq!(header.columns.len(), 135);
        for (column, place) in [("INVOICE_ID", 1), ("GROUP_ID", 13), ("TERMS_NAME", 20), ("GL_DATE", 24)] {
            assert_eq!(header.position(column), Some(place - 1), "{column}");
        }
        let line = FileLayout::of("ApInvoiceLinesInterface.csv").unwrap();
        assert_eq!(line.columns.len(), 164);
        assert_eq!(line.position("DIST_CODE_CONCATENATED"), Some(21));
        let journal = FileLayout::of("GlInterface.csv").unwrap();
        assert_eq!(journal.columns.len(), 149);
        for (column, place) in
            [("ENTERED_DR", 39), ("REFERENCE10", 52), ("REFERENCE21", 53), ("GROUP_ID", 67), ("PERIOD_NAME", 95)]
        {
            assert_eq!(journal.position(column), Some(place - 1), "{column}");
        }
        assert_eq!(journal.columns[2].kind, Kind::Date);
        assert_eq!(journal.columns[38].kind, Kind::Number);
    }

    #[test]
    fn all_35_files_are_known_and_a_source_tools_name_is_read() {
        assert_eq!(TEXT.matches("\n= ").count(), 35);
        assert!(FileLayout::of("PozSuppliersInt.csv").unwrap().is_called("in/PoSupplierImport.CSV"));
        assert!(FileLayout::of("ApInvoicesInterface.csv").unwrap().is_called("apinvoicesinterface.csv"));
        assert!(FileLayout::of("Nothing.csv").is_none());
    }

    #[test]
    fn titles_are_found_as_people_write_them() {
        let header = FileLayout::of("ApInvoicesInterface.csv").unwrap();
        for (title, column) in [
            ("Invoice Number", "INVOICE_NUM"),
            ("*Invoice Amount", "INVOICE_AMOUNT"),
            ("InvoiceCurrency", "INVOICE_CURRENCY_CODE"),
            ("Supplier", "VENDOR_NAME"),
            ("supplier number", "VENDOR_NUM"),
            ("Supplier Site", "VENDOR_SITE_CODE"),
            ("Business Unit", "OPERATING_UNIT"),
            ("payment_terms", "TERMS_NAME"),
            ("Import Set", "GROUP_ID"),
            ("Invoice Type", "INVOICE_TYPE_LOOKUP_CODE"),
            ("Payment Method", "PAYMENT_METHOD_CODE"),
            ("global attribute 12", "GLOBAL_ATTRIBUTE12"),
        ] {
            assert_eq!(header.find(title), header.position(column), "{title}");
            assert!(header.position(column).is_some(), "{column}");
        }
        assert_eq!(header.find("Colour"), None);
        assert_eq!(header.find("***"), None);
        let journal = FileLayout::of("GlInterface.csv").unwrap();
        assert_eq!(journal.find("Entered Debit Amount"), journal.position("ENTERED_DR"));
        assert_eq!(journal.find("Journal Status"), Some(0));
    }
}
