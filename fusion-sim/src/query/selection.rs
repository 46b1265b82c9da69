//! `fields` and `expand`: which attributes and which children an answer shows (FACTS 1.4).

use super::QueryError;
use crate::model::Resource;

/// What to show of a row and of its children.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Selection {
    /// Places of the attributes; `None` shows all.
    pub attributes: Option<Vec<usize>>,
    /// Children to show in full, by name.
    pub children: Vec<(String, Selection)>,
}

impl Selection {
    /// Parses `expand`: `all`, or children with dots for those below.
    ///
    /// # Errors
    ///
    /// [`QueryError::UnknownAttribute`] for a child that is not there.
    pub fn expand(text: &str, resource: &Resource) -> Result<Self, QueryError> {
        let mut selection = Self::default();
        for path in text.split(',') {
            if path == "all" {
                for child in &resource.children {
                    selection.child(&child.name);
                }
                continue;
            }
            selection.descend(path, resource, "expand")?;
        }
        Ok(selection)
    }

    /// Parses `fields`: `A,B;child:C,D;Child.GrandChild:C`.
    ///
    /// # Errors
    ///
    /// [`QueryError::UnknownAttribute`] for an attribute or child that is not there.
    pub fn fields(text: &str, resource: &Resource) -> Result<Self, QueryError> {
        let mut selection = Self { attributes: Some(Vec::new()), children: Vec::new() };
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (of, names, target) = match part.split_once(':') {
                None => (resource, part, &mut selection),
                Some((path, names)) => {
                    let (of, target) = selection.descend(path, resource, "fields")?;
                    (of, names, target)
                }
            };
            let chosen = target.attributes.get_or_insert_default();
            for name in names.split(',').filter(|name| !name.is_empty()) {
                let at = of.attributes.iter().position(|attribute| attribute.name == name);
                chosen.push(at.ok_or_else(|| QueryError::UnknownAttribute {
                    parameter: "fields",
                    name: name.to_owned(),
                    resource: of.name.clone(),
                })?);
            }
            // Describe order, whatever order they were asked for in (FACTS 1.6).
            chosen.sort_unstable();
            chosen.dedup();
        }
        Ok(selection)
    }

    fn child(&mut self, name: &str) -> &mut Selection {
        let at = match self.children.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.children.push((name.to_owned(), Selection::default()));
                self.children.len().saturating_sub(1)
            }
        };
        // The index was found or pushed just now.
        #[allow(clippy::indexing_slicing)]
        &mut self.children[at].1
    }

    fn descend<'s, 'r>(
        &'s mut self,
        path: &str,
        resource: &'r Resource,
        parameter: &'static str,
    ) -> Result<(&'r Resource, &'s mut Selection), QueryError> {
        let (mut of, mut target) = (resource, self);
        for name in path.split('.') {
            of = of.child(name).ok_or_else(|| QueryError::UnknownAttribute {
                parameter,
                name: name.to_owned(),
                resource: of.name.clone(),
            })?;
            target = target.child(name);
            if parameter == "fields" {
                target.attributes.get_or_insert_default();
            }
        }
        Ok((of, target))
    }
}
