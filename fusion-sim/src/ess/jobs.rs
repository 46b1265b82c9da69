//! Job definitions that the pod knows: packages, names, and who may submit them (FACTS 3.5).

use serde::{Deserialize, Serialize};

use crate::auth::User;
use crate::auth::roles::Area;
use crate::erp::options;
use crate::security;

/// A job as a request names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// `/oracle/apps/ess/…`, without a slash at the end.
    pub(crate) package: String,
    pub(crate) definition: String,
    /// What a person reads.
    pub(crate) title: String,
    pub(crate) product: String,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Loads a document of UCM into interface tables.
    Load,
    /// Imports what a load left in interface tables, by the interface option's number.
    Import(u32),
    Validate,
    Post,
    Purge,
    Export,
    /// Writes a report and changes nothing.
    Report,
}

pub(crate) const LOADER: &str = "/oracle/apps/ess/financials/commonModules/shared/common/interfaceLoader";
const OUTBOUND: &str = "/oracle/apps/ess/financials/commonModules/shared/common/outbound";
const INVOICES: &str = "/oracle/apps/ess/financials/payables/invoices/transactions";
const LEDGER: &str = "/oracle/apps/ess/financials/generalLedger/programs/common";

/// Definitions beside the seeded imports: package, name, title, product, area, work.
const KNOWN: [(&str, &str, &str, &str, Area, Work); 7] = [
    (LOADER, "InterfaceLoaderController", "Load Interface File for Import", "FUN", Area::Imports, Work::Load),
    (LOADER, "InterfaceLoaderPurge", "Purge Interface Tables", "FUN", Area::Imports, Work::Purge),
    (OUTBOUND, "FinOutboundProcess", "Run Outbound Bulk Data Process", "FUN", Area::Imports, Work::Export),
    (INVOICES, "APXAPRVL", "Validate Payables Invoices", "AP", Area::Payables, Work::Validate),
    (INVOICES, "APXIIMPT_BIP", "Import Payables Invoices Report", "AP", Area::Payables, Work::Report),
    (LEDGER, "AutomaticPosting", "AutoPost Journals", "GL", Area::Ledger, Work::Post),
    (LEDGER, "JournalImportReport", "Import Journals: Execution Report", "GL", Area::Ledger, Work::Report),
];

/// Titles of imports that people know by name.
const TITLES: [(&str, &str); 8] = [
    ("APXIIMPT", "Import Payables Invoices"),
    ("JournalImportLauncher", "Import Journals"),
    ("AutoInvoiceImportEss", "Import Receivables Transactions Using AutoInvoice"),
    ("ImportSuppliers", "Import Suppliers"),
    ("ImportSupplierAddresses", "Import Supplier Addresses"),
    ("ImportSupplierSites", "Import Supplier Sites"),
    ("ImportSupplierSiteAssignments", "Import Supplier Site Assignments"),
    ("ImportSupplierContacts", "Import Supplier Contacts"),
];

/// A package as the pod writes it: clients leave the first slash out or add one at the end.
pub(crate) fn package(text: &str) -> String {
    format!("/{}", text.trim().trim_matches('/'))
}

/// Splits `<package>,<definition>`.
pub(crate) fn split(text: &str) -> Option<(String, &str)> {
    let (package_, definition) = text.split_once([',', ';'])?;
    Some((package(package_), definition.trim()))
}

/// The job of that package and name with what it does; none where there is none, in that case.
pub(crate) fn find(package: &str, definition: &str) -> Option<(Job, Work)> {
    if let Some((package, definition, title, product, _, work)) =
        KNOWN.iter().find(|(known, name, ..)| *known == package && *name == definition)
    {
        return Some((job(package, definition, title, product), *work));
    }
    let title = TITLES.iter().find(|(name, _)| *name == definition).map_or(definition, |(_, title)| *title);
    let made = job(package, definition, title, product(package));
    if let Some(option) = options::of_job(package, definition) {
        return Some((made, Work::Import(option.id)));
    }
    // Jobs that load in their own way or follow an import: known, and of no consequence here.
    let seeded = options::all().iter().flat_map(|option| &option.others);
    seeded.into_iter().any(|(known, name)| known == package && *name == definition).then_some((made, Work::Report))
}

/// A job that only a load makes.
pub(crate) fn internal(package: &str, definition: &str, title: &str) -> Job {
    job(package, definition, title, product(package))
}

fn job(package: &str, definition: &str, title: &str, product: &str) -> Job {
    Job {
        package: package.to_owned(),
        definition: definition.to_owned(),
        title: title.to_owned(),
        product: product.to_owned(),
    }
}

/// Where a job of that package belongs, and its product's code.
const PACKAGES: [(&str, &str, Area); 8] = [
    ("/oracle/apps/ess/financials/payables/", "AP", Area::Payables),
    ("/oracle/apps/ess/financials/generalLedger/", "GL", Area::Ledger),
    ("/oracle/apps/ess/financials/receivables/", "AR", Area::Receivables),
    ("/oracle/apps/ess/cdm/", "HZ", Area::Receivables),
    ("/oracle/apps/ess/financials/cashManagement/", "CE", Area::Cash),
    ("/oracle/apps/ess/financials/payments/", "IBY", Area::Payables),
    ("/oracle/apps/ess/prc/", "PO", Area::Procurement),
    ("/oracle/apps/ess/projects/", "PJF", Area::Projects),
];

fn product(package: &str) -> &'static str {
    PACKAGES.iter().find(|(start, ..)| package.starts_with(start)).map_or("FUN", |(_, product, _)| *product)
}

/// Whether a user may submit the job: who may write what it writes.
pub(crate) fn allowed(user: &User, package: &str, definition: &str) -> bool {
    let known = KNOWN.iter().find(|(known, name, ..)| *known == package && *name == definition);
    let area = known
        .map(|(.., area, _)| *area)
        .or_else(|| PACKAGES.iter().find(|(start, ..)| package.starts_with(start)).map(|(.., area)| *area));
    security::writes(user, area.unwrap_or(Area::Setup))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_found_by_its_exact_name() {
        let (job, work) = find(INVOICES, "APXIIMPT").unwrap();
        assert_eq!(
            (job.title.as_str(), job.product.as_str(), work),
            ("Import Payables Invoices", "AP", Work::Import(1))
        );
        assert_eq!(find(LEDGER, "AutomaticPosting").unwrap().1, Work::Post);
        for (package, name) in [(INVOICES, "apxiimpt"), (LEDGER, "APXIIMPT"), ("", ""), (INVOICES, "NoSuchJob")] {
            assert!(find(package, name).is_none(), "{package},{name}");
        }
    }

    #[test]
    fn packages_are_read_with_and_without_their_slashes() {
        for text in ["/oracle/apps/ess/x", "oracle/apps/ess/x", "/oracle/apps/ess/x/", "oracle/apps/ess/x/ "] {
            assert_eq!(package(text), "/oracle/apps/ess/x");
        }
        assert_eq!(split("oracle/x,Y"), Some(("/oracle/x".to_owned(), "Y")));
        assert_eq!(split("oracle/x"), None);
    }
}
