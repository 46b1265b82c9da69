//! The bytes of a JSON text that say something outside strings: operators, and where strings and scalars begin.
//!
//! Whatever is wrong within a string (a control character, a bad escape) ends the tokens.

use crate::block::{BLOCK, masks};

/// Tokens of a text from some place on that is outside any string.
pub(crate) struct Tokens<'t> {
    text: &'t [u8],
    /// Where the block stands that comes next.
    ahead: usize,
    /// Where the present block stands.
    base: usize,
    /// What is left of the tokens of the present block.
    bits: u64,
    /// All ones where the block before ended within a string.
    within: u64,
    /// The block before ended with a backslash that escapes.
    escaping: bool,
    /// The block before ended within a scalar.
    scalar: u64,
    /// Blanks outside strings in the present block.
    blanks: u64,
    /// Brackets outside strings in the present block.
    brackets: u64,
    /// A control character, as a line break, stood outside strings so far.
    pub(crate) broken: bool,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t [u8], from: usize) -> Self {
        Self {
            text,
            ahead: from,
            base: from,
            bits: 0,
            within: 0,
            escaping: false,
            scalar: 0,
            blanks: 0,
            brackets: 0,
            broken: false,
        }
    }

    /// The next token's place and its first byte. `None` at the end, or where a string is broken.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<(usize, u8)> {
        while self.bits == 0 {
            self.advance()?;
        }
        let at = self.base + usize::try_from(self.bits.trailing_zeros()).ok()?;
        self.bits &= self.bits - 1;
        Some((at, *self.text.get(at)?))
    }

    /// Where the next block stands, and the blanks outside strings in it, bit 0 first.
    pub(crate) fn blanks(&mut self) -> Option<(usize, u64)> {
        self.advance()?;
        Some((self.base, self.blanks))
    }

    /// Where the next block stands, and the brackets outside strings in it, bit 0 first.
    #[inline]
    pub(crate) fn brackets(&mut self) -> Option<(usize, u64)> {
        self.advance()?;
        Some((self.base, self.brackets))
    }

    fn advance(&mut self) -> Option<()> {
        let rest = self.text.get(self.ahead..)?;
        let mut last = [b' '; BLOCK];
        let block = match rest.first_chunk::<BLOCK>() {
            Some(block) => block,
            None if rest.is_empty() => return None,
            None => {
                last.get_mut(..rest.len())?.copy_from_slice(rest);
                &last
            }
        };
        let found = masks(block);
        let mut quotes = found.quotes;
        if found.backslashes != 0 || self.escaping {
            quotes &= !self.escaped(found.backslashes)?;
        }
        // Every bit behind an odd number of quotes is within a string, its opening quote included.
        let within = odd_before(quotes) ^ self.within;
        self.within = if within >> 63 == 1 { u64::MAX } else { 0 };
        if found.controls & within != 0 {
            return None;
        }
        self.broken |= found.controls != 0;
        if found.backslashes & !within != 0 {
            return None;
        }
        let opening = quotes & within;
        let operators = found.brackets | found.separators;
        let scalars = !(operators | found.blanks | within | quotes);
        let begins = scalars & !(scalars << 1 | self.scalar);
        self.scalar = scalars >> 63;
        self.bits = (operators & !within) | opening | begins;
        self.blanks = found.blanks & !within;
        self.brackets = found.brackets & !within;
        self.base = self.ahead;
        self.ahead += BLOCK;
        Some(())
    }

    /// Which bytes of the block ahead a backslash escapes; `None` where it may not.
    #[cold]
    fn escaped(&mut self, backslashes: u64) -> Option<u64> {
        let mut escaped = u64::from(self.escaping);
        let mut left = backslashes & !escaped;
        self.escaping = false;
        while left != 0 {
            let at = left.trailing_zeros();
            let place = self.ahead + usize::try_from(at).ok()?;
            if !is_escape(self.text.get(place + 1..)?) {
                return None;
            }
            if at == 63 {
                self.escaping = true;
                break;
            }
            escaped |= 2 << at;
            left &= !(3 << at);
        }
        Some(escaped)
    }
}

/// For each bit whether it stands at or behind an odd number of set bits.
fn odd_before(bits: u64) -> u64 {
    let mut odd = bits;
    for shift in [1, 2, 4, 8, 16, 32] {
        odd ^= odd << shift;
    }
    odd
}

/// Whether what follows a backslash may follow it (RFC 8259, 7).
fn is_escape(rest: &[u8]) -> bool {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => true,
        [b'u', a, b, c, d, ..] => [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()),
        _ => false,
    }
}

/// Whether a text begins with a number, a truth value or null, and with nothing that would belong to it.
pub(crate) fn is_scalar(text: &[u8]) -> bool {
    let length = match text {
        [b'n', b'u', b'l', b'l', ..] | [b't', b'r', b'u', b'e', ..] => 4,
        [b'f', b'a', b'l', b's', b'e', ..] => 5,
        _ => number(text),
    };
    let ends = matches!(text.get(length), Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
    length > 0 && ends
}

/// How long the number is that a text begins with; 0 where it is none (RFC 8259, 6).
fn number(text: &[u8]) -> usize {
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
        return 0;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return 0;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return 0;
        }
        at += exponent;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_rfc() {
        for good in ["0,", "-1}", "10.5e-3 ", "300000012345678901]"] {
            assert!(is_scalar(good.as_bytes()), "{good}");
        }
        for bad in ["01,", "-,", "1.,", "1e,", "+1,", "1", "nul,", "truee,", "1\"", ".5,"] {
            assert!(!is_scalar(bad.as_bytes()), "{bad}");
        }
    }
}
