//! Amounts of an invoice, exactly: the sum of its lines, and whether another invoice has the same.
//!
//! Amounts are added as whole numbers of a millionth of a millionth, never as floating-point numbers.

use serde_json::value::RawValue;

use crate::contract::Warning;
use crate::fusion::record::{pick, plain};
use crate::fusion::write::compare::{self, number};
use crate::problem::{Failure, Result, warning};

/// Decimal places that are counted.
const PLACES: i64 = 12;

/// What makes two invoices the same, beside number and supplier, whatever the pod tells of it.
const COMPARED: [&str; 7] =
    ["BusinessUnit", "Supplier", "SupplierSite", "InvoiceType", "InvoiceDate", "InvoiceCurrency", "InvoiceAmount"];
/// What the pod numbers and fills by itself, whatever was sent (W3, FACTS 4.1).
const DERIVED: [&str; 3] = ["DocumentSequence", "ReferenceKeyFive", "VoucherNumber"];

/// Refuses an invoice whose lines do not add up to its amount; one without lines is taken as it is.
///
/// # Errors
/// `invalid-input` with both sums.
pub fn add_up(invoice: &str) -> Result<()> {
    let [amount, lines, tax] = pick(invoice, ["InvoiceAmount", "invoiceLines", "calculated_tax"]);
    let lines = rows(lines);
    if lines.is_empty() {
        return Ok(());
    }
    let mut sum = tax.map_or(Ok(0), |tax| exact(tax, "/calculated_tax"))?;
    for (index, line) in lines.iter().enumerate() {
        let at = format!("/invoiceLines/{index}/LineAmount");
        let [one] = pick(line.get(), ["LineAmount"]);
        let one = one.ok_or_else(|| Failure::invalid(at.clone(), "LineAmount is missing"))?;
        sum = sum
            .checked_add(exact(one, &at)?)
            .ok_or_else(|| Failure::invalid(at, "the sum of the lines is too large"))?;
    }
    let whole = amount.map_or(Ok(0), |amount| exact(amount, "/InvoiceAmount"))?;
    if whole == sum {
        return Ok(());
    }
    let taxed = if tax.is_some() { " and the tax" } else { "" };
    Err(Failure::invalid(
        "/InvoiceAmount",
        format!(
            "the invoice is {}, its lines{taxed} come to {}; the difference is {}",
            spelt(whole),
            spelt(sum),
            spelt(whole.saturating_sub(sum))
        ),
    )
    .remedy("Correct an amount or add the missing line (freight and tax may be lines of their own); tax that the pod is to calculate goes into calculated_tax."))
}

/// The same as a warning, where an invoice is created that the pod takes all the same.
pub fn unequal(invoice: &str) -> Option<Warning> {
    let failure = add_up(invoice).err()?;
    let field = failure.problem.fields.first().filter(|field| field.pointer == "/InvoiceAmount")?;
    let told = format!("The pod took the invoice, and {}: it cannot be validated like this.", field.message);
    Some(warning("lines_do_not_sum", told, None))
}

/// What differs between an invoice that was to be sent and one that is there, for people.
#[derive(Debug, Default, PartialEq)]
pub struct Differences {
    /// What makes it another invoice.
    pub other: Vec<String>,
    /// What may have been changed since, or told in other words.
    pub further: Vec<String>,
}

/// Compares the two; `stored` are the lines that are there.
pub fn differences(invoice: &str, found: &str, stored: &[String]) -> Differences {
    let mut differing = others(invoice, found);
    let [lines] = pick(invoice, ["invoiceLines"]);
    let lines = rows(lines);
    if lines.is_empty() {
        return differing;
    }
    let mut types: Vec<String> = lines.iter().map(|line| kind(line.get())).collect();
    types.dedup();
    let mut left: Vec<&String> = stored.iter().collect();
    for line in &lines {
        let amount = amount_of(line.get());
        let alike = left.iter().enumerate().filter(|(_, there)| value(&amount_of(there)) == value(&amount));
        let nearest = alike
            .map(|(at, there)| (at, others(line.get(), there)))
            .min_by_key(|(_, others)| others.other.len() + others.further.len());
        match nearest {
            Some((at, others)) => {
                left.remove(at);
                let of_line = |other: &String| format!("of the line of {amount} {other}");
                differing.further.extend(others.other.iter().chain(&others.further).map(of_line));
            }
            None => differing.other.push(format!("no line of {amount} is there")),
        }
    }
    // The pod adds lines of its own: tax and withholding.
    let extra = left.iter().filter(|there| types.contains(&kind(there)));
    differing.other.extend(extra.map(|there| format!("a line of {} is there, and was not sent", amount_of(there))));
    differing
}

/// What was given and is stored otherwise. What the pod has not told yet is null (W4).
fn others(sent: &str, found: &str) -> Differences {
    let mut differing = Differences::default();
    for mismatch in compare::mismatches(sent, found) {
        let name = mismatch.name.as_str();
        if mismatch.sent.trim().to_lowercase() == mismatch.stored.trim().to_lowercase() {
            continue;
        }
        if COMPARED.contains(&name) {
            differing.other.push(mismatch.told());
        } else if mismatch.stored != "null" && !DERIVED.contains(&name) {
            differing.further.push(mismatch.told());
        }
    }
    differing
}

fn rows(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn kind(line: &str) -> String {
    let [kind] = pick(line, ["LineType"]);
    kind.and_then(plain).unwrap_or_else(|| "Item".to_owned())
}

fn amount_of(line: &str) -> String {
    let [amount] = pick(line, ["LineAmount"]);
    amount.and_then(plain).unwrap_or_default()
}

fn value(amount: &str) -> Option<(bool, String, i64)> {
    number(amount)
}

/// An amount in units of 10⁻¹².
fn exact(raw: &RawValue, at: &str) -> Result<i128> {
    let read = || {
        let (negative, digits, exponent) = number(&plain(raw)?)?;
        if digits.is_empty() {
            return Some(0);
        }
        let power = u32::try_from(exponent.checked_add(PLACES)?).ok()?;
        let units = digits.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(power)?)?;
        Some(if negative { -units } else { units })
    };
    read().ok_or_else(|| Failure::invalid(at, format!("{} has more digits than an amount can have", raw.get())))
}

fn spelt(units: i128) -> String {
    let digits = format!("{:013}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(12)).unwrap_or((&digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let sign = if units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn invoice(amount: &str, lines: &[&str], more: &str) -> String {
        let lines: Vec<String> = lines.iter().map(|line| format!(r#"{{"LineAmount":{line}}}"#)).collect();
        format!(r#"{{"InvoiceAmount":{amount},"invoiceLines":[{}]{more}}}"#, lines.join(","))
    }

    #[test]
    fn lines_add_up_exactly_with_the_tax_that_is_told() {
        assert!(add_up(&invoice("0.3", &["0.1", "0.2"], "")).is_ok());
        assert!(add_up(&invoice("-12.50", &["-10", "-2.5"], "")).is_ok());
        assert!(add_up(&invoice("119", &["100"], r#","calculated_tax":19.00"#)).is_ok());
        assert!(add_up(r#"{"InvoiceAmount":5}"#).is_ok());
        let failure = add_up(&invoice("2212.75", &["2112.75"], "")).unwrap_err();
        assert!(
            failure
                .problem
                .message
                .contains("the invoice is 2212.75, its lines come to 2112.75; the difference is 100")
        );
        assert!(add_up(&invoice("1e400", &["1"], "")).is_err());
        assert!(add_up(&invoice("1", &["0.0000000000001"], "")).is_err());
    }

    #[test]
    fn lines_that_do_not_sum_are_a_warning_where_the_pod_takes_them() {
        let told = unequal(r#"{"InvoiceAmount":"10.00","invoiceLines":[{"LineAmount":4}]}"#).unwrap();
        assert_eq!(told.code, "lines_do_not_sum");
        assert!(
            told.message.contains("the invoice is 10, its lines come to 4; the difference is 6"),
            "{}",
            told.message
        );
        assert!(unequal(r#"{"InvoiceAmount":"10.00","invoiceLines":[{"LineAmount":10}]}"#).is_none());
        assert!(unequal(r#"{"InvoiceAmount":10,"invoiceLines":[{"Description":"x"}]}"#).is_none());
    }

    #[test]
    fn every_difference_is_told_and_lines_of_the_pod_itself_are_none() {
        let sent = r#"{"BusinessUnit":"US1","Supplier":"lee","InvoiceDate":"2026-02-01","InvoiceAmount":10,"Description":"x","invoiceLines":[{"LineAmount":4},{"LineAmount":6.0}]}"#;
        let found = r#"{"BusinessUnit":"US2","Supplier":"Lee","InvoiceDate":"2026-02-01","InvoiceAmount":10.00,"Description":"y"}"#;
        let stored = [
            r#"{"LineAmount":6,"LineType":"Item"}"#,
            r#"{"LineAmount":5,"LineType":"Item"}"#,
            r#"{"LineAmount":1,"LineType":"Tax"}"#,
        ];
        let stored: Vec<String> = stored.map(str::to_owned).to_vec();
        let differing = differences(sent, found, &stored);
        assert_eq!(
            differing.other,
            [
                r#"BusinessUnit is "US2", sent was "US1""#,
                "no line of 4 is there",
                "a line of 5 is there, and was not sent"
            ]
        );
        assert_eq!(differing.further, [r#"Description is "y", sent was "x""#]);
    }

    #[test]
    fn further_fields_are_told_where_the_pod_tells_them_and_does_not_derive_them() {
        let sent = r#"{"Description":"x","PaymentTerms":"Net 30","VoucherNumber":7,"RequesterId":5,"invoiceLines":[
            {"LineAmount":5,"Description":"b"},{"LineAmount":5.0,"Description":"a","ProjectNumber":"P1"}]}"#;
        let found = r#"{"Description":"X","PaymentTerms":"Immediate","VoucherNumber":8,"RequesterId":null}"#;
        let stored =
            [r#"{"LineAmount":5,"Description":"a","ProjectNumber":"P2"}"#, r#"{"LineAmount":5,"Description":"b"}"#];
        let differing = differences(sent, found, &stored.map(str::to_owned));
        assert!(differing.other.is_empty());
        assert_eq!(
            differing.further,
            [
                r#"PaymentTerms is "Immediate", sent was "Net 30""#,
                r#"of the line of 5.0 ProjectNumber is "P2", sent was "P1""#
            ]
        );
    }

    proptest! {
        #[test]
        fn cents_add_up(amounts in proptest::collection::vec(-1_000_000_000i64..1_000_000_000, 1..20)) {
            let cents = |amount: i64| format!("{}{}.{:02}", if amount < 0 { "-" } else { "" }, amount.abs() / 100, amount.abs() % 100);
            let lines: Vec<String> = amounts.iter().map(|amount| cents(*amount)).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let sum: i64 = amounts.iter().sum();
            prop_assert!(add_up(&invoice(&cents(sum), &lines, "")).is_ok());
            prop_assert!(add_up(&invoice(&cents(sum + 1), &lines, "")).is_err());
        }
    }
}
