use super::*;
use proptest::prelude::*;

fn kinds(name: &str) -> Option<Kind> {
    match name {
        "Id" => Some(Kind::Integer),
        "Amount" => Some(Kind::Number),
        "Name" => Some(Kind::String),
        "Day" => Some(Kind::Date),
        "Changed" => Some(Kind::Timestamp),
        "Flag" => Some(Kind::Boolean),
        _ => None,
    }
}

fn q(all: &str) -> Result<String> {
    let nodes: Vec<Node> = serde_json::from_str(all).unwrap();
    Ok(terms(&nodes, &[], &kinds, 4)?.join(";"))
}

#[test]
fn each_operator_has_its_form() {
    for (given, wanted) in [
        (r#"{"attribute":"Name","operator":"eq","value":"O'Neil; Sons"}"#, "Name = 'O''Neil; Sons'"),
        (r#"{"attribute":"Name","operator":"eq","value":4711}"#, "Name = '4711'"),
        (r#"{"attribute":"Id","operator":"ne","value":"300000046987012"}"#, "Id != 300000046987012"),
        (r#"{"attribute":"Amount","operator":"gt","value":0.10}"#, "Amount > 0.10"),
        (r#"{"attribute":"Amount","operator":"ge","value":-12345678901234567.89}"#, "Amount >= -12345678901234567.89"),
        (r#"{"attribute":"Day","operator":"lt","value":"2026-01-31"}"#, "Day < '2026-01-31'"),
        (
            r#"{"attribute":"Changed","operator":"le","value":"2026-01-20T12:00:00+02:00"}"#,
            "Changed <= '2026-01-20T10:00:00.000+00:00'",
        ),
        (
            r#"{"attribute":"Changed","operator":"ge","value":"2026-01-20"}"#,
            "Changed >= '2026-01-20T00:00:00.000+00:00'",
        ),
        (r#"{"attribute":"Flag","operator":"eq","value":true}"#, "Flag = true"),
        (r#"{"attribute":"Flag","operator":"eq","value":"Y"}"#, "Flag = 'Y'"),
        (r#"{"attribute":"Name","operator":"like","value":"ACME*"}"#, "Name like 'ACME*'"),
        (r#"{"attribute":"Name","operator":"not_like","value":"A%"}"#, "Name not like 'A%'"),
        (r#"{"attribute":"Name","operator":"in","value":["a","b'c"]}"#, "Name in ('a','b''c')"),
        (r#"{"attribute":"Id","operator":"not_in","value":[1,"2"]}"#, "Id not in (1,2)"),
        (r#"{"attribute":"Amount","operator":"between","value":[1,2.50]}"#, "Amount between 1 and 2.50"),
        (r#"{"attribute":"lines.Other","operator":"is_null"}"#, "lines.Other is null"),
        (r#"{"attribute":"Other","operator":"is_not_null"}"#, "Other is not null"),
        (
            r#"{"attribute":"Other","operator":"eq","value":"2026-01-20T12:00:00Z"}"#,
            "Other = '2026-01-20T12:00:00.000+00:00'",
        ),
    ] {
        assert_eq!(q(&format!("[{given}]")).unwrap(), wanted);
    }
}

#[test]
fn groups_nest() {
    let a = r#"{"attribute":"Id","operator":"eq","value":1}"#;
    let b = r#"{"attribute":"Id","operator":"eq","value":2}"#;
    for (given, wanted) in [
        (format!("[{a},{b}]"), "Id = 1;Id = 2"),
        (format!(r#"[{{"any":[{a},{b}]}},{a}]"#), "(Id = 1 or Id = 2);Id = 1"),
        (format!(r#"[{{"any":[{{"all":[{a},{b}]}},{b}]}}]"#), "(Id = 1 and Id = 2 or Id = 2)"),
        (format!(r#"[{{"all":[{{"any":[{a},{b}]}},{b}]}}]"#), "((Id = 1 or Id = 2) and Id = 2)"),
        (format!(r#"[{{"any":[{a}]}}]"#), "Id = 1"),
    ] {
        assert_eq!(q(&given).unwrap(), wanted);
    }
}

#[test]
fn faults_are_told_with_their_pointers() {
    for (given, pointer) in [
        (r#"[{"attribute":"Id","operator":"eq"}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id","operator":"eq","value":null}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id","operator":"eq","value":"x"}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id","operator":"eq","value":1.5}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id","operator":"eq","value":1234567890123456789}]"#, "/all/0/value"),
        (r#"[{"attribute":"Flag","operator":"eq","value":1}]"#, "/all/0/value"),
        (r#"[{"attribute":"Amount","operator":"eq","value":true}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id = 1 or Id","operator":"eq","value":1}]"#, "/all/0/attribute"),
        (r#"[{"attribute":"Id"}]"#, "/all/0/operator"),
        (r#"[{"any":[{"attribute":"Day","operator":"eq","value":"31.1.2026"}]}]"#, "/all/0/any/0/value"),
        (r#"[{"any":[]}]"#, "/all/0/any"),
        (r#"[{"any":[],"all":[]}]"#, "/all/0"),
        (r#"[{"attribute":"Id","operator":"in","value":[]}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id","operator":"in","value":[1,{}]}]"#, "/all/0/value/1"),
        (r#"[{"attribute":"Id","operator":"between","value":[1]}]"#, "/all/0/value"),
        (r#"[{"attribute":"Id","operator":"is_null","value":1}]"#, "/all/0/value"),
    ] {
        let failure = q(given).unwrap_err();
        assert_eq!(failure.problem.fields.first().unwrap().pointer, pointer, "{given}");
    }
}

#[test]
fn finders_keep_their_separators_and_encode_their_values() {
    let text = r#"{"name":"F","variables":{"Id":1,"Day":"2026-01-01","Name":"a;b","Who":"O'N&l"}}"#;
    let given: Finder = serde_json::from_str(text).unwrap();
    assert_eq!(finder(&given).unwrap(), "F;Id=1,Day=2026-01-01,Name=%22a%3Bb%22,Who=O%27N%26l");
}

#[test]
fn the_key_makes_an_order_total() {
    let orders: Vec<Order> =
        serde_json::from_str(r#"[{"attribute":"A","direction":"desc"},{"attribute":"B"}]"#).unwrap();
    assert_eq!(order_by(&orders, Some("Id")).unwrap().unwrap(), "A:desc,B:asc,Id:asc");
    assert_eq!(order_by(&orders, Some("B")).unwrap().unwrap(), "A:desc,B:asc");
    assert_eq!(order_by(&[], None).unwrap(), None);
}

proptest! {
    /// No text can leave its quotes: what the pod unquotes is what was given.
    #[test]
    fn text_stays_inside_its_quotes(text in "\\PC{0,40}") {
        let given = format!(r#"[{{"attribute":"Name","operator":"eq","value":{}}}]"#, serde_json::to_string(&text).unwrap());
        let made = q(&given).unwrap();
        let inner = made.strip_prefix("Name = '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        prop_assert_eq!(inner.replace("''", "\u{0}").matches('\'').count(), 0);
        prop_assert_eq!(inner.replace("''", "'"), text);
    }

    #[test]
    fn numbers_keep_their_spelling(whole in "-?(0|[1-9][0-9]{0,30})", fraction in "(\\.[0-9]{1,20})?") {
        let number = format!("{whole}{fraction}");
        let made = q(&format!(r#"[{{"attribute":"Amount","operator":"eq","value":{number}}}]"#)).unwrap();
        prop_assert_eq!(made, format!("Amount = {number}"));
    }

    #[test]
    fn any_name_is_taken_or_refused(name in "\\PC{0,20}") {
        let given = format!(r#"[{{"attribute":{},"operator":"is_null"}}]"#, serde_json::to_string(&name).unwrap());
        if let Ok(made) = q(&given) {
            prop_assert!(!made.trim_end_matches(" is null").contains([' ', '=', '\'', ';', '(']));
        }
    }
}
