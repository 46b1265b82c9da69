//! The examples of `docs/records.md`, run as they stand there, and the keys and marks that it promises.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stage::{Refused, Stage};

const RECORDS: &str = include_str!("../../docs/records.md");

/// A fenced block: what stands behind the fence, and the text within.
fn blocks(document: &str) -> Vec<(String, String)> {
    let (mut blocks, mut open): (Vec<(String, String)>, bool) = (Vec::new(), false);
    for line in document.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(info), false) => {
                open = true;
                blocks.push((info.to_owned(), String::new()));
            }
            (None, true) => blocks.last_mut().unwrap().1.extend([line, "\n"]),
            (None, false) => {}
        }
    }
    blocks
}

/// What of the expected is not so.
fn differs(expected: &Value, actual: &Value, at: &str) -> Option<String> {
    let wrong = || Some(format!("{at} is {actual}, and the document says {expected}"));
    match (expected, actual) {
        (Value::String(any), _) if any == "…" => None,
        (Value::Object(members), Value::Object(there)) => members.iter().find_map(|(name, value)| {
            let at = format!("{at}/{name}");
            there
                .get(name)
                .map_or_else(|| Some(format!("{at} is missing in {actual}")), |there| differs(value, there, &at))
        }),
        (Value::Array(items), Value::Array(there)) => {
            let open = items.last().is_some_and(|last| last == "…");
            let fits = there.len() == items.len() || (open && there.len() > items.len());
            if !fits {
                return wrong();
            }
            items
                .iter()
                .zip(there)
                .enumerate()
                .find_map(|(index, (item, there))| differs(item, there, &format!("{at}/{index}")))
        }
        _ if expected == actual => None,
        // A key may be told as text for a number.
        (Value::String(text), Value::Number(number)) if *text == number.to_string() => None,
        _ => wrong(),
    }
}

/// Puts in what earlier examples answered.
fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn judge(answer: &Result<Value, Refused>, how: &str, expected: &Value) -> Option<String> {
    match (answer, how) {
        (Ok(output), "json gives") => differs(expected, output, ""),
        (Err(refused), "json refused") => {
            let problem = &refused.problem;
            let kind = format!("{:?}", problem.kind).to_lowercase();
            let wanted = expected["kind"].as_str().unwrap().replace('-', "");
            let message = expected["message"].as_str().unwrap();
            let told = message == "…"
                || problem.message.contains(message)
                || problem.remedy.iter().any(|remedy| remedy.contains(message));
            (!kind.ends_with(&wanted) || !told).then(|| format!("it was refused with {problem:?}"))
        }
        _ => Some(format!("it ended with {answer:?}")),
    }
}

#[test]
fn the_examples_for_recipe_builders_run_and_give_what_they_say() {
    let stage = Stage::sim(json!([]));
    let mut known = BTreeMap::new();
    let blocks = blocks(RECORDS);
    let mut run = 0;
    for pair in blocks.windows(2) {
        let [(how, input), (then, expected)] = pair else { unreachable!() };
        let Some(action) = how.strip_prefix("json run ") else { continue };
        let input: Value =
            serde_json::from_str(&filled(input, &known)).unwrap_or_else(|error| panic!("{error}: {input}"));
        let answer = stage.run(action, input.clone());
        for (name, value) in answer.iter().filter_map(|output| output["record"].as_object()).flatten() {
            if name.ends_with("Id") && !value.is_null() {
                known.entry(name.clone()).or_insert_with(|| value.to_string());
            }
        }
        let expected: Value = serde_json::from_str(&filled(expected, &known)).unwrap();
        if let Some(wrong) = judge(&answer, then, &expected) {
            panic!("{action} {input}: {wrong}");
        }
        run += 1;
    }
    assert!(run >= 10, "{run}");
}

/// Words in a cell that are names of attributes.
fn attributes(cell: &str) -> Vec<&str> {
    let words = cell.split([',', ' ']).filter(|word| word.len() > 3 && *word != "REST");
    words.filter(|word| word.chars().any(char::is_uppercase) && word.chars().all(char::is_alphanumeric)).collect()
}

#[test]
fn what_is_to_carry_the_mark_may_stand_in_a_condition() {
    let stage = Stage::of(json!({"rows": 5}));
    let table = RECORDS.split("## Business keys").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let mut checked = 0;
    for row in rows {
        let [names, key, _, mark] = row.as_slice() else { panic!("{row:?}") };
        for resource in names.split(',').map(|name| name.trim().trim_matches('`')) {
            let described = stage.run("describe_resource", json!({"resource": resource})).unwrap();
            let text = described.to_string();
            for attribute in attributes(key.split(':').next().unwrap()).into_iter().chain(attributes(mark)) {
                let found = described["resource"]["attributes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|known| known["name"] == attribute);
                let known =
                    found.unwrap_or_else(|| panic!("{resource} has no {attribute}: {}", &text[..text.len().min(400)]));
                assert_eq!(known["queryable"], true, "{resource}.{attribute}");
                checked += 1;
            }
        }
    }
    assert!(checked > 15, "{checked}");
}
