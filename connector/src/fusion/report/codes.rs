//! Codes of rejections and what to do about each.

use std::sync::LazyLock;

use crate::packed;

static TABLE: LazyLock<String> = LazyLock::new(|| packed::text("codes.txt"));

/// Code and remedy of what the pod said, which may be the code or a sentence that holds it.
pub fn of(said: &str) -> Option<(&'static str, &'static str)> {
    let upper = said.to_uppercase();
    let rows = TABLE.lines().filter_map(|line| line.split_once('\t'));
    let mut best: Option<(&str, &str)> = None;
    for (code, remedy) in rows {
        // The longest: INVALID SUPPLIER is a part of INVALID SUPPLIER SITE.
        if upper.contains(code) && best.is_none_or(|(other, _)| code.len() > other.len()) {
            best = Some((code, remedy));
        }
    }
    best
}

/// The remedy for a code; a general one where it is not known.
pub fn remedy(code: &str, message: &str) -> &'static str {
    of(code).or_else(|| of(message)).map_or(
        "Look the code up in the job's log, correct the row in rejected_file, and load that file.",
        |(_, remedy)| remedy,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_docs_is_the_table_of_codes() {
        let docs = include_str!("../../../../docs/bulk-import.md");
        let (_, section) = docs.split_once("\n## Codes of rejections\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
        let codes = TABLE.lines().filter_map(|line| line.split_once('\t'));
        assert_eq!(rows.collect::<Vec<_>>(), codes.collect::<Vec<_>>());
    }

    #[test]
    fn the_longest_code_counts() {
        assert_eq!(of("Invalid supplier site").map(|(code, _)| code), Some("INVALID SUPPLIER SITE"));
        assert_eq!(of("INVALID SUPPLIER").map(|(code, _)| code), Some("INVALID SUPPLIER"));
        assert_eq!(of("no idea"), None);
    }
}
