//! What 64 bytes of delimited text hold, a bit a byte: the one place that knows the machine.

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 64;

/// Where in a block certain bytes stand; bit 0 is the first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    /// What stands between cells.
    pub(crate) delimiters: u64,
    /// Line feeds and carriage returns.
    pub(crate) ends: u64,
    /// Quotes.
    pub(crate) quotes: u64,
    /// Spaces.
    pub(crate) spaces: u64,
    /// What is not ASCII.
    pub(crate) high: u64,
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) fn masks(block: &[u8; BLOCK], delimiter: u8) -> Masks {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, u8x16_splat, u64x2, v128_or};
    let mut all = Masks::default();
    let (pieces, _) = block.as_chunks::<16>();
    for (at, piece) in pieces.iter().enumerate() {
        // Two loads that the compiler makes one.
        let whole = u128::from_le_bytes(*piece);
        let low = u64::try_from(whole & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(whole >> 64).unwrap_or_default();
        let bytes = u64x2(low, high);
        let is = |byte: u8| i8x16_eq(bytes, u8x16_splat(byte));
        let bits = |found| u64::from(i8x16_bitmask(found)) << (16 * at);
        all.delimiters |= bits(is(delimiter));
        all.ends |= bits(v128_or(is(b'\n'), is(b'\r')));
        all.quotes |= bits(is(b'"'));
        all.spaces |= bits(is(b' '));
        all.high |= bits(bytes);
    }
    all
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) fn masks(block: &[u8; BLOCK], delimiter: u8) -> Masks {
    // Eight bytes in one word: a byte that is zero after the exclusive or has its highest bit set, exactly.
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut all = Masks::default();
    let (pieces, _) = block.as_chunks::<8>();
    for (at, piece) in pieces.iter().enumerate() {
        let word = u64::from_le_bytes(*piece);
        let is = |byte: u8| {
            let other = word ^ u64::from_le_bytes([byte; 8]);
            !(((other & LOW) + LOW) | other | LOW)
        };
        // Gathers the highest bits of the eight bytes in the uppermost byte.
        let bits = |found: u64| ((found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        all.delimiters |= bits(is(delimiter));
        all.ends |= bits(is(b'\n') | is(b'\r'));
        all.quotes |= bits(is(b'"'));
        all.spaces |= bits(is(b' '));
        all.high |= bits(word & !LOW);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_is_seen_where_it_stands(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b",;\"\n\r !\t\x80\xff".to_vec())], BLOCK),
            delimiter in proptest::sample::select(b",;\t|".to_vec()),
        ) {
            let block: &[u8; BLOCK] = bytes.as_slice().try_into().unwrap_or(&[0; BLOCK]);
            let all = masks(block, delimiter);
            for (at, byte) in bytes.iter().enumerate() {
                let bit = |mask: u64| mask >> at & 1 == 1;
                prop_assert_eq!(bit(all.delimiters), *byte == delimiter);
                prop_assert_eq!(bit(all.ends), matches!(byte, b'\n' | b'\r'));
                prop_assert_eq!(bit(all.quotes), *byte == b'"');
                prop_assert_eq!(bit(all.spaces), *byte == b' ');
                prop_assert_eq!(bit(all.high), *byte >= 0x80);
            }
        }
    }
}
