//! FACTS 4: business objects beside invoices, with their children, their own rules and their odd keys.
use super::*;
use serde_json::json;

const JSON: (&str, &str) = ("content-type", "application/json");
const V4: (&str, &str) = ("rest-framework-version", "4");

async fn post(pod: &Pod, below: &str, payload: Json) -> Reply {
    send(pod, "POST", &format!("{REST}/{below}"), &[JSON, V4], &payload.to_string()).await
}

#[tokio::test]
async fn every_object_has_rows_with_children() {
    let pod = pod();
    for (resource, child) in [
        ("suppliers", "addresses"),
        ("suppliers", "sites"),
        ("suppliers", "contacts"),
        ("draftPurchaseOrders", "lines"),
        ("purchaseOrders", "lines"),
        ("receivablesInvoices", "receivablesInvoiceLines"),
        ("standardReceipts", "remittanceReferences"),
        ("journalBatches", "journalHeaders"),
        ("payablesPayments", "relatedInvoices"),
        ("projects", "Tasks"),
        ("projects", "ProjectTeamMembers"),
    ] {
        let page = get(&pod, &format!("{resource}?limit=1&expand={child}")).await.json();
        assert!(page["items"][0][child]["count"].as_i64() > Some(0), "{resource} {child}");
    }
}

#[tokio::test]
async fn balances_are_found_by_their_finder_alone() {
    let pod = pod();
    let finder = "AccountBalanceFinder;ledgerName=US Primary Ledger,accountingPeriod=Jan-26,currency=USD,mode=Detail";
    let path = format!("ledgerBalances?finder={}", finder.replace(' ', "%20"));
    let page = get(&pod, &path).await.json();
    assert_eq!(page["count"], 4, "{page}");
    assert_eq!(page["items"][0]["PeriodName"], "Jan-26");
    let one = format!("{path},accountCombination=101.10.11010.000.000.000");
    assert_eq!(get(&pod, &one).await.json()["count"], 1);
    assert_eq!(get(&pod, "ledgerBalances?finder=AccountBalanceFinder;ledgerName=X").await.status, 400);
    assert_eq!(post(&pod, "ledgerBalances", json!({})).await.status, 405);
}

#[tokio::test]
async fn an_order_is_drafted_with_its_tree_and_shown_once_it_is_submitted() {
    let pod = pod();
    let like = get(&pod, "purchaseOrders?limit=1").await.json()["items"][0].clone();
    let draft = json!({
        "ProcurementBU": like["ProcurementBU"], "RequisitioningBU": like["RequisitioningBU"],
        "SupplierId": like["SupplierId"], "SupplierSiteId": like["SupplierSiteId"], "CurrencyCode": "USD",
        "lines": [
            {"Description": "Chair", "Quantity": 2, "Price": 10.5, "schedules": [{"distributions": [{}]}]},
            {"Description": "Desk", "Quantity": 1, "Price": 99},
        ],
    });
    let made = post(&pod, "draftPurchaseOrders", draft).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["Status"], &made["lines"]["items"][1]["LineNumber"]), (&"Incomplete".into(), &2.into()));
    let id = &made["POHeaderId"];
    assert_eq!(get(&pod, &format!("purchaseOrders/{id}")).await.status, 404);
    let path = format!("draftPurchaseOrders/{id}/action/submit");
    let submitted = post(&pod, &path, json!({"validateBeforeSubmitFlag": "true"})).await;
    assert_eq!(submitted.json()["result"]["ReturnStatus"], "S", "{}", submitted.text());
    let order = get(&pod, &format!("purchaseOrders/{id}?expand=lines")).await.json();
    assert_eq!((&order["Status"], &order["lines"]["count"]), (&"Open".into(), &2.into()));
    assert_eq!(post(&pod, "purchaseOrders", json!({})).await.status, 405);
}

#[tokio::test]
async fn a_supplier_is_created_with_sites_and_not_twice() {
    let pod = pod();
    let supplier = json!({
        "Supplier": "NEW SUPPLIER", "TaxOrganizationTypeCode": "CORPORATION", "TaxpayerId": "99-7654321",
        "BusinessRelationshipCode": "SPEND_AUTHORIZED",
        "addresses": [{"AddressName": "HQ", "CountryCode": "US", "AddressLine1": "1 Road", "City": "Austin"}],
        "sites": [{"SupplierSite": "HQ", "ProcurementBU": "US1 Business Unit", "SupplierAddressName": "HQ"}],
        "contacts": [{"FirstName": "Ada", "LastName": "Day", "Email": "ada@example.com"}],
    });
    let made = post(&pod, "suppliers", supplier.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["SupplierId"].clone();
    let site = json!({"SupplierSite": "WEST", "ProcurementBU": "US1 Business Unit", "SupplierAddressName": "HQ"});
    assert_eq!(post(&pod, &format!("suppliers/{id}/child/sites"), site).await.status, 201);
    assert_eq!(get(&pod, &format!("suppliers/{id}/child/sites")).await.json()["count"], 2);
    let twice = post(&pod, "suppliers", supplier).await;
    assert!(twice.status == 400 && twice.text().contains("POZ-2130479"), "{}", twice.text());
    let path = format!("{REST}/suppliers/{id}");
    assert_eq!(send(&pod, "DELETE", &path, &[], "").await.status, 405);
}

#[tokio::test]
async fn receipts_and_projects_are_created_and_journals_are_not() {
    let pod = pod();
    let receipt = json!({"ReceiptNumber": "R-NEW", "BusinessUnit": "US1 Business Unit", "Amount": 12.5, "Currency": "USD",
        "remittanceReferences": [{"ReferenceNumber": "10001", "ReferenceAmount": 12.5}]});
    let made = post(&pod, "standardReceipts", receipt).await;
    assert_eq!((made.status.as_u16(), made.json()["UnappliedAmount"].as_f64()), (201, Some(12.5)), "{}", made.text());
    let project = post(&pod, "projects", json!({"ProjectName": "Move", "BusinessUnitName": "US1 Business Unit"})).await;
    assert_eq!((project.status.as_u16(), &project.json()["ProjectStatusCode"]), (201, &"DRAFT".into()));
    assert_eq!(post(&pod, "journalBatches", json!({"BatchName": "x"})).await.status, 405);
}

#[tokio::test]
async fn w6_a_receipt_is_accepted_at_once_and_judged_later() {
    let pod = pod();
    let order = get(&pod, "purchaseOrders?limit=1&expand=lines").await.json()["items"][0].clone();
    let quantity = order["lines"]["items"][0]["Quantity"].clone();
    let receipt = |shipment: &str| {
        json!({"ReceiptSourceCode": "VENDOR", "ShipmentNumber": shipment, "lines": [{
            "TransactionType": "RECEIVE", "DocumentNumber": order["OrderNumber"], "DocumentLineNumber": 1, "Quantity": quantity}]})
    };
    let judged = async |shipment: &str| {
        let made = post(&pod, "receivingReceiptRequests", receipt(shipment)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let query = format!(
            "receivingReceiptTransactionRequests?expand=processingErrors&q=HeaderInterfaceId={}",
            made.json()["HeaderInterfaceId"]
        );
        assert_eq!(get(&pod, &query).await.json()["items"][0]["ProcessingStatusCode"], "PENDING");
        pod.clock().advance(std::time::Duration::from_secs(31));
        let row = get(&pod, &query).await.json()["items"][0].clone();
        (row["ProcessingStatusCode"].clone(), row["processingErrors"]["items"][0]["ErrorMessageName"].clone())
    };
    assert_eq!(judged("S-1").await, ("SUCCESS".into(), Json::Null));
    assert_eq!(judged("S-1").await, ("ERROR".into(), "RCV_ASN_SHIPMT_NOT_OPEN".into()));
    assert_eq!(judged("S-2").await, ("ERROR".into(), "RCV_TRX_QTY_EXCEEDS_AVAIL_UI".into()));
}

#[tokio::test]
async fn w7_a_transaction_awaits_processing_and_may_end_in_error() {
    let pod = pod();
    for (action, ends) in [("SR", "SC"), ("XX", "ER")] {
        let made =
            post(&pod, "shipmentTransactionRequests", json!({"ActionType": action, "DocumentNumber": "D-1"})).await;
        assert_eq!((made.status.as_u16(), &made.json()["TransactionStatus"]), (201, &"AP".into()), "{}", made.text());
        pod.clock().advance(std::time::Duration::from_secs(31));
        let path = format!("shipmentTransactionRequests/{}?expand=errors", made.json()["TransactionId"]);
        let row = get(&pod, &path).await.json();
        assert_eq!(
            (&row["TransactionStatus"], &row["errors"]["count"]),
            (&ends.into(), &i32::from(ends == "ER").into())
        );
    }
}

#[tokio::test]
async fn i8_a_key_of_another_day_leads_nowhere() {
    let workers = "/hcmRestApi/resources/11.13.18.05/workers";
    let key = |row: &Json| {
        row["links"][0]["href"].as_str().unwrap().strip_prefix("https://pod.example.com:443").unwrap().to_owned()
    };
    let pod = pod_with(json!([{"name": "I8"}]));
    let first = send(&pod, "GET", &format!("{workers}?limit=1"), &[V4], "").await.json()["items"][0].clone();
    assert_eq!(send(&pod, "GET", &key(&first), &[V4], "").await.status, 200);
    pod.clock().advance(std::time::Duration::from_secs(86_400));
    assert_eq!(send(&pod, "GET", &key(&first), &[V4], "").await.status, 404);
    assert_eq!(send(&pod, "GET", &format!("{}?effectiveDate=2026-07-01", key(&first)), &[V4], "").await.status, 200);
    let query = format!("{workers}?q=PersonId={}", first["PersonId"]);
    let again = send(&pod, "GET", &query, &[V4], "").await.json()["items"][0].clone();
    assert_ne!(key(&again), key(&first));
    assert_eq!(again["PersonNumber"], first["PersonNumber"]);
}
