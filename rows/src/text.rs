//! Bytes that are text.

use std::str::Utf8Error;

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Bytes as text, without a copy; most of a page is ASCII, and that is passed over 64 bytes at a time. (In a guest
/// `String::from_utf8` goes by eight, and took a tenth of the time of a read: docs/performance.md.)
///
/// # Errors
/// The bytes, and what is wrong with them, where they are no UTF-8.
pub fn text(bytes: Vec<u8>) -> Result<String, (Vec<u8>, Utf8Error)> {
    if !is_utf8(&bytes) {
        return match std::str::from_utf8(&bytes).map(str::to_owned) {
            Ok(text) => Ok(text),
            Err(error) => Err((bytes, error)),
        };
    }
    #[allow(unsafe_code, reason = "the line above says that it is text")]
    // SAFETY: `is_utf8` holds for these bytes.
    Ok(unsafe { String::from_utf8_unchecked(bytes) })
}

/// Blocks of ASCII divide the bytes into pieces of which each is text by itself or none: no character reaches into ASCII.
fn is_utf8(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut piece = None;
    for (index, block) in blocks.iter().enumerate() {
        let words = block.as_chunks::<8>().0.iter();
        let high = words.fold(0, |high, word| high | u64::from_ne_bytes(*word)) & 0x8080_8080_8080_8080;
        if high != 0 {
            piece.get_or_insert(index * BLOCK);
        } else if let Some(from) = piece.take()
            && bytes.get(from..index * BLOCK).is_none_or(|piece| std::str::from_utf8(piece).is_err())
        {
            return false;
        }
    }
    let last = piece.unwrap_or(bytes.len() - rest.len());
    bytes.get(last..).is_some_and(|piece| std::str::from_utf8(piece).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_text_where_the_standard_library_says_so(
            pieces in proptest::collection::vec(
                prop_oneof![
                    4 => "[a-z]{50,140}".prop_map(String::into_bytes),
                    2 => "[ -~é€😀]{0,90}".prop_map(String::into_bytes),
                    1 => proptest::collection::vec(any::<u8>(), 0..3),
                ],
                0..6,
            ),
        ) {
            let bytes = pieces.concat();
            let told = std::str::from_utf8(&bytes).map(str::to_owned);
            prop_assert_eq!(text(bytes).map_err(|(_, error)| error), told);
        }
    }
}
