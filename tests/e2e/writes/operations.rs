//! The operations that write: what is asked of each, and how to count on the pod what it did.

use fusion_sim::Pod;
use fusion_sim::metadata;
use fusion_sim::model::{Root, Row, Value as Held};
use serde_json::{Value, json};

use crate::invoices::invoice;

/// One way to write.
pub struct Operation {
    pub name: &'static str,
    pub action: &'static str,
    pub input: fn(&Seeds) -> Value,
    /// The method of the write that the fault hits, and how many such requests come before it.
    pub hit: (&'static str, u32),
    /// How often it happened.
    pub count: fn(&Pod) -> usize,
    /// What the count is when everything has happened.
    pub whole: usize,
}

/// What is on the pod before.
pub struct Seeds {
    pub first: String,
    pub second: String,
}

fn rows(pod: &Pod, root: Root, name: &str, fits: impl Fn(&Row) -> bool) -> usize {
    let resource = metadata::resource(root, name).unwrap();
    pod.with_store(|store| store.scan(resource).filter(|row| fits(row)).count())
}

fn text(pod: &Pod, name: &str, attribute: &str, wanted: &str) -> usize {
    let root = if name == "userAccounts" { Root::Hcm } else { Root::Fscm };
    let resource = metadata::resource(root, name).unwrap();
    let fits = |row: &Row| matches!(row.get(resource, attribute), Some(Held::Text(text)) if &**text == wanted);
    rows(pod, root, name, fits)
}

fn of_invoice<T>(pod: &Pod, number: &str, tell: impl Fn(&Row) -> T) -> Option<T> {
    let resource = metadata::resource(Root::Fscm, "invoices").unwrap();
    let fits = |row: &Row| matches!(row.get(resource, "InvoiceNumber"), Some(Held::Text(text)) if &**text == number);
    pod.with_store(|store| store.scan(resource).find(fits).map(|row| tell(&row)))
}

fn attachments(pod: &Pod, number: &str) -> usize {
    of_invoice(pod, number, |row| row.child("attachments").len()).unwrap_or_default()
}

fn validated(pod: &Pod, number: &str) -> usize {
    let resource = metadata::resource(Root::Fscm, "invoices").unwrap();
    let status = of_invoice(pod, number, |row| row.get(resource, "ValidationStatus").cloned()).flatten();
    usize::from(matches!(status, Some(Held::Text(text)) if &*text == "Validated"))
}

fn roles(pod: &Pod, user: &str) -> usize {
    let resource = metadata::resource(Root::Hcm, "userAccounts").unwrap();
    let fits = |row: &Row| matches!(row.get(resource, "Username"), Some(Held::Text(text)) if &**text == user);
    let found = pod.with_store(|store| store.scan(resource).find(fits));
    found.map_or(0, |row| row.child("userAccountRoles").len())
}

fn clerks(number: &str) -> Value {
    let mut input = invoice(number);
    input["attachments"] =
        json!([{"file": {"name": "scan.pdf", "base64": "JVBERi0xLjQK"}, "category": "From Supplier"}]);
    input["validate"] = json!(true);
    input
}

fn receivable() -> Value {
    json!({"BusinessUnit": "US1 Business Unit", "TransactionSource": "Manual", "TransactionType": "Invoice",
           "BillToCustomerNumber": "1001", "Comments": "written once",
           "receivablesInvoiceLines": [{"LineNumber": 1, "Description": "Advice", "Quantity": 2, "UnitSellingPrice": 10.05}]})
}

fn supplier(name: &str) -> Value {
    json!({"Supplier": name, "TaxOrganizationTypeCode": "CORPORATION", "BusinessRelationshipCode": "PROSPECTIVE"})
}

pub fn operations() -> Vec<Operation> {
    let made = |name, action, input, count, whole| Operation { name, action, input, hit: ("POST", 0), count, whole };
    vec![
        made(
            "create_record, the pod refuses a second",
            "create_record",
            |_| {
                let mut record = invoice("W-1");
                record["Description"] = json!("ours");
                json!({"resource": "invoices", "record": record})
            },
            |pod| text(pod, "invoices", "InvoiceNumber", "W-1"),
            1,
        ),
        made(
            "create_record, the pod takes a second",
            "create_record",
            |_| json!({"resource": "suppliers", "record": supplier("Written Once")}),
            |pod| text(pod, "suppliers", "Supplier", "Written Once"),
            1,
        ),
        made(
            "create_record, no key",
            "create_record",
            |_| json!({"resource": "receivablesInvoices", "record": receivable()}),
            |pod| text(pod, "receivablesInvoices", "Comments", "written once"),
            1,
        ),
        made(
            "create_record, a mark",
            "create_record",
            |_| {
                let record = json!({"ProcurementBU": "US1 Business Unit", "Supplier": "Lee Supplies", "Description": "order 4711"});
                json!({"resource": "draftPurchaseOrders", "record": record, "match": ["Description"]})
            },
            |pod| text(pod, "draftPurchaseOrders", "Description", "order 4711"),
            1,
        ),
        made(
            "create_records, all or nothing",
            "create_records",
            |_| json!({"resource": "invoices", "records": [invoice("W-1"), invoice("W-2")]}),
            |pod| text(pod, "invoices", "InvoiceNumber", "W-1") + text(pod, "invoices", "InvoiceNumber", "W-2"),
            2,
        ),
        made(
            "create_records, each for itself",
            "create_records",
            |_| json!({"resource": "suppliers", "on_error": "continue", "records": [supplier("Each One"), supplier("Each Two")]}),
            |pod| text(pod, "suppliers", "Supplier", "Each One") + text(pod, "suppliers", "Supplier", "Each Two"),
            2,
        ),
        Operation {
            name: "update_record",
            action: "update_record",
            input: |seeds| json!({"resource": "invoices", "key": seeds.first, "record": {"Description": "ours"}}),
            hit: ("PATCH", 0),
            count: |pod| text(pod, "invoices", "Description", "ours"),
            whole: 1,
        },
        made(
            "update_records, all or nothing",
            "update_records",
            |seeds| {
                json!({"resource": "invoices", "records": [
                {"key": seeds.first, "record": {"Description": "ours"}},
                {"key": seeds.second, "record": {"Description": "ours"}}]})
            },
            |pod| text(pod, "invoices", "Description", "ours"),
            2,
        ),
        Operation {
            name: "upsert_record, it is there",
            action: "upsert_record",
            input: |_| {
                let mut record = invoice("S-1");
                record["Description"] = json!("ours");
                record.as_object_mut().unwrap().remove("invoiceLines");
                json!({"resource": "invoices", "record": record})
            },
            hit: ("PATCH", 0),
            count: |pod| text(pod, "invoices", "Description", "ours"),
            whole: 1,
        },
        made(
            "upsert_record, it is not there",
            "upsert_record",
            |_| json!({"resource": "suppliers", "record": supplier("Written Once")}),
            |pod| text(pod, "suppliers", "Supplier", "Written Once"),
            1,
        ),
        made(
            "upsert_records, all or nothing",
            "upsert_records",
            |_| {
                let ours = |number: &str| {
                    let mut record = invoice(number);
                    record["Description"] = json!("ours");
                    record
                };
                let mut there = ours("S-1");
                there.as_object_mut().unwrap().remove("invoiceLines");
                json!({"resource": "invoices", "records": [there, ours("W-1")]})
            },
            |pod| text(pod, "invoices", "Description", "ours"),
            2,
        ),
        made(
            "upsert_records, each for itself",
            "upsert_records",
            |_| json!({"resource": "suppliers", "on_error": "continue", "records": [supplier("Each One"), supplier("Each Two")]}),
            |pod| text(pod, "suppliers", "Supplier", "Each One") + text(pod, "suppliers", "Supplier", "Each Two"),
            2,
        ),
        Operation {
            name: "delete_record",
            action: "delete_record",
            input: |seeds| json!({"resource": "invoices", "key": seeds.first}),
            hit: ("DELETE", 0),
            count: |pod| 1 - text(pod, "invoices", "InvoiceNumber", "S-1"),
            whole: 1,
        },
        made(
            "call_record_action",
            "call_record_action",
            |_| {
                json!({"resource": "invoices", "action": "validateInvoice", "parameters": {
                "ProcessAction": "Validate", "BusinessUnit": "US1 Business Unit", "Supplier": "Lee Supplies",
                "InvoiceNumber": "S-1"}})
            },
            |pod| validated(pod, "S-1"),
            1,
        ),
        made(
            "add_attachment",
            "add_attachment",
            |seeds| {
                json!({"resource": "invoices", "key": seeds.first, "attachment": {
                "file": {"name": "note.txt", "text": "Approved by phone"}, "category": "From Supplier"}})
            },
            |pod| attachments(pod, "S-1"),
            1,
        ),
        made(
            "create_invoice",
            "create_invoice",
            |_| clerks("W-1"),
            |pod| text(pod, "invoices", "InvoiceNumber", "W-1") + attachments(pod, "W-1") + validated(pod, "W-1"),
            3,
        ),
        Operation {
            name: "create_invoice, at its attachment",
            action: "create_invoice",
            input: |_| clerks("W-1"),
            hit: ("POST", 1),
            count: |pod| {
                text(pod, "invoices", "InvoiceNumber", "W-1") + attachments(pod, "W-1") + validated(pod, "W-1")
            },
            whole: 3,
        },
        Operation {
            name: "create_invoice, at its validation",
            action: "create_invoice",
            input: |_| clerks("W-1"),
            hit: ("POST", 2),
            count: |pod| {
                text(pod, "invoices", "InvoiceNumber", "W-1") + attachments(pod, "W-1") + validated(pod, "W-1")
            },
            whole: 3,
        },
        made(
            "create_user",
            "create_user",
            |_| json!({"user_name": "ida.ng@example.com", "given_name": "Ida", "family_name": "Ng"}),
            |pod| text(pod, "userAccounts", "Username", "ida.ng@example.com"),
            1,
        ),
        Operation {
            name: "create_user, at its role",
            action: "create_user",
            input: |_| {
                json!({"user_name": "ida.ng@example.com", "given_name": "Ida", "family_name": "Ng",
                       "roles": ["ORA_PER_EMPLOYEE_ABSTRACT"]})
            },
            hit: ("POST", 1),
            count: |pod| text(pod, "userAccounts", "Username", "ida.ng@example.com") + roles(pod, "ida.ng@example.com"),
            whole: 2,
        },
        made(
            "send_request",
            "send_request",
            |_| json!({"method": "POST", "path": "/fscmRestApi/resources/11.13.18.05/invoices", "body": invoice("W-1")}),
            |pod| text(pod, "invoices", "InvoiceNumber", "W-1"),
            1,
        ),
    ]
}
