//! Values that stand as loaders take them, as nearly all do: recognised, and added up, without a text being made.

/// Whether two texts are the same: eight bytes at a time, where a guest's `memcmp` takes one.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    let ((ones, rest), (others, last)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let eights = |(one, other): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other);
    one.len() == other.len() && ones.iter().zip(others).all(eights) && rest.iter().eq(last)
}

/// Whether it is a real day as `YYYY/MM/DD`.
pub fn is_day(bytes: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'/', m1, m2, b'/', d1, d2] = bytes else { return false };
    let digit = |byte: &u8| u32::from(byte.wrapping_sub(b'0'));
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2].map(digit);
    if digits.iter().any(|digit| *digit > 9) {
        return false;
    }
    let [y1, y2, y3, y4, m1, m2, d1, d2] = digits;
    let (year, month, day) = (y1 * 1000 + y2 * 100 + y3 * 10 + y4, m1 * 10 + m2, d1 * 10 + d2);
    year >= 1000 && (1..=days(year, month)).contains(&day)
}

/// Days of a month; none where there is no such month.
pub fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// Whether it is `-?digits(.digits)?`; a point may be the last.
pub fn is_decimal(bytes: &[u8]) -> bool {
    let mut digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let mut point = false;
    let mut any = false;
    // Most of a long number at once.
    while let Some((_, rest)) = digits.split_first_chunk::<8>().filter(|(eight, _)| are_digits(**eight)) {
        (any, digits) = (true, rest);
    }
    for byte in digits {
        match byte {
            b'0'..=b'9' => any = true,
            b'.' if any && !point => point = true,
            _ => return false,
        }
    }
    any
}

/// Whether all eight are digits: the upper half of each byte is 3, and stays so when 6 is added.
fn are_digits(eight: [u8; 8]) -> bool {
    const UPPER: u64 = u64::from_ne_bytes([0xF0; 8]);
    const THREES: u64 = u64::from_ne_bytes([0x30; 8]);
    let word = u64::from_ne_bytes(eight);
    word & UPPER == THREES && word.wrapping_add(u64::from_ne_bytes([6; 8])) & UPPER == THREES
}

/// Whether it is a decimal ([`is_decimal`]), and none as `1.500`, whose point may part thousands.
pub fn is_clear_decimal(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let thousands = match digits {
        [b'0', b'.', _, _, _] => false,
        [_, b'.', _, _, _] | [_, _, b'.', _, _, _] | [_, _, _, b'.', _, _, _] => true,
        _ => false,
    };
    !thousands && is_decimal(bytes)
}

/// Decimal places that sums keep.
const PLACES: usize = 12;

/// One, in units.
pub const ONE: i128 = 1_000_000_000_000;

/// Powers of ten up to that.
const POWERS: [u64; PLACES + 1] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
];

/// A plain decimal in units of 10^-12; `None` where it is none, or has more places or digits than that holds.
pub fn units(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    // Nearly all numbers fit 64 bits, and of eighteen digits none overflows: a product that is checked for that is
    // one of 128 bits, which a guest does not have.
    let (mut value, mut wide, mut places, mut point) = (0_u64, 0_i128, 0, false);
    let mut held = 0;
    for byte in digits {
        match byte {
            b'0'..=b'9' if point && places == PLACES => (*byte == b'0').then_some(())?,
            b'0'..=b'9' => {
                if held == 18 {
                    wide = carried(wide, value, 18)?;
                    (value, held) = (0, 0);
                }
                value = value.wrapping_mul(10).wrapping_add(u64::from(*byte - b'0'));
                held += 1;
                places += usize::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if digits.is_empty() {
        return None;
    }
    let scale = *POWERS.get(PLACES - places)?;
    let value = if wide == 0 && value.leading_zeros() + scale.leading_zeros() >= 64 {
        // It cannot overflow, and a product of 128 bits is a call in a guest.
        i128::from(value.wrapping_mul(scale))
    } else {
        carried(wide, value, held)?.checked_mul(i128::from(scale))?
    };
    Some(if negative { -value } else { value })
}

/// What was read with `digits` more behind it.
fn carried(wide: i128, value: u64, digits: u32) -> Option<i128> {
    wide.checked_mul(10_i128.pow(digits))?.checked_add(i128::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_exact_to_the_last_place() {
        assert_eq!(units(b"1.5"), Some(1_500_000_000_000));
        assert_eq!(units(b"-0.000000000001"), Some(-1));
        assert_eq!(units(b"123456789012345678901234.5"), Some(123_456_789_012_345_678_901_234_500_000_000_000));
        assert_eq!(units(b"1.0000000000000"), Some(1_000_000_000_000));
        for text in ["", "1.0000000000001", "1e3", "1,5", "1.2.3", "999999999999999999999999999999"] {
            assert_eq!(units(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_decimal_is_digits_with_one_point_or_none(text in "-?[0-9./:-]{0,20}") {
            let digits = text.strip_prefix('-').unwrap_or(&text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let wanted = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(is_decimal(text.as_bytes()), wanted);
        }

        #[test]
        fn texts_are_the_same_as_bytes_are(one in proptest::collection::vec(0_u8..2, 0..20), other in proptest::collection::vec(0_u8..2, 0..20), place in 0_usize..20) {
            prop_assert!(same(&one, &one));
            prop_assert_eq!(same(&one, &other), one == other);
            let mut changed = one.clone();
            if let Some(byte) = changed.get_mut(place) {
                *byte ^= 1;
                prop_assert!(!same(&one, &changed));
            }
        }

        #[test]
        fn a_number_is_worth_what_its_digits_say(whole in "[0-9]{0,24}", fraction in "[0-9]{0,12}", negative in any::<bool>()) {
            prop_assume!(!whole.is_empty() || !fraction.is_empty());
            let sign = if negative { "-" } else { "" };
            let wanted: i128 = format!("{sign}{whole}{fraction:0<12}").parse().unwrap_or(-7);
            prop_assert_eq!(units(format!("{sign}{whole}.{fraction}").as_bytes()), Some(wanted));
        }

        #[test]
        fn a_day_is_one_that_the_calendar_has(year in 1000_u32..3000, month in 0_u32..14, day in 0_u32..33) {
            let text = format!("{year:04}/{month:02}/{day:02}");
            prop_assert_eq!(is_day(text.as_bytes()), day >= 1 && day <= days(year, month));
            prop_assert!(!is_day(text.replace('/', "-").as_bytes()));
        }
    }
}
