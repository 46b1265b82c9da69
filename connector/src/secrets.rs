//! What no text of ours may show. Tokens join during a call.

use std::cell::RefCell;

use redaction::Redactor;

/// See the module. Nothing of it can be printed.
#[derive(Clone, Default)]
pub struct Secrets(RefCell<Redactor>);

impl Secrets {
    /// Adds one, which may be a key in PEM.
    pub fn add(&self, secret: &str) {
        self.0.borrow_mut().add(secret);
    }

    /// The text with each secret, and each longer piece of one, replaced by `[secret]`.
    pub fn hide(&self, text: &str) -> String {
        self.0.borrow_mut().clean(text)
    }
}
