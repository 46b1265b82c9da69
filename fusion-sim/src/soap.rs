//! SOAP 1.1 as the pod reads and writes it: a small reader of XML with namespaces, envelopes, faults (FACTS 6.1).
//!
//! Reads documents without a type definition, and nothing deeper than a message is. Never follows anything outside.

use std::fmt::Write as _;

use http::StatusCode;

use crate::rest::answer::Answer;

/// The envelope's namespace.
pub(crate) const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// Elements inside one another.
const MAX_DEPTH: usize = 32;

/// An element with what stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// The namespace; blank where there is none.
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// All text right inside, joined.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The first child of that name, in any namespace.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name, trimmed; none where it is absent or blank.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// The texts of all children of that name.
    pub(crate) fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.children.iter().filter(move |child| child.name == name).map(|child| child.text.trim())
    }
}

/// The operation in an envelope: the first element of its body.
pub(crate) fn operation(bytes: &[u8]) -> Result<Element, String> {
    message(bytes).map(|(_, operation)| operation)
}

/// The header of an envelope, blank where there is none, and the first element of its body.
pub(crate) fn message(bytes: &[u8]) -> Result<(Element, Element), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "The message isn't UTF-8.".to_owned())?;
    let envelope = parse(text)?;
    if envelope.namespace != ENVELOPE || envelope.name != "Envelope" {
        return Err("The message isn't a SOAP 1.1 envelope.".to_owned());
    }
    let (mut header, mut first) = (Element::default(), None);
    for part in envelope.children.into_iter().filter(|part| part.namespace == ENVELOPE) {
        match part.name.as_str() {
            "Header" => header = part,
            "Body" => first = part.children.into_iter().next(),
            _ => {}
        }
    }
    first.map(|first| (header, first)).ok_or_else(|| "The envelope has no body.".to_owned())
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}'), scope: Vec::new() };
    reader.skip()?;
    let element = reader.element(0)?;
    reader.skip()?;
    if reader.rest.is_empty() { Ok(element) } else { Err("There is more than one element.".to_owned()) }
}

struct Reader<'t> {
    rest: &'t str,
    /// Prefixes and their namespaces, the innermost last.
    scope: Vec<(String, String)>,
}

impl<'t> Reader<'t> {
    fn take(&mut self, start: &str) -> bool {
        match self.rest.strip_prefix(start) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, end: &str) -> Result<&'t str, String> {
        let (before, after) = self.rest.split_once(end).ok_or_else(|| format!("The document ends before {end}."))?;
        self.rest = after;
        Ok(before)
    }

    /// Passes over white space, comments and processing instructions.
    fn skip(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start();
            if self.take("<!--") {
                self.until("-->")?;
            } else if self.take("<?") {
                self.until("?>")?;
            } else {
                return Ok(());
            }
        }
    }

    fn element(&mut self, depth: usize) -> Result<Element, String> {
        if depth > MAX_DEPTH {
            return Err("The document is too deep.".to_owned());
        }
        if !self.take("<") || self.rest.starts_with(['/', '!']) {
            return Err("An element is expected.".to_owned());
        }
        let scope = self.scope.len();
        let name = self.name()?;
        let empty = self.attributes()?;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let mut element = Element { namespace: self.namespace(prefix)?, name: local.to_owned(), ..Element::default() };
        if !empty {
            self.content(&mut element, name, depth)?;
        }
        self.scope.truncate(scope);
        Ok(element)
    }

    fn name(&mut self) -> Result<&'t str, String> {
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=' | '<' | '"' | '\'');
        let (name, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        if name.is_empty() {
            return Err("A name is expected.".to_owned());
        }
        self.rest = rest;
        Ok(name)
    }

    /// Reads attributes, of which only namespaces count; whether the element is empty.
    fn attributes(&mut self) -> Result<bool, String> {
        loop {
            self.rest = self.rest.trim_start();
            if self.take("/>") {
                return Ok(true);
            }
            if self.take(">") {
                return Ok(false);
            }
            let name = self.name()?;
            self.rest = self.rest.trim_start();
            if !self.take("=") {
                return Err(format!("The attribute {name} has no value."));
            }
            self.rest = self.rest.trim_start();
            let quote = if self.take("\"") {
                "\""
            } else if self.take("'") {
                "'"
            } else {
                return Err(format!("The value of {name} isn't quoted."));
            };
            let value = unescape(self.until(quote)?)?;
            if name == "xmlns" {
                self.scope.push((String::new(), value));
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.scope.push((prefix.to_owned(), value));
            }
        }
    }

    fn namespace(&self, prefix: &str) -> Result<String, String> {
        match self.scope.iter().rev().find(|(known, _)| known == prefix) {
            Some((_, namespace)) => Ok(namespace.clone()),
            None if prefix.is_empty() => Ok(String::new()),
            None => Err(format!("The prefix {prefix} isn't declared.")),
        }
    }

    fn content(&mut self, element: &mut Element, name: &str, depth: usize) -> Result<(), String> {
        loop {
            let at = self.rest.find('<').ok_or_else(|| format!("The element {name} isn't closed."))?;
            let (text, rest) = self.rest.split_at(at);
            self.rest = rest;
            element.text.push_str(&unescape(text)?);
            if self.take("</") {
                let closing = self.until(">")?.trim_end();
                return if closing == name { Ok(()) } else { Err(format!("{closing} closes {name}.")) };
            }
            if self.take("<![CDATA[") {
                element.text.push_str(self.until("]]>")?);
            } else if self.take("<!--") {
                self.until("-->")?;
            } else if self.take("<?") {
                self.until("?>")?;
            } else {
                element.children.push(self.element(depth.saturating_add(1))?);
            }
        }
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';').ok_or("A reference isn't closed.")?;
        let refused = || format!("The reference {entity} isn't known.");
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#').ok_or_else(refused)?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32).ok_or_else(refused)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Text as it stands in XML; characters that XML cannot hold are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                // Writing into a string cannot fail.
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if c < ' ' => {}
            c => out.push(c),
        }
    }
    out
}

/// An envelope around a body.
pub(crate) fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<env:Envelope xmlns:env=\"{ENVELOPE}\"><env:Body>{body}</env:Body></env:Envelope>"
    )
}

/// 200 with a body.
pub(crate) fn answer(body: &str) -> Answer {
    Answer::new(StatusCode::OK, "text/xml; charset=UTF-8", envelope(body))
}

/// A fault: always 500 (FACTS 1.11, 6.1).
pub(crate) fn fault(client: bool, code: &str, message: &str) -> Answer {
    let message = escape(message);
    let body = format!(
        "<env:Fault><faultcode>env:{who}</faultcode><faultstring>{message}</faultstring><detail>\
         <tns:ServiceErrorMessage xmlns:tns=\"http://xmlns.oracle.com/adf/svc/errors/\"><tns:code>{code}</tns:code>\
         <tns:message>{message}</tns:message><tns:severity>SEVERITY_ERROR</tns:severity></tns:ServiceErrorMessage>\
         </detail></env:Fault>",
        who = if client { "Client" } else { "Server" },
    );
    Answer::new(StatusCode::INTERNAL_SERVER_ERROR, "text/xml; charset=UTF-8", envelope(&body))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_operation_is_read_with_its_namespace() {
        let message = format!(
            "<?xml version='1.0'?><!-- x --><s:Envelope xmlns:s=\"{ENVELOPE}\"><s:Header/><s:Body>\
             <t:op xmlns:t=\"urn:types\"><t:a>1 &lt; &#50;</t:a><b xmlns=\"urn:b\"><![CDATA[<x>]]></b><t:a> z </t:a></t:op>\
             </s:Body></s:Envelope>"
        );
        let operation = operation(message.as_bytes()).unwrap();
        assert_eq!((operation.namespace.as_str(), operation.name.as_str()), ("urn:types", "op"));
        assert_eq!(operation.values("a").collect::<Vec<_>>(), ["1 < 2", "z"]);
        assert_eq!(operation.child("b").unwrap().namespace, "urn:b");
        assert_eq!(operation.value("b"), Some("<x>"));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<p:a/>",
            "<a b></a>",
            "<!DOCTYPE a><a/>",
            "<a>&x;</a>",
            "<a>&#1114112;</a>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(operation(b"<Envelope/>").is_err());
        assert!(parse(&"<a>".repeat(40)).is_err());
    }

    proptest! {
        #[test]
        fn text_comes_back_as_it_was(text in "[ -~\\n\u{e9}]{0,40}") {
            let read = parse(&format!("<a>{}</a>", escape(&text))).unwrap();
            prop_assert_eq!(read.text, text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[<>/&;=\"'!?a:\\[\\]#x0-9 -]{0,60}") {
            let _ = parse(&text);
        }
    }
}
