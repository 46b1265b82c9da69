//! What to do about each refusal of a token endpoint (RFC 6749 5.2), in the words of the identity domain's
//! pages.

use super::{Client, Grant, Proof};

/// What a token address looks like.
pub const TOKEN_EXAMPLE: &str = "https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token";
/// What an address for the browser looks like.
pub const AUTHORIZE_EXAMPLE: &str = "https://idcs-0123.identity.oraclecloud.com/oauth2/v1/authorize";
/// What to do about a token address.
pub const TOKEN_ADDRESS: &str = "Give the whole https address of the identity domain's token endpoint, as in https://idcs-0123.identity.oraclecloud.com/oauth2/v1/token.";
/// What to do about the address for the browser.
pub const AUTHORIZE_ADDRESS: &str = "Give the whole https address to which the browser goes, as in https://idcs-0123.identity.oraclecloud.com/oauth2/v1/authorize.";

/// The remedy for a code; `said` is the description in lower case.
pub fn of(client: &Client, code: &str, said: &str) -> String {
    let told = match (code, &client.proof, &client.grant) {
        ("invalid_client", Proof::Secret(_), _) if said.contains("expire") => {
            "The client secret has expired. Regenerate it in the identity domain (Integrated applications > the application > OAuth configuration > General information) and put the new one into the connection."
        }
        ("invalid_client", Proof::Secret(_), _) => {
            "Check client id and client secret against the confidential application in the identity domain (Integrated applications > the application > OAuth configuration), that it is activated, and that the secret was not regenerated."
        }
        ("invalid_client", Proof::Assertion(_), _) => {
            "The application does not know the certificate that belongs to this key, or is not activated. Import the certificate in the identity domain (Integrated applications > the application > OAuth configuration > Client type Trusted > Certificate), give its alias in the connection, and check client id and fingerprint."
        }
        ("invalid_scope", ..) => {
            "Copy the scope from the application's Resources in the identity domain as it stands there, audience and scope in one (as in https://pod:443urn:opc:resource:consumer::all), and allow the application that resource."
        }
        ("unauthorized_client" | "unsupported_grant_type", _, grant) => {
            return format!(
                "Allow the grant type {} in the identity domain (Integrated applications > the application > OAuth configuration > Allowed grant types).",
                match grant {
                    Grant::ClientCredentials => "Client credentials",
                    Grant::Assertion { .. } => "JWT assertion",
                    Grant::Code { .. } => "Authorization code, and Refresh token,",
                }
            );
        }
        ("invalid_grant", _, Grant::Assertion { username, .. }) => {
            return format!(
                "The identity domain does not take the assertion. Check that {username} is the name of an active user there (Users > the user: not deactivated, not locked), that the certificate of this key is imported at the application with the alias that the connection names, and that the engine's clock is right."
            );
        }
        ("invalid_grant", _, Grant::Code { .. }) => {
            "The sign-in has ended: the refresh token was used by somebody else, has expired, or was revoked; or the code from the browser was used twice. Sign in with a browser again (harness authorize --connection FILE). Never use one refresh token in two connections: each use makes the one before worthless."
        }
        ("invalid_request", ..) => {
            "The endpoint does not understand the request. Check that the token address ends in /oauth2/v1/token, and that the application takes the way in which the connection proves itself."
        }
        ("access_denied" | "consent_required", ..) => {
            "Consent was not given. Choose Bypass consent at the application (Edit OAuth configuration), or sign in again and allow it."
        }
        _ => "Check token address, client id, client secret and scope against the application in the identity domain.",
    };
    told.to_owned()
}
