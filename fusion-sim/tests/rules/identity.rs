//! FACTS 2.3: the identity domain's token and authorize endpoints.
use std::time::Duration;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::jwt::{CERTIFICATE, KEY, bearing, header, sign};
use super::*;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
pub const SCOPE: &str = "https://sim.fa.us2.oraclecloud.com:443urn:opc:resource:consumer::all";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const REDIRECT: &str = "http://127.0.0.1:8123/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-1234567890";

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn form(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Asks with the client in the Basic header.
async fn token_as(pod: &Pod, client: &str, secret: &str, pairs: &[(&str, &str)]) -> Reply {
    let authorization = basic(&encode(client), &encode(secret));
    send(pod, "POST", "/oauth2/v1/token", &[FORM, ("authorization", &authorization)], &form(pairs)).await
}

pub async fn token(pod: &Pod, pairs: &[(&str, &str)]) -> Reply {
    token_as(pod, "sim-client", "Simulated-secret-1", pairs).await
}

/// Asks without an Authorization header.
async fn token_by_body(pod: &Pod, body: &str) -> Reply {
    let request = Request::builder().method("POST").uri("/oauth2/v1/token").header(FORM.0, FORM.1);
    let response = pod.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: parts.status, headers: parts.headers, body, broken: false }
}

fn refused(reply: &Reply) -> (u16, String) {
    assert!(reply.json()["ecid"].as_str().is_some_and(|ecid| !ecid.is_empty()), "{}", reply.text());
    assert!(reply.json()["error_description"].is_string());
    assert_eq!(reply.header("cache-control"), "no-store");
    (reply.status.as_u16(), reply.json()["error"].as_str().unwrap().to_owned())
}

fn access(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

fn assertion(pod: &Pod, changes: Json) -> String {
    let now = pod.clock().now().as_second();
    let mut claims = json!({"iss": "sim-client", "sub": "integration.user", "aud": "https://identity.oraclecloud.com/",
        "iat": now, "exp": now + 300});
    for (name, value) in changes.as_object().unwrap() {
        claims[name.as_str()] = value.clone();
    }
    sign(&header(), &claims, KEY)
}

fn registered() -> Pod {
    let pod = pod();
    pod.trust_client("sim-client", CERTIFICATE).unwrap();
    pod
}

#[tokio::test]
async fn client_credentials_bring_a_token_that_the_pod_takes_until_it_expires() {
    let pod = pod();
    for scope in [SCOPE, "urn:opc:resource:consumer::all"] {
        let reply = token(&pod, &[("grant_type", "client_credentials"), ("scope", scope)]).await;
        let body = reply.json();
        assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3600.into()));
        assert_eq!((reply.header("cache-control"), body.get("refresh_token")), ("no-store", None));
        let token = access(&reply);
        let part = |at: usize| -> Json {
            let text = token.split('.').nth(at).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        assert_eq!(part(0)["alg"], "RS256");
        assert_eq!((&part(1)["sub"], &part(1)["tok_type"]), (&"sim-client".into(), &"AT".into()));
        assert_eq!(bearing(&pod, &token).await.status, 200);
    }
    let token = access(&token(&pod, &[("grant_type", "client_credentials"), ("scope", SCOPE)]).await);
    pod.clock().advance(Duration::from_secs(3599));
    assert_eq!(bearing(&pod, &token).await.status, 200);
    pod.clock().advance(Duration::from_secs(1));
    assert_eq!(bearing(&pod, &token).await.status, 401);
    assert_eq!((pod.sign_ins(), pod.token_requests()), (3, 3));
}

#[tokio::test]
async fn the_scenario_says_how_long_tokens_live() {
    let scenario = Scenario::from_value(json!({"token_seconds": 10})).unwrap();
    let pod = Pod::new(Options { invoices: 60, scenario, ..Options::default() }).unwrap();
    let reply = token(&pod, &[("grant_type", "client_credentials"), ("scope", SCOPE)]).await;
    assert_eq!(reply.json()["expires_in"], 10);
    pod.clock().advance(Duration::from_secs(10));
    assert_eq!(bearing(&pod, &access(&reply)).await.status, 401);
}

#[tokio::test]
async fn a_valid_token_of_a_client_that_is_no_user_is_401_at_the_pod() {
    let pod = pod();
    let pairs = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let token = access(&token_as(&pod, "no-user-client", "Simulated-secret-1", &pairs).await);
    assert_eq!(bearing(&pod, &token).await.status, 401);
    assert!(pod.log().last().unwrap().refusal.as_deref().unwrap().contains("isn't a user"));
}

#[tokio::test]
async fn clients_authenticate_in_one_way_and_say_which() {
    let pod = registered();
    let grant = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let by_body = |more: &[(&str, &str)]| form(&[&grant[..], more].concat());
    let secret = ("client_secret", "Simulated-secret-1");
    assert_eq!(token_by_body(&pod, &by_body(&[("client_id", "sim-client"), secret])).await.status, 200);
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let good = assertion(&pod, json!({"sub": "sim-client"}));
    assert_eq!(token_by_body(&pod, &by_body(&[kind, ("client_assertion", &good)])).await.status, 200);

    for (body, refusal) in [
        (by_body(&[("client_id", "sim-client"), ("client_secret", "wrong")]), (401, "invalid_client")),
        (by_body(&[("client_id", "nobody"), secret]), (401, "invalid_client")),
        (by_body(&[]), (401, "invalid_client")),
        (by_body(&[kind, ("client_assertion", &assertion(&pod, json!({})))]), (401, "invalid_client")),
        (by_body(&[kind, ("client_assertion", "x.y.z")]), (401, "invalid_client")),
        (by_body(&[kind, ("client_assertion", &good), ("client_id", "cc-only-client")]), (401, "invalid_client")),
        (by_body(&[("client_assertion", &good)]), (400, "invalid_request")),
        (by_body(&[kind, ("client_assertion", &good), secret]), (400, "invalid_request")),
    ] {
        let reply = token_by_body(&pod, &body).await;
        assert_eq!(refused(&reply), (refusal.0, refusal.1.to_owned()), "{body}");
        assert_eq!(reply.headers.contains_key("www-authenticate"), refusal.0 == 401);
    }
    let twice = token(&pod, &[grant[0], grant[1], ("client_id", "sim-client"), secret]).await;
    assert_eq!(refused(&twice), (400, "invalid_request".to_owned()));
    let expired = token_as(&pod, "expired-client", "Simulated-secret-1", &grant).await;
    assert_eq!(refused(&expired), (401, "invalid_client".to_owned()));
    assert!(expired.json()["error_description"].as_str().unwrap().contains("expired"));
}

#[tokio::test]
async fn forms_that_are_none_grants_and_scopes_that_are_none_are_told_apart() {
    let pod = registered();
    let grant = ("grant_type", "client_credentials");
    for (pairs, error) in [
        (vec![("scope", SCOPE)], "invalid_request"),
        (vec![grant, ("scope", SCOPE), ("scope", SCOPE)], "invalid_request"),
        (vec![("grant_type", "password"), ("scope", SCOPE)], "unsupported_grant_type"),
        (vec![grant], "invalid_scope"),
        (vec![grant, ("scope", "urn:opc:idm:__myscopes__")], "invalid_scope"),
        (vec![grant, ("scope", &format!("{SCOPE} offline_access"))], "invalid_scope"),
        (vec![("grant_type", JWT_BEARER), ("scope", SCOPE)], "invalid_request"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
    ] {
        assert_eq!(refused(&token(&pod, &pairs).await), (400, error.to_owned()), "{pairs:?}");
    }
    let pairs = [("grant_type", JWT_BEARER), ("scope", SCOPE), ("assertion", "x")];
    let reply = token_as(&pod, "cc-only-client", "Simulated-secret-1", &pairs).await;
    assert_eq!(refused(&reply), (400, "unauthorized_client".to_owned()));
    let json = send(&pod, "POST", "/oauth2/v1/token", &[("content-type", "application/json")], "{}").await;
    assert_eq!(refused(&json), (400, "invalid_request".to_owned()));
    assert_eq!(send(&pod, "GET", "/oauth2/v1/token", &[], "").await.status, 405);
}

#[tokio::test]
async fn a_user_assertion_is_believed_or_refused_as_invalid_grant() {
    let pod = registered();
    let now = pod.clock().now().as_second();
    let ask = async |assertion: String, scope: &str| {
        token(&pod, &[("grant_type", JWT_BEARER), ("assertion", &assertion), ("scope", scope)]).await
    };
    let reply = ask(assertion(&pod, json!({})), SCOPE).await;
    assert_eq!(bearing(&pod, &access(&reply)).await.status, 200);
    assert!(reply.json().get("refresh_token").is_none());
    let reply =
        ask(assertion(&pod, json!({"aud": ["https://identity.oraclecloud.com/"]})), &format!("{SCOPE} offline_access"))
            .await;
    assert!(reply.json()["refresh_token"].is_string());
    for changes in [
        json!({"iss": "no-user-client"}),
        json!({"aud": "https://idcs-sim.identity.oraclecloud.com/"}),
        json!({"sub": "nobody"}),
        json!({"sub": "suspended.user"}),
        json!({"iat": now + 6}),
        json!({"exp": now + 301}),
        json!({"iat": now - 300, "exp": now}),
    ] {
        let reply = ask(assertion(&pod, changes.clone()), SCOPE).await;
        assert_eq!(refused(&reply), (400, "invalid_grant".to_owned()), "{changes}");
    }
    let pod = super::pod();
    let reply =
        token(&pod, &[("grant_type", JWT_BEARER), ("assertion", &assertion(&pod, json!({}))), ("scope", SCOPE)]).await;
    assert_eq!(refused(&reply).1, "invalid_grant");
    assert!(pod.log().last().unwrap().refusal.as_deref().unwrap().contains("no certificate"));
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes()))
}

/// The authorize address with changes; an empty value leaves a parameter out.
pub fn authorize(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let scope = format!("{SCOPE} offline_access");
    let pairs = [
        ("response_type", "code"),
        ("client_id", "sim-client"),
        ("redirect_uri", REDIRECT),
        ("scope", &scope),
        ("state", "st&te"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| {
            (*name, changes.iter().find(|(changed, _)| changed == name).map_or(*value, |(_, new)| new))
        })
        .filter(|(_, value)| !value.is_empty())
        .collect();
    format!("/oauth2/v1/authorize?{}", form(&pairs))
}

/// A parameter of the address that a browser is sent to.
pub fn sent_back(reply: &Reply, name: &str) -> Option<String> {
    assert_eq!(reply.status, 302, "{}", reply.text());
    let (address, query) = reply.header("location").split_once('?').unwrap();
    assert_eq!(address, REDIRECT);
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned())
}

async fn code(pod: &Pod, changes: &[(&str, &str)]) -> String {
    let reply = send(pod, "GET", &authorize(changes), &[], "").await;
    assert_eq!(sent_back(&reply, "state").as_deref(), Some("st&te"));
    sent_back(&reply, "code").unwrap()
}

async fn exchange(pod: &Pod, code: &str, redirect_uri: &str, verifier: &str) -> Reply {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    ];
    token(pod, &pairs).await
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_with_its_address_and_its_verifier() {
    let pod = pod();
    let once = code(&pod, &[]).await;
    let reply = exchange(&pod, &once, REDIRECT, VERIFIER).await;
    assert_eq!(bearing(&pod, &access(&reply)).await.status, 200);
    assert!(reply.json()["refresh_token"].is_string());
    assert_eq!(refused(&exchange(&pod, &once, REDIRECT, VERIFIER).await).1, "invalid_grant");

    let other = "http://127.0.0.1:8124/callback";
    assert_eq!(refused(&exchange(&pod, &code(&pod, &[]).await, other, VERIFIER).await).1, "invalid_grant");
    let wrong = VERIFIER.replace('a', "b");
    assert_eq!(refused(&exchange(&pod, &code(&pod, &[]).await, REDIRECT, &wrong).await).1, "invalid_grant");
    assert_eq!(refused(&exchange(&pod, &code(&pod, &[]).await, REDIRECT, "").await).1, "invalid_request");
    let late = code(&pod, &[]).await;
    pod.clock().advance(Duration::from_secs(60));
    assert_eq!(refused(&exchange(&pod, &late, REDIRECT, VERIFIER).await).1, "invalid_grant");
    let without = code(&pod, &[("scope", SCOPE)]).await;
    assert!(exchange(&pod, &without, REDIRECT, VERIFIER).await.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn browsers_are_sent_to_registered_addresses_alone() {
    let pod = pod();
    for redirect in ["http://localhost:1/", "http://127.0.0.1:65535/a/b", "https://engine.example/callback"] {
        assert_eq!(
            send(&pod, "GET", &authorize(&[("redirect_uri", redirect)]), &[], "").await.status,
            302,
            "{redirect}"
        );
    }
    for changes in [
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:80@evil.example/"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("redirect_uri", "https://engine.example/callback/more"),
        ("redirect_uri", ""),
        ("client_id", "nobody"),
        ("client_id", ""),
    ] {
        let reply = send(&pod, "GET", &authorize(&[changes]), &[], "").await;
        assert_eq!(reply.status, 400, "{changes:?}");
        assert!(reply.header("content-type").starts_with("text/html") && !reply.headers.contains_key("location"));
    }
    for (changes, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("scope", "openid"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("client_id", "cc-only-client"), "unauthorized_client"),
    ] {
        let reply = send(&pod, "GET", &authorize(&[changes]), &[], "").await;
        assert_eq!(sent_back(&reply, "error").as_deref(), Some(error), "{changes:?}");
        assert_eq!(sent_back(&reply, "state").as_deref(), Some("st&te"));
        assert!(sent_back(&reply, "error_description").is_some());
    }
}

#[tokio::test]
async fn each_refresh_ends_the_token_that_it_used() {
    let pod = pod();
    let first = exchange(&pod, &code(&pod, &[]).await, REDIRECT, VERIFIER).await.json()["refresh_token"].clone();
    let refresh = async |pod: &Pod, token_text: &Json| {
        token(pod, &[("grant_type", "refresh_token"), ("refresh_token", token_text.as_str().unwrap())]).await
    };
    let reply = refresh(&pod, &first).await;
    assert_eq!(bearing(&pod, &access(&reply)).await.status, 200);
    let second = reply.json()["refresh_token"].clone();
    assert_ne!(first, second);
    assert_eq!(refused(&refresh(&pod, &first).await).1, "invalid_grant");
    let opened = Pod::open(&pod.save().unwrap()).unwrap();
    assert_eq!(bearing(&opened, &access(&reply)).await.status, 200);
    assert_eq!(opened.sign_ins(), pod.sign_ins());
    assert_eq!(refresh(&opened, &second).await.status, 200);
    assert_eq!(refused(&refresh(&opened, &first).await).1, "invalid_grant");
    let another = [("grant_type", "refresh_token"), ("refresh_token", second.as_str().unwrap())];
    let reply = token_as(&pod, "no-user-client", "Simulated-secret-1", &another).await;
    assert_eq!(refused(&reply).1, "invalid_grant");
}

#[tokio::test]
async fn settings_are_given_for_every_kind() {
    let pod = pod();
    for (kind, holds) in [
        ("basic", vec!["password", "type", "username"]),
        ("jwt", vec!["issuer", "type", "username"]),
        ("oauth_client_credentials", vec!["client_id", "client_secret", "scope", "token_url", "type"]),
        ("oauth_jwt_assertion", vec!["client_id", "client_secret", "scope", "token_url", "type", "username"]),
        ("oauth_authorization_code", vec!["authorize_url", "client_id", "client_secret", "scope", "token_url", "type"]),
    ] {
        let settings = pod.settings_for(kind, "https://idcs-sim.identity.oraclecloud.com").unwrap();
        let mut names: Vec<_> = settings["auth"].as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!((names, &settings["auth"]["type"]), (holds, &kind.into()));
    }
    assert_eq!(pod.settings_for("basic", ""), Some(pod.settings()));
    assert_eq!(pod.settings_for("saml", ""), None);
}
