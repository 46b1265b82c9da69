//! Business events: what is pushed names a record, and what the pod says of event and record is what comes.

use host_harness::contract::triggers::Receipt;
use serde_json::{Value, json};

use crate::stage::{Refused, Stage};

/// The event of the simulated pod that its setup leaves on.
const RAISED: &str = "ERP_IMPORT_BULK_DATA";

fn watch(event: &str) -> Value {
    json!({"event": event, "resource": "invoices", "key_at": "InvoiceId"})
}

/// As a subscriber forwards it (FACTS 7): the envelope's names are known, and what is in it is not.
fn soap(id: &str, amount: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header/><s:Body><PublicEventSubscriber xmlns=\"http://xmlns.oracle.com/fa/event\"><onEvent><i:invoice xmlns:i=\"urn:i\"><i:InvoiceId>{id}</i:InvoiceId><i:InvoiceAmount>{amount}</i:InvoiceAmount></i:invoice></onEvent></PublicEventSubscriber></s:Body></s:Envelope>"
    )
}

fn push(stage: &Stage, input: &Value, body: &str) -> Result<Receipt, Refused> {
    stage.receive("business_event", input, body)
}

fn payload(receipt: &Receipt) -> Value {
    serde_json::from_str(&receipt.events[0].payload).unwrap()
}

/// An invoice of the pod.
fn invoice(stage: &Stage) -> Value {
    stage.run("search_records", json!({"resource": "invoices", "limit": 1})).unwrap()["result"][0].clone()
}

#[test]
fn a_pushed_event_is_the_record_as_the_pod_tells_it_and_comes_once() {
    let stage = Stage::sim(json!([]));
    let invoice = invoice(&stage);
    let id = invoice["InvoiceId"].to_string();
    let told = push(&stage, &watch(RAISED), &soap(&id, "1")).unwrap();
    assert_eq!((told.status, told.events.len()), (200, 1));
    let payload = payload(&told);
    assert_eq!((&payload["event"], &payload["key"]), (&RAISED.into(), &id.as_str().into()));
    assert_eq!(payload["record"]["InvoiceAmount"], invoice["InvoiceAmount"], "what was pushed counts nothing");
    let pushed = &payload["told"]["PublicEventSubscriber"]["onEvent"]["invoice"];
    assert_eq!(pushed, &json!({"InvoiceId": id, "InvoiceAmount": "1"}));
    // Once more, and as JSON with other values: the same event.
    let number: Value = serde_json::from_str(&id).unwrap();
    for body in [soap(&id, "1"), soap(&id, "7"), json!({"data": {"InvoiceId": number}}).to_string()] {
        let again = push(&stage, &watch(RAISED), &body).unwrap();
        assert_eq!((again.status, &again.events[0].dedup_key), (200, &told.events[0].dedup_key));
    }
    // Changed and told of again: another event.
    let change = json!({"resource": "invoices", "key": id, "record": {"Description": "changed"}});
    stage.run("update_record", change).unwrap();
    let later = push(&stage, &watch(RAISED), &soap(&id, "1")).unwrap();
    assert_ne!(later.events[0].dedup_key, told.events[0].dedup_key);
    // By its number.
    let by_number = json!({"event": RAISED, "resource": "invoices", "key_at": "no", "attribute": "InvoiceNumber"});
    let told = push(&stage, &by_number, &json!({"no": invoice["InvoiceNumber"]}).to_string()).unwrap();
    assert_eq!(told.events[0].dedup_key, later.events[0].dedup_key);
}

#[test]
fn a_forged_event_is_none() {
    let stage = Stage::sim(json!([]));
    let id = invoice(&stage)["InvoiceId"].to_string();
    let nobody = push(&stage, &watch(RAISED), &soap("300000999999999", "1")).unwrap();
    assert_eq!((nobody.status, nobody.events.len()), (404, 0));
    for body in ["", "hello", "[1]", "{}", "<a", "<!DOCTYPE a [<!ENTITY b \"1\">]><InvoiceId>&b;</InvoiceId>"] {
        let refused = push(&stage, &watch(RAISED), body).unwrap();
        assert_eq!((refused.status, refused.events.len()), (400, 0), "{body}");
    }
    let other = json!({"eventCode": "AP_INVOICE_CREATED", "InvoiceId": id}).to_string();
    let other = push(&stage, &watch(RAISED), &other).unwrap();
    assert_eq!((other.status, other.events.len()), (202, 0));
    // The pod does not have the event, or does not raise it, until somebody enables it.
    let unknown = push(&stage, &watch("NO_SUCH_EVENT"), &soap(&id, "1")).unwrap_err();
    assert_eq!(unknown.problem.fields[0].pointer, "/event");
    let off = push(&stage, &watch("AP_INVOICE_VALIDATED"), &soap(&id, "1")).unwrap_err();
    assert!(off.problem.message.contains("not enabled"), "{:?}", off.problem);
    let row = json!({"resource": "erpBusinessEvents", "all": [{"attribute": "BusinessEventCode", "operator": "eq", "value": "AP_INVOICE_VALIDATED"}]});
    let key = stage.run("get_record", row).unwrap()["record"]["ErpBusinessEventId"].to_string();
    let enable = json!({"resource": "erpBusinessEvents", "key": key, "record": {"EnabledFlag": true}});
    stage.run("update_record", enable).unwrap();
    assert_eq!(push(&stage, &watch("AP_INVOICE_VALIDATED"), &soap(&id, "1")).unwrap().events.len(), 1);
    // Somebody without the integration role cannot verify anything.
    let stage = stage.signed_in_as("no.privilege", "Simulated-1");
    assert!(push(&stage, &watch(RAISED), &soap(&id, "1")).is_err());
}
