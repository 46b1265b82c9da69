//! Choices for a field: resources, attributes, finders, and lists of values of the pod.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::contract::{Choice, OptionPage, ProblemKind};
use crate::fusion::access;
use crate::fusion::address::{Address, is_resource_name, query_value};
use crate::fusion::describe::{Description, Part};
use crate::fusion::directory::{Role, list::roles};
use crate::fusion::erp::options;
use crate::fusion::modules;
use crate::fusion::page::Envelope;
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::{path, quote};
use crate::fusion::record;
use crate::fusion::target::Target;
use crate::operations;
use crate::operations::list_resources::{matching, of_pod};
use crate::problem::{Failure, Result};

/// Choices in one page.
const PAGE: usize = 50;

/// A list that the pod keeps in a resource of its own: where, what goes into the input, what is shown.
struct List {
    source: &'static str,
    resource: &'static str,
    value: &'static str,
    label: &'static [&'static str],
}

/// Lists for the plain forms (FACTS 4.2 and the resources themselves).
const LISTS: &[List] = &[
    List { source: "business_units", resource: "finBusinessUnitsLOV", value: "BusinessUnitName", label: &[] },
    List { source: "suppliers", resource: "suppliers", value: "Supplier", label: &["SupplierNumber"] },
    List { source: "payment_terms", resource: "payablesPaymentTerms", value: "name", label: &[] },
    List {
        source: "business_events",
        resource: "erpBusinessEvents",
        value: "BusinessEventCode",
        label: &["BusinessEventIdentifier"],
    },
    List { source: "currencies", resource: "currenciesLOV", value: "CurrencyCode", label: &["Name"] },
];

/// A page of choices.
///
/// # Errors
/// `not-found` for an unknown source, `invalid-input` where something it depends on is missing, and those
/// of a read.
pub fn list(pod: &Pod, source: &str, partial: &str, search: Option<&str>, page: Option<&str>) -> Result<OptionPage> {
    let partial: Partial = crate::json::from_str(partial)
        .map_err(|_| Failure::permanent(ProblemKind::InvalidInput, "The partial input is not a JSON object."))?;
    let search = search.map(str::trim).filter(|search| !search.is_empty());
    if source == "roles" {
        let listed = roles(pod, search.unwrap_or_default(), page, PAGE)?;
        let named = |role: &Role| {
            let code = role.code.as_ref().or(role.id.as_ref())?;
            Some(choice(code, role.name.as_ref().unwrap_or(code)))
        };
        return Ok(OptionPage { options: listed.found.iter().filter_map(named).collect(), next_page: listed.next });
    }
    let offset = match page {
        Some(page) => page.parse::<usize>().map_err(|_| {
            Failure::permanent(ProblemKind::InvalidInput, "The page is not one that was answered before.")
                .remedy("Leave the page out to begin anew, or give the next page as the answer before told it.")
        })?,
        None => 0,
    };
    if let Some(list) = LISTS.iter().find(|list| list.source == source) {
        return from_resource(pod, list, search, offset);
    }
    match source {
        "resources" => {
            let label = |name: &str, title: &str| choice(name, &format!("{title} ({name})"));
            let mut all: Vec<Choice> = matching(search).iter().map(|one| label(one.name, one.title)).collect();
            if all.is_empty() && search.is_some() {
                // Not built in: the pod's own resources, custom objects among them.
                let of_pod = of_pod(pod, search, &mut Vec::new())?;
                all.extend(of_pod.iter().map(|(_, name, title)| label(name, title)));
            }
            Ok(slice(all, offset))
        }
        "resource_modules" => {
            let mut names: Vec<&str> = modules::offered().iter().map(|one| one.module).collect();
            names.dedup();
            let mut seen: Vec<&str> = Vec::new();
            names.retain(|name| {
                holds(name, search) && !seen.contains(name) && {
                    seen.push(name);
                    true
                }
            });
            Ok(slice(names.into_iter().map(|name| choice(name, name)).collect(), offset))
        }
        "modules" => {
            let mut names: Vec<&str> = Vec::new();
            for area in access::areas().iter().filter(|area| holds(area.module, search)) {
                if !names.contains(&area.module) {
                    names.push(area.module);
                }
            }
            Ok(slice(names.into_iter().map(|name| choice(name, name)).collect(), offset))
        }
        "operations" => {
            let found = operations::ALL
                .iter()
                .filter(|entry| holds(entry.spec.id, search) || holds(entry.spec.title, search))
                .map(|entry| choice(entry.spec.id, &format!("{} ({})", entry.spec.title, entry.spec.id)));
            Ok(slice(found.collect(), offset))
        }
        "ucm_accounts" => {
            let mut accounts: Vec<String> = options::all().iter().map(|one| one.account().to_owned()).collect();
            accounts.sort_unstable();
            accounts.dedup();
            let found = accounts.iter().filter(|account| !account.is_empty() && holds(account, search));
            Ok(slice(found.map(|account| choice(account, account)).collect(), offset))
        }
        "interface_options" => {
            let all = options::all();
            let found = all.iter().filter(|one| one.holds(search.unwrap_or_default()));
            Ok(slice(
                found
                    .map(|one| choice(one.id(), &format!("{} ({}, {})", one.object(), one.id(), one.account())))
                    .collect(),
                offset,
            ))
        }
        "queryable_attributes" => {
            let target = Target::describe(pod, partial.resource()?)?;
            Ok(slice(attributes(target.described.as_ref(), search), offset))
        }
        "finders" => {
            let target = Target::describe(pod, partial.resource()?)?;
            let described =
                target.described.as_ref().map(|described| described.collection.finders.as_slice()).unwrap_or_default();
            let found = described
                .iter()
                .filter(|finder| holds(&finder.name, search))
                .map(|finder| choice(&finder.name, &finder.name));
            Ok(slice(found.collect(), offset))
        }
        "actions" => {
            let described = Target::describe(pod, partial.resource()?)?.described.unwrap_or_default();
            let of = |part: &Part, on: &str| -> Vec<Choice> {
                let names = part.custom().into_iter().filter(|name| holds(name, search));
                names.map(|name| choice(name, &format!("{name} ({on})"))).collect()
            };
            let mut all = of(&described.collection, "on the resource");
            all.extend(of(&described.item, "on one record"));
            Ok(slice(all, offset))
        }
        "supplier_sites" => supplier_sites(pod, &partial, search, offset),
        _ => match source.strip_prefix("lov:").map(|rest| rest.split('/').collect::<Vec<_>>()).as_deref() {
            Some([resource, lov, attribute]) => from_lov(pod, resource, lov, attribute, &partial, search, offset),
            _ => Err(Failure::permanent(ProblemKind::NotFound, format!("There is no list of choices {source}."))
                .remedy("Use a source that a form names in x-connector-options.")),
        },
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Partial {
    resource: Option<Value>,
    key: Option<Value>,
    #[serde(rename = "Supplier")]
    supplier: Option<Value>,
    record: Option<Map<String, Value>>,
}

impl Partial {
    /// The row that is being filled in, down these children: of several the last.
    fn row(&self, children: &[&str]) -> Option<&Map<String, Value>> {
        let mut row = self.record.as_ref()?;
        for child in children {
            let rows = row.get(*child)?;
            row = rows.as_array().map_or(Some(rows), |rows| rows.last())?.as_object()?;
        }
        Some(row)
    }

    /// What is chosen in a row of those attributes, as `dependency` takes it; values are encoded.
    fn chosen(row: Option<&Map<String, Value>>, of: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        for (name, value) in row.into_iter().flatten().filter(|(name, _)| path(name).is_some() && of(name)) {
            let value = match value {
                Value::String(chosen) if !chosen.is_empty() => chosen.clone(),
                Value::Number(chosen) => chosen.to_string(),
                _ => continue,
            };
            let comma = if text.is_empty() { "" } else { "," };
            text.push_str(&format!("{comma}{name}={}", query_value(&value)));
        }
        text
    }

    fn resource(&self) -> Result<&str> {
        self.resource
            .as_ref()
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::invalid("/resource", "choose the resource first; these choices depend on it"))
    }
}

fn choice(value: &str, label: &str) -> Choice {
    Choice { value: Value::from(value).to_string(), label: label.to_owned() }
}

fn holds(text: &str, search: Option<&str>) -> bool {
    search.is_none_or(|search| text.to_lowercase().contains(&search.to_lowercase()))
}

/// Those that hold what is searched: a pod takes `*` and `%` in it for any text.
fn held(mut page: OptionPage, search: Option<&str>) -> OptionPage {
    page.options.retain(|choice| holds(&choice.label, search));
    page
}

fn slice(all: Vec<Choice>, offset: usize) -> OptionPage {
    let more = all.len() > offset.saturating_add(PAGE);
    let options = all.into_iter().skip(offset).take(PAGE).collect();
    OptionPage { options, next_page: more.then(|| (offset + PAGE).to_string()) }
}

fn attributes(described: Option<&Description>, search: Option<&str>) -> Vec<Choice> {
    let attributes = described.map(|described| described.attributes.as_slice()).unwrap_or_default();
    attributes
        .iter()
        .filter(|attribute| attribute.queryable)
        .filter(|attribute| {
            holds(&attribute.name, search) || attribute.title.as_deref().is_some_and(|title| holds(title, search))
        })
        .map(|attribute| choice(&attribute.name, attribute.title.as_deref().unwrap_or(&attribute.name)))
        .collect()
}

fn from_resource(pod: &Pod, list: &List, search: Option<&str>, offset: usize) -> Result<OptionPage> {
    let mut address = Address::collection("fscmRestApi", &pod.settings.api_version, list.resource);
    if let Some(search) = search {
        address = address.param("q", &contains(list.value, search));
    }
    address = address.param("orderBy", &format!("{}:asc", list.value));
    let labels: Vec<&str> = list.label.to_vec();
    Ok(held(read(pod, list.resource, address, list.value, &labels, offset)?, search))
}

/// The sites of the supplier that is chosen: a child of it.
fn supplier_sites(pod: &Pod, partial: &Partial, search: Option<&str>, offset: usize) -> Result<OptionPage> {
    let supplier = partial.supplier.as_ref().and_then(Value::as_str).filter(|supplier| !supplier.is_empty());
    let supplier =
        supplier.ok_or_else(|| Failure::invalid("/Supplier", "choose the supplier first; its sites depend on it"))?;
    let doing = Doing { what: "list the sites of a supplier", object: "suppliers" };
    let suppliers = Address::collection("fscmRestApi", &pod.settings.api_version, "suppliers");
    let address = suppliers
        .clone()
        .param("q", &format!("Supplier = {}", quote(supplier)))
        .param("onlyData", "true")
        .param("fields", "SupplierId")
        .param("limit", "1");
    let body = pod.get(doing, &address)?.body;
    let envelope = envelope(pod, doing, &body)?;
    let key = envelope.items.first().and_then(|row| {
        let [raw] = record::pick(row.get(), ["SupplierId"]);
        raw.and_then(record::plain)
    });
    let Some(key) = key else { return Ok(OptionPage { options: Vec::new(), next_page: None }) };
    let mut address = suppliers.key(&key)?.segment("child").segment("sites");
    if let Some(search) = search {
        address = address.param("q", &contains("SupplierSite", search));
    }
    Ok(held(read(pod, "suppliers", address, "SupplierSite", &["ProcurementBU"], offset)?, search))
}

/// A list of values of a resource or, as in `invoices.invoiceLines`, of its children. Its rows fill the attribute
/// as describe's map says.
fn from_lov(
    pod: &Pod,
    resource: &str,
    lov: &str,
    attribute: &str,
    partial: &Partial,
    search: Option<&str>,
    offset: usize,
) -> Result<OptionPage> {
    // Where the children of one record are the resource, their own fields stand in the record.
    let given = partial.resource.as_ref().and_then(Value::as_str).unwrap_or_default();
    let named = given.split('/').step_by(3).collect::<Vec<_>>().join(".");
    let below = resource.strip_prefix(&named).filter(|rest| rest.is_empty() || rest.starts_with('.'));
    let (top, below) = match below.filter(|_| given.contains('/')) {
        Some(rest) => (given, rest.trim_start_matches('.')),
        None => resource.split_once('.').unwrap_or((resource, "")),
    };
    let children: Vec<&str> = below.split('.').filter(|child| !child.is_empty()).collect();
    if !is_resource_name(lov) || path(attribute).is_none() {
        return Err(Failure::permanent(ProblemKind::NotFound, format!("There is no list of values {lov}.")));
    }
    let target = Target::describe(pod, top)?;
    let mut described = target.described.as_ref();
    for child in &children {
        described = described.and_then(|described| described.children.get(*child));
    }
    let known =
        described.and_then(|described| described.attribute(attribute)).and_then(|attribute| attribute.lov.as_ref());
    let known = known.filter(|known| known.child_ref == lov).ok_or_else(|| {
        Failure::permanent(ProblemKind::NotFound, format!("{resource} has no list of values {lov} for {attribute}."))
    })?;
    let value =
        known.attribute_map.iter().find(|pair| pair.target == attribute).map_or(attribute, |pair| pair.source.as_str());
    let labels: Vec<&str> = known.display_attributes.iter().map(String::as_str).collect();
    let plain = of_children(pod, &target, &children, partial)?.segment("lov").segment(lov);
    // What is chosen already narrows a dependent list (FACTS 1.4).
    let dependency = Partial::chosen(partial.row(&children), |name| {
        name != attribute
            && described.and_then(|described| described.attribute(name)).is_some_and(|known| known.lov.is_some())
    });
    let mut address = plain.clone();
    if !dependency.is_empty() {
        address = address.clause("dependency", &dependency);
    }
    if let Some(search) = search {
        address = address.param("q", &contains(labels.first().copied().unwrap_or(value), search));
    }
    match read(pod, top, address, value, &labels, offset) {
        // A list that takes no conditions is looked through page by page.
        Err(failure) if failure.kind() == ProblemKind::InvalidInput && (search.is_some() || !dependency.is_empty()) => {
            Ok(held(read(pod, top, plain, value, &labels, offset)?, search))
        }
        outcome => Ok(held(outcome?, search)),
    }
}

/// The collection that holds these children. Lists of values stand below it (FACTS 1.7), and it stands below a
/// row: the one that is to be changed, else the first that the pod shows, since the lists are the same.
fn of_children(pod: &Pod, target: &Target, children: &[&str], partial: &Partial) -> Result<Address> {
    let mut address = target.collection(&pod.settings.api_version);
    let mut key = partial.key.as_ref().and_then(Value::as_str).map(str::to_owned);
    for child in children {
        let row = match key.take() {
            Some(key) => key,
            None => first(pod, target, &address)?,
        };
        address = address.key(&row)?.segment("child").segment(child);
    }
    Ok(address)
}

/// The key of a row of this collection.
fn first(pod: &Pod, target: &Target, collection: &Address) -> Result<String> {
    let doing = Doing { what: "list the choices", object: &target.name };
    let body = pod.get(doing, &collection.clone().param("links", "self").param("limit", "1"))?.body;
    let envelope = envelope(pod, doing, &body)?;
    envelope.items.first().and_then(|row| record::key_in_links(row.get())).ok_or_else(|| {
        Failure::permanent(
            ProblemKind::NotFound,
            format!(
                "The pod tells these choices beside a record that is there, and shows none at {}.",
                collection.path()
            ),
        )
        .remedy("Write the value itself.")
    })
}

fn contains(attribute: &str, search: &str) -> String {
    format!("upper({attribute}) like {}", quote(&format!("*{}*", search.to_uppercase())))
}

fn read(pod: &Pod, object: &str, address: Address, value: &str, labels: &[&str], offset: usize) -> Result<OptionPage> {
    let doing = Doing { what: "list the choices", object };
    let mut address = address.param("onlyData", "true").param("limit", &PAGE.to_string());
    if offset > 0 {
        address = address.param("offset", &offset.to_string());
    }
    let body = pod.get(doing, &address)?.body;
    let envelope = envelope(pod, doing, &body)?;
    let count = envelope.items.len();
    let options = envelope.items.iter().filter_map(|row| one(row, value, labels)).collect();
    let more = envelope.has_more.unwrap_or(count >= PAGE) && count > 0;
    Ok(OptionPage { options, next_page: more.then(|| (offset + count).to_string()) })
}

fn one(row: &RawValue, value: &str, labels: &[&str]) -> Option<Choice> {
    let [raw] = record::pick(row.get(), [value]);
    let raw = raw.filter(|raw| raw.get() != "null")?;
    let shown: Vec<String> = labels
        .iter()
        .filter(|label| **label != value)
        .filter_map(|label| {
            let [raw] = record::pick(row.get(), [label]);
            raw.and_then(record::plain)
        })
        .collect();
    let own = record::plain(raw)?;
    let label = if shown.is_empty() { own } else { format!("{own} ({})", shown.join(", ")) };
    Some(Choice { value: raw.get().to_owned(), label })
}

fn envelope<'b>(pod: &Pod, doing: Doing, body: &'b [u8]) -> Result<Envelope<'b>> {
    crate::json::from_slice(body).map_err(|error| pod.garbled(doing, &format!("the body is not a list ({error})")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    const DESCRIBED: &str = r#"{"Resources":{"suppliers":{"attributes":[
        {"name":"Country","type":"string","lov":{"childRef":"CountryLOV"}},
        {"name":"City","type":"string","lov":{"childRef":"CityLOV","attributeMap":[{"source":"Name","target":"City"}],"displayAttributes":["Name"]}}]}}}"#;

    fn cities(door: &Fake, search: Option<&str>) -> Vec<String> {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let pod = Pod::new(door, &settings, None).unwrap();
        let partial = r#"{"resource":"suppliers","record":{"Country":"Côte d'Ivoire","City":"x","Other":1}}"#;
        let page = list(&pod, "lov:suppliers/CityLOV/City", partial, search, None).unwrap();
        page.options.into_iter().map(|choice| choice.label).collect()
    }

    #[test]
    fn what_is_chosen_narrows_a_dependent_list() {
        let rows = r#"{"items":[{"Name":"Abidjan"},{"Name":"Bouaké"}],"count":2,"hasMore":false}"#;
        let door = Fake::new([json(200, DESCRIBED), json(200, rows)]);
        assert_eq!(cities(&door, None), ["Abidjan", "Bouaké"]);
        let path = door.sent.borrow()[1].path.clone();
        assert!(path.contains("dependency=Country=C%C3%B4te%20d%27Ivoire&"), "{path}");
    }

    const LINES: &str = r#"{"Resources":{"invoices":{"attributes":[],"children":{"invoiceLines":{"attributes":[
        {"name":"LineType","type":"string","lov":{"childRef":"LineTypesLOV","displayAttributes":["LineType"]}},
        {"name":"TaxCode","type":"string","lov":{"childRef":"TaxLOV"}}],
        "children":{"invoiceDistributions":{"attributes":[{"name":"Kind","type":"string","lov":{"childRef":"KindLOV"}}]}}}}}}}"#;

    /// Asks for the choices of a child's field; answers what is shown, where to go on and what was asked for.
    fn of_lines(
        source: &str,
        partial: &str,
        page: Option<&str>,
        answers: &[&str],
    ) -> (Result<OptionPage>, Vec<String>) {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text).unwrap();
        let door = Fake::new([LINES].iter().chain(answers).map(|body| json(200, body)));
        let pod = Pod::new(&door, &settings, None).unwrap();
        let page = list(&pod, source, partial, Some("it"), page);
        let paths = door.sent.borrow().iter().skip(1).map(|request| request.path.clone()).collect();
        (page, paths)
    }

    #[test]
    fn fields_of_children_have_their_lists_searched_narrowed_and_page_by_page() {
        let row = |path: &str| {
            format!(
                r#"{{"items":[{{"links":[{{"rel":"self","href":"https://h/x/{path}"}}]}}],"count":1,"hasMore":false}}"#
            )
        };
        let rows = r#"{"items":[{"LineType":"Item"}],"count":1,"hasMore":true}"#;
        let source = "lov:invoices.invoiceLines/LineTypesLOV/LineType";
        let partial =
            r#"{"resource":"invoices","record":{"TaxCode":"no","invoiceLines":[{"TaxCode":"A"},{"TaxCode":"B"}]}}"#;
        let (page, paths) = of_lines(source, partial, Some("50"), &[&row("invoices/7"), rows]);
        let page = page.unwrap();
        assert_eq!((page.options[0].value.as_str(), page.next_page.as_deref()), ("\"Item\"", Some("51")));
        assert!(paths[0].ends_with("/invoices?links=self&limit=1"), "{}", paths[0]);
        assert!(
            paths[1].contains("/invoices/7/child/invoiceLines/lov/LineTypesLOV?dependency=TaxCode=B&q="),
            "{}",
            paths[1]
        );
        assert!(paths[1].contains("upper%28LineType%29%20like") && paths[1].ends_with("&offset=50"), "{}", paths[1]);
        // A record that is to be changed is a row of its own, and so is what a path names.
        for (source, partial, place) in [
            (source, r#"{"resource":"invoices","key":"9"}"#, "/invoices/9/child/invoiceLines/lov/LineTypesLOV?"),
            (
                source,
                r#"{"resource":"invoices/8/child/invoiceLines","key":"00AB","record":{"TaxCode":"C"}}"#,
                "/invoices/8/child/invoiceLines/lov/LineTypesLOV?dependency=TaxCode=C&",
            ),
            (
                "lov:invoices.invoiceLines.invoiceDistributions/KindLOV/Kind",
                r#"{"resource":"invoices/8/child/invoiceLines","key":"00AB"}"#,
                "/invoices/8/child/invoiceLines/00AB/child/invoiceDistributions/lov/KindLOV?",
            ),
        ] {
            let (page, paths) = of_lines(source, partial, None, &[rows]);
            page.unwrap();
            assert!(paths.len() == 1 && paths[0].contains(place), "{paths:?}");
        }
        let (none, _) = of_lines(source, "{}", None, &[r#"{"items":[],"count":0,"hasMore":false}"#]);
        let failure = none.unwrap_err();
        assert!(failure.kind() == ProblemKind::NotFound && failure.problem.remedy.is_some());
    }

    #[test]
    fn a_page_that_is_none_says_what_to_do() {
        let failure = of_lines("suppliers", "{}", Some("x"), &[]).0.unwrap_err();
        assert!(failure.kind() == ProblemKind::InvalidInput && failure.problem.remedy.is_some());
    }

    #[test]
    fn what_a_pod_takes_for_a_pattern_is_searched_as_it_stands() {
        let rows = r#"{"items":[{"Name":"Abidjan"},{"Name":"A%n"}],"count":2,"hasMore":false}"#;
        let door = Fake::new([json(200, DESCRIBED), json(200, rows)]);
        assert_eq!(cities(&door, Some("a%N")), ["A%n"]);
    }

    #[test]
    fn a_list_that_takes_no_conditions_is_looked_through() {
        let rows = r#"{"items":[{"Name":"Abidjan"},{"Name":"Bouaké"}],"count":2,"hasMore":false}"#;
        let door = Fake::new([json(200, DESCRIBED), json(400, "{}"), json(200, rows)]);
        assert_eq!(cities(&door, Some("bou")), ["Bouaké"]);
    }
}
