//! One record of an interface file: a line, cut into fields as the loader cuts it (FACTS 3.6).
//!
//! A record ends with its line, also within quotes: that is why line breaks stand as `\n` in a text. Never judges a
//! value.

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// A quote that never closes.
    #[error("second enclosure string not present")]
    Unclosed,
    /// Something other than a comma after the closing quote.
    #[error("no terminator found after TERMINATED and ENCLOSED field")]
    Unterminated,
}

/// The fields of a line; `None` for an empty one. On failure, the place of the field as well.
pub(crate) fn fields(line: &str) -> Result<Vec<Option<String>>, (usize, Broken)> {
    let mut found = Vec::new();
    let mut rest = line;
    loop {
        let field = rest.trim_start_matches([' ', '\t']);
        if let Some(quoted) = field.strip_prefix('"') {
            let (value, after) = enclosed(quoted).ok_or((found.len(), Broken::Unclosed))?;
            found.push(Some(value).filter(|value| !value.is_empty()));
            let after = after.trim_start_matches([' ', '\t']);
            if after.is_empty() {
                return Ok(found);
            }
            rest = after.strip_prefix(',').ok_or((found.len() - 1, Broken::Unterminated))?;
            continue;
        }
        let (value, after) = rest.split_once(',').map_or((rest, None), |(value, after)| (value, Some(after)));
        found.push(Some(value.to_owned()).filter(|value| !value.is_empty()));
        match after {
            Some(after) => rest = after,
            None => return Ok(found),
        }
    }
}

/// The text up to the closing quote, doubled ones halved, and what stands behind it.
fn enclosed(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        value.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                value.push('"');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn cut(line: &str) -> Vec<String> {
        fields(line).unwrap().into_iter().map(Option::unwrap_or_default).collect()
    }

    #[test]
    fn quotes_hold_commas_and_doubled_quotes() {
        assert_eq!(cut(r#""a, b",c,"say ""x""",, 7 "#), ["a, b", "c", "say \"x\"", "", " 7 "]);
        assert_eq!(cut(r#"  "a" ,b"#), ["a", "b"]);
        assert_eq!(cut("a;b;c"), ["a;b;c"]);
        assert_eq!(cut(""), [""]);
        assert_eq!(cut("a,"), ["a", ""]);
    }

    #[test]
    fn a_broken_quote_is_told_with_its_field() {
        assert_eq!(fields(r#"a,"b,c"#), Err((1, Broken::Unclosed)));
        assert_eq!(fields(r#""a"b,c"#), Err((0, Broken::Unterminated)));
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(values in proptest::collection::vec("[^\r\n]{0,12}", 1..8)) {
            let line: Vec<String> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            prop_assert_eq!(cut(&line.join(",")), values);
        }

        #[test]
        fn any_line_is_cut_or_refused(line in "[^\n]{0,40}") {
            let _ = fields(&line);
        }
    }
}
