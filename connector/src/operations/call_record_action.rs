//! `call_record_action`: what a resource can do beside being read and written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Told;
use super::many::told;
use super::writing::{Key, ResourceName};
use super::{Action, Spec};
use crate::contract::{Effect, FieldProblem, Idempotency};
use crate::fusion::address::is_resource_name;
use crate::fusion::attributes::offer;
use crate::fusion::dated;
use crate::fusion::describe;
use crate::fusion::pod::Pod;
use crate::fusion::query::Anything;
use crate::fusion::target::Target;
use crate::fusion::write::compare::members;
use crate::fusion::write::{action, valid};
use crate::problem::{Failure, Result};
use crate::text::{nearest, shorten};

/// See the module.
pub struct CallRecordAction;

/// What to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Run an action", deny_unknown_fields)]
#[allow(missing_docs, reason = "the types tell it")]
pub struct Input {
    pub resource: ResourceName,
    /// Name of the action.
    #[schemars(title = "Action", length(min = 1, max = 128), extend("examples" = ["validateInvoice"]))]
    #[schemars(extend("x-connector-options" = {"source": "actions", "depends-on": ["resource"], "searchable": true}, "x-connector-visibility" = "important", "x-connector-order" = 2))]
    pub action: String,
    pub key: Option<Key>,
    /// Its parameters by name. Numbers are sent as they are spelt.
    #[schemars(title = "Parameters", with = "Option<std::collections::BTreeMap<String, Anything>>")]
    #[schemars(extend("x-connector-visibility" = "important", "x-connector-order" = 4))]
    pub parameters: Option<Box<RawValue>>,
}

/// What the action answered.
#[derive(JsonSchema)]
#[schemars(title = "Result")]
#[allow(dead_code)]
pub struct Output {
    /// As the pod gives it: a text, or an object with ReturnStatus and Message.
    result: Anything,
    /// What is to be known.
    #[schemars(default)]
    warnings: Option<Vec<Told>>,
}

impl Action for CallRecordAction {
    const SPEC: Spec = Spec {
        id: "call_record_action",
        title: "Run an action",
        description: "Runs an action of a resource or of one of its records, such as validating an invoice or submitting a purchase order. An action that the pod answers with success although it failed, wholly or for some lines, ends as an error.",
        group: "Any record",
        effect: Effect::Update,
        idempotency: Idempotency::None,
        paged: false,
        sample_input: r#"{"resource":"invoices","action":"validateInvoice","parameters":{"ProcessAction":"Validate","BusinessUnit":"US1 Business Unit","Supplier":"Lee Supplies","InvoiceNumber":"INV-1001"}}"#,
        sample_output: r#"{"result":"The invoice was validated."}"#,
    };
    type Input = Input;
    type Output = Output;

    fn run(pod: &Pod, input: Input, _: &str) -> Result<String> {
        let target = Target::find(pod, &input.resource.0)?;
        if !is_resource_name(&input.action) {
            return Err(Failure::invalid("/action", format!("{:?} is not the name of an action", input.action)));
        }
        let parameters = input.parameters.as_deref().map_or("{}", RawValue::get);
        valid::once(parameters, "/parameters")?;
        offered(pod, &target, &input, &members(parameters))?;
        let key = input.key.as_ref().map(|key| key.0.as_str());
        let failure = match action::run(pod, &target, key, &input.action, parameters) {
            Ok(result) => return Ok(format!("{{\"result\":{result}}}")),
            Err(failure) => failure,
        };
        let place = dated::elsewhere(pod, &target, key.unwrap_or_default(), failure)?;
        let key = key.map(|_| place.key.as_str());
        let result = action::run(pod, &place.target, key, &input.action, parameters)?;
        Ok(format!("{{\"result\":{result},\"warnings\":{}}}", told(&[place.warning])))
    }
}

/// Refuses an action that neither the catalogue nor the pod knows, and parameters that the pod does not name,
/// before anything is sent.
fn offered(pod: &Pod, target: &Target, input: &Input, sent: &[(String, &RawValue)]) -> Result<()> {
    let on_row = input.key.is_some();
    let known = target.known.as_ref().is_some_and(|known| {
        let names = if on_row { &known.item_actions } else { &known.collection_actions };
        names.contains(&input.action.as_str())
    });
    if known && sent.is_empty() {
        return Ok(());
    }
    let described = match &target.described {
        Some(described) => described.clone(),
        // A pod that does not describe it may still run it.
        None => match Target::describe(pod, &target.name) {
            Ok(target) => target.described.unwrap_or_default(),
            Err(_) => return Ok(()),
        },
    };
    let (here, there) = match on_row {
        true => (described.item.custom(), described.collection.custom()),
        false => (described.collection.custom(), described.item.custom()),
    };
    let part = if on_row { &described.item } else { &described.collection };
    if let Some(action) = part.actions.iter().find(|action| action.name == input.action) {
        return named(action, sent);
    }
    if known || (here.is_empty() && there.is_empty()) {
        return Ok(());
    }
    if there.contains(&input.action.as_str()) {
        let told = match on_row {
            true => "it belongs to the whole resource and takes no key; it names the record in its parameters",
            false => "it runs on one record, and needs its key",
        };
        return Err(Failure::invalid("/key", format!("{} of {}: {told}", input.action, target.name)));
    }
    let near = nearest(&input.action, here.iter().copied(), 3);
    let meant = if near.is_empty() { here.join(", ") } else { near.join(" or ") };
    Err(Failure::invalid("/action", format!("{} offers no action {} there", target.name, input.action)).remedy(
        if meant.is_empty() {
            "Choose one of the actions that describe_resource lists.".to_owned()
        } else {
            format!("Did you mean {meant}? Names are case-sensitive.")
        },
    ))
}

/// Refuses parameters that the action does not have, where the pod tells which it has.
fn named(action: &describe::Action, sent: &[(String, &RawValue)]) -> Result<()> {
    let names = || action.parameters.iter().map(|parameter| parameter.name.as_str());
    let wrong = sent.iter().filter(|(name, _)| names().next().is_some() && !names().any(|known| known == name));
    let fault = |(name, _): &(String, &RawValue)| FieldProblem {
        pointer: valid::below("/parameters", name),
        message: offer(format!("{} has no parameter {}", action.name, shorten(name, 80)), nearest(name, names(), 3)),
    };
    valid::none(wrong.map(fault).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::contract::{Kind, ProblemKind};
    use crate::fusion::pod::Pod;
    use crate::http::fake::{Fake, json};
    use crate::operations::Entry;
    use crate::settings::Settings;

    #[test]
    fn a_misspelt_action_is_refused_and_the_right_one_offered() {
        let text = r#"{"host":"pod.example","auth":{"type":"basic","username":"u","password":"hunter22"}}"#;
        let settings = Settings::parse(text).unwrap();
        let run = |input: &str, door: &Fake| {
            let pod = Pod::new(door, &settings, None).unwrap();
            Entry::find("call_record_action", Kind::Action).unwrap().run(&pod, input)
        };
        let describe = || {
            json(
                200,
                r#"{"Resources":{"invoices":{"collection":{"actions":[{"name":"create","method":"POST"},{"name":"validateInvoice","method":"POST"}]}}}}"#,
            )
        };
        let door = Fake::new([describe()]);
        let failure = run(r#"{"resource":"invoices","action":"validateinvoice"}"#, &door).unwrap_err();
        assert_eq!(failure.kind(), ProblemKind::InvalidInput);
        assert!(failure.problem.remedy.unwrap().contains("validateInvoice"));
        let door = Fake::new([describe()]);
        let failure = run(r#"{"resource":"invoices","key":"7","action":"validateInvoice"}"#, &door).unwrap_err();
        assert_eq!(failure.problem.fields.first().unwrap().pointer, "/key");
        assert_eq!(door.sent.borrow().len(), 1);
        let told = r#"{"Resources":{"invoices":{"collection":{"actions":[{"name":"validateInvoice","method":"POST","parameters":[{"name":"InvoiceNumber","type":"string"}]}]}}}}"#;
        let door = Fake::new([json(200, told)]);
        let input = r#"{"resource":"invoices","action":"validateInvoice","parameters":{"invoiceNumber":"1"}}"#;
        let failure = run(input, &door).unwrap_err();
        assert_eq!(failure.problem.fields.first().unwrap().pointer, "/parameters/invoiceNumber");
        assert!(failure.problem.message.contains("InvoiceNumber") && door.sent.borrow().len() == 1);
        let door = Fake::new([json(200, told), json(200, r#"{"result":"S"}"#)]);
        run(&input.replace("invoiceN", "InvoiceN"), &door).unwrap();
    }
}
