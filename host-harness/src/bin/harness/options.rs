//! `harness options`: the choices for a field.

use crate::args::Global;
use crate::component::Component;
use crate::ending::Ending;
use crate::{input, json, say, signin, site};

pub async fn run(
    global: &Global,
    source: &str,
    connection: &str,
    partial: Option<&str>,
    search: Option<&str>,
    page: Option<&str>,
) -> Result<(), Ending> {
    let partial = partial.map_or_else(|| Ok("{}".to_owned()), |partial| input::read(partial, "input"))?;
    let component = Component::load(global).await?;
    site::within(component, global, connection, async |site| {
        signin::sign_in(site).await?;
        let id = site.call_id.clone();
        let found = site
            .call(&id, async |site, _| {
                site.component.connector.list_options(&site.run, &site.connection, source, &partial, search, page).await
            })
            .await?;
        say::json(&json::text(&json::options(&found))?)
    })
    .await
}
