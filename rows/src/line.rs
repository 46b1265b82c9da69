//! JSON on one line.

use crate::tokens::Tokens;

/// Appends a JSON text without the blanks between its parts; everything else stays as it was spelt. Answers whether
/// it could: a string that is broken is for others to tell of, and then what was appended is of no use.
pub fn one_line(text: &str, out: &mut String) -> bool {
    let mut tokens = Tokens::new(text.as_bytes(), 0);
    let (mut from, mut seen) = (0, 0);
    while let Some((base, mut blanks)) = tokens.blanks() {
        seen = base + crate::block::BLOCK;
        while blanks != 0 {
            let at = base + usize::try_from(blanks.trailing_zeros()).unwrap_or_default();
            if at > from {
                out.push_str(text.get(from..at.min(text.len())).unwrap_or_default());
            }
            from = at + 1;
            blanks &= blanks - 1;
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
    seen >= text.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_stands_between_the_parts_goes() {
        let mut out = String::new();
        assert!(one_line("{\n  \"a b\" : [ 1,\t0.10 ],\r\n \"c\\\" d\" : \"  \" }\n", &mut out));
        assert_eq!(out, r#"{"a b":[1,0.10],"c\" d":"  "}"#);
        assert!(!one_line("\"\n\"", &mut out));
    }

    proptest! {
        #[test]
        fn it_is_what_a_compact_writer_writes(text in "[ -~\\n\\té]{0,90}", numbers in proptest::collection::vec(any::<i64>(), 0..9)) {
            let value = serde_json::json!({"a": numbers, "b": {"c": text}, "d": [[], {}]});
            let mut out = String::new();
            prop_assert!(one_line(&serde_json::to_string_pretty(&value).unwrap(), &mut out));
            prop_assert_eq!(out, value.to_string());
        }
    }
}
