//! Expected requests with their answers, written by hand: the network of a test.
//!
//! Nothing leaves the process. The first request that the script does not expect ends the run with a diff;
//! exchanges that were never asked for are told at the end through [`Script::unmet`].

use std::sync::Arc;

use futures::future::BoxFuture;

use super::exchange::{Sent, Tape};
use super::player::{Order, Player, respond};
use super::{Body, Failure, Timeouts, Transport};
use crate::clock::Clock;
use crate::secrets::Secrets;

/// A [`Transport`] that answers from a script.
pub struct Script {
    player: Arc<Player>,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
}

impl Script {
    /// Plays `tape`; its delays pass on `clock`, and `secrets` are kept out of its diffs.
    #[must_use]
    pub fn new(tape: Tape, clock: Arc<dyn Clock>, secrets: Arc<Secrets>) -> Self {
        let order = if tape.any_order { Order::Any } else { Order::Strict };
        Self { player: Arc::new(Player::new(tape, order, "script")), clock, secrets }
    }

    /// Why the script is not met, once the run is over; none where it is.
    #[must_use]
    pub fn unmet(&self) -> Option<String> {
        self.player.unmet()
    }
}

impl Transport for Script {
    fn send(
        &self,
        request: http::Request<Body>,
        timeouts: Timeouts,
    ) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        let (player, clock, secrets) = (self.player.clone(), self.clock.clone(), self.secrets.clone());
        Box::pin(async move {
            let (sent, _) = Sent::of(request).await?;
            let answer = player.play(&sent, &secrets)?.response;
            if answer.delay > timeouts.first_byte {
                clock.wait(timeouts.first_byte).await;
                return Err(Failure::TimedOut { authority: sent.authority, phase: "first byte" });
            }
            if !answer.delay.is_zero() {
                clock.wait(answer.delay).await;
            }
            respond(&answer, &sent.authority)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};

    use super::*;
    use crate::clock::ToldClock;
    use crate::transport::exchange::parse;

    fn script(text: &str) -> Script {
        let clock = Arc::new(ToldClock::at("2026-01-31T00:00:00Z".parse().unwrap()));
        Script::new(parse(text, Path::new("")).unwrap(), clock, Arc::default())
    }

    async fn send(
        script: &Script,
        method: &str,
        uri: &str,
        body: &str,
    ) -> Result<(u16, Result<Bytes, Failure>), Failure> {
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes())).map_err(|never| match never {}).boxed_unsync();
        let request = http::Request::builder().method(method).uri(uri).body(body).unwrap();
        let response = script.send(request, Timeouts::default()).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await.map(|body| body.to_bytes())))
    }

    const TWO: &str = "
- request: {method: GET, path: /api/invoices, query: {limit: 25}}
  response: {body: {items: [], amount: 0.10}}
- request: {method: POST, path: /api/invoices, body: {InvoiceNumber: A-1, InvoiceAmount: 10.50}}
  response: {status: 201}
";

    #[tokio::test]
    async fn requests_in_their_order_are_answered_and_nothing_is_left() {
        let script = script(TWO);
        let (status, body) = send(&script, "GET", "http://pod/api/invoices?limit=25", "").await.unwrap();
        assert_eq!((status, body.unwrap().as_ref()), (200, &br#"{"items":[],"amount":0.10}"#[..]));
        assert!(
            script
                .unmet()
                .unwrap()
                .contains("1 of its 2 exchanges was never asked for\n  exchange 2: POST /api/invoices")
        );
        let _ = send(&script, "POST", "http://pod/api/invoices", r#"{"InvoiceAmount":10.50,"InvoiceNumber":"A-1"}"#)
            .await
            .unwrap();
        assert_eq!(script.unmet(), None);
    }

    #[tokio::test]
    async fn an_unexpected_request_is_told_with_a_diff() {
        let script = script(TWO);
        let _ = send(&script, "GET", "http://pod/api/invoices?limit=25", "").await.unwrap();
        let failure =
            send(&script, "POST", "http://pod/api/invoices", r#"{"InvoiceNumber":"A-1","InvoiceAmount":10.5}"#)
                .await
                .unwrap_err();
        insta::assert_snapshot!(failure.to_string(), @r#"
        the script is not met: request 2 is not the one that exchange 2 of 2 expects (body differs)
          POST pod/api/invoices
          body (- expected, + sent):
              {
            -   "InvoiceAmount": 10.50,
            +   "InvoiceAmount": 10.5,
                "InvoiceNumber": "A-1"
              }
        "#);
        assert!(send(&script, "GET", "http://pod/", "").await.is_err(), "nothing is answered after a miss");
        assert!(script.unmet().unwrap().contains("request 2"));
    }

    #[tokio::test]
    async fn one_request_too_many_is_told() {
        let failure = send(&script("[]"), "GET", "http://pod/api?q=1", "").await.unwrap_err();
        insta::assert_snapshot!(failure.to_string(), @r"
        the script is not met: request 1 is one more than it has (it has no exchanges)
          GET pod/api?q=1
        ");
    }

    #[tokio::test]
    async fn in_any_order_the_nearest_is_named() {
        let script = script(&format!("order: any\nexchanges:{}", TWO.replace('\n', "\n  ")));
        let _ = send(&script, "POST", "http://pod/api/invoices", r#"{"InvoiceNumber":"A-1","InvoiceAmount":10.50}"#)
            .await
            .unwrap();
        let failure = send(&script, "GET", "http://pod/api/invoices?limit=26", "").await.unwrap_err().to_string();
        assert!(
            failure.contains("the nearest is exchange 1 of 2 (query differs)") && failure.contains("+ limit=26"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn delays_breaks_and_failures_happen_as_written() {
        let script = script(
            "- response: {delay_ms: 60000, body: late}\n- response: {delay_ms: 3600000}\n- response: {body: 12345, break_after: 2}\n- response: {failure: certificate, reason: expired}\n",
        );
        assert_eq!(send(&script, "GET", "http://pod/", "").await.unwrap().1.unwrap(), "late");
        assert_eq!(script.clock.now().to_string(), "2026-01-31T00:01:00Z");
        assert!(matches!(
            send(&script, "GET", "http://pod/", "").await,
            Err(Failure::TimedOut { phase: "first byte", .. })
        ));
        let broken = send(&script, "GET", "http://pod/", "").await.unwrap().1.unwrap_err();
        assert_eq!(broken.to_string(), "the connection to pod broke: it closed after 2 bytes of the answer");
        let failure = send(&script, "GET", "http://pod/", "").await.unwrap_err();
        assert_eq!(failure.to_string(), "the certificate of pod does not verify: expired");
    }
}
