//! `get_record`: one record, by key, by conditions or by a finder.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{SingleRecord, single};
use super::search_records::{Asked, Input as Search, Shape};
use super::{Action, Spec};
use crate::contract::{Effect, Idempotency, ProblemKind, Warning};
use crate::fusion::attributes::{self, Names};
use crate::fusion::dated;
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::query::{Finder, Node};
use crate::fusion::target::Target;
use crate::problem::{Failure, Result};

/// Keys that are shown where several records match.
const SHOWN: usize = 5;

/// See the module.
pub struct GetRecord;

/// Which record.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Get a record", deny_unknown_fields)]
pub struct Input {
    /// Resource that holds it, as Fusion names it; the children of a record as invoices/{key}/child/invoiceLines.
    #[schemars(title = "Resource", length(min = 1, max = 2000), extend("examples" = ["invoices"]))]
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
        match input.key.clone() {
            Some(key) => by_key(pod, input, &key, Vec::new()),
            None => by_search(pod, input),
        }
    }
}

fn by_key(pod: &Pod, input: Input, key: &str, mut warnings: Vec<Warning>) -> Result<String> {
    let mut target = Target::find(pod, &input.resource)?;
    let fields = input.fields.as_deref().unwrap_or_default();
    let expand = input.expand.as_deref().unwrap_or_default();
    attributes::check(pod, &mut target, Names { fields, expand, ..Names::default() })?;
    let what = format!("get {} {}", target.name, crate::text::shorten(key, 100));
    let doing = Doing { what: &what, object: &target.name };
    let shape = Shape::new(&target, input.fields.as_deref(), input.expand.as_deref())?;
    let mut address = shape.add(target.collection(&pod.settings.api_version).key(key)?);
    if let Some(day) = input.effective_date.as_ref().or(pod.settings.effective_date.as_ref()) {
        address = address.param("effectiveDate", day);
    }
    let response = match dated::is_dated(key) {
        true => pod.get(doing, &address),
        false => pod.get_row(doing, &address),
    };
    let response = match response {
        Ok(response) => response,
        Err(failure) if failure.kind() == ProblemKind::NotFound => {
            let day = input.effective_date.clone().or_else(|| pod.settings.effective_date.clone());
            let place = dated::elsewhere(pod, &Target { day, ..target }, key, failure)?;
            let again = Input { resource: place.target.name.clone(), ..input };
            return by_key(pod, again, &place.key, vec![place.warning]);
        }
        Err(failure) => return Err(attributes::explain(pod, &target, fields, failure)),
    };
    let body = std::str::from_utf8(&response.body).map_err(|_| pod.garbled(doing, "the record is not UTF-8"))?;
    let whole: &serde_json::value::RawValue =
        serde_json::from_str(body).map_err(|error| pod.garbled(doing, &format!("the record is not JSON ({error})")))?;
    if !whole.get().starts_with('{') {
        return Err(pod.garbled(doing, "the answer is not a record"));
    }
    let mut text = String::new();
    shape.write(pod, &target, whole.get(), &mut text, &mut warnings);
    Ok(single(&text, &warnings))
}

fn by_search(pod: &Pod, input: Input) -> Result<String> {
    let mut target = Target::find(pod, &input.resource)?;
    let names = Names {
        all: input.all.as_deref().unwrap_or_default(),
        fields: input.fields.as_deref().unwrap_or_default(),
        expand: input.expand.as_deref().unwrap_or_default(),
        finder: input.finder.as_ref(),
        ..Names::default()
    };
    attributes::check(pod, &mut target, names)?;
    let (row, warnings) = one(pod, &target, input)?;
    Ok(single(&row, &warnings))
}

/// The one record that matches.
fn one(pod: &Pod, target: &Target, input: Input) -> Result<(String, Vec<Warning>)> {
    let search = Search {
        resource: input.resource,
        all: input.all,
        finder: input.finder,
        fields: input.fields,
        expand: input.expand,
        effective_date: input.effective_date,
        ..Search::default()
    };
    let asked = Asked::new(pod, target, &search)?;
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    let end = asked.read(pod, asked.search.start(), SHOWN, &mut warnings, &mut |row| found.push(row.to_owned()))?;
    warnings.extend(end.warnings);
    match found.as_slice() {
        [_] => Ok((found.pop().unwrap_or_default(), warnings)),
        [] => Err(Failure::permanent(ProblemKind::NotFound, format!("No record of {} matches, among those that this user may see.", target.name))
            .remedy("Check the values; an empty answer may also mean that the user's data security (business unit, ledger) hides the record.")),
        several => {
            let keys: Vec<String> = several.iter().filter_map(|row| target.key_of(row)).collect();
            let more = if end.next.is_some() { " and more" } else { "" };
            let message = format!("More than one record of {} matches: {}{more}.", target.name, keys.join(", "));
            Err(Failure::permanent(ProblemKind::Conflict, message)
                .remedy("Choose one of these keys, add conditions until one record is left, or use search_records."))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::http::fake::{Fake, json};
    use crate::settings::Settings;

    fn get(door: &Fake, input: &str) -> Result<String> {
        let text = r#"{"host":"h.example.com","auth":{"type":"basic","username":"u","password":"p"}}"#;
        let settings = Settings::parse(text)?;
        let pod = Pod::new(door, &settings, None)?;
        GetRecord::run(&pod, serde_json::from_str(input).unwrap(), input)
    }

    const BY_NUMBER: &str =
        r#"{"resource":"invoices","all":[{"attribute":"InvoiceNumber","operator":"eq","value":"A"}]}"#;

    #[test]
    fn an_answer_that_broke_off_may_be_asked_for_again() {
        let key = r#"{"resource":"invoices","key":"7"}"#;
        for (input, body) in [(key, r#"{"InvoiceId":7,"#), (key, "[]"), (BY_NUMBER, r#"{"it"#)] {
            let failure = get(&Fake::new([json(200, body)]), input).unwrap_err();
            assert_eq!((failure.kind(), failure.again), (ProblemKind::UnexpectedResponse, true), "{body}");
        }
    }

    #[test]
    fn several_that_match_are_a_conflict_with_their_keys() {
        let rows = r#"{"items":[{"InvoiceId":7},{"InvoiceId":9}],"count":2,"hasMore":false}"#;
        let failure = get(&Fake::new([json(200, rows)]), BY_NUMBER).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::Conflict);
        assert_eq!(failure.problem.message, "More than one record of invoices matches: 7, 9.");
        let one = r#"{"items":[{"InvoiceId":7}],"count":1,"hasMore":false}"#;
        assert_eq!(get(&Fake::new([json(200, one)]), BY_NUMBER).unwrap(), r#"{"record":{"InvoiceId":7}}"#);
        let none = r#"{"items":[],"count":0,"hasMore":false}"#;
        assert_eq!(get(&Fake::new([json(200, none)]), BY_NUMBER).unwrap_err().kind(), ProblemKind::NotFound);
    }

    #[test]
    fn yesterdays_key_of_a_dated_row_is_resolved_by_its_ids() {
        let day = format!("ACED0005{}", "00".repeat(70));
        let key = format!("00020000000EACED000577080000000000000007{:08X}{day}", 74);
        let described =
            r#"{"Resources":{"personRows":{"attributes":[{"name":"PersonId","type":"integer","queryable":true}]}}}"#;
        let now = key.replace(&"00".repeat(70), &format!("{}01", "00".repeat(69)));
        let rows = format!(
            r#"{{"items":[{{"PersonId":7,"links":[{{"rel":"self","href":"https://h/hcmRestApi/resources/x/personRows/{now}"}}]}}],"count":1,"hasMore":false}}"#
        );
        // The name is looked for below each root; then the key, the ids, the row.
        let door = Fake::new([
            json(404, "{}"),
            json(200, described),
            json(404, "{}"),
            json(404, "{}"),
            json(200, described),
            json(200, &rows),
            json(404, "{}"),
            json(200, described),
            json(200, r#"{"PersonId":7}"#),
        ]);
        let answer = get(&door, &format!(r#"{{"resource":"personRows","key":"{key}"}}"#)).unwrap();
        assert!(answer.contains("key_changed") && answer.contains(&now), "{answer}");
        let sent = door.sent.borrow();
        assert!(sent[5].path.contains("q=PersonId%20%3D%207"), "{}", sent[5].path);
        assert!(sent[8].path.contains(&now), "{}", sent[8].path);
    }
}
