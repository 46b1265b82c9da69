//! The imports of suppliers and, as loads of their own, their addresses, sites, assignments and contacts (FACTS 3.5).
//!
//! Owns what each of the five demands of its row. Promises that a row is in `suppliers` afterwards, or stays with the
//! reason. Every row that waits is taken up, also one that an earlier run rejected.

mod book;
mod mapping;
mod report;

use book::{Book, Given};

use crate::fbdi::layout;
use crate::fbdi::reference::{self, text};
use crate::fbdi::tables::Line;
use crate::fbdi::{Import, Run};
use crate::model::{Resource, Row, Value};
use crate::store::{Context, Store};

/// Which of the five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Supplier,
    Address,
    Site,
    Assignment,
    Contact,
}

impl Object {
    fn table(self) -> &'static str {
        match self {
            Self::Supplier => "POZ_SUPPLIERS_INT",
            Self::Address => "POZ_SUP_ADDRESSES_INT",
            Self::Site => "POZ_SUPPLIER_SITES_INT",
            Self::Assignment => "POZ_SITE_ASSIGNMENTS_INT",
            Self::Contact => "POZ_SUP_CONTACTS_INT",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Supplier => "Import Suppliers",
            Self::Address => "Import Supplier Addresses",
            Self::Site => "Import Supplier Sites",
            Self::Assignment => "Import Supplier Site Assignments",
            Self::Contact => "Import Supplier Contacts",
        }
    }
}

/// Runs one of the imports.
pub(super) fn import(store: &mut Store, run: &Run<'_>, object: Object) -> Import {
    let (Some(layout), Some(mut book)) = (layout::of_table(object.table()), Book::new(store)) else {
        return report::answer(run, object, None, 0, &[]);
    };
    let units: Vec<String> = reference::units(store).into_iter().map(|unit| unit.name).collect();
    let mut imported = 0_u64;
    let mut rejected: Vec<Line> = Vec::new();
    for mut line in store.tables_mut().take(object.table()) {
        line.reasons.clear();
        let mut given = Given { layout, line: &mut line };
        let context = run.context();
        match object {
            Object::Supplier => supplier(store, &mut book, &mut given, &context),
            Object::Address => below(store, &mut book, &mut given, &context, &mapping::ADDRESSES, |_| true),
            Object::Contact => below(store, &mut book, &mut given, &context, &mapping::CONTACTS, |_| true),
            Object::Site => below(store, &mut book, &mut given, &context, &mapping::SITES, |unit| {
                units.iter().any(|known| known == unit)
            }),
            Object::Assignment => assignment(store, &mut book, &mut given, &context, &units),
        };
        if line.reasons.is_empty() {
            imported = imported.saturating_add(1);
        } else {
            line.status = Some("REJECTED".to_owned());
            rejected.push(line);
        }
    }
    for at in &book.changed {
        if let Some(row) = book.rows.get(*at) {
            store.insert(book.resource, row.clone());
        }
    }
    let answer = report::answer(run, object, Some(layout), imported, &rejected);
    store.tables_mut().add(object.table(), rejected);
    answer
}

fn supplier(store: &mut Store, book: &mut Book, given: &mut Given<'_>, context: &Context) -> Option<()> {
    let creates = given.creates()?;
    let name = given.need("VENDOR_NAME", "Supplier Name")?;
    let known = book.find(&name);
    if !creates {
        let Some(at) = known else {
            given.reject("VENDOR_NAME", "The supplier doesn't exist.");
            return None;
        };
        let (resource, row) = (book.resource, book.rows.get_mut(at)?);
        mapping::SUPPLIERS.fill(resource, row, given.layout, given.line);
        if let Some(new) = given.get("VENDOR_NAME_NEW") {
            row.set(resource, "Supplier", new.as_str().into());
            book.by_name.remove(&name.to_lowercase());
            book.by_name.insert(new.to_lowercase(), at);
        }
        touch(resource, row, context);
        book.changed.insert(at);
        return Some(());
    }
    if known.is_some() {
        given.reject("VENDOR_NAME", "A supplier with this name already exists. (POZ-2130479)");
    }
    for (column, attribute) in
        [("SEGMENT1", "SupplierNumber"), ("NUM_1099", "TaxpayerId"), ("VAT_REGISTRATION_NUM", "TaxRegistrationNumber")]
    {
        if given.get(column).is_some_and(|value| book.is_taken(attribute, &value)) {
            let what = if column == "SEGMENT1" { "number" } else { "tax identifier" };
            given.reject(column, &format!("A supplier with this {what} already exists. (POZ-2130479)"));
        }
    }
    let relationship = given.need("BUSINESS_RELATIONSHIP", "Business Relationship");
    let relationship = relationship.map(|code| match code.as_str() {
        "PROSPECTIVE" => Some("Prospective"),
        "SPEND_AUTHORIZED" => Some("Spend Authorized"),
        _ => None,
    });
    if relationship == Some(None) {
        given.reject("BUSINESS_RELATIONSHIP", "The business relationship isn't valid.");
    }
    if relationship == Some(Some("Spend Authorized")) {
        given.need("ORGANIZATION_TYPE_LOOKUP_CODE", "Tax Organization Type");
    }
    if !given.line.reasons.is_empty() {
        return None;
    }
    let resource = book.resource;
    let mut row = blank(resource, context);
    mapping::SUPPLIERS.fill(resource, &mut row, given.layout, given.line);
    row.set(resource, "SupplierId", store.next_id().into());
    row.set(resource, "SupplierPartyId", store.next_id().into());
    row.set(resource, "BusinessRelationship", relationship.flatten().into());
    row.set(resource, "Status", "ACTIVE".into());
    if given.get("SEGMENT1").is_none() {
        row.set(resource, "SupplierNumber", store.next_id().to_string().into());
    }
    book.changed.insert(book.rows.len());
    book.list(row);
    Some(())
}

/// A row of one of the children: found and changed, or created once.
fn below(
    store: &mut Store,
    book: &mut Book,
    given: &mut Given<'_>,
    context: &Context,
    mapping: &mapping::Mapping,
    is_unit: impl Fn(&str) -> bool,
) -> Option<()> {
    let creates = given.creates()?;
    let name = given.need("VENDOR_NAME", "Supplier Name")?;
    let Some(at) = book.find(&name) else {
        given.reject("VENDOR_NAME", "The supplier doesn't exist.");
        return None;
    };
    let child = book.resource.child(mapping.child)?;
    for (column, title) in mapping.required {
        given.need(column, title);
    }
    if let Some(unit) = given.get("PROCUREMENT_BUSINESS_UNIT_NAME")
        && !is_unit(&unit)
    {
        given.reject("PROCUREMENT_BUSINESS_UNIT_NAME", "The procurement business unit isn't valid.");
    }
    let supplier = book.rows.get_mut(at)?;
    let address = if mapping.child == "sites" { address(book.resource, supplier, given) } else { None };
    let cells: Vec<(&str, Option<String>)> =
        mapping.identity.iter().map(|(column, attribute)| (*attribute, given.get(column))).collect();
    let same = |row: &Row| cells.iter().all(|(attribute, value)| text(child, row, attribute) == value.as_deref());
    let known = supplier.child(mapping.child).iter().position(same);
    match (creates, known) {
        (true, Some(_)) => given.reject(mapping.named_by, &format!("The {} already exists.", mapping.title)),
        (false, None) => given.reject(mapping.named_by, &format!("The {} doesn't exist.", mapping.title)),
        _ => {}
    }
    if !given.line.reasons.is_empty() {
        return None;
    }
    let rows = supplier.child_mut(mapping.child);
    match known.and_then(|at| rows.get_mut(at)) {
        Some(row) => {
            mapping.fill(child, row, given.layout, given.line);
            touch(child, row, context);
        }
        None => {
            let mut row = blank(child, context);
            mapping.fill(child, &mut row, given.layout, given.line);
            row.set(child, mapping.id, store.next_id().into());
            row.set(child, "Status", "ACTIVE".into());
            row.set(
                child,
                "SupplierAddressId",
                address
                    .filter(|_| mapping.child == "sites")
                    .map_or_else(|| row.get(child, "SupplierAddressId").cloned().unwrap_or(Value::Null), Into::into),
            );
            if mapping.child == "contacts" {
                let parts: Vec<String> =
                    ["FIRST_NAME", "LAST_NAME"].iter().filter_map(|column| given.get(column)).collect();
                row.set(child, "ContactName", parts.join(" ").into());
            }
            rows.push(row);
        }
    }
    book.changed.insert(at);
    Some(())
}

/// The id of the address that a site names.
fn address(resource: &Resource, supplier: &Row, given: &mut Given<'_>) -> Option<i64> {
    let addresses = resource.child("addresses")?;
    let name = given.get("PARTY_SITE_NAME")?;
    let found = supplier.child("addresses").iter().find(|row| text(addresses, row, "AddressName") == Some(&*name));
    let Some(found) = found else {
        given.reject("PARTY_SITE_NAME", "The address name doesn't exist for this supplier.");
        return None;
    };
    reference::id(addresses, found, "SupplierAddressId")
}

/// An assignment lies below a site.
fn assignment(
    store: &mut Store,
    book: &mut Book,
    given: &mut Given<'_>,
    context: &Context,
    units: &[String],
) -> Option<()> {
    let creates = given.creates()?;
    let name = given.need("VENDOR_NAME", "Supplier Name")?;
    for (column, title) in mapping::ASSIGNMENTS.required {
        given.need(column, title);
    }
    for column in ["PROCUREMENT_BUSINESS_UNIT_NAME", "BUSINESS_UNIT_NAME", "BILL_TO_BU_NAME"] {
        if given.get(column).is_some_and(|unit| !units.contains(&unit)) {
            given.reject(column, "The business unit isn't valid.");
        }
    }
    let Some(at) = book.find(&name) else {
        given.reject("VENDOR_NAME", "The supplier doesn't exist.");
        return None;
    };
    let sites = book.resource.child("sites")?;
    let child = sites.child("assignments")?;
    let (code, unit) = (given.get("VENDOR_SITE_CODE"), given.get("PROCUREMENT_BUSINESS_UNIT_NAME"));
    let is_site = |row: &&mut Row| {
        text(sites, row, "SupplierSite") == code.as_deref() && text(sites, row, "ProcurementBU") == unit.as_deref()
    };
    let Some(site) = book.rows.get_mut(at)?.child_mut("sites").iter_mut().find(is_site) else {
        given.reject("VENDOR_SITE_CODE", "The supplier site doesn't exist.");
        return None;
    };
    let client = given.get("BUSINESS_UNIT_NAME");
    let rows = site.child_mut("assignments");
    let known = rows.iter().position(|row| text(child, row, "ClientBU") == client.as_deref());
    match (creates, known) {
        (true, Some(_)) => given.reject("BUSINESS_UNIT_NAME", "The site assignment already exists."),
        (false, None) => given.reject("BUSINESS_UNIT_NAME", "The site assignment doesn't exist."),
        _ => {}
    }
    if !given.line.reasons.is_empty() {
        return None;
    }
    match known.and_then(|at| rows.get_mut(at)) {
        Some(row) => {
            mapping::ASSIGNMENTS.fill(child, row, given.layout, given.line);
            touch(child, row, context);
        }
        None => {
            let mut row = blank(child, context);
            mapping::ASSIGNMENTS.fill(child, &mut row, given.layout, given.line);
            row.set(child, "AssignmentId", store.next_id().into());
            row.set(child, "Status", "ACTIVE".into());
            rows.push(row);
        }
    }
    book.changed.insert(at);
    Some(())
}

fn blank(resource: &Resource, context: &Context) -> Row {
    let mut row = Row::empty(resource);
    row.set(resource, "CreatedBy", context.user.as_str().into());
    row.set(resource, "CreationDate", context.now.into());
    row.set(resource, "LastUpdatedBy", context.user.as_str().into());
    row.set(resource, "LastUpdateDate", context.now.into());
    for child in &resource.children {
        row.child_mut(&child.name);
    }
    row
}

fn touch(resource: &Resource, row: &mut Row, context: &Context) {
    row.set(resource, "LastUpdatedBy", context.user.as_str().into());
    row.set(resource, "LastUpdateDate", context.now.into());
    row.version = row.version.saturating_add(1);
}
