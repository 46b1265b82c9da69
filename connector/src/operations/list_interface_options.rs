//! `list_interface_options`: what pods can load in bulk, with account, job and loader. Sends nothing.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Action, Spec};
use crate::contract::{Effect, Idempotency};
use crate::fusion::erp::options;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::problem::Result;

/// See the module.
pub struct ListInterfaceOptions;

/// Which options.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "List interface options", deny_unknown_fields)]
pub struct Input {
    /// Words that must all stand in an option: of its object, account, job or id.
    #[schemars(title = "Search", extend("x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub search: Option<String>,
}

/// An option.
#[derive(JsonSchema)]
#[schemars(title = "Interface option")]
#[allow(dead_code)]
pub struct Found {
    /// Its id, which InterfaceDetails takes.
    id: u64,
    /// Product family, as in FIN.
    #[schemars(with = "Anything")]
    family: Option<String>,
    /// Business object.
    #[schemars(with = "Anything")]
    object: Option<String>,
    /// Account in content management (UCM).
    #[schemars(with = "Anything")]
    account: Option<String>,
    /// Job that loads, where it is not the usual loader.
    #[schemars(with = "Anything")]
    load_job: Option<String>,
    /// Job that imports: package and definition.
    #[schemars(with = "Anything")]
    import_job: Option<String>,
    /// Jobs that run after the load.
    #[schemars(with = "Anything")]
    post_load_jobs: Option<String>,
    /// Whether it loads an interface table.
    loads_interface_table: bool,
    /// SQLLOADER, ESSJOB or BIPREPORT.
    loader: String,
    /// Name of its template.
    #[schemars(with = "Anything")]
    template: Option<String>,
    /// Report that it runs.
    #[schemars(with = "Anything")]
    report: Option<String>,
}

/// The options, by id.
#[derive(JsonSchema)]
#[schemars(title = "Interface options")]
#[allow(dead_code)]
pub struct Output {
    /// The options.
    result: Vec<Found>,
    /// Always null: all are told at once.
    #[schemars(with = "Anything")]
    next_cursor: Option<String>,
}

impl Action for ListInterfaceOptions {
    const SPEC: Spec = Spec {
        id: "list_interface_options",
        title: "List interface options",
        description: "Lists what pods can load in bulk as seeded by Oracle: object, account, job and loader of each of 179 options. Nothing is sent.",
        group: "Bulk import and export",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"search":"payables invoice"}"#,
        sample_output: r#"{"result":[{"id":1,"family":"FIN","object":"payableInvoiceBatch","account":"fin/payables/import","load_job":null,"import_job":"/oracle/apps/ess/financials/payables/invoices/transactions,APXIIMPT","post_load_jobs":null,"loads_interface_table":true,"loader":"SQLLOADER","template":"APInvoices","report":"APXIIMPT_BIP"}],"next_cursor":null}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(_: &Pod, input: Input, _: &str) -> Result<String> {
        let search = input.search.unwrap_or_default();
        let found: Vec<Value> =
            options::all().iter().filter(|one| one.holds(&search)).map(options::Interface::told).collect();
        Ok(json!({"result": found, "next_cursor": null}).to_string())
    }
}
