//! The one way out of a guest: `wasi:http`, past the policy, into the transport.
//!
//! A request that the policy does not let pass never reaches a transport. What went wrong reaches the guest as
//! a code of `wasi:http` and the host, with names and reasons, through [`Run::failures`](super::Run::failures).

use std::future::{Future, ready};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::BodyExt;
use tokio::sync::Notify;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use super::clocks::InFlight;
use super::{Run, Seen};
use crate::policy::Policy;
use crate::transport::{Failure, Timeouts, Transport};

pub(crate) struct Hooks {
    transport: Arc<dyn Transport>,
    policy: Policy,
    timeouts: Timeouts,
    in_flight: InFlight,
    notes: Notes,
}

/// Where failures are written down.
#[derive(Clone)]
struct Notes {
    seen: Arc<Seen>,
    stop: Arc<Notify>,
    unexpected: Arc<Mutex<Option<String>>>,
}

type Io = Box<dyn Future<Output = Result<()>> + Send>;

impl Hooks {
    pub(crate) fn new(run: &Run, in_flight: InFlight, stop: Arc<Notify>) -> Self {
        Self {
            transport: Arc::clone(&run.transport),
            policy: run.policy.clone(),
            timeouts: run.limits.timeouts,
            in_flight,
            notes: Notes { seen: Arc::clone(&run.seen), stop, unexpected: Arc::default() },
        }
    }

    pub(crate) fn unexpected(&self) -> Option<String> {
        self.notes.unexpected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io)>> + Send> {
        let notes = self.notes.clone();
        if let Err(denied) = self.policy.check(request.uri()) {
            return Box::new(ready(Err(notes.down(Failure::Denied(denied)))));
        }
        notes.seen.sent();
        let timeouts = asked_for(options, self.timeouts);
        let transport = Arc::clone(&self.transport);
        // Counted from here, and not from when the task is first polled: a timer may look in between.
        let flight = self.in_flight.enter();
        Box::new(async move {
            let authority = request.uri().authority().map_or_else(String::new, ToString::to_string);
            let request = request.map(|body| {
                let broken = move |cause: Error| Failure::Broken {
                    authority: authority.clone(),
                    reason: format!("the request's body broke off: {cause}"),
                };
                body.map_err(broken).boxed_unsync()
            });
            let answer = transport.send(request, timeouts).await;
            drop(flight);
            match answer {
                Ok(response) => {
                    notes.seen.answered(response.status());
                    let response = response.map(|body| body.map_err(move |failure| notes.down(failure)).boxed_unsync());
                    Ok((response, Box::new(ready(Ok(()))) as Io))
                }
                Err(failure) => Err(notes.down(failure)),
            }
        })
    }
}

impl Notes {
    /// Writes a failure down, and says it in the words of `wasi:http`.
    fn down(&self, failure: Failure) -> Error {
        if let Failure::Unexpected(message) = &failure {
            *self.unexpected.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.clone());
            self.stop.notify_one();
        }
        let code = code(&failure);
        self.seen.failed(failure);
        code
    }
}

fn asked_for(options: Option<RequestOptions>, otherwise: Timeouts) -> Timeouts {
    let options = options.unwrap_or_default();
    Timeouts {
        connect: options.connect_timeout.unwrap_or(otherwise.connect),
        first_byte: options.first_byte_timeout.unwrap_or(otherwise.first_byte),
        between_bytes: options.between_bytes_timeout.unwrap_or(otherwise.between_bytes),
    }
}

fn code(failure: &Failure) -> Error {
    match failure {
        Failure::Unresolved { .. } => Error::DnsError { rcode: None, info_code: None },
        Failure::Unreachable { .. } => Error::ConnectionRefused,
        Failure::Certificate { .. } => Error::TlsCertificateError,
        Failure::Tls { .. } => Error::TlsProtocolError,
        Failure::TimedOut { phase: "connect", .. } => Error::ConnectionTimeout,
        Failure::TimedOut { phase: "first byte", .. } => Error::HttpResponseTimeout,
        Failure::TimedOut { .. } => Error::ConnectionReadTimeout,
        Failure::Broken { .. } => Error::ConnectionTerminated,
        Failure::Unexpected(_) => Error::InternalError(None),
        Failure::Denied(_) => Error::HttpRequestDenied,
    }
}
