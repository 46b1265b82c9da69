//! YAML text to [`Exact`], by the core schema of YAML 1.2, numbers as they are spelt.
//!
//! A plain scalar that YAML calls a number and JSON does not (`0x1F`, `+1`, `.5`, `.inf`, `007`) is refused
//! rather than respelt: whoever means text writes quotes.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::{Exact, NotExact};

/// How many values one document may unfold to; bounds what aliases of aliases can do.
const MOST_VALUES: usize = 1_000_000;

/// How deep it may nest.
const DEEPEST: usize = 100;

/// A collection that is still open, with its anchor.
enum Open {
    List(usize, Vec<Exact>),
    Map(usize, Vec<(String, Exact)>, Option<String>),
}

/// Reads one YAML document, of which JSON is nearly a subset.
///
/// # Errors
/// [`NotExact`] with the line where the text is not YAML, holds a second document, a name that is not text,
/// or a number that JSON does not know.
pub fn parse(text: &str) -> Result<Exact, NotExact> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder { open: Vec::new(), anchors: HashMap::new(), values: 0, root: None };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| NotExact(error.to_string()))?;
        let line = span.start.line();
        builder.take(event).map_err(|NotExact(message)| NotExact(format!("{message} (line {line})")))?;
    }
    builder.root.ok_or_else(|| NotExact("it is empty".to_owned()))
}

struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Exact, usize)>,
    values: usize,
    root: Option<Exact>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), NotExact> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain { plain_scalar(&text)? } else { Exact::Text(text.into_owned()) };
                self.put(anchor, value, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.push(Open::List(anchor, Vec::new())),
            Event::MappingStart(_, anchor, _) => self.push(Open::Map(anchor, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(anchor, items)) => self.put(anchor, Exact::Array(items), 1),
                Some(Open::Map(anchor, members, _)) => self.put(anchor, Exact::Object(members), 1),
                None => Err(NotExact("a collection ends that never began".to_owned())),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((value, size)) => self.put(0, value, size),
                None => Err(NotExact("an alias stands inside what it names".to_owned())),
            },
            Event::UnresolvedAlias(name) => Err(NotExact(format!("the alias *{name} names nothing"))),
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(NotExact("a second document begins; one file holds one".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn push(&mut self, open: Open) -> Result<(), NotExact> {
        if self.open.len() >= DEEPEST {
            return Err(NotExact(format!("it nests deeper than {DEEPEST}")));
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, anchor: usize, value: Exact, size: usize) -> Result<(), NotExact> {
        self.values += size;
        if self.values > MOST_VALUES {
            return Err(NotExact(format!("it unfolds to more than {MOST_VALUES} values")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), count(&value)));
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(_, items)) => items.push(value),
            Some(Open::Map(_, members, name)) => match name.take() {
                Some(name) => members.push((name, value)),
                None => {
                    let new = match value {
                        Exact::Text(text) | Exact::Number(text) => text,
                        Exact::Bool(value) => value.to_string(),
                        Exact::Null => "null".to_owned(),
                        other => return Err(NotExact(format!("a name is {}", other.kind()))),
                    };
                    if members.iter().any(|(name, _)| *name == new) {
                        return Err(NotExact(format!("the name `{new}` stands twice")));
                    }
                    *name = Some(new);
                }
            },
        }
        Ok(())
    }
}

fn count(value: &Exact) -> usize {
    1 + match value {
        Exact::Array(items) => items.iter().map(count).sum(),
        Exact::Object(members) => members.iter().map(|(_, value)| count(value)).sum(),
        _ => 0,
    }
}

fn plain_scalar(text: &str) -> Result<Exact, NotExact> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Exact::Null,
        "true" | "True" | "TRUE" => Exact::Bool(true),
        "false" | "False" | "FALSE" => Exact::Bool(false),
        _ if is_json_number(text) => Exact::Number(text.to_owned()),
        _ if is_yaml_number(text) => {
            return Err(NotExact(format!(
                "`{text}` is a number in YAML and none in JSON: write it as JSON does, or in quotes if it is text"
            )));
        }
        _ => Exact::Text(text.to_owned()),
    })
}

/// The grammar of RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// Numbers of the core schema (YAML 1.2.2, section 10.3.2).
fn is_yaml_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let all = |text: &str, digit: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(digit);
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |b| (b'0'..=b'7').contains(b));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return all(hex, u8::is_ascii_hexdigit);
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !(whole.is_empty() && fraction.is_empty())
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(|text| {
            let text = text.strip_prefix(['+', '-']).unwrap_or(text);
            !text.is_empty() && digits(text)
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn numbers_keep_their_spelling() {
        assert_eq!(
            json("id: 300000012345678901\namount: 0.10\nrate: 1e5\n"),
            r#"{"id":300000012345678901,"amount":0.10,"rate":1e5}"#
        );
    }

    #[test]
    fn quotes_and_blocks_are_text_as_written() {
        assert_eq!(
            json("a: '12'\nb: \"x\\ty\"\nc: |\n  {\"n\": 1.0}\n  next\n"),
            "{\"a\":\"12\",\"b\":\"x\\ty\",\"c\":\"{\\\"n\\\": 1.0}\\nnext\\n\"}"
        );
    }

    #[test]
    fn dates_words_and_paths_are_text() {
        assert_eq!(
            json("[2024-01-31, 12:30, yes, /a/b?c=1, 1.2.3, 0012x]"),
            r#"["2024-01-31","12:30","yes","/a/b?c=1","1.2.3","0012x"]"#
        );
        assert_eq!(json("[~, null, true, False]"), "[null,null,true,false]");
    }

    #[test]
    fn a_number_that_would_change_is_refused_with_its_line() {
        for text in ["0x1F", "+1", ".5", "5.", "-.inf", "007", "0o17", ".nan"] {
            let error = parse(&format!("a: 1\nb: {text}\n")).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("line 2") && error.contains("quotes"), "{error}");
        }
    }

    #[test]
    fn aliases_unfold_within_bounds() {
        assert_eq!(json("a: &x {n: 1}\nb: *x\n"), r#"{"a":{"n":1},"b":{"n":1}}"#);
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..8 {
            let below = level - 1;
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(",")));
        }
        assert!(parse(&bomb).unwrap_err().to_string().contains("unfolds"));
    }

    #[test]
    fn empty_broken_doubled_and_deep_are_refused() {
        assert!(parse("").is_err());
        assert!(parse("a: [1").is_err());
        assert!(parse("a: 1\na: 2\n").unwrap_err().to_string().contains("twice"));
        assert!(parse("---\na\n---\nb\n").is_err());
        assert!(parse(&"[".repeat(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn json_is_read_as_yaml_to_the_same(numbers in prop::collection::vec("-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,9})?", 0..5), text in "[ -~]*") {
            let value = Exact::Object(vec![
                ("numbers".to_owned(), Exact::Array(numbers.into_iter().map(Exact::Number).collect())),
                ("text".to_owned(), Exact::Text(text)),
            ]);
            prop_assert_eq!(parse(&value.pretty()).unwrap(), value);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
