//! `harness schema`: a form; with a connection, the one that the remote system's own fields are in.

use crate::args::Global;
use crate::component::{Component, Use};
use crate::ending::Ending;
use crate::{input, say, signin, site};

pub async fn run(
    global: &Global,
    operation: &str,
    output: bool,
    connection: Option<&str>,
    partial: Option<&str>,
) -> Result<(), Ending> {
    let partial = partial.map_or_else(|| Ok("{}".to_owned()), |partial| input::read(partial, "input"))?;
    let component = Component::load(global).await?;
    let found = component.operation(operation, Use::Form)?;
    let Some(connection) = connection else {
        return show(if output { &found.output_schema } else { &found.input_schema });
    };
    site::within(component, global, connection, async |site| {
        signin::sign_in(site).await?;
        let id = site.call_id.clone();
        let schemas = site
            .call(&id, async |site, _| {
                site.component.connector.resolve_schema(&site.run, &site.connection, operation, &partial).await
            })
            .await?;
        show(if output { &schemas.output } else { &schemas.input })
    })
    .await
}

/// A schema is for reading, whoever reads it.
fn show(schema: &str) -> Result<(), Ending> {
    match host_harness::exact::parse_json(schema) {
        Ok(value) => say::line(&value.pretty()),
        Err(_) => say::line(schema),
    }
}
