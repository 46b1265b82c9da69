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
