//! FACTS 1.2, 1.3, 1.6: versions, media types, headers of answers, encodings.
use super::*;

async fn with(pod: &Pod, headers: &[(&str, &str)]) -> Reply {
    send(pod, "GET", &format!("{REST}/invoices?limit=1"), headers, "").await
}

#[tokio::test]
async fn the_framework_version_is_1_to_9_and_echoed() {
    let pod = pod();
    for version in ["1", "4", "9"] {
        let reply = with(&pod, &[("rest-framework-version", version)]).await;
        assert_eq!((reply.status.as_u16(), reply.header("rest-framework-version")), (200, version));
    }
    assert_eq!(with(&pod, &[]).await.header("rest-framework-version"), "1");
    for wrong in ["0", "10", "x", "", "4.0"] {
        assert_eq!(with(&pod, &[("rest-framework-version", wrong)]).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_content_type_follows_accept() {
    let pod = pod();
    for (accept, content_type) in [
        ("*/*", "application/vnd.oracle.adf.resourcecollection+json"),
        ("application/json", "application/json"),
        ("application/json, application/vnd.oracle.adf.error+json;q=0.9", "application/json"),
        ("application/vnd.oracle.adf.resourcecollection+json", "application/vnd.oracle.adf.resourcecollection+json"),
    ] {
        assert_eq!(with(&pod, &[("accept", accept)]).await.header("content-type"), content_type, "{accept}");
    }
    let reply = with(&pod, &[("accept", "text/xml")]).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (406, ""));
}

#[tokio::test]
async fn answers_carry_the_recorded_headers() {
    let reply = with(&pod(), &[]).await;
    for (name, value) in [
        ("x-oracle-dms-rid", "0:5"),
        ("referrer-policy", "origin"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("x-xss-protection", "1; mode=block"),
        ("content-language", "en"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ] {
        assert_eq!(reply.header(name), value);
    }
    assert!(!reply.header("x-oracle-dms-ecid").is_empty() && !reply.header("akgrn").is_empty());
}

#[tokio::test]
async fn gzip_goes_where_it_is_accepted() {
    use std::io::Read as _;
    let pod = pod();
    let plain = with(&pod, &[("accept-encoding", "identity")]).await;
    let packed = with(&pod, &[("accept-encoding", "gzip, deflate")]).await;
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert_eq!(with(&pod, &[("accept-encoding", "gzip;q=0")]).await.header("content-encoding"), "");
}

#[tokio::test]
async fn bodies_need_a_media_type_of_the_framework() {
    let pod = pod();
    for (media, status) in [
        ("application/json", 201),
        ("application/vnd.oracle.adf.resourceitem+json", 201),
        ("text/plain", 415),
        ("application/vnd.oracle.adf.action+json", 415),
    ] {
        let payload = new_invoice(&pod, &format!("MEDIA-{}", media.len())).await.to_string();
        let reply = send(&pod, "POST", &format!("{REST}/invoices"), &[("content-type", media)], &payload).await;
        assert_eq!(reply.status, status, "{media}: {}", reply.text());
    }
}
