//! FACTS 1.3, 1.4, 1.5: `q`, finders, `orderBy`.
use super::*;

async fn q(pod: &Pod, version: &str, q: &str) -> Reply {
    let encoded = percent_encoding::utf8_percent_encode(q, percent_encoding::NON_ALPHANUMERIC);
    get_in(pod, version, &format!("invoices?onlyData=true&limit=500&q={encoded}")).await
}

#[tokio::test]
async fn rowmatch_is_read_from_framework_2_on_and_refuses_what_is_not_in_it() {
    let pod = pod();
    for text in [
        "InvoiceNumber like '*1*' or InvoiceAmount > 1000",
        "InvoiceAmount>=10 and <= 3000;InvoiceCurrency!=EUR",
        "upper(InvoiceNumber) = 'X'",
        "InvoiceDate between '2020-01-01' and '2030-01-01'",
        "InvoiceId in (1,2) or (not InvoiceAmount = 1 and Description is null)",
        "CreationDate >= \"2020-01-01\" and <= \"2030-01-31\"",
        "LastUpdateDate>2020-01-31T10:00:00Z and <=2030-01-01T00:00:00.000+01:00",
        "invoiceLines.LineNumber=1",
        "Supplier='O''Brien'",
        "CanceledFlag=true or CanceledFlag is null",
    ] {
        let reply = q(&pod, "2", text).await;
        assert_eq!(reply.status, 200, "{text}: {}", reply.text());
    }
    for (text, message) in [
        ("InvoiceNumber", "expected an operator"),
        ("invoicenumber='1'", "The attribute invoicenumber in the q parameter doesn't exist in invoices."),
        ("invoiceLines.Nope=1", "The attribute Nope in the q parameter doesn't exist in invoiceLines."),
        ("ProcurementBU='x'", "The attribute ProcurementBU of invoices isn't queryable."),
        ("InvoiceDate > '31.01.2026'", "expected a date as 2026-01-31"),
        ("LastUpdateDate > '2026-01-31T10:00:00'", "expected a date as 2026-01-31 or a timestamp"),
        ("InvoiceAmount = 'much'", "expected a number"),
        ("CanceledFlag = 'Y'", "expected true or false"),
        ("InvoiceId like '3*'", "like, which is for text"),
        ("Supplier = Lee Supplies", "expected and, or, ; or the end"),
    ] {
        let reply = q(&pod, "2", text).await;
        assert_eq!(reply.status, 400, "{text}");
        assert!(reply.text().contains(message), "{text}: {}", reply.text());
    }
}

#[tokio::test]
async fn the_same_text_means_another_thing_in_framework_1() {
    let pod = pod();
    let invoice = an_invoice(&pod).await;
    let supplier = invoice["Supplier"].as_str().unwrap();
    let example = format!("Supplier={}*", &supplier[..3]);
    assert!(!q(&pod, "1", &example).await.column("InvoiceId").is_empty());
    assert!(q(&pod, "2", &example).await.column("InvoiceId").is_empty());
    assert_eq!(q(&pod, "1", "InvoiceAmount>0 and < 99999999;InvoiceCurrency=USD").await.status, 200);
    assert_eq!(q(&pod, "1", "InvoiceNumber = '1' or Supplier = 'X'").await.status, 400);
    assert_eq!(q(&pod, "1", "(InvoiceNumber = '1')").await.status, 400);
    assert_eq!(q(&pod, "1", "invoiceLines.LineNumber=1").await.status, 400);
}

#[tokio::test]
async fn an_unencoded_plus_arrives_as_a_blank() {
    let pod = pod();
    let good = get(&pod, "invoices?q=LastUpdateDate%20%3E%20'2020-01-31T10:00:00.000%2B00:00'").await;
    let bad = get(&pod, "invoices?q=LastUpdateDate%20%3E%20'2020-01-31T10:00:00.000+00:00'").await;
    assert_eq!((good.status.as_u16(), bad.status.as_u16()), (200, 400));
    assert!(bad.text().contains("The value 2020-01-31T10:00:00.000 00:00"), "{}", bad.text());
}

#[tokio::test]
async fn conditions_choose_exactly_the_rows_that_meet_them() {
    let pod = pod();
    let all = get(&pod, "invoices?onlyData=true&limit=500").await.json();
    let all = all["items"].as_array().unwrap();
    let amount = |item: &Json| item["InvoiceAmount"].to_string().parse::<f64>().unwrap();
    let expected: Vec<Json> =
        all.iter().filter(|item| amount(item) > 1000.0).map(|item| item["InvoiceId"].clone()).collect();
    assert!(!expected.is_empty());
    assert_eq!(q(&pod, "4", "InvoiceAmount > 1000").await.column("InvoiceId"), expected);
    let middle = all[30]["InvoiceId"].as_i64().unwrap();
    let after: Vec<Json> = all[31..].iter().map(|item| item["InvoiceId"].clone()).collect();
    assert_eq!(q(&pod, "4", &format!("InvoiceId > {middle}")).await.column("InvoiceId"), after);
    assert_eq!(q(&pod, "4", &format!("InvoiceId >= {middle} and <= {middle}")).await.column("InvoiceId"), [middle]);
    let number = all[7]["InvoiceNumber"].as_str().unwrap();
    assert!(
        q(&pod, "4", &format!("InvoiceNumber = '{number}'")).await.column("InvoiceNumber").contains(&number.into())
    );
}

#[tokio::test]
async fn a_collection_is_ordered_by_its_attributes_alone() {
    let pod = pod();
    let ids = get(&pod, "invoices?orderBy=InvoiceId:desc&limit=500&onlyData=true").await.column("InvoiceId");
    let mut sorted: Vec<i64> = ids.iter().map(|id| id.as_i64().unwrap()).collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids, sorted);
    assert_eq!(get(&pod, "invoices?orderBy=Supplier,InvoiceDate:desc").await.status, 200);
    for wrong in ["invoiceid", "InvoiceId:down", ""] {
        assert_eq!(get(&pod, &format!("invoices?orderBy={wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn finders_take_their_own_variables() {
    let pod = pod();
    let id = an_invoice(&pod).await["InvoiceId"].clone();
    let found = get(&pod, &format!("invoices?finder=PrimaryKey;InvoiceId={id}&onlyData=true")).await;
    assert_eq!(found.column("InvoiceId"), std::slice::from_ref(&id));
    assert_eq!(get(&pod, &format!("invoices?finder=PrimaryKey;InvoiceId=%22{id}%22")).await.status, 200);
    for wrong in
        ["Nope", "PrimaryKey", "PrimaryKey;Nope=1", "PrimaryKey;InvoiceId=x", "PrimaryKey;InvoiceId=1,InvoiceId=2"]
    {
        assert_eq!(get(&pod, &format!("invoices?finder={wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(get(&pod, "ledgerBalances").await.status, 400);
}
