//! The pod's suppliers as an import of invoices looks them up: by name, by number, with their sites.

use std::collections::HashMap;

use crate::fbdi::reference::text;
use crate::metadata;
use crate::model::{Resource, Root, Row};
use crate::store::Store;

/// A supplier.
#[derive(Clone, Debug)]
pub(super) struct Supplier {
    pub(super) name: String,
    pub(super) number: String,
    pub(super) sites: Vec<Site>,
}

/// A site of a supplier.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) name: String,
    /// The business units that may use it: the purchasing one and those it is assigned to.
    pub(super) units: Vec<String>,
    pub(super) address: Option<String>,
    pub(super) terms: Option<String>,
    pub(super) currency: Option<String>,
}

/// Every supplier, read once for a run.
pub(super) struct Directory {
    suppliers: Vec<Supplier>,
    by_name: HashMap<String, usize>,
    by_number: HashMap<String, usize>,
}

impl Directory {
    pub(super) fn new(store: &Store) -> Self {
        let suppliers: Vec<Supplier> = metadata::resource(Root::Fscm, "suppliers")
            .map(|resource| store.scan(resource).filter_map(|row| supplier(resource, &row)).collect())
            .unwrap_or_default();
        let index = |key: fn(&Supplier) -> &str| {
            suppliers.iter().enumerate().map(|(at, supplier)| (key(supplier).to_owned(), at)).collect()
        };
        let (by_name, by_number) = (index(|supplier| &supplier.name), index(|supplier| &supplier.number));
        Self { suppliers, by_name, by_number }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Supplier> {
        self.suppliers.get(*self.by_name.get(name)?)
    }

    pub(super) fn numbered(&self, number: &str) -> Option<&Supplier> {
        self.suppliers.get(*self.by_number.get(number)?)
    }
}

fn supplier(resource: &Resource, row: &Row) -> Option<Supplier> {
    let sites = resource.child("sites")?;
    Some(Supplier {
        name: text(resource, row, "Supplier")?.to_owned(),
        number: text(resource, row, "SupplierNumber").unwrap_or_default().to_owned(),
        sites: row.child("sites").iter().filter_map(|row| site(sites, row)).collect(),
    })
}

fn site(sites: &Resource, row: &Row) -> Option<Site> {
    let owned = |name: &str| text(sites, row, name).map(str::to_owned);
    let mut units: Vec<String> = owned("ProcurementBU").into_iter().collect();
    if let Some(assignments) = sites.child("assignments") {
        let clients = row.child("assignments").iter();
        units.extend(clients.filter_map(|row| text(assignments, row, "ClientBU").map(str::to_owned)));
    }
    Some(Site {
        name: owned("SupplierSite")?,
        units,
        address: owned("SupplierAddressName"),
        terms: owned("PaymentTerms"),
        currency: owned("InvoiceCurrencyCode"),
    })
}
