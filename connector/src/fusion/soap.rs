//! The ERP integration service over SOAP, for what REST lacks (FACTS 6.1).
//!
//! Messages are small and of one shape, so they are written and read here: an element is found by its local
//! name, whatever its prefix, and its text is unescaped. A fault is an answer like any other refusal.

use super::address::Address;
use super::pod::{Carried, Doing, Lost, Pod};
use crate::http::Method;

const SERVICE: &str = "/fscmService/ErpIntegrationService";
const SPACE: &str = "http://xmlns.oracle.com/apps/financials/commonModules/shared/model/erpIntegrationService/";

/// Calls an operation with elements of text, in order; answers the envelope's text.
///
/// # Errors
/// [`Lost`], which tells whether it may have happened.
pub fn call(pod: &Pod, doing: Doing, operation: &str, elements: &[(&str, &str)]) -> Result<String, Lost> {
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:typ=\"{SPACE}types/\"><soapenv:Body><typ:{operation}>"
    );
    for (name, text) in elements {
        body.push_str(&format!("<typ:{name}>{}</typ:{name}>", escaped(text)));
    }
    body.push_str(&format!("</typ:{operation}></soapenv:Body></soapenv:Envelope>"));
    let headers = [("soapaction", format!("\"{SPACE}{operation}\"")), ("accept", "text/xml".to_owned())];
    let carried = Carried {
        body: Some(body.as_bytes()),
        media: "text/xml; charset=utf-8",
        headers: &headers,
        ..Carried::default()
    };
    let answer = pod.exact(Method::Post, doing, &Address::fixed(SERVICE), carried)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    match element(&text, "faultstring") {
        Some(fault) => Err(Lost::Refused(pod.unexpected(doing, &crate::text::shorten(&fault, 300)))),
        None => Ok(text),
    }
}

fn escaped(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The text of the first element of that local name: what is in it up to its end tag, unescaped; CDATA as it
/// is. `None` where there is none, or where it does not end.
pub fn element(xml: &str, name: &str) -> Option<String> {
    let mut rest = xml;
    loop {
        let (_, after) = rest.split_once('<')?;
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let (tag, inside) = rest.split_once('>')?;
        let full = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        if full.rsplit(':').next() != Some(name) || tag.starts_with('/') {
            continue;
        }
        if tag.ends_with('/') {
            return Some(String::new());
        }
        let (text, _) = inside.split_once(&format!("</{full}"))?;
        return Some(unescaped(text));
    }
}

/// Text without its escapes.
pub fn unescaped(text: &str) -> String {
    if let Some(raw) = text.trim().strip_prefix("<![CDATA[").and_then(|raw| raw.strip_suffix("]]>")) {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, behind) = after.split_once(';').filter(|(name, _)| name.len() <= 8).unwrap_or(("", after));
        let number = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
        let found = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            name => match name.strip_prefix('#') {
                Some(code) => match code.strip_prefix(['x', 'X']) {
                    Some(hex) => number(hex, 16),
                    None => number(code, 10),
                },
                None => None,
            },
        };
        match found {
            Some(c) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let xml = r#"<?xml version="1.0"?><e:Envelope><!-- <result>no</result> --><ns0:r xmlns:ns0="x"><ns1:result a="1">A &amp;&#x20;B</ns1:result></ns0:r></e:Envelope>"#;
        assert_eq!(element(xml, "result").unwrap(), "A & B");
        assert_eq!(element("<a><b/></a>", "b").unwrap(), "");
        assert_eq!(element("<m><![CDATA[{\"a\":\"<b>\"}]]></m>", "m").unwrap(), "{\"a\":\"<b>\"}");
        assert_eq!(element("<a>never", "a"), None);
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(text in "[^\\p{Cc}]{0,40}") {
            prop_assert_eq!(element(&format!("<x:a>{}</x:a>", escaped(&text)), "a").unwrap_or_default(), text);
        }

        #[test]
        fn nothing_traps(text in "[<>/a:!&;#x\\-\\[\\]CDAT0-9 ]{0,60}") {
            let _ = element(&text, "a");
        }
    }
}
