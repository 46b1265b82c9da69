//! Payables invoices, computed one attribute at a time: a condition over a million of them touches
//! what it names and nothing else.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::data::people::OPERATOR;
use crate::data::random::{Life, Random};
use crate::data::record::{self, Record};
use crate::data::setup::TERMS;
use crate::data::suppliers::Supplier;
use crate::model::{Resource, Row, Value};
use crate::store::Options;

/// First `InvoiceId`; they go up by [`STEP`], so that an id leads back to its index.
const FIRST_ID: i64 = 300_000_100_000_017;
const STEP: i64 = 37;

/// The id of the invoice at an index.
pub(crate) fn id(index: u64) -> i64 {
    FIRST_ID.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(STEP))
}

/// The index of an id; it may lie past the last invoice.
pub(crate) fn index_of(id: i64) -> Option<u64> {
    let offset = id.checked_sub(FIRST_ID)?;
    (offset % STEP == 0).then_some(offset / STEP).and_then(|index| u64::try_from(index).ok())
}

/// The number of the invoice at an index; supplier's style, so several shapes occur.
pub(crate) fn number(index: u64) -> String {
    let running = 100_001 + index;
    match index % 5 {
        0 => format!("INV-{running}"),
        1 => running.to_string(),
        2 => format!("2026/{running}"),
        3 => format!("RE {running}"),
        _ => format!("A-{running}"),
    }
}

/// The index of a number.
pub(crate) fn index_of_number(text: &str) -> Option<u64> {
    let digits = text.rsplit(|letter: char| !letter.is_ascii_digit()).next()?;
    let index = digits.parse::<u64>().ok()?.checked_sub(100_001)?;
    (number(index) == text).then_some(index)
}

/// One invoice, before its attributes are asked for.
pub(crate) struct Invoice {
    index: u64,
    supplier: Supplier,
    life: Life,
    random: Random,
    amount: Decimal,
    date: Date,
}

/// How the invoice stands.
struct Standing {
    validation: Option<&'static str>,
    approval: Option<&'static str>,
    paid: Option<&'static str>,
    accounting: Option<&'static str>,
}

impl Invoice {
    /// The invoice at an index.
    pub(crate) fn at(options: &Options, index: u64) -> Self {
        let mut random = Random::of(options.seed, "invoices", index);
        let life = Life::of(options.start, &mut random, index, options.invoices);
        let supplier = Supplier::at(random.below(super::suppliers::COUNT));
        let cents = match index {
            // 17 digits: more than a double holds.
            index if index % 97 == 13 => 12_345_678_901_234_567,
            index if index % 89 == 7 => 10,
            _ => random.signed_below(5_000_000).saturating_add(101),
        };
        let cents = if index % 41 == 5 { -cents } else { cents };
        let created = life.created.to_zoned(TimeZone::UTC).date();
        let date = created.checked_sub(random.signed_below(10).days()).unwrap_or(created);
        Self { index, supplier, life, random, amount: Decimal::new(cents, 2), date }
    }

    fn standing(&self) -> Standing {
        let standing = |validation, approval, paid, accounting| Standing {
            validation: Some(validation),
            approval: Some(approval),
            paid: Some(paid),
            accounting: Some(accounting),
        };
        match self.index % 10 {
            // As just created: the statuses are still null (FACTS 4.1).
            3 => Standing { validation: None, approval: None, paid: None, accounting: None },
            0 => standing("Not validated", "Not required", "Unpaid", "Unaccounted"),
            4 => standing("Needs revalidation", "Required", "Unpaid", "Unaccounted"),
            7 => standing("Canceled", "Not required", "Unpaid", "Accounted"),
            1 | 5 => standing("Validated", "Workflow approved", "Paid", "Accounted"),
            8 => standing("Validated", "Not required", "Partially paid", "Accounted"),
            _ => standing("Validated", "Not required", "Unpaid", "Accounted"),
        }
    }

    fn paid(&self) -> Option<Decimal> {
        match self.standing().paid? {
            "Paid" => Some(self.amount),
            "Partially paid" => Some(Decimal::new(self.amount.mantissa().try_into().unwrap_or(0_i64) / 2, 2)),
            _ => Some(Decimal::ZERO),
        }
    }

    fn terms(&self) -> (&'static str, i64) {
        let at = usize::try_from(self.index % 5).unwrap_or(0);
        TERMS.get(at).map_or(("Immediate", 0), |(name, _, days)| (*name, *days))
    }

    fn canceled(&self) -> bool {
        self.index % 10 == 7
    }

    /// The value of one attribute of the header.
    fn cell(&self, name: &str) -> Value {
        match name {
            "InvoiceId" => id(self.index).into(),
            "InvoiceNumber" => number(self.index).into(),
            "InvoiceCurrency" | "PaymentCurrency" => self.supplier.unit.currency.into(),
            "InvoiceAmount" => self.amount.into(),
            "InvoiceDate" | "TermsDate" => self.date.into(),
            "AccountingDate" | "BudgetDate" => self.life.created.to_zoned(TimeZone::UTC).date().into(),
            "BusinessUnit" => self.supplier.unit.name.into(),
            "Supplier" | "Party" => self.supplier.name().into(),
            "SupplierNumber" => self.supplier.number().into(),
            "SupplierSite" => self.supplier.site().into(),
            "PartySite" => self.supplier.address().into(),
            "Description" => match self.index % 4 {
                0 => Value::Null,
                1 => "Office supplies".into(),
                2 => format!("Order {}; \"as agreed\", 2 parts", 4_000 + self.index % 1000).into(),
                _ => "Maintenance".into(),
            },
            "InvoiceSource" => "Manual invoice entry".into(),
            "InvoiceSourceCode" => "MANUAL INVOICE ENTRY".into(),
            "InvoiceType" => if self.amount.is_sign_negative() { "Credit memo" } else { "Standard" }.into(),
            "PaymentTerms" => self.terms().0.into(),
            "PaymentMethodCode" => if self.index.is_multiple_of(2) { "CHECK" } else { "EFT" }.into(),
            "PaymentMethod" => if self.index.is_multiple_of(2) { "Check" } else { "Electronic" }.into(),
            "LegalEntity" => self.supplier.unit.legal_entity.into(),
            "LiabilityDistribution" => self.supplier.unit.liability.into(),
            "TaxationCountry" => self.supplier.unit.country.into(),
            "PayAloneFlag" => false.into(),
            "ValidationStatus" => self.standing().validation.into(),
            "ApprovalStatus" => self.standing().approval.into(),
            "PaidStatus" => self.standing().paid.into(),
            "AccountingStatus" => self.standing().accounting.into(),
            "CanceledFlag" => self.standing().validation.map(|_| self.canceled()).into(),
            "CanceledDate" => self.canceled().then(|| self.life.updated.to_zoned(TimeZone::UTC).date()).into(),
            "CanceledBy" => self.canceled().then_some(OPERATOR).into(),
            "AmountPaid" => self.paid().into(),
            "PurchaseOrderNumber" => {
                self.index.is_multiple_of(6).then(|| super::purchasing::order_number(self.index)).into()
            }
            "CreationDate" => self.life.created.into(),
            "CreatedBy" | "LastUpdatedBy" => OPERATOR.into(),
            "LastUpdateDate" => self.life.updated.into(),
            "LastUpdateLogin" => format!("{:032X}", u128::from(self.index) * 7919 + 0x3243).into(),
            _ => Value::Null,
        }
    }

    /// The header with the attributes at `wanted`, no children.
    pub(crate) fn probe(&self, resource: &Resource, wanted: &[usize]) -> Row {
        let mut row = Row::empty(resource);
        row.version = self.life.version;
        for at in wanted {
            if let (Some(attribute), Some(place)) = (resource.attributes.get(*at), row.values.get_mut(*at)) {
                *place = self.cell(&attribute.name);
            }
        }
        row
    }

    /// The whole row.
    pub(crate) fn row(&self, resource: &Resource) -> Row {
        Row {
            values: resource.attributes.iter().map(|attribute| self.cell(&attribute.name)).collect(),
            children: record::children(
                resource,
                vec![("invoiceLines", self.lines()), ("invoiceInstallments", self.installments())],
            ),
            version: self.life.version,
        }
    }

    /// One to four lines that add up to the invoice.
    fn lines(&self) -> Vec<Record> {
        let mut random = self.random.clone();
        let count = 1 + random.signed_below(4);
        let total = i64::try_from(self.amount.mantissa()).unwrap_or(0);
        let share = total / count;
        (1..=count)
            .map(|line| {
                let cents = if line == count { total - share * (count - 1) } else { share };
                self.line(line, Decimal::new(cents, 2))
            })
            .collect()
    }

    fn line(&self, number: i64, amount: Decimal) -> Record {
        let date = self.life.created.to_zoned(TimeZone::UTC).date();
        let account = format!("101.10.65110.{:03}.000.000", 100 + number * 10);
        let id = id(self.index).saturating_mul(10).saturating_add(number);
        let distribution = Record::new()
            .set("InvoiceDistributionId", id)
            .set("DistributionLineNumber", 1_i64)
            .set("DistributionLineType", "Item")
            .set("DistributionAmount", amount)
            .set("DistributionCombination", account.clone())
            .set("AccountingDate", date)
            .set("BudgetDate", date)
            .set("CanceledFlag", self.canceled())
            .life(&self.life);
        Record::new()
            .set("LineNumber", number)
            .set("LineAmount", amount)
            .set("AccountingDate", date)
            .set("LineType", if number == 4 { "Freight" } else { "Item" })
            .set("TrackAsAssetFlag", false)
            .set("Description", format!("Line {number}"))
            .set("DistributionCombination", account)
            .set("AssetCategory", "")
            .set("DiscardedFlag", false)
            .set("CanceledFlag", self.canceled())
            .set("GenerateDistributions", "D")
            .set("BudgetDate", date)
            .set("AssessableValue", amount)
            .set("TransactionBusinessCategoryCodePath", "PURCHASE_TRANSACTION")
            .set("MatchType", "NOT_MATCHED")
            .set("MultiperiodAccountingAccrualAccount", "")
            .life(&self.life)
            .child("invoiceDistributions", vec![distribution])
    }

    fn installments(&self) -> Vec<Record> {
        let unpaid = self.paid().map_or(self.amount, |paid| self.amount.checked_sub(paid).unwrap_or(self.amount));
        let due = self.date.checked_add(self.terms().1.days()).unwrap_or(self.date);
        vec![
            Record::new()
                .set("InstallmentNumber", 1_i64)
                .set("DueDate", due)
                .set("GrossAmount", self.amount)
                .set("UnpaidAmount", unpaid)
                .set("HoldFlag", false)
                .set("PaymentPriority", 99_i64)
                .set("PaymentMethod", self.cell("PaymentMethod"))
                .set("PaymentMethodCode", self.cell("PaymentMethodCode"))
                .life(&self.life),
        ]
    }
}
