//! What resources the pod has.

use crate::model::{Resource, Root};

/// Every top-level resource.
pub fn all() -> &'static [Resource] {
    &[]
}

/// The resource of that exact name.
pub fn resource(root: Root, name: &str) -> Option<&'static Resource> {
    all()
        .iter()
        .find(|resource| resource.root == root && resource.name == name)
}
