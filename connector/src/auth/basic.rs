//! User name and password, as they stand in `Authorization` (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of `Authorization`. Text beyond ASCII is UTF-8.
pub fn authorization(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}
