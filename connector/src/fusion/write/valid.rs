//! A record against the pod's own description, before anything is sent (W5).
//!
//! What the description does not tell is left to the pod: rows of children without attributes, of flexfields
//! and of attachments pass. Where the description cannot be read, every record does.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::compare::{is_nested, members, number};
use super::sound;
use crate::contract::FieldProblem;
use crate::fusion::address::Address;
use crate::fusion::attributes::offer;
use crate::fusion::catalogue::Kind;
use crate::fusion::describe::{Attribute, Description};
use crate::fusion::pod::{Doing, Pod};
use crate::fusion::record::plain;
use crate::fusion::target::Target;
use crate::fusion::time;
use crate::problem::{Failure, Result};
use crate::text::{nearest, shorten};

/// Faults that are told at once.
const MOST: usize = 20;
/// Children within children that are looked into.
const DEPTH: usize = 6;
/// Attributes that the server fills.
const WHO: [&str; 5] = ["CreatedBy", "CreationDate", "LastUpdatedBy", "LastUpdateDate", "LastUpdateLogin"];

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It shall be created: what is required must be there.
    Create,
    /// It shall change one that is there: only what may be changed.
    Update,
    /// One or the other, as it turns out: names and values alone.
    Either,
}

/// Reads the description once, where nothing has read it yet, and what else `records` are held against.
///
/// # Errors
/// Those of a read that may pass.
pub fn prepare(pod: &Pod, target: &mut Target, records: &[&str]) -> Result<()> {
    if target.described.is_none() {
        // A user who may write rows need not be allowed to read the description.
        target.described = Target::describe(pod, &target.name).ok().and_then(|told| told.described);
    }
    // The currency of lines stands in their invoice, and counts where an amount has decimals: some have none.
    let invoice = target.name.match_indices('/').nth(1).and_then(|(end, _)| target.name.get(..end));
    let Some(invoice) = invoice.filter(|path| path.starts_with("invoices/")) else { return Ok(()) };
    if records.iter().all(|record| sound::amounts(record, "", Some("JPY")).is_empty()) {
        return Ok(());
    }
    let address = Address::collection(&target.root, &pod.settings.api_version, invoice);
    let address = address.clause("fields", "InvoiceCurrency").param("onlyData", "true");
    match pod.get(Doing { what: "read the currency of the invoice", object: "invoices" }, &address) {
        Ok(response) => target.currency = sound::currency(&String::from_utf8_lossy(&response.body)),
        Err(failure) if failure.again => return Err(failure),
        Err(_) => {}
    }
    Ok(())
}

/// Refuses amounts with more decimals than the currency has in which an invoice is stored as `row`.
///
/// # Errors
/// `invalid-input` with a pointer for each; nothing was sent.
pub fn fine(target: &Target, record: &str, row: &str, at: &str) -> Result<()> {
    if target.name != "invoices" {
        return Ok(());
    }
    none(sound::amounts(record, at, sound::currency(row).as_deref()))
}

/// Refuses an object in which a name stands twice, at whatever depth: a pod keeps the last of them, and what is
/// looked for is the first.
///
/// # Errors
/// `invalid-input` with a pointer for each; nothing was sent.
pub fn once(object: &str, at: &str) -> Result<()> {
    let mut found = Vec::new();
    twice(object, at, DEPTH * 2, &mut found);
    none(found)
}

/// Refuses these faults, if there are any.
///
/// # Errors
/// `invalid-input`; nothing was sent.
pub fn none(mut faults: Vec<FieldProblem>) -> Result<()> {
    faults.truncate(MOST);
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid_fields("input", faults).remedy("Nothing was sent.")) }
}

fn twice(text: &str, at: &str, depth: usize, found: &mut Vec<FieldProblem>) {
    let members = match text.as_bytes().first() {
        Some(b'{') => members(text),
        Some(b'[') => {
            let rows: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            rows.into_iter().enumerate().map(|(index, row)| (index.to_string(), row)).collect()
        }
        _ => return,
    };
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, (name, raw)) in members.iter().enumerate() {
        let pointer = below(at, name);
        if seen.insert(name, index).is_some() {
            let message = format!("{} stands twice; leave one of them out", shorten(name, 80));
            found.push(FieldProblem { pointer, message });
        } else if depth > 0 && is_nested(raw) {
            twice(raw.get(), &pointer, depth - 1, found);
        }
    }
}

/// The JSON pointer of a member.
pub fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Checks one record; `at` is its JSON pointer in the input.
///
/// # Errors
/// `invalid-input` with a pointer for each fault; nothing was sent.
pub fn check(target: &Target, record: &str, at: &str, purpose: Use) -> Result<()> {
    once(record, at)?;
    let mut faults = Faults { name: &target.name, found: Vec::new() };
    if let Some(known) = target.known.as_ref().filter(|_| purpose != Use::Update) {
        faults.found = sound::keys(record, at, &known.natural);
    }
    if target.name == "invoices" || target.currency.is_some() {
        faults.found.extend(sound::amounts(record, at, target.currency.as_deref()));
    }
    if let Some(described) = target.described.as_ref().filter(|told| !told.attributes.is_empty()) {
        faults.row(described, None, record, at, purpose, DEPTH);
    }
    if faults.found.is_empty() {
        return Ok(());
    }
    faults.found.truncate(MOST);
    Err(Failure::invalid_fields("input", faults.found).remedy(format!(
        "Nothing was sent. describe_resource tells the attributes of {}, and which of them may be sent.",
        target.name
    )))
}

struct Faults<'a> {
    name: &'a str,
    found: Vec<FieldProblem>,
}

impl<'a> Faults<'a> {
    fn add(&mut self, at: &str, name: &str, message: String) {
        self.found.push(FieldProblem { pointer: below(at, name), message });
    }

    fn row(
        &mut self,
        told: &'a Description,
        of: Option<&Description>,
        row: &str,
        at: &str,
        purpose: Use,
        depth: usize,
    ) {
        let sent = members(row);
        for (name, raw) in &sent {
            if let Some(attribute) = told.attribute(name) {
                let fault = refused(attribute, purpose).map(str::to_owned).or_else(|| misfit(attribute, raw));
                if let Some(fault) = fault {
                    self.add(at, name, fault);
                }
            } else if let Some((child_name, child)) = told.children.get_key_value(name) {
                // Children go as lists, whatever is told of their rows (FACTS 1.7).
                let at = format!("{at}/{name}");
                let Some(rows) = self.list(raw, &at) else { continue };
                if depth > 0 && !child.attributes.is_empty() && !is_free(name) {
                    // A child's row in a change may be new or there already.
                    let purpose = if purpose == Use::Create { purpose } else { Use::Either };
                    let parent = std::mem::replace(&mut self.name, child_name);
                    for (index, row) in rows.iter().enumerate() {
                        self.row(child, Some(told), row.get(), &format!("{at}/{index}"), purpose, depth - 1);
                    }
                    self.name = parent;
                }
            } else if !name.starts_with("__") && name != "links" && !name.starts_with("@") {
                self.unknown(told, name, at);
            }
        }
        if purpose == Use::Create {
            self.missing(told, of, &sent, at);
        }
    }

    /// The rows of a child; what is neither a list nor null is told.
    fn list<'r>(&mut self, raw: &'r RawValue, at: &str) -> Option<Vec<&'r RawValue>> {
        let rows = serde_json::from_str(raw.get()).ok();
        if rows.is_none() && raw.get() != "null" {
            let message = "a list of records is expected".to_owned();
            self.found.push(FieldProblem { pointer: at.to_owned(), message });
        }
        rows
    }

    fn unknown(&mut self, told: &Description, name: &str, at: &str) {
        let known = || {
            told.attributes
                .iter()
                .map(|attribute| attribute.name.as_str())
                .chain(told.children.keys().map(String::as_str))
        };
        let message = match known().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(right) => format!("{name} is spelt {right}"),
            None => offer(format!("{} has no attribute {}", self.name, shorten(name, 80)), nearest(name, known(), 3)),
        };
        self.add(at, name, message);
    }

    fn missing(&mut self, told: &Description, of: Option<&Description>, sent: &[(String, &RawValue)], at: &str) {
        for attribute in &told.attributes {
            let name = attribute.name.as_str();
            let given = |(other, raw): &(String, &RawValue)| {
                !matches!(raw.get(), "null" | "\"\"") && (stem(other) == stem(name) || stands_for(other, name))
            };
            let needed = attribute.mandatory && attribute.creatable() && !WHO.contains(&name)
                // What names the parent comes from the address.
                && of.is_none_or(|of| of.attribute(name).is_none());
            // A wrong spelling is told as such and not as a gap as well.
            let misspelt = sent.iter().any(|(other, _)| other.eq_ignore_ascii_case(name) && other != name);
            if needed && !misspelt && !sent.iter().any(given) {
                self.add(at, name, format!("{name} is required to create a record of {}", self.name));
            }
        }
    }
}

/// Children whose rows are laid out by whoever set the pod up, or hold more than is described.
fn is_free(child: &str) -> bool {
    let name = child.to_ascii_lowercase();
    ["dff", "gdf", "eff", "flex", "attachment", "additionalinformation"].iter().any(|part| name.contains(part))
}

/// A name without what tells one way of naming a thing from another: a supplier is given by its id as well.
fn stem(name: &str) -> &str {
    ["Id", "Number", "Code", "Name", "Email"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// A party is the other way to say whom a document is from (FACTS 4.1).
fn stands_for(given: &str, wanted: &str) -> bool {
    given.starts_with("Party") && wanted.starts_with("Supplier")
}

fn refused(attribute: &Attribute, purpose: Use) -> Option<&'static str> {
    match purpose {
        Use::Create if !attribute.creatable() => Some("the server sets it; leave it out"),
        Use::Update if !attribute.changeable() && attribute.creatable() => {
            Some("it can be set when the record is created and not be changed")
        }
        Use::Update if !attribute.changeable() => Some("the server sets it; it cannot be changed"),
        _ => None,
    }
}

/// Why a value does not fit what the attribute holds.
fn misfit(attribute: &Attribute, raw: &RawValue) -> Option<String> {
    if raw.get() == "null" || matches!(attribute.kind.as_str(), "array" | "object" | "attachment" | "") {
        return None;
    }
    let is_text = raw.get().starts_with('"');
    let kind = attribute.holds();
    let word = match kind {
        Kind::String => "a text",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Boolean => "true or false",
        Kind::Date => "a date",
        Kind::Timestamp => "a moment",
    };
    let value = if is_nested(raw) { None } else { plain(raw) };
    let Some(value) = value else { return Some(format!("{word} is expected")) };
    // What is empty is null to a pod.
    if value.is_empty() {
        return None;
    }
    let shown = shorten(&value, 60);
    let most = attribute.precision.filter(|most| *most > 0);
    match kind {
        // A pod refuses a number where a text belongs.
        Kind::String if !is_text && attribute.kind == "string" => {
            Some(format!("{word} is expected; write it as \"{shown}\""))
        }
        Kind::String => {
            let most = attribute.max_length.filter(|most| *most > 0).or(most)?;
            let length = u64::try_from(value.chars().count()).unwrap_or(u64::MAX);
            (length > most).then(|| format!("it has {length} characters, and {most} fit"))
        }
        Kind::Integer | Kind::Number => {
            let Some((_, digits, exponent)) = number(&value) else {
                return Some(format!("{shown} is not {word}"));
            };
            if kind == Kind::Integer && exponent < 0 {
                return Some(format!("{shown} is not {word}"));
            }
            let before =
                u64::try_from(digits.len()).unwrap_or(u64::MAX).saturating_add(u64::try_from(exponent).unwrap_or(0));
            match most {
                Some(most) => (before > most).then(|| format!("{shown} has {before} digits, and {most} fit")),
                None => sound::too_long(&digits, exponent).then(|| format!("{shown} has {before} digits, and 18 fit")),
            }
        }
        Kind::Boolean => {
            let fits = matches!(value.as_str(), "true" | "false" | "Y" | "N");
            (!fits).then(|| format!("{shown} is neither true nor false"))
        }
        Kind::Date | Kind::Timestamp => {
            let fits = is_text && time::instant_or_day(&value).is_some();
            let example = if kind == Kind::Date { "2026-01-31" } else { "2026-01-31T10:00:00Z" };
            (!fits).then(|| format!("{shown} is not {word}; write it as {example}"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DESCRIBED: &str = r#"{"Resources":{"things":{"attributes":[
        {"name":"ThingId","type":"integer","allowChanges":"never","mandatory":true},
        {"name":"Name","type":"string","allowChanges":"inCreate","mandatory":true,"precision":5},
        {"name":"SupplierNumber","type":"string","allowChanges":"always","mandatory":true},
        {"name":"Count","type":"integer","allowChanges":"always","precision":3},
        {"name":"Amount","type":"number","allowChanges":"always"},
        {"name":"Open","type":"boolean","allowChanges":"always"},
        {"name":"Day","type":"string","format":"date","allowChanges":"always"},
        {"name":"At","type":"string","format":"date-time","allowChanges":"always"}],
        "children":{"lines":{"attributes":[{"name":"ThingId","type":"integer","allowChanges":"inCreate","mandatory":true},
            {"name":"LineAmount","type":"number","allowChanges":"always","mandatory":true}]},
          "linesDff":{"attributes":[{"name":"a","type":"string"}]},"notes":{"$ref":"x"}}}}}"#;

    fn target() -> Target {
        let described = Description::read(DESCRIBED.as_bytes(), "things");
        Target { name: "things".into(), root: "fscmRestApi".into(), known: None, described, currency: None, day: None }
    }

    fn faults(record: &str, purpose: Use) -> Vec<String> {
        let told = check(&target(), record, "/record", purpose);
        let fields = told.err().map(|failure| failure.problem.fields).unwrap_or_default();
        fields.into_iter().map(|field| format!("{} {}", field.pointer, field.message)).collect()
    }

    #[test]
    fn a_name_that_is_none_is_told_with_the_right_one() {
        let told = faults(r#"{"name":"x","Coumt":1,"Lines":[],"SupplierId":7}"#, Use::Create);
        assert_eq!(told[0], "/record/name name is spelt Name");
        assert_eq!(told[1], "/record/Coumt things has no attribute Coumt; did you mean Count?");
        assert_eq!(told[2], "/record/Lines Lines is spelt lines");
        assert_eq!(told[3], "/record/SupplierId things has no attribute SupplierId");
        assert_eq!(told.len(), 4);
    }

    #[test]
    fn values_are_pointed_to_where_they_do_not_fit() {
        for (record, fault) in [
            (r#"{"Count":1234}"#, "/record/Count 1234 has 4 digits, and 3 fit"),
            (r#"{"Count":1.5}"#, "/record/Count 1.5 is not a whole number"),
            (r#"{"Amount":"1,5"}"#, "/record/Amount 1,5 is not a number"),
            (r#"{"Name":"abcdef"}"#, "/record/Name it has 6 characters, and 5 fit"),
            (r#"{"Name":{}}"#, "/record/Name a text is expected"),
            (r#"{"Name":12}"#, r#"/record/Name a text is expected; write it as "12""#),
            (r#"{"Name":true}"#, r#"/record/Name a text is expected; write it as "true""#),
            (r#"{"At":1769853600000}"#, "/record/At 1769853600000 is not a moment; write it as 2026-01-31T10:00:00Z"),
            (r#"{"Open":"maybe"}"#, "/record/Open maybe is neither true nor false"),
            (r#"{"Day":"31/01/2026"}"#, "/record/Day 31/01/2026 is not a date; write it as 2026-01-31"),
            (r#"{"Day":20260131}"#, "/record/Day 20260131 is not a date; write it as 2026-01-31"),
            (r#"{"At":"10:00"}"#, "/record/At 10:00 is not a moment; write it as 2026-01-31T10:00:00Z"),
            (r#"{"lines":[{"LineAmount":1},{"LineAmount":"x"}]}"#, "/record/lines/1/LineAmount x is not a number"),
            (
                r#"{"lines":[{"LineAmuont":1}]}"#,
                "/record/lines/0/LineAmuont lines has no attribute LineAmuont; did you mean LineAmount?",
            ),
            (r#"{"lines":{"LineAmount":1}}"#, "/record/lines a list of records is expected"),
            (r#"{"lines":7}"#, "/record/lines a list of records is expected"),
            (r#"{"notes":{"any":1}}"#, "/record/notes a list of records is expected"),
            (r#"{"linesDff":{"a":"x"}}"#, "/record/linesDff a list of records is expected"),
        ] {
            assert_eq!(faults(record, Use::Either), [fault]);
        }
    }

    #[test]
    fn what_fits_or_is_not_described_passes() {
        let good = r#"{"Name":"abcde","SupplierId":1,"Count":"999","Amount":-1.250,"Open":"Y","Day":"2026-01-31","At":"2026-01-31T10:00:00.000+00:00",
            "lines":[{"LineAmount":1}],"linesDff":[{"__FLEX_Context":"x","anything":1}],"notes":[{"any":1}],"__FLEX_Context":"y"}"#;
        let only: Vec<String> = faults(good, Use::Create);
        assert_eq!(only, ["/record/SupplierId things has no attribute SupplierId"]);
        assert!(faults(r#"{"Name":null,"Day":"","Count":null,"notes":null}"#, Use::Either).is_empty());
        let untold = Target { described: None, ..target() };
        assert!(check(&untold, r#"{"x":1}"#, "/record", Use::Create).is_ok());
    }

    #[test]
    fn what_must_be_there_and_what_may_not_be_sent_is_told() {
        let told = faults(r#"{"lines":[{}],"ThingId":1}"#, Use::Create);
        assert_eq!(told[0], "/record/lines/0/LineAmount LineAmount is required to create a record of lines");
        assert_eq!(told[1], "/record/ThingId the server sets it; leave it out");
        assert!(told[2].starts_with("/record/Name Name is required") && told[3].starts_with("/record/SupplierNumber"));
        assert!(faults(r#"{"Name":"a","PartyId":1}"#, Use::Create).len() == 1);
        let told = faults(r#"{"Name":"b","ThingId":1,"Count":2}"#, Use::Update);
        assert_eq!(told[0], "/record/Name it can be set when the record is created and not be changed");
        assert_eq!(told[1], "/record/ThingId the server sets it; it cannot be changed");
        assert_eq!(told.len(), 2);
    }

    proptest! {
        #[test]
        fn whole_numbers_fit_by_their_digits(value in any::<i32>()) {
            let told = faults(&format!(r#"{{"Count":{value}}}"#), Use::Either);
            prop_assert_eq!(told.is_empty(), value.unsigned_abs() < 1000);
        }

        #[test]
        fn no_record_breaks_it(record in ".{0,60}") {
            faults(&record, Use::Create);
        }
    }
}
