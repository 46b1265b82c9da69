//! Function security: which resources a user reaches, and how the pod answers where not (FACTS 1.6, 2.4).

use http::Method;

use crate::auth::User;
use crate::auth::roles::{Area, Right};
use crate::model::Root;

/// How a user without the privilege is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 403.
    Forbidden,
    /// 404, as if there were no such resource.
    Hidden,
}

/// Resources that pods hide with 404 from who lacks the privilege.
const HIDDEN: [&str; 5] =
    ["purchaseOrders", "draftPurchaseOrders", "purchaseRequisitions", "purchaseAgreements", "fixedAssets"];

/// Where a top-level resource belongs.
fn area(root: Root, resource: &str) -> Area {
    match (root, resource) {
        (Root::Hcm, "userAccounts") => Area::Users,
        (Root::Hcm, _) => Area::Workforce,
        (
            _,
            "invoices"
            | "payablesInterfaceInvoices"
            | "invoiceHolds"
            | "payablesPayments"
            | "payablesPaymentTerms"
            | "payablesPaymentTermsLOV"
            | "payablesBusinessUnitsLOV"
            | "invoiceTypesLOV"
            | "invoiceSourcesLOV"
            | "invoiceLineTypesLOV"
            | "paymentMethodsLOV"
            | "suppliersLOV"
            | "supplierSitesLOV",
        ) => Area::Payables,
        (_, "expenseReports" | "expenses") => Area::Expenses,
        (_, "receivablesInvoices" | "standardReceipts" | "receivablesCreditMemos") => Area::Receivables,
        (_, "cashBankAccounts") => Area::Cash,
        (_, "journalBatches" | "ledgerBalances" | "currencyRates" | "ledgersLOV") => Area::Ledger,
        (_, "suppliers" | "purchaseOrders" | "draftPurchaseOrders" | "purchaseRequisitions" | "purchaseAgreements") => {
            Area::Procurement
        }
        (_, "projects" | "projectCosts") => Area::Projects,
        (_, "erpintegrations" | "erpBusinessEvents" | "erpProcesses") => Area::Imports,
        _ => Area::Setup,
    }
}

/// Whether the user may do that with a resource.
pub(crate) fn check(user: &User, root: Root, resource: &str, method: &Method) -> Result<(), Refusal> {
    let area = area(root, resource);
    let (mut reads, mut writes) = (false, false);
    for right in user.rights() {
        let (read, write) = grants(right, area);
        reads |= read;
        writes |= write;
    }
    match (reads, writes) {
        (_, true) => Ok(()),
        (true, false) if *method == Method::GET => Ok(()),
        (false, false) if HIDDEN.contains(&resource) => Err(Refusal::Hidden),
        _ => Err(Refusal::Forbidden),
    }
}

/// Whether the user may write in an area.
pub(crate) fn writes(user: &User, area: Area) -> bool {
    user.rights().any(|right| grants(right, area).1)
}

/// Whether a right lets its holder read the area, and write it.
fn grants(right: Right, area: Area) -> (bool, bool) {
    match right {
        Right::Write(granted) => (granted == area || area == Area::Setup, granted == area),
        Right::Read(granted) => (granted == area || area == Area::Setup, false),
        Right::WriteAll => (area != Area::Imports, area != Area::Imports),
        Right::ReadAll => (area != Area::Imports, false),
        Right::OwnJobs | Right::AllJobs | Right::Audit | Right::OwnEntry => (false, false),
    }
}
