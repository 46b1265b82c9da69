//! Values that a pod takes and keeps as something else than was meant: keys with blanks around them, which are
//! other keys, and amounts with more digits than it keeps. It knows values alone and asks nobody.

use serde_json::value::RawValue;

use super::compare::{members, number};
use crate::contract::FieldProblem;
use crate::fusion::record::{pick, plain};
use crate::text::shorten;

/// Digits before the point: whole numbers have no more (FACTS 1.12).
const WHOLE: i64 = 18;
/// Currencies by the decimals of ISO 4217. One that stands nowhere here is left to the pod.
const NONE: &str = "CLP JPY KRW PYG VND XAF XOF XPF";
const TWO: &str = "AED ARS AUD BDT BGN BRL CAD CHF CNY COP CZK DKK EGP EUR GBP GHS HKD HUF IDR ILS INR KES KZT LKR MAD MXN MYR NGN NOK NZD PEN PHP PKR PLN QAR RON RUB SAR SEK SGD THB TRY TWD UAH USD ZAR";
const THREE: &str = "BHD JOD KWD OMR TND";

/// Key values with blanks around them: a pod stores `"F-1 "` beside `"F-1"`. `at` is the record's JSON pointer.
pub fn keys(record: &str, at: &str, names: &[&str]) -> Vec<FieldProblem> {
    let blank = |letter: char| letter.is_whitespace() || matches!(letter, '\u{200b}' | '\u{feff}');
    let fault = |(name, raw): (String, &RawValue)| {
        let value = plain(raw).filter(|_| names.contains(&name.as_str()) && raw.get().starts_with('"'))?;
        let bare = value.trim_matches(blank);
        let message = match bare {
            _ if bare.len() == value.len() => return None,
            "" => format!("{name} holds nothing but blanks"),
            _ => {
                format!("{name} has blanks around it, which makes it another key; write it as {:?}", shorten(bare, 80))
            }
        };
        Some(FieldProblem { pointer: format!("{at}/{name}"), message })
    };
    members(record).into_iter().filter_map(fault).collect()
}

/// Amounts of an invoice, or of its lines, with more digits than it keeps. `at` is the JSON pointer; `stored` is
/// the currency that the invoice has, where none is sent with it.
pub fn amounts(invoice: &str, at: &str, stored: Option<&str>) -> Vec<FieldProblem> {
    let currency = currency(invoice).or(stored.map(str::to_owned)).unwrap_or_default();
    let mut faults = Vec::new();
    within(invoice, at, &currency, &mut faults);
    faults
}

/// The currency of an invoice.
pub fn currency(invoice: &str) -> Option<String> {
    let [currency] = pick(invoice, ["InvoiceCurrency"]);
    currency.and_then(plain).filter(|currency| !currency.is_empty())
}

fn within(row: &str, at: &str, currency: &str, faults: &mut Vec<FieldProblem>) {
    for (name, raw) in members(row) {
        let at = format!("{at}/{name}");
        match name.as_str() {
            "InvoiceAmount" | "LineAmount" | "DistributionAmount" => {
                let message = plain(raw).and_then(|amount| too_fine(&amount, currency));
                faults.extend(message.map(|message| FieldProblem { pointer: at, message }));
            }
            "invoiceLines" | "invoiceDistributions" => {
                let rows: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
                for (index, row) in rows.iter().enumerate() {
                    within(row.get(), &format!("{at}/{index}"), currency, faults);
                }
            }
            _ => {}
        }
    }
}

fn too_fine(amount: &str, currency: &str) -> Option<String> {
    let (_, digits, exponent) = number(amount)?;
    let places = [(NONE, 0_i64), (TWO, 2), (THREE, 3)];
    let places = places.into_iter().find(|(list, _)| list.split(' ').any(|one| one == currency));
    let shown = shorten(amount, 60);
    if let Some((_, most)) = places.filter(|(_, most)| exponent < -most) {
        return Some(format!("{shown} has more decimals than amounts in {currency} have ({most})"));
    }
    too_long(&digits, exponent).then(|| format!("{shown} has more than {WHOLE} digits before the point"))
}

/// Whether a number has more digits before its point than any that a pod keeps.
pub fn too_long(digits: &str, exponent: i64) -> bool {
    i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_add(exponent) > WHOLE
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_key_are_told_with_the_key_that_was_meant() {
        for value in [" F-1", "F-1 ", "\\tF-1", "F-1\\n", "F-1\u{a0}", "\u{feff}F-1"] {
            let told = keys(&format!(r#"{{"Number":"{value}"}}"#), "/record", &["Number"]);
            assert_eq!((told.len(), told[0].pointer.as_str()), (1, "/record/Number"), "{value}");
            assert!(told[0].message.ends_with("write it as \"F-1\""), "{}", told[0].message);
        }
        assert!(keys(r#"{"Number":"  "}"#, "", &["Number"])[0].message.contains("nothing but blanks"));
        assert!(keys(r#"{"Number":"F 1","Other":" x","Id":7}"#, "", &["Number", "Id"]).is_empty());
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, fits) in [
            ("10.005", "USD", false),
            ("10.050", "USD", true),
            ("\"10.005\"", "EUR", false),
            ("10.5", "JPY", false),
            ("1e3", "JPY", true),
            ("1.125", "KWD", true),
            ("1.1255", "KWD", false),
            ("1.12345", "XYZ", true),
            ("99999999999999999999", "XYZ", false),
            ("999999999999999999", "USD", true),
        ] {
            let told = amounts(
                &format!(r#"{{"InvoiceCurrency":"{currency}","InvoiceAmount":{amount},"Rate":1.23456}}"#),
                "/record",
                None,
            );
            assert_eq!(told.is_empty(), fits, "{amount} {currency} {told:?}");
        }
        let told = amounts(
            r#"{"InvoiceCurrency":"USD","invoiceLines":[{"LineAmount":1},{"LineAmount":1.001,"invoiceDistributions":[{"DistributionAmount":0.001}]}]}"#,
            "",
            None,
        );
        let told: Vec<&str> = told.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(told, ["/invoiceLines/1/LineAmount", "/invoiceLines/1/invoiceDistributions/0/DistributionAmount"]);
    }
}
