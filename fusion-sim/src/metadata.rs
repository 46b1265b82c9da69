//! What resources the pod has: their attributes, keys, finders, children and actions.
//!
//! Owns the files of `fusion-sim/metadata`, one per top-level resource (the lists of values share
//! one), and their reading. Each line is tab-separated and opens with its kind:
//!
//! ```text
//! R  path  title  key  collection methods  item methods  flags
//! A  name  type  q(ueryable) m(andatory) c(reate only) n(ever)  longest text  list of values
//! F  finder  variable:type, `*` where required
//! C  actions on the collection        I  actions on an item
//! ```
//!
//! A key that opens with `=` is plain, any other is opaque (FACTS 1.7). A list of values is
//! `name|source=target,…|shown,…`. Never holds rows.

use std::sync::OnceLock;

use crate::model::{AllowChanges, Attribute, Finder, Key, Lov, Resource, Root, Type};

/// The files, each with its root.
const FILES: &[(Root, &str, &str)] = &[
    (Root::Fscm, "fscm.cashBankAccounts.tsv", include_str!("../metadata/fscm.cashBankAccounts.tsv")),
    (
        Root::Fscm,
        "fscm.crossReferenceRelationships.tsv",
        include_str!("../metadata/fscm.crossReferenceRelationships.tsv"),
    ),
    (Root::Fscm, "fscm.currencyRates.tsv", include_str!("../metadata/fscm.currencyRates.tsv")),
    (Root::Fscm, "fscm.draftPurchaseOrders.tsv", include_str!("../metadata/fscm.draftPurchaseOrders.tsv")),
    (Root::Fscm, "fscm.erpBusinessEvents.tsv", include_str!("../metadata/fscm.erpBusinessEvents.tsv")),
    (Root::Fscm, "fscm.erpProcesses.tsv", include_str!("../metadata/fscm.erpProcesses.tsv")),
    (Root::Fscm, "fscm.erpintegrations.tsv", include_str!("../metadata/fscm.erpintegrations.tsv")),
    (Root::Fscm, "fscm.expenseReports.tsv", include_str!("../metadata/fscm.expenseReports.tsv")),
    (Root::Fscm, "fscm.expenses.tsv", include_str!("../metadata/fscm.expenses.tsv")),
    (Root::Fscm, "fscm.invoiceHolds.tsv", include_str!("../metadata/fscm.invoiceHolds.tsv")),
    (Root::Fscm, "fscm.invoices.tsv", include_str!("../metadata/fscm.invoices.tsv")),
    (Root::Fscm, "fscm.journalBatches.tsv", include_str!("../metadata/fscm.journalBatches.tsv")),
    (Root::Fscm, "fscm.ledgerBalances.tsv", include_str!("../metadata/fscm.ledgerBalances.tsv")),
    (Root::Fscm, "fscm.lov.tsv", include_str!("../metadata/fscm.lov.tsv")),
    (Root::Fscm, "fscm.payablesInterfaceInvoices.tsv", include_str!("../metadata/fscm.payablesInterfaceInvoices.tsv")),
    (Root::Fscm, "fscm.payablesPaymentTerms.tsv", include_str!("../metadata/fscm.payablesPaymentTerms.tsv")),
    (Root::Fscm, "fscm.payablesPayments.tsv", include_str!("../metadata/fscm.payablesPayments.tsv")),
    (Root::Fscm, "fscm.projectCosts.tsv", include_str!("../metadata/fscm.projectCosts.tsv")),
    (Root::Fscm, "fscm.projects.tsv", include_str!("../metadata/fscm.projects.tsv")),
    (Root::Fscm, "fscm.purchaseAgreements.tsv", include_str!("../metadata/fscm.purchaseAgreements.tsv")),
    (Root::Fscm, "fscm.purchaseOrders.tsv", include_str!("../metadata/fscm.purchaseOrders.tsv")),
    (Root::Fscm, "fscm.purchaseRequisitions.tsv", include_str!("../metadata/fscm.purchaseRequisitions.tsv")),
    (Root::Fscm, "fscm.receivablesCreditMemos.tsv", include_str!("../metadata/fscm.receivablesCreditMemos.tsv")),
    (Root::Fscm, "fscm.receivablesInvoices.tsv", include_str!("../metadata/fscm.receivablesInvoices.tsv")),
    (Root::Fscm, "fscm.receivingReceiptRequests.tsv", include_str!("../metadata/fscm.receivingReceiptRequests.tsv")),
    (
        Root::Fscm,
        "fscm.receivingReceiptTransactionRequests.tsv",
        include_str!("../metadata/fscm.receivingReceiptTransactionRequests.tsv"),
    ),
    (
        Root::Fscm,
        "fscm.shipmentTransactionRequests.tsv",
        include_str!("../metadata/fscm.shipmentTransactionRequests.tsv"),
    ),
    (Root::Fscm, "fscm.standardReceipts.tsv", include_str!("../metadata/fscm.standardReceipts.tsv")),
    (Root::Fscm, "fscm.suppliers.tsv", include_str!("../metadata/fscm.suppliers.tsv")),
    (Root::Fscm, "fscm.valueSets.tsv", include_str!("../metadata/fscm.valueSets.tsv")),
    (Root::Hcm, "hcm.absences.tsv", include_str!("../metadata/hcm.absences.tsv")),
    (Root::Hcm, "hcm.publicWorkers.tsv", include_str!("../metadata/hcm.publicWorkers.tsv")),
    (Root::Hcm, "hcm.salaries.tsv", include_str!("../metadata/hcm.salaries.tsv")),
    (Root::Hcm, "hcm.userAccounts.tsv", include_str!("../metadata/hcm.userAccounts.tsv")),
    (Root::Hcm, "hcm.workers.tsv", include_str!("../metadata/hcm.workers.tsv")),
];

/// A line of the metadata that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{file}:{line}: {reason}")]
pub struct MetadataError {
    /// File below `fusion-sim/metadata`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Every top-level resource, by file and then by name; read once.
///
/// # Errors
/// [`MetadataError`] for the first line that cannot be read.
pub fn catalogue() -> Result<&'static [Resource], &'static MetadataError> {
    static RESOURCES: OnceLock<Result<Vec<Resource>, MetadataError>> = OnceLock::new();
    RESOURCES
        .get_or_init(|| {
            let mut all = Vec::new();
            for (root, file, text) in FILES {
                read(*root, text, &mut all).map_err(|(line, reason)| MetadataError {
                    file: (*file).to_owned(),
                    line,
                    reason,
                })?;
            }
            Ok(all)
        })
        .as_ref()
        .map(Vec::as_slice)
}

/// Every top-level resource; none where the metadata cannot be read, which a test rules out.
pub fn all() -> &'static [Resource] {
    catalogue().unwrap_or(&[])
}

/// The resource of that exact name.
pub fn resource(root: Root, name: &str) -> Option<&'static Resource> {
    all().iter().find(|resource| resource.root == root && resource.name == name)
}

fn read(root: Root, text: &str, all: &mut Vec<Resource>) -> Result<(), (usize, String)> {
    let mut path: Vec<&str> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        let fail = |reason: &str| (line_number, reason.to_owned());
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        if field(0) == "R" {
            path = field(1).split('/').collect();
            let made = resource_line(root, &fields);
            let (_, parents) = path.split_last().ok_or_else(|| fail("no path"))?;
            match find(all, parents) {
                Some(parent) => parent.children.push(made),
                None if parents.is_empty() => all.push(made),
                None => return Err(fail("no such parent")),
            }
            continue;
        }
        let current = find(all, &path).ok_or_else(|| fail("before any resource"))?;
        match field(0) {
            "A" => current.attributes.push(attribute(&fields).ok_or_else(|| fail("no such type"))?),
            "F" => current.finders.push(finder(&fields).ok_or_else(|| fail("no such type"))?),
            "C" => current.collection_actions = list(field(1)),
            "I" => current.item_actions = list(field(1)),
            _ => return Err(fail("unknown kind of line")),
        }
    }
    Ok(())
}

fn find<'r>(all: &'r mut [Resource], path: &[&str]) -> Option<&'r mut Resource> {
    let (first, rest) = path.split_first()?;
    // The last of a name: the lists of values of one file follow one another.
    let found = all.iter_mut().rev().find(|resource| resource.name == *first)?;
    if rest.is_empty() { Some(found) } else { find(&mut found.children, rest) }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn resource_line(root: Root, fields: &[&str]) -> Resource {
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let flags = field(6);
    Resource {
        name: field(1).rsplit('/').next().unwrap_or_default().to_owned(),
        title: field(2).to_owned(),
        root,
        attributes: Vec::new(),
        key: match field(3).strip_prefix('=') {
            Some(name) => Key::Plain(name.to_owned()),
            None => Key::Opaque(list(field(3))),
        },
        finders: Vec::new(),
        children: Vec::new(),
        collection_methods: list(field(4)),
        item_methods: list(field(5)),
        collection_actions: Vec::new(),
        item_actions: Vec::new(),
        change_indicator: flags.split(',').any(|flag| flag == "change"),
        finder_required: flags.split(',').any(|flag| flag == "finder"),
    }
}

fn attribute(fields: &[&str]) -> Option<Attribute> {
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let name = field(1);
    let flags = field(3);
    Some(Attribute {
        name: name.to_owned(),
        title: title(name),
        kind: kind(field(2))?,
        queryable: flags.contains('q'),
        mandatory: flags.contains('m'),
        allow_changes: if flags.contains('n') {
            AllowChanges::Never
        } else if flags.contains('c') {
            AllowChanges::InCreate
        } else {
            AllowChanges::Always
        },
        max_length: field(4).parse().ok(),
        lov: lov(field(5)),
    })
}

fn lov(text: &str) -> Option<Lov> {
    let mut parts = text.split('|');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let pairs = parts.next().unwrap_or_default();
    Some(Lov {
        name: name.to_owned(),
        attribute_map: pairs
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(source, target)| (source.to_owned(), target.to_owned()))
            .collect(),
        display: list(parts.next().unwrap_or_default()),
    })
}

fn finder(fields: &[&str]) -> Option<Finder> {
    let mut finder = Finder { name: fields.get(1)?.to_string(), variables: Vec::new(), required: Vec::new() };
    for variable in fields.get(2).copied().unwrap_or_default().split(',').filter(|text| !text.is_empty()) {
        let (name, of) = variable.split_once(':')?;
        if let Some(of) = of.strip_suffix('*') {
            finder.required.push(name.to_owned());
            finder.variables.push((name.to_owned(), kind(of)?));
        } else {
            finder.variables.push((name.to_owned(), kind(of)?));
        }
    }
    Some(finder)
}

fn kind(text: &str) -> Option<Type> {
    Some(match text {
        "text" => Type::Text,
        "int" => Type::Integer,
        "num" => Type::Number,
        "bool" => Type::Boolean,
        "date" => Type::Date,
        "time" => Type::Timestamp,
        "att" => Type::Attachment,
        "list" => Type::List,
        _ => return None,
    })
}

/// `PurchaseOrderNumber` reads `Purchase Order Number`.
fn title(name: &str) -> String {
    let mut title = String::new();
    let letters: Vec<char> = name.trim_matches('_').chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let starts = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if *letter == '_' || starts {
            title.push(' ');
        }
        if *letter != '_' {
            if title.is_empty() { title.extend(letter.to_uppercase()) } else { title.push(*letter) }
        }
    }
    title
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn fscm(name: &str) -> &'static Resource {
        resource(Root::Fscm, name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn every_line_is_read() {
        assert!(catalogue().is_ok(), "{:?}", catalogue().err());
        assert!(all().len() > 40);
    }

    #[test]
    fn names_are_unique_and_keys_exist_somewhere_above() {
        fn check(resource: &Resource, above: &[&str]) {
            let mut names: Vec<&str> = resource.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            let all: Vec<&str> = names.iter().chain(above).copied().collect();
            for part in crate::keys::attributes(resource) {
                assert!(part == crate::keys::EFFECTIVE_DATE || all.contains(&part), "{} lacks {part}", resource.name);
            }
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", resource.name);
            for child in &resource.children {
                assert!(resource.attribute(&child.name).is_none(), "{} is both", child.name);
                check(child, &all);
            }
        }
        for resource in all() {
            check(resource, &[]);
        }
    }

    #[test]
    fn invoices_follow_the_recorded_order_and_the_documented_keys() {
        let invoices = fscm("invoices");
        let first: Vec<&str> = invoices.attributes.iter().take(4).map(|attribute| attribute.name.as_str()).collect();
        assert_eq!(first, ["InvoiceId", "InvoiceNumber", "InvoiceCurrency", "PaymentCurrency"]);
        assert!(matches!(&invoices.key, Key::Plain(name) if name == "InvoiceId"));
        let lines = invoices.child("invoiceLines").unwrap();
        assert!(matches!(&lines.key, Key::Opaque(names) if names == &["InvoiceId", "LineNumber"]));
        assert_eq!(invoices.attribute("CreationDate").unwrap().kind, Type::Timestamp);
        assert_eq!(invoices.attribute("InvoiceDate").unwrap().kind, Type::Date);
        assert!(invoices.collection_actions.iter().any(|action| action == "validateInvoice"));
    }

    #[test]
    fn queryable_is_as_documented_for_the_surprising_ones() {
        let queryable = |name: &str, attribute: &str| fscm(name).attribute(attribute).unwrap().queryable;
        assert!(queryable("invoices", "LastUpdateDate"));
        for name in ["suppliers", "draftPurchaseOrders", "standardReceipts", "receivablesCreditMemos"] {
            assert!(!queryable(name, "LastUpdateDate"), "{name}");
        }
        assert!(queryable("suppliers", "CreationDate"));
        assert!(fscm("ledgerBalances").finder_required && fscm("currencyRates").finder_required);
        assert!(!fscm("journalBatches").collection_methods.iter().any(|method| method == "POST"));
    }

    #[test]
    fn every_list_of_values_is_a_resource_with_its_source_attributes() {
        for resource in all() {
            for lov in resource.attributes.iter().filter_map(|attribute| attribute.lov.as_ref()) {
                let list = super::resource(resource.root, &lov.name).unwrap_or_else(|| panic!("{}", lov.name));
                for (source, target) in &lov.attribute_map {
                    assert!(list.attribute(source).is_some(), "{source}");
                    assert!(resource.attribute(target).is_some(), "{target}");
                }
            }
        }
    }

    #[test]
    fn titles_are_split_into_words() {
        assert_eq!(title("PurchaseOrderNumber"), "Purchase Order Number");
        assert_eq!(title("POHeaderId"), "PO Header Id");
        assert_eq!(title("__FLEX_Context"), "FLEX Context");
    }
}
