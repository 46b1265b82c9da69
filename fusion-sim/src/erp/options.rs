//! The seeded interface options: which object is loaded through which account and imported by which job (FACTS 3.5).

use std::sync::OnceLock;

/// One option.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceOption {
    pub(crate) id: u32,
    /// The business object.
    pub(crate) object: &'static str,
    /// Without `$`: `fin/payables/import`.
    pub(crate) account: &'static str,
    /// The job that imports, package and definition, where there is one.
    pub(crate) import: Option<(String, &'static str)>,
    /// Jobs that load or follow, package and definition.
    pub(crate) others: Vec<(String, &'static str)>,
    /// Definition of the job that reports on the import.
    pub(crate) report: Option<&'static str>,
}

static TEXT: &str = include_str!("../../metadata/interfaceOptions.tsv");

/// Every option, by account and id.
pub(crate) fn all() -> &'static [InterfaceOption] {
    static OPTIONS: OnceLock<Vec<InterfaceOption>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let (mut options, mut account) = (Vec::new(), "");
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            if let Some(next) = line.strip_prefix('@') {
                account = next;
            } else {
                options.extend(option(line, account));
            }
        }
        options
    })
}

fn option(line: &'static str, account: &'static str) -> Option<InterfaceOption> {
    let mut columns = line.split('\t');
    let id = columns.next()?.parse().ok()?;
    let object = columns.next()?;
    let import = columns.next().and_then(job);
    let others = [columns.next(), columns.next()].into_iter().flatten().filter_map(job).collect();
    let report = columns.next().filter(|name| !name.is_empty());
    Some(InterfaceOption { id, object, account, import, others, report })
}

/// Package and definition; most packages are written below `/oracle/apps/ess`.
fn job(text: &'static str) -> Option<(String, &'static str)> {
    let (package, definition) = text.split_once(';')?;
    let package = if package.starts_with('/') { package.to_owned() } else { format!("/oracle/apps/ess/{package}") };
    Some((package, definition))
}

/// The option of that number.
pub(crate) fn find(id: u32) -> Option<&'static InterfaceOption> {
    all().iter().find(|option| option.id == id)
}

/// The option whose import is that job; the lowest number where several are.
pub(crate) fn of_job(package: &str, definition: &str) -> Option<&'static InterfaceOption> {
    let named = |option: &&InterfaceOption| {
        option.import.as_ref().is_some_and(|(known, name)| known == package && *name == definition)
    };
    all().iter().filter(named).min_by_key(|option| option.id)
}

/// Accounts that are seeded beside those of the options (FACTS 3.5).
const MORE: [&str; 3] = ["fin/journal/import", "scm/planningDataLoader/import", "fin/cashManagement/import"];

/// Whether there is such an account, written without `$`: those that options load through, and the same for export.
pub(crate) fn is_account(account: &str) -> bool {
    let import = account.strip_suffix("/export").map_or_else(|| account.to_owned(), |stem| format!("{stem}/import"));
    MORE.contains(&import.as_str()) || all().iter().any(|option| option.account == import)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_the_sheet_are_there() {
        assert_eq!(all().len(), 179);
        let invoices = find(1).unwrap();
        assert_eq!((invoices.account, invoices.report), ("fin/payables/import", Some("APXIIMPT_BIP")));
        let (package, definition) = invoices.import.as_ref().unwrap();
        assert_eq!(package, "/oracle/apps/ess/financials/payables/invoices/transactions");
        assert_eq!(of_job(package, definition).unwrap().id, 1);
        assert_eq!(find(15).unwrap().import.as_ref().unwrap().1, "JournalImportLauncher");
        assert!(of_job(package, "apxiimpt").is_none());
    }

    #[test]
    fn accounts_are_those_of_the_options_and_their_exports() {
        for account in ["fin/payables/import", "fin/payables/export", "prc/supplier/import"] {
            assert!(is_account(account), "{account}");
        }
        for account in ["fin/payables", "fin$/payables$/import$", "", "fin/nothing/import"] {
            assert!(!is_account(account), "{account}");
        }
    }
}
