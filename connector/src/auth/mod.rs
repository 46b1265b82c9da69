//! Signing in: settings go in, what stands in `Authorization` comes out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::settings::Auth;

/// The value of `Authorization`. Text beyond ASCII is UTF-8 (RFC 7617).
pub fn authorization(auth: &Auth) -> String {
    match auth {
        Auth::Basic { username, password } => format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))),
    }
}
