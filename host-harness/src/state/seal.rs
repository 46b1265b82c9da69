//! Sessions under a key: AES-256-GCM, a fresh nonce for each, bound to the connection's name.
//!
//! A sealed text is the nonce and then the ciphertext with its tag. The key is never printed, and is not in the
//! state file.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

/// A key of 256 bits.
#[derive(Clone)]
pub struct Key {
    key: LessSafeKey,
    random: SystemRandom,
}

/// What was given as a key is none.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a key is 32 bytes: as they are, as 64 hexadecimal digits, or in base64")]
pub struct NoKey;

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Reads a key: 32 bytes as they are, 64 hexadecimal digits or base64, with white space around it.
    ///
    /// # Errors
    /// [`NoKey`] where it is something else.
    pub fn read(given: &[u8]) -> Result<Self, NoKey> {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
        if given.len() == 32 {
            return Self::of(given);
        }
        let text = std::str::from_utf8(given).map_err(|_| NoKey)?.trim();
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let pair = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
            let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
            return Self::of(&bytes.ok_or(NoKey)?);
        }
        let decoded =
            [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|way| way.decode(text).ok());
        Self::of(&decoded.ok_or(NoKey)?)
    }

    fn of(bytes: &[u8]) -> Result<Self, NoKey> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| NoKey)?;
        Ok(Self { key: LessSafeKey::new(key), random: SystemRandom::new() })
    }

    /// Seals a text for one place. None where the system gives no random numbers.
    pub(super) fn seal(&self, place: &str, text: &str) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = text.as_bytes().to_vec();
        let aad = Aad::from(place.as_bytes());
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for this place with this key; none for anything else.
    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut text).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_read_in_every_spelling() {
        use base64::Engine as _;
        let bytes: Vec<u8> = (0..32).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let base64 = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let sealed = Key::read(&bytes).unwrap().seal("p", "text").unwrap();
        for spelt in [hex.clone(), base64.clone(), format!("{base64}\n"), base64.trim_end_matches('=').to_owned()] {
            assert_eq!(Key::read(spelt.as_bytes()).unwrap().open("p", &sealed).as_deref(), Some("text"));
        }
        for none in ["", "short", "zz", hex.trim_start_matches("00")] {
            assert_eq!(Key::read(none.as_bytes()).unwrap_err(), NoKey, "{none}");
        }
        assert_eq!(format!("{:?}", Key::read(&bytes).unwrap()), "Key(..)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_alone_and_unchanged_alone(text in ".*", at in any::<usize>()) {
            let key = Key::read(&[7; 32]).unwrap();
            let sealed = key.seal("one", &text).unwrap();
            prop_assert_eq!(key.open("one", &sealed), Some(text));
            prop_assert_eq!(key.open("two", &sealed), None);
            prop_assert_eq!(Key::read(&[8; 32]).unwrap().open("one", &sealed), None);
            let mut changed = sealed.clone();
            let at = at % changed.len();
            changed[at] ^= 1;
            prop_assert_eq!(key.open("one", &changed), None);
            prop_assert_eq!(key.open("one", &sealed[..sealed.len().min(at)]), None);
        }
    }
}
