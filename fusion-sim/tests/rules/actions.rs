//! FACTS 1.9, 4.1: what custom actions do, and how they say that they did not.
use super::*;
use serde_json::json;

const MEDIA: (&str, &str) = ("content-type", "application/vnd.oracle.adf.action+json");
const V4: (&str, &str) = ("rest-framework-version", "4");

async fn act(pod: &Pod, below: &str, parameters: Json) -> Reply {
    send(pod, "POST", &format!("{REST}/{below}"), &[MEDIA, V4], &parameters.to_string()).await
}

/// The parameters that name an invoice, with more of them.
fn naming(row: &Json, more: Json) -> Json {
    let mut all = json!({"BusinessUnit": row["BusinessUnit"], "Supplier": row["Supplier"], "InvoiceNumber": row["InvoiceNumber"]});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

#[tokio::test]
async fn every_action_of_invoices_that_describe_lists_is_done() {
    let pod = pod();
    let row = post_invoice(&pod, &new_invoice(&pod, "ACT-1").await).await.json();
    let prepayment = post_invoice(&pod, &new_invoice(&pod, "PRE-1").await).await.json();
    let listed = get(&pod, "invoices/describe").await.json();
    let actions = listed["Resources"]["invoices"]["collection"]["actions"].as_array().unwrap().clone();
    let names: Vec<&str> = actions.iter().map(|action| action["name"].as_str().unwrap()).collect();
    let prepaid = json!({"PrepaymentInvoiceNumber": prepayment["InvoiceNumber"], "PrepaymentLineNumber": 1});
    let mut applied = prepaid.clone();
    applied["PrepaymentApplicationAmount"] = json!(10.5);
    for (name, more) in [
        ("validateInvoice", json!({"ProcessAction": "Validate"})),
        ("calculateTax", json!({})),
        ("generateDistributions", json!({})),
        ("reverseDistributions", json!({"LineNumber": 1})),
        ("applyPrepayments", applied),
        ("unapplyPrepayments", prepaid),
        ("cancelLine", json!({"LineNumber": 1})),
        ("cancelInvoice", json!({})),
    ] {
        assert!(names.contains(&name), "{name}");
        let reply = act(&pod, &format!("invoices/action/{name}"), naming(&row, more)).await;
        assert_eq!(reply.status, 200, "{name} {}", reply.text());
        assert!(reply.json()["result"].is_string());
        let lines = get(&pod, &format!("invoices/{}/child/appliedPrepayments", row["InvoiceId"])).await.json();
        assert_eq!(lines["count"], i32::from(name == "applyPrepayments"), "{name}");
    }
    let read = get(&pod, &format!("invoices/{}?expand=invoiceLines", row["InvoiceId"])).await.json();
    assert_eq!((&read["ValidationStatus"], &read["CanceledFlag"]), (&"Canceled".into(), &true.into()));
    assert_eq!(read["invoiceLines"]["items"][0]["CanceledFlag"], true);
}

#[tokio::test]
async fn actions_of_invoices_refuse_what_does_not_fit() {
    let pod = pod();
    let row = post_invoice(&pod, &new_invoice(&pod, "ACT-2").await).await.json();
    for (name, more) in [
        ("validateInvoice", json!({"ProcessAction": "Post"})),
        ("calculateTax", json!({"InvoiceId": row["InvoiceId"]})),
        ("cancelLine", json!({"LineNumber": 9})),
        ("applyPrepayments", json!({"PrepaymentInvoiceNumber": "NOPE", "PrepaymentApplicationAmount": 1})),
        ("unapplyPrepayments", json!({"PrepaymentInvoiceNumber": "NOPE"})),
    ] {
        assert_eq!(act(&pod, &format!("invoices/action/{name}"), naming(&row, more)).await.status, 400, "{name}");
    }
    let paid = get(&pod, "invoices?q=PaidStatus='Paid'&limit=1").await.json()["items"][0].clone();
    assert_eq!(act(&pod, "invoices/action/cancelInvoice", naming(&paid, json!({}))).await.status, 400);
}

#[tokio::test]
async fn an_order_in_the_wrong_status_is_refused_inside_a_200() {
    let pod = pod();
    let orders = get(&pod, "purchaseOrders?fields=POHeaderId,Status&onlyData=true").await.json();
    let id = |status: &str| {
        orders["items"].as_array().unwrap().iter().find(|row| row["Status"] == status).unwrap()["POHeaderId"].clone()
    };
    let open = id("Open");
    let held = act(&pod, &format!("purchaseOrders/{open}/action/hold"), json!({"holdReason": "check"})).await;
    assert_eq!((held.status.as_u16(), &held.json()["result"]["ReturnStatus"]), (200, &"S".into()), "{}", held.text());
    assert_eq!(get(&pod, &format!("purchaseOrders/{open}")).await.json()["Status"], "On Hold");
    let again = act(&pod, &format!("purchaseOrders/{open}/action/hold"), json!({})).await;
    assert_eq!((again.status.as_u16(), &again.json()["result"]["ReturnStatus"]), (200, &"E".into()));
    assert!(again.json()["result"]["Message"].as_str().unwrap().contains("On Hold"));
    assert_eq!(act(&pod, &format!("purchaseOrders/{open}/action/hold"), json!({"reason": "x"})).await.status, 400);
    assert_eq!(act(&pod, "purchaseOrders/1/action/hold", json!({})).await.status, 404);
    let draft = format!("draftPurchaseOrders/{}/action/submit", id("Incomplete"));
    let old = json!({"name": "submit", "parameters": [{"validateBeforeSubmitFlag": "true"}]});
    let reply = act(&pod, draft.trim_end_matches("/action/submit"), old).await;
    assert_eq!(reply.json()["result"]["ReturnStatus"], "S", "{}", reply.text());
    let order = get(&pod, &format!("purchaseOrders/{}?expand=lines", id("Incomplete"))).await.json();
    assert_eq!((&order["Status"], order["lines"]["count"].as_i64()), (&"Open".into(), Some(1)));
}

#[tokio::test]
async fn a_payment_is_stopped_once() {
    let pod = pod();
    let payment = get(&pod, "payablesPayments?q=PaymentStatus='Negotiable'&limit=1").await.json()["items"][0].clone();
    let call = json!({"PaymentNumber": payment["PaymentNumber"], "BusinessUnit": payment["BusinessUnit"], "StopReason": "lost"});
    assert_eq!(act(&pod, "payablesPayments/action/initiateStopPayment", call.clone()).await.status, 200);
    assert_eq!(act(&pod, "payablesPayments/action/initiateStopPayment", call).await.status, 400);
}

#[tokio::test]
async fn an_invoice_that_waits_for_it_is_approved_once() {
    let pod = pod();
    let rows = get(&pod, "receivablesInvoices?limit=100").await.json();
    let waits =
        rows["items"].as_array().unwrap().iter().find(|row| row["InvoiceStatus"] == "Pending approval").unwrap();
    let path = format!("receivablesInvoices/{}/action/approve", waits["CustomerTransactionId"]);
    for status in ["S", "E"] {
        let reply = act(&pod, &path, json!({"comment": "fine"})).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["result"]["ReturnStatus"]), (200, &status.into()));
    }
}
