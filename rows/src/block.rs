//! What 64 bytes hold, a bit a byte: the one place that knows the machine.

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 64;

/// Where in a block certain bytes stand; bit 0 is the first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    pub(crate) quotes: u64,
    pub(crate) backslashes: u64,
    /// `{}[]`
    pub(crate) brackets: u64,
    /// `:,`
    pub(crate) separators: u64,
    /// Space, tab, line feed, carriage return.
    pub(crate) blanks: u64,
    /// Below space.
    pub(crate) controls: u64,
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) fn masks(block: &[u8; BLOCK]) -> Masks {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or};
    let splat = |byte: u8| u8x16_splat(byte);
    let mut all = Masks::default();
    let (pieces, _) = block.as_chunks::<16>();
    for (at, piece) in pieces.iter().enumerate() {
        let (low, high) = halves(piece);
        let bytes = u64x2(low, high);
        let is = |byte: u8| i8x16_eq(bytes, splat(byte));
        let folded = v128_or(bytes, splat(0x20));
        let folded_is = |byte: u8| i8x16_eq(folded, splat(byte));
        let bits = |found| u64::from(i8x16_bitmask(found)) << (16 * at);
        let controls = u8x16_lt(bytes, splat(0x20));
        let blank_controls = v128_or(v128_or(is(b'\n'), is(b'\r')), is(b'\t'));
        all.quotes |= bits(is(b'"'));
        all.backslashes |= bits(is(b'\\'));
        let brackets = v128_or(folded_is(b'{'), folded_is(b'}'));
        all.brackets |= bits(brackets);
        all.separators |= bits(v128_or(is(b':'), is(b',')));
        all.blanks |= bits(v128_or(blank_controls, is(b' ')));
        all.controls |= bits(controls);
    }
    all
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(crate) fn masks(block: &[u8; BLOCK]) -> Masks {
    #[allow(unsafe_code, reason = "the line above says that every machine that runs this has the instructions")]
    // SAFETY: this is compiled only where SSE2 is part of the target.
    unsafe {
        masks_sse2(block)
    }
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[target_feature(enable = "sse2")]
#[inline]
fn masks_sse2(block: &[u8; BLOCK]) -> Masks {
    use core::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let splat = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let mut all = Masks::default();
    let (pieces, _) = block.as_chunks::<16>();
    for (at, piece) in pieces.iter().enumerate() {
        let (low, high) = halves(piece);
        let bytes = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
        let is = |byte: u8| _mm_cmpeq_epi8(bytes, splat(byte));
        let folded = _mm_or_si128(bytes, splat(0x20));
        let folded_is = |byte: u8| _mm_cmpeq_epi8(folded, splat(byte));
        let bits = |found| u64::from(_mm_movemask_epi8(found).cast_unsigned()) << (16 * at);
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, splat(0x1f)), bytes);
        let blank_controls = _mm_or_si128(_mm_or_si128(is(b'\n'), is(b'\r')), is(b'\t'));
        all.quotes |= bits(is(b'"'));
        all.backslashes |= bits(is(b'\\'));
        let brackets = _mm_or_si128(folded_is(b'{'), folded_is(b'}'));
        all.brackets |= bits(brackets);
        all.separators |= bits(_mm_or_si128(is(b':'), is(b',')));
        all.blanks |= bits(_mm_or_si128(blank_controls, is(b' ')));
        all.controls |= bits(controls);
    }
    all
}

/// Sixteen bytes as two numbers, which the compiler makes one load of.
#[cfg(any(
    all(target_arch = "wasm32", target_feature = "simd128"),
    all(target_arch = "x86_64", target_feature = "sse2")
))]
fn halves(piece: &[u8; 16]) -> (u64, u64) {
    let whole = u128::from_le_bytes(*piece);
    let low = u64::try_from(whole & u128::from(u64::MAX)).unwrap_or_default();
    (low, u64::try_from(whole >> 64).unwrap_or_default())
}

#[cfg(not(any(
    all(target_arch = "wasm32", target_feature = "simd128"),
    all(target_arch = "x86_64", target_feature = "sse2")
)))]
pub(crate) use plain as masks;

/// The same, byte by byte.
#[cfg(any(
    test,
    not(any(
        all(target_arch = "wasm32", target_feature = "simd128"),
        all(target_arch = "x86_64", target_feature = "sse2")
    ))
))]
pub(crate) fn plain(block: &[u8; BLOCK]) -> Masks {
    let mut all = Masks::default();
    for (at, byte) in block.iter().enumerate() {
        let bit = |found: bool| u64::from(found) << at;
        all.quotes |= bit(*byte == b'"');
        all.backslashes |= bit(*byte == b'\\');
        all.brackets |= bit(matches!(byte, b'{' | b'}' | b'[' | b']'));
        all.separators |= bit(matches!(byte, b':' | b','));
        all.blanks |= bit(matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        all.controls |= bit(*byte < 0x20);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_machine_s_way_sees_what_the_plain_way_sees(block in proptest::array::uniform32(any::<u16>())) {
            let mut bytes = [0; BLOCK];
            for (place, byte) in bytes.iter_mut().zip(block.iter().flat_map(|two| two.to_le_bytes())) {
                *place = byte;
            }
            prop_assert_eq!(masks(&bytes), plain(&bytes));
        }
    }
}
