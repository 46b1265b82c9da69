//! The contract's functions, each handed on.

#![allow(unsafe_code, reason = "the exports that wit-bindgen writes")]

use crate::contract::{
    self, Authorization, Call, Connection, ConnectionReport, Error, Manifest, OperationSchemas, OptionPage, Outcome,
    PollResult, Receipt, Session, WebhookRequest,
};
use crate::forms;
use crate::fusion::pod::Pod;
use crate::http::Wasi;
use crate::operations::{Entry, Step};
use crate::problem::Result;
use crate::settings::Settings;

struct Component;

contract::export!(Component with_types_in crate::contract::generated);

fn with_pod<T>(
    connection: &Connection,
    call: Option<&Call>,
    run: impl FnOnce(&Pod) -> Result<T>,
) -> std::result::Result<T, Error> {
    let settings = Settings::parse(&connection.settings)?;
    let pod = Pod::with_session(&Wasi, &settings, call, connection.session.as_ref())?;
    Ok(run(&pod)?)
}

fn step(
    connection: &Connection,
    call: &Call,
    action: &str,
    input: &str,
    token: Option<&str>,
) -> std::result::Result<Outcome, Error> {
    let entry = Entry::find(action, contract::Kind::Action)?;
    with_pod(connection, Some(call), |pod| entry.step(pod, Step { call, token }, input))
}

impl contract::catalog::Guest for Component {
    fn describe() -> std::result::Result<Manifest, Error> {
        Ok(crate::manifest())
    }
}

impl contract::connections::Guest for Component {
    fn authenticate(connection: Connection) -> std::result::Result<Session, Error> {
        Ok(crate::connection::authenticate(&Wasi, &connection)?)
    }

    fn authorize_url(settings: String, redirect_uri: String) -> std::result::Result<Authorization, Error> {
        Ok(Settings::parse(&settings)?.auth.authorize_url(&redirect_uri)?)
    }

    fn complete_authorization(
        settings: String,
        redirect_uri: String,
        keep: String,
        callback_query: String,
    ) -> std::result::Result<Session, Error> {
        let settings = Settings::parse(&settings)?;
        Ok(settings.auth.complete(&Wasi, &settings.secrets, &redirect_uri, &keep, &callback_query)?)
    }

    fn test(connection: Connection) -> std::result::Result<ConnectionReport, Error> {
        // Where the settings suffice a kept session would hide that they do no more.
        let alone = Settings::parse(&connection.settings)?.auth.signs_in_alone();
        let session = connection.session.filter(|_| !alone);
        let connection = Connection { session, ..connection };
        with_pod(&connection, None, |pod| Ok(crate::connection::test(pod)))
    }
}

impl contract::forms::Guest for Component {
    fn resolve_schema(
        connection: Connection,
        operation: String,
        partial: String,
    ) -> std::result::Result<OperationSchemas, Error> {
        with_pod(&connection, None, |pod| forms::resolve::resolve(pod, &operation, &partial))
    }

    fn list_options(
        connection: Connection,
        source: String,
        partial: String,
        search: Option<String>,
        page: Option<String>,
    ) -> std::result::Result<OptionPage, Error> {
        with_pod(&connection, None, |pod| {
            forms::options::list(pod, &source, &partial, search.as_deref(), page.as_deref())
        })
    }
}

impl contract::actions::Guest for Component {
    fn invoke(
        connection: Connection,
        call: Call,
        action: String,
        input: String,
    ) -> std::result::Result<Outcome, Error> {
        step(&connection, &call, &action, &input, None)
    }

    fn resume(
        connection: Connection,
        call: Call,
        action: String,
        input: String,
        token: String,
    ) -> std::result::Result<Outcome, Error> {
        step(&connection, &call, &action, &input, Some(&token))
    }
}

impl contract::triggers::Guest for Component {
    fn poll(
        connection: Connection,
        call: Call,
        trigger: String,
        input: String,
        cursor: Option<String>,
    ) -> std::result::Result<PollResult, Error> {
        let entry = Entry::find(&trigger, contract::Kind::Trigger)?;
        with_pod(&connection, Some(&call), |pod| entry.poll(pod, &input, cursor.as_deref()))
    }

    fn receive(
        connection: Connection,
        call: Call,
        trigger: String,
        input: String,
        request: WebhookRequest,
    ) -> std::result::Result<Receipt, Error> {
        let entry = Entry::find(&trigger, contract::Kind::Trigger)?;
        with_pod(&connection, Some(&call), |pod| entry.receive(pod, &input, &request))
    }
}
