//! Small help with words that people read.

/// At most `most` characters, with a mark where something was cut.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// With a full stop, so that another sentence may follow: what a pod says may end without.
pub fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches(['.', ' ']))
}

/// The names that `name` may have been meant to be, the nearest first, at most `most`.
///
/// Case does not count, and neither do a few letters: as many as a third of the name.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>, most: usize) -> Vec<&'n str> {
    let wanted: Vec<char> = name.to_lowercase().chars().take(64).collect();
    let allowed = (wanted.len() / 3).max(1);
    let mut found: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let letters: Vec<char> = lower.chars().take(64).collect();
            let distance = distance(&wanted, &letters);
            let inside =
                wanted.len() >= 4 && (lower.contains(&name.to_lowercase()) || name.to_lowercase().contains(&lower));
            (distance <= allowed || inside).then_some((distance, candidate))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// Levenshtein distance.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        let mut next = vec![before];
        for (b, above) in right.iter().zip(row.iter().skip(1)) {
            let cost = if a == b { diagonal } else { diagonal.min(before).min(*above) + 1 };
            diagonal = *above;
            before = cost;
            next.push(cost);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = ["search_records", "get_record", "create_record", "create_invoice"];
        assert_eq!(nearest("create_invoce", known.into_iter(), 2), ["create_invoice"]);
        assert_eq!(nearest("Get_Record", known.into_iter(), 1), ["get_record"]);
        assert_eq!(nearest("invoice", known.into_iter(), 2), ["create_invoice"]);
        assert!(nearest("zzz", known.into_iter(), 2).is_empty());
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shorten("Müller", 2), "Mü…");
        assert_eq!(shorten("Mü", 2), "Mü");
    }
}
