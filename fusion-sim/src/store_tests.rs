//! What a pod does with writes, told on the store itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use rust_decimal::Decimal;

use super::*;
use crate::metadata;

const GOOD: &str = r#"{"InvoiceNumber":"T-1","InvoiceCurrency":"USD","InvoiceAmount":2212.75,"InvoiceDate":"2026-02-01",
 "BusinessUnit":"US1 Business Unit","Supplier":"Lee Supplies","SupplierSite":"Lee US1","PaymentTerms":"Immediate",
 "PaymentMethod":"Check","invoiceLines":[{"LineNumber":1,"LineType":"Item","LineAmount":2112.75,"Description":"Chairs",
 "invoiceDistributions":[{"DistributionLineNumber":1,"DistributionLineType":"Item","DistributionAmount":2112.75}]}]}"#;

fn store() -> Store {
    Store::new(Options { seed: 7, invoices: 100, start: "2026-02-01T00:00:00Z".parse().unwrap() })
}

fn context() -> Context {
    Context { now: "2026-02-01T10:00:00.250Z".parse().unwrap(), user: "kim@example.com".to_owned() }
}

fn resource(name: &str) -> &'static Resource {
    let root = if matches!(name, "userAccounts" | "workers") { Root::Hcm } else { Root::Fscm };
    metadata::resource(root, name).unwrap()
}

fn create(store: &mut Store, name: &str, body: &str) -> Result<Row, Refusal> {
    store.create(resource(name), &Payload::parse(body.as_bytes()).unwrap(), &context())
}

fn refused(name: &str, body: &str) -> Refusal {
    create(&mut store(), name, body).unwrap_err()
}

fn key(row: &Row) -> KeyValues {
    KeyValues(vec![row.get(resource("invoices"), "InvoiceId").unwrap().clone()])
}

#[test]
fn a_created_invoice_is_filled_as_recorded_and_read_back() {
    let mut store = store();
    let invoices = resource("invoices");
    let row = create(&mut store, "invoices", GOOD).unwrap();
    let is = |name: &str, value: Value| assert_eq!(row.get(invoices, name), Some(&value), "{name}");
    is("LegalEntity", "US1 Legal Entity".into());
    is("Party", "Lee Supplies".into());
    is("PartySite", "Lee US1".into());
    is("SupplierNumber", "1252".into());
    is("ReferenceKeyFive", "CREATE_API".into());
    is("AccountingDate", Value::Date("2026-02-01".parse().unwrap()));
    is("PaymentCurrency", "USD".into());
    is("PaymentMethodCode", "CHECK".into());
    is("CreatedBy", "kim@example.com".into());
    is("LastUpdateDate", context().now.into());
    for name in ["ValidationStatus", "ApprovalStatus", "PaidStatus", "AccountingStatus", "CanceledFlag", "AmountPaid"] {
        is(name, Value::Null);
    }
    let lines = invoices.child("invoiceLines").unwrap();
    let line = &row.child("invoiceLines")[0];
    assert_eq!(line.get(lines, "AssessableValue"), Some(&Decimal::new(211_275, 2).into()));
    assert_eq!(line.child("invoiceDistributions").len(), 1);
    assert_eq!(store.get(invoices, &key(&row)), Some(row.clone()));
    assert_eq!(store.len(invoices), 101);
    assert_eq!(store.scan(invoices).last(), Some(row));
}

#[test]
fn the_same_number_is_refused_for_the_same_supplier_alone() {
    let mut store = store();
    create(&mut store, "invoices", GOOD).unwrap();
    let again = create(&mut store, "invoices", GOOD).unwrap_err();
    assert_eq!(again.code.as_deref(), Some("AP-810245"));
    assert_eq!(
        again.detail,
        "You must enter a different number. There's already an invoice with that number. (AP-810245)"
    );
    let other = GOOD.replace("Lee Supplies", "ÅNGSTRÖM + CO").replace("\"Lee US1\"", "\"SITE 108\"");
    assert!(create(&mut store, "invoices", &other).is_ok());
    assert_eq!(store.len(resource("invoices")), 102);
}

#[test]
fn a_generated_number_is_a_duplicate_too() {
    let mut store = store();
    let invoices = resource("invoices");
    let held = store.scan(invoices).next().unwrap();
    let text = |name: &str| match held.get(invoices, name) {
        Some(Value::Text(text)) => text.to_string(),
        _ => panic!("{name}"),
    };
    let body = serde_json::json!({"InvoiceNumber": text("InvoiceNumber"), "InvoiceCurrency": "USD", "InvoiceAmount": 1,
        "BusinessUnit": text("BusinessUnit"), "Supplier": text("Supplier"), "SupplierSite": text("SupplierSite")});
    assert_eq!(create(&mut store, "invoices", &body.to_string()).unwrap_err().code.as_deref(), Some("AP-810245"));
}

#[test]
fn unknown_and_mis_cased_names_are_refused_in_children_as_well() {
    for (from, to) in [("InvoiceDate", "invoiceDate"), ("PaymentTerms", "Terms"), ("LineAmount", "Lineamount")] {
        let refusal = refused("invoices", &GOOD.replacen(from, to, 1));
        assert_eq!(refusal.detail, format!("Invalid attribute \"{to}\" in the payload."));
        assert_eq!(refusal.status, 400);
    }
    let refusal = refused("invoices", &GOOD.replace("invoiceLines", "lines"));
    assert_eq!(refusal.detail, "Invalid attribute \"lines\" in the payload.");
}

#[test]
fn wrong_types_dates_and_lengths_are_refused() {
    for (from, to, name) in [
        ("2212.75", "\"2212.75\"", "InvoiceAmount"),
        ("\"2026-02-01\"", "\"01.02.2026\"", "InvoiceDate"),
        ("\"2026-02-01\"", "\"2026-02-30\"", "InvoiceDate"),
        ("\"T-1\"", "17", "InvoiceNumber"),
        ("\"LineNumber\":1", "\"LineNumber\":1.5", "LineNumber"),
    ] {
        let refusal = refused("invoices", &GOOD.replacen(from, to, 1));
        assert_eq!(refusal.detail, format!("The value of the attribute {name} isn't valid."));
    }
    let long = "9".repeat(51);
    assert!(refused("invoices", &GOOD.replace("T-1", &long)).detail.contains("maximum length is 50"));
}

#[test]
fn missing_values_are_named() {
    let refusal = refused("invoices", &GOOD.replace("\"InvoiceAmount\":2212.75,", ""));
    assert_eq!(refusal.detail, "JBO-27014: Attribute InvoiceAmount in invoices is required");
    assert_eq!(refusal.code.as_deref(), Some("27014"));
    let refusal = refused("invoices", &GOOD.replace("\"LineAmount\":2112.75,", ""));
    assert_eq!(refusal.code.as_deref(), Some("AP-810879"));
    assert_eq!(refusal.path.as_deref(), Some("/invoiceLines/0/LineAmount"));
}

#[test]
fn values_outside_their_lists_are_refused() {
    for (from, to, name) in [
        ("US1 Business Unit", "Nowhere", "BusinessUnit"),
        ("\"USD\"", "\"XXX\"", "InvoiceCurrency"),
        ("Lee Supplies", "lee supplies", "Supplier"),
        ("\"Lee US1\"", "\"SITE 101\"", "SupplierSite"),
        ("\"Item\",\"LineAmount\"", "\"Thing\",\"LineAmount\"", "LineType"),
    ] {
        let refusal = refused("invoices", &GOOD.replacen(from, to, 1));
        assert!(refusal.detail.starts_with(&format!("The value of the attribute {name} isn't valid.")), "{refusal:?}");
    }
}

#[test]
fn an_update_bumps_the_version_and_ignores_what_is_set_once() {
    let mut store = store();
    let invoices = resource("invoices");
    let row = create(&mut store, "invoices", GOOD).unwrap();
    let mut later = context();
    later.now = "2026-02-01T11:00:00Z".parse().unwrap();
    let change = Payload::parse(br#"{"Description":"New","BusinessUnit":"UK Business Unit"}"#).unwrap();
    let changed = store.update(invoices, &key(&row), &change, &later).unwrap();
    assert_eq!(changed.get(invoices, "Description"), Some(&"New".into()));
    assert_eq!(changed.get(invoices, "BusinessUnit"), Some(&"US1 Business Unit".into()));
    assert_eq!(changed.get(invoices, "LastUpdateDate"), Some(&later.now.into()));
    assert_eq!(changed.version, row.version + 1);
    let status = Payload::parse(br#"{"PaidStatus":"Paid"}"#).unwrap();
    assert_eq!(store.update(invoices, &key(&row), &status, &later).unwrap_err().code.as_deref(), Some("27008"));
    let gone = KeyValues::integer(1);
    assert_eq!(store.update(invoices, &gone, &change, &later).unwrap_err().status, 404);
}

#[test]
fn children_are_created_changed_and_deleted_by_their_own_key() {
    let mut store = store();
    let invoices = resource("invoices");
    let lines = invoices.child("invoiceLines").unwrap();
    let row = create(&mut store, "invoices", GOOD).unwrap();
    let id = key(&row);
    let second = Payload::parse(br#"{"LineType":"Item","LineAmount":100.00}"#).unwrap();
    let made = store.create_child(invoices, &id, &[], lines, &second, &context()).unwrap();
    assert_eq!(made.get(lines, "LineNumber"), Some(&Value::Integer(2)));
    let clash = Payload::parse(br#"{"LineNumber":2,"LineType":"Item","LineAmount":1}"#).unwrap();
    assert!(store.create_child(invoices, &id, &[], lines, &clash, &context()).is_err());
    let step = |number: i64| Step {
        child: "invoiceLines".to_owned(),
        key: KeyValues(vec![id.0[0].clone(), Value::Integer(number)]),
    };
    let change = Payload::parse(br#"{"Description":"Second"}"#).unwrap();
    let changed = store.update_child(invoices, &id, &[step(2)], &change, &context()).unwrap();
    assert_eq!((changed.get(lines, "Description"), changed.version), (Some(&"Second".into()), 2));
    assert_eq!(store.get(invoices, &id).unwrap().version, row.version);
    store.delete_child(invoices, &id, &[step(1)]).unwrap();
    assert_eq!(store.get(invoices, &id).unwrap().child("invoiceLines"), [changed]);
    assert_eq!(store.delete_child(invoices, &id, &[step(1)]).unwrap_err().status, 404);
}

#[test]
fn a_deleted_row_is_gone_and_a_touched_one_keeps_its_place() {
    let mut store = store();
    let invoices = resource("invoices");
    let keys: Vec<KeyValues> = store.scan(invoices).take(3).map(|row| key(&row)).collect();
    store.delete(invoices, &keys[0]).unwrap();
    assert!(store.get(invoices, &keys[0]).is_none());
    assert_eq!(store.delete(invoices, &keys[0]).unwrap_err().status, 404);
    assert!(store.touch(invoices, &keys[1], &[("PaidStatus", "Paid".into())], context().now));
    assert!(!store.touch(invoices, &keys[0], &[], context().now));
    let after: Vec<KeyValues> = store.scan(invoices).take(2).map(|row| key(&row)).collect();
    assert_eq!(after, keys[1..]);
    assert_eq!(store.len(invoices), 99);
    assert_eq!(u64::try_from(store.positions(invoices).count()).unwrap(), store.len(invoices));
}

#[test]
fn a_store_saved_and_opened_again_answers_the_same() {
    let mut store = store();
    let invoices = resource("invoices");
    let row = create(&mut store, "invoices", GOOD).unwrap();
    let saved = serde_json::to_string(&store).unwrap();
    let mut opened: Store = serde_json::from_str(&saved).unwrap();
    assert_eq!(opened.get(invoices, &key(&row)), Some(row));
    assert!(opened.scan(invoices).eq(store.scan(invoices)));
    assert_eq!(opened.next_id(), store.next_id());
}

#[test]
fn a_supplier_is_created_once_and_can_be_invoiced() {
    let mut store = store();
    let body = r#"{"Supplier":"ACME","TaxpayerId":"99-1","addresses":[{"AddressName":"HQ","CountryCode":"US"}],
        "sites":[{"SupplierSite":"HQ","ProcurementBU":"US1 Business Unit","SupplierAddressName":"HQ"}]}"#;
    create(&mut store, "suppliers", body).unwrap();
    for again in [body.replace("ACME", "OTHER"), body.replace("99-1", "99-2")] {
        let refusal = create(&mut store, "suppliers", &again).unwrap_err();
        assert_eq!(refusal.code.as_deref(), Some("POZ-2130479"));
    }
    let invoice = GOOD.replace("Lee Supplies", "ACME").replace("Lee US1", "HQ");
    assert!(create(&mut store, "invoices", &invoice).is_ok());
}

#[test]
fn receivables_are_numbered_by_the_pod_and_need_a_bill_to() {
    let mut store = store();
    let body = r#"{"BusinessUnit":"US1 Business Unit","TransactionSource":"Manual","TransactionType":"Invoice",
        "TransactionNumber":"11","BillToCustomerNumber":"1001",
        "receivablesInvoiceLines":[{"LineNumber":1,"Description":"x","Quantity":2,"UnitSellingPrice":10.05}]}"#;
    let row = create(&mut store, "receivablesInvoices", body).unwrap();
    let receivables = resource("receivablesInvoices");
    assert_ne!(row.get(receivables, "TransactionNumber"), Some(&"11".into()));
    assert_eq!(row.get(receivables, "EnteredAmount"), Some(&Decimal::new(2010, 2).into()));
    let refusal = create(&mut store, "receivablesInvoices", &body.replace("\"BillToCustomerNumber\":\"1001\",", ""));
    assert_eq!(refusal.unwrap_err().code.as_deref(), Some("AR-856520"));
}

#[test]
fn a_user_gets_ids_and_a_guid_and_a_name_is_used_once() {
    let mut store = store();
    let body = r#"{"Username":"new.user","userAccountRoles":[{"RoleCode":"ORA_PER_EMPLOYEE_ABSTRACT"}]}"#;
    let row = create(&mut store, "userAccounts", body).unwrap();
    let users = resource("userAccounts");
    assert!(matches!(row.get(users, "GUID"), Some(Value::Text(text)) if text.len() == 32));
    assert_eq!(row.child("userAccountRoles").len(), 1);
    assert!(create(&mut store, "userAccounts", &body.replace("new.user", "NEW.USER")).is_err());
}

#[test]
fn a_page_deep_in_a_million_costs_a_page() {
    let store = Store::new(Options { invoices: 1_000_000, ..store().options().clone() });
    let invoices = resource("invoices");
    let page: Vec<Row> =
        store.positions(invoices).skip(999_990).filter_map(|position| store.row(invoices, &position)).collect();
    assert_eq!(page.len(), 10);
    assert_eq!(store.get(invoices, &key(&page[9])).as_ref(), page.last());
}
