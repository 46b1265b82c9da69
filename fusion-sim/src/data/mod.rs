//! The generator: every row follows from the seed, the table and its index.
//!
//! Promises the same rows for the same options on any machine, in the order of their keys, without
//! holding any. Invoices are found by id and by number in constant time; the other tables are small
//! and are searched. Never knows what has been written since; that is the store's.

mod documents;
mod invoices;
mod ledger;
mod people;
mod purchasing;
mod random;
mod record;
pub(crate) mod setup;
mod suppliers;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use jiff::civil::Date;

use crate::keys::{self, Place};
use crate::model::{Resource, Root, Row, Value};
use crate::store::Options;
use record::Record;

const RECEIVABLES: u64 = 200;
const PAYMENTS: u64 = 120;
const HOLDS: u64 = 20;
const JOURNALS: u64 = 30;
const RATES: u64 = 93;
const EVENTS: u64 = 3;
const CROSS_REFERENCES: u64 = 24;

/// Identity → index of one table.
type Identities = Arc<BTreeMap<String, u64>>;

/// Computes rows from their index.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    options: Options,
    /// Table → identity → index, for the small tables, as they are first asked for.
    identities: Arc<RwLock<BTreeMap<String, Identities>>>,
}

impl Generator {
    pub(crate) fn new(options: Options) -> Self {
        let invoices = options.invoices.min(Options::MAX_INVOICES);
        Self { options: Options { invoices, ..options }, identities: Arc::default() }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// How many rows there are; none of a resource that has no data here.
    pub(crate) fn count(&self, resource: &Resource) -> u64 {
        match (resource.root, resource.name.as_str()) {
            (Root::Fscm, "invoices") => self.options.invoices,
            (Root::Fscm, "suppliers" | "suppliersLOV") => suppliers::COUNT,
            (Root::Fscm, "supplierSitesLOV") => suppliers::SITE_COUNT,
            (Root::Fscm, "receivablesInvoices") => RECEIVABLES,
            (Root::Fscm, "payablesPayments") => PAYMENTS.min(self.options.invoices),
            (Root::Fscm, "invoiceHolds") => HOLDS.min(self.options.invoices / 10),
            (Root::Fscm, "journalBatches") => JOURNALS,
            (Root::Fscm, "currencyRates") => RATES,
            (Root::Fscm, "standardReceipts") => ledger::RECEIPTS,
            (Root::Fscm, "projects") => ledger::PROJECTS,
            (Root::Fscm, "ledgerBalances") => ledger::BALANCES,
            (Root::Fscm, "erpBusinessEvents") => EVENTS,
            (Root::Fscm, "crossReferenceRelationships") => CROSS_REFERENCES,
            (Root::Fscm, "purchaseOrders" | "draftPurchaseOrders") => purchasing::COUNT,
            (Root::Hcm, "userAccounts") => people::users(),
            (Root::Hcm, "publicWorkers") => people::WORKERS,
            // One more is hired later.
            (Root::Hcm, "workers") => people::WORKERS + 1,
            (Root::Fscm, name) => setup::count(name).unwrap_or(0),
            _ => 0,
        }
    }

    pub(crate) fn row(&self, resource: &Resource, index: u64) -> Option<Row> {
        if index >= self.count(resource) {
            return None;
        }
        if is_invoices(resource) {
            return Some(invoices::Invoice::at(&self.options, index).row(resource));
        }
        self.record(resource, index).map(|record| record.row(resource))
    }

    /// A row with at least the attributes at `wanted`.
    pub(crate) fn probe(&self, resource: &Resource, index: u64, wanted: &[usize]) -> Option<Row> {
        if is_invoices(resource) && index < self.options.invoices {
            return Some(invoices::Invoice::at(&self.options, index).probe(resource, wanted));
        }
        self.row(resource, index)
    }

    /// What the key of a row comes to ([`keys::KeyValues::identity`]).
    pub(crate) fn identity(&self, resource: &Resource, index: u64) -> String {
        if is_invoices(resource) {
            return invoices::id(index).to_string();
        }
        let row = self.row(resource, index);
        row.map(|row| keys::of(&Place::top(resource, &row), Date::ZERO).identity(resource)).unwrap_or_default()
    }

    pub(crate) fn index_of(&self, resource: &Resource, identity: &str) -> Option<u64> {
        let count = self.count(resource);
        if is_invoices(resource) {
            return invoices::index_of(identity.parse().ok()?).filter(|index| *index < count);
        }
        self.identities(resource).get(identity).copied()
    }

    fn identities(&self, resource: &Resource) -> Identities {
        let table = format!("{:?}/{}", resource.root, resource.name);
        if let Some(known) = self.identities.read().ok().and_then(|known| known.get(&table).cloned()) {
            return known;
        }
        let made: BTreeMap<String, u64> =
            (0..self.count(resource)).map(|index| (self.identity(resource, index), index)).collect();
        let made = Arc::new(made);
        // A lock broken by a panic elsewhere costs the cache, not the answer.
        if let Ok(mut known) = self.identities.write() {
            known.insert(table, made.clone());
        }
        made
    }

    /// The rows of which an attribute has this value; `None` where only a scan can tell.
    pub(crate) fn lookup(&self, resource: &Resource, attribute: &str, value: &Value) -> Option<Vec<u64>> {
        let count = self.count(resource);
        if !is_invoices(resource) {
            let holds =
                |index: &u64| self.row(resource, *index).is_some_and(|row| row.get(resource, attribute) == Some(value));
            return Some((0..count).filter(holds).collect());
        }
        let index = match (attribute, value) {
            ("InvoiceId", Value::Integer(id)) => invoices::index_of(*id),
            ("InvoiceNumber", Value::Text(number)) => invoices::index_of_number(number),
            _ => return None,
        };
        Some(index.into_iter().filter(|index| *index < count).collect())
    }

    fn record(&self, resource: &Resource, index: u64) -> Option<Record> {
        let options = &self.options;
        Some(match (resource.root, resource.name.as_str()) {
            (Root::Fscm, "suppliers") => suppliers::record(options, index),
            (Root::Fscm, "suppliersLOV") => suppliers::value(index),
            (Root::Fscm, "supplierSitesLOV") => suppliers::site_value(index)?,
            (Root::Fscm, "receivablesInvoices") => documents::receivable(options, index, RECEIVABLES),
            (Root::Fscm, "payablesPayments") => documents::payment(options, index, PAYMENTS),
            (Root::Fscm, "invoiceHolds") => documents::hold(options, index, HOLDS),
            (Root::Fscm, "journalBatches") => documents::journal(options, index, JOURNALS),
            (Root::Fscm, "currencyRates") => documents::rate(index),
            (Root::Fscm, "standardReceipts") => ledger::receipt(options, index),
            (Root::Fscm, "projects") => ledger::project(options, index),
            (Root::Fscm, "ledgerBalances") => ledger::balance(options, index),
            (Root::Fscm, "erpBusinessEvents") => documents::event(options, index, EVENTS),
            (Root::Fscm, "crossReferenceRelationships") => documents::cross_reference(options, index, CROSS_REFERENCES),
            (Root::Fscm, "purchaseOrders" | "draftPurchaseOrders") => purchasing::record(options, index),
            (Root::Hcm, "userAccounts") => people::user(options, index),
            (Root::Hcm, "workers") => people::worker(options, index),
            (Root::Hcm, "publicWorkers") => people::public_worker(index),
            (Root::Fscm, name) => setup::record(name, index)?,
            _ => return None,
        })
    }
}

fn is_invoices(resource: &Resource) -> bool {
    resource.root == Root::Fscm && resource.name == "invoices"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use rust_decimal::Decimal;

    use super::*;
    use crate::metadata;

    fn options(invoices: u64) -> Options {
        Options { seed: 1, invoices, start: "2026-02-01T00:00:00Z".parse().unwrap() }
    }

    fn invoices() -> &'static Resource {
        metadata::resource(Root::Fscm, "invoices").unwrap()
    }

    #[test]
    fn every_value_has_its_attribute_and_every_row_its_own_key() {
        let generator = Generator::new(options(1000));
        for resource in metadata::all() {
            let mut seen = BTreeSet::new();
            for index in 0..generator.count(resource) {
                // Drafts show the orders' rows as far as they have the attributes.
                let own = !is_invoices(resource) && resource.name != "draftPurchaseOrders";
                if let Some(record) = own.then(|| generator.record(resource, index).unwrap()) {
                    assert_eq!(record.strangers(resource), Vec::<String>::new());
                }
                let identity = generator.identity(resource, index);
                assert!(!identity.is_empty() && seen.insert(identity.clone()), "{} {identity}", resource.name);
                assert_eq!(generator.index_of(resource, &identity), Some(index));
            }
        }
    }

    #[test]
    fn values_are_of_their_attributes_type() {
        use crate::model::Type;
        fn check(resource: &Resource, row: &Row) {
            for (attribute, value) in resource.attributes.iter().zip(&row.values) {
                let right = match value {
                    Value::Null => true,
                    Value::Boolean(_) => attribute.kind == Type::Boolean,
                    Value::Integer(_) => attribute.kind == Type::Integer,
                    Value::Decimal(_) => attribute.kind == Type::Number,
                    Value::Text(_) => matches!(attribute.kind, Type::Text | Type::Attachment),
                    Value::Date(_) => attribute.kind == Type::Date,
                    Value::Timestamp(_) => attribute.kind == Type::Timestamp,
                    Value::List(_) => attribute.kind == Type::List,
                };
                assert!(right, "{}.{} {value:?}", resource.name, attribute.name);
            }
            for (name, rows) in &row.children {
                rows.iter().for_each(|row| check(resource.child(name).unwrap(), row));
            }
        }
        let generator = Generator::new(options(60));
        for resource in metadata::all() {
            for index in 0..generator.count(resource) {
                check(resource, &generator.row(resource, index).unwrap());
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_rows_and_another_seed_others() {
        let row = |seed| Generator::new(Options { seed, ..options(50) }).row(invoices(), 17).unwrap();
        assert_eq!(row(4), row(4));
        assert_ne!(row(4), row(5));
    }

    #[test]
    fn a_row_among_a_million_is_found_by_id_and_by_number() {
        let generator = Generator::new(options(5_000_000));
        assert_eq!(generator.count(invoices()), 1_000_000);
        for index in [0, 1, 499_999, 999_999] {
            let row = generator.row(invoices(), index).unwrap();
            for name in ["InvoiceId", "InvoiceNumber"] {
                let value = row.get(invoices(), name).unwrap();
                assert_eq!(generator.lookup(invoices(), name, value), Some(vec![index]));
            }
        }
        assert_eq!(generator.index_of(invoices(), "300000100000018"), None);
    }

    #[test]
    fn a_probe_agrees_with_the_row() {
        let generator = Generator::new(options(200));
        let wanted = [0, 1, 4];
        for index in 0..200 {
            let (row, probe) =
                (generator.row(invoices(), index).unwrap(), generator.probe(invoices(), index, &wanted).unwrap());
            assert!(wanted.iter().all(|at| row.values[*at] == probe.values[*at]));
        }
    }

    #[test]
    fn lines_add_up_and_hard_amounts_occur() {
        let generator = Generator::new(options(1000));
        let lines = invoices().child("invoiceLines").unwrap();
        let mut amounts = BTreeSet::new();
        for index in 0..1000 {
            let row = generator.row(invoices(), index).unwrap();
            let Some(Value::Decimal(amount)) = row.get(invoices(), "InvoiceAmount") else { panic!() };
            let sum: Decimal = row
                .child("invoiceLines")
                .iter()
                .map(|line| match line.get(lines, "LineAmount") {
                    Some(Value::Decimal(amount)) => *amount,
                    _ => panic!(),
                })
                .sum();
            assert_eq!(sum, *amount);
            amounts.insert(amount.to_string());
        }
        assert!(amounts.contains("0.10") && amounts.contains("123456789012345.67"));
    }

    #[test]
    fn times_lie_before_the_start_with_and_without_milliseconds() {
        let generator = Generator::new(options(1000));
        let time = |index, name| match generator.row(invoices(), index).unwrap().get(invoices(), name) {
            Some(Value::Timestamp(time)) => *time,
            _ => panic!(),
        };
        let start: Timestamp = options(1).start;
        let mut whole = 0;
        for index in 0..1000 {
            let (created, updated) = (time(index, "CreationDate"), time(index, "LastUpdateDate"));
            assert!(created <= updated && updated < start);
            whole += u32::from(updated.subsec_nanosecond() == 0);
        }
        assert!((200..600).contains(&whole), "{whole}");
    }
}
