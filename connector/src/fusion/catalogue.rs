//! What is known of a pod's resources without asking it: one text file for each in `resources/`.
//!
//! A call starts in a fresh instance, so a resource is parsed when it is looked up and not before. What the
//! files say is Oracle's published description (FACTS 4); a pod may have moved on, so nothing is refused
//! because it is missing here.

use std::sync::OnceLock;

use crate::packed;
use crate::text::nearest;

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A whole number, up to 18 digits.
    Integer,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `yyyy-MM-dd`.
    Date,
    /// A moment.
    Timestamp,
}

impl Kind {
    /// As it stands in the files and in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::String, Self::Integer, Self::Number, Self::Boolean, Self::Date, Self::Timestamp]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Which of the pod's services answers for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The REST framework: searched, read and written as records.
    #[default]
    Records,
    /// SCIM users and roles.
    Scim,
    /// The job scheduler.
    Ess,
    /// The audit trail.
    Audit,
    /// The multiplexed import and export service (FACTS 3).
    ErpIntegrations,
}

impl Protocol {
    /// As it stands in the files and in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Scim => "scim",
            Self::Ess => "ess",
            Self::Audit => "audit",
            Self::ErpIntegrations => "erp-integrations",
        }
    }
}

/// What one must know to use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Answers nothing, or 400, without a finder (Q3).
    FinderRequired,
    /// Has no create over REST (FACTS 4.2).
    NoCreate,
    /// Rows hold for a span of days; their opaque key changes with the day of the question (FACTS 1.7).
    DateEffective,
    /// Its actions name the row by attributes and not by key (FACTS 4.1).
    ActionsByName,
}

/// How a row is named in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// By this attribute, as it is.
    Plain(&'static str),
    /// By a hash that only the pod makes (FACTS 1.7).
    Opaque,
}

/// An attribute that tells a time of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its name.
    pub attribute: &'static str,
    /// Whether it may stand in `q` (I1).
    pub queryable: bool,
}

/// One resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Name in addresses.
    pub name: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// Business module.
    pub module: &'static str,
    /// `fscmRestApi`, `hcmRestApi`, …
    pub root: &'static str,
    /// Which service answers.
    pub protocol: Protocol,
    /// Methods on the collection.
    pub collection: Vec<&'static str>,
    /// Methods on one row.
    pub item: Vec<&'static str>,
    /// How rows are named.
    pub key: Key,
    /// Tells the last change, if anything does.
    pub changed: Option<Stamp>,
    /// Tells the creation.
    pub created: Option<Stamp>,
    /// Attributes that together name one row in business terms; empty where the facts give none.
    pub natural: Vec<&'static str>,
    /// The code with which the pod refuses a second row of the same natural key, if it does.
    pub refuses_duplicates: Option<&'static str>,
    /// A queryable attribute that may carry a mark of ours, where there is no natural key.
    pub mark: Option<&'static str>,
    /// What one must know.
    pub quirks: Vec<Quirk>,
    /// Attributes that may stand in `q`, with what they hold.
    pub queryable: Vec<(&'static str, Kind)>,
    /// Finders with their variables.
    pub finders: Vec<(&'static str, Vec<(&'static str, Kind)>)>,
    /// Children, nested ones as `child.grandchild`.
    pub children: Vec<&'static str>,
    /// Actions on the collection.
    pub collection_actions: Vec<&'static str>,
    /// Actions on one row.
    pub item_actions: Vec<&'static str>,
}

impl Resource {
    /// What a queryable attribute holds.
    pub fn kind(&self, attribute: &str) -> Option<Kind> {
        self.queryable.iter().find(|(name, _)| *name == attribute).map(|(_, kind)| *kind)
    }

    /// Whether it has that quirk.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn parse(text: &'static str) -> Self {
        let mut resource = Self {
            name: "",
            title: "",
            module: "",
            root: "",
            protocol: Protocol::Records,
            collection: Vec::new(),
            item: Vec::new(),
            key: Key::Opaque,
            changed: None,
            created: None,
            natural: Vec::new(),
            refuses_duplicates: None,
            mark: None,
            quirks: Vec::new(),
            queryable: Vec::new(),
            finders: Vec::new(),
            children: Vec::new(),
            collection_actions: Vec::new(),
            item_actions: Vec::new(),
        };
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            resource.take(word, rest);
        }
        resource
    }

    fn take(&mut self, word: &str, rest: &'static str) {
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        match word {
            "resource" => self.name = rest,
            "title" => self.title = rest,
            "module" => self.module = rest,
            "root" => self.root = rest,
            "protocol" => {
                self.protocol = [Protocol::Scim, Protocol::Ess, Protocol::Audit, Protocol::ErpIntegrations]
                    .into_iter()
                    .find(|protocol| protocol.name() == rest)
                    .unwrap_or_default();
            }
            "collection" => self.collection = words.collect(),
            "item" => self.item = words.collect(),
            "key" => {
                self.key = match (words.next(), words.next()) {
                    (Some("plain"), Some(attribute)) => Key::Plain(attribute),
                    _ => Key::Opaque,
                };
            }
            "changed" => self.changed = stamp(words),
            "created" => self.created = stamp(words),
            "natural" => self.natural = words.collect(),
            "refuses-duplicates" => self.refuses_duplicates = words.next(),
            "mark" => self.mark = words.next(),
            "quirk" => self.quirks.extend(words.filter_map(quirk)),
            "queryable" => {
                let kind = words.next().and_then(Kind::parse).unwrap_or(Kind::String);
                self.queryable.extend(words.map(|name| (name, kind)));
            }
            "finder" => {
                if let Some(name) = words.next() {
                    let variables = words.filter_map(|word| word.split_once(':'));
                    let variables = variables.filter_map(|(name, kind)| Some((name, Kind::parse(kind)?)));
                    self.finders.push((name, variables.collect()));
                }
            }
            "child" => self.children.push(rest),
            "action" => match words.next() {
                Some("item") => self.item_actions = words.collect(),
                _ => self.collection_actions = words.collect(),
            },
            _ => {}
        }
    }
}

fn stamp(mut words: impl Iterator<Item = &'static str>) -> Option<Stamp> {
    Some(Stamp { attribute: words.next()?, queryable: words.next().is_none() })
}

fn quirk(word: &str) -> Option<Quirk> {
    match word {
        "finder-required" => Some(Quirk::FinderRequired),
        "no-create" => Some(Quirk::NoCreate),
        "date-effective" => Some(Quirk::DateEffective),
        "actions-by-name" => Some(Quirk::ActionsByName),
        _ => None,
    }
}

/// Every file, in alphabetical order whatever the case.
const FILES: [&str; 33] = [
    "absences",
    "cashBankAccounts",
    "currencyRates",
    "draftPurchaseOrders",
    "erpBusinessEvents",
    "erpintegrations",
    "erpProcesses",
    "expenseReports",
    "expenses",
    "getaudithistory",
    "invoiceHolds",
    "invoices",
    "journalBatches",
    "ledgerBalances",
    "payablesInterfaceInvoices",
    "payablesPayments",
    "payablesPaymentTerms",
    "projectCosts",
    "projects",
    "publicWorkers",
    "purchaseAgreements",
    "purchaseOrders",
    "purchaseRequisitions",
    "receivablesCreditMemos",
    "receivablesInvoices",
    "requests",
    "Roles",
    "salaries",
    "standardReceipts",
    "suppliers",
    "userAccounts",
    "Users",
    "valueSets",
];

/// Names that third-party cards give to resources that do not exist (N1), and what was meant.
const MISTAKEN: &[(&str, &str)] = &[
    ("journals", "journalBatches"),
    ("ledgers", "ledgersLOV"),
    ("businessunits", "finBusinessUnitsLOV"),
    ("payments", "payablesPayments"),
    ("paymentterms", "payablesPaymentTerms"),
    ("employees", "workers"),
    ("bankaccounts", "cashBankAccounts"),
];

/// The resource of exactly that name.
pub fn find(name: &str) -> Option<Resource> {
    FILES.iter().position(|file| *file == name).map(|at| Resource::parse(text(at)))
}

/// All of them, in alphabetical order.
pub fn all() -> impl Iterator<Item = Resource> {
    (0..FILES.len()).map(|at| Resource::parse(text(at)))
}

/// The file at that place of [`FILES`], unpacked when it is first asked for.
fn text(at: usize) -> &'static str {
    static TEXTS: [OnceLock<String>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];
    let (Some(name), Some(text)) = (FILES.get(at), TEXTS.get(at)) else { return "" };
    text.get_or_init(|| packed::text(&format!("resource {name}")))
}

/// What `name` may have been meant to be, the likeliest first.
pub fn meant(name: &str) -> Vec<&'static str> {
    let lower = name.to_lowercase();
    let mut meant: Vec<&'static str> =
        MISTAKEN.iter().filter(|(wrong, _)| *wrong == lower).map(|(_, right)| *right).collect();
    let known = FILES.into_iter().chain(super::modules::names().filter(|name| !is_file(name)));
    meant.extend(nearest(name, known, 3));
    meant.dedup();
    meant
}

fn is_file(name: &str) -> bool {
    FILES.contains(&name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_whole_and_found_by_its_name() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("resources");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), FILES.len());
        for (at, name) in FILES.into_iter().enumerate() {
            assert_eq!(text(at), std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap());
            let resource = find(name).unwrap();
            assert_eq!(resource.name, name);
            assert!(!resource.title.is_empty() && !resource.module.is_empty() && !resource.root.is_empty(), "{name}");
            assert!(
                resource
                    .mark
                    .is_none_or(|mark| resource.natural.is_empty() && resource.kind(mark) == Some(Kind::String)),
                "{name}"
            );
            for line in text(at).lines() {
                let word = line.split(' ').next().unwrap();
                let known = [
                    "resource",
                    "title",
                    "module",
                    "root",
                    "protocol",
                    "collection",
                    "item",
                    "key",
                    "changed",
                    "created",
                    "natural",
                    "refuses-duplicates",
                    "mark",
                    "quirk",
                    "queryable",
                    "finder",
                    "child",
                    "action",
                ];
                assert!(known.contains(&word), "{name}: {line}");
            }
        }
    }

    #[test]
    fn what_the_fact_sheet_tells_is_known() {
        let invoices = find("invoices").unwrap();
        assert_eq!(invoices.queryable.len(), 89);
        assert_eq!(invoices.key, Key::Plain("InvoiceId"));
        assert_eq!(invoices.kind("InvoiceAmount"), Some(Kind::Number));
        assert_eq!(invoices.changed, Some(Stamp { attribute: "LastUpdateDate", queryable: true }));
        let suppliers = find("suppliers").unwrap();
        assert_eq!(suppliers.changed, Some(Stamp { attribute: "LastUpdateDate", queryable: false }));
        assert_eq!(find("receivablesInvoices").unwrap().queryable.len(), 18);
        assert_eq!(find("standardReceipts").unwrap().queryable.len(), 7);
        assert!(find("currencyRates").unwrap().has(Quirk::FinderRequired));
        assert!(find("journalBatches").unwrap().has(Quirk::NoCreate));
        assert_eq!(find("Users").unwrap().protocol, Protocol::Scim);
        assert!(find("userAccounts").unwrap().children.contains(&"userAccountRoles"));
    }

    #[test]
    fn mistaken_names_lead_to_the_right_ones() {
        assert_eq!(meant("ledgers").first(), Some(&"ledgersLOV"));
        assert_eq!(meant("journals").first(), Some(&"journalBatches"));
        assert_eq!(meant("invoces").first(), Some(&"invoices"));
    }
}
