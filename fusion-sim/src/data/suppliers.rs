//! Suppliers with their addresses and sites, and the two lists of values over them.

use crate::data::random::{Life, Random};
use crate::data::record::Record;
use crate::data::setup::{self, Unit};
use crate::store::Options;

/// How many suppliers there are.
pub(crate) const COUNT: u64 = 60;
/// First `SupplierId`; they go up by 13.
pub(crate) const FIRST_ID: i64 = 300_000_047_507_499;
/// First `SupplierPartyId`: 18 digits, which a double cannot hold.
const FIRST_PARTY: i64 = 999_999_999_999_900_001;

/// Names that a client must quote, escape or encode.
const AWKWARD: [&str; 12] = [
    "Lee Supplies",
    "O'Neil; Sons, Ltd",
    "Müller GmbH",
    "CV_SUPPLIER A & B",
    "SOCIÉTÉ GÉNÉRALE D'ÉQUIPEMENT",
    "\"BEST\" TOOLS = 100%",
    "東京商事株式会社",
    "SMITH, JONES; PARTNERS",
    "ÅNGSTRÖM + CO",
    "NULL",
    "A*STAR CHEMICALS",
    "  PADDED NAME",
];

const FIRST: [&str; 12] = [
    "NORTHERN", "ALPINE", "PACIFIC", "UNITED", "CENTRAL", "GOLDEN", "RAPID", "SUMMIT", "HARBOR", "VALLEY", "PIONEER",
    "ATLAS",
];
const SECOND: [&str; 4] = ["INSTRUMENTS", "LOGISTICS", "OFFICE SUPPLY", "INDUSTRIES"];
const CITIES: [(&str, &str, &str); 4] =
    [("New York", "NY", "10001"), ("London", "", "EC1A 1BB"), ("München", "", "80331"), ("Austin", "TX", "73301")];

/// What other rows say about a supplier.
#[derive(Clone, Debug)]
pub(crate) struct Supplier {
    pub(crate) index: u64,
    pub(crate) unit: &'static Unit,
}

impl Supplier {
    /// The supplier at an index, taken round.
    pub(crate) fn at(index: u64) -> Self {
        let index = index % COUNT;
        Self { index, unit: setup::unit(index) }
    }

    pub(crate) fn id(&self) -> i64 {
        FIRST_ID.saturating_add(self.number_of_index().saturating_mul(13))
    }

    pub(crate) fn party_id(&self) -> i64 {
        FIRST_PARTY.saturating_add(self.number_of_index())
    }

    pub(crate) fn number(&self) -> String {
        (1252 + self.index).to_string()
    }

    pub(crate) fn name(&self) -> String {
        let at = usize::try_from(self.index).unwrap_or(0);
        if let Some(name) = AWKWARD.get(at) {
            return (*name).to_owned();
        }
        let at = at - AWKWARD.len();
        let first = FIRST.get(at % FIRST.len()).copied().unwrap_or_default();
        let second = SECOND.get(at / FIRST.len() % SECOND.len()).copied().unwrap_or_default();
        format!("{first} {second}")
    }

    pub(crate) fn site(&self) -> String {
        if self.index == 0 { "Lee US1".to_owned() } else { format!("SITE {}", 100 + self.index) }
    }

    pub(crate) fn site_id(&self, nth: i64) -> i64 {
        300_000_047_600_001_i64.saturating_add(self.number_of_index().saturating_mul(10)).saturating_add(nth)
    }

    pub(crate) fn address(&self) -> String {
        if self.index == 0 { "Lee US1".to_owned() } else { format!("ADDRESS {}", 100 + self.index) }
    }

    fn number_of_index(&self) -> i64 {
        i64::try_from(self.index).unwrap_or(0)
    }

    /// The sites: name, purchasing unit, id. Every third supplier has one in a second unit.
    fn sites(&self) -> Vec<(String, &'static Unit, i64)> {
        let mut sites = vec![(self.site(), self.unit, self.site_id(0))];
        if self.index.is_multiple_of(3) {
            sites.push((format!("{} 2", self.site()), setup::unit(self.index + 1), self.site_id(1)));
        }
        sites
    }
}

/// A supplier's row.
pub(crate) fn record(options: &Options, index: u64) -> Record {
    let supplier = Supplier::at(index);
    let mut random = Random::of(options.seed, "suppliers", index);
    let life = Life::of(options.start, &mut random, index, COUNT);
    let at = usize::try_from(index % 4).unwrap_or(0);
    let (city, state, postal) = CITIES.get(at).copied().unwrap_or(("", "", ""));
    let address_id = 300_000_047_700_003_i64.saturating_add(i64::try_from(index).unwrap_or(0).saturating_mul(7));
    let address = Record::new()
        .set("SupplierAddressId", address_id)
        .set("AddressName", supplier.address())
        .set("CountryCode", supplier.unit.country_code)
        .set("Country", supplier.unit.country)
        .set("AddressLine1", format!("{} Main Street", 10 + index))
        .set("City", city)
        .set("State", (!state.is_empty()).then_some(state))
        .set("PostalCode", postal)
        .set("AddressPurposeOrderingFlag", true)
        .set("AddressPurposeRemitToFlag", true)
        .set("Status", "ACTIVE")
        .life(&life);
    let (_, person, email) = super::people::identity(index);
    let (first, last) = person.split_once(' ').unwrap_or(("", &person));
    let contact = Record::new()
        .set("SupplierContactId", address_id.saturating_add(10_000))
        .set("ContactName", person.as_str())
        .set("FirstName", first)
        .set("LastName", last)
        .set("Email", email.replace("example.com", "supplier.example.com"))
        .set("AdministrativeContactFlag", true)
        .set("Status", "ACTIVE")
        .life(&life);
    let sites = supplier
        .sites()
        .into_iter()
        .map(|(name, unit, id)| {
            Record::new()
                .set("SupplierSiteId", id)
                .set("SupplierSite", name)
                .set("ProcurementBU", unit.name)
                .set("SupplierAddressName", supplier.address())
                .set("SupplierAddressId", address_id)
                .set("SitePurposePayFlag", true)
                .set("SitePurposePurchasingFlag", true)
                .set("InvoiceCurrencyCode", unit.currency)
                .set("PaymentTerms", "Net 30")
                .set("Status", "ACTIVE")
                .life(&life)
                .child(
                    "assignments",
                    vec![
                        Record::new()
                            .set("AssignmentId", id.saturating_add(1_000_000))
                            .set("ClientBU", unit.name)
                            .set("BillToBU", unit.name)
                            .set("Status", "ACTIVE")
                            .life(&life),
                    ],
                )
        })
        .collect();
    Record::new()
        .set("SupplierId", supplier.id())
        .set("SupplierPartyId", supplier.party_id())
        .set("Supplier", supplier.name())
        .set("SupplierNumber", supplier.number())
        .set("TaxOrganizationType", "Corporation")
        .set("TaxOrganizationTypeCode", "CORPORATION")
        .set("BusinessRelationship", "Spend Authorized")
        .set("BusinessRelationshipCode", "SPEND_AUTHORIZED")
        .set("TaxpayerId", format!("{:02}-{:07}", 10 + index % 80, 1_000_003 + index * 7919))
        .set("Status", "ACTIVE")
        .set("OneTimeSupplierFlag", false)
        .life(&life)
        .child("addresses", vec![address])
        .child("contacts", vec![contact])
        .child("sites", sites)
}

/// A row of `suppliersLOV`.
pub(crate) fn value(index: u64) -> Record {
    let supplier = Supplier::at(index);
    Record::new()
        .set("SupplierId", supplier.id())
        .set("Supplier", supplier.name())
        .set("SupplierNumber", supplier.number())
}

/// How many rows `supplierSitesLOV` has: two of three suppliers have one site, the third two.
pub(crate) const SITE_COUNT: u64 = COUNT + COUNT / 3;

/// A row of `supplierSitesLOV`: first the main site of each supplier, then the second ones.
pub(crate) fn site_value(index: u64) -> Option<Record> {
    let (of, nth) = if index < COUNT { (index, 0) } else { ((index - COUNT) * 3, 1) };
    let supplier = Supplier::at(of);
    let (name, unit, id) = supplier.sites().into_iter().nth(nth)?;
    Some(
        Record::new()
            .set("SupplierSiteId", id)
            .set("SupplierSite", name)
            .set("SupplierId", supplier.id())
            .set("Supplier", supplier.name())
            .set("BusinessUnit", unit.name),
    )
}
