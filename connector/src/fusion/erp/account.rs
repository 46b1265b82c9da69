//! Accounts of content management in their two spellings (FACTS 3.5).

/// The spelling that REST wants, `fin$/payables$/import$`: with the other one the document gets no id (F2).
pub fn dollars(account: &str) -> String {
    let parts = account.trim().trim_matches('/').split('/').map(|part| part.trim().trim_end_matches('$'));
    parts.filter(|part| !part.is_empty()).map(|part| format!("{part}$")).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn all_spellings_come_to_one() {
        for account in
            ["fin/payables/import", "fin$/payables$/import$", "fin$/payables$/import", "/fin/payables/import/"]
        {
            assert_eq!(dollars(account), "fin$/payables$/import$");
        }
        assert_eq!(dollars(" "), "");
    }
}
