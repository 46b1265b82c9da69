//! FACTS 2.2: bearers that trusted issuers signed.
use std::time::Duration;

use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use fusion_sim::ISSUER;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

use super::*;

pub const CERTIFICATE: &str = include_str!("testdata/certificate.pem");
pub const KEY: &str = include_str!("testdata/key.pem");
const OTHER_CERTIFICATE: &str = include_str!("testdata/other_certificate.pem");
const OTHER_KEY: &str = include_str!("testdata/other_key.pem");

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

pub fn thumbprint(certificate: &str) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &der(certificate)).as_ref().to_vec()
}

/// A signed token.
pub fn sign(header: &Json, claims: &Json, key: &str) -> String {
    let encode = |part: &Json| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let pair = RsaKeyPair::from_pkcs8(&der(key)).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub fn header() -> Json {
    json!({"alg": "RS256", "typ": "JWT", "x5t": URL_SAFE_NO_PAD.encode(thumbprint(CERTIFICATE))})
}

/// The claims of a good bearer, with changes; null takes a claim away.
pub fn claims(pod: &Pod, changes: Json) -> Json {
    let now = pod.clock().now().as_second();
    let mut claims = json!({"iss": ISSUER, "prn": "integration.user", "iat": now, "exp": now + 300});
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Json::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn trusting() -> Pod {
    let pod = pod();
    pod.trust(ISSUER, CERTIFICATE).unwrap();
    pod
}

pub async fn bearing(pod: &Pod, token: &str) -> Reply {
    send(pod, "GET", &format!("{REST}/invoices?limit=1"), &[("authorization", &format!("Bearer {token}"))], "").await
}

fn refusal(pod: &Pod) -> String {
    pod.log().last().unwrap().refusal.clone().unwrap_or_default()
}

#[tokio::test]
async fn a_signed_bearer_comes_in_whatever_the_spelling_of_its_thumbprint() {
    let pod = trusting();
    let sha1 = thumbprint(CERTIFICATE);
    for x5t in [
        URL_SAFE_NO_PAD.encode(&sha1),
        URL_SAFE.encode(&sha1),
        STANDARD.encode(&sha1),
        STANDARD.encode(&sha1).trim_end_matches('=').to_owned(),
    ] {
        let token = sign(&json!({"alg": "RS256", "x5t": x5t}), &claims(&pod, json!({"prn": "INTEGRATION.User"})), KEY);
        assert_eq!(bearing(&pod, &token).await.status, 200, "{x5t}");
    }
    assert_eq!(refusal(&pod), "");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_bearer_is_401_and_the_log_says_why() {
    let pod = trusting();
    let now = pod.clock().now().as_second();
    let good = sign(&header(), &claims(&pod, json!({})), KEY);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let signed_with = |header: Json, changes: Json| sign(&header, &claims(&pod, changes), KEY);
    let other = json!({"alg": "RS256", "x5t": URL_SAFE_NO_PAD.encode(thumbprint(OTHER_CERTIFICATE))});
    for (token, why) in [
        (sign(&header(), &claims(&pod, json!({})), OTHER_KEY), "signature"),
        (format!("{signed}.{}", &signature[1..]), "signature"),
        (format!("{signed}.{signature}=="), "base64url"),
        (signed.to_owned(), "JWT"),
        ("opaque".to_owned(), "JWT"),
        (signed_with(other, json!({})), "x5t"),
        (signed_with(json!({"alg": "RS256"}), json!({})), "x5t"),
        (signed_with(json!({"alg": "HS256", "x5t": header()["x5t"]}), json!({})), "alg"),
        (signed_with(header(), json!({"iss": "Somebody"})), "issuer"),
        (signed_with(header(), json!({"iss": null})), "iss"),
        (signed_with(header(), json!({"prn": null, "sub": "integration.user"})), "prn"),
        (signed_with(header(), json!({"prn": "nobody"})), "user"),
        (signed_with(header(), json!({"prn": "locked.user"})), "locked"),
        (signed_with(header(), json!({"prn": "expired.user"})), "expired"),
        (signed_with(header(), json!({"prn": "suspended.user"})), "suspended"),
        (signed_with(header(), json!({"iat": now + 6})), "6 s ahead"),
        (signed_with(header(), json!({"exp": now})), "expired"),
        (signed_with(header(), json!({"exp": now + 7200})), "too long"),
        (signed_with(header(), json!({"iat": null})), "iat"),
        (signed_with(header(), json!({"exp": "soon"})), "exp"),
    ] {
        let reply = bearing(&pod, &token).await;
        assert_eq!(reply.status, 401, "{why}");
        assert!(refusal(&pod).contains(why), "{why}: {}", refusal(&pod));
        assert!(!refusal(&pod).contains(&token));
    }
    assert_eq!(bearing(&pod, &signed_with(header(), json!({"iat": now + 5}))).await.status, 200);
    assert_eq!(bearing(&pod, &signed_with(header(), json!({"iat": now - 60, "exp": now + 3600}))).await.status, 200);
    let bare = send(&pod, "GET", &format!("{REST}/invoices"), &[("authorization", &good)], "").await;
    assert_eq!(bare.status, 401);
}

#[tokio::test]
async fn a_bearer_dies_with_its_time_and_each_counts_as_one_sign_in() {
    let pod = trusting();
    let token = sign(&header(), &claims(&pod, json!({})), KEY);
    for _ in 0..3 {
        assert_eq!(bearing(&pod, &token).await.status, 200);
    }
    pod.clock().advance(Duration::from_secs(300));
    assert_eq!(bearing(&pod, &token).await.status, 401);
    assert_eq!(pod.sign_ins(), 1);
    assert_eq!(bearing(&pod, &sign(&header(), &claims(&pod, json!({})), KEY)).await.status, 200);
    assert_eq!((pod.sign_ins(), pod.token_requests()), (2, 0));
}

#[tokio::test]
async fn nobody_is_trusted_before_a_certificate_with_an_rsa_key_was_uploaded() {
    let pod = pod();
    let token = sign(&header(), &claims(&pod, json!({})), KEY);
    assert_eq!(bearing(&pod, &token).await.status, 401);
    for (refused, why) in [
        ("nothing", "isn't PEM"),
        (KEY, "it is a PRIVATE KEY"),
        (include_str!("testdata/ec_certificate.pem"), "isn't an RSA key"),
    ] {
        let error = pod.trust(ISSUER, refused).unwrap_err().to_string();
        assert!(error.contains(why) && error.starts_with("the certificate isn't usable"), "{error}");
    }
    pod.trust(ISSUER, CERTIFICATE).unwrap();
    assert_eq!(bearing(&pod, &token).await.status, 200);
    pod.trust(ISSUER, OTHER_CERTIFICATE).unwrap();
    assert_eq!(bearing(&pod, &token).await.status, 401);
}

#[tokio::test]
async fn what_e3_ended_stays_ended() {
    let pod = trusting();
    pod.set_scenario(Scenario::from_value(json!({"faults": [{"name": "E3", "times": 1}]})).unwrap()).unwrap();
    let token = sign(&header(), &claims(&pod, json!({})), KEY);
    assert_eq!(bearing(&pod, &token).await.status, 401);
    assert_eq!(bearing(&pod, &token).await.status, 401);
    let opened = Pod::open(&pod.save().unwrap()).unwrap();
    opened.set_scenario(Scenario::default()).unwrap();
    assert_eq!(bearing(&opened, &token).await.status, 401);
    assert_eq!(
        bearing(&opened, &sign(&header(), &claims(&pod, json!({"exp": pod.clock().now().as_second() + 200})), KEY))
            .await
            .status,
        200
    );
}
