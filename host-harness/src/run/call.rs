//! The functions of the contract, called: one fresh instance each, ended by its answer or by a limit.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Notify;
use wasmtime::{Store, Trap};

use super::guest::{Guest, store};
use super::memory::OutOfMemory;
use super::{Limits, Run};
use crate::contract::actions::Outcome;
use crate::contract::catalog::Manifest;
use crate::contract::connections::{Authorization, ConnectionReport};
use crate::contract::forms::{OperationSchemas, OptionPage};
use crate::contract::triggers::{PollResult, Receipt, WebhookRequest};
use crate::contract::types::{Call, Connection, Error, Session};
use crate::engine::{Connector, LoadError, Metering};

/// How a call ended without an answer. After any of these the next call starts afresh.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The connector answered with an error, `transient` or `permanent`.
    #[error("{}", said(error))]
    Problem {
        /// What it answered.
        error: Error,
    },
    /// The connector broke off: a defect of it.
    #[error("the connector trapped: {message}")]
    Trapped {
        /// How, and where in its source if it said so; nothing of its data.
        message: String,
    },
    /// The deadline passed.
    #[error("the connector did not answer within {} s", deadline.as_secs_f64())]
    OutOfTime {
        /// The deadline.
        deadline: Duration,
    },
    /// It computed for longer than it may.
    #[error("the connector used up its {fuel} units of fuel")]
    OutOfFuel {
        /// The limit.
        fuel: u64,
    },
    /// It asked for more memory than it may have.
    #[error("the connector needs more than the {limit} bytes of memory that it may have")]
    OutOfMemory {
        /// The limit.
        limit: usize,
    },
    /// A script or a recording has no answer to what the connector sent.
    #[error("{message}")]
    Unexpected {
        /// What was expected and what came.
        message: String,
    },
    /// The directory for `/files` cannot be opened.
    #[error("the directory {} cannot be lent to the connector: {reason}", path.display())]
    Files {
        /// As given.
        path: std::path::PathBuf,
        /// The system's word for it.
        reason: String,
    },
    /// The component cannot be compiled for counting fuel.
    #[error(transparent)]
    Load(#[from] LoadError),
}

fn said(error: &Error) -> &str {
    match error {
        Error::Transient(problem) | Error::Permanent(problem) => &problem.message,
        Error::ExecutionFailed => "the connector answered execution-failed, which is for hosts to say",
    }
}

/// The eleven functions differ in their arguments alone; closures over borrowed stores do not carry their
/// `Send`-ness through generic code, so a macro says it once.
macro_rules! call {
    ($connector:expr, $run:expr, $interface:ident, $function:ident $(, $argument:expr)*) => {{
        let run: &Run = $run;
        let metering = if run.limits.fuel.is_some() { Metering::On } else { Metering::Off };
        let pre = $connector.pre(metering)?;
        let _turn = $connector.engine().turn().await;
        let mut store = store(pre.engine(), run)?;
        let stop = store.data().stop();
        let work = async {
            let instance = pre.instantiate_async(&mut store).await?;
            instance.$interface().$function(&mut store $(, $argument)*).await
        };
        let ended = race(run, &stop, work).await;
        judge(run, &store, ended)
    }};
}

/// How the work on a call ended: by itself, by a limit, or by the other end of the wire.
enum Ended<T> {
    Answered(wasmtime::Result<Result<T, Error>>),
    OutOfTime(Duration),
    Stopped,
}

async fn race<T>(
    run: &Run,
    stop: &Notify,
    work: impl Future<Output = wasmtime::Result<Result<T, Error>>> + Send,
) -> Ended<T> {
    // A computing guest yields at every tick, so these end it as well as one that waits.
    tokio::select! {
        biased;
        () = stop.notified() => Ended::Stopped,
        deadline = passed(run.limits.deadline) => Ended::OutOfTime(deadline),
        answer = work => Ended::Answered(answer),
    }
}

async fn passed(deadline: Option<Duration>) -> Duration {
    match deadline {
        Some(deadline) => {
            tokio::time::sleep(deadline).await;
            deadline
        }
        None => std::future::pending().await,
    }
}

#[allow(clippy::result_large_err, reason = "once a call, and a box would be in the way of matching on it")]
fn judge<T>(run: &Run, store: &Store<Guest>, ended: Ended<T>) -> Result<T, CallError> {
    // A guest may have answered before it was stopped; its answer rests on an exchange that never was.
    if let Some(message) = store.data().unexpected() {
        return Err(CallError::Unexpected { message });
    }
    match ended {
        Ended::Stopped => Err(CallError::Unexpected { message: "the exchange came to its end".into() }),
        Ended::OutOfTime(deadline) => Err(CallError::OutOfTime { deadline }),
        Ended::Answered(Ok(Ok(answer))) => Ok(answer),
        Ended::Answered(Ok(Err(error))) => Err(CallError::Problem { error }),
        Ended::Answered(Err(cause)) => Err(broken_off(&run.limits, store.data(), &cause)),
    }
}

fn broken_off(limits: &Limits, guest: &Guest, cause: &wasmtime::Error) -> CallError {
    if cause.is::<OutOfMemory>() {
        return CallError::OutOfMemory { limit: limits.memory };
    }
    let trap = cause.downcast_ref::<Trap>();
    if let (Some(Trap::OutOfFuel), Some(fuel)) = (trap, limits.fuel) {
        return CallError::OutOfFuel { fuel };
    }
    let what = trap.map_or_else(|| "it could not be run".to_owned(), |trap| trap.to_string());
    let message = match guest.panicked_at() {
        Some(place) => format!("{what}, after a panic at {place}"),
        None => what,
    };
    CallError::Trapped { message }
}

impl Connector {
    /// `catalog.describe`: the manifest. Sends nothing.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn describe(&self, run: &Run) -> Result<Manifest, CallError> {
        call!(self, run, ipaas_connector_catalog, call_describe)
    }

    /// `connections.authenticate`: signs in. Store the session before using it, and never run two of these at
    /// once for one connection.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn authenticate(&self, run: &Run, connection: &Connection) -> Result<Session, CallError> {
        call!(self, run, ipaas_connector_connections, call_authenticate, connection)
    }

    /// `connections.authorize-url`: starts a sign-in in the browser. Sends nothing.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn authorize_url(
        &self,
        run: &Run,
        settings: &str,
        redirect_uri: &str,
    ) -> Result<Authorization, CallError> {
        call!(self, run, ipaas_connector_connections, call_authorize_url, &settings.to_owned(), redirect_uri)
    }

    /// `connections.complete-authorization`: ends a sign-in in the browser.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn complete_authorization(
        &self,
        run: &Run,
        settings: &str,
        redirect_uri: &str,
        keep: &str,
        callback_query: &str,
    ) -> Result<Session, CallError> {
        call!(
            self,
            run,
            ipaas_connector_connections,
            call_complete_authorization,
            &settings.to_owned(),
            redirect_uri,
            &keep.to_owned(),
            callback_query
        )
    }

    /// `connections.test`: tries the connection and tells what works.
    ///
    /// # Errors
    /// A [`CallError`]; a check that fails is a finding and not one of them.
    pub async fn test(&self, run: &Run, connection: &Connection) -> Result<ConnectionReport, CallError> {
        call!(self, run, ipaas_connector_connections, call_test, connection)
    }

    /// `forms.resolve-schema`: the forms of an operation once the inputs that others depend on are chosen.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn resolve_schema(
        &self,
        run: &Run,
        connection: &Connection,
        operation: &str,
        partial_input: &str,
    ) -> Result<OperationSchemas, CallError> {
        call!(self, run, ipaas_connector_forms, call_resolve_schema, connection, operation, &partial_input.to_owned())
    }

    /// `forms.list-options`: choices for a field.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn list_options(
        &self,
        run: &Run,
        connection: &Connection,
        source: &str,
        partial_input: &str,
        search: Option<&str>,
        page: Option<&str>,
    ) -> Result<OptionPage, CallError> {
        call!(
            self,
            run,
            ipaas_connector_forms,
            call_list_options,
            connection,
            source,
            &partial_input.to_owned(),
            search,
            page
        )
    }

    /// `actions.invoke`: runs an action.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn invoke(
        &self,
        run: &Run,
        connection: &Connection,
        call: &Call,
        action: &str,
        input: &str,
    ) -> Result<Outcome, CallError> {
        call!(self, run, ipaas_connector_actions, call_invoke, connection, call, action, &input.to_owned())
    }

    /// `actions.resume`: goes on with an action that answered `pending`.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn resume(
        &self,
        run: &Run,
        connection: &Connection,
        call: &Call,
        action: &str,
        input: &str,
        token: &str,
    ) -> Result<Outcome, CallError> {
        call!(
            self,
            run,
            ipaas_connector_actions,
            call_resume,
            connection,
            call,
            action,
            &input.to_owned(),
            &token.to_owned()
        )
    }

    /// `triggers.poll`: asks for changes since `cursor`.
    ///
    /// # Errors
    /// A [`CallError`]; poll again with the same cursor.
    pub async fn poll(
        &self,
        run: &Run,
        connection: &Connection,
        call: &Call,
        trigger: &str,
        input: &str,
        cursor: Option<&str>,
    ) -> Result<PollResult, CallError> {
        let cursor = cursor.map(str::to_owned);
        call!(
            self,
            run,
            ipaas_connector_triggers,
            call_poll,
            connection,
            call,
            trigger,
            &input.to_owned(),
            cursor.as_ref()
        )
    }

    /// `triggers.receive`: takes a request that the remote system made to the host.
    ///
    /// # Errors
    /// A [`CallError`].
    pub async fn receive(
        &self,
        run: &Run,
        connection: &Connection,
        call: &Call,
        trigger: &str,
        input: &str,
        request: &WebhookRequest,
    ) -> Result<Receipt, CallError> {
        call!(self, run, ipaas_connector_triggers, call_receive, connection, call, trigger, &input.to_owned(), request)
    }
}
