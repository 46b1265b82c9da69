//! Balances, receipts and projects.

use jiff::ToSpan as _;
use jiff::civil::date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::data::people;
use crate::data::random::{Life, Random};
use crate::data::record::Record;
use crate::data::setup;
use crate::store::Options;

/// How many receipts there are.
pub(crate) const RECEIPTS: u64 = 40;
/// How many projects there are.
pub(crate) const PROJECTS: u64 = 25;
/// How many balances there are: twelve periods of four accounts.
pub(crate) const BALANCES: u64 = 48;

const ACCOUNTS: [&str; 4] =
    ["101.10.11010.000.000.000", "101.10.22010.000.000.000", "101.10.60510.110.000.000", "101.10.65110.110.000.000"];

fn signed(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(0)
}

/// A row of `standardReceipts`.
pub(crate) fn receipt(options: &Options, index: u64) -> Record {
    let mut random = Random::of(options.seed, "standardReceipts", index);
    let life = Life::of(options.start, &mut random, index, RECEIPTS);
    let unit = setup::unit(index);
    let day = life.created.to_zoned(TimeZone::UTC).date();
    let customer = 1000 + random.below(25);
    let amount = Decimal::new(random.signed_below(900_000).saturating_add(100), 2);
    let id = 300_000_210_000_007_i64.saturating_add(signed(index).saturating_mul(3));
    let applied = !index.is_multiple_of(4);
    let reference = Record::new()
        .set("RemittanceReferenceId", id.saturating_add(1_000_000))
        .set("ReceiptMatchBy", "Transaction number")
        .set("ReferenceNumber", (10_001 + index).to_string())
        .set("ReferenceAmount", amount)
        .life(&life);
    Record::new()
        .set("StandardReceiptId", id)
        .set("ReceiptNumber", format!("R-{}", 5001 + index))
        .set("BusinessUnit", unit.name)
        .set("ReceiptMethod", "Manual receipt")
        .set("ReceiptDate", day)
        .set("AccountingDate", day)
        .set("MaturityDate", day)
        .set("Amount", amount)
        .set("AccountedAmount", amount)
        .set("UnappliedAmount", if applied { Decimal::ZERO } else { amount })
        .set("Currency", unit.currency)
        .set("CustomerName", format!("Customer {customer}, Inc."))
        .set("CustomerAccountNumber", customer.to_string())
        .set("CustomerSite", "45")
        .set("State", "Confirmed")
        .set("Status", if applied { "Applied" } else { "Unapplied" })
        .life(&life)
        .child("remittanceReferences", vec![reference])
}

/// A row of `projects`, with a team and tasks below one another.
pub(crate) fn project(options: &Options, index: u64) -> Record {
    let mut random = Random::of(options.seed, "projects", index);
    let life = Life::of(options.start, &mut random, index, PROJECTS);
    let unit = setup::unit(index);
    let start = life.created.to_zoned(TimeZone::UTC).date();
    let id = 300_000_220_000_003_i64.saturating_add(signed(index).saturating_mul(11));
    let (status, code) = match index % 4 {
        0 => ("Draft", "DRAFT"),
        3 => ("Closed", "CLOSED"),
        _ => ("Active", "ACTIVE"),
    };
    let name = format!("{} rollout {}", unit.country, 1 + index);
    let task = |level: i64, number: &str| {
        Record::new()
            .set("TaskId", id.saturating_add(1_000_000).saturating_add(level))
            .set("ParentTaskId", id.saturating_add(999_999).saturating_add(level))
            .set("TaskNumber", number)
            .set("TaskName", format!("Phase {number}"))
            .set("TaskLevel", level)
            .set("TaskStartDate", start)
            .set("BillableFlag", level > 1)
    };
    let (person, display, email) = people::identity(index);
    let member = Record::new()
        .set("TeamMemberId", id.saturating_add(2_000_000))
        .set("ProjectId", id)
        .set("PersonId", person)
        .set("PersonName", display.as_str())
        .set("PersonEmail", email.as_str())
        .set("ProjectRole", "Project manager")
        .set("StartDate", start);
    Record::new()
        .set("ProjectId", id)
        .set("ProjectNumber", format!("P{}", 1001 + index))
        .set("ProjectName", name.as_str())
        .set("ProjectDescription", format!("{name}, all sites"))
        .set("ProjectStatus", status)
        .set("ProjectStatusCode", code)
        .set("ProjectStartDate", start)
        .set("ProjectEndDate", start.checked_add(200.days()).ok())
        .set("ProjectCurrencyCode", unit.currency)
        .set("ProjectManagerName", display)
        .set("ProjectManagerEmail", email)
        .set("ProjectManagerResourceId", person)
        .set("BusinessUnitName", unit.name)
        .set("LegalEntityName", unit.legal_entity)
        .set("OwningOrganizationName", unit.name)
        .set("ProjectTypeName", "Internal")
        .set("BillingFlag", false)
        .set("CapitalizableFlag", false)
        .life(&life)
        .child("Tasks", vec![task(1, "1"), task(2, "1.1")])
        .child("ProjectTeamMembers", vec![member])
}

/// A row of `ledgerBalances`: an account in a period. Amounts are texts, as the resource has them.
pub(crate) fn balance(options: &Options, index: u64) -> Record {
    let mut random = Random::of(options.seed, "ledgerBalances", index);
    let at = usize::try_from(index % 4).unwrap_or(0);
    let account = ACCOUNTS.get(at).copied().unwrap_or_default();
    let month = i8::try_from(1 + index / 4 % 12).unwrap_or(1);
    let period = date(2026, month, 1).strftime("%b-%y").to_string();
    let beginning = Decimal::new(random.signed_below(9_000_000), 2);
    let activity = Decimal::new(random.signed_below(400_000), 2);
    let ending = beginning.checked_add(activity).unwrap_or(beginning).to_string();
    Record::new()
        .set("LedgerName", "US Primary Ledger")
        .set("PeriodName", period.as_str())
        .set("CurrentAccountingPeriod", period)
        .set("Currency", "USD")
        .set("CurrencyType", "Total")
        .set("AccountCombination", account)
        .set("DetailAccountCombination", account)
        .set("Scenario", "Actual")
        .set("AmountType", "Base")
        .set("BeginningBalance", beginning.to_string())
        .set("PeriodActivity", activity.to_string())
        .set("ActualBalance", ending.as_str())
        .set("EndingBalance", ending)
}
