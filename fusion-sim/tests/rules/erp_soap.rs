//! FACTS 6.1: the integration service over SOAP.
use super::erpintegrations::{INVOICES, zip};
use super::loads::LONG;
use super::*;

const PATH: &str = "/fscmService/ErpIntegrationService";
const TYPES: &str = "http://xmlns.oracle.com/apps/financials/commonModules/shared/model/erpIntegrationService/types/";

async fn call_as(pod: &Pod, user: &str, operation: &str, inside: &str) -> Reply {
    let body = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><t:{operation} xmlns:t=\"{TYPES}\">{inside}</t:{operation}></s:Body></s:Envelope>"
    );
    let action = format!("\"{}{operation}\"", TYPES.trim_end_matches("types/"));
    let headers = [
        ("content-type", "text/xml; charset=utf-8"),
        ("soapaction", action.as_str()),
        ("authorization", &basic(user, "Simulated-1")),
    ];
    send(pod, "POST", PATH, &headers, &body).await
}

async fn call(pod: &Pod, operation: &str, inside: &str) -> Reply {
    call_as(pod, "integration.user", operation, inside).await
}

/// The text of the first element of that name.
fn element<'r>(reply: &'r Reply, name: &str) -> &'r str {
    let text = reply.text();
    let (_, rest) = text.split_once(&format!("<{name}")).unwrap_or_else(|| panic!("{text}"));
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split_once("</").unwrap().0
}

fn document() -> String {
    format!(
        "<t:document xmlns:e=\"urn:x\"><e:Content>{}</e:Content><e:FileName>ap_s.zip</e:FileName><e:ContentType>zip</e:ContentType><e:DocumentAccount>fin/payables/import</e:DocumentAccount></t:document>",
        zip()
    )
}

#[tokio::test]
async fn a_load_is_submitted_and_followed() {
    let pod = pod();
    let job = format!(
        "{}<t:jobDetails><JobName>{INVOICES},APXIIMPT</JobName><ParameterList>#NULL,1</ParameterList></t:jobDetails>\
         <t:notificationCode>10</t:notificationCode><t:callbackURL>https://r.example.com/x</t:callbackURL>\
         <t:jobOptions>ExtractFileType=ALL</t:jobOptions>",
        document()
    );
    let reply = call(&pod, "importBulkData", &job).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = element(&reply, "result").to_owned();
    let asked = format!("<t:requestId>{id}</t:requestId>");
    assert_eq!(element(&call(&pod, "getESSJobStatus", &asked).await, "result"), "WAIT");
    pod.clock().advance(LONG);
    let logs = call(&pod, "downloadESSJobExecutionDetails", &format!("{asked}<t:fileType>ALL</t:fileType>")).await;
    assert!(element(&logs, "Content").starts_with("UEsDB"));
    assert_eq!(element(&logs, "ContentType"), "zip");
    assert_eq!(pod.callbacks().len(), 1);
}

#[tokio::test]
async fn documents_are_uploaded_found_and_commented() {
    let pod = pod();
    let id = element(&call(&pod, "uploadFileToUcm", &document()).await, "result").to_owned();
    let which = "<t:prefix>ap_s</t:prefix><t:account>fin$/payables$/import$</t:account>";
    let comment = "<t:comments>processedby=7</t:comments>";
    assert_eq!(element(&call(&pod, "appendFileComment", &format!("{which}{comment}")).await, "result"), "SUCCESS");
    let found = call(&pod, "getDocumentsForFilePrefix", &format!("{which}{comment}")).await;
    assert_eq!((element(&found, "DocumentId"), element(&found, "Content")), (id.as_str(), zip().as_str()));
    let none = call(&pod, "getDocumentsForFilePrefix", &format!("{which}<t:comments>other</t:comments>")).await;
    assert!(!none.text().contains("DocumentId"));
}

#[tokio::test]
async fn jobs_are_submitted_with_an_argument_an_element() {
    let pod = pod();
    let job = |name: &str| {
        format!(
            "<t:jobPackageName>{INVOICES}</t:jobPackageName><t:jobDefinitionName>{name}</t:jobDefinitionName>\
             <t:paramList>1</t:paramList><t:paramList>#NULL</t:paramList>"
        )
    };
    let id = element(&call(&pod, "submitESSJobRequest", &job("APXAPRVL")).await, "result").to_owned();
    let seen = send(&pod, "GET", &format!("/ess/rest/scheduler/v1/requests/{id}"), &[], "").await.json();
    assert_eq!(seen["requestParameters"][0]["value"], "1");
    assert_eq!(seen["requestParameters"][1]["value"], Json::Null);
    assert_eq!(element(&call(&pod, "submitESSJobRequest", &job("Nothing")).await, "result"), "-1");
}

#[tokio::test]
async fn what_does_not_fit_is_a_fault_with_500() {
    let pod = pod();
    for (operation, inside) in [
        ("noSuchOperation", ""),
        ("getESSJobStatus", ""),
        (
            "appendFileComment",
            "<t:prefix>x</t:prefix><t:account>fin/payables/import</t:account><t:comments>x</t:comments>",
        ),
        (
            "uploadFileToUcm",
            "<t:document><Content>?</Content><FileName>x</FileName><DocumentAccount>y</DocumentAccount></t:document>",
        ),
    ] {
        let reply = call(&pod, operation, inside).await;
        assert_eq!(reply.status, 500, "{operation}");
        assert!(reply.text().contains("<faultstring>") && reply.text().contains("ServiceErrorMessage"), "{operation}");
    }
    let headers = [("content-type", "text/xml")];
    assert_eq!(send(&pod, "POST", PATH, &headers, "<a>").await.status, 500);
    assert_eq!(send(&pod, "POST", PATH, &[("content-type", "application/json")], "{}").await.status, 415);
    // Who lacks the privilege gets 401, as measured.
    assert_eq!(call_as(&pod, "int.ap", "getESSJobStatus", "<t:requestId>1</t:requestId>").await.status, 401);
}

#[tokio::test]
async fn t8_is_a_fault_here() {
    let pod = pod_with(serde_json::json!([{"name": "T8", "times": 1}]));
    let asked = "<t:requestId>1</t:requestId>";
    assert_eq!(call(&pod, "getESSJobStatus", asked).await.status, 500);
    assert_eq!(call(&pod, "getESSJobStatus", asked).await.status, 200);
}
