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
mod tests {
    use super::*;

    #[test]
    fn the_longest_code_counts() {
        assert_eq!(of("Invalid supplier site").map(|(code, _)| code), Some("INVALID SUPPLIER SITE"));
        assert_eq!(of("INVALID SUPPLIER").map(|(code, _)| code), Some("INVALID SUPPLIER"));
        assert_eq!(of("no idea"), None);
    }
}
