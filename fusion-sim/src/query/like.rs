//! Patterns of `like`: `*` and `%` stand for any run of characters, everything else for itself (FACTS 1.5).

/// A pattern, cut at its wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self { parts: text.split(['*', '%']).map(str::to_owned).collect() }
    }

    /// How many characters a text has to begin with.
    pub(super) fn literal_start(&self) -> usize {
        self.parts.first().map_or(0, |part| part.chars().count())
    }

    /// Whether the whole text matches, case-sensitively.
    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        for part in middle {
            let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
            rest = after;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn wildcards_match_any_run() {
        for (pattern, text, matches) in [
            ("ACME*", "ACME INC", true),
            ("ACME*", "ACME", true),
            ("%ki%", "Kiki", true),
            ("%Ki%", "kiki", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("plain", "plain", true),
            ("plain", "plainly", false),
            ("*", "", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} on {text}");
        }
    }
}
