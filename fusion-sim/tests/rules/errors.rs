//! FACTS 1.1, 1.11: error bodies, paths and methods that are not there.
use super::*;

#[tokio::test]
async fn errors_are_text_unless_framework_4_is_asked_for_json() {
    let pod = pod();
    let accept = ("accept", "application/json, application/vnd.oracle.adf.error+json;q=0.9");
    let path = format!("{REST}/invoices?limit=x");
    let message = "The value x of the URL request parameter limit isn't valid.";
    for headers in [vec![accept], vec![("rest-framework-version", "3"), accept], vec![("rest-framework-version", "4")]]
    {
        let reply = send(&pod, "GET", &path, &headers, "").await;
        assert_eq!((reply.header("content-type"), reply.text()), ("text/plain;charset=UTF-8", message));
    }
    let reply = send(&pod, "GET", &path, &[("rest-framework-version", "4"), accept], "").await;
    assert_eq!(reply.header("content-type"), "application/vnd.oracle.adf.error+json");
    let expected = format!(
        "{{\n  \"title\" : \"Bad Request\",\n  \"status\" : \"400\",\n  \"o:errorDetails\" : [ {{\n    \"detail\" : \"{message}\"\n  }} ]\n}}"
    );
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_not_done_405() {
    let pod = pod();
    for path in ["latest/invoices", "11.13.18.05/invoices/"] {
        assert_eq!(send(&pod, "GET", &format!("/fscmRestApi/resources/{path}"), &[], "").await.status, 200, "{path}");
    }
    for path in [
        "journals",
        "ledgers",
        "businessUnits",
        "Invoices",
        "invoices/1",
        "invoices/x",
        "invoices/1/child/nope",
        "invoices/describe/x",
        "invoices/lov/nope",
    ] {
        assert_eq!(get(&pod, path).await.status, 404, "{path}");
    }
    for path in
        ["/", "/fscmRestApi", "/fscmRestApi/resources/11.13.18.04/invoices", "/hcmRestApi/resources/latest/invoices"]
    {
        assert_eq!(send(&pod, "GET", path, &[], "").await.status, 404, "{path}");
    }
    for (method, path) in [("PUT", "invoices"), ("DELETE", "invoices"), ("POST", "journalBatches")] {
        let reply = send(&pod, method, &format!("{REST}/{path}"), &[("content-type", "application/json")], "{}").await;
        assert_eq!(reply.status, 405, "{method} {path}");
        assert!(!reply.header("allow").is_empty());
    }
}

#[tokio::test]
async fn head_is_not_implemented() {
    let reply = send(&pod(), "HEAD", &format!("{REST}/invoices"), &[], "").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (501, ""));
}
