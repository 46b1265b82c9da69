//! The confidential applications of the identity domain, their grants, scopes and redirect addresses (FACTS 2.3).

use crate::pod::HOST;

/// A way to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `client_credentials`
    ClientCredentials,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`
    JwtBearer,
    /// `authorization_code`
    AuthorizationCode,
    /// `refresh_token`
    RefreshToken,
}

impl Grant {
    /// The grant as the form spells it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "client_credentials" => Some(Self::ClientCredentials),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => Some(Self::JwtBearer),
            "authorization_code" => Some(Self::AuthorizationCode),
            "refresh_token" => Some(Self::RefreshToken),
            _ => None,
        }
    }
}

/// A confidential application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Client id.
    pub id: &'static str,
    /// Client secret.
    pub secret: &'static str,
    /// Whether the secret is past its day.
    pub secret_expired: bool,
    /// What the application may ask for.
    pub grants: &'static [Grant],
}

const ALL: &[Grant] = &[Grant::ClientCredentials, Grant::JwtBearer, Grant::AuthorizationCode, Grant::RefreshToken];

/// The secret of every client.
const SECRET: &str = "Simulated-secret-1";

/// Every client; the first is the one of [`Pod::settings_for`](crate::Pod::settings_for). A Fusion user is named as
/// the first, none as `no-user-client` (the client-credentials trap of FACTS 2.3).
pub const CLIENTS: [Client; 4] = [
    Client { id: "sim-client", secret: SECRET, secret_expired: false, grants: ALL },
    Client { id: "no-user-client", secret: SECRET, secret_expired: false, grants: ALL },
    Client { id: "expired-client", secret: SECRET, secret_expired: true, grants: ALL },
    Client { id: "cc-only-client", secret: SECRET, secret_expired: false, grants: &[Grant::ClientCredentials] },
];

/// The scope that brings a refresh token.
pub const OFFLINE: &str = "offline_access";

/// The scope of Fusion as applications list it: audience and scope without a separator (FACTS 2.3).
#[must_use]
pub fn scope() -> String {
    format!("https://{HOST}:443{CONSUMER}")
}

const CONSUMER: &str = "urn:opc:resource:consumer::all";

pub(crate) fn find(id: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.id == id)
}

/// Whether the scope is one of Fusion's, alone or, where there is a user, with [`OFFLINE`]. The answer is whether it
/// holds that.
pub(crate) fn granted(text: &str, with_user: bool) -> Option<bool> {
    let (mut fusion, mut offline) = (0_u8, false);
    for part in text.split(' ').filter(|part| !part.is_empty()) {
        match part {
            OFFLINE if with_user => offline = true,
            CONSUMER => fusion = fusion.saturating_add(1),
            part if part == scope() => fusion = fusion.saturating_add(1),
            _ => return None,
        }
    }
    (fusion == 1).then_some(offline)
}

/// Whether browsers may be sent there: any port and path of this machine, or the engine's address.
pub(crate) fn may_redirect(uri: &str) -> bool {
    if uri == "https://engine.example/callback" {
        return true;
    }
    let rest = ["http://127.0.0.1:", "http://localhost:"].into_iter().find_map(|start| uri.strip_prefix(start));
    let Some((port, path)) = rest.and_then(|rest| rest.split_once('/')) else { return false };
    port.parse::<u16>().is_ok_and(|port| port > 0)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_is_fusions_once_and_offline_where_there_is_a_user() {
        for (text, with_user, granted_offline) in [
            (CONSUMER.to_owned(), false, Some(false)),
            (scope(), true, Some(false)),
            (format!("{CONSUMER} {OFFLINE}"), true, Some(true)),
            (format!("{OFFLINE}  {}", scope()), true, Some(true)),
            (format!("{CONSUMER} {OFFLINE}"), false, None),
            (format!("{CONSUMER} {}", scope()), true, None),
            (OFFLINE.to_owned(), true, None),
            (scope().replace(":443", ""), true, None),
            (String::new(), true, None),
        ] {
            assert_eq!(granted(&text, with_user), granted_offline, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nobody_is_redirected_to_another_host(host in "[a-z0-9.@:/-]{0,30}", path in "[ -~]{0,20}") {
            let uri = format!("http://{host}/{path}");
            let here = ["127.0.0.1:", "localhost:"].iter().any(|start| host.starts_with(start));
            prop_assert!(!may_redirect(&uri) || here);
        }
    }
}
