//! Roles and what they lead to: function security (FACTS 2.4; codes of the seeds' role tables).
//!
//! One table for what a user may do, for the roles in `userAccounts` and for SCIM, so that what a role says is what
//! its holder finds. Data security stands beside it, in [`Access`](super::Access).

/// What belongs together for function security.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Invoices, payments, and what goes with them.
    Payables,
    /// Expense reports.
    Expenses,
    /// Receivables invoices, receipts, credit memos.
    Receivables,
    /// Bank accounts.
    Cash,
    /// Journals, balances, rates.
    Ledger,
    /// Suppliers, requisitions, orders, agreements.
    Procurement,
    /// Projects and their costs.
    Projects,
    /// Workers, absences, salaries.
    Workforce,
    /// User accounts and roles.
    Users,
    /// The ERP integration service and its events.
    Imports,
    /// Setup that everybody with any right may read.
    Setup,
}

/// What a role grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Reads an area.
    Read(Area),
    /// Reads and writes an area.
    Write(Area),
    /// Reads every area but the ERP integration service, which has a role of its own.
    ReadAll,
    /// Reads and writes every area but the ERP integration service.
    WriteAll,
    /// Submits scheduled processes and sees its own.
    OwnJobs,
    /// Sees everybody's scheduled processes.
    AllJobs,
    /// Reads audit history.
    Audit,
    /// Sees the holder's own entry among the SCIM users.
    OwnEntry,
}

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its code.
    pub code: &'static str,
    /// What a person reads.
    pub name: &'static str,
    /// `RoleId`, and the SCIM id as text.
    pub id: i64,
    /// What it grants.
    pub rights: &'static [Right],
}

use Area::{Cash, Imports, Ledger, Payables, Procurement, Users};
use Right::{AllJobs, Audit, OwnEntry, OwnJobs, ReadAll, Write, WriteAll};

const fn role(code: &'static str, name: &'static str, number: i64, rights: &'static [Right]) -> Role {
    Role { code, name, id: 300_000_600_000_100 + number, rights }
}

/// Every role of the pod. ESSMonitor cannot be given to a user: it is reached through the custom role alone
/// (FACTS 2.4).
pub const ROLES: [Role; 15] = [
    role(
        "ORA_AP_ACCOUNTS_PAYABLE_MANAGER_JOB",
        "Accounts Payable Manager",
        1,
        &[Write(Payables), Write(Cash), OwnJobs, OwnEntry],
    ),
    role(
        "ORA_AP_ACCOUNTS_PAYABLE_SPECIALIST_JOB",
        "Accounts Payable Specialist",
        2,
        &[Write(Payables), OwnJobs, OwnEntry],
    ),
    role("ORA_GL_GENERAL_ACCOUNTANT_JOB", "General Accountant", 3, &[Write(Ledger), OwnJobs, OwnEntry]),
    role("ORA_FND_IT_SECURITY_MANAGER_JOB", "IT Security Manager", 4, &[Write(Users), OwnEntry]),
    role("ORA_PER_EMPLOYEE_ABSTRACT", "Employee", 5, &[OwnEntry]),
    role("ORA_FND_INTEGRATION_SPECIALIST_JOB", "Integration Specialist", 6, &[Write(Imports), OwnJobs]),
    role("ORA_FND_INTERNAL_AUDITOR_JOB", "Internal Auditor", 7, &[Audit]),
    role(
        "ORA_AP_ACCOUNTS_PAYABLE_INTEGRATION_SPECIALIST",
        "Accounts Payable Integration Specialist",
        8,
        &[Write(Payables), OwnJobs, OwnEntry],
    ),
    role("ORA_GL_FINANCIAL_INTEGRATION_SPECIALIST", "Financial Integration Specialist", 9, &[Write(Ledger), OwnJobs]),
    role("ORA_PO_PROCUREMENT_MANAGER_JOB", "Procurement Manager", 10, &[Write(Procurement), OwnJobs, OwnEntry]),
    role("ESSMonitor", "ESS Monitor", 11, &[AllJobs]),
    role("CUSTOM_ESS_MONITOR", "Custom ESS Monitor Role", 12, &[AllJobs]),
    role("CUSTOM_INT_GL", "Custom GL Integration Role", 13, &[Write(Ledger)]),
    role("CUSTOM_INT_READER", "Custom Read Only Integration Role", 14, &[ReadAll]),
    role("CUSTOM_INT_ALL", "Custom Integration Role for All Modules", 15, &[WriteAll, OwnJobs]),
];

/// The role of that code.
pub(crate) fn find(code: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.code == code)
}
