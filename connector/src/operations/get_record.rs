//! `get_record`: one record, by key, by conditions or by a finder.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{SingleRecord, single};
use super::search_records::{Asked, Input as Search, Shape};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::{Finder, Node};
use crate::fusion::record;
use crate::fusion::target::Target;
use crate::problem::{Failure, Result, warning};

/// See the module.
pub struct GetRecord;

/// Which record.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Get a record", deny_unknown_fields)]
pub struct Input {
    /// Resource that holds it, as Fusion names it.
    #[schemars(title = "Resource", length(min = 1, max = 128), extend("examples" = ["invoices"]))]
    #[schemars(extend("x-connector-options" = {"source": "resources", "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 1))]
    pub resource: String,
    /// Its key. Where a resource has no plain key, the last segment of the record's own link.
    #[schemars(title = "Key", length(min = 1, max = 2000), extend("x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub key: Option<String>,
    /// Conditions that hold for exactly one record, instead of a key.
    #[schemars(title = "All of", extend("x-connector-order" = 3))]
    pub all: Option<Vec<Node>>,
    /// A finder that finds exactly one record, instead of a key.
    #[schemars(title = "Finder", extend("x-connector-visibility" = "advanced", "x-connector-order" = 4))]
    pub finder: Option<Finder>,
    /// Attributes to read; all where none is named.
    #[schemars(title = "Fields", extend("x-connector-order" = 5))]
    pub fields: Option<Vec<String>>,
    /// Children to read along.
    #[schemars(title = "Expand", extend("x-connector-order" = 6))]
    pub expand: Option<Vec<String>>,
    /// Read a date-effective record as of this day.
    #[schemars(title = "Effective date", extend("format" = "date", "x-connector-visibility" = "advanced", "x-connector-order" = 7))]
    pub effective_date: Option<String>,
}

impl Action for GetRecord {
    const SPEC: Spec = Spec {
        id: "get_record",
        title: "Get a record",
        description: "Reads one record of any resource by its key, by conditions that hold for one record alone, or by a finder.",
        group: "Any record",
        effect: Effect::Read,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"invoices","key":"300000046987012"}"#,
        sample_output: r#"{"record":{"InvoiceId":300000046987012,"InvoiceNumber":"INV-1001","InvoiceAmount":2212.75}}"#,
    };
    type Input = Input;
    type Output = SingleRecord;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let ways =
            usize::from(input.key.is_some()) + usize::from(input.all.is_some()) + usize::from(input.finder.is_some());
        if ways != 1 {
            return Err(Failure::invalid("", "exactly one of key, all and finder tells which record"));
        }
        match &input.key {
            Some(key) => by_key(pod, &input, key),
            None => by_search(pod, input),
        }
    }
}

fn by_key(pod: &Pod, input: &Input, key: &str) -> Result<String> {
    let target = Target::find(pod, &input.resource)?;
    let what = format!("get {} {}", target.name, crate::text::shorten(key, 100));
    let doing = Doing { what: &what, object: &target.name };
    let shape = Shape::new(&target, input.fields.as_deref(), input.expand.as_deref())?;
    let mut address = shape.add(target.collection(&pod.settings.api_version).key(key)?);
    if let Some(day) = input.effective_date.as_ref().or(pod.settings.effective_date.as_ref()) {
        address = address.param("effectiveDate", day);
    }
    let response = pod.get_row(doing, &address)?;
    let body = std::str::from_utf8(&response.body).map_err(|_| pod.unexpected(doing, "the record is not UTF-8"))?;
    let whole: &serde_json::value::RawValue = serde_json::from_str(body)
        .map_err(|error| pod.unexpected(doing, &format!("the record is not JSON ({error})")))?;
    if !whole.get().starts_with('{') {
        return Err(pod.unexpected(doing, "the answer is not a record"));
    }
    let (mut text, mut warnings) = (String::new(), Vec::new());
    record::flatten(whole.get(), &mut text, &mut |child| {
        warnings.push(warning(
            "children_cut",
            format!("The pod sent only the first rows of {child}."),
            Some(key.to_owned()),
        ));
    });
    Ok(single(&text, &warnings))
}

fn by_search(pod: &Pod, input: Input) -> Result<String> {
    let target = Target::find(pod, &input.resource)?;
    let search = Search {
        resource: input.resource,
        all: input.all,
        finder: input.finder,
        fields: input.fields,
        expand: input.expand,
        effective_date: input.effective_date,
        ..Search::default()
    };
    let asked = Asked::new(pod, &target, &search)?;
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    let end = asked.read(pod, asked.search.start(), 2, &mut warnings, &mut |row| found.push(row.to_owned()))?;
    warnings.extend(end.warnings);
    match found.as_slice() {
        [only] => Ok(single(only, &warnings)),
        [] => Err(Failure::permanent(ProblemKind::NotFound, format!("No record of {} matches, among those that this user may see.", target.name))
            .remedy("Check the values; an empty answer may also mean that the user's data security (business unit, ledger) hides the record.")),
        _ => Err(Failure::permanent(ProblemKind::Conflict, format!("More than one record of {} matches.", target.name))
            .remedy("Add conditions until one record is left, or use search_records.")),
    }
}
