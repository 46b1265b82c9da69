//! A place in the text of a query: reads forward, never past the end, and says where it stands.

use super::QueryError;

/// Reads a text from left to right.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn done(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Takes `token` where it stands next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Whether the keyword stands next, in any case, as a whole word.
    pub(super) fn at_keyword(&self, word: &str) -> bool {
        let rest = self.rest();
        let Some(head) = rest.get(..word.len()) else { return false };
        let follows = rest.get(word.len()..).and_then(|tail| tail.chars().next());
        head.eq_ignore_ascii_case(word) && !follows.is_some_and(is_name_char)
    }

    /// Takes a keyword.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let found = self.at_keyword(word);
        if found {
            self.at += word.len();
        }
        found
    }

    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    /// Takes `count` bytes of the rest, which end on a character.
    pub(super) fn take(&mut self, count: usize) -> &'a str {
        let taken = self.rest().get(..count).unwrap_or("");
        self.at += taken.len();
        taken
    }

    /// Takes an attribute's name, with dots where a child is meant.
    pub(super) fn name(&mut self) -> Result<&'a str, QueryError> {
        let start = self.clone();
        let name = self.take_while(|c| is_name_char(c) || c == '.');
        let whole =
            name.split('.').all(|part| part.chars().next().is_some_and(|c| is_name_char(c) && !c.is_ascii_digit()));
        if whole { Ok(name) } else { Err(start.expected("an attribute")) }
    }

    /// Takes a text in single or double quotes; a doubled quote stands for one.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, QueryError> {
        let Some(quote) = self.peek().filter(|c| matches!(c, '\'' | '"')) else { return Ok(None) };
        let start = self.clone();
        self.at += 1;
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| c != quote));
            if self.done() {
                return Err(start.expected("a closing quote for this text"));
            }
            self.at += 1;
            if self.peek() != Some(quote) {
                return Ok(Some(text));
            }
            self.at += 1;
            text.push(quote);
        }
    }

    /// The error that something else was expected here.
    pub(super) fn expected(&self, expected: &'static str) -> QueryError {
        let at = self.text.get(..self.at).map_or(0, |head| head.chars().count()) + 1;
        let found = match self.peek() {
            None => "the end of the text".to_owned(),
            Some(_) => format!("\"{}\"", self.rest().chars().take(20).collect::<String>()),
        };
        QueryError::Syntax { at, expected, found }
    }
}

impl std::fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cursor({:?})", self.rest())
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}
